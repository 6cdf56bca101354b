"""The tables of persync.toml, typed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StoreTable(_Table):
    """[store]"""

    path: str = "persync.db"


class ReportTable(_Table):
    """[report]: how numbers are meant wherever they are shown. `margin` is a share of net revenue."""

    name: str | None = None
    margin: float | None = Field(default=None, gt=0, le=1)
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    timezone: str | None = None
    basis: Literal["net", "gross"] = "net"
    lookback_days: float = Field(default=30, gt=0)
    suppress_n: int = Field(default=5, ge=1)
    report_n: int = Field(default=30, ge=1)


class ShopsTable(_Table):
    """[shops]: `aliases` maps other names of a shop to its own domain."""

    aliases: dict[str, str] = {}


class ExperimentTable(_Table):
    """[experiments.NAME]"""

    tags: dict[str, str] = {}
    control: str | None = None
    since: date | datetime | int | str | None = Field(default=None, alias="from")
    days: float | None = Field(default=None, gt=0)
    holdout: bool = False
    planned_shares: dict[str, float] = {}


class JobReport(_Table):
    """One report that a job writes; `out` is relative to the project's folder."""

    out: str
    format: Literal["html", "text", "json", "md", "csv", "xlsx"] = "html"
    period: str | None = None


class JobCheck(_Table):
    """One check of a job: every slice of a metric must lie between `min` and `max`."""

    metric: str
    min: float | None = None
    max: float | None = None
    by: list[str] = []
    period: str | None = None


class JobTable(_Table):
    """[jobs.NAME]: `at` is the local time it is scheduled for."""

    pull: Literal["all"] | list[str] = "all"
    report: list[JobReport] = []
    checks: list[JobCheck] = []
    at: str = Field(default="03:30", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
