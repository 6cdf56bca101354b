"""The Vega-Lite spec of a Sankey diagram: paths as ribbons from step to step.

Vega-Lite has no such mark. Each ribbon is an area between two curves, whose points are worked out here; each name at a step is
a bar as high as what passes through it. A path that has ended keeps its room in the steps after it, so no ribbon crosses a bar.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from persync.report.charts import parts
from persync.report.charts.look import INK, NEUTRAL, repeated
from persync.report.charts.parts import Spec, layer, whole

POINTS: Final = 9
"""points of a curve; the marks between them are drawn smooth"""
BAR: Final = 0.03
"""how wide a bar is, of the way from step to step"""
GAP: Final = 0.03
"""between two bars of a step, of all that passes"""
LEAST: Final = 0.05
"""of all that passes; a bar that is lower has no name beside it: the legend and the table have it"""


class Flow(NamedTuple):
    """A path and how much takes it."""

    names: tuple[str, ...]
    amount: float


class _Slot(NamedTuple):
    """Where a path is at a step: at a name, or, once it has ended, on its way past the others."""

    rank: int
    has_ended: bool
    name: str


def sankey(flows: Sequence[Flow], *, end: str, rest: str = "") -> Spec:
    """Return the spec of a Sankey diagram of at least one flow: each goes through its names, then to `end`.

    Names are stacked in the order in which they first occur. What is called `rest` is grey.
    """
    order = list(dict.fromkeys(name for flow in flows for name in flow.names))
    steps = max(len(flow.names) for flow in flows)
    tracks = [(_track(flow, steps, order, end), flow.amount) for flow in flows]
    total = sum(flow.amount for flow in flows)
    places = [_places([(track[step], amount) for track, amount in tracks], total) for step in range(steps + 1)]
    bars = [
        {"name": slot.name, "x": step, "x2": step + BAR, "low": low, "high": high, "middle": (low + high) / 2}
        for step, found in enumerate(places)
        for slot, (low, high) in found.items()
        if not slot.has_ended
    ]
    large = {(step, slot.name) for step, found in enumerate(places) for slot, (a, b) in found.items() if b - a >= LEAST * total}
    names = [name for name in order if name != rest]
    paints = dict(zip(names, repeated(len(names)), strict=True)) | {rest: NEUTRAL, end: INK}
    shown = [*order, end]
    title = [*(f"{_nth(step + 1)} touch" for step in range(steps)), end]
    axis = {
        "values": list(range(steps + 1)),
        "labelExpr": f"{json.dumps(title)}[datum.value]",
        "grid": False,
        "domain": False,
        "ticks": False,
        "orient": "top",
    }
    x = parts.amount("x", "", axis={**axis, "title": None}, scale={"domain": [0, steps + 0.18], "nice": False})
    up: Spec = {"axis": None, "scale": {"reverse": True, "nice": False}, "stack": None}
    paint = [paints[name] for name in shown]
    color = parts.colours("name", shown, paint, sort=shown, legend={"symbolType": "square", "values": order})
    ribbon = {
        "x": x,
        "y": parts.amount("low", "", **up),
        "y2": {"field": "high"},
        "color": color,
        "detail": {"field": "ribbon", "type": "nominal"},
    }
    bar = {**ribbon, "x2": {"field": "x2"}}
    del bar["detail"]
    told = {"x": {**x, "field": "x2"}, "y": parts.amount("middle", "", **up), "text": parts.text("name")}
    labelled = [one for one in bars if (one["x"], one["name"]) in large]
    return whole(
        [
            layer(_ribbons(tracks, places), "area", ribbon, opacity=0.4),
            layer(bars, "rect", bar),
            layer(labelled, "text", told, align="left", dx=5),
        ],
        height=320,
    )


def _track(flow: Flow, steps: int, order: Sequence[str], end: str) -> list[_Slot]:
    last = flow.names[-1]
    through = [
        _Slot(order.index(flow.names[step]), False, flow.names[step])
        if step < len(flow.names)
        else _Slot(order.index(last), True, last)
        for step in range(steps)
    ]
    return [*through, _Slot(0, False, end)]


def _places(passing: Sequence[tuple[_Slot, float]], total: float) -> dict[_Slot, tuple[float, float]]:
    """Return from where to where each slot of a step reaches."""
    sizes: dict[_Slot, float] = {}
    for slot, amount in passing:
        sizes[slot] = sizes.get(slot, 0.0) + amount
    at, found = 0.0, {}
    for slot in sorted(sizes):
        found[slot] = (at, at + sizes[slot])
        at += sizes[slot] + GAP * total
    return found


def _ribbons(
    tracks: Sequence[tuple[Sequence[_Slot], float]], places: Sequence[Mapping[_Slot, tuple[float, float]]]
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for step in range(len(places) - 1):
        sizes: dict[tuple[_Slot, _Slot], float] = {}
        for track, amount in tracks:
            pair = track[step], track[step + 1]
            sizes[pair] = sizes.get(pair, 0.0) + amount
        leaving = {slot: low for slot, (low, _) in places[step].items()}
        arriving = {slot: low for slot, (low, _) in places[step + 1].items()}
        for (source, target), size in sorted(sizes.items()):
            start, stop = leaving[source], arriving[target]
            leaving[source] += size
            arriving[target] += size
            for point in range(POINTS):
                part = point / (POINTS - 1)
                low = start + (stop - start) * part * part * (3 - 2 * part)  # smoothstep: level at both ends
                # Past the others there is no bar, so the ribbon goes on where the one before ended.
                begins = step if source.has_ended else step + BAR
                rows.append(
                    {
                        "ribbon": f"{step} {source.name} {source.has_ended} {target.name} {target.has_ended}",
                        "name": source.name,
                        "x": round(begins + (step + 1 - begins) * part, 4),
                        "low": round(low, 6),
                        "high": round(low + size, 6),
                    }
                )
    return rows


def _nth(number: int) -> str:
    return f"{number}{({1: 'st', 2: 'nd', 3: 'rd'}).get(number, 'th')}"
