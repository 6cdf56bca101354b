"""How CRM objects are read: all of them from the list, what changed from the search, what belongs together in batches.

The list has no wall and no "changed since"; the search has both, but gives neither associations nor history nor what was
archived. Where one of these is wanted, or the names of the properties are too long for a URL, a page of ids comes first
and the rest is asked for by id, with everything in the body.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NotRequired
from urllib.parse import urlencode

import orjson
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from persync.connect.readers import picked, unexpected
from persync.connect.stream import DAY_MS, MINUTE_MS, Request, Step, Token, Work
from persync.errors import ResponseError
from persync_hubspot import api
from persync_hubspot.properties import modified_of, unknown, with_opted_in
from persync_hubspot.readers import NOTHING

URL_MOST = 1_900
"""Characters of path and query: servers differ in what they refuse, 2,000 in all are safe."""
SEARCH_BODY_MOST = 2_900
SEARCH_LIMIT = 200
SETTLE = 2 * MINUTE_MS
"""Milliseconds until a change is sure to be in the search index."""
WALL = 9_800
"""A search ends at 10,000 results; the last page before that is not asked for."""
LIST_LIMIT, HISTORY_LIMIT = 100, 50
SENSITIVITIES = ("non_sensitive", "sensitive", "highly_sensitive")
"""What the properties endpoint can be asked for; it lists only the first unasked."""

Ends = dict[str, list[str]]
"""{id of an object: ids of the objects of one other type that belong to it}"""


class _Next(TypedDict):
    after: str


class _Paging(TypedDict):
    next: NotRequired[_Next | None]


class _End(TypedDict):
    toObjectId: str | int


class _Id(TypedDict):
    id: str | int


# In the functional form because "from" is no Python name.
_Found = TypedDict("_Found", {"from": _Id, "to": list[_End], "paging": NotRequired[_Paging | None]})


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
    paging: NotRequired[_Paging | None]


class _Listed(TypedDict):
    id: str
    associations: NotRequired[dict[str, _ListedEnds] | None]


class _ListedPage(TypedDict):
    results: list[_Listed]


class _Name(TypedDict):
    name: str


class _Named(TypedDict):
    results: list[_Name]


@lru_cache(maxsize=8)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _read(kind: Any, body: bytes) -> Any:
    try:
        return _adapter(kind).validate_json(body)
    except ValidationError as error:
        raise unexpected(error) from None


def ask_associations(kind: str, to: str, inputs: Iterable[Mapping[str, str]]) -> Request:
    """Return the call for the objects of type `to` that belong to each of some objects."""
    return Request("POST", api.associations(kind, to), json={"inputs": [dict(one) for one in inputs]})


def take_associations(body: bytes, asked: Iterable[str], known: Ends) -> list[dict[str, str]]:
    """Add what an answer says to `known`, each id once; return what must be asked again for further pages.

    An object that HubSpot says has none gets an empty list; one about which it only reports another error stays unknown.
    """
    told = _read(_Associations, body)
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


@dataclass(frozen=True, slots=True)
class Objects:
    """CRM objects of one type: the whole list at first, then what changed, by a search that is keyset on the id.

    `links` are types whose ids come along as associations: from the list always, after a search when `relink`. `history`
    names properties whose former values come along. `opted_in` adds the attributes of the settings. `archived` reads the
    list of deleted objects, always as a whole: deleting moves no modified date.
    """

    kind: str
    properties: tuple[str, ...] = ("hs_object_id",)
    links: tuple[str, ...] = ()
    relink: bool = True
    history: tuple[str, ...] = ()
    opted_in: bool = False
    archived: bool = False

    # -- the first call ------------------------------------------------------------------------------------------------

    def start(self, work: Work) -> Token:
        if self.archived or work.first_load or work.since is None:
            return {"limit": self._most}
        return {"last": "0", "after": 0, "limit": SEARCH_LIMIT}

    def request(self, work: Work, token: Token) -> Request:
        if "ids" in token:
            return self._by_id(work, token)
        if "last" in token:
            return self._search(work, token)
        return self._list(work, token)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        if "ids" in token:
            return self._took_by_id(token, body)
        if "last" in token:
            return self._took_search(work, token, body)
        return self._took_list(work, token, body)

    def shrink(self, work: Work, token: Token) -> Token | None:
        if "ids" in token or token["limit"] < 20:
            return None
        return {**token, "limit": token["limit"] // 2}

    def probe(self, work: Work) -> Request:
        if self.archived:
            return Request(path=api.objects(self.kind), params={"limit": "1", "archived": "true"})
        filters = [] if work.first_load or work.since is None else self._window(work)
        return Request("POST", api.search(self.kind), json=search_body([filters] if filters else [], (), limit=1))

    def count(self, work: Work, body: bytes) -> int | None:
        (total,) = picked(body, "total")
        return total if isinstance(total, int) else None

    # -- the list ------------------------------------------------------------------------------------------------------

    @property
    def _most(self) -> int:
        return HISTORY_LIMIT if self.history else LIST_LIMIT

    def _names(self, work: Work) -> tuple[str, ...]:
        return with_opted_in(self.properties, work.settings.attributes if self.opted_in else ())

    def _list_params(self, token: Token, names: tuple[str, ...]) -> dict[str, str]:
        params = {"limit": str(token["limit"]), "properties": ",".join(names), "archived": "true" if self.archived else "false"}
        if self.links:
            params["associations"] = ",".join(self.links)
        if "after" in token:
            params["after"] = token["after"]
        return params

    def _is_long(self, work: Work) -> bool:
        params = self._list_params({"limit": LIST_LIMIT, "after": "0" * 20}, self._names(work))
        return len(api.objects(self.kind)) + len(urlencode(params)) > URL_MOST

    def _list(self, work: Work, token: Token) -> Request:
        long = self._is_long(work)
        params = self._list_params(token, ("hs_object_id",) if long else self._names(work))
        if self.history and not long:
            params["propertiesWithHistory"] = ",".join(self.history)
        return Request(path=api.objects(self.kind), params=params)

    def _took_list(self, work: Work, token: Token, body: bytes) -> Step:
        (after,) = picked(body, "paging.next.after")
        following = {**token, "after": str(after)} if after else None
        long = self._is_long(work)
        if not long and not self.links:
            return Step(body, ("results",), following)
        page = _read(_ListedPage, body)["results"]
        ends: dict[str, Ends] = {to: {} for to in self.links}
        cut = []
        for one in page:
            for to in self.links:
                shown = (one.get("associations") or {}).get(to.replace("_", " "))
                shown = shown or (one.get("associations") or {}).get(to)
                if shown and (shown.get("paging") or {}).get("next"):
                    cut.append(one["id"])
                ends[to][one["id"]] = list(dict.fromkeys(end["id"] for end in shown["results"])) if shown else []
        cut = list(dict.fromkeys(cut))
        if not long:
            # The list shows the first hundred or so of what belongs together: the rest is read apart.
            return Step(body, ("results",), self._detail(cut, following))
        whole = [one["id"] for one in page if one["id"] not in cut]
        rest = self._detail(cut, following)
        if not whole:
            return Step(NOTHING, ("results",), rest)
        return Step(NOTHING, ("results",), {"ids": whole, "links": [], "more": [], "ends": ends, "then": rest})

    # -- the search ----------------------------------------------------------------------------------------------------

    def _window(self, work: Work) -> list[dict[str, str]]:
        modified = modified_of(self.kind)
        return [
            {"propertyName": modified, "operator": "GTE", "value": str(work.since)},
            {"propertyName": modified, "operator": "LT", "value": str(work.until)},
        ]

    def _search(self, work: Work, token: Token) -> Request:
        behind = {"propertyName": "hs_object_id", "operator": "GT", "value": token["last"]}
        filters = [*self._window(work), behind]
        names = ("hs_object_id",) if self._needs_ids(work) else self._names(work)
        body = search_body([filters], names, limit=token["limit"], after=token["after"])
        return Request("POST", api.search(self.kind), json=body)

    def _needs_ids(self, work: Work) -> bool:
        """Tell whether a search gives only the ids: the rest cannot come from it, or the question would be too long."""
        if self.history or (self.links and self.relink):
            return True
        filters = [*self._window(work), {"propertyName": "hs_object_id", "operator": "GT", "value": "0" * 20}]
        body = search_body([filters], self._names(work), limit=SEARCH_LIMIT, after=WALL)
        return len(orjson.dumps(body)) > SEARCH_BODY_MOST

    def _took_search(self, work: Work, token: Token, body: bytes) -> Step:
        (after,) = picked(body, "paging.next.after")
        needs = self._needs_ids(work)
        ids = [one["id"] for one in _read(_ListedPage, body)["results"]] if needs or after is not None else []
        following = None
        if after is not None and ids:
            following = {**token, "after": int(after)}
            if int(after) + token["limit"] > WALL:
                following = {**token, "last": ids[-1], "after": 0}
        if not needs:
            return Step(body, ("results",), following)
        return Step(NOTHING, ("results",), self._detail(ids, following))

    # -- by id ---------------------------------------------------------------------------------------------------------

    def _detail(self, ids: list[str], then: Token | None) -> Token | None:
        """Return the token that reads these objects by id, their associations first."""
        if not ids:
            return then
        links = list(self.links)
        return {"ids": ids, "links": links, "more": [], "ends": {to: {} for to in links}, "then": then}

    @property
    def _only_ids(self) -> bool:
        """Whether nothing of the objects themselves is wanted, so that a page of ids says it all."""
        return self.properties == ("hs_object_id",) and not self.history and not self.opted_in

    def _by_id(self, work: Work, token: Token) -> Request:
        if token["links"]:
            return ask_associations(self.kind, token["links"][0], token["more"] or [{"id": one} for one in token["ids"]])
        body = {
            "inputs": [{"id": one} for one in token["ids"][: self._most]],
            "properties": list(self._names(work)),
            "propertiesWithHistory": list(self.history),
        }
        params = {"archived": "true"} if self.archived else {}
        return Request("POST", api.batch_read(self.kind), params=params, json=body)

    def _took_by_id(self, token: Token, body: bytes) -> Step:
        if token["links"]:
            to, *links = token["links"]
            ends = {name: {one: list(found) for one, found in known.items()} for name, known in token["ends"].items()}
            more = take_associations(body, token["ids"], ends[to])
            following = {**token, "ends": ends, "more": more, "links": token["links"] if more else links}
            if more or links or not self._only_ids:
                return Step(NOTHING, ("results",), following)
            told = orjson.dumps({"results": [{"id": one} for one in token["ids"]]})
            return Step(_with_ends(told, ends), ("results",), token["then"])
        rest = token["ids"][self._most :]
        following = {**token, "ids": rest} if rest else token["then"]
        return Step(_with_ends(body, token["ends"]), ("results",), following)


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


def _with_ends(body: bytes, ends: Mapping[str, Ends]) -> bytes:
    """Return a page of objects with associations written in as the list writes them."""
    if not ends:
        return body
    page = _read(dict[str, Any], body)
    for record in page.get("results") or ():
        if isinstance(record, dict):
            record["associations"] = {
                to: {"results": [{"id": one} for one in known[str(record.get("id"))]]}
                for to, known in ends.items()
                if str(record.get("id")) in known
            }
    return orjson.dumps(page)


@dataclass(frozen=True, slots=True)
class Associations:
    """What belongs to recent objects: a page of ids from a search, then their associations in one call, and again.

    A new association moves no modified date and a search gives none, so those of the last `days` are read at every pull,
    and of everything for which `also` (a property) is "false". Records are `{"from": {"id"}, "to": [{"toObjectId"}]}`.
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
        since = {"propertyName": modified, "operator": "GTE", "value": str(work.until - self.days * DAY_MS)}
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
            ids = [one["id"] for one in _read(_ListedPage, body)["results"]]
            then = {"last": ids[-1]} if ids and after is not None else None
            following = {"ids": ids, "more": [], "ends": {}, "then": then} if ids else None
            return Step(NOTHING, ("results",), following)
        ends = {one: list(found) for one, found in token["ends"].items()}
        more = take_associations(body, token["ids"], ends)
        if more:
            return Step(NOTHING, ("results",), {**token, "more": more, "ends": ends})
        told = [{"from": {"id": one}, "to": [{"toObjectId": end} for end in found]} for one, found in ends.items()]
        return Step(orjson.dumps({"results": told}), ("results",), token["then"])

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None

    def probe(self, work: Work) -> Request:
        return Request("POST", api.search(self.kind), json=search_body(self._groups(work, "0"), (), limit=1))

    def count(self, work: Work, body: bytes) -> int | None:
        (total,) = picked(body, "total")
        return total if isinstance(total, int) else None


@dataclass(frozen=True, slots=True)
class PropertyPages:
    """The properties of contacts; then, when an attribute opted in to is not among them, the sensitive ones.

    HubSpot ignores a name it does not know without a word, which would leave a column of nulls. So a name that is nowhere
    ends the stream with an error that says which.
    """

    def start(self, work: Work) -> Token:
        return {"level": 0}

    def request(self, work: Work, token: Token) -> Request:
        level = token["level"]
        return Request(path=work.stream.path, params={"dataSensitivity": SENSITIVITIES[level]} if level else {})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        known = {one["name"] for one in _read(_Named, body)["results"]}
        level = token["level"] + 1
        if level == 1:
            lacking = {name: unknown([name], known)[0] for name in work.settings.attributes if name not in known}
        else:
            lacking = {name: said for name, said in token["lacking"].items() if name not in known}
        following = {"level": level, "lacking": lacking} if lacking and level < len(SENSITIVITIES) else None
        if lacking and following is None:
            raise ResponseError(" ".join(lacking.values()), hint="Correct the name under attributes in persync.toml.")
        return Step(body, ("results",), following, params={"sensitivity": SENSITIVITIES[level - 1]})

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None
