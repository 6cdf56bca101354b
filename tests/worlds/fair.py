"""Shops that treat everybody alike, or plant one unfair rule: drawn by seed, counted by group, and scanned by the real code."""

from __future__ import annotations

from typing import Any

import numpy as np

from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.fairness.groups import TIMES, UNKNOWN
from persync.measure.fairness.scan import Scan, judged
from persync.measure.metric import Ask

ASK = Ask(now=10**13)
PEOPLE = 3_000
AGES = {"18-29": 0.3, "30-44": 0.3, "45-59": 0.2, "60+": 0.1, UNKNOWN: 0.1}
PLACES = {"AT": 0.15, "DE": 0.6, "FR": 0.15, UNKNOWN: 0.1}
RATES = {"exposure_rate": 0.45, "selection_rate": 0.2, "dropped_rate": 0.03}


def scan(seed: int, *, spared: float = 0.0) -> Scan:
    """Return what a scan of one seeded shop compares; `spared` is the share of the mail that France does not get."""
    rng = np.random.default_rng([seed, 132])
    ages, places = (rng.choice(list(each), PEOPLE, p=list(each.values())) for each in (AGES, PLACES))
    crossed = np.array([f"{age}{TIMES}{place}" for age, place in zip(ages, places, strict=True)])
    done = {id: rng.random(PEOPLE) < rate for id, rate in RATES.items()}
    done["exposure_rate"] &= (places != "FR") | (rng.random(PEOPLE) >= spared)
    sends = rng.poisson(np.exp(rng.normal(0.5, 0.7, PEOPLE)))
    paid = np.where(rng.random(PEOPLE) < 0.5, rng.lognormal(3, 0.8, PEOPLE), np.nan)
    found: list[Estimate] = []
    for title, names in (("age", ages), ("place", places), (f"age{TIMES}place", crossed)):
        sizes = {str(name): int((names == name).sum()) for name in np.unique(names)}
        hide = rules.hidden(sizes, ASK.suppress_n)
        for name, n in sizes.items():
            by, mine = {"attribute": title, "group": name}, names == name
            if name in hide:
                found += [rules.suppressed(id, ASK, by) for id in (*RATES, "mean_sends", "price_paid")]
                continue
            found += [rules.share(id, int((yes & mine).sum()), n, ASK, by) for id, yes in done.items()]
            found.append(_mean("mean_sends", sends[mine], by))
            found.append(_mean("price_paid", paid[mine & ~np.isnan(paid)], by))
    return judged(found, ASK)


def _mean(id: str, values: Any, by: dict[str, str]) -> Estimate:
    sample = intervals.moments(len(values), float(values.sum()), float((values**2).sum()))
    return rules.average(id, sample, int((values > 0).sum()), ASK, by, unit="")
