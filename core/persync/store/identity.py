"""Who is who: keys joined into people by union-find, without a single address."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import compress
from typing import Any

from persync.store.schema import CLUSTER_LIMIT


def root(parent: Any, key: int) -> int:
    """Return the root of a key in a forest (`parent` maps or lists each key's parent), halving the way there."""
    while parent[key] != key:
        parent[key] = parent[parent[key]]
        key = parent[key]
    return key


def join(parent: Any, links: Iterable[tuple[int, int]]) -> None:
    """Join the trees of every linked pair."""
    for a, b in links:
        root_a, root_b = root(parent, a), root(parent, b)
        if root_a != root_b:
            parent[root_b] = root_a


def clusters(keys: Iterable[int], links: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """Return the connected components as {any root: members}. `links` may name only keys in `keys`."""
    parent = {key: key for key in keys}
    join(parent, links)
    found: dict[int, list[int]] = {}
    for key in parent:
        found.setdefault(root(parent, key), []).append(key)
    return found


def natural_hash(natural: Iterable[str]) -> int:
    """Return a person's stored hash: 63 bits of SHA-256 of (kind, connection name, key), the same on every engine."""
    digest = hashlib.sha256("\0".join(natural).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def people(
    keys: Callable[[bool], Iterable[tuple[int, str, str, str]]], links: Callable[[], Iterable[tuple[int, int]]], highest: int
) -> tuple[Iterator[tuple[int, int, int]], list[list[int]]]:
    """Return (key_id, person, hash) for every key, and the clusters that are too big to be believed.

    `keys` gives (key_id, kind, connection name, key): sorted by its last three when called with True, else by its first;
    `highest` is the highest key_id. A person's label is the key that sorts first, so that nothing depends on the order in
    which keys were learnt; clusters over the limit stay apart, every key its own person. A key without links is a person by
    itself and only passes through; the others take some 20 MB a million, in plain arrays.
    """
    is_linked = bytearray(highest + 1)
    for a, b in links():
        is_linked[a] = is_linked[b] = 1
    linked = array("i" if highest < 2**31 else "q", compress(range(highest + 1), is_linked))
    place = partial(bisect_left, linked)
    parent = array("i", range(len(linked)))
    join(parent, ((place(a), place(b)) for a, b in links()))
    label, hashed = array("q", [0]) * len(linked), array("q", [0]) * len(linked)
    size = bytearray(len(linked))
    for key_id, *natural in keys(True) if linked else ():
        if is_linked[key_id]:
            top = root(parent, place(key_id))
            size[top] = min(size[top] + 1, CLUSTER_LIMIT + 1)
            if not label[top]:
                label[top], hashed[top] = key_id, natural_hash(natural)
    too_big: dict[int, list[int]] = {top: [] for top, members in enumerate(size) if members > CLUSTER_LIMIT}
    for at, key_id in enumerate(linked if too_big else ()):
        if (top := root(parent, at)) in too_big:
            too_big[top].append(key_id)

    def found() -> Iterator[tuple[int, int, int]]:
        for key_id, *natural in keys(False):
            top = root(parent, place(key_id)) if is_linked[key_id] else -1
            if top < 0 or top in too_big:
                yield key_id, key_id, natural_hash(natural)
            else:
                yield key_id, label[top], hashed[top]

    return found(), sorted(too_big.values())
