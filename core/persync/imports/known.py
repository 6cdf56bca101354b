"""What the store has already, for a file to be held against. Reads alone; a store that is not there knows nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from persync.imports.importer import Draw, Stored
from persync.store.gone import stored_keys
from persync.store.key import read_key
from persync.store.schema import SHARED_PERSON_KINDS


def connections_in(store: Path) -> frozenset[str]:
    """Return the names of the connections that a store has."""
    return frozenset(name for (name,) in _read(store, "SELECT name FROM connections"))


def stored_in(store: Path, connection: str) -> Stored:
    """Return what a file of a connection can ask of a store."""
    return Stored(orders_in(store, connection), arms_in(store, connection))


def orders_in(store: Path, connection: str) -> Callable[[Collection[str]], Mapping[str, str]]:
    """Return the question which orders of a connection a store has; it is asked anew at every call."""

    def stored(orders: Collection[str]) -> Mapping[str, str]:
        found = _read(
            store,
            "SELECT k.vendor_order_id, o.currency FROM json_each(?) j CROSS JOIN connections n ON n.name = ?"
            " JOIN order_keys k ON k.connection = n.connection AND k.vendor_order_id = j.value JOIN orders o USING (order_key)",
            orjson.dumps(list(orders)).decode(),
            connection,
        )
        return dict(found)

    return stored


def arms_in(store: Path, connection: str) -> Callable[[Collection[Draw]], Mapping[Draw, str]]:
    """Return the question into which arm people were drawn by an earlier file of a connection.

    A person is known by the key the file names. Raises StoreError when the store's key is missing.
    """

    def drawn(draws: Collection[Draw]) -> Mapping[Draw, str]:
        experiments = "SELECT DISTINCT a.experiment FROM assignments a JOIN connections n USING (connection) WHERE n.name = ?"
        begun = {experiment for (experiment,) in _read(store, experiments, connection)}
        by_kind: dict[tuple[str, str], list[tuple[Draw, str]]] = {}
        for draw in draws:
            if draw[0] in begun:
                ((kind, value),) = draw[1]
                by_kind.setdefault((draw[0], kind), []).append((draw, value))
        found: dict[Draw, str] = {}
        for (experiment, kind), asked in by_kind.items():
            plain, _, home = kind.partition("@")
            kept = stored_keys(read_key(store), plain, (value for _, value in asked))
            keys = orjson.dumps(list(kept.values())).decode()
            whose = "shared" if plain in SHARED_PERSON_KINDS else "own"
            arms = dict(_read(store, _ARMS, keys, connection, experiment, plain, home or connection, whose))
            found |= {draw: arms[kept[value]] for draw, value in asked if kept[value] in arms}
        return found

    return drawn


_ARMS = (
    "SELECT k.key, a.arm FROM json_each(?1) j CROSS JOIN connections n ON n.name = ?2 CROSS JOIN connections h"
    " ON h.name = ?5 CROSS JOIN person_keys k ON k.kind = ?4 AND k.key = j.value"
    " AND k.connection = CASE ?6 WHEN 'shared' THEN 0 ELSE h.connection END"
    " CROSS JOIN assignments a ON a.connection = n.connection AND a.experiment = ?3 AND a.key_id = k.key_id"
)


def _read(store: Path, sql: str, *parameters: str) -> Iterator[tuple[Any, ...]]:
    if not store.is_file():
        return
    try:
        with closing(sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            yield from db.execute(sql, parameters).fetchall()
    except sqlite3.Error:
        return  # whoever opens the store to write says what is wrong with it
