from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persync.estimate import Estimate, Label
from persync.measure.experiments import MISMATCH_NOTE
from persync.measure.rules import TOO_FEW
from persync.measure.verdict import SEVERAL, Verdict, judge, may_say_caused, pays, word

GAIN = Estimate("gain", 100.0, 60.0, 140.0, 0.001, 500, "EUR", "randomised")
COST = Estimate("personalisation_cost", 50.0, unit="EUR")


@pytest.mark.parametrize(("cost", "word"), [(50.0, "pays"), (60.0, "cannot tell"), (100.0, "cannot tell"), (150.0, "costs")])
def test_the_whole_interval_must_lie_on_one_side_of_the_cost(cost: float, word: str) -> None:
    """Above the cost it pays, below it costs, across it nobody can tell."""
    assert pays(GAIN, replace(COST, value=cost)).word == word


def test_without_a_cost_the_gain_is_held_against_nothing() -> None:
    """A gain that is surely positive pays, one that is surely negative costs."""
    assert pays(GAIN) == Verdict("pays")
    assert pays(replace(GAIN, value=-100.0, low=-140.0, high=-60.0)) == Verdict("costs")
    assert pays(replace(GAIN, low=-1.0)) == Verdict("cannot tell")


@pytest.mark.parametrize(
    ("gain", "cost", "why"),
    [
        (replace(GAIN, value=None, reason="immature"), COST, "immature"),
        (replace(GAIN, note=f"{TOO_FEW}; more"), COST, TOO_FEW),
        (replace(GAIN, note=MISMATCH_NOTE), COST, "no verdict"),
        (replace(GAIN, label="raw difference"), COST, "not randomised"),
        (replace(GAIN, low=None), COST, "no interval"),
        (GAIN, replace(COST, value=None, reason="no_cost"), "no_cost"),
        (GAIN, replace(COST, unit="USD"), "mixed_currencies"),
    ],
)
def test_what_may_not_decide_does_not(gain: Estimate, cost: Estimate, why: str) -> None:
    """Missing, small, blocked, observational or unbounded gains and unknown costs give no verdict, and the reason."""
    assert pays(gain, cost) == Verdict("cannot tell", why)


def difference(p: float, low: float, high: float, **more: str) -> Estimate:
    label = more.get("label", "randomised")
    value = (low + high) / 2
    return Estimate("difference", value, low, high, p, 999, "EUR", label, note=more.get("note", ""))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ([difference(0.01, 1, 3)], ["pays"]),
        ([difference(0.01, -3, -1)], ["costs"]),
        ([difference(0.4, -1, 3)], ["cannot tell"]),
        ([difference(0.01, 1, 3, label="raw difference")], ["cannot tell"]),
        ([difference(0.01, 1, 3, note="too few to say")], ["cannot tell"]),
        ([difference(0.03, 1, 3), difference(0.04, 1, 3)], ["cannot tell", "cannot tell"]),
        ([difference(0.001, 1, 3), difference(0.04, 1, 3)], ["pays", "pays"]),
        ([difference(0.04, 1, 3), difference(0.001, 1, 3, label="raw difference")], ["pays", "cannot tell"]),
        ([], []),
    ],
)
def test_a_verdict_needs_a_draw_enough_people_and_an_adjusted_p(family: list[Estimate], words: list[str]) -> None:
    """Only what was drawn by lot and is large enough decides, after Holm over those that may decide."""
    assert [found.word for found in judge(family, 0.95)] == words


def test_gains_are_judged_against_their_costs_together() -> None:
    """The p-value that Holm adjusts is that of the gain against its cost, not against nothing; without a cost it is none."""
    close, free = replace(COST, value=59.0), replace(COST, value=None, reason="no_cost")

    assert judge([GAIN], 0.95, [close]) == [Verdict("pays")]
    assert judge([GAIN, GAIN], 0.95, [close, close]) == [Verdict("cannot tell", SEVERAL)] * 2
    assert judge([GAIN, GAIN], 0.95, [close, free]) == [Verdict("pays"), Verdict("cannot tell", "no_cost")]
    assert judge([GAIN, GAIN], 0.95, [replace(COST, value=1.0), replace(COST, value=250.0)]) == [
        Verdict("pays"),
        Verdict("costs"),
    ]


LABELS: tuple[Label, ...] = ("randomised", "holdout", "adjusted observational", "raw difference", "")
numbers = st.floats(-1e9, 1e9)
intervals = st.tuples(numbers, numbers, numbers).map(sorted)
labels = st.sampled_from(LABELS)


@given(intervals, st.integers(1, 10**9), labels, numbers)
def test_the_word_follows_from_value_interval_n_and_label_alone(ends: list[float], n: int, label: Label, bar: float) -> None:
    """It pays exactly when it may say caused and all of the interval lies above the bar; costs is its mirror image."""
    low, value, high = ends

    said = word(value, low, high, n, label, bar)

    assert (said == "pays") == (may_say_caused(label) and low > bar)
    assert (said == "costs") == (may_say_caused(label) and high < bar)
    assert word(-value, -high, -low, n, label, -bar) == {"pays": "costs", "costs": "pays"}.get(said, said)


@given(intervals, intervals, labels)
def test_a_wider_interval_never_decides_more(ends: list[float], wider: list[float], label: Label) -> None:
    low, value, high = ends
    outer = (min(low, wider[0]), max(high, wider[2]))

    said = word(value, low, high, 100, label)

    assert word(value, *outer, 100, label) in (said, "cannot tell")


@given(intervals, st.sampled_from([lab for lab in LABELS if lab not in ("randomised", "holdout")]))
def test_only_a_draw_by_lot_may_say_caused(ends: list[float], label: Label) -> None:
    low, value, high = ends

    assert not may_say_caused(label)
    assert pays(Estimate("x", value, low, high, 1e-9, 10**6, "EUR", label)).word == "cannot tell"


@pytest.mark.parametrize(
    ("value", "low", "high", "n"),
    [
        (None, 1.0, 2.0, 9),
        (1.5, None, 2.0, 9),
        (1.5, 1.0, None, 9),
        (1.5, 1.0, 2.0, None),
        (1.5, 1.0, 2.0, 0),
        (float("nan"), 1.0, 2.0, 9),
    ],
)
def test_whatever_is_missing_decides_nothing(value: float | None, low: float | None, high: float | None, n: int | None) -> None:
    assert word(value, low, high, n, "randomised") == "cannot tell"


@given(st.lists(st.tuples(intervals, st.floats(0, 1), labels), max_size=8))
def test_judging_together_decides_no_more_than_judging_alone(family: list[tuple[list[float], float, Label]]) -> None:
    gains = [Estimate("x", e[1], e[0], e[2], p, 100, "EUR", label) for e, p, label in family]

    for alone, together in zip(map(pays, gains), judge(gains, 0.95), strict=True):
        assert together.word in (alone.word, "cannot tell")
