"""Does it pay: what mail caused in money, what it cost, and what came back for it.

What mail caused is known from experiments alone: the difference between the arms times the people treated. No attribution
model's credit is used here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import costs, experiments, intervals, rules, verdict
from persync.measure.costs import NO_COST, NO_COST_HERE, NOT_A_COST, CostEntry
from persync.measure.intervals import Interval
from persync.measure.margins import NO_UNIT_COST, Margin, margin_until
from persync.measure.metric import Ask, Experiment, Metric
from persync.measure.order_value import left_for_later
from persync.measure.slices import check
from persync.measure.texts import EVER, bounds, query, run
from persync.measure.verdict import Word
from persync.money import exponent

NO_EXPERIMENT: Final = "no_experiment"
NO_CONTROL: Final = "no_control"
NOT_SCOPED: Final = "cost_not_scoped"
MISCONFIGURED: Final = experiments.MISCONFIGURED


def personalisation_cost(engine: Engine, ask: Ask) -> list[Estimate]:
    """Add up the costs of the period, in all or by category or scope, and name the categories nothing was entered for."""
    check(ask.by, ("category", "scope"), "personalisation_cost")
    found = costs.entries(engine, ask)
    known = bool(costs.scopes(engine))
    more = [] if ask.by else unentered(engine, ask)
    if not found:
        return [cost_of(found, ask, {}, known=known, sums=True), *more]
    slices: dict[tuple[str, ...], list[CostEntry]] = {} if ask.by else {(): found}
    for entry in found if ask.by else ():
        values = {"category": entry.category, "scope": entry.scope or "all"}
        slices.setdefault(tuple(values[dimension] for dimension in ask.by), []).append(entry)
    return [
        *(
            cost_of(slices[key], ask, dict(zip(ask.by, key, strict=True)), named=not ask.by, known=known, sums=True)
            for key in sorted(slices)
        ),
        *more,
    ]


_GIVEN: Final = (
    "SELECT d.currency AS currency, CAST(SUM(d.amount_minor) AS BIGINT) AS minor, COUNT(DISTINCT m.order_id) AS orders,"
    " MIN(m.ordered_at) AS at FROM money_orders AS m JOIN order_discounts AS d ON d.order_key = m.order_key"
    " WHERE m.is_counted = 1 AND d.amount_minor IS NOT NULL AND m.ordered_at >= :from_at AND m.ordered_at < :to_at/*codes*/"
    " GROUP BY d.currency/*day*/ ORDER BY 1, 4"
)
_LEFT: Final = (
    "SELECT COUNT(DISTINCT COALESCE(po.person, t.key_id)) AS people FROM touchpoints AS t LEFT JOIN person_of AS po"
    " ON po.key_id = t.key_id WHERE t.action = 6 AND t.happened_at >= :from_at AND t.happened_at < :to_at"
)


def unentered(engine: Engine, ask: Ask) -> list[Estimate]:
    """Return the costs that nobody enters: `discounts_given`, where the shop tells of discounts, and `list_loss`, where a
    subscriber has a price. Neither is in the cost that returns are worked out with, see the notes."""
    out = []
    build_orders(engine)
    codes = {f"code_{i}": code.lower() for i, code in enumerate(ask.costs.discount_codes)}
    only = f" AND LOWER(d.code) IN ({', '.join(f':{name}' for name in codes)})" if codes else ""
    # Only where the reporting currency is another one does it matter on which day a discount was given.
    day = ", FLOOR(m.ordered_at / 86400000e0)" if ask.currency else ""
    given = run(engine, _GIVEN.replace("/*codes*/", only).replace("/*day*/", day), {**bounds(ask.period), **codes})
    if given:
        amounts = [costs.into_reporting(int(row["minor"]), str(row["currency"]), int(row["at"]), ask) for row in given]
        currency = rules.one_currency([amount.currency for amount in amounts])
        orders = sum(int(row["orders"]) for row in given)
        note = "already taken off net revenue, so not counted again in returns"
        if currency is None:
            out.append(rules.absent("discounts_given", rules.MIXED_CURRENCIES, {}, unit=ask.currency or "", n=orders))
        else:
            value = sum(amount.minor for amount in amounts) / 10.0 ** exponent(currency)
            out.append(Estimate("discounts_given", value, n=orders, unit=currency, note=note))
    price = ask.costs.subscriber_value
    if price is not None:
        (row,) = run(engine, _LEFT, bounds(ask.period))
        left = int(row["people"])
        note = f"{left:,} people left the list, {price:,.2f} each, as set; not counted in returns"
        out.append(Estimate("list_loss", left * price, n=left, unit=ask.currency or "", note=note))
    return [replace(one, period=ask.period) for one in out]


def cost_of(
    found: Sequence[CostEntry], ask: Ask, by: dict[str, str], *, known: bool, named: bool = True, sums: bool = False
) -> Estimate:
    """Return the sum of some costs, which are those of `ask.period`. Null `mixed_currencies` for several currencies; for no
    cost `no_cost_in_period` when others are `known`, else `no_cost`; `not_a_cost` where they add up to nothing or less, which
    only who asks for `sums` is told."""
    id = "personalisation_cost"
    currency = rules.one_currency([entry.currency for entry in found])
    unit = currency or ask.currency or ""
    lacking = [category for category in costs.CATEGORIES if category not in {entry.category for entry in found}]
    note = f"nothing entered for {', '.join(lacking)}" if lacking and named else ""
    if any(entry.turned for entry in found):
        note += f"{'; ' if note else ''}costs in other currencies are turned into this one at the rate of their day"
    if not found or currency is None or (ask.currency and currency != ask.currency):
        reason = rules.MIXED_CURRENCIES if found else NO_COST_HERE if known else NO_COST
        return replace(rules.absent(id, reason, by, unit=unit, note=note), period=ask.period)
    total = sum(entry.amount_minor for entry in found) / 10.0 ** exponent(currency)
    if total <= 0 and not sums:
        told = rules.with_note(rules.absent(id, NOT_A_COST, by, unit=unit, n=len(found), note=note), not_a_cost(total, unit))
        return replace(told, period=ask.period)
    return Estimate(id, total, n=len(found), unit=unit, by=by, period=ask.period, note=note)


def caused(engine: Engine, experiment: Experiment, ask: Ask) -> list[Estimate]:
    """Return `incremental_revenue` of an experiment: for each treated arm, and (without `arm` in `by`) for all of them.

    Difference to the control in revenue a person (Welch) times the arm's people; all arms together allow for the control
    that they share. Null `nobody` when nobody is in it, `misconfigured` when its settings do not fit its arms: one experiment
    that cannot be read does not take the others away.
    """
    id, label, by = "incremental_revenue", experiments.label_of(experiment), {"experiment": experiment.name}
    if experiment.control is None:
        return [rules.absent(id, NO_CONTROL, by, label=label)]
    try:
        reading = experiments.gather(engine, experiment, ask)
    except ConfigError as problem:
        return [rules.absent(id, MISCONFIGURED, by, label=label, note=str(problem))]
    if reading.nobody:
        return [rules.absent(id, experiments.NOBODY, by, label=label, note=reading.nobody)]
    read = experiments.estimates(experiment, reading, ask)
    revenue = next(outcome for outcome in reading.outcomes if outcome.name == "revenue")
    treated = [arm for arm in reading.sizes if arm != experiment.control]
    out = []
    for arm in treated:
        (difference,) = [e for e in read if e.id == "difference" and e.by["outcome"] == "revenue" and e.by["arm"] == arm]
        here = {**by, "arm": arm, "against": experiment.control}
        out.append(replace(times(difference, reading.sizes[arm]), id=id, by=here))
    if len(treated) == 1:
        return [*out, replace(out[0], by=by)]
    absent = next((e for e in out if e.value is None), None)
    if absent is not None:
        return [*out, replace(absent, by=by)]
    base = revenue.arms[experiment.control].moments
    samples = [sample for arm in treated if (sample := revenue.arms[arm].moments) is not None]
    if base is None or not samples:  # an imported 0/1 outcome that is called revenue, or a control alone
        return [*out, rules.absent(id, rules.NO_DENOMINATOR, by, label=label)]
    people = sum(sample.n for sample in samples)
    total = sum(sample.n * (sample.mean - base.mean) for sample in samples)
    error = math.sqrt(sum(sample.n**2 * sample.error for sample in samples) + people**2 * base.error)
    half = intervals.normal_quantile(ask.confidence) * error
    p = intervals.normal_p(total / error) if error else None
    said = (rules.TOO_FEW, experiments.doubts(experiment, reading), experiments.own_days(experiment, ask))
    notes = [part for part in said if part and any(part in e.note for e in out)]
    whole = rules.from_interval(
        id, Interval(total, total - half, total + half, p), n=people + base.n, unit=revenue.unit, by=by, label=label
    )
    return [*out, replace(whole, period=out[0].period, note="; ".join(notes))]


def times(estimate: Estimate, factor: float) -> Estimate:
    """Scale an estimate with its interval; a negative factor is not meant."""
    scaled = [None if x is None else x * factor for x in (estimate.value, estimate.low, estimate.high)]
    return replace(estimate, value=scaled[0], low=scaled[1], high=scaled[2])


def no_experiment(engine: Engine, id: str, ask: Ask, *, unit: str = "") -> Estimate:
    """Return null `no_experiment`; the note says so when there are some, none of which falls into the asked period."""
    outside = len(experiments.known(engine, ask)) > len(experiments.asked(engine, ask))
    return rules.absent(id, NO_EXPERIMENT, {}, unit=unit, note=OUTSIDE if outside else "")


OUTSIDE: Final = "no test or holdout falls into this period"


def cost_days(experiment: Experiment, ask: Ask) -> tuple[int, int] | None:
    """Return the days [from, to) whose costs are held against an experiment: its window, as far as it has come; None = all."""
    within = experiments.window(experiment)
    if within is None:
        return None
    from_at, to_at = within
    return from_at, max(from_at, min(to_at, ask.now) if to_at < EVER else ask.now)


def not_a_cost(total: float, unit: str) -> str:
    """Say what was entered where it is no cost."""
    return f"what was entered adds up to {total:,.2f} {unit}".rstrip()


def experiment_cost(engine: Engine, experiment: Experiment, ask: Ask) -> Estimate:
    """Return the cost to hold against an experiment, of the days of its gain whatever period is asked for.

    Costs that name it count whatever their date. Where none does, those that name nothing and lie in its window count, if it
    is the only experiment that has people; else null `cost_not_scoped`. What is amortised counts the instalments that fall
    into the window, named or not.
    """
    by = {"experiment": experiment.name}
    own = replace(ask, period=cost_days(experiment, ask))
    scopes = costs.scopes(engine)
    named = experiment.name in scopes
    scope = experiment.name if named else ""
    found = [entry for entry in costs.entries(engine, own, whenever=scope) if entry.scope == scope]
    if found and not named and not _alone(engine, experiment, ask):
        return rules.absent("personalisation_cost", NOT_SCOPED, by)
    return cost_of(found, own, by, known=bool(scopes))


def _alone(engine: Engine, experiment: Experiment, ask: Ask) -> bool:
    """Tell whether no other experiment has people in it on its days; one that is only planned costs the others nothing, and so
    does one of other days. One without days counts on all."""
    from_at, to_at = experiments.window(experiment) or (-EVER, EVER)
    days = ((other, experiments.window(other) or (-EVER, EVER)) for other in experiments.known(engine, ask).values())
    others = [one for one, (begin, end) in days if one.name != experiment.name and begin < to_at and from_at < end]
    return not any(any(experiments.arm_sizes(engine, other).values()) for other in others)


@dataclass(frozen=True, slots=True)
class Return:
    """What an experiment's treatment brought in all, what it cost, and what came back for it."""

    experiment: Experiment
    revenue: Estimate
    """incremental revenue of all treated arms"""
    gain: Estimate
    """incremental margin when a margin is set, else incremental revenue; its note says which"""
    cost: Estimate
    roi: Estimate
    back: Estimate
    """gain for each unit spent"""
    days: tuple[int, int] | None
    """[from, to) of gain and cost; None = all that are known"""
    word: Word
    """whether the gain is above the cost for sure, below it for sure, or neither"""


def returned(engine: Engine, ask: Ask) -> list[Return]:
    """Return gain, cost and return of every experiment that falls into the asked period, judged together."""
    found = list(experiments.asked(engine, ask).values())
    revenues = [caused(engine, experiment, ask)[-1] for experiment in found]
    rate = gain_rate(engine, ask)
    gains = [gain_of(revenue, rate) for revenue in revenues]
    spent = [experiment_cost(engine, experiment, ask) for experiment in found]
    out = []
    for experiment, revenue, gain, cost, judged in zip(
        found, revenues, gains, spent, verdict.judge(gains, ask.confidence, spent), strict=True
    ):
        first, back = roi(gain, cost, judged.word)
        out.append(Return(experiment, revenue, gain, cost, first, back, cost_days(experiment, ask), judged.word))
    return out


_COSTED: Final = (
    "SELECT u.currency AS currency FROM (SELECT c.currency AS currency FROM unit_costs AS c UNION ALL SELECT '' AS currency"
    " FROM order_lines AS l WHERE l.unit_cost_minor IS NOT NULL) AS u LIMIT 1"
)
"""a row where some unit cost is known"""


def gain_rate(engine: Engine, ask: Ask) -> Margin:
    """Return what share of revenue is gain: the margin that is set, else that of the unit costs known; null without either."""
    if ask.margin is None and not engine.rows(_COSTED):
        return Margin(None, NO_UNIT_COST)
    build_orders(engine)
    return margin_until(engine, ask, ask.now + 1)


def gain_of(revenue: Estimate, rate: Margin) -> Estimate:
    """Turn incremental revenue into the gain: incremental margin where the margin is known, else the revenue itself."""
    if rate.share is None:
        return rules.with_note(replace(revenue, id="gain"), "gain is revenue: no margin is known")
    return rules.with_note(replace(times(revenue, rate.share), id="gain"), f"gain is {rate.note}")


def roi(gain: Estimate, cost: Estimate, word: Word) -> tuple[Estimate, Estimate]:
    """Return `roi_simple` and `returned_per_unit_spent` from a gain and what it cost, with the verdict in the note; only the
    gain is uncertain."""
    ids = (("roi_simple", "share"), ("returned_per_unit_spent", "ratio"))
    reason = gain.reason or cost.reason
    if reason is None and gain.unit and gain.unit != cost.unit:
        reason = rules.MIXED_CURRENCIES
    if reason is not None or gain.value is None or cost.value is None:
        reason = reason or rules.NO_DENOMINATOR
        note = gain.note if gain.value is None else cost.note if reason == NOT_A_COST else ""
        first, second = (rules.absent(id, reason, gain.by, unit=unit, label=gain.label, note=note) for id, unit in ids)
        return first, second
    back = replace(times(gain, 1 / cost.value), id=ids[1][0], unit=ids[1][1], p=None)
    back = rules.with_note(rules.with_note(back, word if word == "cannot tell" else f"it {word}"), cost.note)
    low, high = (None if bound is None else bound - 1 for bound in (back.low, back.high))
    assert back.value is not None
    return replace(back, id=ids[0][0], unit=ids[0][1], value=back.value - 1, low=low, high=high), back


def mer(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute total revenue ÷ total spend of the period: totals, so without an interval. Null `no_orders` where no order's
    money moved: nothing known is not nothing earned."""
    check(ask.by, (), "mer")
    build_orders(engine)
    within = bounds(ask.period)
    known = {**within, "to_at": min(within["to_at"], ask.now + 1)}
    (row,) = run(engine, query("revenue_dated"), {**known, "gross": int(ask.basis == "gross")})
    future = left_for_later(engine, ask)
    spent = cost_of(costs.entries(engine, ask), ask, {}, known=bool(costs.scopes(engine)))
    currency = rules.one_currency([row["currency_low"], row["currency_high"], spent.unit])
    reason = spent.reason or (None if row["entries"] else "no_orders") or (rules.MIXED_CURRENCIES if currency is None else None)
    if reason is not None or currency is None or not spent.value:
        note = spent.note if reason == NOT_A_COST else future if reason == "no_orders" else ""
        return [replace(rules.absent("mer", reason or NO_COST, {}, unit="ratio", note=note), period=ask.period)]
    revenue = int(row["minor"]) / 10.0 ** exponent(currency)
    made = Estimate("mer", revenue / spent.value, n=int(row["orders"]), unit="ratio", period=ask.period, note=spent.note)
    return [rules.with_note(made, future)]


METRICS: tuple[Metric, ...] = (
    Metric(
        "personalisation_cost",
        "Cost of the programme",
        "Everything entered as a cost in the period: tools, content, labour, setup, data work, discounts given. What is "
        "amortised counts one equal instalment a month; an amount in another currency is turned into the reporting one at the "
        "rate of the day it was spent. Beside it the discounts given (`discounts_given`, of `costs.discount_codes`, else all), "
        "which net revenue has lost already, and what those who left the list would have been worth (`list_loss`, where "
        "`costs.subscriber_value` is set). Neither is added to the cost that returns are worked out with.",
        "sum of costs",
        "money",
        personalisation_cost,
        number="51",
        dimensions=("category", "scope"),
        edge_cases="Nothing entered: null, no_cost; nothing in the period: null, no_cost_in_period. Categories without an "
        "entry are named. What is dated after now is not spent yet. Currencies without a rate for their day: null, "
        "mixed_currencies.",
        data=("costs", "order_discounts", "touchpoints"),
    ),
    Metric(
        "mer",
        "Marketing efficiency ratio",
        "All revenue of the period, as the dated ledger has it, over all costs of the period. No platform's claim enters.",
        "net revenue ÷ cost",
        "ratio",
        mer,
        number="71",
        edge_cases="No cost entered: null, no_cost; none in the period: null, no_cost_in_period; a sum of nothing or less: "
        "null, not_a_cost. No money of an order in the period: null, no_orders, never 0. Orders dated in the future are left "
        "out and counted in the note. Totals of the period, so without an interval; n is the orders whose money moved.",
        data=("orders", "order_ledger", "costs"),
    ),
)
