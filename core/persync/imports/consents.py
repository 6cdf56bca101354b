"""`consents`: what people said about being written to, or about personalisation, as a preference centre tells it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer
from persync.rows import ConsentChange, Row


def consent_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One change a line."""
    yield ConsentChange(person=line["person"], channel=line["channel"], state=line["state"], happened_at=line["at"])


CONSENTS = Importer(
    kind="consents",
    summary="What people said about being written to, or about personalisation, and when.",
    columns=(
        Column("person", "person"),
        Column("channel", "text", help="email, sms, personalisation; email/list:ID for one list alone"),
        Column("state", "text", choices=("subscribed", "unsubscribed"), help="subscribed = yes, unsubscribed = no more"),
        Column("at", "time"),
    ),
    rows=consent_rows,
    once=("person", "channel", "at"),
)
