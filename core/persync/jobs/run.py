"""Running a job: pull, check, write, tell, under one lock, with one exit code."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from persync.errors import EXIT_CHECK, EXIT_ERROR, EXIT_OK, EXIT_PARTIAL, SIGNALLED, ConfigError, PersyncError, nearest
from persync.jobs.pulling import failures, pull_project

if TYPE_CHECKING:
    from persync.connect.result import Watcher
    from persync.engine.engine import Engine
    from persync.hookspecs import Message
    from persync.jobs.state import State
    from persync.plugins import Host
    from persync.settings import JobTable, Project

Say = Callable[[str], object]


@dataclass(slots=True)
class Outcome:
    """How a run went: the exit codes of its steps, the checks that did not hold, and what failed, in one sentence each."""

    codes: list[int] = field(default_factory=lambda: [EXIT_OK])
    failing: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    messages: list[tuple[str, Message]] = field(default_factory=list)
    """(channel, what it is to be told)"""

    @property
    def code(self) -> int:
        """The exit code of the run."""
        return worst(self.codes)


def run_job(
    host: Host,
    project: Project,
    name: str,
    job: JobTable,
    *,
    now: int,
    wait: float | None,
    say: Say,
    watch: Watcher | None = None,
) -> int:
    """Run a job and return its exit code: the worst of its steps. `say` gets one line a step; `wait` None is the job's own.

    Raises ConnectionLockedError when the same job is running, ConfigError before anything is done when it names a metric,
    connection, section or channel that there is not. Whatever a pull could not read, checks and files are made from what is
    there, unless nothing ever was. A second run on the same day with nothing new writes nothing and tells nobody again.
    """
    from persync.jobs.ping import Switch
    from persync.jobs.record import Record
    from persync.jobs.state import read_state, state_path, write_state
    from persync.store.locks import hold

    refuse_unknown(host, project, name, job)
    patience = job.wait if wait is None else wait
    with hold(project.store_path, f"job-{name}", wait=patience) as killed:
        switch = Switch(project, name, job, say)
        switch.start()
        record = Record(project.store_path, f"run {name}", now=now, killed=killed)
        done = Outcome()
        code = EXIT_ERROR  # unless it comes to its end
        try:
            state = read_state(state_path(project, name))
            _steps(host, project, name, job, state, done, now=now, wait=patience, say=say, watch=watch)
            done.codes += _tell(host, project, state, done, now=now, say=say)
            if project.store_path.exists() and done.code <= SIGNALLED:
                write_state(state_path(project, name), state)
            code = done.code
        except KeyboardInterrupt as stop:
            code = SIGNALLED + (stop.args[0] if stop.args else signal.SIGINT)
            raise
        finally:
            switch.end(code)
            record.end(code, done)
    return code


def refuse_unknown(host: Host, project: Project, name: str, job: JobTable) -> None:
    """Raise ConfigError with the nearest right word when a job names something that there is not."""
    from persync.plugins import find
    from persync.settings import FILE

    def known(kind: str, word: str, among: object, part: str) -> None:
        try:
            find(kind, word, among)  # type: ignore[arg-type]
        except ConfigError as error:
            raise error.at(f"{project.folder / FILE}, [jobs.{name}] {part}") from None

    for check in job.checks:
        known("metric", check.metric, host.metrics, "checks")
    for export in job.export:
        known("metric", export.metric, host.metrics, "export")
    for number in job.numbers if job.notify else ():
        known("metric", number, host.metrics, "numbers")
    for report in job.report:
        for section in report.sections:
            known("report section", section, host.sections, "report")
    for connection in () if job.pull == "all" else job.pull:
        known("connection", connection, dict.fromkeys(project.names), "pull")
    for notice in job.notify:
        if not project.channels:
            raise ConfigError(
                f"there is no way to tell '{notice.to}'.",
                where=f"{project.folder / FILE}, [jobs.{name}] notify",
                hint=f"Add [notify.{notice.to}] with via = ... {nearest('', sorted(host.notifiers))}",
            )
        known("channel", notice.to, project.channels, "notify")


def worst(codes: list[int]) -> int:
    """Return the exit code that says most: an interruption, then a real error, then a failed check, then partial, then ok."""
    order = [EXIT_OK, EXIT_PARTIAL, EXIT_CHECK]
    return max(codes, key=lambda code: (code > SIGNALLED, order.index(code) if code in order else len(order), -code))


def _steps(
    host: Host,
    project: Project,
    name: str,
    job: JobTable,
    state: State,
    done: Outcome,
    *,
    now: int,
    wait: float,
    say: Say,
    watch: Watcher | None,
) -> None:
    """Pull, check and write; what goes wrong is in `done`. Then work out whom to tell what."""
    from persync.engine import open_engine
    from persync.jobs.notify.deciding import messages
    from persync.jobs.state import basis
    from persync.jobs.windows import local

    try:
        _pull(host, project, name, job, done, now=now, wait=wait, say=say, watch=watch)
    except PersyncError as error:
        done.codes.append(error.exit_code)
        done.failures.append(f"pull failed: {error}")
        say(f"pull failed: {error}")
    if done.code > SIGNALLED:
        return
    if not project.store_path.exists():
        done.messages = messages(host, project, None, name, job, state, done, now=now)
        return
    if not (job.checks or job.report or job.export or job.notify):
        return
    day = local(now, project.timezone).date().isoformat()
    try:
        _unhidden(project, name, now=now, say=say)
        made_from = basis(project, job, day)
        with closing(open_engine(project.store_path, engines=host.engines)) as engine:
            _check(host, project, engine, job, done, now=now, say=say)
            _write(host, project, engine, job, state, made_from, done, now=now, say=say)
            done.messages = messages(host, project, engine, name, job, state, done, now=now)
    except PersyncError as error:
        done.codes.append(error.exit_code)
        done.failures.append(str(error))
        say(f"failed: {error}")
        done.messages = messages(host, project, None, name, job, state, done, now=now)


def _unhidden(project: Project, name: str, *, now: int, say: Say) -> None:
    """Say and log that the settings show small groups, where they do."""
    from persync.store.log import note_small_groups
    from persync.store.store import open_store

    if shown := project.ask(now, frozen=False).small_groups:
        with open_store(project.store_path) as store:
            note_small_groups(store, f"run {name}", shown, now=now)
        say(f"small groups are not hidden: the answers show {shown}. People may be recognised")


def _pull(
    host: Host,
    project: Project,
    name: str,
    job: JobTable,
    done: Outcome,
    *,
    now: int,
    wait: float,
    say: Say,
    watch: Watcher | None,
) -> None:
    from persync.connect.result import PullOptions

    names = () if job.pull == "all" else job.pull
    options = PullOptions(now=now, wait=wait, lookback_days=job.lookback_days, command=f"run {name}: pull")
    result = pull_project(host, project, names, options, watch)
    rejects = sum(one.rejects for one in result.streams)
    say(f"pull: {result.changed:,} rows changed" + (f", {rejects:,} records rejected" if rejects else ""))
    for note in result.notes:
        say(note)
    for line in failures(result):
        say(f"pull failed: {line}")
        done.failures.append(f"pull failed: {line}")
    if result.interrupted:
        say(f"interrupted; what was read is kept: `persync run {name}` goes on where it stopped")
    done.codes.append(result.exit_code)


def _check(host: Host, project: Project, engine: Engine, job: JobTable, done: Outcome, *, now: int, say: Say) -> None:
    from persync.jobs.checking import run_checks

    for metric, wrong in run_checks(host, project, engine, job, now=now):
        say(f"check {metric}: {wrong or 'ok'}")
        if wrong:
            done.codes.append(EXIT_CHECK)
            done.failing[metric] = f"{done.failing[metric]}; {wrong}" if metric in done.failing else wrong


def _write(
    host: Host, project: Project, engine: Engine, job: JobTable, state: State, basis: str, done: Outcome, *, now: int, say: Say
) -> None:
    from persync.jobs.outputs import write_outputs

    def told(line: str) -> None:
        say(line)
        if " failed: " in line:
            done.failures.append(line)

    done.codes += write_outputs(host, project, engine, job, state, basis, now=now, say=told)


def _tell(host: Host, project: Project, state: State, done: Outcome, *, now: int, say: Say) -> Iterator[int]:
    from persync.jobs.notify.sending import send_all

    yield from send_all(host, project, state, done.messages, now=now, say=say)
