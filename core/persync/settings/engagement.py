"""[engagement] of persync.toml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Weight = Annotated[float, Field(ge=0)]


class EngagementTable(BaseModel):
    """[engagement]: what the engagement score weighs. A kind that `weights` leaves out weighs nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    half_life_days: float = Field(default=30, gt=0)
    weights: dict[Literal["open", "click", "visit", "order"], Weight] = Field(
        default={"open": 1.0, "click": 3.0, "visit": 2.0, "order": 4.0}, min_length=1
    )
