"""A metric's estimates as a sheet: a column for each dimension, then value, interval and standing."""

from __future__ import annotations

from collections.abc import Sequence

from persync.estimate import Estimate
from persync.export.sheet import Field, Kind, Sheet
from persync.report.render.estimates import FIXED, finite


def sheet_of_estimates(name: str, estimates: Sequence[Estimate], period: tuple[int, int] | None = None) -> Sheet:
    """Return estimates as a sheet, in the columns that `persync metric --format csv` has."""
    dimensions = list(dict.fromkeys(each for estimate in estimates for each in estimate.by))
    kinds: dict[str, Kind] = {"value": "real", "low": "real", "high": "real", "p": "real", "n": "int"}
    fields = (Field("id"), *map(Field, dimensions), *(Field(fixed, kinds.get(fixed, "text")) for fixed in FIXED))
    rows = []
    for estimate in estimates:
        row = finite(estimate.as_json())
        cells = [row[fixed] if row[fixed] != "" else None for fixed in FIXED]
        rows.append((estimate.id, *(estimate.by.get(each) for each in dimensions), *cells))
    return Sheet(name, fields, iter([rows] if rows else []), len(rows), period)
