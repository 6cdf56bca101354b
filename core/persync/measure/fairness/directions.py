"""Which way a measure is good for people: whether more of it is better, or less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from persync.measure.fairness_settings import Direction
from persync.measure.metric import Ask

RATES: Final[Mapping[str, Direction]] = {
    "exposure_rate": "more",
    "selection_rate": "more",
    "true_positive_rate": "more",
    "false_positive_rate": "less",
    "precision_rate": "more",
    "matched_rate": "more",
    "offered_rate": "more",
    "dropped_rate": "less",
    "unsent_rate": "less",
}
"""{measure: whether more or less of it is better}: shares of people"""
MEANS: Final[Mapping[str, Direction]] = {
    "exposure_dose": "more",
    "mean_level": "more",
    "mean_sends": "more",
    "unsubscribed_rate": "less",
    "complained_rate": "less",
    "ignored_share": "less",
    "discount_share": "more",
    "offer_value": "more",
    "free_shipping_share": "more",
    "price_paid": "less",
    "calibration": "less",
    "benefit_difference": "more",
}
"""the same of means and of ratios of sums"""
PERSONAL: Final = ("exposure_rate", "exposure_dose", "mean_level")
"""what somebody gets who is sent personalised mail"""
SELECTED: Final = ("selection_rate", "true_positive_rate")
"""what somebody gets who is selected"""


def of(measure: str, ask: Ask, decision: str | None = None) -> Direction:
    """Return which way a measure is good: as the settings say of it, else of the decision, else its own."""
    if measure in ask.fairness.directions:
        return ask.fairness.directions[measure]
    if decision in ask.fairness.burdens and measure in SELECTED:
        return "less"
    return RATES.get(measure) or MEANS.get(measure, "more")


def turned(ask: Ask, direction: Direction | None) -> Ask:
    """Return the question with all personalised mail, and every selection, a gain (`more`) or a burden (`less`); None leaves it
    as the settings have it."""
    if direction is None:
        return ask
    given = {**ask.fairness.directions, **dict.fromkeys((*PERSONAL, *SELECTED), direction)}
    return replace(ask, fairness=replace(ask.fairness, directions=given))
