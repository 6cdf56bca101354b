"""BG/NBD: customers buy at a steady rate of their own and leave for good, with a chance of their own, after a purchase.

Fader, Hardie, Lee: "Counting your customers" the easy way (Marketing Science 24(2), 2005). Rates are gamma(r, alpha), chances
to leave beta(a, b) over customers. Times in weeks.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from persync.measure.btyd.cells import Array, Cells, dot
from persync.measure.btyd.fitting import Fit, Slope, maximise

NAME: Final = "bg_nbd"
_MANY: Final = 40_000
"""cells above which a part is fitted first, so that the whole needs few steps"""


def slope(cells: Cells) -> Slope:
    """Return the log-likelihood of the cells as a function of the logs of (r, alpha, a, b), with its gradient.

    Each time and each number of repeats has its logarithm taken once a step, however many cells share it.
    """
    from scipy.special import digamma, gammaln

    counts, x_at = np.unique(cells.x, return_inverse=True)
    n_of_x = np.bincount(x_at, cells.n, len(counts))
    ages, age_at = np.unique(cells.T, return_inverse=True)
    again = cells.x > 0
    n0, n = np.bincount(age_at[~again], cells.n[~again], len(ages)), cells.n[again]
    lasts, last_at = np.unique(cells.t_x[again], return_inverse=True)
    x, age_at, xr = cells.x[again], age_at[again], x_at[again]

    def at(logs: Array) -> tuple[float, Array]:
        r, alpha, a, b = np.exp(logs)
        la, lt = np.log(alpha + ages), np.log(alpha + lasts)
        # Customers without repeats are there for certain: one term for each age.
        value = dot(n0, r * (logs[1] - la))
        d_r = dot(n0, logs[1] - la)
        d_alpha = dot(n0, r / alpha - r / (alpha + ages))
        # The others: still there, or gone after the last purchase.
        with np.errstate(divide="ignore"):
            start = np.where(counts > 0, logs[2] - np.log(np.maximum(b + counts - 1, 1e-300)), 0.0)
        stays, went = la[age_at], lt[last_at]
        power = r + x
        gap = start[xr] + power * (stays - went)
        gone = 1.0 / (1.0 + np.exp(-gap))
        # log(1 + e^gap) = gap - log(gone)
        value += dot(n, gap - np.log(gone) - power * stays)
        weighted = n * gone
        d_r -= dot(n, stays) - dot(weighted, stays - went)
        left = n * power / (alpha + ages)[age_at]
        d_alpha -= float(left.sum()) - dot(gone, left) + dot(weighted * power, (1.0 / (alpha + lasts))[last_at])
        gone_of_x = np.bincount(xr, weighted, len(counts))
        # What depends on the number of repeats alone, for all of that number at once.
        some = counts > 0
        y, m, g = counts[some], n_of_x[some], gone_of_x[some]
        value += dot(m, gammaln(r + y) - gammaln(r) + r * logs[1])
        value += dot(m, gammaln(a + b) + gammaln(b + y) - gammaln(b) - gammaln(a + b + y))
        d_r += dot(m, digamma(r + y) - digamma(r) + logs[1])
        d_alpha += float(m.sum()) * r / alpha
        d_a = dot(m, digamma(a + b) - digamma(a + b + y)) + float(g.sum()) / a
        d_b = dot(m, digamma(a + b) + digamma(b + y) - digamma(b) - digamma(a + b + y)) - dot(g, 1.0 / (b + y - 1))
        return value, np.array([d_r * r, d_alpha * alpha, d_a * a, d_b * b])

    return at


def fit(cells: Cells, *, covariance: bool = True) -> Fit | None:
    """Return the fit (r, alpha, a, b); None when nobody came back, nobody stayed away or no maximum is found."""
    if not 0 < cells.repeaters < cells.customers:
        return None
    typical = float(np.average(cells.T, weights=cells.n))
    start: tuple[float, ...] = (0.5, max(typical, 1e-3) / 3, 1.0, 2.5)
    if len(cells.x) > _MANY:
        step = len(cells.x) // (_MANY // 4)
        part = Cells(cells.x[::step], cells.t_x[::step], cells.T[::step], cells.n[::step])
        first = maximise(slope(part), start, weight=part.customers, covariance=False)
        start = first.parameters if first else start
    return maximise(slope(cells), start, weight=cells.customers, covariance=covariance)


def alive(parameters: Array, cells: Cells) -> Array:
    """Return the chance that a customer of each cell is still one. Who never came back cannot have left, by this model."""
    r, alpha, a, b = parameters
    again = cells.x > 0
    with np.errstate(over="ignore"):
        # By way of logarithms: a ratio near one to a power of millions loses its digits otherwise.
        growth = np.exp((r + cells.x) * np.log1p((cells.T - cells.t_x) / (alpha + cells.t_x)))
        odds = a / np.maximum(b + cells.x - 1, 1e-300) * growth
    return np.where(again, 1 / (1 + odds), 1.0)


def expected(parameters: Array, cells: Cells, weeks: float, still: Array | None = None) -> Array:
    """Return the purchases expected of a customer of each cell in the next `weeks` weeks (equation 10 of the paper).

    `still` is what `alive` returns for these parameters and cells, where it is known.
    """
    from scipy.special import hyp2f1

    r, alpha, a, b = parameters
    if abs(a - 1) < 1e-6:
        a = 1 + 1e-6  # both the numerator and the denominator are zero at one
    x = cells.x
    left = alpha + cells.T
    with np.errstate(all="ignore"):
        shape = hyp2f1(r + x, b + x, a + b + x - 1, weeks / (left + weeks))
        many = (a + b + x - 1) / (a - 1) * (1 - (left / (left + weeks)) ** (r + x) * shape)
        known = np.isfinite(many)
        if not known.all():
            # Where customers hardly differ the parameters are so large that the series overflows: all leave with the mean
            # chance.
            mean = a / (a + b + x)
            many = np.where(known, many, -np.expm1(-(r + x) * np.log1p(mean * weeks / left)) / mean)
    found: Array = np.maximum(many, 0.0)
    found *= alive(parameters, cells) if still is None else still
    return found


def expected_of_new(parameters: Array, weeks: float) -> float:
    """Return the repeat purchases expected of a new customer in `weeks` weeks from the first purchase."""
    from scipy.special import hyp2f1

    r, alpha, a, b = (float(one) for one in parameters)
    a = 1 + 1e-6 if abs(a - 1) < 1e-6 else a
    shape = hyp2f1(r, b, a + b - 1, weeks / (alpha + weeks))
    return float((a + b - 1) / (a - 1) * (1 - (alpha / (alpha + weeks)) ** r * shape))
