"""Attribution models: one SQL expression for a touch's raw weight, pure and registered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from persync import hookimpl


@dataclass(frozen=True, slots=True)
class AttributionModel:
    """A rule that weighs the touches of one journey, or a fit that learns how from all of them.

    `weight` is a SQL expression over the journey's columns, written with `j.` before them: `position` (1 = first), `length`,
    `age_days` (double, before the order), `channel`, `word` (its number), `channel_touches` (of that channel in the journey),
    `channels`, `action` (4 click, 9 visit), `campaign_key`, `variant`, and as 0 or 1 `is_direct`, `is_last_non_direct`,
    `is_email`, `channel_first` (the first of its channel), `is_lead`, `is_opportunity` (the touch that takes the milestone),
    `has_lead`, `has_opportunity` (the journey has one). Never negative; only the ratios within one order matter. Parameters
    are written `:name` and given in `params`. `sums_to` is `order` when credits add up to each order; with `none` every touch
    of a weight above zero gets the whole order, and the model is never part of a total.

    A fitted model leaves `weight` empty: `fit` is handed what the model `needs` and returns strengths of channels, from which
    its weights are made. With `email_rule` the model sees the rows of `is_touch` 0 too, which serve the e-mail rule alone;
    every other model weighs touches only.
    """

    name: str
    summary: str
    weight: str = ""
    params: Mapping[str, float] = field(default_factory=dict)
    sums_to: Literal["order", "none"] = "order"
    needs: Literal["", "transitions", "channel_sets", "touch_ages"] = ""
    fit: Callable[[Any], Any] | None = None
    email_rule: bool = False
    baseline: Mapping[int, float] = field(default_factory=dict)
    """share of the weight of a touch of a channel (its word) that goes not to the touch but to the order's `baseline` row"""
    is_calibrated: bool = False
    """asked for with what a holdout says; `baseline` is filled in from that"""
    reason: str = ""
    """why a fitted or calibrated model cannot be used on this question; it then has no part in the ledger"""
    fitted: Any = None
    """what the fit returned (`datadriven.Fitted`)"""


MODELS: tuple[AttributionModel, ...] = (
    AttributionModel("first_touch", "All credit to the first touchpoint.", "CASE WHEN j.position = 1 THEN 1e0 ELSE 0e0 END"),
    AttributionModel(
        "last_touch", "All credit to the last touchpoint.", "CASE WHEN j.position = j.length THEN 1e0 ELSE 0e0 END"
    ),
    AttributionModel(
        "last_non_direct",
        "All credit to the last touchpoint that was not a direct visit; to the last one if all were direct.",
        "CASE WHEN j.is_last_non_direct = 1 THEN 1e0 ELSE 0e0 END",
    ),
    AttributionModel("linear", "The same credit to every touchpoint.", "1e0"),
    AttributionModel(
        "time_decay",
        "Credit halves with every half-life (7 days) between touchpoint and order.",
        "POWER(0.5e0, j.age_days / :half_life_days)",
        params={"half_life_days": 7.0},
    ),
    AttributionModel(
        "u_shaped",
        "40 % to the first, 40 % to the last touchpoint, 20 % shared by those between; two share equally.",
        # 0.4, 0.2 / (length - 2) and 0.4 times 5 * (length - 2): whole numbers, so that 40 % is 40.00 and not 39.99.
        "CASE WHEN j.length <= 2 THEN 1e0 WHEN j.position = 1 OR j.position = j.length THEN 2e0 * (j.length - 2) ELSE 1e0 END",
    ),
)


@hookimpl
def persync_attribution_models() -> Iterator[AttributionModel]:
    """Yield the models that come with persync."""
    yield from MODELS
