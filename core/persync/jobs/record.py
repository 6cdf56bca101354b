"""A job's own entry in the run log: when it began, how it ended, and whether one before it was killed."""

from __future__ import annotations

import textwrap
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from persync.errors import EXIT_OK, PersyncError
from persync.store.locks import Owner

if TYPE_CHECKING:
    from persync.jobs.running import Outcome


LONGEST: Final = 500
"""characters of an entry's summary"""


class Record:
    """An entry of a run that began at `now` (epoch ms)."""

    def __init__(self, store: Path, command: str, *, now: int) -> None:
        self._path = store
        self._command = command
        self._now = now
        self._run: int | None = None

    def begin(self, killed: Owner | None) -> None:
        """Begin it where there is a store; else it is when it ends, and the first pull has made one."""
        if self._path.exists():
            self._run = self._begin(killed)

    def _begin(self, killed: Owner | None) -> int | None:
        from persync.store.log import begin_run, note_killed
        from persync.store.store import open_store

        try:
            with open_store(self._path) as store:
                if killed is not None:
                    note_killed(store, killed.pid, killed.host, now=self._now)
                return begin_run(store, self._command, now=self._now)
        except PersyncError:
            return None  # a store that cannot be opened: the pull says so, and somebody is told

    def end(self, code: int, done: Outcome, *, now: int) -> None:
        """Note how it ended: the exit code, and what did not hold or failed."""
        from persync.store.log import end_run
        from persync.store.store import open_store

        if not self._path.exists():
            return
        run = self._begin(None) if self._run is None else self._run
        parts = [f"check {metric}: {wrong}" for metric, wrong in done.failing.items()]
        parts += done.failures + done.notes
        said = textwrap.shorten("; ".join(parts), LONGEST, placeholder=" ...")
        summary = said or ("ok" if code == EXIT_OK else "did not come to its end")
        if run is None:
            return
        with suppress(PersyncError), open_store(self._path) as store:
            end_run(store, run, now=now, exit_code=code, summary=summary)
