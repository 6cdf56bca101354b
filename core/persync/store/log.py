"""The run log: what was done to the store and when, each entry chained to the one before by its hash."""

from __future__ import annotations

import hashlib
import os
import socket
import sqlite3

from persync.store.store import Store


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
        append(db, run, now, "run ended", summary)


def append(db: sqlite3.Connection, run: int | None, now: int, event: str, detail: str) -> None:
    """Add an entry; its chain is SHA-256 of the chain before it and of its own words."""
    row = db.execute("SELECT chain FROM log ORDER BY entry DESC LIMIT 1").fetchone()
    before = row[0] if row else ""
    chain = hashlib.sha256(f"{before}\0{now}\0{event}\0{detail}".encode()).hexdigest()
    db.execute(
        "INSERT INTO log (run, happened_at, event, detail, chain) VALUES (?, ?, ?, ?, ?)", (run, now, event, detail, chain)
    )


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
