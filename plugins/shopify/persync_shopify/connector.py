"""The Shopify connector: settings, secrets, how a call is signed and what a refusal means."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import Field, field_validator

from persync.connect import AccountFacts, ConnectionSettings, Connector, Guide, Pace, Request, Stream, Total, picked
from persync.errors import AuthError, ConfigError, PersyncError, ResponseError
from persync_shopify.access import REQUIRED, allows
from persync_shopify.failures import graphql_failure, oauth_failure
from persync_shopify.pace import CostPace
from persync_shopify.queries import query
from persync_shopify.streams import STREAMS
from persync_shopify.totals import shop_totals
from persync_shopify.versions import DEFAULT, SUPPORTED, told

if TYPE_CHECKING:
    from persync.connect.client import Client

__all__ = ["API_VERSION", "Shopify", "ShopifySettings"]

API_VERSION: Final = DEFAULT
"""the version every query here is written for"""

ATTRIBUTES: Final = ("country", "language", "spend_tier", "rfm_group")
"""what may be kept of a person when asked for; the last two are Shopify's own models: strata, not truth"""
RENEW_EARLY_S: Final = 300.0
DAY_S: Final = 86_400.0


class ShopifySettings(ConnectionSettings):
    """`shop` is the handle (or handle.myshopify.com)."""

    shop: str
    api_version: str = API_VERSION
    segments: tuple[str, ...] = ()
    """segments, by number or name, whose members are read: those that mail was sent to"""
    bulk_over: int = Field(2_000, ge=0)
    """more orders than this are read by bulk operations at the first load, as many in pages"""
    bulk_slice: int = Field(25_000, ge=1)
    """about how many orders one bulk operation is to find"""
    bulk_patience: float = Field(30.0, ge=0)
    """minutes to wait while other bulk operations are in the way; then the orders are read in pages"""

    @field_validator("shop")
    @classmethod
    def _handle(cls, value: str) -> str:
        handle = value.strip().lower().removeprefix("https://").rstrip("/").removesuffix(".myshopify.com")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", handle):
            raise ValueError(f"'{value}' is not a shop: write the handle, as in handle.myshopify.com")
        return handle

    @field_validator("api_version")
    @classmethod
    def _version(cls, value: str) -> str:
        if not re.fullmatch(r"\d{4}-(01|04|07|10)|unstable", value):
            raise ValueError(f"'{value}' is not a version: write a quarter's first month, as in {API_VERSION}")
        return value

    @field_validator("start")
    @classmethod
    def _start(cls, value: str | None) -> str | None:
        if value is not None:
            date.fromisoformat(value)
        return value

    @field_validator("attributes")
    @classmethod
    def _attributes(cls, value: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(value) - set(ATTRIBUTES))
        if unknown:
            raise ValueError(f"Shopify gives no attribute '{unknown[0]}'; it can give {', '.join(ATTRIBUTES)}")
        return value


class Shopify(Connector):
    """One shop, read through the GraphQL Admin API."""

    name: ClassVar[str] = "shopify"
    title: ClassVar[str] = "Shopify"
    settings_type: ClassVar[type[ConnectionSettings]] = ShopifySettings
    secrets: ClassVar[Mapping[str, str]] = {
        "token": "SHOPIFY_ACCESS_TOKEN",
        "client_id": "SHOPIFY_CLIENT_ID",
        "client_secret": "SHOPIFY_CLIENT_SECRET",
    }
    streams: ClassVar[tuple[Stream, ...]] = STREAMS
    workers: ClassVar[int] = 3
    help: ClassVar[str] = (
        "Create an app in the shop's Dev Dashboard with the scopes read_orders, read_all_orders, read_customers and "
        "read_products, install it, and give persync its client id and client secret; an older app's shpat_ token works too."
    )
    guide: ClassVar[Guide] = Guide(
        steps=(
            "In Shopify's Dev Dashboard create an app that belongs to the same organisation as the shop: for a client's shop "
            "the merchant creates it, else Shopify answers shop_not_permitted.",
            "Give it the scopes below, read_all_orders among them, and install it in the shop.",
            "Give persync its client id and client secret; leave the token empty. Tokens of a day are asked for with them.",
            "An older app made in the shop's admin still works: give its shpat_ token and leave the other two empty. New ones "
            "cannot be made since 1 January 2026.",
        ),
        page="https://dev.shopify.com/dashboard/",
        limits=(
            "60 days: without read_all_orders Shopify shows the orders of the last 60 days alone, and no error. Retention, "
            "lifetime value, last year's comparison and experiments that began before cannot be measured then.",
            "Protected customer data: where Shopify withholds addresses (older apps, by the shop's plan; Basic is reported as "
            "excluded), people of the shop are not joined by address with those of a mail platform, so what they were "
            "mailed cannot be tied to what they bought. Orders and revenue are whole.",
            "What a piece costs comes with read_inventory or read_products; where the shop enters no unit cost, margins "
            "are unknown.",
        ),
    )

    def __init__(self, connection: str, settings: Any, secrets: Mapping[str, str]) -> None:
        super().__init__(connection, settings, secrets)
        self.api_version = settings.api_version
        self.supported_until = SUPPORTED.get(settings.api_version)
        self._lock = threading.Lock()
        self._granted = ""
        self._expires = 0.0

    def base_url(self) -> str:
        return f"{self._root()}/admin/api/{self.settings.api_version}"

    def _root(self) -> str:
        given: str | None = self.settings.base_url
        return given.rstrip("/") if given else f"https://{self.settings.shop}.myshopify.com"

    def headers(self, client: Client) -> Mapping[str, str]:
        token = self.secret_values.get("token") or self._grant(client)
        return {"x-shopify-access-token": token}

    def renew(self) -> bool:
        if self.secret_values.get("token"):
            return False
        with self._lock:
            self._granted = ""
        return True

    def pace(self) -> Pace:
        return CostPace(concurrent=self.workers, version=self.settings.api_version)

    def _grant(self, client: Client) -> str:
        """Return a token of the client-credentials grant: kept in memory alone, asked for again shortly before it ends."""
        client_id, secret = self.secret_values.get("client_id"), self.secret_values.get("client_secret")
        if not client_id or not secret:
            raise AuthError("neither a token nor a client id with its secret was found.", where=self.connection, hint=self.help)
        with self._lock:
            if not self._granted or time.monotonic() >= self._expires:
                body = {"client_id": client_id, "client_secret": secret, "grant_type": "client_credentials"}
                request = Request("POST", f"{self._root()}/admin/oauth/access_token", form=body)
                token, lifetime = picked(client.send(request, signed=False).body, "access_token", "expires_in")
                if not isinstance(token, str) or not token:
                    raise AuthError("Shopify granted no token.", where=self.connection, hint=self.help)
                seconds = float(lifetime) if isinstance(lifetime, int | float) else DAY_S
                self._granted, self._expires = token, time.monotonic() + seconds - RENEW_EARLY_S
            return self._granted

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> PersyncError | None:
        if status == 200:
            return graphql_failure(body)
        reason = oauth_failure(body) if status in (400, 401, 403) else ""
        if reason:
            return AuthError(reason, hint=self.help)
        if status == 401:
            return AuthError("the token was refused (HTTP 401).", hint=self.help)
        if status == 403:
            return AuthError("the shop does not let this app in (HTTP 403).", hint=self.help)
        if status == 404:
            return ConfigError(
                f"nothing answers there (HTTP 404): is '{self.settings.shop}' the shop's handle?",
                hint="Set shop to the name before .myshopify.com.",
            )
        if status in (402, 423):
            return ResponseError(f"the shop is frozen or locked (HTTP {status}).", hint="Its owner must open it again.")
        return super().failure(status, headers, body)

    def check(self, client: Client) -> Iterator[tuple[str, str]]:
        answer = client.send(Request("POST", "graphql.json", json={"query": query("shop", self.settings.api_version)}))
        shop, installation = picked(answer.body, "data.shop", "data.currentAppInstallation")
        try:
            scopes = frozenset(str(scope["handle"]) for scope in installation["accessScopes"])
            yield "shop", f"{shop['myshopifyDomain']}, {shop['currencyCode']}, {shop['ianaTimezone']}"
        except (KeyError, TypeError):
            raise ResponseError("the answer does not describe a shop.", where=self.connection, hint="Check base_url.") from None
        missing = [scope for scope in REQUIRED if not allows(scopes, (scope,))]
        yield "scopes", f"missing: {', '.join(missing)}" if missing else ", ".join(REQUIRED)
        whole = allows(scopes, ("read_all_orders",))
        yield "orders", "all of them" if whole else "the last 60 days alone: the app lacks read_all_orders"
        yield "API version", told(self.settings.api_version, answer.headers.get("x-shopify-api-version", ""))

    def totals(self, client: Client, account: AccountFacts) -> Iterator[Total]:
        yield from shop_totals(client, account, self.settings)
