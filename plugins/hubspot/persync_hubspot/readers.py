"""How HubSpot pages, where the common readers do not know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from persync.connect.readers import SearchWindows, TokenPages, picked
from persync.connect.stream import DAY_MS, Request, Step, Token, Work
from persync_hubspot import api
from persync_hubspot.properties import with_opted_in

MODELS = (
    "LINEAR",
    "FIRST_INTERACTION",
    "LAST_INTERACTION",
    "FULL_PATH",
    "U_SHAPED",
    "W_SHAPED",
    "TIME_DECAY",
    "J_SHAPED",
    "INVERSE_J_SHAPED",
)
"""HubSpot's attribution models; the first is its default."""

NOTHING = b'{"results":[]}'


@dataclass(frozen=True, slots=True)
class ObjectPages(TokenPages):
    """CRM objects in the order of their ids, without a wall; asks for the properties named and those opted in to."""

    properties: tuple[str, ...] = ()
    opted_in: bool = False
    associations: str = ""
    archived: bool = False

    def request(self, work: Work, token: Token) -> Request:
        asked = TokenPages.request(self, work, token)
        names = with_opted_in(self.properties, work.settings.attributes if self.opted_in else ())
        params = {**asked.params, "properties": ",".join(names), "archived": "true" if self.archived else "false"}
        if self.associations:
            params["associations"] = self.associations
        return replace(asked, params=params)


@dataclass(frozen=True, slots=True)
class ObjectWindows(SearchWindows):
    """The search of `SearchWindows`, asking also for the properties opted in to."""

    opted_in: bool = False

    def request(self, work: Work, token: Token) -> Request:
        asked = SearchWindows.request(self, work, token)
        if "list" in token or not self.opted_in:
            return asked
        return replace(asked, json={**asked.json, "properties": list(with_opted_in(self.properties, work.settings.attributes))})


@dataclass(frozen=True, slots=True)
class AssociationPages:
    """The associations of recent objects: a page of ids from a search, then their associations in one call, and again.

    A new association moves no modified date and a search gives none, so those of the last `days` are read at every pull,
    and of everything for which `also` (a property) is "false".
    """

    kind: str
    to: str
    modified: str = "hs_lastmodifieddate"
    days: int = 30
    also: str = ""
    limit: int = 200

    def start(self, work: Work) -> Token:
        return {"last": "0"}

    def request(self, work: Work, token: Token) -> Request:
        if "ids" in token:
            return Request("POST", api.associations(self.kind, self.to), json={"inputs": [{"id": one} for one in token["ids"]]})
        behind = {"propertyName": "hs_object_id", "operator": "GT", "value": token["last"]}
        since = str(work.until - self.days * DAY_MS)
        groups = [{"filters": [{"propertyName": self.modified, "operator": "GTE", "value": since}, behind]}]
        if self.also:
            groups.append({"filters": [{"propertyName": self.also, "operator": "EQ", "value": "false"}, behind]})
        body = {
            "filterGroups": groups,
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": ["hs_object_id"],
            "limit": self.limit,
            "after": "0",
        }
        return Request("POST", api.search(self.kind), json=body)

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        if "ids" in token:
            return Step(body, ("results",), {"last": token["last"]} if token["more"] else None)
        after, results = picked(body, "paging.next.after", "results")
        ids = [str(one["id"]) for one in results or ()]
        following = {"ids": ids, "last": ids[-1], "more": after is not None} if ids else None
        return Step(NOTHING, ("results",), following)

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None


@dataclass(frozen=True, slots=True)
class ModelPages:
    """One call for each attribution model the settings name; the model goes along with the record."""

    def start(self, work: Work) -> Token:
        return {"model": 0}

    def request(self, work: Work, token: Token) -> Request:
        path = work.stream.path.format_map(work.parent)
        return Request(path=path, params={"attributionModel": work.settings.claim_models[token["model"]]})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        models = work.settings.claim_models
        number = token["model"]
        following = {"model": number + 1} if number + 1 < len(models) else None
        return Step(body, (), following, single=True, params={"model": models[number]})

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None


@dataclass(frozen=True, slots=True)
class OffsetTokenPages:
    """Pages of the v1 API: `hasMore` says whether to go on from the opaque `offset`, which comes on the last page too."""

    at: str
    limit: int = 100

    def start(self, work: Work) -> Token:
        return {}

    def request(self, work: Work, token: Token) -> Request:
        return Request(path=work.stream.path, params={"limit": str(self.limit), **token})

    def read(self, work: Work, token: Token, body: bytes, headers: Mapping[str, str]) -> Step:
        more, offset = picked(body, "hasMore", "offset")
        return Step(body, (self.at,), {"offset": str(offset)} if more and offset else None)

    def shrink(self, work: Work, token: Token) -> Token | None:
        return None
