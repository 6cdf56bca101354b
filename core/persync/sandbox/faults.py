"""Answers that go wrong on demand: an ASGI wrapper that breaks chosen answers of a sandbox, always the same ones.

    schedule = Schedule(Fault("too_many", match=r"/lists", times=2, retry_after=1.0), Fault("truncated", after=5))
    app = Faults(app, schedule)

The kinds are in fault_kinds.py (whole answers) and fault_pages.py (what stands in them); `KINDS` lists them all, and
fault_words.py says of each what it does and what persync makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import parse_qsl

import orjson

from persync.errors import ConfigError, nearest
from persync.sandbox.fault_kinds import ANSWERS, REFUSALS, SAME, App, Fault, Message, Receive, Scope, Send, capture, refuse
from persync.sandbox.fault_pages import AFTER_A_PAGE, IDLE, PAGES, records_of
from persync.sandbox.refusal import Refusal

__all__ = ["KINDS", "Fault", "Faults", "Schedule", "parse_fault"]

KINDS: tuple[str, ...] = tuple(sorted({*REFUSALS, *ANSWERS, *PAGES, *AFTER_A_PAGE}))
"""the name of every kind"""

Refusing = Callable[[str, str], Refusal | None]
"""(kind, path) -> what a vendor answers, None where it says nothing of its own"""

_WHERE_A_PAGE_BEGINS = {
    *("offset", "count", "limit", "after", "first", "since_last_changed", "before_last_changed"),
    *("cursor", "page", "page_token", "pageToken", "page[cursor]", "page[number]", "page[size]"),
}


def parse_fault(text: str) -> Fault:
    """Read `KIND[,NAME=VALUE...]`, as in `too_many,match=/lists,after=2,times=3`; `times=all` for every answer that follows.

    A value must hold no comma. Raises ConfigError on an unknown kind or name, and on a value that does not fit.
    """
    kind, *settings = text.split(",")
    names = {one.name for one in fields(Fault)} - {"kind"}
    given: dict[str, Any] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in names:
            raise ConfigError(f"a fault has no '{name}'.", where=text, hint=nearest(name, tuple(sorted(names))))
        try:
            if name in ("match", "body"):
                re.compile(value)
                given[name] = value
            elif name == "times" and value == "all":
                given[name] = None
            else:
                number = float(value)
                if number < 0 or (name in ("after", "times") and number != int(number)):
                    raise ValueError
                given[name] = int(number) if name in ("after", "times") else number
        except (ValueError, OverflowError, re.error):
            raise ConfigError(f"'{value}' cannot be the {name} of a fault.", where=text) from None
    return _known(Fault(kind, **given))


def _known(fault: Fault) -> Fault:
    if fault.kind not in KINDS:
        raise ConfigError(f"unknown fault {fault.kind!r}.", hint=nearest(fault.kind, KINDS))
    return fault


@dataclass(slots=True)
class Planned:
    """A fault to come and what became of it: how many requests fitted, and what it must remember of them."""

    fault: Fault
    seen: int = 0
    hits: int = 0
    """requests that it struck"""
    idle: int = 0
    """those of them whose answer it left as it was"""
    pages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """of the kinds that need the page before: the last records of each list"""
    credential: str | None = None
    """of token_expired: the token that is not good any more"""

    def fits(self, target: str, body: str) -> bool:
        """Tell whether a request is one of those that the fault is about."""
        return bool(re.search(self.fault.match, target) and re.search(self.fault.body, body))

    def strikes(self, target: str, body: str, credential: str) -> bool:
        """Count a request that fits, and tell whether it is struck."""
        if self.credential is not None and credential != self.credential:
            return False  # a new token: good
        if self.fault.kind in AFTER_A_PAGE and list_of(target, body) not in self.pages:
            return False
        seen, fault = self.seen, self.fault
        self.seen += 1
        hit = seen >= fault.after and (fault.times is None or seen < fault.after + fault.times)
        if hit and fault.kind == "token_expired":
            self.credential = credential
        return hit or self.credential is not None


class Schedule:
    """The faults to come, in order of precedence, and what became of them.

    `struck` lists (kind, "METHOD /path?query"), `idle` those of them that left the answer as it was: nothing in it to change.
    """

    def __init__(self, *faults: Fault) -> None:
        self._planned: list[Planned] = []
        self.struck: list[tuple[str, str]] = []
        self.idle: list[tuple[str, str]] = []
        for fault in faults:
            self.add(fault)

    def add(self, fault: Fault) -> Planned:
        """Plan one more fault, and return what becomes of it. Raise ConfigError when its kind is unknown."""
        planned = Planned(_known(fault))
        self._planned.append(planned)
        return planned

    def clear(self) -> None:
        """Forget every fault, and what struck: from now on all goes well."""
        self._planned.clear()
        self.struck.clear()
        self.idle.clear()

    @property
    def reads_bodies(self) -> bool:
        """Whether a fault looks into request bodies."""
        return any(one.fault.body or one.fault.kind in AFTER_A_PAGE for one in self._planned)

    def draw(self, target: str, body: str, credential: str = "") -> Planned | None:
        """Return the first fault that strikes this request, and count the request for every fault that it fits."""
        hit: Planned | None = None
        for one in self._planned:
            if one.fits(target, body) and one.strikes(target, body, credential) and hit is None:
                hit = one
        if hit is not None:
            hit.hits += 1
            self.struck.append((hit.fault.kind, target))
        return hit

    def waiting(self, target: str, body: str) -> list[Planned]:
        """Return the faults that must remember the answer to this request."""
        return [one for one in self._planned if one.fault.kind in AFTER_A_PAGE and one.fits(target, body)]


class Faults:
    """The wrapped application: what the schedule does not strike goes through untouched.

    `refusals` are the vendors' own, by the name under which each sandbox is mounted.
    """

    def __init__(self, app: App, schedule: Schedule, refusals: Mapping[str, Refusing] | None = None) -> None:
        self.app, self.schedule, self._refusals = app, schedule, refusals or {}

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
        planned = self.schedule.draw(target, body, _credential(scope))
        if planned is None:
            await self._pass(scope, receive, send, target, body)
            return
        fault = planned.fault
        if fault.kind in REFUSALS:
            await refuse(fault, self._refusal(fault.kind, scope["path"]), send)
        elif fault.kind in AFTER_A_PAGE:
            kind = AFTER_A_PAGE[fault.kind](planned.pages[list_of(target, body)])
            await kind(fault, self.app, scope, receive, send)
        else:
            await {**ANSWERS, **PAGES}[fault.kind](fault, self.app, scope, receive, send)
        if scope.get(IDLE):
            planned.idle += 1
            self.schedule.idle.append((fault.kind, target))

    async def _pass(self, scope: Scope, receive: Receive, send: Send, target: str, body: str) -> None:
        waiting = self.schedule.waiting(target, body)
        if not waiting:
            await self.app(scope, receive, send)
            return
        start, answer = await capture(self.app, scope, receive)
        records = records_of(answer)
        for one in waiting:
            if records:
                one.pages[list_of(target, body)] = records
        await send(start)
        await send({"type": "http.response.body", "body": answer, "more_body": False})

    def _refusal(self, kind: str, path: str) -> Refusal:
        own = self._refusals.get(path.split("/")[1] if path.startswith("/") else "")
        told = (own(kind, path) or own(SAME.get(kind, kind), path)) if own is not None else None
        return told or REFUSALS[kind]


def list_of(target: str, body: str) -> str:
    """Name the list that a request asks a page of: the request without what says where the page begins."""
    path, _, query = target.partition("?")
    params = sorted(pair for pair in parse_qsl(query) if pair[0] not in _WHERE_A_PAGE_BEGINS)
    try:
        asked = _without_place(orjson.loads(body))
    except orjson.JSONDecodeError:
        asked = body
    return repr((path, params, asked))


def _without_place(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_place(item) for name, item in value.items() if name not in _WHERE_A_PAGE_BEGINS}
    return [_without_place(item) for item in value] if isinstance(value, list) else value


def _credential(scope: Scope) -> str:
    """Return what a request is signed with."""
    signs = (value for name, value in scope.get("headers", ()) if name.lower() == b"authorization" or b"token" in name.lower())
    return b" ".join(signs).decode("latin-1")


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
