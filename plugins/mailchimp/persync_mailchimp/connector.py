"""The connector: key and data centre, errors, pace, check."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
from pydantic import Field, field_validator

from persync.connect import Guide
from persync.connect.connector import ConnectionSettings, Connector, Doubt, retry_after
from persync.connect.stream import AccountFacts, Request
from persync.connect.totals import Total
from persync.errors import (
    AuthError,
    ConfigError,
    PersyncError,
    ResponseError,
    SkipStreamError,
    TransientError,
    UnreachableError,
)
from persync_mailchimp.pace import ConnectionPace
from persync_mailchimp.streams import STREAMS
from persync_mailchimp.totals import campaign_totals, member_totals, order_totals

if TYPE_CHECKING:
    from persync.connect.client import Client

__all__ = ["METADATA_URL", "Mailchimp", "MailchimpSettings", "data_center_of", "metadata_center"]

METADATA_URL = "https://login.mailchimp.com/oauth2/metadata"

_DATA_CENTER = re.compile(r"[a-z]+[0-9]+")
_ADDRESS = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_BUSY = "A user has ten connections at once over all programs: pull again when the others are quiet."
_AGAIN = "Pull again: it goes on where it stopped."
_OLD_TLS = "It wants TLS 1.2 or newer: update this machine's OpenSSL, or the proxy in between."
_DENIED = "The key's user needs the role Manager or higher, the plan must include this, and the account must be active."
_GONE = "It was deleted in Mailchimp: what was read of it stays."
_CHANGED = "Mailchimp may have changed this call: update persync."
_NAMES_A_PERSON = frozenset({"email", "fname", "lname", "name", "phone", "address", "birthday"})


class MailchimpSettings(ConnectionSettings):
    """`data_center` (us10) is needed only when the token does not end in it: OAuth tokens do not."""

    data_center: str | None = None
    batch_over: int = Field(default=20_000, ge=0)
    """campaigns with more recipients than this are read by Mailchimp's batches; 0: never"""

    @field_validator("data_center")
    @classmethod
    def _looks_like_one(cls, value: str | None) -> str | None:
        if value is not None and not _DATA_CENTER.fullmatch(value):
            raise ValueError(f"'{value}' is not a data centre; it is the end of the API key, like us10")
        return value

    @field_validator("attributes")
    @classmethod
    def _names_nobody(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name.lower() in _NAMES_A_PERSON:
                raise ValueError(f"'{name}' says who a person is and is never stored; it cannot be an attribute")
        return value


def data_center_of(key: str) -> str | None:
    """Return the data centre that an API key ends in (what follows its last dash), None when it ends in none."""
    head, dash, tail = key.strip().rpartition("-")
    return tail if dash and head and _DATA_CENTER.fullmatch(tail) else None


class Mailchimp(Connector):
    """Mailchimp's Marketing API 3.0: audiences, campaigns, reports and what each recipient did."""

    name: ClassVar[str] = "mailchimp"
    title: ClassVar[str] = "Mailchimp"
    settings_type: ClassVar[type[ConnectionSettings]] = MailchimpSettings
    secrets: ClassVar[Mapping[str, str]] = {"token": "MAILCHIMP_API_KEY"}
    streams: ClassVar = STREAMS
    api_version = "3.0"
    # The vendor allows ten connections a user over all programs; six are left to the others.
    workers: ClassVar[int] = 4
    help: ClassVar[str] = (
        "Make an API key in Mailchimp under Profile, Extras, API keys; the whole key is needed, with its end like -us10."
    )

    guide: ClassVar[Guide] = Guide(
        steps=(
            "Sign in to Mailchimp as a user who may see audiences and campaign reports.",
            "Under Profile, Extras, API keys make a key.",
            "Give persync the whole key, with its end like -us10: that names the data centre.",
        ),
        page="https://mailchimp.com/help/about-api-keys/",
        limits=(
            "A key has no scopes: it may do what its user may. Where the role or the plan forbids a call, what it tells "
            "is left out and said; without audiences there are no people and no consent, without reports no sends, opens "
            "or clicks.",
            "Ten calls at a time are allowed for a user over all programs; persync takes four at most.",
            "Orders are Mailchimp's copies: revenue comes from the shop where it is connected too.",
        ),
    )

    @property
    def _token(self) -> str:
        token = self.secret_values.get("token", "").strip()
        if not token:
            raise AuthError("no API key was found (MAILCHIMP_API_KEY).", where=self.connection, hint=self.help)
        if not token.isascii() or not token.isprintable() or " " in token:
            raise AuthError("the API key holds characters that no key has.", where=self.connection, hint=self.help)
        return token

    def base_url(self) -> str:
        """Return `https://<dc>.api.mailchimp.com/3.0`, or the setting `base_url`. Raises ConfigError without a data centre."""
        if self.settings.base_url:
            return str(self.settings.base_url).rstrip("/")
        center = self.settings.data_center or data_center_of(self._token)
        if center is None:
            raise ConfigError(
                "the API key does not end in a data centre (like -us10), so its server is not known.",
                where=self.connection,
                hint="Copy the whole key, or for an OAuth token set data_center in persync.toml.",
            )
        return f"https://{center}.api.mailchimp.com/3.0"

    def headers(self, client: Client) -> Mapping[str, str]:
        """Sign with Basic for an API key (it ends in a data centre), with Bearer for an OAuth token."""
        token = self._token
        if data_center_of(token) is None:
            return {"authorization": f"Bearer {token}"}
        return {"authorization": f"Basic {b64encode(f'persync:{token}'.encode()).decode()}"}

    def pace(self) -> ConnectionPace:
        """Return a pace that gives way when other programs need the user's connections."""
        return ConnectionPace(concurrent=self.workers)

    def check(self, client: Client) -> Iterator[tuple[str, str]]:
        """Ping, read the account, and try the two families of calls that a role may be denied."""
        try:
            ping = client.get_json("ping")
        except UnreachableError as error:
            if not self.settings.base_url:
                source = "data_center in persync.toml" if self.settings.data_center else "the end of the API key"
                center = self.settings.data_center or data_center_of(self._token)
                error.hint = f"Check the network, and the data centre: '{center}' comes from {source}."
            raise
        yield "server", str(ping.get("health_status", "answers"))
        if data_center_of(self._token) is None and not self.settings.base_url:
            yield self._check_oauth(client)
        account = client.get_json("", {"fields": "account_id,role,pricing_plan_type,total_subscribers"})
        role, plan = account.get("role") or "unknown", account.get("pricing_plan_type") or "unknown"
        yield (
            "account",
            f"{account.get('account_id')}, role {role}, plan {plan}, {account.get('total_subscribers', 0)} subscribers",
        )
        for family in ("lists", "campaigns"):
            try:
                found = client.get_json(family, {"count": "1", "fields": "total_items"})
            except SkipStreamError as error:
                yield family, f"not readable: {error.what}"
            else:
                yield family, f"{found.get('total_items', 0)}"

        try:
            stores = client.get_json("ecommerce/stores", {"count": "1000", "fields": "stores.id,stores.is_syncing"})["stores"]
        except SkipStreamError as error:
            yield "stores", f"not readable: {error.what}"
        else:
            syncing = sum(bool(store.get("is_syncing")) for store in stores)
            found = f"{len(stores)}"
            if syncing:
                found = Doubt(
                    f"{found}, {syncing} still being synced: its orders are not all there",
                    "Wait until Mailchimp has synced the shop, then pull again: until then its orders are too few.",
                )
            yield "stores", found

    def totals(self, client: Client, account: AccountFacts) -> Iterator[Total]:
        """Yield counters of the latest campaigns, members by status, orders by store; what a role may not read is left out."""
        for part in (campaign_totals, member_totals, order_totals):
            try:
                yield from part(client)
            except SkipStreamError:
                continue

    def _check_oauth(self, client: Client) -> tuple[str, str]:
        """Ask Mailchimp's sign-in server which data centre an OAuth token belongs to."""
        # Signed here and by hand: the client gives the token to the API's own host alone.
        signed = {"authorization": f"OAuth {self._token}"}
        center = metadata_center(client.send(Request(path=METADATA_URL, headers=signed), signed=False).body)
        if center != self.settings.data_center:
            raise ConfigError(
                f"the token belongs to the data centre '{center}', not to '{self.settings.data_center}'.",
                where=self.connection,
                hint=f'Set data_center = "{center}" in persync.toml.',
            )
        return "data centre", center

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> PersyncError | None:
        """Read the vendor's problem documents.

        A 403 with one is final (role, plan, closed account); a 403 without JSON is how Mailchimp throttles.
        """
        if status < 400:
            return None
        problem = _problem(body)
        said = _said(problem)
        if problem is None and b"<Error>" in body[:500]:
            # The store of result files speaks XML; its links are good for some minutes.
            return ResponseError(f"the link to a result file is not good any more (HTTP {status}).", hint=_AGAIN)
        if status == 401:
            return AuthError(
                f"the API key was refused (HTTP 401{said}).", hint=f"{self.help} A key works only at its own data centre."
            )
        if status == 403:
            if problem is None:
                return TransientError(
                    "too many requests (HTTP 403 without a reason).", throttled=True, wait=retry_after(headers), hint=_BUSY
                )
            return SkipStreamError(f"access denied (HTTP 403{said}).", reason="role", hint=_DENIED)
        if status == 404:
            if problem is None:
                return ResponseError(
                    "there is nothing at this address (HTTP 404).", hint="Check base_url; for Mailchimp it ends in /3.0."
                )
            return SkipStreamError(f"it is gone (HTTP 404{said}).", reason="gone", hint=_GONE)
        if status == 429:
            return TransientError(f"too many requests (HTTP 429{said}).", throttled=True, wait=retry_after(headers), hint=_BUSY)
        if status == 408 or status >= 500:
            return TransientError(f"Mailchimp failed (HTTP {status}{said}).", wait=retry_after(headers), hint=_AGAIN)
        if status == 426:
            return ResponseError(f"the connection is not safe enough for Mailchimp (HTTP 426{said}).", hint=_OLD_TLS)
        return ResponseError(f"the call was refused (HTTP {status}{said}).", hint=_CHANGED)

    def request_id(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return the `instance` of a problem document, the id that Mailchimp's support asks for."""
        instance = (_problem(body) or {}).get("instance")
        return instance if isinstance(instance, str) else ""


def metadata_center(body: bytes) -> str:
    """Return the data centre (`dc`) in an answer of the OAuth metadata call, which says 200 even to a bad token.

    Raises AuthError when the answer is an error, ResponseError when it names no data centre.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict) and found.get("error"):
        raise AuthError(f"the OAuth token was refused ({str(found['error'])[:60]}).", hint="Sign in to Mailchimp again.")
    center = found.get("dc") if isinstance(found, dict) else None
    if not isinstance(center, str) or not _DATA_CENTER.fullmatch(center):
        raise ResponseError("Mailchimp's sign-in server named no data centre.", hint="Set base_url in persync.toml.")
    return center


def _problem(body: bytes) -> dict[str, Any] | None:
    """Parse a problem document; None when the body is not one."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) and ("title" in found or "detail" in found) else None


def _said(problem: dict[str, Any] | None) -> str:
    """Return ", Title: detail (field: message)" of a problem document, without any address it quotes."""
    if problem is None:
        return ""
    parts = [str(problem[name]).strip() for name in ("title", "detail") if problem.get(name)]
    errors = problem.get("errors")
    fields = [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    if fields:
        parts.append("; ".join(f"{e.get('field') or 'request'}: {e.get('message', '')}" for e in fields))
    text = _ADDRESS.sub("(address)", " ".join(": ".join(part.rstrip(".") for part in parts if part).split()))
    return f", {text[:300]}" if text else ""
