"""Journeys: what the people of an order did before it. The SQL texts beside this file hold the definitions."""

from __future__ import annotations

from typing import Final

from persync.engine.engine import Engine
from persync.engine.texts import load

PACKAGE: Final = "persync.attribution"
DAY_MS: Final = 86_400_000


def build_orders(engine: Engine) -> None:
    """Write `money_orders`: one row an order whose money counts (order_id, order_key, ordered_at, currency, is_counted)."""
    engine.write(load("money_orders", PACKAGE), None, "money_orders")


def build_touches(engine: Engine) -> None:
    """Write `touches`: every click and visit with its person, its campaign and why it is not a touch (`reason`, "" = it is)."""
    engine.write(_with_reasons("touches"), None, "touches")


def build(engine: Engine, lookback_days: float = 30) -> None:
    """Write `journeys`: one row an order and touch within `lookback_days` before the order."""
    build_orders(engine)
    engine.write(_with_reasons("journeys"), {"lookback_ms": round(lookback_days * DAY_MS)}, "journeys")


def _with_reasons(name: str) -> str:
    return load(name, PACKAGE).replace("/*reasons*/", load("reasons", PACKAGE).strip())
