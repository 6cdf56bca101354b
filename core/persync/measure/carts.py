"""Carts that were left (catalogue 165): how many were bought after all, with a reminder and without, and what they were
worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from persync.attribution.horizon import orders_note, orders_until
from persync.engine.engine import Engine
from persync.estimate import RAW, Estimate
from persync.measure import counts, rules
from persync.measure.metric import Ask
from persync.measure.rules import DAY
from persync.measure.texts import bounds, join, run
from persync.money import exponent

NO_CARTS: Final = "no_carts"
AFTER: Final = "what came after it, not what it caused"
_LEFT: Final = (
    # Only systems that tell of what became of a cart: elsewhere one bought at once and one left for days look alike.
    "telling AS (SELECT DISTINCT c.connection AS connection FROM carts AS c WHERE c.completed_at IS NOT NULL"
    " OR c.status = 'recovered' OR c.recovery IS NOT NULL),"
    " left_carts AS (SELECT COALESCE(po.person, c.key_id, -1) AS person, c.connection AS connection, c.cart AS cart,"
    " CASE WHEN c.created_at + :goal_ms <= :until THEN 1 ELSE 0 END AS is_over, c.total_minor AS minor, c.currency AS currency,"
    " CASE WHEN (c.completed_at IS NOT NULL OR c.status IN ('recovered', 'completed')) AND COALESCE(c.completed_at,"
    " c.created_at) < c.created_at + :goal_ms THEN 1 ELSE 0 END AS recovered,"
    " CASE WHEN c.recovery_sent_at IS NOT NULL AND (c.completed_at IS NULL OR c.recovery_sent_at <= c.completed_at) THEN"
    " 'reminded' WHEN c.recovery IS NULL AND c.recovery_sent_at IS NULL THEN 'not told' ELSE 'not reminded' END AS reminder"
    " FROM carts AS c JOIN telling AS l ON l.connection = c.connection LEFT JOIN person_of AS po ON po.key_id = c.key_id"
    " WHERE c.created_at >= :from_at AND c.created_at < :to_at AND (c.status = 'recovered' OR c.completed_at >= c.created_at +"
    " 3600000 OR (c.completed_at IS NULL AND COALESCE(c.status, '') <> 'completed')))"
)


_UNTOLD: Final = "no platform tells of carts that were left in this period, and what became of them"


def recovered(engine: Engine, ask: Ask, goal_days: float) -> list[Estimate]:
    """Return the share of carts left for an hour or more that were bought within so many days, in all and by whether a reminder
    was sent, and what they were worth. Null, with the reason, where no platform tells of them."""
    id = "abandoned_cart"
    until = orders_until(engine, ask)
    params = {**bounds(ask.period), "until": until, "goal_ms": round(goal_days * DAY)}
    clusters = (
        "SELECT {0} COUNT(*) AS clusters, {1} FROM (SELECT {2} q.person AS person, SUM(q.recovered) AS y, COUNT(*) AS x FROM"
        " left_carts AS q WHERE q.is_over = 1 GROUP BY {2} q.person, CASE WHEN q.person = -1 THEN q.cart ELSE '' END) AS p {3}"
    )
    (seen,) = run(engine, join(_LEFT, "SELECT COUNT(*) AS n, COALESCE(SUM(q.is_over), 0) AS over FROM left_carts AS q"), params)
    if not int(seen["n"]):
        return [rules.absent(id, NO_CARTS, {}, unit="share", note=_UNTOLD)]
    if not int(seen["over"]):
        return [rules.absent(id, rules.IMMATURE, {}, unit="share", n=int(seen["n"]), note=orders_note(until, ask))]
    (row,) = run(engine, join(_LEFT, clusters.format("", counts.sums("y", "x"), "", "")), params)
    note = (
        f"left for an hour or more and bought within {goal_days:g} days; some come back by themselves, and how many"
        " a holdout tells"
    )
    out = [rules.with_note(counts.clustered_share(id, row, ask, {}), note)]
    text = clusters.format(
        "p.reminder AS reminder,", counts.sums("y", "x"), "q.reminder AS reminder,", "GROUP BY p.reminder ORDER BY 1"
    )
    rows = run(engine, join(_LEFT, text.replace("GROUP BY q.reminder AS reminder,", "GROUP BY q.reminder,")), params)
    hide = rules.hidden({str(one["reminder"]): int(one["x"]) for one in rows}, ask.suppress_n)
    for one in rows:
        by = {"reminder": str(one["reminder"])}
        made = (
            rules.suppressed(f"{id}_by_reminder", ask, by, unit="share")
            if by["reminder"] in hide
            else counts.clustered_share(f"{id}_by_reminder", one, ask, by)
        )
        out.append(replace(made, label=RAW))
    return [*out, *_money(engine, ask, params)]


def _money(engine: Engine, ask: Ask, params: Mapping[str, Any]) -> list[Estimate]:
    """Return what the carts that were bought after all were worth, and what discounts on them cost."""
    won = "SELECT q.* FROM left_carts AS q WHERE q.is_over = 1 AND q.recovered = 1"
    (row,) = run(
        engine,
        join(
            _LEFT,
            f"SELECT COUNT(*) AS n, COUNT(w.minor) AS known, SUM(w.minor) AS minor, MIN(w.currency) AS low, MAX(w.currency) AS"
            f" high FROM ({won}) AS w",
        ),
        params,
    )
    (cut,) = run(
        engine,
        join(
            _LEFT,
            "SELECT COUNT(DISTINCT o.order_key) AS orders, SUM(d.amount_minor) AS minor, MIN(d.currency) AS low,"
            f" MAX(d.currency) AS high FROM ({won}) AS w JOIN orders AS o ON o.connection = w.connection AND o.cart = w.cart"
            " LEFT JOIN order_discounts AS d ON d.order_key = o.order_key",
        ),
        params,
    )
    unit = rules.one_currency([row["low"], row["high"], cut["low"], cut["high"]])
    n = int(row["n"])
    id = "abandoned_cart_revenue"
    if 0 < n < ask.suppress_n:
        return [rules.suppressed(id, ask, {})]
    if unit is None or not int(row["known"]):
        return [rules.absent(id, rules.MIXED_CURRENCIES if unit is None else rules.NO_DENOMINATOR, {}, n=n)]
    scale = 10.0 ** exponent(unit)
    unknown = f"{n - int(row['known'])} of {n} carts have no total; " if int(row["known"]) < n else ""
    out = [Estimate(id, float(row["minor"]) / scale, n=n, unit=unit, note=f"{unknown}totals of the carts; {AFTER}")]
    if not int(cut["orders"]):
        none = rules.absent("abandoned_cart_discounts", rules.NO_DENOMINATOR, {}, unit=unit, note="no order names its cart")
        return [*out, none]
    cost = abs(float(cut["minor"] or 0)) / scale
    note = "taken off the orders that these carts became; cart totals are after discounts, so do not subtract it again"
    return [*out, Estimate("abandoned_cart_discounts", cost, n=int(cut["orders"]), unit=unit, note=note)]
