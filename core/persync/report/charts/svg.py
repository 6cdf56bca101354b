"""From a Vega-Lite spec to static SVG: no script, no reference, no colour but variables.

A continuous colour scale between two variables cannot be computed and turns black without a word, so any fill or stroke that is
not a variable is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from xml.etree import ElementTree

from persync.errors import DataError
from persync.report.charts.legends import legend
from persync.report.charts.look import CONFIG
from persync.report.painting import Draw, draw
from persync.report.safe import deep

_SVG_NAMESPACE = "{http://www.w3.org/2000/svg}"
_ELEMENTS: Final = frozenset(("svg", "g", "path", "line", "rect", "text", "tspan", "circle", "defs", "clipPath", "title"))
_COLOUR = re.compile(r"none|transparent|inherit|currentcolor|var\(--[a-z0-9-]+\)", re.IGNORECASE)
_PAIRED: Final = re.compile("[\U00010000-\U0010ffff]")
_PAINTS: Final = ("fill", "stroke", "color", "stop-color")

LEAST_LABEL: Final = 150
"""px of an axis label that are never cut off, even where the picture is narrow"""


def svg(spec: Mapping[str, Any], *, name: str, alt: str, width: int = 720, draw: Draw = draw) -> str:
    """Return a spec as an inline SVG of that width: no script, no reference, ids that start with `name`.

    Raises DataError when the chart cannot be drawn, asks for data from elsewhere or has a colour that is not a variable.
    """
    # The container decides the width, so it is set here: one spec gives the wide and the narrow picture.
    sized = {**deep(spec), "width": width, "autosize": {"type": "fit-x", "contains": "padding"}}
    if reaches_out(sized):
        raise DataError("A figure may only show data it carries itself.")
    # Names beside the axis may take a third of the width, or what they need.
    config = {
        **CONFIG,
        "axis": {**CONFIG["axis"], "labelLimit": max(LEAST_LABEL, width // 3)},
        "legend": {**CONFIG["legend"], **legend(sized, width)},
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
