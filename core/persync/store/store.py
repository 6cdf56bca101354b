"""Opening the store: one SQLite file, recognised, migrated and never mistaken for another."""

from __future__ import annotations

import os
import secrets
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

from persync.errors import StoreError
from persync.store import private
from persync.store.key import StoreKey, create_key, key_path, read_key
from persync.store.locks import hold
from persync.store.schema import SCHEMA_VERSION
from persync.store.views import VIEWS_VERSION, create_views

__all__ = ["APPLICATION_ID", "Store", "hidden", "open_store"]

APPLICATION_ID = 0x70736E63  # "psnc"
BUSY_MS = 10_000


class Store:
    """An open store. Use `transaction()` for writing; `db` is a plain sqlite3 connection for reading."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self.db = db
        self._key: StoreKey | None = None
        self._file = _identity(path)

    @property
    def key(self) -> StoreKey:
        """The store's key; raises StoreError when the key file is missing, damaged or another store's."""
        if self._key is None:
            key = read_key(self.path)
            row = self.db.execute("SELECT value FROM meta WHERE name = 'key'").fetchone()
            if row is not None and row[0] != key.fingerprint:
                raise StoreError(
                    f"the key file {key_path(self.path)} belongs to another store.", hint="Put the right one back."
                )
            self._key = key
        return self._key

    @property
    def mirror(self) -> Path:
        """The folder of the Parquet mirror."""
        return self.path.with_suffix(".mirror")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold one write transaction: all of it is kept, or nothing. Raise StoreError when SQLite cannot write,
        or when the file is not the one that was opened: what is written there goes nowhere.
        """
        if _identity(self.path) != self._file:
            raise StoreError(
                f"the store {self.path} was deleted, moved or replaced while it was open.",
                hint="What was read since is not in it. Put the right file back and pull again.",
            )
        try:
            self.db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise said(error, self.path) from None
        try:
            yield self.db
        except sqlite3.Error as error:
            self.rollback()
            raise said(error, self.path) from None
        except BaseException:
            self.rollback()
            raise
        try:
            self.db.execute("COMMIT")
        except sqlite3.Error as error:
            self.rollback()
            raise said(error, self.path) from None

    def rollback(self) -> None:
        """Undo a transaction that is open, if one is."""
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")

    def integrity(self) -> list[str]:
        """Return what SQLite's own checks find wrong; an empty list is good."""
        found = [row[0] for row in self.db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [f"foreign key: {row[0]} row {row[1]}" for row in self.db.execute("PRAGMA foreign_key_check")]
        return found

    def close(self) -> None:
        """Close the file; the write-ahead log is folded in by the last one to leave."""
        self.db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what the system knows a file by, None when it is not there."""
    with suppress(OSError):
        found = os.stat(path)
        return found.st_dev, found.st_ino
    return None


def said(error: sqlite3.Error, path: Path) -> StoreError:
    """Turn an SQLite error into one that says what to do."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return StoreError(f"the store {path} is locked by another program.", hint="Close it there, or try again in a minute.")
    if "not a database" in text or "malformed" in text:
        return StoreError(
            f"{path} is not a persync store, or it is damaged.",
            hint="Set [store] path in persync.toml to another file, or restore a backup.",
        )
    if "full" in text:
        return StoreError(f"no room left on the disk of {path}.", hint="Free some space and pull again: nothing is lost.")
    if "disk I/O" in text:
        return StoreError(
            f"the disk of {path} cannot be written or read.",
            hint="Check it, its free space and your quota, and pull again: what was committed is kept.",
        )
    if "readonly" in text or "unable to open" in text:
        return StoreError(f"cannot write the store {path}.", hint="Check that you may write to this file and its folder.")
    return StoreError(f"the store {path} failed: {text}.")


def open_store(path: Path, *, create: bool = False, clock: Callable[[], float] = time.time) -> Store:
    """Open a store; with `create`, make it (and its key) when there is none, for its owner alone.

    A store that others may read is narrowed to its owner, with its key, its mirror and its copies; the log says so. An older
    store is copied beside itself before its first migration; a newer one, a foreign file, a locked one and one in an unwritable
    folder raise StoreError.
    """
    path = Path(path)
    fresh = not path.exists() or path.stat().st_size == 0
    if fresh and not create:
        raise StoreError(f"there is no store at {path} yet.", hint="Run `persync pull` or `persync demo` first.")
    if fresh:
        try:
            path.parent.mkdir(private.FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the folder {path.parent}: {error.strerror}.") from None
        with _alone(path):
            create_key(path)
        try:
            private.create(path)  # SQLite would ask nobody but the umask; its log and index take the file's mode
        except OSError as error:
            raise StoreError(f"cannot write the store {path}: {error.strerror}.") from None
    try:
        # The writer alone writes, but SQLite objects are handed to one other thread in tests and servers.
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.Error as error:
        raise said(error, path) from None
    store = Store(path, db)
    try:
        if tables and application != APPLICATION_ID:
            raise StoreError(
                f"{path} is an SQLite file of another program.", hint="Set [store] path in persync.toml to another file."
            )
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"the store {path} was written by a newer persync (schema {version}, this one knows {SCHEMA_VERSION}).",
                hint="Update persync.",
            )
        opened = _narrow(store)
        if not version:
            _make(store)  # new, or killed half made: nothing was ever in it
        elif version < SCHEMA_VERSION:
            _upgrade(store)
        _refresh_views(store)
        if opened:
            _note_open(store, opened, round(clock() * 1000))
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA temp_store = MEMORY")
        # Counted in the pull's memory; with 24 MB it is no faster: what falls out is still in the system's own cache.
        db.execute("PRAGMA cache_size = -8000")
        db.execute("PRAGMA wal_autocheckpoint = 8000")
        return store
    except sqlite3.Error as error:
        db.close()
        raise said(error, path) from None
    except BaseException:
        db.close()
        raise


def _narrow(store: Store) -> list[tuple[Path, int]]:
    """Take from others what they may do with the store and what lies beside it; return what was open, and its mode."""
    path = store.path
    beside = [path.with_name(path.name + tail) for tail in ("-wal", "-shm")]
    return private.narrow([path, *beside, key_path(path), store.mirror, *path.parent.glob(f"{path.stem}.before-*.db")])


def _note_open(store: Store, opened: list[tuple[Path, int]], now: int) -> None:
    """Write into the log which files others could read until now; one that another program holds goes without the line."""
    from persync.store.log import append

    told = ", ".join(f"{path.name} was {mode:04o}" for path, mode in opened)
    with suppress(StoreError), store.transaction() as db:
        append(db, None, now, "files narrowed", told)


def _alone(path: Path) -> AbstractContextManager[object]:
    """Hold the lock of those who make or upgrade a store."""
    return hold(path, "store upgrade", wait=BUSY_MS / 1000)


def _make(store: Store) -> None:
    """Make the tables of a new store; of two programs that come at once one makes them and the other finds them."""
    with _alone(store.path):
        if not store.db.execute("PRAGMA user_version").fetchone()[0]:
            _migrate(store)


def _upgrade(store: Store) -> None:
    """Copy an older store beside itself, then bring it up; two programs at once take turns.

    However many releases lie between, there is one copy, of the store as it was before the first step: one that was killed
    half way is not copied over it.
    """
    with _alone(store.path):
        version = store.db.execute("PRAGMA user_version").fetchone()[0]
        if version >= SCHEMA_VERSION:
            return
        copy = before_path(store.path)
        steps = store.db.execute("SELECT count(*) FROM _sqlite_migrations WHERE migration_set = 'persync'").fetchone()[0]
        if steps == version or not copy.exists():
            partial = copy.with_suffix(".part")
            partial.unlink(missing_ok=True)
            try:
                private.create(partial)
                with closing(sqlite3.connect(partial)) as target:
                    store.db.backup(target)
                partial.replace(copy)
            except OSError as error:
                raise StoreError(f"cannot copy the store to {copy} before its upgrade: {error.strerror}.") from None
        _migrate(store)


def before_path(store: Path) -> Path:
    """Return where this release puts the copy of a store that it upgrades."""
    return store.with_suffix(f".before-{SCHEMA_VERSION}.db")


def _migrate(store: Store) -> None:
    with hidden("pandas", "numpy"):
        from sqlite_utils import Database

        from persync.store.migrations import migrations
    if not store.db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        store.db.execute("PRAGMA page_size = 8192")
    # Named first: a store that was killed half made is still known as ours, and finished at the next opening.
    store.db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    store.db.execute("PRAGMA journal_mode = WAL")
    database = Database(store.db, execute_plugins=False)
    migrations.apply(database)
    with store.transaction():
        fingerprint = read_key(store.path).fingerprint
        store.db.execute("INSERT OR IGNORE INTO meta VALUES ('key', ?)", (fingerprint,))
        # What the mirror knows a store by: one remade at the same place is another.
        store.db.execute("INSERT OR IGNORE INTO meta VALUES ('id', ?)", (secrets.token_hex(16),))
        store.db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _refresh_views(store: Store) -> None:
    """Bring the `v_*` views to this release's texts; they hold no data."""
    known = store.db.execute("SELECT value FROM meta WHERE name = 'views'").fetchone()
    if known is None or known[0] != str(VIEWS_VERSION):
        with store.transaction() as db:
            create_views(db)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('views', ?)", (str(VIEWS_VERSION),))


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Keep optional modules from being imported for a moment by others, who can do without.

    sqlite-utils imports pandas and numpy where they are installed, only to know their number types; persync hands it none,
    and they would cost half a second and 80 MB at a store's first opening. httpx imports rich for its own command line.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
