"""Ctrl-C and SIGTERM while a pull or a job runs: never in the middle of a page."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """While the block runs, a signal to end raises KeyboardInterrupt(number) - at once, or when a page is written.

    Whoever set handlers of their own keeps them; outside the main thread nothing is changed. Of two blocks, one within the
    other, the inner one has the signals: a pull of a job ends as any other.
    """

    def __init__(self) -> None:
        self.number = 0
        """the signal that came, 0 for none"""
        self._held = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                handler = signal.getsignal(number)
                usual = handler in (signal.SIG_DFL, signal.default_int_handler)
                if usual or isinstance(getattr(handler, "__self__", None), Interrupts):
                    self._before[number] = signal.signal(number, self._came)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _came(self, number: int, frame: object) -> None:
        self.number = number
        if not self._held:
            raise KeyboardInterrupt(number)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the block come to its end first: what it writes is committed whole, and what follows is known."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self.check()

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Let the block come to its end, and then go on: the run ends anyway."""
        with suppress(KeyboardInterrupt), self.held():
            yield

    def check(self) -> None:
        """Raise KeyboardInterrupt when a signal came."""
        if self.number:
            raise KeyboardInterrupt(self.number)
