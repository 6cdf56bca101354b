"""The SQL texts of the measures: named pieces in `sql/`, joined into one query.

A piece is one or more CTEs (`name AS (...)`); the last piece of a query is its SELECT. One piece stands in one file,
so "what is an order's money" is written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from persync.engine.engine import Engine
from persync.engine.texts import load, used

EVER = 2**62
"""A bound beyond every time: stands for "no bound", so that no query needs an untyped NULL parameter."""

SHARED: Final[Mapping[str, tuple[str, ...]]] = {
    "owned_orders": (),
    "order_money": ("owned_orders",),
    "first_seen": ("owned_orders",),
    "campaign_grades": (),
    "sends": ("campaign_grades",),
    "audience": ("sends",),
    "drawn": (),
}
"""Pieces that look at all orders, messages or assignments and that many measures build on, with those they build on themselves:
they are written as tables, so that a report works each out once."""


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
    sql = _shared(engine, sql, params)
    return engine.rows(sql, used(sql, params))


def write(engine: Engine, sql: str, params: Mapping[str, Any], name: str) -> int:
    """Write the derived table `name` from a query with those of the parameters that it names; return its rows."""
    sql = _shared(engine, sql, params)
    return engine.write(sql, used(sql, params), name)


def frame(engine: Engine, sql: str, params: Mapping[str, Any], *, limit: int = 5_000_000) -> dict[str, Any]:
    """Run a query with those of the parameters that it names, for whole columns; raises as `Engine.frame` does past `limit`."""
    sql = _shared(engine, sql, params)
    return engine.frame(sql, used(sql, params), limit=limit)


def _shared(engine: Engine, sql: str, params: Mapping[str, Any]) -> str:
    """Return a query without the shared pieces in it, each of which is a table of its name by then."""
    for name in SHARED:
        text = piece(name)
        if text in sql:
            _keep(engine, name, params)
            for found, left in ((f"{text},\n", ""), (f",\n{text}\n", "\n"), (f"WITH {text}\n", "")):
                sql = sql.replace(found, left, 1)
    return sql


def _keep(engine: Engine, name: str, params: Mapping[str, Any]) -> None:
    for needed in SHARED[name]:
        _keep(engine, needed, params)
    sql = join(piece(name), f"SELECT x.* FROM {name} AS x")
    engine.write(sql, used(sql, params), name)


def bounds(period: tuple[int, int] | None) -> dict[str, int]:
    """Return the parameters `from_at` and `to_at` of a period [from, to); None is everything."""
    from_at, to_at = period or (-EVER, EVER)
    return {"from_at": from_at, "to_at": to_at}
