"""Estimates as the machine forms of DESIGN section 12: one JSON object, or a CSV file."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from persync import __version__
from persync.estimate import Estimate
from persync.measure.metric import Ask
from persync.redact import inert_json
from persync.report.safe import spreadsheet
from persync.report.words import iso

FIXED = ("value", "low", "high", "p", "n", "unit", "label", "reason", "note")


def as_csv(estimates: Sequence[Estimate]) -> str:
    """Return estimates as CSV (RFC 4180): a column for each dimension, numbers in full, absent things empty."""
    dimensions = list(dict.fromkeys(name for estimate in estimates for name in estimate.by))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["id", *map(spreadsheet, dimensions), *FIXED])
    for estimate in estimates:
        row = finite(estimate.as_json())
        slices = (estimate.by.get(name, "") for name in dimensions)
        writer.writerow([estimate.id, *map(spreadsheet, slices), *(_cell(row[name]) for name in FIXED)])
    return text.getvalue()


def as_json(kind: str, estimates: Iterable[Estimate], ask: Ask) -> str:
    """Return estimates as the one JSON object of a command, with a line end."""
    return document(kind, (estimate.as_json() for estimate in estimates), ask.period, **hidden_below(ask)) + "\n"


def hidden_below(ask: Ask) -> dict[str, int]:
    """Return what an answer says of small groups: nothing where they are hidden as by default, else `suppress_n`."""
    return {"suppress_n": ask.suppress_n} if ask.small_groups else {}


def document(kind: str, results: Iterable[Any], period: tuple[int, int] | None = None, **more: Any) -> str:
    """Return the one object of a command: persync, kind, period (ISO 8601, [from, to), or null), results."""
    whole = {
        "persync": __version__,
        "kind": kind,
        "period": [iso(period[0]), iso(period[1])] if period else None,
        "results": list(results),
        **more,
    }
    return inert_json(json.dumps(finite(whole), indent=2, ensure_ascii=False))


def finite(value: Any) -> Any:
    """Return a JSON-like value in which what is no number is null: JSON has no infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    item = getattr(value, "item", None)  # a numpy scalar
    return finite(item()) if callable(item) else value


def _cell(value: Any) -> Any:
    return "" if value is None else spreadsheet(value) if isinstance(value, str) else value
