"""The one writer: rows in, changes out, inside a transaction that the caller holds.

Writing a page twice changes nothing: upserts touch a row only where a value differs, snapshots are kept only when one
changed, sets are compared before they are replaced.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from persync import rows
from persync.redact import anonymous
from persync.rows import KEEP, Row
from persync.store.claims import close_moved
from persync.store.file_lines import lines_of, note_lines
from persync.store.floors import Floors
from persync.store.many import insert
from persync.store.months import month_of
from persync.store.resolve import Resolver
from persync.store.reversals import REVERSALS, turns
from persync.store.store import Store
from persync.store.sweep import delete
from persync.store.tables import FREE_TEXT, TABLES, without_people
from persync.store.write_tables import TableWriter

if TYPE_CHECKING:
    from persync.imports.batch import Batch

__all__ = ["Writer", "mark_dirty", "write_batch"]


class Writer:
    """Writes one connection's rows. `now` (epoch ms) is when they were observed."""

    def __init__(self, store: Store, connection: str, connector: str, *, now: int, run: int | None = None) -> None:
        self.store = store
        self.db = store.db
        self.now = now
        self.connection = self._connection(connection, connector)
        self._floors = Floors(store.db)
        self.resolve = Resolver(store.db, store.key, self.connection, run)
        self._special: dict[type[Any], Callable[[list[Any]], None]] = {
            rows.Account: self._accounts,
            rows.Child: self._children,
            rows.Claim: self._claims,
            rows.Deletion: self._deletions,
            rows.Evidence: self._evidence,
            rows.LedgerEntry: self._ledger,
            rows.MemberOf: self._memberships,
            rows.Merged: self._merges,
            rows.Parked: self._parked,
            rows.Present: self._present,
        }
        self._tables = TableWriter(store.db, self.resolve, now=now)
        self._dirty = self._tables.dirty
        self._touched = self._tables.touched
        self._noted: set[tuple[int, int]] = set()
        self._place = ("", "")
        self._lists = ""

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

    def write(self, given: Iterable[Row], place: tuple[str, str] = ("", ""), *, lists: str = "") -> int:
        """Write rows; return how many rows of the store changed. Call inside `store.transaction()`.

        `place` is the (stream, partition) they come from: where `Present` and `Parked` are noted; `lists` is the kind of thing
        that `Present` names there. On an exception the caller's transaction is rolled back; call `forget()` then.
        """
        self._place = place
        self._lists = lists
        before = self.db.total_changes
        buffers: dict[type[Any], list[Any]] = {}
        for row in given:
            try:
                buffers[row.__class__].append(row)
            except KeyError:
                buffers[row.__class__] = [row]
        for kind in FREE_TEXT.keys() & buffers.keys():
            fields = FREE_TEXT[kind]
            buffers[kind] = [without_people(row, fields) for row in buffers[kind]]
        if self._floors:
            self._floors.drop_old(buffers)
        self._resolve_people(buffers)
        for kind, batch in buffers.items():
            special = self._special.get(kind)
            if not batch:
                continue
            if special is not None:
                special(batch)
            elif TABLES[kind].snapshot:
                self._tables.snapshots(TABLES[kind], batch)
            else:
                self._tables.upserts(TABLES[kind], batch)
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

    def write_lines(self, path: str, given: list[Row]) -> int:
        """Write the rows of a file that takes back what it alone said before in the same places; return the rows changed."""
        changed = self.write(given)
        orders = list(dict.fromkeys(row.order for row in given if isinstance(row, rows.LedgerEntry)))
        keys = dict(zip(orders, self.resolve.numbers("order", orders), strict=True))
        gone, marks = note_lines(self.store, self.connection, path, set(lines_of(given, keys)))
        for table, month in marks:
            mark_dirty(self.db, table, month)
        return changed + gone

    def forget(self) -> None:
        """Drop what is cached after a rollback."""
        self.resolve.forget()
        self._dirty.clear()
        self._touched.clear()
        self._noted.clear()
        self._uncounted = 0

    # -- plain tables -----------------------------------------------------------------------------------------------

    def _resolve_people(self, buffers: dict[type[Any], list[Any]]) -> None:
        people: set[Any] = set()
        for kind, batch in buffers.items():
            if kind is rows.MemberOf:
                people.update(row.person for row in batch)
            elif kind is rows.Merged:
                people.update(row.survivor for row in batch)
                people.update(row.loser for row in batch)
            elif kind in TABLES and (at := TABLES[kind].person_at) is not None:
                people.update(map(itemgetter(at), batch))
        self.resolve.recall()
        merged = [(row.survivor, row.loser) for row in buffers.get(rows.Merged, ())]
        self.resolve.people(people, self._floors.active(buffers) if self._floors.people else (), merged)

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
                    _plain_text(row.data),
                    row.version,
                )
                for row in batch
            ],
        )
        self._uncounted += self.db.total_changes - before

    def _claims(self, batch: list[rows.Claim]) -> None:
        of_orders = [row for row in batch if row.order is not None]
        if kept := [row for row in batch if row.campaign is not None or row.order is None]:
            self._tables.snapshots(TABLES[rows.Claim], kept)
        if of_orders:
            campaigns = self.resolve.numbers("campaign", [row.campaign for row in of_orders])
            orders = self.resolve.numbers("order", [row.order for row in of_orders])
            told = (
                (campaign or 0, order, row.model) for campaign, order, row in zip(campaigns, orders, of_orders, strict=True)
            )
            if close_moved(self.db, self.connection, told, now=self.now):
                self._dirty.add(("claims", -1))

    def _ledger(self, batch: list[rows.LedgerEntry]) -> None:
        turned = [row for row in batch if row.entry in REVERSALS]
        if turned:
            plain = [row for row in batch if row.entry not in REVERSALS]
            batch = plain + turns(self.db, turned, self.resolve.numbers("order", [row.order for row in turned]))
        if batch:
            self._tables.upserts(TABLES[rows.LedgerEntry], batch)

    def _evidence(self, batch: list[rows.Evidence]) -> None:
        for row in batch:
            key = self.resolve.campaign(row.campaign)
            known = set(
                self.db.execute(
                    "SELECT kind, detail FROM campaign_evidence WHERE campaign_key = ? AND source = ?", (key, row.source)
                )
            )
            wanted = {(kind, anonymous(detail)) for kind, detail in row.items}
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
        before = self.db.total_changes
        people = {row: self.resolve.person(row.person) for row in batch}
        scopes = {(row.kind, row.parent) for row in batch}
        scope_of: dict[int, tuple[str, str]] = {
            segment: (kind, parent)
            for segment, kind, parent in self.db.execute(
                "SELECT segment_id, kind, parent FROM segments WHERE connection = ?", (self.resolve.connection,)
            )
            if (kind, parent) in scopes
        }
        known: dict[int, dict[int, int | None]] = {}
        for person, segment, left_at in self.db.execute(
            "SELECT m.key_id, m.segment_id, m.left_at FROM json_each(?) j CROSS JOIN memberships m ON m.key_id = j.value",
            (orjson.dumps([person for person in people.values() if person is not None]).decode(),),
        ):
            known.setdefault(person, {})[segment] = left_at
        joined, back, left = [], [], []
        for row, person in people.items():
            if person is None:
                continue
            wanted = {self.resolve.segment(row.kind, row.parent, vendor_id) for vendor_id in row.segments}
            current = known.get(person, {})
            joined += [(person, segment, row.joined_at) for segment in sorted(wanted - current.keys())]
            back += [(person, segment) for segment in wanted & current.keys() if current[segment] is not None]
            left += [
                (self.now, person, segment)
                for segment, left_at in current.items()
                if left_at is None and segment not in wanted and scope_of.get(segment) == (row.kind, row.parent)
            ]
        insert(self.db, "memberships (key_id, segment_id, joined_at)", joined, "ON CONFLICT DO NOTHING")
        self.db.executemany("UPDATE memberships SET left_at = NULL WHERE key_id = ? AND segment_id = ?", back)
        self.db.executemany("UPDATE memberships SET left_at = ? WHERE key_id = ? AND segment_id = ?", left)
        if self.db.total_changes != before:
            self._dirty.add(("memberships", -1))

    def _merges(self, batch: list[rows.Merged]) -> None:
        for row in batch:
            survivor, loser = self.resolve.person(row.survivor), self.resolve.person(row.loser)
            if survivor is not None and loser is not None and survivor != loser:
                self.resolve.link(survivor, loser, "vendor_merge")

    def _parked(self, batch: list[rows.Parked]) -> None:
        self._aside(
            "INSERT INTO parked VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET parent = excluded.parent, data = excluded.data",
            [
                (
                    self.connection,
                    *self._place,
                    row.key,
                    row.parent,
                    _plain_text(row.data),
                )
                for row in batch
            ],
        )

    def _present(self, batch: list[rows.Present]) -> None:
        keys = [row.key for row in batch]
        if self._lists in ("contact", "member"):
            # A listing counts the erased too; what it keeps of them is their tombstone's name.
            keys = self.resolve.gone.without_erased(keys)
        self._aside("INSERT OR IGNORE INTO present VALUES (?, ?, ?, ?)", [(self.connection, *self._place, key) for key in keys])

    def _aside(self, text: str, values: list[tuple[Any, ...]]) -> None:
        """Write bookkeeping: changes that are counted by nobody."""
        before = self.db.total_changes
        self.db.executemany(text, values)
        self._uncounted += self.db.total_changes - before

    def _deletions(self, batch: list[rows.Deletion]) -> None:
        for row in batch:
            if row.thing == "contact" and self.resolve.gone.is_erased("id", row.vendor_id):
                continue  # the row would hold the id
            self._dirty.update((table, -1) for table in delete(self.db, self.connection, row, now=self.now))

    # -- what the mirror must know ----------------------------------------------------------------------------------

    def _flush_dirty(self) -> None:
        self.db.executemany("INSERT INTO dirty VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET rev = rev + 1", sorted(self._dirty))
        self._dirty.clear()
        if self._touched:
            campaigns = self.resolve.numbers("campaign", [campaign for campaign, _ in self._touched])
            months = (month_of(day * 86_400_000) for _, day in self._touched)
            new = set(zip(months, campaigns, strict=True)) - self._noted
            self.db.executemany(
                "INSERT OR IGNORE INTO touch_months VALUES (?, ?, ?)",
                sorted((month, self.connection, campaign) for month, campaign in new),
            )
            self._noted |= new
            self._touched.clear()

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
        changed = writer.write_lines(batch.path, list(batch.rows)) if batch.takes_back else writer.write(batch.rows)
        db.execute(
            "INSERT OR REPLACE INTO imported_files VALUES (?, ?, ?, ?)",
            (writer.connection, batch.path, batch.digest, batch.count),
        )
    return changed


def mark_dirty(db: sqlite3.Connection, table: str, month: int = -1) -> None:
    """Tell the mirror that a table changed; call in the transaction that changed it."""
    db.execute("INSERT INTO dirty VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET rev = rev + 1", (table, month))


def _plain_text(data: Mapping[str, Any]) -> str:
    """Return what is kept of a record as JSON. Raise OverflowError at a number too large for it, as SQLite does for its own."""
    try:
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError as error:
        raise OverflowError(str(error)) from None
