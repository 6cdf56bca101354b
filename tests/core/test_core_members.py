"""Members listed segment by segment: whom a complete listing does not name has left, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from typing_extensions import TypedDict

from persync import rows
from persync.connect import ConnectionSettings, Connector, Context, OffsetPages, Stream, Sweep
from persync.errors import PersyncError, SkipStreamError
from persync.rows import MemberOf, Person, Present, Segment
from persync.store.privacy import erase, find
from persync.store.store import open_store
from persync.testing import FakeApi, pull_once
from support import paged, table

NOW = 1_760_000_000_000


class Thing(TypedDict):
    id: str


def club_rows(club: Thing, at: Context) -> Iterator[rows.Row]:
    yield Segment("club", club["id"], parent=club["id"])
    yield rows.Child("members", club["id"], {"club": club["id"]})


def member_rows(member: Thing, at: Context) -> Iterator[rows.Row]:
    yield MemberOf(Person(("id", member["id"])), "club", at.partition, (at.partition,))
    yield Present(member["id"])


class Town(Connector):
    name = "town"
    title = "The Town"
    streams = (
        Stream("clubs", Thing, club_rows, OffsetPages("clubs", count=2), path="/clubs"),
        Stream(
            "members",
            Thing,
            member_rows,
            OffsetPages("members", count=2, smallest=2),
            path="/clubs/{club}/members",
            parent="clubs",
            personal_key=True,
            sweeps=Sweep("member", only=("club",)),
        ),
    )

    def base_url(self) -> str:
        return "https://town.example.com"

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> PersyncError | None:
        if status == 404:
            return SkipStreamError("it is gone (HTTP 404).", reason="gone")
        return super().failure(status, headers, body)


def town() -> Town:
    return Town("town", ConnectionSettings(connector="town"), {})


def api(a: str, b: str) -> FakeApi:
    """Return an API of two clubs whose members are named by one letter each."""

    def named(ids: str) -> list[dict[str, Any]]:
        return [{"id": one} for one in ids]

    return FakeApi(
        {
            "/clubs": paged(named("ab"), "clubs"),
            "/clubs/a/members": paged(named(a), "members"),
            "/clubs/b/members": paged(named(b), "members"),
        }
    )


def broken_off(town: FakeApi) -> FakeApi:
    """Let the list of club a end in an error after its first page."""
    answer = town.answers["/clubs/a/members"]

    def first_alone(request: httpx.Request) -> httpx.Response:
        return answer(request) if request.url.params["offset"] == "0" else httpx.Response(400)  # type: ignore[no-any-return]

    town.answers["/clubs/a/members"] = first_alone
    return town


MEMBERS = (
    "SELECT s.vendor_id, k.key, m.left_at FROM memberships m JOIN segments s USING (segment_id)"
    " JOIN person_keys k USING (key_id) ORDER BY 1, 2"
)


def members(store: Path) -> dict[str, str]:
    """Return who is in each club now, and in small letters behind a minus who left."""
    found: dict[str, str] = {}
    for club, who, left_at in table(store, MEMBERS):
        found[club] = found.get(club, "") + (who if left_at is None else f"-{who}")
    return found


def test_whom_a_clubs_list_does_not_name_any_longer_has_left_that_club_alone(tmp_path: Path) -> None:
    store = tmp_path / "t.db"
    pull_once(store, [town()], api("123", "12"), now=NOW)

    result = pull_once(store, [town()], api("13", "12"), now=NOW + 5)

    assert table(store, MEMBERS) == [
        ("a", "1", None),
        ("a", "2", NOW + 5),
        ("a", "3", None),
        ("b", "1", None),
        ("b", "2", None),
    ]
    assert [(one.stream, one.changed) for one in result.streams] == [("clubs", 0), ("members", 1)]
    assert pull_once(store, [town()], api("13", "12"), now=NOW + 6).changed == 0
    assert table(store, "SELECT count(*) FROM present") == [(0,)]


def test_who_comes_back_is_a_member_again(tmp_path: Path) -> None:
    store = tmp_path / "t.db"
    for moment, there in enumerate(("12", "1", "12")):
        pull_once(store, [town()], api(there, ""), now=NOW + moment)

    assert members(store) == {"a": "12"}


def test_the_last_member_of_a_club_can_leave(tmp_path: Path) -> None:
    store = tmp_path / "t.db"
    pull_once(store, [town()], api("1", "1"), now=NOW)

    pull_once(store, [town()], api("", "1"), now=NOW + 5)

    assert members(store) == {"a": "-1", "b": "1"}


def test_a_list_that_breaks_off_ends_nothing_and_the_next_pull_goes_on_with_it(tmp_path: Path) -> None:
    """The first page was kept: whom it named is still there when the rest comes in another run. As that page is older than the
    run, the list is then read once more."""
    store = tmp_path / "t.db"
    pull_once(store, [town()], api("123456", "12"), now=NOW)
    pull_once(store, [town()], broken_off(api("12345", "1")), now=NOW + 5)
    while_broken, rest = members(store), api("12345", "1")
    pull_once(store, [town()], rest, now=NOW + 6)

    assert while_broken == {"a": "123456", "b": "1-2"}
    taken_up = ["GET /clubs/a/members?count=2&offset=2", "GET /clubs/a/members?count=2&offset=4"]
    assert [call for call in rest.calls if "/a/" in call] == [*taken_up, "GET /clubs/a/members?count=2&offset=0", *taken_up]
    assert members(store) == {"a": "12345-6", "b": "1-2"}


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403),
        httpx.Response(404),
        httpx.Response(400),
        httpx.Response(200, json={"members": [{"id": "1"}], "total_items": 2}),
        httpx.Response(200, json={"members": [], "total_items": 2}),
        httpx.Response(200, json={"members": [{"id": "1"}, {"id": None}]}),
    ],
    ids=["no scope", "gone", "failed", "shorter than its total", "empty in spite of its total", "with a reject"],
)
def test_what_is_no_complete_list_ends_nothing(tmp_path: Path, answer: httpx.Response) -> None:
    store, bad = tmp_path / "t.db", api("", "1")
    pull_once(store, [town()], api("12", "12"), now=NOW)
    bad.answers["/clubs/a/members"] = lambda request: answer

    pull_once(store, [town()], bad, now=NOW + 5)

    assert members(store) == {"a": "12", "b": "1-2"}


def test_an_erased_member_who_is_still_listed_is_nobodys_leaving(tmp_path: Path) -> None:
    """The list counts the erased too; the store notes no more of them than their tombstone, and lets the others go."""
    store, broken = tmp_path / "t.db", broken_off(api("213", "1"))
    pull_once(store, [town()], api("1234", "1"), now=NOW)
    with open_store(store) as opened:
        erase(opened, [find(opened, Person(("id@town", "2")))], now=NOW + 1)

    pull_once(store, [town()], broken, now=NOW + 5)
    noted = [key for (key,) in table(store, "SELECT key FROM present")]
    pull_once(store, [town()], api("213", "1"), now=NOW + 6)

    assert (len(noted), set(noted) & {"1", "2"}) == (2, {"1"})
    assert members(store) == {"a": "13-4", "b": "1"}
    assert table(store, "SELECT count(*) FROM person_keys WHERE key = '2'") == [(0,)]
