"""Where each partition of each stream stands, and what it covers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(slots=True)
class Checkpoint:
    """A partition's state. `token` is set while a pass is under way; `watermark` is the end of the last complete window."""

    stream: str
    partition: str
    parent: dict[str, Any]
    version: str | None = None
    done_version: str | None = None
    token: dict[str, Any] | None = None
    since: int | None = None
    until: int | None = None
    watermark: int | None = None
    full_at: int | None = None


def read_checkpoints(db: sqlite3.Connection, connection: int, stream: str) -> list[Checkpoint]:
    """Return every partition known of a stream, sorted by key."""
    found = db.execute(
        "SELECT stream, partition, parent, version, done_version, token, since, until, watermark, full_at FROM checkpoints"
        " WHERE connection = ? AND stream = ? ORDER BY partition",
        (connection, stream),
    )
    return [
        Checkpoint(
            stream=row[0],
            partition=row[1],
            parent=orjson.loads(row[2]),
            version=row[3],
            done_version=row[4],
            token=orjson.loads(row[5]) if row[5] else None,
            since=row[6],
            until=row[7],
            watermark=row[8],
            full_at=row[9],
        )
        for row in found
    ]


def save_token(db: sqlite3.Connection, connection: int, point: Checkpoint) -> None:
    """Keep where a pass under way goes on; call in the transaction of the page before it."""
    db.execute(
        "INSERT INTO checkpoints (connection, stream, partition, parent, version, token, since, until, full_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET token = excluded.token, since = excluded.since,"
        " until = excluded.until, full_at = excluded.full_at",
        (
            connection,
            point.stream,
            point.partition,
            orjson.dumps(point.parent, option=orjson.OPT_SORT_KEYS).decode(),
            point.version,
            orjson.dumps(point.token).decode() if point.token is not None else None,
            point.since,
            point.until,
            point.full_at,
        ),
    )


def start_clock(db: sqlite3.Connection, connection: int, point: Checkpoint) -> None:
    """Note from when on a partition that is read every so many days counts them; it covers nothing yet."""
    db.execute(
        "INSERT INTO checkpoints (connection, stream, partition, parent, version, watermark) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET watermark = excluded.watermark",
        (
            connection,
            point.stream,
            point.partition,
            orjson.dumps(point.parent, option=orjson.OPT_SORT_KEYS).decode(),
            point.version,
            point.watermark,
        ),
    )


def complete(db: sqlite3.Connection, connection: int, point: Checkpoint, *, now: int, note: str = "") -> None:
    """Note that a pass is complete: the watermark moves, the coverage grows; call in the last page's transaction.

    `note` says what is odd about it: fewer records than the vendor counts.

    The watermark only moves over a window that joins what was covered before: a pull of recent days alone leaves no gap
    behind that a later pull would not see.
    """
    joins = point.watermark is None or point.since is None or point.since <= point.watermark
    watermark = point.until if joins else point.watermark
    # The version that this pass was started for: the parent may have named a newer one since.
    db.execute(
        "INSERT INTO checkpoints (connection, stream, partition, parent, version, done_version, watermark, full_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET token = NULL, since = NULL, until = NULL,"
        " done_version = excluded.done_version, watermark = excluded.watermark, full_at = excluded.full_at",
        (
            connection,
            point.stream,
            point.partition,
            orjson.dumps(point.parent, option=orjson.OPT_SORT_KEYS).decode(),
            point.version,
            point.version,
            watermark,
            point.full_at,
        ),
    )
    if joins:
        cover(db, connection, point.stream, point.partition, point.since or 0, watermark or now, now=now, note=note)


def is_new(db: sqlite3.Connection, connection: int, stream: str, partition: str) -> bool:
    """Tell whether a partition was never read to its end; one that is begun again was."""
    place = (connection, stream, partition)
    found = db.execute(
        "SELECT 1 FROM checkpoints WHERE connection = ? AND stream = ? AND partition = ? AND watermark IS NOT NULL"
        # A hole that follows what was complete knows of it still.
        " UNION ALL SELECT 1 FROM coverage WHERE connection = ? AND stream = ? AND partition = ?"
        " AND (state = 'complete' OR to_at > 0)",
        (*place, *place),
    )
    return found.fetchone() is None


def is_open(db: sqlite3.Connection, connection: int, stream: str, partition: str) -> bool:
    """Tell whether a partition that was asked for before has yet to be read: it is a hole, or begun again."""
    found = db.execute(
        "SELECT 1 FROM coverage c LEFT JOIN checkpoints p USING (connection, stream, partition)"
        " WHERE c.connection = ? AND c.stream = ? AND c.partition = ? AND (c.state = 'hole' OR p.watermark IS NULL)",
        (connection, stream, partition),
    )
    return found.fetchone() is not None


def asked_for(db: sqlite3.Connection, connection: int, stream: str) -> set[str]:
    """Return the partitions of a stream that were asked for before: read to their end, or holes."""
    found = db.execute("SELECT partition FROM coverage WHERE connection = ? AND stream = ?", (connection, stream))
    return {partition for (partition,) in found}


def begin_again(db: sqlite3.Connection, connection: int, streams: Iterable[str]) -> list[str]:
    """Let streams be read from their beginning; what is kept of them stays, and stays known as covered.

    Return those of which something had been read.
    """
    return [
        stream
        for stream in streams
        if db.execute(
            "UPDATE checkpoints SET token = NULL, since = NULL, until = NULL, watermark = NULL, done_version = NULL"
            " WHERE connection = ? AND stream = ? AND (token IS NOT NULL OR coalesce(watermark, done_version) IS NOT NULL"
            # A clock that only counts to the first pass counts on.
            " AND EXISTS (SELECT 1 FROM coverage c WHERE c.connection = checkpoints.connection AND"
            " c.stream = checkpoints.stream AND c.partition = checkpoints.partition))",
            (connection, stream),
        ).rowcount
    ]


def begun_again(db: sqlite3.Connection) -> list[tuple[int, str]]:
    """Return the (connection, stream) pairs that were read, are to be read again from their beginning, and are not yet."""
    return db.execute(
        "SELECT DISTINCT p.connection, p.stream FROM checkpoints p JOIN coverage c USING (connection, stream, partition)"
        " WHERE p.watermark IS NULL AND p.token IS NULL AND c.state = 'complete' ORDER BY 1, 2"
    ).fetchall()


def forget(db: sqlite3.Connection, connection: int, stream: str, partition: str) -> None:
    """Forget a partition that there is no more."""
    db.execute("DELETE FROM checkpoints WHERE connection = ? AND stream = ? AND partition = ?", (connection, stream, partition))


def cover(
    db: sqlite3.Connection,
    connection: int,
    stream: str,
    partition: str,
    from_at: int,
    to_at: int,
    *,
    now: int,
    note: str = "",
) -> None:
    """Note that a partition is complete from `from_at` to `to_at`."""
    db.execute(
        "INSERT INTO coverage VALUES (?, ?, ?, ?, ?, 'complete', ?, ?) ON CONFLICT DO UPDATE SET"
        # A hole that follows what was complete knows of it still (to_at): one bad pull must not forget years of good ones.
        " from_at = CASE WHEN coverage.state = 'complete' OR coverage.to_at > 0 THEN min(coverage.from_at, excluded.from_at)"
        " ELSE excluded.from_at END,"
        " to_at = excluded.to_at, state = 'complete', reason = excluded.reason, observed_at = excluded.observed_at",
        (connection, stream, partition, from_at, to_at, note, now),
    )


def uncover(db: sqlite3.Connection, connection: int, stream: str, partition: str, reason: str, *, now: int) -> None:
    """Note a hole: this partition could not be read, and why. What was complete before stays known up to its end."""
    db.execute(
        "INSERT INTO coverage VALUES (?, ?, ?, 0, 0, 'hole', ?, ?) ON CONFLICT DO UPDATE SET"
        " state = 'hole', reason = excluded.reason, observed_at = excluded.observed_at",
        (connection, stream, partition, reason, now),
    )
