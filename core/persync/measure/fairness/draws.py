"""Intervals of the worst gap between groups, drawn from the counts: a bootstrap of people needs counts alone.

Within a group the number selected among those qualified is binomial, so a draw of a million people costs one number a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from persync.measure.intervals import Interval

DRAWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Odds:
    """Equalised odds: the larger of two gaps and the smaller of two ratios."""

    difference: Interval
    ratio: Interval
    of_hits: bool
    """whether the gap is that of the true positives"""


def shares(counts: Sequence[tuple[int, int]], seed: int, draws: int = DRAWS) -> Any:
    """Return the observed share of each (successes, n) in the first row and `draws` redrawn ones below."""
    rng = np.random.default_rng(seed)
    successes, n = (np.array(part, dtype=np.int64) for part in zip(*counts, strict=True))
    observed = successes / n
    return np.vstack([observed, rng.binomial(n, observed, size=(draws, len(n))) / n])


def spread(rates: Any) -> tuple[Any, Any]:
    """Return the largest less the smallest rate of each row, and the smallest over the largest (0 / 0 is 1: nobody differs)."""
    low, high = rates.min(axis=1), rates.max(axis=1)
    return high - low, np.divide(low, high, out=np.ones_like(low), where=high > 0)


def odds(cells: Sequence[tuple[int, int, int, int]], seed: int, confidence: float = 0.95, draws: int = DRAWS) -> Odds:
    """Return equalised odds of groups given as (hits, qualified, false alarms, not qualified), none of the groups empty."""
    hits = spread(shares([cell[:2] for cell in cells], seed, draws))
    false = spread(shares([cell[2:] for cell in cells], seed + 1, draws))
    gap, ratio = np.maximum(hits[0], false[0]), np.minimum(hits[1], false[1])
    return Odds(_interval(gap, confidence), _interval(ratio, confidence), bool(hits[0][0] >= false[0][0]))


def _interval(drawn: Any, confidence: float) -> Interval:
    value = float(drawn[0])
    low, high = np.quantile(drawn[1:], [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value, min(value, float(low)), max(value, float(high)))
