"""Hours: what a tool saves of them, what that is worth, and what staff make in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import Estimate, percent
from persync.measure import costs, rules, verdict
from persync.measure.gain.span import months_between
from persync.measure.metric import Ask
from persync.measure.returns import cost_of, returned
from persync.measure.slices import check
from persync.money import exponent

TIME: Final = "time_savings"
ROI: Final = "roi_with_time_savings"
PRODUCTIVITY: Final = "employee_productivity"
NO_TIME: Final = "no_time_sheet"
NO_BEFORE: Final = "no_hours_before"
NO_RATE: Final = "no_hourly_rate"
HOW: Final = "enter the hours that tasks take: persync import time FILE"
WEEK: Final = 7 * rules.DAY


@dataclass(frozen=True, slots=True)
class Task:
    """The part of one line of the time sheet that falls into the period; hours that nobody told are None."""

    name: str
    weeks: float
    before: float | None
    after: float | None
    rate: float | None
    """major units an hour, on-cost included"""
    currency: str
    output: float | None

    @property
    def saved(self) -> float | None:
        """Hours saved; negative where the tool takes longer."""
        return None if self.before is None or self.after is None else self.before - self.after


def tasks(engine: Engine, ask: Ask) -> list[Task]:
    """Return the time sheet of the period. A line that lies partly in it counts by its days; what is to come does not count."""
    from_at, to_at = ask.period or (-(2**62), 2**62)
    to_at = min(to_at, ask.now)
    out = []
    for row in engine.rows(
        "SELECT w.task AS task, w.from_at AS from_at, w.to_at AS to_at, w.hours_before AS hours_before, w.hours_after AS"
        " hours_after, w.rate_minor AS rate_minor, w.currency AS currency, w.on_cost AS on_cost, w.output AS output"
        " FROM work_times AS w ORDER BY w.connection, w.entry"
    ):
        begin, end = int(row["from_at"]), int(row["to_at"])
        within = min(end, to_at) - max(begin, from_at)
        if within <= 0 or end <= begin:
            continue
        part = within / (end - begin)
        rate, currency = ask.costs.hourly_rate, ask.currency or ""
        if row["rate_minor"] is not None:
            amount = costs.into_reporting(int(row["rate_minor"]), str(row["currency"] or ""), begin, ask)
            rate, currency = amount.minor / 10.0 ** exponent(amount.currency), amount.currency
            rate *= 1 + float(row["on_cost"] or 0.0)
        before, after, output = (
            None if row[name] is None else float(row[name]) * part for name in ("hours_before", "hours_after", "output")
        )
        out.append(Task(str(row["task"]), within / WEEK, before, after, rate, currency, output))
    return out


@dataclass(frozen=True, slots=True)
class Saved:
    """What is saved: in the period, and a week of it (each task over the weeks that it was written down for)."""

    hours: float
    hours_a_week: float
    money: float | None
    money_a_week: float | None
    unit: str
    lines: int
    reason: str = ""
    """why there is no money"""
    note: str = ""


def saved(found: Sequence[Task]) -> Saved | None:
    """Add up what tasks save; None when no line tells both the hours before and after."""
    told = [task for task in found if task.saved is not None]
    if not told:
        return None
    weeks = {name: sum(task.weeks for task in told if task.name == name) for name in {task.name for task in told}}
    untold = sorted({task.name for task in found} - set(weeks))
    hours = sum(task.saved or 0.0 for task in told)
    weekly = sum((task.saved or 0.0) / weeks[task.name] for task in told)
    unrated = sorted({task.name for task in told if task.rate is None})
    currency = rules.one_currency([task.currency for task in told])
    reason = NO_RATE if unrated else rules.MIXED_CURRENCIES if currency is None else ""
    parts = [f"hours before or after are not told for {', '.join(untold)}"] if untold else []
    parts += [f"no hourly rate for {', '.join(unrated)}"] if unrated else []
    if reason:
        return Saved(hours, weekly, None, None, "", len(told), reason, "; ".join(parts))
    money = sum((task.saved or 0.0) * (task.rate or 0.0) for task in told)
    money_weekly = sum((task.saved or 0.0) * (task.rate or 0.0) / weeks[task.name] for task in told)
    return Saved(hours, weekly, money, money_weekly, currency or "", len(told), "", "; ".join(parts))


def month_text(ask: Ask) -> str:
    """Say how long a month is."""
    return "a month is 4 weeks" if ask.costs.weeks_a_month == 4 else "a month is 52/12 weeks"


def time_savings(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute hours saved and what they are worth: in the period, a week and a month."""
    check(ask.by, ("task",), TIME)
    found = tasks(engine, ask)
    if not ask.by:
        return [replace(one, period=ask.period) for one in _savings(found, ask, {})]
    out: list[Estimate] = []
    for name in sorted({task.name for task in found}):
        out += _savings([task for task in found if task.name == name], ask, {"task": name})
    return [replace(one, period=ask.period) for one in out]


def _savings(found: Sequence[Task], ask: Ask, by: dict[str, str]) -> list[Estimate]:
    total = saved(found)
    if total is None:
        reason = NO_BEFORE if found else NO_TIME
        note = "a line needs hours_before and hours_after" if found else HOW
        return [
            rules.absent(TIME, reason, {**by, "per": "period"}, unit="hours", note=note),
            rules.absent(f"{TIME}_value", reason, {**by, "per": "period"}, unit=ask.currency or "", note=note),
        ]
    month = ask.costs.weeks_a_month
    out = []
    for per, hours, money in (
        ("period", total.hours, total.money),
        ("week", total.hours_a_week, total.money_a_week),
        ("month", total.hours_a_week * month, None if total.money_a_week is None else total.money_a_week * month),
    ):
        note = "; ".join(part for part in (month_text(ask) if per == "month" else "", total.note) if part)
        here = {**by, "per": per}
        out.append(Estimate(TIME, hours, n=total.lines, unit="hours", by=here, note=note))
        if money is None:
            out.append(rules.absent(f"{TIME}_value", total.reason, here, unit=ask.currency or "", note=note))
        else:
            out.append(Estimate(f"{TIME}_value", money, n=total.lines, unit=total.unit, by=here, note=note))
    return out


def roi_of(gain: float, cost: float) -> float:
    """Return (gain - cost) / cost."""
    return (gain - cost) / cost


def roi_with_time_savings(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute (incremental gain + hours saved - cost) / cost for each experiment; and, hours against costs alone, for an
    average month of the programme."""
    check(ask.by, (), ROI)
    out = [_month(engine, ask)]
    found = returned(engine, ask)
    made_of: list[Estimate] = []
    weighed: list[Estimate] = []
    for one in found:
        own = replace(ask, period=one.days)
        hours = saved(tasks(engine, own))
        by, gain = {"experiment": one.experiment.name}, one.gain
        reason = (
            gain.reason
            or one.cost.reason
            or (None if one.cost.value else costs.NO_COST)
            or (NO_TIME if hours is None else hours.reason or None)
        )
        if reason is None and hours is not None and len({gain.unit, one.cost.unit, hours.unit} - {""}) > 1:
            reason = rules.MIXED_CURRENCIES
        if reason is not None or hours is None or hours.money is None or one.cost.value is None or gain.value is None:
            note = HOW if reason == NO_TIME else ""
            absent = rules.absent(ROI, reason or rules.NO_DENOMINATOR, by, unit="share", label=gain.label, note=note)
            made_of.append(replace(absent, period=one.days))
            weighed.append(made_of[-1])
            continue
        more, cost = hours.money * ask.costs.realised_share, float(one.cost.value)
        low, high = (None if bound is None else roi_of(bound + more, cost) for bound in (gain.low, gain.high))
        note = f"{gain.note}; {hours.hours:,.1f} hours saved worth {hours.money:,.2f} {hours.unit}, {_realised(ask)}"
        made = Estimate(
            ROI, roi_of(gain.value + more, cost), low, high, n=gain.n, unit="share", label=gain.label, by=by, period=one.days
        )
        made_of.append(rules.with_note(rules.with_note(made, note), hours.note))
        bounds = [None if x is None else x + more for x in (gain.value, gain.low, gain.high)]
        weighed.append(replace(gain, value=bounds[0], low=bounds[1], high=bounds[2]))
    words = verdict.judge(weighed, ask.confidence, [one.cost for one in found])
    out += [
        one if one.value is None else rules.with_note(one, w.word if w.word == "cannot tell" else f"it {w.word}")
        for one, w in zip(made_of, words, strict=True)
    ]
    return out


def _realised(ask: Ask) -> str:
    return f"realised share {percent(ask.costs.realised_share)}"


def months_of_costs(engine: Engine, ask: Ask) -> float:
    """Return how many months the costs are of: those of the period, else whole calendar months from the first cost to the
    last. Where a month is 4 weeks and the period is not of whole calendar months, which are what is billed, 28 days are one:
    as for the hours beside them."""
    if ask.period is not None:
        from_at, to_at = ask.period[0], min(ask.period[1], max(ask.now, ask.period[0]))
        months = months_between(from_at, to_at, ask.timezone)
        return months if ask.costs.weeks_a_month != 4 or months == int(months) else (to_at - from_at) / (4 * WEEK)
    rows = engine.rows("SELECT MIN(c.happened_at) AS first_at, MAX(c.happened_at) AS last_at FROM costs AS c")
    first, last = (rows[0][name] for name in ("first_at", "last_at"))
    if first is None:
        return 0.0
    return float(int(months_between(int(first), min(int(last), ask.now), ask.timezone)) + 1)


def _month(engine: Engine, ask: Ask) -> Estimate:
    by = {"of": "an average month, hours alone"}
    total = saved(tasks(engine, ask))
    spent = cost_of(costs.entries(engine, ask), ask, {}, known=bool(costs.scopes(engine)))
    months = months_of_costs(engine, ask)
    reason = (
        (NO_TIME if total is None else total.reason or None)
        or spent.reason
        or (None if spent.value and months > 0 else costs.NO_COST)
        or (rules.MIXED_CURRENCIES if total is not None and total.unit != spent.unit else None)
    )
    if reason is not None or total is None or total.money_a_week is None or spent.value is None:
        absent = rules.absent(ROI, reason or NO_TIME, by, unit="share", note=HOW if reason == NO_TIME else "")
        return replace(absent, period=ask.period)
    gain = total.money_a_week * ask.costs.weeks_a_month * ask.costs.realised_share
    cost = float(spent.value) / months
    note = (
        f"{gain:,.2f} {total.unit} saved and {cost:,.2f} spent a month, {month_text(ask)}, {_realised(ask)};"
        " what was sold is not in it"
    )
    return Estimate(ROI, roi_of(gain, cost), n=total.lines, unit="share", by=by, period=ask.period, note=note)


def employee_productivity(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute what was made an hour of staff time, by task."""
    check(ask.by, ("task",), PRODUCTIVITY)
    found = tasks(engine, ask)
    names = sorted({task.name for task in found})
    if not found:
        return [replace(rules.absent(PRODUCTIVITY, NO_TIME, {}, unit="an hour", note=HOW), period=ask.period)]
    out = []
    for name in names:
        mine = [task for task in found if task.name == name and task.output is not None and task.after is not None]
        by, hours = {"task": name}, sum(task.after or 0.0 for task in mine)
        if not mine:
            note = "a line needs hours_after and output"
            out.append(rules.absent(PRODUCTIVITY, "no_output", by, unit="an hour", note=note))
        elif hours <= 0:
            out.append(rules.absent(PRODUCTIVITY, rules.NO_DENOMINATOR, by, unit="an hour", n=len(mine)))
        else:
            made = sum(task.output or 0.0 for task in mine)
            note = f"{made:,.10g} pieces in {hours:,.10g} hours"
            out.append(Estimate(PRODUCTIVITY, made / hours, n=len(mine), unit="an hour", by=by, note=note))
    return [replace(one, period=ask.period) for one in out]
