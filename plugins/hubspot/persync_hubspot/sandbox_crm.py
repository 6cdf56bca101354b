"""The imitated CRM: lists, searches, batch reads, associations, properties and pipelines of every type of object."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from persync.sandbox.world import World
from persync_hubspot import api
from persync_hubspot.sandbox_crm_records import DAY, CrmRecord, everything
from persync_hubspot.sandbox_crm_search import matcher, sort
from persync_hubspot.sandbox_crm_types import (
    ASSOCIATION_TYPES,
    CUSTOM,
    OPTIONS,
    ORDER_PIPELINE,
    PIPELINE,
    PROPERTIES,
    SENSITIVITY,
    SINGULAR,
    STAGES,
    kind_of,
    shown_names,
)
from persync_hubspot.sandbox_terms import Denied
from persync_hubspot.sandbox_wire import Query, Refusal, first, iso, listed, page_size

LIST_MOST, HISTORY_MOST, SEARCH_MOST, BATCH_MOST, ASSOCIATIONS_MOST = 100, 50, 200, 100, 1000
WALL = 10_000
SEARCH_BODY_MOST = 3_000
URL_MOST = 8_000
ARCHIVED_DAYS = 90
VERSIONS_MOST = 45
"""values of a contact's property that its history keeps"""

Answered = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class CrmFaults:
    """What is unusual about an account. Ids are HubSpot's own; times epoch milliseconds."""

    index_lag: int = 0
    """milliseconds until a change can be found by a search"""
    listed_associations: int = 100
    """associated objects of one type that a list shows before it points to a next page"""
    associations_page: int = 500
    """associated objects of one record in a batch read before the next page"""
    archived: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """{type: {id: when it was archived}}, besides the contacts the world calls archived"""
    gone: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """{type: ids} deleted for good: no list names them"""
    merged: Mapping[str, Mapping[int, tuple[int, ...]]] = field(default_factory=dict)
    """{type: {survivor: losers}}: the losers are nowhere but in the survivor's hs_merged_object_ids"""
    values: Mapping[str, Mapping[int, Mapping[str, str | None]]] = field(default_factory=dict)
    """{type: {id: values that differ from what the world says}}"""
    denied: Mapping[str, str] = field(default_factory=dict)
    """{type: "scope" | "tier"}: what the key or the account may not read"""


class Crm:
    """The objects of a world, and the ways to read them."""

    def __init__(self, world: World, faults: CrmFaults | None = None) -> None:
        self._world = world
        self._faults = faults or CrmFaults()
        self._live: dict[str, list[CrmRecord]] = {}
        self._archived: dict[str, list[CrmRecord]] = {}
        self._last: tuple[tuple[str, str, str], list[CrmRecord]] | None = None
        for kind, records in everything(world).items():
            found = [self._altered(kind, record) for record in records if record.number not in self._nowhere(kind)]
            self._live[kind] = [record for record in found if record.archived_at is None]
            kept = world.now - ARCHIVED_DAYS * DAY
            self._archived[kind] = [one for one in found if one.archived_at is not None and one.archived_at > kept]

    def _nowhere(self, kind: str) -> set[int]:
        losers = {loser for merged in self._faults.merged.get(kind, {}).values() for loser in merged}
        return losers | self._faults.gone.get(kind, frozenset())

    def _altered(self, kind: str, record: CrmRecord) -> CrmRecord:
        record.archived_at = self._faults.archived.get(kind, {}).get(record.number, record.archived_at)
        if losers := self._faults.merged.get(kind, {}).get(record.number):
            record.values["hs_merged_object_ids"] = ";".join(map(str, losers))
        record.values |= self._faults.values.get(kind, {}).get(record.number, {})
        return record

    def _kind(self, text: str) -> str:
        kind = kind_of(text)
        if kind in self._faults.denied:
            raise Denied(*([f"crm.objects.{kind}.read"] if self._faults.denied[kind] == "scope" else []))
        return kind

    # -- objects -------------------------------------------------------------------------------------------------------

    def listed(self, kind: str, query: Query) -> dict[str, Any]:
        """Answer a list: ordered by id, no wall, associations and history on request."""
        kind = self._kind(kind)
        history = listed(query, "propertiesWithHistory")
        limit = page_size(first(query, "limit"), default=10, most=HISTORY_MOST if history else LIST_MOST)
        records = (self._archived if first(query, "archived") == "true" else self._live)[kind]
        after = first(query, "after")
        if after and not after.isdigit():
            raise Refusal(400, f"Invalid input: after {after[:20]} is not a cursor of this list", "VALIDATION_ERROR")
        start = bisect_left(records, int(after), key=lambda record: record.number) if after else 0
        page = records[start : start + limit]
        names = shown_names(kind, [*listed(query, "properties"), *history], asked="properties" in query)
        # An association that does not exist is left out without a word.
        wanted = [other for other in listed(query, "associations") if other in PROPERTIES or other in api.TYPE_IDS.values()]
        most = self._faults.listed_associations
        answer: dict[str, Any] = {
            "results": [
                _shown(record, names, history) | _associations(record, kind, [kind_of(one) for one in wanted], most)
                for record in page
            ]
        }
        if start + limit < len(records):
            following = str(records[start + limit].number)
            answer["paging"] = {
                "next": {"after": following, "link": f"https://api.hubapi.com/crm/objects/{kind}?after={following}"}
            }
        return answer

    def searched(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer a search: never archived records, never associations, and nothing beyond 10,000 results."""
        kind = self._kind(kind)
        limit = page_size(str(body.get("limit", "")), default=10, most=SEARCH_MOST)
        after = str(body.get("after") or "0")
        if not after.isdigit():
            raise Refusal(400, "Invalid input: after must be an integer", "VALIDATION_ERROR")
        if len(orjson.dumps(body)) > SEARCH_BODY_MOST:
            raise Refusal(400, f"Invalid input: the request is longer than {SEARCH_BODY_MOST} characters", "VALIDATION_ERROR")
        offset = int(after)
        if offset + limit > WALL:
            raise Refusal(
                400,
                f"Search results are limited to {WALL} total results: after + limit is {offset + limit}",
                "VALIDATION_ERROR",
            )
        found = self._found(kind, body.get("filterGroups") or [], body.get("sorts") or [])
        names = shown_names(kind, [str(name) for name in body.get("properties") or []], asked=bool(body.get("properties")))
        answer: dict[str, Any] = {
            "total": len(found),
            "results": [_shown(record, names) for record in found[offset : offset + limit]],
        }
        if offset + limit < len(found):
            answer["paging"] = {"next": {"after": str(offset + limit)}}
        return answer

    def _found(self, kind: str, groups: Any, sorts: Any) -> list[CrmRecord]:
        """Return all results of a search; the last one is remembered, since its next page asks for it again."""
        question = (kind, repr(groups), repr(sorts))
        # Taken once: callers in other threads may put their own search there meanwhile.
        last = self._last
        if last is None or last[0] != question:
            matches = matcher(kind, groups)
            indexed = self._world.now - self._faults.index_lag
            found = [record for record in self._live[kind] if record.updated_at <= indexed and matches(record)]
            sort(kind, found, sorts)
            last = self._last = (question, found)
        return last[1]

    def read(self, kind: str, body: dict[str, Any], query: Query) -> tuple[int, dict[str, Any]]:
        """Answer a batch read; with 207 when some of the objects are not there."""
        kind = self._kind(kind)
        history = [str(name) for name in body.get("propertiesWithHistory") or []]
        inputs = _inputs(body, HISTORY_MOST if history else BATCH_MOST)
        key = str(body.get("idProperty") or "hs_object_id")
        if key not in PROPERTIES[kind]:
            raise Refusal(400, f"Invalid input: {key[:60]} is no unique property", "VALIDATION_ERROR")
        records = (self._archived if first(query, "archived") == "true" else self._live)[kind]
        by_key = {record.values.get(key): record for record in records}
        names = shown_names(kind, [*(str(name) for name in body.get("properties") or []), *history], asked=True)
        found = {one: by_key[one] for one in inputs if one in by_key}
        missing = [one for one in inputs if one not in by_key]
        answer = self._batch([_shown(record, names, history) for record in found.values()])
        if missing:
            what = f"Could not get some {SINGULAR[kind].upper()} objects, they may be deleted or not exist."
            answer |= {"numErrors": 1, "errors": [_error("OBJECT_NOT_FOUND", what, {"ids": missing})]}
        return (207 if missing else 200), answer

    def associated(self, kind: str, to: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer a batch read of associations, paged for each object; with 207 when some of the objects have none."""
        kind, to = self._kind(kind), self._kind(to)
        inputs = _inputs(body, ASSOCIATIONS_MOST)
        after = {str(one.get("id")): str(one.get("after") or "0") for one in body["inputs"]}
        records = {str(record.number): record for record in self._live[kind]}
        most = self._faults.associations_page
        results, errors = [], []
        for one in inputs:
            others = _once(records[one].associations.get(to, [])) if one in records else []
            if not others:
                said = f"No {SINGULAR[to]} is associated with {SINGULAR[kind]} {one[:20]}."
                errors.append(_error("OBJECT_NOT_FOUND", said, {"fromObjectId": [one[:20]]}))
                continue
            start = int(after[one]) if after[one].isdigit() else 0
            ends = [{"toObjectId": str(other), "associationTypes": _labels(kind, to)} for other in others[start : start + most]]
            result: dict[str, Any] = {"from": {"id": one}, "to": ends}
            if start + most < len(others):
                result["paging"] = {"next": {"after": str(start + most)}}
            results.append(result)
        answer = self._batch(results)
        if errors:
            answer |= {"numErrors": len(errors), "errors": errors}
        return (207 if errors else 200), answer

    def _batch(self, results: list[Any]) -> dict[str, Any]:
        moment = iso(self._world.now)
        return {"status": "COMPLETE", "results": results, "startedAt": moment, "completedAt": moment}

    # -- what describes them -------------------------------------------------------------------------------------------

    def properties(self, kind: str, query: Query) -> dict[str, Any]:
        """Answer which properties a kind has; those that are sensitive only when asked for by their sensitivity."""
        kind = self._kind(kind)
        wanted = first(query, "dataSensitivity", "non_sensitive")
        if wanted not in ("non_sensitive", "sensitive", "highly_sensitive"):
            raise Refusal(400, f"Invalid input: {wanted[:20]} is no sensitivity", "VALIDATION_ERROR")
        return {
            "results": [
                {
                    "name": name,
                    "label": name.replace("hs_", "").replace("_", " ").capitalize(),
                    "type": type_,
                    "fieldType": {"enumeration": "select", "bool": "booleancheckbox", "datetime": "date"}.get(type_, "text"),
                    "description": "",
                    "groupName": f"{SINGULAR[kind]}information",
                    "options": [
                        {"value": value, "label": label, "displayOrder": number, "hidden": False}
                        for number, (value, label) in enumerate(OPTIONS.get(name, ()))
                    ],
                    "hubspotDefined": name not in CUSTOM,
                    "dataSensitivity": wanted,
                }
                for name, type_ in sorted(PROPERTIES[kind].items())
                if SENSITIVITY.get(name, "non_sensitive") == wanted
            ]
        }

    def pipelines(self, kind: str) -> dict[str, Any]:
        """Answer the pipelines of deals or orders, stages included."""
        kind = self._kind(kind)
        if kind == "deals":
            return {"results": [_pipeline(PIPELINE, "Sales pipeline", STAGES)]}
        if kind == "orders":
            return {"results": [_pipeline(ORDER_PIPELINE, "Order pipeline", {"open": ("Open", "false", "0.5")})]}
        return {"results": []}


def crm_routes(crm: Crm, answered: Answered) -> list[BaseRoute]:
    """Return the routes of the CRM; `answered` lets the caller in and dresses the answer."""

    def get(path: str, answer: Callable[[Mapping[str, str], Query], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            if len(str(request.url)) > URL_MOST:
                return Response("<html><h1>414 Request-URI Too Large</h1></html>", 414, media_type="text/html")
            return answered(request, lambda: answer(request.path_params, parse_qs(request.url.query)))

        return Route(path, endpoint, methods=["GET"])

    def post(path: str, answer: Callable[[Mapping[str, str], dict[str, Any], Query], Any], *, headers: bool = True) -> Route:
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            query = parse_qs(request.url.query)
            return answered(request, lambda: answer(request.path_params, _json(body), query), headers=headers)

        return Route(path, endpoint, methods=["POST"])

    version = api.API_VERSION
    objects = f"/crm/objects/{version}/{{kind}}"
    return [
        get(objects, lambda path, query: crm.listed(path["kind"], query)),
        # A search tells nothing of limits.
        post(f"{objects}/search", lambda path, body, query: crm.searched(path["kind"], body), headers=False),
        post(f"{objects}/batch/read", lambda path, body, query: crm.read(path["kind"], body, query)),
        post(
            f"/crm/associations/{version}/{{kind}}/{{to}}/batch/read",
            lambda path, body, query: crm.associated(path["kind"], path["to"], body),
        ),
        get(f"/crm/properties/{version}/{{kind}}", lambda path, query: crm.properties(path["kind"], query)),
        get(f"/crm/pipelines/{version}/{{kind}}", lambda path, query: crm.pipelines(path["kind"])),
    ]


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(400, "Invalid input JSON on line 1, column 1: not JSON", "VALIDATION_ERROR") from None
    if not isinstance(found, dict):
        raise Refusal(400, "Invalid input JSON on line 1, column 1: an object is expected", "VALIDATION_ERROR")
    return found


def _inputs(body: dict[str, Any], most: int) -> list[str]:
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not 1 <= len(inputs) <= most:
        raise Refusal(400, f"Invalid input: between 1 and {most} inputs are expected", "VALIDATION_ERROR")
    return [str(one.get("id", "")) for one in inputs]


def _shown(record: CrmRecord, names: tuple[str, ...], history: list[str] | tuple[str, ...] = ()) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": str(record.number),
        "properties": {name: record.values.get(name) for name in names},
        "createdAt": iso(record.created_at),
        "updatedAt": iso(record.updated_at),
        "archived": record.archived_at is not None,
    }
    if record.archived_at is not None:
        shown["archivedAt"] = iso(record.archived_at)
    if history:
        shown["propertiesWithHistory"] = {
            name: [
                {"value": value, "timestamp": iso(at), "sourceType": "CRM_UI", "sourceId": "userId:1", "updatedByUserId": 1}
                for value, at in record.history.get(name, [])[:VERSIONS_MOST]
            ]
            for name in history
        }
    return shown


def _associations(record: CrmRecord, kind: str, wanted: list[str], most: int) -> dict[str, Any]:
    """Return the ids that belong to a record, each once for each label, the first `most` of them."""
    shown: dict[str, Any] = {}
    for other in wanted:
        ids = _once(record.associations.get(other, []))
        if ids:
            type_ = f"{SINGULAR[kind]}_to_{SINGULAR[other]}"
            ends = [{"id": str(one), "type": type_ + suffix} for one in ids[:most] for suffix in ("", "_unlabeled")]
            shown[other.replace("_", " ")] = {"results": ends}
            if len(ids) > most:
                shown[other.replace("_", " ")]["paging"] = {"next": {"after": str(ids[most])}}
    return {"associations": shown} if shown else {}


def _once(ids: list[int]) -> list[int]:
    return list(dict.fromkeys(ids))


def _labels(kind: str, to: str) -> list[dict[str, Any]]:
    unlabelled: dict[str, Any] = {"category": "HUBSPOT_DEFINED", "typeId": ASSOCIATION_TYPES.get((kind, to), 0)}
    if (kind, to) != ("contacts", "companies"):
        return [unlabelled]
    return [unlabelled | {"label": "Primary"}, {"category": "HUBSPOT_DEFINED", "typeId": 279}]


def _error(category: str, message: str, context: dict[str, list[str]]) -> dict[str, Any]:
    return {"status": "error", "category": category, "message": message, "context": context, "errors": [], "links": {}}


def _pipeline(id_: str, label: str, stages: Mapping[str, tuple[str, str, str]]) -> dict[str, Any]:
    moment = "2020-01-01T00:00:00.000Z"
    return {
        "id": id_,
        "label": label,
        "displayOrder": 0,
        "createdAt": moment,
        "updatedAt": moment,
        "archived": False,
        "stages": [
            {
                "id": stage,
                "label": name,
                "displayOrder": number,
                "metadata": {"isClosed": closed, "probability": probability},
                "createdAt": moment,
                "updatedAt": moment,
                "archived": False,
                "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            }
            for number, (stage, (name, closed, probability)) in enumerate(stages.items())
        ],
    }
