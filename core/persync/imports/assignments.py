"""`assignments`: who was drawn into which arm of an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer
from persync.rows import Assignment, Row


def assignment_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One assignment a line."""
    yield Assignment(
        experiment=line["experiment"],
        person=line["person"],
        arm=line["arm"],
        assigned_at=line["at"],
        planned_share=line["planned_share"],
    )


ASSIGNMENTS = Importer(
    kind="assignments",
    summary="Who was drawn into which arm of an experiment; a person stands once in each.",
    columns=(
        Column("experiment", "text"),
        Column("person", "person"),
        Column("arm", "text"),
        Column("at", "time", required=False),
        Column("planned_share", "share", required=False, help="the arm's share as planned, 0 to 1"),
    ),
    rows=assignment_rows,
    once=("experiment", "person"),
)
