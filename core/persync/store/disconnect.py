"""Removing all that one connection brought: a shop that asks to be forgotten."""

from __future__ import annotations

import sqlite3
from typing import Final

from persync.store.log import append
from persync.store.privacy import Erased, keyed_tables, note_erasure, removal
from persync.store.store import Store
from persync.store.write import mark_dirty

_KEPT: Final = ("connections", "dirty", "meta", "log", "runs")
_PARTS: Final = {"order_key": "order_keys", "campaign_key": "campaign_keys", "segment_id": "segments"}
"""numbers of a connection's own things, and where they are given: rows that bear one go with it"""


def disconnect(store: Store, name: str, *, now: int, dry_run: bool = False) -> Erased:
    """Remove every row of a connection in one transaction: people, messages, orders, money, and where its streams stand.

    People whom another connection knows too stay as that one knows them. No tombstones are left: whoever connects the shop
    again reads it anew. The connection keeps its bare name. Call `finish` afterwards, and refresh the mirror.
    """
    with removal(store, dry_run=dry_run) as db:
        row = db.execute("SELECT connection FROM connections WHERE name = ?", (name,)).fetchone()
        done = Erased() if row is None else _Removing(db, row[0]).all()
        if done.rows:
            note_erasure(db, now)
            append(db, None, now, "connection emptied", f"{name}: {sum(done.rows.values())} rows")
    return done


class _Removing:
    """The removal of one connection, in a transaction that the caller holds."""

    def __init__(self, db: sqlite3.Connection, connection: int) -> None:
        self.db = db
        self.connection = connection
        self.done = Erased()

    def all(self) -> Erased:
        """Remove what hangs on the connection's people and things, whoever told of it, then these themselves."""
        own = "SELECT k.key_id FROM person_keys k WHERE k.connection = :connection"
        self.done.people = self._run(f"SELECT count(*) FROM ({own})").fetchone()[0]
        keyed = keyed_tables(self.db)
        for table in keyed:
            if table == "orders":
                self._run(f"UPDATE orders SET key_id = NULL WHERE connection != :connection AND key_id IN ({own})")
            elif table != "person_keys":
                self._delete(table, f"key_id IN ({own})")
        self._delete("links", f"key_a IN ({own}) OR key_b IN ({own})")
        self._delete("campaign_aliases", self._own("alias_key", "campaign_key"))
        for column, home in _PARTS.items():
            for table in self._tables_with(column):
                if table not in (home, "carts", "touchpoints"):
                    self._delete(table, self._own(column, column))
        for table in self._tables_with("connection"):
            if table not in _KEPT:
                self._delete(table, "connection = :connection")
        # What its pulls noted for the next one: what was asked, its account and fields (connect/hanging.py, passes.py).
        self._run("DELETE FROM meta WHERE name = 'pull ' || :connection OR name GLOB 'hanging ' || :connection || ' *'")
        # Keyed numbers: whose they are cannot be told, and a version that is gone only makes a record be looked at again.
        self._delete("versions", "true")
        self._orphans(keyed)
        self._run(
            "UPDATE connections SET account_id = NULL, currency = NULL, timezone = NULL, shop = NULL, covers_from = NULL"
            " WHERE connection = :connection"
        )
        mark_dirty(self.db, "connections")
        return self.done

    def _orphans(self, keyed: list[str]) -> None:
        """Remove addresses and links that only this connection knew."""
        facts = " UNION ".join(f"SELECT t.key_id FROM {name} t" for name in keyed if name not in ("person_keys", "person_of"))
        self._delete(
            "person_keys",
            f"connection = 0 AND key_id NOT IN (SELECT coalesce(f.key_id, 0) FROM ({facts}) f)"
            " AND key_id NOT IN (SELECT l.key_a FROM links l UNION SELECT l.key_b FROM links l)",
        )
        self._delete("person_of", "key_id NOT IN (SELECT k.key_id FROM person_keys k)")
        self._delete(
            "campaign_links", "link_id NOT IN (SELECT link_id FROM touchpoints UNION SELECT link_id FROM link_counters)"
        )

    def _run(self, sql: str) -> sqlite3.Cursor:
        return self.db.execute(sql, {"connection": self.connection})

    def _own(self, column: str, number: str) -> str:
        return f"{column} IN (SELECT p.{number} FROM {_PARTS[number]} p WHERE p.connection = :connection)"

    def _tables_with(self, column: str) -> list[str]:
        found = self.db.execute(
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = ? WHERE m.type = 'table'"
            " ORDER BY m.name",
            (column,),
        )
        return [table for (table,) in found]

    def _delete(self, table: str, where: str) -> None:
        n = self._run(f"DELETE FROM {table} WHERE {where}").rowcount
        if not n:
            return
        self.done.rows[table] = self.done.rows.get(table, 0) + n
        months = self.db.execute("SELECT month FROM dirty WHERE name = ?", (table,)).fetchall()
        for (month,) in months or [(-1,)]:
            mark_dirty(self.db, table, month)
