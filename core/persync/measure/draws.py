"""Intervals of money a customer or an order, by drawing customers again and again.

Money is skewed: a few customers hold much of it, and an interval that reaches as far down as up misses the truth on one side.
Customers are drawn in buckets of equal hash, which keeps the variance and the skewness: third moments about the mean add up
in a bucket as variances do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from persync.attribution.stability import replicate
from persync.measure import intervals
from persync.measure.intervals import Interval
from persync.measure.metric import Ask

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

REPLICATES: Final = 1000
BUCKETS: Final = 1024
"""so many customers are drawn one by one (but for the few that share a bucket), more of them in buckets"""
_SLICED_BUCKETS: Final = 128
_NUMBERS: Final = 40_000_000
"""numbers held at once: many slices are drawn in several turns"""
FEWEST: Final = 10
"""with fewer customers who paid anything, too many draws hold none of them for their spread to mean something"""

Key = tuple[str, ...]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice of customers: its rows, one a bucket, and what their counts and sums add up to."""

    rows: list[Row]
    sums: dict[str, int]

    @property
    def first(self) -> dict[str, Any]:
        """One row for all: the slice columns of the first, and the sums."""
        return {**(self.rows[0] if self.rows else {}), **self.sums}


def buckets(dimensions: int) -> int:
    """Return in how many buckets customers are drawn: fewer where they are spread over slices."""
    return _SLICED_BUCKETS if dimensions else BUCKETS


def by_slice(rows: Sequence[Row], dimensions: int, names: Sequence[str]) -> dict[Key, Slice]:
    """Return rows of (slice columns d0, d1 ..., bucket, `names`) by slice; without dimensions there is always the one slice."""
    found: dict[tuple[Any, ...], list[Row]] = {} if dimensions else {(): []}
    for row in rows:
        found.setdefault(tuple(row[f"d{i}"] for i in range(dimensions)), []).append(row)
    return {
        tuple(map(str, key)): Slice(found[key], {name: sum(int(row[name]) for row in found[key]) for name in names})
        for key in sorted(found)
    }


def ratios(found: Mapping[Key, Slice], y: str, x: str, ask: Ask, *, scale: float = 1.0) -> dict[Key, Interval | None]:
    """Return for each slice sum(y) / sum(x) over customers, with the studentised bootstrap interval (bootstrap-t; Efron 1982,
    The Jackknife, the Bootstrap and Other Resampling Plans, ch. 10; Hall 1988).

    `y` and `x` name columns of sums a bucket, y in 1 / `scale` of the unit; the sum `payers` counts customers with any y.
    Poisson(1) weights come from the buckets and the seed, so that a customer counts as often in every slice, on every
    engine and in every run. The errors of the value and of each draw are the linearised ones of a ratio over buckets. None
    for fewer than two buckets or x adding up to nothing; with fewer than `FEWEST` payers, and where nothing varies, it is
    Student's (`intervals.ratio_of_sums`).
    """
    import numpy as np

    out: dict[Key, Interval | None] = {}
    drawn: dict[Key, tuple[Array, Array]] = {}
    for key, one in found.items():
        filled = [row for row in one.rows if int(row[x])]
        if not filled:
            out[key] = None
            continue
        places = np.array([int(row["bucket"]) for row in filled], np.int64)
        of_y = np.array([int(row[y]) for row in filled], np.float64) / scale
        of_x = np.array([int(row[x]) for row in filled], np.float64)
        columns = np.column_stack([of_y, of_x, of_y * of_y, of_x * of_x, of_y * of_x])
        of_all = columns.sum(axis=0).tolist()
        out[key] = intervals.ratio_of_sums(len(places), of_all[0], of_all[1], of_all[2], of_all[3], of_all[4], ask.confidence)
        if one.sums["payers"] >= FEWEST and out[key] is not None:
            drawn[key] = places, columns
    for key, draws in _draws(drawn, ask.seed).items():
        out[key] = _studentised(drawn[key][1].sum(axis=0), draws, ask.confidence) or out[key]
    return out


def _draws(found: Mapping[Key, tuple[Array, Array]], seed: int) -> dict[Key, Array]:
    """Return (replicates, columns) of each slice; weights are made once for many slices."""
    import numpy as np

    keys = list(found)
    out: dict[Key, Array] = {}
    at_once = max(1, _NUMBERS // (5 * REPLICATES))
    for first in range(0, len(keys), at_once):
        part = keys[first : first + at_once]
        ids = np.unique(np.concatenate([found[key][0] for key in part]))
        wide = np.zeros((len(ids), 5 * len(part)))
        for i, key in enumerate(part):
            wide[np.searchsorted(ids, found[key][0]), 5 * i : 5 * i + 5] = found[key][1]
        drawn = replicate(ids, wide, seed, REPLICATES)
        out |= {key: drawn[:, 5 * i : 5 * i + 5] for i, key in enumerate(part)}
    return out


def _errors(sums: Array, value: Any) -> Any:
    """Return the linearised standard error of y / x from sums of y, x, yy, xx and xy."""
    import numpy as np

    return np.sqrt(np.maximum(sums[..., 2] - 2 * value * sums[..., 4] + value * value * sums[..., 3], 0.0)) / np.abs(
        sums[..., 1]
    )


def _studentised(sums: Array, draws: Array, confidence: float) -> Interval | None:
    import numpy as np

    value = float(sums[0] / sums[1])
    error = float(_errors(sums, value))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = draws[:, 0] / draws[:, 1]
        told = (values - value) / _errors(draws, values)
    known = told[np.isfinite(told)]
    if error == 0.0 or not math.isfinite(error) or len(known) < 0.9 * len(told):
        return None
    tail = (1 - confidence) / 2
    far, near = (float(one) for one in np.quantile(known, [tail, 1 - tail]))
    return Interval(value, min(value, value - near * error), max(value, value - far * error))
