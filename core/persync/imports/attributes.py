"""`attributes`: what is known of people, by opt-in: numbers serve as covariates, words as groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer
from persync.rows import Attribute, Row


def attribute_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One attribute a line."""
    yield Attribute(person=line["person"], name=line["name"], value=line["value"], basis=line["basis"])


ATTRIBUTES = Importer(
    kind="attributes",
    summary="What is known of people: numbers serve as covariates, words as groups.",
    columns=(
        Column("person", "person"),
        Column("name", "text", help="age_band, country, recency ..."),
        Column("value", "text", help="coarse enough not to name anybody"),
        Column("basis", "text", required=False, help="why you may hold it"),
    ),
    rows=attribute_rows,
    once=("person", "name"),
)
