"""Which days are in the store: a line a connection, and beneath it one a stream."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from persync.redact import redacted
from persync.report import words
from persync.serve.diary import reading
from persync.serve.render import page
from persync.settings.periods import day_start, zone

if TYPE_CHECKING:
    from persync.serve.filters import Filters
    from persync.serve.site import Site

MONTHS: Final = 12
"""so many are shown where no period is asked for"""
MOST_MONTHS: Final = 24


@dataclass(frozen=True, slots=True)
class Stream:
    """What a stream has covered: spans [from, to) in epoch ms in order, and why something is missing."""

    connection: str
    name: str
    spans: tuple[tuple[int, int], ...]
    reasons: tuple[str, ...]


def streams(db: sqlite3.Connection) -> list[Stream]:
    """Return every stream that was read or is known to be missing, by connection and name."""
    found: dict[tuple[str, str], dict[str, list[Any]]] = {}
    for connection, stream, state, reason, first, last, covers in db.execute(
        "SELECT n.name, c.stream, c.state, c.reason, c.from_at, c.to_at, n.covers_from FROM coverage c"
        " JOIN connections n USING (connection) ORDER BY 1, 2, c.from_at, c.to_at"
    ):
        one = found.setdefault((connection, stream), {"complete": [], "gone": [], "reasons": []})
        if state == "complete":
            begins = max(first, covers or 0) if stream == "orders" else first
            one["complete"].append((begins, last))
        elif state == "removed":
            one["gone"].append((first, last))
        if reason and reason not in one["reasons"]:
            one["reasons"].append(redacted(reason))
    return [
        Stream(connection, stream, _without(_union(one["complete"]), one["gone"]), tuple(one["reasons"]))
        for (connection, stream), one in found.items()
    ]


def _union(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for first, last in sorted(span for span in spans if span[0] < span[1]):
        if out and first <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return out


def _without(spans: Sequence[tuple[int, int]], gone: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    for begun, ended in gone:
        spans = [
            piece
            for first, last in spans
            for piece in ((first, min(last, begun)), (max(first, ended), last))
            if piece[0] < piece[1]
        ]
    return tuple(spans)


def is_covered(stream: Stream, day: date, timezone: str) -> bool:
    """Tell whether a whole day is in the store."""
    first, last = day_start(day, timezone), day_start(day + timedelta(days=1), timezone)
    return any(begun <= first and last <= ended for begun, ended in stream.spans)


def coverage_blocks(site: Site, filters: Filters) -> Markup:
    """Return the calendar: by month, or the days of the one month that the period is."""
    timezone = site.project.timezone
    with reading(site.project.store_path) as db:
        known = streams(db)
    ask = site.project.ask(site.moment(), filters.period or None)
    days = _days(ask.now, ask.period, timezone)
    today = datetime.fromtimestamp(ask.now / 1000, zone(timezone)).date()
    single = len({(day.year, day.month) for day in days}) == 1
    heads = [(f"{day:%d}", "") for day in days] if single else _months(days, filters)
    parts = [
        _connection(name, list(of), days, today, timezone, single=single)
        for name, of in groupby(known, key=lambda stream: stream.connection)
    ]
    back = f"/coverage{replace(filters, period='', segment='').query()}" if single else ""
    title = f"{days[0]:%B %Y}" if single else f"{days[-1]:%B %Y} back to {days[0]:%B %Y}"
    shown = page("calendar.html.j2", title=title, heads=heads, parts=parts, back=back)
    return Markup(shown)  # noqa: S704  the template escaped it


def _days(now: int, period: tuple[int, int] | None, timezone: str) -> list[date]:
    """Return the days of whole months: those of the period, the last months of it if it is long, or of the year until now."""
    where = zone(timezone)
    last = datetime.fromtimestamp((period[1] - 1 if period else now) / 1000, where).date()
    first = datetime.fromtimestamp(period[0] / 1000, where).date() if period else None
    back = MONTHS if first is None else min(MOST_MONTHS, (last.year - first.year) * 12 + last.month - first.month + 1)
    number = last.year * 12 + last.month - back
    start = date(number // 12, number % 12 + 1, 1)
    end = (last.replace(day=1) + timedelta(days=31)).replace(day=1)
    return [start + timedelta(days=i) for i in range((end - start).days)]


def _months(days: Sequence[date], filters: Filters) -> list[tuple[str, str]]:
    names = dict.fromkeys(f"{day:%Y-%m}" for day in days)
    return [(name, f"/coverage{replace(filters, period=name, segment='').query()}") for name in reversed(names)]


def _connection(
    name: str, of: Sequence[Stream], days: Sequence[date], today: date, timezone: str, *, single: bool
) -> Mapping[str, Any]:
    """Return the line of a connection, whose days are those that all of its streams have which were read at all, and the lines
    of its streams."""
    by_stream = {one: frozenset(day for day in days if is_covered(one, day, timezone)) for one in of}
    read = [covered for one, covered in by_stream.items() if one.spans]
    whole = frozenset.intersection(*read) if read else frozenset()
    return {
        "name": name,
        "cells": _cells(whole, days, today, single=single),
        "missing": "; ".join(_missing(of)),
        "streams": [
            {"name": one.name, "cells": _cells(covered, days, today, single=single), "missing": "; ".join(one.reasons)}
            for one, covered in by_stream.items()
        ],
    }


def _missing(of: Sequence[Stream]) -> list[str]:
    """Return what is missing of a connection: each reason with the streams that it keeps away."""
    shared: dict[str, list[str]] = {}
    for one in of:
        for reason in one.reasons:
            shared.setdefault(reason, []).append(one.name)
    return [f"{', '.join(names)}: {reason}" for reason, names in shared.items()]


def _cells(covered: frozenset[date], days: Sequence[date], today: date, *, single: bool) -> list[tuple[str, str, str]]:
    """Return the cells of a line: one a day, or one a month, the newest first, with how many of its days that are over are
    covered."""
    cells: list[tuple[str, str, str]] = []
    groups: dict[str, list[date]] = {}
    for day in days:
        groups.setdefault(day.isoformat() if single else f"{day:%Y-%m}", []).append(day)
    for name, group in groups.items() if single else reversed(groups.items()):
        over = [day for day in group if day < today]
        number = sum(day in covered for day in over)
        kind = "future" if not over else "full" if number == len(over) else "some" if number else "none"
        text = "" if kind == "future" else ("yes" if number else "no") if single else f"{number}/{len(over)}"
        cells.append((kind, text, f"{name}: {number} of {words.plural(len(over), 'day')} covered"))
    return cells
