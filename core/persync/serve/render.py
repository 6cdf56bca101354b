"""What every page has around it, and how figures become something that a script can draw."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, Final
from urllib.parse import quote, urlencode

from persync.estimate import Estimate
from persync.money import Money
from persync.report import charts
from persync.report.painting import Painter
from persync.report.render.html import Links, environment
from persync.report.report import Cell, Column, Figure, Table
from persync.report.safe import deep
from persync.serve.filters import NAMES, Filters

SHARED: Final = "persync.serve"


def page(template: str, **shown: Any) -> str:
    """Fill in a template of the live page; every text in it is escaped."""
    return environment(SHARED).get_template(template).render(**shown)


class PaintShop:
    """One painter for all pages, begun when the first picture is wanted; it draws one at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._painter: Painter | None = None

    def draw(self, spec: Mapping[str, Any], config: Mapping[str, Any]) -> str:
        """Draw a picture. Raise ValueError for a spec that is none."""
        with self._lock:
            if self._painter is None:
                self._painter = Painter()
            return self._painter.draw(spec, config)

    def close(self) -> None:
        """End the painter."""
        with self._lock:
            if self._painter is not None:
                self._painter.__exit__(None, None, None)
                self._painter = None


def live_spec(figure: Figure) -> str:
    """Return the figure's own spec with what a script needs beside it, as JSON: names that are picked from a legend stand out,
    and whatever is pointed at tells its values. "" for a figure that asks for data from elsewhere."""
    if charts.reaches_out(figure.spec):
        return ""
    spec: dict[str, Any] = deep(figure.spec)
    field = _legend(spec)
    if field:
        spec["params"] = [
            *spec.get("params", []),
            {"name": "picked", "select": {"type": "point", "fields": [field]}, "bind": "legend"},
        ]
        spec["encoding"]["opacity"] = {"condition": {"param": "picked", "value": 1}, "value": 0.15}
    _tell(spec)
    needs = charts.room(spec)._asdict()
    return json.dumps({"spec": spec, "config": charts.CONFIG, "room": needs}, ensure_ascii=False)


_TOLD: Final = ("y", "x", "x2", "color", "text")


def _tell(spec: dict[str, Any]) -> None:
    """Have each mark of a spec tell its values in full when it is pointed at, unless the spec says what it tells."""
    for layer in spec.get("layer", []):
        _tell(layer)
    encoding = spec.get("encoding", {})
    if "mark" not in spec or "tooltip" in encoding:
        return
    seen: dict[str, dict[str, Any]] = {}
    for channel in _TOLD:
        one = encoding.get(channel, {})
        if "field" in one:
            told = {"field": one["field"], "type": one.get("type", "quantitative"), "title": one.get("title") or one["field"]}
            if told["type"] == "quantitative":
                told["format"] = ",.4~f"
            seen.setdefault(str(one["field"]), told)
    encoding["tooltip"] = list(seen.values())


def _legend(spec: Mapping[str, Any]) -> str:
    """Return the field that the legend of a figure of one layer names; "" where there is none."""
    color = spec.get("encoding", {}).get("color", {}) if "mark" in spec else {}
    if "field" not in color or color.get("legend", {}) is None or "opacity" in spec["encoding"]:
        return ""
    return str(color["field"])


def links(part: str, filters: Filters) -> Links:
    """Return where the numbers of a part lead: each to the rows behind it, each table to its file."""

    def cell(table: Table, column: Column, value: Cell) -> str:
        if isinstance(value, Estimate):
            if value.value is None:
                return ""
            by = [(f"d.{name}", text) for name, text in value.by.items()]
            return f"/behind/{part}?{query_of(filters, [('of', value.id), *by])}"
        if value is None or isinstance(value, str) or (column.kind == "time" and not isinstance(value, Money)):
            return ""
        return f"/behind/{part}?{query_of(filters, [('of', table.name)])}"

    return Links(
        cell=cell,
        # A table may be called by an attribute, and that is somebody else's word.
        table=lambda table: f"/part/{part}/{quote(table.name, safe='')}.csv{filters.query()}",
        figure=live_spec,
    )


def query_of(filters: Filters, more: Sequence[tuple[str, str]]) -> str:
    """Return the filters that are set, and more, some of it maybe several times, as the query of an address without its `?`."""
    return urlencode([*more, *((name, value) for name in NAMES if (value := getattr(filters, name)))])
