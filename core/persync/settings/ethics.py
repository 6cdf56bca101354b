"""The table [ethics] of persync.toml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from persync.measure.ethics_settings import EthicsSettings
from persync.settings.tables import Strict

_DEFAULT = EthicsSettings()
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PARTS = Literal["complaint", "unsubscribe", "violation", "undefended", "data_point", "right_choice", "choice"]


class EthicsTable(Strict):
    """[ethics]: who opted out of what, the scales of surveys on trust, and what the user says things are worth."""

    opt_out_channels: list[str] = Field(default=list(_DEFAULT.opt_out_channels))
    scales: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_ -]*$")], list[float]] = Field(default={})
    prices: dict[PARTS, Price] = Field(default={})
    fines: dict[str, Price] = Field(default={})

    @model_validator(mode="after")
    def _scales_have_two_ends(self) -> EthicsTable:
        for kind, ends in self.scales.items():
            if len(ends) != 2 or not ends[0] < ends[1]:
                raise ValueError(f"scales.{kind} must be two numbers, the lowest answer and the highest")
        return self

    def settings(self) -> EthicsSettings:
        """Return what measures need."""
        return EthicsSettings(
            tuple(self.opt_out_channels),
            {kind: (ends[0], ends[1]) for kind, ends in self.scales.items()},
            {str(part): price for part, price in self.prices.items()},
            dict(self.fines),
        )
