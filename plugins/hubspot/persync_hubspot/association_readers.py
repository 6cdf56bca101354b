"""What belongs together: associations of many objects in one call, and what was recently or is still open read again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NotRequired

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from persync.connect import as_json
from persync.connect.readers import picked, unexpected
from persync.connect.stream import DAY_MS, MINUTE_MS, Request, Step, Token, Work
from persync.errors import ResponseError
from persync_hubspot import api
from persync_hubspot.properties import modified_of
from persync_hubspot.readers import NOTHING

SEARCH_LIMIT = 200
SETTLE = 2 * MINUTE_MS
"""Milliseconds until a change is sure to be in the search index."""

FAILED = frozenset({"INTERNAL_ERROR", "INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "RATE_LIMITS", "TIMEOUT"})
"""what HubSpot calls a failure of its own in the `errors` of a batch"""

Ends = dict[str, list[str]]
"""{id of an object: ids of the objects of one other type that belong to it}"""


class _Next(TypedDict):
    after: str


class Paging(TypedDict):
    next: NotRequired[_Next | None]


class _End(TypedDict):
    toObjectId: str | int


class _Id(TypedDict):
    id: str | int


# In the functional form because "from" is no Python name.
_Found = TypedDict("_Found", {"from": _Id, "to": list[_End], "paging": NotRequired[Paging | None]})


class _Missing(TypedDict):
    category: NotRequired[str | None]
    subCategory: NotRequired[Any]
    context: NotRequired[dict[str, Any] | None]


class _Associations(TypedDict):
    results: list[_Found]
    errors: NotRequired[list[_Missing] | None]


class _ListedEnd(TypedDict):
    id: str


class _ListedEnds(TypedDict):
    results: list[_ListedEnd]
    paging: NotRequired[Paging | None]


class _Listed(TypedDict):
    id: str
    associations: NotRequired[dict[str, _ListedEnds] | None]


class ListedPage(TypedDict):
    """The ids of a page of objects, and of what belongs to them."""

    results: list[_Listed]


@lru_cache(maxsize=8)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def read_as(kind: Any, body: bytes) -> Any:
    """Return a page as a type has it. Raise ResponseError when it is not of that shape."""
    try:
        return _adapter(kind).validate_json(body)
    except ValidationError as error:
        raise unexpected(error) from None


def ask_associations(kind: str, to: str, inputs: Iterable[Mapping[str, str]]) -> Request:
    """Return the call for the objects of type `to` that belong to each of some objects."""
    return Request("POST", api.associations(kind, to), json={"inputs": [dict(one) for one in inputs]})


def refuse_partial(body: bytes) -> None:
    """Raise ResponseError when a batch that was answered (HTTP 207) lacks objects that HubSpot failed to read.

    One that is gone, or has nothing to show, is missing for good and no error.
    """
    (errors,) = picked(body, "errors") if b'"errors"' in body else (None,)
    for error in errors if isinstance(errors, list) else ():
        category = str(error.get("category") or "") if isinstance(error, dict) else ""
        if category.upper() in FAILED:
            raise ResponseError(
                f"HubSpot read only a part of the batch ({category[:60]}).",
                hint="Pull again: this part is read again from here.",
            )


def take_associations(body: bytes, asked: Iterable[str], known: Ends) -> list[dict[str, str]]:
    """Add what an answer says to `known`, each id once; return what must be asked again for further pages.

    An object that HubSpot says has none gets an empty list; one about which it only reports another error stays unknown.
    """
    told = read_as(_Associations, body)
    more = []
    for one in told["results"]:
        name = str(one["from"]["id"])
        ends = known.setdefault(name, [])
        ends += [other for other in dict.fromkeys(str(end["toObjectId"]) for end in one["to"]) if other not in ends]
        following = (one.get("paging") or {}).get("next")
        if following:
            more.append({"id": name, "after": following["after"]})
    errors = told.get("errors") or []
    for error in errors:
        if "NOT_FOUND" in str(error.get("category")) or "NO_ASSOCIATIONS" in str(error.get("subCategory")):
            for name in (error.get("context") or {}).get("fromObjectId") or ():
                known.setdefault(str(name), [])
    if not errors:
        for name in asked:
            known.setdefault(name, [])
    return more


def search_body(
    groups: list[list[dict[str, str]]], names: tuple[str, ...], *, limit: int = SEARCH_LIMIT, after: int = 0
) -> dict[str, Any]:
    """Return a search in the order of the ids. Sorts are objects, although the schema says strings."""
    return {
        "filterGroups": [{"filters": filters} for filters in groups],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": list(names),
        "limit": limit,
        "after": str(after),
    }


@dataclass(frozen=True, slots=True)
class Associations:
    """What belongs to recent objects: a page of ids from a search, then their associations in one call, and again.

    A new association moves no modified date and a search gives none, so those of the last `days` before the last pull are read
    at every pull, and of everything for which `also` (a property) is "false". Records are
    `{"from": {"id"}, "to": [{"toObjectId"}]}`.
    """

    kind: str
    to: str
    days: int = 30
    also: str = ""
    limit: int = SEARCH_LIMIT

    def start(self, work: Work) -> Token:
        return {"last": "0"}

    def request(self, work: Work, token: Token) -> Request:
        if "ids" in token:
            return ask_associations(self.kind, self.to, token["more"] or [{"id": one} for one in token["ids"]])
        body = search_body(self._groups(work, token["last"]), ("hs_object_id",), limit=self.limit)
        return Request("POST", api.search(self.kind), json=body)

    def calls(self, pages: int) -> int:
        """Return the calls that pages take: the ids, and what belongs to them."""
        return 2 * pages

    def _groups(self, work: Work, last: str) -> list[list[dict[str, str]]]:
        modified = modified_of(self.kind)
        begun = work.until if work.since is None else min(work.since, work.until)
        since = {"propertyName": modified, "operator": "GTE", "value": str(begun - self.days * DAY_MS)}
        open_still = {"propertyName": self.also, "operator": "EQ", "value": "false"}
        # What is too new for the stream of the objects themselves is too new here.
        both = [
            {"propertyName": modified, "operator": "LT", "value": str(work.until - SETTLE)},
            {"propertyName": "hs_object_id", "operator": "GT", "value": last},
        ]
        return [[since, *both], [open_still, *both]] if self.also else [[since, *both]]

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        if "ids" not in token:
            (after,) = picked(body, "paging.next.after")
            ids = [one["id"] for one in read_as(ListedPage, body)["results"]]
            then = {"last": ids[-1]} if ids and after is not None else None
            following = {"ids": ids, "more": [], "ends": {}, "then": then} if ids else None
            return Step(NOTHING, ("results",), following)
        refuse_partial(body)
        ends = {one: list(found) for one, found in token["ends"].items()}
        more = take_associations(body, token["ids"], ends)
        if more:
            return Step(NOTHING, ("results",), {**token, "more": more, "ends": ends})
        told = [{"from": {"id": one}, "to": [{"toObjectId": end} for end in found]} for one, found in ends.items()]
        return Step(as_json({"results": told}), ("results",), token["then"])

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None

    def probe(self, work: Work) -> Request:
        return Request("POST", api.search(self.kind), json=search_body(self._groups(work, "0"), (), limit=1))

    def count(self, work: Work, body: bytes) -> int | None:
        (total,) = picked(body, "total")
        return total if isinstance(total, int) else None
