"""One sale seen by several systems is one order: which keys belong together, and whose money counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from persync.store.identity import clusters

_BITS: Final = 1 << 26
"""of the map of names seen: 8 MB; of two million names 1 in 700 is taken for shared, which costs only a closer look"""


class OrderKey(NamedTuple):
    """An order as one connection names it, with what is known of the connection."""

    order_key: int
    connection: str
    connector: str
    connection_shop: str
    """the connection's own shop domain, "" when it is not a shop"""
    vendor_order_id: str
    shop: str
    shop_order_id: str
    shop_order_name: str
    has_money: int


def shop_handle(shop: str, aliases: Mapping[str, str]) -> str:
    """Return a shop's name in one form: aliases resolved, lower case, without scheme and platform suffix."""
    name = shop.strip().lower().removeprefix("https://").removeprefix("http://").strip("/")
    known = {alias.lower(): own.lower() for alias, own in aliases.items()}
    return known.get(name, name).removesuffix(".myshopify.com")


def order_name(name: str) -> str:
    """Return an order's printed name in one form: '#1001' and 'Order 1001' are both '1001'."""
    return name.strip().lower().removeprefix("order").strip().removeprefix("#").strip()


def money_rank(key: OrderKey) -> tuple[int, str, str, str]:
    """Sort systems by whose money counts: the shop itself, the user's own files, then CRMs and mailers by name."""
    rank = 0 if key.connection_shop else 1 if key.connector == "files" else 2
    return (rank + (0 if key.has_money else 10), key.connector, key.connection, key.vendor_order_id)


def _names(key: OrderKey, aliases: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield what a key calls its order: by its shop's id, and by its printed name."""
    shop = shop_handle(key.shop or key.connection_shop, aliases)
    if shop:
        for kind, value in (("id", key.shop_order_id), ("name", order_name(key.shop_order_name))):
            if value:
                yield shop, kind, value


def shared_names(known: Callable[[], Iterable[tuple[object, ...]]], aliases: Mapping[str, str]) -> set[int]:
    """Return the hashes of the names that more than one key bears, and a few of others.

    A bit map of names seen, two bits a name (a Bloom filter): most orders have one key alone, and a million of them must not
    be held at once.
    """
    seen, twice = bytearray(_BITS // 8), set[int]()
    for row in known():
        for name in _names(OrderKey(*row), aliases):  # type: ignore[arg-type]
            number = hash(name)
            is_new = False
            for place in (number % _BITS, number // _BITS % _BITS):
                byte, bit = place >> 3, 1 << (place & 7)
                is_new |= not seen[byte] & bit
                seen[byte] |= bit
            if not is_new:
                twice.add(number)
    return twice


def all_orders(known: Callable[[], Iterable[tuple[object, ...]]], aliases: Mapping[str, str]) -> Iterator[tuple[int, int, int]]:
    """Yield what `one_order_each` returns, reading the keys twice (`known`) and holding only those that share a name."""
    twice = shared_names(known, aliases)
    shared = []
    for row in known():
        key = OrderKey(*row)  # type: ignore[arg-type]
        if any(hash(name) in twice for name in _names(key, aliases)):
            shared.append(row)
        else:
            yield key.order_key, key.order_key, 1
    yield from one_order_each(shared, aliases)


def one_order_each(known: Iterable[tuple[object, ...]], aliases: Mapping[str, str]) -> list[tuple[int, int, int]]:
    """Return (order_key, order_id, is_money_source) for every key; the order's id is its money source's key.

    Two keys are one order when they name the same shop and the same order id of that shop, else the same printed name.
    """
    keys = {key.order_key: key for key in (OrderKey(*row) for row in known)}  # type: ignore[arg-type]
    seen: dict[tuple[str, str, str], int] = {}
    links: list[tuple[int, int]] = []
    for key in keys.values():
        for name in _names(key, aliases):
            first = seen.setdefault(name, key.order_key)
            if first != key.order_key:
                links.append((first, key.order_key))
    found = []
    for members in clusters(keys, links).values():
        source = min(members, key=lambda member: money_rank(keys[member]))
        found += [(member, source, int(member == source)) for member in members]
    return found
