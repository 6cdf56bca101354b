"""A metric by arm: each arm's difference to the control, and what it may claim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import experiments, intervals, rules
from persync.measure.grouping import ARM, asked_experiment
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Experiment, Metric


def by_arm(engine: Engine, metric: Metric, ask: Ask) -> list[Estimate]:
    """Compute a metric for each arm of the experiment `ask.arm`, and where it counts everybody in an arm
    (`Metric.compares_arms`) each arm's difference to the control: id `<metric>_difference`, `by` with arm and against.

    Any other metric is a number of people who did something after the draw, or of things: its arms may be looked at side by
    side, but their difference is not what the draw caused, so none is given.
    """
    experiment = asked_experiment(engine, ask)
    ask = replace(ask, by=(*(name for name in ask.by if name != ARM), ARM))
    found = [estimate.sliced(experiment=experiment.name) for estimate in metric.compute(engine, ask)]
    if not metric.compares_arms:
        return found
    return [*found, *differences(found, experiment, ask, note=experiments.blocked(engine, experiment))]


def differences(found: Sequence[Estimate], experiment: Experiment, ask: Ask, *, note: str = "") -> list[Estimate]:
    """Return what each arm's estimates differ by from the control's of the same slice (or from every other arm's).

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
                out.append(rules.with_note(_difference(one, other, experiment, ask), note))
    return rules.compared(out)


def _difference(one: Estimate, other: Estimate, experiment: Experiment, ask: Ask) -> Estimate:
    by = {**one.by, "against": other.by[ARM]}
    id, label = f"{one.id}_difference", experiments.label_of(experiment)
    reason = one.reason or other.reason
    if one.value is None or other.value is None or one.unit != other.unit:
        return rules.absent(id, reason or rules.MIXED_CURRENCIES, by, unit=one.unit, label=label)
    n = (one.n or 0) + (other.n or 0)
    made = rules.from_interval(
        id, _interval(one, other, ask), n=n, unit=one.unit, by=by, label=label, value=one.value - other.value
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
