"""The data as they were at one moment, and a few engines over them that take turns.

Pages read the Parquet mirror, never the store's tables: a pull is not waited for, and does not wait. An engine keeps the
tables it derives under one name, so it answers one question at a time.
"""

from __future__ import annotations

import queue
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from persync.engine.duck import DuckEngine, open_engine
from persync.serve.filters import Filters
from persync.serve.keeping import KeepingEngine
from persync.serve.scope import Scope, ask_within, narrow

if TYPE_CHECKING:
    from persync.engine.engine import Engine
    from persync.measure.metric import Ask

SLOTS: Final = 2
"""engines at work at a time: more would only share the same cores and memory"""
SCOPES: Final = 3
"""narrowed engines that a slot keeps open"""


@dataclass(slots=True)
class Slot:
    """An engine over the whole, and those over some people that were asked for last."""

    whole: DuckEngine
    narrowed: OrderedDict[Filters, tuple[DuckEngine, Scope]] = field(default_factory=OrderedDict)

    def close(self) -> None:
        """Close all of its engines."""
        for engine, _ in self.narrowed.values():
            engine.close()
        self.whole.close()


class Snapshot:
    """The mirror at one generation. `now` (epoch ms) is the moment that its pages are about."""

    def __init__(self, folder: Path, generation: int, now: int) -> None:
        self.generation = generation
        self.now = now
        self._kept: dict[Filters, dict[Hashable, Any]] = {}
        """what was fitted, by who is looked at; all slots read the same rows"""
        self._slots: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        self._all = [Slot(open_engine(folder)) for _ in range(SLOTS)]
        for slot in self._all:
            self._slots.put(slot)

    @property
    def version(self) -> tuple[int, int]:
        """What an answer must be forgotten with."""
        return self.generation, self.now

    @contextmanager
    def engine(self, filters: Filters, ask: Ask) -> Iterator[tuple[Engine, Ask, Scope | None]]:
        """Lend an engine that knows the people of the filters alone, with the question as it is to be put to it.

        Raises as `narrow` does.
        """
        slot = self._slots.get()
        try:
            kept = self._kept.setdefault(filters.scope, {})
            if not (filters.segment or filters.arm):
                yield KeepingEngine(slot.whole, kept), ask, None
                return
            engine, scope = self._narrowed(slot, filters, ask)
            yield KeepingEngine(engine, kept), ask_within(filters, ask), scope
        finally:
            self._slots.put(slot)

    def _narrowed(self, slot: Slot, filters: Filters, ask: Ask) -> tuple[DuckEngine, Scope]:
        key = filters.scope
        if key not in slot.narrowed:
            slot.narrowed[key] = narrow(slot.whole, filters, ask)
            if len(slot.narrowed) > SCOPES:
                _, (old, _) = slot.narrowed.popitem(last=False)
                old.close()
        slot.narrowed.move_to_end(key)
        return slot.narrowed[key]

    def close(self) -> None:
        """Close every engine, each as soon as who has it gives it back."""
        for _ in self._all:
            self._slots.get().close()
