"""How far the data reach that a part of the report rests on: by connection until when, and where something was not read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

from persync.engine.engine import Engine, once
from persync.measure.metric import Ask
from persync.report import words
from persync.report.report import Note

COVERAGE: Final = """
SELECT
  n.name AS connection, n.connector AS connector, n.covers_from AS covers_from, c.stream AS stream,
  SUM(CASE WHEN c.state = 'complete' THEN 1 ELSE 0 END) AS complete,
  SUM(CASE WHEN c.state = 'complete' THEN 0 ELSE 1 END) AS holes,
  MIN(CASE WHEN c.state = 'complete' THEN c.from_at END) AS from_at,
  MAX(CASE WHEN c.state = 'complete' THEN c.to_at END) AS to_at,
  MIN(NULLIF(c.reason, '')) AS reason
FROM coverage AS c JOIN connections AS n ON n.connection = c.connection
GROUP BY n.name, n.connector, n.covers_from, c.stream
ORDER BY n.name, c.stream"""
"""one row a connection and stream"""
SOURCES: Final = ("assignments", "attributes", "campaigns", "decisions", "feedback", "orders", "outcomes", "touchpoints")
"""tables that say by which connection each of their rows came; all that a measure reads hangs on one of them"""
_BEHIND: Final = (
    "SELECT DISTINCT n.name AS connection FROM {} AS t JOIN connections AS n ON n.connection = t.connection ORDER BY 1"
)


def reaches(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return until when (epoch ms) each connection is read, of rows of `COVERAGE`; one that was never read has no such time."""
    until: dict[str, int] = {}
    for row in rows:
        if row["to_at"] is not None:
            until[str(row["connection"])] = max(until.get(str(row["connection"]), 0), int(row["to_at"]))
    return until


def mark(engine: Engine, read: Collection[str], ask: Ask) -> Note | None:
    """Return a line that says how far the connections reach whose rows are in the tables that were read; None without one."""
    tables = [name for name in SOURCES if name in read and engine.has(name)]
    behind = set().union(*(once(engine, ("connections behind", name), partial(_behind, engine, name)) for name in tables))
    if not behind:
        return None
    rows = engine.rows(COVERAGE)
    until = reaches(rows)
    holes: dict[str, int] = dict.fromkeys(behind, 0)
    for row in rows:
        name = str(row["connection"])
        if name in behind:
            holes[name] += 1 if int(row["holes"]) else 0
    parts = [_part(name, until.get(name, 0), holes[name], ask) for name in sorted(behind)]
    return Note(f"Rests on {words.listing(parts)}.", "coverage")


def _behind(engine: Engine, table: str) -> frozenset[str]:
    """Return the connections that a table's rows came by, whatever days are asked for."""
    return frozenset(str(row["connection"]) for row in engine.rows(_BEHIND.format(table)))


def _part(name: str, until: int, holes: int, ask: Ask) -> str:
    reach = f"{name} until {words.moment(until, ask.timezone)}" if until else f"{name} as imported"
    return f"{reach} ({words.plural(holes, 'stream')} not wholly read)" if holes else reach
