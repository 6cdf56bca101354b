"""The table [fairness] of persync.toml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from persync.measure.fairness_settings import FairnessSettings
from persync.settings.tables import Strict

_DEFAULT = FairnessSettings()
MEASURES = Literal[
    "exposure_rate",
    "exposure_dose",
    "mean_level",
    "mean_sends",
    "selection_rate",
    "true_positive_rate",
    "false_positive_rate",
    "precision_rate",
    "matched_rate",
    "offered_rate",
    "offer_value",
    "discount_share",
    "free_shipping_share",
    "price_paid",
    "dropped_rate",
    "unsent_rate",
    "unsubscribed_rate",
    "complained_rate",
    "ignored_share",
]
"""what is held between groups and may be good either way"""
SCORES = Literal["engagement", "churn", "value"]


class FairnessTable(Strict):
    """[fairness]: what is a burden to people, and which of persync's own segments and scores are assessed as decisions."""

    directions: dict[MEASURES, Literal["more", "less"]] = Field(default={})
    burdens: list[str] = Field(default=[])
    segments: list[str] = Field(default=[])
    scores: dict[SCORES, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(default={})
    window_days: Annotated[float, Field(gt=0, le=366)] = _DEFAULT.window_days

    def settings(self) -> FairnessSettings:
        """Return what measures need."""
        return FairnessSettings(
            {str(measure): direction for measure, direction in self.directions.items()},
            tuple(self.burdens),
            tuple(self.segments),
            {str(score): threshold for score, threshold in self.scores.items()},
            self.window_days,
        )
