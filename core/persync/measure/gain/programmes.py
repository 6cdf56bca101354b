"""Programmes beside the mail: loyalty and customer experience; what they cost and what can be said to come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from persync.engine.engine import Engine
from persync.estimate import RAW, Estimate
from persync.measure import costs, intervals, rules
from persync.measure.attributes import refuse
from persync.measure.gain.span import NO_START, START_HINT, halves
from persync.measure.intervals import Moments
from persync.measure.margins import margin
from persync.measure.metric import Ask
from persync.measure.occasions import Ground, build
from persync.measure.returns import cost_of
from persync.measure.slices import check
from persync.measure.texts import bounds, join, run
from persync.measure.value.repeat import frequency_span
from persync.measure.value.windows import window_days

CX: Final = "cx_roi"
CHANGE: Final = "cx_change"
LOYALTY: Final = "loyalty_roi"
EFFECT: Final = "loyalty_programme_effect"
NO_PROGRAMME: Final = "no_loyalty_attribute"
NO_ANSWERS: Final = "no_survey"
UNPRICED: Final = "unpriced"


class Split(NamedTuple):
    """A difference in revenue a customer, taken apart."""

    value: float
    """by dearer orders"""
    frequency: float
    """by more of them"""
    both: float
    """by more of the dearer ones"""


def split(value: float, often: float, base_value: float, base_often: float) -> Split:
    """Take apart value × often - base_value × base_often: order value and orders a customer."""
    more, dearer = often - base_often, value - base_value
    return Split(dearer * base_often, base_value * more, dearer * more)


def scoped_cost(engine: Engine, ask: Ask, scope: str) -> Estimate:
    """Return the costs of the period that are entered for one programme, by the scope of that name."""
    found = [entry for entry in costs.entries(engine, ask) if scope in (entry.scope, entry.category)]
    made = cost_of(found, ask, {}, known=scope in costs.scopes(engine), named=False)
    hint = f"enter costs with the scope {scope}: persync import costs FILE"
    return rules.with_note(made, hint) if made.reason == costs.NO_COST else made


@dataclass(frozen=True, slots=True)
class _Side:
    people: int
    orders: Moments
    money: Moments
    active: int
    stayed: int


_MEMBERS = (
    "members AS (SELECT v.person AS person, MAX(v.inside) AS inside FROM (SELECT COALESCE(po.person, a.key_id) AS person,"
    " CASE WHEN a.value IS NULL OR a.value = ''/*out*/ THEN 0 ELSE 1 END AS inside FROM attributes AS a"
    " LEFT JOIN person_of AS po ON po.key_id = a.key_id WHERE a.name = :attribute) AS v GROUP BY v.person)"
)
_BOUGHT = (
    "SELECT x.inside AS inside, COUNT(*) AS people, CAST(SUM(x.n) AS BIGINT) AS orders, CAST(SUM(x.n * x.n) AS BIGINT) AS"
    " orders_squared, CAST(SUM(x.minor) AS BIGINT) AS minor, SUM(CAST(x.minor AS DOUBLE) * x.minor) AS minor_squared,"
    " CAST(SUM(x.active) AS BIGINT) AS active, CAST(SUM(x.active * x.stayed) AS BIGINT) AS stayed FROM (SELECT o.person AS"
    " person, COALESCE(MAX(k.inside), 0) AS inside, SUM(CASE WHEN o.day >= :from_day THEN 1 ELSE 0 END) AS n,"
    " SUM(CASE WHEN o.day >= :from_day THEN o.revenue_minor ELSE 0 END) AS minor,"
    " MAX(CASE WHEN o.day >= :first AND o.day < :middle THEN 1 ELSE 0 END) AS active,"
    " MAX(CASE WHEN o.day >= :middle THEN 1 ELSE 0 END) AS stayed FROM occasions AS o"
    " LEFT JOIN members AS k ON k.person = o.person GROUP BY o.person) AS x WHERE x.n > 0 GROUP BY x.inside ORDER BY 1"
)


def _sides(engine: Engine, ask: Ask, ground: Ground) -> tuple[dict[int, _Side], int, int]:
    """Return those outside (0) and inside (1) of the programme who bought in the days looked at, the days, and the window."""
    refuse(engine, [ask.costs.loyalty])
    begin, days = frequency_span(ask, ground)
    window = window_days(engine, ask)
    out = list(dict.fromkeys(word.lower() for word in ask.costs.loyalty_out))
    marks = "".join(f" OR LOWER(a.value) = :out_{i}" for i in range(len(out)))
    params: dict[str, Any] = {
        "attribute": ask.costs.loyalty,
        "from_day": begin,
        "first": ground.end_day - 2 * window,
        "middle": ground.end_day - window,
        **{f"out_{i}": word for i, word in enumerate(out)},
    }
    found = {}
    for row in run(engine, join(_MEMBERS.replace("/*out*/", marks), _BOUGHT), params):
        n = int(row["people"])
        orders = intervals.moments(n, int(row["orders"]), int(row["orders_squared"]))
        money = intervals.moments(n, float(row["minor"]), float(row["minor_squared"]))
        found[int(row["inside"])] = _Side(
            n,
            orders,
            Moments(n, money.mean / ground.scale, money.variance / ground.scale**2),
            int(row["active"]),
            int(row["stayed"]),
        )
    return found, days, window


def loyalty_programme_effect(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute how members differ from other customers: in retention, orders a customer, revenue, margin and margin net of what
    the programme costs a member; and the difference in revenue taken apart (`loyalty_revenue_split`)."""
    check(ask.by, (), EFFECT)
    found = _effect(engine, ask)
    return [replace(one, period=ask.period) for one in found]


def _effect(engine: Engine, ask: Ask) -> list[Estimate]:
    if not ask.costs.loyalty:
        note = "set costs.loyalty to the attribute that says who is in the programme"
        return [rules.absent(EFFECT, NO_PROGRAMME, {}, label=RAW, note=note)]
    ground = build(engine, ask)
    unit = ground.currency or ask.currency or ""
    sides, days, window = _sides(engine, ask, ground)
    if ground.currency is None:
        return [rules.absent(EFFECT, rules.MIXED_CURRENCIES, {}, unit=unit, label=RAW)]
    if set(sides) != {0, 1}:
        note = f"nobody {'in' if 1 not in sides else 'outside'} the programme bought in {days} days"
        return [rules.absent(EFFECT, rules.NO_DENOMINATOR, {}, unit=unit, label=RAW, note=note)]
    one, base = sides[1], sides[0]
    if min(one.people, base.people) < ask.suppress_n:
        return [rules.suppressed(EFFECT, ask, {}, unit=unit, label=RAW)]
    n = one.people + base.people
    small = rules.smallness(min(one.people, base.people), None, ask)
    said = f"{one.people:,} members and {base.people:,} others who bought in {days} days; members choose to join"

    def made(what: str, interval: intervals.Interval | None, of: str, value: float, note: str = "") -> Estimate:
        estimate = rules.from_interval(EFFECT, interval, n=n, unit=of, by={"what": what}, label=RAW, value=value)
        return rules.with_note(rules.with_note(rules.with_note(estimate, note), said), small)

    out = []
    if one.active and base.active:
        kept = intervals.newcombe(one.stayed, one.active, base.stayed, base.active, ask.confidence)
        out.append(made("retention", kept, "points", kept.value, f"active and back within {window} days"))
    else:
        out.append(rules.absent(EFFECT, rules.IMMATURE, {"what": "retention"}, unit="points", label=RAW))
    often = intervals.welch(one.orders, base.orders, ask.confidence)
    out.append(made("orders a customer", often, "orders", one.orders.mean - base.orders.mean))
    money = intervals.welch(one.money, base.money, ask.confidence)
    gap = one.money.mean - base.money.mean
    out.append(made("revenue a customer", money, unit, gap))
    rate = margin(engine, ask, ground)
    cost = scoped_cost(engine, ask, "loyalty")
    for what in ("margin a customer", "margin a customer net of the programme"):
        if rate.share is None:
            out.append(rules.absent(EFFECT, rate.reason, {"what": what}, unit=unit, label=RAW))
            continue
        each = 0.0
        if what.endswith("programme"):
            if cost.value is None or cost.unit != unit:
                reason = cost.reason or rules.MIXED_CURRENCIES
                out.append(rules.absent(EFFECT, reason, {"what": what}, unit=unit, label=RAW, note=cost.note))
                continue
            each = float(cost.value) / one.people
        of = None
        if money is not None:
            ends = (rate.share * x - each for x in (money.value, money.low, money.high))
            of = intervals.Interval(*ends)._replace(p=None if each else money.p)
        out.append(made(what, of, unit, rate.share * gap - each, rate.note))
    return [*rules.compared(out), *_taken_apart(one, base, unit)]


def _taken_apart(one: _Side, base: _Side, unit: str) -> list[Estimate]:
    values = [side.money.mean / side.orders.mean for side in (one, base)]
    apart = split(values[0], one.orders.mean, values[1], base.orders.mean)
    names = ("order value", "orders a customer", "both together")
    return [
        Estimate("loyalty_revenue_split", part, n=one.people + base.people, unit=unit, label=RAW, by={"by": name})
        for name, part in zip(names, apart, strict=True)
    ]


def loyalty_roi(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute (margin of members' extra orders - cost of the programme) / cost. Referrals and wallet share are named where they
    are not known."""
    check(ask.by, (), LOYALTY)

    def none(reason: str, note: str = "") -> list[Estimate]:
        return [replace(rules.absent(LOYALTY, reason, {}, unit="share", label=RAW, note=note), period=ask.period)]

    if not ask.costs.loyalty:
        return none(NO_PROGRAMME, "set costs.loyalty to the attribute that says who is in the programme")
    ground = build(engine, ask)
    if ground.currency is None:
        return none(rules.MIXED_CURRENCIES)
    sides, days, _ = _sides(engine, ask, ground)
    rate, cost = margin(engine, ask, ground), scoped_cost(engine, ask, "loyalty")
    if set(sides) != {0, 1}:
        return none(rules.NO_DENOMINATOR, f"nobody in or nobody outside the programme bought in {days} days")
    if min(side.people for side in sides.values()) < ask.suppress_n:
        return [replace(rules.suppressed(LOYALTY, ask, {}, unit="share", label=RAW), period=ask.period)]
    if rate.share is None:
        return none(rate.reason)
    if not cost.value:
        return none(cost.reason or costs.NO_COST, cost.note)
    if cost.unit != ground.currency:
        return none(rules.MIXED_CURRENCIES)
    one, base = sides[1], sides[0]
    difference = intervals.welch(one.orders, base.orders, ask.confidence)
    each = one.money.mean / one.orders.mean * rate.share * one.people / float(cost.value)
    low, high = (None, None) if difference is None else (difference.low * each - 1, difference.high * each - 1)
    note = (
        f"members' extra orders in {days} days at their order value, {rate.note}; members choose to join, so not all of it is"
        " the programme's; not known and not in it: referrals, wallet share"
    )
    value = (one.orders.mean - base.orders.mean) * each - 1
    made = Estimate(LOYALTY, value, low, high, n=one.people + base.people, unit="share", label=RAW, note=note)
    small = rules.smallness(min(one.people, base.people), None, ask)
    return [replace(rules.with_note(made, small), period=ask.period)]


_ANSWERS = (
    "SELECT LOWER(f.kind) AS kind, COUNT(f.value) AS n, AVG(f.value) AS average, VAR_SAMP(f.value) AS variance FROM feedback"
    " AS f WHERE f.value IS NOT NULL AND f.submitted_at >= :from_at AND f.submitted_at < :to_at GROUP BY LOWER(f.kind)"
)


def _answers(engine: Engine, ask: Ask) -> dict[str, Moments]:
    rows = run(engine, _ANSWERS, bounds(ask.period))
    return {str(row["kind"]): Moments(int(row["n"]), float(row["average"]), float(row["variance"] or 0.0)) for row in rows}


def cx_roi(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute (what the change of survey answers is worth - cost) / cost, with the changes themselves (`cx_change`)."""
    check(ask.by, (), CX)
    (row,) = engine.rows("SELECT MIN(f.submitted_at) AS first_at FROM feedback AS f WHERE f.value IS NOT NULL")
    if row["first_at"] is None:
        note = "enter answers: persync import surveys FILE"
        return [replace(rules.absent(CX, NO_ANSWERS, {}, unit="share", label=RAW, note=note), period=ask.period)]
    asks = halves(ask, int(row["first_at"]))
    if asks is None:
        hint = START_HINT if ask.value.started is None else "no answers are known from before it"
        return [replace(rules.absent(CX, NO_START, {}, unit="share", label=RAW, note=hint), period=ask.period)]
    before, after = (_answers(engine, half) for half in asks.values())
    changes = [_change(kind, after.get(kind), before.get(kind), ask) for kind in sorted({*before, *after})]
    out = [_cx(engine, ask, changes), *rules.compared(changes)]
    return [replace(one, period=ask.period) for one in out]


def _change(kind: str, after: Moments | None, before: Moments | None, ask: Ask) -> Estimate:
    by = {"survey": kind}
    if after is None or before is None:
        return rules.absent(CHANGE, rules.NO_DENOMINATOR, by, unit="", label=RAW, note="no answers on one side")
    if min(after.n, before.n) < ask.suppress_n:
        return rules.suppressed(CHANGE, ask, by, label=RAW)
    found = intervals.welch(after, before, ask.confidence)
    made = rules.from_interval(CHANGE, found, n=after.n + before.n, unit="", by=by, label=RAW, value=after.mean - before.mean)
    made = rules.with_note(made, f"{before.mean:.2f} before, {after.mean:.2f} after")
    return rules.with_note(made, rules.smallness(min(after.n, before.n), None, ask))


def _cx(engine: Engine, ask: Ask, changes: Sequence[Estimate]) -> Estimate:
    worth = {kind.lower(): each for kind, each in ask.costs.scores.items()}
    priced = [one for one in changes if one.by["survey"] in worth and one.value is not None]
    if not priced:
        note = "set costs.scores to what a point is worth; the changes stand below"
        return rules.absent(CX, UNPRICED, {}, unit="share", label=RAW, note=note)
    cost = scoped_cost(engine, ask, "cx")
    if not cost.value:
        return rules.absent(CX, cost.reason or costs.NO_COST, {}, unit="share", label=RAW, note=cost.note)
    parts = [(one, worth[one.by["survey"]]) for one in priced]
    value = sum(float(one.value or 0.0) * each for one, each in parts)
    unpriced = sorted(one.by["survey"] for one in changes if one.by["survey"] not in worth)
    note = "at your own price of a point" + (f"; unpriced: {', '.join(unpriced)}" if unpriced else "")
    made = Estimate(CX, value / float(cost.value) - 1, unit="share", label=RAW, note=note, n=sum(o.n or 0 for o in priced))
    if len(parts) == 1 and priced[0].low is not None and priced[0].high is not None:
        ends = sorted(bound * parts[0][1] / float(cost.value) - 1 for bound in (priced[0].low, priced[0].high))
        made = replace(made, low=ends[0], high=ends[1])
    return rules.with_note(made, rules.TOO_FEW if any(rules.too_few(one) for one in priced) else "")
