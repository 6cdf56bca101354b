"""A frontier as estimates: before and after of every method, every point, and the groups that took no part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from persync.estimate import RAW, Estimate
from persync.measure import rules
from persync.measure.fairness.groups import is_known
from persync.measure.fairness.mitigation.effects import Effect
from persync.measure.fairness.mitigation.frontier import Frontier
from persync.measure.fairness.mitigation.methods import AS_DECIDED
from persync.measure.fairness.mitigation.people import People
from persync.measure.fairness.parities import ONE_GROUP, verdict
from persync.measure.intervals import Interval

FRONTIER: Final = frozenset(
    {"frontier_ratio", "frontier_accuracy", "frontier_money", "frontier_money_difference", "fairness_roi_frontier"}
)
"""the estimates of the points; the rest are of before and after"""
SUGGESTED: Final = "a suggestion: nothing is changed, a person decides"
PRICED: Final = "what you price a right choice and a choice at, not what was caused"
ENDS: Final = "lowest against highest group, chosen after seeing them"
LEFT: Final = "left_as_decided"
LONGEST: Final = 12
"""so many groups are named; the others are counted"""


@dataclass(frozen=True, slots=True)
class Standing:
    """In what currency money is told, or why there is none (`reason`); and on whom all of it rests, in words."""

    unit: str
    reason: str | None
    note: str


def standing_of(front: Frontier, unit: str, reason: str | None, about: str) -> Standing:
    """Say on whom the figures rest: n of each part."""
    one, other = front.folds
    note = (
        f"judged on {front.judged:,} people from whom nothing was learnt or chosen; learnt on {front.learnt:,} others, and the"
        f" suggestion chosen among those by cross-fitting ({one:,} and {other:,})"
    )
    return Standing(unit, reason, f"{about}; {note}" if about else note)


def before_and_after(one: Effect, by: Mapping[str, str], standing: Standing) -> list[Estimate]:
    """Return the ratio, the accuracy and the money of the decision as it is (`state` before) or of a method in full (after)."""
    here = {**by, "method": one.method, "state": "before" if one.method == AS_DECIDED else "after"}
    where = {**here, "group": one.worst, "against": one.best} if one.ratio else here
    chosen = f"{one.chosen:,} of {one.people:,} chosen; {standing.note}"
    accuracy = rules.from_interval("mitigated_accuracy", one.accuracy, n=one.people, unit="share", by=here)
    return [
        rules.with_note(_ratio("bias_mitigation", one, where), chosen),
        rules.with_note(accuracy, chosen),
        rules.with_note(_money("mitigated_money", one, one.money, here, standing), chosen),
    ]


def point(one: Effect, by: Mapping[str, str], standing: Standing, *, suggested: bool) -> list[Estimate]:
    """Return a point of the frontier: its ratio with the verdict on it, its accuracy, its money, what it brings more than the
    decision as it is, and its return."""
    mark = "yes" if suggested else "no"
    here = {**by, "method": one.method, "strength": f"{one.strength:g}", "suggested": mark}
    note = f"{SUGGESTED}; {standing.note}" if suggested else standing.note
    ratio = _ratio("frontier_ratio", one, {**here, "group": one.worst, "against": one.best} if one.ratio else here)
    if one.ratio:
        ratio = ratio.sliced(verdict=verdict(ratio, enough=True))
    made = [
        ratio,
        rules.from_interval("frontier_accuracy", one.accuracy, n=one.people, unit="share", by=here),
        _money("frontier_money", one, one.money, here, standing),
        _money("frontier_money_difference", one, one.gained, here, standing),
        # A ratio of two amounts in the prices' own currency, whichever that is.
        _priced("fairness_roi_frontier", one, one.roi, here, "ratio", None),
    ]
    return [rules.with_note(each, note) for each in made]


def left_out(people: People, by: Mapping[str, str], hidden: frozenset[str]) -> list[Estimate]:
    """Return how many groups took no part, named with their size where that is shown: their people stay as decided."""
    sizes = people.sizes.tolist()
    left = [n for n, steers in enumerate(people.steering.tolist()) if not steers]
    if not left:
        return []
    named = []
    for number in left[:LONGEST]:
        name = people.names[number]
        size = "hidden" if name in hidden else f"{sizes[number]:,} people"
        named.append(f"'{name}' ({size}{'' if is_known(name) else ', asked for with --count-unknown'})")
    more = f" and {len(left) - LONGEST} more" if len(left) > LONGEST else ""
    note = f"they stay as decided and steer nothing, which is no pass: {', '.join(named)}{more}"
    return [Estimate(LEFT, len(left), unit="count", by=dict(by), note=note)]


def _ratio(id: str, one: Effect, by: Mapping[str, str]) -> Estimate:
    if one.ratio is None:
        return rules.absent(id, ONE_GROUP, by, unit="ratio", label=RAW, n=one.people)
    # No p: the two ends are found by looking at the same people.
    made = rules.from_interval(id, one.ratio._replace(p=None), n=one.people, unit="ratio", by=by, label=RAW)
    return rules.with_note(made, ENDS)


def _money(id: str, one: Effect, money: Interval | None, by: Mapping[str, str], standing: Standing) -> Estimate:
    return _priced(id, one, money, by, standing.unit, standing.reason)


def _priced(id: str, one: Effect, value: Interval | None, by: Mapping[str, str], unit: str, reason: str | None) -> Estimate:
    if one.money is None:
        return rules.absent(id, NOT_PRICED, by, unit=unit, label=RAW, n=one.people)
    if reason is not None:
        return rules.absent(id, reason, by, unit=unit, label=RAW, n=one.people)
    made = rules.from_interval(id, value, n=one.people, unit=unit, by=by, label=RAW)
    return rules.with_note(made, PRICED if made.value is not None else "")


NOT_PRICED: Final = "not_priced"
