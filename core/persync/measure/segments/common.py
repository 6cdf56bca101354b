"""What the measures of segments share: the days they look at, and one row a segment with what its members did in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import membership, rules
from persync.measure.metric import Ask
from persync.measure.rules import DAY

DAYS: Final = 90
"""what is looked at when no period is asked for: so many days up to now"""
SEG: Final = "seg"
NO_SEGMENTS: Final = "no_segments"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """The days looked at. Membership is that of their first moment, by what was known before."""

    ask: Ask
    note: str

    @property
    def period(self) -> tuple[int, int]:
        """[from, to) in epoch ms."""
        assert self.ask.period is not None
        return self.ask.period


def look(ask: Ask) -> Look:
    """Return the asked days, or the last 90."""
    if ask.period is not None:
        return Look(ask, "members as of the period's first day")
    dated = replace(ask, period=(ask.now - DAYS * DAY, ask.now))
    return Look(dated, f"members as of {DAYS} days ago, and what they did since")


def hidden(rows: Sequence[Row], ask: Ask, people: str = "people") -> frozenset[str]:
    """Return the segments that rule E1 hides; those of one kind cover one another."""
    tables: dict[str, dict[str, int]] = {}
    for row in rows:
        name = str(row["segment"])
        tables.setdefault(membership.kind_of(name), {})[name] = int(row[people])
    return frozenset().union(*(rules.hidden(table, ask.suppress_n) for table in tables.values()))


def each(
    rows: Sequence[Row], id: str, unit: str, ask: Ask, make: Callable[[Row, dict[str, str]], Estimate], note: str = ""
) -> list[Estimate]:
    """Return one estimate a segment, hidden where rule E1 says so."""
    hide = hidden(rows, ask)
    out = []
    for row in rows:
        by = {SEG: str(row["segment"])}
        made = rules.suppressed(id, ask, by, unit=unit) if by[SEG] in hide else make(row, by)
        shown = made if made.reason == rules.SUPPRESSED else rules.with_note(made, note)
        out.append(replace(shown, period=ask.period))
    return out


def nothing(id: str, unit: str, ask: Ask) -> list[Estimate]:
    """Return the answer where nobody was known at the moment."""
    note = "nobody was known before the first day that is looked at"
    return [replace(rules.absent(id, NO_SEGMENTS, {}, unit=unit, note=note), period=ask.period)]


def build(engine: Engine, ask: Ask) -> None:
    """Write the members as of the first moment of the period."""
    membership.build(engine, ask, [membership.moment(ask)])
