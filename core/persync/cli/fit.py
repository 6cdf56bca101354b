"""Tables and texts that fit a terminal.

A table is wrapped inside its columns, or has the last of them beneath the row, whichever is shorter. Nothing is cut.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
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

    As many of the first columns as make the fewest lines stand beside each other; the others stand beneath, each with its name.
    The first column names the row: its words, and numbers, are broken only where they alone are wider than the terminal.
    """
    numbers = [name in right for name in headers]
    natural = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    if width is None or _across(natural) <= width:
        return list(_table(headers, rows, numbers, natural, 0))
    from persync.report.widths import share_out

    least = [min(most, width) for most in natural]
    for place, column in enumerate(zip(headers, *rows, strict=True)):
        if not numbers[place]:
            word = max((len(word) for text in column for word in text.split()), default=0)
            least[place] = min(least[place], max(min(word, width // 2), READABLE) if place else word)
    tried = []
    for count in range(len(headers), 0, -1):
        spare = width - _across(least[:count])
        if spare >= 0:
            widths = share_out(least[:count], natural[:count], spare)
            tried.append(list(_table(headers, rows, numbers, widths, width)))
    return min(tried, key=len)


def paragraph(text: str, width: int | None) -> list[str]:
    """Return a text as lines of at most `width` columns (None: as it is), all but the first set in."""
    if width is None or len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)


def _across(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _table(headers: Row, rows: Sequence[Row], numbers: Sequence[bool], widths: Sequence[int], width: int) -> Iterator[str]:
    """Yield a table of the first columns, as many as there are widths, with the others beneath each row, within `width`."""
    for place, row in enumerate([headers, *rows]):
        cells = [_wrapped(text, size) for text, size in zip(row, widths, strict=False)]
        for depth in range(max(map(len, cells), default=1)):
            line = (cell[depth] if depth < len(cell) else "" for cell in cells)
            aligned = (
                text.rjust(size) if is_number else text.ljust(size)
                for text, size, is_number in zip(line, widths, numbers, strict=False)
            )
            yield GAP.join(aligned).rstrip()
        beneath = zip(headers[len(widths) :], row[len(widths) :], strict=True)
        for name, text in beneath if place else ():
            if text:
                lines = _wrapped(f"{name}: {text}", width - INDENT)
                yield from (f"{'':{INDENT}}{line}" for line in lines)


def _wrapped(text: str, width: int) -> list[str]:
    if len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
