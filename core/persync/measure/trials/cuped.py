"""CUPED: a difference freed of what a number known before the test already says, and how much that helped.

Deng, Xu, Kohavi & Walker (2013). One slope for both arms from their pooled spread; people without the number stand at its mean.
All sums are exact decimals made in SQL, so the result does not hang on the order of rows or on the engine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from persync.engine.engine import Engine
from persync.estimate import Estimate, percent
from persync.measure import experiments, intervals, rules
from persync.measure.attributes import values
from persync.measure.experiments import Outcome, Reading
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Experiment
from persync.measure.texts import EVER, frame, join, piece, run
from persync.money import exponent

MOST: Final = 5
"""so many covariates are tried, those with the most values first: each is a number known before the draw"""
REVENUE: Final = "revenue"


class Sums(NamedTuple):
    """What CUPED needs of one arm: n people, sums of y and its square, and over those with a covariate k, x, xx, xy."""

    n: int
    y: float
    yy: float
    k: int
    x: float
    xx: float
    xy: float
    y_known: float


class Adjusted(NamedTuple):
    """The adjusted difference, and the part by which the covariate lowered its variance."""

    difference: Interval
    reduction: float


def adjust(arm: Sums, base: Sums, confidence: float = 0.95) -> Adjusted | None:
    """Return the difference of two arms adjusted for a covariate; None where nothing varies or hardly anybody has one."""
    if arm.n < 3 or base.n < 3 or arm.k < 3 or base.k < 3:
        return None
    centre = (arm.x + base.x) / (arm.k + base.k)
    sxx = sum(s.xx - s.x * s.x / s.k for s in (arm, base))
    sxy = sum(s.xy - s.x * s.y_known / s.k for s in (arm, base))
    raw = sum((s.yy - s.y * s.y / s.n) / s.n / (s.n - 1) for s in (arm, base))
    if sxx <= 1e-12 * (arm.xx + base.xx) or raw <= 0:
        return None
    slope = sxy / sxx
    means, errors = [], []
    for s in (arm, base):
        moved = (s.x - s.k * centre) / s.n
        means.append(s.y / s.n - slope * moved)
        # Of z = x less the centre, 0 for whoever has none, so that their outcome counts as it is.
        zz = s.xx - 2 * centre * s.x + s.k * centre * centre
        zy = s.xy - centre * s.y_known
        within = (s.yy - s.y * s.y / s.n) - 2 * slope * (zy - moved * s.y) + slope * slope * (zz - s.n * moved * moved)
        errors.append(max(0.0, within) / (s.n - 1) / s.n)
    error = sum(errors)
    half = intervals.normal_quantile(confidence) * math.sqrt(error)
    value = means[0] - means[1]
    p = intervals.normal_p(value / math.sqrt(error)) if error > 0 else None
    return Adjusted(Interval(value, value - half, value + half, p), 1 - error / raw)


def covariates(engine: Engine) -> list[str]:
    """Return the attributes that serve as covariates: those of which most values are numbers, and more than two."""
    found = []
    for name, number in values(engine).items():
        if number > 2:
            (row,) = run(engine, piece("covariate_numbers"), {"attribute": name})
            if int(row["numbers"]) * 2 > int(row["people"]):
                found.append((-number, name))
    return [name for _, name in sorted(found)[:MOST]]


def read(engine: Engine, experiment: Experiment, reading: Reading, ask: Ask) -> list[Estimate]:
    """Return `difference_cuped` and `variance_reduction` for each outcome, pair of arms and covariate (`by` has `covariate`).

    An outcome that cannot be read has none. The orders must have been built.
    """
    readable = [outcome for outcome in reading.outcomes if outcome.reason is None]
    if reading.nobody or not readable:
        return []
    label = experiments.label_of(experiment)
    out = []
    for covariate in covariates(engine):
        rows = value_rows(engine, experiment, ask, "cuped_read", ("covariates",), {"attribute": covariate})
        for outcome in readable:
            sums = _sums(rows, outcome)
            for arm, against in once(experiment, reading):
                by = {"experiment": experiment.name, "arm": arm, "against": against, "outcome": outcome.name}
                out += _estimates(sums, arm, against, {**by, "covariate": covariate}, outcome.unit, label, ask)
    return out


def value_rows(
    engine: Engine, experiment: Experiment, ask: Ask, final: str, pieces: Sequence[str], more: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Run the piece `final` over `arm_values` and further pieces; the orders must have been built."""
    return run(engine, *_query(experiment, ask, final, pieces, more))


def value_frame(
    engine: Engine, experiment: Experiment, ask: Ask, final: str, pieces: Sequence[str], more: Mapping[str, Any], *, limit: int
) -> dict[str, Any]:
    """Do as `value_rows`, with a row a person: narrow columns, at most `limit` rows."""
    sql, params = _query(experiment, ask, final, pieces, more)
    return frame(engine, sql, params, limit=limit)


def _query(
    experiment: Experiment, ask: Ask, final: str, pieces: Sequence[str], more: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    base, params = experiments.arms_sql(experiment)
    from_at, to_at = experiments.window(experiment) or (-EVER, EVER)
    params |= {"from_at": from_at, "to_at": to_at, "gross": int(ask.basis == "gross"), **more}
    names = ("order_money", "arm_orders", "arm_outcomes", "arm_values", *pieces, final)
    return join(*base, *map(piece, names)), params


def once(experiment: Experiment, reading: Reading) -> list[tuple[str, str]]:
    """Return the pairs of arms to compare, each once."""
    every = experiments.pairs(experiment, reading.sizes)
    return every if experiment.control is not None else [(arm, against) for arm, against in every if arm < against]


def stored(outcome: Outcome) -> tuple[str, str]:
    """Return the source and the name under which `arm_values` has an outcome."""
    return ("order", outcome.name) if outcome.is_ordered else ("imported", outcome.name.removesuffix(" (imported)"))


def scale_of(outcome: Outcome) -> float:
    """Return how many of the store's units one of the outcome's is: money is kept in minor units."""
    return 10.0 ** exponent(outcome.unit) if outcome.is_ordered and outcome.name == REVENUE else 1.0


def _sums(rows: Sequence[Mapping[str, Any]], outcome: Outcome) -> dict[str, Sums]:
    scale = scale_of(outcome)
    return {
        row["arm"]: Sums(
            int(row["people"]),
            float(row["y"]) / scale,
            float(row["yy"]) / scale**2,
            int(row["known"]),
            float(row["x"]),
            float(row["xx"]),
            float(row["xy"]) / scale,
            float(row["y_known"]) / scale,
        )
        for row in rows
        if (row["source"], row["outcome"]) == stored(outcome)
    }


def _estimates(
    sums: Mapping[str, Sums], arm: str, against: str, by: dict[str, str], unit: str, label: Any, ask: Ask
) -> list[Estimate]:
    a, b = sums.get(arm), sums.get(against)
    made = adjust(a, b, ask.confidence) if a and b else None
    if made is None or a is None or b is None or min(a.n, b.n) < ask.suppress_n:
        return []
    n = a.n + b.n
    helped = f"'{by['covariate']}' lowers the variance by {percent(made.reduction, 2)}"
    difference = rules.from_interval("difference_cuped", made.difference, n=n, unit=rules.gap(unit), by=by, label=label)
    known = (a.k + b.k) / n
    said = helped if known > 0.999 else f"{helped}; known for {percent(known)}"
    small = rules.TOO_FEW if min(a.n, b.n) < ask.report_n else ""
    return [
        rules.with_note(rules.with_note(difference, small), said),
        replace(Estimate("variance_reduction", made.reduction, n=n, unit="share", by=by), note=said),
    ]
