"""One cell of a table in words: the value, and what must stand beside it."""

from __future__ import annotations

from typing import Final, NamedTuple

from persync.estimate import Estimate
from persync.money import Money, exponent, from_minor
from persync.report import words
from persync.report.report import Cell, Column, Table
from persync.report.safe import plain

EMPTY: Final = "–"


class CellText(NamedTuple):
    """A cell as renderers show it. `main` is the value, `beside` what stands under or after it; all text is inert."""

    main: str
    beside: words.Standing = words.Standing("", "", "")
    is_number: bool = False
    is_missing: bool = False

    def line(self) -> str:
        """Return the cell on one line."""
        parts = self.beside.parts()
        return f"{self.main} ({'; '.join(parts)})" if parts else self.main


class TableText(NamedTuple):
    """A table in words: its headings, whether each column holds numbers, its cells row by row."""

    caption: str
    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[CellText, ...], ...]
    notes: tuple[tuple[str, str], ...]
    """(heading, what the column means)"""


def table_text(table: Table, timezone: str) -> TableText:
    """Return a table in words. A currency that a whole column shares stands in its heading, not in every cell."""
    currencies = [_shared_currency(table, place) for place in range(len(table.columns))]
    headings = [
        plain(f"{column.title} ({currency})" if currency else column.title)
        for column, currency in zip(table.columns, currencies, strict=True)
    ]
    rows = tuple(
        tuple(
            cell_text(cell, column, timezone, bare=currency)
            for cell, column, currency in zip(row, table.columns, currencies, strict=True)
        )
        for row in table.rows
    )
    notes = tuple((plain(column.title), plain(column.note)) for column in table.columns if column.note)
    return TableText(plain(table.caption), tuple(headings), tuple(map(is_numeric, table.columns)), rows, notes)


def cell_text(cell: Cell, column: Column, timezone: str, *, bare: str = "") -> CellText:
    """Return the words of one cell. None is an empty cell, written as a dash; a missing estimate says why.

    `bare` is the currency that the heading already names.
    """
    if isinstance(cell, Estimate):
        beside = words.Standing(*map(plain, words.standing(cell)))
        return CellText(plain(words.value(cell, short=True)), beside, is_number=True, is_missing=cell.value is None)
    if cell is None:
        return CellText(EMPTY, is_number=column.kind != "text", is_missing=True)
    if isinstance(cell, Money):
        if bare:
            return CellText(_bare(cell), is_number=True)
        return CellText(words.money(cell), is_number=True)
    if isinstance(cell, str):
        return CellText(plain(cell))
    return CellText(_number(cell, column, timezone), is_number=True)


def is_numeric(column: Column) -> bool:
    """Tell whether a column's cells are numbers, set to the right."""
    return column.kind not in ("text", "time")


def _bare(amount: Money) -> str:
    exact = from_minor(abs(amount.minor), amount.currency)
    return f"{words.MINUS if amount.minor < 0 else ''}{exact:,.{exponent(amount.currency)}f}"


def _shared_currency(table: Table, place: int) -> str:
    cells = [row[place] for row in table.rows if row[place] is not None]
    currencies = {cell.currency if isinstance(cell, Money) else "" for cell in cells}
    return currencies.pop() if len(currencies) == 1 and len(cells) > 1 else ""


def _number(cell: int | float, column: Column, timezone: str) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if column.kind == "share":
        return words.share(cell)
    if column.kind == "points":
        return f"{words.number(cell * 100, 1, signed=True)} points"
    if column.kind == "ratio":
        return words.times(cell)
    if column.kind == "time":
        return words.moment(int(cell), timezone)
    return words.number(cell, 0 if float(cell).is_integer() else 2)
