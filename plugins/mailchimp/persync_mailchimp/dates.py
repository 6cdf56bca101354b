"""Mailchimp's dates: ISO 8601 with an offset, or "" or null where there is none."""

from __future__ import annotations

from datetime import UTC, datetime

from persync.errors import RecordError

__all__ = ["PROXY_FLAG_FROM", "moment", "when"]

PROXY_FLAG_FROM = 1_719_014_400_000
"""2024-06-22T00:00Z in ms: for mail sent before it Mailchimp does not tell opens by mail proxies from others."""


def moment(text: str | None, field: str) -> int | None:
    """Return epoch milliseconds, None for "" and null. A date without an offset is UTC. Raise RecordError on other text."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise RecordError("is not a date", field=field) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return round(found.timestamp() * 1000)


def when(at: int | None) -> str:
    """Write epoch milliseconds as Mailchimp does; "" where there is no date."""
    return "" if at is None else datetime.fromtimestamp(at // 1000, UTC).isoformat()
