"""A metric that is a share of people, with noise that a privacy budget pays for.

Of a share both numbers are counts in which a person counts once: those it is of, and those of them who did something. Two-sided
geometric noise of sensitivity 1 covers each. By an attribute everybody is in one group, so a table of groups costs as much as
one of its cells (parallel composition); tables over the same people share the epsilon (sequential composition).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from persync.errors import ConfigError, DataError
from persync.estimate import Estimate
from persync.measure import intervals
from persync.measure.metric import Ask
from persync.privacy.release import Below, geometric, refuse_drowned, spread

SHARES: Final[Mapping[str, str]] = {
    "churn_rate": "churn_rate",
    "conversion_rate": "conversion_rate",
    "engagement_rate": "engagement_rate",
    "exposure_parity": "exposure_rate",
    "reactivation_rate": "reactivation_rate",
    "repeat_purchase_rate": "repeat_purchase_rate",
    "retention_rate": "retention_rate",
}
"""{metric: which of its estimates is people ÷ people}; what else it says is left out"""
SEVERAL: Final = frozenset(
    {"acct", "arm", "channel", "coh", "connection", "day", "hour", "level", "month", "msg", "seg", "week", "weekday"}
)
"""dimensions that are no attribute: a person may be in several of their cells, and would be told by each"""
NUMBERS: Final = 2
"""of each cell: the people, and those of them who did it"""
LOST: Final = "lost_in_noise"
FIRM: Final = 3
"""so many standard deviations of the noise a number of people must have for a share of it to be told"""


def refuse(metric: str, by: Sequence[str], arm: str | None) -> None:
    """Raise ConfigError for a metric that is no share of people, or is split so that one of them may be in several cells."""
    if metric not in SHARES:
        raise ConfigError(
            f"{metric} is no share of people in which each counts once, so nobody can say how much noise would cover one.",
            hint=f"With --epsilon: {', '.join(SHARES)}; or the sums that it is made of: `persync export sums`.",
        )
    if arm is not None or (several := [name for name in by if name in SEVERAL]):
        what = "--arm" if arm is not None else f"--by {several[0]}"
        raise ConfigError(
            f"{what} may have one person in several cells, and each would tell of them.",
            hint="With --epsilon split by one attribute of people, or not at all.",
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be given with noise, not yet drawn: cells, and into how many numbers that one person has a share in the
    epsilon is split."""

    cells: tuple[Estimate, ...]
    epsilon: Decimal
    parts: int

    @property
    def scale(self) -> Fraction:
        """Of the noise in each number: 1, which is what one person changes, over its part of the epsilon."""
        return Fraction(self.parts) / Fraction(self.epsilon)

    @property
    def deviation(self) -> float:
        """The standard deviation of the noise in each number."""
        return spread(self.scale)

    def drawn(self, ask: Ask, below: Below) -> list[Estimate]:
        """Return the cells with noise drawn from `below`.

        A share's interval covers chance and noise: the normal one of a ratio of two counts, each with the noise's variance
        (delta method). Null, `lost_in_noise`, where the people are fewer than three standard deviations of it. Notes of exact
        numbers are left out.
        """
        return [self._cell(one, ask, below) for one in self.cells]

    def _cell(self, one: Estimate, ask: Ask, below: Below) -> Estimate:
        note = f"with noise: a standard deviation of {self.deviation:.4g} in each number of people"
        if one.value is None and one.n != 0:
            return Estimate(one.id, None, unit=one.unit, reason=one.reason, by=one.by, note="not shown without noise either")
        did, people = round((one.value or 0.0) * (one.n or 0)), one.n or 0
        noisy, n = did + geometric(self.scale, below), people + geometric(self.scale, below)
        if n < FIRM * self.deviation:
            return Estimate(one.id, None, n=n, unit=one.unit, reason=LOST, by=one.by, note=note)
        share = min(max(noisy / n, 0.0), 1.0)
        error = math.sqrt((share * (1 - share) * n + self.deviation**2 * (1 + share**2)) / n**2)
        half = intervals.normal_quantile(ask.confidence) * error
        return Estimate(one.id, share, max(0.0, share - half), min(1.0, share + half), None, n, one.unit, by=one.by, note=note)


def planned(metric: str, estimates: Sequence[Estimate], by: Sequence[str], epsilon: Decimal) -> Plan:
    """Return what a metric's estimates give with noise of `epsilon`: its shares of people; where it is split its groups alone.

    Raise DataError where there is none, or noise would drown the largest: nothing is spent then.
    """
    mine = [one for one in estimates if one.id == SHARES[metric]]
    split = [one for one in mine if "group" in one.by]
    cells = tuple(split if by and split else mine)
    tables = {(one.by.get("attribute"), *sorted(one.by)) for one in cells}
    if not any(one.n is not None for one in cells):
        raise DataError(f"{metric} has no number to give: each is null or hidden.")
    plan = Plan(cells, epsilon, NUMBERS * len(tables))
    refuse_drowned(plan.scale, max(one.n or 0 for one in cells), f"{epsilon.normalize():f}", plan.parts)
    return plan
