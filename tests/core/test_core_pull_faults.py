"""A vendor that answers well and tells no truth: pages without their records, other pages' records, other clocks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest
from typing_extensions import TypedDict

from persync import rows
from persync.connect.client import TRIES, Client
from persync.connect.connector import ConnectionSettings, Connector
from persync.connect.pull import PullOptions, pull
from persync.connect.readers import OffsetPages
from persync.connect.result import PullResult, StreamResult
from persync.connect.stream import DAY_MS, HOUR_MS, Context, Incremental, Step, Stream, Token, Work
from persync.errors import AuthError, PersyncError, QuotaError, ResponseError, TransientError
from persync.rows import CampaignRef
from persync.store.store import open_store
from persync.testing import FakeApi, pull_once

NOW = 1_760_000_000_000


class Letter(TypedDict):
    id: str


def letter_rows(letter: Letter, at: Context) -> Iterator[rows.Row]:
    yield rows.Campaign(CampaignRef(("id", letter["id"])), kind="letter")


class Post(Connector):
    name = "post"
    title = "The Post"
    streams = (Stream("letters", Letter, letter_rows, OffsetPages("letters", count=2), path="/letters", window=Incremental()),)

    def base_url(self) -> str:
        return "https://post.example.com"


def post() -> Post:
    return Post("post", ConnectionSettings(connector="post"), {})


def page(*ids: str, total: int = 5) -> httpx.Response:
    return httpx.Response(200, json={"total_items": total, "letters": [{"id": one} for one in ids]})


def pulled(path: Path, *answers: httpx.Response | Exception) -> tuple[PullResult, FakeApi]:
    api = FakeApi({})
    api.broken["/letters"] = list(answers)
    return pull_once(path, [post()], api, now=NOW), api


def known(path: Path) -> list[str]:
    with open_store(path) as store:
        return [key for (key,) in store.db.execute("SELECT key FROM campaign_keys WHERE kind = 'id' ORDER BY key")]


def mark(path: Path) -> Any:
    with open_store(path) as store:
        return store.db.execute("SELECT watermark FROM checkpoints").fetchone()[0]


@pytest.mark.parametrize("envelope", [{}, {"links": [{"note": "long " * 1000}]}], ids=["short", "long"])
@pytest.mark.parametrize("records", [{"letters": []}, {}], ids=["empty", "no-list"])
def test_a_page_that_came_without_its_records_is_asked_for_once_more(
    tmp_path: Path, envelope: dict[str, Any], records: dict[str, Any]
) -> None:
    without = httpx.Response(200, json={**envelope, "total_items": 5, **records})
    result, api = pulled(tmp_path / "p.db", page("a", "b"), without, page("c", "d"), page("e"))

    assert (result.exit_code, len(api.calls), known(tmp_path / "p.db")) == (0, 4, list("abcde"))


def test_what_is_as_empty_twice_is_empty(tmp_path: Path) -> None:
    result, api = pulled(tmp_path / "p.db", page("a", "b", total=3), page(total=3), page(total=3))

    assert (result.exit_code, len(api.calls), known(tmp_path / "p.db")) == (0, 3, ["a", "b"])
    with open_store(tmp_path / "p.db") as store:
        assert store.db.execute("SELECT reason FROM coverage").fetchall() == [("the vendor counts 3 and gave 2",)]


def test_a_list_that_nothing_is_said_of_may_be_empty(tmp_path: Path) -> None:
    result, api = pulled(tmp_path / "p.db", page(total=0))

    assert (result.exit_code, len(api.calls)) == (0, 1)


def test_the_page_before_in_place_of_this_one_is_noticed(tmp_path: Path) -> None:
    result, _ = pulled(tmp_path / "p.db", page("a", "b"), page("a", "b"), page("c", "d"), page("e"))

    assert (result.exit_code, known(tmp_path / "p.db")) == (0, list("abcde"))


def test_the_page_before_twice_in_place_of_this_one_is_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    result, _ = pulled(path, page("a", "b"), page("a", "b"), page("a", "b"))

    assert (result.exit_code, known(path), mark(path)) == (3, ["a", "b"], None)
    again, _ = pulled(path, page("c", "d"), page("e"))
    assert (again.exit_code, known(path), mark(path)) == (0, list("abcde"), NOW)


class Numbered(OffsetPages):
    """A reader that takes its count for a number of its own."""

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        left = json.loads(body)["total_items"] - 1
        step = super().read(work, token, body, headers)
        return replace(step, next={**step.next, "left": left}) if step.next is not None else step


@pytest.mark.parametrize("total", ["many", [], {}, 10**30])
def test_an_answer_that_a_reader_trips_over_is_a_hole_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: Any
) -> None:
    path = tmp_path / "p.db"
    letters = replace(Post.streams[0], reader=Numbered("letters", count=2))
    monkeypatch.setattr(Post, "streams", (letters,))
    odd = httpx.Response(200, content=json.dumps({"total_items": total, "letters": [{"id": "c"}, {"id": "d"}]}))

    result, _ = pulled(path, page("a", "b"), odd, odd)

    assert (result.exit_code, known(path)) == (3, ["a", "b"])
    assert str(result.streams[0].error).startswith("post, letters, page 2: ")
    assert "the answer is not what was expected (" in str(result.streams[0].error)


def test_a_damaged_page_that_then_comes_empty_is_still_asked_for_once_more(tmp_path: Path) -> None:
    torn = httpx.Response(200, content=b'{"letters": [{"id"')
    result, _ = pulled(tmp_path / "p.db", page("a", "b"), torn, page(), page("c", "d"), page("e"))

    assert (result.exit_code, known(tmp_path / "p.db")) == (0, list("abcde"))


def test_a_hole_does_not_forget_what_was_complete_before_it(tmp_path: Path) -> None:
    path = tmp_path / "p.db"

    def coverage() -> list[Any]:
        with open_store(path) as store:
            return store.db.execute("SELECT state, from_at, to_at FROM coverage").fetchall()

    pulled(path, page("a", total=1))
    pulled(path, httpx.Response(400))
    between = coverage()
    pulled(path, page("b", total=1))

    assert (between, coverage()) == ([("hole", 0, NOW)], [("complete", 0, NOW)])


class FadingPost(Post):
    """Refuses an offset it gave before like any wrong question: HTTP 400, which a smaller one might get round."""

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> PersyncError | None:
        return TransientError("The post refused the call.", shrink=True) if status == 400 else None


def test_a_window_whose_place_is_refused_after_an_interruption_is_begun_again(tmp_path: Path) -> None:
    path, api = tmp_path / "p.db", FakeApi({})
    fading = FadingPost("post", ConnectionSettings(connector="post"), {})
    api.broken["/letters"] = [page("a", "b"), page("c", "d"), *[httpx.Response(503)] * TRIES]
    interrupted = pull_once(path, [fading], api, now=NOW)
    before = known(path)
    api.broken["/letters"] = [httpx.Response(400), page("a", "b"), page("c", "d"), page("e")]

    result = pull_once(path, [fading], api, now=NOW)

    assert (interrupted.exit_code, before) == (3, list("abcd"))
    assert (result.exit_code, known(path)) == (0, list("abcde"))


@pytest.mark.parametrize("hours", [-30, 0, 30])
def test_no_window_is_complete_beyond_the_vendors_now(tmp_path: Path, hours: int) -> None:
    """What changes there after the pull has a time before ours: a watermark by our clock would pass it over."""
    path, theirs = tmp_path / "p.db", NOW - hours * HOUR_MS
    dated = page("a", total=1)
    dated.headers["date"] = formatdate(theirs / 1000, usegmt=True)
    api = FakeApi({})
    api.broken["/letters"] = [dated]

    result = pull(
        path,
        [post()],
        PullOptions(now=NOW),
        client=lambda one, stop: Client(one, stop=stop, transport=api.transport(), clock=lambda: NOW / 1000),
        clock=lambda: NOW / 1000,
    )

    # A Date is in whole seconds, and may be up to one later than it says.
    assert (result.exit_code, mark(path)) == (0, NOW if hours <= 0 else theirs + 1000)


def test_a_watermark_that_another_clock_set_is_read_from_again(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    api = FakeApi({})
    for now in (NOW, NOW - 2 * DAY_MS, NOW + DAY_MS):
        api.broken["/letters"] = [page("a", total=1)]
        assert pull_once(path, [post()], api, now=now).exit_code == 0

    with open_store(path) as store:
        assert store.db.execute("SELECT from_at, to_at FROM coverage").fetchall() == [(0, NOW + DAY_MS)]


def stream(connection: str, pages: int, error: PersyncError | None = None) -> StreamResult:
    return StreamResult(connection, "letters", state="failed" if error else "done", pages=pages, error=error)


@pytest.mark.parametrize(
    ("streams", "code"),
    [
        ([stream("post", 3, AuthError("no."))], 4),
        ([stream("post", 3), stream("post", 0, AuthError("no."))], 4),
        ([stream("post", 3, AuthError("no.")), stream("shop", 2)], 3),
        ([stream("post", 3, AuthError("no.")), stream("shop", 0, ResponseError("no."))], 4),
        ([stream("post", 3, ResponseError("no."))], 3),
        ([stream("post", 3, AuthError("no.")), stream("shop", 0, QuotaError("no."))], 5),
    ],
)
def test_a_sign_in_that_ended_all_that_was_read_is_exit_4(streams: list[StreamResult], code: int) -> None:
    assert PullResult(streams).exit_code == code
