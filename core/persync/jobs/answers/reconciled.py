"""The store against the vendors' totals, and each platform's claim against the till: the answer of `persync reconcile`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from persync.connect.totals import Compared
    from persync.engine.engine import Engine
    from persync.estimate import Estimate
    from persync.measure.metric import Ask


def claims(engine: Engine, ask: Ask, *, tell: Callable[[str], object]) -> list[Estimate]:
    """Hold the platforms' claims against the till: no vendor is asked. `tell` is told of orders whose ledger is not what the
    shop says. Raises DataError where there is nothing to hold.
    """
    from persync.attribution.reconcile import reconcile

    found = reconcile(engine, ask)
    for one in found.differences:
        tell(f"order {one.order} of {one.connection}: the ledger does not come to what the shop says.")
    return list(found.as_estimates())


def reconciled_json(
    compared: Iterable[Compared], estimates: Iterable[Estimate], period: tuple[int, int] | None, errors: Sequence[str] = ()
) -> str:
    """Return comparisons with the vendors and claims as the one JSON object of the command."""
    from persync.report.render.estimates import document

    results = [*map(_as_json, compared), *(one.as_json() for one in estimates)]
    return document("estimates", results, period, errors=list(errors))


def _as_json(one: Compared) -> dict[str, Any]:
    """Return a comparison in the shape of an estimate (its value is the store's), and the vendor's side besides."""
    currency = one.total.currency
    return {
        "id": "vendor_total",
        "by": {"connection": one.connection, "what": one.total.name, "scope": one.total.scope},
        "value": _major(one.stored, currency),
        "vendor": _major(one.total.value, currency),
        "difference": _major(one.difference, currency),
        "unit": currency or "count",
        "verdict": one.verdict,
        "hint": one.total.hint or None,
        "low": None,
        "high": None,
        "p": None,
        "n": None,
        "label": None,
        "reason": None,
        "note": None,
    }


def _major(value: int | None, currency: str | None) -> float | int | None:
    if value is None or currency is None:
        return value
    from persync.money import from_minor

    return float(from_minor(value, currency))
