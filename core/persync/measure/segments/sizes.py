"""How large segments are, how they overlap, and how many of their members personalised messages move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from persync.attribution.journeys import build_touches
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import membership, rules
from persync.measure.metric import Ask, Metric
from persync.measure.segments.common import SEG, Row, build, each, look, nothing
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

_SIZES: Final = (
    "SELECT g.segment AS segment, COUNT(DISTINCT g.person) AS people FROM segment_members AS g"
    " GROUP BY g.segment ORDER BY g.segment"
)
_OVERLAP: Final = (
    "SELECT COUNT(*) AS people, CAST(COALESCE(SUM(CASE WHEN x.segments > 1 THEN 1 ELSE 0 END), 0) AS BIGINT) AS several"
    " FROM (SELECT g.person AS person, COUNT(*) AS segments FROM segment_members AS g"
    " WHERE g.kind = 'rule' GROUP BY g.person) AS x"
)


def segment_definitions(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of everybody known who is in each segment, with its rule in the note, and how many of those in any
    segment of one's own rules are in several (`segment_overlap`)."""
    id = "segment_definitions"
    check(ask.by, (SEG,), id)
    build(engine, ask)
    rows = engine.rows(_SIZES)
    (known,) = engine.rows("SELECT COUNT(*) AS people FROM standings AS s")
    everybody = int(known["people"])
    if not everybody:
        return nothing(id, "share", ask)
    when = "as of now" if ask.period is None else "as of the period's first day"

    def make(row: Row, by: dict[str, str]) -> Estimate:
        made = rules.share(id, int(row["people"]), everybody, ask, by)
        return rules.with_note(made, f"{int(row['people']):,} people {when}: {membership.described(by[SEG], ask)}")

    found = {str(row["segment"]): row for row in rows}
    empty = [{"segment": name, "people": 0} for name in ask.segments.rules if name not in found]
    out = each([*rows, *empty], id, "share", ask, make)
    (both,) = engine.rows(_OVERLAP)
    if len(ask.segments.rules) > 1:
        made = rules.share("segment_overlap", int(both["several"]), int(both["people"]), ask, {})
        out.append(
            replace(rules.with_note(made, "of the people in any of the rules' segments, those in several"), period=ask.period)
        )
    return out


_ENGAGED: Final = (
    "high AS (SELECT s.person AS person, s.campaign_id AS campaign_id FROM sends AS s WHERE s.level >= 2),"
    " got AS (SELECT DISTINCT h.person AS person FROM high AS h),"
    " levelled AS (SELECT k.campaign_id AS campaign_id FROM campaign_grades AS k WHERE k.level >= 2"
    " UNION SELECT h.campaign_id AS campaign_id FROM high AS h),"
    " answered AS (SELECT t.person AS person, t.campaign_id AS campaign_id FROM touches AS t"
    " WHERE t.action = 4 AND t.reason = '' AND t.happened_at >= :from_at AND t.happened_at < :to_at"
    " UNION SELECT COALESCE(po.person, t.key_id) AS person, COALESCE(co.campaign_id, t.campaign_key) AS campaign_id"
    " FROM touchpoints AS t LEFT JOIN person_of AS po ON po.key_id = t.key_id"
    " LEFT JOIN campaign_of AS co ON co.campaign_key = t.campaign_key"
    " WHERE t.action = 3 AND t.is_machine = 0 AND t.happened_at >= :from_at AND t.happened_at < :to_at),"
    " moved AS (SELECT DISTINCT a.person AS person FROM answered AS a JOIN levelled AS l ON l.campaign_id = a.campaign_id),"
    " bought AS (SELECT DISTINCT m.person AS person FROM order_money AS m WHERE m.is_counted = 1 AND m.person IS NOT NULL"
    " AND m.ordered_at >= :from_at AND m.ordered_at < :to_at)"
)
_READ: Final = (
    "SELECT g.segment AS segment, COUNT(*) AS people,"
    " CAST(SUM(CASE WHEN v.person IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS moved,"
    " CAST(SUM(CASE WHEN w.person IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS reached,"
    " CAST(SUM(CASE WHEN v.person IS NULL OR w.person IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS moved_reached,"
    " CAST(SUM(CASE WHEN b.person IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS buyers"
    " FROM segment_members AS g LEFT JOIN moved AS v ON v.person = g.person LEFT JOIN got AS w ON w.person = g.person"
    " LEFT JOIN bought AS b ON b.person = g.person GROUP BY g.segment ORDER BY g.segment"
)


def responses(engine: Engine, ask: Ask) -> list[Row]:
    """Return, for each segment: people, those a personalised message moved, those who got one, and those who bought. The
    period must be set."""
    build(engine, ask)
    build_touches(engine)
    params: dict[str, Any] = {**bounds(ask.period), "gross": int(ask.basis == "gross")}
    return list(run(engine, join(piece("campaign_grades"), piece("sends"), piece("order_money"), _ENGAGED, _READ), params))


def segment_penetration(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of each segment's members who engaged with personalised messages, and of those whom one reached."""
    id = "segment_penetration"
    check(ask.by, (SEG,), id)
    seen = look(ask)
    rows = responses(engine, seen.ask)
    if not rows:
        return nothing(id, "share", seen.ask)
    out = each(
        rows,
        id,
        "share",
        seen.ask,
        lambda row, by: rules.share(id, int(row["moved"]), int(row["people"]), seen.ask, by),
        seen.note,
    )
    other = f"{id}_of_reached"
    return out + each(
        rows,
        other,
        "share",
        seen.ask,
        lambda row, by: rules.share(other, int(row["moved_reached"]), int(row["reached"]), seen.ask, by),
        seen.note,
    )


_DATA: Final = ("person_of", "contacts", "touchpoints", "orders", "order_ledger", "order_lines", "attributes", "memberships")
METRICS: Sequence[Metric] = (
    Metric(
        "segment_definitions",
        "Segments and their rules",
        "The share of everybody known who is in each segment: the stages of the life-cycle (subscriber, new, active, loyal, at "
        "risk, inactive, churned), the RFM classes (fifths of how lately, how often and for how much people bought), what they "
        "buy most, and the rules [segments.NAME] of the settings. Membership is that of a moment - the period's first day, "
        "else now - and uses what was known before it.",
        "people in the segment ÷ people known at that moment",
        "share",
        segment_definitions,
        number="80",
        dimensions=(SEG,),
        edge_cases="Life-cycle, RFM and affinity put each person into one segment of theirs at most; rules may overlap, and "
        "the overlap is told. Attributes carry no date, so rules on them go by today's. Small segments are hidden.",
        data=_DATA,
    ),
    Metric(
        "segment_penetration",
        "Members whom personalised messages move",
        "Of the members of each segment at the start of the period (the last 90 days unless asked), the share who opened (a "
        "platform that tells machines apart) or clicked a message of level 2 or above in it; beside it of those who got one.",
        "members with an open or click of a personalised message ÷ members",
        "share",
        segment_penetration,
        number="81",
        dimensions=(SEG,),
        edge_cases="No members, or none reached: null, no_denominator. Small segments are hidden.",
        data=(*_DATA, "campaign_levels"),
    ),
)
