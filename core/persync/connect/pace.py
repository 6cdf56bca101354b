"""How fast a vendor may be asked: learnt from its answers, one object a connection and run."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from persync.connect.stream import Request


class Pace:
    """At most `concurrent` calls at once and nothing else; vendors with other rules subclass it.

    Called from several fetch threads: a subclass that keeps state guards it with `self.lock`.
    """

    def __init__(self, *, concurrent: int) -> None:
        self.concurrent = concurrent
        self.lock = threading.Lock()

    def before(self, request: Request) -> float:
        """Return how many seconds to wait before this call; called again after the wait, until it returns 0."""
        return 0.0

    def learn(self, request: Request, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take note of what an answer says about limits."""
