"""`decisions`: what somebody or something decided about people, to be held against their groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer
from persync.rows import Decision, Row


def decision_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One decision a line."""
    yield Decision(
        decision=line["decision"],
        person=line["person"],
        selected=line["selected"],
        score=line["score"],
        qualified=line["qualified"],
        decided_at=line["at"],
    )


DECISIONS = Importer(
    kind="decisions",
    summary="Who was selected for an offer, a discount, a message, and who was not.",
    columns=(
        Column("decision", "text", help="the name it is read by"),
        Column("person", "person"),
        Column("selected", "flag"),
        Column("score", "number", required=False),
        Column("qualified", "flag", required=False, help="whether they turned out to deserve it"),
        Column("at", "time", required=False),
    ),
    rows=decision_rows,
    once=("decision", "person", "at"),
)
