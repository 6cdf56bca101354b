"""Serving customers: tickets, what they cost, the hours behind a campaign, and how much is sent by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from persync.engine.engine import Engine
from persync.estimate import RAW, Estimate, Label
from persync.measure import counts, rules
from persync.measure.automated import sent, share_of_sends
from persync.measure.gain.hours import HOW, NO_TIME, tasks
from persync.measure.gain.span import AFTER, BEFORE, halves, months_between
from persync.measure.intervals import Interval
from persync.measure.metric import Ask
from persync.measure.occasions import build
from persync.measure.slices import check
from persync.measure.texts import EVER, run
from persync.measure.value.cut import Cut, Row, cut

TICKETS: Final = "support_ticket_volume"
EFFICIENCY: Final = "operational_efficiency"
NO_TICKETS: Final = "no_tickets"
NO_HANDLING: Final = "no_handling_cost"
HANDLING: Final = "set costs.handling_cost, what a ticket costs to answer"
NO_HELP_DESK: Final = "no system that keeps tickets was read"

_ACTIVE = (
    "SELECT COUNT(DISTINCT o.person) AS people/*columns*/ FROM occasions AS o JOIN grouped AS g ON g.person = o.person"
    " WHERE o.happened_at >= :active_from AND o.happened_at < :to_at /*keys*/"
)
_ASKED = (
    "SELECT COUNT(*) AS tickets/*columns*/ FROM (SELECT DISTINCT o.person AS person FROM occasions AS o WHERE o.happened_at >="
    " :active_from AND o.happened_at < :to_at) AS a JOIN (SELECT COALESCE(po.person, k.key_id) AS person FROM tickets AS k"
    " LEFT JOIN person_of AS po ON po.key_id = k.key_id WHERE k.created_at >= :from_at AND k.created_at < :to_at) AS t"
    " ON t.person = a.person JOIN grouped AS g ON g.person = a.person /*keys*/"
)


def _span(engine: Engine, ask: Ask, end_at: int) -> tuple[int, int] | None:
    """Return the days that tickets are counted over: the period as far as it has come, else from the first ticket on."""
    (row,) = run(
        engine,
        "SELECT MIN(k.created_at) AS first_at, MAX(k.created_at) AS last_at FROM tickets AS k WHERE k.created_at <= :now",
        {"now": ask.now},
    )
    if row["first_at"] is None:
        return None
    if ask.period is None:
        return int(row["first_at"]), max(int(row["last_at"]) + 1, end_at)
    return ask.period[0], min(ask.period[1], ask.now)


def _rate(engine: Engine, ask: Ask, span: tuple[int, int], sliced: Cut) -> list[tuple[dict[str, str], int, int, Row]]:
    """Return for each slice the tickets of its active customers, and how many active customers there were."""
    params = {"from_at": span[0], "to_at": span[1], "active_from": span[1] - ask.value.dormant_days * rules.DAY}
    heads = sliced.rows(engine, _ACTIVE, params)
    asked = {tuple(sliced.by(row).values()): int(row["tickets"]) for row in sliced.rows(engine, _ASKED, params)}
    return [(sliced.by(row), asked.get(tuple(sliced.by(row).values()), 0), int(row["people"]), row) for row in heads]


def _per_hundred(tickets: int, people: int, months: float, ask: Ask, by: Mapping[str, str]) -> Estimate:
    if not people or months <= 0:
        return rules.absent(TICKETS, rules.NO_DENOMINATOR, by, unit="tickets", n=people)
    if people < ask.suppress_n:
        return rules.suppressed(TICKETS, ask, by, unit="tickets")
    drawn = counts.poisson(tickets, ask.confidence)
    scaled = Interval(*(100 * x / people / months for x in (drawn.value, drawn.low, drawn.high)))
    made = rules.from_interval(TICKETS, scaled, n=people, unit="tickets", by=by)
    made = rules.with_note(made, f"{tickets:,} tickets of {people:,} customers with an order in {ask.value.dormant_days} days")
    return rules.with_note(made, rules.smallness(people, None, ask))


def support_ticket_volume(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute tickets for 100 active customers a month, their change against the period before, and what they cost."""
    ground = build(engine, replace(ask, period=None))
    sliced = cut(engine, ask, TICKETS)
    span = _span(engine, ask, ground.end_at)
    if span is None:
        return [replace(rules.absent(TICKETS, NO_TICKETS, {}, unit="tickets", note=NO_HELP_DESK), period=ask.period)]
    months = months_between(*span, ask.timezone)
    found = _rate(engine, ask, span, sliced)
    hide = sliced.people.hidden([row for *_, row in found], "people", ask)
    out: list[Estimate] = []
    for by, tickets, people, _ in found:
        if sliced.people.attribute and by[sliced.people.attribute] in hide:
            out.append(rules.suppressed(TICKETS, ask, by, unit="tickets"))
        else:
            out.append(_per_hundred(tickets, people, months, ask, by))
    if not ask.by:
        params = {"from_at": span[0], "to_at": span[1]}
        number = _tickets(engine, params)
        before = None
        if ask.period is not None:
            before = _tickets(engine, {"from_at": 2 * span[0] - span[1], "to_at": span[0]})
        out.append(counts.change(f"{TICKETS}_change", number, before, replace(ask, period=ask.period and span), {}))
        out.append(_cost(number, ask, ground.currency or ask.currency or ""))
    return [replace(one, period=ask.period) for one in out]


def _tickets(engine: Engine, params: Mapping[str, Any]) -> int:
    sql = "SELECT COUNT(*) AS n FROM tickets AS k WHERE k.created_at >= :from_at AND k.created_at < :to_at"
    return int(run(engine, sql, params)[0]["n"])


def _cost(number: int, ask: Ask, unit: str) -> Estimate:
    id = f"{TICKETS}_cost"
    if ask.costs.handling_cost is None:
        return rules.absent(id, NO_HANDLING, {}, unit=unit, n=number, note=HANDLING)
    note = f"{number:,} tickets of {ask.costs.handling_cost:,.2f} each"
    return Estimate(id, number * ask.costs.handling_cost, n=number, unit=unit, note=note)


def support_saving(engine: Engine, ask: Ask) -> Estimate:
    """Return what fewer tickets a customer have saved since the programme began: a raw difference, priced by the user."""
    id = "support_saving"
    ground = build(engine, replace(ask, period=None))
    unit = ground.currency or ask.currency or ""
    span = _span(engine, replace(ask, period=None), ground.end_at)
    if span is None or ask.costs.handling_cost is None:
        return rules.absent(id, NO_TICKETS if span is None else NO_HANDLING, {}, unit=unit, label=RAW)
    asks = halves(ask, span[0])
    if asks is None:
        return rules.absent(id, "no_start", {}, unit=unit, label=RAW)
    sliced = cut(engine, replace(ask, by=()), TICKETS)
    rates: dict[str, tuple[float, int, float]] = {}
    for side, half in asks.items():
        assert half.period is not None
        months = months_between(*half.period, ask.timezone)
        ((_, tickets, people, _),) = _rate(engine, replace(ask, by=()), half.period, sliced)
        if not people or months <= 0:
            return rules.absent(id, rules.NO_DENOMINATOR, {}, unit=unit, label=RAW)
        rates[side] = (tickets / people / months, people, months)
    fall = rates[BEFORE][0] - rates[AFTER][0]
    fewer = fall * rates[AFTER][1] * rates[AFTER][2]
    note = f"{fewer:,.1f} tickets fewer than at the rate before, {ask.costs.handling_cost:,.2f} each"
    return Estimate(id, fewer * ask.costs.handling_cost, n=rates[AFTER][1], unit=unit, label=RAW, note=note)


def operational_efficiency(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute cost to serve a customer, tickets for 100 orders, staff hours a campaign and the automated share of sends; where
    the day is set on which the programme began, before and after it."""
    check(ask.by, ("when",), EFFICIENCY)
    if not ask.by:
        return _efficiency(engine, ask, {})
    first = run(engine, "SELECT MIN(t.happened_at) AS first_at FROM touchpoints AS t", {})[0]["first_at"]
    asks = halves(ask, None if first is None else int(first)) or {}
    out = []
    for when, half in asks.items():
        out += _efficiency(engine, half, {"when": when})
    return out or [rules.absent(EFFICIENCY, "no_start", {}, unit="ratio", note="set value.started")]


_ORDERS = (
    "SELECT CAST(COALESCE(SUM(o.orders), 0) AS BIGINT) AS orders, COUNT(DISTINCT o.person) AS people FROM occasions AS o"
    " WHERE o.happened_at >= :from_at AND o.happened_at < :to_at"
)


def _efficiency(engine: Engine, ask: Ask, by: dict[str, str]) -> list[Estimate]:
    ground = build(engine, replace(ask, period=None))
    from_at, to_at = ask.period or (-EVER, EVER)
    params = {"from_at": from_at, "to_at": min(to_at, ask.now + 1)}
    (bought,) = run(engine, _ORDERS, params)
    mailed = sent(engine, ask)
    has_tickets = bool(engine.rows("SELECT 1 AS one FROM tickets LIMIT 1"))
    number, orders, people = _tickets(engine, params), int(bought["orders"]), int(bought["people"])
    unit = ground.currency or ask.currency or ""

    def of(what: str) -> dict[str, str]:
        return {**by, "what": what}

    out = []
    label: Label = RAW if by else ""
    serve = of("cost to serve a customer")
    if not has_tickets or ask.costs.handling_cost is None or not people:
        reason = NO_TICKETS if not has_tickets else NO_HANDLING if ask.costs.handling_cost is None else rules.NO_DENOMINATOR
        out.append(rules.absent(EFFICIENCY, reason, serve, unit=unit, note=HANDLING if reason == NO_HANDLING else ""))
    else:
        drawn = counts.poisson(number, ask.confidence)
        each = ask.costs.handling_cost / people
        interval = Interval(drawn.value * each, drawn.low * each, drawn.high * each)
        made = rules.from_interval(EFFICIENCY, interval, n=people, unit=unit, by=serve)
        out.append(rules.with_note(made, "tickets alone; a customer is who ordered in these days"))
    hundred = of("tickets for 100 orders")
    if not has_tickets or not orders:
        reason = NO_TICKETS if not has_tickets else rules.NO_DENOMINATOR
        out.append(rules.absent(EFFICIENCY, reason, hundred, unit="tickets", n=orders))
    else:
        drawn = counts.poisson(number, ask.confidence)
        scaled = Interval(*(100 * x / orders for x in (drawn.value, drawn.low, drawn.high)))
        out.append(rules.from_interval(EFFICIENCY, scaled, n=orders, unit="tickets", by=hundred))
    sheet = [task for task in tasks(engine, ask) if task.after is not None]
    campaigns = mailed.campaigns
    if not sheet or not campaigns:
        reason = rules.NO_DENOMINATOR if sheet else NO_TIME
        out.append(rules.absent(EFFICIENCY, reason, of("hours a campaign"), unit="hours", note="" if sheet else HOW))
    else:
        hours = sum(task.after or 0.0 for task in sheet)
        note = f"{hours:,.1f} hours of the time sheet over {campaigns:,} campaigns sent, automations not counted"
        out.append(Estimate(EFFICIENCY, hours / campaigns, n=campaigns, unit="hours", by=of("hours a campaign"), note=note))
    out.append(share_of_sends(EFFICIENCY, mailed, ask, of("automated share of sends")))
    return [replace(one, period=ask.period, label=label or one.label) for one in out]
