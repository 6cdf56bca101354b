"""When each job ran last, how that went, and when it is due next."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from persync.jobs.schedule.installed import installed
from persync.jobs.schedule.plan import times_of, unit_name
from persync.jobs.windows import local
from persync.store.locks import owner

if TYPE_CHECKING:
    from persync.settings import Project


@dataclass(frozen=True, slots=True)
class JobStatus:
    """One job. Moments are epoch ms, None for never; `by` are the schedulers of this machine that have it."""

    job: str
    by: tuple[str, ...]
    last: int | None = None
    exit_code: int | None = None
    summary: str = ""
    next: int | None = None
    is_running: bool = False
    orphan: str = ""
    """why nothing says any more what it is to do: its job is not in persync.toml, or its folder is gone"""


def status_of(project: Project, *, now: int) -> list[JobStatus]:
    """Return the standing of every job, in the order of the settings, and then every schedule that is left of one.

    A schedule of this project whose job was taken out or renamed goes by its job; one of a project that is gone, by its unit.
    """
    folder = project.folder.resolve()
    there = installed()
    units = {unit_name(name, folder): name for name in project.jobs}
    out = []
    for unit, name in units.items():
        by = tuple(one.by for one in there if one.unit == unit)
        last, code, summary = _last(project, name)
        due = next_of(times_of(project.jobs[name], project), now, project.timezone) if by else None
        running = owner(project.store_path, f"job {name}") is not None
        out.append(JobStatus(name, by, last, code, summary, due, running))
    left: dict[tuple[str, str], list[str]] = {}
    for one in there:
        if one.folder == folder and one.unit not in units:
            left.setdefault((one.job, f"'{one.job}' is not in persync.toml"), []).append(one.by)
        elif not one.folder.is_dir():
            left.setdefault((one.unit, f"its folder {one.folder} is gone"), []).append(one.by)
    for (name, why), ways in left.items():
        last, code, summary = _last(project, name)
        out.append(JobStatus(name, tuple(ways), last, code, summary, orphan=why))
    return out


def units_of(project: Project, name: str) -> tuple[str, ...]:
    """Return what the schedules of a job of this project go by, also of one that is not in the settings any more.

    `name` may be the unit of a project that is gone. () where there is no such job and no such schedule.
    """
    folder = project.folder.resolve()
    own = unit_name(name, folder)
    found = [one.unit for one in installed() if (one.folder == folder and one.job == name) or one.unit == name]
    return tuple(dict.fromkeys([*([own] if name in project.jobs else []), *found]))


def next_of(times: tuple[tuple[int, int], ...], now: int, timezone: str) -> int:
    """Return when the clocks of a time zone next show one of these times of day, in epoch ms."""
    here = local(now, timezone)
    days = (here, here + timedelta(days=1))
    moments = (day.replace(hour=hour, minute=minute, second=0, microsecond=0) for day in days for hour, minute in times)
    return round(min(moment for moment in moments if moment > here).timestamp() * 1000)


def _last(project: Project, name: str) -> tuple[int | None, int | None, str]:
    """Return when a job began last, its exit code (None while it runs, or when it was killed) and what its entry says."""
    if not project.store_path.is_file():
        return None, None, ""
    try:
        with closing(sqlite3.connect(f"{project.store_path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            row = db.execute(
                "SELECT started_at, exit_code, summary FROM runs WHERE command = ? ORDER BY run DESC LIMIT 1", (f"run {name}",)
            ).fetchone()
    except sqlite3.Error:
        return None, None, ""
    return (row[0], row[1], row[2] or "") if row else (None, None, "")
