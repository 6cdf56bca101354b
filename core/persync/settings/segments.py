"""The tables [segments.NAME], [lifecycle] and [automations.NAME] of persync.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from persync.errors import ConfigError, nearest
from persync.measure.segment_settings import Automation, SegmentRule, SegmentSettings
from persync.settings.tables import Strict

_DEFAULT = SegmentSettings()
Stage = Literal["subscriber", "new", "active", "loyal", "at risk", "inactive", "churned"]
Rfm = Literal["champions", "loyal", "recent", "slipping", "lost"]
Days = Annotated[float, Field(gt=0, le=36_500)]
Count = Annotated[int, Field(ge=0)]
AUTOMATIONS = Literal[
    "welcome_series",
    "abandoned_cart",
    "birthday",
    "post_purchase",
    "onboarding",
    "reengagement",
    "lead_follow_up",
]


class SegmentTable(Strict):
    """[segments.NAME]: who belongs to it; everything that is given must hold."""

    kind: Literal["demographic", "location", "behavioural", "psychographic", "life-cycle", "micro"] = "behavioural"
    attributes: dict[str, list[str]] = Field(default={})
    stages: list[Stage] = Field(default=[])
    rfm: list[Rfm] = Field(default=[])
    bought: list[str] = Field(default=[])
    lists: list[str] = Field(default=[])
    all_of: list[str] = Field(default=[])
    min_orders: Count | None = None
    max_orders: Count | None = None
    min_revenue: float | None = None
    max_revenue: float | None = None
    ordered_within_days: Days | None = None
    not_ordered_for_days: Days | None = None
    min_opens: Count | None = None
    min_clicks: Count | None = None
    min_visits: Count | None = None
    days: Days = 90

    @model_validator(mode="after")
    def _says_something(self) -> SegmentTable:
        if not self.model_dump(exclude={"kind", "days"}, exclude_defaults=True):
            raise ValueError("no rule is given: everybody would belong to it")
        return self

    def rule(self) -> SegmentRule:
        """Return what measures need."""
        given = self.model_dump()
        for name in ("stages", "rfm", "bought", "lists", "all_of"):
            given[name] = tuple(given[name])
        given["attributes"] = {name: tuple(values) for name, values in self.attributes.items()}
        return SegmentRule(**given)


class LifecycleTable(Strict):
    """[lifecycle]: where one stage of a customer ends and the next begins."""

    new_days: Days = _DEFAULT.new_days
    loyal_orders: int = Field(default=_DEFAULT.loyal_orders, ge=2)
    at_risk_days: Days = _DEFAULT.at_risk_days
    inactive_days: Days = _DEFAULT.inactive_days
    churned_days: Days = _DEFAULT.churned_days

    @model_validator(mode="after")
    def _in_order(self) -> LifecycleTable:
        if not self.new_days <= self.at_risk_days < self.inactive_days < self.churned_days:
            raise ValueError("new_days <= at_risk_days < inactive_days < churned_days must hold")
        return self


class AutomationTable(Strict):
    """[automations.NAME]: what kind of automation the messages named in `match` (or NAME) are, and its holdout."""

    kind: AUTOMATIONS
    match: list[str] = Field(default=[])
    experiment: str | None = None
    goal_days: Days = 30


def segment_settings(
    segments: Mapping[str, SegmentTable], lifecycle: LifecycleTable, automations: Mapping[str, AutomationTable]
) -> SegmentSettings:
    """Return what measures need. Raise ConfigError for a crossing of rules that there are not, or of crossings."""
    for name, table in segments.items():
        for other in table.all_of:
            if other not in segments:
                text = f"[segments.{name}] all_of: there is no segment '{other}'."
                raise ConfigError(text, hint=nearest(other, list(segments)))
            if segments[other].all_of:
                text = f"[segments.{name}] all_of: '{other}' is a crossing itself."
                raise ConfigError(text, hint="Name the rules that it is made of.")
    return SegmentSettings(
        rules={name: table.rule() for name, table in segments.items()},
        automations={
            name: Automation(table.kind, tuple(table.match) or (name,), table.experiment, table.goal_days)
            for name, table in automations.items()
        },
        **lifecycle.model_dump(),
    )
