"""The shop's totals, the store's ledger and each platform's own claim, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from persync.attribution import claim_differences, journeys
from persync.attribution.claim_differences import Cause, ClaimDifference
from persync.attribution.credit import only_currency
from persync.attribution.models import AttributionModel
from persync.engine.engine import Engine
from persync.engine.texts import load
from persync.errors import DataError
from persync.estimate import Estimate, missing
from persync.money import from_minor

if TYPE_CHECKING:
    from persync.measure.metric import Ask

PREFERRED_MODELS: Final = ("mailchimp_report", "LINEAR")
"""the rule that is added up where a platform claims by several; else the first by name"""
_ALWAYS: Final = (-(2**62), 2**62)


@dataclass(frozen=True, slots=True)
class Source:
    """One connection that money comes from. Amounts in minor units, to date, of the orders placed in the period."""

    connection: str
    orders: int
    shop_minor: int
    """what the seller itself says these orders come to now"""
    unstated: int
    """orders for which it gives no total; they are left out of `shop_minor` and of the differences"""
    gross_minor: int
    net_minor: int


@dataclass(frozen=True, slots=True)
class Difference:
    """An order whose ledger does not come to what its seller says."""

    connection: str
    order: str
    shop_minor: int
    ledger_minor: int


@dataclass(frozen=True, slots=True)
class PlatformClaim:
    """What a platform says it earned by one of its rules. `is_added`: this rule stands for the platform in the sum."""

    connection: str
    model: str
    currency: str
    orders: int | None
    amount_minor: int
    is_added: bool


@dataclass(frozen=True, slots=True)
class OverClaim:
    """Sum of claims ÷ actual revenue (catalogue #97).

    `against`: `email_touched` = orders with an e-mail touch within the look-back, `all` = every order. `basis`: net or
    gross; platforms claim gross. `ratio` is None when there is no claim, or nothing to divide by.
    """

    against: str
    basis: str
    actual_minor: int
    orders: int
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Everything the reconciliation found, in one currency, over orders placed in `period` (None = all)."""

    currency: str
    period: tuple[int, int] | None
    sources: tuple[Source, ...]
    parts: dict[str, int]
    """the ledger by part, in minor units: gross is their sum, net is product + adjustment"""
    differences: tuple[Difference, ...]
    """must be empty; the first hundred"""
    orders: dict[str, int]
    """placed (without tests), test, not_counted (cancelled, voided or refunded in full), counted"""
    claims: tuple[PlatformClaim, ...]
    claims_minor: int
    """the claims that are added up"""
    over_claims: tuple[OverClaim, ...]
    claim_differences: tuple[ClaimDifference, ...] = ()
    """each claim in the currency, and each shop's own journeys, against the orders with that e-mail before them; the last is
    of all that are added up, if any is"""
    basis: str = "net"
    """what those orders are counted on: net or gross"""

    @property
    def shop_minor(self) -> int:
        """What the sellers say."""
        return sum(source.shop_minor for source in self.sources)

    @property
    def gross_minor(self) -> int:
        """All parts of the ledger."""
        return sum(source.gross_minor for source in self.sources)

    @property
    def net_minor(self) -> int:
        """Product and adjustment."""
        return sum(source.net_minor for source in self.sources)

    @property
    def has_claims(self) -> bool:
        """Whether any platform claims anything in this currency."""
        return any(claim.is_added for claim in self.claims)

    def over_claim(self, against: str = "email_touched", basis: str = "net") -> float | None:
        """Return one over-claim ratio."""
        return next(each.ratio for each in self.over_claims if (each.against, each.basis) == (against, basis))

    def as_estimates(self) -> list[Estimate]:
        """Return the same as estimates, for machines and tables."""

        def money(id: str, minor: int, n: int | None = None, **by: str) -> Estimate:
            value = float(from_minor(minor, self.currency))
            return Estimate(id=id, value=value, n=n, unit=self.currency, by=by, period=self.period)

        def count(id: str, value: int, **by: str) -> Estimate:
            return Estimate(id=id, value=value, unit="count", by=by, period=self.period)

        found = [count("orders", value, kind=kind) for kind, value in self.orders.items()]
        for source in self.sources:
            stated = source.orders - source.unstated
            found.append(
                money("shop_total", source.shop_minor, stated, connection=source.connection)
                if stated
                else missing("shop_total", "not_stated", unit=self.currency, n=0, connection=source.connection)
            )
            found.append(money("ledger_gross", source.gross_minor, source.orders, connection=source.connection))
            found.append(money("ledger_net", source.net_minor, source.orders, connection=source.connection))
        found += [money("bridge", minor, part=part) for part, minor in self.parts.items()]
        found.append(count("differences", len(self.differences)))
        found += [
            Estimate(
                id="claim",
                value=float(from_minor(claim.amount_minor, claim.currency or self.currency)),
                n=claim.orders,
                unit=claim.currency,
                by={"connection": claim.connection, "model": claim.model},
                period=self.period,
                note="" if claim.is_added else "not added up: another rule of this platform is, or the currency differs",
            )
            for claim in self.claims
        ]
        found.append(money("claims_total", self.claims_minor))
        found += [self._ratio(each) for each in self.over_claims]
        for one in self.claim_differences:
            by = {"connection": one.connection, "model": one.model}
            found.append(money("claim_difference", one.difference_minor, one.orders, **by, basis=self.basis))
            found += [self._cause(cause, by) for cause in one.causes]
        return found

    def _cause(self, cause: Cause, by: dict[str, str]) -> Estimate:
        value, low, high = (
            None if minor is None else float(from_minor(minor, self.currency))
            for minor in (cause.amount_minor, cause.low_minor, cause.high_minor)
        )
        return Estimate(
            "claim_cause",
            value,
            low,
            high,
            n=cause.orders,
            unit=self.currency,
            by={**by, "cause": cause.name},
            period=self.period,
            note="" if low is None else "the claim names no orders: low and high are how far this can reach, no interval",
        )

    def _ratio(self, each: OverClaim) -> Estimate:
        reason = None if each.ratio is not None else "no_denominator" if self.has_claims else "no_claims"
        by = {"against": each.against, "basis": each.basis}
        return Estimate("over_claim", each.ratio, n=each.orders, unit="ratio", reason=reason, by=by, period=self.period)


def reconcile(engine: Engine, ask: Ask, along: Sequence[AttributionModel] = ()) -> Reconciliation:
    """Hold the shop, the store and the platforms' claims against each other, over the orders placed in the period.

    The journeys are made as `along` need them too, models that are asked for before or after: then both read the same ones.
    Raise DataError when there is no order, or more than one currency and `ask.currency` does not choose.
    """
    journeys.build(engine, ask, along)
    currency = only_currency(engine, ask)
    begin, end = ask.period or _ALWAYS
    params: dict[str, Any] = {"currency": currency, "period_from": begin, "period_to": end}
    engine.write(load("reconcile", journeys.PACKAGE), params, "reconciled_orders")
    sources = _sources(engine)
    if not sources:
        raise DataError("there are no orders to reconcile.", hint="Pull a shop, or ask for another period.")
    claims = _claims(engine, params, currency)
    claimed = sum(claim.amount_minor for claim in claims if claim.is_added)
    over_claims = _over_claims(engine, claimed if any(claim.is_added for claim in claims) else None)
    return Reconciliation(
        currency=currency,
        period=ask.period,
        sources=sources,
        parts=_parts(engine, currency),
        differences=_differences(engine),
        orders=_counts(engine, begin, end),
        claims=claims,
        claims_minor=claimed,
        over_claims=over_claims,
        claim_differences=_differences_of_claims(engine, ask, claims, params, over_claims),
        basis=_basis(ask),
    )


def _differences_of_claims(
    engine: Engine, ask: Ask, claims: tuple[PlatformClaim, ...], params: dict[str, Any], over_claims: tuple[OverClaim, ...]
) -> tuple[ClaimDifference, ...]:
    journeys.build_touches(engine)
    claim_differences.prepare(engine, params, ask.basis == "gross")
    found = claim_differences.differences(engine, claims, params)
    mailed = next(each for each in over_claims if (each.against, each.basis) == ("email_touched", _basis(ask)))
    whole = claim_differences.together(engine, found, claims, mailed.actual_minor, mailed.orders)
    return found if whole is None else (*found, whole)


def _sources(engine: Engine) -> tuple[Source, ...]:
    found = engine.rows(
        "SELECT r.connection, COUNT(*) AS orders, CAST(SUM(COALESCE(r.total_minor, 0)) AS BIGINT) AS shop_minor,"
        " SUM(CASE WHEN r.total_minor IS NULL THEN 1 ELSE 0 END) AS unstated,"
        " CAST(SUM(r.gross_minor) AS BIGINT) AS gross_minor, CAST(SUM(r.net_minor) AS BIGINT) AS net_minor"
        " FROM reconciled_orders AS r GROUP BY r.connection ORDER BY r.connection"
    )
    return tuple(
        Source(
            connection=str(row["connection"]),
            orders=int(row["orders"]),
            shop_minor=int(row["shop_minor"]),
            unstated=int(row["unstated"]),
            gross_minor=int(row["gross_minor"]),
            net_minor=int(row["net_minor"]),
        )
        for row in found
    )


def _parts(engine: Engine, currency: str) -> dict[str, int]:
    found = engine.rows(
        "SELECT l.part, CAST(SUM(l.amount_minor) AS BIGINT) AS minor FROM reconciled_orders AS r"
        " JOIN money_orders AS m ON m.order_id = r.order_id JOIN order_ledger AS l ON l.order_key = m.order_key"
        " WHERE l.currency = :currency GROUP BY l.part",
        {"currency": currency},
    )
    order = ["product", "adjustment", "shipping", "tax", "tip", "duty", "fee", "gift_card"]
    sums = {str(row["part"]): int(row["minor"]) for row in found}
    return {part: sums[part] for part in sorted(sums, key=lambda part: (order.index(part) if part in order else 99, part))}


def _differences(engine: Engine) -> tuple[Difference, ...]:
    found = engine.rows(
        "SELECT r.connection, r.name, r.total_minor, r.gross_minor FROM reconciled_orders AS r"
        " WHERE r.total_minor <> r.gross_minor ORDER BY r.connection, r.name LIMIT 100"
    )
    return tuple(
        Difference(str(row["connection"]), str(row["name"]), int(row["total_minor"]), int(row["gross_minor"])) for row in found
    )


def _counts(engine: Engine, begin: int, end: int) -> dict[str, int]:
    placed = engine.rows("SELECT COUNT(*) AS placed, COALESCE(SUM(r.is_counted), 0) AS counted FROM reconciled_orders AS r")[0]
    tests = engine.rows(
        "SELECT COUNT(*) AS n FROM orders AS o JOIN order_of AS f ON f.order_key = o.order_key"
        " WHERE f.is_money_source = 1 AND o.is_test = 1 AND o.ordered_at >= :period_from AND o.ordered_at < :period_to",
        {"period_from": begin, "period_to": end},
    )[0]
    return {
        "placed": int(placed["placed"]),
        "test": int(tests["n"]),
        "not_counted": int(placed["placed"] - placed["counted"]),
        "counted": int(placed["counted"]),
    }


def _claims(engine: Engine, params: dict[str, Any], currency: str) -> tuple[PlatformClaim, ...]:
    found = engine.rows(load("claims", journeys.PACKAGE), params)
    rules: dict[str, list[str]] = {}
    for row in found:
        rules.setdefault(str(row["connection"]), []).append(str(row["model"]))
    chosen = {
        connection: next((model for model in PREFERRED_MODELS if model in models), min(models))
        for connection, models in rules.items()
    }
    return tuple(
        PlatformClaim(
            connection=str(row["connection"]),
            model=str(row["model"]),
            currency=str(row["currency"]),
            orders=None if row["orders"] is None else int(row["orders"]),
            amount_minor=int(row["amount_minor"]),
            is_added=chosen[str(row["connection"])] == row["model"] and row["currency"] == currency,
        )
        for row in found
    )


def _over_claims(engine: Engine, claimed: int | None) -> tuple[OverClaim, ...]:
    row = engine.rows(
        "SELECT COUNT(*) AS orders, SUM(r.email_touched) AS email_orders, CAST(SUM(r.net_minor) AS BIGINT) AS net,"
        " CAST(SUM(r.gross_minor) AS BIGINT) AS gross, CAST(SUM(r.email_touched * r.net_minor) AS BIGINT) AS email_net,"
        " CAST(SUM(r.email_touched * r.gross_minor) AS BIGINT) AS email_gross FROM reconciled_orders AS r"
    )[0]
    return tuple(
        OverClaim(
            against, basis, int(row[f"{start}{basis}"]), int(row[f"{start}orders"]), _divided(claimed, row[f"{start}{basis}"])
        )
        for against, start in (("email_touched", "email_"), ("all", ""))
        for basis in ("net", "gross")
    )


def _divided(claimed: int | None, actual: int) -> float | None:
    return claimed / int(actual) if claimed is not None and actual > 0 else None


def _basis(ask: Ask) -> str:
    return "gross" if ask.basis == "gross" else "net"
