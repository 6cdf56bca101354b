"""Kinds of faults that concern an answer as a whole: refused, late, cut, or not what was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

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
    seconds: float = 0.05
    """how late a `slow` or `hang` answer is; by how much the `clock_skew` clock is wrong"""


Kind = Callable[[Fault, App, Scope, Receive, Send], Awaitable[None]]


_DATE = 1_760_000_000.0
"""the moment at which a broken clock stands"""


async def _answer(send: Send, status: int, kind: str, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> None:
    every = [("content-type", kind), ("content-length", str(len(body))), *headers]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in every]
    await send({"type": "http.response.start", "status": status, "headers": raw})
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


def _wait(fault: Fault) -> list[tuple[str, str]]:
    return [] if fault.retry_after is None else [("retry-after", f"{fault.retry_after:g}")]


def _problem(status: int, title: str) -> bytes:
    return f'{{"status": {status}, "title": "{title}", "detail": "{title}.", "message": "{title}."}}'.encode()


async def _too_many(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await _answer(send, 429, "application/json", _problem(429, "Too Many Requests"), _wait(fault))


async def _throttled_403(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await _answer(send, 403, "text/html", b"<html><body>Access Denied</body></html>", _wait(fault))


async def _unauthorised(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await _answer(send, 401, "application/json", _problem(401, "Unauthorized"))


async def _broken(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await _answer(send, 500, "application/json", _problem(500, "Internal Server Error"), _wait(fault))


async def _gateway(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await _answer(
        send, 502, "text/html", b"<html><head><title>502 Bad Gateway</title></head><body></body></html>", _wait(fault)
    )


async def _bad_json(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await _answer(send, 200, "application/json", b"<html><body>We are back soon.</body></html>")


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
    raise ConnectionResetError("closed on purpose")


async def _too_many_until(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Retry-After as a date, beside the answer's own Date."""
    until = formatdate(_DATE + (fault.retry_after or 1.0), usegmt=True)
    headers = [("date", formatdate(_DATE, usegmt=True)), ("retry-after", until)]
    await _answer(send, 429, "application/json", _problem(429, "Too Many Requests"), headers)


async def _expired_cursor(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await _answer(send, 400, "application/json", _problem(400, "The cursor is not valid any more"))


async def _forbidden(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await _answer(send, 403, "application/problem+json", _problem(403, "Forbidden"))


async def _clock_skew(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer well, with a Date that is wrong by `seconds`."""
    start, body = await capture(app, scope, receive)
    wrong = (b"date", formatdate(_DATE + fault.seconds, usegmt=True).encode())
    await send({**start, "headers": [*(pair for pair in start["headers"] if pair[0].lower() != b"date"), wrong]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _hang(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Say nothing for `seconds`: longer than anybody waits."""
    await asyncio.sleep(fault.seconds)


async def _slow_body(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the body in two halves, `seconds` apart."""
    start, body = await capture(app, scope, receive)
    await send(start)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await asyncio.sleep(fault.seconds)
    await send({"type": "http.response.body", "body": body[len(body) // 2 :], "more_body": False})


async def _slow(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(fault.seconds)
    await app(scope, receive, send)


ANSWERS: Mapping[str, Kind] = {
    "too_many": _too_many,
    "throttled_403": _throttled_403,
    "unauthorised": _unauthorised,
    "broken": _broken,
    "gateway": _gateway,
    "bad_json": _bad_json,
    "truncated": _truncated,
    "reset": _reset,
    "slow": _slow,
    "slow_body": _slow_body,
    "hang": _hang,
    "reset_before": _reset_before,
    "too_many_until": _too_many_until,
    "expired_cursor": _expired_cursor,
    "forbidden": _forbidden,
    "clock_skew": _clock_skew,
}
"""every kind of this page by name"""
