"""An API that lives in the process: answers by path, remembers what it was asked, breaks on demand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import orjson

from persync.connect.client import Client
from persync.connect.connector import Connector
from persync.connect.pull import PullOptions, PullResult, pull

Answer = Callable[[httpx.Request], httpx.Response]


class FakeApi:
    """Answers calls by path.

    `answers` maps a path to JSON-able data or to a function of the request. `broken` is consulted first: each call takes
    the next answer of the queue for its path (None = answer well), so a test says "429, then good" as a list. `calls` holds
    `METHOD path?query` of every call, in the order in which they came.
    """

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.broken: dict[str, list[Answer | httpx.Response | Exception | None]] = {}
        self.calls: list[str] = []
        self.headers: list[httpx.Headers] = []
        self._lock = threading.Lock()

    def transport(self) -> httpx.MockTransport:
        """Return what a client sends its calls through."""
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        with self._lock:
            query = request.url.query.decode()
            self.calls.append(f"{request.method} {path}{'?' + query if query else ''}")
            self.headers.append(request.headers)
            queued = self.broken.get(path)
            broken = queued.pop(0) if queued else None
        if isinstance(broken, Exception):
            raise broken
        if isinstance(broken, httpx.Response):
            return broken
        if broken is not None:
            return broken(request)
        answer = self.answers.get(path)
        if answer is None:
            return httpx.Response(404, json={"title": "Resource Not Found"})
        if callable(answer):
            found: httpx.Response = answer(request)
            return found
        return httpx.Response(200, content=orjson.dumps(answer), headers={"content-type": "application/json"})


def quick_client(
    api: FakeApi, waits: list[float] | None = None, *, clock: Callable[[], float] = time.time
) -> Callable[[Connector, threading.Event], Client]:
    """Return a maker of clients that call `api` and never wait; `waits` collects the seconds they would have waited.

    `clock` tells seconds since the epoch: what the Date of an answer is compared with.
    """

    def sleep(seconds: float) -> bool:
        if waits is not None:
            waits.append(seconds)
        return False

    return lambda connector, stop: Client(connector, stop=stop, sleep=sleep, transport=api.transport(), clock=clock)


def pull_once(
    store: Path, connectors: Iterable[Connector], api: FakeApi, *, now: int = 1_760_000_000_000, **options: Any
) -> PullResult:
    """Pull from a fake API at a fixed moment."""

    def clock() -> float:
        return now / 1000

    return pull(store, connectors, PullOptions(now=now, **options), client=quick_client(api, clock=clock), clock=clock)
