"""The SQL texts of the measures: named pieces in `sql/`, joined into one query and given the parameters they use.

A piece is one or more CTEs (`name AS (...)`); the last piece of a query is its SELECT. One piece stands in one file,
so "what is an order's money" is written once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from persync.engine.engine import Engine

EVER = 2**62
"""A bound beyond every time: stands for "no bound", so that no query needs an untyped NULL parameter."""

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


@cache
def piece(name: str) -> str:
    """Return the text of one piece without its comments."""
    text = files("persync.measure").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--")).strip()


def query(*names: str) -> str:
    """Join CTE pieces and a final SELECT piece into one text."""
    return join(*(piece(name) for name in names))


def join(*texts: str) -> str:
    """Join CTE texts and a final SELECT text into one query."""
    *ctes, select = texts
    return "WITH " + ",\n".join(ctes) + "\n" + select if ctes else select


def run(engine: Engine, sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Run a query with those of the parameters that it names."""
    named = set(_PARAMETER.findall(sql))
    return engine.rows(sql, {name: value for name, value in params.items() if name in named})


def bounds(period: tuple[int, int] | None) -> dict[str, int]:
    """Return the parameters `from_at` and `to_at` of a period [from, to); None is everything."""
    from_at, to_at = period or (-EVER, EVER)
    return {"from_at": from_at, "to_at": to_at}
