"""Records that did not fit: kept by where they are and what shape they have, never by what they say."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Protocol


class Rejected(Protocol):
    """A record that was set aside."""

    record: str
    field: str
    reason: str
    shape: str


def keep_rejects(
    db: sqlite3.Connection,
    connection: int,
    stream: str,
    partition: str,
    endpoint: str,
    rejects: Iterable[Rejected],
    *,
    now: int,
) -> int:
    """Write rejects inside the page's transaction; return how many are new or different."""
    before = db.total_changes
    db.executemany(
        "INSERT INTO rejects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET endpoint = excluded.endpoint,"
        " field = excluded.field, reason = excluded.reason, shape = excluded.shape, observed_at = excluded.observed_at"
        " WHERE rejects.field IS NOT excluded.field OR rejects.reason IS NOT excluded.reason"
        " OR rejects.shape IS NOT excluded.shape",
        [(connection, stream, partition, r.record, endpoint, r.field, r.reason, r.shape, now) for r in rejects],
    )
    return db.total_changes - before


def clear_rejects(db: sqlite3.Connection, connection: int, stream: str, partition: str) -> int:
    """Forget a partition's rejects before it is read again as a whole; return how many there were."""
    return db.execute(
        "DELETE FROM rejects WHERE connection = ? AND stream = ? AND partition = ?", (connection, stream, partition)
    ).rowcount
