"""What is true of the demo world, and what its platforms say instead: the content of truth.json."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from statistics import fmean, variance
from typing import Any

from persync.sandbox.mailing import Outcomes, Purchase
from persync.sandbox.messages import TREATED
from persync.sandbox.orders import net_minor
from persync.sandbox.people import DAY
from persync.sandbox.world import Message, SandboxOrder, SandboxPerson, World

__all__ = ["counts", "lift", "mailchimp_claims", "naive", "shop_totals", "tell"]


def counts(order: SandboxOrder) -> bool:
    """Say whether an order counts as a purchase: not a test, not cancelled, not wholly refunded."""
    return not order.is_test and order.cancelled_at is None and order.financial_status != "REFUNDED"


def _outcome(purchases: Iterable[Purchase]) -> tuple[float, float]:
    orders = [purchase.order for purchase in purchases]
    return sum(net_minor(order) for order in orders if not order.is_test) / 100, float(any(counts(order) for order in orders))


def lift(outcomes: Iterable[Outcomes]) -> dict[str, float]:
    """Return the planted average effect on a member: `revenue` (net, currency units) and `conversion` (share of buyers)."""
    pairs = [(_outcome(each.with_mail), _outcome(each.without)) for each in outcomes]
    return {
        "revenue": fmean(treated[0] - control[0] for treated, control in pairs),
        "conversion": fmean(treated[1] - control[1] for treated, control in pairs),
    }


def naive(treated: list[float], control: list[float]) -> dict[str, float]:
    """Return the difference in means of two arms with its 95 % interval (Welch, normal quantile; arms are large)."""
    difference = fmean(treated) - fmean(control)
    margin = 1.959964 * sqrt(variance(treated) / len(treated) + variance(control) / len(control))
    return {"value": difference, "low": difference - margin, "high": difference + margin}


def shop_totals(orders: Iterable[SandboxOrder]) -> dict[str, Any]:
    """Return the shop's totals in minor units, test orders left out: gross is every part, net products and adjustments."""
    real = [order for order in orders if not order.is_test]
    parts: dict[str, int] = {}
    for order in real:
        for event in order.ledger:
            part = event.line_type.lower()
            parts[part] = parts.get(part, 0) + event.total_minor - event.tax_minor
            parts["tax"] = parts.get("tax", 0) + event.tax_minor
    return {
        "orders": len(real),
        "counted_orders": sum(counts(order) for order in real),
        "gross_minor": sum(parts.values()),
        "net_minor": parts.get("product", 0) + parts.get("adjustment", 0),
        "refunded_minor": -sum(event.total_minor for order in real for event in order.ledger if event.total_minor < 0),
        "parts_minor": dict(sorted(parts.items())),
    }


def mailchimp_claims(messages: list[Message], orders: list[SandboxOrder], people: dict[int, SandboxPerson]) -> None:
    """Fill in what Mailchimp says its messages earned.

    Its rule: every order within 5 days of an open (a machine's too) or 30 days of a click (a scanner's too), at what was
    first paid. Several messages claim the same order. HubSpot claims by campaign, not by message.
    """
    by_person: dict[int, list[SandboxOrder]] = {}
    numbers = {person.email: person.number for person in people.values()}
    for order in orders:
        number = order.person if order.person is not None else numbers.get(order.email or "")
        if number is not None and not order.is_test:
            by_person.setdefault(number, []).append(order)
    for message in messages:
        if message.platform != "mailchimp":
            continue
        for send in message.sends:
            for order in by_person.get(send.person, ()):
                at = order.created_at
                opened = any(opened.at <= at < opened.at + 5 * DAY for opened in send.opens)
                if opened or any(click.at <= at < click.at + 30 * DAY for click in send.clicks):
                    message.claimed_orders += 1
                    message.claimed_minor += sum(event.total_minor for event in order.ledger if event.reason == "ORDER")


def tell(
    world: World, outcomes: dict[int, Outcomes], purchases: dict[int, list[Purchase]], begins: int, days: int
) -> dict[str, Any]:
    """Return everything that truth.json says of the demo world; money in minor units unless a key says otherwise.

    `email` is what messages caused; its `came_anyway` the orders of people who went through a message to one that no message
    caused: what a rule cannot tell from the former.
    """
    real = [purchase for mine in purchases.values() for purchase in mine if not purchase.order.is_test]
    caused: dict[str, list[Purchase]] = {}
    for purchase in real:
        if purchase.cause is not None:
            caused.setdefault(purchase.cause[0], []).append(purchase)
    everything = [purchase for mine in caused.values() for purchase in mine]
    anyway = [purchase for purchase in real if purchase.cause is None and purchase.visits]
    return {
        "world": world.name,
        "seed": world.seed,
        "now": world.now,
        "currency": world.currency,
        "people": {
            "all": len(world.people),
            "mailchimp": sum(person.mailchimp_id is not None for person in world.people.values()),
            "hubspot": sum(person.hubspot_id is not None for person in world.people.values()),
            "shopify": sum(person.shopify_id is not None for person in world.people.values()),
        },
        "shop": shop_totals(world.orders),
        "deals": {
            "won": sum(deal.stage == "closedwon" for deal in world.deals),
            "won_minor": sum(deal.total_minor() for deal in world.deals if deal.stage == "closedwon"),
        },
        "email": {
            "orders": len(everything),
            "net_minor": sum(net_minor(purchase.order) for purchase in everything),
            "gross_minor": sum(purchase.order.total_minor() for purchase in everything),
            "came_anyway": {
                "orders": len(anyway),
                "net_minor": sum(net_minor(purchase.order) for purchase in anyway),
            },
        },
        "claims": {
            "mailchimp": {
                "orders": sum(message.claimed_orders for message in world.messages),
                "minor": sum(message.claimed_minor for message in world.messages),
            },
            "hubspot": {
                model: sum(campaign["revenue"][model] for campaign in world.hubspot_campaigns)
                for model in world.hubspot_campaigns[0]["revenue"]
            },
        },
        "messages": [
            {
                "platform": message.platform,
                "id": message.id,
                "title": message.title,
                "level": message.level,
                "selected": len(message.sends),
                "caused_orders": len(caused.get(message.id, ())),
                "caused_net_minor": sum(net_minor(purchase.order) for purchase in caused.get(message.id, ())),
                "claimed_orders": message.claimed_orders,
                "claimed_minor": message.claimed_minor,
            }
            for message in world.messages
        ],
        "experiments": {"personal": _experiment(world, outcomes, purchases, begins, days)},
        "exposure": {name: _exposure(world, tag) for name, tag in (("country", "COUNTRY"), ("ageband", "AGEBAND"))},
    }


def _experiment(
    world: World, outcomes: dict[int, Outcomes], purchases: dict[int, list[Purchase]], begins: int, days: int
) -> dict[str, Any]:
    arms: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    raw = 0.0
    first = min(message.sent_at for message in world.messages if message.sent_at is not None and message.sent_at >= begins)
    for number in outcomes:
        window = [
            purchase for purchase in purchases.get(number, ()) if begins <= purchase.order.processed_at < begins + days * DAY
        ]
        treated = TREATED in world.people[number].tags
        arms[treated].append(_outcome(window))
        if treated:
            raw += _outcome(purchase for purchase in window if purchase.order.processed_at >= first)[0]
    by: dict[str, dict[str, Any]] = {}
    for name, tag in (("country", "COUNTRY"), ("ageband", "AGEBAND")):
        groups: dict[str, list[Outcomes]] = {}
        for number, each in outcomes.items():
            groups.setdefault(world.people[number].merge_fields[tag], []).append(each)
        by[name] = {group: {"members": len(members), **lift(members)} for group, members in sorted(groups.items())}
    planted = lift(outcomes.values())
    treated_count = len(arms[True])
    return {
        "arms": {"treated": treated_count, "control": len(arms[False])},
        "lift": planted,
        "by": by,
        "naive": {
            outcome: naive([each[index] for each in arms[True]], [each[index] for each in arms[False]])
            for index, outcome in enumerate(("revenue", "conversion"))
        },
        "caused_revenue": planted["revenue"] * treated_count,
        "raw_revenue_after_mail": raw,
    }


def _exposure(world: World, tag: str) -> dict[str, dict[str, float]]:
    """Return, by group, how many list members got any message and how many a personalised one (level 2 or more).

    Messages of both platforms count when they arrived.
    """
    mailed: set[int] = set()
    exposed: set[int] = set()
    for message in world.messages:
        got = {send.person for send in message.sends if send.status == "sent"}
        mailed |= got
        if message.level is not None and message.level >= 2:
            exposed |= got
    result: dict[str, dict[str, float]] = {}
    for number in sorted(number for number in mailed if world.people[number].mailchimp_id is not None):
        group = result.setdefault(world.people[number].merge_fields[tag], {"mailed": 0, "exposed": 0})
        group["mailed"] += 1
        group["exposed"] += number in exposed
    return dict(sorted(result.items()))
