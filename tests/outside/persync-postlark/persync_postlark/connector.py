"""Postlark's streams, and how its pages are chained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from persync.connect import Connector, Incremental, Request, SinglePage, Step, Stream, Token, Work, iso, picked
from persync.errors import ConfigError, ResponseError
from persync_postlark import records

if TYPE_CHECKING:
    from persync.connect import Client

REVISION = "2026-10-15"


@dataclass(frozen=True, slots=True)
class Chained:
    """Pages of JSON:API: `links.next` is the whole address of the next one, of which only the cursor is taken.

    `newer` names the attribute by which the window is filtered, "" where the endpoint has no filter.
    """

    size: int = 100
    newer: str = ""

    def start(self, work: Work) -> Token:
        """Return the first page's token."""
        return {"size": self.size}

    def request(self, work: Work, token: Token) -> Request:
        """Ask for a page; the cursor remembers the filter, which is sent all the same."""
        params = {"page[size]": str(token["size"])}
        if "cursor" in token:
            params["page[cursor]"] = token["cursor"]
        if self.newer and work.since is not None:
            params["filter"] = f"greater-or-equal({self.newer},{iso(work.since)})"
        return Request(path=work.stream.path, params=params)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        """Take the cursor out of the link. A link without one is no end: it would lose what comes after."""
        (link,) = picked(body, "links.next")
        if not link:
            return Step(body, ("data",), None)
        cursor = parse_qs(urlsplit(str(link)).query).get("page[cursor]", [""])[0]
        if not cursor:
            raise ResponseError("the link to the next page has no cursor.", hint="Pull again; update the plugin if it stays.")
        return Step(body, ("data",), {**token, "cursor": cursor})

    def continues(self, token: Token) -> bool:
        """Tell whether a page goes on within the list."""
        return "cursor" in token

    def shrink(self, work: Work, token: Token) -> Token | None:
        """Ask for half as many."""
        return {**token, "size": token["size"] // 2} if token["size"] >= 20 else None


STREAMS = (
    Stream(
        name="account",
        record=records.Account,
        rows=records.account_rows,
        reader=SinglePage(at="data", single=False),
        path="accounts",
        unused=("type",),
    ),
    Stream(
        name="profiles",
        record=records.Profile,
        rows=records.profile_rows,
        reader=Chained(newer="updated"),
        path="profiles",
        version="attributes.updated",
        window=Incremental(),
        needs=("account",),
        facts=("contacts", "consent"),
        unused=("type",),
    ),
    Stream(
        name="campaigns",
        record=records.Campaign,
        rows=records.campaign_rows,
        reader=Chained(size=50),
        path="campaigns",
        version="attributes.updated_at",
        needs=("account",),
        facts=("messages",),
        unused=("type",),
    ),
    Stream(
        name="events",
        record=records.Event,
        rows=records.event_rows,
        reader=Chained(size=500, newer="datetime"),
        path="events",
        window=Incremental(),
        needs=("profiles", "campaigns"),
        facts=("sends", "opens", "clicks", "orders", "money"),
        unused=("type", "relationships.profile.data.type"),
    ),
)


class Postlark(Connector):
    """Postlark, read-only."""

    name: ClassVar[str] = "postlark"
    title: ClassVar[str] = "Postlark"
    secrets: ClassVar[Mapping[str, str]] = {"key": "POSTLARK_KEY"}
    streams: ClassVar[tuple[Stream, ...]] = STREAMS
    help: ClassVar[str] = "In Postlark: Account, Settings, API keys. A read-only key is enough."
    api_version = REVISION

    def base_url(self) -> str:
        """Return the API's address."""
        if not self.settings.base_url:
            raise ConfigError("the API's address is missing.", where=self.connection, hint='Write base_url = "https://...".')
        return str(self.settings.base_url).rstrip("/")

    def headers(self, client: Client) -> Mapping[str, str]:
        """Return what signs a call and says which revision is meant."""
        return {"authorization": f"Postlark-Key {self.secret_values['key']}", "revision": REVISION}

    def check(self, client: Client) -> Iterator[tuple[str, str]]:
        """Read the account."""
        found: Any = client.get_json("accounts")
        yield "account", str(found["data"][0]["id"])

    def request_id(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return the id that Postlark puts on every answer."""
        return headers.get("pl-request-id", "")
