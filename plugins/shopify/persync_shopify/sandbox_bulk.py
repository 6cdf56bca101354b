"""Bulk operations of the imitated shop, good and bad: `app(world, bulk=Bulk(...))` says what becomes of them.

An operation is created, runs for some polls and ends. Its file lies on another host than the API, and that host refuses whoever
shows it a token.
"""

from __future__ import annotations

import random
import re
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from persync_shopify.sandbox_bulk_text import lines_of, problem, runnable
from persync_shopify.sandbox_parts import HERE, Part, Shop

__all__ = ["Bulk", "Operation", "Outcome", "bulk_operations"]

MOST_AT_ONCE: Final = 5

Outcome = Literal[
    "good", "timeout", "internal", "denied", "cancelled", "lost", "expired", "expiring", "truncated", "resized", "partial"
]
"""How an operation ends: `lost` is no longer known, `expired` before it is read, `expiring` after one part of its file,
`truncated` lacks its last line and counts it, `resized` counts a byte too many, `partial` is complete with an error code."""

_FAILED: Final = {"timeout": "TIMEOUT", "internal": "INTERNAL_SERVER_ERROR", "denied": "ACCESS_DENIED"}


@dataclass
class Operation:
    """One bulk operation. `text` is its query as it came; `polls` how often it was asked for."""

    number: int
    text: str
    outcome: Outcome
    lines: list[bytes] = field(default_factory=list)
    polls: int = 0
    served: int = 0
    signature: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def id(self) -> str:
        """The id by which it is asked for."""
        return f"gid://shopify/BulkOperation/{self.number}"

    @property
    def file(self) -> bytes:
        """What the storage serves."""
        lines = self.lines[:-1] if self.outcome == "truncated" else self.lines
        return b"".join(line + b"\n" for line in lines)


@dataclass
class Bulk:
    """What becomes of bulk operations, and what became of them.

    `outcomes` are those of the first operations, in order; all others are good, but time out when they find more than
    `times_out_over` orders. `polls` is how often one is asked for until it ends. The first `busy` attempts find others in the
    way. `order` is how lines lie in the file: as found, `mixed`, or `reversed` (children before their parents). `foreign` are
    the texts of other apps' operations that run all the time.
    """

    outcomes: Sequence[Outcome] = ()
    polls: int = 2
    busy: int = 0
    order: Literal["found", "mixed", "reversed"] = "found"
    times_out_over: int | None = None
    foreign: Sequence[str] = ()
    cuts: int | None = None
    """of the children of one parent no more come than this, and nothing says so"""
    silent: bool = False
    """a field that is denied comes as null and nothing says so, instead of failing the operation"""
    operations: list[Operation] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    """tokens that were shown to the storage"""


def bulk_operations(shop: Shop) -> Part:
    """Return the fields and the storage of bulk operations."""
    given = shop.options.get("bulk")
    machine = _Machine(shop, given if isinstance(given, Bulk) else Bulk())
    return Part(
        query={"bulkOperation": machine.one, "bulkOperations": machine.list},
        mutation={"bulkOperationRunQuery": machine.run},
        routes=(Route("/bulk/{name}", machine.serve, methods=["GET"]),),
    )


class _Machine:
    def __init__(self, shop: Shop, bulk: Bulk) -> None:
        self._shop = shop
        self._bulk = bulk
        self._lock = threading.Lock()
        self._foreign = [Operation(900 + i, text, "good") for i, text in enumerate(bulk.foreign)]

    # -- the API ----------------------------------------------------------------------------------------------------

    def run(self, query: str, groupObjects: bool = False) -> dict[str, Any]:  # noqa: N803 - the argument's own name
        with self._lock:
            bulk = self._bulk
            running = [each for each in (*bulk.operations, *self._foreign) if self._status(each) in ("CREATED", "RUNNING")]
            if bulk.busy > 0 or len(running) >= MOST_AT_ONCE:
                bulk.busy -= 1
                code = "LIMIT_REACHED" if bulk.busy % 2 else "OPERATION_IN_PROGRESS"
                return _refused("A bulk query operation for this app and shop is already in progress.", code)
            wrong = problem(query, self._shop.schema())
            if wrong:
                return _refused(wrong, "INVALID", "query")
            number = len(bulk.operations)
            outcome: Outcome = bulk.outcomes[number] if number < len(bulk.outcomes) else "good"
            operation = Operation(4_000 + number, query, outcome)
            self._find(operation)
            bulk.operations.append(operation)
            return {"bulkOperation": self._shown(operation), "userErrors": []}

    def _find(self, operation: Operation) -> None:
        text, sorts = runnable(operation.text)
        try:
            answer = self._shop.run(text, {})
        except GraphQLError:
            operation.outcome = "internal"
            return
        if answer.data is None or (answer.errors and not self._bulk.silent):
            operation.outcome = "denied"
            return
        if sorts:
            # Seen with the vendor: rows are missing, and nothing says so.
            for connection in answer.data.values():
                connection["nodes"] = [node for i, node in enumerate(connection["nodes"]) if i % 3]
        operation.lines = lines_of(answer.data, self._bulk.cuts)
        over = self._bulk.times_out_over
        if over is not None and operation.outcome == "good" and _roots(operation) > over:
            operation.outcome = "timeout"
        if self._bulk.order == "mixed":
            random.Random(operation.number).shuffle(operation.lines)
        elif self._bulk.order == "reversed":
            operation.lines.reverse()

    def one(self, id: str) -> dict[str, Any] | None:
        with self._lock:
            for operation in (*self._bulk.operations, *self._foreign):
                if operation.id == id:
                    operation.polls += 1
                    lost = operation.outcome == "lost" and self._status(operation) == "COMPLETED"
                    return None if lost else self._shown(operation)
        return None

    def list(
        self, first: int = 0, after: str | None = None, query: str = "", reverse: bool = False, sort_key: str = "CREATED_AT"
    ) -> dict[str, Any]:
        with self._lock:
            found = [self._shown(each) for each in (*self._foreign, *self._bulk.operations) if each.outcome != "lost"]
        found = found[::-1] if reverse else found
        return {"nodes": found[:first], "pageInfo": {"hasNextPage": len(found) > first, "endCursor": None}}

    def _status(self, operation: Operation) -> str:
        if operation in self._foreign:
            return "RUNNING"
        if operation.polls < self._bulk.polls:
            return "RUNNING" if operation.polls else "CREATED"
        if operation.outcome in _FAILED:
            return "FAILED"
        if operation.outcome == "cancelled":
            return "CANCELED" if operation.polls > self._bulk.polls else "CANCELING"
        if operation.outcome == "expired" or (operation.outcome == "expiring" and operation.served > 1):
            return "EXPIRED"
        return "COMPLETED"

    def _shown(self, operation: Operation) -> dict[str, Any]:
        status = self._status(operation)
        ended = status == "COMPLETED"
        broken = status in ("FAILED", "CANCELED") or (ended and operation.outcome == "partial")
        # Another host than the API's, on the same machine.
        host = HERE.get().replace("//127.0.0.1", "//localhost")
        url = f"{host}bulk/{operation.number}.jsonl?signature={operation.signature}" if operation.lines else None
        return {
            "id": operation.id,
            "type": "QUERY",
            "status": status,
            "errorCode": _FAILED.get(operation.outcome, "INTERNAL_SERVER_ERROR" if ended else None) if broken else None,
            "createdAt": _moment(self._shop.data.world.now),
            "completedAt": _moment(self._shop.data.world.now) if ended else None,
            "objectCount": str(len(operation.lines) if status not in ("CREATED", "RUNNING") else 0),
            "rootObjectCount": str(_roots(operation) if status not in ("CREATED", "RUNNING") else 0),
            "fileSize": str(len(operation.file) + (operation.outcome == "resized")) if ended and url else None,
            "url": url if ended else None,
            "partialDataUrl": url if broken else None,
            "query": operation.text,
        }

    # -- the storage ------------------------------------------------------------------------------------------------

    async def serve(self, request: Request) -> Response:
        token = request.headers.get("x-shopify-access-token") or request.headers.get("authorization")
        if token is not None:
            self._bulk.leaked.append(token)
            return Response("tokens are not for storage", 400)
        with self._lock:
            named = {f"{each.number}.jsonl": each for each in self._bulk.operations}
            operation = named.get(request.path_params["name"])
            if operation is None:
                return _xml(404, "NoSuchKey")
            operation.served += 1
            if request.query_params.get("signature") != operation.signature or self._status(operation) == "EXPIRED":
                return _xml(403, "ExpiredToken")
            return _ranged(operation.file, request.headers.get("range", ""))


def _refused(message: str, code: str, *fields: str) -> dict[str, Any]:
    return {"bulkOperation": None, "userErrors": [{"field": list(fields) or None, "message": message, "code": code}]}


def _roots(operation: Operation) -> int:
    return sum(b'"__parentId"' not in line for line in operation.lines)


def _ranged(body: bytes, asked: str) -> Response:
    kind = "application/jsonl"
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", asked)
    if found is None:
        return Response(body, 200, media_type=kind)
    first, last = int(found[1]), int(found[2])
    if first >= len(body):
        return Response(b"", 416, {"content-range": f"bytes */{len(body)}"})
    part = body[first : last + 1]
    return Response(part, 206, {"content-range": f"bytes {first}-{first + len(part) - 1}/{len(body)}"}, kind)


def _xml(status: int, code: str) -> Response:
    return Response(f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>", status, media_type="application/xml")


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
