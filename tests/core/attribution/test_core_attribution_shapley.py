"""Shapley values over conversion rates: the four laws, the shrinking of unseen sets, sampling, and what totals would be."""

from __future__ import annotations

from collections import defaultdict
from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persync.attribution.datadriven import ChannelSets, Inputs
from persync.attribution.shapley import SHRINK_PATHS, fit_shapley, sampled_values, shapley_values, values_of, worth_of_all
from persync.errors import ConfigError

Seen = dict[frozenset[int], tuple[int, int]]
"""paths and conversions by set of channels"""


def sets(seen: Seen, channels: int) -> ChannelSets:
    member = np.array([[channel in each for channel in range(channels)] for each in seen])
    paths, conversions = (np.array([float(pair[place]) for pair in seen.values()]) for place in (0, 1))
    return ChannelSets(member, paths, conversions, np.zeros(len(seen), np.int64))


def worth(seen: Seen, team: frozenset[int]) -> float:
    """Return a set's worth as the rule says it, by hand."""
    if not team:
        return 0.0
    below = [pair for each, pair in seen.items() if each < team]
    pool = below if sum(paths for paths, _ in below) else list(seen.values())
    prior = sum(conversions for _, conversions in pool) / sum(paths for paths, _ in pool)
    paths, conversions = seen.get(team, (0, 0))
    return (conversions + SHRINK_PATHS * prior) / (paths + SHRINK_PATHS)


def by_permutations(value: object, channels: int) -> list[float]:
    """Return Shapley values as they are defined: the mean gain over every order."""
    gains = [0.0] * channels
    for order in permutations(range(channels)):
        for place, channel in enumerate(order):
            gains[channel] += value(frozenset(order[: place + 1])) - value(frozenset(order[:place]))  # type: ignore[operator]
    return [gain / factorial(channels) for gain in gains]


some_sets = st.dictionaries(
    st.frozensets(st.integers(0, 3), min_size=1),
    st.integers(1, 200).flatmap(lambda paths: st.tuples(st.just(paths), st.integers(0, paths))),
    min_size=1,
)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(some_sets)
def test_the_values_are_the_mean_gains_over_every_order(seen: Seen) -> None:
    found = shapley_values(sets(seen, 4))

    assert found == pytest.approx(by_permutations(lambda team: worth(seen, team), 4), abs=1e-9)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(some_sets, st.permutations(range(4)))
def test_the_values_add_up_to_the_worth_of_all_and_names_do_not_matter(seen: Seen, names: list[int]) -> None:
    renamed = {frozenset(names[channel] for channel in each): pair for each, pair in reversed(seen.items())}
    found, other = shapley_values(sets(seen, 4)), shapley_values(sets(renamed, 4))

    assert found.sum() == pytest.approx(worth_of_all(sets(seen, 4))[-1], abs=1e-12)
    assert [other[names[channel]] for channel in range(4)] == pytest.approx(list(found), abs=1e-12)


def test_seen_often_a_rate_is_itself_and_never_seen_that_of_what_it_contains() -> None:
    seen: Seen = {frozenset({0}): (10**9, 10**8), frozenset({1}): (10**9, 3 * 10**8)}

    assert worth_of_all(sets(seen, 2)) == pytest.approx([0.0, 0.1, 0.3, 0.2], abs=1e-6)
    assert shapley_values(sets(seen, 2)) == pytest.approx([0.0, 0.2], abs=1e-6)


def test_a_channel_that_lowers_the_rate_has_a_value_below_zero_and_no_strength() -> None:
    seen: Seen = {frozenset({0}): (10_000, 5_000), frozenset({1}): (10_000, 0), frozenset({0, 1}): (10_000, 1_000)}
    fitted = fit_shapley(Inputs(("email", "direct"), 6_000, 24_000, sets=sets(seen, 2)))

    assert fitted.diagnostics["value direct"] < 0
    assert fitted.strengths["direct"] == 0.0
    assert fitted.population == {"email": 6_000.0, "direct": 0.0}


@settings(max_examples=40, derandomize=True, deadline=None)
@given(some_sets)
def test_on_totals_the_value_is_an_equal_split_of_every_journey(seen: Seen) -> None:
    """Why they are refused: worth(S) = conversions of journeys within S gives each channel 1/k of each journey of k."""
    equal = [0.0] * 4
    for each, (_, conversions) in seen.items():
        for channel in each:
            equal[channel] += conversions / len(each)
    teams = [frozenset(channel for channel in range(4) if bits >> channel & 1) for bits in range(16)]
    totals = np.array([float(sum(pair[1] for each, pair in seen.items() if each <= team)) for team in teams])

    assert values_of(totals, np.arange(4)) == pytest.approx(equal, abs=1e-9)
    with pytest.raises(ConfigError, match="equal split"):
        shapley_values(sets(seen, 4), "totals")


def many_sets(channels: int, seed: int = 3) -> ChannelSets:
    rng = np.random.default_rng(seed)
    seen: dict[frozenset[int], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for _ in range(4_000):
        each = frozenset(rng.choice(channels, rng.integers(1, 5), replace=False).tolist())
        paths, conversions = seen[each]
        seen[each] = paths + 5, conversions + int(rng.binomial(5, 0.05 + 0.3 * (0 in each)))
    return sets(dict(seen), channels)


def test_above_twelve_channels_values_are_sampled_and_their_error_is_said() -> None:
    every = many_sets(13)
    exact = values_of(worth_of_all(every), np.arange(13))

    values, errors = sampled_values(every, seed=1, pairs=300)
    again, _ = sampled_values(every, seed=1, pairs=300)

    assert np.abs(values - exact).max() < 5 * errors.max()
    assert (np.abs(values - exact) < 2.5 * errors).sum() >= 11
    assert values.sum() == pytest.approx(exact.sum(), abs=1e-9)
    assert list(again) == list(values)
    with pytest.raises(ConfigError, match="at most 12 channels, not 13"):
        shapley_values(every)


def test_twelve_channels_are_exact_and_thirteen_carry_a_standard_error() -> None:
    names = tuple(f"c{number:02}" for number in range(13))
    twelve = fit_shapley(Inputs(names[:12], 500, 500, sets=many_sets(12)))
    thirteen = fit_shapley(Inputs(names, 500, 500, sets=many_sets(13)))

    assert twelve.errors == {}
    assert set(thirteen.errors) == set(names)
    assert max(thirteen.errors.values()) < 10
    assert sum(thirteen.population.values()) == pytest.approx(500)
    assert max(thirteen.population, key=lambda name: thirteen.population[name]) == "c00"
