"""`audit`: what the user answers about the programme itself: what is told to people, who is trained, what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from persync.imports.importer import Column, Importer
from persync.rows import Feedback, Row

ITEMS: Final = (
    "notice",
    "why",
    "data_listed",
    "plain_language",
    "control",
    "explains_data",
    "explains_source",
    "explains_choice",
    "explains_effect",
    "explains_stop",
    "explanation_readability",
    "manipulation",
    "staff_trained",
    "guidelines",
    "review",
    "incident",
    "data_requests",
    "data_request_days",
)
"""what can be answered"""


def audit_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One answer a line; of several to one item the newest counts."""
    yield Feedback(
        submission=f"audit|{line['item']}|{line['scope'] or ''}|{line['at']}",
        person=None,
        kind="AUDIT",
        survey=line["item"],
        channel=line["scope"],
        value=line["value"],
        grade=line["answer"],
        submitted_at=line["at"],
    )


AUDIT = Importer(
    kind="audit",
    summary="Answers about the programme itself: what people are told, who is trained, what went wrong.",
    columns=(
        Column("item", "text", choices=ITEMS, help="what is answered"),
        Column("answer", "text", choices=("yes", "no", "unknown"), help="unknown is not no"),
        Column("at", "time", help="when it was looked at; of several answers the newest counts"),
        Column(
            "scope",
            "text",
            required=False,
            help="the message (id or title) or item it is about; empty = the whole programme",
        ),
        Column("value", "number", required=False, help="where a number is asked for: a share, a score, days, how many"),
    ),
    rows=audit_rows,
    once=("item", "scope", "at"),
)
