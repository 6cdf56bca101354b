"""Everything the store holds about a person, in words and decimals: what somebody who asks for their data is given."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from persync.money import from_minor
from persync.rows import Action
from persync.store.privacy import keyed_tables
from persync.store.schema import HASHED_KINDS
from persync.store.store import Store
from persync.store.subjects import Subject

_OF_ORDERS: Final = ("order_lines", "order_ledger", "order_discounts", "order_payments", "claims")
_DERIVED: Final = ("person_of",)
_FLAGS: Final = ("is_", "accepts_", "selected", "qualified")
_UNDATED: Final = ("outcomes", "decisions")
"""tables in which a time of 0 means that none was given"""


def subject_data(store: Store, people: Iterable[Subject]) -> dict[str, list[dict[str, Any]]]:
    """Return {table: rows} of what the store holds about people, ready for JSON, and about nobody else.

    Numbers of the store become the names behind them, times ISO 8601 UTC, money decimals in major units. Keys that are stored
    as keyed hashes are named by their kind. Orders bring their lines, money and the platforms' claims on them; further people
    on an order are left out.
    """
    db = store.db
    key_ids: set[int] = set()
    orders: set[int] = set()
    for subject in people:
        key_ids |= subject.key_ids
        orders.update(order for order, _, _ in subject.orders)
    mine = orjson.dumps(sorted(key_ids)).decode()
    orders.update(
        order
        for (order,) in db.execute(
            "SELECT o.order_key FROM json_each(?1) j JOIN orders o ON o.key_id = j.value"
            " UNION SELECT p.order_key FROM json_each(?1) j JOIN order_people p ON p.key_id = j.value",
            (mine,),
        )
    )
    readable = _Readable(db)
    found: dict[str, list[dict[str, Any]]] = {}

    def add(table: str, column: str, values: str) -> None:
        cursor = db.execute(f"SELECT t.* FROM {table} t WHERE t.{column} IN (SELECT j.value FROM json_each(?) j)", (values,))
        names = [name for name, *_ in cursor.description]
        if rows := [readable.row(table, dict(zip(names, row, strict=True))) for row in cursor]:
            found[table] = rows

    for table in keyed_tables(db):
        if table not in (*_DERIVED, "orders", "order_people"):
            add(table, "key_id", mine)
    bought = orjson.dumps(sorted(orders)).decode()
    for table in ("orders", *_OF_ORDERS):
        add(table, "order_key", bought)
    return found


class _Readable:
    """Turns rows of the store into what a person can read."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._names: dict[tuple[str, Any], Any] = {}

    def row(self, table: str, values: dict[str, Any]) -> dict[str, Any]:
        """Return one row; names of columns lose the endings that only the store needs."""
        read: dict[str, Any] = {}
        currency = values.get("currency") or (self._currency(values["order_key"]) if "order_key" in values else None)
        for name, value in values.items():
            if name == "key_id":
                continue
            if name in ("connection", "order_key", "campaign_key", "segment_id", "link_id") or (
                table == "touchpoints" and name in ("channel", "source", "action")
            ):
                read[name.removesuffix("_key").removesuffix("_id")] = self._named(name, value)
            elif name == "key" and values["kind"] in HASHED_KINDS:
                read[name] = "kept as a keyed hash only"
            elif name.endswith("_at"):
                read[name] = None if value is None or (not value and table in _UNDATED) else _iso(value)
            elif name.endswith("_minor"):
                amount = None if value is None or not currency else str(from_minor(value, currency))
                read[name.removesuffix("_minor")] = amount
            elif name.startswith(_FLAGS):
                read[name] = None if value is None else bool(value)
            else:
                read[name] = value
        return read

    def _named(self, column: str, number: Any) -> Any:
        if not number:
            return None
        if (column, number) not in self._names:
            self._names[column, number] = self._look_up(column, number)
        return self._names[column, number]

    def _look_up(self, column: str, number: int) -> Any:
        if column == "action":
            return Action(number).name.lower()
        query = {
            "connection": "SELECT name FROM connections WHERE connection = ?",
            "order_key": "SELECT vendor_order_id FROM order_keys WHERE order_key = ?",
            "link_id": "SELECT url FROM campaign_links WHERE link_id = ?",
            "channel": "SELECT text FROM words WHERE word = ?",
            "source": "SELECT text FROM words WHERE word = ?",
            "campaign_key": "SELECT k.kind, k.key, c.title FROM campaign_keys k LEFT JOIN campaigns c USING (campaign_key)"
            " WHERE k.campaign_key = ?",
            "segment_id": "SELECT kind, vendor_id, name FROM segments WHERE segment_id = ?",
        }[column]
        row = self.db.execute(query, (number,)).fetchone()
        if row is None or len(row) == 1:
            return row[0] if row else None
        return dict(zip(("kind", "id", "title"), row, strict=True))

    def _currency(self, order_key: int) -> str | None:
        row = self.db.execute("SELECT currency FROM orders WHERE order_key = ?", (order_key,)).fetchone()
        return row[0] if row else None


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
