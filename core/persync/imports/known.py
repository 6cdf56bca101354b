"""What the store has already, for a file to be held against. Reads alone; a store that is not there knows nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from persync.imports.importer import StoredOrders


def connections_in(store: Path) -> frozenset[str]:
    """Return the names of the connections that a store has."""
    return frozenset(name for (name,) in _read(store, "SELECT name FROM connections"))


def orders_in(store: Path, connection: str) -> StoredOrders:
    """Return the question which orders of a connection a store has; it is asked anew at every call."""

    def stored(orders: Collection[str]) -> Mapping[str, str]:
        found = _read(
            store,
            "SELECT k.vendor_order_id, o.currency FROM json_each(?) j CROSS JOIN connections n ON n.name = ?"
            " JOIN order_keys k ON k.connection = n.connection AND k.vendor_order_id = j.value JOIN orders o USING (order_key)",
            json.dumps(list(orders)),
            connection,
        )
        return dict(found)

    return stored


def _read(store: Path, sql: str, *parameters: str) -> Iterator[tuple[Any, ...]]:
    if not store.is_file():
        return
    try:
        with closing(sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            yield from db.execute(sql, parameters).fetchall()
    except sqlite3.Error:
        return  # whoever opens the store to write says what is wrong with it
