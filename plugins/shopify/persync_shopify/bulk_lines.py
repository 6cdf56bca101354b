"""From lines of a bulk result to records that wait for each other until their slice is complete.

Lines come in any order, children even before their parents. Each is kept under a key that begins with its parent's, so that
what belongs together is found together. Which thing a line is, is told by the fields that were asked for: an order has no
parent, an agreement happened, a sale acts, a discount has no id.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

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
    """Make records {key, parent, data} of whole lines. Raise ResponseError when a line is not what it should be."""
    try:
        records = [_record(orjson.loads(line)) for line in text.split(b"\n") if line]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise ResponseError("a line of the bulk operation's file is damaged.") from None
    return Lines(orjson.dumps(records), len(records), sum(record["parent"] is None for record in records))


def _record(line: Json) -> Json:
    parent = line.pop("__parentId", None)
    if parent is None:
        return {"key": key_of(line["id"]), "parent": None, "data": line}
    above = key_of(parent)
    own = key_of(line["id"]) if "id" in line else f"Discount/{line['index']}"
    return {"key": f"{above}/{own}", "parent": above, "data": line}


def place(parent: Json, child: Json) -> None:
    """Put a child where a page would have it: under `sales`, `agreements`, `lineItems` or `discountApplications`."""
    if "actionType" in child:
        name = "sales"
    elif "happenedAt" in child:
        name = "agreements"
    else:
        name = "lineItems" if "id" in child else "discountApplications"
    parent.setdefault(name, {"nodes": []})["nodes"].append(child)


def key_of(name: str) -> str:
    """Return `Order/42` for `gid://shopify/Order/42`."""
    return name.removeprefix(_PREFIX)
