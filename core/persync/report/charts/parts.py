"""What Vega-Lite specs are put together from: rows, marks, channels of an encoding, the whole.

A spec is the JSON of https://vega.github.io/vega-lite/docs/spec.html, written down as it is.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

Spec = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]

SHORT: Final[Spec] = {"format": "~s", "labelExpr": "datum.value === 0 ? '0' : datum.label"}
"""an axis of short numbers (25k) whose zero is a plain 0"""


LINE: Final = 18
"""characters of a name that fit beside a picture on a narrow page"""


def amount(field: str, title: str, **more: Any) -> Spec:
    """Return a channel of amounts on an axis of that title; `more` is what Vega-Lite calls `axis`, `scale`, `stack` ..."""
    return {"field": field, "type": "quantitative", "title": title, **more}


def names(field: str, order: Sequence[str], **more: Any) -> Spec:
    """Return a channel of names in the order given, without a title of their axis; a long name takes two lines of it."""
    long = {name: textwrap.wrap(name, max(LINE, len(name) // 2 + LINE // 4)) for name in order if len(name) > LINE}
    axis: Spec = {"axis": {"labelExpr": f"{json.dumps(long)}[datum.value] || datum.label"}} if long else {}
    return {"field": field, "type": "nominal", "sort": list(order), "title": None, **axis, **more}


def colours(field: str, domain: Sequence[str], paints: Sequence[str], **more: Any) -> Spec:
    """Return a channel that paints each name of the domain in its colour; `more` is `legend`, `sort` ... of Vega-Lite"""
    scale = {"domain": list(domain), "range": list(paints)}
    return {"field": field, "type": "nominal", "title": None, "scale": scale, **more}


def text(field: str) -> Spec:
    """Return a channel of words written as they are."""
    return {"field": field, "type": "nominal"}


def layer(rows: Rows, mark: str, encoding: Mapping[str, Any], **look: Any) -> Spec:
    """Return rows drawn as one kind of mark; `look` is the mark's own properties."""
    return {"data": {"values": [dict(row) for row in rows]}, "mark": {"type": mark, **look}, "encoding": dict(encoding)}


def whole(layers: Sequence[Spec], bands: int = 1, *, height: int | None = None) -> Spec:
    """Return the spec of layers over one another: 34 pixels high for each band, 60 at least, or of the height given."""
    drawn = layers[0] if len(layers) == 1 else {"layer": list(layers)}
    return {**drawn, "width": 720, "height": height or max(60, 34 * bands)}
