"""Who is who: keys joined into people by union-find, without a single address."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
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
        # Written out, not called: this runs once for every link of a store.
        while parent[a] != a:
            parent[a] = a = parent[parent[a]]
        while parent[b] != b:
            parent[b] = b = parent[parent[b]]
        if a != b:
            parent[b] = a


def clusters(keys: Iterable[int], links: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """Return the connected components as {any root: members}. `links` may name only keys in `keys`."""
    parent = {key: key for key in keys}
    join(parent, links)
    found: dict[int, list[int]] = {}
    for key in parent:
        found.setdefault(root(parent, key), []).append(key)
    return found


def natural_hash(*natural: str) -> int:
    """Return a person's stored hash: 63 bits of SHA-256 of (kind, connection name, key), the same on every engine."""
    digest = hashlib.sha256("\0".join(natural).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def people(
    ordered: Iterable[tuple[int]],
    numbered: Iterable[tuple[int, str, str, str]],
    links: Iterable[tuple[int, int]],
    highest: int,
) -> tuple[Iterator[tuple[int, int, int]], list[list[int]]]:
    """Return (key_id, person, hash) for every key, and the clusters that are too big to be believed.

    `numbered` gives (key_id, kind, connection name, key) sorted by number, `ordered` the numbers alone sorted by the other
    three; `highest` is the highest number. A person's label is the key that sorts first, so that nothing depends on the
    order in which keys were learnt; clusters over the limit stay apart, every key its own person. Plain arrays: a million
    keys take some 17 MB.
    """
    width = "i" if highest < 2**31 else "q"
    parent = array(width, range(highest + 1))
    join(parent, links)
    label, hashed = array(width, [0]) * (highest + 1), array("q", [0]) * (highest + 1)
    size = bytearray(highest + 1)
    for (key_id,) in ordered:
        top = parent[key_id] = root(parent, key_id)
        if not size[top]:
            label[top] = key_id
        if size[top] <= CLUSTER_LIMIT:
            size[top] += 1
    too_big: dict[int, list[int]] = {top: [] for top, members in enumerate(size) if members > CLUSTER_LIMIT}
    for key_id, *natural in numbered:
        top = parent[key_id]
        if top in too_big:
            too_big[top].append(key_id)
        elif label[top] != key_id:
            continue
        hashed[key_id] = natural_hash(*natural)

    def found() -> Iterator[tuple[int, int, int]]:
        for key_id, top in enumerate(parent):
            if size[top]:
                person = key_id if top in too_big else label[top]
                yield key_id, person, hashed[person]

    return found(), sorted(too_big.values())
