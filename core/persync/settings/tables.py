"""The tables of persync.toml, typed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from persync.measure.metric import SUPPRESS_N


class Strict(BaseModel):
    """A table in which nothing is misspelt: other keys are refused, and a text is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StoreTable(Strict):
    """[store]"""

    path: str = "persync.db"


MOST_DAYS: Final = 100_000


class ReportTable(Strict):
    """[report]: how numbers are meant wherever they are shown. `margin` is a share of net revenue; `rates` is what one unit
    of a currency is worth in euros, {currency: euros}, for days on which the European Central Bank has no rate of it."""

    name: str | None = None
    margin: float | None = Field(default=None, gt=0, le=1)
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    rates: dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Annotated[float, Field(ge=1e-6, le=1e6)]] = {}
    timezone: str | None = None
    basis: Literal["net", "gross"] = "net"
    lookback_days: float = Field(default=30, gt=0, lt=MOST_DAYS)
    suppress_n: int = Field(default=SUPPRESS_N, ge=1)
    show_small_groups: bool = False
    report_n: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _showing_small_groups_is_said(self) -> ReportTable:
        if self.suppress_n < SUPPRESS_N and not self.show_small_groups:
            raise ValueError(
                f"suppress_n = {self.suppress_n} shows groups in which people may be recognised; say show_small_groups = true"
                f" beside it if that is meant, or hide fewer than {SUPPRESS_N}"
            )
        if self.show_small_groups and self.suppress_n >= SUPPRESS_N:
            raise ValueError(f"show_small_groups goes with a suppress_n below {SUPPRESS_N}, and hides nobody alone")
        return self


class WeightsTable(Strict):
    """[attribution.weights.NAME]: a model of one's own, by position, by channel or by an expression."""

    first: list[float] = Field(default=[], max_length=20)
    last: list[float] = Field(default=[], max_length=20)
    rest: float | None = None
    channels: dict[str, float] = {}
    other: float | None = None
    expression: str | None = None
    summary: str = ""


class WindowsTable(Strict):
    """[attribution.windows]: how many days before an order a touch of the kind counts; default: report.lookback_days."""

    click: float | None = Field(default=None, gt=0, lt=MOST_DAYS)
    visit: float | None = Field(default=None, gt=0, lt=MOST_DAYS)
    direct: float | None = Field(default=None, gt=0, lt=MOST_DAYS)
    open: float | None = Field(default=None, gt=0, lt=MOST_DAYS)
    send: float | None = Field(default=None, gt=0, lt=MOST_DAYS)

    @property
    def days(self) -> dict[str, float]:
        """{kind: days} of those that have a number."""
        return {kind: days for kind, days in self.model_dump().items() if days is not None}


class AttributionTable(Strict):
    """[attribution]: what credit is given on. What it leaves out is as in [report]."""

    basis: Literal["net", "gross", "margin"] | None = None
    reporting: Literal["cash", "accrual"] = "cash"
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    min_conversions: int = Field(default=300, ge=1)
    markov_order: int | None = Field(default=None, ge=1, le=3)
    kinds: list[Literal["click", "visit", "direct", "open", "send"]] = Field(default=["click", "visit", "direct"], min_length=1)
    path: Literal["window", "since_last_order"] = "window"
    half_life_days: float | None = Field(default=None, gt=0, lt=MOST_DAYS)
    windows: WindowsTable = WindowsTable()
    weights: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")], WeightsTable] = {}


class RetentionTable(Strict):
    """[privacy.retention]: for how many months each kind of row is kept; without a number for good.

    `people` counts from somebody's last activity, which the other kinds tell of: none of them may be kept for less.
    """

    touchpoints: int | None = Field(default=None, ge=1)
    carts: int | None = Field(default=None, ge=1)
    tickets: int | None = Field(default=None, ge=1)
    feedback: int | None = Field(default=None, ge=1)
    consent_changes: int | None = Field(default=None, ge=1)
    stages: int | None = Field(default=None, ge=1)
    sessions: int | None = Field(default=None, ge=1)
    rejects: int | None = Field(default=None, ge=1)
    people: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _people_are_judged_by_what_is_there(self) -> RetentionTable:
        for kind, months in self.periods.items():
            if self.people is not None and kind != "rejects" and months < self.people:
                raise ValueError(
                    f"people ({self.people}) go by their last activity, and {kind} ({months}) tells of it:"
                    f" keep {kind} at least as long"
                )
        return self

    @property
    def periods(self) -> dict[str, int]:
        """{kind: months} of those that have a number."""
        return {kind: months for kind, months in self.model_dump().items() if months is not None}


class AnswerTable(Strict):
    """[privacy.answers.ITEM]: what the user answers to an item of the audit, who looks after it, and since when."""

    answer: bool
    owner: str = ""
    on: date | None = None
    note: str = ""


class PrivacyTable(Strict):
    """[privacy]: how long rows are kept, what aggregates with noise may cost, and the audit's regimes and answers.

    `epsilon_budget` is all the noise budget there is; `clip_events` and `clip_minor` ({currency: minor units}) are how much one
    person counts at most where noise is added.
    """

    retention: RetentionTable = RetentionTable()
    epsilon_budget: float | None = Field(default=None, gt=0, le=1000, allow_inf_nan=False)
    clip_events: int = Field(default=20, ge=1, le=1_000_000)
    clip_minor: dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Annotated[int, Field(gt=0, le=10**15)]] = {}
    regimes: list[str] = []
    answers: dict[str, bool | AnswerTable] = {}


class ShopsTable(Strict):
    """[shops]: `aliases` maps other names of a shop to its own domain."""

    aliases: dict[str, str] = {}


class ExperimentTable(Strict):
    """[experiments.NAME]"""

    tags: dict[str, str] = {}
    control: str | None = None
    since: date | datetime | int | str | None = Field(default=None, alias="from")
    days: float | None = Field(default=None, gt=0)
    holdout: bool = False
    planned_shares: dict[str, Annotated[float, Field(gt=0, le=1)]] = {}
    hypothesis: str = ""
    primary: str = "revenue"
    guard_rails: list[str] = []
    kind: str = Field(default="", pattern=r"^[a-z_]{0,40}$")
    decision: str = ""
    min_days: float = Field(default=7, ge=0)
    smallest: float | None = Field(default=None, gt=0)
    salt: str | None = Field(default=None, min_length=8)
