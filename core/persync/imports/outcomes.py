"""`outcomes`: numbers an experiment can be read on without orders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer
from persync.rows import Outcome, Row


def outcome_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One outcome a line; an empty value stays missing, it is not zero."""
    yield Outcome(person=line["person"], outcome=line["outcome"], value=line["value"], happened_at=line["at"])


OUTCOMES = Importer(
    kind="outcomes",
    summary="Numbers an experiment can be read on: visits, sign-ups, scores.",
    columns=(
        Column("person", "person"),
        Column("outcome", "text", help="the name it is read by"),
        Column("value", "number", may_be_empty=True, help="empty = missing, not zero"),
        Column("at", "time", required=False),
    ),
    rows=outcome_rows,
    once=("person", "outcome", "at"),
)
