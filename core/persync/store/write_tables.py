"""Rows of the plain tables: from a batch of one type to what differs in its table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, groupby, repeat
from operator import itemgetter
from typing import Any

import orjson

from persync import rows
from persync.rows import KEEP, Keep
from persync.store.many import insert
from persync.store.months import month_of
from persync.store.resolve import Resolver
from persync.store.schema import MONTHLY
from persync.store.tables import Table, kept_fields, upsert

__all__ = ["TableWriter"]


class TableWriter:
    """Writes batches of one connection's rows into their tables. `now` (epoch ms) is when they were observed."""

    def __init__(self, db: sqlite3.Connection, resolve: Resolver, *, now: int) -> None:
        self.db = db
        self.resolve = resolve
        self.connection = resolve.connection
        self.now = now
        self.dirty: set[tuple[str, int]] = set()
        """(table, month) that changed, month -1 for a table kept whole"""
        self.touched: set[tuple[rows.CampaignRef | None, int]] = set()
        """(campaign, day since 1970) of the touchpoints that changed"""

    def columns(self, table: Table, batch: Sequence[tuple[Any, ...]]) -> list[Iterable[Any]]:
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
        erased = self.resolve.gone.is_erased
        return [
            None if found is not None and found is not KEEP and erased("order", order.vendor_order_id) else found
            for order, found in zip(orders, who, strict=True)
        ]

    def upserts(self, table: Table, batch: list[Any]) -> None:
        before = self.db.total_changes
        start = 1 if table.fixed else 0
        for kept, group in _by_kept(table, batch):
            columns = self.columns(table, group)
            keep = {index + start for index in kept}
            into, otherwise = upsert(table.name, kept)
            # The connection's column has no end; the others are equally long.
            insert(self.db, into, zip(*(column for i, column in enumerate(columns) if i not in keep), strict=False), otherwise)
        if self.db.total_changes != before:
            if table.name in MONTHLY:
                at = table.row._fields.index("happened_at")
                days = {row[at] // 86_400_000 for row in batch}
                if table.row is rows.Touchpoint:
                    self.touched.update((row.campaign, row.happened_at // 86_400_000) for row in batch)
                if table.settled:
                    days |= self._settled_days(table.settled[1], batch)
                self.dirty.update((table.name, month_of(day * 86_400_000)) for day in days)
            else:
                self.dirty.add((table.name, -1))

    def _settled_days(self, entry: str, batch: list[rows.LedgerEntry]) -> set[int]:
        """Return the days on which entries that keep their first date are stored: not those that their rows name."""
        orders = [row.order for row in batch if row.entry == entry]
        found = self.db.execute(
            "SELECT DISTINCT l.happened_at / 86400000 FROM json_each(?) j"
            " CROSS JOIN order_ledger l ON l.order_key = j.value AND l.entry = ?",
            (orjson.dumps(self.resolve.numbers("order", orders)).decode(), entry),
        )
        return {day for (day,) in found}

    def snapshots(self, table: Table, batch: list[Any]) -> None:
        key_of = itemgetter(*(table.columns.index(name) for name in table.key))
        values_of = itemgetter(*(table.columns.index(name) for name in table.values))
        # Of two states of one thing on one page the last one counts.
        wanted = {key_of(values): values for values in zip(*self.columns(table, batch), strict=False)}
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
            self.dirty.add((table.name, -1))

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


def _by_kept(table: Table, batch: list[Any]) -> Iterator[tuple[tuple[int, ...], list[Any]]]:
    """Split a batch into runs of rows that keep the same fields: (their indexes, rows). Most often it is one run."""
    kinds = [set(map(type, map(itemgetter(index), batch))) for index in table.keepable]
    if all(len(found) == 1 or Keep not in found for found in kinds):
        yield tuple(index for index, found in zip(table.keepable, kinds, strict=True) if Keep in found), batch
        return
    for kept, group in groupby(zip(map(kept_fields, batch), batch, strict=True), key=itemgetter(0)):
        yield kept, [row for _, row in group]
