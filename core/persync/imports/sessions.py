"""`sessions`: visits to the shop's site, from a web analytics export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from persync.imports.checks import each_line, not_negative
from persync.imports.importer import Column, Importer
from persync.rows import Row, Session


def session_rows(line: dict[str, Any], number: int) -> Iterator[Row]:
    """One visit a line; what the tool did not tell stays unknown."""
    yield Session(
        session=line["session"],
        person=line["person"],
        started_at=line["at"],
        source=line["source"],
        medium=line["medium"],
        campaign=line["campaign"],
        device=line["device"],
        pages=line["pages"],
        seconds=line["seconds"],
        is_bounced=line["bounced"],
        experience=line["experience"],
        is_converted=line["converted"],
    )


SESSIONS = Importer(
    kind="sessions",
    summary="Visits to the shop's site, from a web analytics export.",
    columns=(
        Column("session", "text", help="the tool's own number of the visit"),
        Column("at", "time", help="when it began"),
        Column("person", "person", required=False, help="empty when nobody is known"),
        Column("source", "text", required=False, help="utm_source: newsletter, google ..."),
        Column("medium", "text", required=False, help="utm_medium; email is what counts as e-mail's"),
        Column("campaign", "text", required=False, help="utm_campaign"),
        Column("device", "text", required=False, help="mobile, desktop, tablet"),
        Column("pages", "integer", required=False, help="page views"),
        Column("seconds", "number", required=False, help="active seconds"),
        Column("bounced", "flag", required=False, help="one page and nothing further"),
        Column("experience", "text", required=False, help="what was shown: personalised, generic, a variant's name"),
        Column("converted", "flag", required=False, help="whether it reached the goal"),
    ),
    rows=session_rows,
    once=("session",),
    check=each_line(not_negative("pages", "seconds")),
)
