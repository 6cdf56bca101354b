"""Vega-Lite specs of what has an order: shares out of a hundred, answers to a dose, months and those to come."""

from __future__ import annotations

from typing import Final

from persync.report.charts import parts
from persync.report.charts.look import INK, MUTED, NEUTRAL
from persync.report.charts.parts import SHORT, Rows, Spec, layer, whole

_SIDE: Final[Spec] = {"domain": False, "tickCount": 5, **SHORT}
_LEGEND: Final[Spec] = {"symbolType": "stroke", "symbolStrokeWidth": 2}


def levels(rows: Rows, *, unit: str, most: float = 100.0) -> Spec:
    """Return the spec of bars from 0 towards `most`: rows of `name`, `value` and, where known, `low` and `high`."""
    order = [str(row["name"]) for row in rows]
    scale = {"domain": [0, most], "nice": False}
    # Each name stands above its bar: beside it a long one would be cut where the page is narrow.
    y = {**parts.names("name", order), "axis": None}
    bar = {"x": parts.amount("value", unit, scale=scale), "y": y}
    known = [row for row in rows if row.get("low") is not None and row.get("high") is not None]
    ends = {"x": parts.amount("low", unit, scale=scale), "x2": {"field": "high"}, "y": y}
    below: Spec = {"height": {"band": 0.34}, "yOffset": 8}
    names = {"x": {"value": 0}, "y": y, "text": parts.text("name")}
    return whole(
        [
            layer([{"name": name, "value": most} for name in order], "bar", bar, color=NEUTRAL, opacity=0.15, **below),
            layer(rows, "bar", bar, **below),
            layer(known, "rule", ends, strokeWidth=2, color=INK, yOffset=8),
            layer([{"name": name} for name in order], "text", names, align="left", dy=-9),
        ],
        height=44 * len(order) + 20,
    )


def response(rows: Rows, *, across: str, unit: str, named: str, marginal: str) -> Spec:
    """Return the spec of answers to a dose: rows of `name` (the dose, from low to high), `value`, `low`, `high`, and `more`,
    what the dose has over the one before it (None for the first), on a line of its own that is called `marginal`."""
    order = [str(row["name"]) for row in rows]
    lines = [named, marginal]
    color = parts.colours("line", lines, ["var(--c1)", "var(--c2)"], sort=lines, legend=_LEGEND)
    x = {"field": "name", "type": "ordinal", "sort": order, "title": across, "axis": {"labelAngle": 0}}

    def y(field: str) -> Spec:
        return parts.amount(field, unit, axis=_SIDE, scale={"zero": True, "nice": True})

    answers = [{**row, "line": named} for row in rows]
    steps = [{**row, "line": marginal} for row in rows if row["more"] is not None]
    return whole(
        [
            layer([{"zero": 0}], "rule", {"y": y("zero")}, strokeDash=[4, 3], color=MUTED),
            layer(answers, "rule", {"x": x, "y": y("low"), "y2": {"field": "high"}, "color": color}, strokeWidth=3),
            layer(answers, "line", {"x": x, "y": y("value"), "color": color}, strokeWidth=1.5),
            layer(answers, "point", {"x": x, "y": y("value"), "color": color}, filled=True, size=90, opacity=1),
            layer(steps, "line", {"x": x, "y": y("more"), "color": color}, strokeWidth=1.5, strokeDash=[6, 3]),
            layer(steps, "point", {"x": x, "y": y("more"), "color": color}, filled=True, size=60, opacity=1),
        ],
        height=260,
    )


def course(rows: Rows, *, unit: str) -> Spec:
    """Return the spec of months: rows of `month`, `line` (`known`, `told beforehand`, `to come`), `value`, and for those to
    come `low` and `high`. What was told beforehand of a month stands over what came."""
    order = list(dict.fromkeys(str(row["month"]) for row in rows))
    names = [name for name in COURSE if any(row["line"] == name for row in rows)]
    color = parts.colours("line", names, [COURSE[name] for name in names], sort=names, legend=_LEGEND)
    # Every other name where a year does not fit.
    axis = {"labelAngle": 0, "labelOverlap": "parity"}
    x = {"field": "month", "type": "ordinal", "sort": order, "title": None, "axis": axis}

    def y(field: str) -> Spec:
        return parts.amount(field, unit, axis=_SIDE, scale={"zero": True, "nice": True})

    ahead = [row for row in rows if row.get("low") is not None]
    past = [row for row in rows if row["line"] != "to come"]
    return whole(
        [
            layer(ahead, "rule", {"x": x, "y": y("low"), "y2": {"field": "high"}, "color": color}, strokeWidth=3),
            layer(past, "line", {"x": x, "y": y("value"), "color": color}, strokeWidth=1.5),
            layer(rows, "point", {"x": x, "y": y("value"), "color": color}, filled=True, size=60, opacity=1),
        ],
        height=240,
    )


COURSE: Final = {"known": "var(--c1)", "told beforehand": "var(--c2)", "to come": "var(--unsure)"}
"""the colour of each line of a course"""
