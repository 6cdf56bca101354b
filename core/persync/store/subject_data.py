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

_OF_ORDERS: Final = ("order_keys", "order_lines", "order_ledger", "order_discounts", "order_payments", "claims")
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
    people = list(people)
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
        if table not in (*_DERIVED, "orders"):
            add(table, "key_id", mine)
    for table, rows in _beside(store, people, mine).items():
        if rows:
            found[table] = found.get(table, []) + [readable.row(table, row) for row in rows]
    bought = orjson.dumps(sorted(orders)).decode()
    for table in ("orders", *_OF_ORDERS):
        add(table, "order_key", bought)
    return found


def _beside(store: Store, people: Iterable[Subject], mine: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about people that carry no key of theirs: what an erasure removes besides."""
    db = store.db
    texts = [(connection, text) for subject in people for connection, text in sorted(subject.texts)]
    records = orjson.dumps(
        [[connection, name] for connection, text in texts for name in (text, store.key.name("record", text))]
    )
    ids = "SELECT k.connection, k.key FROM person_keys k JOIN json_each(:mine) j ON j.value = k.key_id WHERE k.kind = 'id'"
    carts, tickets = (
        f"SELECT t.connection, t.{thing} FROM {thing}s t JOIN json_each(:mine) j ON j.value = t.key_id"
        for thing in ("cart", "ticket")
    )
    queries = {
        "links": "SELECT a.kind AS one, b.kind AS other, l.reason, l.undone_at FROM links l JOIN person_keys a ON"
        " a.key_id = l.key_a JOIN person_keys b ON b.key_id = l.key_b WHERE l.key_a IN (SELECT value FROM json_each(:mine))"
        " AND l.key_b IN (SELECT value FROM json_each(:mine))",
        "deletions": f"SELECT d.* FROM deletions d WHERE (d.thing = 'contact' AND (d.connection, d.vendor_id) IN ({ids}))"
        f" OR (d.thing = 'cart' AND (d.connection, d.vendor_id) IN ({carts}))"
        f" OR (d.thing = 'ticket' AND (d.connection, d.vendor_id) IN ({tickets}))",
        "feedback": f"SELECT f.* FROM feedback f WHERE f.key_id IS NULL AND (f.connection, f.ticket) IN ({tickets})",
        "rejects": "SELECT r.connection, r.stream, r.endpoint, r.field, r.reason, r.shape, r.observed_at FROM rejects r"
        " WHERE EXISTS (SELECT 1 FROM json_each(:records) j WHERE json_extract(j.value, '$[1]') = r.record"
        " AND json_extract(j.value, '$[0]') IN (r.connection, 0))",
    }
    found = {}
    for table, query in queries.items():
        cursor = db.execute(query, {"mine": mine, "records": records.decode()})
        names = [name for name, *_ in cursor.description]
        found[table] = [dict(zip(names, row, strict=True)) for row in cursor]
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
            if name == "key_id" or (table == "order_keys" and name == "order_key"):
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
