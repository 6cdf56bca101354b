"""One number for everything the store holds: SHA-256 over all tables in their natural order.

Surrogate numbers are replaced by the natural keys behind them, so two stores with the same key that hold the same facts
have the same digest, whatever the order in which they learnt them. What is left out is listed in schema.py.
"""

from __future__ import annotations

import hashlib
import sqlite3

from persync.store.schema import OUTSIDE_COLUMNS, OUTSIDE_DIGEST, OUTSIDE_FIELDS
from persync.store.store import Store

_SEP = "char(31)"


def _name_of(connection: str) -> str:
    return f"coalesce((SELECT n.name FROM connections n WHERE n.connection = {connection}), '')"


_NATURAL = {
    "connection": _name_of("{0}"),
    "key_id": f"(SELECT k.kind || {_SEP} || {_name_of('k.connection')} || {_SEP} || k.key"
    " FROM person_keys k WHERE k.key_id = {0})",
    "campaign_key": f"(SELECT k.kind || {_SEP} || {_name_of('k.connection')} || {_SEP} || k.key"
    " FROM campaign_keys k WHERE k.campaign_key = {0})",
    "order_key": f"(SELECT {_name_of('k.connection')} || {_SEP} || k.vendor_order_id"
    " FROM order_keys k WHERE k.order_key = {0})",
    "segment_id": f"(SELECT {_name_of('s.connection')} || {_SEP} || s.kind || {_SEP} || s.parent || {_SEP} || s.vendor_id"
    " FROM segments s WHERE s.segment_id = {0})",
    "link_id": "(SELECT l.url FROM campaign_links l WHERE l.link_id = {0})",
    "word": "(SELECT w.text FROM words w WHERE w.word = {0})",
}
_MEANS = {"alias_key": "campaign_key", "key_a": "key_id", "key_b": "key_id"}
_WORDS = {("touchpoints", "channel"), ("touchpoints", "source")}
_OWN_NUMBER = {
    ("connections", "connection"),
    ("person_keys", "key_id"),
    ("campaign_keys", "campaign_key"),
    ("order_keys", "order_key"),
    ("segments", "segment_id"),
    ("campaign_links", "link_id"),
}


def tables(db: sqlite3.Connection) -> list[str]:
    """Return the tables that the digest reads, sorted."""
    found = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    return [name for (name,) in found if name not in OUTSIDE_DIGEST and not name.startswith("_")]


def natural_select(db: sqlite3.Connection, table: str) -> str:
    """Return the query that reads a table with natural keys, in a total order."""
    columns = []
    for _, name, *_rest in db.execute(f"PRAGMA table_info({table})"):
        if name in OUTSIDE_COLUMNS or (table, name) in OUTSIDE_FIELDS or (table, name) in _OWN_NUMBER:
            continue
        kind = "word" if (table, name) in _WORDS else _MEANS.get(name, name)
        columns.append(_NATURAL[kind].format(f"t.{name}") if kind in _NATURAL else f"t.{name}")
    if table == "links":
        # Which of the two keys was learnt first says nothing.
        columns[0:2] = [f"min({columns[0]}, {columns[1]})", f"max({columns[0]}, {columns[1]})"]
    order = ", ".join(str(i + 1) for i in range(len(columns)))
    return f"SELECT {', '.join(columns)} FROM {table} t ORDER BY {order}"


def table_digests(store: Store) -> dict[str, str]:
    """Return the digest of each table by itself: where two stores differ."""
    found = {}
    store.db.execute("BEGIN")
    try:
        for table in tables(store.db):
            state = hashlib.sha256()
            for row in store.db.execute(natural_select(store.db, table)):
                state.update(repr(row).encode("utf-8", "surrogatepass"))
                state.update(b"\n")
            found[table] = state.hexdigest()
    finally:
        store.db.execute("COMMIT")
    return found


def digest(store: Store) -> str:
    """Return the digest of the whole store, in hex."""
    state = hashlib.sha256()
    for table, value in table_digests(store).items():
        state.update(f"{table} {value}\n".encode())
    return state.hexdigest()
