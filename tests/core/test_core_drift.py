"""Fields that a vendor sends and nobody reads are ignored and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NotRequired

import httpx
import pytest
from typing_extensions import TypedDict

from core.test_core_pull import NOW, post, post_api
from persync.connect.drift import unread
from persync.testing import pull_once


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


def test_a_pull_names_the_fields_nobody_read_and_reads_on(tmp_path: Path) -> None:
    api = post_api()
    answer = api.answers["/letters"]

    def with_more(request: httpx.Request) -> httpx.Response:
        page = answer(request).json()
        return httpx.Response(200, json=page | {"letters": [one | {"color": "red"} for one in page["letters"]]})

    api.answers["/letters"] = with_more
    result = pull_once(tmp_path / "p.db", [post()], api, now=NOW)

    assert [(one.stream, one.state, one.records, one.unread) for one in result.streams] == [
        ("letters", "done", 5, {"color"}),
        ("readers", "done", 25, set()),
    ]
