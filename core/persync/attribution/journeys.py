"""Journeys: what the people of an order did before it. The SQL texts beside this file hold the definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from persync.attribution.models import AttributionModel
from persync.engine.engine import Engine
from persync.engine.texts import load

if TYPE_CHECKING:
    from persync.measure.metric import Ask

PACKAGE: Final = "persync.attribution"
DAY_MS: Final = 86_400_000


def build_orders(engine: Engine) -> None:
    """Write `money_orders`: one row an order whose money counts (order_id, order_key, ordered_at, currency, is_counted)."""
    engine.write(load("money_orders", PACKAGE), None, "money_orders")


def build_touches(engine: Engine) -> None:
    """Write `touches`: every click and visit with its person, its campaign and why it is not a touch (`reason`, "" = it is)."""
    _build_odd(engine)
    engine.write(load("touches", PACKAGE), None, "touches")


def build(engine: Engine, ask: Ask, models: Sequence[AttributionModel] = ()) -> None:
    """Write `journeys`: one row an order and touch within the look-back before the order, with what `models` ask of it."""
    build_orders(engine)
    _build_odd(engine)
    engine.write(load("journeys", PACKAGE), {"lookback_ms": round(ask.lookback_days * DAY_MS)}, "journeys")


def _build_odd(engine: Engine) -> None:
    """Write `odd_touches`: a table of its own, so that the engine knows how small it is when it plans the journeys."""
    engine.write(load("odd_touches", PACKAGE), None, "odd_touches")
