"""How whole the picture of the customers is: known to several systems, revenue behind them, filled in, fresh, consistent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import counts, rules
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

HOUR: Final = 3_600_000
NOT_PULLED: Final = "not_pulled"


def unified_profile_metrics(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the five: `matched_people`, `matched_revenue`, `attribute_fill_rate`, `attribute_conflict_rate`, `data_age`."""
    check(ask.by, (), "unified_profile_metrics")
    return [_matched(engine, ask), _revenue(engine, ask), *_filled(engine, ask), *_age(engine, ask)]


def _matched(engine: Engine, ask: Ask) -> Estimate:
    final = (
        "SELECT COUNT(*) AS people, CAST(COALESCE(SUM(CASE WHEN k.systems >= 2 THEN 1 ELSE 0 END), 0) AS BIGINT) AS matched"
        " FROM known_people AS k"
    )
    (row,) = run(engine, join(piece("systems_of_people"), final), {})
    return rules.share("matched_people", int(row["matched"]), int(row["people"]), ask, {})


def _revenue(engine: Engine, ask: Ask) -> Estimate:
    """Return the share of the period's revenue from customers whom at least two systems know; customers are the units."""
    id = "matched_revenue"
    build_orders(engine)
    per = (
        "spent AS (SELECT COALESCE(m.person, -m.order_id) AS customer, CAST(SUM(m.revenue_minor) AS DOUBLE) AS x,"
        " MIN(m.currency_low) AS low, MAX(m.currency_high) AS high FROM order_money AS m"
        " WHERE m.ordered_at >= :from_at AND m.ordered_at < :to_at GROUP BY COALESCE(m.person, -m.order_id))"
    )
    final = (
        "SELECT COUNT(*) AS clusters, SUM(s.x * s.m) AS y, SUM(s.x) AS x, SUM(s.x * s.x * s.m) AS yy, SUM(s.x * s.x) AS xx,"
        " SUM(s.x * s.x * s.m) AS xy, MIN(s.low) AS low, MAX(s.high) AS high"
        " FROM (SELECT p.x AS x, p.low AS low, p.high AS high, CASE WHEN k.systems >= 2 THEN 1e0 ELSE 0e0 END AS m"
        " FROM spent AS p LEFT JOIN known_people AS k ON k.person = p.customer) AS s"
    )
    params = {**bounds(ask.period), "gross": int(ask.basis == "gross")}
    (row,) = run(engine, join(piece("systems_of_people"), piece("order_money"), per, final), params)
    if row["low"] != row["high"]:
        return replace(rules.absent(id, rules.MIXED_CURRENCIES, {}, unit="share"), period=ask.period)
    return replace(counts.clustered_share(id, row, ask, {}, unit="share"), n=int(row["clusters"]))


def _filled(engine: Engine, ask: Ask) -> list[Estimate]:
    """Return for each attribute the share of known people who have a value, and of those the share with several."""
    final = (
        "SELECT v.name AS name, CAST(SUM(v.filled) AS BIGINT) AS filled, CAST(SUM(v.torn) AS BIGINT) AS torn,"
        " MAX(z.n) AS people"
        " FROM (SELECT a.name AS name, k.person AS person, 1 AS filled,"
        " CASE WHEN COUNT(DISTINCT a.value) > 1 THEN 1 ELSE 0 END AS torn"
        " FROM attributes AS a LEFT JOIN person_of AS po ON po.key_id = a.key_id"
        " JOIN known_people AS k ON k.person = COALESCE(po.person, a.key_id)"
        " WHERE a.value IS NOT NULL AND a.value <> '' GROUP BY a.name, k.person) AS v"
        " CROSS JOIN (SELECT COUNT(*) AS n FROM known_people AS q) AS z GROUP BY v.name ORDER BY v.name"
    )
    rows = run(engine, join(piece("systems_of_people"), final), {})
    out = []
    for row in rows:
        by, filled, people = {"attribute": str(row["name"])}, int(row["filled"]), int(row["people"])
        out.append(rules.share("attribute_fill_rate", filled, people, ask, by))
        out.append(rules.share("attribute_conflict_rate", int(row["torn"]), filled, ask, by))
    return out or [rules.absent("attribute_fill_rate", rules.NO_DENOMINATOR, {}, unit="share", note="no attributes are stored")]


def _age(engine: Engine, ask: Ask) -> list[Estimate]:
    rows = engine.rows(
        "SELECT n.name AS name, MAX(c.observed_at) AS seen FROM connections AS n"
        " LEFT JOIN coverage AS c ON c.connection = n.connection AND c.state = 'complete' GROUP BY n.name ORDER BY n.name"
    )
    out = []
    for row in rows:
        by = {"connection": str(row["name"])}
        if row["seen"] is None:
            out.append(rules.absent("data_age", NOT_PULLED, by, unit="hours", note="never pulled: imported, or not read yet"))
        else:
            out.append(Estimate("data_age", max(0, ask.now - int(row["seen"])) / HOUR, unit="hours", by=by))
    return out or [rules.absent("data_age", NOT_PULLED, {}, unit="hours")]


METRICS: Sequence[Metric] = (
    Metric(
        "unified_profile_metrics",
        "How whole the customers' picture is",
        "The share of known people whom at least two systems know (matched_people), the share of the period's revenue from "
        "them (matched_revenue), for each attribute the share of people who have it (attribute_fill_rate) and for whom systems "
        "disagree (attribute_conflict_rate), and for each connection the hours since it was last read (data_age).",
        "matched ÷ known; revenue of matched ÷ revenue; filled ÷ known; in conflict ÷ filled; now − last read",
        "share",
        unified_profile_metrics,
        number="5",
        edge_cases="Revenue of guests counts as not matched. A connection that only imports has no age: null, not_pulled.",
        data=("contacts", "person_of", "attributes", "orders", "order_ledger", "coverage"),
    ),
)
