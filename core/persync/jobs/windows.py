"""Which days a part of a job looks at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from persync.settings.periods import day_start

if TYPE_CHECKING:
    from persync.measure.metric import Ask
    from persync.settings import Project
    from persync.settings.jobs import Dated


def last_days(now: int, days: int, timezone: str) -> tuple[int, int]:
    """Return the last so many whole days in a time zone as [from, to) in epoch ms."""
    today = local(now, timezone).date()
    return day_start(today - timedelta(days=days), timezone), day_start(today, timezone)


def local(now: int, timezone: str) -> datetime:
    """Return a moment (epoch ms) as the clocks of a time zone show it."""
    return datetime.fromtimestamp(now / 1000, ZoneInfo(timezone))


def asked(project: Project, dated: Dated, now: int, **more: Any) -> Ask:
    """Return the question of a part of a job: its `period`, its last `days`, or all that there is."""
    period: str | tuple[int, int] | None = dated.period
    if dated.days is not None:
        period = last_days(now, dated.days, project.timezone)
    return project.ask(now, period, **more)
