"""The mirror of a shop that decided about a million people, with three attributes of each, for the benchmark of fairness."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import attribution_store
import numpy as np

ATTRIBUTES: Final[dict[str, tuple[str, ...]]] = {
    "gender": ("f", "m", "x"),
    "age": ("18-29", "30-44", "45-59", "60+"),
    "country": ("AT", "CH", "DE", "FR", "NL", "PL"),
}
UNKNOWN: Final = 0.05
"""the share of people of whom an attribute is not known"""
OTHER: Final = 5
"""one person in so many is decided about under another key than the one that bears the attributes"""
DECISION: Final = "offer"


def build(folder: Path, people: int, seed: int = 1) -> None:
    """Write the mirror: who is selected depends on all three attributes, and who qualifies on age."""
    rng = np.random.default_rng(seed)
    key = np.arange(1, people + 1)
    chance, deserved = np.full(people, 0.2), np.full(people, 0.3)
    columns: dict[str, list[Any]] = {name: [] for name in ("connection", "key_id", "name", "value", "basis")}
    for name, values in ATTRIBUTES.items():
        which = rng.integers(0, len(values), people)
        chance += 0.05 * which / len(values)
        deserved += 0.1 * which / len(values) if name == "age" else 0
        known = np.flatnonzero(rng.random(people) >= UNKNOWN)
        columns["connection"].append(np.ones(len(known), np.int64))
        columns["key_id"].append(key[known])
        columns["name"].append(np.full(len(known), name))
        columns["value"].append(np.array(values)[which[known]])
        columns["basis"].append(np.full(len(known), "consent"))
    facts = {name: np.concatenate(parts) for name, parts in columns.items()}
    ordered = np.lexsort((facts["name"], facts["key_id"]))  # as a store keeps them
    one, zero = np.ones(people, np.int64), np.zeros(people, np.int64)
    keys = np.arange(1, people + people // OTHER + 1)
    qualified = rng.random(people) < deserved
    tables: dict[str, dict[str, Any]] = {
        "connections": {"connection": [1], "name": ["files"], "connector": ["files"]},
        "person_of": {"key_id": keys, "person": (keys - 1) % people + 1, "hash": (keys - 1) % people + 1},
        "attributes": {name: values[ordered] for name, values in facts.items()},
        "decisions": {
            "connection": one,
            "decision": [DECISION] * people,
            "key_id": np.concatenate([keys[people:], key[people // OTHER :]]),
            "decided_at": zero,
            "selected": (rng.random(people) < chance + 0.1 * qualified).astype(np.int64),
            "qualified": qualified.astype(np.int64),
        },
    }
    attribution_store.write(folder, tables)
