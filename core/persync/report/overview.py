"""Many stores side by side, for who looks after them: a line for each, its numbers, how far it was read, and what is missing.

Each store is asked alone and no sum over them is shown, so nothing that is hidden in one can be worked out from the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from persync import __version__
from persync.engine.engine import Engine
from persync.errors import PersyncError
from persync.estimate import Estimate, missing
from persync.measure import rules
from persync.measure.metric import Ask, Metric
from persync.report import charts, words
from persync.report.coverage import COVERAGE
from persync.report.report import Block, BuiltSection, Cell, Column, Figure, Note, Report, Table

METRICS: Final = ("ctr", "unsubscribe_rate", "conversion_rate", "revenue_per_recipient", "repeat_purchase_rate")
"""what is shown of each store where nothing else is asked for"""
TITLE: Final = "How do the stores stand?"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one store: a number a metric, until when it was read (epoch ms) and how many streams have holes.

    `problem` says why nothing is known of it.
    """

    name: str
    numbers: Mapping[str, Estimate] = field(default_factory=dict)
    until: int | None = None
    holes: int = 0
    problem: str = ""


def standing(name: str, engine: Engine, ask: Ask, metrics: Sequence[Metric]) -> Standing:
    """Ask one store. A metric that it cannot answer has the reason; a number of fewer people than are shown is hidden."""
    rows = engine.rows(COVERAGE)
    until = max((int(row["to_at"]) for row in rows if row["to_at"] is not None), default=None)
    holes = sum(int(row["holes"]) > 0 for row in rows)
    return Standing(name, {metric.id: _number(metric, engine, ask) for metric in metrics}, until, holes)


def _number(metric: Metric, engine: Engine, ask: Ask) -> Estimate:
    try:
        found = metric.compute(engine, ask)
    except PersyncError as error:
        return replace(missing(metric.id, "not_one_number"), note=error.what)
    whole = next((one for one in found if not one.by), None)
    if whole is None:
        return missing(metric.id, "not_one_number")
    if whole.value is not None and whole.n is not None and whole.n < ask.suppress_n:
        return rules.suppressed(metric.id, ask, {}, unit=whole.unit)
    return whole


def overview(stores: Sequence[Standing], ask: Ask, metrics: Sequence[Metric], *, made_at: int) -> Report:
    """Return the overview as a report of one section; `made_at` is epoch ms."""
    blocks: list[Block] = [Note(text, "answer") for text in sentences(stores, metrics)]
    blocks += [Note(f"Nothing is known of '{one.name}': {one.problem}", "warning") for one in stores if one.problem]
    if stores:
        table = _table(stores, metrics)
        blocks.append(table)
        blocks += _figures(stores, metrics, table)
    blocks += [Note(metric.definition, "definition", metric.title) for metric in metrics]
    return Report(
        TITLE, __version__, made_at, ask.period, ask.timezone, (BuiltSection("stores", TITLE, tuple(blocks)),), {"failed": []}
    )


def sentences(stores: Sequence[Standing], metrics: Sequence[Metric]) -> list[str]:
    """Say how many stores there are; then which have holes, and between which the first metric moves."""
    if not stores:
        return ["There is no store in the lake."]
    said = []
    broken = [one.name for one in stores if one.holes]
    if broken:
        said.append(f"Not all was read of {words.listing(broken)}: their numbers may be too low.")
    for metric in metrics[:1]:
        known = _known(stores, metric)
        if len(known) > 1:
            low, high = (pick(known, key=lambda name: float(known[name].value or 0)) for pick in (min, max))
            said.append(
                f"{metric.title}: from {words.brief(known[low])} in '{low}' to {words.brief(known[high])} in '{high}'."
                " That stores differ says nothing about why."
            )
    return [f"{words.plural(len(stores), 'store')} side by side.", *([" ".join(said)] if said else [])]


def _known(stores: Sequence[Standing], metric: Metric) -> dict[str, Estimate]:
    """Return the numbers of the stores that have one, in the unit that most of them have it in."""
    found = {one.name: one.numbers[metric.id] for one in stores if metric.id in one.numbers}
    found = {name: one for name, one in found.items() if one.value is not None}
    units = [one.unit for one in found.values()]
    most = max(dict.fromkeys(units), key=units.count, default="")
    return {name: one for name, one in found.items() if one.unit == most}


def _table(stores: Sequence[Standing], metrics: Sequence[Metric]) -> Table:
    columns = (
        Column("store", "Store"),
        *(Column(metric.id, metric.title, "estimate") for metric in metrics),
        Column("until", "Read until", "time"),
        Column("holes", "Streams with holes", "count"),
    )

    def cells(one: Standing) -> tuple[Cell, ...]:
        if one.problem:
            return (one.name, *(None for _ in metrics), None, None)
        return (one.name, *(_bare(one.numbers[metric.id]) for metric in metrics), one.until, one.holes)

    caption = "Each store by itself; numbers of fewer people than are shown are hidden, and there is no sum over stores"
    return Table("stores", caption, columns, tuple(map(cells, stores)))


def _bare(one: Estimate) -> Estimate:
    return one if one.value is None else replace(one, note=rules.TOO_FEW if rules.too_few(one) else "")


def _figures(stores: Sequence[Standing], metrics: Sequence[Metric], table: Table) -> list[Block]:
    blocks: list[Block] = []
    for metric in metrics:
        known = {name: one for name, one in _known(stores, metric).items() if one.low is not None and one.high is not None}
        if len(known) < 2:
            continue
        unit = next(iter(known.values())).unit
        scale = 100.0 if unit in ("share", "points") else 1.0
        rows = [
            {
                "name": name,
                "value": scale * float(one.value or 0),
                "low": scale * float(one.low or 0),
                "high": scale * float(one.high or 0),
            }
            for name, one in sorted(known.items(), key=lambda item: -float(item[1].value or 0))
        ]
        said = "; ".join(f"{name}: {words.brief(one)}" for name, one in known.items())
        spec = charts.intervals(rows, unit="%" if unit == "share" else unit)
        blocks.append(
            Figure(f"stores_{metric.id}", f"{metric.title}, with 95 % intervals", f"{metric.title}. {said}.", spec, table)
        )
    return blocks
