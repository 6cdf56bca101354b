"""What keeps a pull fast and small: rows in lots, versions in lots, bytes in flight, and a collector that waits."""

from __future__ import annotations

import gc
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typing_extensions import TypedDict

from persync.connect import writing
from persync.connect.client import Client, Stopped
from persync.connect.connector import ConnectionSettings, Connector
from persync.connect.fetch import Budget
from persync.connect.pull import PullOptions, PullResult, pull
from persync.connect.readers import OffsetPages
from persync.connect.stream import Context, Stream
from persync.rows import Contact, Person
from persync.store.many import ROWS, insert
from persync.store.store import open_store


class Reader(TypedDict):
    id: int
    changed: str


def reader_rows(record: Reader, at: Context) -> Iterator[Contact]:
    yield Contact(Person(("id", str(record["id"]))), status=record["changed"])


STREAM = Stream(
    name="readers",
    path="/readers",
    record=Reader,
    rows=reader_rows,
    reader=OffsetPages(at="readers", count=2),
    version="changed",
)


class Post(Connector):
    name = "post"
    title = "Post"
    streams = (STREAM,)

    def base_url(self) -> str:
        return "http://127.0.0.1:1"


def pulled(path: Path, now: int, *, records: int = 7) -> PullResult:
    def answer(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params["offset"])
        page = [{"id": number, "changed": f"v{number}"} for number in range(offset, min(offset + 2, records))]
        return httpx.Response(200, json={"readers": page, "total_items": records})

    connector = Post("post", ConnectionSettings(connector="post"), {})
    transport = httpx.MockTransport(answer)
    return pull(
        path,
        [connector],
        PullOptions(now=now),
        client=lambda one, stop: Client(one, stop=stop, sleep=lambda seconds: False, transport=transport),
    )


@pytest.mark.parametrize("count", [0, 1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS])
def test_rows_in_lots_are_the_rows_one_by_one(count: int) -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
    db.execute("INSERT INTO t VALUES (0, 'old')")
    rows: list[tuple[Any, ...]] = [(number // 2, f"name {number}") for number in range(count)]

    insert(db, "t (id, name)", iter(rows), "ON CONFLICT DO UPDATE SET name = excluded.name")

    assert dict(db.execute("SELECT id, name FROM t")) == {0: "old", **dict(rows)}


@pytest.mark.parametrize("lot", [1, 3, 1000])
def test_every_version_is_kept_whatever_the_size_of_a_lot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lot: int) -> None:
    monkeypatch.setattr(writing, "VERSIONS", lot)

    first = pulled(tmp_path / "p.db", 1_000)
    second = pulled(tmp_path / "p.db", 2_000)

    assert [(one.streams[0].records, one.streams[0].unchanged, one.changed) for one in (first, second)] == [
        (7, 0, first.changed),
        (7, 7, 0),
    ]
    assert first.changed > 0


def test_versions_that_were_lost_cost_a_second_look_and_change_nothing(tmp_path: Path) -> None:
    pulled(tmp_path / "p.db", 1_000)
    with open_store(tmp_path / "p.db") as store, store.transaction() as db:
        db.execute("DELETE FROM versions")

    again = pulled(tmp_path / "p.db", 2_000)

    assert (again.streams[0].unchanged, again.changed) == (0, 0)


@pytest.mark.parametrize("is_on", [True, False])
def test_the_collector_is_as_it_was_after_a_pull(tmp_path: Path, is_on: bool) -> None:
    before = gc.isenabled()
    (gc.enable if is_on else gc.disable)()
    try:
        pulled(tmp_path / "p.db", 1_000)
        assert gc.isenabled() is is_on
    finally:
        (gc.enable if before else gc.disable)()


def test_bytes_in_flight_are_bounded_and_a_bigger_answer_comes_alone() -> None:
    stop = threading.Event()
    budget = Budget(10, stop)
    budget.take(99)
    budget.give(99)
    budget.take(6)
    budget.take(4)
    waiting = threading.Thread(target=budget.take, args=(5,))
    waiting.start()
    assert budget.free == 0
    budget.give(6)
    waiting.join(10)
    assert (waiting.is_alive(), budget.free) == (False, 1)

    stop.set()
    with pytest.raises(Stopped):
        budget.take(2)
