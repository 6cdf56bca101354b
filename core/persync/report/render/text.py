"""The report for a terminal: plain text, styled only when asked."""

from __future__ import annotations

import io
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from persync.report import words
from persync.report.cells import CellText, TableText, table_text
from persync.report.report import BuiltSection, Figure, Note, Report, Table
from persync.report.safe import plain
from persync.report.widths import share_out

FOLDED: Final = frozenset(("definition", "glossary"))
"""tones of what stands behind a click where there is something to click"""


def to_text(report: Report, *, width: int = 100, color: bool = False) -> str:
    """Return the report as text of at most `width` columns; without `color` it holds no escape sequence at all."""
    sink = io.StringIO()
    console = Console(
        file=sink,
        width=max(width, 40),
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    _head(console, report)
    for section in report.sections:
        _section(console, section, report.timezone)
    if any(isinstance(block, Note) and block.tone in FOLDED for section in report.sections for block in section.blocks):
        console.print()
        console.print(Text("Definitions stand in the html, md and json forms of this report.", style="dim"))
    return "\n".join(line.rstrip() for line in sink.getvalue().splitlines()).rstrip() + "\n"


def _head(console: Console, report: Report) -> None:
    console.print(Text(plain(report.title), style="bold"))
    shop = str(report.facts.get("project", {}).get("name") or "")
    about = [plain(shop)] if shop else []
    about.append(words.period(report.period, report.timezone))
    about.append(f"made {words.moment(report.made_at, report.timezone)} ({plain(report.timezone)})")
    about.append(f"persync {report.persync}")
    console.print(Text(" · ".join(about), style="dim"))


def _section(console: Console, section: BuiltSection, timezone: str) -> None:
    title = plain(section.title)
    console.print()
    console.print(Text(title, style="bold"))
    console.print(Text("─" * min(len(title), console.width), style="dim"))
    shown = {block.name for block in section.blocks if isinstance(block, Table)}
    for block in section.blocks:
        if isinstance(block, Note) and block.tone in FOLDED:
            continue  # there is nothing to click in a terminal: the last line says where they are
        if isinstance(block, Note):
            _note(console, block)
        elif isinstance(block, Figure):
            if block.table.name not in shown:
                _table(console, block.table, timezone)
        else:
            _table(console, block, timezone)


def _note(console: Console, note: Note) -> None:
    text = Text()
    if note.tone == "warning":
        text.append("Note: ", style="bold yellow")
    if note.heading:
        text.append(f"{plain(words.lead(note.heading, note.text))} ", style="bold")
    text.append(plain(note.text))
    console.print(text)


def _table(console: Console, table: Table, timezone: str) -> None:
    grid = Grid(
        box=box.SIMPLE_HEAD,
        title=Text(plain(table.caption)),
        title_justify="left",
        title_style="italic",
        pad_edge=False,
        show_footer=False,
    )
    shown = table_text(table, timezone)
    widths = _widths(shown, console.width)
    for heading, beneath, numeric, width in zip(shown.headings, shown.beneath, shown.numeric, widths, strict=True):
        above = Text(heading)
        if beneath:
            above.append(f"\n{beneath}", style="dim")
        grid.add_column(above, justify="right" if numeric else "left", overflow="fold", width=width)
    for index, row in enumerate(shown.rows):
        if table.has_total and index == len(shown.rows) - 1:
            grid.add_section()
        grid.add_row(*map(_cell, row))
    console.print()
    console.print(grid)
    for footnote in shown.footnotes:
        console.print(Text(footnote, style="dim"))
    for title, note in shown.notes:
        console.print(Text(f"{title}: {note}", style="dim"))


def _widths(shown: TableText, width: int) -> list[int]:
    """Return the width of each column: what it needs if there is room, else whole words first and the rest shared out.

    Rich's own way of narrowing a table may cut its last column off.
    """
    count = len(shown.headings)
    room = width - 3 * (count - 1) - 2
    natural, least = [], []
    for place in range(count):
        cells = [row[place] for row in shown.rows]
        lines = [shown.headings[place], *(line for cell in cells for line in (cell.main, *cell.beside.parts()))]
        natural.append(max(map(len, lines)))
        texts = [shown.headings[place], shown.beneath[place], *lines]
        least.append(max((len(word) for text in texts for word in text.split()), default=1))
    if sum(natural) <= room:
        return natural
    # Intervals, and then n and p, stay on one line where they can.
    both = [
        [(cell.beside.interval, cell.beside.counts) for cell in (row[place] for row in shown.rows)] for place in range(count)
    ]
    whole = [max([low, *(len(text) for pair in pairs for text in pair)]) for low, pairs in zip(least, both, strict=True)]
    between = [max([low, *(len(pair[0]) for pair in pairs)]) for low, pairs in zip(least, both, strict=True)]
    start = next((widths for widths in (whole, between) if sum(widths) <= room), least)
    while sum(start) > room:
        longest = start.index(max(start))
        start[longest] -= 1
        if start[longest] < 1:
            return [1] * count
    return share_out(start, natural, room - sum(start))


def _cell(cell: CellText) -> Text:
    text = Text(cell.main, style="dim" if cell.is_missing else "")
    for part in cell.beside.parts():
        text.append(f"\n{part}", style="dim")
    return text
