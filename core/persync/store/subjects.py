"""Who a request names: every key of one person, found from an address or an id."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from persync.errors import DataError, nearest
from persync.rows import Person
from persync.store.derive import derive
from persync.store.gone import stored_keys
from persync.store.schema import SHARED_PERSON_KINDS
from persync.store.store import Store

_FORMS: Final = ("{}", "gid://shopify/Customer/{}")
"""how a platform's id may be written where only its keyed hash was kept"""


@dataclass(frozen=True, slots=True)
class Subject:
    """A person that a request names.

    `keys` are (kind, connection, stored key) of every key of theirs, also of those named that the store does not know;
    `key_ids` those it knows. `orders` are (order_key, connection, vendor id) of orders whose people are to be cut off, whoever
    they are. `texts` are ids as platforms write them, each with its connection (0 = any): held in memory for as long as the
    request lasts, never stored or shown. `apart` counts keys that hang together with theirs in a cluster too big to be one
    person: they are not touched.
    """

    key_ids: frozenset[int]
    keys: frozenset[tuple[str, int, str]] = field(repr=False)
    texts: frozenset[tuple[int, str]] = field(default=frozenset(), repr=False)
    orders: tuple[tuple[int, int, str], ...] = ()
    apart: int = 0


def find(store: Store, names: Person, orders: Iterable[str] = (), *, of: str = "", derived: bool = False) -> Subject:
    """Return everything that one person is known by.

    `names` are keys as rows carry them: `Person(("email", ADDRESS), ("id@CONNECTION", ID), ("opaque", ID))`. `orders` are the
    ids of orders of the connection `of` whose people shall be cut off too, with the copies that other systems have of them.
    With `derived` who is one person is taken as the store has it, which is then only read. Raises DataError for a connection
    that the store does not know.
    """
    if not derived:
        derive(store, only=("person_of",))
    db = store.db
    named, texts = _named(store, names)
    found: set[int] = set()
    for kind, connection, stored in named:
        found.update(
            key_id
            for (key_id,) in db.execute(
                "SELECT key_id FROM person_keys WHERE kind = ? AND connection = ? AND key = ?", (kind, connection, stored)
            )
        )
    cut = tuple(_order_copies(db, _connection(db, of), orders)) if of else ()
    return _whole(db, found, named, texts, cut)


def known_by(store: Store, key_ids: Iterable[int]) -> Subject:
    """Return everything that whoever bears these keys is known by. A key that the store has no more stands for nobody."""
    derive(store, only=("person_of",))
    find_key = "SELECT 1 FROM person_keys WHERE key_id = ?"
    there = {key_id for key_id in key_ids if store.db.execute(find_key, (key_id,)).fetchone()}
    return _whole(store.db, there, set(), set(), ())


def _whole(
    db: sqlite3.Connection,
    found: set[int],
    named: set[tuple[str, int, str]],
    texts: set[tuple[int, str]],
    cut: tuple[tuple[int, int, str], ...],
) -> Subject:
    people = {row[0] for key_id in found for row in db.execute("SELECT person FROM person_of WHERE key_id = ?", (key_id,))}
    for person in people:
        found.update(key_id for (key_id,) in db.execute("SELECT key_id FROM person_of WHERE person = ?", (person,)))
    keys = set(named)
    for key_id in found:
        key = db.execute("SELECT kind, connection, key FROM person_keys WHERE key_id = ?", (key_id,)).fetchone()
        keys.add(key)
        if key[0] == "id":
            texts.update((key[1], form.format(key[2])) for form in _FORMS)
    return Subject(frozenset(found), frozenset(keys), frozenset(texts), cut, len(_neighbours(db, found)))


def _named(store: Store, names: Person) -> tuple[set[tuple[str, int, str]], set[tuple[int, str]]]:
    """Return the stored keys of what a request names, and the plain texts behind them."""
    db = store.db
    every = [number for (number,) in db.execute("SELECT connection FROM connections")]
    keys: set[tuple[str, int, str]] = set()
    texts: set[tuple[int, str]] = set()

    def add(kind: str, value: str, connections: Iterable[int]) -> None:
        stored = stored_keys(store.key, kind, (value,))[value]
        keys.update((kind, connection, stored) for connection in connections)

    for kind, value in names:
        if kind.startswith("id@"):
            connection = _connection(db, kind[3:])
            add("id", value, (connection,))
            texts.update((connection, form.format(value)) for form in _FORMS)
        elif kind in SHARED_PERSON_KINDS:
            add(kind, value, (0,))
        else:
            add(kind, value, every)
        if kind == "email":
            # The id that Mailchimp makes from an address, in case a record names nothing else.
            member = hashlib.md5(value.strip().lower().encode(), usedforsecurity=False).hexdigest()
            add("member", member, every)
            texts.update((0, text) for text in (member, value.strip(), value.strip().lower()))
    return keys, texts


def _connection(db: sqlite3.Connection, name: str) -> int:
    row = db.execute("SELECT connection FROM connections WHERE name = ?", (name,)).fetchone()
    if row is None:
        known = sorted(name for (name,) in db.execute("SELECT name FROM connections"))
        raise DataError(f"the store knows no connection '{name}'.", hint=nearest(name, known))
    return int(row[0])


def _order_copies(db: sqlite3.Connection, connection: int, orders: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Yield (order_key, connection, vendor id) of orders and of their copies; order_key 0 for one that is not known yet."""
    for order in dict.fromkeys(orders):
        copies = db.execute(
            "SELECT c.order_key, c.connection, c.vendor_order_id FROM order_keys k LEFT JOIN order_of f"
            " ON f.order_key = k.order_key JOIN order_keys c ON c.order_key = k.order_key"
            " OR c.order_key IN (SELECT o.order_key FROM order_of o WHERE o.order_id = f.order_id)"
            " WHERE k.connection = ? AND k.vendor_order_id = ?",
            (connection, order),
        ).fetchall()
        yield from copies or [(0, connection, order)]


def _neighbours(db: sqlite3.Connection, key_ids: set[int]) -> set[int]:
    """Return the keys that a link joins to a person's, and that are not theirs: their cluster is too big to be believed."""
    found = set()
    for key_id in key_ids:
        for pair in db.execute(
            "SELECT key_a, key_b FROM links WHERE undone_at IS NULL AND (key_a = ? OR key_b = ?)", (key_id, key_id)
        ):
            found.update(pair)
    return found - key_ids
