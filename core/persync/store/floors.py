"""The floors that retention set: what the writer leaves out because it is older."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Final

from persync.rows import KEEP, Cart, Deletion, Ticket
from persync.store.tables import TABLES

DATED: Final[dict[str, tuple[str, ...]]] = {
    "touchpoints": ("happened_at",),
    "carts": ("updated_at", "created_at"),
    "tickets": ("closed_at", "created_at"),
    "feedback": ("submitted_at",),
    "consent_changes": ("happened_at",),
    "stages": ("entered_at",),
    "sessions": ("started_at",),
}
"""tables with a retention of their own, and their columns that say how old a row is: the first that is known"""

ACTIVITY: Final[dict[str, tuple[str, ...]]] = DATED | {
    "contacts": ("created_at",),
    "consents": ("changed_at",),
    "orders": ("ordered_at",),
    "assignments": ("assigned_at",),
    "outcomes": ("happened_at",),
    "decisions": ("decided_at",),
}
"""tables whose rows tell when somebody was last active, and their dates"""


def floor_name(kind: str) -> str:
    """Return under which name `meta` holds a kind's floor."""
    return f"floor {kind}"


def _date_of(row_type: type[Any], columns: tuple[str, ...]) -> Callable[[Any], int | None]:
    places = [row_type._fields.index(name) for name in columns]

    def date(row: Any) -> int | None:
        return next((row[at] for at in places if row[at] is not KEEP and row[at]), None)

    return date


_TYPES: Final = {table.name: table.row for table in TABLES.values()}
_DATES: Final = {_TYPES[name]: _date_of(_TYPES[name], columns) for name, columns in ACTIVITY.items()}


class Floors:
    """The floors of a store, as one writer honours them. It is false where there are none."""

    def __init__(self, db: sqlite3.Connection) -> None:
        known = {
            name: int(value)
            for name, value in db.execute("SELECT substr(name, 7), value FROM meta WHERE name >= 'floor ' AND name < 'floor!'")
        }
        self.people: int = known.get("people", 0)
        """since when somebody must have been active to be known again"""
        self._rows = {_TYPES[name]: floor for name, floor in known.items() if name in DATED}

    def __bool__(self) -> bool:
        return bool(self.people or self._rows)

    def drop_old(self, buffers: dict[type[Any], list[Any]]) -> None:
        """Leave out the rows that are older than their kind's floor."""
        for row_type, floor in self._rows.items():
            if row_type in buffers:
                date = _DATES[row_type]
                buffers[row_type] = [row for row in buffers[row_type] if (at := date(row)) is None or at >= floor]
        if Deletion in buffers:
            gone = {"cart": self._rows.get(Cart, 0), "ticket": self._rows.get(Ticket, 0)}
            buffers[Deletion] = [
                row for row in buffers[Deletion] if row.deleted_at is None or row.deleted_at >= gone.get(row.thing, 0)
            ]

    def active(self, buffers: dict[type[Any], list[Any]]) -> set[Any]:
        """Return the people who did something since the floor of people, by what these rows say."""
        found: set[Any] = set()
        for row_type, date in _DATES.items():
            who = TABLES[row_type].person_at
            assert who is not None
            found.update(row[who] for row in buffers.get(row_type, ()) if (date(row) or 0) >= self.people)
        return found
