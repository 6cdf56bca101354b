"""The frontier of fairness and return: every method at every strength, and the point to suggest.

Learning, choosing and judging are done on different people, so that none flatters the next. Half of the people teach the rules.
The point is chosen within that half by cross-fitting: what was learnt on either quarter is tried on the other. What is told of
every point, the chosen one too, is of the other half, from which nothing was learnt or chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from persync.measure.fairness.mitigation.effects import Effect, effect
from persync.measure.fairness.mitigation.methods import AS_DECIDED, METHODS, Rule, UnfitError, learnt
from persync.measure.fairness.mitigation.people import People
from persync.measure.fairness.parities import FOUR_FIFTHS
from persync.measure.fairness_settings import Direction
from persync.measure.metric import Ask

STRENGTHS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
Point = tuple[str, float]
"""a method and its strength"""


@dataclass(frozen=True, slots=True)
class Frontier:
    """The effects of the decision as it is and of every method at every strength on the people `judged`; {method: why it has
    none}; the point that was chosen on others; and how many people were learnt from, in which two folds, and judged on."""

    effects: Sequence[Effect]
    unfit: Mapping[str, str]
    suggested: Point | None
    folds: tuple[int, int]
    judged: int

    @property
    def learnt(self) -> int:
        """How many people rules were learnt and the point was chosen on."""
        return sum(self.folds)


def frontier(people: People, ask: Ask, prices: Mapping[str, float], direction: Direction) -> Frontier:
    """Learn, choose and judge, each on people of its own."""
    learn, held = people.where(people.learn), people.where(~people.learn)
    first, second = (learn.where(learn.part == number) for number in (0, 1))
    points: dict[Point, tuple[Rule, Rule]] = {
        (AS_DECIDED, 0.0): (held.selected.astype(float), learn.selected.astype(float))  # on the people judged, and cross-fitted
    }
    unfit: dict[str, str] = {}
    for name, method in METHODS.items():
        try:
            final = learnt(method, learn, held, direction)
            crossed = learnt(method, second, first, direction), learnt(method, first, second, direction)
        except UnfitError as reason:
            unfit[name] = str(reason)
            continue
        for strength in STRENGTHS:
            tried = np.zeros(len(learn.group))
            tried[learn.part == 0], tried[learn.part == 1] = (rule(strength) for rule in crossed)
            points[name, strength] = final(strength), tried
    effects = [effect(*point, held, rule, ask, prices, direction) for point, (rule, _) in points.items()]
    rivals = [effect(*point, learn, tried, ask, prices, direction) for point, (_, tried) in points.items()]
    best = pick(rivals)
    return Frontier(effects, unfit, best.name if best else None, (len(first.group), len(second.group)), len(held.group))


def pick(effects: Sequence[Effect]) -> Effect | None:
    """Return the point to suggest: of those whose ratio reaches four fifths the one with the most money (the most accurate
    without prices), else the one with the highest ratio; of equals the least change. None when no ratio is known."""

    def worth(one: Effect) -> tuple[float, float, float]:
        money = one.money.value if one.money else one.accuracy.value
        return money, one.ratio.value if one.ratio else 0.0, -one.strength

    judged = [one for one in effects if one.ratio is not None]
    enough = [one for one in judged if one.ratio is not None and one.ratio.value >= FOUR_FIFTHS]
    if enough:
        return max(enough, key=worth)
    return max(judged, key=lambda one: (one.ratio.value if one.ratio else 0.0, *worth(one)), default=None)
