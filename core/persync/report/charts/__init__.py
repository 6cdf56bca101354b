"""Charts: Vega-Lite specs, and their way to static SVG that takes its colours from CSS variables."""

from persync.report.charts.frontier import frontier
from persync.report.charts.legends import room
from persync.report.charts.look import CATEGORIES, CONFIG, NEUTRAL, VERDICT_COLOURS
from persync.report.charts.sankey import Flow, sankey
from persync.report.charts.series import course, levels, response
from persync.report.charts.specs import SHADES, STEPS, bars, heat, intervals, waterfall
from persync.report.charts.svg import reaches_out, svg, wrong_colours

__all__ = [
    "CATEGORIES",
    "CONFIG",
    "NEUTRAL",
    "SHADES",
    "STEPS",
    "VERDICT_COLOURS",
    "Flow",
    "bars",
    "course",
    "frontier",
    "heat",
    "intervals",
    "levels",
    "reaches_out",
    "response",
    "room",
    "sankey",
    "svg",
    "waterfall",
    "wrong_colours",
]
