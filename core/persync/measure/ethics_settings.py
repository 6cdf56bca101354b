"""What the settings say about consent, trust and what they are worth; the defaults are those in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EthicsSettings:
    """The table [ethics] of the settings, as measures need it. Amounts are major units of the reporting currency."""

    opt_out_channels: tuple[str, ...] = ("personalisation", "personalization")
    """the channels of consent whose end means: write to me, but the same as to everybody"""
    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """{kind of survey: (lowest, highest answer)}; 1 to 5 where nothing is said"""
    prices: Mapping[str, float] = field(default_factory=dict)
    """{part: what one of them costs}; parts that have no price are told without money"""
    fines: Mapping[str, float] = field(default_factory=dict)
    """{scenario: the fine that the user entered for it}"""
