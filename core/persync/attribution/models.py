"""Attribution models: one SQL expression for a touch's raw weight, pure and registered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from persync import hookimpl


@dataclass(frozen=True, slots=True)
class AttributionModel:
    """A rule that weighs the touches of one journey, or a fit that learns how from all of them.

    `weight` is a SQL expression over the journey's columns, written with `j.` before them: `position` (1 = first), `length`,
    `age_days` (double, before the order), `channel`, `word` (its number), `channel_touches` (of that channel in the journey),
    `channels`, `action` (4 click, 9 visit), `campaign_key`, `variant`, and as 0 or 1 `is_direct`, `is_last_non_direct`,
    `is_email`, `channel_first` (the first of its channel), `is_lead`, `is_opportunity` (the touch that takes the milestone),
    `has_lead`, `has_opportunity` (the journey has one), with `lead_position`, `opportunity_position` (0 = none), and
    `is_last_email` (what the e-mail rule credits; needs `email_rule`).

    A weight is never negative; only the ratios within one order matter. Parameters are written `:name` and given in `params`.
    `sums_to` is `order` when credits add up to each order; with `none` every touch of a weight above zero gets the whole
    order, and the model is never part of a total.

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
    failure: str = ""
    """in words, what is wrong with a model of which the reason is `model_failed`"""
    fitted: Any = None
    """what the fit returned (`datadriven.Fitted`)"""
    against: Any = None
    """how far a calibrated model was from the holdout before (`calibrate.Against`)"""


_FIRST = "CASE WHEN j.position = 1 THEN 1 ELSE 0 END"
_LAST = "CASE WHEN j.position = j.length THEN 1 ELSE 0 END"
_LEAD_APART = "CASE WHEN j.lead_position > 1 THEN 1 ELSE 0 END"
_OPPORTUNITY_APART = "CASE WHEN j.opportunity_position > 1 AND j.opportunity_position <> j.lead_position THEN 1 ELSE 0 END"
_LAST_APART = "CASE WHEN j.length > 1 AND j.length <> j.lead_position AND j.length <> j.opportunity_position THEN 1 ELSE 0 END"


DECAY: Final = "POWER(0.5e0, j.age_days / :half_life_days)"
DECAY_SINCE_LATEST: Final = (
    "POWER(0.5e0, GREATEST(j.age_days - MIN(CASE WHEN j.is_touch = 1 THEN j.age_days END)"
    " OVER (PARTITION BY j.order_id), 0e0) / :half_life_days)"
)
"""the same ratios within an order, however many half-lives lie between it and its latest touch"""


def _keyed(keys: str, apart: str, each: str, other: str) -> str:
    """Return a weight in whole numbers, so that 40 % is 40.00 and not 39.99.

    `keys` counts the parts a touch plays, `apart` the key touches beside the first, `each` the weight of a part for every
    touch that plays none, `other` the weight of such a touch.
    """
    return f"CASE WHEN {keys} = 0 THEN {other} ELSE {each} * ({keys}) * GREATEST(j.length - 1 - {apart}, 1) END"


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
    AttributionModel(
        "last_email",
        "All credit to the last mail that was clicked within 30 days or opened by a person within 5; without one, to none."
        " It replays Mailchimp's rule, whatever else counts as a touch.",
        "CASE WHEN j.is_last_email = 1 THEN 1e0 ELSE 0e0 END",
        email_rule=True,
    ),
    AttributionModel("linear", "The same credit to every touchpoint.", "1e0"),
    AttributionModel(
        "linear_distinct",
        "The same credit to every channel, shared equally by its touchpoints.",
        # Nine decimals a touch; a channel's first takes what they lose, so that two channels get 50.00 each and not 49.99.
        "(CASE WHEN j.channel_first = 1 THEN 1e9 - (j.channel_touches - 1) * FLOOR(1e9 / j.channel_touches)"
        " ELSE FLOOR(1e9 / j.channel_touches) END) / 1e9",
    ),
    AttributionModel(
        "time_decay",
        "Credit halves with every half-life (7 days unless set) between touchpoint and order.",
        DECAY,
        params={"half_life_days": 7.0},
    ),
    AttributionModel(
        "u_shaped",
        "40 % to the first touchpoint, 40 % to the one at which they became a lead (the last when that is not known to lie in"
        " the journey), 20 % shared by the others; two share equally.",
        "CASE WHEN j.length <= 2 THEN 1e0 ELSE "
        + _keyed(
            f"({_FIRST} + CASE WHEN j.has_lead = 1 THEN j.is_lead ELSE {_LAST} END)",
            "(CASE WHEN j.lead_position = 1 THEN 0 ELSE 1 END)",
            "2e0",
            "1e0",
        )
        + " END",
    ),
    AttributionModel(
        "w_shaped",
        "90 % shared equally by the first touchpoint, the one at which they became a lead and the one at which the opportunity"
        " opened (30 % each), 10 % by the others; a milestone that is missing leaves its share to the rest of the three.",
        _keyed(
            f"({_FIRST} + j.is_lead + j.is_opportunity)",
            f"({_LEAD_APART} + {_OPPORTUNITY_APART})",
            "9e0",
            "(1e0 + j.has_lead + j.has_opportunity)",
        ),
    ),
    AttributionModel(
        "full_path",
        "90 % shared equally by the first touchpoint, the lead's, the opportunity's and the last (22.5 % each), 10 % by the"
        " others; a milestone that is missing leaves its share to the rest of the four.",
        _keyed(
            f"({_FIRST} + j.is_lead + j.is_opportunity + {_LAST})",
            f"({_LEAD_APART} + {_OPPORTUNITY_APART} + {_LAST_APART})",
            "9e0",
            "(2e0 + j.has_lead + j.has_opportunity)",
        ),
    ),
    AttributionModel(
        "j_shaped",
        "20 % to the first, 60 % to the last touchpoint, 20 % shared by those between; of two the last gets three quarters.",
        "CASE WHEN j.position = j.length THEN 3e0 * GREATEST(j.length - 2, 1)"
        " WHEN j.position = 1 THEN 1e0 * GREATEST(j.length - 2, 1) ELSE 1e0 END",
    ),
    AttributionModel(
        "inverse_j_shaped",
        "60 % to the first, 20 % to the last touchpoint, 20 % shared by those between; of two the first gets three quarters.",
        "CASE WHEN j.position = 1 THEN 3e0 * GREATEST(j.length - 2, 1)"
        " WHEN j.position = j.length THEN 1e0 * GREATEST(j.length - 2, 1) ELSE 1e0 END",
    ),
    AttributionModel(
        "any_click",
        "The whole order to every channel that touched it. Adds to more than 100 %.",
        "CASE WHEN j.channel_first = 1 THEN 1e0 ELSE 0e0 END",
        sums_to="none",
    ),
)
"""The rules that come with persync. Where a journey's milestone is not known, each says who takes its share."""


@hookimpl
def persync_attribution_models() -> Iterator[AttributionModel]:
    """Yield the models that come with persync."""
    yield from MODELS
