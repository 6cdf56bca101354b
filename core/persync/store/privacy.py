"""Erasing a person: who a request names, and how every row of theirs goes while the shop's money stays.

One transaction removes every row that carries one of the person's keys, cuts their orders from them, adds their touches and
outcomes to anonymous counts, and leaves tombstones: keyed hashes by which the writer knows them if a platform sends them
again. What the disk still holds of deleted rows is overwritten afterwards by `finish`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from persync.errors import StoreError
from persync.store.gone import connection_names, tombstone
from persync.store.log import append
from persync.store.months import month_of
from persync.store.schema import ERASURES, UNFINISHED
from persync.store.store import Store
from persync.store.subjects import Subject, find
from persync.store.upkeep import rewrite
from persync.store.versions import record_numbers
from persync.store.write import mark_dirty

__all__ = ["Erased", "Subject", "erase", "find", "finish", "is_unfinished", "keyed_tables", "note_erasure", "removal"]


@dataclass(slots=True)
class Erased:
    """What an erasure did, or would do: people known, rows removed by table, orders cut from them, new tombstones."""

    people: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    orders: int = 0
    tombstones: int = 0
    apart: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was there to remove."""
        return bool(self.orders or any(self.rows.values()))


def erase(store: Store, people: Iterable[Subject], *, now: int, dry_run: bool = False) -> Erased:
    """Remove people from every table in one transaction; return what that took. With `dry_run`, only count.

    Again for the same person it changes nothing. Call `finish` afterwards, and refresh the mirror.
    """
    subjects = list(people)
    done = Erased(apart=sum(subject.apart for subject in subjects))
    with removal(store, dry_run=dry_run) as db:
        _erase(store, db, subjects, now, done)
    return done


class _EnoughError(Exception):
    """Rolls a dry run back."""


@contextmanager
def removal(store: Store, *, dry_run: bool) -> Iterator[sqlite3.Connection]:
    """Hold a transaction in which SQLite overwrites what it deletes; a dry run is rolled back at its end."""
    store.db.execute("PRAGMA secure_delete = ON")
    with suppress(_EnoughError), store.transaction() as db:
        yield db
        if dry_run:
            raise _EnoughError


def note_erasure(db: sqlite3.Connection, now: int) -> None:
    """Note that rows were removed: the file must be written anew, and the mirror drop its old files."""
    db.execute("INSERT INTO meta VALUES (?, '1') ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + 1", (ERASURES,))
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (UNFINISHED, str(now)))


def _erase(store: Store, db: sqlite3.Connection, subjects: list[Subject], now: int, done: Erased) -> None:
    db.execute("CREATE TEMP TABLE gone (key_id INTEGER PRIMARY KEY, subject INTEGER NOT NULL)")
    try:
        for number, subject in enumerate(subjects):
            db.executemany("INSERT OR IGNORE INTO gone VALUES (?, ?)", [(key_id, number) for key_id in sorted(subject.key_ids)])
            done.people += bool(subject.key_ids)
        before = db.total_changes
        count_and_delete(db, done)
        for subject in subjects:
            _cut_orders(db, subject, done)
            _forget_records(store, db, subject, done)
            _forget_passes(db, subject)
        removed = db.total_changes != before
    finally:
        db.execute("DROP TABLE IF EXISTS temp.gone")
    for subject in subjects:
        _bury(store, db, subject, now, done)
    if removed:
        note_erasure(db, now)


def count_and_delete(db: sqlite3.Connection, done: Erased) -> None:
    """Remove the keys in `temp.gone` (key_id, subject) from every table; touches and outcomes stay as anonymous counts."""
    _count_touches(db)
    _count_outcomes(db)
    _delete_things(db, done)
    _delete_keyed(db, done)


_GONE: Final = "(SELECT g.key_id FROM temp.gone g)"


def _count_touches(db: sqlite3.Connection) -> None:
    before = db.total_changes
    db.execute(
        "INSERT INTO erased_counts SELECT t.connection, t.campaign_key, t.action, count(*) FROM touchpoints t"
        f" WHERE t.key_id IN {_GONE} GROUP BY 1, 2, 3 ON CONFLICT DO UPDATE SET n = n + excluded.n"
    )
    if db.total_changes != before:
        mark_dirty(db, "erased_counts")


def _count_outcomes(db: sqlite3.Connection) -> None:
    """Add people to their arms; an outcome's values of one person are added up first, as an experiment is read.

    Somebody drawn into several arms of an experiment is counted in none, as there.
    """
    before = db.total_changes
    drawn = (
        "WITH drawn AS (SELECT g.subject, min(a.connection) AS connection, a.experiment, min(a.arm) AS arm FROM assignments a"
        " JOIN temp.gone g ON g.key_id = a.key_id GROUP BY g.subject, a.experiment HAVING count(DISTINCT a.arm) = 1)"
    )
    add = " ON CONFLICT DO UPDATE SET n = n + excluded.n, total = total + excluded.total, total_squares = total_squares +"
    db.execute(
        f"{drawn} INSERT INTO erased_outcomes SELECT d.connection, d.experiment, d.arm, '', count(*), 0.0, 0.0"
        f" FROM drawn d WHERE true GROUP BY 1, 2, 3{add} excluded.total_squares"
    )
    db.execute(
        f"{drawn}, sums AS (SELECT g.subject, o.outcome, sum(o.value) AS value FROM outcomes o JOIN temp.gone g"
        " ON g.key_id = o.key_id WHERE o.value IS NOT NULL GROUP BY g.subject, o.outcome)"
        " INSERT INTO erased_outcomes SELECT d.connection, d.experiment, d.arm, s.outcome, count(*), sum(s.value),"
        " sum(s.value * s.value) FROM drawn d JOIN sums s ON s.subject = d.subject WHERE true"
        f" GROUP BY 1, 2, 3, 4{add} excluded.total_squares"
    )
    if db.total_changes != before:
        mark_dirty(db, "erased_outcomes")


def _delete(db: sqlite3.Connection, done: Erased, table: str, where: str, values: tuple[object, ...] = ()) -> None:
    n = db.execute(f"DELETE FROM {table} WHERE {where}", values).rowcount
    if n:
        done.rows[table] = done.rows.get(table, 0) + n
        mark_dirty(db, table)


def _delete_things(db: sqlite3.Connection, done: Erased) -> None:
    """Delete what hangs on a person's things and names no key itself."""
    _delete(
        db,
        done,
        "feedback",
        f"key_id IS NULL AND (connection, ticket) IN (SELECT t.connection, t.ticket FROM tickets t WHERE t.key_id IN {_GONE})",
    )
    for thing, ids in (
        ("contact", f"SELECT k.connection, k.key FROM person_keys k WHERE k.kind = 'id' AND k.key_id IN {_GONE}"),
        ("cart", f"SELECT t.connection, t.cart FROM carts t WHERE t.key_id IN {_GONE}"),
        ("ticket", f"SELECT t.connection, t.ticket FROM tickets t WHERE t.key_id IN {_GONE}"),
    ):
        _delete(db, done, "deletions", f"thing = ? AND (connection, vendor_id) IN ({ids})", (thing,))
    _delete(db, done, "links", f"key_a IN {_GONE} OR key_b IN {_GONE}")


def keyed_tables(db: sqlite3.Connection) -> list[str]:
    """Return every table whose rows may carry a person's key, read from the schema: a new one cannot be forgotten."""
    found = db.execute(
        "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'key_id'"
        " WHERE m.type = 'table' ORDER BY m.name"
    )
    return [name for (name,) in found]


def _delete_keyed(db: sqlite3.Connection, done: Erased) -> None:
    days = db.execute(f"SELECT DISTINCT t.happened_at / 86400000 FROM touchpoints t WHERE t.key_id IN {_GONE}").fetchall()
    for table in keyed_tables(db):
        if table == "orders":
            n = db.execute(f"UPDATE orders SET key_id = NULL WHERE key_id IN {_GONE}").rowcount
            if n:
                done.orders += n
                mark_dirty(db, table)
            continue
        if table == "touchpoints":
            n = db.execute(f"DELETE FROM touchpoints WHERE key_id IN {_GONE}").rowcount
            if n:
                done.rows[table] = n
            for month in {month_of(day * 86_400_000) for (day,) in days}:
                mark_dirty(db, table, month)
            continue
        _delete(db, done, table, f"key_id IN {_GONE}")


def _cut_orders(db: sqlite3.Connection, subject: Subject, done: Erased) -> None:
    for order_key, _, _ in subject.orders:
        n = db.execute("UPDATE orders SET key_id = NULL WHERE order_key = ? AND key_id IS NOT NULL", (order_key,)).rowcount
        if n:
            done.orders += n
            mark_dirty(db, "orders")
        _delete(db, done, "order_people", "order_key = ?", (order_key,))


def _forget_records(store: Store, db: sqlite3.Connection, subject: Subject, done: Erased) -> None:
    """Delete what was kept about a person's records by their id or its hash: rejects, and versions already read.

    A number that is a version of something else by chance only makes that be looked at once more.
    """
    texts = sorted(subject.texts)
    for connection, text in texts:
        records = (text, store.key.name("record", text))
        _delete(db, done, "rejects", "record IN (?, ?) AND ? IN (connection, 0)", (*records, connection))
    places = db.execute(
        "SELECT c.connection, n.name, c.stream, c.partition FROM checkpoints c JOIN connections n USING (connection)"
    ).fetchall()
    db.executemany(
        "DELETE FROM versions WHERE record = ?",
        (
            (record,)
            for number, name, stream, partition in places
            for record in record_numbers(
                store.key,
                f"record\0{name}\0{stream}\0{partition}\0",
                (text for connection, text in texts if connection in (number, 0)),
            )
        ),
    )


def _forget_passes(db: sqlite3.Connection, subject: Subject) -> None:
    """Begin anew what was interrupted while it held the person's id: a listing, a bulk result, a cursor.

    A whole stream at a time, so that no listing seems complete without what was forgotten here.
    """
    if not subject.texts:
        return
    texts = sorted({text for _, text in subject.texts})
    named = re.compile("|".join(rf"(?<![\w.-]){re.escape(text)}(?![\w-])" for text in texts), re.IGNORECASE)
    streams: set[tuple[int, str]] = set()
    for connection, stream, text in db.execute(
        "SELECT connection, stream, key FROM present UNION ALL SELECT connection, stream, key || ' ' || coalesce(parent, '')"
        " || ' ' || data FROM parked UNION ALL SELECT connection, stream, token FROM checkpoints WHERE token IS NOT NULL"
    ):
        if (connection, stream) not in streams and named.search(text):
            streams.add((connection, stream))
    for place in sorted(streams):
        for table in ("present", "parked"):
            db.execute(f"DELETE FROM {table} WHERE connection = ? AND stream = ?", place)
        db.execute(
            "UPDATE checkpoints SET token = NULL, since = NULL, until = NULL"
            " WHERE connection = ? AND stream = ? AND token IS NOT NULL",
            place,
        )


def _bury(store: Store, db: sqlite3.Connection, subject: Subject, now: int, done: Erased) -> None:
    """Leave the tombstones of a person, and a line in the log that tells only whoever holds the key who it was."""
    names = connection_names(db)
    marks = {tombstone(store.key, kind, names[connection], stored) for kind, connection, stored in subject.keys}
    marks |= {tombstone(store.key, "order", names[connection], order) for _, connection, order in subject.orders}
    before = db.total_changes
    db.executemany("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", [(mark, now) for mark in sorted(marks)])
    n = db.total_changes - before
    if n or subject.key_ids:
        done.tombstones += n
        append(db, None, now, "person erased", f"tombstone {min(marks)}")


def is_unfinished(db: sqlite3.Connection) -> bool:
    """Tell whether the file may still hold bytes of erased rows."""
    return db.execute("SELECT 1 FROM meta WHERE name = ?", (UNFINISHED,)).fetchone() is not None


def finish(store: Store) -> bool:
    """Overwrite what the file and its write-ahead log still hold of erased rows; False while another program reads them.

    Pages keep bytes of rows that moved away long before anything was deleted, so the whole file is written anew (VACUUM),
    with room for a second copy of it in SQLite's temporary folder; then the log is cut to nothing. Raises StoreError when
    the disk is full. What is not finished is noted in the store, and the next report or erasure does it.
    """
    if not is_unfinished(store.db):
        return True
    if not rewrite(store):
        return False
    try:
        with store.transaction() as db:
            db.execute("DELETE FROM meta WHERE name = ?", (UNFINISHED,))
    except StoreError:
        return False
    return True
