"""Shopify's cost bucket: every answer says how full it is and how fast it fills; nothing about it is assumed."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from persync.connect import Pace, Request, picked
from persync.errors import ResponseError

__all__ = ["CostPace"]

_log = logging.getLogger("persync.shopify")

DEAREST: Final = 1000.0
"""points one query may ask for at most: what a query is taken to cost before its first answer"""
MOST: Final = 1e9
"""points; nothing costs as much"""
SLOWEST: Final = 1.0
"""points a second; the smallest plan's bucket fills at 50"""
FIRST_WAIT_S: Final = 0.05
FIRST_PATIENCE_S: Final = 10.0
"""how long others wait for the first answer of all, which tells of the bucket"""


class CostPace(Pace):
    """Waits until the bucket holds what a query asks for. `clock` counts seconds and is injectable.

    A query must fit before it runs; what it did not use flows back with its answer. What an answer says of the bucket may
    not know the queries that are still on their way, so these are taken off it.
    """

    def __init__(self, *, concurrent: int, version: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(concurrent=concurrent, clock=clock)
        self._version = version
        self._warned = False
        self._asked: dict[tuple[str, int], float] = {}
        self._used: dict[tuple[str, int], float] = {}
        self._out: dict[int, list[tuple[Request, float]]] = {}
        self._first_at: float | None = None
        self._maximum = 0.0
        self._available = 0.0
        self._rate = 0.0
        self._seen_at = 0.0

    def before(self, request: Request) -> float:
        """Reserve the points of a query and return 0, or say how long until they are there."""
        wait = self.held(request)
        shape = _shape(request)
        if wait > 0 or shape is None:
            return wait
        with self.lock:
            now = self.clock()
            if self._rate <= 0:
                return self._first(request, now)
            cost = self._cost(shape)
            if cost > self._maximum:
                return 0.0
            self._available = min(self._maximum, self._available + (now - self._seen_at) * self._rate)
            self._seen_at = now
            if self._available < cost:
                return max((cost - self._available) / self._rate, 0.001)
            self._available -= cost
            self._out.setdefault(id(request), []).append((request, cost))
            return 0.0

    def learn(self, request: Request, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take over what an answer says about cost and bucket; warn once when another API version answered."""
        self._compare(headers.get("x-shopify-api-version", ""))
        self.obey(request, status, headers)
        self.lost(request)
        if status != 200 or b'"throttleStatus"' not in body:
            return
        try:
            asked, used, bucket = picked(
                body,
                "extensions.cost.requestedQueryCost",
                "extensions.cost.actualQueryCost",
                "extensions.cost.throttleStatus",
            )
            maximum, available, rate = (
                float(bucket[name]) for name in ("maximumAvailable", "currentlyAvailable", "restoreRate")
            )
        except (ResponseError, KeyError, TypeError, ValueError, OverflowError):
            return
        if not (maximum >= 0 and rate >= SLOWEST and all(map(math.isfinite, (maximum, available, rate)))):
            return  # no bucket is like that, and a wait by such numbers might have no end
        available = max(-maximum, min(available, maximum))
        shape = _shape(request)
        with self.lock:
            on_the_way = sum(cost for waiting in self._out.values() for _, cost in waiting)
            self._maximum, self._available, self._rate = maximum, available - on_the_way, rate
            self._seen_at = self.clock()
            if shape is not None and _is_cost(asked):
                self._asked[shape] = float(asked)
            if shape is not None and _is_cost(used):
                self._used[shape] = float(used)

    def lost(self, request: Request) -> None:
        """Give up the reservation of a call; what the bucket really holds is told by the next answer."""
        with self.lock:
            self._first_at = None
            waiting = self._out.get(id(request))
            if waiting:
                waiting.pop(0)
                if not waiting:
                    del self._out[id(request)]

    def rate(self, request: Request) -> float | None:
        """Return how many such queries a second the bucket pays for, by what the last of them used; None when not known."""
        shape = _shape(request)
        if shape is None or self._rate <= 0:
            return None
        with self.lock:
            used = _scaled(self._used, shape) or self._cost(shape)
            return self._rate / used if used else None

    def _first(self, request: Request, now: float) -> float:
        """Let one query go ahead while nothing is known of the bucket."""
        if self._first_at is not None and now - self._first_at < FIRST_PATIENCE_S:
            return FIRST_WAIT_S
        self._first_at = now
        return 0.0

    def _cost(self, shape: tuple[str, int]) -> float:
        known = _scaled(self._asked, shape)
        return min(DEAREST, self._maximum) if known is None else known

    def _compare(self, answered: str) -> None:
        if not answered or answered == self._version or self._warned:
            return
        self._warned = True
        _log.warning(
            "Shopify answered as API version %s, not %s as asked: that version is no longer (or not yet) supported.",
            answered,
            self._version,
        )


def _is_cost(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value < MOST


def _shape(request: Request) -> tuple[str, int] | None:
    """Name a query and its page size, what its cost depends on; None for a call that is no query and costs nothing."""
    body = request.json if isinstance(request.json, dict) else {}
    if "query" not in body:
        return None
    return str(body["query"]), int((body.get("variables") or {}).get("first", 0))


def _scaled(costs: Mapping[tuple[str, int], float], shape: tuple[str, int]) -> float | None:
    """Return what a query of this shape costs; by its page size when only another page of it is known."""
    if shape in costs:
        return costs[shape]
    query, size = shape
    for (other, first), cost in costs.items():
        if other == query and first and size:
            return min(DEAREST, cost * size / first)
    return None
