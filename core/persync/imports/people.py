"""`people`: which keys are one person, where no system tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer
from persync.rows import Contact, Person, Row


def person_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One pair of keys a line."""
    yield Contact(Person(*line["person"], *line["same_as"]))


PEOPLE = Importer(
    kind="people",
    summary="Which keys are one person, where no system tells.",
    columns=(
        Column("person", "person"),
        Column("same_as", "person", help="another key of the same person"),
    ),
    rows=person_rows,
    once=("person", "same_as"),
)
