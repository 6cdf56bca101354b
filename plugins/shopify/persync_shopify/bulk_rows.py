"""From the records of a bulk result to rows: all are parked, and an order is shaped when all of it is there.

It is given the form that a page would have given it, and then goes the same way: what a back-fill stores is what paging would
have stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from persync.connect import Context
from persync.connect.stream import Below
from persync.errors import RecordError
from persync.rows import Child, Parked, Row
from persync_shopify.bulk_lines import key_of, place
from persync_shopify.records import OrderRecord
from persync_shopify.rows import order_rows
from persync_shopify.values import tail

__all__ = ["BulkRecord", "gathered", "parked_rows"]

_WHOLE: Final = ("agreements", "lineItems", "discountApplications")
_UNKNOWN: Final = object()


class BulkRecord(TypedDict):
    """One line of a file: an order, or something that belongs to one."""

    key: str
    parent: str | None
    data: dict[str, Any]


def parked_rows(record: BulkRecord, at: Context) -> Iterator[Row]:
    """Yield the record to be kept until its slice is complete."""
    yield Parked(record["key"], record["parent"], record["data"])


def gathered(data: Mapping[str, Any], below: Below, at: Context) -> Iterator[Row]:
    """Yield the rows of an order: the parked one and all that is parked below it. Raise RecordError when it does not fit."""
    order = dict(data)
    count = _whole(order, below)
    try:
        record = _adapter().validate_python(order)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise RecordError(problem["msg"], field=".".join(str(part) for part in problem["loc"])) from None
    for row in order_rows(record, at):
        # A page holds a few payments, a bulk result all of them.
        if not isinstance(row, Child) or row.stream != "order_payments":
            yield row
    if _lacks_moments(record, count):
        yield Child("order_moments", tail(record["id"]), {"id": record["id"], **at.parent}, record["updatedAt"].isoformat())


@cache
def _adapter() -> TypeAdapter[OrderRecord]:
    return TypeAdapter(OrderRecord)


def _whole(order: dict[str, Any], below: Below) -> Any:
    """Put an order together in the form of a page; return its number of moments, None when not told."""
    for name in _WHOLE:
        order.setdefault(name, {"nodes": []})
    for child in below(key_of(order["id"])):
        place(order, child)
    agreements = order["agreements"]["nodes"]
    for agreement in agreements:
        agreement.setdefault("sales", {"nodes": []})
        for sale in below(key_of(agreement["id"])):
            place(agreement, sale)
    # The first is the order as it was placed.
    agreements.sort(key=lambda each: (each["happenedAt"], len(each["id"]), each["id"]))
    order["discountApplications"]["nodes"].sort(key=lambda each: each["index"])
    journey = order.get("customerJourneySummary")
    count = journey.pop("momentsCount", _UNKNOWN) if isinstance(journey, dict) else _UNKNOWN
    if count is None and isinstance(journey, dict):
        # As a page says it: no visit was attributed yet.
        journey["moments"] = None
    return count["count"] if isinstance(count, dict) else None


def _lacks_moments(record: OrderRecord, count: int | None) -> bool:
    """Tell whether visits lie between the first and the last one. Where Shopify no longer counts them there may be some."""
    journey = record["customerJourneySummary"]
    if journey is None or not journey["ready"] or "moments" in journey:
        return False
    seen = {visit["id"] for visit in (journey.get("firstVisit"), journey.get("lastVisit")) if visit and "id" in visit}
    return count > len(seen) if count is not None else len(seen) > 1
