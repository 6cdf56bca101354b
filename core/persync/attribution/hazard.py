"""Additive hazard attribution: every touch adds to a person's rate of ordering, and what it adds fades with its age.

The rate at time t is mu + sum over touches i of beta[channel of i] * 2 ** (-(t - t_i) / half-life), all of it non-negative: the
form of Zhang, Wei & Ren, "Multi-touch attribution in online advertising with survival theory" (ICDM 2014), with the constant
baseline of Ji & Wang, "Additional multi-touch attribution for online advertising" (AAAI 2017). A touch's weight in an order is
what it added at that moment, beta * 2 ** (-age / half-life); the population's conversions of a channel are the sums of its
touches' shares of the rate, so that some stay with the baseline (`baseline` in the diagnostics).

For a given half-life the likelihood is concave and EM climbs it: each order is shared among baseline and touches by their part
in the rate, then each rate is its orders over the time it was watched. The half-life is the one of HALF_LIVES with the greatest
likelihood. Ages come in seven bins that double up to the look-back; the kernel is averaged over each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from persync.attribution.datadriven import Fitted, Inputs, TouchAges
from persync.attribution.models import DECAY, AttributionModel

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, Any]

HALF_LIVES: Final = (0.5, 1.0, 2.0, 4.0, 7.0, 14.0, 30.0)
"""in days"""
STEPS: Final = 500
TOLERANCE: Final = 1e-10
"""EM ends when a step adds less than this to the mean log likelihood of an order"""


def kernel(edges: Floats, half_life: float) -> Floats:
    """Return the mean of 2 ** (-age / half_life) over each bin of age (`edges` in days)."""
    import numpy as np

    rate = np.log(2.0) / half_life
    mean: Floats = -np.diff(np.exp(-rate * edges)) / (rate * np.diff(edges))
    return mean


def maximise(seen: Floats, orders: Floats, watched: Floats) -> tuple[Floats, float]:
    """Return the rates of the greatest likelihood, and its logarithm.

    `seen` (n, m): what one unit of each of m rates adds to the rate at which an order came, `orders` (n) how often; `watched`
    (m): for how long one unit of each was watched. sum of orders * log(seen @ rates) - watched @ rates is concave; EM keeps the
    rates non-negative and never goes down.
    """
    import numpy as np

    total = orders.sum()
    possible = watched > 0
    rates = np.where(possible, total / (np.maximum(watched, 1e-300) * max(possible.sum(), 1)), 0.0)
    last = -np.inf
    for _ in range(STEPS):
        whole = seen @ rates
        reached = float((orders * np.log(np.maximum(whole, 1e-300))).sum() - watched @ rates)
        if reached - last < TOLERANCE * total:
            break
        last = reached
        shares = (seen * rates) * (orders / np.maximum(whole, 1e-300))[:, None]
        rates = np.where(possible, shares.sum(axis=0) / np.maximum(watched, 1e-300), 0.0)
    return rates, reached


def fit_ages(ages: TouchAges, groups: np.ndarray[Any, Any] | None = None) -> tuple[float, Floats, Floats, float]:
    """Return the half-life, the rates (the baseline first, then by channel), the orders each brought, and the log likelihood.

    `groups` are those of the people to fit, all by default.
    """
    import numpy as np

    channels = ages.touches.shape[1]
    taken = np.arange(len(ages.person_days)) if groups is None else groups
    kept = np.isin(ages.group, taken)
    orders = np.concatenate([ages.orders[kept], [ages.bare_orders[taken].sum()]])
    best: tuple[float, Floats, Floats, float] | None = None
    for half_life in HALF_LIVES:
        shape = kernel(ages.edges, half_life)
        seen = np.zeros((len(orders), channels + 1))
        seen[:, 0] = 1.0
        seen[:-1, 1:] = ages.touches[kept] @ shape
        watched = np.concatenate([[ages.person_days[taken].sum()], ages.exposure[taken].sum(axis=0) @ shape])
        rates, reached = maximise(seen, orders, watched)
        if best is None or reached > best[3]:
            parts = seen * rates
            brought = (parts * (orders / np.maximum(parts.sum(axis=1), 1e-300))[:, None]).sum(axis=0)
            best = half_life, rates, brought, reached
    assert best is not None
    return best


def fit_hazard(inputs: Inputs) -> Fitted:
    """Fit the additive hazard; the strengths are the rates that one fresh touch of a channel adds, in orders a day."""
    ages = inputs.ages
    assert ages is not None
    half_life, rates, brought, reached = fit_ages(ages)
    return Fitted(
        strengths=dict(zip(inputs.channels, rates[1:].tolist(), strict=True)),
        population=dict(zip(inputs.channels, brought[1:].tolist(), strict=True)),
        diagnostics={
            "half_life_days": half_life,
            "baseline_orders_per_day": float(rates[0]),
            "baseline": float(brought[0]),
            "log_likelihood": reached,
        },
        weight=f":channel_strength * {DECAY}",
        params={"half_life_days": half_life},
    )


HAZARD: Final = AttributionModel(
    "hazard",
    "What a touch added to the rate of ordering at the moment of the order: a rate of its channel that fades with age.",
    needs="touch_ages",
    fit=fit_hazard,
)
