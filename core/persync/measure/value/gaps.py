"""The median time until customers come back, those still waiting included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def median_gap(came: Array, ended: Array) -> Array:
    """Return Kaplan and Meier's median for each row: `came` and `ended` count, by day, who came back and who ended being
    watched (by coming back or not). Infinite where half never came back."""
    import numpy as np

    events, leaving = np.asarray(came, np.float64), np.asarray(ended, np.float64)
    at_risk = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        stays = np.cumprod(np.where(at_risk > 0, 1 - events / at_risk, 1.0), axis=1)
    below = stays <= 0.5 + 1e-12
    found: Array = np.where(below.any(axis=1), below.argmax(axis=1).astype(np.float64), np.inf)
    return found
