"""Comparing people who were not drawn by lot: weights, regressions and checks, on arrays. Pure numpy.

Everything here is `adjusted observational`: it takes away what is known to differ, and nothing else.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from persync.measure import intervals
from persync.measure.intervals import Interval, Moments

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, Any]

CLIP = 0.01
"""a propensity nearer to 0 or 1 counts as this near where one divides by it"""


class Balance(NamedTuple):
    """A covariate's standardised mean difference before and after weighting."""

    name: str
    before: float
    after: float


def propensity(treated: Floats, covariates: Floats, *, ridge: float = 1e-6, steps: int = 50) -> Floats:
    """Return each person's probability of being treated by logistic regression (Newton's method) on standardised covariates."""
    import numpy as np

    x = np.column_stack([np.ones(len(treated)), standardised(covariates)])
    beta = np.zeros(x.shape[1])
    penalty = ridge * len(treated) * np.eye(x.shape[1])
    penalty[0, 0] = 0.0
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + penalty, x.T @ (treated - p) - penalty @ beta)
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    return np.asarray(1 / (1 + np.exp(-np.clip(x @ beta, -30, 30))))


def standardised(covariates: Floats) -> Floats:
    """Return columns with mean 0 and spread 1; those that do not vary are left out."""
    import numpy as np

    spread = covariates.std(axis=0)
    kept = covariates[:, spread > 1e-12]
    return np.asarray((kept - kept.mean(axis=0)) / kept.std(axis=0)) if kept.size else kept.reshape(len(covariates), 0)


def overlap_weighted(
    outcome: Floats, treated: Floats, chance: Floats, covariates: Floats, confidence: float = 0.95
) -> Interval:
    """Return the difference of means under overlap weights (Li, Morgan & Zaslavsky 2018): 1 - chance for the treated, chance
    for the others. The error is that of its influence function, which knows that the chances were estimated on `covariates`.
    """
    import numpy as np

    one, other = treated * (1 - chance), (1 - treated) * chance
    means = [float((w * outcome).sum() / w.sum()) for w in (one, other)]
    x = np.column_stack([np.ones(len(treated)), standardised(covariates)])
    spread = chance * (1 - chance)
    away = outcome - np.where(treated == 1, means[0], means[1])
    slope = -(x * (spread * away)[:, None]).mean(axis=0)
    information = (x * spread[:, None]).T @ x / len(treated)
    scores = x * (treated - chance)[:, None]
    fitted = scores @ np.linalg.lstsq(information, slope, rcond=None)[0]
    influence = (np.where(treated == 1, one, -other) * away + fitted) / spread.mean()
    error = float(np.sqrt((influence * influence).sum())) / len(treated)
    return _interval(means[0] - means[1], error, confidence)


def doubly_robust(outcome: Floats, treated: Floats, chance: Floats, covariates: Floats, confidence: float = 0.95) -> Interval:
    """Return the mean effect on everybody by AIPW (Robins, Rotnitzky & Zhao 1994): a linear regression of the outcome on each
    side, corrected by inverse propensities. The error is that of its influence function."""
    import numpy as np

    x = np.column_stack([np.ones(len(treated)), standardised(covariates)])
    e = np.clip(chance, CLIP, 1 - CLIP)
    sides = []
    for side, weight in ((treated == 1, treated / e), (treated == 0, (1 - treated) / (1 - e))):
        beta, *_ = np.linalg.lstsq(x[side], outcome[side], rcond=None)
        fitted = x @ beta
        sides.append(fitted + weight * (outcome - fitted))
    influence = sides[0] - sides[1]
    return _interval(float(influence.mean()), float(influence.std(ddof=1) / math.sqrt(len(influence))), confidence)


def balances(covariates: Floats, names: tuple[str, ...], treated: Floats, chance: Floats) -> list[Balance]:
    """Return the balance of each covariate; |difference| above 0.1 is usually called too much (Austin 2009)."""
    out = []
    one, other = treated == 1, treated == 0
    for i, name in enumerate(names):
        x = covariates[:, i]
        spread = math.sqrt((float(x[one].var()) + float(x[other].var())) / 2)
        if spread <= 1e-12:
            out.append(Balance(name, 0.0, 0.0))
            continue
        wa, wb = 1 - chance[one], chance[other]
        after = float((wa * x[one]).sum() / wa.sum() - (wb * x[other]).sum() / wb.sum())
        out.append(Balance(name, float(x[one].mean() - x[other].mean()) / spread, after / spread))
    return out


def e_value(ratio: float) -> float:
    """Return how strongly a hidden cause must go with both treatment and outcome, as a ratio of risks, to explain one away."""
    if ratio <= 0:
        return math.inf
    r = max(ratio, 1 / ratio)
    return r + math.sqrt(r * (r - 1))


def difference_in_differences(treated: Moments, others: Moments, confidence: float = 0.95) -> Interval | None:
    """Return how much more the treated changed than the others, from the moments of each person's own change (after less
    before): Welch on changes, so that what one person does before and after may hang together."""
    return intervals.welch(treated, others, confidence)


class Break(NamedTuple):
    """What an interrupted series says: the step at the break, the change of slope, and their mean effect after it."""

    step: Interval
    slope: Interval
    effect: Interval


def interrupted(series: Floats, at: int, *, period: float | None = None, confidence: float = 0.95) -> Break:
    """Return the break of a series of equal steps (weeks) at index `at`, by segmented regression on level and trend before and
    after (Wagner, Soumerai, Zhang & Ross-Degnan 2002), with Newey-West errors. `period` (steps a year) adds one wave of the
    calendar; it needs two whole periods. Raises ValueError for fewer than 8 steps on a side.
    """
    import numpy as np

    n = len(series)
    if at < 8 or n - at < 8:
        raise ValueError("eight steps before and after the break are needed")
    time = np.arange(n, dtype=float)
    after = (time >= at).astype(float)
    columns = [np.ones(n), time, after, after * (time - at)]
    if period and n >= 2 * period:
        columns += [np.sin(2 * np.pi * time / period), np.cos(2 * np.pi * time / period)]
    x = np.column_stack(columns)
    beta, *_ = np.linalg.lstsq(x, series, rcond=None)
    residual = series - x @ beta
    bread = np.linalg.inv(x.T @ x)
    scores = x * residual[:, None]
    meat = scores.T @ scores
    lags = int(4 * (n / 100) ** (2 / 9))
    for lag in range(1, lags + 1):
        gamma = scores[lag:].T @ scores[:-lag]
        meat += (1 - lag / (lags + 1)) * (gamma + gamma.T)
    freedom = n - x.shape[1]
    cov = bread @ meat @ bread * n / freedom
    means = np.zeros(x.shape[1])
    means[2], means[3] = 1.0, (n - at - 1) / 2
    step, slope = (np.eye(x.shape[1])[i] for i in (2, 3))
    q = intervals.student_quantile(freedom, confidence)

    def of(contrast: Floats) -> Interval:
        value, error = float(contrast @ beta), math.sqrt(max(0.0, float(contrast @ cov @ contrast)))
        p = intervals.student_p(value / error, freedom) if error > 0 else None
        return Interval(value, value - q * error, value + q * error, p)

    return Break(of(step), of(slope), of(means))


def _interval(value: float, error: float, confidence: float) -> Interval:
    half = intervals.normal_quantile(confidence) * error
    return Interval(value, value - half, value + half, intervals.normal_p(value / error) if error > 0 else None)
