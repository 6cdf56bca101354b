"""kill -9 at any moment: the next pull goes on, nothing lost, nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.runs import Site, persync

MOMENTS = 4
"""by the command itself, over real sockets; tests/crash has every commit and many more kills of each connector"""


def pulling(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "persync.cli", "--project", str(folder), "--quiet", "pull"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def digest(folder: Path) -> str:
    done = persync(folder, "verify", "--digest")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def undisturbed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, int]:
    folder = site.project(tmp_path_factory.mktemp("undisturbed"))
    before = site.calls
    done = persync(folder, "pull")
    assert done.returncode == 0, done.stderr
    return folder, digest(folder), site.calls - before


def test_pull_and_pull_again_changes_nothing(site: Site, undisturbed: tuple[Path, str, int]) -> None:
    folder, known, _ = undisturbed

    done = persync(folder, "pull")

    assert done.returncode == 0, done.stderr
    assert "0 rows changed" in (done.stdout + done.stderr).splitlines()[-1]
    assert digest(folder) == known


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_killed_pull_ends_as_an_undisturbed_one_crash(
    site: Site, undisturbed: tuple[Path, str, int], tmp_path: Path, moment: int
) -> None:
    clean, known, calls = undisturbed
    folder = site.project(tmp_path / "killed", key_from=clean)
    # Moments spread over the whole pull, at a call's arrival: some pages are in flight, some queued, some being written.
    kill_at = site.calls + max(1, (2 * moment + 1) * calls // (2 * MOMENTS))
    process = pulling(folder)

    def kill(number: int) -> None:
        if number >= kill_at:
            os.kill(process.pid, signal.SIGKILL)

    site.on_call = kill
    try:
        assert process.wait(120) == -signal.SIGKILL
    finally:
        site.on_call = lambda number: None

    done = persync(folder, "pull")

    assert done.returncode == 0, done.stderr
    assert digest(folder) == known
    assert persync(folder, "verify").returncode == 0
