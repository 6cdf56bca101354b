"""Slices of a bulk result: parked, put together whole when a slice is complete, and never started or signed where not due."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from typing_extensions import TypedDict

from persync import rows
from persync.connect import Below, ConnectionSettings, Connector, Context, Request, SinglePage, Step, Stream, Token, Work
from persync.connect.client import Client
from persync.errors import ResponseError, TransientError
from persync.rows import LedgerEntry, Order, OrderRef, Parked
from persync.store import checkpoints, parking
from persync.store.digest import digest
from persync.store.store import open_store
from persync.testing import FakeApi, pull_once, quick_client
from support import table


class Piece(TypedDict):
    key: str
    parent: str | None
    amount: int


class Never(TypedDict):
    never: str


def parked(piece: Piece, at: Context) -> Iterator[rows.Row]:
    yield Parked(piece["key"], piece["parent"], {"key": piece["key"], "amount": piece["amount"]})


def never(record: Never, at: Context) -> Iterator[rows.Row]:
    raise AssertionError("pages of the other kind are not in this test")
    yield


def whole(data: Mapping[str, Any], below: Below, at: Context) -> Iterator[rows.Row]:
    """An order's total is the sum of its entries: it can only be said when all are there."""
    children = below(data["key"])
    ref = OrderRef(data["key"])
    yield Order(ref, kind="order", total_minor=sum(child["amount"] for child in children), journey=at.params["note"])
    for child in children:
        yield LedgerEntry(ref, child["key"], "sale", "product", 0, child["amount"], "EUR")


PIECES = Stream("orders", Piece, parked, SinglePage(), key="key")


@dataclass(frozen=True)
class Slices:
    """Two slices, each in two parts."""

    def start(self, work: Work) -> Token:
        return {"part": 0}

    def request(self, work: Work, token: Token) -> Request:
        return Request(path=f"/part/{token['part']}")

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        part = token["part"]
        following = {"part": part + 1} if part < 3 else None
        return Step(body, (), following, of=PIECES, join=part % 2 == 1, params={"note": "observed"})

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None


class Shop(Connector):
    name = "sliced"
    title = "Sliced"
    streams = (Stream("orders", Never, never, Slices(), gather=whole),)

    def base_url(self) -> str:
        return "https://shop.example.com"

    def headers(self, client: Client) -> Mapping[str, str]:
        return {"authorization": "Bearer secret"}


def shop() -> Shop:
    return Shop("shop", ConnectionSettings(connector="sliced"), {})


def piece(key: str, parent: str | None = None, amount: int = 0) -> dict[str, Any]:
    return {"key": f"{parent}/{key}" if parent else key, "parent": parent, "amount": amount}


def api() -> FakeApi:
    """Children before their parents, and in another part; ids of which one begins with another."""
    parts = [
        [piece("s1", "o1", 5), piece("s2", "o11", 7), piece("o1")],
        [piece("o11"), piece("s3", "o1", 11)],
        [piece("o2"), piece("s4", "o2", 13)],
        [piece("s5", "o3", 17), piece("o3"), piece("s6", "gone", 19)],
    ]
    return FakeApi({f"/part/{i}": part for i, part in enumerate(parts)})


TOTALS = [("o1", 16, "observed"), ("o11", 7, "observed"), ("o2", 13, "observed"), ("o3", 17, "observed")]


def totals(store: Path) -> list[Any]:
    return table(store, "SELECT vendor_order_id, total_minor, journey FROM orders JOIN order_keys USING (order_key) ORDER BY 1")


def test_an_order_is_shaped_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    """What belongs to nothing is a reject; nothing is left waiting."""
    result = pull_once(tmp_path / "s.db", [shop()], api())

    assert totals(tmp_path / "s.db") == TOTALS
    assert table(tmp_path / "s.db", "SELECT record, reason FROM rejects") == [
        ("gone/s6", "what it belongs to is not in the result.")
    ]
    assert table(tmp_path / "s.db", "SELECT count(*) FROM parked") == [(0,)]
    assert (result.streams[0].state, result.streams[0].records) == ("done", 10)


def test_a_slice_is_shaped_before_the_next_one_is_kept(tmp_path: Path) -> None:
    """So what waits never grows beyond a slice."""
    broken = api()
    broken.broken["/part/3"] = [httpx.Response(400)]

    pull_once(tmp_path / "s.db", [shop()], broken)

    assert [key for key, *_ in totals(tmp_path / "s.db")] == ["o1", "o11"]
    assert table(tmp_path / "s.db", "SELECT key FROM parked ORDER BY key") == [("o2",), ("o2/s4",)]


@pytest.mark.parametrize("moment", range(1, 9))
def test_a_pull_that_ends_at_any_commit_goes_on_there(moment: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the middle of a join: what the page said (`params`) is still known."""
    monkeypatch.setattr(parking, "LOT", 1)
    store, count = tmp_path / "s.db", 0
    real = checkpoints.save_token

    def dying(*given: Any) -> None:
        nonlocal count
        count += 1
        if count == moment:
            raise KeyboardInterrupt
        real(*given)

    monkeypatch.setattr(checkpoints, "save_token", dying)
    pull_once(store, [shop()], api())
    monkeypatch.setattr(checkpoints, "save_token", real)

    pull_once(store, [shop()], api())
    pull_once(tmp_path / "whole.db", [shop()], api())

    assert totals(store) == totals(tmp_path / "whole.db") == TOTALS
    with open_store(store) as one, open_store(tmp_path / "whole.db") as other:
        assert digest(one) == digest(other)


def test_a_call_that_starts_something_is_not_made_twice() -> None:
    """After a throttle or where nobody was reached it surely was not started; after anything else nobody knows."""
    api = FakeApi({"/x": {"ok": True}})
    api.broken["/x"] = [httpx.Response(429), httpx.ConnectError("nobody"), httpx.ReadError("broken"), None]

    with quick_client(api)(shop(), threading.Event()) as client, pytest.raises(TransientError, match="broke"):
        client.send(Request("POST", "/x", once=True))

    assert len(api.calls) == 3


class Strict(Shop):
    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> Any:
        raise AssertionError("what another host says is not this connector's to judge")


@pytest.mark.parametrize(
    ("status", "error", "calls"),
    [(403, ResponseError, 1), (404, ResponseError, 1), (410, ResponseError, 1), (503, TransientError, 6)],
)
def test_what_another_host_says_of_a_file_says_nothing_of_the_token(status: int, error: type[Exception], calls: int) -> None:
    api = FakeApi({"/file": lambda request: httpx.Response(status)})
    made = Strict("shop", ConnectionSettings(connector="sliced"), {})

    with quick_client(api)(made, threading.Event()) as client, pytest.raises(error) as caught:
        client.send(Request(path="https://files.example.com/file"))

    assert type(caught.value) is error
    assert len(api.calls) == calls
    assert not any("authorization" in headers for headers in api.headers)
    assert orjson.dumps(str(caught.value)).find(b"secret") == -1
