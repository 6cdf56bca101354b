"""Who comes back, how often and after how long."""

from __future__ import annotations

from persync.attribution.stability import replicate
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.metric import Ask
from persync.measure.occasions import Ground, build
from persync.measure.value.cut import Row, cut, dated, stacked
from persync.measure.value.gaps import median_gap
from persync.measure.value.windows import from_day

YEAR = 365.25
SHORTEST_SPAN = 28
"""days of orders below which nothing is turned into a year's"""
NOT_REACHED = "not_reached"

_REPEATS = (
    "SELECT COUNT(*) AS buyers, CAST(SUM(CASE WHEN p.n > 1 THEN 1 ELSE 0 END) AS BIGINT) AS again/*columns*/ FROM (SELECT"
    " o.person AS person, COUNT(*) AS n FROM occasions AS o WHERE o.day >= :from_day GROUP BY o.person) AS p"
    " JOIN grouped AS g ON g.person = p.person /*keys*/"
)
_WITHIN = (
    "SELECT COUNT(*) AS buyers, CAST(SUM(CASE WHEN o.next_day <= o.day + :days THEN 1 ELSE 0 END) AS BIGINT) AS again"
    "/*columns*/ FROM occasions AS o JOIN grouped AS g ON g.person = o.person"
    " WHERE o.number = 1 AND o.day >= :from_day AND o.day + :days < :end_day /*keys*/"
)
_OFTEN = (
    "SELECT COUNT(*) AS buyers, CAST(SUM(p.n) AS BIGINT) AS total, CAST(SUM(p.n * p.n) AS BIGINT) AS squares/*columns*/ FROM"
    " (SELECT o.person AS person, COUNT(*) AS n FROM occasions AS o WHERE o.day >= :from_day GROUP BY o.person) AS p"
    " JOIN grouped AS g ON g.person = p.person /*keys*/"
)
_GAPS = (
    "SELECT MOD(c.bucket, 256) AS bucket, COALESCE(o.next_day, :end_day) - o.day AS gap,"
    " CAST(SUM(CASE WHEN o.next_day IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS came, COUNT(*) AS n/*columns*/"
    " FROM occasions AS o JOIN customers AS c ON c.person = o.person JOIN grouped AS g ON g.person = o.person"
    " WHERE o.day >= :from_day /*keys*/"
)


def repeat_purchase_rate(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of customers who bought on two days or more, and `repeat_within`: of first-time buyers old enough,
    the share whose second purchase came within the set days."""
    ground = build(engine, ask)
    sliced = cut(engine, ask, "repeat_purchase_rate")
    days = ask.value.repeat_days
    params = {"from_day": from_day(ask, ground), "days": days, "end_day": ground.end_day}
    out: list[Estimate] = []
    for id, sql, note in (
        ("repeat_purchase_rate", _REPEATS, "orders of one day are one purchase"),
        ("repeat_within", _WITHIN, f"a second purchase within {days} days of the first; younger customers are left out"),
    ):
        rows = sliced.rows(engine, sql, params)

        def make(row: Row, by: dict[str, str], id: str = id, note: str = note) -> Estimate:
            buyers = int(row["buyers"])
            if id == "repeat_within" and not buyers and ground.customers:
                return rules.absent(id, rules.IMMATURE, by, unit="share", note=f"nobody's first {days} days are over")
            made = rules.share(id, int(row["again"] or 0), buyers, ask, by)
            return rules.with_note(rules.with_note(made, note), ground.note) if made.value is not None else made

        out += sliced.estimates(rows, id, "share", "buyers", make)
    return dated(out, ask)


def frequency_span(ask: Ask, ground: Ground) -> tuple[int, int]:
    """Return the first day and the number of days that frequency is counted over: the period, else the last year."""
    begin = from_day(ask, ground)
    if ask.period is None:
        begin = max(begin, ground.end_day - 365)
    return begin, ground.end_day - begin


def purchase_frequency(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute purchases a buyer and year."""
    id = "purchase_frequency"
    ground = build(engine, ask)
    sliced = cut(engine, ask, id)
    begin, days = frequency_span(ask, ground)
    if ground.customers and days < SHORTEST_SPAN:
        return [rules.absent(id, rules.IMMATURE, {}, unit="a year", note=f"{days} days of orders make no year")]

    def make(row: Row, by: dict[str, str]) -> Estimate:
        buyers = int(row["buyers"])
        if not buyers:
            return rules.absent(id, rules.NO_DENOMINATOR, by, unit="a year", n=0)
        yearly = YEAR / days
        sample = intervals.moments(buyers, int(row["total"]), int(row["squares"]))
        scaled = intervals.Moments(buyers, sample.mean * yearly, sample.variance * yearly * yearly)
        made = rules.average(id, scaled, buyers, ask, by, unit="a year")
        note = f"days with a purchase over buyers of {days} days" + ("" if 364 <= days <= 366 else ", as of a year")
        return rules.with_note(made, note) if made.value is not None else made

    rows = sliced.rows(engine, _OFTEN, {"from_day": begin})
    return dated(sliced.estimates(rows, id, "a year", "buyers", make), ask)


def next_order_gap(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the median days from a purchase to the next one, those still waiting included (Kaplan-Meier)."""
    import numpy as np

    id = "next_order_gap"
    ground = build(engine, ask)
    sliced = cut(engine, ask, id)
    params = {"from_day": from_day(ask, ground), "end_day": ground.end_day}
    bucket, gap = "MOD(c.bucket, 256)", "COALESCE(o.next_day, :end_day) - o.day"
    rows = sliced.rows(engine, _GAPS, params, per=f"{bucket}, {gap}")
    found = stacked(rows, sliced, ("gap", "came", "n"))
    people = {tuple(sliced.by(row).values()): row for row in sliced.rows(engine, _REPEATS, params)}
    if not found:
        return dated([rules.absent(id, rules.NO_DENOMINATOR, {}, unit="days", n=0)], ask)
    hide = sliced.people.hidden(list(people.values()), "buyers", ask)
    out = []
    for key, (buckets, columns) in found.items():
        row = people[key]
        by, customers = sliced.by(row), int(row["buyers"])
        if customers < ask.suppress_n or (sliced.people.attribute and by[sliced.people.attribute] in hide):
            out.append(rules.suppressed(id, ask, by, unit="days"))
            continue
        ids, place = np.unique(buckets, return_inverse=True)
        longest = int(columns[:, 0].max())
        came, waiting = np.zeros((len(ids), longest + 1)), np.zeros((len(ids), longest + 1))
        at = columns[:, 0].astype(np.int64)
        np.add.at(came, (place, at), columns[:, 1])
        np.add.at(waiting, (place, at), columns[:, 2])
        whole = median_gap(came.sum(axis=0)[None, :], waiting.sum(axis=0)[None, :])[0]
        drawn = replicate(ids, np.concatenate([came, waiting], axis=1), ask.seed)
        medians = median_gap(drawn[:, : longest + 1], drawn[:, longest + 1 :])
        tail = (1 - ask.confidence) / 2
        low, high = np.quantile(medians, [tail, 1 - tail], method="inverted_cdf")
        events = int(columns[:, 1].sum())
        note = "those still waiting count for as long as they have waited; customers are drawn, not orders"
        if not np.isfinite(whole):
            told = f"over half have not come back within {longest} days"
            out.append(rules.absent(id, NOT_REACHED, by, unit="days", n=customers, note=told))
            continue
        made = Estimate(
            id,
            float(whole),
            min(float(low), float(whole)),
            max(float(high), float(whole)) if np.isfinite(high) else None,
            n=customers,
            unit="days",
            by=by,
            note=note,
        )
        out.append(rules.with_note(made, rules.smallness(customers, events, ask)))
    return dated(out, ask)
