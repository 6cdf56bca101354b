"""The shop's own clock: when a message or an order came, as a day, week, month, hour or weekday in the shop's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from persync.engine.engine import Engine
from persync.measure.metric import Ask
from persync.measure.rules import DAY

DAYS_OF_WEEK: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SPANS: Final = ("day", "month", "week")
"""pieces of time that follow one another"""
TURNS: Final = ("hour", "weekday")
"""those that come round again"""
_YEARS: Final = 40 * 366 * DAY
_EPOCH: Final = date(1970, 1, 1)


def offsets(column: str, period: tuple[int, int], timezone: str) -> tuple[str, int]:
    """Return SQL for the zone's offset from UTC in ms at `column` within the period, and the offset at its start."""
    zone = ZoneInfo(timezone)

    def at(moment: int) -> int:
        offset = datetime.fromtimestamp(moment / 1000, UTC).astimezone(zone).utcoffset() or timedelta()
        return round(offset.total_seconds() * 1000)

    begin, end = period
    cases: list[str] = []
    moment = begin
    while moment < end and len(cases) < 100:
        step = min(moment + 7 * DAY, end)
        if at(step) != at(moment):
            low, high = moment, step
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if at(middle) == at(low) else (low, middle)
            cases.append(f"WHEN {column} < {high} THEN {at(low)}")
        moment = step
    return (f"CASE {' '.join(cases)} ELSE {at(end)} END" if cases else str(at(begin))), at(begin)


def send_times(engine: Engine, ask: Ask, column: str) -> dict[str, str]:
    """Return SQL for the number of each piece of time that `column`, a moment at which something was sent, lies in."""
    sql = "SELECT MIN(t.happened_at) AS first_at, MAX(t.happened_at) AS last_at FROM touchpoints AS t WHERE t.action IN (1, 2)"
    (row,) = engine.rows(sql)
    return times(ask, column, row["first_at"], row["last_at"])


def order_times(engine: Engine, ask: Ask, column: str) -> dict[str, str]:
    """Return SQL for the number of each piece of time that `column`, a moment at which something was ordered, lies in. Needs
    the table `money_orders`."""
    sql = "SELECT MIN(m.ordered_at) AS first_at, MAX(m.ordered_at) AS last_at FROM money_orders AS m"
    (row,) = engine.rows(sql)
    return times(ask, column, row["first_at"], row["last_at"])


def times(ask: Ask, column: str, first_at: int | None, last_at: int | None) -> dict[str, str]:
    """Return SQL for the number of each piece of time that `column` lies in, which goes from `first_at` to `last_at`."""
    begin, end = ask.period or (first_at or 0, (last_at or 0) + 1)
    # What a vendor dates before its time, or after ours, is told by the clock at the edge.
    begin = max(int(begin), ask.now - _YEARS, int(first_at or 0))
    end = max(begin + 1, min(int(end), ask.now + 366 * DAY))
    offset, _ = offsets(column, (begin, end), ask.timezone)
    local = f"({column} + {offset})"
    day = f"CAST(FLOOR({local} / {DAY}e0) AS BIGINT)"
    months = "".join(f" WHEN {day} < {first} THEN {number}" for number, first in _months(begin, end))
    last = _number(_day(end))
    return {
        "day": day,
        "week": f"CAST(FLOOR(({day} + 3) / 7e0) AS BIGINT)",
        "month": f"CASE{months} ELSE {last} END" if months else str(last),
        "hour": f"CAST(FLOOR(({local} - {day} * {DAY}) / 3600000e0) AS BIGINT)",
        "weekday": f"CAST({day} + 3 - 7 * FLOOR(({day} + 3) / 7e0) AS BIGINT)",
    }


def name(dimension: str, number: int) -> str:
    """Return a piece of time by its number: `2025-03-04`, `2025-W10` (ISO 8601), `2025-03`, `09`, `Tuesday`."""
    if dimension == "hour":
        return f"{number:02d}"
    if dimension == "weekday":
        return DAYS_OF_WEEK[number]
    if dimension == "month":
        return f"{number // 12:04d}-{number % 12 + 1:02d}"
    day = _EPOCH + timedelta(days=number if dimension == "day" else 7 * number - 3)
    if dimension == "day":
        return day.isoformat()
    year, week, _ = day.isocalendar()
    return f"{year:04d}-W{week:02d}"


def placed(at: int, timezone: str, dimension: str) -> str:
    """Return the piece of time that a moment lies in, by its name."""
    local = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(timezone))
    days = (local.date() - _EPOCH).days
    numbers = {"day": days, "week": (days + 3) // 7, "month": _number(local.date()), "hour": local.hour}
    return name(dimension, numbers.get(dimension, local.weekday()))


def _day(at: int) -> date:
    return (datetime.fromtimestamp(at / 1000, UTC) + timedelta(days=1)).date()


def _number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _months(begin: int, end: int) -> list[tuple[int, int]]:
    """Return each month but the last with the day, since 1970, on which the next one begins."""
    first = _number((datetime.fromtimestamp(begin / 1000, UTC) - timedelta(days=1)).date())
    return [
        (number, (date((number + 1) // 12, (number + 1) % 12 + 1, 1) - _EPOCH).days)
        for number in range(first, _number(_day(end)))
    ]
