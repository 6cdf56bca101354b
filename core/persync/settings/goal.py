"""[goal] of persync.toml, and the frozen baseline that lies beside it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure.metric import Baseline, Goal
from persync.settings.periods import day_start

BASELINE: Final = "persync.baseline.json"
_FIELDS: Final = ("id", "value", "low", "high", "p", "n", "unit", "label", "reason", "by", "note")


class GoalTable(BaseModel):
    """[goal]: what is to be reached and by which metrics it is judged, three at most."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    text: str = Field(min_length=1)
    primary: str
    guard_rails: list[str] = Field(default=[], max_length=2)
    days: float = Field(default=90, gt=0)
    smallest: float | None = Field(default=None, gt=0)
    start: date | None = None


def goal_of(table: GoalTable | None, timezone: str) -> Goal | None:
    """Return the goal of the settings, None where none is stated."""
    if table is None:
        return None
    start = None if table.start is None else day_start(table.start, timezone)
    return Goal(table.text, table.primary, tuple(table.guard_rails), table.days, table.smallest, start)


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline as JSON: numbers and names of metrics, nothing of people."""

    def lines(estimates: tuple[Estimate, ...]) -> list[dict[str, Any]]:
        return [{name: getattr(one, name) for name in _FIELDS} for one in estimates]

    document = {
        "frozen_at": baseline.frozen_at,
        "period": list(baseline.period),
        "data": baseline.data,
        "estimates": lines(baseline.estimates),
        "last_year": lines(baseline.last_year),
    }
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_baseline(path: Path) -> Baseline | None:
    """Return the frozen baseline, None where there is none. Raise ConfigError when the file is not one."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        given = None
    try:
        first, last = (int(at) for at in given["period"])
        made = [
            tuple(Estimate(**{name: one[name] for name in _FIELDS}, period=(first, last)) for one in given[part])
            for part in ("estimates", "last_year")
        ]
        return Baseline(int(given["frozen_at"]), (first, last), str(given["data"]), *made)
    except (TypeError, KeyError, ValueError):
        hint = "Freeze it again with `persync baseline freeze --replace`."
        raise ConfigError("this is not a frozen baseline.", where=str(path), hint=hint) from None
