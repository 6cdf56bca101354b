"""The demo world written straight into a store by the one writer: what pulls bring, without sockets.

Everything that attribution and a holdout's reading rest on is there: who is in which arm, opens and clicks, machines' among
them, the shop's visits with the ids of the messages that led to them, orders with their ledgers, deals with all their contacts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from persync.attribution.calibrate import named
from persync.attribution.credit import credit
from persync.attribution.datadriven import prepared
from persync.engine import Engine
from persync.measure.metric import Ask, Experiment
from persync.plugins import load_plugins
from persync.rows import (
    Action,
    Assignment,
    Campaign,
    CampaignRef,
    LedgerEntry,
    Order,
    OrderPerson,
    OrderRef,
    Person,
    Row,
    Touchpoint,
)
from persync.sandbox.world import Message, SandboxOrder, Visit, World
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

_CHANNELS = {
    ("email", "NEWSLETTER"): "email",
    ("direct", None): "direct",
    ("google", "SEO"): "organic_search",
    ("google", "AD"): "paid_search",
    ("facebook", "AD"): "paid_social",
    ("instagram", "POST"): "social",
}
_EVENTS = {"ORDER": "sale", "ORDER_EDIT": "edit", "REFUND": "refund", "RETURN": "return"}


def stored(world: World, path: Path) -> Path:
    """Write the world into a new store at `path` and return it."""
    with closing(open_store(path, create=True)) as store:
        sides = {
            "mailchimp": [*_messages(world, "mailchimp"), *_arms(world)],
            "shopify": [row for order in world.orders for row in _order(world, order)],
            "hubspot": [*_messages(world, "hubspot"), *(row for deal in world.deals for row in _order(world, deal))],
        }
        for name, rows in sides.items():
            writer = Writer(store, name, name, now=world.now)
            with store.transaction():
                writer.write(rows)
        derive(store)
    return path


def question(world: World) -> Ask:
    """Return what `persync attribution` asks in the demo's project, for the whole year."""
    told = world.experiments["personal"]
    since = int(datetime.fromisoformat(told["from"]).replace(tzinfo=UTC).timestamp()) * 1000
    test = Experiment(
        "personal", control="control", since=since, days=told["days"], planned_shares=told["planned_shares"], holdout=True
    )
    return Ask(now=world.now, timezone=world.timezone, currency=world.currency, experiments={"personal": test})


def email_credit(engine: Engine, names: Sequence[str], ask: Ask) -> dict[str, float]:
    """Return what each model credits to the channel e-mail, in currency units: `persync attribution --models ...`."""
    found = credit(engine, prepared(engine, named(names, load_plugins().models), ask), ("channel",), ask)
    told = [one for one in found if one.id == "credit" and one.by.get("channel") == "email"]
    assert all(one.value is not None for one in told)
    return {one.by["model"]: float(one.value or 0.0) for one in told}


def _person(world: World, number: int) -> Person:
    return Person(("email", world.people[number].email))


def _arms(world: World) -> Iterator[Row]:
    for person in world.people.values():
        for tag in person.tags:
            if tag.startswith("personal:"):
                yield Assignment("personal", _person(world, person.number), tag.removeprefix("personal:"))


def _messages(world: World, platform: str) -> Iterator[Row]:
    for message in world.messages:
        if message.platform != platform:
            continue
        campaign = _campaign(message)
        yield Campaign(campaign, kind="campaign", title=message.title, sent_at=message.sent_at)
        for send in message.sends:
            person = _person(world, send.person)
            if send.clicks:
                # A scanner is told by how soon after the send it clicks; a send alone bears on no credit.
                yield Touchpoint(campaign, person, Action.SEND, send.at)
            events = [(Action.OPEN, one.at, None, one.is_machine) for one in send.opens]
            events += [(Action.CLICK, one.at, one.url, None) for one in send.clicks]  # type: ignore[misc]
            for ordinal, (action, at, link, is_machine) in enumerate(events):
                yield Touchpoint(campaign, person, action, at, link, ordinal, is_machine=is_machine)


def _campaign(message: Message) -> CampaignRef:
    if message.platform == "mailchimp":
        found = CampaignRef(("id", message.id), ("mc_cid", message.id))
    else:
        found = CampaignRef(("id", message.id), *(("hsmi", one) for one in message.email_campaign_ids))
    return found  # type: ignore[no-any-return]


def _order(world: World, order: SandboxOrder) -> Iterator[Row]:
    ref = OrderRef(order.id)
    person = None
    if order.person is not None:
        person = _person(world, order.person)
    elif order.email is not None:
        person = Person(("email", order.email))
    status = "cancelled" if order.cancelled_at is not None else "refunded" if order.financial_status == "REFUNDED" else "paid"
    if order.kind == "deal":
        status = {"closedwon": "won", "closedlost": "lost"}.get(order.stage, "open")
    yield Order(
        ref,
        kind=order.kind,
        person=person,
        ordered_at=order.processed_at,
        status=status,
        is_test=order.is_test,
        currency=world.currency,
        total_minor=order.total_minor(),
    )
    for number in order.people:
        yield OrderPerson(ref, _person(world, number))
    if order.kind == "deal" and status != "won":
        return
    for event in order.ledger:
        money = ((event.line_type.lower(), event.total_minor - event.tax_minor), ("tax", event.tax_minor))
        for part, minor in money:
            if minor:
                yield LedgerEntry(ref, f"{event.id}:{part}", _EVENTS[event.reason], part, event.at, minor, world.currency)
    if person is not None and order.journey_ready:
        for ordinal, visit in enumerate(order.visits):
            yield _visit(visit, person, ordinal)


def _visit(visit: Visit, person: Person, ordinal: int) -> Touchpoint:
    query = parse_qs(urlsplit(visit.landing).query)
    keys = [(kind, query[name][0]) for kind, name in (("mc_cid", "mc_cid"), ("hsmi", "_hsmi")) if name in query]
    channel = _CHANNELS[visit.source, visit.source_type]
    return Touchpoint(CampaignRef(*keys) if keys else None, person, Action.VISIT, visit.at, ordinal=ordinal, channel=channel)
