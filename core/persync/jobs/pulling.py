"""Pulling a project's connections, as a command or a job asks for it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from persync.errors import AuthError, ConfigError

if TYPE_CHECKING:
    from persync.connect.result import PullOptions, PullResult, Watcher
    from persync.plugins import Host
    from persync.settings import Project


def pull_project(
    host: Host, project: Project, names: Sequence[str], options: PullOptions, watch: Watcher | None = None
) -> PullResult:
    """Pull the named connections, or all without names.

    One that has no secret is an error in the result: it must not keep the others from being read. Raises ConfigError when
    there is no connection at all, or not the named one.
    """
    from persync.connect import pull as engine
    from persync.settings import make_connector

    wanted = list(dict.fromkeys(names)) or list(project.connections)
    if not wanted:
        what = "no connection is set up" if project.has_file else "there is no persync.toml"
        raise ConfigError(f"{what}.", where=str(project.folder), hint="Run `persync connect NAME`, or `persync demo`.")
    connectors, errors = [], []
    for name in wanted:
        try:
            connectors.append(make_connector(project, host, name))
        except AuthError as error:
            errors.append(error)
    if not connectors:
        return engine.PullResult(errors=list(errors))
    with _rehearsal(project.store_path) if options.dry_run else _itself(project.store_path) as path:
        result = engine.pull(path, connectors, options, watch, aliases=project.aliases)
    result.errors += errors
    return result


@contextmanager
def _itself(path: Path) -> Iterator[Path]:
    yield path


@contextmanager
def _rehearsal(path: Path) -> Iterator[Path]:
    """Lend a copy of the store, with its key, that is gone afterwards: a dry run does everything, and keeps nothing."""
    from persync.store.key import key_path

    with TemporaryDirectory(prefix="persync-dry-run-") as folder:
        copy = Path(folder) / path.name
        if path.exists():
            with (
                closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
            if key_path(path).exists():
                shutil.copy2(key_path(path), key_path(copy))
        yield copy


def failures(result: PullResult) -> list[str]:
    """Return one line for each connection and stream that failed; what was skipped for scope or tier is no failure."""
    failed = [one.error for one in result.streams if one.error is not None and one.state != "skipped"]
    return list(dict.fromkeys(str(error) for error in [*result.errors, *failed]))
