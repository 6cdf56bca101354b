"""What the store knows of a connection already, for those who ask before they pull. Reads alone; a store may be missing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persync.connect.hanging import account_facts, field_types
from persync.connect.stream import AccountFacts
from persync.store.checkpoints import Checkpoint, read_checkpoints

if TYPE_CHECKING:
    from persync.connect.connector import Connector

__all__ = ["Coverage", "Known", "known_of", "reading"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far a stream is read. `to_at` is the end of the part read last (epoch ms), `holes` {reason: parts}."""

    to_at: int | None = None
    parts: int = 0
    holes: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Known:
    """The store's side of a connection; a connection that was never pulled has number None and nothing else."""

    number: int | None = None
    account: AccountFacts = field(default_factory=AccountFacts)
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    points: dict[str, list[Checkpoint]] = field(default_factory=dict)
    coverage: dict[str, Coverage] = field(default_factory=dict)
    rejected: set[tuple[str, str]] = field(default_factory=set)
    """the (stream, partition) pairs with rejects"""
    asked_for: set[tuple[str, str]] = field(default_factory=set)
    """the (stream, partition) pairs that were read to their end, or are holes"""
    files: dict[str, str] = field(default_factory=dict)
    """{path: digest} of the files read"""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Open a store for reading alone, as it is: nothing is made, migrated or refreshed. None when there is no store."""
    if not path.exists() or path.stat().st_size == 0:
        yield None
        return
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        yield db


def known_of(db: sqlite3.Connection | None, connector: Connector) -> Known:
    """Return what the store holds of a connection; an older store that lacks a table knows nothing of it."""
    found = Known()
    if db is None:
        return found
    with suppress(sqlite3.OperationalError):
        row = db.execute("SELECT connection FROM connections WHERE name = ?", (connector.connection,)).fetchone()
        if row is None:
            return found
        found.account, found.number = account_facts(db, row[0]), row[0]
        found.fields = field_types(db, row[0])
        for stream in connector.streams:
            found.points[stream.name] = read_checkpoints(db, row[0], stream.name)
        found.coverage = _coverage(db, row[0])
        found.asked_for = set(_all(db, "SELECT stream, partition FROM coverage WHERE connection = ?", row[0]))
        found.rejected = set(_all(db, "SELECT DISTINCT stream, partition FROM rejects WHERE connection = ?", row[0]))
        found.files = dict(_all(db, "SELECT path, digest FROM imported_files WHERE connection = ?", row[0]))
    return found


def _coverage(db: sqlite3.Connection, number: int) -> dict[str, Coverage]:
    ends: dict[str, tuple[int, int]] = {}
    holes: dict[str, dict[str, int]] = {}
    for stream, state, reason, parts, to_at in _all(
        db, "SELECT stream, state, reason, count(*), max(to_at) FROM coverage WHERE connection = ? GROUP BY 1, 2, 3", number
    ):
        if state == "complete":
            ends[stream] = (to_at, parts)
        else:
            holes.setdefault(stream, {})[reason] = parts
    found = {}
    for stream in sorted({*ends, *holes}):
        to_at, parts = ends.get(stream, (None, 0))
        found[stream] = Coverage(to_at, parts, holes.get(stream, {}))
    return found


def _all(db: sqlite3.Connection, sql: str, number: int) -> list[Any]:
    return db.execute(sql, (number,)).fetchall()
