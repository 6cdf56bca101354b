"""The report as one CSV file for programs: a line for every cell that is not a heading, numbers as they are."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from typing import Final

from persync.estimate import Estimate
from persync.money import Money, from_minor
from persync.report.report import Column, Figure, Note, Report, Table
from persync.report.safe import spreadsheet
from persync.report.words import iso

HEADER: Final = (
    "section",
    "table",
    "row",
    "item",
    "column",
    "value",
    "low",
    "high",
    "p",
    "n",
    "unit",
    "label",
    "reason",
)
"""`row` counts from 1 within its table; `item` is the row's words joined by " / ", so that a line can be read alone."""


def to_csv(report: Report) -> str:
    """Return the report as CSV (RFC 4180, UTF-8), long: numbers plain, money decimal, times ISO 8601, absent things empty.

    The words of notes have no column: they stand in the forms made for people. A text that a spreadsheet would take for a
    formula begins with an apostrophe.
    """
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(HEADER)
    for section in report.sections:
        shown = {block.name for block in section.blocks if isinstance(block, Table)}
        for block in section.blocks:
            if isinstance(block, Note) or (isinstance(block, Figure) and block.table.name in shown):
                continue
            table = block.table if isinstance(block, Figure) else block
            for line in _lines(table):
                writer.writerow([spreadsheet(section.name), spreadsheet(table.name), *line])
    return sink.getvalue()


def table_csv(table: Table) -> str:
    """Return one table as CSV in the same form, without the names of its section and itself."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(HEADER[2:])
    writer.writerows(_lines(table))
    return sink.getvalue()


def _lines(table: Table) -> Iterator[list[str]]:
    for number, row in enumerate(table.rows, 1):
        item = " / ".join(cell for cell in row if isinstance(cell, str))
        numbers = [(column, cell) for column, cell in zip(table.columns, row, strict=True) if not isinstance(cell, str)]
        if not numbers:
            # A row of nothing but words is its own value.
            yield [str(number), spreadsheet(item), "", *[""] * 8]
        for column, cell in numbers:
            yield [str(number), spreadsheet(item), spreadsheet(column.name), *_cell(cell, column)]


def _cell(cell: Estimate | Money | int | float | None, column: Column) -> list[str]:
    """Return value, low, high, p, n, unit, label, reason."""
    if isinstance(cell, Estimate):
        bounds = (cell.value, cell.low, cell.high, cell.p, cell.n)
        words = (cell.unit, cell.label, cell.reason or "")
        return [*map(_number, bounds), *map(spreadsheet, words)]
    if isinstance(cell, Money):
        return [str(from_minor(cell.minor, cell.currency)), "", "", "", "", cell.currency, "", ""]
    if cell is None:
        return [""] * 8
    value = iso(int(cell)) if column.kind == "time" else _number(cell)
    return [value, "", "", "", "", "" if column.kind in ("time", "text") else column.kind, "", ""]


def _number(value: float | int | None) -> str:
    """Return a number in full, "" where there is none: what has no value, or no finite one."""
    if value is None or not math.isfinite(value):
        return ""
    return str(int(value)) if isinstance(value, int) else repr(float(value))
