"""Answers that go wrong on demand: an ASGI wrapper that breaks chosen answers of a sandbox, always the same ones.

    schedule = Schedule(Fault("too_many", match=r"/lists", times=2, retry_after=1.0), Fault("truncated", after=5))
    app = Faults(app, schedule)

A kind is one function in `KINDS`; to add one, write it and put it there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from persync.errors import ConfigError, nearest

__all__ = ["KINDS", "Fault", "Faults", "Schedule"]

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
    """how late a `slow` answer is"""


class Schedule:
    """The faults to come, in order of precedence, and what became of them. `struck` lists (kind, "METHOD /path?query")."""

    def __init__(self, *faults: Fault) -> None:
        self._planned: list[Fault] = []
        self._seen: list[int] = []
        self.struck: list[tuple[str, str]] = []
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Plan one more fault. Raise ConfigError when its kind is unknown."""
        if fault.kind not in KINDS:
            raise ConfigError(f"unknown fault {fault.kind!r}.", hint=nearest(fault.kind, tuple(KINDS)))
        self._planned.append(fault)
        self._seen.append(0)

    @property
    def reads_bodies(self) -> bool:
        """Whether a fault looks into request bodies."""
        return any(fault.body for fault in self._planned)

    def draw(self, target: str, body: str) -> Fault | None:
        """Return the first fault that strikes this request, and count the request for every fault that it fits."""
        hit: Fault | None = None
        for index, fault in enumerate(self._planned):
            if not re.search(fault.match, target) or not re.search(fault.body, body):
                continue
            seen = self._seen[index]
            self._seen[index] += 1
            if hit is None and seen >= fault.after and (fault.times is None or seen < fault.after + fault.times):
                hit = fault
        if hit is not None:
            self.struck.append((hit.kind, target))
        return hit


class Faults:
    """The wrapped application: what the schedule does not strike goes through untouched."""

    def __init__(self, app: App, schedule: Schedule) -> None:
        self.app, self.schedule = app, schedule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        query = scope.get("query_string", b"").decode("latin-1")
        target = f"{scope['method']} {scope['path']}{'?' + query if query else ''}"
        body = ""
        if self.schedule.reads_bodies:
            raw = await _read_body(receive)
            body, receive = raw.decode("utf-8", "replace"), _replay(raw, receive)
        fault = self.schedule.draw(target, body)
        if fault is None:
            await self.app(scope, receive, send)
        else:
            await KINDS[fault.kind](fault, self.app, scope, receive, send)


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


async def _answer(send: Send, status: int, kind: str, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> None:
    every = [("content-type", kind), ("content-length", str(len(body))), *headers]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in every]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _capture(app: App, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
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


def _with_length(start: Message, length: int) -> Message:
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
    start, body = await _capture(app, scope, receive)
    half = body[: len(body) // 2]
    await send(_with_length(start, len(half)))
    await send({"type": "http.response.body", "body": half, "more_body": False})


async def _reset(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Announce the whole body, send half of it and close the connection."""
    start, body = await _capture(app, scope, receive)
    await send(_with_length(start, len(body)))
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


async def _slow(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(fault.seconds)
    await app(scope, receive, send)


KINDS: Mapping[str, Callable[[Fault, App, Scope, Receive, Send], Awaitable[None]]] = {
    "too_many": _too_many,
    "throttled_403": _throttled_403,
    "unauthorised": _unauthorised,
    "broken": _broken,
    "gateway": _gateway,
    "bad_json": _bad_json,
    "truncated": _truncated,
    "reset": _reset,
    "slow": _slow,
}
