"""Orders after mail, order value and revenue a recipient: per customer, not per message (rule E9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from persync.attribution.horizon import orders_note, orders_until
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import arm_rates, draws, rules
from persync.measure.metric import Ask, Metric
from persync.measure.slices import SLICES, Slices, slices
from persync.measure.texts import bounds, join, piece, run
from persync.money import exponent

_MONEY = (
    "SELECT CAST(COALESCE(SUM(1 - x.is_open), 0) AS BIGINT) AS people"
    ", CAST(COALESCE(SUM(x.is_open), 0) AS BIGINT) AS waiting"
    ", CAST(COALESCE(SUM(CASE WHEN x.is_open = 0 AND x.revenue_minor <> 0 THEN 1 ELSE 0 END), 0) AS BIGINT) AS payers"
    ", COALESCE(SUM(CASE WHEN x.is_open = 0 THEN x.revenue_minor END), 0) AS total"
    ", MIN(x.currency_low) AS currency_low, MAX(x.currency_high) AS currency_high"
)
SUMS = (
    f"{_MONEY}, CAST(COALESCE(SUM(CASE WHEN x.is_open = 0 THEN x.has_ordered ELSE 0 END), 0) AS BIGINT) AS buyers"
    ", CAST(COALESCE(SUM(CASE WHEN x.is_open = 0 THEN x.orders ELSE 0 END), 0) AS BIGINT) AS orders"
    ", CAST(COALESCE(SUM(CASE WHEN x.is_open = 0 THEN x.orders * x.orders ELSE 0 END), 0) AS BIGINT) AS orders_squared"
    ", COALESCE(SUM(CASE WHEN x.is_open = 0 THEN x.revenue_minor * CAST(x.orders AS DECIMAL(18, 0)) END), 0) AS product"
    ", COALESCE(SUM(CASE WHEN x.is_open = 0 THEN x.revenue_minor * x.revenue_minor END), 0) AS squares"
)
"""The sums of `after_mail` (called x) over people whose window is over, and how many it is not over for."""


def waiting_note(until: int, ask: Ask) -> str:
    """Return the note that people are left out whose window runs past `until`, and past what is known of orders."""
    known = orders_note(until, ask)
    return f"people whose window is not over are left out{f' ({known})' if known else ''}"


def _after_mail(engine: Engine, ask: Ask, what: str, *, drawn: bool = False) -> tuple[Slices, list[dict[str, Any]], int]:
    """Return one row a slice (with `drawn`, and bucket of people): people reached whose window is over, and what they bought in
    it; and until when orders are known."""
    build_orders(engine)
    until = orders_until(engine, ask)
    cut = slices(engine, ask, what)
    shaped = piece("after_mail").replace("/*columns*/", cut.columns).replace("/*grouping*/", cut.grouping)
    bucket = f"MOD(COALESCE(h.hash, ABS(x.person)), {draws.buckets(len(ask.by))})"
    keys = ", ".join(part for part in (cut.grouping.removeprefix(", "), bucket if drawn else "") if part)
    columns = f"{cut.columns}, {bucket} AS bucket" if drawn else cut.columns
    source = "after_mail AS x LEFT JOIN hashed AS h ON h.person = x.person" if drawn else "after_mail AS x"
    final = f"{_MONEY if drawn else SUMS}{columns} FROM {source}" + (f" GROUP BY {keys} ORDER BY {keys}" if keys else "")
    params = {
        **bounds(ask.period),
        **cut.params,
        "window_ms": round(ask.lookback_days * rules.DAY),
        "until": until,
        "gross": int(ask.basis == "gross"),
    }
    texts = (*cut.texts, piece("bounces"), piece("order_money"), shaped, *([piece("hashed")] if drawn else []))
    return cut, run(engine, join(*texts, final), params), until


def converted(engine: Engine, ask: Ask, id: str) -> list[tuple[Estimate, int, int]]:
    """Return for each slice its conversion under the name `id`, the people whose window is over, and how many of them
    ordered."""
    cut, rows, until = _after_mail(engine, ask, id)
    hide = cut.hidden(rows, "people", ask)
    out = []
    for row in rows:
        by, people, buyers = cut.by(row), int(row["people"]), int(row["buyers"])
        if cut.attribute and by[cut.attribute] in hide:
            made = rules.suppressed(id, ask, by, unit="share")
        elif not people and int(row["waiting"]):
            made = rules.absent(id, rules.IMMATURE, by, unit="share", note=orders_note(until, ask))
        else:
            made = rules.share(id, buyers, people, ask, by)
        if made.value is not None and int(row["waiting"]):
            made = rules.with_note(made, waiting_note(until, ask))
        out.append((replace(made, period=ask.period), people, buyers))
    return out


def conversion_rate(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of people reached who ordered within the look-back days after their first message."""
    return [estimate for estimate, *_ in converted(engine, ask, "conversion_rate")]


def revenue_per_recipient(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute revenue within the look-back days after the first message, a person reached, with people drawn again and again
    for its interval (`draws.ratios`)."""
    id = "revenue_per_recipient"
    cut, rows, until = _after_mail(engine, ask, id, drawn=True)
    currency = rules.one_currency([row[end] for row in rows for end in ("currency_low", "currency_high")])
    unit = currency or ask.currency or ""
    scale = 10.0 ** exponent(unit)
    found = draws.by_slice(rows, len(ask.by), ("people", "waiting", "payers", "total"))
    drawn = draws.ratios(found, "total", "people", ask, scale=scale)
    hide = cut.hidden([one.first for one in found.values()], "people", ask)
    out = []
    for key, one in found.items():
        by, people, waiting = cut.by(one.first), one.sums["people"], one.sums["waiting"]
        if cut.attribute and by[cut.attribute] in hide:
            made = rules.suppressed(id, ask, by, unit=unit)
        elif not people and waiting:
            made = rules.absent(id, rules.IMMATURE, by, unit=unit, note=orders_note(until, ask))
        elif currency is None:
            made = rules.absent(id, rules.MIXED_CURRENCIES, by, unit=unit)
        else:
            made = rules.mean_of(id, one.sums["total"] / scale, people, drawn[key], one.sums["payers"], ask, by, unit=unit)
        if made.value is not None:
            made = rules.with_note(made, "what came after mail, not what mail caused")
            made = rules.with_note(made, waiting_note(until, ask) if waiting else "")
        out.append(replace(made, period=ask.period))
    return out


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
        edge_cases="As conversion_rate. The interval is a studentised bootstrap over people (1,000 draws, fixed seed); with "
        "fewer than 10 who paid, and by arm (as `experiment read` has it), Student's. Post-mail revenue overstates what mail "
        "caused: see incremental_revenue.",
        data=_DATA,
    ),
)
