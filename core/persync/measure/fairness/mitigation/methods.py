"""What could be done about an unfair decision: each method learns a rule on one half of the people and applies it to the other.

A rule gives everybody the probability of being chosen. `strength` goes from 0 (nothing is changed) to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from persync.measure.fairness.mitigation import logistic
from persync.measure.fairness.mitigation.people import People
from persync.measure.fairness.parities import Direction
from persync.measure.fairness.proxies import information

NO_SCORES: Final = "no_scores"
NO_FACTS: Final = "no_facts"
NO_PROXY: Final = "no_proxy"
NOT_A_BURDEN: Final = "not_a_burden"
AS_DECIDED: Final = "as_decided"

Rule = Any
"""the probability of being chosen, of each person held out"""


class UnfitError(Exception):
    """A method that the data, or the kind of decision, leave no room for; its argument is the reason."""


def thresholds(learn: People, held: People, strength: float, direction: Direction) -> Rule:
    """Give each group a threshold of its own (Hardt, Price & Srebro 2016): its share chosen comes nearer to everybody's.

    The shares that thresholds aim at go from the group's own to the overall one; at strength 0 they are the decision's.
    """
    del direction
    _need_scores(learn, held)
    own, overall = learn.rates(learn.selected), float(learn.selected.mean())
    out = np.zeros(len(held.group))
    for number in range(len(learn.names)):
        mine, theirs = learn.group == number, held.group == number
        if mine.any():
            aim = own[number] + strength * (overall - own[number])
            out[theirs] = _top(learn.score[mine], held.score[theirs], float(aim))
    return out


def floor(learn: People, held: People, strength: float, direction: Direction) -> Rule:
    """Keep the decision, and draw others by lot until each group's share chosen is at least `strength` times the best group's
    (a quota filled by exploration); where less is better, spare people by lot down to the lowest share in the same way."""
    rates = learn.rates(learn.selected)
    known = rates[learn.sizes > 0]
    out = held.selected.astype(float)
    for number in range(len(learn.names)):
        theirs, rate = held.group == number, float(rates[number])
        if direction == "more" and rate < strength * known.max():
            added = (strength * known.max() - rate) / (1 - rate)
            out[theirs] += (1 - out[theirs]) * added
        elif direction == "less" and rate > 0:
            aim = rate + strength * (float(known.min()) - rate)
            out[theirs] *= aim / rate
    return out


def reweighing(learn: People, held: People, strength: float, direction: Direction) -> Rule:
    """Learn a new score from the old one and what else is known, with each group and label weighted as if they were
    independent: w = P(group) P(label) / P(group, label) (Kamiran & Calders 2012), to the power of `strength`.

    As many are chosen as before; the group itself is not learnt from.
    """
    del direction
    x, other = _design(learn), _design(held)
    weight = weights(learn) ** strength
    return _chosen(learn, logistic.fit(x, learn.qualified, weight), x, other)


def drop_proxy(learn: People, held: People, strength: float, direction: Direction) -> Rule:
    """Learn a new score without the fact that tells most about the group; the two scores are mixed by `strength`."""
    del direction
    x, other = _design(learn), _design(held)
    name = proxy(learn)
    facts = [fact[0] != name for fact in learn.fact_names]
    kept = np.array([True] * (x.shape[1] - len(facts)) + facts)
    even = np.ones(len(x))
    whole, part = logistic.fit(x, learn.qualified, even), logistic.fit(x[:, kept], learn.qualified, even)

    def mixed(one: Any) -> Any:
        return (1 - strength) * logistic.predict(whole, one) + strength * logistic.predict(part, one[:, kept])

    return _top(mixed(x), mixed(other), float(learn.selected.mean()))


def generic(learn: People, held: People, strength: float, direction: Direction) -> Rule:
    """Send the generic message to the groups that bear more of a burden than the rest: they are no longer chosen."""
    if direction == "more":
        raise UnfitError(NOT_A_BURDEN)
    rates, overall = learn.rates(learn.selected), float(learn.selected.mean())
    harmed = rates > overall
    return np.where(harmed[held.group], (1 - strength) * held.selected, held.selected.astype(float))


METHODS: Final[Mapping[str, Callable[[People, People, float, Direction], Rule]]] = {
    "group_thresholds": thresholds,
    "exploration_floor": floor,
    "reweighing": reweighing,
    "drop_proxy": drop_proxy,
    "generic_mail": generic,
}


def weights(people: People) -> Any:
    """Return Kamiran & Calders' weight of each person; over all people they add up to their number."""
    label = people.qualified.astype(int)
    both = np.zeros((len(people.names), 2))
    np.add.at(both, (people.group, label), 1)
    n = both.sum()
    expected = np.outer(both.sum(axis=1), both.sum(axis=0)) / n
    return (expected / np.maximum(both, 1))[people.group, label]


def proxy(people: People) -> str:
    """Return the attribute of which some value tells most about the group. Raises UnfitError when none tells anything."""
    sizes = people.sizes
    told: dict[str, float] = {}
    for number, (name, _) in enumerate(people.fact_names):
        taken = np.bincount(people.group, weights=people.facts[:, number], minlength=len(people.names)).astype(int)
        found = information(list(zip(taken.tolist(), sizes.tolist(), strict=True)))
        if found is not None and found.low > 0:
            told[name] = max(told.get(name, 0.0), found.value)
    if not told:
        raise UnfitError(NO_PROXY)
    return min(told, key=lambda name: (-told[name], name))


def _need_scores(*people: People) -> None:
    if any(np.isnan(each.score).any() for each in people):
        raise UnfitError(NO_SCORES)


def _design(people: People) -> Any:
    """Return what is learnt from: the score, unless nobody has one, and the facts."""
    if not people.fact_names:
        raise UnfitError(NO_FACTS)
    if np.isnan(people.score).all():
        return people.facts
    _need_scores(people)
    return np.column_stack([people.score, people.facts])


def _chosen(learn: People, beta: Any, x: Any, other: Any) -> Rule:
    return _top(logistic.predict(beta, x), logistic.predict(beta, other), float(learn.selected.mean()))


def _top(learnt: Any, scores: Any, share: float) -> Rule:
    """Return the probability of being among the best `share`, as the scores learnt on have it: 1 above the threshold, 0 below,
    and by lot between those who stand on it."""
    number = share * len(learnt)
    if number <= 0:
        return np.zeros(len(scores))
    ranked = np.sort(learnt)[::-1]
    cut = ranked[min(math.ceil(number), len(ranked)) - 1]
    above, on = int((learnt > cut).sum()), int((learnt == cut).sum())
    return np.where(scores > cut, 1.0, np.where(scores == cut, (number - above) / on, 0.0))
