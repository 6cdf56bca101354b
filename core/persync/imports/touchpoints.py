"""`touchpoints`: messages and visits that no connection reads, one line each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.importer import Column, Importer
from persync.rows import Action, CampaignRef, Row, Touchpoint


def touchpoint_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One touchpoint a line; lines that are equal in what makes a touchpoint's key are numbered."""
    yield Touchpoint(
        campaign=CampaignRef(("id", line["campaign"])) if line["campaign"] else None,
        person=line["person"],
        action=Action[(line["action"] or "click").upper()],
        happened_at=line["at"],
        ordinal=line["ordinal"],
        level=int(line["level"]) if line["level"] else None,
        channel=line["channel"],
        source=line["source"] or "",
    )


TOUCHPOINTS = Importer(
    kind="touchpoints",
    summary="Messages and visits that no connection reads.",
    columns=(
        Column("person", "person"),
        Column("at", "time"),
        Column("channel", "text", help="email, sms, paid_search, direct ..."),
        Column("campaign", "text", required=False),
        Column(
            "action", "text", required=False, help="click when empty", choices=tuple(action.name.lower() for action in Action)
        ),
        Column("level", "text", required=False, help="personalisation level", choices=("0", "1", "2", "3", "4")),
        Column("source", "text", required=False),
    ),
    rows=touchpoint_rows,
    counted=("person", "at", "campaign", "action"),
)
