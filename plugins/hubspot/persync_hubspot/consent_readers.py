"""How consent is read: HubSpot wants addresses to ask with, and no address may be written down on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from persync.connect import as_json
from persync.connect.readers import picked, unexpected
from persync.connect.stream import Request, Size, Step, Token, Work
from persync.errors import ResponseError
from persync_hubspot import api, api_mail
from persync_hubspot.association_readers import search_body
from persync_hubspot.consent_rows import OPT_OUT
from persync_hubspot.readers import NOTHING

BATCH = 100

GROUPS = 4
"""A search takes five groups and eighteen filters in all: four groups of four."""


class _Found(TypedDict):
    id: str
    properties: dict[str, Any]


class _People(TypedDict):
    results: list[_Found]


_PEOPLE: TypeAdapter[_People] = TypeAdapter(_People)


def people_at_most(body: bytes, note: str, *, is_records: bool = True) -> Size | None:
    """Return the total of a search as an upper bound; `{}` in the note stands for it."""
    (total,) = picked(body, "total")
    return Size(total, note.format(f"{total:,}"), at_most=True, is_records=is_records) if isinstance(total, int) else None


@dataclass(frozen=True, slots=True)
class AddressStatuses:
    """The statuses of everybody who was ever mailed: a page of contacts from a search, then two questions about them.

    The addresses live in this run's memo between those calls and nowhere else: a token holds the contacts' ids alone, so a
    pull that goes on after a break asks for the page of contacts again.
    """

    limit: int = BATCH

    def probe(self, work: Work) -> Request:
        """Ask for the statuses of nobody: the search before them needs neither their scope nor their subscription."""
        return Request("POST", api_mail.STATUSES, params={"channel": "EMAIL"}, json={"inputs": ["nobody@example.com"]})

    def sizing(self, work: Work) -> Request:
        """Ask how many people were ever mailed."""
        return Request("POST", api.search("contacts"), json={**self._mailed("0"), "properties": [], "limit": 1})

    def sized(self, work: Work, body: bytes) -> Size | None:
        """Return them: pages are cut from people, and each page of them takes three calls."""
        return people_at_most(body, "one page for a hundred of {} people mailed so far", is_records=False)

    def calls(self, pages: int) -> int:
        """Return the calls of so many pages of people: a search and two questions about them each."""
        return 3 * pages

    def start(self, work: Work) -> Token:
        return {"last": "0", "ask": "people"}

    def request(self, work: Work, token: Token) -> Request:
        addresses = work.memo.get(token["last"])
        if token["ask"] == "people" or addresses is None:
            return Request("POST", api.search("contacts"), json=self._mailed(token["last"]))
        path = api_mail.STATUSES if token["ask"] == "statuses" else api_mail.UNSUBSCRIBED_FROM_ALL
        return Request("POST", path, params={"channel": "EMAIL"}, json={"inputs": addresses})

    def _mailed(self, last: str) -> dict[str, Any]:
        filters = [
            {"propertyName": "hs_email_last_send_date", "operator": "HAS_PROPERTY"},
            {"propertyName": "email", "operator": "HAS_PROPERTY"},
            {"propertyName": "hs_object_id", "operator": "GT", "value": last},
        ]
        return {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": ["email"],
            "limit": self.limit,
            "after": "0",
        }

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        if token["ask"] == "people" or token["last"] not in work.memo:
            return self._people(work, token, body)
        if token["ask"] == "statuses":
            return Step(_flat(body, "statuses"), ("results",), {**token, "ask": "unsubscribe-all"})
        following = {"last": token["to"], "ask": "people"} if token["more"] else None
        flat = _flat(body, "wideStatuses")
        del work.memo[token["last"]]
        return Step(flat, ("results",), following)

    def _people(self, work: Work, token: Token, body: bytes) -> Step:
        (after,) = picked(body, "paging.next.after")
        try:
            found = _PEOPLE.validate_json(body)["results"]
        except ValidationError as error:
            raise unexpected(error) from None
        if not found:
            return Step(NOTHING, ("results",), None)
        addresses = {one["properties"].get("email") for one in found}
        work.memo[token["last"]] = sorted(address for address in addresses if isinstance(address, str) and address)
        asked = "statuses" if token["ask"] == "people" else token["ask"]
        following = {"last": token["last"], "ask": asked, "to": found[-1]["id"], "more": after is not None}
        return Step(NOTHING, ("results",), following if following != token else {**following, "again": True})

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None


def _flat(body: bytes, name: str) -> bytes:
    """Return the answer to a batch as a list of statuses. What has no statuses stays as it is, and becomes a reject."""
    (found,) = picked(body, "results")
    flat: list[Any] = []
    for one in found if isinstance(found, list) else ():
        inner = one.get(name) if isinstance(one, dict) else None
        flat += inner if isinstance(inner, list) else [one]
    return as_json({"results": flat})


@dataclass(frozen=True, slots=True)
class OptOutPages:
    """The contacts with an opt-out flag: first the names of the flags, which differ from account to account, then searches.

    Asked for is whoever has any flag, because one may be lifted: everybody at first and in a full pass, else whoever changed.
    A first pull that left out the lifted ones would be contradicted by the first full pass after it.
    """

    limit: int = 200

    def sizing(self, work: Work) -> Request:
        """Ask how many contacts there are, or changed since."""
        filters = self._changed(work)
        return Request("POST", api.search("contacts"), json=search_body([filters] if filters else [], (), limit=1))

    def sized(self, work: Work, body: bytes) -> Size | None:
        """Return them: most have opted out of nothing."""
        return people_at_most(body, "one for each of {} contacts " + ("changed since" if self._changed(work) else "there are"))

    def calls(self, pages: int) -> int:
        """Return the calls of so many pages: one more asks for the names of the flags."""
        return pages + 1

    def start(self, work: Work) -> Token:
        return {}

    def request(self, work: Work, token: Token) -> Request:
        if "names" not in token:
            return Request(path=api.properties("contacts"))
        names = token["names"][:GROUPS]
        body = {
            "filterGroups": [{"filters": self._filters(work, name, token["last"])} for name in names],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": ["email", *names],
            "limit": self.limit,
            "after": "0",
        }
        return Request("POST", api.search("contacts"), json=body)

    @staticmethod
    def _filters(work: Work, name: str, last: str) -> list[dict[str, str]]:
        behind = {"propertyName": "hs_object_id", "operator": "GT", "value": last}
        return [{"propertyName": name, "operator": "HAS_PROPERTY"}, *OptOutPages._changed(work), behind]

    @staticmethod
    def _changed(work: Work) -> list[dict[str, str]]:
        """Return the filters of the window, none where everybody is looked at."""
        if work.first_load or work.since is None:
            return []
        return [
            {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(work.since)},
            {"propertyName": "lastmodifieddate", "operator": "LT", "value": str(work.until)},
        ]

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        after, results = picked(body, "paging.next.after", "results")
        if "names" not in token:
            names = sorted(one["name"] for one in results or () if OPT_OUT.fullmatch(str(one.get("name"))))
            return Step(NOTHING, ("results",), {"names": names, "last": "0"} if names else None)
        if after is not None and results:
            return Step(body, ("results",), {**token, "last": str(results[-1]["id"])})
        rest = token["names"][GROUPS:]
        return Step(body, ("results",), {"names": rest, "last": "0"} if rest else None)

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None


@dataclass(frozen=True, slots=True)
class LogPages:
    """Pages of a v1 log between two moments, by an opaque offset that may die or be missing: then half the time is asked for.

    No order is promised. What is read twice after a dead offset changes nothing, because each entry is kept by its time.
    """

    at: str
    limit: int = 1000
    shortest: int = 60_000

    def start(self, work: Work) -> Token:
        return {"from": work.since or 0, "to": work.until}

    def request(self, work: Work, token: Token) -> Request:
        params = {"startTimestamp": str(token["from"]), "endTimestamp": str(token["to"]), "limit": str(self.limit)}
        if "offset" in token:
            params["offset"] = token["offset"]
        return Request(path=work.stream.path, params=params)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        more, offset = picked(body, "hasMore", "offset")
        if more and offset:
            return Step(body, (self.at,), {**token, "offset": str(offset)})
        if more:
            shorter = self.shrink(work, {**token, "offset": ""})
            if shorter is None:
                raise ResponseError("HubSpot says that there are more entries, and not where.", hint="Pull again later.")
            return Step(body, (self.at,), shorter)
        rest = {"from": token["to"], "to": work.until} if token["to"] < work.until else None
        return Step(body, (self.at,), rest)

    def continues(self, token: Token) -> bool:
        return "offset" in token

    def shrink(self, work: Work, token: Token) -> Token | None:
        span = (token["to"] - token["from"]) // 2
        if "offset" not in token or span < self.shortest:
            return None
        return {"from": token["from"], "to": token["from"] + span}
