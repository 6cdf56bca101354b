"""Early looks: an interval that stays valid however often one looks, and nothing at all before the minimum run."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from persync.estimate import Estimate
from persync.measure import experiments, intervals, rules
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Experiment
from persync.measure.texts import EVER

TOO_EARLY: Final = "too_early"
NOTE: Final = "an early look: valid however often one looks (mixture sequential), wider for it"


def always_valid(value: float, error: float, fraction: float, confidence: float = 0.95) -> Interval:
    """Return a value with the bounds of a normal-mixture confidence sequence (Robbins 1970; asymptotic for means by
    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024).

    `error` is the standard error now, `fraction` the part of the planned information that is in (elapsed over planned time, or
    people over planned people), known before the data. The mixture is tuned to be narrowest at `fraction` = 1. Over all looks
    together it misses the truth in at most 1 - confidence of all tests. p is always valid too: 1 over the mixture's ratio.
    """
    alpha = 1 - confidence
    k = -2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))
    r = max(fraction, 1e-9) * k
    half = error * math.sqrt((1 + 1 / r) * (math.log1p(r) - 2 * math.log(alpha)))
    if error <= 0:
        return Interval(value, value, value, 1.0 if value == 0 else 0.0)
    z = value / error
    p = min(1.0, math.sqrt(1 + r) * math.exp(-z * z / 2 * r / (1 + r)))
    return Interval(value, value - half, value + half, p)


def elapsed(experiment: Experiment, until: int) -> float | None:
    """Return the part of an experiment's time that has passed until a moment; None without a start. One without an end has its
    minimum run as the plan."""
    within = experiments.window(experiment)
    if within is None:
        return None
    planned = within[1] - within[0] if within[1] < EVER else experiment.min_days * rules.DAY
    return (until - within[0]) / planned if planned > 0 else 1.0


def is_open(experiment: Experiment, until: int) -> bool:
    """Tell whether an experiment with a start is still running at a moment."""
    within = experiments.window(experiment)
    return within is not None and within[1] > until


def early(read: list[Estimate], experiment: Experiment, until: int, ask: Ask) -> list[Estimate]:
    """Turn differences read on the orders so far, known `until` a moment, as if the window were over, into `difference_so_far`
    with an always-valid interval; null `too_early` before the minimum run. Gives nothing once the window is over."""
    within = experiments.window(experiment)
    fraction = elapsed(experiment, until)
    if within is None or fraction is None or not is_open(experiment, until):
        return []
    planned = within[1] - within[0]
    least = within[0] + min(round(experiment.min_days * rules.DAY), planned)
    out = []
    for e in read:
        if e.id != "difference":
            continue
        id, by = "difference_so_far", e.by
        if until < least:
            note = f"nothing is said before {experiment.min_days:g} days have passed"
            out.append(rules.absent(id, TOO_EARLY, by, unit=e.unit, label=e.label, note=note))
        elif e.value is None or e.low is None or e.high is None:
            out.append(replace(e, id=id))
        else:
            error = (e.high - e.low) / 2 / intervals.normal_quantile(ask.confidence)
            made = always_valid(float(e.value), error, fraction, ask.confidence)
            note = "; ".join(part for part in (e.note if rules.too_few(e) else "", NOTE) if part)
            out.append(replace(e, id=id, low=made.low, high=made.high, p=made.p, note=note))
    return out
