"""A bulk operation as Shopify describes it, and what its state means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from persync.connect import picked

__all__ = ["Job", "Verdict", "first_line", "job_of", "started"]

Verdict = Literal["runs", "done", "gone", "cancelled", "timeout", "denied", "failed"]

_RUNS: Final = frozenset({"CREATED", "RUNNING"})
_BUSY: Final = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})
_FAILED: Final[dict[str, Verdict]] = {"TIMEOUT": "timeout", "ACCESS_DENIED": "denied"}


@dataclass(frozen=True, slots=True)
class Job:
    """One bulk operation. Counts are text in Shopify's answers (UnsignedInt64), numbers here; None when not told."""

    id: str
    status: str
    error: str | None
    objects: int | None
    roots: int | None
    size: int | None
    url: str | None
    partial: bool

    @property
    def verdict(self) -> Verdict:
        """What to do about it. An operation with an error code or partial data is never done, whatever its status says."""
        if self.status in _RUNS:
            return "runs"
        if self.status in ("CANCELED", "CANCELING"):
            return "cancelled"
        if self.status == "EXPIRED":
            return "gone"
        if self.status == "COMPLETED" and self.error is None and not self.partial:
            return "done"
        return _FAILED.get(self.error or "", "failed")


def job_of(body: bytes) -> Job | None:
    """Read the answer to a poll; None when Shopify knows no such operation."""
    (node,) = picked(body, "data.bulkOperation")
    if not isinstance(node, dict):
        return None
    return Job(
        id=str(node.get("id", "")),
        status=str(node.get("status", "")),
        error=None if (code := node.get("errorCode")) is None else str(code),
        objects=_number(node.get("objectCount")),
        roots=_number(node.get("rootObjectCount")),
        size=_number(node.get("fileSize")),
        url=url if isinstance(url := node.get("url"), str) and url else None,
        partial=bool(node.get("partialDataUrl")),
    )


def _number(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() else None


def started(body: bytes) -> tuple[str | None, bool, str]:
    """Read the answer to a run: (the operation's id, whether others are in the way, what Shopify says is wrong)."""
    operation, errors = picked(body, "data.bulkOperationRunQuery.bulkOperation", "data.bulkOperationRunQuery.userErrors")
    if isinstance(operation, dict) and operation.get("id"):
        return str(operation["id"]), False, ""
    found = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    words = " ".join(str(error.get("message") or "") for error in found).strip()
    # Until 2026-01 the reason had no code.
    busy = any(str(error.get("code")) in _BUSY for error in found) or "already in progress" in words
    return None, busy, words


def first_line(text: Any) -> str:
    """Return the first line of an operation's text, where our own carry their mark."""
    return text.split("\n", 1)[0].strip() if isinstance(text, str) else ""
