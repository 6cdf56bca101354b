"""When each job ran last, how that went, and when it is due next."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from persync.jobs.schedule.install import installed
from persync.jobs.schedule.plan import plan_of, program

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


def status_of(project: Project, *, now: int) -> list[JobStatus]:
    """Return the standing of every job, in the order of the settings. Times of schedules are by this machine's clock."""
    out = []
    for name, job in project.jobs.items():
        plan = plan_of(name, job, project, program())
        by = tuple(installed(plan))
        last, code, summary = _last(project, name)
        due = next_of(plan.times, now) if by else None
        out.append(JobStatus(name, by, last, code, summary, due))
    return out


def next_of(times: tuple[tuple[int, int], ...], now: int) -> int:
    """Return when the machine's clock next shows one of these times of day, in epoch ms."""
    here = datetime.fromtimestamp(now / 1000).astimezone()
    naive = here.replace(tzinfo=None)
    days = (naive, naive + timedelta(days=1))
    moments = (day.replace(hour=hour, minute=minute, second=0, microsecond=0) for day in days for hour, minute in times)
    return round(min(moment for moment in moments if moment > naive).astimezone().timestamp() * 1000)


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
