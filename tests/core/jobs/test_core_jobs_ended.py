"""A job that is ended from outside, or whose reader is gone: it still reports, and says how it ended."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from persync.cli.scheduled import outcome
from persync.connect.interrupts import Interrupts
from persync.estimate import Estimate
from persync.jobs.run import run_job
from persync.jobs.schedule.status import status_of
from persync.measure.metric import Metric
from persync.plugins import Host, load_plugins
from persync.report.report import Table
from persync.serve.diary import log_blocks
from persync.serve.site import Site
from persync.settings import JobCheck, JobTable, Project, load_project
from persync.store.locks import hold_all, owner
from persync.store.log import begin_run
from persync.store.store import open_store
from sinks import http_sink

NOW = 1_750_000_000_000
FILES = '[connections.own]\nconnector = "files"\nfiles = [{ kind = "outcomes", path = "visits.csv" }]\n'


def project(folder: Path, *, text: str = "") -> Project:
    (folder / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    (folder / "persync.toml").write_text(FILES + text)
    return load_project(folder, load_plugins(installed=False))


def runs(project: Project) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(project.store_path)) as db:
        return db.execute("SELECT exit_code, summary, ended_at FROM runs WHERE command = 'run nightly' ORDER BY run").fetchall()


def ended_by(number: int, *, swallowed: bool) -> Metric:
    """Return a metric in the middle of which a signal comes, and perhaps goes for a failure of its own."""

    def compute(engine: object, ask: object) -> Sequence[Estimate]:
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            if not swallowed:
                raise
            raise RuntimeError("query interrupted") from None
        return [Estimate("sales", 1)]

    return Metric("sales", "sales", "", "", "count", compute)


@pytest.mark.parametrize("swallowed", [False, True])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_a_job_computes_ends_it_with_its_ping_and_its_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int, swallowed: bool
) -> None:
    home, host = project(tmp_path), load_plugins(installed=False)
    monkeypatch.setattr(Host, "metrics", property(lambda self: {"sales": ended_by(number, swallowed=swallowed)}))
    ticks = iter([0.0, *[7.5] * 9])
    with http_sink() as calls:
        monkeypatch.setenv("NIGHTLY_PING", f"{calls.url}/ping")
        job = JobTable(checks=[JobCheck(metric="sales", min=0)], ping="NIGHTLY_PING")

        with pytest.raises(KeyboardInterrupt) as caught:
            run_job(host, home, "nightly", job, now=NOW, wait=0, say=lambda line: None, timer=lambda: next(ticks))

    assert (caught.value.args, calls.paths) == ((number,), ["/ping/start", f"/ping/{code}"])
    assert [(exit_code, ended) for exit_code, _, ended in runs(home)] == [(code, NOW + 7500)]
    assert owner(home.store_path, "job nightly") is None
    (shown,) = [one for one in status_of(load_with_job(tmp_path), now=NOW) if one.job == "nightly"]
    assert outcome(shown) == f"interrupted ({code})"


def load_with_job(folder: Path) -> Project:
    return project(folder, text="[jobs.nightly]\n")


def test_a_signal_that_comes_while_a_job_says_how_it_ended_lets_it_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, host = project(tmp_path), load_plugins(installed=False)
    told: list[int] = []

    def end(self: object, code: int) -> None:
        signal.raise_signal(signal.SIGTERM)
        told.append(code)

    monkeypatch.setattr("persync.jobs.ping.Switch.end", end)

    code = run_job(host, home, "nightly", JobTable(), now=NOW, wait=0, say=lambda line: None)

    assert (code, told, [one[:2] for one in runs(home)]) == (0, [0], [(0, "ok")])


def test_the_live_page_tells_a_run_that_was_killed_from_one_that_is_under_way(tmp_path: Path) -> None:
    """A run holds its lock to the end. That some process has its number, or that its machine is not this one, says nothing."""
    home = project(tmp_path)
    me, here, lost = os.getpid(), socket.gethostname(), "it never came to its end"
    entries = [
        ("run nightly", me, "called otherwise", None, ("was killed", lost)),
        ("run nightly", 7, here, "killed", ("was killed", lost)),
        ("run nightly", me, here, None, ("under way", "")),
        ("run weekly", me, here, None, ("was killed", lost)),
        ("pull nightly", me, here, None, ("was killed", lost)),
        ("pull own shop", me, here, None, ("under way", "")),
        ("run nightly: pull own shop", me, here, None, ("under way", "")),
    ]
    with open_store(home.store_path, create=True) as store:
        for command, pid, host, summary, _ in entries:
            run = begin_run(store, command, now=NOW)
            store.db.execute("UPDATE runs SET pid = ?, host = ?, summary = ? WHERE run = ?", (pid, host, summary, run))
        store.db.commit()

    with hold_all(home.store_path, ["job nightly", "own shop"]):
        shown = log_blocks(cast(Site, SimpleNamespace(project=home)))[0]

    assert isinstance(shown, Table)
    assert [row[3:] for row in reversed(shown.rows)] == [(None, *expected) for *_, expected in entries]


def test_of_two_blocks_the_inner_one_has_the_signals_and_the_outer_one_has_them_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Interrupts() as outer:
        with pytest.raises(KeyboardInterrupt), Interrupts() as inner, inner.held():
            signal.raise_signal(signal.SIGTERM)
            written = True
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    assert (written, inner.number, outer.number) == (True, signal.SIGTERM, signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_job_whose_reader_is_gone_goes_on_and_ends_as_usual(tmp_path: Path) -> None:
    job = '[jobs.nightly]\nping = "NIGHTLY_PING"\nexport = [{ table = "outcomes", out = "o.csv" }]\n'
    home = project(tmp_path, text=job)
    read, write = os.pipe()
    os.close(read)

    with http_sink() as calls:
        environment = {**os.environ, "NIGHTLY_PING": f"{calls.url}/ping"}
        command = [sys.executable, "-m", "persync.cli", "--project", str(tmp_path), "run", "nightly"]
        done = subprocess.run(command, env=environment, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)

    assert (done.returncode, calls.paths) == (0, ["/ping/start", "/ping"]), done.stderr
    assert ("Error" in done.stderr, (tmp_path / "o.csv").is_file()) == (False, True)
    assert [one[:2] for one in runs(home)] == [(0, "ok")]
