"""What is hidden stays hidden: from whoever solves for it with the rates beside it, the totals, and each attribute alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from persync.measure.fairness import decisions, groups
from persync.measure.metric import Ask

ASK = Ask(now=10**13)
untimed = settings(deadline=None, max_examples=40)


@untimed
@given(*[st.lists(st.integers(0, 12), min_size=12, max_size=12)] * 2)
@example([30] * 3 + [0] * 3 + [50] * 3 + [10, 100, 100], [1] * 3 + [4] * 3 + [50] * 3 + [100] * 3)
def test_what_one_attribute_hides_is_hidden_in_all_that_it_is_crossed_with(first: list[int], second: list[int]) -> None:
    """Two tables over the same twelve crossed groups: a group that is hidden alone, because of either and if only as a cover,
    has no cell shown from which it could be added up. In the example c covers a in the first table, where b is empty."""
    of_two, of_one = groups.Groups(("letter", "digit")), groups.Groups(("letter",))
    names = [f"{letter} × {digit}" for letter in "abcd" for digit in "123"]
    every = [dict(zip(names, counts, strict=True)) for counts in (first, second)]
    alone = [{letter: sum(n for name, n in table.items() if name[0] == letter) for letter in "abcd"} for table in every]

    hide, dark = of_two.hidden(every, ASK), of_one.hidden(alone, ASK)

    for table in every:
        assert {name for name, n in table.items() if n and name[0] in dark} <= hide


def decided(cells: dict[str, tuple[int, int, int, int]]) -> dict[str, Any]:
    """Return {measure: its rates by group, "" for all} of groups given as people, qualified, hits and misses."""
    keys = ("people", "qualified", "hits", "misses")
    rows = [{"name": name, **dict(zip(keys, cell, strict=True))} for name, cell in cells.items()]
    rows = [{**row, "labelled": row["people"], "selected": row["hits"] + row["misses"]} for row in rows]  # type: ignore[operator]
    made = decisions.frames(rows, groups.Groups(("kind",)), ASK, {})
    right = decisions.accuracy(rows, groups.Groups(("kind",)), ASK, {})
    found = {id: {"": frame.overall, **frame.by_group} for id, frame in made.items()}
    return {**found, "accuracy": {e.by.get("group", ""): e for e in right}}


def test_what_came_of_few_selected_cannot_be_worked_out_from_the_rates_beside_it() -> None:
    """Three of a were selected, two of them rightly: what would tell it (with the share selected, n and the base rate) is
    hidden with it, and so it is of c, which covers a. That few were selected stays to be seen."""
    found = decided({"a": (100, 40, 2, 1), "b": (300, 150, 100, 50), "c": (80, 40, 10, 8)})

    hidden = {id: {name for name, e in rates.items() if e.reason == "suppressed"} for id, rates in found.items()}
    assert hidden == {
        "demographic_parity": set(),
        "base_rate": set(),
        "equal_opportunity": {"a", "c"},
        "false_positive": {"a", "c"},
        "predictive_parity": {"a", "c"},
        "accuracy": {"a", "c"},
        "equalised_odds": set(),
    }
    assert (found["demographic_parity"]["a"].value, found["demographic_parity"]["a"].n) == (0.03, 100)


@untimed
@given(
    st.dictionaries(
        st.sampled_from("abcd"),
        st.tuples(*[st.integers(0, 12), st.integers(1, 60)] * 2).map(lambda c: (sum(c), c[0] + c[1], c[0], c[2])),
        min_size=2,
    )
)
def test_no_hidden_precision_can_be_solved_for(cells: dict[str, tuple[int, int, int, int]]) -> None:
    """A group's hits and misses are the unknowns, every rate that is shown beside its n an equation, and so are the totals:
    the hits of a group whose precision is hidden are not among what the equations fix."""
    found = decided(cells)
    names = sorted(cells)
    hidden = [name for name in names if found["predictive_parity"][name].reason == "suppressed"]

    hits, misses = np.split(np.eye(2 * len(names)), 2)
    told = {"equal_opportunity": hits, "false_positive": misses, "predictive_parity": hits, "accuracy": hits - misses}
    known = [hit + miss for name, hit, miss in zip(names, hits, misses, strict=True)]  # the share selected is always told
    known += [row[i] for id, row in told.items() for i, name in enumerate(names) if found[id][name].value is not None]
    known += [row.sum(axis=0) for id, row in told.items() if found[id][""].value is not None]

    rank = np.linalg.matrix_rank(np.array(known))
    for name in hidden:
        assert np.linalg.matrix_rank(np.vstack([*known, hits[names.index(name)]])) > rank, name
