"""Where another message stops paying: from experiments whose arms are how often people are mailed, and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import RAW, Estimate
from persync.measure import experiments, intervals, returns, rules
from persync.measure.experiments import Sample
from persync.measure.intervals import Interval
from persync.measure.margins import Margin
from persync.measure.metric import Ask, Experiment
from persync.measure.texts import join, piece, run

KNEE: Final = "frequency_knee"
MARGINAL: Final = "frequency_marginal"
KINDS: Final = ("cadence", "frequency")
NOT_RANDOMISED: Final = "not_randomised"
NO_DATE: Final = "no_date"
UNIT: Final = "messages a week"
WEEK: Final = 7 * rules.DAY

_SENT: Final = (
    "SELECT r.arm AS arm, COUNT(s.person) AS messages FROM arms AS r LEFT JOIN sends AS s ON s.person = r.person GROUP BY r.arm"
)
_LEFT: Final = (
    "gone AS (SELECT DISTINCT COALESCE(po.person, t.key_id) AS person FROM touchpoints AS t LEFT JOIN person_of AS po"
    " ON po.key_id = t.key_id WHERE t.action = 6 AND t.happened_at >= :from_at AND t.happened_at < :to_at)"
)
_GONE: Final = (
    "SELECT r.arm AS arm, CAST(SUM(CASE WHEN g.person IS NULL THEN 0 ELSE 1 END) AS BIGINT) AS gone FROM arms AS r"
    " LEFT JOIN gone AS g ON g.person = r.person GROUP BY r.arm"
)


@dataclass(frozen=True, slots=True)
class Dose:
    """An arm: what its people got, what they brought, and how many of them left the list."""

    arm: str
    people: int
    messages: float
    """a person, in all its days"""
    weekly: float
    money: Sample
    gone: int


def knees(engine: Engine, ask: Ask, warning: str) -> list[Estimate]:
    """Return for every experiment with cadences as arms what another message brings from each arm to the next one
    (`frequency_marginal`) and up to which dose it pays (`frequency_knee`); one null line where there is no such experiment."""
    out: list[Estimate] = []
    for experiment in experiments.asked(engine, ask).values():
        if experiment.kind in KINDS and ask.arm in (None, experiment.name):
            try:
                out += _knee(engine, experiment, ask)
            except ConfigError as problem:
                by = {"experiment": experiment.name}
                out.append(rules.absent(KNEE, returns.MISCONFIGURED, by, unit=UNIT, note=str(problem)))
    return out or [rules.absent(KNEE, NOT_RANDOMISED, {}, unit=UNIT, label=RAW, note=warning)]


def _knee(engine: Engine, experiment: Experiment, ask: Ask) -> list[Estimate]:
    by, label = {"experiment": experiment.name}, experiments.label_of(experiment)

    def none(reason: str, note: str = "") -> list[Estimate]:
        return [rules.absent(KNEE, reason, by, unit=UNIT, label=label, note=note)]

    days = returns.cost_days(experiment, ask)
    if days is None or days[1] <= days[0]:
        return none(NO_DATE, f"set experiments.{experiment.name}.since, the day of the draw")
    reading = experiments.gather(engine, experiment, ask)
    if reading.nobody:
        return none(experiments.NOBODY, reading.nobody)
    if note := experiments.mismatch(reading.sizes, reading.planned):
        return none("sample_ratio", note)
    revenue = next((one for one in reading.outcomes if one.name == "revenue" and one.is_ordered), None)
    if revenue is None or revenue.reason:
        return none(revenue.reason or experiments.NO_ORDERS if revenue else experiments.NO_ORDERS)
    if any(0 < people < ask.suppress_n for people in reading.sizes.values()):
        return none(rules.SUPPRESSED)
    doses = _doses(engine, experiment, days, reading.sizes, revenue.arms)
    if len(doses) < 2 or doses[0].messages >= doses[-1].messages:
        return none(rules.NO_DENOMINATOR, "its arms were not mailed at different rates")
    rate = returns.gain_rate(engine, ask)
    steps = [_step(low, high, revenue.unit, experiment, ask, rate) for low, high in pairwise(doses)]
    told = [replace(one, period=days) for one in rules.compared(steps)]
    return [*told, replace(_where(doses, steps, by, ask), label=label, period=days)]


def _doses(
    engine: Engine, experiment: Experiment, days: tuple[int, int], sizes: Mapping[str, int], money: Mapping[str, Sample]
) -> list[Dose]:
    """Return the arms that have people, those mailed least first."""
    base, params = experiments.arms_sql(experiment)
    params |= {"from_at": days[0], "to_at": days[1]}
    sent = _counted(run(engine, join(*base, piece("sends"), _SENT), params), "messages")
    gone = _counted(run(engine, join(*base, _LEFT, _GONE), params), "gone")
    weeks = (days[1] - days[0]) / WEEK
    found = [
        Dose(arm, people, sent.get(arm, 0) / people, sent.get(arm, 0) / people / weeks, money[arm], gone.get(arm, 0))
        for arm, people in sizes.items()
        if people and arm in money
    ]
    return sorted(found, key=lambda dose: (dose.messages, dose.arm))


def _counted(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, int]:
    return {str(row["arm"]): int(row[name] or 0) for row in rows}


def _step(low: Dose, high: Dose, unit: str, experiment: Experiment, ask: Ask, rate: Margin) -> Estimate:
    """Return what one message more brings a person, less what it loses of the list, between two doses."""
    by = {"experiment": experiment.name, "arm": high.arm, "against": low.arm}
    label = experiments.label_of(experiment)
    more = high.messages - low.messages
    found = None
    if more > 0 and high.money.moments is not None and low.money.moments is not None:
        found = intervals.welch(high.money.moments, low.money.moments, ask.confidence)
    if found is None:
        return rules.absent(MARGINAL, rules.NO_DENOMINATOR, by, unit=unit, label=label)
    made = rules.from_interval("gain", found, n=low.people + high.people, unit=unit, by=by, label=label)
    gain = returns.gain_of(made, rate)
    net = Interval(float(gain.value or 0.0), float(gain.low or 0.0), float(gain.high or 0.0), found.p)
    price = ask.costs.subscriber_value
    lost = "list loss is not priced: set costs.subscriber_value"
    if price:
        left = intervals.newcombe(high.gone, high.people, low.gone, low.people, ask.confidence)
        if left is not None:
            loss = Interval(left.value * price, left.low * price, left.high * price)
            net = intervals.difference_of(net, loss, ask.confidence)
            lost = f"less {loss.value:,.2f} a person for those who left the list"
    each = Interval(net.value / more, net.low / more, net.high / more, net.p)
    out = rules.from_interval(MARGINAL, each, n=made.n, unit=unit, by=by, label=label)
    out = rules.with_note(out, f"a message, from {low.weekly:.2g} to {high.weekly:.2g} a week; {gain.note}; {lost}")
    return rules.with_note(out, rules.smallness(min(low.people, high.people), min(low.money.events, high.money.events), ask))


def _where(doses: Sequence[Dose], steps: Sequence[Estimate], by: Mapping[str, str], ask: Ask) -> Estimate:
    """Return the dose up to which each message more pays: as estimated, surely (low) and at best (high)."""

    def reached(side: str) -> float:
        weekly = doses[0].weekly
        for dose, step in zip(doses[1:], steps, strict=True):
            bound = getattr(step, side)
            if bound is None or bound <= 0:
                break
            weekly = dose.weekly
        return weekly

    people = sum(dose.people for dose in doses)
    at = reached("value")
    note = "the highest dose tried: more was not tested" if at == doses[-1].weekly else "beyond it a message more does not pay"
    made = Estimate(
        KNEE, at, reached("low"), reached("high"), n=people, unit=UNIT, by=dict(by), note=f"{note}; of the doses tried"
    )
    small = rules.TOO_FEW if any(rules.too_few(step) for step in steps) else ""
    return rules.with_note(made, small)
