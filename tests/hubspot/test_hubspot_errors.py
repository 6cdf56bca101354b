"""What HubSpot's refusals mean, and how fast it is asked."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from persync.connect.stream import Request
from persync.errors import AuthError, PersyncError, QuotaError, ResponseError, SkipStreamError, TransientError
from persync_hubspot.connector import HubSpot, HubSpotSettings
from persync_hubspot.pace import HubSpotPace


@pytest.fixture
def failure() -> Callable[..., PersyncError | None]:
    hub = HubSpot("hubspot", HubSpotSettings(connector="hubspot"), {"token": "pat-na1-x"})

    def read(status: int, body: Any = b"", **headers: str) -> PersyncError | None:
        return hub.failure(status, headers, body if isinstance(body, bytes) else orjson.dumps(body))

    return read


@pytest.mark.parametrize(
    ("policy", "wait"), [("TEN_SECONDLY_ROLLING", 10.0), ("SECONDLY", 1.0), ("", 7.0), ("A_POLICY_OF_NEXT_YEAR", 7.0)]
)
def test_too_many_calls_wait_as_their_policy_says(failure: Any, policy: str, wait: float) -> None:
    error = failure(429, {"status": "error", "message": "Too many.", "policyName": policy}, **{"retry-after": "7"})

    assert type(error) is TransientError
    assert (error.throttled, error.wait, error.shrink) == (True, wait, False)


def test_the_daily_limit_stops_and_says_when_to_come_back(failure: Any) -> None:
    error = failure(429, {"message": "You have reached your daily limit.", "policyName": "DAILY"})

    assert isinstance(error, QuotaError)
    assert "midnight in the account's time zone" in str(error)


def test_a_refused_and_a_malformed_token_are_sign_in_errors(failure: Any) -> None:
    refused, malformed = failure(401, {"message": "expired"}), failure(530)

    assert (type(refused), type(malformed)) == (AuthError, AuthError)
    assert str(refused).startswith("the token was refused (HTTP 401). Make a service key")
    assert str(malformed).startswith("the token is malformed (HTTP 530).")


@pytest.mark.parametrize(
    "body",
    [
        {"category": "MISSING_SCOPES", "errors": [{"context": {"requiredGranularScopes": ["crm.lists.read", "content"]}}]},
        {"category": "MISSING_SCOPES", "context": {"missingScopes": ["content", "crm.lists.read", "content"]}},
    ],
)
def test_a_missing_scope_skips_the_stream_and_names_the_scope(failure: Any, body: Any) -> None:
    error = failure(403, body)

    assert isinstance(error, SkipStreamError)
    assert error.reason == "scope"
    assert str(error) == "the key lacks the scope content or crm.lists.read (HTTP 403). Add it to the service key in HubSpot."


def test_a_tier_that_is_too_low_skips_the_stream(failure: Any) -> None:
    error = failure(403, {"status": "error", "category": "FORBIDDEN", "message": "Your portal has no Marketing Pro."})

    assert isinstance(error, SkipStreamError)
    assert error.reason == "tier"
    assert "Your portal has no Marketing Pro" in str(error)


def test_a_denial_that_is_not_hubspots_is_no_skipped_stream(failure: Any) -> None:
    error = failure(403, b"<html>blocked by a firewall</html>")

    assert type(error) is ResponseError
    assert "not by HubSpot itself" in str(error)


@pytest.mark.parametrize("status", [408, 423, 477, 500, 502, 503, 504, 524])
def test_what_may_pass_is_asked_again(failure: Any, status: int) -> None:
    error = failure(status, b"<html>", **{"retry-after": "30"})

    assert type(error) is TransientError
    assert (error.throttled, error.wait) == (False, 30.0)


def test_a_locked_account_is_asked_again_after_two_seconds(failure: Any) -> None:
    assert failure(423).wait == 2.0
    assert failure(502).wait is None


def test_a_dead_offset_can_be_got_round_and_a_wrong_question_cannot(failure: Any) -> None:
    dead = failure(400, {"status": "error", "message": "whatever HubSpot says about offsets", "correlationId": "c"})
    wrong = failure(400, {"status": "error", "message": "Invalid input JSON on line -1", "correlationId": "c"})
    modern = failure(
        400, {"status": "error", "message": "limit too large", "correlationId": "c", "category": "VALIDATION_ERROR"}
    )

    assert type(dead) is TransientError
    assert dead.shrink
    assert (type(wrong), type(modern)) == (ResponseError, ResponseError)


def test_other_refusals_are_told_in_one_line(failure: Any) -> None:
    assert failure(200, b"not looked at") is None
    assert failure(207) is None
    assert type(failure(414)) is ResponseError
    assert "fewer attributes" in str(failure(414))
    assert failure(410).reason == "gone"
    assert failure(404, {"message": "resource\nnot found"}).what == "HubSpot refused the call (HTTP 404): resource not found."


def test_the_correlation_id_is_the_request_id() -> None:
    hub = HubSpot("hubspot", HubSpotSettings(connector="hubspot"), {"token": "pat-na1-x"})

    assert hub.request_id({}, b'{"correlationId": "c033cdaa"}') == "c033cdaa"
    assert hub.request_id({"x-hubspot-correlation-id": "h1"}, b"<html>") == "h1"


def test_an_error_of_a_call_names_it_and_never_the_token(account: Any) -> None:
    connector = account.connector()
    connector.secret_values["token"] = "pat-na1-secret"

    with account.client(connector) as client, pytest.raises(AuthError) as refused:
        client.get_json("/account-info/2026-09/details")

    assert str(refused.value).startswith("hubspot, GET /account-info/2026-09/details, request ")
    assert "secret" not in str(refused.value)


def test_settings_refuse_what_names_a_person_and_models_that_do_not_exist() -> None:
    with pytest.raises(ValidationError, match="'firstname' says who a person is"):
        HubSpotSettings(connector="hubspot", attributes={"firstname": "consent"})
    with pytest.raises(ValidationError, match="Did you mean 'LINEAR'"):
        HubSpotSettings(connector="hubspot", claim_models=("LINEARE",))
    with pytest.raises(ValidationError, match="at least one attribution model"):
        HubSpotSettings(connector="hubspot", claim_models=())


# -- pace --------------------------------------------------------------------------------------------------------------

LIST = Request(path="/crm/objects/2026-09/contacts")
SEARCH = Request("POST", "/crm/objects/2026-09/contacts/search")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_calls_stay_under_the_rolling_limit_that_the_headers_teach(headers_of: Any) -> None:
    clock = Clock()
    pace = HubSpotPace(concurrent=4, clock=clock)

    assert [pace.before(LIST) for _ in range(100)] == [0.0] * 100
    assert pace.before(LIST) == 10.0
    pace.learn(LIST, 200, headers_of({"X-HubSpot-RateLimit-Max": "190", "X-HubSpot-RateLimit-Remaining": "90"}), b"")
    assert [pace.before(LIST) for _ in range(90)] == [0.0] * 90
    clock.now += 4
    assert pace.before(LIST) == 6.0
    clock.now += 6.001
    assert pace.before(LIST) == 0.0


def test_calls_of_others_with_the_same_app_take_their_place(headers_of: Any) -> None:
    clock = Clock()
    pace = HubSpotPace(concurrent=4, clock=clock)
    told = {
        "X-HubSpot-RateLimit-Max": "110",
        "X-HubSpot-RateLimit-Remaining": "2",
        "X-HubSpot-RateLimit-Interval-Milliseconds": "5000",
    }

    assert pace.before(LIST) == 0.0
    pace.learn(LIST, 200, headers_of(told), b"")

    assert [pace.before(LIST) for _ in range(3)] == [0.0, 0.0, 5.0]
    clock.now += 5
    assert pace.before(LIST) == 0.0


def test_searches_are_counted_apart_five_a_second() -> None:
    clock = Clock()
    pace = HubSpotPace(concurrent=4, clock=clock)

    assert [pace.before(SEARCH) for _ in range(6)] == [0.0] * 5 + [1.0]
    assert pace.before(LIST) == 0.0
    clock.now += 0.4
    assert pace.before(SEARCH) == pytest.approx(0.6)
    clock.now += 0.6
    assert [pace.before(SEARCH) for _ in range(6)] == [0.0] * 5 + [1.0]


def test_an_answer_without_limits_teaches_nothing() -> None:
    pace = HubSpotPace(concurrent=4, clock=Clock())
    pace.learn(SEARCH, 200, {"x-hubspot-ratelimit-max": "many"}, b"")

    assert [pace.before(LIST) for _ in range(101)][-2:] == [0.0, 10.0]
