"""What Shopify's refusals mean. Many come with HTTP 200: the reason then stands in `errors`."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from persync.connect import picked
from persync.errors import PersyncError, ResponseError, SkipStreamError, TransientError

__all__ = ["graphql_failure", "oauth_failure"]

_FAULTS: Final = frozenset({"INTERNAL_SERVER_ERROR", "TIMEOUT", "SERVICE_UNAVAILABLE"})
_ADDRESS: Final = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_AGAIN: Final = "Pull again: it goes on where it stopped."
_CHANGED: Final = "Shopify may have changed this call: update persync."
_TOO_DEAR: Final = "Shopify counts this query dearer than it did: update persync."


def graphql_failure(body: bytes) -> PersyncError | None:
    """Return the error inside an answer with HTTP 200; None when all or nearly all of it can be used.

    Throttled: TransientError with the wait that the bucket's state gives. Too costly: TransientError with `shrink`. A whole
    stream denied: SkipStreamError. Single fields denied: None, the reader passes their names on. Anything else: ResponseError.
    """
    if b'"errors"' not in body:
        return None
    errors, data, cost = picked(body, "errors", "data", "extensions.cost")
    if not errors:
        return None
    if not isinstance(errors, list):
        said = errors if isinstance(errors, str) else orjson.dumps(errors).decode()
        return ResponseError(f"Shopify answers: {_words(said)}", hint=_CHANGED)
    found: list[dict[str, Any]] = [error if isinstance(error, dict) else {"message": str(error)} for error in errors]
    codes = [str((error.get("extensions") or {}).get("code", "")) for error in found]
    if "THROTTLED" in codes:
        return TransientError("the bucket of query points is empty.", throttled=True, wait=_refill(cost), hint=_AGAIN)
    if "MAX_COST_EXCEEDED" in codes:
        extensions = found[codes.index("MAX_COST_EXCEEDED")]["extensions"]
        return TransientError(
            f"the query costs {extensions.get('cost')} points, {extensions.get('maxCost')} are allowed.",
            shrink=True,
            hint=_TOO_DEAR,
        )
    for error, code in zip(found, codes, strict=True):
        if code in _FAULTS:
            return TransientError(f"Shopify failed ({code}): {_words(error.get('message'))}", hint=_AGAIN)
        # A cursor that is not good any more comes without a code too, and is no matter of access.
        lost = "cursor" in str(error.get("message", "")).lower()
        denied = code == "ACCESS_DENIED" or (not code and bool(error.get("path")) and not lost)
        if not denied:
            return _refused(error, code)
        if _is_whole(error.get("path"), data):
            return _skipped(error)
    return None


def _refill(cost: Any) -> float | None:
    """Return the seconds until the bucket holds the query: (requested - available) / restore rate."""
    try:
        bucket = cost["throttleStatus"]
        seconds = (cost["requestedQueryCost"] - bucket["currentlyAvailable"]) / bucket["restoreRate"]
        return max(0.0, float(seconds))
    except (KeyError, TypeError, ZeroDivisionError):
        return None


def _is_whole(path: Any, data: Any) -> bool:
    """Tell whether a denial took the whole answer: its top field is null, or there is no data at all."""
    if not isinstance(data, dict):
        return True
    top = path[0] if isinstance(path, list) and path else None
    return top is None or data.get(top) is None


def _skipped(error: dict[str, Any]) -> SkipStreamError:
    needed = (error.get("extensions") or {}).get("requiredAccess")
    return SkipStreamError(
        _words(error.get("message") or "access denied."),
        reason="scope",
        hint=f"Give the app: {needed}" if needed else "Give the app access to this data in Shopify, then pull again.",
    )


def _refused(error: dict[str, Any], code: str) -> ResponseError:
    hint = _CHANGED
    if code == "undefinedField":
        hint = "The API version lacks a field persync asks for: remove api_version from persync.toml, or take a newer one."
    elif code == "SHOP_INACTIVE":
        hint = "The shop is paused or closed: its owner must open it again."
    return ResponseError(f"Shopify refuses the query ({code or 'no code'}): {_words(error.get('message'))}", hint=hint)


def _words(text: Any) -> str:
    """Return what Shopify says, on one line and without any address it quotes."""
    return _ADDRESS.sub("(address)", " ".join(str(text or "").split()))[:300]


def oauth_failure(body: bytes) -> str:
    """Return what to do about a refused client-credentials grant, "" when the answer is about something else."""
    if b"shop_not_permitted" in body:
        return (
            "shop_not_permitted: id and secret are right, but the app and the shop belong to different organisations. "
            "The shop's owner must create the app in their own Dev Dashboard."
        )
    for sign in (b"application_cannot_be_found", b"invalid_client"):
        if sign in body:
            return f"{sign.decode()}: no app has this client id and secret."
    return ""
