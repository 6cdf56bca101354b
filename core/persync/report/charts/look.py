"""The look of every chart: its colours are CSS variables, so that one picture serves light, dark and print."""

from __future__ import annotations

from typing import Any, Final

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

INK, MUTED, LINE = "var(--ink)", "var(--muted)", "var(--line)"
_TEXT: Final = {
    "labelColor": MUTED,
    "titleColor": MUTED,
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
    "rule": {"color": INK},
    "text": {"color": INK, "fontSize": 12},
    "title": {"color": INK, "subtitleColor": MUTED, "fontSize": 13},
    "axis": {**_TEXT, "gridColor": LINE, "domainColor": LINE, "tickColor": LINE, "titlePadding": 8},
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
    "range": {"category": list(CATEGORIES), "ordinal": list(CATEGORIES), "diverging": ["var(--bad)", "var(--good)"]},
}
"""The look of every chart; a spec itself holds no colour but variables."""


def repeated(count: int) -> list[str]:
    """Return so many category colours; they repeat after the seventh, and the data table tells all apart."""
    return [CATEGORIES[index % len(CATEGORIES)] for index in range(count)]
