"""Rows on their way into a file: columns that say what they hold, and batches that are made as they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

BATCH: Final = 10_000
"""rows in memory at a time"""

Kind = Literal["text", "int", "real", "time", "money"]


@dataclass(frozen=True, slots=True)
class Field:
    """A column. `time` is ISO 8601 UTC text, `money` decimal text in major units."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows under columns, read once. A cell is None, a text or, as its column says, a number."""

    name: str
    fields: tuple[Field, ...]
    batches: Iterator[Sequence[tuple[Any, ...]]]
    count: int
    """how many rows there will be"""
    period: tuple[int, int] | None = None
    """[from, to) in epoch ms; None = all"""
