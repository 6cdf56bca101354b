"""Ctrl-C and SIGTERM whatever the pull is at: it ends between two pages, and the next one goes on there."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from crash.killing import Kill, Whole, judge, run, whole
from crash.vendors import Account, Answer, Line
from persync.store.locks import hold, lock_path
from persync.store.store import open_store
from support import table

ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143}
LONG = 3_600.0


@pytest.fixture(scope="module")
def mailchimp(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return whole("mailchimp paged", 11, tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def bulk(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return whole("shopify bulk", 11, tmp_path_factory.mktemp("whole"))


def fresh(known: Whole) -> Account:
    mine = known.account
    return Account(mine.mode, mine.world, mine.vendor.copied(), mine.connector)


@pytest.mark.parametrize("number", list(ENDS))
@pytest.mark.parametrize("call", [1, 12, 40, 90])
def test_a_pull_asked_to_end_does_and_the_next_one_asks_nothing_again(
    mailchimp: Whole, tmp_path: Path, call: int, number: signal.Signals
) -> None:
    kill = Kill("call", call, number=number)

    told = run(fresh(mailchimp), tmp_path / "once" / "s.db", kill)

    assert told.status == ENDS[number]
    assert judge(mailchimp, [kill], tmp_path / "twice") == ""


@pytest.mark.parametrize("kind", ["statement", "commit"])
def test_a_signal_in_the_middle_of_a_page_waits_for_its_end(mailchimp: Whole, tmp_path: Path, kind: str) -> None:
    """Wherever it comes in the transaction, the page is committed whole before the run ends."""
    for at in range(120, 1_000, 260):
        kill = Kill(kind, at if kind == "statement" else at // 5, number=signal.SIGINT)

        told = run(fresh(mailchimp), tmp_path / f"once{at}" / "s.db", kill)

        assert told.status == 130
        assert judge(mailchimp, [kill], tmp_path / f"twice{at}") == ""


@pytest.mark.parametrize("number", list(ENDS))
def test_a_call_that_is_never_answered_does_not_keep_a_pull_from_ending(
    mailchimp: Whole, tmp_path: Path, number: signal.Signals
) -> None:
    told = run(fresh(mailchimp), tmp_path / "s.db", Kill("hang", 20, number=number))

    assert (told.status, sum(told.asked.values())) == (ENDS[number], 20)


@pytest.mark.parametrize("number", list(ENDS))
def test_a_pull_that_waits_as_long_as_the_vendor_said_ends_when_asked_to(
    mailchimp: Whole, tmp_path: Path, number: signal.Signals
) -> None:
    mine = fresh(mailchimp)
    mine.vendor.ask = busy_at(15, mine.vendor.ask)  # type: ignore[method-assign]

    told = run(mine, tmp_path / "s.db", Kill("wait", 1, number=number))

    # Each of the threads may have begun to wait by then.
    assert told.status == ENDS[number]
    assert 1 <= told.waits <= mine.connector.workers


def busy_at(call: int, real: Callable[[httpx.Request], Answer]) -> Callable[[httpx.Request], Answer]:
    """Answer the call of this number, and all that come after it, with a Retry-After of an hour."""
    calls = 0

    def ask(request: httpx.Request) -> Answer:
        nonlocal calls
        calls += 1
        return real(request) if calls < call else (429, [(b"retry-after", b"3600")], b"{}")

    return ask


@pytest.mark.parametrize("number", list(ENDS))
def test_a_pull_that_waits_for_a_bulk_job_ends_when_asked_to(bulk: Whole, tmp_path: Path, number: signal.Signals) -> None:
    kill = Kill("wait", 1, number=number)

    told = run(fresh(bulk), tmp_path / "once" / "s.db", kill)

    assert (told.status, told.waits) == (ENDS[number], 1)
    assert judge(bulk, [kill], tmp_path / "twice") == ""


def test_a_pull_that_waits_for_another_run_ends_when_asked_to(mailchimp: Whole, tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    mine = fresh(mailchimp)

    with hold(store, "mailchimp"):
        told = run(mine, store, Kill("lock", 1, number=signal.SIGINT), wait=LONG)

    assert (told.status, told.asked) == (130, {})


def test_a_run_that_was_killed_is_noticed_by_the_next_one(mailchimp: Whole, tmp_path: Path) -> None:
    """Its lock names it although nobody holds it; the next run says so, and the log keeps it."""
    store = tmp_path / "s.db"
    mine = fresh(mailchimp)
    run(mine, store, Kill("call", 30))
    left = json.loads(lock_path(store, "mailchimp").read_text())

    told = mine.pulled(store, Line(mine.vendor))

    where = f"process {left['pid']} on {socket.gethostname()}"
    assert told.notes == [f"mailchimp: {where} was killed; this run goes on where it stopped."]
    assert table(store, "SELECT command, exit_code, summary FROM runs WHERE ended_at IS NULL") == [
        ("pull mailchimp", None, "killed")
    ]
    assert table(store, "SELECT run, detail FROM log WHERE event = 'run killed'") == [(1, "pull mailchimp")]
    assert lock_path(store, "mailchimp").read_text() == ""
    assert mine.pulled(store, Line(mine.vendor)).notes == []


def test_a_run_that_was_interrupted_leaves_its_end_in_the_log(mailchimp: Whole, tmp_path: Path) -> None:
    store = tmp_path / "s.db"

    run(fresh(mailchimp), store, Kill("call", 30, number=signal.SIGTERM))

    assert table(store, "SELECT command, exit_code FROM runs WHERE ended_at IS NOT NULL") == [("pull mailchimp", 143)]
    assert lock_path(store, "mailchimp").read_text() == ""
    with open_store(store) as opened:
        assert opened.integrity() == []
