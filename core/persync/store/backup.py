"""Copying a store while it is in use, and making sure that the copy is whole."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from persync.errors import CheckFailedError, StoreError
from persync.store import private
from persync.store.log import note
from persync.store.store import Store, said

BACKED_UP: Final = "backed up"


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was made: its file, its size in bytes, and the rows of `runs` in it, the newest of which may be under way."""

    path: Path
    size: int
    runs: int


def back_up(store: Store, target: Path, *, now: int) -> Backup:
    """Copy a store to a file that is not there yet, for its owner alone, and note it in the log.

    It is one state of the store, however long it takes, and whoever writes meanwhile need not wait: SQLite's online backup, in
    one step. The copy is put in its place once its integrity was checked. Its key is not in it. Raises StoreError where the
    file is there already or cannot be written, CheckFailedError (exit code 6) for a damaged store: no copy is left then.
    """
    if target.exists() or target.is_symlink():
        raise StoreError(
            "there is something already; a backup writes over nothing.", where=str(target), hint="Choose another name."
        )
    partial = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(private.FOLDER, parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        private.create(partial)
        try:
            with closing(sqlite3.connect(partial)) as copy:
                store.db.backup(copy)
            runs = _checked(partial)
            size = partial.stat().st_size
            _place(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    except FileExistsError:
        raise StoreError("somebody else just made it.", where=str(target), hint="Choose another name.") from None
    except OSError as error:
        raise StoreError(
            f"the backup cannot be written: {error.strerror}.", where=str(target), hint="Choose another place."
        ) from None
    except sqlite3.Error as error:
        raise said(error, partial) from None
    note(store, BACKED_UP, target.name, now=now)
    return Backup(target, size, runs)


def _checked(path: Path) -> int:
    """Check a copy without leaving anything beside it; return how many runs it knows of."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)) as db:
            wrong = [str(line) for (line,) in db.execute("PRAGMA integrity_check") if line != "ok"]
            if not wrong:
                return int(db.execute("SELECT count(*) FROM runs").fetchone()[0])
    except sqlite3.DatabaseError as error:  # damaged beyond being checked
        wrong = [str(error)]
    told = " ".join("; ".join(wrong[:3]).split())
    raise CheckFailedError(f"the store is damaged, and no copy of it was kept: {told}.", hint="Restore an older backup.")


def _place(partial: Path, target: Path) -> None:
    """Give a whole copy its name, and no other file's place: of two that come at once one finds it taken."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError from None
        partial.rename(target)
