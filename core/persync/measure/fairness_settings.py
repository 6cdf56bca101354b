"""What the settings say about fairness: what is a burden, and which segments and scores are assessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["more", "less"]
"""whether more or less of a measure is better for the people"""


@dataclass(frozen=True, slots=True)
class FairnessSettings:
    """The table [fairness] of the settings, as measures need it."""

    directions: Mapping[str, Direction] = field(default_factory=dict)
    """{measure held between groups: whether more or less of it is better}, where it differs from the measure's own"""
    burdens: tuple[str, ...] = ()
    """decisions, segments and scores that it is a burden to be selected by"""
    segments: tuple[str, ...] = ()
    """persync's segments that the report assesses as decisions"""
    scores: Mapping[str, float] = field(default_factory=dict)
    """{persync's score that the report assesses as a decision: from which value on somebody is selected}"""
    window_days: float = 30
    """so long after somebody was in a segment, or had a score, their orders are what turned out"""
