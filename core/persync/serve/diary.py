"""What ran: read from the store itself, which is opened for reading alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from persync.errors import StoreError
from persync.redact import redacted
from persync.report.report import Block, Cell, Column, Note, Table
from persync.store.locks import owner
from persync.store.log import broken_at
from persync.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from persync.serve.site import Site

ENTRIES: Final = 100
"""runs, and entries of the log, that are shown: the last ones"""
WAIT_S: Final = 5.0


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


@contextmanager
def store_of(site: Site) -> Iterator[Store]:
    """Open a project's store to read one state of it. Raises as `reading` does."""
    with reading(site.project.store_path) as db:
        yield Store(site.project.store_path, db)


def log_blocks(site: Site) -> list[Block]:
    """Return the last runs with how each ended, and the last entries of the chained log with what its chain says."""
    with reading(site.project.store_path) as db:
        runs = db.execute(
            "SELECT run, command, started_at, ended_at, exit_code, summary, pid, host FROM runs ORDER BY run DESC LIMIT ?",
            (ENTRIES,),
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
            tuple(_run(site.project.store_path, *row) for row in runs),
        ),
        Note(chain, "info" if broken is None else "warning"),
        Table(
            "entries",
            "The log, the last entry first.",
            (Column("at", "when", "time"), Column("event", "event"), Column("detail", "detail")),
            tuple((at, event, redacted(detail)) for at, event, detail in entries),
        ),
    ]


def _run(
    store: Path,
    run: int,
    command: str,
    began: int,
    ended: int | None,
    code: int | None,
    summary: str | None,
    pid: int | None,
    host: str | None,
) -> tuple[Cell, ...]:
    """Return a run's row. The next run of the same thing notes that one was killed; until then its lock is looked at."""
    if ended is not None:
        return str(run), redacted(command), began, ended, "" if code is None else str(code), redacted(summary or "")
    held = () if summary else (owner(store, name) for name in _locks_of(command))
    state = "under way" if any(one is not None and (one.pid, one.host) == (pid, host) for one in held) else "was killed"
    return str(run), redacted(command), began, None, state, "" if state == "under way" else "it never came to its end"


def _locks_of(command: str) -> tuple[str, ...]:
    """Return the names of the locks of which a run holds one: a job's own, or that of the connection which it reads, be it for
    a job (`run JOB: pull CONNECTION`)."""
    verb, _, name = command.partition(" ")
    if verb != "run":
        return (name,)
    _, pulls, connection = name.rpartition(": pull ")
    return (f"job {name}", connection) if pulls else (f"job {name}",)
