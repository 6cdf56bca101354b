"""[jobs.NAME]: what a job pulls, checks, writes and tells."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, model_validator

from persync.settings.forms import EXPORT, REPORT, format_of
from persync.settings.tables import MOST_DAYS, Strict

TIME: Final = r"^([01]\d|2[0-3]):[0-5]\d$"
NUMBERS: Final = ("revenue_per_recipient", "conversion_rate", "unsubscribe_rate")
"""what a message tells where the job names nothing else"""

On = Literal["change", "threshold", "failure", "always"]


class Dated(Strict):
    """What looks at a period: `period`, or the last so many whole `days`; without either all that there is."""

    period: str | None = None
    days: int | None = Field(default=None, ge=1, lt=MOST_DAYS)

    @model_validator(mode="after")
    def _one_of_both(self) -> Dated:
        if self.period is not None and self.days is not None:
            raise ValueError("give period or days, not both")
        return self


class JobReport(Dated):
    """One report that a job writes; `out` is relative to the project's folder. Without `sections` it has all of its profile."""

    out: str
    format: Literal["html", "text", "json", "md", "csv", "xlsx", "pdf"] | None = None
    profile: Literal["starter", "full", "audit"] = "full"
    sections: list[str] = Field(default=[])
    basis: Literal["net", "gross"] | None = None
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")

    def form(self) -> str:
        """Return the format that is given, else that of the name. Raises ConfigError where there is none, or two."""
        return format_of(self.out, self.format, REPORT)


class JobExport(Dated):
    """One metric, table or view that a job writes into a file; `out` is relative to the project's folder.

    Of a table or view `period` or `days` take the rows of that time; people and ids are as in every export.
    """

    metric: str | None = None
    table: str | None = None
    out: str
    format: Literal["csv", "json", "jsonl", "xlsx", "parquet"] | None = None
    by: list[str] = Field(default=[])

    @model_validator(mode="after")
    def _one_thing(self) -> JobExport:
        if (self.metric is None) == (self.table is None):
            raise ValueError("give either a metric or a table")
        if self.table is not None and self.by:
            raise ValueError("by splits metrics; a table has its rows")
        return self

    def form(self) -> str:
        """Return the format that is given, else that of the name. Raises ConfigError where there is none, or two."""
        return format_of(self.out, self.format, EXPORT)


class JobCheck(Dated):
    """One check of a job: every slice of a metric must lie between `min` and `max`.

    `fail_on`: the value itself lies outside; or it is `sure`, the whole interval lies outside; or it is `possible`, some of the
    interval does. What has no interval goes by its value. `unknown` says what becomes of a value that is not known.
    """

    metric: str
    min: float | None = None
    max: float | None = None
    by: list[str] = Field(default=[])
    fail_on: Literal["value", "sure", "possible"] = "value"
    unknown: Literal["fail", "pass"] = "fail"


class JobNotice(Strict):
    """Who is told, of [notify.NAME], and when; `attach` sends the reports along where the way can."""

    to: str
    on: list[On] = Field(default=["change", "threshold", "failure"], min_length=1)
    attach: bool = False


class JobTable(Strict):
    """[jobs.NAME]: `at` is the time it is scheduled for, in the report's time zone. `pull` of [] reads nothing.

    `lookback_days` are read again at every pull, `wait` is how many seconds to wait for another run, `ping` the variable that
    holds the address of a dead-man switch, `link` where the report can be read, `numbers` the metrics that a message tells,
    over the last `days`.
    """

    pull: Literal["all"] | list[str] = "all"
    lookback_days: int = Field(default=0, ge=0, lt=MOST_DAYS)
    wait: float = Field(default=600, ge=0, le=86_400)
    report: list[JobReport] = Field(default=[])
    export: list[JobExport] = Field(default=[])
    checks: list[JobCheck] = Field(default=[])
    notify: list[JobNotice] = Field(default=[])
    numbers: list[str] = Field(default=list(NUMBERS), max_length=3)
    days: int = Field(default=30, ge=1, lt=MOST_DAYS)
    link: str | None = Field(default=None, pattern=r"^https?://[^\s<>\"']+$", max_length=2000)
    ping: str | None = Field(default=None, pattern=r"^[A-Z_][A-Z0-9_]*$")
    at: str = Field(default="03:30", pattern=TIME)

    def key(self) -> dict[str, Any]:
        """Return all of it as plain values: what a run of it depends on."""
        return self.model_dump(mode="json")
