"""How HubSpot refuses, for the faults of its sandbox: its error body, an older one for v1, and 207 for half a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from persync.sandbox import Refusal

__all__ = ["refusal"]


def _error(message: str, category: str, **more: Any) -> dict[str, Any]:
    return {"status": "error", "message": message, "correlationId": "sandbox-0001", "category": category, **more}


_OWN: Final[Mapping[str, Refusal]] = {
    "too_many": Refusal(
        429,
        {
            "status": "error",
            "message": "You have reached your ten_secondly_rolling limit.",
            "errorType": "RATE_LIMIT",
            "correlationId": "sandbox-0001",
            "policyName": "TEN_SECONDLY_ROLLING",
        },
    ),
    "forbidden": Refusal(
        403,
        _error(
            "This app hasn't been granted all required scopes to make this call.",
            "MISSING_SCOPES",
            errors=[{"message": "One or more scopes are missing.", "context": {"requiredScopes": ["contacts"]}}],
        ),
    ),
    "unauthorised": Refusal(401, _error("The access token is expired or invalid.", "INVALID_AUTHENTICATION")),
    "broken": Refusal(500, _error("internal error", "INTERNAL_ERROR")),
    "error_inside": Refusal(
        207,
        {
            "status": "COMPLETE",
            "results": [],
            "numErrors": 1,
            "errors": [_error("Some of the batch could not be read.", "INTERNAL_ERROR")],
        },
    ),
    "expired_cursor": Refusal(400, _error("There was a problem with the request: the cursor is gone.", "VALIDATION_ERROR")),
}
_DEAD_OFFSET: Final = Refusal(400, {"status": "error", "message": "The offset is no longer valid."})


def refusal(kind: str, path: str) -> Refusal | None:
    """Return what HubSpot answers, None where it has no way of its own."""
    if kind == "expired_cursor" and "/v1/" in path:
        return _DEAD_OFFSET
    return _OWN.get(kind)
