"""Running a job: pull, check, write, tell, under one lock, with one exit code."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from persync.errors import EXIT_CHECK, EXIT_ERROR, EXIT_OK, SIGNALLED, PersyncError, StoreError
from persync.jobs.names import known_parts
from persync.jobs.pulling import failures, pull_project
from persync.jobs.running import Outcome, Run, Say

if TYPE_CHECKING:
    from persync.connect.result import Watcher
    from persync.engine.engine import Engine
    from persync.jobs.state import State
    from persync.plugins import Host
    from persync.settings import JobTable, Project


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
    timer: Callable[[], float] = time.monotonic,
) -> int:
    """Run a job and return its exit code: the worst of its steps. `say` gets one line a step; `wait` None is the job's own.

    Raises ConnectionLockedError when the same job is running. What it names in vain (a metric, connection, section or channel)
    is said first and makes the exit code that of wrong settings; the rest goes on, as after anything that fails. Whatever a
    pull could not read, checks and files are made from what is there, unless nothing ever was. A second run on the same day
    with nothing new writes nothing and tells nobody again. SIGINT and SIGTERM end it, between two pages of a pull and else at
    once by KeyboardInterrupt with their number; the dead-man switch and the run log have its exit code.
    """
    from persync.connect.interrupts import Interrupts
    from persync.jobs.notify.sending import Sender
    from persync.jobs.ping import Switch
    from persync.jobs.record import Record
    from persync.jobs.state import read_state, state_path
    from persync.store.locks import hold

    patience = job.wait if wait is None else wait
    run = Run(host, project, name, job, now, say, patience, watch, timer, timer())
    with Interrupts() as interrupts, hold(project.store_path, f"job {name}", wait=patience) as killed:
        switch = Switch(project, name, job, say)
        record = Record(project.store_path, f"run {name}", now=now)
        done = Outcome()
        code = EXIT_ERROR  # unless it comes to its end
        try:
            switch.start()
            with interrupts.held():
                record.begin(killed)
            kept, errors = known_parts(host, project, name, job)
            run = replace(run, job=kept)
            for error in errors:
                done.fail(error, say)
            state, lost = read_state(state_path(project, name))
            for line in lost:
                say(line)
            done.notes += lost
            sender = Sender(run, state, done)
            sender.waiting()
            _steps(run, state, done)
            interrupts.check()  # what caught it on the way may have taken it for a failure of a section
            if done.code <= SIGNALLED:
                sender.tell(done.messages)
            code = done.code
        except KeyboardInterrupt as stop:
            number = interrupts.number or (stop.args[0] if stop.args else signal.SIGINT)
            code = SIGNALLED + number
            raise KeyboardInterrupt(number) from None
        finally:
            with interrupts.ending():
                switch.end(code)
                record.end(code, done, now=run.moment)
    return code


def _steps(run: Run, state: State, done: Outcome) -> None:
    """Pull, check and write; what goes wrong is in `done`. Then work out whom to tell what."""
    from persync.engine import open_engine
    from persync.jobs.notify.deciding import messages
    from persync.jobs.outputs import write_outputs
    from persync.jobs.state import basis

    job, project = run.job, run.project
    try:
        _pull(run, done)
    except PersyncError as error:
        done.fail(error, run.say, "pull failed")
    if done.code > SIGNALLED or not (job.checks or job.report or job.export or job.notify):
        return
    try:
        if not project.store_path.exists():
            if done.code == EXIT_OK:
                raise StoreError("there is no store yet.", where=str(project.store_path), hint="Pull something first.")
            done.messages = messages(run, None, state, done)
            return
        _unhidden(run)
        made_from = basis(run)
        with closing(open_engine(project.store_path, engines=run.host.engines)) as engine:
            _check(run, engine, done)
            write_outputs(run, engine, state, made_from, done)
            done.messages = messages(run, engine, state, done)
    except PersyncError as error:
        done.fail(error, run.say)
        done.messages = messages(run, None, state, done)


def _unhidden(run: Run) -> None:
    """Say and log that the settings show small groups, where they do."""
    from persync.store.log import note_small_groups
    from persync.store.store import open_store

    if shown := run.project.ask(run.now, frozen=False).small_groups:
        with open_store(run.project.store_path) as store:
            note_small_groups(store, f"run {run.name}", shown, now=run.now)
        run.say(f"small groups are not hidden: the answers show {shown}. People may be recognised")


def _pull(run: Run, done: Outcome) -> None:
    from persync.connect.result import PullOptions

    if not run.job.pull:
        if not done.failures:  # of what was asked for in vain has been told
            run.say("pull: nothing is asked for")
        return
    names = () if run.job.pull == "all" else run.job.pull
    options = PullOptions(now=run.now, wait=run.wait, lookback_days=run.job.lookback_days, command=f"run {run.name}: pull")
    result = pull_project(run.host, run.project, names, options, run.watch)
    rejects = sum(one.rejects for one in result.streams)
    run.say(f"pull: {result.changed:,} rows changed" + (f", {rejects:,} records rejected" if rejects else ""))
    for note in result.notes:
        run.say(note)
    for line in failures(result):
        run.say(f"pull failed: {line}")
        done.failures.append(f"pull failed: {line}")
    if result.interrupted:
        run.say(f"interrupted; what was read is kept: `persync run {run.name}` goes on where it stopped")
    done.codes.append(result.exit_code)


def _check(run: Run, engine: Engine, done: Outcome) -> None:
    from persync.jobs.checking import run_checks

    for metric, wrong in run_checks(run, engine):
        run.say(f"check {metric}: {wrong or 'ok'}")
        if wrong:
            done.codes.append(EXIT_CHECK)
            done.failing[metric] = f"{done.failing[metric]}; {wrong}" if metric in done.failing else wrong
