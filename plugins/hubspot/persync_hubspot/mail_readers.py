"""How the marketing side is paged, where the common readers do not know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from persync.connect.readers import TokenPages, iso, picked
from persync.connect.stream import Request, Step, Token, Work
from persync.errors import ResponseError
from persync_hubspot import api_mail

SINCE = ("updatedAfter", "publishedAfter")


@dataclass(frozen=True, slots=True)
class CountedPages(TokenPages):
    """Token pages whose answers say how many records there are in all."""

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        (total,) = picked(body, "total")
        return replace(TokenPages.read(self, work, token, body, headers), total=total)

    def count(self, work: Work, body: bytes) -> int | None:
        """Return how many records there are, as the answer to the first page says."""
        (total,) = picked(body, "total")
        return total if isinstance(total, int) else None


@dataclass(frozen=True, slots=True)
class RecentMails(CountedPages):
    """Mails changed since the window's start, then those published since: one that was written long before it went out
    was not changed since, and its statistics move all the same."""

    def request(self, work: Work, token: Token) -> Request:
        asked = TokenPages.request(self, work, token)
        if work.since is None:
            return asked
        name = SINCE[token.get("pass", 0)]
        return replace(asked, params={**asked.params, name: iso(work.since)})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        step = TokenPages.read(self, work, token, body, headers)
        number = token.get("pass", 0) + 1
        if step.next is None and work.since is not None and number < len(SINCE):
            return replace(step, next={"limit": self.limit, "pass": number})
        return step


@dataclass(frozen=True, slots=True)
class ListPages:
    """Lists from their search, which pages by a number; only what every list has is asked for."""

    size: int = 500

    def start(self, work: Work) -> Token:
        return {"offset": 0, "size": self.size}

    def request(self, work: Work, token: Token) -> Request:
        body: dict[str, Any] = {
            "listIds": [],
            "processingTypes": [],
            "additionalProperties": [],
            "offset": token["offset"],
            "count": token["size"],
        }
        return Request("POST", api_mail.LIST_SEARCH, json=body)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        more, offset, total = picked(body, "hasMore", "offset", "total")
        if more and not (isinstance(offset, int) and offset > token["offset"]):
            # It would be asked for without end; and stopping in silence would take a part of the lists for all of them.
            raise ResponseError("HubSpot says that there are more lists, and not where.", hint="Pull again later.")
        following = {**token, "offset": offset} if more else None
        return Step(body, ("lists",), following, total=total)

    def continues(self, token: Token) -> bool:
        return bool(token["offset"])

    def count(self, work: Work, body: bytes) -> int | None:
        """Return how many lists the account has."""
        (total,) = picked(body, "total")
        return total if isinstance(total, int) else None

    def shrink(self, work: Work, token: Token) -> Token | None:
        return {**token, "size": token["size"] // 2} if token["size"] >= 20 else None
