"""Means and ratios of sums held between groups: how often, at what price, how much of a discount.

A ratio of sums (discounts over list prices) enters as a mean with the clustered variance of its linearisation, so one customer
with many orders counts once.

A share of nothing at all (no complaint in a group) has no variance of its own. Its bound is Wilson's for as many trials as
there are people, the fewest that their messages can be worth (Korn & Graubard 1998), and what it is held against goes by the
score interval of a ratio and the recovered variances of a difference, both of which exist at zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from persync.estimate import RAW, Estimate
from persync.measure import intervals, rules
from persync.measure.fairness import directions
from persync.measure.fairness.frame import Frame
from persync.measure.fairness.groups import is_known
from persync.measure.fairness.parities import ONE_GROUP, flipped
from persync.measure.fairness_settings import Direction
from persync.measure.intervals import Interval, Moments
from persync.measure.metric import Ask
from persync.measure.trials import power

VARIATION: Final = "nobody in it differs from another"


@dataclass(frozen=True, slots=True)
class Sample:
    """A group's mean with its variance, and how many people have anything but zero."""

    moments: Moments
    events: int


def ratio_sample(clusters: int, sums: tuple[float, float, float, float, float], events: int) -> Sample | None:
    """Return sum(y) / sum(x) over people as a sample; `sums` = y, x, yy, xx, xy. None for fewer than two or no denominator."""
    found = intervals.ratio_of_sums(clusters, *sums)
    if found is None:
        return None
    _, x, yy, xx, xy = sums
    residual = max(0.0, yy - 2 * found.value * xy + found.value * found.value * xx)
    error = residual * clusters / (clusters - 1) / (x * x)
    return Sample(Moments(clusters, found.value, error * clusters), events)


def averages(
    id: str,
    overall: Sample | None,
    samples: Mapping[str, Sample | None],
    hide: frozenset[str],
    ask: Ask,
    by: Mapping[str, str],
    *,
    unit: str,
    direction: Direction | None = None,
) -> Frame:
    """Compare means between groups; a group without a sample is null, `no_denominator`.

    Each group is held against the known one with the best mean among those large enough: difference (Welch), ratio (delta
    method), and the smallest gap that could have been seen. `<id>_parity` is the largest gap,
    `<id>_homogeneity` Cochran's test. Of shares that are zero see the module. `direction` is as `directions` has it
    unless given.
    """
    direction = direction or directions.of(id, ask, by.get("decision"))

    def one(sample: Sample | None, here: Mapping[str, str]) -> Estimate:
        if sample is None:
            return rules.absent(id, rules.NO_DENOMINATOR, here, unit=unit, n=0)
        if is_nothing(sample, unit):
            return rules.share(id, 0, sample.moments.n, ask, here)
        return rules.average(id, sample.moments, sample.events, ask, here, unit=unit)

    by_group = {}
    for name, sample in samples.items():
        here = {**by, "group": name}
        by_group[name] = rules.suppressed(id, ask, here, unit=unit) if name in hide else one(sample, here)
    shown = {
        name: sample for name, sample in samples.items() if name not in hide and sample and sample.moments.n >= ask.suppress_n
    }
    reference = _reference(shown, ask, direction)
    others = [name for name in samples if name != reference]
    if reference is None or not others:
        reason = rules.SUPPRESSED if hide else ONE_GROUP
        return Frame(one(overall, by), by_group, rules.absent(f"{id}_parity", reason, by, unit=unit, label=RAW))
    made = [_against(id, name, shown, reference, hide, ask, by, unit) for name in others]
    differences = rules.compared([difference for difference, *_ in made])
    against = [e for difference, (_, *rest) in zip(differences, made, strict=True) for e in (difference, *rest)]
    known = {name: sample for name, sample in shown.items() if is_known(name)}
    return Frame(
        one(overall, by),
        by_group,
        *_extremes(id, known, reference, ask, by, unit, direction),
        tuple(against),
        _homogeneity(id, known, ask, by),
    )


def is_nothing(sample: Sample, unit: str) -> bool:
    """Tell whether a sample is a share of which nobody has anything."""
    return unit == "share" and sample.events == 0 and sample.moments.mean == 0


def trials(sample: Sample) -> float:
    """Return how many independent trials a share is worth: those whose binomial variance is its own; at zero one a person."""
    mean, error = sample.moments.mean, sample.moments.error
    return mean * (1 - mean) / error if error > 0 else float(sample.moments.n)


def difference_of(one: Sample, base: Sample, unit: str, ask: Ask) -> Interval | None:
    """Return the difference of two means (Welch); of shares of which one is nothing by recovered variances."""
    if not (is_nothing(one, unit) or is_nothing(base, unit)):
        return intervals.welch(one.moments, base.moments, ask.confidence)
    sides = (
        intervals.wilson(0, each.moments.n, ask.confidence)
        if is_nothing(each, unit)
        else intervals.mean(each.moments, ask.confidence)
        for each in (one, base)
    )
    a, b = sides
    return intervals.difference_of(a, b, ask.confidence) if a and b else None


def ratio_of(one: Sample, base: Sample, unit: str, ask: Ask) -> Interval | None:
    """Return the ratio of two means (delta method); of a share that is nothing by the score method. None where the base is
    nothing."""
    if not is_nothing(one, unit):
        return intervals.ratio_of_means(one.moments, base.moments, ask.confidence)
    people = trials(base)
    return intervals.ratio_by_score(0, one.moments.n, base.moments.mean * people, people, ask.confidence)


def _large(sample: Sample, ask: Ask) -> bool:
    return sample.moments.n >= ask.report_n and sample.events >= rules.REPORT_EVENTS


def _reference(shown: Mapping[str, Sample], ask: Ask, direction: Direction) -> str | None:
    known = {name: sample for name, sample in shown.items() if is_known(name)} or dict(shown)
    pool = {name: sample for name, sample in known.items() if _large(sample, ask)} or known
    sign = -1 if direction == "more" else 1
    return min(pool, key=lambda name: (sign * pool[name].moments.mean, name), default=None)


def _against(
    id: str,
    name: str,
    shown: Mapping[str, Sample],
    reference: str,
    hide: frozenset[str],
    ask: Ask,
    by: Mapping[str, str],
    unit: str,
) -> tuple[Estimate, Estimate, Estimate]:
    here = {**by, "group": name, "against": reference}
    ids = (f"{id}_difference", unit), (f"{id}_ratio", "ratio"), (f"{id}_smallest_gap", unit)
    if name in hide:
        a, b, c = (rules.suppressed(each, ask, here, unit=what, label=RAW) for each, what in ids)
        return a, b, c
    if name not in shown:
        a, b, c = (rules.absent(each, rules.NO_DENOMINATOR, here, unit=what, label=RAW, n=0) for each, what in ids)
        return a, b, c
    one, base = shown[name].moments, shown[reference].moments
    found = difference_of(shown[name], shown[reference], unit, ask), ratio_of(shown[name], shown[reference], unit, ask)
    note = "" if _large(shown[name], ask) and _large(shown[reference], ask) else rules.TOO_FEW
    difference, ratio = (
        rules.with_note(rules.from_interval(each, interval, n=one.n + base.n, unit=what, by=here, label=RAW), note)
        for (each, what), interval in zip(ids[:2], found, strict=True)
    )
    error = one.error + base.error
    gap = power.detectable_gap(error, alpha=1 - ask.confidence) if error > 0 else None
    smallest = (
        rules.absent(ids[2][0], "too_few", here, unit=unit, label=RAW, n=one.n + base.n, note=VARIATION)
        if gap is None
        else Estimate(ids[2][0], gap, n=one.n + base.n, unit=unit, label=RAW, by=here, note="seen with a power of 80 %")
    )
    return difference, ratio, smallest


def _extremes(
    id: str, known: Mapping[str, Sample], reference: str, ask: Ask, by: Mapping[str, str], unit: str, direction: Direction
) -> tuple[Estimate, Estimate | None]:
    large = {name: sample for name, sample in known.items() if _large(sample, ask)}
    pool = large if len(large) > 1 else dict(known)
    if reference not in pool or len(pool) < 2:
        return rules.absent(f"{id}_parity", ONE_GROUP, by, unit=unit, label=RAW), None
    sign = -1 if direction == "more" else 1
    if len(large) < 2:  # the best of those large enough need not be the best of all
        reference = min(pool, key=lambda name: (sign * pool[name].moments.mean, name))
    worst = max(pool, key=lambda name: (sign * pool[name].moments.mean, name != reference, name))
    n = pool[worst].moments.n + pool[reference].moments.n
    here = {**by, "group": worst, "against": reference}
    note = f"largest gap of {len(pool)} groups, chosen after seeing them"
    if len(large) < 2:
        note = f"{rules.TOO_FEW}; {note}"
    gap = difference_of(pool[worst], pool[reference], unit, ask)
    turned: Interval | None = flipped(gap) if gap and direction == "more" else gap
    ratio = ratio_of(pool[worst], pool[reference], unit, ask)
    both = (
        rules.from_interval(f"{id}_parity", found, n=n, unit=what, by={**here, "statistic": statistic}, label=RAW)
        for found, what, statistic in ((turned, unit, "difference"), (ratio, "ratio", "ratio"))
    )
    difference, made = (rules.with_note(each, note) for each in both)
    return difference, made


def _homogeneity(id: str, known: Mapping[str, Sample], ask: Ask, by: Mapping[str, str]) -> Estimate:
    large = [sample.moments for sample in known.values() if _large(sample, ask) and sample.moments.error > 0]
    if len(large) < 2:
        return rules.absent(f"{id}_homogeneity", ONE_GROUP, by, label=RAW, note=rules.TOO_FEW)
    value, p = intervals.heterogeneity([one.mean for one in large], [one.error for one in large])
    words = "the groups differ" if p < 1 - ask.confidence else "no difference between the groups is shown"
    made = Estimate(f"{id}_homogeneity", value, p=p, n=sum(one.n for one in large), label=RAW, by=dict(by))
    return replace(made, note=f"{words} (Cochran's Q over {len(large)} groups large enough)")
