"""From lines of a bulk result to records that wait for each other until their slice is complete.

Lines come in any order, children even before their parents. Each waits under a key that begins with its parent's, so that
what belongs together is found together. Which thing a line is, is told by the fields that were asked for: an order has no
parent, an agreement happened, a discount has no id.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from persync.connect import as_json, mended
from persync.errors import ResponseError

__all__ = ["Lines", "key_of", "place", "read_lines"]

Json = dict[str, Any]

_PREFIX: Final = "gid://shopify/"


class Lines(NamedTuple):
    """A part of the file: its records as a JSON list, how many lines it has, and how many of them are orders."""

    records: bytes
    lines: int
    roots: int


def read_lines(text: bytes) -> Lines:
    """Make records (see `BulkRecord`) of whole lines. Raise ResponseError when a line is not what it should be."""
    try:
        records = [_record(orjson.loads(line)) for line in mended(text).split(b"\n") if line]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise ResponseError("a line of the bulk operation's file is damaged.") from None
    return Lines(as_json(records), len(records), sum(record["parent"] is None for record in records))


def _record(line: Json) -> Json:
    parent = line.pop("__parentId", None)
    if parent is None:
        return _order(line)
    above = key_of(parent)
    if "id" in line:
        own = key_of(line["id"])
    else:
        own = f"Discount/{line['index']}"
        if "@" in (line.get("code") or ""):
            # A code made for one person, with their address in it, must not wait.
            line["code"] = None
    return {"key": f"{above}/{own}", "parent": above, "data": line}


def _order(line: Json) -> Json:
    """Return the record of an order; what waits of it names nobody."""
    record: Json = {"key": key_of(line["id"]), "parent": None, "order": line}
    journey = line.get("customerJourneySummary")
    if isinstance(journey, dict) and "momentsCount" in journey:
        count = journey.pop("momentsCount")
        if count is None:
            # As a page says it: no visit was attributed yet.
            journey["moments"] = None
        else:
            record["moments"] = count["count"]
    record["data"] = {
        "id": line["id"],
        "name": line.get("name"),
        "processedAt": line.get("processedAt"),
        "currency": ((line.get("currentTotalPriceSet") or {}).get("shopMoney") or {}).get("currencyCode"),
        "codes": [code for code in line.get("discountCodes") or [] if "@" not in code],
        "changed": line.get("updatedAt"),
        "pieces": line.pop("subtotalLineItemsQuantity", None),
        "total": (line.get("currentTotalPriceSet") or {}).get("shopMoney"),
    }
    return record


def place(order: Json, child: Json) -> None:
    """Put a child under `agreements`, `lineItems` or (discounts) `applications`."""
    name = "agreements" if "happenedAt" in child else "lineItems" if "id" in child else "applications"
    order[name]["nodes"].append(child)


def key_of(name: str) -> str:
    """Return `Order/42` for `gid://shopify/Order/42`."""
    return name.removeprefix(_PREFIX)
