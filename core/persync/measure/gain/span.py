"""Months and before-and-after: the spans of time that costs and returns are told for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from persync.measure.costs import months_later
from persync.measure.metric import Ask

BEFORE, AFTER = "before", "after"
NO_START: Final = "no_start"
START_HINT: Final = "set value.started, the day on which the programme began"
_LONGEST: Final = 12_000
"""months that are counted one by one"""


def months_between(from_at: int, to_at: int, timezone: str = "UTC") -> float:
    """Return how many calendar months lie between two moments; what is left of a month counts by its days."""
    if to_at <= from_at:
        return 0.0
    shift = _offset(from_at, timezone)
    start, end = from_at + shift, to_at + _offset(to_at, timezone)
    whole = min(_LONGEST, max(0, int((end - start) / 86_400_000 / 31)))
    while whole < _LONGEST and months_later(start, whole + 1) <= end:
        whole += 1
    begin, after = months_later(start, whole), months_later(start, whole + 1)
    return whole + (end - begin) / (after - begin)


def _offset(at: int, timezone: str) -> int:
    moment = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(timezone))
    offset = moment.utcoffset()
    return round(offset.total_seconds() * 1000) if offset else 0


def halves(ask: Ask, first_at: int | None) -> dict[str, Ask] | None:
    """Return the question for the days before the programme began and for those after it, at most as far back as it has run
    and not before `first_at`; None when no day is set, or it does not lie between the two ends."""
    start = ask.value.started
    if start is None or first_at is None:
        return None
    from_at, to_at = ask.period or (first_at, ask.now)
    to_at = min(to_at, ask.now)
    begin = max(from_at if ask.period else start - (to_at - start), first_at)
    if not begin < start < to_at:
        return None
    return {BEFORE: replace(ask, period=(begin, start)), AFTER: replace(ask, period=(start, to_at))}
