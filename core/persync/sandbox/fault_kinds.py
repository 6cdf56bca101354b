"""Kinds of faults that concern an answer as a whole: refused, late, cut, or not what was asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

from persync.sandbox.refusal import Refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    `match` is a regular expression sought in "METHOD /path?query", `body` one sought in the request's body (GraphQL has one
    path for all). The first `after` requests that fit pass, the next `times` fail (None: all that follow).
    """

    kind: str
    match: str = ""
    body: str = ""
    after: int = 0
    times: int | None = 1
    retry_after: float | None = None
    """seconds in the Retry-After header, None for no header"""
    seconds: float | None = None
    """how late an answer is, or by how much a clock is wrong; None for the kind's own measure"""


class PlannedResetError(ConnectionResetError):
    """Raised where a connection is closed on purpose, before a byte of an answer."""


Kind = Callable[[Fault, App, Scope, Receive, Send], Awaitable[None]]


def _problem(status: int, title: str) -> Refusal:
    return Refusal(status, {"status": status, "title": title, "detail": f"{title}.", "message": f"{title}."})


REFUSALS: Mapping[str, Refusal] = {
    "too_many": _problem(429, "Too Many Requests"),
    "too_many_for": _problem(429, "Too Many Requests"),
    "too_many_until": _problem(429, "Too Many Requests"),
    "throttled_403": Refusal(403, "<html><body>Access Denied</body></html>", "text/html"),
    "forbidden": _problem(403, "Forbidden"),
    "unauthorised": _problem(401, "Unauthorized"),
    "token_expired": _problem(401, "Unauthorized"),
    "broken": _problem(500, "Internal Server Error"),
    "gateway": Refusal(502, "<html><head><title>502 Bad Gateway</title></head><body></body></html>", "text/html"),
    "bad_json": Refusal(200, "<html><body>We are back soon.</body></html>"),
    "error_inside": Refusal(200, {"error": "internal", "status": 500, "message": "Something went wrong."}),
    "expired_cursor": _problem(400, "The cursor is not valid any more"),
}
"""the kinds that answer in the vendor's place, and what with unless its sandbox says something of its own"""

SAME = {"too_many_for": "too_many", "too_many_until": "too_many", "token_expired": "unauthorised"}
"""kinds that a vendor answers as it does others"""


async def refuse(fault: Fault, refusal: Refusal, send: Send) -> None:
    """Answer with a refusal, and with the Retry-After of the fault."""
    body = refusal.text()
    headers = {"content-type": refusal.kind, "content-length": str(len(body)), **refusal.headers}
    wait = fault.retry_after
    if fault.kind == "too_many_until":
        # A date, beside the answer's own: only the two together say how long.
        now = time.time()
        headers |= {"date": formatdate(now, usegmt=True), "retry-after": formatdate(now + (wait or 1.0), usegmt=True)}
    elif wait is not None or fault.kind == "too_many_for":
        headers["retry-after"] = f"{1.0 if wait is None else wait:g}"
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def capture(app: App, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    """Run the application and return the start of its answer and the whole body."""
    started: list[Message] = []
    parts: list[bytes] = []

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            started.append(message)
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, collect)
    return started[0], b"".join(parts)


def with_length(start: Message, length: int) -> Message:
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    return {**start, "headers": [*headers, (b"content-length", str(length).encode())]}


async def _truncated(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Cut the body in half and say so in Content-Length: good HTTP, bad JSON."""
    start, body = await capture(app, scope, receive)
    half = body[: len(body) // 2]
    await send(with_length(start, len(half)))
    await send({"type": "http.response.body", "body": half, "more_body": False})


async def _reset(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Announce the whole body, send half of it and close the connection."""
    start, body = await capture(app, scope, receive)
    await send(with_length(start, len(body)))
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


async def _reset_before(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Close the connection before a single byte of an answer."""
    raise PlannedResetError("closed on purpose")


def _skewed(sign: int) -> Kind:
    async def kind(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await capture(app, scope, receive)
        said = {name.lower(): value.decode("latin-1") for name, value in start["headers"]}.get(b"date", "")
        now = parsedate_to_datetime(said).timestamp() if said else time.time()
        wrong = formatdate(now + sign * (6 * 3600.0 if fault.seconds is None else fault.seconds), usegmt=True)
        headers = [pair for pair in start["headers"] if pair[0].lower() != b"date"]
        await send({**start, "headers": [*headers, (b"date", wrong.encode())]})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return kind


def _late(fault: Fault, default: float) -> float:
    return default if fault.seconds is None else fault.seconds


async def _hang(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Say nothing for `seconds`: longer than anybody waits."""
    await asyncio.sleep(_late(fault, 600.0))


async def _slow_body(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the body in two halves, `seconds` apart."""
    start, body = await capture(app, scope, receive)
    await send(start)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await asyncio.sleep(_late(fault, 0.05))
    await send({"type": "http.response.body", "body": body[len(body) // 2 :], "more_body": False})


async def _slow(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(_late(fault, 0.05))
    await app(scope, receive, send)


ANSWERS: Mapping[str, Kind] = {
    "truncated": _truncated,
    "reset": _reset,
    "reset_before": _reset_before,
    "slow": _slow,
    "slow_body": _slow_body,
    "hang": _hang,
    "clock_ahead": _skewed(1),
    "clock_behind": _skewed(-1),
}
"""the kinds that spoil a good answer on its way, by name"""
