"""What could be done about an unfair decision: each method learns on some people a rule that is applied to others.

A rule gives everybody the probability of being chosen. `strength` goes from 0, which is the decision as it is, to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from persync.measure.fairness.mitigation import logistic
from persync.measure.fairness.mitigation.people import People
from persync.measure.fairness.proxies import information
from persync.measure.fairness_settings import Direction

NO_SCORES: Final = "no_scores"
NO_FACTS: Final = "no_facts"
NO_PROXY: Final = "no_proxy"
NOT_A_BURDEN: Final = "not_a_burden"
AS_DECIDED: Final = "as_decided"

Rule = Any
"""the probability of being chosen, of each person held out"""
Method = Callable[[People, People, Direction], Callable[[float], Rule]]
"""learns on the first people, and returns what gives the second a rule of a strength; raises UnfitError"""


class UnfitError(Exception):
    """A method that the data, or the kind of decision, leave no room for; its argument is the reason."""


def learnt(method: Method, learn: People, held: People, direction: Direction) -> Callable[[float], Rule]:
    """Learn a method from the groups that steer, and return its rules for the people held out: whoever is in another group
    (too small, hidden, unknown) stays as decided at every strength. Raises UnfitError."""
    made = method(learn.where(learn.steers), held, direction)
    return lambda strength: np.where(held.steers, made(strength), held.selected)


def thresholds(learn: People, held: People, direction: Direction) -> Callable[[float], Rule]:
    """Move each group's line (Hardt, Price & Srebro 2016) until its share chosen is everybody's: the next by their score are
    added to a group of which fewer are chosen, and the last are taken off one of which more are.

    The strength says how far from the group's own share to everybody's.
    """
    del direction
    _need_scores(learn, held)
    own, overall = learn.rates(learn.selected), float(learn.selected.mean())

    def rule(strength: float) -> Rule:
        out = held.selected.astype(float)
        for number in np.flatnonzero(learn.sizes):
            mine, theirs = learn.group == number, held.group == number
            rate = float(own[number])
            aim = rate + strength * (overall - rate)
            if aim > rate:
                free, open_to = mine & ~learn.selected, theirs & ~held.selected
                out[open_to] = _top(learn.score[free], held.score[open_to], (aim - rate) / (1 - rate))
            elif aim < rate:
                taken, theirs_taken = mine & learn.selected, theirs & held.selected
                out[theirs_taken] = _top(learn.score[taken], held.score[theirs_taken], aim / rate)
        return out

    return rule


def floor(learn: People, held: People, direction: Direction) -> Callable[[float], Rule]:
    """Keep the decision, and draw others by lot until each group's share chosen is at least `strength` times the best group's
    (a quota filled by exploration); where less is better, spare people by lot down to the lowest share in the same way."""
    rates, present = learn.rates(learn.selected), np.flatnonzero(learn.sizes)

    def rule(strength: float) -> Rule:
        out = held.selected.astype(float)
        for number in present:
            theirs, rate = held.group == number, float(rates[number])
            least = strength * float(rates[present].max())
            if direction == "more" and rate < least:
                out[theirs] += (1 - out[theirs]) * (least - rate) / (1 - rate)
            elif direction == "less" and rate > 0:
                aim = rate + strength * (float(rates[present].min()) - rate)
                out[theirs] *= aim / rate
        return out

    return rule


def reweighing(learn: People, held: People, direction: Direction) -> Callable[[float], Rule]:
    """Learn a new score from the old one and what else is known, with each group and label weighted as if they were
    independent: w = P(group) P(label) / P(group, label) (Kamiran & Calders 2012).

    As many are chosen as before; the group itself is not learnt from. The strength says of how many, drawn by lot, the new
    score decides; of the others the decision stays.
    """
    del direction
    x, other = _designs(learn, held)
    beta = logistic.fit(x, learn.qualified, weights(learn))
    return _mixed(held, _top(logistic.predict(beta, x), logistic.predict(beta, other), float(learn.selected.mean())))


def drop_proxy(learn: People, held: People, direction: Direction) -> Callable[[float], Rule]:
    """Learn a new score without the fact that tells most about the group; the strength as in `reweighing`."""
    del direction
    x, other = _designs(learn, held)
    name = proxy(learn)
    facts = [fact[0] != name for fact in learn.fact_names]
    kept = np.array([True] * (x.shape[1] - len(facts)) + facts)
    beta = logistic.fit(x[:, kept], learn.qualified, np.ones(len(x)))
    score, theirs = logistic.predict(beta, x[:, kept]), logistic.predict(beta, other[:, kept])
    return _mixed(held, _top(score, theirs, float(learn.selected.mean())))


def generic(learn: People, held: People, direction: Direction) -> Callable[[float], Rule]:
    """Send the generic message to the groups that bear more of a burden than the rest: they are no longer chosen."""
    if direction == "more":
        raise UnfitError(NOT_A_BURDEN)
    harmed = learn.rates(learn.selected) > float(learn.selected.mean())
    return lambda strength: np.where(harmed[held.group], (1 - strength) * held.selected, held.selected)


METHODS: Final[Mapping[str, Method]] = {
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


def _designs(learn: People, held: People) -> tuple[Any, Any]:
    """Return what is learnt from, and the same of the people held out: the score, unless nobody has one, and the facts."""
    if not learn.fact_names:
        raise UnfitError(NO_FACTS)
    if all(np.isnan(each.score).all() for each in (learn, held)):
        return learn.facts, held.facts
    _need_scores(learn, held)
    return np.column_stack([learn.score, learn.facts]), np.column_stack([held.score, held.facts])


def _mixed(held: People, new: Rule) -> Callable[[float], Rule]:
    """Return the rules that let a new one decide of a share of the people."""
    return lambda strength: (1 - strength) * held.selected + strength * new


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
