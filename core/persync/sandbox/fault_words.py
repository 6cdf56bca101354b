"""What each kind of fault does, and what persync makes of it: the table of docs/sandbox.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["WORDS"]

_AGAIN: Final = "asked again, up to six times, longer and longer apart"
_ONCE_MORE: Final = "asked for once more"
_HOLE: Final = "the part is a hole in coverage (exit code 3) and the next pull reads it"

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "bad_json": ("HTTP 200 with a web page in place of JSON", f"{_ONCE_MORE}; if it is so twice, {_HOLE}"),
    "broken": ("HTTP 500", _AGAIN),
    "changed_type": (
        "the id of the first record has another type",
        "the record is a reject (exit code 3), the page goes on; `persync pull --rejects` reads it again",
    ),
    "clock_ahead": (
        "the answer's Date is `seconds` (six hours) later than it should be",
        "nothing is missed: what changed last comes with the next pull; `persync doctor` warns",
    ),
    "clock_behind": (
        "the answer's Date is `seconds` (six hours) earlier than it should be",
        "windows end by the vendor's clock where all its answers agree, so that none is passed over; `persync doctor` warns",
    ),
    "doubled_page": ("every record of a page comes twice", "written once"),
    "emptied_page": (
        "a page holds no record",
        f"{_ONCE_MORE} where the page before, the total or the next link promised records; believed the second time",
    ),
    "empty_with_next": (
        "a page holds no record, and a link that leads to itself",
        f"{_ONCE_MORE}; if it is so twice, {_HOLE}",
    ),
    "endless_next": ("a page has a next link that leads to itself, or a total without end", f"noticed: {_HOLE}"),
    "error_inside": (
        "an error in an answer with HTTP 200: Shopify's THROTTLED, HubSpot's 207 with half a batch, a problem document",
        "what it says is done: wait, ask again, or a hole; never an empty page",
    ),
    "expired_cursor": (
        "the place to go on from is not known any more, in each vendor's words",
        f"v1 offsets: asked again in a shorter slice; else {_HOLE}, from its beginning",
    ),
    "forbidden": (
        "HTTP 403 with a reason (Shopify: 200 and ACCESS_DENIED)",
        "the stream is skipped for scope, role or tier: a hole in coverage that is said, exit code 0",
    ),
    "gateway": ("HTTP 502 with a web page", _AGAIN),
    "hang": ("no answer for `seconds` (600)", f"given up after 125 seconds without a byte, then {_AGAIN}"),
    "missing_field": (
        "the first record lacks its id",
        "the record is a reject (exit code 3), the page goes on; `persync pull --rejects` reads it again",
    ),
    "new_field": ("every record has a field that nobody knows", "read as before; the pull names the field"),
    "overlapping_page": ("a page begins with half of the page before", "written once"),
    "reordered_page": ("the records of a page come in the opposite order", "the same rows, whatever the order"),
    "repeated_page": (
        "a page holds the records of the page before in place of its own",
        f"noticed, {_ONCE_MORE}; if it is so twice, {_HOLE}",
    ),
    "reset": ("the connection is closed in the middle of the body", _AGAIN),
    "reset_before": ("the connection is closed before the answer", _AGAIN),
    "slow": ("the answer comes `seconds` (0.05) late", "waited for"),
    "slow_body": ("the two halves of the body come `seconds` (0.05) apart", "waited for"),
    "throttled_403": (
        "HTTP 403 with a web page: how Mailchimp throttles",
        f"Mailchimp: {_AGAIN}. HubSpot: {_HOLE}. Shopify: sign-in needed (exit code 4)",
    ),
    "token_expired": (
        "HTTP 401 to every call with the token of this one, until another is used",
        "Shopify's client credentials: a new token is asked for and the call made again. "
        "Else the connection ends with exit code 4; what was read is kept and the next pull goes on",
    ),
    "too_many": ("HTTP 429 without Retry-After, or with `retry_after`", f"{_AGAIN}, or as the vendor's rule says"),
    "too_many_for": (
        "HTTP 429 with Retry-After in seconds",
        "waited for, by all threads of the connection; beyond ten minutes the pull ends at once and says when to come back",
    ),
    "too_many_until": ("HTTP 429 with Retry-After as a date", "waited for, by the vendor's own clock"),
    "truncated": ("good HTTP, half of the JSON", f"{_ONCE_MORE}; if it is so twice, {_HOLE}"),
    "unauthorised": (
        "HTTP 401, once",
        "Shopify's client credentials: a new token is asked for. Else the connection ends with exit code 4",
    ),
}
"""{kind: (what it does, what persync makes of it)}"""
