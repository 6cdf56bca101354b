"""Where records wait for the others they can only be understood with: bulk results come in any order."""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

import orjson

LOT = 500
"""records joined in one transaction"""
DEEPEST = 5
"""no vendor nests deeper; a chain that goes on is a circle"""
CLEARED = 20_000
"""rows forgotten in one transaction, so that none grows with the size of a result"""


class Waiting(NamedTuple):
    """One parked record."""

    parent: str | None
    data: dict[str, Any]


def waiting(
    db: sqlite3.Connection, connection: int, stream: str, partition: str, *, after: str
) -> list[tuple[str, list[Waiting]]]:
    """Return the next parked records that have a parent, by key: (key, [the record, its parent, that one's parent ...]).

    A chain whose last record still names a parent is broken: that one never came.
    """
    place = (connection, stream, partition)
    found = db.execute(
        "SELECT key, parent, data FROM parked WHERE connection = ? AND stream = ? AND partition = ? AND key > ?"
        " AND parent IS NOT NULL ORDER BY key LIMIT ?",
        (*place, after, LOT),
    ).fetchall()
    known: dict[str, Waiting | None] = {}

    def above(key: str) -> Waiting | None:
        if key not in known:
            row = db.execute(
                "SELECT parent, data FROM parked WHERE connection = ? AND stream = ? AND partition = ? AND key = ?",
                (*place, key),
            ).fetchone()
            known[key] = None if row is None else Waiting(row[0], orjson.loads(row[1]))
        return known[key]

    lot = []
    for key, parent, data in found:
        chain = [Waiting(parent, orjson.loads(data))]
        while chain[-1].parent is not None and len(chain) < DEEPEST:
            next_one = above(chain[-1].parent)
            if next_one is None:
                break
            chain.append(next_one)
        lot.append((key, chain))
    return lot


def clear_some(db: sqlite3.Connection, connection: int, stream: str, partition: str) -> bool:
    """Forget some parked records of a partition; False when there are none left."""
    cursor = db.execute(
        "DELETE FROM parked WHERE (connection, stream, partition, key) IN (SELECT p.connection, p.stream, p.partition, p.key"
        " FROM parked p WHERE p.connection = ? AND p.stream = ? AND p.partition = ? LIMIT ?)",
        (connection, stream, partition, CLEARED),
    )
    return cursor.rowcount > 0


class Lots:
    """The parked records of a partition, record by record with all that belongs to it.

    A child's key is its parent's key, a slash and more, so that what belongs together lies together. What was handed out is
    forgotten by `forget`, in the transaction of the rows made of it.
    """

    def __init__(self, db: sqlite3.Connection, connection: int, stream: str, partition: str) -> None:
        self._db = db
        self._place = (connection, stream, partition)
        self._taken: list[tuple[Any, ...]] = []

    def roots(self, *, after: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the next records that belong to none, by key."""
        found = self._db.execute(
            "SELECT key, data FROM parked WHERE connection = ? AND stream = ? AND partition = ? AND key > ?"
            " AND parent IS NULL ORDER BY key LIMIT ?",
            (*self._place, after, LOT),
        ).fetchall()
        self._taken += [(*self._place, key) for key, _ in found]
        return [(key, orjson.loads(data)) for key, data in found]

    def below(self, key: str) -> list[dict[str, Any]]:
        """Return the data of the records that belong to one directly, by key."""
        # The character after the slash ends the range: no other key lies between.
        found = self._db.execute(
            "SELECT key, data FROM parked WHERE connection = ? AND stream = ? AND partition = ? AND key > ? AND key < ?"
            " ORDER BY key",
            (*self._place, f"{key}/", f"{key}0"),
        ).fetchall()
        self._taken += [(*self._place, name) for name, _ in found]
        return [orjson.loads(data) for _, data in found]

    def orphans(self) -> list[str]:
        """Return keys of some of the records that are left: what they belong to never came."""
        found = self._db.execute(
            "SELECT key FROM parked WHERE connection = ? AND stream = ? AND partition = ? LIMIT ?", (*self._place, LOT)
        ).fetchall()
        self._taken += [(*self._place, key) for (key,) in found]
        return [key for (key,) in found]

    def forget(self) -> None:
        """Forget what was handed out since the last time."""
        self._db.executemany(
            "DELETE FROM parked WHERE connection = ? AND stream = ? AND partition = ? AND key = ?", self._taken
        )
        self._taken.clear()
