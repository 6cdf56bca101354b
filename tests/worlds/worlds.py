"""Worlds whose truth is known, drawn by seed at the level of an arm's people, and read by the product's own arithmetic.

A person spends nothing or a lognormal amount, in whole minor units; what SQL would add up (people, events, sum, sum of squares)
is added up here, and everything after it is the real code: `experiments.estimates`, `trials`, `verdict.judge`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from persync.estimate import Estimate
from persync.measure import experiments, intervals, rules, verdict
from persync.measure.experiments import Outcome, Reading, Sample
from persync.measure.metric import Ask, Experiment
from persync.measure.trials import adjusting, cuped, looks
from persync.measure.verdict import Verdict

ASK = Ask(now=10**13)
TEST = Experiment("world", control="control")
BUYS, LOG_MEAN, LOG_SPREAD = 0.2, 3.0, 0.8
MEAN = BUYS * float(np.exp(LOG_MEAN + LOG_SPREAD**2 / 2))
"""what a person spends on average"""
VARIANCE = BUYS * float(np.exp(2 * LOG_MEAN + 2 * LOG_SPREAD**2)) - MEAN**2


@dataclass(frozen=True, slots=True)
class Read:
    """What came of one world: its estimates, and the verdict on revenue."""

    estimates: list[Estimate]
    found: Verdict

    def of(self, id: str, outcome: str) -> Estimate:
        (one,) = [e for e in self.estimates if e.id == id and e.by.get("outcome") == outcome]
        return one


def spending(rng: Any, people: int, lift: float) -> Any:
    """Return what people spend, in minor units; a lift makes each purchase that much larger."""
    buys = rng.random(people) < BUYS
    return np.where(buys, np.rint(100 * (1 + lift) * rng.lognormal(LOG_MEAN, LOG_SPREAD, people)), 0).astype(np.int64)


def read(treated: Any, control: Any) -> Read:
    """Read two arms as the product does."""
    arms = {"treated": treated, "control": control}
    sizes = {name: len(minor) for name, minor in arms.items()}
    buyers = {name: int((minor > 0).sum()) for name, minor in arms.items()}
    money = {
        name: rules.scaled(intervals.moments(len(minor), int(minor.sum()), int((minor * minor).sum())), "EUR")
        for name, minor in arms.items()
    }
    outcomes = (
        Outcome("conversion", "share", {n: Sample(sizes[n], buyers[n], successes=buyers[n]) for n in arms}),
        Outcome("revenue", "EUR", {n: Sample(sizes[n], buyers[n], moments=money[n]) for n in arms}),
    )
    estimates = experiments.estimates(TEST, Reading(sizes, outcomes=outcomes), ASK)
    difference = [e for e in estimates if e.id == "difference" and e.by["outcome"] == "revenue"]
    return Read(estimates, verdict.judge(difference, ASK.confidence)[0])


def world(seed: int, *, people: int = 2000, lift: float = 0.0) -> Read:
    """Return what is read of one seeded world of so many people an arm."""
    rng = np.random.default_rng([seed, 6])
    return read(spending(rng, people, lift), spending(rng, people, 0.0))


def covered(seed: int) -> dict[str, bool]:
    """Tell of each kind of interval whether it holds the truth in one seeded world."""
    lift = 0.25
    found = world(seed, lift=lift)
    difference, relative = found.of("difference", "revenue"), found.of("relative", "revenue")
    shares = found.of("difference", "conversion")
    return {
        "difference of means": _holds(difference, lift * MEAN),
        "relative difference": _holds(relative, lift),
        "difference of shares": _holds(shares, 0.0),
        "covariate": _cuped(seed),
        "overlap weights": _adjusted(seed)[0],
        "doubly robust": _adjusted(seed)[1],
        "every one of ten looks": _looks(seed),
    }


def _holds(e: Estimate, truth: float) -> bool:
    return e.low is not None and e.high is not None and e.low <= truth <= e.high


def _cuped(seed: int) -> bool:
    rng = np.random.default_rng([seed, 7])
    sides = []
    for effect in (0.3, 0.0):
        x = rng.gamma(2.0, 2.0, 800)
        y = 0.5 * x + effect + rng.exponential(1.0, 800)
        sides.append(cuped.Sums(800, y.sum(), (y * y).sum(), 800, x.sum(), (x * x).sum(), (x * y).sum(), y.sum()))
    found = cuped.adjust(sides[0], sides[1])
    return found is not None and found.difference.low <= 0.3 <= found.difference.high


def _adjusted(seed: int) -> tuple[bool, bool]:
    rng = np.random.default_rng([seed, 8])
    x = rng.normal(size=(800, 2))
    treated = (rng.random(800) < 1 / (1 + np.exp(-0.7 * x[:, 0]))).astype(float)
    y = x @ [1.0, 0.5] + 0.4 * treated + rng.normal(size=800)
    e = adjusting.propensity(treated, x)
    found = (adjusting.overlap_weighted(y, treated, e, x), adjusting.doubly_robust(y, treated, e, x))
    return found[0].low <= 0.4 <= found[0].high, found[1].low <= 0.4 <= found[1].high


def _looks(seed: int) -> bool:
    rng = np.random.default_rng([seed, 9])
    treated, control = (spending(rng, 5000, lift) / 100 for lift in (0.1, 0.0))
    for n in range(500, 5001, 500):
        a, b = treated[:n], control[:n]
        error = float(np.sqrt(a.var(ddof=1) / n + b.var(ddof=1) / n))
        found = looks.always_valid(float(a.mean() - b.mean()), error, n / 5000)
        if not found.low <= 0.1 * MEAN <= found.high:
            return False
    return True
