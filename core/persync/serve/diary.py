"""Which days of each stream are in the store, and what ran: read from the store itself, which is opened for reading alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from persync.errors import StoreError
from persync.redact import redacted
from persync.report import words
from persync.report.report import Block, Cell, Column, Note, Table
from persync.serve.render import page
from persync.settings.periods import day_start, zone
from persync.store.log import broken_at

if TYPE_CHECKING:
    from pathlib import Path

    from persync.serve.filters import Filters
    from persync.serve.site import Site

MONTHS: Final = 12
"""so many are shown where no period is asked for"""
MOST_MONTHS: Final = 24
ENTRIES: Final = 100
"""runs, and entries of the log, that are shown: the last ones"""
WAIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Stream:
    """What a stream has covered: spans [from, to) in epoch ms in order, and why something is missing."""

    connection: str
    name: str
    spans: tuple[tuple[int, int], ...]
    reasons: tuple[str, ...]


@contextmanager
def reading(store: Path) -> Iterator[sqlite3.Connection]:
    """Open a store to read one state of it: nothing is written, no writer waits. Raise StoreError when it cannot be read."""
    try:
        with closing(sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)) as db:
            db.execute("BEGIN")
            yield db
    except sqlite3.Error as error:
        raise StoreError(
            f"the store {store} cannot be read: {error}.", hint="Run `persync pull` or `persync demo` first."
        ) from None


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
    rows = [_row(stream, days, today, timezone, single=single) for stream in known]
    back = f"/coverage{replace(filters, period='', segment='').query()}" if single else ""
    title = f"{days[0]:%B %Y}" if single else f"{days[0]:%B %Y} to {days[-1]:%B %Y}"
    shown = page("calendar.html.j2", title=title, heads=heads, rows=rows, back=back)
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
    return [(name, f"/coverage{replace(filters, period=name, segment='').query()}") for name in names]


def _row(stream: Stream, days: Sequence[date], today: date, timezone: str, *, single: bool) -> Mapping[str, Any]:
    """Return a line of the calendar: a cell a day, or one a month with how many of its days that are over are covered."""
    cells: list[tuple[str, str, str]] = []
    groups: dict[str, list[date]] = {}
    for day in days:
        groups.setdefault(day.isoformat() if single else f"{day:%Y-%m}", []).append(day)
    for name, group in groups.items():
        over = [day for day in group if day < today]
        covered = sum(is_covered(stream, day, timezone) for day in over)
        kind = "future" if not over else "full" if covered == len(over) else "some" if covered else "none"
        text = "" if kind == "future" else ("yes" if covered else "no") if single else f"{covered}/{len(over)}"
        cells.append((kind, text, f"{name}: {covered} of {words.plural(len(over), 'day')} covered"))
    return {"connection": stream.connection, "stream": stream.name, "cells": cells, "reasons": "; ".join(stream.reasons)}


def log_blocks(site: Site) -> list[Block]:
    """Return the last runs with how each ended, and the last entries of the chained log with what its chain says."""
    with reading(site.project.store_path) as db:
        runs = db.execute(
            "SELECT run, command, started_at, ended_at, exit_code, summary FROM runs ORDER BY run DESC LIMIT ?", (ENTRIES,)
        ).fetchall()
        entries = db.execute("SELECT happened_at, event, detail FROM log ORDER BY entry DESC LIMIT ?", (ENTRIES,)).fetchall()
        broken = broken_at(db)
    chain = "The chain of the log fits." if broken is None else f"The chain of the log does not fit from entry {broken} on."
    return [
        Table(
            "runs",
            "What ran, the last first.",
            (
                Column("run", "run"),
                Column("command", "command"),
                Column("began", "began", "time"),
                Column("ended", "ended", "time"),
                Column("exit", "exit code"),
                Column("summary", "result"),
            ),
            tuple(_run(*row) for row in runs),
        ),
        Note(chain, "info" if broken is None else "warning"),
        Table(
            "entries",
            "The log, the last entry first.",
            (Column("at", "when", "time"), Column("event", "event"), Column("detail", "detail")),
            tuple((at, event, redacted(detail)) for at, event, detail in entries),
        ),
    ]


def _run(run: int, command: str, began: int, ended: int | None, code: int | None, summary: str | None) -> tuple[Cell, ...]:
    state = "under way" if ended is None and not summary else "" if code is None else str(code)
    return str(run), redacted(command), began, ended, state, redacted(summary or "")
