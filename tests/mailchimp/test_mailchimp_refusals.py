"""Every shape in which Mailchimp refuses, through a whole pull: a named error with place, vendor's id and next step."""

import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from persync.connect.client import TIMEOUT, Client
from persync.connect.connector import Connector
from persync.connect.stream import Request
from persync.errors import (
    AuthError,
    PersyncError,
    ResponseError,
    SkipStreamError,
    TransientError,
    UnreachableError,
)
from persync.sandbox.world import World
from persync_mailchimp.connector import Mailchimp
from refusals import ADDRESS, SECRET, Refusing, Shape, check

ID = "995c5cb0-3280-4a6e-808b-3b096d0bb219"
LIST = "0a1b2c3d4e"
STREAMS = ("account", "lists", "members", "campaigns", "reports")


def problem(status: int, title: str, detail: str = "No.", **more: Any) -> dict[str, Any]:
    """Return a problem document, `instance` being the id that Mailchimp's support asks for."""
    kind = "https://mailchimp.com/developer/marketing/docs/errors/"
    return {"type": kind, "title": title, "status": status, "detail": detail, "instance": ID, **more}


HTML = b"<html><body>ann@example.com, 5ec7e7: sorry</body></html>"
INVALID = {"errors": [{"field": "since_send_time", "message": f"no date of {ADDRESS}"}]}
SHAPES = (
    Shape(
        "400", 400, problem(400, "Bad Request"), ResponseError, "the call was refused (HTTP 400, Bad Request: No)", "update", ID
    ),
    Shape(
        "400 with fields",
        400,
        problem(400, "Invalid Resource", **INVALID),
        ResponseError,
        "the call was refused (HTTP 400, Invalid Resource: No: since_send_time: no date of (address)",
        "update persync",
        ID,
    ),
    Shape(
        "401",
        401,
        problem(401, "API Key Invalid"),
        AuthError,
        "the API key was refused (HTTP 401, API Key Invalid: No)",
        "Make an API key",
        ID,
        ends=True,
    ),
    Shape(
        "403 role",
        403,
        problem(403, "Wrong User Role", f"{ADDRESS} may not."),
        SkipStreamError,
        "access denied (HTTP 403, Wrong User Role: (address) may not)",
        "role Manager or higher",
        ID,
        state="skipped",
    ),
    Shape(
        "403 deactivated or plan",
        403,
        problem(403, "User Disabled"),
        SkipStreamError,
        "access denied (HTTP 403, User Disabled",
        "the plan must include this, and the account must be active",
        ID,
        state="skipped",
    ),
    Shape("403 without JSON", 403, HTML, TransientError, "too many requests (HTTP 403 without a reason)", "ten connections"),
    Shape("403 empty", 403, b"", TransientError, "too many requests (HTTP 403 without a reason)", "ten connections"),
    Shape(
        "404 gone",
        404,
        problem(404, "Resource Not Found"),
        SkipStreamError,
        "it is gone (HTTP 404, Resource Not Found: No)",
        "It was deleted in Mailchimp",
        ID,
        state="skipped",
    ),
    Shape("404 no API", 404, HTML, ResponseError, "there is nothing at this address (HTTP 404)", "Check base_url"),
    Shape(
        "405", 405, problem(405, "Method Not Allowed"), ResponseError, "the call was refused (HTTP 405", "update persync", ID
    ),
    Shape("408", 408, b"", TransientError, "Mailchimp failed (HTTP 408)", "Pull again"),
    Shape("414", 414, HTML, ResponseError, "the call was refused (HTTP 414)", "update persync"),
    Shape("422", 422, problem(422, "Unprocessable"), ResponseError, "the call was refused (HTTP 422", "update persync", ID),
    Shape("426", 426, b"", ResponseError, "the connection is not safe enough for Mailchimp (HTTP 426)", "TLS 1.2"),
    Shape(
        "429",
        429,
        problem(429, "Too Many Requests"),
        TransientError,
        "too many requests (HTTP 429, Too Many Requests: No)",
        "ten connections",
        ID,
    ),
    Shape(
        "429 with Retry-After",
        429,
        b"",
        TransientError,
        "too many requests (HTTP 429)",
        "ten connections",
        headers={"retry-after": "3"},
    ),
    Shape(
        "500",
        500,
        problem(500, "Internal Server Error"),
        TransientError,
        "Mailchimp failed (HTTP 500, Internal Server Error",
        "goes on where it stopped",
        ID,
    ),
    *(
        Shape(str(status), status, HTML, TransientError, f"Mailchimp failed (HTTP {status})", "goes on where it stopped")
        for status in (502, 503, 504)
    ),
    Shape(
        "200 with a problem",
        200,
        problem(500, "Internal Server Error"),
        ResponseError,
        "the answer is not the JSON that was expected (reports: Field required)",
        "Check base_url",
        ID,
    ),
    Shape(
        "200 with a page of HTML", 200, HTML, ResponseError, "the answer is not the JSON that was expected", "Check base_url"
    ),
    Shape("200 cut short", 200, b'{"reports": [{"id"', ResponseError, "the answer is not the JSON that was", "Check base_url"),
    Shape(
        "200 with another list",
        200,
        {"members": [], "total_items": 0},
        ResponseError,
        "the answer is not the JSON that was expected (reports: Field required)",
        "Check base_url",
    ),
    Shape("200 and nothing", 200, b"", ResponseError, "the answer is not the JSON that was expected", "Check base_url"),
    Shape(
        "200 with none of those counted",
        200,
        {"reports": [], "total_items": 7},
        ResponseError,
        "nothing came, although the vendor counts 7",
        "Pull again",
    ),
    Shape(
        "elsewhere",
        302,
        b"",
        PersyncError,
        "the server sends us elsewhere (HTTP 302)",
        "Check base_url",
        headers={"location": "https://example.com/"},
    ),
    Shape(
        "no answer in time", 0, httpx.ReadTimeout("slow"), TransientError, "127.0.0.1 did not answer in time", "goes on where"
    ),
    Shape("cut off", 0, httpx.ReadError("reset"), TransientError, "the connection to 127.0.0.1 broke", "goes on where"),
    Shape("damaged", 0, httpx.DecodingError("zip"), TransientError, "127.0.0.1 sent a damaged answer", "goes on where"),
    Shape("no host", 0, httpx.ConnectError("no"), UnreachableError, "cannot reach 127.0.0.1", "Check the network", ends=True),
)


def refused(request: httpx.Request) -> bool:
    return request.url.path == "/3.0/reports"


def pulled(pulls: Any, account: Any, shape: Shape) -> Any:
    """Pull an account whose second page of reports, the first that names any, is answered in a shape."""
    connector = Mailchimp("letters", account.connector.settings, {"token": account.key})
    store = pulls(account)
    account.connector = connector
    account.client = lambda one, stop=None: Client(
        one, stop=stop, sleep=lambda seconds: False, transport=Refusing(account.transport, refused, shape)
    )
    return store.pull(streams=STREAMS)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_refusal_names_connection_stream_page_request_and_next_step(
    pulls: Any, imitated: Any, world: World, shape: Shape
) -> None:
    result = pulled(pulls, imitated(world), shape)

    by_status = shape.status != 200
    check(result, shape, "reports", "letters, reports, page 2" + (", GET reports" if by_status else ""), kept=True)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "status", "error", "request_id"),
    [
        ("error_problem.json", 404, SkipStreamError, ID),
        ("error_invalid_resource.json", 400, ResponseError, ""),
    ],
)
def test_the_vendors_own_samples_of_refusals_say_the_same(
    shared: Path, pulls: Any, imitated: Any, world: World, file: str, status: int, error: type[PersyncError], request_id: str
) -> None:
    body = (shared / "specs" / "samples" / "mailchimp" / file).read_bytes()

    result = pulled(pulls, imitated(world), Shape(file, status, body, error, "", ""))

    (found,) = [one.error for one in result.streams if one.stream == "reports"]
    assert type(found) is error
    assert found.where.startswith("letters, reports, page 2, GET reports")
    assert request_id in found.where
    assert found.hint


def test_a_call_may_take_the_vendors_two_minutes() -> None:
    """Mailchimp's own servers give a call up after 120 seconds and say so: whoever hangs up sooner never hears it."""
    assert TIMEOUT.read is not None
    assert TIMEOUT.read > 120


def test_a_page_that_is_halved_is_still_the_same_page(pulls: Any, imitated: Any, world: World) -> None:
    shape = Shape("500", 500, problem(500, "Internal Server Error"), TransientError, "Mailchimp failed", "", ID)
    account = imitated(world)
    asked: list[str] = []

    def members(request: httpx.Request) -> bool:
        if request.url.path.endswith("/members"):
            asked.append(request.url.params["count"])
        return request.url.path.endswith("/members")

    store = pulls(account)
    account.client = lambda one, stop=None: Client(
        one, stop=stop, sleep=lambda seconds: False, transport=Refusing(account.transport, members, shape)
    )
    result = store.pull(streams=("account", "lists", "members"))

    check(result, shape, "members", f"letters, members {LIST}, page 1, GET lists/{LIST}/members")
    assert list(dict.fromkeys(asked)) == ["1000", "500", "250", "125", "62"]


# -- ten connections over all programs ----------------------------------------------------------------------------------


class Crowd(httpx.BaseTransport):
    """Keeps every call until `expected` of them are open at once; notes the most that ever were."""

    def __init__(self, inner: httpx.BaseTransport, expected: int) -> None:
        self.inner, self.expected = inner, expected
        self.open = self.most = 0
        self.changed = threading.Condition()
        self.full = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self.changed:
            self.open += 1
            self.most = max(self.most, self.open)
            self.full |= self.open == self.expected
            self.changed.notify_all()
            assert self.changed.wait_for(lambda: self.full, timeout=30)
        try:
            return self.inner.handle_request(request)
        finally:
            with self.changed:
                self.open -= 1


def test_of_twelve_callers_four_are_let_through_at_a_time(imitated: Any, world: World) -> None:
    """However many threads a connection has: four calls meet, a fifth never."""
    account = imitated(world)
    crowd = Crowd(account.transport, 4)
    ready = threading.Barrier(12)

    def call(client: Client) -> None:
        ready.wait(30)
        client.send(Request(path="ping"))

    with Client(account.connector, sleep=lambda seconds: False, transport=crowd) as client:
        threads = [threading.Thread(target=call, args=(client,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert (crowd.most, len(account.transport.calls)) == (4, 12)


def test_a_pull_opens_four_calls_at_once_and_never_a_fifth(pulls: Any, imitated: Any, rich: World) -> None:
    """The streams of every campaign's recipients are read side by side: far more than four calls are due at once."""
    account = imitated(rich)
    store = pulls(account)
    crowd: list[Crowd] = []

    def client(connector: Connector, stop: threading.Event | None = None) -> Client:
        crowd.append(Crowd(account.transport, 4))
        crowd[0].full = True
        return Client(connector, stop=stop, sleep=lambda seconds: False, transport=_Where(account.transport, crowd[0]))

    account.client = client
    assert store.pull().exit_code == 0

    assert crowd[0].most == 4


class _Where(httpx.BaseTransport):
    """Gathers a crowd at the recipients' streams alone: before them there is less to ask for than four things."""

    def __init__(self, inner: httpx.BaseTransport, crowd: Crowd) -> None:
        self.inner, self.crowd, self.begun = inner, crowd, False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(("/sent-to", "/email-activity", "/open-details", "/click-details")):
            if not self.begun:
                self.begun, self.crowd.full = True, False
            return self.crowd.handle_request(request)
        return self.inner.handle_request(request)


def test_the_secret_of_these_tests_is_in_the_shapes_that_quote_one() -> None:
    assert SECRET.encode() in HTML
    assert ADDRESS.encode() in HTML
