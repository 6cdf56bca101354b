"""Attributes that an older version stored as they came: made as coarse as they would be stored today, in place.

What nothing may be kept of (a name, an address, a date of birth that gives no age) goes. The rule is `persync.coarse`'s, the
same that every connector and importer keeps to, so that what a pull would write again is what stands here afterwards.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from persync.coarse import coarse
from persync.store.log import append
from persync.store.privacy import note_erasure, removal
from persync.store.store import Store
from persync.store.write import mark_dirty

TABLE: Final = "attributes"
EVENT: Final = "attributes coarsened"


@dataclass(frozen=True, slots=True)
class Raw:
    """How many values of an attribute are stored finer than they may be: to be `coarsened`, or `removed` with their rows."""

    name: str
    coarsened: int
    removed: int


def raw(db: sqlite3.Connection, *, now: int) -> list[Raw]:
    """Return the attributes of which something is stored as it came, by name; `now` (epoch ms) is what ages are reckoned at."""
    found: dict[str, list[int]] = {}
    for name, _, value, rows in _values(db, now):
        counts = found.setdefault(name, [0, 0])
        counts[value is None] += rows
    return [Raw(name, kept, gone) for name, (kept, gone) in sorted(found.items())]


def clean(store: Store, *, now: int, dry_run: bool = False) -> list[Raw]:
    """Coarsen what is stored finer than it may be, in one transaction that overwrites what it replaces; return what that was.

    Again it changes nothing. The log says how many, and nothing of whom or what. Call `finish` afterwards, and refresh the
    mirror.
    """
    with removal(store, dry_run=dry_run) as db:
        found = raw(db, now=now)
        for name, stored, value, _ in list(_values(db, now)):
            if value is None:
                db.execute("DELETE FROM attributes WHERE name = ? AND value = ?", (name, stored))
            else:
                db.execute("UPDATE attributes SET value = ? WHERE name = ? AND value = ?", (value, name, stored))
        if found:
            mark_dirty(db, TABLE)
            note_erasure(db, now)
            kept, gone = sum(one.coarsened for one in found), sum(one.removed for one in found)
            append(db, None, now, EVENT, f"{len(found)} attributes: {kept} values coarsened, {gone} removed")
    return found


def _values(db: sqlite3.Connection, now: int) -> Iterator[tuple[str, str, str | None, int]]:
    """Yield each value that is not as coarse as it may be stored: its attribute, the value, what may be kept, its rows."""
    sql = "SELECT name, value, count(*) FROM attributes WHERE coalesce(value, '') <> '' GROUP BY name, value ORDER BY 1, 2"
    for name, value, rows in db.execute(sql).fetchall():
        kept = coarse(str(name), str(value), now)
        if kept != value:
            yield str(name), str(value), kept, int(rows)
