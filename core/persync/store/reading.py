"""Reading the store without any way to change it: one moment of it, whatever a pull writes meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from persync.store.store import BUSY_MS, open_store, said


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Lend a connection that SQLite itself keeps from writing, in one transaction: all that is read is of one moment.

    The store is brought up to this release first, as by every command. Raise StoreError where there is none, it is another
    program's, or SQLite cannot read it.
    """
    open_store(path).close()
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_MS / 1000)
    except sqlite3.Error as error:
        raise said(error, path) from None
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("BEGIN")
        yield db
    except sqlite3.Error as error:
        raise said(error, path) from None
    finally:
        db.close()
