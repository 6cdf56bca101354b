"""Markov removal effects: the published worked case, the chain's own laws, and the order that predicts best."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persync.attribution.datadriven import FOLDS, START, Inputs, Transitions
from persync.attribution.markov import ORDERS, best_order, chain, conversion, fit_markov, removal_effects

Path = tuple[tuple[int, ...], bool]
"""channels in order, and whether the path converts"""

THREE_PATHS: list[Path] = [((0, 1, 2), True), ((0,), False), ((1, 2), False)]
"""C1 > C2 > C3 converts, C1 and C2 > C3 do not. By hand: two of three start at C1, half of whom go on to C2, and one at C2; all
of C2 go to C3, of which half convert, so 1/3 do in all. Without C1 1/6 do; without C2, or without C3, none."""


def transitions(paths: list[Path], channels: int, groups: list[int] | None = None) -> Transitions:
    """Write paths as steps; path number i belongs to the people of group i unless said otherwise."""
    history, to, group = [], [], []
    for number, (touches, converts) in enumerate(paths):
        for place, channel in enumerate((*touches, channels if converts else channels + 1)):
            before = [START] * 3 + list(touches[:place])
            history.append(before[:-4:-1] if len(before) > 3 else before[::-1])
            to.append(channel)
            group.append(groups[number] if groups else number % 20)
    return Transitions(channels, np.array(history), np.array(to), np.ones(len(to)), np.array(group))


def simulated(paths: list[Path], channels: int, without: int) -> float:
    """Return 1 - P(conversion without) / P(conversion) at order 1 by iterating the whole matrix until nothing moves."""
    counts: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for touches, converts in paths:
        walk = (-1, *touches, channels if converts else channels + 1)
        for before, after in pairwise(walk):
            counts[before][after] += 1.0

    def reach(removed: int | None) -> float:
        mass, converted = {-1: 1.0}, 0.0
        for _ in range(4_000):
            onward: dict[int, float] = defaultdict(float)
            for state, share in mass.items():
                for after, count in counts[state].items():
                    moved = share * count / sum(counts[state].values())
                    if after == channels:
                        converted += moved
                    elif after < channels and after != removed:
                        onward[after] += moved
            mass = onward
        return converted

    return 1 - reach(without) / reach(None)


def test_the_three_path_chain_has_removal_effects_of_a_half_one_and_one() -> None:
    found = chain(transitions(THREE_PATHS, 3), 1)

    assert conversion(found) == pytest.approx(1 / 3, abs=1e-9)
    assert removal_effects(found, 3) == pytest.approx([0.5, 1.0, 1.0], abs=1e-9)


def test_the_population_is_shared_by_removal_effect() -> None:
    fitted = fit_markov(Inputs(("C1", "C2", "C3"), 1, 2, transitions=transitions(THREE_PATHS, 3)), order=1)

    assert fitted.strengths == pytest.approx({"C1": 0.5, "C2": 1.0, "C3": 1.0}, abs=1e-9)
    assert fitted.population == pytest.approx({"C1": 0.2, "C2": 0.4, "C3": 0.4}, abs=1e-9)
    assert fitted.diagnostics["p_conversion"] == pytest.approx(1 / 3, abs=1e-9)


some_paths = st.lists(
    st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=6).map(tuple), st.booleans()), min_size=1, max_size=25
).filter(lambda paths: any(converts for _, converts in paths))


@settings(max_examples=60, derandomize=True, deadline=None)
@given(some_paths)
def test_the_chain_of_every_order_converts_as_often_as_the_paths_do(paths: list[Path]) -> None:
    steps = transitions(paths, 4)
    share = sum(converts for _, converts in paths) / len(paths)

    assert [conversion(chain(steps, order)) for order in ORDERS] == pytest.approx([share] * 3, abs=1e-9)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(some_paths)
def test_consecutive_repeats_change_no_removal_effect_at_order_one(paths: list[Path]) -> None:
    once = [(tuple(channel for channel, _ in groupby(touches)), converts) for touches, converts in paths]
    again = [(tuple(each for channel in touches for each in (channel, channel)), converts) for touches, converts in once]
    effects = [removal_effects(chain(transitions(each, 4), 1), 4) for each in (paths, once, again)]

    assert effects[1] == pytest.approx(effects[0], abs=1e-9)
    assert effects[2] == pytest.approx(effects[0], abs=1e-9)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(some_paths, st.permutations(range(4)))
def test_names_and_order_of_paths_do_not_matter_and_an_unseen_channel_has_no_effect(
    paths: list[Path], names: list[int]
) -> None:
    renamed = [(tuple(names[channel] for channel in touches), converts) for touches, converts in reversed(paths)]
    for order in ORDERS:
        plain = removal_effects(chain(transitions(paths, 5), order), 5)
        other = removal_effects(chain(transitions(renamed, 4), order), 4)
        assert plain[4] == 0.0
        assert [other[names[channel]] for channel in range(4)] == pytest.approx(list(plain[:4]), abs=1e-9)
        assert all(0.0 <= effect <= 1.0 for effect in plain)


@settings(max_examples=15, derandomize=True, deadline=None)
@given(some_paths)
def test_the_solution_is_what_the_matrix_iterates_to(paths: list[Path]) -> None:
    effects = removal_effects(chain(transitions(paths, 4), 1), 4)

    assert effects == pytest.approx([simulated(paths, 4, channel) for channel in range(4)], abs=1e-6)


def test_at_order_two_what_came_before_the_last_touch_counts() -> None:
    """0 > 1 always converts and 2 > 1 never does: order 1 cannot tell them apart, order 2 lays nothing on channel 2."""
    paths: list[Path] = [((0, 1), True), ((2, 1), False)]

    assert removal_effects(chain(transitions(paths, 3), 1), 3) == pytest.approx([0.5, 1.0, 0.5], abs=1e-9)
    assert removal_effects(chain(transitions(paths, 3), 2), 3) == pytest.approx([1.0, 1.0, 0.0], abs=1e-9)


def memoryless(rng: np.random.Generator) -> Path:
    """Go on with a chance that hangs on nothing but the channel."""
    touches = [int(rng.integers(3))]
    while rng.random() < (0.7, 0.5, 0.3)[touches[-1]]:
        touches.append(int(rng.integers(3)))
    return tuple(touches), rng.random() < 0.3


def two_back(rng: np.random.Generator) -> Path:
    """Two alike convert."""
    first, second = int(rng.integers(3)), int(rng.integers(3))
    return (first, second), rng.random() < (0.9 if first == second else 0.1)


def three_back(rng: np.random.Generator) -> Path:
    """A last channel like the first converts."""
    first, second, third = (int(channel) for channel in rng.integers(3, size=3))
    return (first, second, third), rng.random() < (0.9 if first == third else 0.1)


@pytest.mark.parametrize(("order", "draw"), [(1, memoryless), (2, two_back), (3, three_back)])
def test_the_order_is_the_one_that_predicts_people_it_has_not_seen(
    order: int, draw: Callable[[np.random.Generator], Path]
) -> None:
    rng = np.random.default_rng(5)

    chosen, scores = best_order(transitions([draw(rng) for _ in range(3_000)], 3))

    assert chosen == order
    assert set(scores) == set(ORDERS)


def test_folds_are_of_people_so_that_one_person_is_never_on_both_sides() -> None:
    """All in one group: that fold is scored by what was never seen, a uniform guess among five outcomes."""
    steps = transitions([((0, 1), True)] * 40, 3, groups=[7] * 40)
    _, scores = best_order(steps)

    assert scores == pytest.approx(dict.fromkeys(ORDERS, np.log(1 / 5)), abs=1e-12)
    assert FOLDS == 5
