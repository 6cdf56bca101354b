"""Files that are for their owner alone: how they are made, and how those that an earlier version left open are narrowed.

A store tells what people bought, a report what a shop earned. On systems without POSIX modes nothing is done: there a folder
of the user's is closed to others by the system.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

__all__ = ["FOLDER", "OTHERS", "create", "made_private", "narrow", "replace", "replacing", "replacing_path"]

_FILE: Final = 0o600
FOLDER: Final = 0o700
OTHERS: Final = 0o077
"""what the group and everybody else may do, which is nothing"""
HAS_MODES: Final = os.name == "posix"


@contextmanager
def made_private() -> Iterator[None]:
    """Make every file and folder that this process and its children make meanwhile one for its owner alone.

    Whoever makes it: SQLite, DuckDB and Parquet's writers take no mode. Of the whole process, so it is for a program's start.
    """
    before = os.umask(OTHERS)
    os.umask(before | OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def create(path: Path) -> None:
    """Make an empty file for its owner alone where there is none. Raise OSError when that cannot be done."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, _FILE))


def replace(path: Path, data: bytes) -> None:
    """Put bytes in a file's place, whole or not at all, for its owner alone. Raise OSError when that cannot be done."""
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Lend a file that takes a file's place once it is whole, for its owner alone; where something is raised, the old one
    stays. Raise OSError when that cannot be done.
    """
    with replacing_path(path) as temporary, temporary.open("wb") as file:
        yield file


@contextmanager
def replacing_path(path: Path) -> Iterator[Path]:
    """Lend an empty file's path, as `replacing` lends a file: for what opens its files itself."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE))
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def narrow(paths: Iterable[Path]) -> list[tuple[Path, int]]:
    """Take from others what they may do with these files and folders; return those that were open, with the mode they had.

    In an open folder every file is looked at. What is not there, or not ours to change, is left as it is.
    """
    found: list[tuple[Path, int]] = []
    for path in paths if HAS_MODES else ():
        try:
            status = path.stat()
            mode = stat.S_IMODE(status.st_mode)
            if not mode & OTHERS:
                continue
            path.chmod(mode & ~OTHERS)
        except OSError:
            continue
        found.append((path, mode))
        if stat.S_ISDIR(status.st_mode):
            narrow(each for each in path.iterdir() if not each.is_symlink())
    return found
