"""How people move between segments from month to month, how long they keep a label, and how much labels tell of spend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import counts, membership, rules
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Metric
from persync.measure.segments.common import NO_SEGMENTS, look
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

MONTHS: Final = 6
"""months that are looked at when no period is asked for"""
MOST_MONTHS: Final = 36
OVERLAPPING: Final = "segments overlap"

_STEPS: Final = (
    "SELECT a.at AS at, a.person AS person, a.kind AS kind, a.segment AS origin, b.segment AS target"
    " FROM segment_members AS a JOIN /*months*/ AS n ON n.at = a.at JOIN segment_members AS b"
    " ON b.at = n.next_at AND b.person = a.person AND b.kind = a.kind WHERE a.kind <> 'rule'"
)


def month_starts(ask: Ask) -> list[int]:
    """Return the starts of the shop's months whose moves the question is of, and of the month after the last of them: the
    whole months of the period, or the last six that are over."""
    zone = ZoneInfo(ask.timezone)
    end = ask.now if ask.period is None else min(ask.now, ask.period[1])

    def first(at: int) -> date:
        return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).date().replace(day=1)

    def start(day: date) -> int:
        return round(datetime(day.year, day.month, 1, tzinfo=zone).timestamp() * 1000)

    found = [first(end)]
    least = -math.inf if ask.period is None else ask.period[0]
    most = MONTHS + 1 if ask.period is None else MOST_MONTHS + 1
    while len(found) < most and start((found[0] - timedelta(days=1)).replace(day=1)) >= least:
        found.insert(0, (found[0] - timedelta(days=1)).replace(day=1))
    return [start(day) for day in found]


def _steps(engine: Engine, ask: Ask, kinds: Sequence[str]) -> list[int]:
    """Write `segment_steps`: each person's segment at the start of a month and at that of the next."""
    starts = month_starts(ask)
    if len(starts) < 2:
        return starts
    membership.build(engine, ask, starts, kinds)
    pairs = " UNION ALL ".join(f"SELECT {a} AS at, {b} AS next_at" for a, b in pairwise(starts))
    engine.write(_STEPS.replace("/*months*/", f"({pairs})"), {}, "segment_steps")
    return starts


_MOVES: Final = (
    "stays AS (SELECT s.person AS person, s.origin AS origin, /*month*/ AS month, COUNT(*) AS x FROM segment_steps AS s"
    " GROUP BY s.person, s.origin, /*month*/),"
    " moved AS (SELECT s.person AS person, s.origin AS origin, s.target AS target, /*month*/ AS month, COUNT(*) AS y"
    " FROM segment_steps AS s GROUP BY s.person, s.origin, s.target, /*month*/),"
    " origins AS (SELECT t.origin AS origin, t.month AS month, COUNT(*) AS clusters, SUM(t.x) AS x, SUM(t.x * t.x) AS xx"
    " FROM stays AS t GROUP BY t.origin, t.month)"
)
_MATRIX: Final = (
    "SELECT v.month AS month, v.origin AS origin, v.target AS target, COUNT(*) AS people, MAX(o.clusters) AS clusters,"
    " MAX(o.x) AS x, MAX(o.xx) AS xx, SUM(v.y) AS y, SUM(v.y * v.y) AS yy, SUM(v.y * t.x) AS xy FROM moved AS v"
    " JOIN stays AS t ON t.person = v.person AND t.origin = v.origin AND t.month = v.month"
    " JOIN origins AS o ON o.origin = v.origin AND o.month = v.month"
    " GROUP BY v.month, v.origin, v.target ORDER BY v.month, v.origin, v.target"
)


def segment_migration(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute, of those who began a month in a stage of the life-cycle, the share who began the next one in each stage."""
    id = "segment_migration"
    check(ask.by, ("month",), id)
    starts = _steps(engine, ask, (membership.LIFECYCLE,))
    if len(starts) < 2:
        return [rules.absent(id, rules.IMMATURE, {}, unit="share", note="no month of the period is over")]
    month = "s.at" if ask.by else "CAST(0 AS BIGINT)"
    text = join(_MOVES.replace("/*month*/", month), _MATRIX)
    rows = run(engine, text, {})
    if not rows:
        return [rules.absent(id, NO_SEGMENTS, {}, unit="share", note="nobody was known at the start of a month")]
    names = {start: _month(start, ask) for start in starts}
    tables: dict[tuple[int, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        tables.setdefault((int(row["month"]), str(row["origin"])), []).append(row)
    out = []
    note = "month by month" if ask.by else f"over {len(starts) - 1} months, {names[starts[0]]} to {names[starts[-2]]}"
    for (at, origin), cells in tables.items():
        hide = rules.hidden({str(cell["target"]): int(cell["people"]) for cell in cells}, ask.suppress_n)
        for cell in cells:
            by = {**({"month": names[at]} if ask.by else {}), "from": _bare(origin), "to": _bare(str(cell["target"]))}
            if str(cell["target"]) in hide:
                out.append(rules.suppressed(id, ask, by, unit="share"))
            else:
                out.append(rules.with_note(counts.clustered_share(id, cell, ask, by), note))
    return [replace(one, period=(starts[0], starts[-1])) for one in out]


def _bare(segment: str) -> str:
    return segment.partition(": ")[2]


def _month(at: int, ask: Ask) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(ask.timezone)):%Y-%m}"


_KEPT: Final = (
    "SELECT k.kind AS kind, COUNT(*) AS clusters, SUM(k.y) AS y, SUM(k.x) AS x, SUM(k.y * k.y) AS yy, SUM(k.x * k.x) AS xx,"
    " SUM(k.x * k.y) AS xy FROM (SELECT s.kind AS kind, s.person AS person, COUNT(*) AS x,"
    " SUM(CASE WHEN s.origin = s.target THEN 1 ELSE 0 END) AS y FROM segment_steps AS s GROUP BY s.kind, s.person) AS k"
    " GROUP BY k.kind ORDER BY k.kind"
)
_SPEND: Final = (
    "paid AS (SELECT w.person AS person, SUM(CAST(ol.amount_minor AS DOUBLE)) AS minor FROM money_orders AS m"
    " JOIN owned_orders AS w ON w.order_id = m.order_id JOIN order_ledger AS ol ON ol.order_key = m.order_key"
    " WHERE ol.happened_at >= :from_at AND ol.happened_at < :to_at AND (:gross = 1 OR ol.part IN ('product', 'adjustment'))"
    " GROUP BY w.person)"
)
_VARIANCE: Final = (
    "SELECT g.kind AS kind, g.segment AS segment, COUNT(*) AS n, SUM(COALESCE(p.minor, 0e0)) AS total,"
    " SUM(COALESCE(p.minor, 0e0) * COALESCE(p.minor, 0e0)) AS squares FROM segment_members AS g"
    " LEFT JOIN paid AS p ON p.person = g.person WHERE g.kind <> 'rule' GROUP BY g.kind, g.segment ORDER BY g.kind, g.segment"
)


def segment_stability_and_distinctness(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute, for each kind of segments, the share who keep their label from one month to the next, and the share of the
    variance in later spend that lies between segments (`segment_distinctness`, eta squared)."""
    id = "segment_stability_and_distinctness"
    check(ask.by, ("kind",), id)
    starts = _steps(engine, ask, membership.PARTITIONS)
    out: list[Estimate] = []
    if len(starts) > 1:
        for row in run(engine, _KEPT, {}):
            made = counts.clustered_share(id, row, ask, {"kind": str(row["kind"])})
            kept = f"of those with a label at the start of two months running, over {len(starts) - 1} months"
            out.append(replace(rules.with_note(made, kept), period=(starts[0], starts[-1])))
    seen = look(ask)
    membership.build(engine, seen.ask, [membership.moment(seen.ask)], membership.PARTITIONS)
    (money,) = engine.rows("SELECT MIN(m.currency) AS low, MAX(m.currency) AS high FROM money_orders AS m")
    params = {**bounds(seen.period), "gross": int(ask.basis == "gross")}
    tables: dict[str, list[Mapping[str, Any]]] = {}
    for row in run(engine, join(piece("owned_orders"), _SPEND, _VARIANCE), params):
        tables.setdefault(str(row["kind"]), []).append(row)
    for kind, rows in tables.items():
        by = {"kind": kind}
        if rules.one_currency([money["low"], money["high"]]) is None:
            made = rules.absent("segment_distinctness", rules.MIXED_CURRENCIES, by, unit="share")
        else:
            sums = [(int(row["n"]), float(row["total"]), float(row["squares"])) for row in rows]
            made = _distinct(sums, ask, by)
        out.append(replace(rules.with_note(made, seen.note), period=seen.period))
    return out or [rules.absent(id, NO_SEGMENTS, {}, unit="share", note="nobody was known at the start of a month")]


def _distinct(sums: Sequence[tuple[int, float, float]], ask: Ask, by: dict[str, str]) -> Estimate:
    id = "segment_distinctness"
    n = sum(size for size, *_ in sums)
    found = eta_squared(sums, ask.confidence)
    if n < ask.suppress_n:
        return rules.suppressed(id, ask, by, unit="share")
    if found is None:
        return rules.absent(id, rules.NO_DENOMINATOR, by, unit="share", n=n, note="one segment, or everybody spent the same")
    made = rules.from_interval(id, found, n=n, unit="share", by=by)
    return rules.with_note(made, rules.smallness(n, None, ask))


def eta_squared(sums: Sequence[tuple[int, float, float]], confidence: float = 0.95) -> Interval | None:
    """Return the share of the variance that lies between groups, from (n, sum, sum of squares) of each, with the interval from
    the noncentral F distribution (Steiger 2004) and the p-value of the analysis of variance. None where there is no variance.
    """
    from scipy.special import fdtrc, ncfdtr

    groups = [one for one in sums if one[0] > 0]
    n, k = sum(one[0] for one in groups), len(groups)
    if k < 2 or n <= k:
        return None
    mean = sum(one[1] for one in groups) / n
    whole = sum(one[2] for one in groups) - n * mean * mean
    between = sum(size * (total / size - mean) ** 2 for size, total, _ in groups)
    within = whole - between
    if whole <= 1e-12 * max(1.0, sum(one[2] for one in groups)):
        return None
    value = min(1.0, between / whole)
    if within <= 1e-12 * whole:
        return Interval(1.0, 1.0, 1.0, 0.0)
    f = (between / (k - 1)) / (within / (n - k))
    tail = (1 - confidence) / 2

    def centrality(chance: float) -> float:
        """Return the noncentrality at which so small an F has this chance (0 where even none makes it rarer)."""
        if float(ncfdtr(k - 1, n - k, 0.0, f)) <= chance:
            return 0.0
        low, high = 0.0, 1.0
        while float(ncfdtr(k - 1, n - k, high, f)) > chance and high < 1e9:
            high *= 2
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if float(ncfdtr(k - 1, n - k, middle, f)) > chance else (low, middle)
        return (low + high) / 2

    least, most = centrality(1 - tail), centrality(tail)
    p = float(fdtrc(k - 1, n - k, f))
    return Interval(value, min(value, least / (least + n)), max(value, most / (most + n)), p)


_DATA: Final = ("person_of", "contacts", "orders", "order_of", "order_ledger")
METRICS: Sequence[Metric] = (
    Metric(
        "segment_migration",
        "Moves between stages",
        "Of the people who began a month in a stage of the life-cycle, the share who began the next month in each stage: over "
        "the whole months of the period (the last six unless asked), or month by month with --by month.",
        "people in a stage at the start of the next month ÷ people in a stage at the start of the month",
        "share",
        segment_migration,
        number="84",
        dimensions=("month",),
        edge_cases="Each month's stage uses what was known before it. Somebody seen in several months is one unit of the "
        "interval. Moves of fewer than 5 people are hidden. No month over: null, immature.",
        data=_DATA,
    ),
    Metric(
        "segment_stability_and_distinctness",
        "Do labels last, and tell something",
        "For life-cycle, RFM and affinity: of those with a label at the start of two months running the share with the same "
        "one; and the share of the variance in the spend of the period (the last 90 days unless asked) that lies between the "
        "segments of its start (eta squared).",
        "same label ÷ labels; Σ n (mean − overall mean)² ÷ Σ (spend − overall mean)²",
        "share",
        segment_stability_and_distinctness,
        number="85",
        dimensions=("kind",),
        edge_cases="Rules may overlap and have none. Nobody spent, or all alike: null, no_denominator. Several currencies: "
        "null, mixed_currencies.",
        data=_DATA,
    ),
)
