"""What the next months bring if all goes on as it does: orders, revenue and the list (catalogue 122).

Simple exponential smoothing starts from the first value: level_t = level_(t-1) + alpha (y_t - level_(t-1)), with the alpha of
the least sum of squared errors one step ahead (Brown 1959; Hyndman and Athanasopoulos, Forecasting: Principles and Practice,
8.1). The variance h steps ahead is that of one step times 1 + (h - 1) alpha^2, of the naive forecast times h (there, 5.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.metric import Ask, Metric
from persync.measure.occasions import watched_until
from persync.measure.slices import check
from persync.measure.texts import join, piece, run
from persync.money import exponent

AHEAD: Final = 3
SEASON: Final = 12
SEASONS: Final = 2
"""whole years that a season takes to be told from chance"""
LEAST: Final = 6
"""the fewest whole months that anything is said from"""
MOST: Final = 120
TOO_SHORT: Final = "too_short"
NAIVE: Final = "naive"
SEASONAL: Final = "seasonal naive"
SMOOTHED: Final = "exponential smoothing"

_KPIS: Final = (("orders", "count"), ("revenue", ""))
_ORDERS: Final = (
    "SELECT m.ordered_at AS at, m.revenue_minor AS minor, m.currency_low AS low, m.currency_high AS high FROM order_money AS m"
    " WHERE m.is_counted = 1 AND m.ordered_at > 0 AND m.ordered_at < :to_at"
)
_MONTHLY: Final = (
    "SELECT n.place AS place, COUNT(o.at) AS orders, CAST(COALESCE(SUM(o.minor), 0) AS BIGINT) AS minor, MIN(o.low) AS low,"
    " MAX(o.high) AS high FROM /*months*/ AS n LEFT JOIN sales AS o ON o.at >= n.begins AND o.at < n.ends"
    " GROUP BY n.place ORDER BY n.place"
)
_LIST: Final = (
    "SELECT n.place AS place, COUNT(*) AS people FROM (SELECT COALESCE(po.person, c.key_id) AS person,"
    " MIN(c.created_at) AS joined FROM contacts AS c LEFT JOIN person_of AS po ON po.key_id = c.key_id"
    " WHERE c.created_at IS NOT NULL GROUP BY COALESCE(po.person, c.key_id)) AS j"
    " LEFT JOIN (SELECT COALESCE(po.person, t.key_id) AS person, MIN(t.happened_at) AS parted FROM touchpoints AS t"
    " LEFT JOIN person_of AS po ON po.key_id = t.key_id WHERE t.action = 6 GROUP BY COALESCE(po.person, t.key_id)) AS u"
    " ON u.person = j.person JOIN /*months*/ AS n ON j.joined < n.ends AND (u.parted IS NULL OR u.parted >= n.ends)"
    " GROUP BY n.place ORDER BY n.place"
)


@dataclass(frozen=True, slots=True)
class Smoothing:
    """A fit of simple exponential smoothing: what the last month leaves, and how fast it forgets."""

    alpha: float
    level: float
    squares: float
    """sum of squared errors one step ahead"""


def smooth(values: Sequence[float], alpha: float) -> Smoothing:
    """Run simple exponential smoothing with a given alpha in [0, 1] over at least one value."""
    level, squares = float(values[0]), 0.0
    for value in values[1:]:
        error = value - level
        squares += error * error
        level += alpha * error
    return Smoothing(alpha, level, squares)


def fit(values: Sequence[float]) -> Smoothing:
    """Return the smoothing with the least sum of squared errors; of a series without change alpha is 0."""
    from scipy.optimize import minimize_scalar

    if max(values) == min(values):
        return smooth(values, 0.0)
    found = minimize_scalar(
        lambda alpha: smooth(values, alpha).squares, bounds=(0.0, 1.0), method="bounded", options={"xatol": 1e-8}
    )
    return min((smooth(values, alpha) for alpha in (0.0, float(found.x), 1.0)), key=lambda one: one.squares)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Months ahead by one method, and how it did on the months it was tried on."""

    method: str
    values: tuple[float, ...]
    spreads: tuple[float, ...]
    """standard error of each"""
    errors: tuple[float, ...]
    """of the tried months, one step ahead"""
    naive_errors: tuple[float, ...]

    @property
    def ratio(self) -> float | None:
        """Mean absolute error against that of the naive forecast; None where that was never wrong."""
        naive = sum(map(abs, self.naive_errors))
        return sum(map(abs, self.errors)) / naive if naive else None


def forecast(values: Sequence[float], ahead: int = AHEAD) -> Forecast:
    """Forecast a monthly series of at least `LEAST` values.

    Below two years the last month goes on. From two years on, of last year's month and smoothing the one is taken that was
    less wrong one step ahead over the last year; smoothing is fitted anew before each month it is tried on.
    """
    tried = range(len(values) - min(SEASON, len(values) // 2), len(values))
    naive = tuple(values[at] - values[at - 1] for at in tried)
    if len(values) < SEASONS * SEASON:
        wrong = _root(naive)
        return Forecast(NAIVE, (values[-1],) * ahead, tuple(wrong * math.sqrt(h + 1) for h in range(ahead)), naive, naive)
    seasonal = tuple(values[at] - values[at - SEASON] for at in tried)
    smoothed = tuple(values[at] - fit(values[:at]).level for at in tried)
    if sum(map(abs, seasonal)) < sum(map(abs, smoothed)):
        last = tuple(values[len(values) - SEASON + h % SEASON] for h in range(ahead))
        spreads = tuple(_root(seasonal) * math.sqrt(h // SEASON + 1) for h in range(ahead))
        return Forecast(SEASONAL, last, spreads, seasonal, naive)
    fitted = fit(values)
    spreads = tuple(_root(smoothed) * math.sqrt(1 + h * fitted.alpha**2) for h in range(ahead))
    return Forecast(SMOOTHED, (fitted.level,) * ahead, spreads, smoothed, naive)


def _root(errors: Sequence[float]) -> float:
    return math.sqrt(sum(error * error for error in errors) / len(errors))


def _months(first: int, end: int, zone: ZoneInfo) -> list[date]:
    """Return the first days of the whole months between two moments, and of the month after the last; ended ones alone."""

    def day(at: int) -> date:
        return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).date().replace(day=1)

    found = [day(end)]
    while len(found) <= MOST and found[0] > _next(day(first)):
        found.insert(0, (found[0] - timedelta(days=1)).replace(day=1))
    return found


def _next(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


@dataclass(frozen=True, slots=True)
class Course:
    """A monthly series and what it leads to expect: `months` as `2026-01`, `values` in `unit`."""

    kpi: str
    unit: str
    months: tuple[str, ...]
    values: tuple[float, ...]
    forecast: Forecast


def courses(engine: Engine, ask: Ask) -> list[Course]:
    """Return the series of orders, revenue and people on the list with their forecasts; those alone that can be told."""
    return _courses(engine, ask).found


@dataclass(frozen=True, slots=True)
class _Read:
    found: list[Course]
    untold: list[Estimate]
    starts: Sequence[int]
    """of each month and of the one after the last, epoch ms"""
    last: date | None


def _courses(engine: Engine, ask: Ask) -> _Read:
    id = "kpi_forecast"
    build_orders(engine)
    zone = ZoneInfo(ask.timezone)
    end = watched_until(engine, ask)
    params = {"gross": int(ask.basis == "gross"), "to_at": end}
    (row,) = engine.rows("SELECT MIN(m.ordered_at) AS first_at FROM money_orders AS m WHERE m.ordered_at > 0")
    months = _months(int(row["first_at"]), end, zone) if row["first_at"] is not None else []
    if len(months) - 1 < LEAST:
        note = f"{max(len(months) - 1, 0)} whole months with orders are known; {LEAST} are needed"
        return _Read([], [rules.absent(id, TOO_SHORT, {"kpi": kpi}, unit=unit, note=note) for kpi, unit in _KPIS], (), None)
    starts = [round(datetime(day.year, day.month, 1, tzinfo=zone).timestamp() * 1000) for day in months]
    listed = " UNION ALL ".join(
        f"SELECT {place} AS place, {begins} AS begins, {ends} AS ends" for place, (begins, ends) in enumerate(pairwise(starts))
    )
    sql = join(piece("order_money"), f"sales AS ({_ORDERS})", _MONTHLY.replace("/*months*/", f"({listed})"))
    sales = run(engine, sql, params)
    series: dict[tuple[str, str], list[float]] = {("orders", "count"): [float(one["orders"]) for one in sales]}
    currency = rules.one_currency([one[name] for one in sales for name in ("low", "high") if one[name] is not None])
    untold: list[Estimate] = []
    if currency is not None and (ask.currency in (None, currency)):
        series["revenue", currency] = [one["minor"] / 10.0 ** exponent(currency) for one in sales]
    else:
        untold.append(rules.absent(id, rules.MIXED_CURRENCIES, {"kpi": "revenue"}, unit=ask.currency or ""))
    people = {int(one["place"]): float(one["people"]) for one in engine.rows(_LIST.replace("/*months*/", f"({listed})"))}
    if people:
        series["list", "count"] = [people.get(place, 0.0) for place in range(len(starts) - 1)]
    named = tuple(f"{month:%Y-%m}" for month in months[:-1])
    found = [Course(kpi, unit, named, tuple(values), forecast(values)) for (kpi, unit), values in series.items()]
    return _Read(found, untold, starts, months[-1])


def kpi_forecast(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the next three months of orders, revenue and people on the list, and how the method did against the naive one."""
    check(ask.by, (), "kpi_forecast")
    read = _courses(engine, ask)
    out = list(read.untold)
    if read.last is None:
        return out
    for one in read.found:
        out += _told("kpi_forecast", one.kpi, one.unit, one.forecast, read.last, len(one.values), ask)
    return [replace(one, period=(read.starts[0], read.starts[-1])) for one in out]


def _told(id: str, kpi: str, unit: str, found: Forecast, first: date, months: int, ask: Ask) -> list[Estimate]:
    z = intervals.normal_quantile(ask.confidence)
    note = found.method
    if found.method == NAIVE:
        note += f": {months} months are fewer than two years, so the last one goes on and no season is known"
    out, month = [], first
    for value, spread in zip(found.values, found.spreads, strict=True):
        low, high = max(0.0, value - z * spread), value + z * spread
        by = {"kpi": kpi, "month": f"{month:%Y-%m}"}
        out.append(Estimate(id, value, low, high, n=months, unit=unit, by=by, note=note))
        month = _next(month)
    told = f"{found.method}: mean absolute error one month ahead over that of taking the month before"
    by = {"kpi": kpi}
    if found.ratio is None:
        return [*out, rules.absent(f"{id}_error", rules.NO_DENOMINATOR, by, unit="ratio", n=len(found.errors), note=told)]
    return [*out, Estimate(f"{id}_error", found.ratio, n=len(found.errors), unit="ratio", by=by, note=told)]


METRICS: Sequence[Metric] = (
    Metric(
        "kpi_forecast",
        "The next three months",
        "Orders, revenue (basis as set) and people on the list in each of the next three months, if all goes on as it does, "
        "with the interval of the errors made one month ahead; and those errors against simply taking the month before.",
        "seasonal naive: the same month a year ago; smoothing: level + alpha (value − level), alpha of the least squares",
        "count, money, ratio",
        kpi_forecast,
        number="122",
        edge_cases="Fewer than 6 whole months: null, too_short. Fewer than 24: the last month goes on, and the note says so. "
        "From 24 on the better of both over the last year. The month under way is left out. The list is people who joined "
        "and have not unsubscribed. Never a cause, and no plan: what is planned is not in it.",
        data=("orders", "order_of", "order_ledger", "contacts", "touchpoints"),
    ),
)
