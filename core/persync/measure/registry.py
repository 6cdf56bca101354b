"""All metrics that come with persync, under the hook that plugins use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from persync import hookimpl
from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import (
    arms,
    attributes,
    automations,
    channels,
    context,
    conversion,
    credited,
    engaged,
    engagement,
    ethics,
    fairness,
    forecast,
    frequency,
    funnel,
    gain,
    goal,
    group_conversion,
    journeys,
    leads,
    minimisation,
    model_returns,
    order_value,
    people,
    profiles,
    returns,
    returns_by,
    rules,
    segments,
    social,
    uplift,
    value,
    web,
)
from persync.measure.fairness.groups import UNKNOWN
from persync.measure.grouping import ARM, asked_experiment
from persync.measure.metric import Ask, Metric
from persync.measure.texts import run
from persync.measure.trials import metrics as trials
from persync.money import CURRENCIES


def answered(metric: Metric) -> Metric:
    """Return the metric so that it is never silent: where there is no slice to show it gives the whole, mostly null with its
    reason. Of a period that has not begun nothing is known, whatever the metric would count in it (E4)."""

    def compute(engine: Engine, ask: Ask) -> Sequence[Estimate]:
        for dimension in ask.by:
            if dimension in metric.refused:
                raise ConfigError(f"{metric.id} cannot be sliced by '{dimension}': {metric.refused[dimension]}.")
        by = [dimension for dimension in ask.by if dimension not in metric.dimensions]
        attributes.refuse(engine, by)
        found = _left_out(engine, by, _named(engine, ask, metric, _computed(metric, engine, ask)))
        begun = ask.period is None or ask.period[0] < ask.now
        if found and begun:
            return found
        found = found or metric.compute(engine, replace(ask, by=()))
        if found and begun:
            return found
        units = {one.id: one for one in found} or {metric.id: Estimate(metric.id, None, unit=ask.currency or "")}
        reason, note = (rules.NO_DENOMINATOR, NOTHING) if begun else (rules.IMMATURE, NOT_BEGUN)
        return [
            replace(rules.absent(id, reason, {}, unit=one.unit, label=one.label, note=note), period=ask.period)
            for id, one in units.items()
        ]

    return replace(metric, compute=compute)


def _computed(metric: Metric, engine: Engine, ask: Ask) -> Sequence[Estimate]:
    others = [name for name in ask.by if name != ARM]
    if ARM not in ask.by or metric.since_draw is None or arms.set_after_draw(metric, others):
        return metric.compute(engine, ask)
    told = metric.since_draw(engine, ask, asked_experiment(engine, ask))
    return [one for one in told if not one.id.endswith(arms.DIFFERENCE)]


def _left_out(engine: Engine, by: Sequence[str], found: Sequence[Estimate]) -> Sequence[Estimate]:
    """Say at the group `unknown` of how many people the attribute is held, but not read, since no basis for it is stated."""
    bare = attributes.unstated(engine) if by else {}
    said = {name: f"no basis is stated for {bare[name]:,} of whom '{name}' is held" for name in by if name in bare}
    for name, note in said.items():
        found = [rules.with_note(one, note) if one.by.get(name) == UNKNOWN else one for one in found]
    return found


def _named(engine: Engine, ask: Ask, metric: Metric, found: Sequence[Estimate]) -> Sequence[Estimate]:
    """Name the currencies wherever several are why there is no value, and what to do: one order among thousands may be to
    blame. Orders dated in the future count nowhere."""
    if not any(one.reason == rules.MIXED_CURRENCIES for one in found):
        return found
    sql = (
        "SELECT o.currency AS currency, COUNT(*) AS n FROM orders AS o WHERE o.currency IS NOT NULL"
        " AND COALESCE(o.ordered_at, :now) <= :now GROUP BY o.currency"
    )
    orders = sorted(run(engine, sql, {"now": ask.now}), key=lambda row: (-int(row["n"]), str(row["currency"])))
    parts = ["orders in " + ", ".join(f"{_code(row)}: {int(row['n']):,}" for row in orders)] if orders else []
    for table, what in (("costs", "costs"), ("ad_spend", "advertising"), ("unit_costs", "unit costs")):
        rows = engine.rows(f"SELECT DISTINCT x.currency AS currency FROM {table} AS x WHERE x.currency IS NOT NULL")
        parts += [f"{what} in {', '.join(sorted(map(_code, rows)))}"] if rows else []
    note = "; ".join(filter(None, (*parts, _remedy(ask, metric, [str(row["currency"]) for row in orders]))))
    return [rules.with_note(one, note) if one.reason == rules.MIXED_CURRENCIES else one for one in found]


def _remedy(ask: Ask, metric: Metric, orders: Sequence[str]) -> str:
    """Return what to do about several currencies, "" where nothing can be done. Only what is `TURNED` is turned into the
    reporting currency, and orders for credit alone: what a metric holds against its costs has to be in it already."""
    reads = set(metric.data)
    if LEDGER in reads and len(orders) > 1:
        return "orders are turned into one currency for credit alone (persync attribution --currency)"
    if not reads & TURNED:
        return ""
    if LEDGER not in reads or not orders:
        return "" if ask.currency else "set currency under [report] in persync.toml to have them turned into one"
    if ask.currency == orders[0] or orders[0] not in CURRENCIES:
        return ""
    return f'set currency = "{orders[0]}" under [report] in persync.toml to have the rest turned into that of the orders'


def _code(row: Mapping[str, object]) -> str:
    """Return a row's currency, marked where it is none."""
    code = str(row["currency"])
    return code if code in CURRENCIES else f"{code} (not a currency)"


LEDGER: Final = "order_ledger"
"""the table that the money of orders is read from"""
TURNED: Final = frozenset(("costs", "ad_spend", "work_times"))
"""the tables whose amounts are turned into the reporting currency"""
NOT_BEGUN: Final = "the period has not begun"
NOTHING: Final = "nothing is known of this period"


FAMILIES = (
    people,
    profiles,
    channels,
    engagement,
    engaged,
    web,
    social,
    leads,
    conversion,
    order_value,
    group_conversion,
    uplift,
    funnel,
    credited,
    value,
    returns,
    returns_by,
    model_returns,
    gain,
    trials,
    segments,
    journeys,
    context,
    frequency,
    automations,
    forecast,
    ethics,
    minimisation,
    fairness,
)
"""the modules of metrics, in the order of the catalogue"""
METRICS: tuple[Metric, ...] = tuple(
    answered(metric)
    for metric in (
        *goal.metrics(lambda: {metric.id: metric for metric in METRICS}),
        *(metric for family in FAMILIES for metric in family.METRICS),
    )
)


@hookimpl
def persync_metrics() -> Iterator[Metric]:
    """Yield the metrics that come with persync."""
    yield from METRICS
