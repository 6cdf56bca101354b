"""Tiers, scopes, limits: what the account allows, what a pull makes of a refusal, and how it stops at the end of the day."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect.pull import PullOptions, PullResult, pull
from persync.errors import AuthError, QuotaError
from persync_hubspot.connector import HubSpot, HubSpotSettings
from persync_hubspot.sandbox_terms import TIERS, Terms, TooMany, lacking
from support import table

Make = Callable[..., Any]
ACCOUNT = "/account-info/2026-09/details"
SEARCH = "/crm/objects/2026-09/0-1/search"
DAILY = {"message": "You have reached your daily limit.", "policyName": "DAILY"}


def pulled(store: Path, account: Any) -> PullResult:
    return pull(store, [account.connector()], PullOptions(now=account.world.now), client=account.client)


def held(result: PullResult) -> dict[str, str]:
    return {one.stream: one.reason.partition(":")[0] for one in result.streams if one.state == "skipped"}


# -- what is refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "missing"),
    [
        (
            "free",
            {"subscription_types", "subscription_statuses", "campaigns", "feedback"},
        ),
        ("starter", {"subscription_statuses", "campaigns", "feedback"}),
        ("pro", {"subscription_statuses"}),
        ("enterprise", set()),
    ],
)
def test_a_subscription_that_is_too_low_costs_its_own_streams_alone(
    account_of: Make, tmp_path: Path, tier: str, missing: set[str]
) -> None:
    """What a tier does not have is said and is a hole in coverage; the rest is read and nothing failed."""
    result = pulled(tmp_path / "a.db", account_of(terms=Terms(tier=tier)))

    assert result.exit_code == 0
    assert held(result) == dict.fromkeys(missing, "tier")
    holes = table(tmp_path / "a.db", "SELECT DISTINCT stream FROM coverage WHERE state != 'complete'")
    assert {stream for (stream,) in holes} == missing


@pytest.mark.parametrize(
    ("scope", "missing"),
    [
        ("crm.lists.read", {"lists"}),
        ("marketing.campaigns.revenue.read", {"campaign_revenue"}),
        ("communication_preferences.read", {"subscription_types"}),
    ],
)
def test_a_missing_scope_is_named_and_the_rest_goes_on(account_of: Make, tmp_path: Path, scope: str, missing: set[str]) -> None:
    result = pulled(tmp_path / "a.db", account_of(terms=Terms(without=lacking([scope]))))

    assert (result.exit_code, held(result)) == (0, dict.fromkeys(missing, "scope"))
    (reason,) = {one.reason for one in result.streams if one.state == "skipped"}
    assert reason.startswith(f"scope: the key lacks the scope {scope} (HTTP 403).")


def test_a_scope_that_no_path_asks_for_cannot_be_taken_away() -> None:
    with pytest.raises(ValueError, match="no path asks for crm.list.read"):
        lacking(["crm.list.read"])


# -- how much may be asked -------------------------------------------------------------------------------------------------


def test_the_day_ends_with_a_cursor_and_the_next_day_goes_on(account_of: Make, tmp_path: Path) -> None:
    """Exit code 5; what was read stays; with the calls back the pull ends where it would have ended at once."""
    whole = account_of()
    pulled(tmp_path / "whole.db", whole)
    terms = Terms(daily=25)
    account = account_of(terms=terms)
    first = pulled(tmp_path / "a.db", account)
    (error,) = first.errors
    kept = table(tmp_path / "a.db", "SELECT count(*) FROM contacts")
    terms.daily = None
    second = pulled(tmp_path / "a.db", account)

    assert (first.exit_code, type(error)) == (5, QuotaError)
    assert "DAILY" in str(error)
    assert kept == [(5,)]
    assert second.exit_code == 0
    for one in ("contacts", "consents", "touchpoints", "campaigns", "orders", "stages", "claims", "costs"):
        count = f"SELECT count(*) FROM {one}"
        assert table(tmp_path / "a.db", count) == table(tmp_path / "whole.db", count), one


def test_the_end_of_the_day_is_told_in_the_accounts_own_zone() -> None:
    """The zone is learnt from the account, the time from the answer: 23:30 UTC is the next day in Berlin."""
    hub = HubSpot("hubspot", HubSpotSettings(connector="hubspot"), {"token": "pat-na1-x"})
    from persync.connect.stream import Request

    before = hub.failure(429, {}, orjson.dumps(DAILY))
    hub.pace().learn(Request(path=ACCOUNT), 200, {}, b'{"timeZone": "Europe/Berlin"}')
    after = hub.failure(429, {"date": "Thu, 01 Oct 2026 23:30:00 GMT"}, orjson.dumps(DAILY))
    undated = hub.failure(429, {}, orjson.dumps(DAILY))

    assert before is not None
    assert before.hint.startswith("They come back at midnight in the account's time zone;")
    assert after is not None
    assert after.hint.startswith("They come back at 2026-10-03 00:00 Europe/Berlin (midnight in the account's time zone);")
    assert undated is not None
    assert undated.hint == before.hint


@pytest.mark.parametrize(
    ("policy", "waits"),
    [("TEN_SECONDLY_ROLLING", [10.0, 20.0, 30.0, 40.0, 50.0, 50.0]), ("SECONDLY", [1.0, 2.0, 3.0, 4.0, 5.0, 5.0])],
)
def test_each_refusal_in_a_row_waits_longer_and_a_good_answer_ends_the_row(policy: str, waits: list[float]) -> None:
    """As HubSpot's own client: the policy's seconds times the attempt."""
    hub = HubSpot("hubspot", HubSpotSettings(connector="hubspot"), {"token": "pat-na1-x"})
    body = orjson.dumps({"message": "slow down", "policyName": policy})
    told: list[Any] = [hub.failure(429, {}, body) for _ in waits]
    assert hub.failure(200, {}, b"") is None
    again: Any = hub.failure(429, {}, body)

    assert [error.wait for error in told] == waits
    assert again.wait == waits[0]


@pytest.mark.parametrize(
    ("token", "says"), [("pat-na1-x", "Make a service key"), ("CLu...", "It does not look like a service key; OAuth tokens")]
)
def test_a_refused_token_that_is_no_service_key_is_told_so(token: str, says: str) -> None:
    hub = HubSpot("hubspot", HubSpotSettings(connector="hubspot"), {"token": token})
    error = hub.failure(401, {}, b'{"message": "expired"}')

    assert isinstance(error, AuthError)
    assert error.hint.startswith(says)
    assert token not in str(error)


# -- the imitation's limits ------------------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_imitation_refuses_as_hubspot_does_and_searches_are_counted_apart(account_of: Make) -> None:
    clock = Clock()
    account = account_of(terms=Terms(tier="starter", clock=clock))
    listed = [account.ask("GET", ACCOUNT) for _ in range(101)]
    searched = [account.ask("POST", SEARCH, json={}) for _ in range(6)]
    clock.now = 10.0
    again = account.ask("GET", ACCOUNT)

    assert [answer.status_code for answer in listed] == [200] * 100 + [429]
    assert listed[0].headers["x-hubspot-ratelimit-remaining"] == "99"
    told = listed[-1].json()
    assert (told["policyName"], told["errorType"]) == ("TEN_SECONDLY_ROLLING", "RATE_LIMIT")
    assert [answer.status_code for answer in searched] == [200] * 5 + [429]
    assert searched[-1].json()["policyName"] == "SECONDLY"
    assert not [name for name in searched[-1].headers if "ratelimit" in name or name == "retry-after"]
    assert again.status_code == 200


def test_the_daily_limit_of_the_imitation_leaves_the_usage_readable(account_of: Make) -> None:
    account = account_of(terms=Terms(daily=1))
    answers = [account.ask("GET", ACCOUNT) for _ in range(2)]
    usage = account.ask("GET", "/account-info/2026-09/api-usage/daily/private-apps")

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json()["policyName"] == "DAILY"
    assert usage.json()["results"][0]["currentUsage"] == 1_000_000


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("add_on", [False, True])
def test_every_tier_has_its_window_and_its_day(tier: str, add_on: bool) -> None:
    terms = Terms(tier=tier, add_on=add_on)
    window = {"free": 100, "starter": 100, "pro": 190, "enterprise": 190}[tier]
    day = {"free": 250_000, "starter": 250_000, "pro": 650_000, "enterprise": 1_000_000}[tier]

    assert terms.headers()["X-HubSpot-RateLimit-Max"] == str(250 if add_on else window)
    assert terms.headers()["X-HubSpot-RateLimit-Daily"] == str(day + (1_000_000 if add_on else 0))


def test_under_oauth_no_header_tells_of_the_day() -> None:
    assert not [name for name in Terms(is_oauth=True).headers() if "Daily" in name]


def test_a_pull_at_the_limit_is_refused_nothing(account_of: Make, tmp_path: Path) -> None:
    """Paced by the same clock as the imitation: not one call too many, of lists or of searches."""
    terms = Terms(tier="starter")
    account = account_of(terms=terms)
    terms.clock = lambda: account.waited
    result = pulled(tmp_path / "a.db", account)

    assert result.exit_code == 0
    assert [answer.status_code for answer in account.transport.answers if answer.status_code == 429] == []
    assert account.waited > 0


def test_a_limit_is_an_error_body_with_its_policy() -> None:
    assert TooMany("SECONDLY").body("c") == {
        "status": "error",
        "message": "You have reached your secondly limit.",
        "correlationId": "c",
        "category": "RATE_LIMITS",
        "errorType": "RATE_LIMIT",
        "policyName": "SECONDLY",
    }
