"""From lines of a bulk result to records: whatever of an order lies in one part of the file is put together again.

Lines come in any order, children even before their parents. A child whose order lies in another part of the file waits beside
it under a key that begins with its parent's, until the slice is complete. Which thing a line is, is told by the fields that
were asked for: an order has no parent, an agreement happened, a sale acts, a discount has no id.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from persync.errors import ResponseError

__all__ = ["Lines", "compose", "key_of", "place"]

Json = dict[str, Any]

_PREFIX: Final = "gid://shopify/"
_PARENT: Final = "__parentId"


class Lines(NamedTuple):
    """A part of the file: its records as a JSON list, how many lines it has, and how many of them are orders."""

    records: bytes
    lines: int
    roots: int


def compose(text: bytes) -> Lines:
    """Compose records {key, parent, data} from whole lines. Raise ResponseError when a line is not what it should be."""
    try:
        lines: list[Json] = [orjson.loads(line) for line in text.split(b"\n") if line.strip()]
        orders = [line for line in lines if _PARENT not in line]
        records = [_record(key_of(order["id"]), None, order) for order in orders]
        records += _put_together(lines, {order["id"]: order for order in orders})
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise ResponseError("a line of the bulk operation's file is damaged.") from None
    return Lines(orjson.dumps(records), len(lines), len(orders))


def _put_together(lines: list[Json], orders: dict[str, Json]) -> list[Json]:
    """Put children under their parents, and return records of those whose order is not here."""
    agreements: dict[str, Json] = {}
    sales: list[tuple[str, Json]] = []
    loose: list[Json] = []
    for line in lines:
        parent = line.pop(_PARENT, None)
        if parent is None:
            continue
        if "actionType" in line:
            sales.append((parent, line))
        elif parent in orders:
            place(orders[parent], line)
            if "happenedAt" in line:
                agreements[line["id"]] = line
        else:
            loose.append(_child(parent, line))
    for parent, sale in sales:
        if parent in agreements:
            place(agreements[parent], sale)
        else:
            loose.append(_child(parent, sale))
    return loose


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


def _child(parent: str, line: Json) -> Json:
    above = key_of(parent)
    own = key_of(line["id"]) if "id" in line else f"Discount/{line['index']}"
    return _record(f"{above}/{own}", above, line)


def _record(key: str, parent: str | None, data: Json) -> Json:
    return {"key": key, "parent": parent, "data": data}
