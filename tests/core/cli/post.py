"""A small vendor with letters, readers under each letter, and streams that an account may not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
from typing_extensions import TypedDict

from persync import rows
from persync.connect import AccountFacts, ConnectionSettings, Connector, Context, OffsetPages, SinglePage, Stream, Total
from persync.errors import PersyncError, SkipStreamError
from persync.rows import CampaignRef, Person
from persync.testing import FakeApi

if TYPE_CHECKING:
    from persync.connect.client import Client

NOW = 1_760_000_000_000
"""2025-10-09T08:53:20Z"""
DATE = "Thu, 09 Oct 2025 08:53:20 GMT"


class Letter(TypedDict):
    id: str
    version: int


class Reader(TypedDict):
    id: str
    at: int


def letter_rows(letter: Letter, at: Context) -> Iterator[rows.Row]:
    yield rows.Campaign(CampaignRef(("id", letter["id"])), kind="letter")
    yield rows.Child("readers", letter["id"], {"letter": letter["id"]}, version=str(letter["version"]))


def reader_rows(reader: Reader, at: Context) -> Iterator[rows.Row]:
    person = Person(("id", reader["id"]))
    yield rows.Touchpoint(CampaignRef(("id", at.parent["letter"])), person, rows.Action.CLICK, reader["at"])


def no_rows(record: Any, at: Context) -> Iterator[rows.Row]:
    return iter(())


LETTERS = Stream(
    "letters", Letter, letter_rows, OffsetPages("letters", count=4, smallest=1), path="/letters", facts=("sends", "titles")
)
READERS = Stream(
    "readers",
    Reader,
    reader_rows,
    OffsetPages("readers", count=2, smallest=1),
    path="/letters/{letter}/readers",
    parent="letters",
    personal_key=True,
)
STAMPS = Stream(
    "stamps",
    Letter,
    no_rows,
    SinglePage(at="stamps", single=False),
    path="/stamps",
    scopes=("stamps.read",),
    facts=("cost of sending",),
    default=False,
)


class Post(Connector):
    """The vendor's connector."""

    name = "post"
    title = "The Post"
    workers = 2
    streams = (LETTERS, READERS, STAMPS)
    api_version = "2025-07"
    supported_until = "2026-07-01"
    told: ClassVar[tuple[Total, ...]] = ()

    def base_url(self) -> str:
        return "https://post.example.com"

    def check(self, client: Client) -> Iterator[tuple[str, str]]:
        yield "server", "answers"

    def totals(self, client: Client, account: AccountFacts) -> Iterator[Total]:
        return iter(self.told)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> PersyncError | None:
        if status == 402:
            return SkipStreamError("the plan does not have this (HTTP 402).", reason="tier", hint="Buy a higher plan.")
        return super().failure(status, headers, body)


def post(connection: str = "post") -> Post:
    return Post(connection, ConnectionSettings(connector="post"), {})


def page(name: str, records: list[Any], total: int) -> Any:
    """Answer an offset page: as many records as are asked for, and the total."""

    def answer(request: httpx.Request) -> httpx.Response:
        offset, count = (int(request.url.params[key]) for key in ("offset", "count"))
        found = records[offset : offset + count]
        return httpx.Response(200, json={name: found, "total_items": total}, headers={"date": DATE})

    return answer


def office(letters: int = 10, readers: int = 5) -> FakeApi:
    """Answer for so many letters with so many readers each; stamps are refused."""
    answers: dict[str, Any] = {
        "/letters": page("letters", [{"id": f"l{i}", "version": 1} for i in range(letters)], letters),
        "/stamps": lambda request: httpx.Response(403),
    }
    for i in range(letters):
        people = [{"id": f"p{n}", "at": NOW - 1000 * n} for n in range(readers)]
        answers[f"/letters/l{i}/readers"] = page("readers", people, readers)
    return FakeApi(answers)
