"""The report's charts in a notebook: the same specs, their variables turned into the colours of the report's style sheet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

from persync.estimate import Estimate
from persync.report import charts
from persync.report.safe import deep, plain

WIDTH: Final = 560
PADDING: Final = 16
"""pixels around it: a notebook's font may be wider than the one that its labels were measured with"""
_VARIABLE: Final = re.compile(r"var\((--[a-z0-9-]+)\)")
_HUNDREDS: Final = {"share": "%", "points": "percentage points"}


def chart(title: str, estimates: Sequence[Estimate]) -> Any:
    """Return an altair chart of estimates. Left out are those without a value, and those of another unit than the first."""
    import altair as alt

    known = [estimate for estimate in estimates if estimate.value is not None]
    unit = known[0].unit
    known = [estimate for estimate in known if estimate.unit == unit]
    factor = 100 if unit in _HUNDREDS else 1
    axis = _HUNDREDS.get(unit, unit)
    # What all have in common tells none from the others.
    telling = [name for name in known[0].by if len({one.by.get(name) for one in known}) > 1]
    rows = [
        {
            "name": plain(" / ".join(one.by.get(name, "") for name in telling)) or one.id,
            "value": one.value * factor,
            **_ends(one, factor),
        }
        for one in known
        if one.value is not None
    ]
    has_ends = any("low" in row for row in rows)
    if has_ends:
        spec = charts.intervals([{"low": row["value"], "high": row["value"], **row} for row in rows], unit=axis)
    else:
        spec = charts.bars(rows, amount="value", of="name", unit=axis)
    config = {**charts.CONFIG, "background": "var(--paper)", "font": "sans-serif", "padding": PADDING}
    told = [f"by {', '.join(telling)}"] if telling else []
    told += ["with 95 % intervals"] if has_ends else []
    named = {"text": plain(title), "subtitle": plain(", ".join(told)), "anchor": "start", "offset": 12}
    whole = {**deep(spec), "width": WIDTH, "title": named, "config": config}
    return alt.Chart.from_dict(_coloured(whole))


def _ends(estimate: Estimate, factor: int) -> dict[str, float]:
    if estimate.low is None or estimate.high is None:
        return {}
    return {"low": estimate.low * factor, "high": estimate.high * factor}


def _coloured(value: Any) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _colours()[found[1]], value)
    if isinstance(value, Mapping):
        return {name: _coloured(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_coloured(inner) for inner in value]
    return value


@cache
def _colours() -> Mapping[str, str]:
    """Return the light colours of the report by variable: the first block of its style sheet."""
    sheet = resources.files("persync.report").joinpath("templates", "report.css").read_text("utf-8")
    return dict(re.findall(r"(--[a-z0-9-]+):\s*(#[0-9a-f]{6})", sheet.partition("}")[0]))
