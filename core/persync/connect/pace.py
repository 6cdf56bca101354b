"""How fast a vendor may be asked, learnt from its answers: one object a connection and run, for all streams and threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from persync.connect.stream import Request

__all__ = ["Daily", "Pace"]

LONGEST_HOLD_S = 120.0


@dataclass(frozen=True, slots=True)
class Daily:
    """What the vendor said last of the account's calls a day: how many there are, and how many are left today."""

    limit: int
    left: int


class Pace:
    """At most `concurrent` calls at once; after a refusal with Retry-After nobody of this account asks until then.

    Vendors with other rules subclass it. Called from several fetch threads: a subclass that keeps state guards it with
    `self.lock`. `clock` counts seconds, only ever forward, and is injectable.
    """

    def __init__(self, *, concurrent: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.concurrent = concurrent
        self.lock = threading.Lock()
        self.clock = clock
        self._held_until = 0.0
        self._waited: dict[int, Request] = {}

    def before(self, request: Request) -> float:
        """Return how many seconds to wait before this call; called again after the wait, until it returns 0."""
        return self.held(request)

    def learn(self, request: Request, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take note of what an answer says about limits. Called for every answer, refusals too."""
        self.obey(request, status, headers)

    def lost(self, request: Request) -> None:
        """Take note that a call got no answer at all."""

    def rate(self, request: Request) -> float | None:
        """Return how many such calls a second the vendor allows for long, None when nothing but `concurrent` bounds them."""
        return None

    def daily(self) -> Daily | None:
        """Return what the vendor said of the calls of this day, None when it says nothing."""
        return None

    def held(self, request: Request) -> float:
        """Return what is left of the time that the vendor asked everybody to wait; each call waits for it once."""
        if self._held_until <= 0.0:
            return 0.0
        with self.lock:
            if self._waited.pop(id(request), None) is not None:
                return 0.0
            left = self._held_until - self.clock()
            if left <= 0:
                return 0.0
            self._waited[id(request)] = request
            return left

    def hold(self, request: Request, seconds: float) -> None:
        """Let nobody ask for so many seconds, at most two minutes. The refused call itself waits by the rule for retries."""
        with self.lock:
            self._held_until = max(self._held_until, self.clock() + min(seconds, LONGEST_HOLD_S))
            self._waited[id(request)] = request

    def obey(self, request: Request, status: int, headers: Mapping[str, str]) -> None:
        """Hold everybody for the Retry-After (seconds, or a date) of a refusal."""
        if status in (403, 429, 503) and "retry-after" in headers:
            from persync.connect.connector import retry_after

            self.hold(request, retry_after(headers) or 0.0)
