"""How far the data reach: a window is over once what it is read from is known to its end, not once the calendar is past it.

Orders, for all that is bought or paid, reach as far as the connections that money comes from were read to the end; messages,
for what was sent, opened, clicked or visited, as far as the connections that tell of them were. Of several the one that
reaches furthest counts: a shop that was closed must not hold back all that came after it. Where no connection says how far it
was read, as with imported files, windows go by the calendar. Nothing is known past `ask.now`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from persync.engine.engine import Engine

if TYPE_CHECKING:
    from persync.measure.metric import Ask

_ORDERS: Final = (
    "SELECT m.connection AS connection, MAX(CASE WHEN m.ordered_at <= :now THEN m.ordered_at END) AS last_at"
    " FROM money_orders AS m GROUP BY m.connection ORDER BY m.connection"
)
_TOUCHES: Final = (
    "SELECT t.connection AS connection, MAX(CASE WHEN t.happened_at <= :now THEN t.happened_at END) AS last_at"
    " FROM touchpoints AS t GROUP BY t.connection ORDER BY t.connection"
)
_TOLD: Final = (
    "SELECT c.connection AS connection, MAX(c.to_at) AS to_at FROM coverage AS c WHERE c.state = 'complete'{}"
    " GROUP BY c.connection ORDER BY c.connection"
)
_ORDER_STREAMS: Final = " AND (c.stream LIKE 'order%' OR c.stream LIKE 'deal%')"


def orders_until(engine: Engine, ask: Ask) -> int:
    """Return until when (epoch ms, exclusive) orders are known; now where nothing says it. Needs `build_orders`."""
    told, last = _reach(engine, ask, _ORDERS, _ORDER_STREAMS)
    return min(ask.now, ask.now if told is None else max(told, last))


def watched_until(engine: Engine, ask: Ask) -> int:
    """Return `orders_until`, but the last order where nothing says how far orders are known: nobody can be said to have stayed
    away since a shop was last asked. Needs `build_orders`."""
    told, last = _reach(engine, ask, _ORDERS, _ORDER_STREAMS)
    return min(ask.now, max(told or 0, last))


def touches_until(engine: Engine, ask: Ask) -> int:
    """Return until when (epoch ms, exclusive) it is known what was sent, opened, clicked and visited; now where nothing says
    it."""
    told, last = _reach(engine, ask, _TOUCHES, "")
    return min(ask.now, ask.now if told is None else max(told, last))


def _reach(engine: Engine, ask: Ask, facts: str, streams: str) -> tuple[int | None, int]:
    """Return until when the connections that hold such facts were read, None where none says it, and the moment after the last
    fact."""
    found = {int(row["connection"]): int(row["last_at"] or 0) for row in engine.rows(facts, {"now": ask.now})}
    covered = {int(row["connection"]): int(row["to_at"]) for row in engine.rows(_TOLD.format(streams))}
    # One that was read and holds nothing of the kind says nothing of how far the others reach.
    told = [to_at for connection, to_at in covered.items() if connection in found or not found]
    return max(told, default=None), max(found.values(), default=0) + 1


def orders_note(until: int, ask: Ask) -> str:
    """Return the note that orders are known until a day of the shop (whole or begun); "" where they are known until now."""
    return _note("orders", until, ask)


def touches_note(until: int, ask: Ask) -> str:
    """Return the note that messages and visits are known until a day, as `orders_note` does."""
    return _note("messages and visits", until, ask)


def _note(what: str, until: int, ask: Ask) -> str:
    return f"{what} are known until {day(until - 1, ask)}" if until < ask.now else ""


def day(at: int, ask: Ask) -> str:
    """Return the shop's day that a moment lies in: `2026-03-01`."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(ask.timezone)).date().isoformat()
