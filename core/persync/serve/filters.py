"""What a page is asked for: the period, model, segment and arm of its address, checked and written back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from persync.errors import ConfigError, nearest
from persync.settings.periods import parse_period

if TYPE_CHECKING:
    from persync.attribution.models import AttributionModel
    from persync.measure.metric import Ask
    from persync.settings import Project

NAMES: Final = ("period", "model", "segment", "arm")
LONGEST: Final = 200
"""characters that a filter has at most: names of segments and arms are short"""


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a page; "" means that there is none. `arm` is EXPERIMENT:ARM, `period` is A..B as on the command line."""

    period: str = ""
    model: str = ""
    segment: str = ""
    arm: str = ""

    @property
    def experiment(self) -> tuple[str, str] | None:
        """The experiment and its arm; an arm's own name may hold a colon, an experiment's may not."""
        name, colon, arm = self.arm.partition(":")
        return (name, arm) if colon else None

    @property
    def scope(self) -> Filters:
        """What decides who is looked at: of a segment also the period, as of whose first day it is taken."""
        return Filters(period=self.period if self.segment else "", segment=self.segment, arm=self.arm)

    def query(self, **more: str) -> str:
        """Return the filters that are set, and more, as the query of an address, with its `?`; "" when there is nothing."""
        given = {name: getattr(self, name) for name in NAMES} | more
        text = urlencode({name: value for name, value in given.items() if value})
        return f"?{text}" if text else ""

    def without(self, name: str) -> Filters:
        """Return these filters less one."""
        return replace(self, **{name: ""})


def filters_from(query: Mapping[str, str], timezone: str, today: Callable[[], date]) -> Filters:
    """Return the filters of an address. `from` and `to`, the days of the form, stand for a period where there is none; one
    without a last day ends with `today`.

    Raise ConfigError for a period that is none, a last day without a first, an arm without its experiment, and a segment
    without a period.
    """
    given = {name: query.get(name, "").strip() for name in (*NAMES, "from", "to")}
    for name, value in given.items():
        if len(value) > LONGEST:
            raise ConfigError(f"the filter '{name}' is longer than {LONGEST} characters.")
    period = given["period"] or _of_days(given["from"], given["to"], today)
    if period:
        parse_period(period, timezone)
    found = Filters(period, given["model"], given["segment"], given["arm"])
    if found.arm and found.experiment is None:
        raise ConfigError(
            f"the arm '{found.arm}' names no experiment.", hint="Choose one of the list of arms, which stand as EXPERIMENT:ARM."
        )
    if found.segment and not found.period:
        raise ConfigError(
            "a segment needs a period.", hint="Choose the days first: who is in a segment is taken as of the first of them."
        )
    return found


def _of_days(first: str, last: str, today: Callable[[], date]) -> str:
    """Return the period of the form's two days."""
    if last and not first:
        raise ConfigError(f"the days until {last} have no first day.", hint="Choose the day it begins with in From.")
    if first and not last:
        last = max(first, today().isoformat())
    return first if first == last else f"{first}..{last}"


def days_of(ask: Ask) -> tuple[str, str]:
    """Return the first and last day of the asked period as a form has them; empty where all is asked."""
    if ask.period is None:
        return "", ""
    from datetime import datetime

    from persync.settings.periods import zone

    first, last = (datetime.fromtimestamp(at / 1000, zone(ask.timezone)).date() for at in (ask.period[0], ask.period[1] - 1))
    return first.isoformat(), last.isoformat()


def presets(today: date) -> list[tuple[str, str]]:
    """Return the periods that are one click away: (name, A..B), whole months and years that are over or have begun."""
    month, year = today.replace(day=1), today.year
    before = date(year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
    quarter = (today.month - 1) // 3
    ended = (year, quarter) if quarter else (year - 1, 4)
    months = [f"{ended[0]}-{number:02}" for number in (ended[1] * 3 - 2, ended[1] * 3)]
    return [
        ("last month", f"{before:%Y-%m}"),
        ("last quarter", "..".join(months)),
        ("this year", str(year)),
        ("last year", str(year - 1)),
    ]


def asked(project: Project, filters: Filters, now: int, **more: Any) -> Ask:
    """Return the question of a page: the settings' own, in its period."""
    return project.ask(now, filters.period or None, **more)


def chosen_models(models: Mapping[str, AttributionModel], filters: Filters) -> tuple[AttributionModel, ...]:
    """Return the models a page credits with: all, or the one chosen. Raise ConfigError with the nearest for an unknown one."""
    if not filters.model:
        return tuple(models.values())
    if filters.model not in models:
        raise ConfigError(f"there is no model '{filters.model}'.", hint=nearest(filters.model, list(models)))
    return (models[filters.model],)
