"""What is to be reached, and how things stood before: entries 2 and 3 of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from persync.engine.engine import Engine
from persync.errors import PersyncError
from persync.estimate import RAW, Estimate, percent
from persync.measure import intervals, rules
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Baseline, Metric
from persync.measure.slices import check

NO_GOAL: Final = "no_goal"
NO_BASELINE: Final = "no_baseline"
DAYS: Final = 90
YEAR: Final = 365 * rules.DAY
Known = Callable[[], Mapping[str, Metric]]


def freeze(engine: Engine, metrics: Iterable[Metric], ask: Ask, *, data: str) -> Baseline:
    """Return every metric that has a value over `ask.period`, and over the same days of the year before; `data` is the version
    of the store. A metric that cannot be computed is left out."""
    assert ask.period is not None
    from_at, to_at = ask.period
    before = replace(ask, period=(from_at - YEAR, to_at - YEAR))
    every = [metric for metric in metrics if metric.id not in ("baseline", "goal")]
    now, last = ([e for metric in every for e in _values(metric, engine, question)] for question in (ask, before))
    return Baseline(ask.now, ask.period, data, tuple(now), tuple(last))


def _values(metric: Metric, engine: Engine, ask: Ask) -> list[Estimate]:
    """Return what a metric says of the asked period alone: what is of other days is no baseline of these."""
    try:
        found = metric.compute(engine, ask)
    except PersyncError:
        return []
    return [e for e in found if e.value is not None and e.period == ask.period and not isinstance(e.value, str)]


def days_of(ask: Ask) -> tuple[int, int]:
    """Return the days over which the goal is looked at: those that are asked for, else the last of them up to now (ms)."""
    assert ask.goal is not None
    return ask.period or (ask.now - round(ask.goal.days * rules.DAY), ask.now)


def metrics(known: Known) -> tuple[Metric, ...]:
    """Return the two metrics; `known` gives the others by id when they are asked for."""

    def goal(engine: Engine, ask: Ask) -> list[Estimate]:
        """Compute the metrics that the goal names, over its days."""
        check(ask.by, (), "goal")
        if ask.goal is None:
            return [rules.absent("goal", NO_GOAL, {}, note="nothing was said before looking: [goal] is not in persync.toml")]
        stated = ask.goal
        period = days_of(ask)
        out = []
        for id, role in ((stated.primary, "primary"), *((id, "guard rail") for id in stated.guard_rails)):
            by = {"metric": id, "role": role}
            metric = known().get(id)
            found = [] if metric is None else _read(metric, engine, replace(ask, period=period))
            if not found:
                reason = "no_metric" if metric is None else rules.NO_DENOMINATOR
                out.append(rules.absent("goal", reason, by))
            for e in found:
                more = {"measure": e.id} if e.id != id else {}
                out.append(replace(e, id="goal", by={**by, **more, **e.by}))
        wanted = f"; worth having from {percent(stated.smallest)}" if stated.smallest else ""
        return [rules.with_note(e, f"goal: {stated.text}{wanted}" if e.by["role"] == "primary" else "") for e in out]

    def baseline(engine: Engine, ask: Ask) -> list[Estimate]:
        """Return the frozen values, what they are now, and the difference."""
        check(ask.by, (), "baseline")
        frozen = ask.baseline
        if frozen is None:
            return [
                rules.absent("baseline", NO_BASELINE, {}, note="no before value: freeze one with `persync baseline freeze`")
            ]
        length = frozen.period[1] - frozen.period[0]
        period = ask.period or (ask.now - length, ask.now)
        season = _season(frozen.period, period, ask)
        day = datetime.fromtimestamp(frozen.frozen_at / 1000, ZoneInfo(ask.timezone)).date().isoformat()
        said = f"frozen {day} from data {frozen.data[:12]}"
        out: list[Estimate] = []
        now: dict[str, list[Estimate]] = {}
        for before in frozen.estimates:
            owner = _owner(before, known())
            if owner is None:
                continue
            if owner.id not in now:
                now[owner.id] = _read(owner, engine, replace(ask, period=period))
            by = {"metric": before.id, **before.by}
            after = next((e for e in now[owner.id] if e.id == before.id and e.by == before.by), None)
            out.append(replace(before, id="baseline", by=by, note=said))
            last = next((e for e in frozen.last_year if e.id == before.id and e.by == before.by), None)
            if last is not None:
                out.append(replace(last, id="baseline_last_year", by=by, note=said, period=_year_before(frozen.period)))
            if after is not None:
                out.append(_difference(before, after, by, period, season, ask))
        return out or [rules.absent("baseline", NO_BASELINE, {}, note="the frozen baseline holds no metric that is known")]

    return _described(goal, baseline)


def _read(metric: Metric, engine: Engine, ask: Ask) -> list[Estimate]:
    try:
        return list(metric.compute(engine, ask))
    except PersyncError as problem:
        return [rules.absent(metric.id, "misconfigured", {}, note=str(problem))]


def _owner(estimate: Estimate, known: Mapping[str, Metric]) -> Metric | None:
    """Return the metric that gives an estimate: by its id, else the one whose own id begins it."""
    if estimate.id in known:
        return known[estimate.id]
    beginning = [id for id in known if estimate.id.startswith(f"{id}_")]
    return known[max(beginning, key=len)] if beginning else None


def _year_before(period: tuple[int, int]) -> tuple[int, int]:
    return period[0] - YEAR, period[1] - YEAR


def _difference(
    before: Estimate, after: Estimate, by: dict[str, str], period: tuple[int, int], season: str, ask: Ask
) -> Estimate:
    id = "baseline_difference"
    if after.value is None or before.value is None or after.unit != before.unit:
        reason = after.reason or (rules.MIXED_CURRENCIES if after.unit != before.unit else rules.NO_DENOMINATOR)
        return replace(rules.absent(id, reason, by, unit=rules.gap(before.unit), label=RAW), period=period)
    value = float(after.value) - float(before.value)
    interval = None
    if None not in (before.low, before.high, after.low, after.high):
        pair = [Interval(float(e.value or 0), float(e.low or 0), float(e.high or 0)) for e in (after, before)]
        interval = intervals.difference_of(pair[0], pair[1], ask.confidence)
    made = rules.from_interval(id, interval, n=after.n, unit=rules.gap(after.unit), by=by, label=RAW, value=value)
    return rules.with_note(replace(made, period=period), season)


def _season(before: tuple[int, int], after: tuple[int, int], ask: Ask) -> str:
    """Return the warning that two periods cover different months, "" when they cover the same."""
    zone = ZoneInfo(ask.timezone)

    def months(period: tuple[int, int]) -> set[int]:
        first, last = (datetime.fromtimestamp(at / 1000, zone) for at in (period[0], max(period[0], period[1] - 1)))
        count = (last.year - first.year) * 12 + last.month - first.month
        return {(first.month - 1 + i) % 12 + 1 for i in range(min(count, 11) + 1)}

    return "" if months(before) == months(after) else "other months than the baseline's: the season may be the difference"


def _described(
    goal: Callable[[Engine, Ask], list[Estimate]], baseline: Callable[[Engine, Ask], list[Estimate]]
) -> tuple[Metric, ...]:
    return (
        Metric(
            "goal",
            "What is to be reached",
            "The goal that was set before looking ([goal] in persync.toml): its primary metric and its guard rails, three "
            "numbers at "
            "most, over its days (90).",
            "as the metrics it names",
            "as the metric",
            goal,
            number="2",
            edge_cases="No goal stated: null, no_goal. A metric that there is not: null, no_metric.",
            data=("all",),
        ),
        Metric(
            "baseline",
            "How things stood before",
            "Every metric over a fixed period before the start (90 days), frozen by `persync baseline freeze` with the "
            "date and the "
            "digest of the data; beside it the same days of the year before where there were data, and "
            "`baseline_difference`, what "
            "it is now less what it was, over a period as long that ends now or over the asked one.",
            "value now − value then",
            "as the metric",
            baseline,
            number="3",
            edge_cases="None frozen: null, no_baseline. Other months than the baseline's: a warning. A raw difference: it says "
            "nothing about why.",
            data=("all",),
        ),
    )
