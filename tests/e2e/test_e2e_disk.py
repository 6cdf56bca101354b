"""What goes wrong on this machine: a full disk, a locked or read-only store, one that is gone or another. Nothing is lost."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.faulty import VICTIMS, Bench, digests, serving
from persync.connect import pull as engine
from persync.connect.result import PullResult
from persync.errors import StoreError
from persync.store import store as stores
from persync_hubspot import crm_readers

NAMES = ("mailchimp", "shopify", "hubspot")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with serving(tmp_path_factory.mktemp("disk")) as found:
        yield found


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crm_readers, "LIST_LIMIT", 6)


def said(result: PullResult) -> str:
    """Return the one thing that is said of the store."""
    (error,) = result.errors
    assert isinstance(error, StoreError)
    assert "\n" not in str(error)
    return str(error)


def at_page(number: int, act: Callable[[], None]) -> Callable[[Any], None]:
    """Return a watcher that does something once, when so many pages were written."""
    done: list[int] = []

    def watch(step: Any) -> None:
        if step.pages and not done and step.pages >= number:
            done.append(step.pages)
            act()

    return watch


def pull(bench: Bench, name: str, path: Path, watch: Callable[[Any], None]) -> PullResult:
    made = bench.connector(VICTIMS[name])
    options = engine.PullOptions(now=bench.now, streams=VICTIMS[name].streams)
    return engine.pull(path, [made], options, watch, clock=lambda: bench.now / 1000)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes: what a quota does. A store's own log is the first to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python would leave half of a module's bytecode behind.
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = written


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [40_000, 90_000, 150_000])
def test_a_disk_that_takes_no_more_keeps_every_page_that_was_committed(
    bench: Bench, tmp_path: Path, name: str, size: int
) -> None:
    peace, victim, path = bench.in_peace(name), VICTIMS[name], bench.store(tmp_path / "p.db")
    with files_of_at_most(size):
        full = bench.pull(victim, path)

    assert "disk" in said(full)
    assert full.exit_code == (3 if any(one.pages for one in full.streams) else 1)
    again = bench.pull(victim, path)
    assert again.exit_code == 0
    assert digests(path) == peace
    read = sum(one.pages for result in (full, again) for one in result.streams if one.stream == victim.stream)
    assert read == bench.calls[name], "no page that was committed is asked for again"


@pytest.mark.parametrize("room", [0, 2])
def test_a_store_that_cannot_grow_is_a_full_disk(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """`room`: so many pages of SQLite's more, then none."""
    path, whole, opened = bench.store(tmp_path / "p.db"), bench.store(tmp_path / "whole.db"), engine.open_store
    assert bench.pull(VICTIMS["mailchimp"], whole, streams=()).exit_code == 0

    def cramped(where: Path, **options: Any) -> stores.Store:
        store = opened(where, **options)
        (pages,) = store.db.execute("PRAGMA page_count").fetchone()
        store.db.execute(f"PRAGMA max_page_count = {pages + room}")
        return store

    monkeypatch.setattr(engine, "open_store", cramped)
    full = bench.pull(VICTIMS["mailchimp"], path, streams=())
    monkeypatch.setattr(engine, "open_store", opened)

    assert (full.exit_code, "no room left on the disk" in said(full)) == (3, True)
    assert bench.pull(VICTIMS["mailchimp"], path, streams=()).exit_code == 0
    assert digests(path) == digests(whole)


def limited(folder: Path, size: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a limit to the size of a file: what a quota does."""
    return subprocess.run(
        [sys.executable, "-m", "persync.cli", "--project", str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={"PYTHONDONTWRITEBYTECODE": "1"}
        | {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


def test_a_quota_ends_a_pull_with_one_line_and_a_later_one_has_it_all(bench: Bench) -> None:
    folder, store = bench.folder, bench.folder / "persync.db"
    bench.store(store)

    stopped = limited(folder, 150_000, "--quiet", "pull", "shopify", "--stream", "shop", "--stream", "customers")

    assert stopped.returncode in (1, 3), stopped.stderr
    assert len(stopped.stderr.strip().splitlines()) == 1, stopped.stderr
    assert "disk" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert bench.pull(VICTIMS["shopify"], store, streams=("shop", "customers")).exit_code == 0
    assert digests(store) == bench.in_peace("shopify")


@pytest.mark.parametrize("share", [0.02, 0.9])
def test_a_report_that_the_disk_has_no_room_for_is_one_line_and_half_of_it_is_not_left(bench: Bench, share: float) -> None:
    store, out, whole = (bench.folder / name for name in ("persync.db", "report.html", "whole.html"))
    if not store.exists():
        bench.store(store)
    before = digests(store)
    assert limited(bench.folder, 10**9, "--quiet", "report", "--out", str(whole)).returncode == 0

    stopped = limited(bench.folder, int(whole.stat().st_size * share), "--quiet", "report", "--out", str(out))

    assert stopped.returncode == 1, stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert len(stopped.stderr.strip().splitlines()) == 1, stopped.stderr
    assert not out.exists()
    assert digests(store) == before
    shutil.rmtree(store.with_suffix(".mirror"), ignore_errors=True)


def holding(path: Path, how: str) -> sqlite3.Connection:
    """Hold the store as another program does."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute(f"BEGIN {how}")
    return other


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_store_that_another_program_locks_for_long_is_said_and_loses_nothing(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, how: str
) -> None:
    peace, path, held = bench.in_peace(name), bench.store(tmp_path / "p.db"), list[sqlite3.Connection]()
    monkeypatch.setattr(stores, "BUSY_MS", 20)

    stopped = pull(bench, name, path, at_page(2, lambda: held.append(holding(path, how))))

    with closing(held[0]) as other:
        other.execute("ROLLBACK")
    assert (stopped.exit_code, "is locked by another program" in said(stopped)) == (3, True)
    assert bench.pull(VICTIMS[name], path).exit_code == 0
    assert digests(path) == peace


def test_a_store_that_is_locked_for_a_moment_is_waited_for(bench: Bench, tmp_path: Path) -> None:
    peace, path, timers = bench.in_peace("hubspot"), bench.store(tmp_path / "p.db"), list[threading.Timer]()

    def hold_for_a_moment() -> None:
        other = holding(path, "IMMEDIATE")

        def let_go() -> None:
            other.execute("ROLLBACK")
            other.close()

        timers.append(threading.Timer(0.05, let_go))
        timers[0].start()

    result = pull(bench, "hubspot", path, at_page(1, hold_for_a_moment))

    timers[0].join()
    assert result.exit_code == 0
    assert digests(path) == peace


def test_a_store_that_may_not_be_written_is_said(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, connect = bench.store(tmp_path / "p.db"), sqlite3.connect
    digests(path)

    def only_reading(where: Path, **options: Any) -> sqlite3.Connection:
        return connect(f"{Path(where).resolve().as_uri()}?mode=ro", uri=True, **options)

    monkeypatch.setattr(stores.sqlite3, "connect", only_reading)
    result = bench.pull(VICTIMS["shopify"], path)
    monkeypatch.setattr(stores.sqlite3, "connect", connect)

    assert (result.exit_code, "cannot write the store" in said(result)) == (1, True)
    assert bench.pull(VICTIMS["shopify"], path).exit_code == 0
    assert digests(path) == bench.in_peace("shopify")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("replaced", [False, True])
def test_a_store_that_is_taken_away_is_noticed_before_the_next_page(
    bench: Bench, tmp_path: Path, name: str, replaced: bool
) -> None:
    peace, path, other = bench.in_peace(name), bench.store(tmp_path / "p.db"), tmp_path / "other.db"
    backup = digests(bench.store(other))

    def take_away() -> None:
        for end in ("", "-wal", "-shm"):
            Path(f"{path}{end}").unlink(missing_ok=True)
        if replaced:
            shutil.copy(other, path)

    stopped = pull(bench, name, path, at_page(2, take_away))

    assert stopped.exit_code == 3
    assert "was deleted, moved or replaced while it was open" in said(stopped)
    assert path.exists() is replaced
    if replaced:
        assert digests(path) == backup, "nothing was written into the one that took its place"
    else:
        shutil.copy(other, path)
    assert bench.pull(VICTIMS[name], path).exit_code == 0
    assert digests(path) == peace
