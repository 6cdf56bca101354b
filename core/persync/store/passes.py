"""A pull that was interrupted and is soon taken up again is one pull: what it read to its end is not read again."""

from __future__ import annotations

import sqlite3
from typing import Any

import orjson

TAKEN_UP_MS = 3_600_000
"""an interruption of at most an hour; after a longer one everything that is due is read anew, for it may have changed"""


def begin(db: sqlite3.Connection, connection: int, asked: dict[str, Any], *, now: int) -> int | None:
    """Begin a pull of a connection at `now` (epoch ms); call in a transaction.

    Return when the pull began that this one goes on with: one that was asked the same, did not come to its end and was still
    at work less than an hour ago. None when this is a new one.
    """
    row = db.execute("SELECT value FROM meta WHERE name = ?", (_name(connection),)).fetchone()
    if row is not None:
        known = orjson.loads(row[0])
        if known["asked"] == asked and now - known["seen_at"] <= TAKEN_UP_MS:
            return int(known["began_at"])
    _keep(db, connection, {"asked": asked, "began_at": now, "seen_at": now})
    return None


def seen(db: sqlite3.Connection, connection: int, *, now: int) -> None:
    """Note that a pull is still at work; call in a transaction of its own facts."""
    db.execute(
        "UPDATE meta SET value = json_set(value, '$.seen_at', ?) WHERE name = ?",
        (now, _name(connection)),
    )


def end(db: sqlite3.Connection, connection: int) -> None:
    """Note that a pull came to its end: the next one is a new one."""
    db.execute("DELETE FROM meta WHERE name = ?", (_name(connection),))


def _name(connection: int) -> str:
    return f"pull {connection}"


def _keep(db: sqlite3.Connection, connection: int, state: dict[str, Any]) -> None:
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_name(connection), orjson.dumps(state).decode()))
