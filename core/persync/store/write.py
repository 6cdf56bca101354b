"""The one writer: rows in, changes out, inside a transaction that the caller holds.

Writing a page twice changes nothing: upserts touch a row only where a value differs, snapshots are kept only when one
changed, sets are compared before they are replaced.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import compress, groupby, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from persync import rows
from persync.redact import anonymous
from persync.rows import KEEP, Keep, Row
from persync.store.claims import close_moved
from persync.store.floors import Floors
from persync.store.many import insert
from persync.store.resolve import Resolver
from persync.store.reversals import REVERSALS, turns
from persync.store.schema import MONTHLY
from persync.store.store import Store
from persync.store.sweep import delete
from persync.store.tables import FREE_TEXT, TABLES, Table, kept_fields, upsert, without_people

if TYPE_CHECKING:
    from persync.imports.batch import Batch

__all__ = ["Writer", "month_of", "write_batch"]


FIRST_AT, END_AT = -62_135_596_800_000, 253_402_300_800_000
"""epochs in ms between which the years have four digits: no calendar here goes further"""


def month_of(at: int) -> int:
    """Return the month of an epoch in ms as the mirror numbers them: year * 12 + month - 1, UTC.

    Raises OverflowError outside the years 1 to 9999.
    """
    if not FIRST_AT <= at < END_AT:
        raise OverflowError("a time outside the years 1 to 9999")
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.year * 12 + moment.month - 1


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
        self._dirty: set[tuple[str, int]] = set()
        self._touched: set[tuple[rows.CampaignRef | None, int]] = set()
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
        self.resolve.people(people, self._floors.active(buffers) if self._floors.people else ())

    def _columns(self, table: Table, batch: Sequence[tuple[Any, ...]]) -> list[Iterable[Any]]:
        """Turn a batch of rows into columns as the table keeps them: references become integers, a column at a time.

        Column by column the work is done by C loops over cached look-ups: four times as fast as row by row. Rows about an
        erased person are left out; only an order is kept without its person.
        """
        columns: list[Any] = list(zip(*batch, strict=True))
        person_at = table.person_at
        if person_at is not None:
            who = self.resolve.known_people(columns[person_at])
            if table.row is rows.Order or table.row is rows.OrderPerson:
                who = self._cut(columns[0], who)
            if None in who and table.row is not rows.Order:
                # Nobody was named, and somebody was who is erased: two things.
                given = columns[person_at]
                kept = [found is not None or person is None for found, person in zip(who, given, strict=True)]
                columns = [list(compress(column, kept)) for column in columns]
                who = list(compress(who, kept))
            columns[person_at] = who
        for index, method in table.refs:
            if method != "person":
                columns[index] = self.resolve.numbers(method, columns[index])
        for index in table.zero_null:
            columns[index] = [value or 0 for value in columns[index]]
        return [repeat(self.connection), *columns] if table.fixed else columns

    def _cut(self, orders: Iterable[rows.OrderRef], who: list[Any]) -> list[Any]:
        """Return the people of a column of orders, None where an order's people were erased whoever they are."""
        erased = self.resolve.is_erased
        return [
            None if found is not None and found is not KEEP and erased("order", order.vendor_order_id) else found
            for order, found in zip(orders, who, strict=True)
        ]

    def _upserts(self, table: Table, batch: list[Any]) -> None:
        before = self.db.total_changes
        start = 1 if table.fixed else 0
        for kept, group in _by_kept(table, batch):
            columns = self._columns(table, group)
            keep = {index + start for index in kept}
            into, otherwise = upsert(table.name, kept)
            # The connection's column has no end; the others are equally long.
            insert(self.db, into, zip(*(column for i, column in enumerate(columns) if i not in keep), strict=False), otherwise)
        if self.db.total_changes != before:
            if table.name in MONTHLY:
                at = table.row._fields.index("happened_at")
                days = {row[at] // 86_400_000 for row in batch}
                if table.row is rows.Touchpoint:
                    self._touched.update((row.campaign, row.happened_at // 86_400_000) for row in batch)
                if table.settled:
                    days |= self._settled_days(table.settled[1], batch)
                self._dirty.update((table.name, month_of(day * 86_400_000)) for day in days)
            else:
                self._dirty.add((table.name, -1))

    def _settled_days(self, entry: str, batch: list[rows.LedgerEntry]) -> set[int]:
        """Return the days on which entries that keep their first date are stored: not those that their rows name."""
        orders = [row.order for row in batch if row.entry == entry]
        found = self.db.execute(
            "SELECT DISTINCT l.happened_at / 86400000 FROM json_each(?) j"
            " CROSS JOIN order_ledger l ON l.order_key = j.value AND l.entry = ?",
            (orjson.dumps(self.resolve.numbers("order", orders)).decode(), entry),
        )
        return {day for (day,) in found}

    def _snapshots(self, table: Table, batch: list[Any]) -> None:
        key_of = itemgetter(*(table.columns.index(name) for name in table.key))
        values_of = itemgetter(*(table.columns.index(name) for name in table.values))
        # Of two states of one thing on one page the last one counts.
        wanted = {key_of(values): values for values in zip(*self._columns(table, batch), strict=False)}
        known = self._latest(table, wanted)
        dated = table.values.index(table.dated) if table.dated else None
        fresh = []
        for key, values in wanted.items():
            if key not in known:
                fresh.append((*values, 1, self.now))
                continue
            number, *stored = known[key]
            new = list(values_of(values))
            if dated is not None and stored[dated] is not None:
                new[dated] = stored[dated]
            if stored != new:
                fresh.append((*values, number + 1, self.now))
        if fresh:
            insert(self.db, f"{table.name} ({', '.join(table.columns)})", fresh)
            self._dirty.add((table.name, -1))

    def _latest(self, table: Table, keys: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """Return (number, values...) of the newest snapshot of each key, in one look-up for all of them."""
        names = ", ".join(f"t.{name}" for name in (*table.key, "number", *table.values))
        joins = " AND ".join(f"t.{name} = json_extract(j.value, '$[{i}]')" for i, name in enumerate(table.key))
        width = len(table.key)
        found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        for row in self.db.execute(
            f"SELECT {names} FROM json_each(?) j CROSS JOIN {table.name} t ON {joins} ORDER BY t.number",
            (orjson.dumps(list(keys)).decode(),),
        ):
            found[row[:width]] = row[width:]
        return found

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

    def _claims(self, batch: list[rows.Claim]) -> None:
        of_orders = [row for row in batch if row.order is not None]
        if kept := [row for row in batch if row.campaign is not None or row.order is None]:
            self._snapshots(TABLES[rows.Claim], kept)
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
            self._upserts(TABLES[rows.LedgerEntry], batch)

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
                    orjson.dumps(row.data, option=orjson.OPT_SORT_KEYS).decode(),
                )
                for row in batch
            ],
        )

    def _present(self, batch: list[rows.Present]) -> None:
        keys = [row.key for row in batch]
        if self._lists in ("contact", "member"):
            # A listing counts the erased too; what it keeps of them is their tombstone's name.
            keys = self.resolve.without_erased(keys)
        self._aside("INSERT OR IGNORE INTO present VALUES (?, ?, ?, ?)", [(self.connection, *self._place, key) for key in keys])

    def _aside(self, text: str, values: list[tuple[Any, ...]]) -> None:
        """Write bookkeeping: changes that are counted by nobody."""
        before = self.db.total_changes
        self.db.executemany(text, values)
        self._uncounted += self.db.total_changes - before

    def _deletions(self, batch: list[rows.Deletion]) -> None:
        for row in batch:
            if row.thing == "contact" and self.resolve.is_erased("id", row.vendor_id):
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


def _by_kept(table: Table, batch: list[Any]) -> Iterator[tuple[tuple[int, ...], list[Any]]]:
    """Split a batch into runs of rows that keep the same fields: (their indexes, rows). Most often it is one run."""
    kinds = [set(map(type, map(itemgetter(index), batch))) for index in table.keepable]
    if all(len(found) == 1 or Keep not in found for found in kinds):
        yield tuple(index for index, found in zip(table.keepable, kinds, strict=True) if Keep in found), batch
        return
    for kept, group in groupby(zip(map(kept_fields, batch), batch, strict=True), key=itemgetter(0)):
        yield kept, [row for _, row in group]


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
