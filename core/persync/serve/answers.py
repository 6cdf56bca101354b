"""Answers that were given before: kept while the data stay as they are, and made once for all who ask at the same time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")
MOST: Final = 400
"""answers kept; a section is some tens of kB"""


class Answers:
    """Keeps what was made for a key, of one version of the data alone."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._version: Hashable = None

    def get(self, version: Hashable, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` gave for this key and version. An error is given to all who wait for it, and not kept.

        A version that another has followed is answered and not kept.
        """
        whole = (version, key)
        with self._lock:
            if self._version != version and whole not in self._made:
                self._made = OrderedDict((known, answer) for known, answer in self._made.items() if not answer.done())
                self._version = version
            found = self._made.get(whole)
            if found is None:
                mine: Future[Any] = Future()
                self._made[whole] = mine
                if len(self._made) > self._most:
                    self._made.popitem(last=False)
            else:
                self._made.move_to_end(whole)
        if found is not None:
            return cast(T, found.result())
        try:
            mine.set_result(make())
        except BaseException as error:
            with self._lock:
                self._made.pop(whole, None)
            mine.set_exception(error)
        return cast(T, mine.result())
