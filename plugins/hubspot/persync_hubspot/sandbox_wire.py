"""What the imitated endpoints share: refusals in HubSpot's words, times, page sizes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Query = Mapping[str, list[str]]


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of this program
    """An error answer. Without a category it takes the older shape of the v1 API."""

    def __init__(self, status: int, message: str, category: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.category = category

    def body(self, correlation: str) -> dict[str, Any]:
        """Return the error body."""
        told = {"status": "error", "message": self.message, "correlationId": correlation}
        return {**told, "category": self.category} if self.category else told


def correlation_id(call: int) -> str:
    """Return the id of a call, in the form of a UUID."""
    return uuid_of(f"call {call}")


def uuid_of(name: str) -> str:
    """Return a UUID-shaped name of something; the same name gives the same one."""
    digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}"


def iso(at: int) -> str:
    """Write epoch milliseconds as the CRM does: ISO 8601 UTC with a fraction."""
    moment = datetime.fromtimestamp(at // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


def first(query: Query, name: str, default: str = "") -> str:
    """Return the first value of a parameter."""
    return query.get(name, [default])[0]


def listed(query: Query, name: str) -> list[str]:
    """Return a list parameter, repeated or joined by commas."""
    return [part for value in query.get(name, []) for part in value.split(",") if part]


def page_size(value: str, *, default: int, most: int, category: str = "VALIDATION_ERROR") -> int:
    """Return the page size asked for; refuse one that is no number, below 1 or over the cap."""
    if not value:
        return default
    if not value.lstrip("-").isdigit() or not 1 <= int(value) <= most:
        raise Refusal(400, f"Invalid request to API. limit must be between 1 and {most}, not {value[:20]}", category)
    return int(value)
