"""Charts: Vega-Lite specs made with altair, and their way to static SVG that takes its colours from CSS variables.

Scales are categorical or binned: a continuous colour scale between two variables cannot be computed and turns black
without a word, so `svg` refuses any fill or stroke that is not a variable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.etree import ElementTree

from persync.errors import DataError
from persync.report.painting import Draw, draw
from persync.report.safe import deep

CATEGORIES: Final = tuple(f"var(--c{number})" for number in range(1, 8))
NEUTRAL: Final = "var(--c8)"
VERDICT_COLOURS: Final = {
    "pays": "var(--good)",
    "costs": "var(--bad)",
    "cannot tell": "var(--unsure)",
    "meets": "var(--good)",
    "below": "var(--bad)",
    "not shown": "var(--unsure)",
    "reference": "var(--ink)",
}
"""The colour of each verdict; its word always stands beside it."""

_INK, _MUTED, _LINE = "var(--ink)", "var(--muted)", "var(--line)"
_TEXT: Final = {
    "labelColor": _MUTED,
    "titleColor": _MUTED,
    "labelFontSize": 12,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
}

CONFIG: Final[dict[str, Any]] = {
    "background": None,
    "font": "inherit",
    "aria": False,
    "padding": 2,
    "mark": {"color": "var(--c1)"},
    "view": {"stroke": None, "fill": None},
    "rule": {"color": _INK},
    "text": {"color": _INK, "fontSize": 12},
    "title": {"color": _INK, "subtitleColor": _MUTED, "fontSize": 13},
    "axis": {**_TEXT, "gridColor": _LINE, "domainColor": _LINE, "tickColor": _LINE, "titlePadding": 8},
    "axisX": {"tickCount": 5},
    "axisY": {"domain": False, "ticks": False, "labelPadding": 8},
    "legend": {
        **_TEXT,
        "orient": "top",
        "direction": "horizontal",
        "symbolType": "square",
        "symbolStrokeWidth": 0,
        "offset": 10,
    },
    "header": _TEXT,
    "range": {"category": list(CATEGORIES), "ordinal": list(CATEGORIES), "diverging": ["var(--bad)", "var(--good)"]},
}
"""The look of every chart; a spec itself holds no colour but variables."""

_SVG_NAMESPACE = "{http://www.w3.org/2000/svg}"
_ELEMENTS: Final = frozenset(("svg", "g", "path", "line", "rect", "text", "tspan", "circle", "defs", "clipPath", "title"))
_COLOUR = re.compile(r"none|transparent|inherit|currentcolor|var\(--[a-z0-9-]+\)", re.IGNORECASE)
_PAIRED: Final = re.compile("[\U00010000-\U0010ffff]")
_PAINTS: Final = ("fill", "stroke", "color", "stop-color")


def bars(
    rows: Sequence[Mapping[str, Any]],
    *,
    amount: str,
    of: str,
    unit: str,
    split: str | None = None,
    colours: bool = False,
    rest: str = "",
) -> dict[str, Any]:
    """Return the spec of horizontal bars: one bar an `of`, its length `amount`, stacked by `split` if given.

    The order of `rows` is kept. `colours` gives each bar its own colour; the part called `rest` is grey. Amounts are in
    `unit`, major units for money.
    """
    import altair as alt

    order = list(dict.fromkeys(str(row[of]) for row in rows))
    encoding: dict[str, Any] = {
        "x": alt.X(amount, type="quantitative", title=unit, axis=_axis(), stack="zero"),
        "y": alt.Y(of, type="nominal", sort=order, title=None),
    }
    if split is not None:
        parts = list(dict.fromkeys(str(row[split]) for row in rows))
        scale = alt.Scale(
            domain=parts, range=[NEUTRAL if part == rest else c for part, c in zip(parts, _repeat(len(parts)), strict=True)]
        )
        encoding["color"] = alt.Color(split, type="nominal", title=None, scale=scale, sort=parts)
        encoding["order"] = alt.Order("part_order", type="quantitative")
        rows = [{**row, "part_order": parts.index(str(row[split]))} for row in rows]
    elif colours:
        scale = alt.Scale(domain=order, range=_repeat(len(order)))
        encoding["color"] = alt.Color(of, type="nominal", legend=None, scale=scale)
    chart = alt.Chart(_values(rows)).mark_bar(height={"band": 0.62}).encode(**encoding)
    return _spec(chart, len(order))


def intervals(
    rows: Sequence[Mapping[str, Any]],
    *,
    unit: str,
    zero: bool = True,
    verdicts: bool = False,
    line_at: float | None = None,
    line_named: str = "",
) -> dict[str, Any]:
    """Return the spec of values with their intervals: rows of `name`, `value`, `low`, `high` and, if `verdicts`, `verdict`.

    A line stands at zero, where nothing would have changed, unless `zero` is false; another, with its name above it, at
    `line_at`. Rows without a value are left out.
    """
    import altair as alt

    known = [row for row in rows if row.get("value") is not None]
    order = list(dict.fromkeys(str(row["name"]) for row in known))
    y = alt.Y("name", type="nominal", sort=order, title=None)
    color: Any = alt.value("var(--c1)")
    if verdicts:
        words = [word for word in VERDICT_COLOURS if any(row.get("verdict") == word for row in known)]
        scale = alt.Scale(domain=words, range=[VERDICT_COLOURS[word] for word in words])
        legend = alt.Legend(offset=18 if line_named else 10)  # the line's name stands above it
        color = alt.Color("verdict", type="nominal", title=None, scale=scale, legend=legend)
    base = alt.Chart(_values(known))
    x_scale = alt.Scale(zero=zero, nice=True)
    line = base.mark_rule(strokeWidth=3, strokeCap="round").encode(
        x=alt.X("low", type="quantitative", title=unit, scale=x_scale), x2="high", y=y, color=color
    )
    point = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=alt.X("value", type="quantitative", title=unit, scale=x_scale), y=y, color=color
    )
    layers: list[Any] = [line, point]
    if zero:
        origin = alt.Chart(_values([{"zero": 0}])).mark_rule(strokeDash=[4, 3], color=_MUTED)
        layers.insert(0, origin.encode(x=alt.X("zero", type="quantitative", title=unit)))
    if line_at is not None:
        mark = alt.Chart(_values([{"mark": line_at, "named": line_named}]))
        at = alt.X("mark", type="quantitative", title=unit, scale=x_scale)
        layers.insert(0, mark.mark_rule(strokeDash=[5, 3], strokeWidth=1.5, color=_INK).encode(x=at))
        text = mark.mark_text(align="center", baseline="bottom", dy=-1, color=_MUTED, fontSize=11)
        layers.append(text.encode(x=at, y=alt.value(0), text="named:N"))
    return _spec(alt.layer(*layers), len(order))


def frontier(rows: Sequence[Mapping[str, Any]], *, across: str, up: str, line_at: float, line_named: str) -> dict[str, Any]:
    """Return the spec of a frontier: rows of `name` (each a line in a colour of its own), `strength` (its order on the line),
    `x`, `y`, their intervals `x_low` ... `y_high`, and `mark`, which names the points that stand out.

    Intervals are faint, those of the marked points are not. A named line stands at `line_at` on the upright axis, and another
    at zero where amounts may be negative.
    """
    import altair as alt

    marked = [row for row in rows if row["mark"]]
    lines = [name for name in dict.fromkeys(str(row["name"]) for row in rows) if sum(row["name"] == name for row in rows) > 1]
    colours = dict(zip(lines, _repeat(len(lines)), strict=True))
    scale = alt.Scale(domain=lines, range=list(colours.values()))
    color = alt.Color("name", type="nominal", title=None, scale=scale, sort=lines, legend=alt.Legend(symbolType="circle"))
    signed = any(float(row["x_low"]) < 0 for row in rows)
    x_scale, y_scale = alt.Scale(zero=signed, nice=True), alt.Scale(zero=True, nice=True)

    def x(field: str) -> Any:
        return alt.X(field, type="quantitative", title=across, scale=x_scale, axis=_axis() if signed else alt.Axis())

    def y(field: str) -> Any:
        return alt.Y(field, type="quantitative", title=up, scale=y_scale, axis=alt.Axis(domain=False, tickCount=5))

    def crosses(some: Sequence[Mapping[str, Any]], **look: Any) -> list[Any]:
        base = alt.Chart(_values(some))
        return [
            base.mark_rule(strokeCap="round", **look).encode(x=x("x_low"), x2="x_high", y=y("y")),
            base.mark_rule(strokeCap="round", **look).encode(x=x("x"), y=y("y_low"), y2="y_high"),
        ]

    line = alt.Chart(_values([{"line": line_at, "named": line_named}]))
    layers: list[Any] = [line.mark_rule(strokeDash=[5, 3], strokeWidth=1.5, color=_INK).encode(y=y("line"))]
    layers.append(
        line.mark_text(align="left", baseline="bottom", dx=4, dy=-3, color=_MUTED, fontSize=11).encode(
            x=alt.value(0), y=y("line"), text="named:N"
        )
    )
    if signed:
        layers.append(alt.Chart(_values([{"zero": 0}])).mark_rule(strokeDash=[4, 3], color=_MUTED).encode(x=x("zero")))
    layers += crosses([row for row in rows if not row["mark"]], strokeWidth=1, opacity=0.35, color=_MUTED)
    drawn = alt.Chart(_values([row for row in rows if row["name"] in colours]))
    order = alt.Order("strength", type="quantitative")
    layers.append(drawn.mark_line(strokeWidth=1.5).encode(x=x("x"), y=y("y"), color=color, order=order))
    layers.append(drawn.mark_point(filled=True, size=50, opacity=1).encode(x=x("x"), y=y("y"), color=color))
    layers += crosses(marked, strokeWidth=2, color=_INK)
    dots = alt.Chart(_values(marked)).mark_point(filled=True, size=120, opacity=1, color=_INK)
    layers.append(dots.encode(x=x("x"), y=y("y")))
    # A name stands beside its point where there is room, and off the line.
    ends = [float(row[end]) for row in rows for end in ("x_low", "x_high")]
    for row in marked:
        is_right, is_high = float(row["x"]) > (min(ends) + max(ends)) / 2, line_at / 2 < float(row["y"]) <= line_at
        side = {"align": "right", "dx": -9} if is_right else {"align": "left", "dx": 9}
        text = alt.Chart(_values([row])).mark_text(dy=-18 if is_high else -10, **side)
        layers.append(text.encode(x=x("x"), y=y("y"), text="mark:N"))
    spec = _spec(alt.layer(*layers), 1)
    return {**spec, "height": 300}


STEPS: Final = {"measured": "var(--c1)", "by proxy": "var(--unsure)", "cost": "var(--c2)", "what is left": NEUTRAL}
"""The colour of each kind of step."""


def waterfall(rows: Sequence[Mapping[str, Any]], *, unit: str) -> dict[str, Any]:
    """Return the spec of a waterfall: rows of `name`, `amount` (signed) and `kind` (of `STEPS`), each bar beginning where the
    one above ends; `what is left` begins at zero."""
    import altair as alt

    steps: list[dict[str, Any]] = []
    reached = 0.0
    for row in rows:
        amount = float(row["amount"])
        start = 0.0 if row["kind"] == "what is left" else reached
        reached = start + amount
        steps.append({"name": row["name"], "kind": row["kind"], "start": start, "end": reached})
    kinds = [kind for kind in STEPS if any(step["kind"] == kind for step in steps)]
    scale = alt.Scale(domain=kinds, range=[STEPS[kind] for kind in kinds])
    chart = (
        alt.Chart(_values(steps))
        .mark_bar(height={"band": 0.62})
        .encode(
            x=alt.X("start", type="quantitative", title=unit, axis=_axis()),
            x2="end",
            y=alt.Y("name", type="nominal", sort=[str(step["name"]) for step in steps], title=None),
            color=alt.Color("kind", type="nominal", title=None, scale=scale, sort=kinds),
        )
    )
    return _spec(chart, len(steps))


SHADES: Final = (0.06, 0.16, 0.28, 0.42, 0.58)
"""how much of the colour a cell has, by fifths of the range; ink stays legible on the darkest"""


def heat(rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str], title: str) -> dict[str, Any]:
    """Return the spec of a heat table: rows of `row`, `column` and `value` (a whole number, written into its cell).

    Five shades of one colour, binned between the least and the greatest value. The order of `rows` is kept from above.
    """
    import altair as alt

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
    base = alt.Chart(_values(shaded)).encode(
        x=alt.X("column", type="ordinal", sort=list(columns), title=title, axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("row", type="ordinal", sort=order, title=None),
    )
    cells = base.mark_rect(color="var(--c1)").encode(opacity=alt.Opacity("shade", type="quantitative", scale=None))
    texts = base.mark_text(color=_INK).encode(text=alt.Text("text", type="nominal"))
    return _spec(alt.layer(cells, texts), len(order))


def svg(spec: Mapping[str, Any], *, name: str, alt: str, width: int = 720, draw: Draw = draw) -> str:
    """Return a spec as an inline SVG of that width: no script, no reference, ids that start with `name`.

    Raises DataError when the chart cannot be drawn, asks for data from elsewhere or has a colour that is not a variable.
    """
    # The container decides the width, so it is set here: one spec gives the wide and the narrow picture.
    sized = {**deep(spec), "width": width, "autosize": {"type": "fit-x", "contains": "padding"}}
    if reaches_out(sized):
        raise DataError("A figure may only show data it carries itself.")
    # As many legend entries in a row as fit, the rest below; labels may take a third of the width.
    config = {
        **CONFIG,
        "axis": {**CONFIG["axis"], "labelLimit": width // 3},
        "legend": {**CONFIG["legend"], "columns": max(2, width // 150), "labelLimit": width // 3},
    }
    try:
        try:
            text = draw(sized, config)
        except ValueError:
            # Vega counts in halves of pairs, and cuts a label that is too long in the middle of an emoji: then boxes stand in.
            text = draw(_boxed(sized), config)
    except ValueError as error:
        raise DataError("The figure's description is not valid Vega-Lite.") from error
    root = ElementTree.fromstring(text)  # noqa: S314  our own renderer wrote it
    _clean(root, name)
    root.set("role", "img")
    root.set("aria-label", str(deep(alt)))
    for unwanted in ("version", "class"):
        root.attrib.pop(unwanted, None)
    drawn = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
    wrong = wrong_colours(drawn)
    if wrong:
        raise DataError(f"A figure's colours must be CSS variables, not {', '.join(wrong)}.")
    return drawn


def _boxed(value: Any) -> Any:
    """Return a spec in which a box stands for every character that takes a surrogate pair."""
    if isinstance(value, dict):
        return {name: _boxed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_boxed(inner) for inner in value]
    return _PAIRED.sub("\u25a1", value) if isinstance(value, str) else value


def wrong_colours(drawn: str) -> list[str]:
    """Return every fill or stroke in an SVG text that is not a variable, none, transparent or inherited."""
    found: set[str] = set()
    for element in ElementTree.fromstring(drawn).iter():  # noqa: S314  our own renderer wrote it
        paints = [element.attrib[paint] for paint in _PAINTS if paint in element.attrib]
        for declaration in element.attrib.get("style", "").split(";"):
            key, _, paint = declaration.partition(":")
            if key.strip() in _PAINTS:
                paints.append(paint)
        found.update(paint for paint in paints if not _COLOUR.fullmatch(paint.strip()))
    return sorted(found)


def reaches_out(spec: Any) -> bool:
    """Tell whether a spec names an address or a picture anywhere outside its rows."""
    if isinstance(spec, Mapping):
        if {"url", "href"} & set(spec) or spec.get("mark") == "image" or spec.get("type") == "image":
            return True
        return any(reaches_out(inner) for key, inner in spec.items() if key not in ("values", "datasets"))
    return isinstance(spec, list | tuple) and any(map(reaches_out, spec))


def _axis() -> Any:
    """Return an axis of short numbers (25k) whose zero is a plain 0."""
    import altair as alt

    return alt.Axis(format="~s", labelExpr="datum.value === 0 ? '0' : datum.label")


def _repeat(count: int) -> list[str]:
    """Return so many category colours; they repeat after the seventh, and the data table tells all apart."""
    return [CATEGORIES[index % len(CATEGORIES)] for index in range(count)]


def _values(rows: Sequence[Mapping[str, Any]]) -> Any:
    import altair as alt

    return alt.Data(values=[dict(row) for row in rows])


def _spec(chart: Any, bands: int) -> dict[str, Any]:
    # What draws a spec refuses a wrong one; to have altair look it through as well takes as long as to make it.
    spec: dict[str, Any] = chart.properties(width=720, height=max(60, 34 * bands)).to_dict(validate=False)
    for key in ("config", "$schema"):  # altair's own look, and an address that nothing needs
        spec.pop(key, None)
    return spec


def _clean(root: ElementTree.Element, name: str) -> None:
    """Drop the namespace, every element and attribute a static picture does not need, and make ids the page's own."""
    for parent in root.iter():
        parent.tag = parent.tag.removeprefix(_SVG_NAMESPACE)
        for child in list(parent):
            if child.tag.removeprefix(_SVG_NAMESPACE) not in _ELEMENTS or child.get("display") == "none":
                parent.remove(child)
        for key in list(parent.attrib):
            if key.startswith(("on", "{", "aria-")) or key in ("href", "class", "role", "pointer-events"):
                del parent.attrib[key]
        if "id" in parent.attrib:
            parent.set("id", f"{name}-{parent.attrib['id']}")
        if parent.attrib.get("clip-path", "").startswith("url(#"):
            parent.set("clip-path", f"url(#{name}-{parent.attrib['clip-path'][5:]}")
        if parent.get("opacity") == "1":
            del parent.attrib["opacity"]
