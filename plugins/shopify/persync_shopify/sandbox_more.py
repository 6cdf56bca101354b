"""What else the imitated shop has: products with costs, checkouts that were left, segments, advertising, deletions.

The world knows orders and people alone; all of this follows from them, always the same way.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from persync.sandbox.world import SandboxPerson, World
from persync_shopify.sandbox_orders import product_number, token_of

__all__ = ["SEGMENTS", "Activity", "Checkout", "Gone", "Ware", "activities", "checkouts", "members", "wares"]

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
_MAIL: Final = ("NOT_SENT", "SENT", "SENT", "SCHEDULED")

SEGMENTS: Final = {
    401: ("Newsletter subscribers", "email_subscription_status = 'SUBSCRIBED'"),
    402: ("Customers who bought more than once", "number_of_orders > 1"),
    403: ("Customers in the country of the shop", "customer_countries CONTAINS 'DE'"),
}


@dataclass(frozen=True, slots=True)
class Ware:
    """A product with its one variant and what a piece of it costs."""

    number: int
    title: str
    sku: str
    cost_minor: int | None
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout that was left, and what became of it."""

    number: int
    token: str
    person: int
    created_at: int
    updated_at: int
    completed_at: int | None
    total_minor: int
    mail: str
    mail_sent_at: int | None


@dataclass(frozen=True, slots=True)
class Activity:
    """An advertising campaign of the app's own."""

    number: int
    tactic: str
    campaign: str
    created_at: int
    spend_minor: int


@dataclass(frozen=True, slots=True)
class Gone:
    """A thing that somebody deleted: `subject` is ORDER, CUSTOMER or PRODUCT."""

    subject: str
    number: str
    at: int


def wares(world: World) -> list[Ware]:
    """Return every product that was ever sold, by number; it was made on the day of the first sale."""
    found: dict[int, Ware] = {}
    for order in sorted(world.orders, key=lambda order: order.created_at):
        for line in order.lines:
            number = product_number(line.sku or line.id)
            first = found.get(number)
            made = first.created_at if first else order.created_at
            found[number] = Ware(number, line.title, line.sku, line.unit_cost_minor, made, made)
    return [found[number] for number in sorted(found)]


def checkouts(world: World) -> list[Checkout]:
    """Return the checkouts that were left: of one customer in seventeen, and of one web order in twenty-five before it."""
    return sorted((*_left(world), *_recovered(world)), key=lambda checkout: checkout.number)


def _left(world: World) -> Iterator[Checkout]:
    for person in world.people.values():
        at = person.created_at + 5 * DAY_MS
        if person.shopify_id is not None and person.number % 17 == 3 and at < world.now - DAY_MS:
            token = hashlib.md5(f"left:{person.number}".encode(), usedforsecurity=False).hexdigest()
            yield _checkout(31_000_000_000 + person.number, token, person.number, at, None, 2500 + person.number % 90 * 100)


def _recovered(world: World) -> Iterator[Checkout]:
    for order in world.orders:
        token = token_of(order)
        if token is not None and order.person is not None and zlib.crc32(order.id.encode()) % 25 == 0:
            at = order.created_at - 20 * HOUR_MS
            number = 32_000_000_000 + int(order.id) % 1_000_000_000
            yield _checkout(number, token, order.person, at, order.created_at, max(0, order.total_minor()))


def _checkout(number: int, token: str, person: int, at: int, completed: int | None, total: int) -> Checkout:
    mail = "SENT" if completed else _MAIL[number % len(_MAIL)]
    sent_at = at + 10 * HOUR_MS if mail == "SENT" else None
    changed = max(at, completed or 0, sent_at or 0)
    return Checkout(number, token, person, at, changed, completed, total, mail, sent_at)


def members(world: World, segment: int, customers: Iterable[SandboxPerson]) -> list[SandboxPerson]:
    """Return the customers in a segment, by number."""
    bought = Counter(order.person for order in world.orders)
    tests: dict[int, Callable[[SandboxPerson], bool]] = {
        401: lambda person: person.status == "subscribed",
        402: lambda person: bought[person.number] > 1,
        403: lambda person: person.country == "DE",
    }
    return sorted((person for person in customers if tests[segment](person)), key=lambda person: int(person.shopify_id or 0))


def activities(world: World) -> list[Activity]:
    """Return two advertising campaigns of the last half year."""
    return [
        Activity(601, "AD", "brand", world.now - 180 * DAY_MS, 84_000),
        Activity(602, "RETARGETING", "lanterns", world.now - 60 * DAY_MS, 31_550),
    ]
