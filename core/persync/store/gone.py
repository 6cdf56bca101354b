"""Who must not come back: the tombstones of people who were erased, and the marks of those whom retention removed.

A tombstone is a keyed hash of a key that a person had. Whoever bears one erased key is that person under every key of the
record. Retention's marks are weaker: who does something again is known again, and the marks are taken away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable

import orjson

from persync.rows import Person
from persync.store.key import StoreKey
from persync.store.schema import DUE, HASHED_KINDS

Marks = dict[Person, dict[str, tuple[str, int, str]]]
"""of each person: {mark: (kind of key, connection, what the store would keep of the key)}"""


class Gone:
    """The tombstones as one connection's writer asks for them.

    `place(kind)` tells the connection that a kind of key belongs to, and its plain name.
    """

    def __init__(self, db: sqlite3.Connection, key: StoreKey, connection: int, place: Callable[[str], tuple[int, str]]) -> None:
        self.db, self.key, self.connection, self._place = db, key, connection, place
        self._names: dict[int, str] = {}
        self.some = False
        """whether there are any, when last looked"""

    def look(self) -> None:
        """Look whether anybody was erased or removed, and forget the names of connections."""
        self._names.clear()
        self.some = self.db.execute("SELECT 1 FROM tombstones LIMIT 1").fetchone() is not None

    def erased(self, people: Iterable[Person], merged: Iterable[tuple[Person, Person]] = ()) -> set[Person]:
        """Return those of a page's people who were erased.

        Their other keys become tombstones too, so that a record with these keys alone is recognised as well, and what the store
        already has under one of them is due to go (late.py): had the record come before the erasure, all of it had gone with
        it. Of those who were `merged`, (survivor, loser), whoever went into an erased person is that person as well; whom an
        erased person went into is told by their own record.
        """
        marks = self._marks(people, tombstone)
        losers: Marks = {}
        for survivor, loser in merged:
            losers.setdefault(survivor, {}).update(marks[loser])
        found = dict(self._found({mark for mine in marks.values() for mark in mine}))
        erased: set[Person] = set()
        grown = bool(found)
        while grown:
            grown = False
            for person, mine in marks.items():
                when = [found[mark] for mark in mine if mark in found]
                if person in erased or not when:
                    continue
                erased.add(person)
                for mark, natural in (mine | losers.get(person, {})).items():
                    if mark in found:
                        continue
                    if (known := self._known(*natural)) is not None:
                        _make_due(self.db, known)
                    found[mark] = min(when)
                    self.db.execute("INSERT INTO tombstones VALUES (?, ?)", (mark, min(when)))
                    grown = True
        return erased

    def removed(self, people: Iterable[Person], active: Collection[Person]) -> set[Person]:
        """Return those of a page's people whom retention removed, and who did nothing since.

        Whoever did, or is known again under another key of the record, loses the marks.
        """
        marks = self._marks(people, retired)
        found = {mark for mark, _ in self._found({mark for mine in marks.values() for mark in mine})}
        if not found:
            return set()
        still: set[Person] = set()
        # Whoever is active first: somebody else's record on this page may name the same keys.
        for person in sorted(marks, key=lambda one: one not in active):
            mine = marks[person]
            if found.isdisjoint(mine):
                continue
            if person in active or any(self._known(*natural) is not None for natural in mine.values()):
                self.db.executemany("DELETE FROM tombstones WHERE hash = ?", [(mark,) for mark in mine if mark in found])
                found.difference_update(mine)
            else:
                still.add(person)
        return still

    def is_erased(self, kind: str, key: str) -> bool:
        """Tell whether a thing that this connection names by its own id was erased, or removed by retention: a person (`id`) or
        the people of an order (`order`)."""
        if not self.some:
            return False
        mine = self._name_of(self.connection)
        return bool(self._found(make(self.key, kind, mine, key) for make in (tombstone, retired)))

    def without_erased(self, ids: list[str]) -> list[str]:
        """Return people's platform ids with those of the erased replaced by their tombstones."""
        self.look()
        if not self.some:
            return ids
        mine = self._name_of(self.connection)
        marks = {make(self.key, "id", mine, one): one for one in ids for make in (tombstone, retired)}
        erased = {marks[mark]: mark for mark, _ in self._found(marks)}
        return [erased.get(one, one) for one in ids]

    def names_erased(self, text: str) -> bool:
        """Tell whether a record's key, however the platform writes it, is that of an erased person."""
        self.look()
        if not self.some:
            return False
        named = (("id", text.rpartition("/")[2]), ("member", text), ("opaque", text), ("email", text), ("mc_eid", text))
        return bool(
            self._found(
                tombstone(self.key, kind, self._name_of(self._place(kind)[0]), stored_keys(self.key, kind, (one,))[one])
                for kind, one in named
            )
        )

    def _marks(self, people: Iterable[Person], make: Callable[[StoreKey, str, str, str], str]) -> Marks:
        marks: Marks = {}
        for person in people:
            mine = marks[person] = {}
            for kind, value in person:
                connection, plain = self._place(kind)
                stored = stored_keys(self.key, plain, (value,))[value]
                mine[make(self.key, plain, self._name_of(connection), stored)] = (plain, connection, stored)
        return marks

    def _found(self, marks: Iterable[str]) -> list[tuple[str, int]]:
        """Return those of the marks that the store has, with the moment each was made."""
        return self.db.execute(
            "SELECT t.hash, t.erased_at FROM json_each(?) j CROSS JOIN tombstones t ON t.hash = j.value",
            (orjson.dumps(sorted(marks)).decode(),),
        ).fetchall()

    def _known(self, kind: str, connection: int, stored: str) -> int | None:
        found = self.db.execute(
            "SELECT key_id FROM person_keys WHERE kind = ? AND connection = ? AND key = ?", (kind, connection, stored)
        ).fetchone()
        return None if found is None else int(found[0])

    def _name_of(self, connection: int) -> str:
        """Return a connection's name, "" for none: its number depends on the order in which connections were made."""
        if connection not in self._names:
            self._names = connection_names(self.db)
        return self._names[connection]


def keys_due(db: sqlite3.Connection) -> list[int]:
    """Return the numbers of keys of erased people whose rows have yet to go."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (DUE,)).fetchone()
    return list(orjson.loads(row[0])) if row else []


def _make_due(db: sqlite3.Connection, key_id: int) -> None:
    due = sorted({*keys_due(db), key_id})
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (DUE, orjson.dumps(due).decode()))


def stored_keys(key: StoreKey, kind: str, values: Iterable[str]) -> dict[str, str]:
    """Return {value: what the store keeps of it} for keys of one kind: a keyed hash, or a platform's id as it is."""
    if kind not in HASHED_KINDS:
        return {value: value for value in values}
    texts = list(values)
    bare = map(str.strip, texts)
    return dict(zip(texts, key.names(kind, bare if kind == "opaque" else map(str.lower, bare)), strict=True))


def connection_names(db: sqlite3.Connection) -> dict[int, str]:
    """Return the names of connections by number; "" for 0, which all share."""
    return {0: "", **dict(db.execute("SELECT connection, name FROM connections"))}


def tombstone(key: StoreKey, kind: str, connection: str, stored: str) -> str:
    """Return the keyed hash that stands for an erased person's key; `connection` by its name, "" for a key all share."""
    return key.name("tombstone", f"{kind}\0{connection}\0{stored}")


def retired(key: StoreKey, kind: str, connection: str, stored: str) -> str:
    """Return the keyed hash that stands for a key of somebody whom retention removed: they may come back."""
    return tombstone(key, f"retired {kind}", connection, stored)
