"""What the settings say about costs and returns; the defaults are those in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CALENDAR_MONTH = 52 / 12
"""weeks in a month"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An intangible that the user prices: `quantity` (told, or read from the metric `metric`) times `each` (major units)."""

    each: float
    source: str
    """where the price comes from: without one nothing is counted"""
    quantity: float | None = None
    metric: str = ""
    kind: str = ""
    """loyalty, brand or efficiency"""
    on: bool = False


@dataclass(frozen=True, slots=True)
class CostSettings:
    """The table [costs] of the settings, as measures need it. Amounts are major units of the reporting currency."""

    weeks_a_month: float = CALENDAR_MONTH
    """52/12, or 4"""
    realised_share: float = 1.0
    """the part of the hours saved that is put to use or not paid any more"""
    hourly_rate: float | None = None
    """what an hour costs where the time sheet names no rate"""
    discount_codes: tuple[str, ...] = ()
    """the codes that the programme gives; none = every discount of an order"""
    subscriber_value: float | None = None
    """what somebody who leaves the list would have been worth; without it list loss is not priced"""
    handling_cost: float | None = None
    """what a ticket costs to answer"""
    discount: float = 0.10
    """what money of next year is worth less, a year"""
    horizon_months: int = 24
    ads_days: int = 90
    """for how many days after sign-up the orders of a subscriber are held against the advertising"""
    value_event: str = "order"
    """what a new customer comes for: their first order, or the life-cycle stage of this name"""
    activation_days: int = 30
    loyalty: str = ""
    """the attribute that says who is in the loyalty programme"""
    loyalty_out: tuple[str, ...] = ("none", "no", "unknown")
    """values of it that mean: not in it"""
    scores: Mapping[str, float] = field(default_factory=dict)
    """what a point of a survey (csat, ces, nps) is worth, for all customers together and the period"""
    proxies: Mapping[str, Proxy] = field(default_factory=dict)
