"""Maximum likelihood for positive parameters: found on the log scale, with the covariance there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from persync.measure.btyd.cells import Array

_FARTHEST: Final = 25.0
"""on the log scale: parameters beyond e to the 25th are no numbers of customers"""
_FLAT: Final = 1e-4
"""the steepest slope a customer that a maximum may have"""
_OPEN: Final = 1e-3
"""information below which a parameter is left open: its logarithm has an error of thirty"""

Slope = Callable[[Array], tuple[float, Array]]
"""Log parameters in; the log-likelihood and its gradient by them out."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Parameters, the log-likelihood there, and the covariance of the parameters' logarithms (None: flat, not usable)."""

    parameters: tuple[float, ...]
    likelihood: float
    covariance: Array | None

    @property
    def logs(self) -> Array:
        """The logarithms of the parameters."""
        logs: Array = np.log(np.array(self.parameters))
        return logs


def maximise(slope: Slope, start: Sequence[float], *, weight: float, covariance: bool = True) -> Fit | None:
    """Return the fit nearest to `start` (parameters), None where no maximum is found. `weight` is the number of customers."""
    from scipy.optimize import minimize

    def down(logs: Array) -> tuple[float, Array]:
        value, gradient = slope(logs)
        return -value / weight, -gradient / weight

    with np.errstate(all="ignore"):
        # BFGS, not L-BFGS-B: that one hands its few numbers to threads of the linear algebra, at ten times the cost of the fit.
        found = minimize(down, np.log(np.array(start, np.float64)), jac=True, method="BFGS", options={"gtol": 1e-7})
    logs = np.asarray(found.x, np.float64)
    if not np.isfinite(found.fun) or (np.abs(logs) >= _FARTHEST).any() or float(np.abs(found.jac).max()) > _FLAT:
        return None
    spread = _covariance(slope, logs) if covariance else None
    return Fit(tuple(float(one) for one in np.exp(logs)), -float(found.fun) * weight, spread)


def _covariance(slope: Slope, logs: Array, step: float = 1e-5) -> Array | None:
    """Return the inverse of the observed information, from differences of the gradient."""
    size = len(logs)
    here = slope(logs)[1]
    hessian = np.empty((size, size))
    for i in range(size):
        move = np.zeros(size)
        move[i] = step
        hessian[i] = (slope(logs + move)[1] - here) / step
    # A direction in which the likelihood is flat (a customer base that nobody leaves, say) is one that predictions do not move
    # in either: it is left out, or its error would be all there is.
    if not np.isfinite(hessian).all():
        return None
    found, directions = np.linalg.eigh(-(hessian + hessian.T) / 2)
    steep = found > _OPEN
    if not steep.any():
        return None
    kept: Array = (directions[:, steep] / found[steep]) @ directions[:, steep].T
    return kept
