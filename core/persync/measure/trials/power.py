"""How many people a test needs, how small an effect it can see, and how long that takes (catalogue 77). Pure arithmetic."""

from __future__ import annotations

import math
from typing import Final

from persync.measure.intervals import Moments, normal_quantile

POWER: Final = 0.8
WEEK: Final = 7.0


def _quantiles(alpha: float, power: float) -> float:
    from scipy.special import ndtri

    return normal_quantile(1 - alpha) + float(ndtri(power))


def for_shares(base: float, change: float, *, ratio: float = 1.0, alpha: float = 0.05, power: float = POWER) -> int:
    """Return the people an arm needs to find a share going from `base` to base + change (two-sided, normal approximation with
    the variances of both arms; Fleiss, Levin & Paik 2003, ch. 4, without continuity correction). The control gets `ratio` times
    as many. Raises ValueError for shares outside (0, 1) or no change.
    """
    other = base + change
    if not (0 < base < 1 and 0 < other < 1) or change == 0 or ratio <= 0:
        raise ValueError("two different shares between 0 and 1 are needed")
    spread = other * (1 - other) + base * (1 - base) / ratio
    return math.ceil(_quantiles(alpha, power) ** 2 * spread / (change * change))


def for_means(sample: Moments, change: float, *, ratio: float = 1.0, alpha: float = 0.05, power: float = POWER) -> int:
    """Return the people an arm needs to find a mean changing by `change` where people vary as in `sample`."""
    if change == 0 or sample.variance <= 0 or ratio <= 0:
        raise ValueError("a change and some variance are needed")
    return math.ceil(_quantiles(alpha, power) ** 2 * sample.variance * (1 + 1 / ratio) / (change * change))


def detectable_mean(variance: float, n: float, base_n: float, *, alpha: float = 0.05, power: float = POWER) -> float:
    """Return the smallest change of a mean that arms of these sizes find with the given power."""
    if n <= 0 or base_n <= 0:
        raise ValueError("both arms need people")
    return detectable_gap(variance * (1 / n + 1 / base_n), alpha=alpha, power=power)


def detectable_gap(error: float, *, alpha: float = 0.05, power: float = POWER) -> float:
    """Return the smallest difference found with the given power, of an estimate with this squared standard error."""
    return _quantiles(alpha, power) * math.sqrt(error)


def detectable_share(base: float, n: float, base_n: float, *, alpha: float = 0.05, power: float = POWER) -> float | None:
    """Return the smallest rise of a share that arms of these sizes find; None when even certainty would not be found."""
    if not 0 < base < 1 or n <= 0 or base_n <= 0:
        raise ValueError("a share between 0 and 1 and people in both arms are needed")
    # Solved for change: change^2 = wanted * (other * (1 - other) / n + base * (1 - base) / base_n) with other = base + change.
    wanted = _quantiles(alpha, power) ** 2
    spread = base * (1 - base)
    half = wanted * (1 - 2 * base) / (2 * n)
    scale = 1 + wanted / n
    change = (half + math.sqrt(half * half + scale * wanted * spread * (1 / n + 1 / base_n))) / scale
    return change if change <= 1 - base else None


def weeks(people: float, a_week: float) -> float | None:
    """Return how many whole weeks it takes until so many people have come in; None when nobody comes."""
    return math.ceil(people / a_week) if a_week > 0 else None
