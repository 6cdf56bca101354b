"""The channels side by side on one definition, and how much their people overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.attribution.horizon import orders_note, orders_until
from persync.attribution.journeys import build_orders, build_touches
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

BUYERS_ONLY: Final = "buyers_only"
NOT_MEASURED: Final = "not_measured"
ONLY: Final = "the shop tells of visits before an order alone: who came and did not buy is not known"


def cross_channel_performance(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute for each channel the people it reached, the share who ordered after it and revenue a person; and the share of
    people whom at least two channels reached (`channel_overlap`). Who is known through an order alone is in no rate."""
    check(ask.by, (), "cross_channel_performance")
    build_orders(engine)
    build_touches(engine)
    until = orders_until(engine, ask)
    texts = [piece("sends"), piece("bounces"), piece("order_money"), piece("channel_people")]
    params = {
        **bounds(ask.period),
        "window_ms": round(ask.lookback_days * rules.DAY),
        "until": until,
        "gross": int(ask.basis == "gross"),
    }
    over = "c.is_known = 1 AND c.is_open = 0"
    final = (
        "SELECT c.channel AS channel, COUNT(*) AS reached, CAST(SUM(c.is_known) AS BIGINT) AS known,"
        " CAST(SUM(CASE WHEN c.is_known = 1 THEN 1 - c.is_open ELSE 0 END) AS BIGINT) AS people,"
        f" CAST(SUM(CASE WHEN {over} THEN c.has_ordered ELSE 0 END) AS BIGINT) AS buyers,"
        f" COALESCE(SUM(CASE WHEN {over} THEN c.revenue_minor END), 0) AS total,"
        f" COALESCE(SUM(CASE WHEN {over} THEN c.revenue_minor * c.revenue_minor END), 0) AS squares,"
        " MIN(c.currency_low) AS currency_low, MAX(c.currency_high) AS currency_high"
        " FROM channel_orders AS c GROUP BY c.channel ORDER BY c.channel"
    )
    rows = run(engine, join(*texts, final), params)
    currency = rules.one_currency([row[end] for row in rows for end in ("currency_low", "currency_high")])
    unit = currency or ask.currency or ""
    out: list[Estimate] = []
    for row in rows:
        by, people, reached = {"channel": str(row["channel"])}, int(row["people"]), int(row["reached"])
        ids = ("channel_people", "channel_conversion", "channel_revenue_per_person")
        if reached < ask.suppress_n:
            out += [rules.suppressed(id, ask, by, unit=u) for id, u in zip(ids, ("count", "share", unit), strict=True)]
            continue
        by_orders = reached - int(row["known"])
        told = f"{by_orders:,} of them known through their orders alone" if by_orders else ""
        out.append(Estimate(ids[0], reached, n=reached, unit="count", by=by, note=told))
        if by_orders == reached:
            out += [
                rules.absent(id, BUYERS_ONLY, by, unit=u, note=ONLY) for id, u in zip(ids[1:], ("share", unit), strict=True)
            ]
            continue
        if int(row["known"]) < ask.suppress_n:
            out += [rules.suppressed(id, ask, by, unit=u) for id, u in zip(ids[1:], ("share", unit), strict=True)]
            continue
        if not people:
            why = orders_note(until, ask)
            out += [
                rules.absent(id, rules.IMMATURE, by, unit=u, note=why) for id, u in zip(ids[1:], ("share", unit), strict=True)
            ]
            continue
        out.append(rules.share(ids[1], int(row["buyers"]), people, ask, by))
        if currency is None:
            out.append(rules.absent(ids[2], rules.MIXED_CURRENCIES, by, unit=unit))
            continue
        sample = intervals.moments(people, int(row["total"]), int(row["squares"]))
        out.append(rules.average(ids[2], rules.scaled(sample, unit), int(row["buyers"]), ask, by, unit=unit))
    several = (
        "SELECT COUNT(*) AS people, CAST(COALESCE(SUM(CASE WHEN x.channels >= 2 THEN 1 ELSE 0 END), 0) AS BIGINT) AS several"
        " FROM (SELECT c.person AS person, COUNT(*) AS channels FROM channel_people AS c GROUP BY c.person) AS x"
    )
    (whole,) = run(engine, join(*texts, several), params)
    out.append(rules.share("channel_overlap", int(whole["several"]), int(whole["people"]), ask, {}))
    why = "no platform that is read tells which offer a message or a visit showed"
    out.append(rules.absent("channel_consistency", NOT_MEASURED, {}, unit="share", note=why))
    note = "what came after, not because of it; whoever several channels reached counts in each"
    out = [
        rules.with_note(e, note) if e.value is not None and e.id != "channel_overlap" and e.unit != "count" else e for e in out
    ]
    return [replace(estimate, period=ask.period) for estimate in out]


METRICS: Sequence[Metric] = (
    Metric(
        "cross_channel_performance",
        "The channels side by side",
        "For each channel: the people it reached in the period (a message, a click or a visit that counts), the share who "
        "ordered within the look-back days (30) after it first did, and their revenue a person; and the share of people whom "
        "at least two channels reached.",
        "people who ordered ÷ people reached, by channel",
        "share",
        cross_channel_performance,
        number="6",
        edge_cases="One definition for all channels: the platforms' own numbers stand in reconcile. People reached by several "
        "channels count in each, so the channels do not add up. Windows not over: left out; all: null, immature. People known "
        "through an order alone, by the visits before it, are in no rate: a channel of such people gives null, buyers_only. "
        "Whether channels showed the same offer within a day (`channel_consistency`) is null: nothing that is read tells it.",
        data=("touchpoints", "orders", "order_of", "order_ledger"),
    ),
)
