"""How many rows each connection has brought: counted when a pull or import ends, so that telling it scans no big table."""

from __future__ import annotations

import json
import sqlite3
from typing import Final

__all__ = ["COUNTED", "SCANNED", "known_counts", "note_counts"]

COUNTED: Final = ("contacts", "touchpoints", "orders", "outcomes", "assignments", "attributes", "decisions", "costs")
"""Tables whose rows say at a glance how much a connection has brought."""
SCANNED: Final = 100_000
"""rows of a connection in one table that are counted on the spot; beyond, it is told that there are at least so many"""
_NOTE: Final = "rows"


def note_counts(db: sqlite3.Connection) -> None:
    """Count the tables that changed since they were counted last; call inside a transaction."""
    revs = _revs(db)
    noted = _noted(db)
    old = [table for table in COUNTED if table in revs and noted.get(table, (None, {}))[0] != revs[table]]
    if not old:
        return
    for table in old:
        counts = {str(connection): n for connection, n in db.execute(f"SELECT connection, count(*) FROM {table} GROUP BY 1")}
        noted[table] = (revs[table], counts)
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_NOTE, json.dumps(noted, sort_keys=True)))


def known_counts(db: sqlite3.Connection) -> dict[tuple[int, str], tuple[int, bool]]:
    """Return {(connection, table): (rows, whether there may be more)}, without the empty ones.

    A table that changed since it was counted, as under a pull that is at work or was killed, is counted up to SCANNED rows a
    connection.
    """
    revs = _revs(db)
    noted = _noted(db)
    connections = [number for (number,) in db.execute("SELECT connection FROM connections")]
    found: dict[tuple[int, str], tuple[int, bool]] = {}
    for table in COUNTED:
        rev, counts = noted.get(table, (None, {}))
        if table in revs and rev == revs[table]:
            found.update({(int(connection), table): (n, False) for connection, n in counts.items()})
            continue
        for connection in connections:
            n = db.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE connection = ? LIMIT {SCANNED})", (connection,)
            ).fetchone()[0]
            if n:
                found[connection, table] = (n, n == SCANNED)
    return found


def _revs(db: sqlite3.Connection) -> dict[str, int]:
    """Return how often each table was changed."""
    return dict(db.execute("SELECT name, sum(rev) FROM dirty GROUP BY name").fetchall())


def _noted(db: sqlite3.Connection) -> dict[str, tuple[int | None, dict[str, int]]]:
    row = db.execute("SELECT value FROM meta WHERE name = ?", (_NOTE,)).fetchone()
    if row is None:
        return {}
    return {table: (rev, counts) for table, (rev, counts) in json.loads(row[0]).items()}
