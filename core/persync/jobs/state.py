"""What a job remembers from one run to the next: in a file of its own beside the store, no facts about anybody."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from persync.errors import PersyncError, StoreError
from persync.jobs.notify.waiting import Held, kept, restored
from persync.jobs.windows import local
from persync.store import private
from persync.store.locks import file_word

if TYPE_CHECKING:
    from persync.jobs.running import Run
    from persync.settings import Project

VERSION: Final = 2
"""counted up when the file's form changes; `_older` reads those before it"""


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
    held: list[Held] = field(default_factory=list)


def state_path(project: Project, name: str) -> Path:
    """Return where the state of a job lies: no two jobs of a project have one file."""
    return project.store_path.with_suffix(f".{file_word(name)}.job.json")


def read_state(path: Path) -> tuple[State, list[str]]:
    """Return what the last run left, and a line for each thing of it that cannot be used.

    A file that is missing is a first run. One that cannot be read (spoilt, or a newer persync's) is set aside under another
    name and counts as missing; so is a copy of one in which some waiting message cannot be read. Nothing of it is lost.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return State(), []
    except OSError as error:
        raise PersyncError(f"what the job remembers cannot be read: {error.strerror}.", where=str(path)) from None
    try:
        state, unread = _state(json.loads(data))
    except (ValueError, RecursionError) as error:
        why = str(error) if type(error) is ValueError else "it is no JSON"
        line = f"what the job remembered cannot be used ({why}): {_aside(path, data)}; this is as a first run"
        path.unlink()
        return State(), [line]
    if not unread:
        return state, []
    many = "a waiting message" if unread == 1 else f"{unread} waiting messages"
    return state, [f"{many} of an earlier run cannot be read: {_aside(path, data)}"]


def write_state(path: Path, state: State) -> None:
    """Put the state away, whole or not at all, for its owner alone. Raises PersyncError when it cannot be written."""
    found = {"version": VERSION, **asdict(state), "held": [kept(one) for one in state.held]}
    try:
        path.parent.mkdir(private.FOLDER, parents=True, exist_ok=True)
        private.replace(path, json.dumps(found, indent=1, sort_keys=True).encode())
    except OSError as error:
        raise PersyncError(f"cannot write what the job remembers: {error.strerror}.", where=str(path)) from None


def _state(found: Any) -> tuple[State, int]:
    """Return the state that was kept, and how many of its messages cannot be read. Raises ValueError for what is no state."""
    if not isinstance(found, dict):
        raise ValueError("it is no object")
    version = found.pop("version", 1)
    if version not in (1, VERSION):
        raise ValueError(f"it has version {version}, and this persync knows {VERSION}")
    waiting = found.pop("held", [])
    try:
        state = State(**found)
    except TypeError:
        raise ValueError("it has other parts") from None
    blank = State()
    for name, value in asdict(state).items():
        inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
        if type(value) is not type(getattr(blank, name)) or not all(isinstance(one, str) for one in inner):
            raise ValueError(f"its part '{name}' is of another kind")
    if not isinstance(waiting, list):
        raise ValueError("its part 'held' is of another kind")
    unread = 0
    for one in waiting:
        try:
            state.held.append(restored(_older(one) if version == 1 else one))
        except ValueError:
            unread += 1
    return state, unread


def _older(given: Any) -> dict[str, Any]:
    """Return a waiting message of version 1 as version 2 has it: since when and for whom it waits was not kept then."""
    try:
        return {"since": given["message"]["made_at"], "tries": 0, **given, "message": {"only": (), **given["message"]}}
    except (KeyError, TypeError) as error:
        raise ValueError(f"no message: {type(error).__name__}") from None


def _aside(path: Path, data: bytes) -> str:
    """Put what cannot be used under a name that is free, and say which."""
    stem = path.name.removesuffix(".job.json")
    number = 1
    while (place := path.with_name(f"{stem}.aside-{number}.job.json")).exists():
        number += 1
    try:
        private.replace(place, data)
    except OSError as error:
        raise PersyncError(f"cannot set aside what the job remembered: {error.strerror}.", where=str(place)) from None
    return f"it was set aside as {place}"


def basis(run: Run) -> str:
    """Return what the files of a run are made from, as a digest: the day, the settings and the state of every table.

    Two runs with one basis write the same, so the second need not. Raises StoreError where the store cannot be read.
    """
    from persync import __version__

    path = run.project.store_path
    day = local(run.now, run.project.timezone).date().isoformat()
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            # Every pull moves the windows of coverage on; news are the holes, and what they are for.
            tables = db.execute(
                "SELECT name, sum(rev) FROM dirty WHERE name <> 'coverage' GROUP BY name"
                " UNION ALL SELECT 'hole ' || stream || ' ' || coalesce(reason, ''), count(*) FROM coverage"
                " WHERE state <> 'complete' GROUP BY 1 ORDER BY 1"
            ).fetchall()
    except sqlite3.Error:
        raise StoreError("the store cannot be read.", where=str(path), hint="Run `persync doctor`.") from None
    parts = [__version__, day, repr(run.project), run.job.key(), tables]
    return hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()
