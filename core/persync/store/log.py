"""The run log: what was done to the store and when, each entry chained to the one before by its hash."""

from __future__ import annotations

import hashlib
import os
import socket
import sqlite3
from collections.abc import Iterator
from typing import Final

from persync.store.store import Store

LOG_BROKEN: Final = "Somebody or something other than persync wrote to the store. Compare it with a backup."
SMALL_GROUPS: Final = "small groups shown"
IDS_EXPORTED: Final = "ids exported"
LIST_EXPORTED: Final = "list exported"
_FACTS: Final = "command, started_at, exit_code, summary"


def begin_run(store: Store, command: str, *, now: int) -> int:
    """Note that a run began; return its number."""
    with store.transaction() as db:
        cursor = db.execute(
            "INSERT INTO runs (command, started_at, pid, host) VALUES (?, ?, ?, ?)",
            (command, now, os.getpid(), socket.gethostname()),
        )
        return int(cursor.lastrowid or 0)


def end_run(store: Store, run: int, *, now: int, exit_code: int, summary: str) -> None:
    """Note how a run ended, in the run and in the chained log."""
    with store.transaction() as db:
        db.execute("UPDATE runs SET ended_at = ?, exit_code = ?, summary = ? WHERE run = ?", (now, exit_code, summary, run))
        facts = db.execute(f"SELECT {_FACTS} FROM runs WHERE run = ?", (run,)).fetchone()
        append(db, run, now, "run ended", _told(run, *facts))


def note_killed(store: Store, pid: int, host: str, *, now: int) -> None:
    """Note in the runs of a process that was killed that they never came to their end."""
    with store.transaction() as db:
        found = db.execute(
            "UPDATE runs SET summary = 'killed' WHERE ended_at IS NULL AND summary IS NULL AND pid = ? AND host = ?"
            " RETURNING run, command",
            (pid, host),
        ).fetchall()
        for run, command in found:
            append(db, run, now, "run killed", command)


def note_small_groups(store: Store, command: str, shown: str, *, now: int) -> None:
    """Note that a command answered without hiding small groups, and which are `shown`."""
    with store.transaction() as db:
        append(db, None, now, SMALL_GROUPS, f"{command}: {shown}")


def note(store: Store, event: str, detail: str, *, now: int) -> None:
    """Note something that no run did: that ids or a list left the store."""
    with store.transaction() as db:
        append(db, None, now, event, detail)


def append(db: sqlite3.Connection, run: int | None, now: int, event: str, detail: str) -> None:
    """Add an entry; its chain is SHA-256 of the chain before it and of its own words."""
    row = db.execute("SELECT chain FROM log ORDER BY entry DESC LIMIT 1").fetchone()
    before = row[0] if row else ""
    chain = hashlib.sha256(f"{before}\0{now}\0{event}\0{detail}".encode()).hexdigest()
    db.execute(
        "INSERT INTO log (run, happened_at, event, detail, chain) VALUES (?, ?, ?, ?, ?)", (run, now, event, detail, chain)
    )


def _told(run: int, command: str, started_at: int, exit_code: int | None, summary: str | None) -> str:
    """Return what the log says of a run that ended: all that a report of it may rest on."""
    return f"run {run}, {command}, began {started_at}, exit {exit_code}: {summary}"


def problems_of_log(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Yield (where, what) of a chain that breaks, and of runs that differ from what the log says of them."""
    if (entry := broken_at(db)) is not None:
        yield f"entry {entry}", "the chain of the log does not fit from here on"
    for run, ended_at, happened_at, detail, *facts in db.execute(
        f"SELECT r.run, r.ended_at, l.happened_at, l.detail, {_FACTS} FROM runs r"
        " LEFT JOIN log l ON l.run = r.run AND l.event = 'run ended' WHERE r.ended_at IS NOT NULL ORDER BY r.run"
    ):
        if detail is None:
            yield f"run {run}", "the log does not have its end"
        # Stores of the first releases logged the summary alone.
        elif happened_at != ended_at or detail not in (_told(run, *facts), facts[-1]):
            yield f"run {run}", "it is not what the log says of it"
    for entry, run in db.execute(
        "SELECT l.entry, l.run FROM log l WHERE l.event = 'run ended' AND NOT EXISTS (SELECT 1 FROM runs r"
        " WHERE r.run = l.run AND r.ended_at IS NOT NULL) ORDER BY l.entry"
    ):
        yield f"entry {entry}", f"it tells of the end of run {run}, which is not there"


def broken_at(db: sqlite3.Connection) -> int | None:
    """Return the first log entry whose chain does not fit, None when the log is whole."""
    before = ""
    for entry, now, event, detail, chain in db.execute(
        "SELECT entry, happened_at, event, detail, chain FROM log ORDER BY entry"
    ):
        if chain != hashlib.sha256(f"{before}\0{now}\0{event}\0{detail}".encode()).hexdigest():
            return int(entry)
        before = chain
    return None
