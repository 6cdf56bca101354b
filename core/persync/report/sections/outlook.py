"""What comes next if all goes on as it does: orders, revenue and the list by month, and how the same way did on the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure import forecast
from persync.measure.forecast import Course
from persync.report import charts, words
from persync.report.report import Block, Cell, Column, Figure, Inputs, Note, Section, Table

NAMES: Final = {"orders": "Orders", "revenue": "Revenue", "list": "People on the list"}
WHAT: Final = {"orders": "orders", "revenue": "of revenue", "list": "people on the list"}
SHOWN: Final = 18
"""months of the past that are drawn"""


def build_outlook(inputs: Inputs) -> Sequence[Block]:
    """Return what each of the next months is expected to bring, the trial on the past, and the course of each as a figure."""
    found = forecast.kpi_forecast(inputs.engine, inputs.ask)
    ahead = [e for e in found if e.id == "kpi_forecast" and e.value is not None]
    if not ahead:
        why = next((e for e in found if e.reason), None)
        note = f" ({why.note})" if why is not None and why.note else ""
        raise DataError(f"what comes next is not known: {words.reason(why.reason if why else None)}{note}.")
    errors = {e.by["kpi"]: e for e in found if e.id == "kpi_forecast_error"}
    blocks: list[Block] = [Note(sentence(ahead, errors), "answer", "What do the next months bring?")]
    courses = {one.kpi: one for one in forecast.courses(inputs.engine, inputs.ask)}
    blocks += [
        figure(courses[kpi], [e for e in ahead if e.by["kpi"] == kpi]) for kpi in ("revenue", "orders") if kpi in courses
    ][:1]
    return [*blocks, _table(ahead, errors), _RULES]


def sentence(ahead: Sequence[Estimate], errors: dict[str, Estimate]) -> str:
    """Say what the next month brings, and whether the method was better on the past than taking the month before."""
    month = ahead[0].by["month"]
    said = [_so_many(e) for e in ahead if e.by["month"] == month]
    text = f"If all goes on as it does, {month} has {words.listing(said)}."
    known = next((e for e in (errors.get("revenue"), errors.get("orders")) if e is not None and e.value is not None), None)
    if known is None or known.value is None:
        return f"{text} How well this would have done on the past is not known."
    if known.value == 1:
        return f"{text} There is too little past for more than taking the last month again."
    better = "less" if known.value < 1 else "more"
    tried = f"Tried on {words.plural(known.n or 0, 'month')} of the past it was {better} wrong than taking the month before"
    return f"{text} {tried}: {words.value(known)}."


def _so_many(e: Estimate) -> str:
    """Return `291 orders (95 %: 201 to 381)`."""
    size, *interval = words.brief(e).split(" (", 1)
    return " (".join([f"{size} {WHAT[e.by['kpi']]}", *interval])


def figure(course: Course, ahead: Sequence[Estimate]) -> Figure:
    """Return the figure of a series: what came, what the same way would have told of it, and what it tells of months ahead."""
    rows: list[dict[str, object]] = [
        {"month": month, "line": "known", "value": value} for month, value in zip(course.months, course.values, strict=True)
    ][-SHOWN:]
    shown = {row["month"] for row in rows}
    tried = course.months[len(course.months) - len(course.forecast.errors) :]
    before = course.values[len(course.values) - len(course.forecast.errors) :]
    trial = [
        (month, value - error)
        for month, value, error in zip(tried, before, course.forecast.errors, strict=True)
        if month in shown
    ]
    rows += [{"month": month, "line": "told beforehand", "value": value} for month, value in trial]
    rows += [{"month": e.by["month"], "line": "to come", "value": e.value, "low": e.low, "high": e.high} for e in ahead]
    name, unit = NAMES[course.kpi], "" if course.unit == "count" else course.unit
    told = dict(trial)

    def number(value: float | None) -> Estimate | None:
        return None if value is None else Estimate("kpi", value, unit=course.unit)

    columns = (
        Column("month", "Month"),
        Column("known", "Came", "estimate"),
        Column("told", "Told beforehand", "estimate", "by the same way, from the months before it alone"),
    )
    table = Table(
        "course",
        f"{name} by month, and what would have been told a month before",
        columns,
        tuple(
            (month, number(value), number(told.get(month)))
            for month, value in zip(course.months, course.values, strict=True)
            if month in shown
        ),
    )
    said = "; ".join(f"{e.by['month']}: {words.brief(e)}" for e in ahead)
    return Figure(
        "course_figure",
        f"{name} by month, what would have been told of each beforehand, and the next three with 95 % intervals",
        f"{name} of {words.plural(len(course.months), 'month')}, and to come {said}.",
        charts.course(rows, unit=unit or name.lower()),
        table,
    )


def _table(ahead: Sequence[Estimate], errors: dict[str, Estimate]) -> Table:
    months = list(dict.fromkeys(e.by["month"] for e in ahead))
    cells = {(e.by["kpi"], e.by["month"]): replace(e, note="") for e in ahead}
    columns = (
        Column("kpi", "What"),
        *(Column(f"month_{place}", month, "estimate") for place, month in enumerate(months, 1)),
        Column(
            "error",
            "Wrong by, against the month before",
            "estimate",
            "mean absolute error one month ahead over that of taking the month before",
        ),
    )
    rows: list[tuple[Cell, ...]] = [
        (NAMES[kpi], *(cells.get((kpi, month)) for month in months), _bare(errors.get(kpi)))
        for kpi in dict.fromkeys(e.by["kpi"] for e in ahead)
    ]
    return Table("forecast", "The next three months", columns, tuple(rows))


def _bare(e: Estimate | None) -> Estimate | None:
    return None if e is None else replace(e, note="")


_RULES: Final = Note(
    "Below two years of whole months the last one goes on; from two years on, of last year's month and exponential smoothing"
    " the one is taken that was less wrong over the last year, a month ahead. The interval is that of the errors made so. The"
    " month under way is left out. It is no plan, and no cause: what is planned is not in it.",
    "definition",
    "How months to come are told",
)

SECTION = Section("outlook", "What comes next?", build_outlook, order=360, profiles=("full",))
