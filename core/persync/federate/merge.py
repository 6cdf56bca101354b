"""Adding up what many stores gave away: the same figures as from their pooled data, or bounds where a store folded a cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from persync.errors import ConfigError, DataError
from persync.estimate import Estimate
from persync.federate import within
from persync.federate.document import (
    AMOUNTS,
    FEWEST,
    LEVEL,
    LEVELLED,
    MEASURES,
    ArmSums,
    ExperimentSums,
    Export,
    Family,
    OutcomeSums,
    Table,
)
from persync.federate.export import scale
from persync.measure import experiments, intervals, rules
from persync.measure.experiments import Outcome, Reading, Sample
from persync.measure.fairness import UNKNOWN
from persync.measure.metric import Ask, Experiment
from persync.money import exponent
from persync.privacy.release import spread


@dataclass(frozen=True, slots=True)
class Sum:
    """One number over all stores: `low` = `high` where every store shows it. `high` is None where a store withholds the whole.

    `hidden` counts the stores that fold or withhold it; `deviation` is the standard deviation of the noise in it.
    """

    measure: str
    attribute: str
    group: str
    """"" = everybody"""
    currency: str
    low: int
    high: int | None
    stores: int
    hidden: int = 0
    deviation: float = 0.0

    @property
    def is_exact(self) -> bool:
        """Tell whether it is the pooled stores' own number (but for noise that was added)."""
        return self.high == self.low


@dataclass(frozen=True, slots=True)
class Merged:
    """What stores add up to."""

    exports: tuple[Export, ...]
    sums: tuple[Sum, ...]
    estimates: tuple[Estimate, ...]
    """the rates and experiments"""
    notes: tuple[str, ...] = ()


Key = tuple[Family, str, str]
ORDERED: Final = ("conversion", "revenue")
"""the outcomes that are read from orders"""


def merge(exports: Sequence[Export], names: Sequence[str], ask: Ask) -> Merged:
    """Add up exports; `names` are those of their files. `ask` says how estimates are made (confidence, smallest groups).

    Raise DataError when they do not fit: another period, basis or time zone, one store twice, or cells of fewer people than
    `FEWEST`; ConfigError for none.
    """
    if not exports:
        raise ConfigError("no file is named.", hint="Name the files of `persync federate export`.")
    _must_fit(exports, names)
    keys = sorted({table.key for export in exports for table in export.tables})
    sums = [one for key in keys for one in _table(exports, key)]
    ask = replace(ask, period=exports[0].period, timezone=exports[0].timezone, basis=exports[0].basis)
    ask = replace(ask, now=max(export.made_at for export in exports))
    estimates = [*_rates(exports, ask), *_experiments(exports, names, ask)]
    notes = [exports[0].people.replace("this store", "each store")]
    for name, export in zip(names, exports, strict=True):
        notes += [f"{name} leaves out: {what}" for what in export.withheld]
        if export.noise is not None:
            notes.append(f"{name} has noise of epsilon {export.noise.epsilon} added")
    return Merged(tuple(exports), tuple(sums), tuple(estimates), tuple(notes))


def as_estimate(one: Sum) -> Estimate:
    """Return a sum in the form of every other figure: money in major units; bounds stand in low and high, without a value."""
    unit = one.currency if one.measure in (*AMOUNTS, "revenue") else "count"
    by = {name: text for name, text in (("currency", one.currency), ("attribute", one.attribute), ("group", one.group)) if text}
    factor = 10 ** exponent(one.currency) if unit == one.currency else 1
    low, high = one.low / factor if factor > 1 else one.low, one.high
    noted = f"noise in it has a standard deviation of {one.deviation / factor:.4g}" if one.deviation else ""
    if high is not None and factor > 1:
        top: float | None = high / factor
    else:
        top = high
    if one.is_exact:
        return Estimate(one.measure, low, n=one.stores, unit=unit, by=by, note=noted)
    who = "it is folded into other cells or left out"
    if one.stores > 1:
        who = f"{one.hidden} of {one.stores} stores fold it into other cells or leave it out"
    text = f"bounds: {who}"
    return Estimate(
        one.measure,
        None,
        low,
        top,
        n=one.stores,
        unit=unit,
        by=by,
        reason=rules.SUPPRESSED,
        note="; ".join(filter(None, (text, noted))),
    )


def _must_fit(exports: Sequence[Export], names: Sequence[str]) -> None:
    first = exports[0]
    seen: dict[str, str] = {}
    for name, export in zip(names, exports, strict=True):
        if export.floor < FEWEST:
            what = f"its floor is {export.floor}, and no cell of fewer than {FEWEST} people is added up."
            raise DataError(what, where=name, hint="Have it exported again with this version of persync.")
        if export.store in seen:
            hint = "Leave one of them out: its people would count twice."
            raise DataError(f"it is of the same store as {seen[export.store]}.", where=name, hint=hint)
        seen[export.store] = name
        for what in ("period", "basis", "timezone"):
            if getattr(export, what) != getattr(first, what):
                raise DataError(
                    f"its {'time zone' if what == 'timezone' else what} is not that of {names[0]}.",
                    where=name,
                    hint="Export both with the same --period, [report] basis and [report] timezone.",
                )


def _table(exports: Sequence[Export], key: Key) -> list[Sum]:
    """Return the sums of one table over all stores.

    A store that folds cells may have some of a group that it does not show, from nothing up to all that it folded; no measure
    is ever below zero, so both ends hold. Revenue is sales less reversals, and so are its bounds.
    """
    family, attribute, currency = key
    found = [(_of(export, key), export) for export in exports]
    tables = [(table, export) for table, export in found if table is not None]
    absent = sum(table is None and not _has_nothing(export, key) for table, export in found)
    names = sorted({group for table, _ in tables for group in table.groups})
    # Squares go where nobody added noise alone; a count by level that a store leaves out lies within who was mailed there.
    every = [set(table.total) for table, _ in tables]
    told = {m for m in MEASURES[family] if any(m in table.total or _may_bound(m, export) for table, export in tables)}
    measures = [m for m in MEASURES[family] if m in told and (m != "squares" or all(m in one for one in every))]
    out = []
    # With noise the sum of groups is a second, wider answer for everybody: that of the table by none is the one.
    is_second = bool(attribute) and family != "exposure" and any(export.noise is not None for export in exports)
    whole = () if is_second else ("",)
    for group in (*whole, *names, *(["suppressed"] if any(table.suppressed for table, _ in tables) else [])):
        made = [_sum(tables, measure, group, absent, len(exports)) for measure in measures]
        if family == "money" and all({"sales", "reversals"} <= one for one in every):
            by_name = {one.measure: one for one in made}
            sales, reversals = by_name["sales"], by_name["reversals"]
            made.append(
                replace(
                    sales,
                    measure="revenue",
                    # With a store's whole left out nothing bounds what came back there.
                    low=sales.low - (reversals.low if reversals.high is None else reversals.high),
                    high=None if sales.high is None else sales.high - reversals.low,
                    deviation=math.hypot(sales.deviation, reversals.deviation),
                )
            )
        out += [replace(one, attribute=attribute, group=group, currency=currency) for one in made]
    return out


def _sum(tables: Sequence[tuple[Table, Export]], measure: str, group: str, absent: int, stores: int) -> Sum:
    low = more = hidden = 0
    variance = 0.0
    for table, export in tables:
        if measure not in table.total and not _may_bound(measure, export):
            absent += 1
            continue
        rest = table.suppressed
        if not group:
            cell, cells = table.total, max(1, len(table.groups) + (rest is not None))
        elif group == "suppressed":
            cell, cells = rest or {}, int(rest is not None)
        else:
            cell, cells = table.groups.get(group, {}), int(group in table.groups)
        if measure in cell:
            low += cell[measure]
        elif cell:
            more, hidden, cells = more + _most(table, measure, cell), hidden + 1, 0
        elif rest is not None and group != "suppressed":
            more, hidden = more + _most(table, measure, rest), hidden + 1
        if export.noise is not None and measure != "squares":
            variance += cells * spread(scale(export.noise, measure, table.currency)) ** 2
    high = None if absent else low + more
    return Sum(measure, "", group, "", low, high, stores, hidden + absent, math.sqrt(variance))


def _most(table: Table, measure: str, cell: Mapping[str, int]) -> int:
    """Return the most that a measure can be in a cell, which may not tell it: what the total leaves, and what it is part of."""
    if measure in cell:
        return max(0, cell[measure])
    cells = [*table.groups.values(), *([table.suppressed] if table.suppressed is not None else [])]
    bounds = [cell[more] for less, more in within.AT_MOST[table.family] if less == measure and more in cell]
    if measure in table.total:
        bounds.append(table.total[measure] - sum(one.get(measure, 0) for one in cells))
    # A count by level that the whole store leaves out lies within who was mailed, which may be left out of the cell as well.
    return max(0, min(bounds or [table.total["mailed"]]))


def _may_bound(measure: str, export: Export) -> bool:
    """Tell whether a measure that a table lacks lies within another of it, as a count by level does within who was mailed;
    nothing bounds what a store was not asked for with its noise."""
    return measure in LEVELLED and not (export.noise is not None and export.noise.measures)


def _of(export: Export, key: Key) -> Table | None:
    """Return a store's table. By an attribute that the store does not hold everybody in it is `unknown`."""
    family, attribute, currency = key
    tables = {table.key: table for table in export.tables}
    if key in tables or not attribute or attribute in (LEVEL, *export.attributes):
        return tables.get(key)
    whole = tables.get((family, "", currency))
    return whole and Table(
        family=family, attribute=attribute, currency=currency, total=whole.total, groups={UNKNOWN: whole.total}
    )


def _has_nothing(export: Export, key: Key) -> bool:
    """Tell whether a store lacks a table because there is nothing in it: a currency that nobody paid in."""
    family, _, currency = key
    if family != "money" or "money" not in export.sets or f"money in {currency}" in (w.split(":")[0] for w in export.withheld):
        return False
    return (family, "", currency) not in {table.key for table in export.tables}


def _rates(exports: Sequence[Export], ask: Ask) -> list[Estimate]:
    """Return each rate over the campaigns of all stores, with the interval of all of them together."""
    out = []
    for rate in dict.fromkeys(name for export in exports for name in export.rates):
        every = [export.rates[rate] for export in exports if rate in export.rates]
        campaigns, y, x = (sum(getattr(one, part) for one in every) for part in ("campaigns", "y", "x"))
        if x == 0:
            out.append(rules.absent(rate, rules.NO_DENOMINATOR, {}, unit="share", n=0))
            continue
        if campaigns == 1 and 0 <= y <= x:
            made = rules.share(rate, y, x, ask, {})
        else:
            yy, xx, xy = (sum(getattr(one, part) for one in every) for part in ("yy", "xx", "xy"))
            interval = intervals.ratio_of_sums(campaigns, y, x, yy, xx, xy, ask.confidence)
            if interval is not None and y <= x:
                interval = interval._replace(low=max(0.0, interval.low), high=min(1.0, interval.high))
            made = rules.from_interval(rate, interval, n=x, unit="share", by={}, value=y / x)
            made = rules.with_note(made, rules.smallness(x, y, ask))
        if lacking := len(exports) - len(every):
            made = rules.with_note(made, f"of {len(every)} of {len(exports)} stores, {lacking} leave it out")
        out.append(replace(made, period=ask.period))
    return out


def _experiments(exports: Sequence[Export], names: Sequence[str], ask: Ask) -> list[Estimate]:
    """Read each experiment from the sums of its arms over all stores, as `persync experiment read` does."""
    found: dict[str, list[tuple[str, ExperimentSums]]] = {}
    for file, export in zip(names, exports, strict=True):
        for one in export.experiments:
            found.setdefault(one.name, []).append((file, one))
    out: list[Estimate] = []
    for name, every in sorted(found.items()):
        file, first = every[0]
        for other, one in every[1:]:
            if any(getattr(one, part) != getattr(first, part) for part in ("control", "holdout", "since", "days", "planned")):
                what = f"experiment {name} is not the one of {file}: control, window or planned shares differ."
                raise DataError(what, where=other, hint="Set [experiments] alike in both projects.")
        made = experiments.estimates(_as_experiment(first), _reading([one for _, one in every]), ask)
        lacking = len(exports) - len(every)
        note = f"of {len(every)} of {len(exports)} stores" if lacking else ""
        out += [rules.with_note(one, note) for one in made]
    return out


def _as_experiment(one: ExperimentSums) -> Experiment:
    return Experiment(
        one.name, control=one.control, holdout=one.holdout, since=one.since, days=one.days, planned_shares=one.planned
    )


def _reading(every: Sequence[ExperimentSums]) -> Reading:
    sizes: dict[str, int] = {}
    for one in every:
        for arm, n in one.arms.items():
            sizes[arm] = sizes.get(arm, 0) + n
    names = list(dict.fromkeys(name for one in every for name in one.outcomes))
    outcomes = tuple(_outcome(name, [found for one in every if (found := _outcome_of(one, name))]) for name in names)
    mixed = [one.mixed for one in every]
    together = None if None in mixed else sum(n or 0 for n in mixed)
    return Reading(dict(sorted(sizes.items())), together, outcomes, every[0].planned)


def _outcome_of(one: ExperimentSums, name: str) -> OutcomeSums | None:
    """Return a store's outcome. In a store without any order nobody ordered: its people count with nothing."""
    if name in one.outcomes or name not in ORDERED:
        return one.outcomes.get(name)
    successes = 0 if name == "conversion" else None
    arms = {arm: ArmSums(people=n, events=0, successes=successes) for arm, n in one.arms.items()}
    return OutcomeSums(arms=arms)


def _outcome(name: str, every: Sequence[OutcomeSums]) -> Outcome:
    """Return one outcome over all stores; what one of them cannot give, all of them together cannot either."""
    currency = rules.one_currency([one.currency for one in every])
    reason = next((one.reason for one in every if one.reason), None)
    if reason is None and currency is None:
        reason = rules.MIXED_CURRENCIES
    arms: dict[str, list[ArmSums]] = {}
    for one in every:
        for arm, sums in one.arms.items():
            arms.setdefault(arm, []).append(sums)
    binary = name == "conversion" or not any(sums.successes is None for parts in arms.values() for sums in parts)
    is_money = name == "revenue"
    unit = "share" if binary and not is_money else currency or ""
    samples = {arm: _sample(parts, unit, binary=binary and not is_money, is_money=is_money) for arm, parts in arms.items()}
    return Outcome(name, unit, {} if reason else samples, reason, is_ordered=name in ORDERED)


def _sample(parts: Sequence[ArmSums], unit: str, *, binary: bool, is_money: bool) -> Sample:
    people, events = sum(one.people for one in parts), sum(one.events for one in parts)
    if binary:
        return Sample(people, events, successes=sum(one.successes or 0 for one in parts))
    # A store in which every value happens to be 0 or 1 gives successes: their sum, and the sum of their squares.
    totals = [one.total if one.successes is None else one.successes for one in parts]
    squares = [one.squares if one.successes is None else one.successes for one in parts]
    sample = intervals.moments(people, _added(totals), _added(squares))
    return Sample(people, events, moments=rules.scaled(sample, unit) if is_money else sample)


def _added(values: Sequence[int | float]) -> int | float:
    """Add whole numbers exactly, others with the rounding of one addition alone."""
    whole = [value for value in values if isinstance(value, int)]
    return sum(whole) if len(whole) == len(values) else math.fsum(values)


def totals(merged: Merged) -> Mapping[tuple[str, str], Sum]:
    """Return the sums over everybody by measure and currency."""
    return {(one.measure, one.currency): one for one in merged.sums if not one.attribute and not one.group}
