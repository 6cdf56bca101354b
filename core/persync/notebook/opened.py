"""An open project: metrics as objects, and SQL that reads alone."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final

from persync.engine import Engine, open_engine
from persync.errors import ConfigError, DataError
from persync.jobs.metric import compute, find_metric
from persync.measure.metric import Ask
from persync.notebook.results import Estimates, Rows
from persync.plugins import Host, load_plugins
from persync.settings import FILE, Project, load_project
from persync.store.reading import reading
from persync.store.store import open_store

_WRITES: Final = ("readonly", "not authorized", "VACUUM")
"""what SQLite says of a statement that is no question"""


class Opened:
    """A project that is open for questions. It changes nothing; close it, or use it in a `with`, to give its memory back.

    All numbers are of the moment at which it was opened; `refresh()` takes up what was pulled since.
    """

    def __init__(self, folder: Path, host: Host, project: Project, now: int) -> None:
        self.folder = folder
        self._host = host
        self._project = project
        self._now = now
        self._engine: Engine | None = None

    def metrics(self) -> Rows:
        """Return the metrics that there are: id, title, unit, what they can be split by, and their definition."""
        columns = ("id", "title", "unit", "by", "definition")
        known = self._host.metrics.values()
        return Rows(columns, [(m.id, m.title, m.unit, ", ".join(m.dimensions), m.definition) for m in known])

    def metric(self, id: str, *, by: str | Sequence[str] = (), period: str | None = None, arm: str | None = None) -> Estimates:
        """Return a metric's estimates, as `persync metric ID --by ... --period ... --arm ...` computes them.

        `by` is a dimension or several. Raises ConfigError with the nearest for a metric, dimension or period that there is not,
        DataError where there is nothing to compute from.
        """
        dimensions = (by,) if isinstance(by, str) else tuple(by)
        found = find_metric(self._host, id, dimensions)
        ask = self._ask(period, dimensions, arm)
        return Estimates(found.id, found.title, tuple(compute(self._lent(), found, ask)))

    def sql(self, text: str, params: Mapping[str, Any] | Sequence[Any] = ()) -> Rows:
        """Return what a query finds in the store: its `v_*` views are meant for it (docs/tables.md).

        Parameters are `?` or `:name`. Raises DataError for a query that fails, or would change anything.
        """
        with reading(self._project.store_path) as db:
            db.set_authorizer(_reads_alone)
            try:
                cursor = db.execute(text, params)
                if cursor.description is None:
                    raise DataError("there is no query.", hint="Write a SELECT.")
                return Rows(tuple(column for column, *_ in cursor.description), cursor.fetchall())
            except sqlite3.Error as error:
                if any(word in str(error) for word in _WRITES):
                    raise DataError("a notebook reads the store and changes nothing.", hint="Write a SELECT.") from None
                raise DataError(
                    f"the query failed: {str(error).rstrip('.')}.", hint="Views and columns are in docs/tables.md."
                ) from None

    def refresh(self) -> None:
        """Take up what was pulled since the project was opened."""
        self.close()
        self._now = _clock()

    def close(self) -> None:
        """Give back what is held; the next question opens it again."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<persync project {self._project.facts()['name']!r}: .metrics(), .metric(id, by=..., period=...), .sql(text)>"

    def _ask(self, period: str | None, by: tuple[str, ...], arm: str | None) -> Ask:
        return self._project.ask(self._now, period, by=by, arm=arm)

    def _lent(self) -> Engine:
        if self._engine is None:
            self._engine = open_engine(self._project.store_path, engines=self._host.engines)
        return self._engine


def open_project(path: str | PathLike[str] = ".", *, now: int | None = None) -> Opened:
    """Open the project in a folder (or of a persync.toml, or a store) for a notebook or a script.

    `now` is the moment that the numbers are about, in epoch ms; default: this one. Raises ConfigError where there is no
    project, StoreError where it has no store yet.
    """
    given = Path(path).expanduser()
    folder = given.parent if given.is_file() else given
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}.", hint="Give the folder of your persync.toml.")
    host = load_plugins()
    project = load_project(folder, host)
    if given.is_file() and given.name != FILE:
        project = _of_store(project, given)
    open_store(project.store_path).close()
    return Opened(folder, host, project, _clock() if now is None else now)


def _of_store(project: Project, store: Path) -> Project:
    from dataclasses import replace

    return replace(project, store_path=store)


def _clock() -> int:
    return int(time.time() * 1000)


def _reads_alone(action: int, *_: object) -> int:
    """Let SQLite do what a SELECT needs: no other file is attached, nothing is set."""
    allowed = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
    return sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY
