"""Running a job: pull, check, report, under one lock, with one exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from persync.errors import EXIT_CHECK, EXIT_OK, EXIT_PARTIAL, SIGNALLED, ConfigError, DataError, PersyncError
from persync.jobs.pulling import failures, pull_project
from persync.jobs.report import make_report, write_text

if TYPE_CHECKING:
    from persync.connect.result import Watcher
    from persync.engine.engine import Engine
    from persync.estimate import Estimate
    from persync.plugins import Host
    from persync.settings import JobCheck, JobTable, Project

Say = Callable[[str], object]


def run_job(
    host: Host, project: Project, name: str, job: JobTable, *, now: int, wait: float, say: Say, watch: Watcher | None = None
) -> int:
    """Run a job and return its exit code: the worst of its steps. `say` gets one line a step.

    Raises ConnectionLockedError when the same job is running, ConfigError before anything is done when it checks a metric
    that there is not. Whatever a pull could not read, checks and report are made from what is there, unless nothing ever was.
    """
    from persync.engine import open_engine
    from persync.store.locks import hold

    refuse_unknown_metrics(host, project, name, job)
    codes = [EXIT_OK]
    with hold(project.store_path, f"job-{name}", wait=wait):
        codes.append(_pull(host, project, name, job, now=now, wait=wait, say=say, watch=watch))
        if codes[-1] > SIGNALLED or not project.store_path.exists():
            return codes[-1]
        if job.checks or job.report:
            with closing(open_engine(project.store_path, engines=host.engines)) as engine:
                codes += _checks(host, project, engine, job, now=now, say=say)
                codes += _reports(host, project, engine, job, now=now, say=say)
    return worst(codes)


def refuse_unknown_metrics(host: Host, project: Project, name: str, job: JobTable) -> None:
    """Raise ConfigError with the nearest metric when a check of the job names one that there is not."""
    from persync.plugins import find
    from persync.settings import FILE

    for check in job.checks:
        try:
            find("metric", check.metric, host.metrics)
        except ConfigError as error:
            raise error.at(f"{project.folder / FILE}, [jobs.{name}] checks") from None


def worst(codes: list[int]) -> int:
    """Return the exit code that says most: an interruption, then a real error, then a failed check, then partial, then ok."""
    order = [EXIT_OK, EXIT_PARTIAL, EXIT_CHECK]
    return max(codes, key=lambda code: (code > SIGNALLED, order.index(code) if code in order else len(order), -code))


def _pull(
    host: Host, project: Project, name: str, job: JobTable, *, now: int, wait: float, say: Say, watch: Watcher | None
) -> int:
    from persync.connect.result import PullOptions

    names = () if job.pull == "all" else job.pull
    options = PullOptions(now=now, wait=wait, command=f"run {name}: pull")
    result = pull_project(host, project, names, options, watch)
    rejects = sum(one.rejects for one in result.streams)
    say(f"pull: {result.changed:,} rows changed" + (f", {rejects:,} records rejected" if rejects else ""))
    for note in result.notes:
        say(note)
    for line in failures(result):
        say(f"pull failed: {line}")
    if result.interrupted:
        say(f"interrupted; what was read is kept: `persync run {name}` goes on where it stopped")
    return result.exit_code


def _checks(host: Host, project: Project, engine: Engine, job: JobTable, *, now: int, say: Say) -> Iterator[int]:
    for check in job.checks:
        try:
            found = [f"{_slice(estimate)}{wrong}" for estimate, wrong in _checked(host, project, engine, check, now)]
        except PersyncError as error:
            found = [str(error)]
        say(f"check {check.metric}: {'; '.join(found) if found else 'ok'}")
        yield EXIT_CHECK if found else EXIT_OK


def _checked(host: Host, project: Project, engine: Engine, check: JobCheck, now: int) -> Iterator[tuple[Estimate, str]]:
    """Yield every slice that is not between the limits. One whose value is not known has not passed."""
    estimates = list(host.metrics[check.metric].compute(engine, project.ask(now, check.period, by=tuple(check.by))))
    if not estimates:
        raise DataError("there is nothing to check.")
    for estimate in estimates:
        if estimate.value is None:
            yield estimate, f"not known ({estimate.reason})"
        elif check.min is not None and estimate.value < check.min:
            yield estimate, f"{estimate.value:g} is below {check.min:g}"
        elif check.max is not None and estimate.value > check.max:
            yield estimate, f"{estimate.value:g} is above {check.max:g}"


def _slice(estimate: Estimate) -> str:
    return f"{', '.join(estimate.by.values())}: " if estimate.by else ""


def _reports(host: Host, project: Project, engine: Engine, job: JobTable, *, now: int, say: Say) -> Iterator[int]:
    for wanted in job.report:
        path = project.folder / wanted.out
        try:
            text, failed = make_report(host, project, engine, project.ask(now, wanted.period), wanted.format)
            write_text(path, text)
        except PersyncError as error:
            say(f"report failed: {error}")
            yield error.exit_code
            continue
        missing = f", without {', '.join(str(section['section']) for section in failed)}" if failed else ""
        say(f"report: {path}{missing}")
        yield EXIT_PARTIAL if failed else EXIT_OK
