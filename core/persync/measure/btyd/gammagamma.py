"""Gamma-Gamma: what a customer's purchases are worth, drawn towards everybody's the fewer of them were seen.

Fader, Hardie, Lee: RFM and CLV (Journal of Marketing Research 42(4), 2005); Fader, Hardie: the gamma-gamma model of monetary
value (2013). It holds where what a customer spends does not hang on how often they come: `dependence` tells.
"""

from __future__ import annotations

import math

import numpy as np

from persync.measure.btyd.cells import Array, dot
from persync.measure.btyd.fitting import Fit, Slope, maximise


def slope(x: Array, mean: Array) -> Slope:
    """Return the log-likelihood of customers with `x` repeat purchases of `mean` value each, by the logs of (p, q, v)."""
    from scipy.special import digamma, gammaln

    log_mean, log_x = np.log(mean), np.log(x)
    spent = x * mean
    counts, at_x = np.unique(x, return_inverse=True)
    of_x = np.bincount(at_x, minlength=len(counts)).astype(np.float64)

    def at(logs: Array) -> tuple[float, Array]:
        p, q, v = np.exp(logs)
        whole = np.log(v + spent)
        a, b = p * counts + q, p * counts
        value = dot(of_x, gammaln(a) - gammaln(b)) - float(len(x) * (gammaln(q) - q * logs[2]))
        value += float(((p * x - 1) * log_mean + p * x * log_x - (p * x + q) * whole).sum())
        d_p = dot(of_x * counts, digamma(a) - digamma(b)) + dot(x, log_mean + log_x - whole)
        d_q = dot(of_x, digamma(a)) - float(len(x) * (digamma(q) - logs[2]) + whole.sum())
        d_v = float(len(x) * q / v - ((p * x + q) / (v + spent)).sum())
        return value, np.array([d_p * p, d_q * q, d_v * v])

    return at


def fit(x: Array, mean: Array) -> Fit | None:
    """Return the fit (p, q, v) on those who came back and paid; None where no maximum is found. v is in the money of `mean`."""
    x, mean = np.asarray(x, np.float64), np.asarray(mean, np.float64)
    usable = (x > 0) & (mean > 0)
    x, mean = x[usable], mean[usable]
    if len(x) < 3 or float(mean.std()) == 0.0:
        return None
    scale = float(mean.mean())  # money of any size is brought to about one, and back
    found = maximise(slope(x, mean / scale), (3.0, 3.0, 1.0), weight=float(len(x)))
    if found is None:
        return None
    p, q, v = found.parameters
    # Each value is scale times what was fitted, so its density is that one's divided by the scale.
    return Fit((p, q, v * scale), found.likelihood - len(x) * math.log(scale), found.covariance)


def expected(parameters: Array, x: Array, spent: Array) -> Array:
    """Return the value expected of each purchase of customers with `x` repeats that came to `spent` in all.

    Without repeats it is everybody's mean. Infinite where q <= 1 and nothing was seen: the caller must look.
    """
    p, q, v = parameters
    below = p * np.asarray(x, np.float64) + q - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, p * (v + np.asarray(spent, np.float64)) / below, np.inf)


def dependence(x: Array, mean: Array) -> float:
    """Return the correlation of how often and how much those bought who came back: the model takes it to be zero."""
    if len(x) < 3 or float(np.std(x)) == 0 or float(np.std(mean)) == 0:
        return 0.0
    return float(np.corrcoef(x, mean)[0, 1])
