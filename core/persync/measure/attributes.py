"""The attributes of people that make groups, and the guard against those that do not: numbers, dates, free text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from persync.engine.engine import Engine
from persync.errors import DataError

MOST_GROUPS: Final = 50
"""More values than this are numbers, not groups."""


def values(engine: Engine) -> dict[str, int]:
    """Return how many values each attribute in the store has, by name."""
    rows = engine.rows(
        "SELECT v.name AS name, COUNT(NULLIF(v.value, '')) AS number"
        " FROM (SELECT DISTINCT a.name AS name, a.value AS value FROM attributes AS a) AS v GROUP BY v.name ORDER BY v.name"
    )
    return {str(row["name"]): int(row["number"]) for row in rows}


def check(engine: Engine, attribute: str, known: Mapping[str, int] | None = None) -> None:
    """Raise DataError when an attribute has too many values to make groups. `known` is what `values` found."""
    number = (values(engine) if known is None else known).get(attribute, 0)
    if number > MOST_GROUPS:
        raise DataError(
            f"'{attribute}' has {number:,} values, which are no groups.",
            hint=f"Coarsen it to at most {MOST_GROUPS} groups before it is imported.",
        )
