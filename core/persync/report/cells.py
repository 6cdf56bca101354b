"""One cell of a table in words: the value, and what must stand beside it."""

from __future__ import annotations

from typing import Final, NamedTuple

from persync.estimate import Estimate
from persync.money import Money, exponent, from_minor
from persync.report import words
from persync.report.report import Cell, Column, Table
from persync.report.safe import plain

EMPTY: Final = "–"
LONG: Final = 30
"""Words beside a value longer than this become a footnote."""


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
    beneath: tuple[str, ...]
    """what holds for every value of the column, such as its causal label; "" for nothing"""
    numeric: tuple[bool, ...]
    rows: tuple[tuple[CellText, ...], ...]
    notes: tuple[tuple[str, str], ...]
    """(heading, what the column means)"""
    footnotes: tuple[str, ...] = ()
    """`a: what holds for the cells marked [a]`"""


def table_text(table: Table, timezone: str) -> TableText:
    """Return a table in words. A currency or a standing that a whole column shares goes to its heading, out of the cells."""
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
    beneath: list[str] = [""] * len(table.columns)
    footnotes: dict[str, str] = {}
    if table.layout == "rows":
        for place in range(len(table.columns)):
            beneath[place], rows = _lifted(rows, place)
        rows = tuple(tuple(_footnoted(cell, footnotes) for cell in row) for row in rows)
    notes = tuple((plain(column.title), plain(column.note)) for column in table.columns if column.note)
    return TableText(
        plain(table.caption),
        tuple(headings),
        tuple(beneath),
        tuple(map(is_numeric, table.columns)),
        rows,
        notes,
        tuple(f"{mark}: {text}" for text, mark in footnotes.items()),
    )


def cell_text(cell: Cell, column: Column, timezone: str, *, bare: str = "") -> CellText:
    """Return the words of one cell. None is an empty cell, written as a dash; a missing estimate says why.

    `bare` is the currency that the heading already names.
    """
    if isinstance(cell, Estimate):
        beside = words.Standing(*map(plain, words.standing(cell)))
        value = words.value(cell, short=True).removesuffix(f" {bare}" if bare else "")
        return CellText(plain(value), beside, is_number=True, is_missing=cell.value is None)
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


def _lifted(rows: tuple[tuple[CellText, ...], ...], place: int) -> tuple[str, tuple[tuple[CellText, ...], ...]]:
    """Return the words that stand beside every value of a column, and the rows without them."""
    values = [row[place] for row in rows if row[place].is_number and row[place].main != EMPTY]
    said = [cell.beside.words.split("; ") for cell in values]
    common = [part for part in said[0] if part and all(part in parts for parts in said)] if len(said) > 1 else []
    common = [part for part in common if len(part) <= LONG]
    if not common:
        return "", rows

    def without(cell: CellText) -> CellText:
        left = [part for part in cell.beside.words.split("; ") if part and part not in common]
        return cell._replace(beside=cell.beside._replace(words="; ".join(left)))

    changed = tuple((*row[:place], without(row[place]), *row[place + 1 :]) for row in rows)
    return "; ".join(common), changed


def _footnoted(cell: CellText, footnotes: dict[str, str]) -> CellText:
    """Move long words beside a value to the table's footnotes, and leave a mark: [a]."""
    parts = cell.beside.words.split("; ")
    marks = [footnotes.setdefault(part, _mark(len(footnotes))) for part in parts if len(part) > LONG]
    if not marks:
        return cell
    kept = "; ".join(part for part in parts if len(part) <= LONG)
    return cell._replace(beside=cell.beside._replace(words=" ".join([kept, *(f"[{mark}]" for mark in marks)]).strip()))


def _mark(number: int) -> str:
    """Return a, b ... z, aa, ab ..."""
    return (_mark(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)


def _bare(amount: Money) -> str:
    exact = from_minor(abs(amount.minor), amount.currency)
    return f"{words.MINUS if amount.minor < 0 else ''}{exact:,.{exponent(amount.currency)}f}"


def _shared_currency(table: Table, place: int) -> str:
    if table.columns[place].kind != "money":
        return ""
    cells = [row[place] for row in table.rows if row[place] is not None]
    currencies = {
        cell.currency if isinstance(cell, Money) else cell.unit if isinstance(cell, Estimate) else "" for cell in cells
    }
    only = currencies.pop() if len(currencies) == 1 and len(cells) > 1 else ""
    return only if words.is_currency(only) else ""


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
