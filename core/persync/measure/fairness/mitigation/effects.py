"""What each mitigation does on people it was not learnt on: to fairness, to accuracy and to money; and the frontier of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from persync.engine.engine import Engine
from persync.errors import DataError, nearest
from persync.estimate import RAW, Estimate
from persync.measure import attributes, intervals, rules
from persync.measure.fairness import groups
from persync.measure.fairness.groups import is_known
from persync.measure.fairness.mitigation.methods import AS_DECIDED, METHODS, UnfitError
from persync.measure.fairness.mitigation.people import People, read
from persync.measure.fairness.parities import FOUR_FIFTHS, ONE_GROUP, TOO_FEW, Direction, ratio_of
from persync.measure.intervals import Interval
from persync.measure.metric import Ask

STRENGTHS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
GAIN, COST = "right_choice", "choice"
"""the prices: what it brings to choose somebody who qualifies, and what choosing anybody costs"""
NO_DECISIONS: Final = "no_decisions"
NOT_PRICED: Final = "not_priced"
HELD_OUT: Final = "on the half held out, drawn by the person's hash"
SUGGESTED: Final = "a suggestion: nothing is changed, a person decides"


@dataclass(frozen=True, slots=True)
class Effect:
    """What one rule does: the worst known group's rate over the best's, the share decided rightly, money and return.

    Counts of a rule that draws by lot are expected ones. `worst` and `best` name the groups of the ratio.
    """

    method: str
    strength: float
    ratio: Interval | None
    worst: str
    best: str
    accuracy: Interval
    money: Interval | None
    roi: float | None
    chosen: int
    people: int


def effect(
    method: str, strength: float, held: People, rule: Any, ask: Ask, prices: Mapping[str, float], direction: Direction
) -> Effect:
    """Return what a rule does to the people held out."""
    rates, sizes = held.rates(rule), held.sizes
    known = [n for n, name in enumerate(held.names) if is_known(name) and sizes[n] >= ask.report_n]
    ratio, worst, best = None, "", ""
    if len(known) > 1:
        sign = 1 if direction == "more" else -1
        order = sorted(known, key=lambda n: (sign * rates[n], held.names[n]))
        low, high = order[0], order[-1]
        cells = [(round(float(rates[n] * sizes[n])), int(sizes[n])) for n in (low, high)]
        ratio = ratio_of(cells[0], cells[1], ask, direction)
        worst, best = held.names[low], held.names[high]
    right = np.where(held.qualified, rule, 1 - rule)
    people = len(rule)
    money, roi = None, None
    if GAIN in prices and COST in prices:
        each = rule * (prices[GAIN] * held.qualified - prices[COST])
        mean = intervals.mean(intervals.moments(people, float(each.sum()), float((each**2).sum())), ask.confidence)
        money = Interval(mean.value * people, mean.low * people, mean.high * people) if mean else None
        spent = float(rule.sum()) * prices[COST]
        roi = float(each.sum()) / spent if spent > 0 else None
    accuracy = intervals.wilson(round(float(right.sum())), people, ask.confidence)
    chosen = round(float(rule.sum()))
    return Effect(method, strength, ratio, worst, best, accuracy, money, roi, chosen, people)


def frontier(
    people: People, ask: Ask, prices: Mapping[str, float], direction: Direction
) -> tuple[list[Effect], dict[str, str]]:
    """Return the effects of the decision as it is and of every method at every strength, and {method: why it has none}."""
    learn, held = people.half(learn=True), people.half(learn=False)
    out = [effect(AS_DECIDED, 0.0, held, held.selected.astype(float), ask, prices, direction)]
    unfit: dict[str, str] = {}
    for name, method in METHODS.items():
        try:
            rules_of = [(strength, method(learn, held, strength, direction)) for strength in STRENGTHS]
        except UnfitError as reason:
            unfit[name] = str(reason)
            continue
        out += [effect(name, strength, held, rule, ask, prices, direction) for strength, rule in rules_of]
    return out, unfit


def pick(effects: Sequence[Effect]) -> Effect | None:
    """Return the point to suggest: of those whose ratio reaches four fifths the one with the most money (the most accurate
    without prices), else the one with the highest ratio. None when no ratio is known."""

    def worth(one: Effect) -> tuple[float, float, float]:
        money = one.money.value if one.money else one.accuracy.value
        return money, one.ratio.value if one.ratio else 0.0, -one.strength

    judged = [one for one in effects if one.ratio is not None]
    enough = [one for one in judged if one.ratio is not None and one.ratio.value >= FOUR_FIFTHS]
    if enough:
        return max(enough, key=worth)
    return max(judged, key=lambda one: (one.ratio.value if one.ratio else 0.0, *worth(one)), default=None)


def mitigate(
    engine: Engine,
    ask: Ask,
    attribute: str,
    decision: str | None = None,
    direction: Direction = "more",
    prices: Mapping[str, float] | None = None,
    *,
    message: str | None = None,
) -> list[Estimate]:
    """Return before and after of every method at full strength (`mitigated_ratio`, `_accuracy`, `_money`), then the frontier
    (`fairness_roi_frontier` with the return, `frontier_ratio` with the ratio it buys) and the `suggested` point of it.

    Of an imported `decision`, or of whom the `message` of that title was sent to (see `people.read`). `prices` are those of a
    `right_choice` and of a `choice` in the reporting currency, as the settings have them unless given. Raises DataError for an
    unknown decision or message.
    """
    about: str | int = _message(engine, message) if message is not None else _decision(engine, decision or "")
    made = groups.of(engine, attribute)
    people = read(engine, made, about, ask)
    by = {"attribute": made.title, **({"message": message} if message is not None else {"decision": str(about)})}
    if min(int(people.learn.sum()), int((~people.learn).sum())) < ask.report_n:
        note = "fewer than 30 people with a label in one half of the data"
        return [rules.absent("bias_mitigation", TOO_FEW, by, unit="ratio", label=RAW, note=note)]
    known = dict(prices or {}) or {part: price for part, price in ask.ethics.prices.items() if part in (GAIN, COST)}
    effects, unfit = frontier(people, ask, known, direction)
    best = pick(effects)
    unit = ask.currency or ""
    out: list[Estimate] = []
    for one in effects:
        if one.method == AS_DECIDED or one.strength == 1.0:
            out += _told(one, by, unit)
    out += [
        rules.absent("bias_mitigation", why, {**by, "method": name}, unit="ratio", label=RAW) for name, why in unfit.items()
    ]
    for one in effects:
        out += _point(one, by, chosen=one is best)
    return out


def _decision(engine: Engine, name: str) -> str:
    names = [str(row["d"]) for row in engine.rows("SELECT DISTINCT d.decision AS d FROM decisions AS d ORDER BY 1")]
    if name not in names:
        raise DataError(f"the store holds no decision '{name}'.", hint=nearest(name, names) or "Import decisions first.")
    return name


def _message(engine: Engine, title: str) -> int:
    """Return the number of the campaign of a title. Raises DataError for none or several of it."""
    rows = engine.rows(
        "SELECT DISTINCT COALESCE(co.campaign_id, c.campaign_key) AS id, c.title AS title FROM campaigns AS c"
        " LEFT JOIN campaign_of AS co ON co.campaign_key = c.campaign_key WHERE c.title IS NOT NULL ORDER BY 2, 1"
    )
    found = [int(row["id"]) for row in rows if row["title"] == title]
    if not found:
        raise DataError(f"the store holds no message '{title}'.", hint=nearest(title, [str(row["title"]) for row in rows]))
    if len(found) > 1:
        raise DataError(f"the store holds {len(found)} messages '{title}'.", hint="Name one whose title is its own.")
    return found[0]


def _told(one: Effect, by: Mapping[str, str], unit: str) -> list[Estimate]:
    here = {**by, "method": one.method, "state": "before" if one.method == AS_DECIDED else "after"}
    where = {**here, "group": one.worst, "against": one.best} if one.ratio else here
    note = f"{HELD_OUT}; {one.chosen} of {one.people} chosen"
    if one.ratio is None:
        ratio = rules.absent("bias_mitigation", ONE_GROUP, where, unit="ratio", label=RAW, n=one.people)
    else:
        ratio = rules.from_interval("bias_mitigation", one.ratio, n=one.people, unit="ratio", by=where, label=RAW)
    accuracy = rules.from_interval("mitigated_accuracy", one.accuracy, n=one.people, unit="share", by=here)
    money = (
        rules.from_interval("mitigated_money", one.money, n=one.people, unit=unit, by=here)
        if one.money
        else rules.absent("mitigated_money", NOT_PRICED, here, unit=unit, n=one.people)
    )
    return [rules.with_note(each, note) for each in (ratio, accuracy, money)]


def _point(one: Effect, by: Mapping[str, str], *, chosen: bool) -> list[Estimate]:
    here = {**by, "method": one.method, "strength": f"{one.strength:g}", "suggested": "yes" if chosen else "no"}
    note = f"{HELD_OUT}; {SUGGESTED}" if chosen else HELD_OUT
    roi = (
        rules.absent("fairness_roi_frontier", NOT_PRICED, here, unit="ratio", n=one.people)
        if one.roi is None
        else Estimate("fairness_roi_frontier", one.roi, n=one.people, unit="ratio", by=here)
    )
    if one.money and one.roi is not None and one.money.value:
        spent = one.money.value / one.roi if one.roi else 0.0
        if spent:
            ends = (one.money.low / spent, one.money.high / spent)
            roi = Estimate("fairness_roi_frontier", one.roi, min(ends), max(ends), None, one.people, "ratio", by=here)
    ratio = (
        rules.absent("frontier_ratio", ONE_GROUP, here, unit="ratio", label=RAW, n=one.people)
        if one.ratio is None
        else rules.from_interval("frontier_ratio", one.ratio, n=one.people, unit="ratio", by=here, label=RAW)
    )
    return [rules.with_note(each, note) for each in (ratio, roi)]


def of_all(engine: Engine, ask: Ask, id: str) -> list[Estimate]:
    """Mitigate every decision by each attribute named in `ask.by`, or by all; return the estimates that a metric is about."""
    names = [str(row["d"]) for row in engine.rows("SELECT DISTINCT d.decision AS d FROM decisions AS d ORDER BY 1")]
    wanted = ask.by or tuple(n for n, number in attributes.values(engine).items() if number <= attributes.MOST_GROUPS)
    if not names or not wanted:
        return [rules.absent(id, NO_DECISIONS, {}, unit="ratio", note="no decision about people, or no attribute of theirs")]
    is_frontier = id == "fairness_roi_frontier"
    return [
        one
        for decision in names
        for attribute in wanted
        for one in mitigate(engine, ask, attribute, decision)
        if one.id in ("fairness_roi_frontier", "frontier_ratio") or (not is_frontier)
        if is_frontier or one.id not in ("fairness_roi_frontier", "frontier_ratio")
    ]
