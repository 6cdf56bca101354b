"""Which version of each record was read last, as two numbers a record: enough to skip what did not change."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

import orjson

from persync.store.key import StoreKey, encoded
from persync.store.many import insert

__all__ = ["keep_versions", "known_versions", "record_numbers", "version_numbers"]

_DIGITS = 18
"""so many digits fit beside half the range of 64 bits"""


def record_numbers(key: StoreKey, place: str, texts: Iterable[str]) -> list[int]:
    """Return a number of 64 bits for each record's key; `place` tells connection, stream and partition.

    A key that ends in a number, as 42 and gid://shop/Order/42 do, is counted from a keyed hash of what stands before it: so
    records made one after the other lie side by side in the table. Any other is a keyed hash itself. Whose record a number is
    cannot be told without the store's key.
    """
    found: list[int] = []
    others: dict[int, str] = {}
    begins: dict[str, int] = {}
    for text in texts:
        head, _, tail = text.rpartition("/")
        if tail.isdecimal() and tail.isascii() and tail[0] != "0" and len(tail) <= _DIGITS:
            if head not in begins:
                begins[head] = key.number(f"{place}\0{head}") >> 1
            found.append(begins[head] + int(tail))
        else:
            others[len(found)] = text
            found.append(0)
    if others:
        for at, number in zip(others, key.numbers(place, others.values()), strict=True):
            found[at] = number
    return found


def version_numbers(begin: int, texts: Iterable[str]) -> list[int]:
    """Return a number of 64 bits for each version's text: the text as a number, modulo one between 2**60 and 2**61.

    `begin` is a keyed hash, which gives the modulus and what is counted from: so no two texts fall together in every store, as
    two times a few minutes apart would modulo 2**61 - 1, where eight bytes are a shift by three bits. It takes a third of the
    time of a keyed hash of each text.
    """
    modulus = begin & (2**60 - 1) | 2**60 | 1
    begin >>= 2
    read = int.from_bytes
    return [begin + read(text, "big") % modulus for text in encoded(texts)]


def known_versions(db: sqlite3.Connection, records: Iterable[int]) -> dict[int, int]:
    """Return {record: version} of those that were read before."""
    return dict(
        db.execute(
            "SELECT v.record, v.version FROM json_each(?) j CROSS JOIN versions v ON v.record = j.value",
            (orjson.dumps(sorted(records)).decode(),),
        )
    )


def keep_versions(db: sqlite3.Connection, versions: Mapping[int, int]) -> None:
    """Keep the versions of records just written; call in a transaction."""
    insert(
        db,
        "versions",
        sorted(versions.items()),
        "ON CONFLICT DO UPDATE SET version = excluded.version WHERE versions.version IS NOT excluded.version",
    )
