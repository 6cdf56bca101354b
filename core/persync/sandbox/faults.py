"""Answers that go wrong on demand: an ASGI wrapper that breaks chosen answers of a sandbox, always the same ones.

    schedule = Schedule(Fault("too_many", match=r"/lists", times=2, retry_after=1.0), Fault("truncated", after=5))
    app = Faults(app, schedule)

The kinds are in fault_kinds.py (whole answers) and fault_pages.py (what stands in them); `KINDS` lists them all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from persync.errors import ConfigError, nearest
from persync.sandbox.fault_kinds import ANSWERS, App, Fault, Kind, Message, Receive, Scope, Send
from persync.sandbox.fault_pages import PAGES

__all__ = ["KINDS", "Fault", "Faults", "Schedule"]

KINDS: Mapping[str, Kind] = {**ANSWERS, **PAGES}


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
