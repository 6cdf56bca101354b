"""Copies of every view for tools that keep a file open, sit in a container or know no SQLite.

The platforms' ids are replaced, as in every export.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from persync.errors import PersyncError
from persync.export.formats import write
from persync.export.sheet import Sheet
from persync.export.source import sheet_of
from persync.store import private
from persync.store.key import read_key
from persync.store.reading import reading
from persync.store.told import VIEWS_TOLD

SQLITE: Final = "persync-bi.db"
_TYPES: Final = {"int": "INTEGER", "real": "REAL", "text": "TEXT", "time": "TEXT", "money": "NUMERIC"}


def parquet_folder(store: Path, folder: Path) -> int:
    """Write each view of a store into a folder, as `VIEW.parquet`; return how many rows in all. Each file is there whole or not
    at all. Raise PersyncError where that cannot be done."""
    rows = 0
    _make(folder)
    for sheet in _sheets(store):
        with private.replacing(folder / f"{sheet.name}.parquet") as sink:
            rows += write(sheet, "parquet", sink)
    return rows


def sqlite_file(store: Path, folder: Path) -> int:
    """Write all views of a store into one SQLite file, each as a table of its name; return how many rows in all.

    It is no store and not in WAL mode, so it can be read where nothing can be written. Times are ISO 8601, money is a number.
    Whoever reads the old file goes on reading it. Raise PersyncError where that cannot be done.
    """
    rows = 0
    _make(folder)
    with private.replacing_path(folder / SQLITE) as new, closing(sqlite3.connect(new, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("BEGIN")
        for sheet in _sheets(store):
            columns = ", ".join(f'"{field.name}" {_TYPES[field.kind]}' for field in sheet.fields)
            db.execute(f'CREATE TABLE "{sheet.name}" ({columns})')
            holes = ", ".join("?" * len(sheet.fields))
            for batch in sheet.batches:
                db.executemany(f'INSERT INTO "{sheet.name}" VALUES ({holes})', batch)
            rows += sheet.count
        db.execute("COMMIT")
    return rows


def _make(folder: Path) -> None:
    try:
        folder.mkdir(private.FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise PersyncError(f"cannot make the folder: {error.strerror}.", where=str(folder), hint="Choose another.") from None


def _sheets(store: Path) -> Iterator[Sheet]:
    """Yield every view, all of one moment."""
    with reading(store) as db:
        for name in VIEWS_TOLD:
            yield sheet_of(db, name, key=partial(read_key, store))
