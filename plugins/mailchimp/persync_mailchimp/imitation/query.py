"""What the imitated API makes of a query: paging, dates, enums, and the problem documents for bad ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from starlette.requests import Request

__all__ = ["DIRECTIONS", "LINKS", "Problem", "invalid", "moment_of", "not_found", "one_of", "page", "within"]

MAX_COUNT = 1000
DEFAULT_COUNT = 10
DIRECTIONS = ("ASC", "DESC")
LINKS = [{"rel": "self", "href": "https://us0.api.mailchimp.com/3.0/", "method": "GET"}]

T = TypeVar("T")


class Problem(Exception):  # noqa: N818 - the vendor's own name for its error answers
    """A problem document: HTTP status, title, detail, and (field, message) pairs."""

    def __init__(self, status: int, title: str, detail: str, errors: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(title)
        self.status, self.title, self.detail, self.errors = status, title, detail, errors


def not_found() -> Problem:
    """Return the answer for an id that does not exist."""
    return Problem(404, "Resource Not Found", "The requested resource could not be found.")


def invalid(field: str, message: str) -> Problem:
    """Return the answer for a parameter that cannot be used."""
    detail = "The resource submitted could not be validated. For field-specific details, see the 'errors' array."
    return Problem(400, "Invalid Resource", detail, [(field, message)])


def moment_of(request: Request, name: str) -> int | None:
    """Return a date of the query in epoch milliseconds, None when it is not given."""
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(name, "This value should be a date and time in ISO 8601.") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()) * 1000


def one_of(request: Request, name: str, allowed: Sequence[str]) -> str | None:
    """Return a value of a closed set, None when it is not given."""
    value = request.query_params.get(name)
    if value is not None and value not in allowed:
        raise invalid(name, f"This value should be one of: {', '.join(allowed)}.")
    return value


def page(
    request: Request, collection: str, found: Sequence[T], render: Callable[[T], dict[str, Any]], **envelope: Any
) -> dict[str, Any]:
    """Return the envelope with the asked page of `found`: `count` 10 unless told and 1,000 at most, from `offset`."""
    count = _number(request, "count", DEFAULT_COUNT, MAX_COUNT)
    offset = _number(request, "offset", 0)
    slow_above = request.scope.get("persync.slow_above")
    if slow_above is not None and count > slow_above:
        raise Problem(500, "Internal Server Error", "The request took longer than 120 seconds.")
    items = [{**render(item), "_links": LINKS} for item in found[offset : offset + count]]
    return {collection: items, **envelope, "total_items": len(found)}


def _number(request: Request, name: str, default: int, most: int | None = None) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise invalid(name, "This value should be a whole number of at least 0.")
    if most is not None and int(text) > most:
        raise invalid(name, f"This value should be {most} or less.")
    return int(text)


def within(at: int | None, since: int | None, before: int | None) -> bool:
    """Say whether a moment lies after `since` and before `before`; no moment is outside any bound."""
    if at is None:
        return since is None and before is None
    return (since is None or at > since) and (before is None or at < before)
