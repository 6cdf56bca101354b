"""The one writer: rows in, changes out, inside a transaction that the caller holds.

Writing a page twice changes nothing: upserts touch a row only where a value differs, snapshots are kept only when one
changed, sets are compared before they are replaced.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson

from persync import rows
from persync.rows import KEEP, Row
from persync.store.resolve import Resolver
from persync.store.schema import MONTHLY
from persync.store.store import Store
from persync.store.tables import TABLES, Table, kept_fields, upsert

if TYPE_CHECKING:
    from persync.imports.batch import Batch

__all__ = ["Writer", "month_of", "write_batch"]


def month_of(at: int) -> int:
    """Return the month of an epoch in ms as the mirror numbers them: year * 12 + month - 1, UTC."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.year * 12 + moment.month - 1


class Writer:
    """Writes one connection's rows. `now` (epoch ms) is when they were observed."""

    def __init__(self, store: Store, connection: str, connector: str, *, now: int, run: int | None = None) -> None:
        self.store = store
        self.db = store.db
        self.now = now
        self.connection = self._connection(connection, connector)
        self.resolve = Resolver(store.db, store.key, self.connection, run)
        self._special: dict[type[Any], Callable[[list[Any]], None]] = {
            rows.Account: self._accounts,
            rows.Child: self._children,
            rows.Evidence: self._evidence,
            rows.MemberOf: self._memberships,
            rows.Merged: self._merges,
        }
        self._dirty: set[tuple[str, int]] = set()

    def _connection(self, name: str, connector: str) -> int:
        row = self.db.execute("SELECT connection, connector FROM connections WHERE name = ?", (name,)).fetchone()
        if row is not None and row[1] == connector:
            return int(row[0])
        with self.store.transaction() as db:
            db.execute(
                "INSERT INTO connections (name, connector) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET connector = excluded.connector",
                (name, connector),
            )
            self._mark_now("connections")
        return int(self.db.execute("SELECT connection FROM connections WHERE name = ?", (name,)).fetchone()[0])

    def write(self, given: Iterable[Row]) -> int:
        """Write rows; return how many rows of the store changed. Call inside `store.transaction()`.

        On an exception the caller's transaction is rolled back; call `forget()` then.
        """
        before = self.db.total_changes
        buffers: dict[type[Any], list[Any]] = {}
        for row in given:
            try:
                buffers[row.__class__].append(row)
            except KeyError:
                buffers[row.__class__] = [row]
        for kind, batch in buffers.items():
            special = self._special.get(kind)
            if special is not None:
                special(batch)
            elif TABLES[kind].snapshot:
                self._snapshots(TABLES[kind], batch)
            else:
                self._upserts(TABLES[kind], batch)
        if self.resolve.touched:
            for table in self.resolve.touched:
                self._dirty.add((table, -1))
            self.resolve.touched.clear()
        # Children are work, not data: their changes are counted by nobody.
        changed = self.db.total_changes - before - self._uncounted
        self._uncounted = 0
        self._flush_dirty()
        return changed

    _uncounted = 0

    def forget(self) -> None:
        """Drop what is cached after a rollback."""
        self.resolve.forget()
        self._dirty.clear()
        self._uncounted = 0

    # -- plain tables -----------------------------------------------------------------------------------------------

    def _resolved(self, table: Table, row: tuple[Any, ...]) -> list[Any] | None:
        """Turn a row's references into integers; None when it is about an erased person and must not be kept."""
        values: list[Any] = list(row)
        resolve = self.resolve
        for index, method in table.refs:
            value = values[index]
            if method == "person":
                if value is None or value is KEEP:
                    continue
                found = resolve.person(value)
                if found is None and table.row is not rows.Order:
                    return None
                values[index] = found
            else:
                values[index] = getattr(resolve, method)(value)
        for index in table.zero_null:
            if values[index] is None:
                values[index] = 0
        if table.fixed:
            values.insert(0, self.connection)
        return values

    def _upserts(self, table: Table, batch: list[Any]) -> None:
        masks = [kept_fields(row) for row in batch]
        before = self.db.total_changes
        for kept, group in groupby(zip(masks, batch, strict=True), key=lambda pair: pair[0]):
            start = 1 if table.fixed else 0
            keep = {index + start for index in kept}
            ready = []
            for _, row in group:
                values = self._resolved(table, row)
                if values is not None:
                    ready.append([v for i, v in enumerate(values) if i not in keep] if keep else values)
            self.db.executemany(upsert(table.name, kept), ready)
        if self.db.total_changes != before:
            if table.name in MONTHLY:
                at = table.row._fields.index("happened_at")
                self._dirty.update((table.name, month_of(t)) for t in {row[at] // 86_400_000 * 86_400_000 for row in batch})
            else:
                self._dirty.add((table.name, -1))

    def _snapshots(self, table: Table, batch: list[Any]) -> None:
        values_of = [table.columns.index(name) for name in table.values]
        key_of = [table.columns.index(name) for name in table.key]
        where = " AND ".join(f"{name} = ?" for name in table.key)
        latest = f"SELECT number, {', '.join(table.values)} FROM {table.name} WHERE {where} ORDER BY number DESC LIMIT 1"
        insert = f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({', '.join('?' * len(table.columns))})"
        for row in batch:
            values = self._resolved(table, row)
            if values is None:
                continue
            known = self.db.execute(latest, [values[i] for i in key_of]).fetchone()
            if known is not None and known[1:] == tuple(values[i] for i in values_of):
                continue
            self.db.execute(insert, [*values, (known[0] if known else 0) + 1, self.now])
            self._dirty.add((table.name, -1))

    # -- rows with a meaning of their own ---------------------------------------------------------------------------

    def _accounts(self, batch: list[rows.Account]) -> None:
        for row in batch:
            facts = {name: value for name, value in zip(row._fields, row, strict=True) if value is not KEEP}
            sets = ", ".join(f"{name} = :{name}" for name in facts)
            differs = " OR ".join(f"{name} IS NOT :{name}" for name in facts)
            cursor = self.db.execute(
                f"UPDATE connections SET {sets} WHERE connection = :connection AND ({differs})",
                {**facts, "connection": self.connection},
            )
            if cursor.rowcount:
                self._dirty.add(("connections", -1))

    def _children(self, batch: list[rows.Child]) -> None:
        before = self.db.total_changes
        self.db.executemany(
            "INSERT INTO checkpoints (connection, stream, partition, parent, version) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET parent = excluded.parent, version = excluded.version"
            " WHERE checkpoints.parent IS NOT excluded.parent OR checkpoints.version IS NOT excluded.version",
            [
                (
                    self.connection,
                    row.stream,
                    row.key,
                    orjson.dumps(row.data, option=orjson.OPT_SORT_KEYS).decode(),
                    row.version,
                )
                for row in batch
            ],
        )
        self._uncounted += self.db.total_changes - before

    def _evidence(self, batch: list[rows.Evidence]) -> None:
        for row in batch:
            key = self.resolve.campaign(row.campaign)
            known = set(
                self.db.execute(
                    "SELECT kind, detail FROM campaign_evidence WHERE campaign_key = ? AND source = ?", (key, row.source)
                )
            )
            wanted = set(row.items)
            if known == wanted:
                continue
            self.db.executemany(
                "DELETE FROM campaign_evidence WHERE campaign_key = ? AND source = ? AND kind = ? AND detail = ?",
                [(key, row.source, *item) for item in known - wanted],
            )
            self.db.executemany(
                "INSERT INTO campaign_evidence VALUES (?, ?, ?, ?)", [(key, row.source, *item) for item in wanted - known]
            )
            self._dirty.add(("campaign_evidence", -1))

    def _memberships(self, batch: list[rows.MemberOf]) -> None:
        scopes: dict[tuple[str, str], set[int]] = {}
        before = self.db.total_changes
        for row in batch:
            person = self.resolve.person(row.person)
            if person is None:
                continue
            scope = (row.kind, row.parent)
            if scope not in scopes:
                scopes[scope] = {
                    found[0]
                    for found in self.db.execute(
                        "SELECT segment_id FROM segments WHERE connection = ? AND kind = ? AND parent = ?",
                        (self.connection, *scope),
                    )
                }
            wanted = {self.resolve.segment(row.kind, row.parent, vendor_id) for vendor_id in row.segments}
            scopes[scope] |= wanted
            known = dict(self.db.execute("SELECT segment_id, left_at FROM memberships WHERE key_id = ?", (person,)))
            for segment in sorted(wanted):
                if segment not in known:
                    self.db.execute("INSERT INTO memberships VALUES (?, ?, ?, NULL)", (person, segment, row.joined_at))
                elif known[segment] is not None:
                    self.db.execute(
                        "UPDATE memberships SET left_at = NULL WHERE key_id = ? AND segment_id = ?", (person, segment)
                    )
            for segment, left_at in known.items():
                if segment in scopes[scope] and segment not in wanted and left_at is None:
                    self.db.execute(
                        "UPDATE memberships SET left_at = ? WHERE key_id = ? AND segment_id = ?", (self.now, person, segment)
                    )
        if self.db.total_changes != before:
            self._dirty.add(("memberships", -1))

    def _merges(self, batch: list[rows.Merged]) -> None:
        for row in batch:
            survivor, loser = self.resolve.person(row.survivor), self.resolve.person(row.loser)
            if survivor is not None and loser is not None and survivor != loser:
                self.resolve.link(survivor, loser, "vendor_merge")

    # -- what the mirror must know ----------------------------------------------------------------------------------

    def _flush_dirty(self) -> None:
        self.db.executemany("INSERT INTO dirty VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET rev = rev + 1", sorted(self._dirty))
        self._dirty.clear()

    def _mark_now(self, table: str) -> None:
        self.db.execute("INSERT INTO dirty VALUES (?, -1, 1) ON CONFLICT DO UPDATE SET rev = rev + 1", (table,))


def write_batch(store: Store, connection: str, connector: str, batch: Batch, *, now: int) -> int | None:
    """Write a whole file's rows in one transaction; return the rows changed, None when this very file was read before."""
    writer = Writer(store, connection, connector, now=now)
    known = store.db.execute(
        "SELECT digest FROM imported_files WHERE connection = ? AND path = ?", (writer.connection, batch.path)
    ).fetchone()
    if known is not None and known[0] == batch.digest:
        return None
    with store.transaction() as db:
        changed = writer.write(batch.rows)
        db.execute(
            "INSERT OR REPLACE INTO imported_files VALUES (?, ?, ?, ?)",
            (writer.connection, batch.path, batch.digest, batch.count),
        )
    return changed


def mark_dirty(db: sqlite3.Connection, table: str, month: int = -1) -> None:
    """Tell the mirror that a table changed; call in the transaction that changed it."""
    db.execute("INSERT INTO dirty VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET rev = rev + 1", (table, month))
