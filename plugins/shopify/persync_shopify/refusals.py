"""How Shopify refuses, for the faults of its sandbox: mostly with HTTP 200 and the reason in `errors`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from persync.sandbox import Refusal

__all__ = ["refusal"]

_BUCKET: Final = {"maximumAvailable": 2000.0, "currentlyAvailable": 1.0, "restoreRate": 100_000.0}


def _errors(message: str, code: str = "", **more: Any) -> dict[str, Any]:
    coded = {"extensions": {"code": code, **more}} if code else {}
    return {"errors": [{"message": message, **coded}]}


_OWN: Final[Mapping[str, Refusal]] = {
    "too_many": Refusal(429, {"errors": "Exceeded 2 calls per second for api client. Reduce request rates."}),
    "forbidden": Refusal(
        200,
        {
            "data": None,
            **_errors("Access denied for orders field.", "ACCESS_DENIED", requiredAccess="`read_orders` access scope."),
        },
    ),
    "unauthorised": Refusal(401, {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}),
    "broken": Refusal(500, {"errors": "Internal Server Error"}),
    "error_inside": Refusal(
        200,
        {
            **_errors("Throttled", "THROTTLED"),
            "extensions": {"cost": {"requestedQueryCost": 50, "actualQueryCost": None, "throttleStatus": _BUCKET}},
        },
    ),
    "expired_cursor": Refusal(
        200, {"data": None, "errors": [{"message": "Invalid cursor for current pagination sort.", "path": ["orders"]}]}
    ),
}


def refusal(kind: str, path: str) -> Refusal | None:
    """Return what Shopify answers, None where it has no way of its own."""
    return _OWN.get(kind)
