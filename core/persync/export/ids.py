"""What names somebody at a platform: the ids that an export replaces unless it is told not to.

People are numbers of the store alone, so they stay. The platforms' own ids of orders, carts, tickets and the like do not say
who it is, but whoever has the platform looks them up there. In their place stands a keyed hash: the same id is the same word in
every file of a store, so files can be joined, and nobody without the store's key can go back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from persync.store.key import StoreKey

_ANYWHERE: Final[Mapping[str, str]] = {
    "order_id": "order",
    "vendor_order_id": "order",
    "shop_order_id": "shop order",
    "shop_order_name": "shop order name",
    "cart": "cart",
    "ticket": "ticket",
    "submission": "submission",
    "session": "session",
    "payment": "payment",
    "company": "company",
    "vendor_id": "vendor",
    "host": "host",
}
_IN: Final[Mapping[tuple[str, str], str]] = {
    ("person_keys", "key"): "person",
    # Made of a platform's id without the store's key: whoever has the ids can make it too.
    ("person_of", "hash"): "person hash",
    ("order_ledger", "entry"): "entry",
    ("order_lines", "line"): "line",
    ("coverage", "partition"): "partition",
    ("rejects", "partition"): "partition",
    ("rejects", "record"): "record",
}
"""by (table, column), of a view by the table it shows"""
LENGTH: Final = 16
"""hexadecimal digits of a pseudonym: 64 bits, so that a million ids do not meet"""
_NUMBERS: Final = frozenset(("order_of",))
"""tables whose columns of these names are numbers of the store"""


def kind_of_id(source: str, column: str) -> str:
    """Return what kind of thing a column of a table or view names at a platform, "" where it names none."""
    table = source.removeprefix("v_")
    return "" if table in _NUMBERS else _IN.get((table, column)) or _ANYWHERE.get(column, "")


def pseudonyms(key: StoreKey, kind: str) -> Callable[[str], str]:
    """Return what gives an id of a kind its pseudonym."""
    return lambda text: key.name(f"export {kind}", text)[:LENGTH] if text else text
