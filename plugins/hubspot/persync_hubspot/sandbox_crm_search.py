"""The imitated search: filters in groups, one sort, values compared by the type of their property."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from persync_hubspot.properties import millis
from persync_hubspot.sandbox_crm_records import CrmRecord
from persync_hubspot.sandbox_crm_types import DATE, NUMBER, PROPERTIES, TIME
from persync_hubspot.sandbox_wire import Refusal

GROUPS, FILTERS, FILTERS_IN_ALL = 5, 6, 18
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": lambda a, b: a == b,
    "NEQ": lambda a, b: a != b,
    "LT": lambda a, b: a < b,
    "LTE": lambda a, b: a <= b,
    "GT": lambda a, b: a > b,
    "GTE": lambda a, b: a >= b,
}


def matcher(kind: str, groups: Any) -> Callable[[CrmRecord], bool]:
    """Return what tells whether a record fits: all filters of at least one group."""
    if not isinstance(groups, list) or len(groups) > GROUPS:
        raise Refusal(400, f"Invalid input: at most {GROUPS} filterGroups", "VALIDATION_ERROR")
    filters = [group.get("filters", []) for group in groups]
    if any(len(one) > FILTERS for one in filters) or sum(map(len, filters)) > FILTERS_IN_ALL:
        raise Refusal(400, f"Invalid input: at most {FILTERS} filters a group and {FILTERS_IN_ALL} in all", "VALIDATION_ERROR")
    tests = [[_test(kind, one) for one in group] for group in filters]
    if not tests:
        return lambda record: True
    return lambda record: any(all(test(record) for test in group) for group in tests)


def sort(kind: str, found: list[CrmRecord], sorts: Any) -> None:
    """Sort records by the one property that a search may sort by; records without it come last."""
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise Refusal(400, "Invalid input: one sort at most", "VALIDATION_ERROR")
    for one in sorts:
        name = str(one.get("propertyName")) if isinstance(one, dict) else str(one)
        _exists(kind, name)
        down = isinstance(one, dict) and one.get("direction") == "DESCENDING"
        if name == "hs_object_id":
            found.sort(key=lambda record: record.number, reverse=down)
        else:
            found.sort(key=lambda record: str(record.values.get(name) or ""), reverse=down)
            found.sort(key=lambda record: _value(record, kind, name) is None)


def _test(kind: str, one: dict[str, Any]) -> Callable[[CrmRecord], bool]:
    name, operator = str(one.get("propertyName")), one.get("operator")
    _exists(kind, name)
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


def _exists(kind: str, name: str) -> None:
    if name not in PROPERTIES[kind]:
        raise Refusal(400, f"There was a problem with the request: property {name[:60]} does not exist", "VALIDATION_ERROR")


def _value(record: CrmRecord, kind: str, name: str) -> int | float | str | None:
    """Return a value as a search compares it: times in milliseconds, numbers as numbers."""
    value = record.values.get(name)
    if value is None or value == "":
        return None
    type_ = PROPERTIES[kind].get(name)
    if type_ in (TIME, DATE):
        return millis(value, name)
    if type_ == NUMBER:
        return int(value) if value.isdigit() else float(value)
    return value.lower()


def _operand(kind: str, name: str, value: Any) -> int | float | str:
    """Read a filter's value; it must be a string, and a number or a time of its property's type."""
    if not isinstance(value, str):
        raise Refusal(400, f"Invalid input: the value for {name} must be a string", "VALIDATION_ERROR")
    type_ = PROPERTIES[kind][name]
    if type_ not in (TIME, DATE, NUMBER):
        return value.lower()
    try:
        return int(value) if value.lstrip("-").isdigit() else float(value) if type_ == NUMBER else millis(value, name)
    except Exception:
        raise Refusal(400, f"Invalid input: {value[:40]} is not a valid value for {name}", "VALIDATION_ERROR") from None
