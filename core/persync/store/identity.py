"""Who is who: keys joined into people by union-find, without a single address."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator
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


def natural_hash(natural: tuple[str, str, str]) -> int:
    """Return a person's stored hash: 63 bits of SHA-256 of (kind, connection name, key), the same on every engine."""
    digest = hashlib.sha256("\0".join(natural).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def people(
    natural: Callable[[], Iterable[tuple[int, str, str, str]]], links: Iterable[tuple[int, int]], highest: int
) -> tuple[Iterator[tuple[int, int, int]], list[list[int]]]:
    """Return (key_id, person, hash) for every key, and the clusters that are too big to be believed.

    `natural` gives (key_id, kind, connection name, key) sorted by its last three, `highest` is the highest key_id. A person's
    label is the key that sorts first, so that nothing depends on the order in which keys were learnt; clusters over the
    limit stay apart, every key its own person. Plain arrays: a million keys take some 17 MB.
    """
    width = "i" if highest < 2**31 else "q"
    parent = array(width, range(highest + 1))
    join(parent, links)
    label, hashed = array(width, [0]) * (highest + 1), array("q", [0]) * (highest + 1)
    size = bytearray(highest + 1)
    for key_id, kind, connection, key in natural():
        top = root(parent, key_id)
        size[top] = min(size[top] + 1, CLUSTER_LIMIT + 1)
        if not label[top]:
            label[top] = key_id
            hashed[key_id] = natural_hash((kind, connection, key))
    too_big: dict[int, list[int]] = {top: [] for top, members in enumerate(size) if members > CLUSTER_LIMIT}
    if too_big:
        for key_id, kind, connection, key in natural():
            if (top := root(parent, key_id)) in too_big:
                too_big[top].append(key_id)
                hashed[key_id] = natural_hash((kind, connection, key))

    def found() -> Iterator[tuple[int, int, int]]:
        for key_id in range(1, highest + 1):
            top = root(parent, key_id)
            if not size[top]:
                continue
            person = key_id if top in too_big else label[top]
            yield key_id, person, hashed[person]

    return found(), sorted(sorted(members) for members in too_big.values())
