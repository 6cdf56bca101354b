"""The additive hazard: EM against closed forms and a general optimiser, and planted rates found again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persync.attribution.datadriven import BINS, GROUPS, Inputs, TouchAges
from persync.attribution.hazard import fit_ages, fit_hazard, kernel, maximise

EDGES = np.array([0.0, *(30 / 2**back for back in reversed(range(BINS)))])


def test_the_kernel_is_averaged_over_each_bin() -> None:
    half = kernel(np.array([0.0, 7.0, 14.0]), 7.0)

    assert half == pytest.approx([0.5 / math.log(2), 0.25 / math.log(2)], abs=1e-12)


def test_one_rate_is_its_orders_over_the_time_it_was_watched() -> None:
    rates, _ = maximise(np.array([[1.0], [0.5]]), np.array([3.0, 2.0]), np.array([40.0]))

    assert rates == pytest.approx([5 / 40], abs=1e-12)


@settings(max_examples=8, derandomize=True, deadline=None)
@given(st.integers(0, 10_000))
def test_em_ends_where_a_general_optimiser_does(seed: int) -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    seen = np.column_stack([np.ones(30), rng.random((30, 2)) * (rng.random((30, 2)) < 0.6)])
    orders, watched = rng.integers(1, 20, 30).astype(float), rng.uniform(20, 200, 3)

    def negative(rates: Any) -> float:
        return -float((orders * np.log(seen @ rates)).sum() - watched @ rates)

    rates, reached = maximise(seen, orders, watched)
    best = minimize(negative, [0.5, 0.5, 0.5], bounds=[(1e-9, None)] * 3, method="L-BFGS-B", options={"ftol": 1e-14})

    assert reached >= -best.fun - 1e-4 * orders.sum() / 10
    assert (rates >= 0).all()
    assert watched @ rates == pytest.approx(orders.sum(), rel=1e-9), "all orders are shared out"


def planted(rates: tuple[float, ...], half_life: float, people: int = 60_000) -> TouchAges:
    """Draw people watched for a month after one touch of some channels each, and their orders as the model has them."""
    rng = np.random.default_rng(2)
    base, *betas = rates
    decay = math.log(2) / half_life
    faded = 1 - 2 ** (-30 / half_life)
    has = rng.random((people, len(betas))) < 0.4
    buyers = [np.repeat(np.arange(people), rng.poisson(base * 30, people))]
    ages = [rng.uniform(0, 30, len(buyers[0]))]
    for channel, beta in enumerate(betas):
        buyers.append(np.repeat(np.arange(people), rng.poisson(beta / decay * faded, people) * has[:, channel]))
        ages.append(-np.log(1 - rng.random(len(buyers[-1])) * faded) / decay)
    who, age = np.concatenate(buyers), np.concatenate(ages)
    touched = has[who].any(axis=1)
    touches = np.zeros((touched.sum(), len(betas), BINS))
    touches[np.arange(len(touches)), :, np.searchsorted(EDGES[1:-1], age[touched])] = has[who[touched]]
    exposure, person_days, bare = np.zeros((GROUPS, len(betas), BINS)), np.zeros(GROUPS), np.zeros(GROUPS)
    exposure[0] = has.sum(axis=0)[:, None] * np.diff(EDGES)
    person_days[0], bare[0] = people * 30.0, (~touched).sum()
    ones = np.ones(len(touches))
    return TouchAges(EDGES, touches, ones, np.zeros(len(ones), np.int64), exposure, person_days, bare)


def test_planted_rates_and_their_half_life_are_found() -> None:
    half_life, rates, brought, _ = fit_ages(planted((0.0005, 0.02, 0.005), 4.0))

    assert half_life == 4.0
    assert rates[1:] == pytest.approx([0.02, 0.005], rel=0.1)
    assert brought.sum() > 0


def test_a_touch_weighs_what_it_added_and_the_baseline_keeps_its_orders() -> None:
    ages = planted((0.0005, 0.02, 0.0), 7.0)
    conversions = int(ages.orders.sum())
    fitted = fit_hazard(Inputs(("email", "google"), conversions, 10_000, ages=ages))

    assert fitted.weight == ":channel_strength * POWER(0.5e0, j.age_days / :half_life_days)"
    assert fitted.params == {"half_life_days": 7.0}
    assert fitted.strengths["email"] == pytest.approx(0.02, rel=0.1)
    assert fitted.strengths["google"] == pytest.approx(0.0, abs=1e-6)
    shared = sum(fitted.population.values()) + fitted.diagnostics["baseline"]
    assert shared == pytest.approx(conversions + ages.bare_orders.sum())
