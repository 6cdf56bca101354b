"""The table [costs] of persync.toml: what costs and returns are worked out with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from persync.measure.cost_settings import CALENDAR_MONTH, CostSettings, Proxy
from persync.settings.tables import Strict

_DEFAULT = CostSettings()


class ProxyTable(Strict):
    """[costs.proxies.NAME]: an intangible with a price of the user's own."""

    kind: Literal["loyalty", "brand", "efficiency"]
    each: float
    source: str = Field(min_length=1)
    quantity: float | None = None
    metric: str = ""
    on: bool = False

    @model_validator(mode="after")
    def _one_quantity(self) -> ProxyTable:
        if (self.quantity is None) == (not self.metric):
            raise ValueError("a proxy needs either a quantity or a metric to read it from")
        return self


class CostsTable(Strict):
    """[costs]"""

    month: Literal["52/12 weeks", "4 weeks"] = "52/12 weeks"
    realised_share: float = Field(default=_DEFAULT.realised_share, ge=0, le=1)
    hourly_rate: float | None = Field(default=None, ge=0)
    discount_codes: list[str] = Field(default=[])
    subscriber_value: float | None = Field(default=None, ge=0)
    handling_cost: float | None = Field(default=None, ge=0)
    discount: float = Field(default=_DEFAULT.discount, ge=0, le=1)
    horizon_months: int = Field(default=_DEFAULT.horizon_months, ge=1, le=120)
    ads_days: int = Field(default=_DEFAULT.ads_days, ge=1, le=3650)
    value_event: str = Field(default=_DEFAULT.value_event, min_length=1)
    activation_days: int = Field(default=_DEFAULT.activation_days, ge=1, le=3650)
    loyalty: str = ""
    loyalty_out: list[str] = Field(default=[*_DEFAULT.loyalty_out])
    scores: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")], float] = Field(default={})
    proxies: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")], ProxyTable] = Field(default={})

    def settings(self) -> CostSettings:
        """Return what measures need."""
        given = self.model_dump(exclude={"month", "discount_codes", "loyalty_out", "proxies"})
        return CostSettings(
            **given,
            weeks_a_month=4.0 if self.month == "4 weeks" else CALENDAR_MONTH,
            discount_codes=tuple(self.discount_codes),
            loyalty_out=tuple(self.loyalty_out),
            proxies={name: Proxy(**table.model_dump()) for name, table in self.proxies.items()},
        )
