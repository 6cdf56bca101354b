"""Several runs of one store at once, by the command itself, and Ctrl-C as a terminal sends it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.runs import Site, persync, serving
from persync.sandbox.demo import make_world

VENDORS = ("hubspot", "mailchimp", "shopify")
QUEUED = 8
"""calls that may be in flight or queued for the writer when a run ends: its threads, their queue and one being written"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(make_world(11, people=50), tmp_path_factory.mktemp("site")) as found:
        yield found


def digest(folder: Path) -> str:
    done = persync(folder, "verify", "--digest")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def sequential(site: Site, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, int]:
    """A project whose connections were pulled one after the other, its digest, and how many calls that took."""
    folder = site.project(tmp_path_factory.mktemp("sequential"))
    before = site.calls
    done = persync(folder, "pull", *VENDORS)
    assert done.returncode == 0, done.stderr
    return folder, digest(folder), site.calls - before


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "persync.cli", "--project", str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def keeping(site: Site, vendor: str, call: int) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Keep a vendor's answers from this call on until the second event is set; the first says that the call came."""
    came, answered = threading.Event(), threading.Event()
    calls = 0

    def kept(path: str) -> threading.Event | None:
        nonlocal calls
        if not path.startswith(f"/{vendor}/"):
            return None
        calls += 1
        if calls < call:
            return None
        came.set()
        return answered

    site.kept = kept
    try:
        yield came, answered
    finally:
        answered.set()
        site.kept = lambda path: None


def test_pulls_of_different_connections_run_side_by_side(site: Site, sequential: tuple[Path, str, int], tmp_path: Path) -> None:
    """Two pulls of a store that is not there yet, each in the middle of the other; who reads meanwhile sees what is there."""
    clean, known, calls = sequential
    folder = site.project(tmp_path / "both", key_from=clean)
    before = site.calls

    with keeping(site, "mailchimp", 30) as (came, answered):
        first = started(folder, "pull", "mailchimp")
        assert came.wait(60)
        second = persync(folder, "pull", "shopify", "hubspot")
        status = persync(folder, "status", "--format", "json")
        report = persync(folder, "report", "--format", "json")
        again = persync(folder, "pull", "mailchimp")
        waits = started(folder, "pull", "mailchimp", "--wait", "600")
        answered.set()
        ends = [one.communicate(timeout=300) for one in (first, waits)]

    assert (second.returncode, status.returncode, report.returncode) == (0, 0, 0), (second, status.stderr, report.stderr)
    owner = rf"another run holds 'mailchimp' \(process {first.pid} on \S+, for \d+ s\)\. Wait for it, or use --wait SECONDS\."
    assert again.returncode == 7
    assert re.search(owner, again.stderr), again.stderr
    assert (first.returncode, waits.returncode) == (0, 0), ends
    assert "0 rows changed" in ends[1][0]
    assert digest(folder) == known
    assert persync(folder, "verify").returncode == 0
    assert site.calls - before > calls


def test_two_pulls_that_make_the_store_together_make_one(site: Site, sequential: tuple[Path, str, int], tmp_path: Path) -> None:
    clean, known, _ = sequential
    folder = site.project(tmp_path / "fresh", key_from=clean)

    running = [started(folder, "pull", vendor) for vendor in VENDORS]
    ends = [one.communicate(timeout=300) for one in running]

    assert [one.returncode for one in running] == [0, 0, 0], ends
    assert digest(folder) == known


def test_a_killed_run_leaves_no_lock_and_the_next_one_says_so_crash(
    site: Site, sequential: tuple[Path, str, int], tmp_path: Path
) -> None:
    folder = site.project(tmp_path / "killed", key_from=sequential[0])
    with keeping(site, "mailchimp", 20) as (came, _):
        first = started(folder, "pull", "mailchimp")
        assert came.wait(60)
        first.kill()
        first.communicate()

    done = persync(folder, "pull", *VENDORS)

    assert done.returncode == 0, done.stderr
    assert re.search(rf"mailchimp: process {first.pid} on \S+ was killed; this run goes on where it stopped\.", done.stderr)
    assert digest(folder) == sequential[1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("share", [0.2, 0.7])
def test_an_interrupted_pull_says_how_to_go_on_and_does(
    site: Site, sequential: tuple[Path, str, int], tmp_path: Path, share: float, number: signal.Signals, code: int
) -> None:
    clean, known, calls = sequential
    folder = site.project(tmp_path / "ended", key_from=clean)
    before = site.calls
    process = started(folder, "pull", *VENDORS)

    def end(now: int) -> None:
        if now == before + int(share * calls):
            os.kill(process.pid, number)

    site.on_call = end
    try:
        out, err = process.communicate(timeout=120)
    finally:
        site.on_call = lambda now: None
    done = persync(folder, "pull", *VENDORS)

    assert process.returncode == code, err
    assert err.splitlines()[-1] == ("persync: interrupted; what was read is kept. The same command goes on where it stopped.")
    assert "Traceback" not in out + err
    assert done.returncode == 0, done.stderr
    assert digest(folder) == known
    assert site.calls - before - calls <= QUEUED
