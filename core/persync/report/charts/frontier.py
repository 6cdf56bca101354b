"""The Vega-Lite spec of a frontier: what each strength of a measure brings, against what it costs."""

from __future__ import annotations

from typing import Any

from persync.report.charts.look import INK, MUTED, repeated
from persync.report.charts.parts import SHORT, Rows, Spec, amount, colours, layer, text, whole


def frontier(rows: Rows, *, across: str, up: str, line_at: float, line_named: str) -> Spec:
    """Return the spec of a frontier: rows of `name` (each a line in a colour of its own), `strength` (its order on the line),
    `x`, `y`, their intervals `x_low` ... `y_high`, and `mark`, which names the points that stand out.

    Intervals are faint, those of the marked points are not. A named line stands at `line_at` on the upright axis, and another
    at zero where amounts may be negative.
    """
    marked = [row for row in rows if row["mark"]]
    lines = [name for name in dict.fromkeys(str(row["name"]) for row in rows) if sum(row["name"] == name for row in rows) > 1]
    color = colours("name", lines, repeated(len(lines)), sort=lines, legend={"symbolType": "circle"})
    signed = any(float(row["x_low"]) < 0 for row in rows)
    bottom: Spec = {"axis": SHORT if signed else {}, "scale": {"zero": signed, "nice": True}}
    side: Spec = {"axis": {"domain": False, "tickCount": 5}, "scale": {"zero": True, "nice": True}}

    def at(x: str, y: str) -> Spec:
        return {"x": amount(x, across, **bottom), "y": amount(y, up, **side)}

    def crosses(some: Rows, **look: Any) -> list[Spec]:
        flat, upright = {**at("x_low", "y"), "x2": {"field": "x_high"}}, {**at("x", "y_low"), "y2": {"field": "y_high"}}
        return [layer(some, "rule", ends, strokeCap="round", **look) for ends in (flat, upright)]

    line, height = [{"line": line_at, "named": line_named}], {"y": amount("line", up, **side)}
    name = {"x": {"value": 0}, **height, "text": text("named")}
    layers = [
        layer(line, "rule", height, strokeDash=[5, 3], strokeWidth=1.5, color=INK),
        layer(line, "text", name, align="left", baseline="bottom", dx=4, dy=-3, color=MUTED, fontSize=11),
    ]
    if signed:
        zero = {"x": amount("zero", across, **bottom)}
        layers.append(layer([{"zero": 0}], "rule", zero, strokeDash=[4, 3], color=MUTED))
    layers += crosses([row for row in rows if not row["mark"]], strokeWidth=1, opacity=0.35, color=MUTED)
    drawn = [row for row in rows if row["name"] in lines]
    order = {"field": "strength", "type": "quantitative"}
    layers.append(layer(drawn, "line", {**at("x", "y"), "color": color, "order": order}, strokeWidth=1.5))
    layers.append(layer(drawn, "point", {**at("x", "y"), "color": color}, filled=True, size=50, opacity=1))
    layers += crosses(marked, strokeWidth=2, color=INK)
    layers.append(layer(marked, "point", at("x", "y"), filled=True, size=120, opacity=1, color=INK))
    # A name stands beside its point where there is room, and off the line.
    ends = [float(row[end]) for row in rows for end in ("x_low", "x_high")]
    for row in marked:
        is_right, is_high = float(row["x"]) > (min(ends) + max(ends)) / 2, line_at / 2 < float(row["y"]) <= line_at
        beside: Spec = {"align": "right", "dx": -9} if is_right else {"align": "left", "dx": 9}
        layers.append(layer([row], "text", {**at("x", "y"), "text": text("mark")}, dy=-18 if is_high else -10, **beside))
    return whole(layers, height=300)
