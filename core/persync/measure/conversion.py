"""Orders after mail, order value and revenue a recipient: per customer, not per message (rule E9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import arm_rates, intervals, rules
from persync.measure.metric import Ask, Metric
from persync.measure.slices import SLICES, Slices, check, slices
from persync.measure.texts import bounds, join, piece, query, run
from persync.money import exponent

SUMS = (
    "SELECT CAST(COALESCE(SUM(1 - x.is_open), 0) AS BIGINT) AS people"
    ", CAST(COALESCE(SUM(x.is_open), 0) AS BIGINT) AS waiting"
    ", CAST(COALESCE(SUM(CASE WHEN x.is_open = 0 THEN x.has_ordered ELSE 0 END), 0) AS BIGINT) AS buyers"
    ", CAST(COALESCE(SUM(CASE WHEN x.is_open = 0 AND x.revenue_minor <> 0 THEN 1 ELSE 0 END), 0) AS BIGINT) AS payers"
    ", CAST(COALESCE(SUM(CASE WHEN x.is_open = 0 THEN x.orders ELSE 0 END), 0) AS BIGINT) AS orders"
    ", CAST(COALESCE(SUM(CASE WHEN x.is_open = 0 THEN x.orders * x.orders ELSE 0 END), 0) AS BIGINT) AS orders_squared"
    ", COALESCE(SUM(CASE WHEN x.is_open = 0 THEN x.revenue_minor * CAST(x.orders AS DECIMAL(18, 0)) END), 0) AS product"
    ", COALESCE(SUM(CASE WHEN x.is_open = 0 THEN x.revenue_minor END), 0) AS total"
    ", COALESCE(SUM(CASE WHEN x.is_open = 0 THEN x.revenue_minor * x.revenue_minor END), 0) AS squares"
    ", MIN(x.currency_low) AS currency_low, MAX(x.currency_high) AS currency_high"
)
"""The sums of `after_mail` (called x) over people whose window is over, and how many it is not over for."""


_WAITING = "people whose window is not over are left out"


def _after_mail(engine: Engine, ask: Ask, what: str) -> tuple[Slices, list[dict[str, Any]]]:
    """Return one row a slice: people reached whose window is over, and what they bought in it."""
    build_orders(engine)
    cut = slices(engine, ask, what)
    shaped = piece("after_mail").replace("/*columns*/", cut.columns).replace("/*grouping*/", cut.grouping)
    keys = cut.grouping.removeprefix(", ")
    final = f"{SUMS}{cut.columns} FROM after_mail AS x" + (f" GROUP BY {keys} ORDER BY {keys}" if keys else "")
    params = {
        **bounds(ask.period),
        **cut.params,
        "window_ms": round(ask.lookback_days * rules.DAY),
        "now": ask.now,
        "gross": int(ask.basis == "gross"),
    }
    return cut, run(engine, join(*cut.texts, piece("bounces"), piece("order_money"), shaped, final), params)


def _read(engine: Engine, ask: Ask, id: str) -> list[Estimate]:
    cut, rows = _after_mail(engine, ask, id)
    currency = rules.one_currency([row[end] for row in rows for end in ("currency_low", "currency_high")])
    unit = currency or ask.currency or ""
    hide = cut.hidden(rows, "people", ask)
    out = []
    for row in rows:
        by = cut.by(row)
        if cut.attribute and by[cut.attribute] in hide:
            made = rules.suppressed(id, ask, by, unit=unit)
        elif not int(row["people"]) and int(row["waiting"]):
            made = rules.absent(id, rules.IMMATURE, by, unit=unit)
        elif currency is None:
            made = rules.absent(id, rules.MIXED_CURRENCIES, by, unit=unit)
        else:
            made = _money(id, row, ask, by, unit)
        if made.value is not None and int(row["waiting"]):
            made = rules.with_note(made, _WAITING)
        out.append(replace(made, period=ask.period))
    return out


def converted(engine: Engine, ask: Ask, id: str) -> list[tuple[Estimate, int, int]]:
    """Return for each slice its conversion under the name `id`, the people whose window is over, and how many of them
    ordered."""
    cut, rows = _after_mail(engine, ask, id)
    hide = cut.hidden(rows, "people", ask)
    out = []
    for row in rows:
        by, people, buyers = cut.by(row), int(row["people"]), int(row["buyers"])
        if cut.attribute and by[cut.attribute] in hide:
            made = rules.suppressed(id, ask, by, unit="share")
        elif not people and int(row["waiting"]):
            made = rules.absent(id, rules.IMMATURE, by, unit="share")
        else:
            made = rules.share(id, buyers, people, ask, by)
        if made.value is not None and int(row["waiting"]):
            made = rules.with_note(made, _WAITING)
        out.append((replace(made, period=ask.period), people, buyers))
    return out


def _money(id: str, row: Mapping[str, Any], ask: Ask, by: Mapping[str, str], unit: str) -> Estimate:
    people = int(row["people"])
    sample = intervals.moments(people, int(row["total"]), int(row["squares"])) if people else None
    made = rules.average(id, rules.scaled(sample, unit), int(row["payers"]), ask, by, unit=unit)
    return rules.with_note(made, "what came after mail, not what mail caused") if made.value is not None else made


def conversion_rate(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of people reached who ordered within the look-back days after their first message."""
    return [estimate for estimate, *_ in converted(engine, ask, "conversion_rate")]


def revenue_per_recipient(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute revenue within the look-back days after the first message, a person reached."""
    return _read(engine, ask, "revenue_per_recipient")


def aov(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the mean order, its median (`aov_median`) and its trimmed mean (`aov_trimmed`)."""
    check(ask.by, (), "aov")
    build_orders(engine)
    within = bounds(ask.period)
    known = {**within, "to_at": min(within["to_at"], ask.now + 1)}
    params = {**known, "gross": int(ask.basis == "gross")}
    later = (
        "SELECT COUNT(*) AS n FROM money_orders AS m WHERE m.is_counted = 1 AND m.ordered_at > :now AND m.ordered_at < :to_at"
    )
    (left,) = run(engine, later, {"now": ask.now, "to_at": within["to_at"]})
    future = rules.future_orders(int(left["n"]))
    (row,) = run(engine, query("order_money", "order_sizes", "aov_read"), params)
    (middle,) = run(engine, query("order_money", "order_sizes", "aov_middle_read"), params)
    currency = rules.one_currency([row["currency_low"], row["currency_high"]])
    unit = currency or ask.currency or ""
    ids = ("aov", "aov_median", "aov_trimmed")
    orders, customers = int(row["orders"]), int(row["customers"])
    if not orders or currency is None:
        reason = rules.MIXED_CURRENCIES if orders else rules.NO_DENOMINATOR
        return [replace(rules.absent(id, reason, {}, unit=unit, note=future), period=ask.period) for id in ids]
    if customers < ask.suppress_n:
        return [replace(rules.suppressed(id, ask, {}, unit=unit), period=ask.period) for id in ids]
    scale = 10.0 ** exponent(unit)
    total, product = int(row["total"]) / scale, int(row["product"]) / scale
    squares = int(row["squares"]) / (scale * scale)
    interval = intervals.ratio_of_sums(customers, total, orders, squares, int(row["orders_squared"]), product, ask.confidence)
    mean = rules.from_interval(ids[0], interval, n=orders, unit=unit, by={}, value=total / orders)
    mean = rules.with_note(mean, rules.smallness(customers, orders, ask))
    others = [
        Estimate(id, float(middle[key]) / scale, n=orders, unit=unit)
        for id, key in zip(ids[1:], ("median", "trimmed"), strict=True)
    ]
    return [replace(rules.with_note(estimate, future), period=ask.period) for estimate in (mean, *others)]


_DATA = ("touchpoints", "campaign_levels", "orders", "order_of", "order_ledger")

METRICS: tuple[Metric, ...] = (
    Metric(
        "conversion_rate",
        "Conversion rate after mail",
        "People who placed an order within the look-back days (30) after the first message of the period that reached them, "
        "over all people reached. An order counts unless it was cancelled, fully refunded or a test.",
        "people who ordered ÷ people reached",
        "share",
        conversion_rate,
        number="23",
        dimensions=SLICES,
        compares_arms=True,
        since_draw=arm_rates.conversion,
        edge_cases="By arm: everybody drawn, mailed or not, and the orders of the experiment's days, as experiment read has "
        "it. People whose window is not over are left out; when it is over for nobody: null, immature. Nobody "
        "reached: null, no_denominator. By coh: the month of the first order before somebody's first message. By seg, a period "
        "is needed: members are those of its first day. It says what came after mail, not what mail caused.",
        data=_DATA,
    ),
    Metric(
        "aov",
        "Average order value",
        "Revenue of the orders placed in the period over their number, net by default (product and adjustment, without tax "
        "and shipping), as the ledger stands. The median and the mean without the outer tenths stand beside it.",
        "net revenue ÷ orders",
        "money",
        aov,
        number="29",
        dimensions=("arm",),
        compares_arms=True,
        since_draw=arm_rates.order_value,
        edge_cases="Test, cancelled and fully refunded orders are not counted. The interval takes customers as the units. "
        "Several currencies: null, mixed_currencies.",
        data=("orders", "order_of", "order_ledger"),
    ),
    Metric(
        "revenue_per_recipient",
        "Revenue per recipient",
        "Revenue of the orders placed within the look-back days (30) after the first message of the period that reached a "
        "person, over all people reached, buyers or not.",
        "revenue after mail ÷ people reached",
        "money",
        revenue_per_recipient,
        number="31",
        dimensions=SLICES,
        compares_arms=True,
        since_draw=arm_rates.revenue,
        edge_cases="As conversion_rate. The interval is Student's on customers, which is rough where a few orders hold most "
        "of the money. Post-mail revenue overstates what mail caused: see incremental_revenue.",
        data=_DATA,
    ),
)
