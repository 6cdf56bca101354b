"""Attribution models: one SQL expression for a touch's raw weight, pure and registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from persync import hookimpl


@dataclass(frozen=True, slots=True)
class AttributionModel:
    """A rule that weighs the touches of one journey.

    `weight` is a SQL expression over the journey's columns: `position` (1 = first), `length`, `age_days` (double, before
    the order), `is_direct` (0/1), `is_last_non_direct` (0/1), `is_email` (0/1), `channel`. Never negative. Parameters are
    written `:name` and given in `params`. `sums_to` is `order` when credits add up to each order, `none` otherwise.
    """

    name: str
    summary: str
    weight: str
    params: Mapping[str, float] = field(default_factory=dict)
    sums_to: Literal["order", "none"] = "order"


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
        "CASE WHEN j.length <= 2 THEN 1e0 WHEN j.position = 1 OR j.position = j.length THEN 0.4e0"
        " ELSE 0.2e0 / (j.length - 2) END",
    ),
)


@hookimpl
def persync_attribution_models() -> Iterator[AttributionModel]:
    """Yield the models that come with persync."""
    yield from MODELS
