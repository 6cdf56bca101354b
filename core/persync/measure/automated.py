"""How much of what is sent, and of what comes after it, is by automations: the one definition of an automated message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from persync.attribution.journeys import build_orders, build_touches
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import counts, intervals, rules
from persync.measure.metric import Ask, Metric
from persync.measure.rules import DAY
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

NO_DATED: Final = "no_dated_sends"
AUTOMATED: Final = (
    "automated AS (SELECT COALESCE(co.campaign_id, c.campaign_key) AS campaign_id FROM campaigns AS c LEFT "
    "JOIN campaign_of AS co"
    " ON co.campaign_key = c.campaign_key LEFT JOIN campaign_evidence AS e ON e.campaign_key = c.campaign_key AND e.kind ="
    " 'workflow' WHERE LOWER(COALESCE(c.kind, '')) LIKE '%automat%' OR e.detail IS NOT NULL"
    " GROUP BY COALESCE(co.campaign_id, c.campaign_key)),"
    " written AS (SELECT DISTINCT COALESCE(co.campaign_id, c.campaign_key) AS campaign_id FROM campaigns AS c"
    " LEFT JOIN campaign_of AS co ON co.campaign_key = c.campaign_key)"
)


def automation_share(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute automations' share of the messages sent, and of the revenue of orders whose last click on mail in the look-back
    was on one of theirs or of a single campaign's (`automation_share_of_revenue`)."""
    id = "automation_share"
    check(ask.by, (), id)
    build_orders(engine)
    build_touches(engine)
    params = {
        **bounds(ask.period),
        "gross": int(ask.basis == "gross"),
        "lookback_ms": round(ask.lookback_days * DAY),
    }
    clicks = (
        "last_click AS (SELECT m.order_id AS order_id, m.person AS person, m.revenue_minor AS minor, "
        "t.campaign_id AS campaign_id,"
        " ROW_NUMBER() OVER (PARTITION BY m.order_id ORDER BY t.happened_at DESC, t.campaign_id) AS place FROM order_money AS m"
        " JOIN touches AS t ON t.person = m.person AND t.happened_at <= m.ordered_at AND t.happened_at >= m.ordered_at"
        " - :lookback_ms JOIN written AS w ON w.campaign_id = t.campaign_id WHERE t.action = 4 AND t.reason = ''"
        " AND m.is_counted = 1 AND m.ordered_at >= :from_at AND m.ordered_at < :to_at)"
    )
    final = (
        f"SELECT COUNT(*) AS clusters, {counts.sums('y', 'x')} FROM"
        " (SELECT k.person AS person, SUM(CAST(k.minor AS DOUBLE)) AS x,"
        " SUM(CASE WHEN a.campaign_id IS NULL THEN 0e0 ELSE CAST(k.minor AS DOUBLE) END) AS y FROM last_click AS k"
        " LEFT JOIN automated AS a ON a.campaign_id = k.campaign_id WHERE k.place = 1 GROUP BY k.person) AS p"
    )
    (money,) = run(engine, join(piece("order_money"), AUTOMATED, clicks, final), params)
    (units,) = engine.rows("SELECT MIN(m.currency) AS low, MAX(m.currency) AS high FROM money_orders AS m")
    revenue = f"{id}_of_revenue"
    if rules.one_currency([units["low"], units["high"]]) is None:
        brought = rules.absent(revenue, rules.MIXED_CURRENCIES, {}, unit="share")
    else:
        brought = counts.clustered_share(revenue, money, ask, {})
        brought = rules.with_note(brought, f"by the last click on mail within {ask.lookback_days:g} days: credited, not caused")
    shown = replace(share_of_sends(id, sent(engine, ask), ask, {}), period=ask.period)
    return [shown, replace(brought, n=int(money["clusters"]), period=ask.period)]


@dataclass(frozen=True, slots=True)
class Sent:
    """Messages sent, and those of them that automations sent."""

    messages: int
    automated: int
    pieces: int
    """campaigns and automated messages that they are of"""
    campaigns: int
    """those that are not automated"""
    told: int
    """messages known from platforms' totals alone, which have no dates"""
    squares: tuple[float, float]
    """of the automated messages of a piece, and of all of it"""


def sent(engine: Engine, ask: Ask) -> Sent:
    """Return what was sent in the period: single messages where platforms tell them, else their own totals."""
    single = (
        "single AS (SELECT COALESCE(co.campaign_id, t.campaign_key) AS campaign_id, COUNT(*) AS sends FROM touchpoints AS t"
        " LEFT JOIN campaign_of AS co ON co.campaign_key = t.campaign_key WHERE t.action = 1 AND t.happened_at >= :from_at"
        " AND t.happened_at < :to_at GROUP BY COALESCE(co.campaign_id, t.campaign_key)),"
        " totals AS (SELECT COALESCE(co.campaign_id, cc.campaign_key) AS campaign_id, SUM(cc.sent) AS sends FROM"
        " campaign_counters AS cc JOIN newest AS n ON n.campaign_key = cc.campaign_key AND n.number = cc.number"
        " LEFT JOIN campaign_of AS co ON co.campaign_key = cc.campaign_key JOIN automated AS b ON b.campaign_id ="
        " COALESCE(co.campaign_id, cc.campaign_key) WHERE cc.variant = '' GROUP BY COALESCE(co.campaign_id, cc.campaign_key)),"
        " sent AS (SELECT i.campaign_id AS campaign_id, i.sends AS sends, 0 AS told FROM single AS i UNION ALL"
        " SELECT u.campaign_id AS campaign_id, u.sends AS sends, u.sends AS told FROM totals AS u LEFT JOIN single AS i"
        " ON i.campaign_id = u.campaign_id WHERE i.campaign_id IS NULL AND u.sends > 0),"
        " pieces AS (SELECT CAST(s.sends AS DOUBLE) AS x, s.told AS told, CASE WHEN a.campaign_id IS NULL THEN 0e0 ELSE"
        " CAST(s.sends AS DOUBLE) END AS y FROM sent AS s LEFT JOIN automated AS a ON a.campaign_id = s.campaign_id)"
    )
    final = (
        f"SELECT COUNT(*) AS clusters, {counts.sums('y', 'x')}, SUM(p.told) AS told,"
        " SUM(CASE WHEN p.y > 0 THEN 0 ELSE 1 END) AS campaigns FROM pieces AS p"
    )
    (row,) = run(engine, join(AUTOMATED, piece("counters"), single, final), bounds(ask.period))
    x, y, campaigns, told = (round(float(row[name] or 0)) for name in ("x", "y", "campaigns", "told"))
    return Sent(x, y, int(row["clusters"]), campaigns, told, (float(row["yy"] or 0), float(row["xx"] or 0)))


def share_of_sends(id: str, found: Sent, ask: Ask, by: Mapping[str, str]) -> Estimate:
    """Return automations' share of the messages sent. A campaign is sent as one, so campaigns are what varies."""
    if found.told and ask.period is not None:
        note = "a platform tells of its automations' messages only in all, not by day: ask without a period"
        return rules.absent(id, NO_DATED, by, unit="share", note=note)
    if not found.messages:
        return rules.absent(id, rules.NO_DENOMINATOR, by, unit="share", n=0)
    yy, xx = found.squares
    interval = (
        counts.clipped(intervals.ratio_of_sums(found.pieces, found.automated, found.messages, yy, xx, yy, ask.confidence))
        if 0 < found.automated < found.messages
        else intervals.wilson(found.pieces if found.automated else 0, found.pieces, ask.confidence)
    )
    value = found.automated / found.messages
    made = rules.from_interval(id, interval, n=found.messages, unit="share", by=by, value=value)
    made = rules.with_note(made, f"over {found.pieces:,} campaigns and automated messages")
    return rules.with_note(made, f"{found.told:,} of them from the platforms' own totals" if found.told else "")


DATA: Final = ("campaigns", "campaign_evidence", "campaign_counters", "touchpoints", "orders", "order_of", "order_ledger")
METRICS: Sequence[Metric] = (
    Metric(
        "automation_share",
        "Share of automations",
        "Of all messages sent, those of automations; and of the revenue (basis as set) of orders after a click "
        "on mail within the "
        "look-back days, the part whose last click was on an automation's message.",
        "automations' messages ÷ all messages; automations' revenue ÷ revenue after mail",
        "share",
        automation_share,
        number="172",
        edge_cases="No messages, or no revenue after mail: null, no_denominator. A platform that tells its "
        "automations' messages "
        "only in all: null in a period, no_dated_sends.",
        data=DATA,
    ),
)
