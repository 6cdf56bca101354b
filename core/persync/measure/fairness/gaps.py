"""Each group held against all other known groups together, for every measure of an assessment: what a scan compares.

Against the rest, and not against the best: the rest is not chosen by looking at the data, so the p-values are those of tests
that were meant beforehand, and Holm's (1979) adjustment over all of them keeps the chance of any false alarm.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.fairness import directions
from persync.measure.fairness.directions import MEANS, RATES
from persync.measure.fairness.groups import is_known
from persync.measure.fairness_settings import Direction
from persync.measure.intervals import Interval
from persync.measure.metric import Ask

Cut = Literal["small", "hidden", "empty"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A group's value less that of all other known groups together."""

    measure: str
    by: Mapping[str, str]
    """attribute, group, and what else tells the measure apart: decision, experiment, arm"""
    value: float
    rest: float
    n: int
    unit: str
    interval: Interval
    is_worse: bool

    @property
    def key(self) -> tuple[str, ...]:
        """What the groups of one comparison share."""
        return (self.measure, *(f"{name}={word}" for name, word in sorted(self.by.items()) if name != "group"))


@dataclass(frozen=True, slots=True)
class Left:
    """A group that was not compared, and why. `n` is None where it is hidden."""

    attribute: str
    group: str
    measure: str
    n: int | None
    why: Cut


def gaps(estimates: Iterable[Estimate], ask: Ask) -> tuple[list[Gap], list[Left]]:
    """Return every comparison that an assessment's estimates by group allow, and the groups left out of one.

    Of two known groups one comparison says it all: that of the worse off. `unknown` is compared with nobody and in nobody's
    rest. Rates are compared with Newcombe's interval, where at least 10 people are expected on each side of both shares; means
    with the mean of the rest, weighted by people: the interval from the groups' own variances, p from that of all together.
    """
    tables: dict[tuple[str, ...], list[Estimate]] = defaultdict(list)
    for one in estimates:
        is_compared = one.id in RATES or one.id in MEANS
        if is_compared and "group" in one.by and "tenth" not in one.by and is_known(one.by["group"]):
            tables[one.id, *(f"{name}={word}" for name, word in sorted(one.by.items()) if name != "group")].append(one)
    found: list[Gap] = []
    out: list[Left] = []
    for table in tables.values():
        id = table[0].id
        direction = directions.of(id, ask, table[0].by.get("decision"))
        shown = [one for one in table if one.value is not None and one.n]
        out += [_left(one, "hidden" if one.reason == rules.SUPPRESSED else "empty") for one in table if one not in shown]
        made = [(one, _rate(one, shown, ask) if id in RATES else _mean(one, shown, ask)) for one in shown]
        out += [_left(one, "small") for one, interval in made if interval is None]
        compared = [_gap(one, interval, direction) for one, interval in made if interval is not None]
        if len(shown) == 2 and len(compared) == 2:
            compared = [next((gap for gap in compared if gap.is_worse), compared[0])]
        found += compared
    return found, out


def adjusted(found: Sequence[Gap]) -> list[float]:
    """Return Holm's p-value of each gap over the family of all of them."""
    return intervals.holm([1.0 if gap.interval.p is None else gap.interval.p for gap in found])


def _left(one: Estimate, why: Cut) -> Left:
    return Left(one.by["attribute"], one.by["group"], one.id, one.n, why)


def _gap(one: Estimate, interval: Interval, direction: Direction) -> Gap:
    value = one.value or 0.0
    worse = interval.value < 0 if direction == "more" else interval.value > 0
    if one.id == "calibration":  # too little and too much are both wrong
        worse = abs(value) > abs(value - interval.value)
    return Gap(one.id, dict(one.by), value, value - interval.value, one.n or 0, one.unit, interval, worse)


def _rate(one: Estimate, shown: Sequence[Estimate], ask: Ask) -> Interval | None:
    cells = [(round((each.value or 0.0) * (each.n or 0)), each.n or 0) for each in shown if each is not one]
    s, n = round((one.value or 0.0) * (one.n or 0)), one.n or 0
    t, m = sum(s for s, _ in cells), sum(n for _, n in cells)
    if min(n, m) < ask.report_n:
        return None
    pooled = (s + t) / (n + m)
    if min(n, m) * min(pooled, 1 - pooled) < rules.REPORT_EVENTS:
        return None
    return intervals.newcombe(s, n, t, m, ask.confidence)


def _mean(one: Estimate, shown: Sequence[Estimate], ask: Ask) -> Interval | None:
    others = [each for each in shown if each is not one and each.low is not None and not rules.too_few(each)]
    if not others or one.low is None or rules.too_few(one):
        return None
    people, n = sum(each.n or 0 for each in others), one.n or 0
    rest = sum((each.value or 0.0) * (each.n or 0) for each in others) / people
    error = sum((_error(each, ask) * (each.n or 0) / people) ** 2 for each in others)
    both = math.sqrt(_error(one, ask) ** 2 + error)
    # A person's variance, were all groups alike: of skewed money a low mean comes with a low variance of its own, and a test
    # with that one calls far more groups poor than it should.
    pooled = sum(((each.n or 0) * _error(each, ask)) ** 2 for each in (one, *others)) / (n + people)
    if both == 0 or pooled == 0:
        return None
    half = intervals.normal_quantile(ask.confidence) * both
    difference = (one.value or 0.0) - rest
    p = intervals.normal_p(difference / math.sqrt(pooled * (1 / n + 1 / people)))
    return Interval(difference, difference - half, difference + half, p)


def _error(one: Estimate, ask: Ask) -> float:
    """Return the standard error that an interval was made of."""
    freedom = max((one.n or 2) - 1, 1)
    return ((one.high or 0.0) - (one.low or 0.0)) / 2 / intervals.student_quantile(freedom, ask.confidence)
