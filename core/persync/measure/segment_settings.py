"""What the settings say about segments, the life-cycle and automations; the defaults are those in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """[segments.NAME]: everything that is given must hold. `days` is how far back opens, clicks and visits are counted."""

    kind: str = "behavioural"
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    rfm: tuple[str, ...] = ()
    bought: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    """names of other rules: a crossing of them"""
    min_orders: int | None = None
    max_orders: int | None = None
    min_revenue: float | None = None
    max_revenue: float | None = None
    ordered_within_days: float | None = None
    not_ordered_for_days: float | None = None
    min_opens: int | None = None
    min_clicks: int | None = None
    min_visits: int | None = None
    days: float = 90


@dataclass(frozen=True, slots=True)
class Automation:
    """[automations.NAME]: which messages are it, what kind it is, and the experiment with its holdout."""

    kind: str
    match: tuple[str, ...] = ()
    """titles or workflows; () = the name itself"""
    experiment: str | None = None
    goal_days: float = 30


@dataclass(frozen=True, slots=True)
class SegmentSettings:
    """The tables [segments], [lifecycle] and [automations] as measures need them."""

    rules: Mapping[str, SegmentRule] = field(default_factory=dict)
    new_days: float = 30
    """so long after the first order a customer is new"""
    loyal_orders: int = 3
    """as many purchases make a customer loyal"""
    at_risk_days: float = 90
    inactive_days: float = 180
    churned_days: float = 365
    automations: Mapping[str, Automation] = field(default_factory=dict)
