"""The report for a terminal: plain text, styled only when asked."""

from __future__ import annotations

import io

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from persync.report import words
from persync.report.cells import CellText, table_text
from persync.report.report import BuiltSection, Figure, Note, Report, Table
from persync.report.safe import plain


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
        if isinstance(block, Note):
            _note(console, block)
        elif isinstance(block, Figure):
            console.print(Text(plain(block.alt)))
            if block.table.name not in shown:
                _table(console, block.table, timezone)
        else:
            _table(console, block, timezone)


def _note(console: Console, note: Note) -> None:
    text = Text()
    if note.tone == "warning":
        text.append("Note: ", style="bold yellow")
    if note.heading:
        text.append(f"{plain(words.lead(note.heading))} ", style="bold")
    text.append(plain(note.text), style="dim" if note.tone == "definition" else "")
    console.print(Padding(text, (0, 0, 0, 2)) if note.tone == "definition" else text)


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
    for heading, numeric in zip(shown.headings, shown.numeric, strict=True):
        grid.add_column(Text(heading), justify="right" if numeric else "left", overflow="fold")
    for index, row in enumerate(shown.rows):
        if table.has_total and index == len(shown.rows) - 1:
            grid.add_section()
        grid.add_row(*map(_cell, row))
    console.print()
    console.print(grid)
    for title, note in shown.notes:
        console.print(Text(f"{title}: {note}", style="dim"))


def _cell(cell: CellText) -> Text:
    text = Text(cell.main, style="dim" if cell.is_missing else "")
    for part in cell.beside.parts():
        text.append(f"\n{part}", style="dim")
    return text
