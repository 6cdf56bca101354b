"""What segments are worth, and what to do about each."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.engine.engine import Engine
from persync.estimate import Estimate, percent
from persync.measure import costs, intervals, membership, rules
from persync.measure.intervals import Interval, Moments
from persync.measure.margins import margin
from persync.measure.metric import Ask, Metric
from persync.measure.occasions import build as build_occasions
from persync.measure.segments.common import SEG, Row, build, each, hidden, look, nothing
from persync.measure.segments.sizes import responses
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run
from persync.money import exponent

_PAID: Final = (
    "paid AS (SELECT w.person AS person, CAST(SUM(ol.amount_minor) AS BIGINT) AS minor FROM money_orders AS m"
    " JOIN owned_orders AS w ON w.order_id = m.order_id JOIN order_ledger AS ol ON ol.order_key = m.order_key"
    " WHERE ol.happened_at >= :from_at AND ol.happened_at < :to_at AND (:gross = 1 OR ol.part IN ('product', 'adjustment'))"
    " GROUP BY w.person), mailed AS (SELECT s.person AS person, COUNT(*) AS sends FROM sends AS s GROUP BY s.person)"
)
_OF_EACH: Final = (
    " COUNT(*) AS people, SUM(COALESCE(p.minor, 0) * :kept - COALESCE(d.sends, 0) * :a_send - :a_person) AS total,"
    " SUM((COALESCE(p.minor, 0) * :kept - COALESCE(d.sends, 0) * :a_send - :a_person)"
    " * (COALESCE(p.minor, 0) * :kept - COALESCE(d.sends, 0) * :a_send - :a_person)) AS squares,"
    " CAST(SUM(CASE WHEN p.minor > 0 THEN 1 ELSE 0 END) AS BIGINT) AS payers"
)
_JOINED: Final = " LEFT JOIN paid AS p ON p.person = g.person LEFT JOIN mailed AS d ON d.person = g.person"
_SEGMENTS: Final = (
    f"SELECT g.segment AS segment,{_OF_EACH} FROM segment_members AS g{_JOINED} GROUP BY g.segment ORDER BY g.segment"
)
_ALL: Final = f"SELECT{_OF_EACH}, COALESCE(SUM(d.sends), 0) AS sends FROM standings AS g{_JOINED}"


def segment_profitability(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute each segment's margin less its part of the costs: in all, a member, and as a share of everybody's."""
    id = "segment_profitability"
    check(ask.by, (SEG,), id)
    seen = look(ask)
    asked = seen.ask
    build(engine, asked)
    ground = build_occasions(engine, replace(ask, period=None))
    unit = ground.currency
    if unit is None:
        return [rules.absent(id, rules.MIXED_CURRENCIES, {})]
    kept = margin(engine, asked, ground)
    if kept.share is None:
        return [rules.absent(id, kept.reason, {}, unit=unit, note="enter unit costs, or a margin in [report], to know")]
    entries = costs.entries(engine, asked)
    if {entry.currency for entry in entries} - {unit, asked.currency or unit}:
        return [rules.absent(id, rules.MIXED_CURRENCIES, {}, unit=unit, note="costs are in other currencies")]
    base: dict[str, Any] = {**bounds(asked.period), "gross": int(asked.basis == "gross"), "kept": float(kept.share)}
    texts = (piece("owned_orders"), piece("sends"), _PAID)
    free = {**base, "a_send": 0.0, "a_person": 0.0}
    (whole,) = run(engine, join(*texts, _ALL), free)
    if not int(whole["people"]):
        return nothing(id, unit, asked)
    spent, sends = float(sum(entry.amount_minor for entry in entries)), int(whole["sends"])
    rule = "shared by messages sent" if sends else "shared by heads, for no messages are known"
    rates = {**base, "a_send": spent / sends if sends else 0.0, "a_person": 0.0 if sends else spent / int(whole["people"])}
    rows = run(engine, join(*texts, _SEGMENTS), rates)
    (all_of,) = run(engine, join(*texts, _ALL), rates)
    note = f"{seen.note}; {kept.note}"
    if entries:
        note += f"; costs of {spent / 10.0 ** exponent(unit):,.2f} {unit} {rule}"
    else:
        note += "; no costs are entered, so this is margin alone"
    return _shown(rows, float(all_of["total"]), unit, asked, note, costed=bool(entries))


def _shown(rows: Sequence[Row], whole: float, unit: str, ask: Ask, note: str, *, costed: bool) -> list[Estimate]:
    """Without costs margin stands under its own name, and what is left of it is not known."""
    id = "segment_profitability"
    name = id if costed else "segment_margin"
    scale = 10.0 ** exponent(unit)

    def sample(row: Row) -> Moments:
        return intervals.moments(int(row["people"]), float(row["total"]) / scale, float(row["squares"]) / scale**2)

    def mean(row: Row, by: dict[str, str]) -> Estimate:
        return rules.average(f"{name}_per_member", sample(row), int(row["payers"]), ask, by, unit=unit)

    def total(row: Row, by: dict[str, str]) -> Estimate:
        n = int(row["people"])
        found = intervals.mean(sample(row), ask.confidence)
        times = found and Interval(found.value * n, found.low * n, found.high * n)
        made = rules.from_interval(name, times, n=n, unit=unit, by=by, value=float(row["total"]) / scale)
        return rules.with_note(made, rules.smallness(n, int(row["payers"]), ask))

    def part(row: Row, by: dict[str, str]) -> Estimate:
        if whole <= 0:
            return rules.absent(f"{name}_share", rules.NO_DENOMINATOR, by, unit="share", n=int(row["people"]))
        return Estimate(f"{name}_share", float(row["total"]) / whole, n=int(row["people"]), unit="share", by=by)

    out = []
    if not costed:
        short = "import costs to know what is left of the margin"
        out = [replace(rules.absent(id, costs.NO_COST, {}, unit=unit, note=short), period=ask.period)]
    out += each(rows, name, unit, ask, total, note)
    out += each(rows, f"{name}_per_member", unit, ask, mean, note)
    return out + each(rows, f"{name}_share", "share", ask, part, note)


ADVICE: Final[Mapping[tuple[str, str], str]] = {
    ("high", "low"): "right people, wrong message",
    ("low", "high"): "widen reach",
    ("low", "low"): "drop or redefine",
    ("high", "high"): "keep",
}
"""(penetration, conversion) -> what to do"""
NEAR: Final = "about the median of the segments: no call"


def place(estimate: Estimate, middle: float) -> str:
    """Return `high` or `low` where the whole interval is on one side of the median, else ""."""
    if rules.too_few(estimate) or estimate.low is None or estimate.high is None:
        return ""
    return "high" if estimate.low > middle else "low" if estimate.high < middle else ""


def diagnosis(penetration: Estimate, conversion: Estimate, middles: tuple[float, float]) -> str:
    """Return what a segment's two rates against the medians call for, from values and intervals alone."""
    if rules.too_few(penetration) or rules.too_few(conversion):
        return rules.TOO_FEW
    return ADVICE.get((place(penetration, middles[0]), place(conversion, middles[1])), NEAR)


def segment_diagnosis(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute each segment's conversion beside its penetration, both held against the median of the segments of its kind; the
    note says what that calls for."""
    id = "segment_diagnosis"
    check(ask.by, (SEG,), id)
    seen = look(ask)
    rows = responses(engine, seen.ask)
    if not rows:
        return nothing(id, "share", seen.ask)
    hide = hidden(rows, seen.ask)
    out: list[Estimate] = []
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(membership.kind_of(str(row["segment"])), []).append(row)
    for kind, mine in kinds.items():
        shown = [row for row in mine if str(row["segment"]) not in hide]
        moved = [_rate("segment_penetration", row, "moved", seen.ask) for row in shown]
        bought = [_rate(id, row, "buyers", seen.ask) for row in shown]
        known = [(p, c) for p, c in zip(moved, bought, strict=True) if p.value is not None and c.value is not None]
        if len(known) < 2:
            out.append(rules.absent(id, NO_OTHERS, {"kind": kind}, unit="share", note="a median needs two segments of a kind"))
            continue
        middles = (
            statistics.median(float(p.value or 0) for p, _ in known),
            statistics.median(float(c.value or 0) for _, c in known),
        )
        for p, c in zip(moved, bought, strict=True):
            said = diagnosis(p, c, middles)
            figures = f"penetration {_shown_share(p)} against a median of {percent(middles[0], 1)}"
            figures += f", conversion {_shown_share(c)} against {percent(middles[1], 1)}"
            out.append(replace(c, note=f"{said}; {figures}; {seen.note}"))
        out += [
            rules.suppressed(id, ask, {SEG: str(row["segment"])}, unit="share") for row in mine if str(row["segment"]) in hide
        ]
    return [replace(one, period=seen.period) for one in out]


NO_OTHERS: Final = "no_other_segments"


def _shown_share(estimate: Estimate) -> str:
    return "unknown" if estimate.value is None else f"{percent(estimate.value, 1)}"


def _rate(id: str, row: Row, column: str, ask: Ask) -> Estimate:
    return rules.share(id, int(row[column]), int(row["people"]), ask, {SEG: str(row["segment"])})


_DATA: Final = ("person_of", "touchpoints", "campaign_levels", "orders", "order_of", "order_ledger")
METRICS: Sequence[Metric] = (
    Metric(
        "segment_profitability",
        "Profit by segment",
        "The margin that the members of each segment at the start of the period (the last 90 days unless asked) brought in it, "
        "less their part of its costs: in all, a member, and as a share of everybody's. Costs are shared by the messages each "
        "member was sent; where no messages are known, by heads.",
        "Σ margin − Σ allocated cost",
        "money",
        segment_profitability,
        number="82",
        dimensions=(SEG,),
        edge_cases="No unit costs and no margin set: null, no_unit_cost. No costs entered: null, no_cost, and margin stands "
        "under its own name. Several currencies: null, mixed_currencies. Segments of other kinds overlap: shares add up within "
        "one.",
        data=(*_DATA, "costs", "unit_costs"),
    ),
    Metric(
        "segment_diagnosis",
        "What to do about each segment",
        "Penetration (81) and conversion (members who ordered in the period) of each segment against the median of the "
        "segments of its kind. High and low: right people, wrong message. Low and high: widen reach. Low and low: drop or "
        "redefine. High and high: keep. A rate is high or low only where its whole interval is.",
        "members who ordered ÷ members, beside members moved ÷ members",
        "share",
        segment_diagnosis,
        number="83",
        dimensions=(SEG,),
        edge_cases="Fewer than 30 people or 10 events: too few to say. An interval that holds the median: no call. Segments "
        "differ in more than their messages: what to try, not what caused it.",
        data=_DATA,
    ),
)
