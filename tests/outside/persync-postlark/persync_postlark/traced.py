"""An engine that does what DuckDB does and notes every query: for somebody who wants to see what a report asks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persync.engine import Engine, EngineType, open_duckdb

if TYPE_CHECKING:
    import numpy as np


class Traced:
    """Another engine, with a line a query in the file that `POSTLARK_TRACE` names; nothing is noted without one."""

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self._file = os.environ.get("POSTLARK_TRACE", "")

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return rows."""
        self._note("rows", sql)
        return self._inner.rows(sql, params)

    def frame(self, sql: str, params: Mapping[str, Any] | None = None, *, limit: int = 5_000_000) -> dict[str, np.ndarray]:
        """Return columns."""
        self._note("frame", sql)
        return self._inner.frame(sql, params, limit=limit)

    def write(self, sql: str, params: Mapping[str, Any] | None, name: str) -> int:
        """Keep a derived table."""
        self._note(f"write {name}", sql)
        return self._inner.write(sql, params, name)

    def has(self, name: str) -> bool:
        """Tell whether a table exists."""
        return self._inner.has(name)

    def close(self) -> None:
        """Close the other engine."""
        self._inner.close()

    def _note(self, what: str, sql: str) -> None:
        if self._file:
            with Path(self._file).open("a", encoding="utf-8") as file:
                file.write(f"{what}: {' '.join(sql.split())[:60]}\n")


def open_traced(folder: Path) -> Engine:
    """Open DuckDB over the mirror's folder, traced."""
    return Traced(open_duckdb(folder))


TRACED = EngineType("traced", "DuckDB, with every query noted in the file that POSTLARK_TRACE names.", open_traced)
