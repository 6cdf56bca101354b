"""Room for a legend: how many of its names stand side by side, so that none is cut off however narrow the page is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from persync.report.charts.parts import LINE

GLYPH: Final = 9.5
"""px of a character as the renderer of pictures takes it, which does not know the page's font: wide enough for any"""
SYMBOL: Final = 30
"""px of a legend's symbol and the gap after its name"""
WIDEST: Final = 150
"""px of one name where a legend does not say its names beforehand"""


class Room(NamedTuple):
    """What takes room in the width of a figure, in characters; 0 for nothing."""

    longest: int
    """the longest name of a legend"""
    beside: int
    """the longest line of the names that stand left of the figure; a legend stands right of them"""


def room(spec: Mapping[str, Any]) -> Room:
    """Return what a spec needs, of those of its layers that name their values beforehand, as ours do."""
    longest = beside = 0
    for encoding in _encodings(spec):
        color, up = _of(encoding, "color"), _of(encoding, "y")
        domain = _of(color, "scale").get("domain")
        if isinstance(domain, list) and color.get("legend", {}) is not None:
            longest = max([longest, *(len(str(name)) for name in domain)])
        if up.get("type") == "nominal" and up.get("axis", {}) is not None and isinstance(up.get("sort"), list):
            beside = max([beside, *(min(LINE, len(str(name))) for name in up["sort"])])
    return Room(longest, beside)


def legend(spec: Mapping[str, Any], width: int) -> dict[str, int]:
    """Return the columns of a legend in a picture of that width, and how many px of a name are shown (0 = all)."""
    longest, beside = room(spec)
    if not longest:
        return {"columns": max(2, width // WIDEST), "labelLimit": width // 3}
    one = longest * GLYPH + SYMBOL
    return {"columns": max(1, int((width - beside * GLYPH) // one)), "labelLimit": 0 if one < width else width - SYMBOL}


def _of(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a part of a spec; a stranger's may be anything."""
    found = given.get(name)
    return found if isinstance(found, Mapping) else {}


def _encodings(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield _of(spec, "encoding")
    layers = spec.get("layer")
    for layer in layers if isinstance(layers, list | tuple) else ():
        if isinstance(layer, Mapping):
            yield from _encodings(layer)
