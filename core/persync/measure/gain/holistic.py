"""Everything that came back, part by part: what was measured, and apart from it what the user prices by a proxy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from persync.engine.engine import Engine
from persync.errors import PersyncError
from persync.estimate import RAW, Estimate, Label, percent
from persync.measure import costs, experiments, rules, verdict
from persync.measure.cost_settings import Proxy
from persync.measure.gain.hours import saved, tasks
from persync.measure.gain.service import support_saving
from persync.measure.gain.span import AFTER, halves
from persync.measure.gain.winning import cac_reduction, newcomers, spend
from persync.measure.metric import Ask
from persync.measure.occasions import build
from persync.measure.returns import NO_EXPERIMENT, Return, cost_of, gain_rate, returned
from persync.measure.slices import check
from persync.measure.value.lift import cltv_lift

ID: Final = "roi_holistic"
PART: Final = "holistic_part"
PROXY: Final = "proxy_value"
OFF: Final = "proxies_off"
NOTHING: Final = "nothing_measured"
DIRECT, RETENTION, ACQUISITION, OPERATING, COST = "direct", "retention", "acquisition", "operating", "cost"
KINDS: Final = frozenset(("brand", "efficiency", "loyalty"))
"""of proxies"""
TANGIBLE: Final = (DIRECT, RETENTION, ACQUISITION, OPERATING)


@dataclass(frozen=True, slots=True)
class Whole:
    """All parts of a return and what they come to. A part without a value counts as nothing and is named."""

    parts: tuple[Estimate, ...]
    """direct, retention, acquisition, operating"""
    proxies: tuple[Estimate, ...]
    cost: Estimate
    days: tuple[int, int] | None
    """[from, to) of all of it, None = all that are known"""

    @property
    def unknown(self) -> list[str]:
        """The parts that are not known."""
        return [one.by["part"] for one in self.parts if one.value is None]


def whole(engine: Engine, ask: Ask, returns: Sequence[Return] | None = None) -> Whole:
    """Return the parts of the programme's return: what is counted in one is not counted in another. `returns` are those of the
    experiments, where they are known already."""
    found = returned(engine, ask) if returns is None else returns
    measured = [one for one in found if one.gain.value is not None]
    spent = _cost(engine, ask, measured)
    own = replace(ask, period=_days(measured, ask))
    unit = spent.unit or ask.currency or next((one.gain.unit for one in found if one.gain.unit), "")
    parts = (
        _direct(found, unit),
        _retention(engine, ask, found, unit),
        _acquisition(engine, own, unit),
        _operating(engine, own, unit),
    )
    checked = tuple(
        rules.absent(PART, rules.MIXED_CURRENCIES, one.by, unit=unit, label=one.label)
        if one.value is not None and unit and one.unit != unit
        else one
        for one in parts
    )
    proxies = tuple(one for one in proxy_value(engine, ask) if one.value is not None and "sensitivity" not in one.by)
    return Whole(checked, proxies, spent, own.period)


def _cost(engine: Engine, ask: Ask, measured: Sequence[Return]) -> Estimate:
    """Return the costs of the days of the tests that were read, for a year's cost is not that of a month's gain; without a test
    those of the period."""
    if not measured:
        return cost_of(costs.entries(engine, ask), ask, {}, known=bool(costs.scopes(engine)))
    lacking = next((one.cost for one in measured if one.cost.value is None), None)
    if lacking is not None:
        return replace(lacking, by={})
    first = measured[0].cost
    if len({one.cost.unit for one in measured}) > 1:
        return rules.absent(first.id, rules.MIXED_CURRENCIES, {})
    total, lines = sum(float(one.cost.value or 0.0) for one in measured), sum(one.cost.n or 0 for one in measured)
    return replace(first, value=total, n=lines, by={}, period=_days(measured, ask))


def _days(measured: Sequence[Return], ask: Ask) -> tuple[int, int] | None:
    """Return the days that the tests span, else the asked period."""
    days = [one.days for one in measured if one.days is not None]
    if not days or len(days) < len(measured):
        return ask.period
    return min(begin for begin, _ in days), max(end for _, end in days)


def _part(name: str, value: float, unit: str, *, label: Label = "", note: str = "", n: int | None = None) -> Estimate:
    return Estimate(PART, value, n=n, unit=unit, label=label, by={"part": name}, note=note)


def _none(name: str, reason: str, unit: str, note: str = "") -> Estimate:
    return rules.absent(PART, reason, {"part": name}, unit=unit, note=note)


def _direct(found: Sequence[Return], unit: str) -> Estimate:
    gains = [one.gain for one in found if one.gain.value is not None]
    if not gains:
        reason = next((one.gain.reason for one in found if one.gain.reason), None) or NO_EXPERIMENT
        return _none(DIRECT, reason, unit)
    units = {gain.unit for gain in gains}
    if len(units) > 1:
        return _none(DIRECT, rules.MIXED_CURRENCIES, unit)
    total = sum(float(gain.value or 0.0) for gain in gains)
    # Tests of different people err apart from each other: their squares add up.
    low, high = (
        None if any(bound is None for bound in side) else math.sqrt(sum((bound or 0.0) ** 2 for bound in side))
        for side in (
            [None if g.low is None else float(g.value or 0.0) - g.low for g in gains],
            [None if g.high is None else g.high - float(g.value or 0.0) for g in gains],
        )
    )
    labels = {gain.label for gain in gains}
    label: Label = labels.pop() if len(labels) == 1 else ""
    made = _part(DIRECT, total, units.pop(), label=label, note=gains[0].note, n=sum(gain.n or 0 for gain in gains))
    made = rules.with_note(made, "" if verdict.bars(made.note) else undecided(found))
    return replace(made, low=None if low is None else total - low, high=None if high is None else total + high)


def undecided(found: Sequence[Return]) -> str:
    """Return the notes of these tests that forbid a verdict, "" when none does."""
    return verdict.bars("; ".join(one.gain.note for one in found))


def _retention(engine: Engine, ask: Ask, found: Sequence[Return], unit: str) -> Estimate:
    """Return what those treated brought after the days of the direct part: the lift of their value by the greatest age that is
    known, less the direct part, which lies in it."""
    total, seen, label = 0.0, False, ""
    rate = gain_rate(engine, ask).share
    found_unit, ages = unit, []
    for one in found:
        if one.gain.value is None or one.days is None or one.experiment.control is None:
            continue
        days = (one.days[1] - one.days[0]) / rules.DAY
        lifts = _lifts(engine, ask, one)
        sizes = experiments.arm_sizes(engine, one.experiment)
        later = 0.0
        arms = [arm for arm in sizes if arm != one.experiment.control]
        for arm in arms:
            known = [lift for lift in lifts if lift.by.get("arm") == arm and float(lift.by["age"]) > days]
            if not known:
                break
            best = max(known, key=lambda lift: float(lift.by["age"]))
            later += float(best.value or 0.0) * sizes[arm] * (1.0 if rate is None else rate)
            found_unit, label = best.unit, best.label
            ages.append(best.by["age"])
        else:
            if arms:
                total, seen = total + later - float(one.gain.value), True
    if not seen:
        return _none(RETENTION, rules.IMMATURE if found else NO_EXPERIMENT, unit, "nobody is older than the days of the test")
    note = f"value to {', '.join(dict.fromkeys(ages))} days of age less the direct part, which lies in it"
    note = "; ".join(part for part in (note, undecided(found)) if part)
    return _part(RETENTION, total, found_unit, label=label, note=note)  # type: ignore[arg-type]


def _lifts(engine: Engine, ask: Ask, one: Return) -> list[Estimate]:
    try:
        found = cltv_lift(engine, replace(ask, arm=one.experiment.name, by=(), period=None))
    except PersyncError:
        return []
    against = one.experiment.control
    return [e for e in found if e.id == "cltv_lift" and e.value is not None and e.by.get("against") == against]


def _acquisition(engine: Engine, ask: Ask, unit: str) -> Estimate:
    fall = cac_reduction(engine, replace(ask, by=(), period=None))[0]
    if fall.value is None:
        return _none(ACQUISITION, fall.reason or rules.NO_DENOMINATOR, unit, fall.note)
    asks = halves(replace(ask, period=None), spend(engine, replace(ask, period=None), ("acquisition",)).first_at)
    assert asks is not None
    ground = build(engine, replace(ask, period=None))
    from_at, to_at = asks[AFTER].period or (0, 0)
    if ask.period is not None:
        from_at, to_at = max(from_at, ask.period[0]), min(to_at, ask.period[1])
    number = newcomers(engine, from_at, min(to_at, ground.end_at))
    note = f"{number:,} customers won since, each {float(fall.value):,.2f} cheaper; {fall.note}"
    return _part(ACQUISITION, float(fall.value) * number, fall.unit, label=RAW, note=note, n=number)


def _operating(engine: Engine, ask: Ask, unit: str) -> Estimate:
    hours = saved(tasks(engine, ask))
    support = support_saving(engine, ask)
    value, notes, of = 0.0, [], ""
    if hours is not None and hours.money is not None:
        value, of = hours.money * ask.costs.realised_share, hours.unit
        notes.append(f"{hours.hours:,.1f} hours saved, realised share {percent(ask.costs.realised_share)}")
    if support.value is not None and (not of or of == support.unit):
        value, of = value + float(support.value), support.unit
        notes.append(support.note)
    if not notes:
        return _none(OPERATING, (hours.reason if hours else "") or "no_time_sheet", unit)
    return _part(OPERATING, value, of, label=RAW if support.value is not None else "", note="; ".join(notes))


def roi_holistic(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute (everything that came back - cost) / cost, the same without proxies (`roi_holistic_tangible`), and every part."""
    check(ask.by, (), ID)
    found = whole(engine, ask)
    known = [one for one in found.parts if one.value is not None]
    rows = [*found.parts, *(replace(one, id=PART, by={"part": one.by["proxy"], "kind": "proxy"}) for one in found.proxies)]
    rows += [replace(one, id=PART, by={"part": one.by["proxy"], "kind": "proxy"}) for one in switched_off(ask, found.cost.unit)]
    rows.append(
        replace(found.cost, id=PART, by={"part": COST})
        if found.cost.value is None
        else replace(found.cost, id=PART, by={"part": COST}, value=-float(found.cost.value))
    )
    reason = found.cost.reason or (None if found.cost.value else costs.NO_COST) or (None if known else NOTHING)
    ids = (ID, f"{ID}_tangible")
    if reason is not None or not found.cost.value:
        out = [rules.absent(id, reason or costs.NO_COST, {}, unit="share") for id in ids]
        return [replace(one, period=ask.period) for one in (*out, *rows)]
    cost = float(found.cost.value)
    tangible = sum(float(one.value or 0.0) for one in known)
    proxies = sum(float(one.value or 0.0) for one in found.proxies if one.unit in ("", found.cost.unit))
    direct = next((one for one in known if one.by["part"] == DIRECT), None)
    blocked = verdict.bars("; ".join(one.note for one in known))
    said = f"not known and not in it: {', '.join(found.unknown)}" if found.unknown else ""
    note = "; ".join(part for part in (said, blocked) if part)
    labels = {one.label for one in known}
    out = []
    for id, total in ((ID, tangible + proxies), (ids[1], tangible)):
        said = note if id != ID or not found.proxies else f"{note + '; ' if note else ''}{proxies:,.2f} of it by proxies"
        made = Estimate(id, (total - cost) / cost, unit="share", note=said, n=None if direct is None else direct.n)
        if direct is not None and direct.low is not None and direct.high is not None and direct.value is not None:
            ends = [(total + bound - float(direct.value) - cost) / cost for bound in (direct.low, direct.high)]
            made = replace(made, low=ends[0], high=ends[1])
            made = rules.with_note(made, "the interval is the direct part's; the others are taken as known")
        # With a raw difference or a price of one's own in it, nothing of the sum may be called caused.
        only = labels.pop() if len(labels) == 1 and not found.proxies else ""
        labels = {one.label for one in known}
        out.append(replace(made, label=only))
    return [replace(one, period=ask.period) for one in (*out, *rows)]


def proxy_value(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute what each proxy that is on is worth, with the source of its price, and beside it the row in which it is worth
    nothing."""
    check(ask.by, (), PROXY)
    unit = ask.currency or _only_currency(engine)
    on = {name: proxy for name, proxy in ask.costs.proxies.items() if proxy.on}
    if not on:
        note = "proxies are off; a table [costs.proxies.NAME] with on = true counts one"
        return [replace(rules.absent(PROXY, OFF, {}, unit=unit, note=note), period=ask.period)]
    out: list[Estimate] = []
    for name, proxy in on.items():
        by = {"proxy": name, "kind": proxy.kind}
        quantity, reason = _quantity(engine, ask, proxy)
        if quantity is None:
            note = f"price from: {proxy.source}; quantity from {proxy.metric}"
            out.append(rules.absent(PROXY, reason, by, unit=unit, note=note))
        else:
            note = f"{quantity:,.4g} × {proxy.each:,.2f}, price from: {proxy.source}; a proxy, not a measurement"
            out.append(Estimate(PROXY, quantity * proxy.each, unit=unit, by=by, note=note))
        out.append(
            Estimate(PROXY, 0.0, unit=unit, by={**by, "sensitivity": "worth nothing"}, note="as if it were worth nothing")
        )
    return [replace(one, period=ask.period) for one in out]


def switched_off(ask: Ask, unit: str) -> list[Estimate]:
    """Return a row of zero for each proxy that is not on: those of the settings, and the kinds for which none is set."""
    out = []
    for name, proxy in ask.costs.proxies.items():
        if not proxy.on:
            note = f"off: counts as nothing; [costs.proxies.{name}] with on = true counts it"
            out.append(Estimate(PROXY, 0.0, unit=unit, by={"proxy": name, "kind": proxy.kind}, note=note))
    for kind in sorted(KINDS - {proxy.kind for proxy in ask.costs.proxies.values()} - set(ask.costs.proxies)):
        note = f"off: counts as nothing; a table [costs.proxies.{kind}] prices it"
        out.append(Estimate(PROXY, 0.0, unit=unit, by={"proxy": kind, "kind": kind}, note=note))
    return out


def _quantity(engine: Engine, ask: Ask, proxy: Proxy) -> tuple[float | None, str]:
    if proxy.quantity is not None:
        return proxy.quantity, ""
    from persync.measure.registry import METRICS

    metric = next((one for one in METRICS if one.id == proxy.metric), None)
    if metric is None or proxy.metric in (ID, PROXY):
        return None, "no_such_metric"
    try:
        found = metric.compute(engine, replace(ask, by=(), arm=None))
    except PersyncError:
        return None, rules.NO_DENOMINATOR
    first = next((one for one in found if one.id == proxy.metric), None)
    if first is None or first.value is None:
        return None, (first.reason if first else None) or rules.NO_DENOMINATOR
    return float(first.value), ""


def _only_currency(engine: Engine) -> str:
    sql = "SELECT MIN(l.currency) AS low, MAX(l.currency) AS high FROM order_ledger AS l"
    (row,) = engine.rows(sql)
    return rules.one_currency([row["low"], row["high"]]) or ""
