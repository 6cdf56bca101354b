"""From the keys that rows carry to the integers the store keeps: people, campaigns, orders, links, words.

One `Resolver` a writer. It looks things up, makes them when they are new, and links what one record says is one person;
who must not come back it asks of gone.py. People are resolved a page at a time: one look-up and one insert for all of them.
Caches are bounded and thrown away when a transaction fails.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import repeat
from typing import Any

import orjson

from persync.redact import anonymous
from persync.rows import KEEP, CampaignRef, OrderRef, Person
from persync.store.gone import Gone, stored_keys
from persync.store.key import StoreKey
from persync.store.many import insert
from persync.store.schema import SHARED_CAMPAIGN_KINDS, SHARED_PERSON_KINDS
from persync.store.urls import is_unsubscribe, without_query

CACHE_LIMIT = 10_000


class Resolver:
    """Resolves the references of one connection's rows inside the writer's transaction."""

    def __init__(self, db: sqlite3.Connection, key: StoreKey, connection: int, run: int | None) -> None:
        self.db = db
        self.key = key
        self.connection = connection
        self.run = run
        self.touched: set[str] = set()
        """identity tables that got a new row since the caller last looked"""
        self._people: dict[Any, Any] = {}
        self._away: set[Person] = set()
        """people of this page whom retention removed"""
        self._all_new: set[str] = set()
        """kinds of keys of which the last page brought new ones alone"""
        self._segments: dict[tuple[str, str, str], int] = {}
        self._connections: dict[str, int] = {}
        self.gone = Gone(db, key, connection, self._place)
        self.campaigns: dict[CampaignRef | None, int] = {}
        self.orders: dict[OrderRef | None, int] = {}
        self.links: dict[str | None, int] = {}
        self.words: dict[str, int] = {}
        self._caches: dict[str, tuple[dict[Any, int], Callable[[Any], int]]] = {
            "campaign": (self.campaigns, self.campaign),
            "order": (self.orders, self.order),
            "link_id": (self.links, self.link_id),
            "word": (self.words, self.word),
        }
        self.forget()

    def forget(self) -> None:
        """Empty every cache: after a rollback what they hold may never have been written."""
        for cache in (self._people, self._segments, self._connections, self.campaigns, self.orders, self.links, self.words):
            cache.clear()
        self.campaigns[None] = self.orders[None] = self.links[None] = 0
        self._people[None] = None
        self._people[KEEP] = KEEP
        self.gone.look()

    def people(
        self,
        wanted: Iterable[Person],
        active: Collection[Person] = frozenset(),
        merged: Collection[tuple[Person, Person]] = (),
    ) -> None:
        """Resolve all people of a page at once; `person` then only looks up.

        `active` are those who did something since retention removed people who did not: they are known again. `merged` are the
        (survivor, loser) among them of whom the platform says that they are one.
        """
        known = self._people
        for pair in merged:
            # Whether one of them was erased is asked for both together.
            for person in pair:
                known.pop(person, None)
        if len(known) > CACHE_LIMIT:
            known.clear()
            known[None] = None
            known[KEEP] = KEEP
        fresh = [person for person in wanted if person not in known]
        if not fresh:
            return
        if not self.gone.some:
            # Somebody may have been erased since the last page.
            self.gone.look()
        if self.gone.some:
            erased = self.gone.erased(fresh, merged)
            away = self.gone.removed([person for person in fresh if person not in erased], active)
            self._away |= away
            erased |= away
            known.update(dict.fromkeys(erased))
            fresh = [person for person in fresh if person not in erased]
        values: dict[str, dict[str, int]] = {}
        for person in fresh:
            for kind, value in person:
                try:
                    values[kind][value] = 0
                except KeyError:
                    values[kind] = {value: 0}
        for kind in sorted(values):
            self._number(kind, values[kind])
        links = []
        for person in fresh:
            if len(person) == 1:
                ((kind, value),) = person
                known[person] = values[kind][value]
                continue
            numbers = [values[kind][value] for kind, value in person]
            if not numbers:
                known[person] = None
                continue
            carried = numbers[0]
            if person[0][0] != "id":
                carried = next((n for n, key in zip(numbers, person, strict=True) if key[0][:2] == "id"), carried)
            known[person] = carried
            for other in numbers:
                if other != carried:
                    links.append((carried, other) if carried < other else (other, carried))
        if links:
            self._link(links, "same_record")

    def recall(self) -> None:
        """Look again, on a new page, for those whom retention removed: they may have done something meanwhile."""
        for person in self._away:
            self._people.pop(person, None)
        self._away.clear()

    def person(self, person: Person) -> int | None:
        """Return the key a fact about this person carries, None when the person was erased and must not come back."""
        if person not in self._people:
            self.people((person,))
        found: int | None = self._people[person]
        return found

    def known_people(self, people: Sequence[Any]) -> list[Any]:
        """Return the key of each person of a column, None for none and for the erased; KEEP stays KEEP."""
        return list(map(self._people.__getitem__, people))

    def numbers(self, method: str, values: Sequence[Any]) -> list[int]:
        """Return the numbers of a column of campaigns, orders, links or words, making those that are new.

        Raises OverflowError for a thing without any key, as SQLite does for a number that no column holds: the page is then
        looked at value by value.
        """
        cache, make = self._caches[method]
        if len(cache) > CACHE_LIMIT:
            cache.clear()
            cache[None] = 0
        for value in set(values):
            if value not in cache:
                make(value)
                if value not in cache:
                    raise OverflowError("a thing without a key")
        return list(map(cache.__getitem__, values))

    def _number(self, kind: str, values: dict[str, int]) -> None:
        """Fill in the number of every key of one kind, making those that are new."""
        connection, kind = self._place(kind)
        stored = stored_keys(self.key, kind, values)
        # Sorted: neighbours in the index are read and written together, and nothing depends on how a set is walked.
        keys = sorted(set(stored.values()))
        found: dict[str, int] = {}
        if kind in self._all_new:
            # So it will be on a first pull, page after page: nothing is looked up. What was known after all leaves a gap.
            found = self._make_keys(kind, connection, keys)
        if len(found) < len(keys):
            found = dict(
                self.db.execute(
                    "SELECT k.key, k.key_id FROM json_each(?) j CROSS JOIN person_keys k"
                    " ON k.kind = ? AND k.connection = ? AND k.key = j.value",
                    (orjson.dumps(keys).decode(), kind, connection),
                )
            )
            if found:
                self._all_new.discard(kind)
            else:
                self._all_new.add(kind)
            if len(found) < len(keys):
                found |= self._make_keys(kind, connection, [key for key in keys if key not in found])
        values.update(zip(stored, map(found.__getitem__, stored.values()), strict=True))

    def _make_keys(self, kind: str, connection: int, keys: Sequence[str]) -> dict[str, int]:
        """Number new keys; return {} when one of them was known: then whose number is whose must be looked up."""
        last = self.db.execute("SELECT coalesce(max(key_id), 0) FROM person_keys").fetchone()[0]
        before = self.db.total_changes
        numbers = range(last + 1, last + 1 + len(keys))
        insert(
            self.db,
            "person_keys (key_id, kind, connection, key)",
            zip(numbers, repeat(kind), repeat(connection), keys, strict=False),
            "ON CONFLICT DO NOTHING",
        )
        made = self.db.total_changes - before
        if made:
            self.touched.add("person_keys")
        return dict(zip(keys, numbers, strict=True)) if made == len(keys) else {}

    def _place(self, kind: str) -> tuple[int, str]:
        """Return the connection that a kind of key belongs to, and its plain name."""
        if kind.startswith("id@"):
            return self.connection_named(kind[3:]), "id"
        return (0 if kind in SHARED_PERSON_KINDS else self.connection), kind

    def link(self, a: int, b: int, reason: str) -> None:
        """Note that two keys name one person."""
        self._link([(a, b) if a < b else (b, a)], reason)

    def _link(self, pairs: list[tuple[int, int]], reason: str) -> None:
        before = self.db.total_changes
        insert(
            self.db,
            "links (key_a, key_b, reason, run)",
            ((a, b, reason, self.run) for a, b in sorted(pairs)),
            "ON CONFLICT DO NOTHING",
        )
        if self.db.total_changes != before:
            self.touched.add("links")

    def connection_named(self, name: str) -> int:
        """Return the number of a connection by name, making a bare row for one not pulled yet."""
        try:
            return self._connections[name]
        except KeyError:
            pass
        self.db.execute("INSERT OR IGNORE INTO connections (name, connector) VALUES (?, '')", (name,))
        found: int = self.db.execute("SELECT connection FROM connections WHERE name = ?", (name,)).fetchone()[0]
        self._connections[name] = found
        return found

    def campaign(self, ref: CampaignRef | None) -> int:
        """Return the key of a campaign, 0 for none."""
        if not ref:
            return 0
        try:
            return self.campaigns[ref]
        except KeyError:
            pass
        keys = [self._campaign_key(kind, value) for kind, value in ref]
        for alias in keys[1:]:
            cursor = self.db.execute("INSERT OR IGNORE INTO campaign_aliases VALUES (?, ?)", (keys[0], alias))
            if cursor.rowcount:
                self.touched.add("campaign_aliases")
        self.campaigns[ref] = keys[0]
        return keys[0]

    def _campaign_key(self, kind: str, value: str) -> int:
        connection = 0 if kind in SHARED_CAMPAIGN_KINDS else self.connection
        # What stands in a link's parameters is whatever somebody wrote there.
        value = anonymous(value) if kind == "utm" else value
        return self._insert("campaign_keys", "campaign_key", ("kind", "connection", "key"), (kind, connection, value))

    def order(self, ref: OrderRef | None) -> int:
        """Return the key of an order as this connection names it, 0 for none."""
        if ref is None:
            return 0
        try:
            return self.orders[ref]
        except KeyError:
            pass
        row = self.db.execute(
            "SELECT order_key, shop, shop_order_id, shop_order_name FROM order_keys"
            " WHERE connection = ? AND vendor_order_id = ?",
            (self.connection, ref.vendor_order_id),
        ).fetchone()
        if row is None:
            found = self._insert(
                "order_keys",
                "order_key",
                ("connection", "vendor_order_id", "shop", "shop_order_id", "shop_order_name"),
                (self.connection, *ref),
            )
        else:
            found = row[0]
            known = tuple(new or old for new, old in zip(ref[1:], row[1:], strict=True))
            if known != row[1:]:
                self.db.execute(
                    "UPDATE order_keys SET shop = ?, shop_order_id = ?, shop_order_name = ? WHERE order_key = ?",
                    (*known, found),
                )
                self.touched.add("order_keys")
        self.orders[ref] = found
        return found

    def link_id(self, url: str | None) -> int:
        """Return the number of a URL, 0 for none; query and fragment never get in."""
        if not url:
            return 0
        try:
            return self.links[url]
        except KeyError:
            pass
        bare = without_query(url)
        found = self._insert("campaign_links", "link_id", ("url", "is_unsubscribe"), (bare, is_unsubscribe(bare)), key=("url",))
        self.links[url] = found
        return found

    def word(self, text: str) -> int:
        """Return the number of an open enum's value."""
        try:
            return self.words[text]
        except KeyError:
            pass
        found = self.words[text] = self._insert("words", "word", ("text",), (anonymous(text),))
        return found

    def segment(self, kind: str, parent: str, vendor_id: str) -> int:
        """Return the number of a segment of this connection, making a nameless one when it is new."""
        wanted = (kind, parent, vendor_id)
        try:
            return self._segments[wanted]
        except KeyError:
            pass
        found = self._segments[wanted] = self._insert(
            "segments", "segment_id", ("connection", "kind", "parent", "vendor_id"), (self.connection, *wanted)
        )
        return found

    def _insert(
        self, table: str, number: str, columns: tuple[str, ...], values: tuple[object, ...], key: tuple[str, ...] = ()
    ) -> int:
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        row = self.db.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING RETURNING {number}",
            values,
        ).fetchone()
        if row is not None:
            self.touched.add(table)
        else:
            key = key or columns
            where = " AND ".join(f"{name} = ?" for name in key)
            wanted = [values[columns.index(name)] for name in key]
            row = self.db.execute(f"SELECT {number} FROM {table} WHERE {where}", wanted).fetchone()
        found: int = row[0]
        return found
