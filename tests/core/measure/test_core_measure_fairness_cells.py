"""The one pass that counts people decided about, held against counting them person by person."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from persync.measure.fairness import cells
from persync.measure.metric import Ask

PEOPLE, DECIDED = 200, 500


@pytest.mark.parametrize("values", [3, 60])
@pytest.mark.parametrize("days", [1, 30])
def test_each_person_counts_once_with_the_last_decision_whatever_the_days_and_keys(shop: Any, days: int, values: int) -> None:
    """Decisions of one day or of many, several of some people and under either of their keys. Sixty values leave no room for
    what was decided in the first number of bits."""
    rng = np.random.default_rng([days, values])
    keys = list(range(2 * PEOPLE))
    shop.load("person_of", key_id=keys, person=[key % PEOPLE for key in keys])
    held = {i: f"v{i % values:02}" for i in range(PEOPLE) if i % 9}
    shop.load("attributes", connection=[3] * len(held), key_id=list(held), name=["a"] * len(held), value=list(held.values()))
    when = rng.permutation([(key, day) for key in keys for day in range(1, days + 1)])[:DECIDED].tolist()
    selected, label = ([*map(int, rng.integers(0, top, len(when)))] for top in (2, 3))
    shop.load(
        "decisions",
        connection=[3] * len(when),
        decision=["d"] * len(when),
        key_id=[key for key, _ in when],
        decided_at=[day for _, day in when],
        selected=selected,
        qualified=[None if one == 2 else one for one in label],
    )

    found = cells.decided(shop, ["a"], Ask(now=10**13), "d")

    last: dict[int, tuple[int, int, int]] = {}
    for (key, day), chosen, one in zip(when, selected, label, strict=True):
        last[key % PEOPLE] = max(last.get(key % PEOPLE, (0, 0, 0)), (day, chosen, -1 if one == 2 else one))
    wanted: dict[Any, Counter[str]] = {}
    for person, (_, chosen, one) in last.items():
        told = {
            "people": 1,
            "selected": chosen,
            "labelled": int(one >= 0),
            "qualified": int(one == 1),
            "hits": int(chosen and one == 1),
            "misses": int(chosen and one == 0),
            "unsent": chosen,
        }
        wanted.setdefault((held.get(person),), Counter()).update(told)
    assert found.counts == {value: dict(counts) for value, counts in wanted.items()}
    assert found.strangers == sum(person not in held for person in last)
