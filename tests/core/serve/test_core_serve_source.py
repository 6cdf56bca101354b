"""Where pages get their data, and what is kept of the answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from persync.engine import mirror
from persync.errors import StoreError
from persync.measure.metric import Ask
from persync.rows import Consent, Person
from persync.serve.answers import Answers
from persync.serve.filters import Filters
from persync.serve.snapshot import Snapshot
from persync.serve.source import EVERY_S, OLDEST_MS, Source
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

NOW = 1_700_000_000_000


class Clock:
    """A moment and a number of seconds that a test moves."""

    def __init__(self) -> None:
        self.ms, self.s = NOW, 0.0


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    agree(path, 10)
    return path


def agree(path: Path, people: int) -> None:
    """Have so many people agree to be written to."""
    with closing(open_store(path, create=True)) as opened:
        writer = Writer(opened, "mailchimp", "mailchimp", now=NOW)
        with opened.transaction():
            writer.write(
                [Consent(Person(("email", f"r{n}@example.com")), "email", "subscribed", changed_at=NOW) for n in range(people)]
            )
        derive(opened)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(store: Path, clock: Clock) -> Iterator[Source]:
    found = Source(store, clock=lambda: clock.ms, timer=lambda: clock.s)
    yield found
    found.close()


def agreed(snapshot: Snapshot) -> int:
    with snapshot.engine(Filters(), Ask(snapshot.now)) as (engine, _, _):
        return int(engine.rows("SELECT COUNT(*) AS n FROM consents AS c")[0]["n"])


def settled(source: Source) -> None:
    """Wait for a refresh that is under way."""
    with source._refreshing:
        pass


def test_a_page_has_the_rows_of_its_moment_though_the_store_has_more_by_then(source: Source, store: Path, clock: Clock) -> None:
    with source.snapshot() as first:
        assert agreed(first) == 10
        agree(store, 25)
        clock.s += 10 * EVERY_S
        with source.snapshot() as same:
            assert same is first, "the newer one is made behind its back"
        settled(source)
        with source.snapshot() as second:
            assert agreed(second) == 25
        assert agreed(first) == 10


def test_no_files_go_that_a_slow_page_still_reads(source: Source, store: Path, clock: Clock) -> None:
    with source.snapshot() as slow:
        for people in (20, 30, 40):
            agree(store, people)
            clock.s += 10 * EVERY_S
            with source.snapshot():
                pass
            settled(source)
        assert agreed(slow) == 10
    clock.s += 10 * EVERY_S
    with source.snapshot():
        pass
    settled(source)
    with source.snapshot() as newest:
        assert agreed(newest) == 40


def test_it_looks_again_only_after_a_while(source: Source, store: Path, clock: Clock) -> None:
    with source.snapshot() as first:
        pass
    agree(store, 25)
    clock.s += EVERY_S / 2
    with source.snapshot() as again:
        assert again is first
    settled(source)
    with source.snapshot() as still:
        assert still is first


def test_a_mirror_that_another_program_brought_up_to_date_is_seen_at_once(source: Source, store: Path) -> None:
    with source.snapshot() as first:
        pass
    agree(store, 25)
    mirror.refresh(store)
    with source.snapshot():
        pass
    settled(source)
    with source.snapshot() as second:
        assert second is not first
        assert agreed(second) == 25


def test_the_moment_moves_on_where_nothing_else_does(source: Source, clock: Clock) -> None:
    with source.snapshot() as first:
        assert first.now == NOW
    clock.ms += OLDEST_MS + 1
    clock.s += 10 * EVERY_S
    with source.snapshot():
        pass
    settled(source)
    with source.snapshot() as second:
        assert second.now == clock.ms


def test_a_store_that_went_away_leaves_the_last_pages_and_is_said(source: Source, store: Path, clock: Clock) -> None:
    with source.snapshot():
        pass
    store.rename(store.with_suffix(".gone"))
    clock.s += 10 * EVERY_S
    with source.snapshot():
        pass
    settled(source)

    with source.snapshot() as last:
        assert agreed(last) == 10
    assert "there is no store" in source.problem


def test_without_a_store_there_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"), Source(tmp_path / "none.db").snapshot():
        pass


def test_a_reader_holds_up_no_writer(source: Source, store: Path) -> None:
    with source.snapshot() as snapshot:
        agree(store, 25)
        assert agreed(snapshot) == 10


def test_an_answer_is_made_once_for_all_who_ask_at_the_same_time() -> None:
    answers, made, begun = Answers(), [], threading.Event()
    found: list[str] = []

    def make() -> str:
        made.append(1)
        begun.wait(10)
        return "answer"

    threads = [threading.Thread(target=lambda: found.append(answers.get(1, "key", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    begun.set()
    for thread in threads:
        thread.join()

    assert (found, made) == (["answer"] * 8, [1])


def test_an_answer_is_forgotten_with_its_version_and_an_error_at_once() -> None:
    answers = Answers()
    assert answers.get(1, "key", lambda: "old") == "old"
    assert answers.get(1, "key", lambda: "other") == "old"
    assert answers.get(2, "key", lambda: "new") == "new"
    with pytest.raises(ZeroDivisionError):
        answers.get(2, "broken", lambda: 1 // 0)
    assert answers.get(2, "broken", lambda: 3) == 3


def test_no_more_answers_are_kept_than_there_is_room_for() -> None:
    answers = Answers(most=2)
    for key in "abc":
        answers.get(1, key, lambda key=key: key)

    assert answers.get(1, "c", lambda: "again") == "c"
    assert answers.get(1, "a", lambda: "again") == "again"
