"""Purchase occasions and customers: the tables that all of retention and value is read from, and until when they reach."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from persync.attribution import horizon
from persync.attribution.journeys import build_orders, offset_sql
from persync.engine.engine import Engine
from persync.measure import rules
from persync.measure.metric import Ask
from persync.measure.rules import DAY
from persync.measure.texts import EVER, join, piece, run, write
from persync.money import exponent

_EPOCH: Final = date(1970, 1, 1)
_MONTHS: Final = 1200
"""months of history that are told apart; what is older stands in the first of them"""

_LEFT_OUT: Final = (
    "SELECT CAST(COALESCE(SUM(CASE WHEN m.person IS NULL AND m.ordered_at < :end_at THEN 1 ELSE 0 END), 0) AS BIGINT)"
    " AS nameless, CAST(COALESCE(SUM(CASE WHEN m.ordered_at > :now THEN 1 ELSE 0 END), 0) AS BIGINT) AS future"
    " FROM order_money AS m WHERE m.is_counted = 1"
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What was watched: until when, in which currency, how many customers, and what had to be left out."""

    end_at: int
    """epoch ms: now, the end of the asked period or of what is known of orders, whichever is first"""
    end_day: int
    """the first shop day (days since 1970) that is not over at `end_at`"""
    first_day: int
    currency: str | None
    """None when there are several, "" when there is none"""
    customers: int
    nameless: int
    """orders that name nobody"""
    future: int
    """orders dated after now"""

    @property
    def days(self) -> int:
        """How many days lie between the first order and the end."""
        return max(0, self.end_day - self.first_day)

    @property
    def scale(self) -> float:
        """Minor units in a major one."""
        return 10.0 ** exponent(self.currency or "")

    @property
    def note(self) -> str:
        """Say what was left out, "" when nothing was."""
        parts = [f"{self.nameless:,} orders that name nobody are left out"] if self.nameless else []
        parts += [rules.future_orders(self.future)] if self.future else []
        return "; ".join(parts)


def build(engine: Engine, ask: Ask) -> Ground:
    """Write the derived tables `occasions` and `customers` (see the texts of these names) and return what they rest on."""
    build_orders(engine)
    end_at = watched_until(engine, ask)
    gross = {"gross": int(ask.basis == "gross"), "end_at": end_at}
    offset, moments = offset_sql(engine, ask.timezone)
    text = piece("occasions").replace("/*offset*/", offset)
    months = calendar(engine, ask, end_at)
    params = {**gross, **moments}
    select = "SELECT o.* FROM numbered AS o"
    write(engine, join(piece("order_money"), months, text, select), params, "occasions")
    write(engine, piece("customers"), {}, "customers")
    (row,) = run(
        engine,
        "SELECT COUNT(*) AS customers, MIN(c.first_day) AS first_day, MIN(c.currency_low) AS low, MAX(c.currency_high) AS high"
        " FROM customers AS c",
        {},
    )
    # Kept as a table too, for it looks at every order and all of the family asks for it.
    counted = join(piece("order_money"), _LEFT_OUT)
    write(engine, counted, {**gross, "now": ask.now}, "orders_left_out")
    (left,) = engine.rows("SELECT f.nameless AS nameless, f.future AS future FROM orders_left_out AS f")
    end_day = shop_day(end_at, ask.timezone)
    return Ground(
        end_at=end_at,
        end_day=end_day,
        first_day=end_day if row["first_day"] is None else int(row["first_day"]),
        currency=rules.one_currency([row["low"], row["high"]]),
        customers=int(row["customers"]),
        nameless=int(left["nameless"]),
        future=int(left["future"]),
    )


def build_money(engine: Engine, ask: Ask, ground: Ground) -> None:
    """Write the derived table `customer_money`: what each customer's orders moved, and when. Needs `build`."""
    params = {"gross": int(ask.basis == "gross"), "end_at": ground.end_at}
    text = join(piece("owned_orders"), calendar(engine, ask, ground.end_at), piece("customer_money"))
    write(engine, text, params, "customer_money")


def watched_until(engine: Engine, ask: Ask) -> int:
    """Return until when orders are known: nobody can be said to have stayed away since a shop was last asked."""
    return min(horizon.watched_until(engine, ask), ask.period[1] if ask.period else EVER)


def shop_day(at: int, timezone: str) -> int:
    """Return the shop day that a moment lies in, in days since 1970."""
    try:
        moment = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(timezone))
    except (OverflowError, ValueError):
        return at // DAY
    return (moment.date() - _EPOCH).days


def calendar(engine: Engine, ask: Ask, end_at: int) -> str:
    """Return the CTE `calendar (month, first_day, next_day, from_at, to_at)`: the shop's months up to `end_at`. The first one
    reaches back without end."""
    (row,) = engine.rows("SELECT MIN(m.ordered_at) AS first_at FROM money_orders AS m")
    last = _EPOCH + timedelta(days=shop_day(end_at, ask.timezone))
    begin = _EPOCH + timedelta(days=max(-700_000, shop_day(min(int(row["first_at"] or 0), end_at), ask.timezone)))
    final = last.year * 12 + last.month - 1
    first = max(begin.year * 12 + begin.month - 1, final - _MONTHS)
    zone = ZoneInfo(ask.timezone)
    lines = []
    for month in range(first, final + 1):
        start, after = month_start(month), month_start(month + 1)
        days = (start - _EPOCH).days if month > first else -EVER, (after - _EPOCH).days
        times = _moment(start, zone) if month > first else -EVER, _moment(after, zone)
        lines.append(f"({month}, {days[0]}, {days[1]}, {times[0]}, {times[1]})")
    columns = ("month", "first_day", "next_day", "from_at", "to_at")
    cast = ", ".join(f"CAST(v.{name} AS BIGINT) AS {name}" for name in columns)
    return f"calendar AS (SELECT {cast} FROM (VALUES {', '.join(lines)}) AS v({', '.join(columns)}))"


def month_start(month: int) -> date:
    """Return the first day of a month by its number, year * 12 + month - 1."""
    return date(month // 12, month % 12 + 1, 1)


def month_name(month: int) -> str:
    """Return a month as it is written in slices: `2025-03`."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def _moment(day: date, zone: ZoneInfo) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
