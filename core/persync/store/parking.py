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
