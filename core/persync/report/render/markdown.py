"""The report as GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from persync.report import words
from persync.report.cells import table_text
from persync.report.report import BuiltSection, Figure, Note, Report, Table
from persync.report.safe import markdown as escape
from persync.report.safe import markdown_paragraph as paragraph


def to_markdown(report: Report) -> str:
    """Return the report as Markdown. Every text in it is escaped: it shows letter by letter and starts nothing."""
    lines = [f"# {escape(report.title)}", ""]
    shop = str(report.facts.get("project", {}).get("name") or "")
    about = [shop] if shop else []
    about += [
        f"Period: {words.period(report.period, report.timezone)}",
        f"made {words.moment(report.made_at, report.timezone)} ({report.timezone})",
        f"persync {report.persync}",
    ]
    lines += [paragraph(" · ".join(about)), ""]
    for section in report.sections:
        lines += [f"## {escape(section.title)}", "", *_section(section, report.timezone)]
    return "\n".join(lines).rstrip() + "\n"


def _section(section: BuiltSection, timezone: str) -> Iterator[str]:
    looked_up = sum(isinstance(block, Note) and block.tone == "glossary" for block in section.blocks)
    shown: set[str] = {block.name for block in section.blocks if isinstance(block, Table)}
    for block in section.blocks:
        if isinstance(block, Note) and block.tone == "glossary":
            continue  # what is sent to somebody is short
        if isinstance(block, Note):
            yield from _note(block)
        elif isinstance(block, Figure):
            if block.table.name not in shown:
                yield from _table(block.table, timezone)
        else:
            yield from _table(block, timezone)
    if looked_up:
        yield from (f"{looked_up} definitions stand in the html and json forms of this report.", "")


def _note(note: Note) -> Iterator[str]:
    text = f"{_bold(words.lead(note.heading, note.text))} {escape(note.text)}" if note.heading.strip() else paragraph(note.text)
    if note.tone == "warning":
        text = f"> **Note:** {text}"
    yield from (text, "")


def _table(table: Table, timezone: str) -> Iterator[str]:
    shown = table_text(table, timezone)
    yield from (_bold(shown.caption), "")
    yield _row(
        [
            escape(f"{title} ({beneath})" if beneath else title)
            for title, beneath in zip(shown.headings, shown.beneath, strict=True)
        ]
    )
    yield _row(["---:" if numeric else "---" for numeric in shown.numeric])
    for index, row in enumerate(shown.rows):
        is_total = table.has_total and index == len(shown.rows) - 1
        cells = [escape(cell.line()) for cell in row]
        yield _row([f"**{cell}**" if is_total and cell else cell for cell in cells])
    yield ""
    for footnote in shown.footnotes:
        yield from (paragraph(footnote), "")
    if shown.notes:
        yield from (*(f"- {paragraph(title)}: {escape(note)}" for title, note in shown.notes), "")


def _bold(text: str) -> str:
    """Return a text in bold; without a word between them the stars would be a line across the page."""
    safe = escape(text).strip()
    return f"**{safe}**" if safe else ""


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
