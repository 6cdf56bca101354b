"""What one rule does to people it was not learnt on: to fairness, to accuracy and to money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from persync.measure import intervals
from persync.measure.fairness.mitigation.people import People
from persync.measure.fairness.parities import ratio_of
from persync.measure.fairness_settings import Direction
from persync.measure.intervals import Interval
from persync.measure.metric import Ask

GAIN, COST = "right_choice", "choice"
"""the prices: what it brings to choose somebody who qualifies, and what choosing anybody costs"""
PRICES: Final = (GAIN, COST)


@dataclass(frozen=True, slots=True)
class Effect:
    """What one rule does: the worst group's rate over the best's, the share decided rightly, money, return, and what it brings
    more than the decision as it is (`gained`, of the same people).

    Counts of a rule that draws by lot are expected ones. `worst` and `best` name the groups of the ratio, of those that steer.
    Money is of all the people judged on, in the currency of the prices.
    """

    method: str
    strength: float
    ratio: Interval | None
    worst: str
    best: str
    accuracy: Interval
    money: Interval | None
    gained: Interval | None
    roi: Interval | None
    chosen: int
    people: int

    @property
    def name(self) -> tuple[str, float]:
        """The method and its strength."""
        return self.method, self.strength


def effect(
    method: str, strength: float, held: People, rule: Any, ask: Ask, prices: Mapping[str, float], direction: Direction
) -> Effect:
    """Return what a rule does to people."""
    rates, sizes = held.rates(rule), held.sizes
    judged = np.flatnonzero(held.steering & (sizes > 0)).tolist()
    ratio, worst, best = None, "", ""
    if len(judged) > 1:
        sign = 1 if direction == "more" else -1
        order = sorted(judged, key=lambda n: (sign * rates[n], held.names[n]))
        low, high = order[0], order[-1]
        cells = [(round(float(rates[n] * sizes[n])), int(sizes[n])) for n in (low, high)]
        ratio = ratio_of(cells[0], cells[1], ask, direction)
        worst, best = held.names[low], held.names[high]
    right = np.where(held.qualified, rule, 1 - rule)
    people = len(rule)
    money = gained = roi = None
    if all(part in prices for part in PRICES):
        worth = prices[GAIN] * held.qualified - prices[COST]
        each, cost = rule * worth, rule * prices[COST]
        money, gained = _sum(each, ask), _sum(each - held.selected * worth, ask)
        y, x, yy, xx, xy = (
            float(one) for one in (each.sum(), cost.sum(), (each**2).sum(), (cost**2).sum(), (each * cost).sum())
        )
        roi = intervals.ratio_of_sums(people, y, x, yy, xx, xy, ask.confidence)
    accuracy = intervals.wilson(round(float(right.sum())), people, ask.confidence)
    chosen = round(float(rule.sum()))
    return Effect(method, strength, ratio, worst, best, accuracy, money, gained, roi, chosen, people)


def _sum(each: Any, ask: Ask) -> Interval | None:
    """Return the sum over people with its interval, which is that of their mean."""
    people = len(each)
    mean = intervals.mean(intervals.moments(people, float(each.sum()), float((each**2).sum())), ask.confidence)
    return Interval(mean.value * people, mean.low * people, mean.high * people) if mean else None
