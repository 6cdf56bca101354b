"""An engine that keeps what was fitted: a model's fit hangs on the data and the settings, not on the days looked at."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    import numpy as np

    from persync.engine.engine import Engine

T = TypeVar("T")


class KeepingEngine:
    """Asks another engine, and answers `once` from what several engines over the same rows have kept together."""

    def __init__(self, engine: Engine, kept: MutableMapping[Hashable, Any]) -> None:
        self._engine = engine
        self._kept = kept

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a query and return its rows."""
        return self._engine.rows(sql, params)

    def frame(self, sql: str, params: Mapping[str, Any] | None = None, *, limit: int = 5_000_000) -> dict[str, np.ndarray]:
        """Run a query and return its columns. Raise DataError above `limit` rows."""
        return self._engine.frame(sql, params, limit=limit)

    def write(self, sql: str, params: Mapping[str, Any] | None, name: str) -> int:
        """Write a derived table; return its rows."""
        return self._engine.write(sql, params, name)

    def has(self, name: str) -> bool:
        """Tell whether a table exists."""
        return self._engine.has(name)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` gave for this key, which holds all that it hangs on but the rows."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])

    def close(self) -> None:
        """Leave the engine to who opened it."""
