"""`assignments`: who was drawn into which arm of an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Draw, Importer, Stored
from persync.imports.values import shown
from persync.rows import Assignment, Row


class OneDraw:
    """Holds a draw against those of earlier files: who changes arms in the middle of a test spoils it."""

    def __init__(self) -> None:
        self._arms: dict[Draw, tuple[str, int]] = {}

    def see(self, line: dict[str, Any], number: int) -> str | None:
        """Note who is drawn where."""
        self._arms[line["experiment"], line["person"]] = (line["arm"], number)
        return None

    def end(self, stored: Stored) -> Iterator[tuple[int, str]]:
        """Refuse to draw a person again into another arm; the first draw stays."""
        known = stored.arms(self._arms)
        for draw, (arm, number) in self._arms.items():
            first = known.get(draw, arm)
            if first != arm:
                yield (
                    number,
                    f"this person is in arm {shown(first)} of {shown(draw[0])} by an earlier draw, not in {shown(arm)};"
                    " a new draw needs a name of its own.",
                )

    def complete(self, line: dict[str, Any]) -> None:
        """Nothing is added."""


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
    summary="Who was drawn into which arm of an experiment; a person stands once in each, and stays in the arm first read.",
    columns=(
        Column("experiment", "text"),
        Column("person", "person"),
        Column("arm", "text"),
        Column("at", "time", required=False),
        Column("planned_share", "share", required=False, help="the arm's share as planned, 0 to 1"),
    ),
    rows=assignment_rows,
    once=("experiment", "person"),
    check=OneDraw,
)
