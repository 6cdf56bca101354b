"""The report as a workbook: the words on the first sheet, then a sheet for every table, its numbers real numbers."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import xlsxwriter

from persync.estimate import Estimate
from persync.money import Money, exponent, from_minor
from persync.report import words
from persync.report.report import Cell, Column, Figure, Note, Report, Table
from persync.report.safe import plain

WORDS: Final = "Answers"
LONGEST_NAME: Final = 31
LONGEST_CELL: Final = 32_767
"""Excel's own limits, in characters"""
_Part = tuple[str, Callable[[Cell], Any]]
"""a heading, and what of a cell stands under it"""
_SHARES: Final = frozenset(("share", "points"))


def to_xlsx(report: Report) -> bytes:
    """Return the report as an .xlsx file. An estimate fills several columns: value, interval, n, p, standing.

    Every text is written as a text: none is taken for a formula, a link or a number.
    """
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(
        sink, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    book.set_properties({"title": plain(report.title), "created": datetime.fromtimestamp(report.made_at / 1000, UTC)})
    writing = _Writing(book)
    _words(writing, report)
    taken = {WORDS.lower()}
    for section in report.sections:
        shown: set[str] = set()
        for block in section.blocks:
            if isinstance(block, Note):
                continue
            table = block.table if isinstance(block, Figure) else block
            if table.name not in shown:
                shown.add(table.name)
                _sheet(writing, _name(table.name, taken), plain(section.title), table)
    book.close()
    return sink.getvalue()


class _Writing:
    """The workbook, its formats (each made once), and the one way to write a text."""

    def __init__(self, book: Any) -> None:
        self.book = book
        self._formats: dict[tuple[Any, ...], Any] = {}

    def style(self, **how: Any) -> Any:
        key = tuple(sorted(how.items()))
        if key not in self._formats:
            self._formats[key] = self.book.add_format({"valign": "top", **how})
        return self._formats[key]

    def text(self, sheet: Any, row: int, column: int, text: str, **how: Any) -> None:
        sheet.write_string(row, column, plain(text)[:LONGEST_CELL], self.style(**how))


def _words(writing: _Writing, report: Report) -> None:
    sheet = writing.book.add_worksheet(WORDS)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 110)
    sheet.hide_gridlines(2)
    writing.text(sheet, 0, 0, report.title, bold=True, font_size=16)
    shop = str(report.facts.get("project", {}).get("name") or "")
    about = [
        *([shop] if shop else []),
        f"Period: {words.period(report.period, report.timezone)}",
        f"made {words.moment(report.made_at, report.timezone)} ({report.timezone})",
        f"persync {report.persync}",
    ]
    writing.text(sheet, 1, 0, " · ".join(about), font_color="#666666")
    row = 3
    for section in report.sections:
        notes = [block for block in section.blocks if isinstance(block, Note)]
        if not notes:
            continue
        writing.text(sheet, row, 0, section.title, bold=True, font_size=13)
        row += 1
        for note in notes:
            heading = words.lead(note.heading, note.text) if note.heading else "Note:" if note.tone == "warning" else ""
            if heading:
                writing.text(sheet, row, 0, heading, text_wrap=True, bold=note.tone in ("answer", "warning"))
            writing.text(sheet, row, 1, note.text, text_wrap=True)
            row += 1
        row += 1


def _sheet(writing: _Writing, name: str, section: str, table: Table) -> None:
    sheet = writing.book.add_worksheet(name)
    writing.text(sheet, 0, 0, table.caption, bold=True, font_size=13)
    writing.text(sheet, 1, 0, section, font_color="#666666")
    at = 0
    for place, column in enumerate(table.columns):
        cells = [row[place] for row in table.rows]
        parts = _parts(column, cells)
        for number, (heading, _) in enumerate(parts):
            writing.text(sheet, 3, at + number, heading, bold=True, text_wrap=True, bottom=1)
            width = 14 if number or column.kind != "text" else min(60, max([12, *(len(str(cell)) for cell in cells)]))
            sheet.set_column(at + number, at + number, width)
        for line, cell in enumerate(cells):
            is_total = table.has_total and line == len(cells) - 1
            for number, (_, read) in enumerate(parts):
                _write(writing, sheet, 4 + line, at + number, read(cell), cell, column, bold=is_total)
        at += len(parts)
    sheet.freeze_panes(4, 0)
    row = 5 + len(table.rows)
    for column in table.columns:
        if column.note:
            writing.text(sheet, row, 0, f"{column.title}: {column.note}", italic=True, font_color="#666666")
            row += 1


def _parts(column: Column, cells: list[Cell]) -> list[_Part]:
    """Return the columns that a column of the table needs: one; with estimates one for each of their parts that occurs."""
    currencies = sorted({cell.currency for cell in cells if isinstance(cell, Money)})
    # The currency of money stands in the heading.
    first = (f"{column.title} ({currencies[0]})" if len(currencies) == 1 else column.title, _main)
    estimates = [cell for cell in cells if isinstance(cell, Estimate)]
    return [first, *(part for part in _BESIDE if any(part[1](cell) not in (None, "") for cell in estimates))]


def _main(cell: Cell) -> Any:
    if isinstance(cell, Estimate):
        return words.value(cell, short=True) if cell.value is None else cell.value
    return cell


def _of(read: Callable[[Estimate], Any]) -> Callable[[Cell], Any]:
    return lambda cell: read(cell) if isinstance(cell, Estimate) else None


_BESIDE: Final[tuple[_Part, ...]] = (
    ("low (95 %)", _of(lambda estimate: estimate.low)),
    ("high (95 %)", _of(lambda estimate: estimate.high)),
    ("n", _of(lambda estimate: estimate.n)),
    ("p", _of(lambda estimate: estimate.p)),
    (
        "unit, standing",
        _of(lambda one: "; ".join(filter(None, (one.unit, one.label, one.note))) if one.value is not None else one.note),
    ),
)


def _write(writing: _Writing, sheet: Any, row: int, at: int, value: Any, cell: Cell, column: Column, *, bold: bool) -> None:
    how: dict[str, Any] = {"bold": True} if bold else {}
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return
    if isinstance(value, str):
        writing.text(sheet, row, at, value, **how)
    elif isinstance(value, Money):
        places = exponent(value.currency)
        pattern = f"#,##0.{'0' * places}" if places else "#,##0"
        sheet.write_number(row, at, float(from_minor(value.minor, value.currency)), writing.style(num_format=pattern, **how))
    elif isinstance(value, bool):
        writing.text(sheet, row, at, "yes" if value else "no", **how)
    elif column.kind == "time":
        day = datetime.fromtimestamp(value / 1000, UTC).replace(tzinfo=None)
        sheet.write_datetime(row, at, day, writing.style(num_format="yyyy-mm-dd hh:mm", **how))
    else:
        sheet.write_number(row, at, value, writing.style(num_format=_pattern(value, cell, column), **how))


def _pattern(value: float, cell: Cell, column: Column) -> str:
    unit = cell.unit if isinstance(cell, Estimate) else column.kind
    if isinstance(value, int):
        return "#,##0"
    if unit in _SHARES:
        return "0.0%"
    return "#,##0.00" if abs(value) >= 1 else "0.0000"


def _name(name: str, taken: set[str]) -> str:
    """Return a sheet's name as Excel allows it: at most 31 characters, none of []:*?/\\, no quote at either end, once."""
    base = re.sub(r"[\[\]:*?/\\]", " ", plain(name)).strip(" '") or "table"
    base = _cut(base, LONGEST_NAME)
    found, number = base, 2
    while found.lower() in taken or found.lower() == "history":
        mark = f" {number}"
        found, number = _cut(base, LONGEST_NAME - len(mark)) + mark, number + 1
    taken.add(found.lower())
    return found


def _cut(text: str, most: int) -> str:
    """Return the beginning of a text; Excel counts in units of UTF-16, of which an emoji is two. No quote stands at its end."""
    return text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore").rstrip(" '")
