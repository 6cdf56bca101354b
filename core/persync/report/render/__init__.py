"""Renderers: each makes one format from the same report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from persync.errors import ConfigError, nearest
from persync.report.painting import Draw, draw

if TYPE_CHECKING:
    from persync.report.report import Report

FORMATS: Final = ("html", "text", "json", "md", "csv", "xlsx")
_ALIASES: Final = {"markdown": "md", "txt": "text"}


def render(report: Report, format: str, *, width: int = 100, color: bool = False, draw: Draw = draw) -> str | bytes:
    """Return the report as `html` (one file, no script), `text` (a terminal), `json`, `md`, `csv` or, in bytes, `xlsx`.

    `width` and `color` bear on text alone: columns of the terminal, and whether it may be styled; the default is plain.
    `draw` is who draws the pictures of a page.
    Raises ConfigError on an unknown format.
    """
    wanted = _ALIASES.get(format, format)
    if wanted == "html":
        from persync.report.render.html import to_html

        return to_html(report, draw)
    if wanted == "text":
        from persync.report.render.text import to_text

        return to_text(report, width=width, color=color)
    if wanted == "json":
        from persync.report.render.json_ import to_json

        return to_json(report)
    if wanted == "md":
        from persync.report.render.markdown import to_markdown

        return to_markdown(report)
    if wanted == "csv":
        from persync.report.render.csv_ import to_csv

        return to_csv(report)
    if wanted == "xlsx":
        from persync.report.render.xlsx import to_xlsx

        return to_xlsx(report)
    raise ConfigError(f"There is no report format '{format}'.", hint=nearest(format, FORMATS))
