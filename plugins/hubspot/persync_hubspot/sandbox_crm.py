"""The imitated CRM: contacts, deals and the copies of shop orders, their lists, searches and associations."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from persync.money import from_minor
from persync.sandbox.world import SandboxOrder, SandboxPerson, World
from persync_hubspot.properties import STAGE_DATES, millis
from persync_hubspot.sandbox_wire import Query, Refusal, first, iso, listed, page_size

LIST_MOST = 100
SEARCH_MOST = 200
WALL = 10_000
GROUPS, FILTERS, FILTERS_IN_ALL = 5, 6, 18
PIPELINE = "default"
ORDER_PIPELINE = "14a2e10e-5471-408a-906e-c51f3b04369e"
STAGES = {
    "appointmentscheduled": ("Appointment scheduled", "false", "0.2"),
    "qualifiedtobuy": ("Qualified to buy", "false", "0.4"),
    "contractsent": ("Contract sent", "false", "0.9"),
    "closedwon": ("Closed won", "true", "1.0"),
    "closedlost": ("Closed lost", "true", "0.0"),
}

_TEXT, _NUMBER, _TIME, _CHOICE, _FLAG = "string", "number", "datetime", "enumeration", "bool"
KINDS: dict[str, dict[str, str]] = {
    "contacts": {
        "email": _TEXT,
        "hs_additional_emails": _TEXT,
        "firstname": _TEXT,
        "lastname": _TEXT,
        "createdate": _TIME,
        "lastmodifieddate": _TIME,
        "hs_object_id": _NUMBER,
        "lifecyclestage": _CHOICE,
        "hs_analytics_source": _CHOICE,
        "hs_email_optout": _FLAG,
        "hs_legal_basis": _CHOICE,
        "hs_merged_object_ids": _TEXT,
        "hs_calculated_merged_vids": _TEXT,
        "hs_language": _CHOICE,
        "country": _TEXT,
        "age_band": _CHOICE,
        **dict.fromkeys(STAGE_DATES, _TIME),
    },
    "deals": {
        "amount": _NUMBER,
        "deal_currency_code": _CHOICE,
        "closedate": _TIME,
        "createdate": _TIME,
        "dealname": _TEXT,
        "dealstage": _CHOICE,
        "pipeline": _CHOICE,
        "hs_is_closed": _FLAG,
        "hs_is_closed_won": _FLAG,
        "hs_lastmodifieddate": _TIME,
        "hs_merged_object_ids": _TEXT,
        "hs_object_id": _NUMBER,
    },
    "orders": {
        "hs_external_order_id": _TEXT,
        "hs_order_name": _TEXT,
        "hs_source_store": _TEXT,
        "hs_total_price": _NUMBER,
        "hs_currency_code": _CHOICE,
        "hs_external_created_date": _TIME,
        "hs_external_order_status": _TEXT,
        "hs_createdate": _TIME,
        "hs_lastmodifieddate": _TIME,
        "hs_pipeline": _CHOICE,
        "hs_object_id": _NUMBER,
    },
    "feedback_submissions": {"hs_object_id": _NUMBER, "hs_createdate": _TIME, "hs_lastmodifieddate": _TIME},
}
DEFAULTS = {
    "contacts": ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    "deals": ("amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id", "pipeline"),
    "orders": ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
    "feedback_submissions": ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
}
ALWAYS = {
    "contacts": ("createdate", "hs_object_id", "lastmodifieddate"),
    "deals": ("createdate", "hs_lastmodifieddate", "hs_object_id"),
    "orders": ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
    "feedback_submissions": ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
}
SINGULAR = {"contacts": "contact", "deals": "deal", "orders": "order"}
TYPE_IDS = {("deals", "contacts"): 3, ("orders", "contacts"): 507, ("contacts", "deals"): 4, ("contacts", "orders"): 508}


@dataclass(slots=True)
class CrmRecord:
    """One object: every property it has, and the contacts, deals or orders that belong to it."""

    number: int
    created_at: int
    updated_at: int
    values: dict[str, str | None]
    associations: dict[str, list[int]] = field(default_factory=dict)
    archived_at: int | None = None


class Crm:
    """The objects of a world, and the three ways to read them."""

    def __init__(self, world: World) -> None:
        self._world = world
        contacts = [_contact(person) for person in world.people.values() if person.hubspot_id is not None]
        ids = {person.number: int(person.hubspot_id) for person in world.people.values() if person.hubspot_id is not None}
        deals = [_deal(deal, world, ids) for deal in world.deals]
        orders = [_order(order, world, ids) for order in world.orders if order.in_hubspot is not None]
        by_id = {contact.number: contact for contact in contacts}
        for kind, records in (("deals", deals), ("orders", orders)):
            for record in records:
                for other in record.associations["contacts"]:
                    by_id[other].associations.setdefault(kind, []).append(record.number)
        self._live: dict[str, list[CrmRecord]] = {}
        self._last: tuple[tuple[str, str, str], list[CrmRecord]] | None = None
        self._archived: dict[str, list[CrmRecord]] = {}
        everything = {"contacts": contacts, "deals": deals, "orders": orders, "feedback_submissions": []}
        for kind, records in everything.items():
            records.sort(key=lambda record: record.number)
            self._live[kind] = [record for record in records if record.archived_at is None]
            self._archived[kind] = [record for record in records if record.archived_at is not None]

    def listed(self, kind: str, query: Query) -> dict[str, Any]:
        """Answer a list: ordered by id, no wall, associations on request."""
        self._known(kind)
        limit = page_size(first(query, "limit"), default=10, most=LIST_MOST)
        records = (self._archived if first(query, "archived") == "true" else self._live)[kind]
        after = first(query, "after")
        if after and not after.isdigit():
            raise Refusal(400, f"Invalid input: after {after[:20]} is not a cursor of this list", "VALIDATION_ERROR")
        start = bisect_left(records, int(after), key=lambda record: record.number) if after else 0
        page = records[start : start + limit]
        names = self._names(kind, listed(query, "properties"), asked="properties" in query)
        wanted = [other for other in listed(query, "associations") if other in KINDS]
        answer: dict[str, Any] = {"results": [_shown(record, kind, names, wanted) for record in page]}
        if start + limit < len(records):
            following = str(records[start + limit].number)
            answer["paging"] = {
                "next": {"after": following, "link": f"https://api.hubapi.com/crm/objects/{kind}?after={following}"}
            }
        return answer

    def searched(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer a search: never archived records, never associations, and nothing beyond 10,000 results."""
        self._known(kind)
        limit = page_size(str(body.get("limit", "")), default=10, most=SEARCH_MOST)
        after = str(body.get("after") or "0")
        if not after.isdigit():
            raise Refusal(400, "Invalid input: after must be an integer", "VALIDATION_ERROR")
        offset = int(after)
        if offset + limit > WALL:
            raise Refusal(
                400,
                f"Search results are limited to {WALL} total results: after + limit is {offset + limit}",
                "VALIDATION_ERROR",
            )
        found = self._found(kind, body.get("filterGroups") or [], body.get("sorts") or [])
        names = self._names(kind, [str(name) for name in body.get("properties") or []], asked=bool(body.get("properties")))
        answer: dict[str, Any] = {
            "total": len(found),
            "results": [_shown(record, kind, names, ()) for record in found[offset : offset + limit]],
        }
        if offset + limit < len(found):
            answer["paging"] = {"next": {"after": str(offset + limit)}}
        return answer

    def _found(self, kind: str, groups: Any, sorts: Any) -> list[CrmRecord]:
        """Return all results of a search; the last one is remembered, since its next page asks for it again."""
        question = (kind, repr(groups), repr(sorts))
        if self._last is None or self._last[0] != question:
            matches = _matcher(kind, groups)
            found = [record for record in self._live[kind] if matches(record)]
            _sort(kind, found, sorts)
            self._last = (question, found)
        return self._last[1]

    def associated(self, kind: str, to: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer a batch read of associations; with 207 when some of the objects have none."""
        self._known(kind)
        self._known(to)
        inputs = body.get("inputs")
        if not isinstance(inputs, list) or not 1 <= len(inputs) <= 1000:
            raise Refusal(400, "Invalid input: between 1 and 1000 inputs are expected", "VALIDATION_ERROR")
        records = {record.number: record for record in self._live[kind]}
        label = {"category": "HUBSPOT_DEFINED", "typeId": TYPE_IDS.get((kind, to), 0), "label": None}
        results, errors = [], []
        for one in inputs:
            record = records.get(int(one["id"])) if str(one.get("id", "")).isdigit() else None
            others = record.associations.get(to, []) if record is not None else []
            if others:
                ends = [
                    {"toObjectId": str(other), "associationTypes": [{k: v for k, v in label.items() if v is not None}]}
                    for other in others
                ]
                results.append({"from": {"id": str(one["id"])}, "to": ends})
            else:
                errors.append(_none_found(kind, to, str(one.get("id", ""))))
        moment = iso(self._world.now)
        answer: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": moment, "completedAt": moment}
        if errors:
            answer |= {"numErrors": len(errors), "errors": errors}
        return (207 if errors else 200), answer

    def properties(self, kind: str) -> dict[str, Any]:
        """Answer which properties a kind has."""
        self._known(kind)
        return {
            "results": [
                {
                    "name": name,
                    "label": name.replace("hs_", "").replace("_", " ").capitalize(),
                    "type": type_,
                    "fieldType": {"enumeration": "select", "bool": "booleancheckbox", "datetime": "date"}.get(type_, "text"),
                    "description": "",
                    "groupName": f"{kind.rstrip('s')}information",
                    "options": [],
                    "hubspotDefined": name != "age_band",
                }
                for name, type_ in sorted(KINDS[kind].items())
            ]
        }

    def pipelines(self, kind: str) -> dict[str, Any]:
        """Answer the pipelines of deals or orders, stages included."""
        self._known(kind)
        if kind == "deals":
            return {"results": [_pipeline(PIPELINE, "Sales pipeline", STAGES)]}
        if kind == "orders":
            return {"results": [_pipeline(ORDER_PIPELINE, "Order pipeline", {"open": ("Open", "false", "0.5")})]}
        return {"results": []}

    @staticmethod
    def _known(kind: str) -> None:
        if kind not in KINDS:
            raise Refusal(400, f"Unable to infer object type from: {kind[:40]}", "VALIDATION_ERROR")

    @staticmethod
    def _names(kind: str, names: list[str], *, asked: bool) -> tuple[str, ...]:
        """Return which properties are shown; a name that does not exist is left out without a word."""
        if not asked:
            return DEFAULTS[kind]
        return tuple(dict.fromkeys(name for name in (*names, *ALWAYS[kind]) if name in KINDS[kind]))


def _shown(record: CrmRecord, kind: str, names: tuple[str, ...], associations: list[str] | tuple[str, ...]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": str(record.number),
        "properties": {name: record.values.get(name) for name in names},
        "createdAt": iso(record.created_at),
        "updatedAt": iso(record.updated_at),
        "archived": record.archived_at is not None,
    }
    if record.archived_at is not None:
        shown["archivedAt"] = iso(record.archived_at)
    ends = {other: record.associations[other][:LIST_MOST] for other in associations if record.associations.get(other)}
    if ends:
        shown["associations"] = {
            other: {
                "results": [
                    {"id": str(one), "type": f"{SINGULAR[kind]}_to_{SINGULAR[other]}{suffix}"}
                    for one in ids
                    for suffix in ("", "_unlabeled")
                ]
            }
            for other, ids in ends.items()
        }
    return shown


def _value(record: CrmRecord, kind: str, name: str) -> int | float | str | None:
    """Return a value as a search compares it: times in milliseconds, numbers as numbers."""
    value = record.values.get(name)
    if value is None or value == "":
        return None
    type_ = KINDS[kind].get(name)
    if type_ == _TIME:
        return millis(value, name)
    if type_ == _NUMBER:
        return int(value) if value.isdigit() else float(value)
    return value.lower()


def _matcher(kind: str, groups: Any) -> Callable[[CrmRecord], bool]:
    if not isinstance(groups, list) or len(groups) > GROUPS:
        raise Refusal(400, f"Invalid input: at most {GROUPS} filterGroups", "VALIDATION_ERROR")
    filters = [group.get("filters", []) for group in groups]
    if any(len(one) > FILTERS for one in filters) or sum(map(len, filters)) > FILTERS_IN_ALL:
        raise Refusal(400, f"Invalid input: at most {FILTERS} filters a group and {FILTERS_IN_ALL} in all", "VALIDATION_ERROR")
    tests = [[_test(kind, one) for one in group] for group in filters]
    if not tests:
        return lambda record: True
    return lambda record: any(all(test(record) for test in group) for group in tests)


def _test(kind: str, one: dict[str, Any]) -> Callable[[CrmRecord], bool]:
    name, operator = str(one.get("propertyName")), one.get("operator")
    if name not in KINDS[kind]:
        raise Refusal(400, f"There was a problem with the request: property {name[:60]} does not exist", "VALIDATION_ERROR")
    if operator == "HAS_PROPERTY":
        return lambda record: _value(record, kind, name) is not None
    if operator == "NOT_HAS_PROPERTY":
        return lambda record: _value(record, kind, name) is None
    if operator == "IN":
        values = {_operand(kind, name, value) for value in one.get("values") or []}
        return lambda record: _value(record, kind, name) in values
    compare = _COMPARISONS.get(str(operator))
    if compare is None:
        raise Refusal(400, f"Invalid input: operator {str(operator)[:20]} is not known", "VALIDATION_ERROR")
    value = _operand(kind, name, one.get("value"))

    def test(record: CrmRecord) -> bool:
        mine = _value(record, kind, name)
        return mine is not None and compare(mine, value)

    return test


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda a, b: a == b,
    "NEQ": lambda a, b: a != b,
    "LT": lambda a, b: a < b,
    "LTE": lambda a, b: a <= b,
    "GT": lambda a, b: a > b,
    "GTE": lambda a, b: a >= b,
}


def _operand(kind: str, name: str, value: Any) -> int | float | str:
    """Read a filter's value; it must be a string, and a number or a time of its property's type."""
    if not isinstance(value, str):
        raise Refusal(400, f"Invalid input: the value for {name} must be a string", "VALIDATION_ERROR")
    type_ = KINDS[kind][name]
    if type_ not in (_TIME, _NUMBER):
        return value.lower()
    try:
        return int(value) if value.lstrip("-").isdigit() else millis(value, name) if type_ == _TIME else float(value)
    except Exception:
        raise Refusal(400, f"Invalid input: {value[:40]} is not a valid value for {name}", "VALIDATION_ERROR") from None


def _sort(kind: str, found: list[CrmRecord], sorts: Any) -> None:
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise Refusal(400, "Invalid input: one sort at most", "VALIDATION_ERROR")
    for sort in sorts:
        name = str(sort.get("propertyName")) if isinstance(sort, dict) else str(sort)
        if name not in KINDS[kind]:
            raise Refusal(400, f"There was a problem with the request: property {name[:60]} does not exist", "VALIDATION_ERROR")
        down = isinstance(sort, dict) and sort.get("direction") == "DESCENDING"
        if name == "hs_object_id":
            found.sort(key=lambda record: record.number, reverse=down)
        else:
            found.sort(
                key=lambda record: (_value(record, kind, name) is None, str(record.values.get(name) or "")), reverse=down
            )


def _none_found(kind: str, to: str, id_: str) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"No {to} is associated with {kind} {id_[:20]}.",
        "context": {"fromObjectId": [id_[:20]]},
        "errors": [],
        "links": {},
    }


def _pipeline(id_: str, label: str, stages: dict[str, tuple[str, str, str]]) -> dict[str, Any]:
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


def _contact(person: SandboxPerson) -> CrmRecord:
    number = int(person.hubspot_id or 0)
    values: dict[str, str | None] = {
        "email": person.email,
        "firstname": person.first_name,
        "lastname": person.last_name,
        "createdate": iso(person.created_at),
        "lastmodifieddate": iso(person.updated_at),
        "hs_object_id": str(number),
        "lifecyclestage": person.lifecycle,
        "hs_analytics_source": "EMAIL_MARKETING" if person.number % 3 == 0 else "DIRECT_TRAFFIC",
        "hs_email_optout": "true" if person.status == "unsubscribed" else "false" if person.number % 2 else "",
        "hs_legal_basis": "Freely given consent from contact" if person.status == "subscribed" else None,
        "hs_merged_object_ids": ";".join(person.hubspot_merged_ids) or None,
        "hs_calculated_merged_vids": ";".join(f"{one}:{person.created_at}" for one in person.hubspot_merged_ids) or None,
        "hs_language": person.language,
        "country": person.country,
        "age_band": person.age_band or None,
    }
    for name, stage in STAGE_DATES.items():
        entered = person.stage_dates.get(stage)
        values[name] = None if entered is None else iso(entered)
    archived = person.status_changed_at if person.status == "archived" and person.mailchimp_id is None else None
    return CrmRecord(number, person.created_at, person.updated_at, values, archived_at=archived)


def _deal(deal: SandboxOrder, world: World, ids: dict[int, int]) -> CrmRecord:
    number = int(deal.in_hubspot or deal.id)
    _, closed, probability = STAGES[deal.stage or "appointmentscheduled"]
    won = closed == "true" and probability == "1.0"
    values: dict[str, str | None] = {
        "amount": str(from_minor(deal.total_minor(), world.currency)) if deal.ledger else None,
        "deal_currency_code": world.currency,
        "closedate": iso(deal.processed_at),
        "createdate": iso(deal.created_at),
        "dealname": deal.name,
        "dealstage": deal.stage or "appointmentscheduled",
        "pipeline": PIPELINE,
        "hs_is_closed": closed,
        "hs_is_closed_won": "true" if won else "false",
        "hs_lastmodifieddate": iso(deal.updated_at),
        "hs_object_id": str(number),
    }
    people = [ids[one] for one in (deal.person, *deal.people) if one is not None and one in ids]
    return CrmRecord(number, deal.created_at, deal.updated_at, values, {"contacts": people})


def _order(order: SandboxOrder, world: World, ids: dict[int, int]) -> CrmRecord:
    """Copy a shop's order as a shop integration does: its total at the time, which no later refund changes."""
    number = int(order.in_hubspot or 0)
    total = sum(event.total_minor for event in order.ledger if event.reason == "ORDER")
    values: dict[str, str | None] = {
        "hs_external_order_id": order.id,
        "hs_order_name": order.name,
        "hs_source_store": world.shop_domain.partition(".")[0],
        "hs_total_price": str(from_minor(total, world.currency)),
        "hs_currency_code": world.currency,
        "hs_external_created_date": iso(order.processed_at),
        "hs_external_order_status": "cancelled" if order.cancelled_at is not None else order.financial_status.lower(),
        "hs_createdate": iso(order.created_at),
        "hs_lastmodifieddate": iso(order.updated_at),
        "hs_pipeline": ORDER_PIPELINE,
        "hs_object_id": str(number),
    }
    people = [ids[order.person]] if order.person is not None and order.person in ids else []
    return CrmRecord(number, order.created_at, order.updated_at, values, {"contacts": people})
