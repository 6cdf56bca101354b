"""The few numbers of a message: over the last days, with their interval, and how they stood in as many days before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from persync.errors import PersyncError
from persync.hookspecs import Number
from persync.jobs.checking import own
from persync.jobs.windows import last_days
from persync.report import words

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.estimate import Estimate
    from persync.measure.metric import Metric
    from persync.plugins import Host
    from persync.settings import JobTable, Project


def numbers_of(host: Host, project: Project, engine: Engine, job: JobTable, now: int) -> tuple[Number, ...]:
    """Return the job's numbers. One that cannot be worked out says why."""
    return tuple(_number(host.metrics[id], project, engine, job, now) for id in job.numbers)


def _number(metric: Metric, project: Project, engine: Engine, job: JobTable, now: int) -> Number:
    try:
        found = _whole(metric, project, engine, job, now, before=0)
    except PersyncError as error:
        return Number(metric.title, f"not known: {error.what}")
    if found is None:
        return Number(metric.title, "not known: there is nothing to count")
    try:
        earlier = _whole(metric, project, engine, job, now, before=1)
    except PersyncError:
        earlier = None
    change = change_in_words(found, earlier, job.days)
    title = f"{metric.title} ({', '.join(found.by.values())})" if found.by else metric.title
    return Number(title, words.value(found), words.interval(found), change, replace(found, note=""))


def _whole(metric: Metric, project: Project, engine: Engine, job: JobTable, now: int, *, before: int) -> Estimate | None:
    """Return the metric as one number: the estimate of the fewest dimensions, the first of those."""
    period = last_days(now, job.days, project.timezone, before=before)
    return min(own(metric.id, metric.compute(engine, project.ask(now, period))), key=lambda one: len(one.by), default=None)


def change_in_words(now: Estimate, before: Estimate | None, days: int) -> str:
    """Say how a number moved; only where the intervals of both lie apart, or there are none, is a direction told."""
    if before is None or now.value is None or before.value is None or now.unit != before.unit:
        return ""
    span = "the day before" if days == 1 else f"the {days} days before"
    was = words.value(before)
    if now.value == before.value:
        return f"as in {span}"
    between = (now.low, now.high, before.low, before.high)
    if None not in between and now.low <= before.high and before.low <= now.high:  # type: ignore[operator]
        return f"not clearly other than {was} in {span}"
    return f"{'up' if now.value > before.value else 'down'} from {was} in {span}"
