"""The table [value] of persync.toml: what customers' value is worked out with."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from persync.measure.value_settings import ValueSettings
from persync.settings.periods import day_start
from persync.settings.tables import Strict

_DEFAULT = ValueSettings()


class ValueTable(Strict):
    """[value]"""

    window_days: int | None = Field(default=None, ge=1, le=3650)
    repeat_days: int = Field(default=_DEFAULT.repeat_days, ge=1, le=3650)
    lifespan_cap_years: float = Field(default=_DEFAULT.lifespan_cap_years, gt=0, le=100)
    discount: float = Field(default=_DEFAULT.discount, ge=0, le=1)
    horizon_months: int = Field(default=_DEFAULT.horizon_months, ge=1, le=60)
    model: Literal["bg_nbd", "pareto_nbd"] = _DEFAULT.model
    min_repeat_buyers: int = Field(default=_DEFAULT.min_repeat_buyers, ge=50)
    dormant_days: int = Field(default=_DEFAULT.dormant_days, ge=1, le=3650)
    winback_days: int = Field(default=_DEFAULT.winback_days, ge=1, le=365)
    winback: list[str] = Field(default=[])
    started: date | None = None

    def settings(self, timezone: str) -> ValueSettings:
        """Return what measures need; the day `started` begins in the report's time zone."""
        given = self.model_dump(exclude={"winback", "started"})
        started = None if self.started is None else day_start(self.started, timezone)
        return ValueSettings(**given, winback=tuple(self.winback), started=started)
