"""One run a connection: a lock that dies with its process, and says who holds it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from persync.errors import ConnectionLockedError, StoreError

GLANCE_S: Final = 0.01
"""how long somebody who only looks may have a lock; they have it for microseconds"""


def lock_path(store: Path, name: str) -> Path:
    """Return the lock file of a connection (or a job), beside the store."""
    return store.with_suffix(f".{file_word(name)}.lock")


def file_word(name: str) -> str:
    """Return a name as a part of a file's name: two names have two, also where a file system does not tell capitals.

    A name of small letters, digits, - and _ is its own word. Any other has ~ and a digest behind it, which none of those has.
    """
    if re.fullmatch(r"[a-z0-9_-]{1,60}", name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', name)[:40]}~{digest}"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a lock, or held it: a process, its machine, and since when (seconds since 1970)."""

    pid: int
    host: str
    since: float

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@contextmanager
def hold(
    store: Path,
    name: str,
    *,
    wait: float = 0.0,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Owner | None]:
    """Hold the lock of `name` on this store, waiting at most `wait` seconds; yield who held it last and was killed, if so.

    The operating system drops the lock when the process ends, however it ends, so a lock file left by a crash is free: who
    ends in good order empties it. Raises ConnectionLockedError with the owner and its age, StoreError where the file cannot
    be written or the file system knows no locks.
    """
    path = lock_path(store, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(
            f"cannot write the lock file {path}: {error.strerror}.", hint="Choose a folder you may write to."
        ) from None
    try:
        until, is_sure = clock() + wait, False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                is_over = clock() >= until
                if is_over and is_sure:
                    raise ConnectionLockedError(
                        f"another run holds '{name}'{_age(_owner(handle), clock())}.",
                        hint="Wait for it, or use --wait SECONDS.",
                    ) from None
                is_sure = True  # the first refusal may be that of somebody who only looks
                sleep(GLANCE_S if is_over else 0.2)
            except OSError as error:
                raise StoreError(
                    f"the file system of {path.parent} knows no locks ({error.strerror}).",
                    hint="Keep the store on a disk of this machine: two runs at once would spoil it there.",
                ) from None
        left = _owner(handle)
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": clock()}).encode(), 0)
        try:
            yield left
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


@contextmanager
def hold_all(store: Path, names: Iterable[str], *, wait: float = 0.0) -> Iterator[None]:
    """Hold the locks of several connections, each as `hold` does, in one order: two who want all never wait for each other."""
    with ExitStack() as stack:
        for name in sorted(set(names)):
            stack.enter_context(hold(store, name, wait=wait))
        yield


def owner(store: Path, name: str) -> Owner | None:
    """Return who holds the lock of `name`, None where nobody does. It only looks: no run is kept from the lock by it.

    What the file says is not enough: who was killed cannot empty it, and their number or the machine's name may be another's
    by now. So the lock itself is tried, shared and for an instant, where the file names somebody.
    """
    try:
        handle = os.open(lock_path(store, name), os.O_RDONLY)
    except OSError:
        return None
    try:
        found = _owner(handle)
        return found if found is not None and _is_held(handle) else None
    finally:
        os.close(handle)


def _is_held(handle: int) -> bool:
    """Tell whether somebody else holds the lock of an open file. Where the file system knows no locks, nobody can."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False


def is_alive(pid: int, host: str) -> bool:
    """Tell whether a process is there, or another that has its number by now; one of another machine is taken to be.

    Of who holds a lock `owner` knows more.
    """
    if host == socket.gethostname():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it lives, and is somebody else's
    return True


def _owner(handle: int) -> Owner | None:
    try:
        owner = json.loads(os.pread(handle, 500, 0))
        return Owner(int(owner["pid"]), str(owner["host"]), float(owner["since"]))
    except (ValueError, KeyError, TypeError, OSError):
        return None


def _age(owner: Owner | None, now: float) -> str:
    return "" if owner is None else f" ({owner}, for {int(now - owner.since)} s)"
