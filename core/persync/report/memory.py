"""An engine that answers the same question once: several sections of one report ask alike."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from persync.engine.derived import mentioned, settings_hash
from persync.engine.engine import Engine, once

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")
Key = tuple[str, tuple[tuple[str, Any], ...], tuple[tuple[str, str], ...]]
"""a query, its parameters, and what the derived tables it reads were made from"""


class RememberingEngine:
    """Keeps the rows of each query by what the derived tables it reads hold. For one report: the data stay as they are
    meanwhile."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows: dict[Key, list[dict[str, Any]]] = {}
        self._made: dict[str, str] = {}
        """what each derived table was made from"""
        self._counts: dict[str, int] = {}
        self._kept: dict[Hashable, Any] = {}
        self._read: dict[str, frozenset[str]] = {}
        """what each derived table rests on"""
        self._rests: dict[Hashable, frozenset[str]] = {}
        """what each kept answer rests on"""
        self._watched: set[str] = set()

    @contextmanager
    def watched(self) -> Iterator[set[str]]:
        """Gather every name that may be a table of the store and that is read within, behind derived tables too."""
        outer, self._watched = self._watched, set()
        try:
            yield self._watched
        finally:
            outer |= self._watched
            self._watched = outer

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a query, or return copies of the rows it gave before."""
        self._note(sql)
        key = self._key(sql, params)
        if key not in self._rows:
            self._rows[key] = self._engine.rows(sql, params)
        return [dict(row) for row in self._rows[key]]

    def frame(self, sql: str, params: Mapping[str, Any] | None = None, *, limit: int = 5_000_000) -> dict[str, np.ndarray]:
        """Run a query; frames are large and not kept."""
        self._note(sql)
        return self._engine.frame(sql, params, limit=limit)

    def write(self, sql: str, params: Mapping[str, Any] | None, name: str) -> int:
        """Write a derived table, unless it holds this very result."""
        self._read[name] = self._note(sql)
        made = settings_hash(sql, params, self._made)
        if self._made.get(name) != made:
            self._made.pop(name, None)
            self._counts[name] = self._engine.write(sql, params, name)
            self._made[name] = made
        return self._counts[name]

    def has(self, name: str) -> bool:
        """Tell whether a mirrored or derived table exists."""
        return self._engine.has(name)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` gave when it was first asked for this key, which has to hold all that it hangs on."""
        if key not in self._kept:
            with self.watched() as read:
                self._kept[key] = once(self._engine, key, make)
            self._rests[key] = frozenset(read)
        self._watched |= self._rests[key]
        return cast(T, self._kept[key])

    def close(self) -> None:
        """Forget all; the engine itself stays open for who opened it."""
        for held in (self._rows, self._made, self._counts, self._kept, self._read, self._rests):
            held.clear()

    def _note(self, sql: str) -> frozenset[str]:
        """Note what a query rests on, and return it."""
        named = mentioned(sql)
        read = named.union(*(self._read[name] for name in named if name in self._read))
        self._watched |= read
        return read

    def _key(self, sql: str, params: Mapping[str, Any] | None) -> Key:
        read = sorted((name, made) for name, made in self._made.items() if name in mentioned(sql))
        return sql, tuple(sorted((params or {}).items())), tuple(read)
