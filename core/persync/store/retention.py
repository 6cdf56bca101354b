"""Retention: what is older than the settings allow goes, and a later pull does not bring it back.

What was counted stays counted: touches are added to the anonymous counts of their campaigns, as an erasure adds them, and
orders and ledger are never touched. For each kind a floor is kept in the store, which the writer honours; it only ever
rises. Somebody without any activity since the floor of `people` goes under every key, as in an erasure, but their tombstones
only say so: with the first thing that they do after it they are known again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from persync.store.floors import ACTIVITY, DATED, floor_name
from persync.store.gone import connection_names, retired
from persync.store.log import append
from persync.store.months import month_of
from persync.store.privacy import Erased, count_and_delete, note_erasure, removal
from persync.store.store import Store
from persync.store.write import mark_dirty

KINDS: Final = (*DATED, "rejects", "people")
"""what a retention period may be set for, in the order in which it goes"""
PARTITION: Final = "retention"
"""the part of a stream's coverage that tells of what was removed"""


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind's retention: what is older than `floor` (epoch ms) goes. `rows` were removed, or would be.

    `undated` are those of which nothing tells how old they are: they stay.
    """

    kind: str
    months: int
    floor: int
    rows: int
    undated: int = 0


def months_before(now: int, months: int) -> int:
    """Return the first moment (epoch ms, UTC) of the day so many calendar months before `now`."""
    day = datetime.fromtimestamp(now / 1000, UTC)
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return int(datetime(year, month + 1, last, tzinfo=UTC).timestamp()) * 1000
        except ValueError:
            continue
    raise ValueError(f"there is no month {month + 1} in {year}")


def retain(store: Store, periods: Mapping[str, int], *, now: int, apply: bool) -> list[Kept]:
    """Remove what is older than `periods` ({kind: months}) in one transaction; without `apply` only count it.

    Again on the same day it changes nothing. Call `finish` afterwards, and refresh the mirror.
    """
    found = []
    with removal(store, dry_run=not apply) as db:
        # People first: what they did last must still be there when it is asked for.
        for kind in sorted(periods, key=lambda kind: (kind != "people", KINDS.index(kind))):
            months = periods[kind]
            floor = max(months_before(now, months), _known(db, kind))
            before = db.total_changes
            rows, undated = _people(store, db, floor) if kind == "people" else (_rows(db, kind, floor), 0)
            _raise_floor(db, kind, floor)
            if db.total_changes != before and rows:
                note_erasure(db, now)
                _tell(db, kind, floor, now)
                append(db, None, now, "retention", f"{kind} before {_day(floor)}: {rows} removed")
            found.append(Kept(kind, months, floor, rows, undated))
    return sorted(found, key=lambda kept: KINDS.index(kept.kind))


def _known(db: sqlite3.Connection, kind: str) -> int:
    row = db.execute("SELECT value FROM meta WHERE name = ?", (floor_name(kind),)).fetchone()
    return int(row[0]) if row else 0


def _raise_floor(db: sqlite3.Connection, kind: str, floor: int) -> None:
    db.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
        (floor_name(kind), str(floor)),
    )


def _rows(db: sqlite3.Connection, kind: str, floor: int) -> int:
    """Remove the rows of one kind that are older than the floor; return how many."""
    if kind == "rejects":
        return db.execute("DELETE FROM rejects WHERE observed_at < ?", (floor,)).rowcount
    date = f"coalesce({', '.join((*DATED[kind], 'NULL'))})"
    if kind == "touchpoints":
        days = db.execute(f"SELECT DISTINCT happened_at / 86400000 FROM {kind} WHERE {date} < ?", (floor,)).fetchall()
        db.execute(
            "INSERT INTO erased_counts SELECT connection, campaign_key, action, count(*) FROM touchpoints"
            " WHERE happened_at < ? GROUP BY 1, 2, 3 ON CONFLICT DO UPDATE SET n = n + excluded.n",
            (floor,),
        )
        for month in {month_of(day * 86_400_000) for (day,) in days}:
            mark_dirty(db, kind, month)
    if kind in ("carts", "tickets"):
        thing = kind.removesuffix("s")
        n = db.execute(
            f"DELETE FROM deletions WHERE thing = ? AND (connection, vendor_id) IN (SELECT connection, {thing} FROM {kind}"
            f" WHERE {date} < ?)",
            (thing, floor),
        ).rowcount
        if n:
            mark_dirty(db, "deletions")
    rows = db.execute(f"DELETE FROM {kind} WHERE {date} < ?", (floor,)).rowcount
    if rows and kind != "touchpoints":
        mark_dirty(db, kind)
    return rows


def _people(store: Store, db: sqlite3.Connection, floor: int) -> tuple[int, int]:
    """Remove the people whose last activity lies before the floor; return how many, and how many have no dated row."""
    # An order's date is that of its order_people too.
    seen = " UNION ALL ".join(
        f"SELECT t.key_id, coalesce({', '.join((*(f't.{name}' for name in columns), 'NULL'))}) AS at FROM {table} t"
        for table, columns in ACTIVITY.items()
    )
    seen += " UNION ALL SELECT p.key_id, o.ordered_at FROM order_people p JOIN orders o ON o.order_key = p.order_key"
    db.execute(
        "CREATE TEMP TABLE last_seen AS SELECT p.person, max(nullif(s.at, 0)) AS at FROM person_of p"
        f" LEFT JOIN ({seen}) s ON s.key_id = p.key_id GROUP BY p.person"
    )
    try:
        undated = db.execute("SELECT count(*) FROM temp.last_seen WHERE at IS NULL").fetchone()[0]
        db.execute(
            "CREATE TEMP TABLE gone AS SELECT p.key_id, p.person AS subject FROM person_of p"
            " JOIN temp.last_seen s ON s.person = p.person AND s.at < ?",
            (floor,),
        )
        db.execute("CREATE UNIQUE INDEX temp.gone_keys ON gone (key_id)")
        keys = db.execute("SELECT k.kind, k.connection, k.key FROM temp.gone g JOIN person_keys k USING (key_id)").fetchall()
        people: int = db.execute("SELECT count(DISTINCT subject) FROM temp.gone").fetchone()[0]
        if people:
            names = connection_names(db)
            _forget_records(store, db, keys, names)
            db.executemany(
                "INSERT OR IGNORE INTO tombstones VALUES (?, ?)",
                [(retired(store.key, kind, names[connection], key), floor) for kind, connection, key in sorted(keys)],
            )
            count_and_delete(db, Erased())
    finally:
        db.execute("DROP TABLE IF EXISTS temp.last_seen")
        db.execute("DROP TABLE IF EXISTS temp.gone")
    return people, undated


def _forget_records(store: Store, db: sqlite3.Connection, keys: list[tuple[str, int, str]], names: Mapping[int, str]) -> None:
    """Forget rejects and listings under way of people who go, and which versions were read: whose is whose cannot be told."""
    ids = [(connection, key) for kind, connection, key in keys if kind == "id"]
    db.executemany(
        "DELETE FROM rejects WHERE connection = ? AND record IN (?, ?)",
        [(connection, key, store.key.name("record", key)) for connection, key in ids],
    )
    db.executemany(
        "UPDATE OR REPLACE present SET key = ? WHERE connection = ? AND key = ?",
        [(retired(store.key, "id", names[connection], key), connection, key) for connection, key in ids],
    )
    db.execute("DELETE FROM versions")


def _tell(db: sqlite3.Connection, kind: str, floor: int, now: int) -> None:
    """Say in the coverage of every connection that has the kind what is not there any more: numbers must not change unsaid."""
    reason = f"removed by retention: {kind} before {_day(floor)}"
    db.execute(
        "INSERT INTO coverage SELECT n.connection, ?, ?, 0, ?, 'removed', ?, ? FROM connections n WHERE EXISTS"
        " (SELECT 1 FROM coverage c WHERE c.connection = n.connection)"
        " OR EXISTS (SELECT 1 FROM imported_files f WHERE f.connection = n.connection)"
        " ON CONFLICT DO UPDATE SET to_at = excluded.to_at, reason = excluded.reason, observed_at = excluded.observed_at",
        (kind, PARTITION, floor, reason, now),
    )
    mark_dirty(db, "coverage")


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
