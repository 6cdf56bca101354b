"""A pull that was interrupted and is soon taken up again is one pull: what it read to its end is not read again."""

from __future__ import annotations

import os
import socket
import sqlite3
from typing import Any

import orjson

from persync.store.locks import is_alive

TAKEN_UP_MS = 3_600_000
"""an interruption of at most an hour; after a longer one everything that is due is read anew, for it may have changed"""


def begin(db: sqlite3.Connection, connection: int, asked: dict[str, Any], among: list[str], *, now: int) -> int | None:
    """Begin a pull of a connection at `now` (epoch ms), one `among` those pulled together; call in a transaction.

    Return when the pull began that this one goes on with: one that was asked the same, did not come to its end and was still
    at work less than an hour ago. None when this is a new one. A connection that had been read whole before others of its
    pull were interrupted is taken up with the same others alone, and not while that pull is still at them: on another machine
    nobody can say, and then everything is read anew.
    """
    row = db.execute("SELECT value FROM meta WHERE name = ?", (_name(connection),)).fetchone()
    if row is not None:
        known = orjson.loads(row[0])
        whole = known["whole_by"] is not None and (known["among"] != among or is_alive(*known["whole_by"]))
        if known["asked"] == asked and now - known["seen_at"] <= TAKEN_UP_MS and not whole:
            return int(known["began_at"])
    state = {"asked": asked, "among": among, "began_at": now, "seen_at": now, "whole_by": None}
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_name(connection), orjson.dumps(state).decode()))
    return None


def seen(db: sqlite3.Connection, connection: int, *, now: int) -> None:
    """Note that a pull is still at work; call in a transaction of its own facts."""
    db.execute("UPDATE meta SET value = json_set(value, '$.seen_at', ?) WHERE name = ?", (now, _name(connection)))


def whole(db: sqlite3.Connection, connection: int) -> None:
    """Note that this process has read all that there was to read of a connection; others of its pull may follow."""
    me = orjson.dumps(_me()).decode()
    db.execute("UPDATE meta SET value = json_set(value, '$.whole_by', json(?)) WHERE name = ?", (me, _name(connection)))


def end(db: sqlite3.Connection) -> None:
    """Note that this process's pull came to its end, with all of its connections: the next one is a new one."""
    db.execute(
        "DELETE FROM meta WHERE name GLOB 'pull [0-9]*' AND json_extract(value, '$.whole_by') = json(?)",
        (orjson.dumps(_me()).decode(),),
    )


def _name(connection: int) -> str:
    return f"pull {connection}"


def _me() -> list[Any]:
    return [os.getpid(), socket.gethostname()]
