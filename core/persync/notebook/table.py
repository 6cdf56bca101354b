"""A table in a notebook: plain HTML in which every text is inert, or aligned text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from persync.report.safe import plain


def html_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    right: Sequence[str] = (),
    more: str = "",
) -> str:
    """Return an HTML table. Empty columns are left out, those of `right` are numbers; nothing in it is a script or a link."""
    kept = _kept(columns, rows)
    align = {at: ' style="text-align: right"' if columns[at] in right else ' style="text-align: left"' for at in kept}
    head = "".join(f"<th{align[at]}>{_text(columns[at])}</th>" for at in kept)
    body = "".join(f"<tr>{''.join(f'<td{align[at]}>{_text(row[at])}</td>' for at in kept)}</tr>" for row in rows)
    caption = f"<caption>{_text(title)}</caption>" if title else ""
    after = f"<p>{_text(more)}</p>" if more else ""
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{after}"


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]], more: str) -> str:
    """Return aligned columns for where HTML is not shown."""
    kept = _kept(columns, rows)
    lines = [[plain(line[at]) for at in kept] for line in (columns, *rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(kept))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*shown, *([more] if more else [])])


def _kept(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [at for at in range(len(columns)) if not rows or any(row[at] for row in rows)]


def _text(text: str) -> str:
    return escape(plain(text))
