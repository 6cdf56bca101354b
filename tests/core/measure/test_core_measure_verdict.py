from __future__ import annotations

from dataclasses import replace

import pytest

from persync.estimate import Estimate
from persync.measure.experiments import MISMATCH_NOTE
from persync.measure.rules import TOO_FEW
from persync.measure.verdict import Verdict, pays

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
