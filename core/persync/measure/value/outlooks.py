"""What each customer was expected to do from a moment on, by what was known before: to be gone, and to bring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from persync.engine.engine import Engine
from persync.errors import DataError
from persync.measure import rules
from persync.measure.metric import Ask
from persync.measure.occasions import build
from persync.measure.value.predicted import NO_FIT, TOO_FEW_REPEATERS, all_histories, fitted, histories, per_purchase

MOST_HISTORIES: Final = 100_000
"""so many different histories (purchases, days between, days since) fit into a query"""
_CELLS: Final = (
    "SELECT c.repeats AS x, c.last_day - c.first_day AS t_x, :end_day - c.first_day AS age, COUNT(*) AS n, 0e0 AS spent"
    " FROM customers AS c WHERE c.first_day < :end_day GROUP BY c.repeats, c.last_day - c.first_day, :end_day - c.first_day"
    " ORDER BY 1, 2, 3"
)


@dataclass(frozen=True, slots=True)
class Outlooks:
    """CTEs that end in `outlooks (person, gone, worth)`, a row a customer: the chance of being a customer no more, and what is
    expected of them over the horizon in major units; or the `reason` why there are none."""

    text: str = ""
    params: dict[str, Any] | None = None
    reason: str | None = None
    currency: str = ""


def outlooks(engine: Engine, ask: Ask, at: int) -> Outlooks:
    """Return the outlook of each customer who had ordered before `at` (epoch ms), fitted to what was bought before it alone; of
    orders as they stand today, so that one cancelled since is none.

    Raises DataError where the histories are too many for a query.
    """
    import numpy as np

    from persync.measure.btyd import worth

    then = replace(ask, now=at, period=None)
    ground = build(engine, then)
    known = all_histories(engine, ground)
    if not ground.customers:
        return Outlooks(reason=rules.NO_DENOMINATOR)
    if ground.currency is None:
        return Outlooks(reason=rules.MIXED_CURRENCIES)
    if known.cells.repeaters < ask.value.min_repeat_buyers:
        return Outlooks(reason=TOO_FEW_REPEATERS)
    model = fitted(engine, then, ground.end_day, known, covariance=False)
    if model is None:
        return Outlooks(reason=NO_FIT)
    frame = engine.frame(_CELLS, {"end_day": ground.end_day})
    if len(frame["x"]) > MOST_HISTORIES:
        raise DataError(
            f"customers have {len(frame['x']):,} different histories, more than {MOST_HISTORIES:,}.",
            hint="Score them elsewhere and import the scores: persync import decisions.",
        )
    of = histories(frame)
    rate = worth.monthly(ask.value.discount)
    often, _, alive = worth.outlook(model.name, np.array(model.counts.parameters), of.cells, ask.value.horizon_months, rate)
    # What a purchase is expected to be worth is a straight line over what the repeats came to.
    base = per_purchase(model, of)
    slope = per_purchase(model, replace(of, spent=of.spent + of.cells.n)) - base
    columns = (often * base / ground.scale, often * slope / ground.scale, 1 - alive)
    return Outlooks(_text(frame, columns), {"end_day": ground.end_day}, currency=ground.currency)


def _text(frame: Any, columns: tuple[Any, ...]) -> str:
    keys = zip(*(frame[name].tolist() for name in ("x", "t_x", "age")), strict=True)
    lines = [
        f"({int(x)}, {int(t_x)}, {int(age)}, {', '.join(f'{value:.17e}' for value in values)})"
        for (x, t_x, age), *values in zip(keys, *(column.tolist() for column in columns), strict=True)
    ]
    return (
        "expected AS (SELECT v.x AS x, v.t_x AS t_x, v.age AS age, v.base AS base, v.slope AS slope, v.gone AS gone"
        f" FROM (VALUES {', '.join(lines)}) AS v(x, t_x, age, base, slope, gone)),\n"
        "outlooks AS (SELECT c.person AS person, e.gone AS gone,"
        " e.base + e.slope * GREATEST(CAST(c.repeat_minor AS DOUBLE), 0e0) AS worth"
        " FROM customers AS c JOIN expected AS e ON e.x = c.repeats AND e.t_x = c.last_day - c.first_day"
        " AND e.age = :end_day - c.first_day WHERE c.first_day < :end_day)"
    )
