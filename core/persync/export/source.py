"""Tables and views of the store as sheets: columns, period, and what is replaced on the way out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from persync.errors import ConfigError, UnknownNameError, nearest
from persync.export.ids import kind_of_id, pseudonyms
from persync.export.sheet import BATCH, Field, Kind, Sheet
from persync.redact import anonymous
from persync.report.words import iso
from persync.store.key import StoreKey
from persync.store.told import MONEY, VIEWS_TOLD

KEPT_BACK: Final = frozenset(
    (
        *("meta", "parked", "present", "tombstones", "checkpoints", "dirty", "versions", "touch_months", "imported_files"),
        "file_lines",
    )
)
"""the store's own bookkeeping: keys, page tokens, records on their way"""
_TIMES: Final = ("happened_at", "ordered_at", "changed_at", "decided_at", "assigned_at", "sent_at", "started_at", "created_at")
_KINDS: Final[Mapping[str, Kind]] = {"INTEGER": "int", "INT": "int", "REAL": "real"}
_REMEMBERED: Final = 1 << 15


def names_of(db: sqlite3.Connection) -> list[str]:
    """Return the names of the tables and views that can be exported, views first."""
    found = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    return sorted(
        (name for name in found if name not in KEPT_BACK and not name.startswith(("sqlite_", "_"))),
        key=lambda name: (not name.startswith("v_"), name),
    )


def check_name(db: sqlite3.Connection, name: str, also: Mapping[str, str] = MappingProxyType({})) -> None:
    """Raise ConfigError with the nearest for what is no table or view, or is none of anybody's business. `also` are other
    things that might have been meant, {name: title}."""
    if name in KEPT_BACK:
        raise ConfigError(
            f"'{name}' is the store's own bookkeeping and is not exported.", hint="See docs/tables.md for what there is."
        )
    known = names_of(db)
    if name not in known:
        told = {one: VIEWS_TOLD[one].what if one in VIEWS_TOLD else "" for one in known}
        hint = nearest(name, told | dict(also), "See docs/tables.md for tables and views, `persync metrics list` for metrics.")
        raise UnknownNameError(f"there is no table, view or metric '{name}'.", name=name, hint=hint)


def sheet_of(
    db: sqlite3.Connection, name: str, *, period: tuple[int, int] | None = None, key: Callable[[], StoreKey] | None
) -> Sheet:
    """Return a table or view as a sheet, in the store's own order.

    `period` is [from, to) in epoch ms; rows without a date are then left out. `key` gives the store's key, with which the
    platforms' ids are replaced; None keeps them. Texts lose addresses and phone numbers, wherever they came from. Raises
    ConfigError for a period of what has no date.
    """
    check_name(db, name)
    fields = tuple(
        Field(field.name) if key is not None and kind_of_id(name, field.name) else field for field in _fields(db, name)
    )
    where, params = _within(name, fields, period)
    (count,) = db.execute(f'SELECT count(*) FROM "{name}"{where}', params).fetchone()
    columns = ", ".join(f'"{field.name}"' for field in fields)
    changes = [_change(name, field, key) for field in fields]
    cursor = db.execute(f'SELECT {columns} FROM "{name}"{where}', params)
    return Sheet(name, fields, _batches(cursor, changes), count, period)


def _fields(db: sqlite3.Connection, name: str) -> tuple[Field, ...]:
    is_view = name.startswith("v_")
    found = []
    for _, column, declared, *_ in db.execute(f'PRAGMA table_info("{name}")'):
        if is_view and column.endswith("_at"):
            found.append(Field(column, "time"))
        elif is_view and column in MONEY:
            found.append(Field(column, "money"))
        elif is_view and column in ("person", "version"):
            found.append(Field(column, "int"))
        else:
            found.append(Field(column, _KINDS.get(declared.upper(), "text")))
    return tuple(found)


def dated_by(name: str, columns: Sequence[str]) -> str:
    """Return the column that dates the rows of a table or view, "" where none does."""
    if name in VIEWS_TOLD:
        return VIEWS_TOLD[name].at
    return next((column for column in _TIMES if column in columns), "")


def _within(name: str, fields: Sequence[Field], period: tuple[int, int] | None) -> tuple[str, tuple[Any, ...]]:
    if period is None:
        return "", ()
    at = dated_by(name, [field.name for field in fields])
    if not at:
        raise ConfigError(f"the rows of '{name}' have no date, so there is no period of them.", hint="Leave out --period.")
    bounds: tuple[Any, ...] = period
    if name.startswith("v_"):
        # As the views write times, so that the texts sort as the times do; a period's ends are whole seconds.
        bounds = tuple(f"{iso(bound)[:-1]}.000Z" for bound in period)
    return f' WHERE "{at}" >= ? AND "{at}" < ?', bounds


def _change(name: str, field: Field, key: Callable[[], StoreKey] | None) -> Callable[[Any], Any] | None:
    """Return what is done to every value of a column, None for nothing."""
    kind = kind_of_id(name, field.name)
    if kind and key is not None:
        named = lru_cache(_REMEMBERED)(pseudonyms(key(), kind))
        return lambda value: None if value is None else named(str(value))
    if field.kind == "text":
        told = lru_cache(_REMEMBERED)(anonymous)
        return lambda value: told(value) if isinstance(value, str) else value
    return None


def _batches(cursor: sqlite3.Cursor, changes: Sequence[Callable[[Any], Any] | None]) -> Iterator[Sequence[tuple[Any, ...]]]:
    while batch := cursor.fetchmany(BATCH):
        columns = [
            list(map(change, column)) if change else column
            for change, column in zip(changes, zip(*batch, strict=True), strict=True)
        ]
        yield list(zip(*columns, strict=True))
