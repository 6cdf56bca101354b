"""The chance to win: a Bayesian line beside the interval. It decides nothing; verdicts come from the interval alone."""

from __future__ import annotations

from typing import Final

from persync.estimate import Estimate
from persync.measure import rules, verdict
from persync.measure.experiments import Sample
from persync.measure.metric import Ask

POINTS: Final = 2_000
NOTE: Final = "an extra line: verdicts go by the interval"


def of_shares(successes: int, n: int, base_successes: int, base_n: int) -> float:
    """Return P(share > base share) under uniform priors: Beta(1 + successes, 1 + failures), by the midpoint rule on
    quantiles."""
    import numpy as np
    from scipy.special import betainc, betaincinv

    u = (np.arange(POINTS) + 0.5) / POINTS
    drawn = betaincinv(1.0 + successes, 1.0 + n - successes, u)
    return float(betainc(1.0 + base_successes, 1.0 + base_n - base_successes, drawn).mean())


def of_means(difference: float, error: float) -> float:
    """Return P(difference > 0) under a flat prior and normal errors."""
    from scipy.special import ndtr

    return float(ndtr(difference / error)) if error > 0 else float(difference > 0)


def chance(arm: Sample | None, base: Sample | None, difference: Estimate, ask: Ask) -> Estimate:
    """Return `chance_to_win` of an arm on an outcome; null for the reason the difference is."""
    id, by = "chance_to_win", difference.by
    if difference.value is None or arm is None or base is None:
        return rules.absent(id, difference.reason or rules.NO_DENOMINATOR, by, unit="share", label=difference.label)
    if arm.successes is not None and base.successes is not None:
        value = of_shares(arm.successes, arm.people, base.successes, base.people)
    else:
        assert arm.moments is not None
        assert base.moments is not None
        value = of_means(float(difference.value), (arm.moments.error + base.moments.error) ** 0.5)
    small = rules.smallness(min(arm.people, base.people), min(arm.events, base.events), ask)
    note = "; ".join(part for part in (small, verdict.bars(difference.note), NOTE) if part)
    return Estimate(id, value, n=difference.n, unit="share", label=difference.label, by=by, period=difference.period, note=note)
