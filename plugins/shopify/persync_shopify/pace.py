"""Shopify's cost bucket: every answer says how full it is and how fast it fills; nothing about it is assumed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from persync.connect import Pace, Request, picked
from persync.errors import ResponseError

__all__ = ["CostPace"]

_log = logging.getLogger("persync.shopify")


class CostPace(Pace):
    """Waits until the bucket holds what a query asked for last time. `clock` counts seconds and is injectable."""

    def __init__(self, *, concurrent: int, version: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(concurrent=concurrent)
        self._version = version
        self._warned = False
        self._clock = clock
        self._costs: dict[tuple[str, int], float] = {}
        self._maximum = 0.0
        self._available = 0.0
        self._rate = 0.0
        self._seen_at = 0.0

    def before(self, request: Request) -> float:
        """Reserve the points of a query and return 0, or say how long until they are there."""
        with self.lock:
            cost = self._costs.get(_shape(request), 0.0)
            if not cost or self._rate <= 0 or cost > self._maximum:
                return 0.0
            now = self._clock()
            self._available = min(self._maximum, self._available + (now - self._seen_at) * self._rate)
            self._seen_at = now
            if self._available < cost:
                return (cost - self._available) / self._rate
            self._available -= cost
            return 0.0

    def learn(self, request: Request, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take over what an answer says about cost and bucket; warn once when another API version answered."""
        self._compare(headers.get("x-shopify-api-version", ""))
        if status != 200 or b'"throttleStatus"' not in body:
            return
        try:
            asked, bucket = picked(body, "extensions.cost.requestedQueryCost", "extensions.cost.throttleStatus")
            maximum, available, rate = (
                float(bucket[name]) for name in ("maximumAvailable", "currentlyAvailable", "restoreRate")
            )
        except (ResponseError, KeyError, TypeError, ValueError):
            return
        with self.lock:
            self._maximum, self._available, self._rate = maximum, available, rate
            self._seen_at = self._clock()
            if isinstance(asked, int | float):
                self._costs[_shape(request)] = float(asked)

    def _compare(self, answered: str) -> None:
        if not answered or answered == self._version or self._warned:
            return
        self._warned = True
        _log.warning(
            "Shopify answered as API version %s, not %s as asked: that version is no longer (or not yet) supported.",
            answered,
            self._version,
        )


def _shape(request: Request) -> tuple[str, int]:
    """Name a query and its page size: what its cost depends on."""
    body = request.json if isinstance(request.json, dict) else {}
    return str(body.get("query", "")), int(body.get("variables", {}).get("first", 0))
