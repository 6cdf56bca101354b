"""How CRM objects are read: all of them from the list, what changed from the search, what belongs together in batches.

The list has no wall and no "changed since"; the search has both, but gives neither associations nor history nor what was
archived. Where one of these is wanted, or the names of the properties are too long for a URL, a page of ids comes first
and the rest is asked for by id, with everything in the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from persync.connect import as_json
from persync.connect.readers import picked
from persync.connect.stream import Request, Step, Token, Work
from persync_hubspot import api
from persync_hubspot.association_readers import (
    SEARCH_LIMIT,
    Ends,
    ListedPage,
    ask_associations,
    read_as,
    refuse_partial,
    search_body,
    take_associations,
)
from persync_hubspot.properties import modified_of, with_opted_in
from persync_hubspot.readers import NOTHING

URL_MOST = 1_900
"""Characters of path and query: servers differ in what they refuse, 2,000 in all are safe."""
SEARCH_BODY_MOST = 2_900
WALL = 9_800
"""A search ends at 10,000 results; the last page before that is not asked for."""
LIST_LIMIT, HISTORY_LIMIT = 100, 50


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
        refuse_partial(body)
        if "ids" in token:
            return self._took_by_id(token, body)
        if "last" in token:
            return self._took_search(work, token, body)
        return self._took_list(work, token, body)

    def continues(self, token: Token) -> bool:
        return bool(token.get("after")) and "ids" not in token

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
        total, results, after = picked(body, "total", "results", "paging.next.after")
        if self.archived and after is None and isinstance(results, list):
            return len(results)  # a list has no total; but where there is no next page, one record or none is all
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
        page = read_as(ListedPage, body)["results"]
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
        ids = [one["id"] for one in read_as(ListedPage, body)["results"]] if needs or after is not None else []
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


def _with_ends(body: bytes, ends: Mapping[str, Ends]) -> bytes:
    """Return a page of objects with associations written in as the list writes them."""
    if not ends:
        return body
    page = read_as(dict[str, Any], body)
    for record in page.get("results") or ():
        if isinstance(record, dict):
            record["associations"] = {
                to: {"results": [{"id": one} for one in known[str(record.get("id"))]]}
                for to, known in ends.items()
                if str(record.get("id")) in known
            }
    return as_json(page)
