"""The SQL texts of the measures: named pieces in `sql/`, joined into one query.

A piece is one or more CTEs (`name AS (...)`); the last piece of a query is its SELECT. One piece stands in one file,
so "what is an order's money" is written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from persync.engine.engine import Engine
from persync.engine.texts import load, used

EVER = 2**62
"""A bound beyond every time: stands for "no bound", so that no query needs an untyped NULL parameter."""


def piece(name: str) -> str:
    """Return the text of one piece."""
    return load(name, "persync.measure.sql").strip()


def query(*names: str) -> str:
    """Join CTE pieces and a final SELECT piece into one text."""
    return join(*(piece(name) for name in names))


def join(*texts: str) -> str:
    """Join CTE texts and a final SELECT text into one query. A text that stands there twice is written once, where it first
    stands, so that two parts of a query may both bring the piece they build on."""
    *ctes, select = texts
    return "WITH " + ",\n".join(dict.fromkeys(ctes)) + "\n" + select if ctes else select


def run(engine: Engine, sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Run a query with those of the parameters that it names."""
    return engine.rows(sql, used(sql, params))


def bounds(period: tuple[int, int] | None) -> dict[str, int]:
    """Return the parameters `from_at` and `to_at` of a period [from, to); None is everything."""
    from_at, to_at = period or (-EVER, EVER)
    return {"from_at": from_at, "to_at": to_at}
