"""Pareto/NBD: customers buy at a steady rate of their own and may leave at any time, unseen.

Schmittlein, Morrison, Colombo: Counting your customers (Management Science 33(1), 1987). Rates of buying are gamma(r, alpha),
rates of leaving gamma(s, beta) over customers. Times in weeks. The part of the likelihood for those who left is an integral
over when: it is taken by Gauss-Legendre's rule after a change of variable that makes what is integrated nearly flat, so no
hypergeometric series is summed.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from persync.measure.btyd.cells import Array, Cells, dot
from persync.measure.btyd.fitting import Fit, Slope, maximise

NAME: Final = "pareto_nbd"
_POINTS: Final = 24
_STEP: Final = 1e-5


@cache
def _rule() -> tuple[Array, Array]:
    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    return (points + 1) / 2, weights / 2


def _parts(logs: Array, cells: Cells) -> tuple[Array, Array]:
    """Return, for each cell, the logs of the two terms of the likelihood: still there, and left before the end.

    With q = r + s + x and w = ((alpha + t_x) / (alpha + t))^q, the integral of (alpha + t)^-(r+x) (beta + t)^-(s+1) from t_x to
    T is (alpha + t_x)^-q / q times that of ((alpha + t) / (beta + t))^(s+1) over w.
    """
    r, alpha, s, beta = np.exp(logs)
    x, t_x, age = cells.x, cells.t_x, cells.T
    stays = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
    q = r + s + x
    width = -np.expm1(q * (np.log(alpha + t_x) - np.log(alpha + age)))  # 1 - w at the end
    points, weights = _rule()
    inner = np.zeros(len(x))
    for point, weight in zip(points, weights, strict=True):
        left = (alpha + t_x) * np.exp(-np.log1p(-width * point) / q)  # alpha + t
        inner += weight * np.exp((s + 1) * (np.log(left) - np.log(left + (beta - alpha))))
    with np.errstate(divide="ignore"):
        went = np.log(s / q) - q * np.log(alpha + t_x) + np.log(width * inner)
    return stays, went


def _value(logs: Array, cells: Cells) -> float:
    from scipy.special import gammaln

    r, s = float(np.exp(logs[0])), float(np.exp(logs[2]))
    stays, went = _parts(logs, cells)
    whole = np.logaddexp(stays, went) + gammaln(r + cells.x) - gammaln(r) + r * logs[1] + s * logs[3]
    return dot(cells.n, whole)


def slope(cells: Cells) -> Slope:
    """Return the log-likelihood of the cells as a function of the logs of (r, alpha, s, beta), with its gradient."""

    def at(logs: Array) -> tuple[float, Array]:
        gradient = np.empty(4)
        for i in range(4):
            move = np.zeros(4)
            move[i] = _STEP
            gradient[i] = (_value(logs + move, cells) - _value(logs - move, cells)) / (2 * _STEP)
        return _value(logs, cells), gradient

    return at


def fit(cells: Cells, *, covariance: bool = True) -> Fit | None:
    """Return the fit (r, alpha, s, beta); None when nobody came back or no maximum is found."""
    if not cells.repeaters:
        return None
    typical = max(float(np.average(cells.T, weights=cells.n)), 1e-3)
    return maximise(slope(cells), (0.5, typical / 3, 0.5, typical / 3), weight=cells.customers, covariance=covariance)


def alive(parameters: Array, cells: Cells) -> Array:
    """Return the chance that a customer of each cell is still one."""
    stays, went = _parts(np.log(np.asarray(parameters, np.float64)), cells)
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(went - stays)))


def expected(parameters: Array, cells: Cells, weeks: float, still: Array | None = None) -> Array:
    """Return the purchases expected of a customer of each cell in the next `weeks` weeks (equation 23 of the paper).

    `still` is what `alive` returns for these parameters and cells, where it is known.
    """
    r, alpha, s, beta = parameters
    left = beta + cells.T
    if abs(s - 1) < 1e-9:
        s = 1 + 1e-9
    rate = (r + cells.x) / (alpha + cells.T)
    many: Array = rate * left / (s - 1) * (1 - (left / (left + weeks)) ** (s - 1))
    many *= alive(parameters, cells) if still is None else still
    return many
