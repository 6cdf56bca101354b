"""What a job remembers from one run to the next: in a file of its own beside the store, no facts about anybody."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persync.errors import PersyncError, StoreError
from persync.store import private

if TYPE_CHECKING:
    from persync.settings import JobTable, Project

MOST_HELD = 20


@dataclass(slots=True)
class State:
    """`made` says for each file what it was made from, `sent` for each channel what it was told last, `held` what still waits.

    `verdict` and `failing` are how the last run found things; `ran` is False before the first.
    """

    ran: bool = False
    verdict: str = ""
    failing: list[str] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    held: list[dict[str, Any]] = field(default_factory=list)


def state_path(project: Project, name: str) -> Path:
    """Return where the state of a job lies."""
    safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
    return project.store_path.with_suffix(f".{safe}.job.json")


def read_state(path: Path) -> State:
    """Return what the last run left; a file that is missing or spoilt is a first run."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        state = State(**found)
        if all(isinstance(value, type(getattr(State(), name))) for name, value in asdict(state).items()):
            return state
    except (OSError, ValueError, TypeError):
        pass
    return State()


def write_state(path: Path, state: State) -> None:
    """Put the state away, whole or not at all, for its owner alone. Raises PersyncError when it cannot be written."""
    state.held = state.held[-MOST_HELD:]
    try:
        private.replace(path, json.dumps(asdict(state), indent=1, sort_keys=True).encode())
    except OSError as error:
        raise PersyncError(f"cannot write what the job remembers: {error.strerror}.", where=str(path)) from None


def basis(project: Project, job: JobTable, day: str) -> str:
    """Return what the files of a run are made from, as a digest: the day, the settings and the state of every table.

    Two runs with one basis write the same, so the second need not. Raises StoreError where the store cannot be read.
    """
    from persync import __version__

    try:
        with closing(sqlite3.connect(f"{project.store_path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            # Every pull moves the windows of coverage on; news are the holes, and what they are for.
            tables = db.execute(
                "SELECT name, sum(rev) FROM dirty WHERE name <> 'coverage' GROUP BY name"
                " UNION ALL SELECT 'hole ' || stream || ' ' || coalesce(reason, ''), count(*) FROM coverage"
                " WHERE state <> 'complete' GROUP BY 1 ORDER BY 1"
            ).fetchall()
    except sqlite3.Error:
        raise StoreError("the store cannot be read.", where=str(project.store_path), hint="Run `persync doctor`.") from None
    parts = [__version__, day, repr(project), job.key(), tables]
    return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()
