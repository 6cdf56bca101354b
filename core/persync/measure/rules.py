"""The edge rules, in one place: empty, small, immature and mixed-currency cases, and how estimates are made.

E0 a zero denominator gives null `no_denominator`. E1 fewer than `suppress_n` people are hidden (`suppressed`, no count),
fewer than `report_n` people or 10 events are "too few to say". E2 every rate and mean has its interval. E4 a window that is
open, or runs past what is known (`attribution.horizon`), gives null `immature`. E5 several currencies give null
`mixed_currencies`. E8 comparisons are counted and Holm-adjusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from persync.estimate import Estimate, Label
from persync.measure import intervals
from persync.measure.intervals import Interval, Moments
from persync.measure.metric import Ask
from persync.money import exponent

NO_DENOMINATOR: Final = "no_denominator"
SUPPRESSED: Final = "suppressed"
IMMATURE: Final = "immature"
MIXED_CURRENCIES: Final = "mixed_currencies"
TOO_FEW: Final = "too few to say"
"""Stands in `note` of a value that may be shown but never decides anything."""
REPORT_EVENTS: Final = 10
DAY: Final = 86_400_000


def too_few(estimate: Estimate) -> bool:
    """Tell whether a value may not drive a verdict: it is missing or marked too few to say."""
    return estimate.value is None or TOO_FEW in estimate.note


def with_note(estimate: Estimate, note: str) -> Estimate:
    """Add a sentence to an estimate's note."""
    return replace(estimate, note=f"{estimate.note}; {note}" if estimate.note else note) if note else estimate


def gap(unit: str) -> str:
    """Return the unit of a difference of two values of a unit: shares differ in percentage points, not in per cent."""
    return "points" if unit == "share" else unit


def smallness(people: int, events: int | None, ask: Ask) -> str:
    """Return the note of rule E1 for a sample: empty when it is large enough."""
    if people < ask.report_n or (events is not None and events < REPORT_EVENTS):
        return TOO_FEW
    return ""


def future_orders(number: int) -> str:
    """Return the note that as many orders are left out because they are dated in the future, "" for none."""
    if number == 1:
        return "1 order dated in the future is left out"
    return f"{number:,} orders dated in the future are left out" if number else ""


def absent(
    id: str,
    reason: str,
    by: Mapping[str, str],
    *,
    unit: str = "",
    label: Label = "",
    n: int | None = None,
    note: str = "",
) -> Estimate:
    """Return an estimate without a value, with the reason."""
    return Estimate(id, None, n=n, unit=unit, label=label, reason=reason, by=dict(by), note=note)


def suppressed(id: str, ask: Ask, by: Mapping[str, str], *, unit: str = "", label: Label = "") -> Estimate:
    """Return the estimate of a hidden cell: no value and no count, because the count is what is hidden."""
    return absent(id, SUPPRESSED, by, unit=unit, label=label, note=f"hidden: cells of fewer than {ask.suppress_n} people")


def share(id: str, successes: int, n: int, ask: Ask, by: Mapping[str, str]) -> Estimate:
    """Return a proportion with Wilson's interval under rules E0 and E1."""
    if n == 0:
        return absent(id, NO_DENOMINATOR, by, unit="share", n=0)
    if n < ask.suppress_n:
        return suppressed(id, ask, by, unit="share")
    made = from_interval(id, intervals.wilson(successes, n, ask.confidence), n=n, unit="share", by=by)
    return with_note(made, smallness(n, successes, ask))


def average(id: str, sample: Moments | None, events: int, ask: Ask, by: Mapping[str, str], *, unit: str) -> Estimate:
    """Return a mean with Student's interval under rules E0 and E1. `events` = people whose value is not zero."""
    if sample is None or sample.n == 0:
        return absent(id, NO_DENOMINATOR, by, unit=unit, n=0)
    if sample.n < ask.suppress_n:
        return suppressed(id, ask, by, unit=unit)
    made = from_interval(id, intervals.mean(sample, ask.confidence), n=sample.n, unit=unit, by=by, value=sample.mean)
    return with_note(made, smallness(sample.n, events, ask))


def mean_of(
    id: str, total: float, n: int, interval: Interval | None, events: int, ask: Ask, by: Mapping[str, str], *, unit: str
) -> Estimate:
    """Return a mean of `n` people with an interval of the caller's under rules E0 and E1, see `average`."""
    if n == 0:
        return absent(id, NO_DENOMINATOR, by, unit=unit, n=0)
    if n < ask.suppress_n:
        return suppressed(id, ask, by, unit=unit)
    return with_note(from_interval(id, interval, n=n, unit=unit, by=by, value=total / n), smallness(n, events, ask))


def from_interval(
    id: str,
    interval: Interval | None,
    *,
    n: int | None,
    unit: str,
    by: Mapping[str, str],
    label: Label = "",
    value: float | None = None,
) -> Estimate:
    """Wrap an interval. None becomes the bare `value`, or null `no_denominator` when there is none either."""
    if interval is None:
        if value is None:
            return absent(id, NO_DENOMINATOR, by, unit=unit, label=label, n=n)
        return Estimate(id, value, n=n, unit=unit, label=label, by=dict(by))
    return Estimate(id, interval.value, interval.low, interval.high, interval.p, n, unit, label, by=dict(by))


def hidden(cells: Mapping[str, int], floor: int, also: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the cells to hide: those with 1 to floor - 1 people and those in `also`, and as many more, smallest first, as
    it takes so that a total does not give them away: never exactly one, and together never fewer than `floor` people.

    Empty cells reveal nobody and are neither hidden nor used as a cover.
    """
    sizes = sorted((count, name) for name, count in cells.items() if count > 0)
    out = {name for count, name in sizes if count < floor or name in also}
    for _, name in sizes:
        if not out or (len(out) > 1 and sum(cells[other] for other in out) >= floor):
            break
        out.add(name)
    return frozenset(out)


def hidden_in_any(tables: Iterable[Mapping[str, int]], floor: int, also: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the cells to hide alike in several tables over the same groups, those in `also` among them, so that no table gives
    away another's."""
    every = list(tables)
    out = also
    while True:
        # Hiding a group because of one table must not leave it uncovered in another; one after the other, so that what covers
        # a cell in one table is used in the next as well.
        more = out
        for table in every:
            more |= hidden(table, floor, more)
        if more == out:
            return out
        out = more


def comparison_notes(family: Sequence[Estimate]) -> list[str]:
    """Return, for each of a family shown together, how many comparisons there are and its Holm-adjusted p (E8)."""
    tested = [i for i, estimate in enumerate(family) if estimate.p is not None]
    if len(tested) < 2:
        return [""] * len(family)
    adjusted = dict(zip(tested, intervals.holm([family[i].p or 0.0 for i in tested]), strict=True))
    return [
        f"one of {len(tested)} comparisons, Holm-adjusted p {adjusted[i]:.3g}" if i in adjusted else ""
        for i in range(len(family))
    ]


def compared(family: Sequence[Estimate]) -> list[Estimate]:
    """Write E8's notes into a family shown together, in place of those of the smaller families it was made of."""
    alone = [replace(e, note="; ".join(p for p in e.note.split("; ") if not _COMPARISON.fullmatch(p))) for e in family]
    return [with_note(e, note) for e, note in zip(alone, comparison_notes(family), strict=True)]


_COMPARISON: Final = re.compile(r"one of \d+ comparisons, Holm-adjusted p [0-9.e+-]+")


def scaled(sample: Moments | None, currency: str) -> Moments | None:
    """Turn moments of minor units into moments of major units."""
    if sample is None:
        return None
    unit = 10.0 ** exponent(currency)
    return Moments(sample.n, sample.mean / unit, sample.variance / (unit * unit))


def one_currency(currencies: Iterable[str | None]) -> str | None:
    """Return the only currency among those seen ("" when none was); None when there are several (E5)."""
    seen = {currency for currency in currencies if currency}
    if len(seen) > 1:
        return None
    return seen.pop() if seen else ""
