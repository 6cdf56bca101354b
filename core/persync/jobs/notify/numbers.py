"""The few numbers of a message: over the last days, with their interval, and how they stood in as many days before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from persync.errors import RAISED, PersyncError, reason_of
from persync.hookspecs import Number
from persync.jobs.checking import own
from persync.jobs.notify.reach import Reach, Spans, spans
from persync.jobs.windows import last_days
from persync.measure import rules
from persync.report import words

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.estimate import Estimate
    from persync.jobs.running import Run
    from persync.measure.metric import Metric


def numbers_of(run: Run, engine: Engine, reach: Reach | None) -> tuple[tuple[Number, ...], bool]:
    """Return the job's numbers, each of the last days that it can be told of, and whether all had to go back to earlier days.

    One that cannot be worked out says why.
    """
    days = spans(run, reach)
    told = [_number(run, engine, run.host.metrics[id], days) for id in run.job.numbers]
    return tuple(number for number, _ in told), all(is_earlier for _, is_earlier in told)


def _number(run: Run, engine: Engine, metric: Metric, days: Spans) -> tuple[Number, bool]:
    """Return a number, and whether it is of earlier days than the last."""
    timezone = run.project.timezone
    try:
        period, found = _told(run, engine, metric, days)
        if found is None:
            return Number(metric.title, "not known: there is nothing to count"), False
        title = f"{metric.title} ({', '.join(found.by.values())})" if found.by else metric.title
        is_earlier = period != last_days(run.now, run.job.days, timezone)
        if is_earlier:
            title += f", {words.period(period, timezone)}"
        number = Number(title, words.value(found), words.interval(found), "", replace(found, note=""))
    except RAISED as error:  # a stranger's metric may fail in any way
        return Number(metric.title, f"not known: {error.what if isinstance(error, PersyncError) else reason_of(error)}"), False
    try:
        before = last_days(period[0], run.job.days, timezone)
        number = replace(number, change=change_in_words(found, _whole(run, engine, metric, before), run.job.days))
    except RAISED:
        pass  # how it stood before is not known
    return number, is_earlier


def _told(run: Run, engine: Engine, metric: Metric, days: Spans) -> tuple[tuple[int, int], Estimate | None]:
    """Return a metric and the days that it is of: the last, but earlier ones where there was nothing to count in those, or
    where it is not known yet what came of it."""
    period, found = first = days.latest, _whole(run, engine, metric, days.latest)
    for reason, earlier in ((rules.NO_DENOMINATOR, days.mailed), (rules.IMMATURE, days.settled)):
        why = rules.NO_DENOMINATOR if found is None else found.reason
        if (found is None or found.value is None) and why == reason and earlier != period:
            period, found = earlier, _whole(run, engine, metric, earlier)
    return first if found is None or found.value is None else (period, found)


def _whole(run: Run, engine: Engine, metric: Metric, period: tuple[int, int]) -> Estimate | None:
    """Return the metric as one number: the estimate of the fewest dimensions, the first of those."""
    estimates = own(metric.id, metric.compute(engine, run.project.ask(run.now, period)))
    return min(estimates, key=lambda one: len(one.by), default=None)


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
