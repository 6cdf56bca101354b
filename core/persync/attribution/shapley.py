"""Shapley values of channels over conversion rates of channel sets.

The worth of a set S of channels is the rate at which journeys that touched exactly S converted; a channel's value is its mean
marginal worth over all orders in which the channels can come together (Shapley 1953; for attribution Dalessandro, Perlich,
Stitelman & Provost, "Causally motivated attribution for online advertising", ADKDD 2012). Rates need the journeys that came to
nothing.

Sets that were seen seldom or never are shrunk: worth(S) = (conversions + K p) / (paths + K) with K = 20 journeys and p the
pooled rate of all seen proper subsets of S, or the overall rate where none was seen; worth of the empty set is 0. Exact to 12
channels; above, 1,000 pairs of a random order and its reverse with a fixed seed, whose standard error is reported. A value may
be negative (journeys with the channel convert less); such a channel has strength 0.

Totals in place of rates are refused. If worth(S) is the number of conversions of journeys that touched nothing but S, it is a
sum of unanimity games, one a journey, and each game's value is an equal split among its channels: `linear_distinct` under a
grander name.
"""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any, Final, Literal

from persync.attribution.datadriven import ChannelSets, Fitted, Inputs, shared
from persync.attribution.models import AttributionModel
from persync.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, Any]

EXACT_CHANNELS: Final = 12
SHRINK_PATHS: Final = 20.0
PAIRS: Final = 1_000
TOTALS_REFUSED: Final = (
    "Shapley values of unordered conversion totals are an equal split of each order among its channels: nothing is learnt."
)


def worth_of_all(sets: ChannelSets) -> Floats:
    """Return the worth of every set of channels, by its bits (channel 0 is the lowest)."""
    import numpy as np

    channels = sets.member.shape[1]
    bits = sets.member @ (1 << np.arange(channels, dtype=np.int64))
    paths = np.bincount(bits, weights=sets.paths, minlength=1 << channels)
    conversions = np.bincount(bits, weights=sets.conversions, minlength=1 << channels)
    return _shrunk(paths, conversions, _subset_sums(paths, channels), _subset_sums(conversions, channels))


def shapley_values(sets: ChannelSets, worth: Literal["rates", "totals"] = "rates") -> Floats:
    """Return each channel's Shapley value, exactly. Raise ConfigError for totals, and for more than twelve channels."""
    import numpy as np

    if worth == "totals":
        raise ConfigError(TOTALS_REFUSED, hint="Use shapley_rate, or linear_distinct for the equal split.")
    channels = sets.member.shape[1]
    if channels > EXACT_CHANNELS:
        raise ConfigError(f"exact Shapley values are for at most {EXACT_CHANNELS} channels, not {channels}.")
    return values_of(worth_of_all(sets), np.arange(channels))


def values_of(worth: Floats, channels: np.ndarray[Any, Any]) -> Floats:
    """Return the Shapley values of a game that is given by the worth of every set, by its bits."""
    import numpy as np

    every = np.arange(len(worth))
    size = np.zeros(len(worth), np.int64)
    for channel in channels:
        size += every >> channel & 1
    count = len(channels)
    chance = np.array([1 / (count * comb(count - 1, others)) for others in range(count)])
    values = np.zeros(count)
    for channel in channels:
        before = every[every >> channel & 1 == 0]
        values[channel] = float((chance[size[before]] * (worth[before | 1 << channel] - worth[before])).sum())
    return values


def sampled_values(sets: ChannelSets, seed: int, pairs: int = PAIRS) -> tuple[Floats, Floats]:
    """Return Shapley values from `pairs` of a random order and its reverse, and their standard errors."""
    import numpy as np

    channels = sets.member.shape[1]
    size = sets.member.sum(axis=1)
    rng = np.random.default_rng(seed)
    gains = np.zeros((pairs, channels))
    for pair in range(pairs):
        drawn = rng.permutation(channels)
        for order in (drawn, drawn[::-1]):
            gains[pair, order] += _gains(sets, size, order) / 2
    return gains.mean(axis=0), gains.std(axis=0, ddof=1) / np.sqrt(pairs)


def _gains(sets: ChannelSets, size: np.ndarray[Any, Any], order: np.ndarray[Any, Any]) -> Floats:
    """Return what each channel adds when the channels come in this order."""
    import numpy as np

    channels = len(order)
    arrives = np.empty(channels, np.int64)
    arrives[order] = np.arange(1, channels + 1)
    # A set lies within the first n channels when its latest comes n-th or earlier, and is all of them when it also has n.
    complete = (sets.member * arrives).max(axis=1, initial=0)
    exact = complete == size
    pooled = [np.cumsum(np.bincount(complete, weights=w, minlength=channels + 1)) for w in (sets.paths, sets.conversions)]
    own = [np.bincount(complete[exact], weights=w[exact], minlength=channels + 1) for w in (sets.paths, sets.conversions)]
    return np.diff(_shrunk(own[0], own[1], pooled[0], pooled[1]))


def _shrunk(paths: Floats, conversions: Floats, pooled_paths: Floats, pooled_conversions: Floats) -> Floats:
    """Return rates, shrunk to that of the proper subsets; the first is the empty set, the last all channels."""
    import numpy as np

    others, converted = pooled_paths - paths, pooled_conversions - conversions
    overall = pooled_conversions[-1] / pooled_paths[-1]
    # Sums of counts are whole, so a half tells none from some.
    prior = np.where(others > 0.5, converted / np.maximum(others, 1.0), overall)
    worth: Floats = (conversions + SHRINK_PATHS * prior) / (paths + SHRINK_PATHS)
    worth[0] = 0.0
    return worth


def _subset_sums(values: Floats, channels: int) -> Floats:
    """Return for every set the sum over its subsets (the zeta transform)."""
    summed = values.copy()
    for channel in range(channels):
        halves = summed.reshape(-1, 2, 1 << channel)
        halves[:, 1] += halves[:, 0]
    return summed


def fit_shapley(inputs: Inputs) -> Fitted:
    """Fit Shapley values; the strengths are the positive ones."""
    sets = inputs.sets
    assert sets is not None
    channels = len(inputs.channels)
    is_exact = channels <= EXACT_CHANNELS
    if is_exact:
        values, errors = shapley_values(sets), None
    else:
        values, errors = sampled_values(sets, inputs.seed)
    named = dict(zip(inputs.channels, values.clip(0.0).tolist(), strict=True))
    whole = sum(named.values())
    below = [(name or "(unknown)", value) for name, value in zip(inputs.channels, values.tolist(), strict=True) if value <= 0.0]
    return Fitted(
        strengths=named,
        population=shared(named, inputs.conversions),
        diagnostics={f"value {name}": value for name, value in zip(inputs.channels, values.tolist(), strict=True)},
        note="not positive, so counted as nothing: " + ", ".join(f"{name} ({value:.2g})" for name, value in below)
        if below
        else "",
        errors={}
        if errors is None or not whole
        else {name: error / whole * inputs.conversions for name, error in zip(inputs.channels, errors.tolist(), strict=True)},
    )


SHAPLEY: Final = AttributionModel(
    "shapley_rate",
    "What a channel adds to the rate at which journeys convert, averaged over all orders in which channels can come together.",
    needs="channel_sets",
    fit=fit_shapley,
)
