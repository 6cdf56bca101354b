"""Where pages get their data: the newest snapshot of the mirror, brought up to date behind their backs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from persync.engine import mirror
from persync.errors import PersyncError, StoreError
from persync.serve.snapshot import Snapshot

EVERY_S: Final = 5.0
"""so often at most is looked whether the store has more"""
SHARE: Final = 10
"""a refresh that took a second is not repeated for ten: a long pull changes the store with every page"""
OLDEST_MS: Final = 600_000
"""so old may the moment be that pages are about, when nothing changes"""


class Source:
    """Lends the newest snapshot. `clock` gives epoch ms, `timer` seconds that only grow."""

    def __init__(
        self,
        store: Path,
        *,
        clock: Callable[[], int] = lambda: int(time.time() * 1000),
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._timer = timer
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._current: Snapshot | None = None
        self._users: dict[Snapshot, int] = {}
        self._next = 0.0
        self._seen = 0
        self.problem = ""
        """why the last refresh failed; "" when it did not"""

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Lend the newest snapshot; whoever has an older one keeps it until done. The first is waited for, later ones are made
        in a thread of their own. Raise StoreError when there is no store, or none that can be read.
        """
        if self._current is None:
            with self._refreshing:
                if self._current is None:
                    self._refresh()
        elif self._is_due() and self._refreshing.acquire(blocking=False):
            threading.Thread(target=self._refresh_aside, name="persync-refresh", daemon=True).start()
        with self._lock:
            found = self._current
            if found is None:
                raise StoreError(f"the store {self._store} cannot be read.")
            self._users[found] = self._users.get(found, 0) + 1
        try:
            yield found
        finally:
            self._leave(found)

    def _is_due(self) -> bool:
        """Tell whether to look again: it is time, or another program has brought the mirror up to date, which drops the files
        of a snapshot that lags too far behind. While somebody still reads the snapshot before this one it is not: the mirror
        keeps the files of one."""
        with self._lock:
            if any(count and one is not self._current for one, count in self._users.items()):
                return False
        return self._timer() >= self._next or self._stamp() != self._seen

    def _stamp(self) -> int:
        try:
            return (mirror.mirror_folder(self._store) / mirror.MANIFEST).stat().st_mtime_ns
        except OSError:
            return 0

    def close(self) -> None:
        """Close the snapshot."""
        with self._refreshing:
            self._put(None)

    def _leave(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._users[snapshot] -= 1
            done = not self._users[snapshot] and snapshot is not self._current
            if done:
                del self._users[snapshot]
        if done:
            snapshot.close()

    def _refresh_aside(self) -> None:
        try:
            self._refresh()
            self.problem = ""
        except PersyncError as error:
            self.problem = str(error)
        finally:
            self._refreshing.release()

    def _refresh(self) -> None:
        """Bring the mirror up to date and, where it or the day has moved on, put a new snapshot in place. The lock is held."""
        began = self._timer()
        try:
            folder = mirror.refresh(self._store)
            self._seen = self._stamp()
            manifest = mirror.read_manifest(folder)
            generation = manifest["generation"] if manifest else 0
            now, current = self._clock(), self._current
            if current is None or current.generation != generation or now - current.now > OLDEST_MS:
                self._put(Snapshot(folder, generation, now))
        finally:
            ended = self._timer()
            self._next = ended + max(EVERY_S, SHARE * (ended - began))

    def _put(self, snapshot: Snapshot | None) -> None:
        with self._lock:
            old, self._current = self._current, snapshot
            unused = old is not None and not self._users.get(old)
            if old is not None and unused:
                self._users.pop(old, None)
        if old is not None and unused:
            old.close()
