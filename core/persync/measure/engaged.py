"""Who is engaged: people who did something themselves, and a score of how much and how lately."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from persync.attribution.journeys import build_orders, build_touches
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.grouping import ANY_ATTRIBUTE, PEOPLE_DIMENSIONS, grouping
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Metric
from persync.measure.texts import EVER, bounds, join, piece, run

NO_ACTIVITY: Final = "no_activity"
UNIT: Final = "of 100"
HORIZON_HALF_LIVES: Final = 20
"""acts older than so many half-lives are a millionth of an act: left out"""
CHECK_DAYS: Final = 90
"""the score so many days ago is held against the orders since"""


def engagement_rate(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of the people reached in the period who opened, clicked or came to the shop in it."""
    id = "engagement_rate"
    build_orders(engine)
    build_touches(engine)
    group = grouping(engine, ask, id, people="reached")
    texts = [piece("sends"), piece("bounces"), piece("reached"), piece("order_money"), piece("acted")]
    own = [text for text in group.texts if text not in texts]
    engaged = (
        "engaged AS (SELECT DISTINCT a.person AS person FROM acted AS a"
        " WHERE a.kind <> 'order' AND a.at >= :from_at AND a.at < :to_at)"
    )
    keys = group.grouping.removeprefix(", ")
    final = (
        "SELECT COUNT(*) AS people, CAST(COALESCE(SUM(CASE WHEN e.person IS NULL THEN 0 ELSE 1 END), 0) AS BIGINT) AS active"
        f"{group.columns} FROM grouped AS g LEFT JOIN engaged AS e ON e.person = g.person"
    ) + (f" GROUP BY {keys} ORDER BY {keys}" if keys else "")
    params = {**bounds(ask.period), **group.params, "gross": int(ask.basis == "gross")}
    rows = run(engine, join(*texts, *own, engaged, final), params)
    hide = group.hidden(rows, "people", ask)
    out = []
    for row in rows:
        by = group.by(row)
        hidden = group.attribute is not None and by[group.attribute] in hide
        made = (
            rules.suppressed(id, ask, by, unit="share")
            if hidden
            else rules.share(id, int(row["active"]), int(row["people"]), ask, by)
        )
        out.append(replace(made, period=ask.period))
    return out


def engagement_score(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the mean score, and beside it how the scores of 90 days ago went with the orders since
    (`engagement_score_check`)."""
    id = "engagement_score"
    build_orders(engine)
    build_touches(engine)
    group = grouping(engine, ask, id, people="scores")
    at = min(ask.now, ask.period[1]) if ask.period else ask.now
    texts, params = scores_at(ask, at)
    own = [text for text in group.texts if text not in texts]
    keys = group.grouping.removeprefix(", ")
    final = (
        "SELECT COUNT(*) AS people, SUM(s.score) AS total, SUM(s.score * s.score) AS squares,"
        f" SUM(CASE WHEN s.score > 0 THEN 1 ELSE 0 END) AS active{group.columns}"
        " FROM grouped AS g JOIN scores AS s ON s.person = g.person"
    ) + (f" GROUP BY {keys} ORDER BY {keys}" if keys else "")
    rows = run(engine, join(*texts, *own, final), {**params, **group.params})
    if not any(int(row["people"]) for row in rows):
        return [rules.absent(id, NO_ACTIVITY, {}, unit=UNIT, note="nobody did anything that a platform tells of")]
    hide = group.hidden(rows, "people", ask)
    out = []
    for row in rows:
        by, people = group.by(row), int(row["people"])
        if group.attribute is not None and by[group.attribute] in hide:
            out.append(rules.suppressed(id, ask, by, unit=UNIT))
            continue
        sample = intervals.moments(people, float(row["total"]), float(row["squares"])) if people else None
        out.append(rules.average(id, sample, int(row["active"]), ask, by, unit=UNIT))
    shown = ", ".join(f"{kind} {weight:g}" for kind, weight in sorted(ask.engagement_weights.items()))
    out = [rules.with_note(e, f"weights: {shown}; half-life {ask.engagement_half_life_days:g} days") for e in out]
    return out if ask.by else [*out, _check(engine, ask)]


def _check(engine: Engine, ask: Ask) -> Estimate:
    """Return Spearman's rank correlation of the score 90 days before the end with the orders of those days."""
    id = "engagement_score_check"
    end = min(ask.now, ask.period[1]) if ask.period else ask.now
    texts, params = scores_at(ask, end - CHECK_DAYS * rules.DAY)
    later = (
        "later AS (SELECT a.person AS person, COUNT(*) AS orders FROM acted AS a"
        " WHERE a.kind = 'order' AND a.at >= :at AND a.at < :end_at GROUP BY a.person)"
    )
    # Ties share their mean rank, as the correlation of ranks wants it.
    places = (
        "placed AS (SELECT RANK() OVER (ORDER BY s.score) + (COUNT(*) OVER (PARTITION BY s.score) - 1) / 2e0 AS x,"
        " RANK() OVER (ORDER BY COALESCE(l.orders, 0)) + (COUNT(*) OVER (PARTITION BY COALESCE(l.orders, 0)) - 1) / 2e0 AS y"
        " FROM scores AS s LEFT JOIN later AS l ON l.person = s.person)"
    )
    final = "SELECT COUNT(*) AS n, CORR(p.x, p.y) AS rho FROM placed AS p"
    (row,) = run(engine, join(*texts, later, places, final), {**params, "end_at": end})
    n, rho = int(row["n"]), row["rho"]
    if n < ask.report_n or rho is None or math.isnan(float(rho)):
        reason = rules.NO_DENOMINATOR if n >= ask.report_n else NO_ACTIVITY
        return rules.absent(id, reason, {}, unit="correlation", n=n, note="no score of 90 days ago to hold against orders")
    made = rules.from_interval(id, spearman(float(rho), n, ask.confidence), n=n, unit="correlation", by={})
    return rules.with_note(made, "rank correlation with the orders of the next 90 days: a check of the score, not an effect")


def spearman(rho: float, n: int, confidence: float) -> Interval:
    """Return a rank correlation with its interval by Fisher's z and the error of Bonett & Wright (2000)."""
    if abs(rho) >= 1 or n <= 3:
        return Interval(rho, -1.0 if n <= 3 else rho, 1.0 if n <= 3 else rho)
    half = intervals.normal_quantile(confidence) * math.sqrt((1 + rho * rho / 2) / (n - 3))
    z = math.atanh(rho)
    return Interval(rho, math.tanh(z - half), math.tanh(z + half))


def scores_at(ask: Ask, at: int) -> tuple[list[str], dict[str, Any]]:
    """Return the CTE texts that end in `scores (person, score)` at a moment, and their parameters."""
    weights = " UNION ALL ".join(
        f"SELECT '{kind}' AS kind, {float(weight)!r}e0 AS weight" for kind, weight in sorted(ask.engagement_weights.items())
    )
    texts = [piece("order_money"), piece("acted"), piece("engagement_scores").replace("/*weights*/", weights)]
    horizon = round(HORIZON_HALF_LIVES * ask.engagement_half_life_days * rules.DAY)
    params = {
        "at": at,
        "half_life": ask.engagement_half_life_days,
        "horizon_ms": min(horizon, EVER),
        "gross": int(ask.basis == "gross"),
    }
    return texts, params


_DATA: Final = ("touchpoints", "sessions", "orders", "order_of", "contacts")
METRICS: Sequence[Metric] = (
    Metric(
        "engagement_rate",
        "People who engaged",
        "Of the people who got a message in the period, the share who did something themselves in it: an open that the "
        "platform tells from a machine's, a click, a visit.",
        "people with an open, click or visit of their own ÷ people reached",
        "share",
        engagement_rate,
        number="15",
        dimensions=(*PEOPLE_DIMENSIONS, ANY_ATTRIBUTE),
        compares_arms=True,
        edge_cases="Opens of platforms that flag no machines do not count. Nobody reached: null, no_denominator.",
        data=_DATA,
    ),
    Metric(
        "engagement_score",
        "Engagement score",
        "A score from 0 to 100 of everybody known: for opens of people, clicks, visits and orders, the rank of what somebody "
        "did (halved every 30 days) among all, weighted (open 1, click 3, visit 2, order 4, unless set). Beside the mean: how "
        "the score of 90 days ago went with the orders since.",
        "100 × Σ weight × rank of decayed activity ÷ Σ weight",
        UNIT,
        engagement_score,
        number="16",
        dimensions=(*PEOPLE_DIMENSIONS, ANY_ATTRIBUTE),
        edge_cases="Kinds that nobody did drop out and the weights rescale. Scores of shops with other kinds do not compare. "
        "Nobody did anything: null, no_activity.",
        data=_DATA,
    ),
)
