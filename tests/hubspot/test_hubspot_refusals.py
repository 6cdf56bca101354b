"""Every shape in which HubSpot refuses, through a whole pull: a named error with place, correlation id and next step."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from persync.connect.client import Client
from persync.connect.pull import PullOptions, PullResult, pull
from persync.errors import (
    AuthError,
    PersyncError,
    QuotaError,
    ResponseError,
    SkipStreamError,
    TransientError,
    UnreachableError,
)
from persync_hubspot import api
from refusals import ADDRESS, Refusing, Shape, check

ID = "c033cdaa-2c40-4a64-ae48-b4cec88dad24"
STREAMS = ("account", "contact_properties", "contacts", "companies", "deal_pipelines")
PATH = api.objects("companies")
HTML = b"<html><body>ann@example.com, 5ec7e7: sorry</body></html>"


def dated(category: str, message: str = f"No, {ADDRESS}.", **more: Any) -> dict[str, Any]:
    """Return an error body of the dated API: category, correlationId, message."""
    return {"status": "error", "message": message, "correlationId": ID, "category": category, **more}


def older(**more: Any) -> dict[str, Any]:
    """Return an error body of v1: without a category."""
    return {"status": "error", "message": f"No, {ADDRESS}.", "correlationId": ID, **more}


def shape(name: str, status: int, body: Any, error: type[PersyncError], what: str, next_step: str, **more: Any) -> Shape:
    return Shape(name, status, body, error, what, next_step, ID, **more)


SCOPES = {"errors": [{"context": {"requiredGranularScopes": ["crm.objects.companies.read"]}}]}
SHAPES = (
    shape("400", 400, dated("VALIDATION_ERROR"), ResponseError, "HubSpot refused the call (HTTP 400): No", "update persync"),
    shape("400 of v1", 400, older(), TransientError, "HubSpot refused the call (HTTP 400): No", "goes on where it stopped"),
    shape("401", 401, dated("INVALID_AUTHENTICATION"), AuthError, "the token was refused (HTTP 401)", "service key", ends=True),
    shape("401 expired", 401, dated("EXPIRED_AUTHENTICATION"), AuthError, "the token was refused", "service key", ends=True),
    shape(
        "403 scope",
        403,
        dated("MISSING_SCOPES", **SCOPES),
        SkipStreamError,
        "the key lacks the scope crm.objects.companies.read (HTTP 403)",
        "Add it to the service key",
        state="skipped",
    ),
    shape(
        "403 tier",
        403,
        dated("FORBIDDEN"),
        SkipStreamError,
        "the account may not read this (HTTP 403): No",
        "higher HubSpot subscription",
        state="skipped",
    ),
    Shape("403 of a proxy", 403, HTML, ResponseError, "access denied (HTTP 403), not by HubSpot itself", "any proxy between"),
    shape("404", 404, dated("OBJECT_NOT_FOUND"), ResponseError, "HubSpot refused the call (HTTP 404)", "update persync"),
    shape("410", 410, older(), SkipStreamError, "HubSpot no longer offers this (HTTP 410)", "Update persync", state="skipped"),
    Shape("414", 414, HTML, ResponseError, "the list of properties is too long for a URL (HTTP 414)", "fewer attributes"),
    shape("423", 423, dated("LOCKED"), TransientError, "HubSpot failed (HTTP 423): No", "goes on where it stopped"),
    shape(
        "429 DAILY",
        429,
        older(policyName="DAILY"),
        QuotaError,
        "the account's calls for today are used up (HTTP 429, DAILY)",
        "midnight in the account's time zone",
        ends=True,
    ),
    *(
        shape(
            f"429 {policy}",
            429,
            older(policyName=policy, errorType="RATE_LIMIT"),
            TransientError,
            f"too many calls (HTTP 429, {policy}): No",
            "goes on where it stopped",
        )
        for policy in ("TEN_SECONDLY_ROLLING", "SECONDLY", "A_POLICY_OF_NEXT_YEAR")
    ),
    Shape("429 without a body", 429, b"", TransientError, "too many calls (HTTP 429, no policy named)", "goes on where"),
    Shape("477", 477, b"", TransientError, "HubSpot failed (HTTP 477)", "goes on where", headers={"retry-after": "3"}),
    *(
        Shape(
            str(status),
            status,
            HTML,
            TransientError,
            f"HubSpot failed (HTTP {status})",
            "goes on where it stopped",
            "h1",
            {"x-hubspot-correlation-id": "h1"},
        )
        for status in (500, 502, 503, 504, 524)
    ),
    shape("530", 530, older(), AuthError, "the token is malformed (HTTP 530)", "service key", ends=True),
    shape("200 with an error", 200, dated("INTERNAL_ERROR"), ResponseError, "the answer is not the JSON that was", "base_url"),
    Shape("200 with HTML", 200, HTML, ResponseError, "the answer is not the JSON that was expected", "Check base_url"),
    Shape("200 and nothing", 200, b"", ResponseError, "the answer is not the JSON that was expected", "Check base_url"),
    Shape(
        "no answer in time", 0, httpx.ReadTimeout("slow"), TransientError, "hub.test did not answer in time", "goes on where"
    ),
    Shape("cut off", 0, httpx.ReadError("reset"), TransientError, "the connection to hub.test broke", "goes on where"),
    Shape("no host", 0, httpx.ConnectError("no"), UnreachableError, "cannot reach hub.test", "Check the network", ends=True),
)


def refused(request: httpx.Request) -> bool:
    return request.url.path == PATH


def pulled(account: Any, store: Path, one: Shape, *, refused: Callable[[httpx.Request], bool] = refused) -> PullResult:
    broken = Refusing(account.transport, refused, one)
    now = account.world.now
    return pull(
        store,
        [account.connector()],
        PullOptions(now=now, streams=STREAMS),
        client=lambda made, stop: Client(made, stop=stop, sleep=account.wait, transport=broken),
        clock=lambda: now / 1000,
    )


@pytest.mark.parametrize("one", SHAPES, ids=lambda one: one.name)
def test_every_refusal_of_hubspots_names_connection_stream_page_request_and_next_step(
    account: Any, tmp_path: Path, one: Shape
) -> None:
    result = pulled(account, tmp_path / "s.db", one)

    said = one.status != 200
    check(result, one, "companies", "hubspot, companies, page 1" + (f", GET {PATH}" if said else ""))


@pytest.mark.parametrize(
    ("file", "status", "error"),
    [
        ("error_400_email_events_bad_type", 400, ResponseError),
        ("error_403_missing_scopes", 403, SkipStreamError),
        ("error_429_daily_doc", 429, QuotaError),
        ("error_429_search_secondly", 429, TransientError),
        ("error_429_ten_secondly", 429, TransientError),
    ],
)
@pytest.mark.shared
def test_hubspots_recorded_refusals_say_the_same(
    samples: Any, account: Any, tmp_path: Path, file: str, status: int, error: type[PersyncError]
) -> None:
    given = samples(file)
    request = "3196b1fe-b2fb-4498-b8f5-afa46570a809" if status == 400 else ID
    ends = error is QuotaError
    state = "skipped" if error is SkipStreamError else "failed"

    result = pulled(account, tmp_path / "s.db", Shape(file, status, given, error, "", "", request))

    one = Shape(file, status, given, error, "", "", request, ends=ends, state=state)
    check(result, one, "companies", f"hubspot, companies, page 1, GET {PATH}")
