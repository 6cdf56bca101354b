"""Where jobs may write: not over what persync itself keeps or reads, and no two of them into one file."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from persync import secrets
from persync.errors import ConfigError
from persync.imports.files import FilesSettings
from persync.settings.connections import FILE
from persync.settings.goal import BASELINE
from persync.settings.toml import Places

if TYPE_CHECKING:
    from persync.settings.jobs import JobExport, JobReport
    from persync.settings.project import Project

_BESIDE = re.compile(r"(-wal|-shm|-journal)|(\..*)?\.(key|lock|db|part|mirror|job\.json)")
"""how the names of what lies beside a store go on behind its own"""


def refuse_outs(project: Project, place: Places) -> None:
    """Raise ConfigError where the `out` of a job is no file's name, would replace what persync keeps, or is another's."""
    taken: dict[str, tuple[str, str]] = {}
    for name, job in project.jobs.items():
        outs: list[tuple[str, JobReport | JobExport]] = [("report", one) for one in job.report]
        outs += [("export", one) for one in job.export]
        for part, one in outs:
            out = one.out
            where = place.of(f"jobs.{name}", part)
            path = os.path.join(project.folder, out)
            if not out.strip() or not out.isprintable() or out.endswith(("/", os.sep)) or os.path.isdir(path):
                raise ConfigError("'out' names no file.", where=where, hint='Write one, like out = "report.html".')
            refuse_out(project, Path(path), where)
            if (earlier := taken.get(_same(path))) is not None:
                job_name, first = earlier
                whose = "twice in this job" if job_name == name else f"by the job '{job_name}' too"
                raise ConfigError(f"'out': {first} is written {whose}.", where=where, hint="Give each its own file.")
            taken[_same(path)] = name, out
            try:
                one.form()
            except ConfigError as error:
                raise error.at(where) from None


def refuse_out(project: Project, path: Path, where: str) -> None:
    """Raise ConfigError where a path is a folder, or writing to it would replace or spoil what persync keeps or reads there."""
    found = next((what for what in _kept(project, _same(path))), None)
    if found is not None:
        raise ConfigError(f"this would write over {found}.", where=where, hint="Choose another file.")
    if os.path.isdir(path):
        raise ConfigError("this is a folder.", where=where, hint="Name a file in it.")


def _kept(project: Project, path: str) -> Iterator[str]:
    """Yield what persync keeps at a path, or in a folder above it."""
    own = {FILE: "the settings", secrets.FILE: "the secrets", BASELINE: "the frozen baseline"}
    kept = {_same(project.folder / name): what for name, what in own.items()}
    for name, settings in project.connections.items():
        for file in settings.files if isinstance(settings, FilesSettings) else ():
            kept[_same(project.folder / file.path)] = f"a file that the connection '{name}' reads"
    store = Path(_same(project.store_path))
    for one in (Path(path), *Path(path).parents):
        if str(one) in kept:
            yield kept[str(one)]
        if one == store:
            yield "the store"
        if one.parent == store.parent:
            for head in (store.name, store.stem):
                if one.name.startswith(head) and _BESIDE.fullmatch(one.name[len(head) :]):
                    yield "what persync keeps beside the store"


def _same(path: str | Path) -> str:
    """Return what two paths to one file have in common, also where a file system does not tell capitals."""
    try:
        real = os.path.realpath(path)
    except ValueError:  # with a sign that no path has: whoever opens it says so
        real = str(path)
    return unicodedata.normalize("NFC", real).casefold()
