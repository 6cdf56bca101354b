"""Posts on social networks: what came back for them, from the user's own file (`persync import social`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import RAW, Estimate
from persync.measure import counts, intervals, rules
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, run

SOCIAL_DIMENSIONS: Final = ("campaign", "network")
NO_POSTS: Final = "no_posts"
_KEYS: Final = {"network": "s.network", "campaign": "COALESCE(s.campaign, 'unknown')"}


def social_engagement(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute reactions over reach (or followers), and the difference to the period before (`social_engagement_change`)."""
    check(ask.by, SOCIAL_DIMENSIONS, "social_engagement")
    if not engine.rows("SELECT 1 AS one FROM social_posts LIMIT 1"):
        return [rules.absent("social_engagement", NO_POSTS, {}, unit="ratio", note="import social to know")]
    earlier = counts.before(ask)
    was = {tuple(e.by.items()): e for e in _reactions(engine, earlier)} if earlier else None
    out: list[Estimate] = []
    for now in _reactions(engine, ask):
        out += [now, _change(now, None if was is None else was.get(tuple(now.by.items())), ask)]
    return out


def _change(now: Estimate, then: Estimate | None, ask: Ask) -> Estimate:
    id = "social_engagement_change"
    if ask.period is None:
        return rules.absent(id, counts.NO_PERIOD, now.by, unit="ratio", label=RAW)
    if then is None or then.value is None or now.value is None:
        reason = now.reason or counts.NOTHING_BEFORE
        return replace(rules.absent(id, reason, now.by, unit="ratio", label=RAW), period=ask.period)
    interval = None
    if now.low is not None and then.low is not None:
        a, b = (Interval(float(e.value or 0), float(e.low or 0), float(e.high or 0)) for e in (now, then))
        interval = intervals.difference_of(a, b, ask.confidence)
    n = (now.n or 0) + (then.n or 0)
    made = rules.from_interval(id, interval, n=n, unit="ratio", by=now.by, label=RAW, value=now.value - then.value)
    return replace(rules.with_note(made, "against the period of the same length before"), period=ask.period)


def _reactions(engine: Engine, ask: Ask) -> list[Estimate]:
    posts = (
        f"posts AS (SELECT {''.join(f'{_KEYS[d]} AS {d}, ' for d in ask.by)}"
        "CASE WHEN s.likes IS NULL AND s.shares IS NULL AND s.comments IS NULL THEN NULL"
        " ELSE COALESCE(s.likes, 0) + COALESCE(s.shares, 0) + COALESCE(s.comments, 0) END AS y,"
        " COALESCE(s.reach, s.followers) AS x, CASE WHEN s.reach IS NULL THEN 1 ELSE 0 END AS by_followers"
        " FROM social_posts AS s WHERE s.posted_at >= :from_at AND s.posted_at < :to_at)"
    )
    group = ", ".join(f"p.{d}" for d in ask.by)
    final = (
        f"SELECT {''.join(f'p.{d} AS {d}, ' for d in ask.by)}COUNT(*) AS clusters, SUM(p.y) AS y, SUM(p.x) AS x,"
        " SUM(p.y * p.y) AS yy, SUM(p.x * p.x) AS xx, SUM(p.x * p.y) AS xy, SUM(p.by_followers) AS by_followers"
        " FROM posts AS p WHERE p.x > 0 AND p.y IS NOT NULL"
    ) + (f" GROUP BY {group} ORDER BY {group}" if group else "")
    out = []
    for row in run(engine, join(posts, final), bounds(ask.period)):
        by = {dimension: str(row[dimension]) for dimension in ask.by}
        made = counts.clustered_share("social_engagement", row, ask, by, unit="ratio")
        followers, number = int(row["by_followers"] or 0), int(row["clusters"])
        base = f"over followers where reach is unknown ({followers:,} of {number:,} posts)" if followers else "over reach"
        out.append(rules.with_note(made, base) if made.value is not None else made)
    return out


METRICS: Sequence[Metric] = (
    Metric(
        "social_engagement",
        "Reactions to posts",
        "Likes, shares and comments over reach, or over followers where the reach is not known, and the change against the "
        "period of the same length before.",
        "(likes + shares + comments) ÷ reach",
        "ratio",
        social_engagement,
        number="21",
        dimensions=SOCIAL_DIMENSIONS,
        edge_cases="The note says which denominator. Posts are the units of the interval; those without reactions or reach are "
        "left out. Without imported posts: null, no_posts.",
        data=("social_posts",),
    ),
)
