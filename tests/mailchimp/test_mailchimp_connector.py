"""Key, data centre, errors and the check of a Mailchimp connection."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from pydantic import ValidationError

from persync.connect import Doubt
from persync.connect.client import Client
from persync.errors import (
    AuthError,
    ConfigError,
    PersyncError,
    ResponseError,
    SkipStreamError,
    TransientError,
    UnreachableError,
)
from persync_mailchimp.connector import Mailchimp, MailchimpSettings, data_center_of

KEY = "0123456789abcdef0123456789abcdef-us21"
PROBLEM = {
    "type": "https://mailchimp.com/developer/marketing/docs/errors/",
    "title": "Wrong User Role",
    "status": 403,
    "detail": "The user ann@example.com may not do this.",
    "instance": "995c5cb0",
}


def make(token: str = KEY, **settings: Any) -> Mailchimp:
    return Mailchimp("letters", MailchimpSettings(connector="mailchimp", **settings), {"token": token})


def failure(status: int, body: bytes | dict[str, Any] = b"", **headers: str) -> PersyncError:
    found = make().failure(status, headers, body if isinstance(body, bytes) else orjson.dumps(body))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("key", "center"),
    [
        (KEY, "us21"),
        ("a-b-c-us5", "us5"),
        (f"  {KEY}\n", "us21"),
        ("0123456789abcdef", None),
        ("0123456789abcdef-", None),
        ("-us21", None),
        ("0123-evil.example.com/", None),
        ("", None),
    ],
)
def test_the_data_center_is_what_follows_the_last_dash(key: str, center: str | None) -> None:
    assert data_center_of(key) == center


def test_the_server_comes_from_the_key_the_setting_or_the_base_url() -> None:
    assert make().base_url() == "https://us21.api.mailchimp.com/3.0"
    assert make("oauthtoken", data_center="us3").base_url() == "https://us3.api.mailchimp.com/3.0"
    assert make(base_url="http://127.0.0.1:9/mailchimp/3.0/").base_url() == "http://127.0.0.1:9/mailchimp/3.0"


@pytest.mark.parametrize("key", ["0123456789abcdef", "0123456789abcdef-"])
def test_a_key_without_its_end_says_what_is_missing_and_not_the_key(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make(key).base_url()

    assert str(caught.value) == (
        "letters: the API key does not end in a data centre (like -us10), so its server is not known."
        " Copy the whole key, or for an OAuth token set data_center in persync.toml."
    )
    assert key not in str(caught.value)


def test_no_key_is_a_sign_in_problem() -> None:
    with pytest.raises(AuthError) as caught:
        make(" ").base_url()

    assert caught.value.exit_code == 4
    assert "MAILCHIMP_API_KEY" in str(caught.value)


@pytest.mark.parametrize("key", ["schlüssel-us1", "two words-us1", "bell\x07-us1"])
def test_a_key_that_no_header_can_carry_is_a_sign_in_problem(key: str) -> None:
    client: Any = None

    with pytest.raises(AuthError, match="characters that no key has"):
        make(key).headers(client)


@pytest.mark.parametrize("center", ["us10.example.com", "US10", "", "10"])
def test_a_data_center_that_cannot_be_one_is_refused(center: str) -> None:
    with pytest.raises(ValidationError, match="is not a data centre"):
        MailchimpSettings(connector="mailchimp", data_center=center)


@pytest.mark.parametrize("name", ["email", "FNAME", "Phone", "birthday", "address"])
def test_what_names_a_person_cannot_be_an_attribute(name: str) -> None:
    with pytest.raises(ValidationError, match="never stored"):
        MailchimpSettings(connector="mailchimp", attributes={name: "consent"})


def test_a_key_signs_as_basic_and_an_oauth_token_as_bearer() -> None:
    client: Any = None

    assert make().headers(client) == {"authorization": f"Basic {b64encode(f'persync:{KEY}'.encode()).decode()}"}
    assert make("token", data_center="us1").headers(client) == {"authorization": "Bearer token"}


def test_four_of_the_ten_connections_are_used() -> None:
    assert make().pace().concurrent == 4


@pytest.mark.parametrize("status", [200, 204, 302])
def test_a_good_answer_is_no_failure(status: int) -> None:
    assert make().failure(status, {}, b"") is None


def test_a_403_with_a_problem_document_skips_the_stream_and_shows_no_address() -> None:
    error = failure(403, PROBLEM)

    assert isinstance(error, SkipStreamError)
    assert error.reason == "role"
    assert error.what == "access denied (HTTP 403, Wrong User Role: The user (address) may not do this)."


@pytest.mark.parametrize("body", [b"", b"<html>Forbidden</html>", b"[]", b"{}", b'"no"'])
def test_a_403_without_a_problem_document_is_a_throttle(body: bytes) -> None:
    error = failure(403, body)

    assert isinstance(error, TransientError)
    assert error.throttled
    assert error.exit_code == 5


@pytest.mark.parametrize(("status", "throttled"), [(429, True), (500, False), (502, False), (504, False), (408, False)])
def test_what_may_pass_is_asked_again(status: int, throttled: bool) -> None:
    error = failure(status, b"<html>")

    assert type(error) is TransientError
    assert error.throttled is throttled


def test_a_wait_that_the_server_asks_for_is_kept() -> None:
    error = failure(429, b"", **{"retry-after": "7"})

    assert isinstance(error, TransientError)
    assert error.wait == 7.0


def test_a_refused_key_is_a_sign_in_problem() -> None:
    error = failure(401, {**PROBLEM, "title": "API Key Invalid", "status": 401, "detail": "Your API key may be invalid."})

    assert type(error) is AuthError
    assert error.what == "the API key was refused (HTTP 401, API Key Invalid: Your API key may be invalid)."
    assert "data centre" in error.hint


def test_what_is_gone_is_told_from_a_wrong_address() -> None:
    gone, wrong = failure(404, {**PROBLEM, "title": "Resource Not Found"}), failure(404, b"<html>nginx</html>")

    assert isinstance(gone, SkipStreamError)
    assert gone.reason == "gone"
    assert type(wrong) is ResponseError
    assert wrong.hint == "Check base_url; for Mailchimp it ends in /3.0."


def test_a_refused_call_names_the_field() -> None:
    problem = {
        "title": "Invalid Resource",
        "status": 400,
        "detail": "Not valid.",
        "errors": [{"field": "count", "message": "too high"}],
    }

    error = failure(400, problem)

    assert type(error) is ResponseError
    assert error.what == "the call was refused (HTTP 400, Invalid Resource: Not valid: count: too high)."


def test_a_problem_over_several_lines_is_told_on_one() -> None:
    assert failure(400, {"title": "Invalid Resource", "detail": "One.\n\nTwo."}).what == (
        "the call was refused (HTTP 400, Invalid Resource: One. Two)."
    )


def test_the_vendors_id_of_a_call_is_the_instance_of_its_problem() -> None:
    assert make().request_id({}, orjson.dumps(PROBLEM)) == "995c5cb0"
    assert make().request_id({}, b"<html>") == ""


def test_the_check_says_what_it_found(imitated: Callable[..., Any], world: Any) -> None:
    account = imitated(world)

    with account.client() as client:
        found = list(account.connector.check(client))

    assert [name for name, _ in found] == ["server", "account", "lists", "campaigns", "stores"]
    assert found[0][1] == "Everything's Chimpy!"
    assert found[1][1].endswith(", role owner, plan monthly, 8 subscribers")
    assert [found[2][1], found[3][1]] == ["1", "5"]
    assert found[4][1] == "2, 1 still being synced: its orders are not all there"
    assert [isinstance(answer, Doubt) for _, answer in found] == [False, False, False, False, True]


def test_the_check_tells_which_calls_the_role_forbids(imitated: Callable[..., Any], world: Any) -> None:
    account = imitated(world)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/campaigns"):
            return httpx.Response(403, json=PROBLEM)
        return account.transport.handle_request(request)  # type: ignore[no-any-return]

    with Client(account.connector, sleep=lambda seconds: False, transport=httpx.MockTransport(answer)) as client:
        found = dict(account.connector.check(client))

    assert found["lists"] == "1"
    assert found["campaigns"].startswith("not readable: access denied (HTTP 403, Wrong User Role")


def test_the_check_believes_a_refused_key(imitated: Callable[..., Any], world: Any) -> None:
    account = imitated(world)
    wrong = Mailchimp("letters", account.connector.settings, {"token": "f" * 32 + "-us0"})

    with account.client(wrong) as client, pytest.raises(AuthError) as caught:
        list(wrong.check(client))

    assert "ffff" not in str(caught.value)
    assert len(account.transport.calls) == 1


@pytest.mark.parametrize(
    ("settings", "token", "source"),
    [
        ({}, "0123456789abcdef0123456789abcdef-us99", "the end of the API key"),
        ({"data_center": "us99"}, "token", "data_center in persync.toml"),
    ],
)
def test_a_wrong_data_center_says_where_it_comes_from(settings: dict[str, str], token: str, source: str) -> None:
    """The host of a data centre that does not exist has no address."""

    def nowhere(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "us99.api.mailchimp.com"
        raise httpx.ConnectError("no such host")

    connector = make(token, **settings)
    client = Client(connector, sleep=lambda seconds: False, transport=httpx.MockTransport(nowhere), tries=2)

    with client, pytest.raises(UnreachableError) as caught:
        list(connector.check(client))

    assert str(caught.value) == (
        "letters, GET ping: cannot reach us99.api.mailchimp.com."
        f" Check the network, and the data centre: 'us99' comes from {source}."
    )


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ({"error": "invalid_token"}, AuthError, "the OAuth token was refused (invalid_token)."),
        ({"dc": "us3"}, ConfigError, "the token belongs to the data centre 'us3', not to 'us7'."),
        ({"dc": "us3.evil.example.com"}, ResponseError, "named no data centre"),
        ([], ResponseError, "named no data centre"),
    ],
)
def test_an_oauth_token_is_checked_at_the_sign_in_server(answer: Any, kind: type[PersyncError], words: str) -> None:
    """That server says 200 to a bad token; the token is shown to it and to the API alone."""
    hosts: list[tuple[str, str]] = []

    def respond(request: httpx.Request) -> httpx.Response:
        hosts.append((request.url.host, request.headers["authorization"]))
        return httpx.Response(200, json=answer if request.url.host == "login.mailchimp.com" else {"health_status": "ok"})

    connector = make("secrettoken", data_center="us7")
    with Client(connector, transport=httpx.MockTransport(respond)) as client, pytest.raises(kind) as caught:
        list(connector.check(client))

    assert words in str(caught.value)
    assert "secrettoken" not in str(caught.value)
    assert hosts == [("us7.api.mailchimp.com", "Bearer secrettoken"), ("login.mailchimp.com", "OAuth secrettoken")]
