"""Looking after a store's file: bringing an older one up, and giving back the room that deleted rows left."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from persync.errors import StoreError
from persync.store.locks import hold_all
from persync.store.log import note
from persync.store.schema import SCHEMA_VERSION
from persync.store.store import Store, before_path, open_store, said

VACUUMED: Final = "vacuumed"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A store that was looked at: the versions of its tables before and now, and the copy of how it was, if one was made."""

    before: int
    after: int
    copy: Path | None


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """A store that was written anew: the bytes of its file and its write-ahead log before and after."""

    before: int
    after: int


def upgrade(path: Path) -> Upgraded:
    """Bring a store to this release's tables, as any opening does, and say from what to what.

    The copy is made before the first step. Raises StoreError as `open_store` does.
    """
    if not path.is_file():
        open_store(path).close()  # says it best when there is none
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            before = int(db.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        raise said(error, path) from None
    open_store(path).close()
    return Upgraded(before, SCHEMA_VERSION, before_path(path) if 0 < before < SCHEMA_VERSION else None)


def vacuum(path: Path, connections: Iterable[str], *, now: int, wait: float = 0.0) -> Vacuumed:
    """Write a store's file anew without its empty room, under the locks of all its connections and those given.

    Waits at most `wait` seconds for each lock. Raises ConnectionLockedError (exit code 7) while a pull runs, StoreError
    where another program keeps the file busy or the disk has no room for a second copy of it.
    """
    with open_store(path) as store:
        known = {str(name) for (name,) in store.db.execute("SELECT name FROM connections")}
    with hold_all(path, known.union(connections), wait=wait), open_store(path) as store:
        before = _bytes(path)
        if not rewrite(store):
            raise StoreError(
                f"the store {path} is in use by another program.", hint="Nothing is lost: try again when it is closed there."
            )
        after = _bytes(path)
        note(store, VACUUMED, f"{before} to {after} bytes", now=now)
    return Vacuumed(before, after)


def rewrite(store: Store) -> bool:
    """Write the whole file anew (VACUUM) and cut its write-ahead log to nothing; False while another program is in the way.

    It needs room for a second copy in SQLite's temporary folder. Raises StoreError when the disk is full.
    """
    db = store.db
    try:
        # In a file: a large store would not fit into memory.
        db.execute("PRAGMA temp_store = FILE")
        db.execute("VACUUM")
        busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            return False
        raise said(error, store.path) from None
    finally:
        db.execute("PRAGMA temp_store = MEMORY")
    return not busy


def _bytes(path: Path) -> int:
    """Return what a store takes on the disk, with what is not yet folded in."""
    return sum(one.stat().st_size for one in (path, path.with_name(f"{path.name}-wal")) if one.exists())
