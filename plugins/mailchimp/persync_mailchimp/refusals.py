"""How Mailchimp refuses, for the faults of its sandbox: problem documents, and XML from where result files lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from persync.sandbox import Refusal

__all__ = ["refusal"]

_GLOSSARY: Final = "https://mailchimp.com/developer/marketing/docs/errors/"


def _problem(status: int, title: str, detail: str) -> Refusal:
    told = {"type": _GLOSSARY, "title": title, "status": status, "detail": detail, "instance": "sandbox-0001"}
    return Refusal(status, told, "application/problem+json")


_OWN: Final[Mapping[str, Refusal]] = {
    "too_many": _problem(429, "Too Many Requests", "You have exceeded the limit of simultaneous connections."),
    "forbidden": _problem(403, "Forbidden", "You are not permitted to access this resource."),
    "unauthorised": _problem(401, "API Key Invalid", "Your API key may be invalid, or it belongs to another data center."),
    "broken": _problem(500, "Internal Server Error", "An unexpected internal error has occurred."),
    "error_inside": Refusal(200, _problem(500, "Internal Server Error", "An unexpected internal error has occurred.").body),
    "expired_cursor": _problem(400, "Invalid Resource", "The resource submitted could not be validated."),
}
_DEAD_LINK: Final = Refusal(
    403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", "application/xml"
)


def refusal(kind: str, path: str) -> Refusal | None:
    """Return what Mailchimp answers. It has no cursors; what expires there is the link to a batch's result."""
    if kind == "expired_cursor" and "/3.0/" not in path:
        return _DEAD_LINK
    return _OWN.get(kind)
