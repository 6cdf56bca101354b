"""From the lines of a bulk result to rows.

Whatever an order's own line tells is shaped at once, because it names a person, and nothing that does may wait. What hangs
under it waits until the slice is complete; then the order is put together in the form of a page and goes the same way: what a
back-fill stores is what paging would have stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final, NotRequired

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from persync.connect import Below, Context
from persync.errors import RecordError
from persync.rows import Child, Parked, Row
from persync_shopify.bulk_lines import key_of, place
from persync_shopify.money_rows import discounts
from persync_shopify.records import Applications, MoneyV2, OrderLinesRecord, OrderRecord, OrderSalesRecord
from persync_shopify.rows import line_rows, order_rows, sales_rows, version_of
from persync_shopify.values import minor, money, order_ref, tail

__all__ = ["BulkRecord", "gathered", "line_of_file_rows"]

LONG: Final = 50
"""children of one parent from which on some may have been cut off: Shopify was seen to stop near a hundred, without a word"""


class BulkRecord(TypedDict):
    """One line of a file: an order (`order`, with the number of its `moments`), or something that belongs to one."""

    key: str
    parent: str | None
    data: dict[str, Any]
    """what waits"""
    order: NotRequired[OrderRecord]
    moments: NotRequired[int | None]


class WholeOrder(OrderSalesRecord, OrderLinesRecord):
    """What waited of an order."""

    currency: str
    codes: list[str]
    applications: Applications
    changed: NotRequired[datetime | None]
    pieces: NotRequired[int | None]
    """how many pieces the lines that make up its price have together"""
    total: NotRequired[MoneyV2 | None]
    """what the order comes to now"""


def line_of_file_rows(record: BulkRecord, at: Context) -> Iterator[Row]:
    """Yield the rows that an order's own line gives, and what is to wait."""
    if "order" in record:
        order = record["order"]
        for row in order_rows(order, at):
            # A page holds a few payments, a bulk result all of them.
            if not isinstance(row, Child) or row.stream != "order_payments":
                yield row
        if _lacks_moments(order, record.get("moments")):
            yield Child("order_moments", tail(order["id"]), {"id": order["id"], **at.parent}, order["updatedAt"].isoformat())
    yield Parked(record["key"], record["parent"], record["data"])


def _lacks_moments(order: OrderRecord, count: int | None) -> bool:
    """Tell whether visits lie between the first and the last one. Where Shopify no longer counts them there may be some."""
    journey = order["customerJourneySummary"]
    if journey is None or not journey["ready"] or "moments" in journey:
        return False
    seen = {visit["id"] for visit in (journey.get("firstVisit"), journey.get("lastVisit")) if visit and "id" in visit}
    return count > len(seen) if count is not None else len(seen) > 1


def gathered(data: Mapping[str, Any], below: Below, at: Context) -> Iterator[Row]:
    """Yield ledger, lines and discounts of an order, from what waited of it. Raise RecordError when it does not fit."""
    try:
        order = _adapter().validate_python(_whole(data, below))
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise RecordError(problem["msg"], field=".".join(str(part) for part in problem["loc"])) from None
    yield from sales_rows(order, at)
    yield from line_rows(order, at)
    changed = order.get("changed")
    version = version_of(changed, at) if changed else None
    if _lacks_sales(order):
        yield Child("order_sales", tail(order["id"]), {"id": order["id"], **at.parent}, version)
    if _lacks_lines(order):
        for stream in ("order_lines", "order_discounts"):
            yield Child(stream, tail(order["id"]), {"id": order["id"], **at.parent}, version)
        return
    yield from discounts(
        order_ref(order, at),
        order["codes"],
        order["applications"],
        order["agreements"],
        order["lineItems"],
        currency=order["currency"],
    )


def _lacks_lines(order: WholeOrder) -> bool:
    """Tell whether lines were cut off: what there is has fewer pieces than the order."""
    return sum(line["quantity"] for line in order["lineItems"]["nodes"]) < (order.get("pieces") or 0)


def _lacks_sales(order: WholeOrder) -> bool:
    """Tell whether agreements or sales were cut off: there are many, and they do not come to what the order does."""
    agreements, total = order["agreements"]["nodes"], order.get("total")
    if total is None or max([len(agreements), *(len(each["sales"]["nodes"]) for each in agreements)]) < LONG:
        return False
    return sum(money(sale["totalAmount"])[0] for each in agreements for sale in each["sales"]["nodes"]) != minor(total)


@cache
def _adapter() -> TypeAdapter[WholeOrder]:
    return TypeAdapter(WholeOrder)


def _whole(data: Mapping[str, Any], below: Below) -> dict[str, Any]:
    """Put an order together in the form of a page."""
    order: dict[str, Any] = {name: {"nodes": []} for name in ("agreements", "lineItems", "applications")}
    order.update(data)
    for child in below(key_of(order["id"])):
        place(order, child)
    agreements = order["agreements"]["nodes"]
    for agreement in agreements:
        agreement["sales"] = {"nodes": below(key_of(agreement["id"]))}
    # The first is the order as it was placed.
    agreements.sort(key=lambda each: (each["happenedAt"], len(each["id"]), each["id"]))
    order["applications"]["nodes"].sort(key=lambda each: each["index"])
    return order
