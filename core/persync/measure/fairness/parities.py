"""Rates held between groups: each with its interval, against the best group, with the four-fifths verdict.

`direction` says what a high rate means: `more` when being selected is good (an offer), `less` when it is a burden (a complaint,
a message held back). The best group is the one with the highest or the lowest rate; the ratio is always that of the worse off
to the better off, so that below 0.8 means the same in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from persync.estimate import RAW, Estimate
from persync.measure import intervals, rules
from persync.measure.fairness import directions
from persync.measure.fairness.frame import Frame
from persync.measure.fairness.groups import is_known
from persync.measure.fairness_settings import Direction
from persync.measure.intervals import Interval
from persync.measure.metric import Ask
from persync.measure.trials import power

FOUR_FIFTHS: Final = 0.8
TOO_FEW: Final = "too_few"
ONE_GROUP: Final = "one_group"

Verdict = Literal["below", "meets", "not shown"]
Cell = tuple[int, int]
"""how many were selected, of how many people"""


def verdict(ratio: Estimate, enough: bool) -> Verdict:
    """Judge a ratio against four fifths: `below` and `meets` only when the whole interval is on that side."""
    if not enough or ratio.low is None or ratio.high is None:
        return "not shown"
    if ratio.high < FOUR_FIFTHS:
        return "below"
    return "meets" if ratio.low >= FOUR_FIFTHS else "not shown"


def rates(
    kind: str,
    cells: Mapping[str, Cell],
    hide: frozenset[str],
    ask: Ask,
    by: Mapping[str, str],
    *,
    direction: Direction | None = None,
    spread: str = "demographic_parity",
    empty: str = rules.NO_DENOMINATOR,
    judged: bool = True,
) -> Frame:
    """Compare rates between groups: `cells` maps a group to (selected, people), `hide` names the groups not to show.

    The group with the best rate among those large enough is what the others are held against; being chosen after a look
    at the data it makes the differences look a little larger than they are, which the notes say. A group of nobody is null with
    the reason `empty`. `direction` is as `directions` has it unless given. Without `judged` there is no four-fifths
    verdict: what turned out of people is not done to them.
    """
    rate = f"{kind}_rate"
    direction = direction or directions.of(rate, ask, by.get("decision"))
    overall = rules.share(rate, sum(s for s, _ in cells.values()), sum(n for _, n in cells.values()), ask, by)
    shown = {name: cell for name, cell in cells.items() if name not in hide and cell[1] > 0}
    by_group = {}
    for name, (s, n) in cells.items():
        here = {**by, "group": name}
        made = rules.suppressed(rate, ask, here, unit="share") if name in hide else rules.share(rate, s, n, ask, here)
        by_group[name] = replace(made, reason=empty) if made.reason == rules.NO_DENOMINATOR else made
    reference = _reference(shown, ask, direction)
    others = [name for name in cells if name != reference]
    if reference is None or not others:
        reason = rules.SUPPRESSED if hide else ONE_GROUP
        return Frame(overall, by_group, rules.absent(spread, reason, {**by, "of": kind}, unit="share", label=RAW))
    pairs = [_Pair(kind, name, reference, cells, hide, ask, direction, empty) for name in others]
    differences = rules.compared([pair.difference(by) for pair in pairs])
    against = []
    for pair, difference in zip(pairs, differences, strict=True):
        ratio = pair.ratio(by)
        against += [difference, ratio]
        if judged:
            word = verdict(ratio, ratio.value is not None and pair.enough)
            fifths = replace(ratio, id="four_fifths", by={**ratio.by, "verdict": word, "of": kind}, note=word)
            note = "; ".join(filter(None, (ratio.note, _family(difference))))
            against.append(rules.with_note(fifths, note))
        against.append(pair.smallest(by))
    low, high = _extremes(kind, spread, shown, reference, ask, by, direction)
    return Frame(overall, by_group, low, high, tuple(against), homogeneity(kind, shown, ask, by))


def homogeneity(kind: str, shown: Mapping[str, Cell], ask: Ask, by: Mapping[str, str]) -> Estimate:
    """Test whether all known groups have the same rate: Pearson's chi-square of the table, without `unknown`."""
    known = [cell for name, cell in shown.items() if is_known(name)]
    id, people = f"{kind}_homogeneity", sum(n for _, n in known)
    if len(known) < 2:
        return rules.absent(id, ONE_GROUP, by, label=RAW)
    pooled = sum(s for s, _ in known) / people
    if pooled in (0.0, 1.0):
        return Estimate(id, 0.0, p=1.0, n=people, label=RAW, by=dict(by), note=f"{len(known)} groups without any difference")
    value = sum((s - n * pooled) ** 2 / (n * pooled * (1 - pooled)) for s, n in known)
    p = intervals.chi_square_p(value, len(known) - 1)
    least = min(n * min(pooled, 1 - pooled) for _, n in known)
    words = "the groups differ" if p < 1 - ask.confidence else "no difference between the groups is shown"
    note = f"{words} (chi-square over {len(known)} known groups)"
    made = Estimate(id, value, p=p, n=people, label=RAW, by=dict(by), note=note)
    return rules.with_note(made, "a group has fewer than 5 expected events: roughly" if least < 5 else "")


def _family(difference: Estimate) -> str:
    """Return the part of a note that counts the comparisons."""
    return next((part for part in difference.note.split("; ") if part.startswith("one of ")), "")


def _enough(worse: Cell, better: Cell, ask: Ask, direction: Direction) -> bool:
    """Tell whether two groups are large enough for a verdict: people, and the events that the one with fewer would have at the
    rate of the one with more.

    Expected rather than observed events, or a group of thousands that nothing was ever sent to could not be found.
    """
    (few, n), (s, m) = (worse, better) if direction == "more" else (better, worse)
    del few
    return n >= ask.report_n and m >= ask.report_n and s >= rules.REPORT_EVENTS and n * s >= rules.REPORT_EVENTS * m


def _reference(shown: Mapping[str, Cell], ask: Ask, direction: Direction) -> str | None:
    """Return the known group with the best rate among those large enough, else among all shown; None for no group."""
    known = {name: cell for name, cell in shown.items() if is_known(name)} or dict(shown)
    # The lowest rate may well have no events: many complaints expected and none made is what is best.
    whole = [sum(part) for part in zip(*known.values(), strict=True)] or [0, 1]
    large = {
        name: (s, n)
        for name, (s, n) in known.items()
        if n >= ask.report_n and (s if direction == "more" else n * whole[0] / whole[1]) >= rules.REPORT_EVENTS
    }
    pool = large or known
    sign = -1 if direction == "more" else 1
    return min(pool, key=lambda name: (sign * pool[name][0] / pool[name][1], name), default=None)


class _Pair:
    """One group held against the best one."""

    def __init__(
        self,
        kind: str,
        name: str,
        reference: str,
        cells: Mapping[str, Cell],
        hide: frozenset[str],
        ask: Ask,
        direction: Direction,
        empty: str,
    ) -> None:
        self.kind, self.ask, self.direction, self.empty = kind, ask, direction, empty
        self.group, self.reference, self.is_hidden = name, reference, name in hide
        self.cell, self.base = cells[name], cells[reference]
        self.enough = _enough(self.cell, self.base, ask, direction)

    def _by(self, by: Mapping[str, str]) -> dict[str, str]:
        return {**by, "group": self.group, "against": self.reference}

    def _made(self, id: str, unit: str, by: Mapping[str, str], interval: Interval | None) -> Estimate:
        n = self.cell[1] + self.base[1]
        made = rules.from_interval(id, interval, n=n, unit=unit, by=self._by(by), label=RAW)
        return rules.with_note(made, "" if self.enough else rules.TOO_FEW)

    def _missing(self, id: str, unit: str, by: Mapping[str, str]) -> Estimate | None:
        if self.is_hidden:
            return rules.suppressed(id, self.ask, self._by(by), unit=unit, label=RAW)
        if self.cell[1] == 0:
            return rules.absent(id, self.empty, self._by(by), unit=unit, label=RAW, n=0)
        return None

    def difference(self, by: Mapping[str, str]) -> Estimate:
        """The group's rate less the best one's (Newcombe)."""
        id = f"{self.kind}_difference"
        found = self._missing(id, "share", by)
        return found or self._made(id, "share", by, intervals.newcombe(*self.cell, *self.base, self.ask.confidence))

    def ratio(self, by: Mapping[str, str]) -> Estimate:
        """The worse off to the better off (Katz)."""
        id = f"{self.kind}_ratio"
        return self._missing(id, "ratio", by) or self._made(
            id, "ratio", by, ratio_of(self.cell, self.base, self.ask, self.direction)
        )

    def smallest(self, by: Mapping[str, str]) -> Estimate:
        """The smallest gap to the best group's rate that these two groups would have shown with a power of 80 %."""
        id = f"{self.kind}_smallest_gap"
        found = self._missing(id, "share", by)
        if found:
            return found
        s, m = self.base
        rate = (s + 0.5) / (m + 1) if s in (0, m) else s / m
        start = 1 - rate if self.direction == "more" else rate
        gap = power.detectable_share(start, self.cell[1], m, alpha=1 - self.ask.confidence)
        n = self.cell[1] + m
        if gap is None:
            note = "no gap at all could have been seen with a power of 80 %"
            return rules.absent(id, TOO_FEW, self._by(by), unit="share", label=RAW, n=n, note=note)
        return Estimate(id, gap, n=n, unit="share", label=RAW, by=self._by(by), note="seen with a power of 80 %")


def ratio_of(worse: Cell, better: Cell, ask: Ask, direction: Direction) -> Interval | None:
    """Return the four-fifths ratio of two groups: of rates where more is better, turned round where less is; None where the
    rate below the line is zero."""
    if direction == "less":
        worse, better = better, worse
    return intervals.ratio_of_shares(*worse, *better, ask.confidence)


def _extremes(
    kind: str,
    spread: str,
    shown: Mapping[str, Cell],
    reference: str,
    ask: Ask,
    by: Mapping[str, str],
    direction: Direction,
) -> tuple[Estimate, Estimate | None]:
    """Return the worst-off group against the best-off one among the shown groups, as difference and ratio.

    Groups too small for a verdict are left out of it where two are large enough; `unknown` is no group to be treated fairly
    or unfairly and is left out as well.
    """
    known = {name: cell for name, cell in shown.items() if is_known(name)}
    large = {name: cell for name, cell in known.items() if _enough(cell, shown[reference], ask, direction)}
    large = {**large, reference: shown[reference]} if large and reference in known else large
    pool = large if len(large) > 1 else known
    if reference not in pool or len(pool) < 2:
        return rules.absent(spread, ONE_GROUP, {**by, "of": kind}, unit="share", label=RAW), None
    sign = -1 if direction == "more" else 1
    if len(large) < 2:  # the best of those large enough need not be the best of all
        reference = min(pool, key=lambda name: (sign * pool[name][0] / pool[name][1], name))
    worst = max(pool, key=lambda name: (sign * pool[name][0] / pool[name][1], name != reference, name))
    cell, base = pool[worst], pool[reference]
    here = {**by, "group": worst, "against": reference, "of": kind}
    ends = "lowest against highest" if direction == "more" else "highest against lowest"
    note = f"{ends} of {len(pool)} groups, chosen after seeing them"
    if len(large) < 2:
        note = f"{rules.TOO_FEW}; {note}"
    gap = intervals.newcombe(*cell, *base, ask.confidence)
    made: Sequence[tuple[str, str, Interval | None]] = (
        ("difference", "share", flipped(gap) if direction == "more" else gap),
        ("ratio", "ratio", ratio_of(cell, base, ask, direction)),
    )
    difference, ratio = (
        rules.with_note(
            rules.from_interval(
                spread, interval, n=cell[1] + base[1], unit=unit, by={**here, "statistic": statistic}, label=RAW
            ),
            note,
        )
        for statistic, unit, interval in made
    )
    return difference, ratio


def flipped(interval: Interval) -> Interval:
    """Return the negative of an interval."""
    return Interval(-interval.value, -interval.high, -interval.low, interval.p)
