"""What Postlark's API sends, as far as it is used, and the rows that it means."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NotRequired

from typing_extensions import TypedDict

from persync import rows
from persync.connect import Context
from persync.errors import RecordError
from persync.money import to_minor


class Named(TypedDict):
    """The id of another record."""

    id: str


class Link(TypedDict):
    """A relationship to one record or to none."""

    data: Named | None


class AccountFacts(TypedDict):
    """Attributes of an account."""

    preferred_currency: str
    timezone: str


class Account(TypedDict):
    """A record of GET accounts."""

    id: str
    attributes: AccountFacts


class Marketing(TypedDict):
    """Consent to marketing by e-mail."""

    consent: str


class Subscriptions(TypedDict):
    """Consent by channel."""

    email: Marketing


class ProfileFacts(TypedDict):
    """Attributes of a profile."""

    email: str
    created: str
    updated: str
    subscriptions: Subscriptions


class Profile(TypedDict):
    """A record of GET profiles."""

    id: str
    attributes: ProfileFacts


class CampaignFacts(TypedDict):
    """Attributes of a campaign."""

    name: str
    subject: str
    status: str
    updated_at: str
    send_time: NotRequired[str | None]


class Campaign(TypedDict):
    """A record of GET campaigns."""

    id: str
    attributes: CampaignFacts


class Properties(TypedDict):
    """What came with an event. `value` is decimal money as a JSON number."""

    campaign: NotRequired[str]
    url: NotRequired[str]
    order: NotRequired[str]
    shop: NotRequired[str]
    value: NotRequired[float]
    currency: NotRequired[str]


class EventFacts(TypedDict):
    """Attributes of an event."""

    metric: str
    datetime: str
    event_properties: Properties


class Relations(TypedDict):
    """Whose event it is; nobody's when an order came from a guest."""

    profile: Link


class Event(TypedDict):
    """A record of GET events."""

    id: str
    attributes: EventFacts
    relationships: Relations


ACTIONS = {"Received Email": rows.Action.SEND, "Opened Email": rows.Action.OPEN, "Clicked Email": rows.Action.CLICK}
MOVEMENTS = {"Placed Order": "sale", "Refunded Order": "refund", "Changed Order": "edit"}
STATES = {"SUBSCRIBED": "subscribed", "UNSUBSCRIBED": "unsubscribed", "NEVER_SUBSCRIBED": "not_subscribed"}


def moment(text: str) -> int:
    """Return an ISO 8601 time as epoch milliseconds UTC."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def account_rows(record: Account, at: Context) -> Iterator[rows.Row]:
    """Yield what the account says of itself."""
    facts = record["attributes"]
    yield rows.Account(record["id"], currency=facts["preferred_currency"], timezone=facts["timezone"])


def profile_rows(record: Profile, at: Context) -> Iterator[rows.Row]:
    """Yield a person and their consent; a state that nobody knows yet is told as unknown."""
    facts = record["attributes"]
    person = rows.Person(("id", record["id"]), ("email", facts["email"]))
    state = STATES.get(facts["subscriptions"]["email"]["consent"], "unknown")
    yield rows.Contact(person, created_at=moment(facts["created"]), status=state)
    yield rows.Consent(person, "email", state)


def campaign_rows(record: Campaign, at: Context) -> Iterator[rows.Row]:
    """Yield a message."""
    facts = record["attributes"]
    sent = facts.get("send_time")
    yield rows.Campaign(
        rows.CampaignRef(("id", record["id"])),
        kind="regular",
        title=facts["name"],
        subject=facts["subject"],
        status=facts["status"].lower(),
        sent_at=moment(sent) if sent else None,
    )


def event_rows(record: Event, at: Context) -> Iterator[rows.Row]:
    """Yield a touch or a movement of an order's money; kinds that nobody knows yet say nothing."""
    facts, owner = record["attributes"], record["relationships"]["profile"]["data"]
    person = rows.Person(("id", owner["id"])) if owner else None
    happened, told = moment(facts["datetime"]), facts["event_properties"]
    action, movement = ACTIONS.get(facts["metric"]), MOVEMENTS.get(facts["metric"])
    if action is not None and person is not None:
        campaign = rows.CampaignRef(("id", _needed(told, "campaign")))
        yield rows.Touchpoint(campaign, person, action, happened, link=told.get("url"))
    elif movement is not None:
        order = rows.OrderRef(_needed(told, "order"), told.get("shop", ""), told["order"] if "shop" in told else "")
        currency = _needed(told, "currency")
        if movement == "sale":
            yield rows.Order(order, kind="order", person=person, ordered_at=happened, status="paid", currency=currency)
        minor = to_minor(_needed(told, "value"), currency)
        yield rows.LedgerEntry(order, record["id"], movement, "product", happened, minor, currency)


def _needed(told: Properties, name: str) -> Any:
    if name not in told:
        raise RecordError("the event does not say it.", field=f"attributes.event_properties.{name}")
    return told[name]  # type: ignore[literal-required]
