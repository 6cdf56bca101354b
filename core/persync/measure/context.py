"""Context: when, where and on what messages are answered, how the audience drifts, how fast a no is heard (149 to 151)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.attribution.horizon import touches_note, touches_until
from persync.attribution.journeys import build_orders, build_touches
from persync.engine.engine import Engine
from persync.estimate import RAW, Estimate
from persync.measure import attributes, counts, intervals, membership, rules
from persync.measure.clock import DAYS_OF_WEEK, offsets
from persync.measure.frequency import NO_SENDS
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Metric
from persync.measure.rules import DAY
from persync.measure.segments.common import look
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run, write

CONTEXTS: Final = ("hour", "weekday", "device", "place", "stage")
PLACES: Final = ("country", "region", "state", "city", "location")
"""names of attributes that say where somebody is, the first that is known counts"""
CLICK_DAYS: Final = 7
HABIT_DAYS: Final = 180
NO_SESSIONS: Final = "no_sessions"
NO_PLACE: Final = "no_place"
NO_CHANGE: Final = "no_change_known"
HEARD_DAYS: Final = 2
WATCH_DAYS: Final = 30


def contextual_relevance(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of messages clicked within a week in each hour, on each weekday, at each place and in each stage, the
    share of visits that converted on each device, each against all the others (`contextual_relevance_difference`), and the
    share of messages that came in an hour of the person's own (`in_own_hours`)."""
    id = "contextual_relevance"
    check(ask.by, CONTEXTS, id)
    seen = look(ask)
    build_orders(engine)
    build_touches(engine)
    if not ask.by or set(ask.by) - {"device"}:
        _build_sends(engine, seen.ask)
    out: list[Estimate] = []
    for context in ask.by or CONTEXTS:
        found = _visits(engine, seen.ask) if context == "device" else _sends(engine, seen.ask, context)
        out += found
    if not ask.by:
        out.append(_own_hours(engine, seen.ask))
    return [replace(one, period=seen.period) for one in out]


_SUMS: Final = (
    "COUNT(*) AS clusters, SUM(p.y) AS y, SUM(p.x) AS x, SUM(p.y * p.y) AS yy, SUM(p.x * p.x) AS xx, SUM(p.x * p.y) AS xy"
)


def _build_sends(engine: Engine, ask: Ask) -> None:
    """Write the derived table `contexts_of_sends`: all contexts are read from the same messages, which are many."""
    assert ask.period is not None
    offset, zone_ms = offsets("s.sent_at", ask.period, ask.timezone)
    params = {
        **bounds(ask.period),
        "gross": int(ask.basis == "gross"),
        "click_ms": CLICK_DAYS * DAY,
        "habit_ms": HABIT_DAYS * DAY,
        "zone_ms": zone_ms,
        "until": touches_until(engine, ask),
    }
    context = piece("sends_with_context").replace("/*offset*/)", f"{offset})")
    sql = join(piece("sends"), piece("order_money"), piece("acted"), context, "SELECT c.* FROM in_context AS c")
    write(engine, sql, params, "contexts_of_sends")


def _sends(engine: Engine, ask: Ask, context: str) -> list[Estimate]:
    id = "contextual_relevance"
    texts: list[str] = []
    params: dict[str, Any] = {}
    column, joined = f"c.{context}", ""
    if context == "place":
        known = attributes.values(engine)
        name = next((one for one in PLACES if 0 < known.get(one, 0) <= attributes.MOST_GROUPS), None)
        if name is None:
            note = f"import or map one of the attributes {', '.join(PLACES)}"
            return [rules.absent(id, NO_PLACE, {"context": context}, unit="share", label=RAW, note=note)]
        texts.append(piece("groups"))
        params["attribute"] = name
        column, joined = "COALESCE(g.value, 'unknown')", " LEFT JOIN group_values AS g ON g.person = c.person"
    if context == "stage":
        membership.build(engine, ask, [membership.moment(ask)], (membership.LIFECYCLE,))
        column = "COALESCE(g.stage, 'not known yet')"
        joined = " LEFT JOIN standings AS g ON g.person = c.person"
    final = (
        f"SELECT p.slot AS slot, {_SUMS} FROM (SELECT {column} AS slot, c.person AS person, SUM(c.clicked) AS y, COUNT(*) AS x"
        f" FROM contexts_of_sends AS c{joined} GROUP BY {column}, c.person) AS p GROUP BY p.slot ORDER BY p.slot"
    )
    rows = run(engine, join(*texts, final), params)
    if not rows:
        return [rules.absent(id, NO_SENDS, {"context": context}, unit="share", label=RAW)]
    named = [{**row, "slot": _slot(context, row["slot"])} for row in rows]
    return _against_others(named, context, ask, f"clicked within {CLICK_DAYS} days")


def _slot(context: str, value: object) -> str:
    if context == "weekday":
        return DAYS_OF_WEEK[int(str(value))]
    return f"{int(str(value)):02d}" if context == "hour" else str(value)


def _visits(engine: Engine, ask: Ask) -> list[Estimate]:
    id, by = "contextual_relevance", {"context": "device"}
    final = (
        f"SELECT p.slot AS slot, {_SUMS} FROM (SELECT COALESCE(NULLIF(v.device, ''), 'unknown') AS slot,"
        " COALESCE(CAST(po.person AS VARCHAR(20)), v.session) AS visitor, SUM(v.is_converted) AS y, COUNT(*) AS x"
        " FROM sessions AS v LEFT JOIN person_of AS po ON po.key_id = v.key_id WHERE v.is_converted IS NOT NULL"
        " AND v.started_at >= :from_at AND v.started_at < :to_at GROUP BY COALESCE(NULLIF(v.device, ''), 'unknown'),"
        " COALESCE(CAST(po.person AS VARCHAR(20)), v.session)) AS p GROUP BY p.slot ORDER BY p.slot"
    )
    rows = run(engine, final, bounds(ask.period))
    if not rows:
        note = "no platform tells the device of a click: import sessions with device and converted"
        return [rules.absent(id, NO_SESSIONS, by, unit="share", label=RAW, note=note)]
    return _against_others(rows, "device", ask, "visits that converted")


def _against_others(rows: Sequence[Mapping[str, Any]], context: str, ask: Ask, note: str) -> list[Estimate]:
    """Return each slot's share, and its difference from all the others together: clustered, Holm-adjusted, raw."""
    id = "contextual_relevance"
    hide = rules.hidden({str(row["slot"]): int(row["clusters"]) for row in rows}, ask.suppress_n)
    out: list[Estimate] = []
    differences: list[Estimate] = []
    for row in rows:
        by = {"context": context, context: str(row["slot"])}
        if by[context] in hide:
            out.append(rules.suppressed(id, ask, by, unit="share", label=RAW))
            continue
        made = counts.clustered_share(id, row, ask, by)
        out.append(rules.with_note(replace(made, label=RAW), note))
        rest = [other for other in rows if other is not row]
        if rest and not hide:  # else the others together would give the hidden ones away
            differences.append(_difference(row, rest, ask, by))
    return out + rules.compared(differences)


def _difference(row: Mapping[str, Any], rest: Sequence[Mapping[str, Any]], ask: Ask, by: dict[str, str]) -> Estimate:
    """Return a clustered difference. People who are in several slots stand in both sides as if they were two: as most people
    answer alike, that makes the interval too wide rather than too narrow."""
    id = "contextual_relevance_difference"
    together = {name: sum(float(other[name] or 0) for other in rest) for name in ("clusters", "y", "x", "yy", "xx", "xy")}
    sides = []
    for one in (row, together):
        n, y, x, yy, xx, xy = (float(one[name] or 0) for name in ("clusters", "y", "x", "yy", "xx", "xy"))
        found = intervals.ratio_of_sums(round(n), y, x, yy, xx, xy, ask.confidence)
        if found is None:
            return rules.absent(id, rules.NO_DENOMINATOR, by, unit="share", label=RAW)
        sides.append(found)
    z = intervals.normal_quantile(ask.confidence)
    gap = sides[0].value - sides[1].value
    error = math.hypot(*((side.high - side.low) / 2 / z for side in sides))
    p = intervals.normal_p(gap / error) if error > 0 else (1.0 if gap == 0 else 0.0)
    made = rules.from_interval(
        id, Interval(gap, gap - z * error, gap + z * error, p), n=round(float(row["x"])), unit="share", by=by, label=RAW
    )
    return rules.with_note(made, rules.smallness(int(row["clusters"]), int(row["y"]), ask))


def _own_hours(engine: Engine, ask: Ask) -> Estimate:
    final = (
        f"SELECT {_SUMS} FROM (SELECT c.person AS person, SUM(c.in_hours) AS y, COUNT(*) AS x FROM contexts_of_sends AS c"
        " WHERE c.has_habits = 1 GROUP BY c.person) AS p"
    )
    (row,) = run(engine, final, {})
    made = counts.clustered_share("in_own_hours", row, ask, {})
    note = f"of messages to people with three or more acts in the {HABIT_DAYS} days before the period: sent in an hour of those"
    return rules.with_note(made, note)


def adaptability(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute how far the mix of stages moved over the period (population stability index), and null for what needs the date of
    the last change of a rule or model."""
    id = "adaptability"
    check(ask.by, (), id)
    seen = look(ask)
    begin, end = seen.period[0], min(seen.period[1], ask.now)
    membership.build(engine, ask, [begin, end], (membership.LIFECYCLE,))
    rows = engine.rows("SELECT s.at AS at, s.stage AS stage, COUNT(*) AS people FROM standings AS s GROUP BY s.at, s.stage")
    mixes: dict[int, dict[str, int]] = {begin: {}, end: {}}
    for row in rows:
        mixes[int(row["at"])][str(row["stage"])] = int(row["people"])
    before, after = (sum(mixes[at].values()) for at in (begin, end))
    if min(before, after) < ask.suppress_n:
        drift = rules.absent(id, rules.NO_DENOMINATOR, {"of": "stages"}, unit="index", n=min(before, after))
    else:
        value = psi(mixes[begin], mixes[end])
        drift = Estimate(id, value, n=after, unit="index", by={"of": "stages"}, note=_drifted(value))
        drift = rules.with_note(drift, rules.smallness(min(before, after), None, ask))
    note = "nothing read tells when a rule or model was changed; give experiments a date (from) and read them in turn"
    absent = [
        rules.absent(name, NO_CHANGE, {}, unit=unit, note=note)
        for name, unit in (("adaptability_lift_decay", "share"), ("adaptability_days_to_update", "days"))
    ]
    return [replace(one, period=seen.period) for one in (drift, *absent)]


def psi(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """Return the population stability index of two mixes; half a person is added to every group, so that empty ones count."""
    groups = sorted({*before, *after})
    sizes = [sum(mix.values()) + 0.5 * len(groups) for mix in (before, after)]
    shares = [[(mix.get(group, 0) + 0.5) / size for group in groups] for mix, size in zip((before, after), sizes, strict=True)]
    return math.fsum((b - a) * math.log(b / a) for a, b in zip(shares[0], shares[1], strict=True))


def _drifted(value: float) -> str:
    return "little drift" if value < 0.1 else "some drift" if value < 0.25 else "much drift: look at rules and models again"


_OPTED: Final = (
    "opted AS (SELECT COALESCE(po.person, t.key_id) AS person, t.connection AS connection, MIN(t.happened_at) AS at"
    " FROM touchpoints AS t LEFT JOIN person_of AS po ON po.key_id = t.key_id WHERE t.action IN (6, 7)"
    " AND t.happened_at >= :from_at AND t.happened_at < :to_at GROUP BY COALESCE(po.person, t.key_id), t.connection),"
    " after_no AS (SELECT o.person AS person, o.connection AS connection, MAX(t.happened_at - o.at) AS late FROM opted AS o"
    " JOIN person_of AS po ON po.person = o.person JOIN touchpoints AS t ON t.key_id = po.key_id AND "
    "t.connection = o.connection"
    " WHERE t.action IN (1, 2) AND t.happened_at > o.at AND t.happened_at < o.at + :watch_ms GROUP BY o.person, o.connection),"
    " heard AS (SELECT o.person AS person, CASE WHEN o.at + :watch_ms <= :until THEN 1 ELSE 0 END AS is_over,"
    " CASE WHEN COALESCE(a.late, 0) <= :heard_ms THEN 1 ELSE 0 END AS acted_on, COALESCE(a.late, 0) / 86400000e0 AS days"
    " FROM opted AS o LEFT JOIN after_no AS a ON a.person = o.person AND a.connection = o.connection)"
)
_HEARD: Final = (
    "SELECT COUNT(*) AS everybody, CAST(COALESCE(SUM(h.is_over), 0) AS BIGINT) AS over,"
    " CAST(COALESCE(SUM(h.is_over * h.acted_on), 0) AS BIGINT) AS acted_on, SUM(h.is_over * h.days) AS total,"
    " SUM(h.is_over * h.days * h.days) AS squares, SUM(CASE WHEN h.is_over = 1 AND h.days > 0 THEN 1 ELSE 0 END) AS late"
    " FROM heard AS h"
)


def responsiveness(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of unsubscribes and complaints after which, two days on, no more messages came from that platform, and
    the days until the last that did (`responsiveness_days`)."""
    id = "responsiveness"
    check(ask.by, (), id)
    until = touches_until(engine, ask)
    params = {**bounds(ask.period), "until": until, "watch_ms": WATCH_DAYS * DAY, "heard_ms": HEARD_DAYS * DAY}
    (row,) = run(engine, join(_OPTED, _HEARD), params)
    over = int(row["over"])
    note = f"no message later than {HEARD_DAYS} days after it, watched for {WATCH_DAYS} days"
    if not over:
        reason = rules.IMMATURE if int(row["everybody"]) else rules.NO_DENOMINATOR
        none = rules.absent(id, reason, {}, unit="share", n=0, note=note)
        none = rules.with_note(none, touches_note(until, ask) if reason == rules.IMMATURE else "")
        return [replace(none, period=ask.period)]
    sample = intervals.moments(over, float(row["total"]), float(row["squares"]))
    days = rules.average(f"{id}_days", sample, int(row["late"]), ask, {}, unit="days")
    heard = rules.with_note(rules.share(id, int(row["acted_on"]), over, ask, {}), note)
    feedback = rules.absent(
        f"{id}_to_feedback", NO_CHANGE, {}, unit="days", note="nothing read tells what was changed after it"
    )
    return [replace(one, period=ask.period) for one in (heard, days, feedback)]


_DATA: Final = ("touchpoints", "orders", "order_of", "order_ledger", "contacts")
METRICS: Sequence[Metric] = (
    Metric(
        "contextual_relevance",
        "When, where and on what messages are answered",
        "The share of messages clicked within 7 days by the local hour and weekday they were sent at, by the "
        "person's place (the "
        "first attribute known of country, region, state, city, location) and stage of the life-cycle at the start of the "
        "period; visits that converted by device; each against all the others. And the share of messages that came in an hour "
        "at which the person had acted in the 180 days before. Of the last 90 days unless asked.",
        "clicked messages ÷ messages in that context − the same elsewhere",
        "share",
        contextual_relevance,
        number="149",
        dimensions=CONTEXTS,
        edge_cases="Raw differences, counted and Holm-adjusted within a context: other offers go out at other hours, "
        "and a test of "
        "send times (155) tells. Messages younger than 7 days are left out. A person is one unit of the interval. Devices come "
        "from imported sessions alone.",
        data=(*_DATA, "sessions", "attributes"),
    ),
    Metric(
        "adaptability",
        "Does the programme keep up",
        "How far the mix of stages moved between the first and the last day of the period (the last 90 days unless asked), as "
        "the population stability index: below 0.1 little, above 0.25 much.",
        "Σ (share after − share before) × ln(share after ÷ share before)",
        "index",
        adaptability,
        number="150",
        edge_cases="The decay of lift and the days from a shift to an update are null, no_change_known: nothing read "
        "tells when a "
        "rule or model was changed. Nobody known at the start: null, no_denominator.",
        data=_DATA,
    ),
    Metric(
        "responsiveness",
        "How fast a no is heard",
        "Of the unsubscribes and complaints of the period, the share after which no message came from that "
        "platform later than 2 "
        "days, watched for 30 days; and the days until the last one that did.",
        "heard ÷ unsubscribes and complaints at least 30 days old",
        "share",
        responsiveness,
        number="151",
        edge_cases="Younger than 30 days: left out, and null, immature, where none is older. Messages of an automation whose "
        "platform does not tell whom it mailed are not seen. What followed other negative feedback is not known.",
        data=("touchpoints",),
    ),
)
