"""What the settings say about customers' value; the defaults are those in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ValueSettings:
    """The table [value] of the settings, as measures need it."""

    window_days: int | None = None
    """the window of retention and churn; None = the median time between two orders, 7 to 365 days"""
    repeat_days: int = 90
    """within how many days of the first order a second one counts as a repeat purchase"""
    lifespan_cap_years: float = 5
    """the longest life a customer is given"""
    discount: float = 0.10
    """what money of next year is worth less, a year"""
    horizon_months: int = 12
    """how far ahead value is predicted"""
    model: Literal["bg_nbd", "pareto_nbd"] = "bg_nbd"
    min_repeat_buyers: int = 200
    """below as many customers who came back no model is fitted, and the cohort curve stands in"""
    dormant_days: int = 180
    """without an order for as long a customer is dormant"""
    winback_days: int = 30
    """within how many days of a win-back message an order counts"""
    winback: tuple[str, ...] = ()
    """titles of the campaigns that are win-back messages; none = every message to a dormant customer"""
    started: int | None = None
    """when the programme began (epoch ms): before and after are told apart there"""
