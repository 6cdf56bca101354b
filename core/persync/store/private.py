"""Files that are for their owner alone: how they are made, and how those that an earlier version left open are narrowed.

A store tells what people bought, a report what a shop earned. On systems without POSIX modes nothing is done: there a folder
of the user's is closed to others by the system.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

__all__ = ["FOLDER", "OTHERS", "create", "made_private", "narrow", "replace", "replacing", "replacing_path"]

_FILE: Final = 0o600
FOLDER: Final = 0o700
OTHERS: Final = 0o077
"""what the group and everybody else may do, which is nothing"""
HAS_MODES: Final = os.name == "posix"
_UNFINISHED: Final = ".new"
_LONGEST: Final = 40
"""signs of a name that its unfinished file bears: names end at 255 bytes"""
_DAY_S: Final = 86_400
_LINKS: Final = 40
"""links that lead on to one another at the most, as for the system"""
_OPEN_FILE: Final = re.compile(r"/dev/fd/(?P<own>\d+)|/proc/(?P<process>\d+)(?:/task/\d+)?/fd/(?P<number>\d+)")
"""names of what a process has open (/dev/stdout leads to one)"""


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


def replace(path: Path, data: bytes, *, keep_mode: bool = False) -> None:
    """Put bytes in a file's place, as `replacing` does."""
    with replacing(path, keep_mode=keep_mode) as file:
        file.write(data)


@contextmanager
def replacing(path: Path, *, keep_mode: bool = False) -> Iterator[BinaryIO]:
    """Lend a file that takes a file's place once it is whole, for its owner alone; where something is raised, the old one
    stays.

    Through a link its target is replaced; a pipe or a device is written to, and so is what is already open (/dev/stdout,
    /dev/fd/3), behind all that stands there. With `keep_mode` the new file has the mode and the group of the old one; where we
    may not give it to that group, its own may only do what both that one and all others might. Raise OSError when it cannot be
    done.
    """
    with replacing_path(path, keep_mode=keep_mode) as temporary, temporary.open("wb") as file:
        yield file


@contextmanager
def replacing_path(path: Path, *, keep_mode: bool = False) -> Iterator[Path]:
    """Lend an empty file's path, as `replacing` lends a file: for what opens its files itself."""
    already = _open_file(path)
    try:
        old = path.stat()
    except FileNotFoundError:
        old = None
    if already is None and (old is None or stat.S_ISREG(old.st_mode)):
        target = Path(os.path.realpath(path))
        name = target.name[:_LONGEST]
        _sweep(target.parent, f".{name}.")
        handle, made = tempfile.mkstemp(dir=target.parent, prefix=f".{name}.", suffix=_UNFINISHED)
    else:
        target = None
        handle, made = tempfile.mkstemp()
    os.close(handle)
    temporary = Path(made)
    try:
        yield temporary
        if target is None:
            _pour(temporary, path, already)
            temporary.unlink()
            return
        if old is not None and keep_mode and HAS_MODES:
            _open_as(old, temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _open_as(old: os.stat_result, path: Path) -> None:
    """Open a file to whom an old one was open, and to nobody else."""
    mode = stat.S_IMODE(old.st_mode)
    if path.stat().st_gid != old.st_gid:
        try:
            os.chown(path, -1, old.st_gid)
        except OSError:  # we are not of that group, and what it might do is nothing to ours
            both = mode >> 3 & mode & 0o007
            mode = mode & ~OTHERS | both << 3 | both
    path.chmod(mode)


def _open_file(path: Path) -> int | Path | None:
    """Return what a path means that leads to an open file: its number in this process, or its place in another one's list; None
    for any other path.

    Its target is only where it was once opened: to replace that would take away what others wrote there, and what they have
    still to write.
    """
    place = os.path.abspath(path)
    for _ in range(_LINKS):
        place = os.path.join(os.path.realpath(os.path.dirname(place)), os.path.basename(place))
        if named := _OPEN_FILE.fullmatch(place):
            own = named["own"] or (named["number"] if int(named["process"]) == os.getpid() else None)
            return Path(place) if own is None else int(own)
        try:
            place = os.path.join(os.path.dirname(place), os.readlink(place))
        except OSError:
            return None
    return None


def _pour(source: Path, path: Path, already: int | Path | None) -> None:
    """Write a file into a pipe or device, which is never replaced, or into what is `already` open. Raise OSError for a
    folder, a socket or a whole disk."""
    if already is None:
        mode = path.stat().st_mode
        if not stat.S_ISFIFO(mode) and not stat.S_ISCHR(mode):
            raise OSError(errno.EINVAL, "it is neither a file nor a pipe", str(path))
    # Opened by its name it would be written from its beginning, over what is there.
    into = os.dup(already) if isinstance(already, int) else already or path
    with source.open("rb") as read, open(into, "ab") as write:
        shutil.copyfileobj(read, write)


def _sweep(folder: Path, head: str) -> None:
    """Take away what writers that were killed left of a file a day ago or longer: nobody writes for so long."""
    with suppress(OSError):
        for one in folder.iterdir():
            if one.name.startswith(head) and one.name.endswith(_UNFINISHED) and time.time() - one.lstat().st_mtime > _DAY_S:
                one.unlink()


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
