"""HubSpot's two limits: calls in a rolling window, and searches a second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

from persync.connect.pace import Pace
from persync.connect.stream import Request

FIRST_MAX = 100
"""What every tier allows; an account's own number is learnt from its first answer."""
WINDOW_S = 10.0
SEARCHES_PER_SECOND = 5


class HubSpotPace(Pace):
    """Keeps calls under the rolling limit the headers tell of, and searches (which tell nothing) under five a second.

    Calls that others make with the same app are noticed by what remains, and take their place in the window.
    """

    def __init__(self, *, concurrent: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(concurrent=concurrent)
        self._clock = clock
        self._max = FIRST_MAX
        self._window = WINDOW_S
        self._calls: deque[float] = deque()
        self._searches: deque[float] = deque()

    def before(self, request: Request) -> float:
        """Return how long to wait before this call, and note it when the answer is 0."""
        is_search = _is_search(request)
        with self.lock:
            now = self._clock()
            calls, limit, window = (
                (self._searches, SEARCHES_PER_SECOND, 1.0) if is_search else (self._calls, self._max, self._window)
            )
            while calls and calls[0] <= now - window:
                calls.popleft()
            if len(calls) >= limit:
                return max(calls[len(calls) - limit] + window - now, 0.001)
            calls.append(now)
            return 0.0

    def learn(self, request: Request, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take the window's size and what remains of it from an answer's headers."""
        most = _number(headers, "x-hubspot-ratelimit-max")
        remaining = _number(headers, "x-hubspot-ratelimit-remaining")
        interval = _number(headers, "x-hubspot-ratelimit-interval-milliseconds")
        with self.lock:
            if interval:
                self._window = interval / 1000
            if most:
                self._max = most
                if remaining is not None:
                    now = self._clock()
                    while self._calls and self._calls[0] <= now - self._window:
                        self._calls.popleft()
                    others = (most - remaining) - len(self._calls)
                    self._calls.extend([now] * min(max(others, 0), most))


def _is_search(request: Request) -> bool:
    return request.method == "POST" and request.path.endswith("/search")


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if value.isdigit() else None
