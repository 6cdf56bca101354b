"""Results of jobs: waited for, fetched in parts, and joined whatever order their records come in."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired

import httpx
import orjson
import pytest
from typing_extensions import TypedDict

from persync import rows
from persync.connect import ConnectionSettings, Connector, Context, Request, Step, Stream, Token, Work, picked
from persync.connect.client import Client
from persync.errors import TransientError
from persync.rows import LedgerEntry, OrderRef, Parked
from persync.store import parking
from persync.store.digest import digest
from persync.store.store import open_store
from persync.testing import FakeApi, pull_once, quick_client
from support import table

NOW = 1_760_000_000_000
FILE = "https://files.example.com/result.jsonl"


class Piece(TypedDict):
    id: str
    parent: NotRequired[str]
    at: NotRequired[int]
    amount: NotRequired[int]


def piece_rows(piece: Piece, at: Context) -> Iterator[rows.Row]:
    if "parent" not in piece:
        yield rows.Order(OrderRef(piece["id"]), kind="order", ordered_at=piece["at"], currency="EUR")
    yield Parked(piece["id"], piece.get("parent"), {name: value for name, value in piece.items() if name != "parent"})


def joined(child: Mapping[str, Any], parents: tuple[Mapping[str, Any], ...], at: Context) -> Iterator[rows.Row]:
    if len(parents) == 2:
        deal, order = parents
        yield LedgerEntry(OrderRef(order["id"]), child["id"], "sale", "product", deal["at"], child["amount"], "EUR")


@dataclass(frozen=True)
class Job:
    """A job that runs for two polls; its result is read 64 bytes at a time."""

    part: int = 64

    def start(self, work: Work) -> Token:
        return {"poll": 0}

    def request(self, work: Work, token: Token) -> Request:
        if "offset" in token:
            return Request(path=FILE, span=(token["offset"], self.part))
        return Request(path="/job")

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        if "offset" not in token:
            (url,) = picked(body, "url")
            following = {"poll": token["poll"] + 1} if url is None else {"offset": 0}
            return Step(b"[]", (), following, wait=7.0 if url is None else 0.0)
        whole = body[: body.rfind(b"\n") + 1]
        lines = whole.splitlines()
        following = {"offset": token["offset"] + len(whole)} if lines else None
        return Step(b"[" + b",".join(lines) + b"]", (), following)

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None


class Shop(Connector):
    name = "bulkshop"
    title = "Bulk Shop"
    streams = (Stream("pieces", Piece, piece_rows, Job(), join=joined),)

    def base_url(self) -> str:
        return "https://shop.example.com"

    def headers(self, client: Client) -> Mapping[str, str]:
        return {"authorization": "Bearer secret"}


def shop() -> Shop:
    return Shop("shop", ConnectionSettings(connector="bulkshop"), {})


PIECES: list[dict[str, Any]] = [
    piece
    for n in range(8)
    for piece in (
        {"id": f"o{n}", "at": NOW + n},
        {"id": f"d{n}", "parent": f"o{n}", "at": NOW + 10 * n},
        {"id": f"s{n}", "parent": f"d{n}", "amount": 100 + n},
        {"id": f"t{n}", "parent": f"d{n}", "amount": 200 + n},
    )
]


def api(pieces: list[dict[str, Any]], *, ranges: bool = True) -> FakeApi:
    body = b"".join(orjson.dumps(piece) + b"\n" for piece in pieces)

    def file(request: httpx.Request) -> httpx.Response:
        first, _, last = request.headers["range"].removeprefix("bytes=").partition("-")
        if not ranges:
            return httpx.Response(200, content=body)
        if int(first) >= len(body):
            return httpx.Response(416, headers={"content-range": f"bytes */{len(body)}"})
        part = body[int(first) : int(last) + 1]
        return httpx.Response(206, content=part, headers={"content-range": f"bytes {first}-{last}/{len(body)}"})

    def job(request: httpx.Request) -> httpx.Response:
        polls = sum(call == "GET /job" for call in fake.calls)
        return httpx.Response(200, json={"url": None if polls <= 2 else FILE})

    fake = FakeApi({"/job": job, "/result.jsonl": file})
    return fake


LEDGER = (
    "SELECT k.vendor_order_id, l.entry, l.happened_at, l.amount_minor FROM order_ledger l JOIN order_keys k USING (order_key)"
    " ORDER BY 1, 2"
)
EXPECTED = [(f"o{n}", f"{kind}{n}", NOW + 10 * n, base + n) for n in range(8) for kind, base in (("s", 100), ("t", 200))]


@pytest.mark.parametrize("ranges", [True, False], ids=["by ranges", "from a server without ranges"])
def test_a_result_in_any_order_becomes_the_same_ledger(tmp_path: Path, ranges: bool) -> None:
    for seed in range(4):
        pieces = random.Random(seed).sample(PIECES, len(PIECES))
        result = pull_once(tmp_path / f"{seed}.db", [shop()], api(pieces, ranges=ranges))

        assert (result.exit_code, result.streams[0].records) == (0, len(PIECES))
        assert table(tmp_path / f"{seed}.db", LEDGER) == EXPECTED
        assert table(tmp_path / f"{seed}.db", "SELECT count(*) FROM parked") == [(0,)], "nothing waits any longer"


def test_a_running_job_is_asked_after_its_wait_and_the_file_gets_no_token(tmp_path: Path) -> None:
    fake, waits = api(PIECES), []
    from persync.connect.pull import PullOptions, pull

    pull(tmp_path / "p.db", [shop()], PullOptions(now=NOW), client=quick_client(fake, waits), clock=lambda: 0.0)

    assert waits == [7.0, 7.0]
    signed = {call.split("?")[0]: "authorization" in headers for call, headers in zip(fake.calls, fake.headers, strict=True)}
    assert signed == {"GET /job": True, "GET /result.jsonl": False}


def test_a_record_whose_parent_never_comes_is_set_aside_and_the_others_are_kept(tmp_path: Path) -> None:
    pieces = [piece for piece in PIECES if piece["id"] != "d3"]

    result = pull_once(tmp_path / "p.db", [shop()], api(pieces))

    assert (result.exit_code, result.streams[0].rejects) == (3, 2)
    assert table(tmp_path / "p.db", LEDGER) == [row for row in EXPECTED if row[0] != "o3"]
    assert table(tmp_path / "p.db", "SELECT record, field FROM rejects ORDER BY 1") == [
        ("s3", "__parentId"),
        ("t3", "__parentId"),
    ]


def test_killed_at_any_commit_the_next_pull_ends_with_the_same_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "LOT", 3)
    monkeypatch.setattr(parking, "CLEARED", 5)
    pull_once(tmp_path / "whole.db", [shop()], api(PIECES))
    with open_store(tmp_path / "whole.db") as store:
        wanted = digest(store)
    commits = 0
    while True:
        commits += 1
        path = tmp_path / f"{commits}.db"
        path.with_suffix(".key").write_bytes((tmp_path / "whole.key").read_bytes())
        path.with_suffix(".key").chmod(0o600)
        killed = _killed_after(commits, path)
        fake = api(PIECES)
        pull_once(path, [shop()], fake)
        with open_store(path) as store:
            assert digest(store) == wanted, f"killed after commit {commits}"
            assert store.integrity() == []
        if not killed:
            break
    assert commits > 30


def _killed_after(commits: int, path: Path) -> bool:
    """Pull in a forked process that ends, without a goodbye, at a commit; False when it came to its end before."""
    child = os.fork()
    if child == 0:
        from persync.store.store import Store

        made, left = Store.transaction, [commits]

        def counted(self: Store) -> Any:
            if left[0] == 0:
                os._exit(9)
            left[0] -= 1
            return made(self)

        Store.transaction = counted  # type: ignore[method-assign]
        pull_once(path, [shop()], api(PIECES))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_a_part_that_comes_short_is_asked_for_again(tmp_path: Path) -> None:
    fake = api(PIECES)
    short = httpx.Response(206, content=b'{"id":', headers={"content-range": "bytes 0-63/999"})
    fake.broken["/result.jsonl"] = [short]

    with quick_client(fake)(shop(), threading.Event()) as client:
        answer = client.send(Request(path=FILE, span=(0, 64)))

    assert len(answer.body) == 64
    assert answer.total == sum(len(orjson.dumps(piece)) + 1 for piece in PIECES)
    assert len(fake.calls) == 2


def test_a_server_that_keeps_cutting_parts_short_is_an_error_that_says_so() -> None:
    fake = api(PIECES)
    fake.broken["/result.jsonl"] = [
        httpx.Response(206, content=b"x", headers={"content-range": "bytes 0-63/999"}) for _ in range(9)
    ]

    with (
        quick_client(fake)(shop(), threading.Event()) as client,
        pytest.raises(TransientError, match=r"the connection to files\.example\.com broke"),
    ):
        client.send(Request(path=FILE, span=(0, 64)))
