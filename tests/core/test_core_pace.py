"""The limiter that all streams and threads of an account share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from core.cli.post import Post, office, post
from persync.connect import Pace, Request
from persync.errors import PersyncError, QuotaError
from persync.testing import pull_once


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "7"},
        {"retry-after": "Wed, 21 Oct 2026 07:28:07 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_with_retry_after_holds_everybody_of_the_account(status: int, headers: dict[str, str]) -> None:
    clock = Clock()
    pace = Pace(concurrent=2, clock=clock)
    refused, other, late = Request(path="a"), Request(path="b"), Request(path="c")

    pace.learn(refused, status, headers, b"")
    waits = [pace.before(refused), pace.before(other), pace.before(other)]
    clock.now += 3
    waits.append(pace.before(late))
    clock.now += 4
    waits.append(pace.before(Request(path="d")))

    # The refused call has waited by the rule for retries; each other waits once.
    assert waits == [0.0, 7.0, 0.0, 4.0, 0.0]


def test_a_hold_is_never_longer_than_two_minutes_and_a_good_answer_makes_none() -> None:
    pace = Pace(concurrent=2, clock=Clock())

    pace.learn(Request(path="a"), 200, {"retry-after": "5"}, b"")
    good = pace.before(Request(path="b"))
    pace.learn(Request(path="a"), 429, {"retry-after": "86400"}, b"")

    assert (good, pace.before(Request(path="c"))) == (0.0, 120.0)


def test_streams_and_threads_share_one_pace_and_lost_calls_are_told(tmp_path: Path) -> None:
    class Noting(Pace):
        def __init__(self) -> None:
            super().__init__(concurrent=2)
            self.seen: list[str] = []
            self.gone: list[str] = []

        def before(self, request: Request) -> float:
            self.seen.append(request.path)
            return 0.0

        def lost(self, request: Request) -> None:
            self.gone.append(request.path)

    pace = Noting()
    made: list[int] = []

    class Paced(Post):
        def pace(self) -> Pace:
            made.append(1)
            return pace

    api = office(letters=2)
    api.broken["/letters/l1/readers"] = [httpx.ReadError("cut")]

    result = pull_once(tmp_path / "s.db", [Paced("post", post().settings, {})], api)

    assert (result.exit_code, made, pace.gone) == (0, [1], ["/letters/l1/readers"])
    assert len(pace.seen) == len(api.calls)


class Rationed(Post):
    """A vendor with so many calls a day."""

    workers = 1

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> PersyncError | None:
        if status == 429:
            return QuotaError("the calls of this day are used up.", hint="Pull again tomorrow.")
        return super().failure(status, headers, body)


def test_a_daily_quota_stops_with_exit_code_5_and_the_next_pull_goes_on_there(tmp_path: Path) -> None:
    api = office(letters=3, readers=5)
    connector = Rationed("post", post().settings, {})
    api.broken["/letters/l1/readers"] = [None, httpx.Response(429)]

    first = pull_once(tmp_path / "s.db", [connector], api)
    so_far, api.calls = list(api.calls), []
    second = pull_once(tmp_path / "s.db", [connector], api)

    assert (first.exit_code, len(first.errors)) == (5, 1)
    assert so_far.count("GET /letters/l1/readers?count=2&offset=2") == 1
    assert second.exit_code == 0
    # What was read is not read again: the letter under way goes on at its second page.
    assert [call for call in api.calls if "l0" in call] == []
    assert [call for call in api.calls if "l1" in call] == [
        "GET /letters/l1/readers?count=2&offset=2",
        "GET /letters/l1/readers?count=2&offset=4",
    ]


def test_a_pull_that_is_held_back_ends_at_once_when_the_run_ends(tmp_path: Path) -> None:
    class Held(Post):
        def pace(self) -> Pace:
            one = Pace(concurrent=1)
            one.hold(Request(), 60)
            return one

    stopped: list[float] = []

    def stop(seconds: float) -> bool:
        stopped.append(seconds)
        raise KeyboardInterrupt

    from persync.connect.client import Client

    api = office(letters=1)
    client = Client(Held("post", post().settings, {}), sleep=stop, transport=api.transport())

    with client, pytest.raises(KeyboardInterrupt):
        client.send(Request(path="letters"))

    assert (api.calls, len(stopped)) == ([], 1)
