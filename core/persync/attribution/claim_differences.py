"""Why a platform's claim is not what the orders with its e-mail before them come to: the difference, cause by cause.

Where the claim names orders each one is judged, and each cause has the very amount. Where it is one sum, nobody can say which
orders it is of: then each cause has the most it can reach, and is taken as far as that, in the order of CAUSES. Either way the
causes and what is left (`unexplained`) add up to the difference to the cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from persync.attribution.journeys import PACKAGE
from persync.engine.engine import Engine
from persync.engine.texts import load

if TYPE_CHECKING:
    from persync.attribution.reconcile import PlatformClaim

CAUSES: Final = {
    "basis": "tax, shipping and other parts that net leaves out",
    "refunds": "given back after the sale, which the claim still counts",
    "edits": "added to the order after the sale, which the claim does not count",
    "test_order": "test orders",
    "currency": "orders in another currency",
    "time_zone": "placed within a day of the period's ends: another time zone, or another moment",
    "dating": "counted in another period than the order's own",
    "window": "its e-mail came before them, but longer ago than the look-back",
    "channel": "none of its e-mail is known to have come before them",
    "double_claim": "claimed more than once",
    "unknown_order": "orders that the store does not have",
    "not_claimed": "its e-mail came before them, and it does not claim them",
    "unexplained": "cannot be explained",
}
"""In the order in which a claim without orders is explained."""
_REACHING: Final = ("basis", "refunds", "test_order", "time_zone", "dating", "window", "channel")
JOURNEY: Final = "shop_journey"
"""the rule of a shop's own journeys: its last visit that was not direct, within 30 days"""


ALL: Final = "all"
"""the connection and rule of the added claims together"""


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of a difference. `low_minor` and `high_minor` bound it where the claim names no orders, else None."""

    name: str
    amount_minor: int
    orders: int | None = None
    low_minor: int | None = None
    high_minor: int | None = None


@dataclass(frozen=True, slots=True)
class ClaimDifference:
    """A claim, what the orders with that platform's e-mail before them come to, and the causes of the difference."""

    connection: str
    model: str
    claimed_minor: int
    actual_minor: int
    """on the asked basis, of the orders placed in the period, as the ledger has them now"""
    orders: int
    """how many those are"""
    by_order: bool
    """whether the claim names orders"""
    causes: tuple[Cause, ...]

    @property
    def difference_minor(self) -> int:
        """What the platform claims above what is there."""
        return self.claimed_minor - self.actual_minor


def prepare(engine: Engine, params: dict[str, Any], gross: bool) -> None:
    """Write what claims are held against. Needs `money_orders`, `journeys` and `touches`."""
    engine.write(load("claim_orders", PACKAGE), {**params, "gross": int(gross)}, "claim_orders")
    engine.write(load("claim_people", PACKAGE), None, "claim_people")
    engine.write(load("claim_reach", PACKAGE), None, "claim_reach")


def differences(engine: Engine, claims: tuple[PlatformClaim, ...], params: dict[str, Any]) -> tuple[ClaimDifference, ...]:
    """Return the difference of every claim in the currency, and of each shop's own journeys. Needs `prepare`.

    `params` are currency, period_from and period_to (epoch ms).
    """
    numbers = {
        str(row["name"]): int(row["connection"]) for row in engine.rows("SELECT n.connection, n.name FROM connections AS n")
    }
    named = {
        (str(row["name"]), str(row["model"]))
        for row in engine.rows(
            "SELECT n.name, c.model FROM claims AS c JOIN connections AS n ON n.connection = c.connection"
            " GROUP BY n.name, c.model HAVING MIN(c.order_key) > 0"
        )
    }
    found = []
    for claim in claims:
        if claim.currency != params["currency"] or claim.connection not in numbers:
            continue
        number = numbers[claim.connection]
        if (claim.connection, claim.model) in named:
            wanted = {**params, "connection": number, "model": claim.model}
            engine.write(load("claimed_orders", PACKAGE), wanted, "claimed_orders")
            found.append(_by_order(engine, claim.connection, claim.model, claim.amount_minor, number, params))
        else:
            found.append(_bounded(engine, claim, number, params))
    shops = engine.rows(
        "SELECT n.connection, n.name FROM connections AS n"
        " JOIN (SELECT DISTINCT o.connection FROM claim_orders AS o) AS s ON s.connection = n.connection"
        " JOIN (SELECT DISTINCT t.connection FROM touches AS t WHERE t.action = 9) AS v ON v.connection = n.connection"
        " ORDER BY n.name"
    )
    for shop in shops:
        engine.write(load("seen_journeys", PACKAGE), {"connection": int(shop["connection"])}, "claimed_orders")
        claimed = engine.rows(
            "SELECT CAST(COALESCE(SUM(c.claimed_minor), 0) AS BIGINT) AS minor FROM claimed_orders AS c",
        )[0]["minor"]
        found.append(_by_order(engine, str(shop["name"]), JOURNEY, int(claimed), 0, params))
    return tuple(found)


def _by_order(engine: Engine, connection: str, model: str, claimed: int, reach: int, params: dict[str, Any]) -> ClaimDifference:
    found = engine.rows(load("claim_causes", PACKAGE), {**params, "reach": reach})
    rows = {str(row["cause"]): row for row in found}
    causes = [Cause(name, int(rows[name]["minor"]), int(rows[name]["orders"])) for name in CAUSES if name in rows]
    most = _most(engine, reach, params)
    return ClaimDifference(connection, model, claimed, most["actual"], most["orders"], True, tuple(causes))


def _bounded(engine: Engine, claim: PlatformClaim, reach: int, params: dict[str, Any]) -> ClaimDifference:
    most = _most(engine, reach, params)
    left = claim.amount_minor - most["actual"]
    causes = []
    if left < 0:
        causes.append(Cause("not_claimed", left, None, -most["actual"], 0))
        left = 0
    for name in _REACHING:
        high = min(max(most[name], 0), left + sum(cause.amount_minor for cause in causes if cause.name != "not_claimed"))
        taken = min(high, left)
        if high:
            causes.append(Cause(name, taken, None, 0, high))
            left -= taken
    if left:
        causes.append(Cause("unexplained", left))
    return ClaimDifference(
        claim.connection, claim.model, claim.amount_minor, most["actual"], most["orders"], False, tuple(causes)
    )


def _most(engine: Engine, reach: int, params: dict[str, Any]) -> dict[str, int]:
    (row,) = engine.rows(load("claim_bounds", PACKAGE), {**params, "reach": reach})
    (test,) = engine.rows(
        "SELECT CAST(COALESCE(SUM(o.total_minor), 0) AS BIGINT) AS minor FROM orders AS o"
        " JOIN order_of AS f ON f.order_key = o.order_key AND f.is_money_source = 1"
        " WHERE o.is_test = 1 AND o.currency = :currency AND o.ordered_at >= :period_from AND o.ordered_at < :period_to",
        params,
    )
    return {**{name: int(value) for name, value in row.items()}, "window": int(row["older"]), "test_order": int(test["minor"])}


def together(
    engine: Engine, found: tuple[ClaimDifference, ...], claims: tuple[PlatformClaim, ...], actual: int, orders: int
) -> ClaimDifference | None:
    """Return the difference of all added claims to all orders with e-mail before them (`actual`); None when none is added.

    Orders with the e-mail of two platforms before them are claimed by both: that is `double_claim`. Orders whose e-mail is of
    no platform that claims any are `not_claimed`.
    """
    added = {(claim.connection, claim.model) for claim in claims if claim.is_added}
    parts = [one for one in found if (one.connection, one.model) in added]
    if not parts:
        return None
    names = ", ".join(f":name_{place}" for place in range(len(parts)))
    (union,) = engine.rows(
        "SELECT CAST(COALESCE(SUM(o.actual_minor), 0) AS BIGINT) AS minor FROM claim_orders AS o"
        " JOIN (SELECT DISTINCT r.order_id FROM claim_reach AS r JOIN connections AS n ON n.connection = r.connection"
        f" WHERE r.is_within = 1 AND n.name IN ({names})) AS u ON u.order_id = o.order_id WHERE o.in_period = 1",
        {f"name_{place}": one.connection for place, one in enumerate(parts)},
    )
    sums: dict[str, list[int]] = {}
    for cause in (cause for one in parts for cause in one.causes):
        ends = (cause.amount_minor if end is None else end for end in (cause.low_minor, cause.high_minor))
        for place, minor in enumerate((cause.amount_minor, *ends)):
            sums.setdefault(cause.name, [0, 0, 0])[place] += minor
    for name, minor in (
        ("double_claim", sum(one.actual_minor for one in parts) - int(union["minor"])),
        ("not_claimed", int(union["minor"]) - actual),
    ):
        sums[name] = [amount + minor for amount in sums.get(name, [0, 0, 0])]
    causes = tuple(
        Cause(name, amount, None, *((low, high) if (low, high) != (amount, amount) else (None, None)))
        for name in CAUSES
        for amount, low, high in [sums.get(name, [0, 0, 0])]
        if amount or low or high
    )
    claimed = sum(one.claimed_minor for one in parts)
    return ClaimDifference(ALL, ALL, claimed, actual, orders, all(one.by_order for one in parts), causes)
