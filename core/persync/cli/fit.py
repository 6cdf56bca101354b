"""Tables and texts that fit a terminal.

A table is wrapped inside its columns, or has some of them beneath the row, whichever is shorter. Nothing is cut.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

GAP: Final = "  "
INDENT: Final = 4
"""columns by which what stands beneath a row is set in"""
NARROWEST: Final = 40
"""A terminal is taken to have so many columns, whatever it says."""
READABLE: Final = 16
"""No column of longer texts is made narrower than this."""

Row = Sequence[str]


def terminal_width() -> int | None:
    """Return how many columns the terminal has that results go to; None where they go to a file, a pipe or another program."""
    return max(shutil.get_terminal_size().columns, NARROWEST) if sys.stdout.isatty() else None


def fitted(headers: Row, rows: Sequence[Row], right: Sequence[str], width: int | None) -> list[str]:
    """Return the lines of a table of at most `width` columns (None: as wide as it is); those named in `right` are numbers.

    What does not stand beside the first column stands beneath its row, with its name: the last columns or the widest, whichever
    makes the fewest lines. The first column names the row: its words, and numbers, are broken only where they alone are wider
    than the terminal.
    """
    numbers = [name in right for name in headers]
    columns = list(zip(headers, *rows, strict=True))
    natural = [max(map(len, column)) for column in columns]
    every = list(range(len(headers)))
    if width is None or _across(natural) <= width:
        return list(_table(headers, rows, numbers, dict(enumerate(natural)), 0))
    from persync.report.widths import share_out

    least = [min(most, width) for most in natural]
    for place, column in enumerate(columns):
        if not numbers[place]:
            word = max((len(word) for text in column for word in text.split()), default=0)
            least[place] = min(least[place], max(min(word, width // 2), READABLE) if place else word)
    widest = sorted(every[1:], key=lambda place: (numbers[place], -natural[place]))
    tried = []
    for leaving in (every[:0:-1], widest):
        for count in range(len(headers)):
            beside = [place for place in every if place not in leaving[:count]]
            low, most = ([sizes[place] for place in beside] for sizes in (least, natural))
            spare = width - _across(low)
            if spare >= 0:
                widths = dict(zip(beside, share_out(low, most, spare), strict=True))
                tried.append(list(_table(headers, rows, numbers, widths, width)))
    return min(tried, key=len)


def paragraph(text: str, width: int | None) -> list[str]:
    """Return a text as lines of at most `width` columns (None: as it is), all but the first set in."""
    if width is None or len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)


def _across(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _table(headers: Row, rows: Sequence[Row], numbers: Sequence[bool], widths: Mapping[int, int], width: int) -> Iterator[str]:
    """Yield a table of the columns that have a width, with the others beneath each row, within `width`."""
    for number, row in enumerate([headers, *rows]):
        cells = {place: _wrapped(row[place], size) for place, size in widths.items()}
        for depth in range(max(map(len, cells.values()), default=1)):
            line = {place: cell[depth] if depth < len(cell) else "" for place, cell in cells.items()}
            aligned = (text.rjust(widths[at]) if numbers[at] else text.ljust(widths[at]) for at, text in line.items())
            yield GAP.join(aligned).rstrip()
        beneath = [f"{headers[at]}: {text}" for at, text in enumerate(row if number else ()) if text and at not in widths]
        yield from (f"{'':{INDENT}}{line}" for line in _packed(beneath, width - INDENT))


def _packed(texts: Sequence[str], width: int) -> Iterator[str]:
    """Yield lines with as many of the texts as go on each whole; a text that is longer has lines of its own."""
    line = ""
    for text in texts:
        if line and len(line) + len(GAP) + len(text) <= width:
            line += GAP + text
            continue
        if line:
            yield line
        *whole, line = _wrapped(text, width)
        yield from whole
    if line:
        yield line


def _wrapped(text: str, width: int) -> list[str]:
    if len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
