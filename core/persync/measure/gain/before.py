"""Conversion before and after a tool was put to use: with the trend and the calendar taken off where the weeks suffice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from persync.attribution.horizon import orders_until
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import OBSERVATIONAL, RAW, Estimate, percent
from persync.measure import intervals, rules
from persync.measure.gain.span import NO_START, START_HINT
from persync.measure.metric import Ask
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

ID: Final = "cro_before_after"
ENOUGH: Final = 8
"""weeks on each side that a trend can be told from"""
WEEK: Final = 7 * rules.DAY
YEAR_WEEKS: Final = 52.18
NOBODY: Final = "nobody_mailed"
VISITS: Final = "visits that converted"

_WEEKS = (
    "mailed AS (SELECT s.person AS person, CAST(FLOOR((s.sent_at - :start) / 604800000e0) AS BIGINT) AS week,"
    " MIN(s.sent_at) AS sent_at FROM sends AS s GROUP BY s.person, CAST(FLOOR((s.sent_at - :start) / 604800000e0) AS BIGINT))"
)
_BOUGHT = (
    "SELECT x.week AS week, COUNT(*) AS people, CAST(SUM(x.bought) AS BIGINT) AS buyers FROM (SELECT e.week AS week, e.person"
    " AS person, MAX(CASE WHEN m.person IS NULL THEN 0 ELSE 1 END) AS bought FROM mailed AS e LEFT JOIN order_money AS m"
    " ON m.person = e.person AND m.is_counted = 1 AND m.ordered_at >= e.sent_at AND m.ordered_at < e.sent_at + :week_ms"
    " WHERE e.sent_at + :week_ms <= :until GROUP BY e.week, e.person) AS x GROUP BY x.week ORDER BY x.week"
)
_VISITS = (
    "SELECT CAST(FLOOR((s.started_at - :start) / 604800000e0) AS BIGINT) AS week, COUNT(*) AS people,"
    " CAST(SUM(s.is_converted) AS BIGINT) AS buyers FROM sessions AS s WHERE s.is_converted IS NOT NULL"
    " AND s.started_at >= :from_at AND s.started_at < :to_at AND s.started_at < :now"
    " GROUP BY CAST(FLOOR((s.started_at - :start) / 604800000e0) AS BIGINT) ORDER BY 1"
)


def cro_before_after(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute conversion after the start less before: by interrupted time series with eight weeks on each side, else raw."""
    import numpy as np

    from persync.measure.trials.adjusting import interrupted

    check(ask.by, (), ID)

    def none(reason: str, note: str = "") -> list[Estimate]:
        return [replace(rules.absent(ID, reason, {}, unit="points", label=RAW, note=note), period=ask.period)]

    start = ask.value.started if ask.value.started is not None else ask.goal.start if ask.goal else None
    if start is None:
        return none(NO_START, START_HINT)
    if start >= ask.now:
        return none(rules.IMMATURE, "the programme begins in the future")
    rows, what, until = _weeks(engine, ask, start)
    # What was ordered after a message of the last week is known a week later.
    last = (until - start) // WEEK - (1 if what == VISITS else 2)
    if ask.period is not None:
        last = min(last, (ask.period[1] - start) // WEEK - 1)
    first = min((int(row["week"]) for row in rows), default=0)
    if rows and ask.period is not None:
        first = max(first, -((start - ask.period[0]) // WEEK))
    elif rows:
        first += 1  # the first week known may have begun before what is known
    found = {
        int(row["week"]): (int(row["buyers"] or 0), int(row["people"])) for row in rows if first <= int(row["week"]) <= last
    }
    if not found:
        return none(NOBODY, "no message was sent and no visit is known in whole weeks")
    sums = [[sum(cell[i] for week, cell in found.items() if (week >= 0) == after) for i in (0, 1)] for after in (True, False)]
    (buyers, people), (base_buyers, base_people) = sums
    if not people or not base_people:
        return none(rules.NO_DENOMINATOR, f"nobody on one side of the start; {what}")
    if min(people, base_people) < ask.suppress_n:
        return [replace(rules.suppressed(ID, ask, {}, unit="points", label=RAW), period=ask.period)]
    raw = intervals.newcombe(buyers, people, base_buyers, base_people, ask.confidence)
    small = rules.smallness(min(people, base_people), min(buyers, base_buyers), ask)
    n, weeks = people + base_people, sorted(found)
    side = [sum(week < 0 for week in weeks), sum(week >= 0 for week in weeks)]
    plain = rules.from_interval(ID, raw, n=n, unit="points", by={"way": "raw"}, label=RAW)
    plain = rules.with_note(
        plain, f"{percent(buyers / people, 2)} after, {percent(base_buyers / base_people, 2)} before; {what}"
    )
    missing = weeks[-1] - weeks[0] + 1 - len(weeks)
    if min(side) < ENOUGH or missing:
        why = f"{side[0]} and {side[1]} weeks" + (f", {missing} of those between without anybody" if missing else "")
        warning = f"warning: {why}, too few to take off trend and calendar; seasons and all else that changed are in it"
        return [replace(rules.with_note(rules.with_note(plain, warning), small), period=ask.period)]
    series = np.array([found[week][0] / found[week][1] for week in weeks])
    broken = interrupted(series, side[0], period=YEAR_WEEKS, confidence=ask.confidence)
    calendar = "trend and calendar" if len(weeks) >= 2 * YEAR_WEEKS else "the trend (under two years: not the calendar)"
    adjusted = rules.from_interval(ID, broken.effect, n=n, unit="points", by={"way": "adjusted"}, label=OBSERVATIONAL)
    adjusted = rules.with_note(
        adjusted, f"mean of {side[1]} weeks after over what {side[0]} weeks before led to expect, {calendar} taken off; {what}"
    )
    return [replace(rules.with_note(one, small), period=ask.period) for one in (adjusted, plain)]


def _weeks(engine: Engine, ask: Ask, start: int) -> tuple[list[dict[str, Any]], str, int]:
    """Return people and buyers by week from the start on (negative before it), visits where it is told which converted, else
    people mailed; what they are; and until when they are known."""
    params = {**bounds(ask.period), "start": start, "now": ask.now, "week_ms": WEEK, "gross": int(ask.basis == "gross")}
    visits = run(engine, _VISITS, params)
    if visits:
        return visits, VISITS, ask.now
    build_orders(engine)
    params["until"] = until = orders_until(engine, ask)
    rows = run(engine, join(piece("sends"), piece("order_money"), _WEEKS, _BOUGHT), params)
    return rows, "people mailed in the week who ordered within 7 days", until
