"""One run a connection: a lock that dies with its process, and says who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from persync.errors import ConnectionLockedError, StoreError


def lock_path(store: Path, name: str) -> Path:
    """Return the lock file of a connection (or a job), beside the store."""
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
    return store.with_suffix(f".{safe}.lock")


@contextmanager
def hold(
    store: Path,
    name: str,
    *,
    wait: float = 0.0,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold the lock of `name` on this store, waiting at most `wait` seconds.

    The operating system drops the lock when the process ends, however it ends, so a lock file left by a crash is free.
    Raises ConnectionLockedError with the owner and its age.
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
        until = clock() + wait
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clock() >= until:
                    raise ConnectionLockedError(
                        f"another run holds '{name}'{_owner(handle, clock())}.",
                        hint="Wait for it, or use --wait SECONDS.",
                    ) from None
                sleep(0.2)
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": clock()}).encode(), 0)
        yield
    finally:
        os.close(handle)


def _owner(handle: int, now: float) -> str:
    try:
        owner = json.loads(os.pread(handle, 500, 0))
        return f" (process {int(owner['pid'])} on {owner['host']}, for {int(now - owner['since'])} s)"
    except (ValueError, KeyError, TypeError, OSError):
        return ""
