"""An engine that answers the same question once: several sections of one report ask alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from persync.engine.derived import reads
from persync.engine.engine import Engine

if TYPE_CHECKING:
    import numpy as np

Key = tuple[str, tuple[tuple[str, Any], ...]]


class RememberingEngine:
    """Keeps the rows of each query as long as no derived table changes. For one report: the data stay as they are meanwhile."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._rows: dict[Key, list[dict[str, Any]]] = {}
        self._written: dict[str, tuple[Key, int]] = {}

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a query, or return copies of the rows it gave before."""
        key = _key(sql, params)
        if key not in self._rows:
            self._rows[key] = self._engine.rows(sql, params)
        return [dict(row) for row in self._rows[key]]

    def frame(self, sql: str, params: Mapping[str, Any] | None = None, *, limit: int = 5_000_000) -> dict[str, np.ndarray]:
        """Run a query; frames are large and not kept."""
        return self._engine.frame(sql, params, limit=limit)

    def write(self, sql: str, params: Mapping[str, Any] | None, name: str) -> int:
        """Write a derived table, unless it holds this very result; forget all rows when one changes."""
        key = _key(sql, params)
        held = self._written.get(name)
        if held is not None and held[0] == key:
            return held[1]
        count = self._engine.write(sql, params, name)
        self._rows.clear()
        # What was written from the table that changed may be stale now.
        kept = {other: held for other, held in self._written.items() if not reads(held[0][0], name)}
        self._written = kept | {name: (key, count)}
        return count

    def has(self, name: str) -> bool:
        """Tell whether a mirrored or derived table exists."""
        return self._engine.has(name)

    def close(self) -> None:
        """Forget all; the engine itself stays open for who opened it."""
        self._rows.clear()
        self._written.clear()


def _key(sql: str, params: Mapping[str, Any] | None) -> Key:
    return sql, tuple(sorted((params or {}).items()))
