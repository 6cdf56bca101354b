"""HubSpot's two limits: calls in a rolling window, and searches a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from persync.connect.pace import Daily, Pace
from persync.connect.stream import Request

FIRST_MAX = 100
"""What every tier allows; an account's own number is learnt from its first answer."""
WINDOW_S = 10.0
SEARCHES_PER_SECOND = 5
TRUST = 0.25
"""the share of the shortest round trip that a call surely takes to get there, until a refusal says otherwise"""
UNSURE_S = 0.1
"""by how much the vendor's count of the window may differ from ours in time"""
MOST_SPARE = 5
"""places left free at most beside what others seem to need, one more after each refusal"""


@dataclass(slots=True)
class _Call:
    """A call in the window: when it was sent and, at the latest, arrived."""

    sent: float
    arrived: float


class HubSpotPace(Pace):
    """Keeps calls under the rolling limit the headers tell of, and searches (which tell nothing) under five a second.

    The vendor counts a call when it arrives. A call is there after half its round trip at the latest, so the window is
    kept from then on: calls that travel at different speeds do not crowd into one window over there. Calls that others
    make with the same app are noticed by what remains, and take their place in the window.
    """

    def __init__(self, *, concurrent: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(concurrent=concurrent, clock=clock)
        self._max = FIRST_MAX
        self._window = WINDOW_S
        self._calls: list[_Call] = []
        self._searches: list[_Call] = []
        self._others: list[float] = []
        self._counted_at = float("-inf")
        self._spare = 0
        self._out: dict[int, list[tuple[Request, _Call]]] = {}
        self._shortest = 0.0
        self._trust = TRUST
        self._daily: Daily | None = None

    def before(self, request: Request) -> float:
        """Return how long to wait before this call, and note it when the answer is 0."""
        wait = self.held(request)
        if wait > 0:
            return wait
        search = is_search(request)
        with self.lock:
            now = self.clock()
            limit, window = (SEARCHES_PER_SECOND, 1.0) if search else (self._max, self._window)
            # A call sent now is not there before this moment.
            soonest = now + self._shortest * self._trust if search else now
            calls = [call for call in (self._searches if search else self._calls) if call.arrived > soonest - window]
            if search:
                self._searches = calls
            else:
                self._calls = calls
                limit = max(1, limit - self._taken(now))
            if len(calls) >= limit:
                leaves = sorted(call.arrived for call in calls)[len(calls) - limit]
                return max(leaves + window - soonest, 0.001)
            call = _Call(now, now)
            calls.append(call)
            self._out.setdefault(id(request), []).append((request, call))
            return 0.0

    def learn(self, request: Request, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take the window's size, what remains of it and of the day from an answer's headers, and its round trip."""
        self.obey(request, status, headers)
        with self.lock:
            now = self.clock()
            call = self._back(request)
            if call is not None:
                trip = now - call.sent
                self._shortest = min(self._shortest or trip, trip)
                call.arrived = call.sent + trip / 2
            if status == 429 and is_search(request):
                self._trust /= 2
            elif status == 429:
                self._spare = min(self._spare + 1, MOST_SPARE)
            self._take(headers, call.arrived if call is not None else now, now)

    def lost(self, request: Request) -> None:
        """Keep the place of a call without an answer: it may have arrived."""
        with self.lock:
            self._back(request)

    def rate(self, request: Request) -> float | None:
        """Return the calls a second that the rule for this kind of call allows."""
        return float(SEARCHES_PER_SECOND) if is_search(request) else self._max / self._window

    def daily(self) -> Daily | None:
        """Return what the headers said last of the day's calls."""
        return self._daily

    def _back(self, request: Request) -> _Call | None:
        waiting = self._out.get(id(request))
        if not waiting:
            return None
        _, call = waiting.pop(0)
        if not waiting:
            del self._out[id(request)]
        return call

    def _take(self, headers: Mapping[str, str], counted_at: float, now: float) -> None:
        most = _number(headers, "x-hubspot-ratelimit-max")
        remaining = _number(headers, "x-hubspot-ratelimit-remaining")
        interval = _number(headers, "x-hubspot-ratelimit-interval-milliseconds")
        limit, left = _number(headers, "x-hubspot-ratelimit-daily"), _number(headers, "x-hubspot-ratelimit-daily-remaining")
        if limit and left is not None:
            self._daily = Daily(limit, left)
        if interval:
            self._window = interval / 1000
        if not most:
            return
        self._max = most
        if remaining is None:
            return
        # What the window held when the vendor counted: calls that have left it since were in it then.
        ours = sum(call.arrived > counted_at - self._window - UNSURE_S for call in self._calls)
        known = sum(at > counted_at - self._window for at in self._others)
        more = min(max(most - remaining - ours - known, 0), most)
        # They came at some time since the last count, for all we know evenly.
        begin = max(self._counted_at, counted_at - self._window)
        self._others += [begin + (counted_at - begin) * (i + 1) / more for i in range(more)]
        self._counted_at = max(self._counted_at, counted_at)

    def _taken(self, now: float) -> int:
        """Return how many places of the window to leave to others: as many as they have now, or had in the one before."""
        self._others = [at for at in self._others if at > now - 2 * self._window]
        recent = sum(at > now - self._window for at in self._others)
        most = max(recent, len(self._others) - recent)
        return most + self._spare if most else 0


def is_search(request: Request) -> bool:
    """Tell whether a call falls under the limit for searches."""
    return request.method == "POST" and request.path.endswith("/search")


def _number(headers: Mapping[str, str], name: str) -> int | None:
    value = headers.get(name, "")
    return int(value) if value.isdigit() else None
