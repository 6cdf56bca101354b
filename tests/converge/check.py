"""What must hold at the end of every history.

Three comparisons, each of whole tables with natural keys, as the digest reads them (persync.store.digest):

**An undisturbed twin.** Of a neat history a second store is kept, which saw the same business at the same moments and to which
nothing happened: no crash, no lost answer, no partial pull, its connections always in the same order. Both have one digest.

**A clean pull.** One full pull of the final state into an empty store. Everything it brings is in the history's store, value
for value; of numbered snapshots the newest counts. What the history's store holds besides is history that must be kept, and
each such row is about something that happened: a person, an order or a campaign that is gone (`Past`, a fold over the
history's changes), a membership that ended, a logged change of consent. Whatever is gone is noted in `deletions` and marked,
and nothing else is. Who was erased is in no table; their orders and the ledger are as if nobody had been erased.

**What was known before.** What the store held after the last whole pull before the end it still holds: facts and snapshots
value for value, of everything else the key. Histories are of every length, so that by this and the comparison above whatever
a whole pull ever saw is kept as it was seen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from converge.vendors import NAMES, Business, kept_open
from persync.store.digest import _MEANS, _NATURAL, _OWN_NUMBER, _WORDS, tables
from persync.store.key import StoreKey
from persync.store.reversals import REVERSALS
from persync.store.schema import OUTSIDE_COLUMNS, OUTSIDE_FIELDS

Row = dict[str, Any]
Table = dict[tuple[Any, ...], Row]
"""rows by their natural key"""

UNIQUE = {
    "person_keys": ("kind", "connection", "key"),
    "campaign_keys": ("kind", "connection", "key"),
    "order_keys": ("connection", "vendor_order_id"),
    "segments": ("connection", "kind", "parent", "vendor_id"),
    "campaign_links": ("url",),
    "connections": ("name",),
}
"""natural keys of tables whose own key is a number"""
NAMES_ALONE = ("person_keys", "campaign_keys", "campaign_aliases", "order_keys", "segments", "campaign_links")
"""tables that only say what things are called: a name that was learnt once may stay"""
FACTS = ("campaign_counters", "claims", "consents", "consent_changes", "link_counters", "touchpoints", "unit_costs", "stages")
"""facts and snapshots: a row of these is never changed"""
ERASED = ("erased_counts", "erased_outcomes", "tombstones")
"""what an erasure leaves behind: a clean pull knows nothing of it"""
SINCE = {"consents": "changed_at"}
"""of a snapshot that keeps the first date of a state, the column that may be earlier than a clean pull knows"""
MARKED = {
    "contact": ("contacts", "is_deleted", 1),
    "order": ("orders", "status", "deleted"),
    "campaign": ("campaigns", "status", "deleted"),
}
SWEPT = {
    "mailchimp": ("contact", "campaign"),
    "shopify": ("contact", "order"),
    "hubspot": ("contact", "order", "campaign", "cart", "company", "ticket"),
}
"""what each vendor lists in full, so that it is noticed when it goes"""


@cache
def _reading(table: str, described: tuple[tuple[Any, ...], ...]) -> tuple[str, list[str], list[str]]:
    """Return the query for a table's rows, the names of its columns, and which of them are its natural key."""
    columns, names, key = [], [], []
    for _, name, _, _, _, place in described:
        if name in OUTSIDE_COLUMNS or (table, name) in OUTSIDE_FIELDS or (table, name) in _OWN_NUMBER:
            continue
        kind = "word" if (table, name) in _WORDS else _MEANS.get(name, name)
        columns.append(_NATURAL[kind].format(f"t.{name}") if kind in _NATURAL else f"t.{name}")
        names.append(name)
        if place:
            key.append(name)
    return f"SELECT {', '.join(columns)} FROM {table} t", names, list(UNIQUE.get(table, key))


def read_table(db: sqlite3.Connection, table: str) -> Table:
    """Return a table's rows with natural keys, by key."""
    query, names, key = _reading(table, tuple(db.execute(f"PRAGMA table_info({table})")))
    found: Table = {}
    for values in db.execute(query):
        row = dict(zip(names, values, strict=True))
        if table == "links":
            row["key_a"], row["key_b"] = sorted((row["key_a"], row["key_b"]))
        found[tuple(row[name] for name in key)] = row
    return found


def read_store(path: Path) -> dict[str, Table]:
    """Return every table that the digest reads."""
    with kept_open(path) as store:
        return {table: read_table(store.db, table) for table in tables(store.db)}


def newest(rows: Table) -> Table:
    """Return the last snapshot of each thing, without its number; of other tables all rows."""
    found: Table = {}
    for key, row in sorted(rows.items(), key=lambda item: item[1].get("number", 0)):
        if "number" in row:
            key = key[:-1]
            row = {name: value for name, value in row.items() if name != "number"}
        found[key] = row
    return found


def settled(rows: Table) -> Table:
    """Return the ledger with all turns of an order's sale as one: taken back, standing again, taken back once more.

    A platform that keeps a state and no history tells a clean pull the last turn alone: what its turns add up to is what holds
    now, and a part of which nothing is taken back is as if it never had been.
    """
    found: Table = {}
    turns: dict[tuple[Any, ...], list[Row]] = {}
    for key, row in rows.items():
        if row["entry"].partition(":")[0] in REVERSALS:
            turns.setdefault((row["order_key"], row["part"]), []).append(row)
        else:
            found[key] = row
    for (order, part), entries in turns.items():
        if amount := sum(row["amount_minor"] for row in entries):
            first = min(entries, key=lambda row: row["happened_at"])
            found[order, "undone", part] = {**first, "entry": "undone", "amount_minor": amount}
    return found


@dataclass(frozen=True)
class Past:
    """What the business had and has no longer, as a store names it.

    `people`: {connection: natural keys of people whom it does not know any more}; `words`: ids of things that are gone,
    wherever they stand in a row; `erased`: natural keys of those who were erased; `taken`: (table, key) of what went with
    them. A vendor that merged somebody since may no longer say whose it was.
    """

    people: dict[str, set[str]]
    words: set[str]
    erased: set[str]
    taken: set[tuple[str, tuple[Any, ...]]]

    @classmethod
    def of(cls, business: Business, key: StoreKey, erased: set[str], taken: set[tuple[str, tuple[Any, ...]]]) -> Past:
        """Name what is gone; `erased` are the natural keys of those who were erased, `taken` what went with them."""
        people: dict[str, set[str]] = {name: set() for name in NAMES}
        words: set[str] = set()
        for connection, thing, number in business.gone:
            if thing == "contact":
                people[connection].add(f"id\x1f{connection}\x1f{number}")
            else:
                words.add(number)
        for connection, address in business.strangers:
            people[connection].add(f"email\x1f\x1f{key.name('email', address)}")
        return cls(people, words, erased, taken)

    def knows(self, row: Row) -> bool:
        """Tell whether a row is about somebody or something that is no more."""
        told = [str(value) for value in row.values() if value is not None]
        connection = next((name for name in NAMES if row.get("connection") == name), None)
        if connection is None:
            connection = next(
                (name for name in NAMES for text in told if f"\x1f{name}\x1f" in text or text.startswith(f"{name}\x1f")), None
            )
        gone = self.people[connection] if connection else set().union(*self.people.values())
        if any(text in gone or text in self.erased for text in told):
            return True
        return any(word in text for word in self.words for text in told)

    def cut(self, table: str, row: Row) -> Row:
        """Return a row as an erasure leaves it: an order stays, and is nobody's."""
        return {**row, "key_id": None} if table == "orders" and row["key_id"] in self.erased else row

    def is_erased(self, row: Row) -> bool:
        """Tell whether a row names somebody who was erased."""
        named = {f"{row.get('kind')}\x1f{row.get('connection')}\x1f{row.get('key')}"}
        if row.get("thing") == "contact":
            named.add(f"id\x1f{row['connection']}\x1f{row['vendor_id']}")
        return not self.erased.isdisjoint(named) or any(str(value) in self.erased for value in row.values())


# -- the comparisons ----------------------------------------------------------------------------------------------------


LATE = frozenset({"erased_counts", "tombstones"})
"""tables that need not be alike where it turned out late who was erased: what is found out to be an erased person's is counted
as far as it was read by then, and a pull that stops, or reads a part, reads in another order"""


def same(mine: dict[str, Table], other: dict[str, Table], *, late: bool, may: set[str]) -> Iterator[str]:
    """Yield how the stores of a disturbed and an undisturbed run differ.

    Where it turned out `late` who was erased, tombstones may differ in those of people who `may` be gone, because not every
    reading order shows whom a vendor joined; and in their dates, because of two requests a key takes the earliest that it is
    known to belong to. What a thing is called, that was theirs alone, may have been learnt before it went.
    """
    for table in sorted(mine.keys() - (LATE if late else set())):
        for key in mine[table].keys() | other[table].keys():
            a, b = mine[table].get(key), other[table].get(key)
            if a != b and not (late and table == "segments" and (a or b or {})["name"] is None and None in (a, b)):
                yield f"{table}: disturbed {a}, undisturbed {b}"
    if late:
        ours, theirs = ({row["hash"] for row in rows["tombstones"].values()} for rows in (mine, other))
        yield from (f"tombstones: {one} is in one of both runs alone" for one in sorted((ours ^ theirs) - may))


def as_clean(mine: dict[str, Table], clean: dict[str, Table], past: Past) -> Iterator[str]:
    """Yield what of a clean pull is not there, or not so, and what is there beyond it without a reason."""
    for table in mine.keys() - set(ERASED):
        have, wanted = newest(mine[table]), newest(clean[table])
        if table == "order_ledger":
            have, wanted = settled(have), settled(wanted)
        for key, row in wanted.items():
            found, row = have.get(key), past.cut(table, row)
            if past.is_erased(row) or (found is not None and _agrees(table, found, row, past)):
                continue
            if found is None and ((table, key) in past.taken or _says_nothing(table, row)):
                continue
            if found is None and past.erased and table in NAMES_ALONE:
                continue
            yield f"{table}: a clean pull has {row}, here is {found}"
        for key, row in have.items():
            if key not in wanted and not _is_history(table, row, past):
                yield f"{table}: {row} is in no clean pull, and nothing explains it"


def _agrees(table: str, found: Row, row: Row, past: Past) -> bool:
    for name, value in row.items():
        held = found[name]
        if held == value:
            continue
        if name == SINCE.get(table) and held is not None and (value is None or held <= value):
            continue  # the first date of a state stays
        if table == "contacts" and name == "created_at" and held is not None and value is None:
            continue  # so does when somebody first came
        if table == "order_ledger" and name == "happened_at" and row["entry"] == "undone" and held <= value:
            continue  # and when a sale was taken back
        if value is None and past.knows({**found, "thing": held}):
            continue  # what is known of somebody or something that is gone stays known
        return False
    return True


def _says_nothing(table: str, row: Row) -> bool:
    if table == "claims":
        return row["order_key"] is not None and row["orders"] == 0  # the end of a claim that moved
    # Where HubSpot has nothing to say of a type of mail there is no row, or one that says so: it depends on when it was asked.
    return table == "consents" and row["state"] == "unknown"


def _is_history(table: str, row: Row, past: Past) -> bool:
    if table in NAMES_ALONE or table == "consent_changes" or _says_nothing(table, row):
        return True
    if table == "memberships" and row["left_at"] is not None:
        return True
    if table in ("carts", "promo_codes") and row["connection"] == "mailchimp":
        return True  # plugins send and take them away as they like; what is missing is not believed to be gone
    if table == "coverage":
        # A part that had to be read once, for what a record left out then, need not be read by who comes later.
        once = row["partition"] != "" and row["state"] == "complete"
        return once or row["reason"].startswith("gone: ") or past.knows(row)
    if table == "deletions":
        return any(row["vendor_id"] in text for text in past.words) or past.knows(
            {"connection": row["connection"], "who": f"id\x1f{row['connection']}\x1f{row['vendor_id']}"}
        )
    return past.knows(row)


def marked(mine: dict[str, Table], business: Business, past: Past) -> Iterator[str]:
    """Yield what is gone and not marked as deleted, and what is marked and is not gone."""
    noted = {(row["connection"], row["thing"], row["vendor_id"]) for row in mine["deletions"].values()}
    for connection, thing, number in business.gone:
        if thing not in SWEPT[connection]:
            continue
        table, column, mark = MARKED.get(thing, ("", "", None))
        rows = [row for row in mine.get(table, {}).values() if _is_named(row, connection, number)]
        if table and any(row[column] != mark for row in rows):
            yield f"{table}: {connection}'s {thing} {number} is gone and not marked: {rows}"
        if rows and (connection, thing, number) not in noted:
            yield f"deletions: {connection}'s {thing} {number} is gone, and nothing says so"
    for connection, thing, number in noted:
        if (connection, thing, number) not in business.gone:
            yield f"deletions: {connection}'s {thing} {number} is said to be gone"


def _is_named(row: Row, connection: str, number: str) -> bool:
    names = (f"id\x1f{connection}\x1f{number}", f"{connection}\x1f{number}")
    return any(value in names for name, value in row.items() if name in ("key_id", "order_key", "campaign_key"))


def still_there(before: dict[str, Table], mine: dict[str, Table], past: Past) -> Iterator[str]:
    """Yield what was known once and is not any more."""
    for table, rows in before.items():
        for key, row in rows.items():
            row = past.cut(table, row)
            if past.is_erased(row) or table in ("deletions", "coverage", "campaign_evidence"):
                continue  # things come back; coverage is compared with a clean pull's
            found = mine[table].get(key)
            if found is None:
                yield f"{table}: {row} was known, and is not any more"
            elif table in FACTS and found != row:
                yield f"{table}: {row} was rewritten: {found}"


def forgotten(mine: dict[str, Table], past: Past) -> Iterator[str]:
    """Yield where somebody who was erased is still named."""
    for table, rows in mine.items():
        yield from (f"{table}: {row} names somebody who was erased" for row in rows.values() if past.is_erased(row))
