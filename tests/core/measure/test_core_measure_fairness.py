"""Who is selected, by group: verdicts, and which cells are hidden."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, demographic_parity_difference, demographic_parity_ratio, selection_rate
from hypothesis import given, settings
from hypothesis import strategies as st

from core.measure.fairness_cases import ASK, decide
from core.measure.picks import pick
from persync.errors import DataError
from persync.measure import fairness, rules
from persync.measure.fairness import benefit
from persync.measure.metric import Ask

untimed = settings(deadline=None)  # how long an example takes is the machine's matter, and the oracles are slow


def test_the_worked_example_is_not_shown_either_way(shop: Any) -> None:
    """359 of 2,100 and 83 of 700: the ratio is 0.6936, but 0.8 lies inside its interval."""
    decide(shop, {"a": (359, 2100), "b": (83, 700)})

    read = fairness.assess(shop, "kind", ASK, decision="offer")

    fifths = pick(read, "four_fifths", group="b", against="a")
    assert (fifths.value, fifths.low, fifths.high) == pytest.approx((0.6936, 0.555, 0.867), abs=5e-4)
    assert (fifths.by["verdict"], fifths.note, fifths.label, fifths.n) == ("not shown", "not shown", "raw difference", 2800)
    assert pick(read, "selection_difference", group="b").value == pytest.approx(83 / 700 - 359 / 2100)


def test_nobody_of_twelve_has_an_upper_bound_and_is_too_few_for_a_verdict(shop: Any) -> None:
    """Wilson's bound of 0 of 12 is z^2 / (12 + z^2); the ratio of nothing is no proof of less than four fifths."""
    decide(shop, {"a": (359, 2100), "b": (0, 12)})

    read = fairness.assess(shop, "kind", ASK, decision="offer")

    z = 1.959963984540054
    rate = next(e for e in read if e.id == "selection_rate" and e.by.get("group") == "b")
    assert (rate.value, rate.low, rate.high, rate.n) == (0.0, 0.0, pytest.approx(z**2 / (12 + z**2)), 12)
    fifths = pick(read, "four_fifths", group="b", against="a")
    assert (fifths.value, fifths.low, fifths.by["verdict"]) == (0.0, 0.0, "not shown")
    assert fifths.high is not None
    assert fifths.high > 1
    assert fifths.note == "not shown; too few to say"
    assert pick(read, "selection_smallest_gap", group="b").note.endswith("seen with a power of 80 %")


@pytest.mark.parametrize(
    ("b", "expected"),
    [
        ((830, 7000), "below"),
        ((1190, 7000), "meets"),
        ((0, 700), "below"),
        ((0, 29), "not shown"),
        ((27, 28), "not shown"),
    ],
)
def test_verdicts_need_the_whole_interval_and_enough_people(shop: Any, b: tuple[int, int], expected: str) -> None:
    """Below and meets are said of large groups alone; nobody selected of many is below, twenty-nine people are nothing."""
    decide(shop, {"a": (3590, 21000), "b": b})

    read = fairness.assess(shop, "kind", ASK, decision="offer")

    assert pick(read, "four_fifths", group="b", against="a").by["verdict"] == expected


@settings(untimed, max_examples=30)
@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.integers(40, 300).flatmap(lambda n: st.tuples(st.integers(11, n), st.just(n))), min_size=2
    )
)
def test_point_values_are_fairlearns(cells: dict[str, tuple[int, int]]) -> None:
    """Rates, the largest difference and the smallest ratio agree with fairlearn's metrics on the single people."""
    group = np.concatenate([[name] * n for name, (_, n) in cells.items()])
    chosen = np.concatenate([[1] * s + [0] * (n - s) for s, n in cells.values()])
    frame = MetricFrame(metrics=selection_rate, y_true=chosen, y_pred=chosen, sensitive_features=group)

    read = fairness.rates("selection", cells, frozenset(), ASK, {"attribute": "kind"}).estimates()

    assert {e.by["group"]: e.value for e in read if e.id == "selection_rate" and "group" in e.by} == pytest.approx(
        frame.by_group.to_dict()
    )
    assert next(e for e in read if e.id == "selection_rate" and "group" not in e.by).value == pytest.approx(frame.overall)
    spread = pick(read, "demographic_parity", statistic="difference")
    ratio = pick(read, "demographic_parity", statistic="ratio")
    assert spread.value == pytest.approx(demographic_parity_difference(chosen, chosen, sensitive_features=group))
    assert ratio.value == pytest.approx(demographic_parity_ratio(chosen, chosen, sensitive_features=group))
    for e in (spread, ratio):
        assert e.low is not None
        assert e.low <= e.value <= e.high


@untimed
@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 40), min_size=1), st.integers(2, 12))
def test_hidden_cells_cannot_be_worked_out(cells: dict[str, int], floor: int) -> None:
    """A total less the shown cells leaves either nothing, or two cells or more that hold at least `floor` people together,
    unless the whole table has no more to give; and no small cell is shown."""
    hide = rules.hidden(cells, floor)

    assert not any(0 < n < floor for name, n in cells.items() if name not in hide)
    left = sum(cells[name] for name in hide)
    people = {name for name, n in cells.items() if n > 0}
    assert not hide or hide == people or (len(hide) >= 2 and left >= floor)
    assert hide <= people


@untimed
@given(
    st.lists(st.fixed_dictionaries({name: st.integers(0, 30) for name in "abcde"}), min_size=1, max_size=3),
)
def test_no_table_gives_away_what_another_hides(tables: list[dict[str, int]]) -> None:
    """Several tables over the same groups hide the same groups, and each of them hides enough."""
    hide = rules.hidden_in_any(tables, 5)

    for table in tables:
        assert rules.hidden(table, 5, hide) <= hide
        mine = {name for name in hide if table[name]}
        assert (
            not mine
            or mine == {name for name, n in table.items() if n}
            or (len(mine) >= 2 and sum(table[name] for name in mine) >= 5)
        )


@untimed
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c", "d", "unknown"]),
        st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
        min_size=2,
    )
)
def test_a_hidden_group_appears_in_no_number(cells: dict[str, tuple[int, int]]) -> None:
    """Nothing about a hidden group is shown: no value, bound, p-value or count, and what is shown contains its value."""
    hide = rules.hidden({name: n for name, (_, n) in cells.items()}, 5)

    read = fairness.rates("selection", cells, hide, ASK, {"attribute": "kind"}).estimates()

    for e in read:
        if {e.by.get("group"), e.by.get("against")} & hide:
            assert (e.value, e.low, e.high, e.p, e.n, e.reason) == (None, None, None, None, None, "suppressed")
            assert e.by.get("verdict", "not shown") == "not shown"
        if e.value is not None and e.low is not None and e.high is not None:
            assert e.low <= e.value <= e.high
        if e.by.get("verdict") == "meets":
            assert cells[e.by["group"]][1] >= ASK.report_n


def test_two_people_are_hidden_together_with_the_next_smallest_group(shop: Any) -> None:
    """A group of two would make the ratio 0; it is hidden and says so, and the total does not give it away."""
    decide(shop, {"a": (100, 400), "b": (40, 200), "c": (10, 60), "d": (0, 2)})

    read = fairness.assess(shop, "kind", ASK, decision="offer")

    assert {e.by["group"] for e in read if e.reason == "suppressed"} == {"c", "d"}
    assert pick(read, "demographic_parity", statistic="ratio").by["group"] == "b"
    assert pick(read, "selection_rate", group="d").note == "hidden: cells of fewer than 5 people"


def test_unknown_is_a_group_and_never_the_measure(shop: Any) -> None:
    """People without the attribute are shown as a group; nobody is held against them."""
    decide(shop, {"a": (100, 400), "b": (60, 400), "unknown": (300, 400)})

    read = fairness.assess(shop, "kind", ASK, decision="offer")

    assert pick(read, "selection_rate", group="unknown").value == 0.75
    assert {e.by["against"] for e in read if "against" in e.by} == {"a"}
    assert pick(read, "demographic_parity", statistic="ratio").by["group"] == "b"


def test_people_whose_systems_disagree_are_unknown(shop: Any) -> None:
    """Two values for one person are no value."""
    decide(shop, {"a": (20, 100), "b": (20, 100)})
    shop.add("attributes", connection=4, key_id=0, name="kind", value="b")

    read = fairness.assess(shop, "kind", Ask(now=0, suppress_n=1), decision="offer")

    assert {e.by["group"]: e.n for e in read if e.id == "selection_rate" and "group" in e.by} == {
        "a": 99,
        "b": 100,
        "unknown": 1,
    }


def test_the_last_decision_of_the_period_is_the_one(shop: Any) -> None:
    """A person decided about twice counts once, as last decided; a decision outside the period does not count."""
    people = 40
    shop.load("attributes", connection=[3] * people, key_id=range(people), name=["kind"] * people, value=["a"] * people)
    for at, selected in ((10, 0), (20, 1), (99, 0)):
        shop.load(
            "decisions",
            connection=[3] * people,
            decision=["offer"] * people,
            key_id=range(people),
            decided_at=[at] * people,
            selected=[selected] * people,
        )

    read = fairness.assess(shop, "kind", Ask(now=0, period=(0, 50)), decision="offer")

    assert (read[0].value, read[0].n) == (1.0, people)


def test_few_strangers_among_many_are_told(shop: Any) -> None:
    """Twenty ids that the store knows from nothing else in 2,820: far less than one in a hundred, and told all the same."""
    decide(shop, {"a": (359, 2100), "b": (83, 700), "unknown": (20, 20)})

    told = pick(fairness.assess(shop, "kind", ASK, decision="offer"), "strangers_share")

    assert (told.value, told.n) == (pytest.approx(20 / 2820), 2820)


def test_no_share_held_back_is_made_where_nobody_selected_was_sent_anything(shop: Any) -> None:
    decide(shop, {"a": (359, 2100), "b": (83, 700)})

    before = pick(fairness.assess(shop, "kind", ASK, decision="offer"), "unsent_rate")
    shop.add("touchpoints", connection=1, campaign_key=1, key_id=0, action=1, happened_at=1)
    after = fairness.assess(shop, "kind", ASK, decision="offer")

    assert (before.value, before.reason) == (None, "no_sends")
    (overall,) = [e for e in after if e.id == "unsent_rate" and "group" not in e.by]
    assert (overall.value, overall.n) == (pytest.approx(441 / 442), 442)


def test_differences_are_counted_and_adjusted(shop: Any) -> None:
    """With several comparisons every note says how many, with the adjusted p-value."""
    decide(shop, {"a": (200, 400), "b": (100, 400), "c": (190, 400)})

    read = fairness.assess(shop, "kind", ASK, decision="offer")

    notes = [e.note for e in read if e.id == "selection_difference"]
    assert all(note.startswith("one of 2 comparisons, Holm-adjusted p ") for note in notes)
    assert pick(read, "four_fifths", group="b").note.startswith("below; one of 2 comparisons")


def test_what_cannot_be_assessed_is_said(shop: Any) -> None:
    """An unknown attribute or decision, and a number instead of groups, each with what to do."""
    decide(shop, {"a": (100, 400), "b": (60, 400)})
    shop.load("attributes", connection=[3] * 800, key_id=range(800), name=["age"] * 800, value=[str(i) for i in range(800)])

    with pytest.raises(DataError, match="nobody in the store has the attribute 'knd'.*Did you mean 'kind'"):
        fairness.assess(shop, "knd", ASK)
    with pytest.raises(DataError, match="no decision 'ofer'.*Did you mean 'offer'"):
        fairness.assess(shop, "kind", ASK, decision="ofer")
    with pytest.raises(DataError, match="'age' has 800 values.*Coarsen"):
        fairness.assess(shop, "age", ASK, decision="offer")
    with pytest.raises(DataError, match="'age' has 800 values.*Coarsen"):
        benefit.assess(shop, "age", ASK)


def test_nobody_to_assess_is_null_with_the_reason(shop: Any) -> None:
    """The attribute and the decision exist, and nobody was mailed or decided about: no error, and no zero."""
    decide(shop, {"a": (100, 400), "b": (60, 400)})

    shop.db.execute("UPDATE decisions SET decided_at = 5")

    (exposure,) = fairness.assess(shop, "kind", ASK)
    (selection,) = fairness.assess(shop, "kind", replace(ASK, period=(10**14, 10**15)), decision="offer")

    assert (exposure.id, exposure.value, exposure.reason, exposure.n) == ("exposure_rate", None, "no_denominator", 0)
    assert (selection.id, selection.value, selection.reason, selection.n) == ("selection_rate", None, "no_denominator", 0)
