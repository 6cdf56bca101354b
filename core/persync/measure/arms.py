"""A metric by arm: each arm's difference to the control, and what it may claim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.attribution.horizon import orders_note, orders_until, touches_note, touches_until
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import experiments, intervals, rules
from persync.measure.grouping import ARM, COHORT, asked_experiment
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Experiment, Metric
from persync.measure.slices import SEND_DIMENSIONS, TIMES
from persync.measure.texts import EVER

DIFFERENCE: Final = "_difference"
AFTER_DRAW: Final = "after_draw"
SIDE_BY_SIDE: Final = "the arms stand side by side only: see `persync experiment read` for what the draw caused"
COUNTED: Final = "of those who are counted, whom the arm may change too"


def by_arm(engine: Engine, metric: Metric, ask: Ask) -> list[Estimate]:
    """Compute a metric for each arm of the experiment `ask.arm` from its draw on, and each arm's difference to the control: id
    `<metric>_difference`, `by` with arm and against.

    Where a metric is no mean or share over people (`Metric.compares_arms`), or is asked for by what was sent, which came after
    the draw, the arms stand side by side, and the difference is null with the reason `after_draw`.
    """
    experiment = asked_experiment(engine, ask)
    if not any(experiments.arm_sizes(engine, experiment).values()):
        return [rules.absent(metric.id, experiments.NOBODY, {"experiment": experiment.name})]
    blocked, elsewhere = experiments.blocked(engine, experiment), experiments.own_days(experiment, ask)
    days = experiments.window(experiment)
    period = None if days is None else (days[0], max(days[0], min(days[1], ask.now + 1)))
    others = tuple(name for name in ask.by if name != ARM)
    ask = replace(ask, by=(*others, ARM), period=period)
    came_after = set_after_draw(metric, others)
    if metric.since_draw is not None and not came_after:
        told = metric.since_draw(engine, ask, experiment)
        found = [one for one in told if not one.id.endswith(DIFFERENCE)]
        apart = rules.compared([one for one in told if one.id.endswith(DIFFERENCE)])
    else:
        found = [one.sliced(experiment=experiment.name) for one in metric.compute(engine, ask)]
        if not metric.compares_arms or came_after:
            apart = _side_by_side(found, metric.id, experiment)
        else:
            why, told_until = _open(engine, metric, experiment, ask)
            apart = differences(found, experiment, ask, why=why)
            apart = [rules.with_note(rules.with_note(one, told_until), COUNTED) for one in apart]
    apart = [rules.with_note(one, blocked if one.value is not None else "") for one in apart]
    dated = period if days is not None and days[1] < EVER else None
    return [replace(rules.with_note(one, elsewhere), period=dated) for one in (*found, *apart)]


def _side_by_side(found: Sequence[Estimate], id: str, experiment: Experiment) -> list[Estimate]:
    """Return one null difference for each pair of arms."""
    units = {one.by[ARM]: one.unit for one in reversed(found) if ARM in one.by and one.id == id}
    label = experiments.label_of(experiment)
    return [
        rules.absent(
            f"{id}{DIFFERENCE}",
            AFTER_DRAW,
            {"experiment": experiment.name, ARM: arm, "against": against},
            unit=rules.gap(units[arm]),
            label=label,
            note=SIDE_BY_SIDE,
        )
        for arm, against in experiments.pairs(experiment, dict.fromkeys(reversed(units), 0))
        if arm in units and against in units
    ]


def set_after_draw(metric: Metric, dimensions: Sequence[str]) -> bool:
    """Tell whether one of these dimensions was settled after the draw: what was sent, or the month of the first order."""
    return COHORT in dimensions or (metric.since_draw is not None and bool({*dimensions} & {*SEND_DIMENSIONS, *TIMES}))


def _open(engine: Engine, metric: Metric, experiment: Experiment, ask: Ask) -> tuple[str, str]:
    """Return the reason why what a metric reads does not reach to the end of the experiment's days, and until when it is known;
    "" twice where it does."""
    if "orders" in metric.data:
        build_orders(engine)
        until = orders_until(engine, ask)
        said = orders_note(until, ask)
    else:
        until = touches_until(engine, ask) if "touchpoints" in metric.data else ask.now
        said = touches_note(until, ask)
    return ("", "") if experiments.is_over(experiment, until) else (rules.IMMATURE, said)


def differences(found: Sequence[Estimate], experiment: Experiment, ask: Ask, *, why: str = "") -> list[Estimate]:
    """Return what each arm's estimates differ by from the control's of the same slice (or from every other arm's); null for the
    reason `why` where there is one.

    The interval is made of the two arms' own (Zou & Donner 2008): of two shares Newcombe's, of two means nearly Welch's.
    """
    arms = dict.fromkeys(estimate.by[ARM] for estimate in found if ARM in estimate.by)
    out = []
    for arm, against in experiments.pairs(experiment, dict.fromkeys(arms, 0)):
        for one in found:
            if one.by.get(ARM) != arm:
                continue
            other = next((e for e in found if e.id == one.id and e.by == {**one.by, ARM: against}), None)
            if other is not None:
                out.append(_difference(one, other, experiment, ask, why))
    return rules.compared(out)


def _difference(one: Estimate, other: Estimate, experiment: Experiment, ask: Ask, why: str = "") -> Estimate:
    by = {**one.by, "against": other.by[ARM]}
    id, label = f"{one.id}_difference", experiments.label_of(experiment)
    if why:
        return rules.absent(id, why, by, unit=rules.gap(one.unit), label=label, note="the days of the experiment are not over")
    reason = one.reason or other.reason
    if one.value is None or other.value is None or one.unit != other.unit:
        return rules.absent(id, reason or rules.MIXED_CURRENCIES, by, unit=rules.gap(one.unit), label=label)
    n = (one.n or 0) + (other.n or 0)
    made = rules.from_interval(
        id, _interval(one, other, ask), n=n, unit=rules.gap(one.unit), by=by, label=label, value=one.value - other.value
    )
    small = rules.TOO_FEW if rules.too_few(one) or rules.too_few(other) else ""
    return replace(rules.with_note(made, small), period=one.period)


def _interval(one: Estimate, other: Estimate, ask: Ask) -> Interval | None:
    bounds = (one.low, one.high, other.low, other.high)
    if any(bound is None for bound in bounds) or one.value is None or other.value is None:
        return None
    if one.unit == "share" and (counts := (_count(one), _count(other)))[0] is not None and counts[1] is not None:
        return intervals.newcombe(counts[0], one.n or 0, counts[1], other.n or 0, ask.confidence)
    first = Interval(float(one.value), float(one.low or 0), float(one.high or 0))
    second = Interval(float(other.value), float(other.low or 0), float(other.high or 0))
    return intervals.difference_of(first, second, ask.confidence)


def _count(share: Estimate) -> int | None:
    """Return how many of n a share counts; None where it is no such share."""
    count = float(share.value or 0) * (share.n or 0)
    whole = round(count)
    return whole if share.n and math.isclose(count, whole, abs_tol=1e-6) and 0 <= whole <= share.n else None
