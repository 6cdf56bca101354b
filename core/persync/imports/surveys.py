"""`surveys`: answers to surveys, without their text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer
from persync.rows import Feedback, Row


def survey_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One answer a line."""
    yield Feedback(
        submission=line["answer"],
        person=line["person"],
        kind=line["kind"].upper(),
        survey=line["survey"],
        channel=line["channel"],
        value=line["value"],
        grade=None,
        submitted_at=line["at"],
    )


SURVEYS = Importer(
    kind="surveys",
    summary="Answers to surveys, without their text.",
    columns=(
        Column("answer", "text", help="the tool's own number of the answer"),
        Column("at", "time"),
        Column("kind", "text", help="nps, csat, ces, trust ...: answers of one kind have one scale"),
        Column("value", "number"),
        Column("person", "person", required=False, help="empty when it was given without a name"),
        Column("survey", "text", required=False),
        Column("channel", "text", required=False),
    ),
    rows=survey_rows,
    once=("answer",),
)
