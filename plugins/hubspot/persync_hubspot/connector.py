"""HubSpot as persync sees it: how calls are signed and paced, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import field_validator

from persync.connect import Guide
from persync.connect.connector import ConnectionSettings, Connector, retry_after
from persync.connect.stream import AccountFacts, Request
from persync.connect.totals import Total
from persync.errors import (
    AuthError,
    PersyncError,
    QuotaError,
    ResponseError,
    SkipStreamError,
    TransientError,
    nearest,
)
from persync_hubspot import api, properties
from persync_hubspot.account import DailyUsage, daily_usage, wrong_names
from persync_hubspot.association_readers import FAILED
from persync_hubspot.pace import HubSpotPace
from persync_hubspot.readers import MODELS
from persync_hubspot.streams import STREAMS
from persync_hubspot.totals_crm import crm_totals
from persync_hubspot.totals_mail import mail_totals

if TYPE_CHECKING:
    from persync.connect.client import Client

HELP = (
    "Make a service key in HubSpot under Development > Keys > Service keys with the scopes that its guide lists "
    "and put it where HUBSPOT_ACCESS_TOKEN is looked up."
)
AGAIN = "Pull again: it goes on where it stopped."
CHANGED = "HubSpot may have changed this call: update persync."
MOST_ATTEMPTS = 5
"""several threads may be refused at once: their refusals are not all attempts of one call"""
_WAITS = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0}
_TRANSIENT = frozenset({408, 423, 477, 500, 502, 503, 504, 521, 522, 523, 524})


class HubSpotSettings(ConnectionSettings):
    """What a HubSpot connection may say besides."""

    claim_models: tuple[str, ...] = MODELS
    """the attribution models whose revenue report is read for each campaign"""

    @field_validator("attributes")
    @classmethod
    def _no_identities(cls, attributes: dict[str, str]) -> dict[str, str]:
        for name in attributes:
            if name in properties.IDENTIFYING:
                raise ValueError(f"'{name}' says who a person is or where they live; persync never stores it")
        return attributes

    @field_validator("claim_models")
    @classmethod
    def _known_models(cls, models: tuple[str, ...]) -> tuple[str, ...]:
        for model in models:
            if model not in MODELS:
                raise ValueError(f"HubSpot has no attribution model '{model}'. {nearest(model, MODELS)}")
        if not models:
            raise ValueError("name at least one attribution model")
        return models


class AccountPace(HubSpotPace):
    """A pace that also remembers the zone of the account, in whose midnight a day's calls come back."""

    zone: str | None = None

    def learn(self, request: Request, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take note of limits, and of the zone when the account told it."""
        super().learn(request, status, headers, body)
        if request.path == api.ACCOUNT and status == 200:
            zone = _parsed(body).get("timeZone")
            self.zone = zone if isinstance(zone, str) else None


class HubSpot(Connector):
    """HubSpot's dated API, signed with a service key (tokens of older private apps work the same until they end)."""

    name = "hubspot"
    title = "HubSpot"
    settings_type = HubSpotSettings
    secrets = {"token": "HUBSPOT_ACCESS_TOKEN"}  # noqa: RUF012 - declared ClassVar in the base
    streams = STREAMS
    api_version = api.API_VERSION
    supported_until = api.SUPPORTED_UNTIL
    help = HELP
    guide = Guide(
        steps=(
            "In HubSpot open Development > Keys > Service keys and make a service key.",
            "Give it the scopes below; persync only reads.",
            "Give persync the key: it begins with pat-. The token of an older private app works until September 2027.",
        ),
        page="https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/account-service-keys",
        limits=(
            "Subscription: surveys need Service Professional; campaigns with budget, spend and claimed revenue Marketing "
            "Professional; kinds of subscription Marketing Starter; consent by address with its legal basis Marketing "
            "Enterprise. Contacts, deals, orders, lists and e-mails come with every subscription.",
            "What a subscription lacks is left out and said; opt-outs are then known from the contacts, without a legal basis.",
            "Sends, opens and clicks by person come from HubSpot's older API, which it supports until September 2027.",
        ),
    )

    _pace: AccountPace | None = None
    _refused = 0
    """refusals for too many calls since the last good answer"""

    def base_url(self) -> str:
        """Return the one host that serves every account, or the one the settings name."""
        return (self.settings.base_url or api.BASE_URL).rstrip("/")

    def headers(self, client: Client) -> Mapping[str, str]:
        """Return the bearer token."""
        return {"Authorization": f"Bearer {self.secret_values['token']}"}

    def pace(self) -> HubSpotPace:
        """Return a pace that learns the account's limits from its answers, and its time zone."""
        self._pace = AccountPace(concurrent=self.workers)
        return self._pace

    def check(self, client: Client) -> Iterator[tuple[str, str]]:
        """Read the account and the day's use of calls, and hold the names of properties against those it has."""
        details = client.get_json(api.ACCOUNT)
        yield "account", f"portal {details['portalId']}, {details['companyCurrency']}, {details['timeZone']}"
        used = self._usage(client)
        if used is not None:
            yield "calls today", str(used)
        for kind, problem in wrong_names(client, self.settings.attributes):
            yield f"{kind} properties", problem

    @staticmethod
    def _usage(client: Client) -> DailyUsage | None:
        try:
            return daily_usage(client)
        except SkipStreamError:
            return None

    def totals(self, client: Client, account: AccountFacts) -> Iterator[Total]:
        """Yield HubSpot's own counts and statistics for `persync reconcile`."""
        yield from crm_totals(client, account)
        yield from mail_totals(client)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> PersyncError | None:
        """Return the error an answer stands for, reading HubSpot's error body where there is one."""
        if status < 400:
            self._refused = 0
            return _nothing_read(_parsed(body)) if status == 207 else None
        told = _parsed(body)
        message = " ".join(str(told.get("message") or "").split()).rstrip(".")
        said = f": {message[:300]}" if message else ""
        if status == 429:
            self._refused += 1
            return _throttled(told, headers, said, self._refused, self._pace.zone if self._pace else None)
        if status in (401, 530):
            what = "the token is malformed" if status == 530 else "the token was refused"
            return AuthError(f"{what} (HTTP {status}).", hint=self._sign_in())
        if status == 403:
            return _denied(told, said)
        if status in _TRANSIENT:
            wait = retry_after(headers)
            return TransientError(
                f"HubSpot failed (HTTP {status}){said}.", wait=2.0 if wait is None and status == 423 else wait, hint=AGAIN
            )
        if status == 414:
            return ResponseError(
                "the list of properties is too long for a URL (HTTP 414).",
                hint="Opt in to fewer attributes for this connection.",
            )
        if status == 410:
            return SkipStreamError(f"HubSpot no longer offers this (HTTP 410){said}.", reason="gone", hint="Update persync.")
        if status == 400 and told.get("status") == "error" and "category" not in told and "Invalid input" not in message:
            # The v1 API's answer to an offset that has died; its wording is not promised, its older shape is.
            return TransientError(f"HubSpot refused the call (HTTP 400){said}.", shrink=True, hint=AGAIN)
        error = ResponseError(f"HubSpot refused the call (HTTP {status}){said}.", hint=CHANGED)
        error.is_missing = status == 404 and told.get("category") == "OBJECT_NOT_FOUND"
        return error

    def _sign_in(self) -> str:
        """Return what to do about a refused token. A service key and an old private app's token both begin with pat-."""
        if str(self.secret_values.get("token", "")).startswith("pat-"):
            return HELP
        return f"It does not look like a service key; OAuth tokens, which end after 30 minutes, are not supported. {HELP}"

    def request_id(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return HubSpot's correlationId, which its support asks for."""
        return str(_parsed(body).get("correlationId") or headers.get("x-hubspot-correlation-id", ""))


def _nothing_read(told: Mapping[str, Any]) -> PersyncError | None:
    """Return the error of an answer with HTTP 207 that holds nothing because HubSpot failed; with a part of it the reader
    deals, and what is not there is no failure."""
    failed = [one for one in told.get("errors") or () if str(one.get("category") or "").upper() in FAILED]
    if told.get("results") or not failed:
        return None
    return TransientError("HubSpot failed to read what was asked for (HTTP 207).", hint=AGAIN)


def _parsed(body: bytes) -> dict[str, Any]:
    import orjson

    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _throttled(told: Mapping[str, Any], headers: Mapping[str, str], said: str, times: int, zone: str | None) -> PersyncError:
    """Return the error for a 429. HubSpot's own client waits longer each time: the policy's seconds times the attempt."""
    policy = str(told.get("policyName") or "")
    if policy == "DAILY":
        return QuotaError(
            f"the account's calls for today are used up (HTTP 429, DAILY){said}.",
            hint=f"They come back at {_midnight(headers, zone)}; pull again then, it goes on where it stopped.",
        )
    base = _WAITS.get(policy)
    wait = retry_after(headers) if base is None else base * min(times, MOST_ATTEMPTS)
    what = f"too many calls (HTTP 429, {policy or 'no policy named'}){said}."
    return TransientError(what, throttled=True, wait=wait, hint=AGAIN)


def _midnight(headers: Mapping[str, str], zone: str | None) -> str:
    """Return the next midnight in the account's zone by the answer's own clock, in words where one of them is not known."""
    generic = "midnight in the account's time zone"
    if zone is None or "date" not in headers:
        return generic
    try:
        now = parsedate_to_datetime(headers["date"]).astimezone(ZoneInfo(zone))
    except (ValueError, TypeError, ZoneInfoNotFoundError):
        return generic
    day = now.date() + timedelta(days=1)
    return f"{day.isoformat()} 00:00 {zone} ({generic})"


def _denied(told: Mapping[str, Any], said: str) -> PersyncError:
    if not told:
        return ResponseError(
            "access denied (HTTP 403), not by HubSpot itself.", hint="Check base_url, and any proxy between here and there."
        )
    if told.get("category") == "MISSING_SCOPES":
        scopes = sorted(set(_scopes(told)))
        named = f"the key lacks the scope {' or '.join(scopes)}" if scopes else "the key lacks a scope"
        return SkipStreamError(f"{named} (HTTP 403).", reason="scope", hint="Add it to the service key in HubSpot.")
    return SkipStreamError(
        f"the account may not read this (HTTP 403){said}.", reason="tier", hint="It may need a higher HubSpot subscription."
    )


def _scopes(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield every scope named in an error's context or in that of one of its details."""
    for place in (told, *(told.get("errors") or ())):
        context = place.get("context") if isinstance(place, dict) else None
        for name, values in (context or {}).items():
            if "scope" in name.lower() and isinstance(values, list):
                yield from (str(value) for value in values)
