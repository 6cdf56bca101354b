"""The one door to the network."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime

import httpx
import pytest

from persync.connect import ConnectionSettings, Connector, Pace, Request
from persync.connect.client import Client, Stopped, checked_url
from persync.connect.connector import retry_after
from persync.errors import AuthError, ConfigError, PersyncError, ResponseError, TransientError, UnreachableError
from persync.testing import FakeApi, quick_client


class Post(Connector):
    name = "post"
    title = "The Post"

    def base_url(self) -> str:
        return "https://post.example.com/api"

    def headers(self, client: Client) -> Mapping[str, str]:
        return {"authorization": "Bearer " + self.secret_values["token"]}


def post() -> Post:
    return Post("post", ConnectionSettings(connector="post"), {"token": "s3cret"})


def good(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"ok": True})


def test_transient_answers_are_asked_again_until_a_good_one() -> None:
    api = FakeApi({"/api/x": good})
    api.broken["/api/x"] = [httpx.Response(500), httpx.ReadTimeout("slow"), httpx.ReadError("reset"), None]
    waits: list[float] = []

    with quick_client(api, waits)(post(), threading.Event()) as client:
        answer = client.send(Request(path="x"))

    assert (answer.status, answer.body) == (200, b'{"ok":true}')
    assert len(api.calls) == 4
    assert len(waits) == 3
    assert waits == sorted(waits), "each wait is longer than the one before"


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:09 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 9.0),
    ],
)
def test_retry_after_is_obeyed_in_seconds_and_as_a_date(headers: dict[str, str], asked: float) -> None:
    api = FakeApi({"/api/x": good})
    api.broken["/api/x"] = [httpx.Response(429, headers=headers)]
    waits: list[float] = []

    with quick_client(api, waits)(post(), threading.Event()) as client:
        client.send(Request(path="x"))

    assert waits == [asked]


@pytest.mark.parametrize("value", ["nan", "inf", "1e400", "9" * 400, "soon"])
def test_a_retry_after_that_is_no_time_is_none(value: str) -> None:
    assert retry_after({"retry-after": value}) is None


def test_a_vendor_that_asks_for_more_time_than_anybody_waits_is_believed_at_once() -> None:
    api = FakeApi({"/api/x": lambda request: httpx.Response(429, headers={"retry-after": "3600"})})
    waits: list[float] = []

    with quick_client(api, waits)(post(), threading.Event()) as client, pytest.raises(TransientError) as caught:
        client.send(Request(path="x"))

    assert (len(api.calls), waits, caught.value.exit_code) == (1, [], 5)
    assert caught.value.hint == "It asks to wait for 60 minutes: pull again then, it goes on where it stopped."


@pytest.mark.parametrize(
    ("dates", "behind"),
    [
        (["Wed, 21 Oct 2026 06:28:00 GMT"], 3599.0),
        (["Wed, 21 Oct 2026 08:28:00 GMT"], 0.0),
        (["Wed, 21 Oct 2026 06:28:00 GMT", "Wed, 21 Oct 2026 07:27:58 GMT"], 1.0),
        (["", "no date"], 0.0),
    ],
)
def test_how_far_a_vendors_clock_is_behind_is_what_all_its_answers_agree_on(dates: list[str], behind: float) -> None:
    ours = datetime(2026, 10, 21, 7, 28, tzinfo=UTC).timestamp()
    told = iter(dates)
    api = FakeApi({"/api/x": lambda request: httpx.Response(200, headers={"date": next(told)})})

    with Client(post(), transport=api.transport(), clock=lambda: ours) as client:
        for _ in dates:
            client.send(Request(path="x"))

        assert client.behind == behind


def test_tries_are_capped_and_the_last_error_says_where() -> None:
    api = FakeApi({"/api/x": lambda request: httpx.Response(503)})

    with quick_client(api)(post(), threading.Event()) as client, pytest.raises(TransientError) as caught:
        client.send(Request(path="x"))

    assert len(api.calls) == 6
    assert str(caught.value) == "post, GET x: the vendor failed (HTTP 503). Pull again later: it goes on where it stopped."


@pytest.mark.parametrize(("status", "kind"), [(401, AuthError), (404, ResponseError), (400, ResponseError)])
def test_what_will_not_help_is_asked_once(status: int, kind: type[PersyncError]) -> None:
    api = FakeApi({"/api/x": lambda request: httpx.Response(status)})

    with quick_client(api)(post(), threading.Event()) as client, pytest.raises(kind):
        client.send(Request(path="x"))

    assert len(api.calls) == 1


def test_a_renewed_token_is_tried_once() -> None:
    class Renewing(Post):
        def renew(self) -> bool:
            self.secret_values["token"] = "fresh"
            return True

    api = FakeApi({"/api/x": lambda r: httpx.Response(200 if r.headers["authorization"] == "Bearer fresh" else 401)})
    connector = Renewing("post", ConnectionSettings(connector="post"), {"token": "old"})

    with quick_client(api)(connector, threading.Event()) as client:
        assert client.send(Request(path="x")).status == 200

    assert len(api.calls) == 2


def test_the_token_goes_to_its_own_host_alone() -> None:
    api = FakeApi({"/api/x": good, "/file": good})

    with quick_client(api)(post(), threading.Event()) as client:
        client.send(Request(path="x"))
        client.send(Request(path="https://storage.example.net/file"))
        client.send(Request(path="https://post.example.com:8443/file"))

    assert [headers.get("authorization") for headers in api.headers] == ["Bearer s3cret", None, None]


def test_a_redirect_is_refused_so_no_token_leaves_its_host() -> None:
    api = FakeApi({"/api/x": lambda r: httpx.Response(302, headers={"location": "https://elsewhere.example.net/"})})

    with quick_client(api)(post(), threading.Event()) as client, pytest.raises(PersyncError) as caught:
        client.send(Request(path="x"))

    assert len(api.calls) == 1
    assert str(caught.value).startswith("post, GET x: the server sends us elsewhere (HTTP 302).")


@pytest.mark.parametrize(
    "url", ["http://post.example.com", "http://10.0.0.7/x", "ftp://x.example.com", "https://", "https://.a"]
)
def test_plain_http_and_what_is_no_url_are_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        checked_url(url, "post")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost/x", "http://[::1]:9/x", "https://a.example.com/"])
def test_loopback_and_https_are_allowed(url: str) -> None:
    assert checked_url(url, "post") == url.rstrip("/")


def test_an_unreachable_host_is_named_and_nothing_else() -> None:
    api = FakeApi({})
    api.broken["/api/x"] = [httpx.ConnectError("name or service not known")] * 6

    with quick_client(api)(post(), threading.Event()) as client, pytest.raises(UnreachableError) as caught:
        client.send(Request(path="x", params={"email": "ann@example.com"}))

    assert len(api.calls) == 3
    assert str(caught.value) == (
        "post, GET x: cannot reach post.example.com. Check the network, and base_url or the account's region in persync.toml."
    )


def test_the_pace_is_asked_before_and_taught_after_every_call() -> None:
    class Counting(Pace):
        waits = [2.0, 0.0, 0.0]
        learnt: list[int] = []

        def before(self, request: Request) -> float:
            return self.waits.pop(0)

        def learn(self, request: Request, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.learnt.append(status)

    class Paced(Post):
        def pace(self) -> Pace:
            return Counting(concurrent=1)

    api = FakeApi({"/api/x": good})
    api.broken["/api/x"] = [httpx.Response(404)]
    waits: list[float] = []
    with quick_client(api, waits)(Paced("post", ConnectionSettings(connector="post"), {"token": "t"}), threading.Event()) as c:
        with pytest.raises(ResponseError):
            c.send(Request(path="x"))
        c.send(Request(path="x"))

    assert waits == [2.0]
    assert Counting.learnt == [404, 200]


def test_a_stopped_run_waits_for_nothing() -> None:
    api = FakeApi({"/api/x": lambda r: httpx.Response(500)})
    stop = threading.Event()
    stop.set()
    client = Client(post(), stop=stop, transport=api.transport())

    with client, pytest.raises(Stopped):
        client.send(Request(path="x"))

    assert len(api.calls) == 1
