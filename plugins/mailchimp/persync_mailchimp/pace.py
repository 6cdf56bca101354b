"""Mailchimp's one limit: ten connections a user over all programs, of which nothing tells how many are in use."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from persync.connect.pace import Pace
from persync.connect.stream import Request

__all__ = ["ConnectionPace"]

HOLD_S = 1.0
LONGEST_HOLD_S = 30.0
GOOD_IN_A_ROW = 200
"""so many good answers, and one more call at once is tried again: a refusal then costs less than half a percent"""


class ConnectionPace(Pace):
    """At most `concurrent` calls at once, and one fewer after each refusal: other programs need their connections now.

    A refusal also holds everybody for a second, then two, four ... until an answer is good. `clock` counts seconds.
    """

    def __init__(self, *, concurrent: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(concurrent=concurrent, clock=clock)
        self._allowed = concurrent
        self._out: dict[int, list[tuple[Request, float]]] = {}
        self._good = 0
        self._hold_s = HOLD_S
        self._cut_at = float("-inf")

    def before(self, request: Request) -> float:
        """Return 0 when a connection is free for this call, else how long to wait before asking again."""
        wait = self.held(request)
        if wait > 0:
            return wait
        with self.lock:
            if sum(map(len, self._out.values())) >= self._allowed:
                return 0.02
            self._out.setdefault(id(request), []).append((request, self.clock()))
            return 0.0

    def learn(self, request: Request, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take note of a refusal: 429, or a 403 that is no problem document."""
        sent = self._back(request)
        if status == 429 or (status == 403 and not body.lstrip().startswith(b"{")):
            self.obey(request, status, headers)
            with self.lock:
                self._good = 0
                if sent is None or sent < self._cut_at:
                    return  # it was on its way when the last refusal was heeded
                self._cut_at = self.clock()
                self._allowed = max(1, self._allowed - 1)
                seconds, self._hold_s = self._hold_s, min(self._hold_s * 2, LONGEST_HOLD_S)
            self.hold(request, seconds)
            return
        with self.lock:
            self._hold_s = HOLD_S
            self._good += 1
            if self._good >= GOOD_IN_A_ROW and self._allowed < self.concurrent:
                self._allowed, self._good = self._allowed + 1, 0

    def lost(self, request: Request) -> None:
        """Free the connection of a call without an answer."""
        self._back(request)

    def _back(self, request: Request) -> float | None:
        with self.lock:
            waiting = self._out.get(id(request))
            if not waiting:
                return None
            _, sent = waiting.pop(0)
            if not waiting:
                del self._out[id(request)]
            return sent
