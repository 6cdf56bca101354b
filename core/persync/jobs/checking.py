"""The checks of a job: which slices of a metric do not lie between the limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from persync.errors import RAISED, DataError, reason_of
from persync.jobs.windows import asked
from persync.report.words import exact, reason

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.estimate import Estimate
    from persync.jobs.running import Run
    from persync.settings import JobCheck


def run_checks(run: Run, engine: Engine) -> Iterator[tuple[str, str]]:
    """Yield (check, what is wrong with it) for every check of a job, "" where it holds.

    One that cannot be computed does not hold; a stranger's metric may fail in any way, and must not cost the others.
    """
    for check in run.job.checks:
        try:
            found = [f"{_slice(estimate)}{wrong}" for estimate, wrong in _checked(run, engine, check)]
        except RAISED as error:
            found = [f"could not be computed ({reason_of(error)})"]
        yield check.metric, "; ".join(found)


def _checked(run: Run, engine: Engine, check: JobCheck) -> Iterator[tuple[Estimate, str]]:
    """Yield every slice that is not between the limits. One whose value is not known has not passed, unless that was asked."""
    ask = asked(run.project, check, run.now, by=tuple(check.by))
    estimates = own(check.metric, run.host.metrics[check.metric].compute(engine, ask))
    if not estimates:
        raise DataError("there is nothing to check.")
    for estimate in estimates:
        wrong = outside(estimate, check)
        if wrong:
            yield estimate, wrong


def own(metric: str, estimates: Iterable[Estimate]) -> list[Estimate]:
    """Return a metric's estimates without what it tells beside them (medians, counts, tests), unless that is all it tells."""
    found = list(estimates)
    return [estimate for estimate in found if estimate.id == metric] or found


def outside(estimate: Estimate, check: JobCheck) -> str:
    """Say how an estimate fails a check, "" when it does not."""
    if estimate.value is None:
        return "" if check.unknown == "pass" else f"not known: {reason(estimate.reason)}"
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    # The end of the interval that decides: the far one to be sure, the near one where a possibility is enough.
    above, below = {"value": (estimate.value, estimate.value), "sure": (high, low), "possible": (low, high)}[check.fail_on]
    shown = exact(estimate, estimate.value)
    if check.fail_on != "value" and (estimate.low is not None or estimate.high is not None):
        shown += f" ({exact(estimate, low)} to {exact(estimate, high)})"
    verb = "may be" if check.fail_on == "possible" else "is"
    if check.min is not None and above < check.min:
        return f"{shown} {verb} below {exact(estimate, check.min)}"
    if check.max is not None and below > check.max:
        return f"{shown} {verb} above {exact(estimate, check.max)}"
    return ""


def _slice(estimate: Estimate) -> str:
    return f"{', '.join(estimate.by.values())}: " if estimate.by else ""
