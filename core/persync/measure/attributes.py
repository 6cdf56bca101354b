"""The attributes of people that make groups, and the guard against those that do not: numbers, dates, free text."""

from __future__ import annotations

from typing import Final

from persync.engine.engine import Engine
from persync.errors import DataError

MOST_GROUPS: Final = 50
"""More values than this are numbers, not groups."""


def values(engine: Engine) -> dict[str, int]:
    """Return how many values each attribute in the store has, by name."""
    rows = engine.rows(
        "SELECT a.name AS name, COUNT(DISTINCT NULLIF(a.value, '')) AS number FROM attributes AS a"
        " GROUP BY a.name ORDER BY a.name"
    )
    return {str(row["name"]): int(row["number"]) for row in rows}


def check(engine: Engine, attribute: str) -> None:
    """Raise DataError when an attribute has too many values to make groups."""
    number = values(engine).get(attribute, 0)
    if number > MOST_GROUPS:
        raise DataError(
            f"'{attribute}' has {number:,} values, which are no groups.",
            hint=f"Coarsen it to at most {MOST_GROUPS} groups before it is imported.",
        )
