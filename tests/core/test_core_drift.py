"""Fields that a vendor sends and nobody reads are ignored and counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, NotRequired

import httpx
import pytest
from typing_extensions import TypedDict

from core.test_core_pull import NOW, post, post_api
from persync.cli.progress import show_pull
from persync.connect.drift import unread
from persync.connect.page import Shaper
from persync.connect.readers import SinglePage
from persync.connect.stream import Step, Stream
from persync.testing import FakeApi, pull_once


class Place(TypedDict):
    city: str


class Person(TypedDict):
    id: str
    home: NotRequired[Place | None]
    trips: list[Place]
    extra: dict[str, Any]
    note: Annotated[str | None, "a note"]


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"id": "1", "trips": [], "extra": {"x": 1}, "note": None}, set()),
        ({"id": "1", "born": "1990"}, {"born"}),
        ({"home": {"city": "a", "street": "b"}}, {"home.street"}),
        ({"trips": [{"city": "a"}, {"city": "b", "at": 1}]}, {"trips.at"}),
        ({"extra": {"anything": {"at": "all"}}}, set()),
        ({"someone@example.com": 1}, set()),
        (None, set()),
    ],
)
def test_only_names_that_the_type_does_not_know_are_found(record: Any, found: set[str]) -> None:
    assert unread(Person, [record]) == found


def colored() -> FakeApi:
    """Answer as the post office does, with two fields more in every letter."""
    api = post_api()
    answer = api.answers["/letters"]

    def with_more(request: httpx.Request) -> httpx.Response:
        page = answer(request).json()
        return httpx.Response(200, json=page | {"letters": [one | {"color": "red", "ink\x1b[": 1} for one in page["letters"]]})

    api.answers["/letters"] = with_more
    return api


def test_what_is_known_to_be_of_no_use_is_not_new() -> None:
    """Neither is a record's id or version, which are looked at without the record's type."""
    stream = Stream(
        "people", Person, lambda record, at: iter(()), SinglePage(), key="number", version="changed", unused=("home.street",)
    )
    body = b'{"number": 7, "changed": "2026", "home": {"city": "a", "street": "b", "floor": 1}, "trips": []}'

    assert Shaper(stream).unread(Step(body, (), None, single=True)) == {"home.floor"}


def test_new_fields_are_told_in_one_line_without_a_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = pull_once(tmp_path / "p.db", [post()], colored(), now=NOW)

    show_pull(result, "text")
    text = capsys.readouterr().out
    show_pull(result, "json")
    told = json.loads(capsys.readouterr().out)["results"]

    assert text.splitlines()[-2] == "post, letters: 2 fields that persync does not know, and does not read: color, ink??"
    assert "red" not in text
    assert [(one["stream"], one["new_fields"]) for one in told] == [("letters", ["color", "ink\x1b["]), ("readers", [])]


def test_a_pull_names_the_fields_nobody_read_and_reads_on(tmp_path: Path) -> None:
    result = pull_once(tmp_path / "p.db", [post()], colored(), now=NOW)

    assert [(one.stream, one.state, one.records, one.unread) for one in result.streams] == [
        ("letters", "done", 5, {"color", "ink\x1b["}),
        ("readers", "done", 25, set()),
    ]
