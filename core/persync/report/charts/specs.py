"""Vega-Lite specs of bars, intervals, waterfalls and heat tables.

Scales are categorical or binned: a continuous colour scale between two variables cannot be computed and turns black.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from persync.report.charts import parts
from persync.report.charts.look import INK, MUTED, NEUTRAL, VERDICT_COLOURS, repeated
from persync.report.charts.parts import SHORT, Rows, Spec, layer, whole

BAND: Final = {"band": 0.62}
"""how much of its band a bar takes"""
STEPS: Final = {
    "measured": "var(--c1)",
    "raw difference": "var(--c6)",
    "by proxy": "var(--unsure)",
    "cost": "var(--c2)",
    "what is left": NEUTRAL,
}
"""The colour of each kind of step of a waterfall."""
SHADES: Final = (0.06, 0.16, 0.28, 0.42, 0.58)
"""how much of the colour a cell has, by fifths of the range; ink stays legible on the darkest"""


def bars(
    rows: Rows,
    *,
    amount: str,
    of: str,
    unit: str,
    split: str | None = None,
    colours: bool = False,
    rest: str = "",
) -> Spec:
    """Return the spec of horizontal bars: one bar an `of`, its length `amount`, stacked by `split` if given.

    The order of `rows` is kept. `colours` gives each bar its own colour; the part called `rest` is grey. Amounts are in
    `unit`, major units for money.
    """
    order = list(dict.fromkeys(str(row[of]) for row in rows))
    encoding: Spec = {"x": parts.amount(amount, unit, axis=SHORT, stack="zero"), "y": parts.names(of, order)}
    if split is not None:
        pieces = list(dict.fromkeys(str(row[split]) for row in rows))
        paints = [NEUTRAL if part == rest else paint for part, paint in zip(pieces, repeated(len(pieces)), strict=True)]
        encoding["color"] = parts.colours(split, pieces, paints, sort=pieces)
        encoding["order"] = {"field": "part_order", "type": "quantitative"}
        rows = [{**row, "part_order": pieces.index(str(row[split]))} for row in rows]
    elif colours:
        encoding["color"] = parts.colours(of, order, repeated(len(order)), legend=None)
    return whole([layer(rows, "bar", encoding, height=BAND)], len(order))


def intervals(
    rows: Rows, *, unit: str, zero: bool = True, verdicts: bool = False, line_at: float | None = None, line_named: str = ""
) -> Spec:
    """Return the spec of values with their intervals: rows of `name`, `value`, `low`, `high` and, if `verdicts`, `verdict`.

    A line stands at zero, where nothing would have changed, unless `zero` is false; another, with its name above it, at
    `line_at`. Rows without a value are left out.
    """
    known = [row for row in rows if row.get("value") is not None]
    order = list(dict.fromkeys(str(row["name"]) for row in known))
    color: Spec = {"value": "var(--c1)"}
    if verdicts:
        words = [word for word in VERDICT_COLOURS if any(row.get("verdict") == word for row in known)]
        legend = {"offset": 18 if line_named else 10}  # the line's name stands above it
        color = parts.colours("verdict", words, [VERDICT_COLOURS[word] for word in words], legend=legend)
    scale = {"zero": zero, "nice": True}
    shared: Spec = {"y": parts.names("name", order), "color": color}
    ends = {"x": parts.amount("low", unit, scale=scale), "x2": {"field": "high"}}
    layers = [
        layer(known, "rule", {**ends, **shared}, strokeWidth=3, strokeCap="round"),
        layer(known, "point", {"x": parts.amount("value", unit, scale=scale), **shared}, filled=True, size=110, opacity=1),
    ]
    if zero:
        layers.insert(0, layer([{"zero": 0}], "rule", {"x": parts.amount("zero", unit)}, strokeDash=[4, 3], color=MUTED))
    if line_at is not None:
        mark, at = [{"mark": line_at, "named": line_named}], parts.amount("mark", unit, scale=scale)
        layers.insert(0, layer(mark, "rule", {"x": at}, strokeDash=[5, 3], strokeWidth=1.5, color=INK))
        name = {"x": at, "y": {"value": 0}, "text": parts.text("named")}
        layers.append(layer(mark, "text", name, align="center", baseline="bottom", dy=-1, color=MUTED, fontSize=11))
    return whole(layers, len(order))


def waterfall(rows: Rows, *, unit: str) -> Spec:
    """Return the spec of a waterfall: rows of `name`, `amount` (signed) and `kind` (of `STEPS`), each bar beginning where the
    one above ends; `what is left` begins at zero."""
    steps: list[dict[str, Any]] = []
    reached = 0.0
    for row in rows:
        start = 0.0 if row["kind"] == "what is left" else reached
        reached = start + float(row["amount"])
        steps.append({"name": row["name"], "kind": row["kind"], "start": start, "end": reached})
    kinds = [kind for kind in STEPS if any(step["kind"] == kind for step in steps)]
    encoding = {
        "x": parts.amount("start", unit, axis=SHORT),
        "x2": {"field": "end"},
        "y": parts.names("name", [str(step["name"]) for step in steps]),
        "color": parts.colours("kind", kinds, [STEPS[kind] for kind in kinds], sort=kinds),
    }
    return whole([layer(steps, "bar", encoding, height=BAND)], len(steps))


def heat(rows: Rows, *, columns: Sequence[str], title: str) -> Spec:
    """Return the spec of a heat table: rows of `row`, `column` and `value` (a whole number, written into its cell).

    Five shades of one colour, binned between the least and the greatest value. The order of `rows` is kept from above.
    """
    order = list(dict.fromkeys(str(row["row"]) for row in rows))
    values = [float(row["value"]) for row in rows]
    low, span = min(values), max(max(values) - min(values), 1e-9)
    last = len(SHADES) - 1
    shaded = [
        {
            **row,
            "shade": SHADES[min(last, int((float(row["value"]) - low) / span * len(SHADES)))],
            "text": f"{row['value']:g}",
        }
        for row in rows
    ]
    axis = {"labelAngle": 0, "orient": "top"}
    place = {
        "x": {"field": "column", "type": "ordinal", "sort": list(columns), "title": title, "axis": axis},
        "y": parts.names("row", order),
    }
    shade = {"field": "shade", "type": "quantitative", "scale": None}
    cells = layer(shaded, "rect", {**place, "opacity": shade}, color="var(--c1)")
    return whole([cells, layer(shaded, "text", {**place, "text": parts.text("text")}, color=INK)], len(order))
