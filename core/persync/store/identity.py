"""Who is who: keys joined into people by union-find, without a single address."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from persync.store.schema import CLUSTER_LIMIT


def clusters(keys: Iterable[int], links: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """Return the connected components as {any root: members}. `links` may name only keys in `keys`."""
    parent = {key: key for key in keys}

    def find(key: int) -> int:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for a, b in links:
        root_a, root_b = find(a), find(b)
        if root_a != root_b:
            parent[root_b] = root_a
    found: dict[int, list[int]] = {}
    for key in parent:
        found.setdefault(find(key), []).append(key)
    return found


def natural_hash(natural: tuple[str, str, str]) -> int:
    """Return a person's stored hash: 63 bits of SHA-256 of (kind, connection name, key), the same on every engine."""
    digest = hashlib.sha256("\0".join(natural).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def people(
    natural: dict[int, tuple[str, str, str]], links: Iterable[tuple[int, int]]
) -> tuple[dict[int, tuple[int, int]], list[list[int]]]:
    """Return ({key_id: (person, hash)}, clusters too big to be believed).

    The person's label is the key whose (kind, connection name, key) sorts first, so that nothing depends on the order in
    which keys were learnt. Clusters over the limit stay apart: every key its own person.
    """
    result: dict[int, tuple[int, int]] = {}
    refused: list[list[int]] = []
    for members in clusters(natural, links).values():
        if len(members) > CLUSTER_LIMIT:
            refused.append(sorted(members))
            for key in members:
                result[key] = (key, natural_hash(natural[key]))
            continue
        label = members[0] if len(members) == 1 else min(members, key=natural.__getitem__)
        hashed = natural_hash(natural[label])
        for key in members:
            result[key] = (label, hashed)
    return result, refused
