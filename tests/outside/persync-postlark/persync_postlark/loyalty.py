"""An importer: the till's list of loyalty levels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync import rows
from persync.imports import Column, Importer

LEVELS = ("tin", "silver", "gold")


def level_rows(line: dict[str, Any], number: int) -> Iterator[rows.Row]:
    """Yield a person's level, with the basis for holding it."""
    yield rows.Attribute(line["person"], "loyalty", line["level"], line["basis"])


LOYALTY = Importer(
    kind="loyalty",
    summary="Loyalty levels, one person a line.",
    columns=(
        Column("person", "person", help="an e-mail address, CONNECTION:ID, or an id of your own"),
        Column("level", "text", help="how loyal", choices=LEVELS),
        Column("basis", "text", help="why you may hold it"),
    ),
    rows=level_rows,
    once=("person",),
)
