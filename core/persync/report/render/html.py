"""The report as one HTML file: no script, nothing fetched, light and dark, good on paper and on a phone."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from persync.errors import DataError
from persync.report import charts, words
from persync.report.cells import CellText, TableText, table_text
from persync.report.painting import Draw, draw
from persync.report.report import BuiltSection, Figure, Note, Report, Table
from persync.report.safe import plain

WIDE: Final = 720
NARROW: Final = 340
"""Widths in px of the two pictures of one figure; the style sheet shows the one that fits, so text keeps its size."""

_TONES: Final = {"var(--good)": "good", "var(--bad)": "bad", "var(--unsure)": "unsure"}


def to_html(report: Report, draw: Draw = draw) -> str:
    """Return the report as an HTML page that needs nothing but itself. Every text in it is escaped."""
    sections = [_section(section, index, report.timezone, draw) for index, section in enumerate(report.sections)]
    html = (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            shop=str(report.facts.get("project", {}).get("name") or ""),
            period=words.period(report.period, report.timezone),
            made=words.moment(report.made_at, report.timezone),
            sections=sections,
        )
    )
    return html + "\n"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("persync.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_inert,
    )


def _inert(value: Any) -> Any:
    """Neutralise every text that the template writes; autoescape comes after it. Pictures are Markup and stay."""
    # "95 %:" stands in the middle of many sentences and must not be torn apart at the end of a line.
    return plain(value).replace("95 %:", "95\u00a0%:") if isinstance(value, str) and not isinstance(value, Markup) else value


def _section(section: BuiltSection, index: int, timezone: str, draw: Draw) -> dict[str, Any]:
    name = f"{_slug(section.name)}-{index + 1}"
    tables = {block.name: f"{name}-t{number}" for number, block in enumerate(section.blocks) if isinstance(block, Table)}
    blocks: list[dict[str, Any]] = []
    for number, block in enumerate(section.blocks):
        if isinstance(block, Note):
            blocks.append({"kind": "note", "tone": block.tone, "heading": block.heading, "text": block.text})
        elif isinstance(block, Figure):
            blocks.append(_figure(block, f"{name}-f{number}", tables.get(block.table.name), timezone, draw))
        else:
            blocks.append(_table(block, tables[block.name], timezone))
    return {"id": name, "title": section.title, "blocks": blocks}


def _figure(figure: Figure, name: str, table_id: str | None, timezone: str, draw: Draw) -> dict[str, Any]:
    try:
        pictures = [
            (size, Markup(charts.svg(figure.spec, name=f"{name}-{size}", alt=figure.alt, width=width, draw=draw)))  # noqa: S704
            for size, width in (("wide", WIDE), ("narrow", NARROW))
        ]
        problem = ""
    except DataError as error:
        pictures, problem = [], error.what
    return {
        "kind": "figure",
        "id": name,
        "caption": figure.caption,
        "alt": figure.alt,
        "pictures": pictures,
        "problem": problem,
        "table_id": table_id,
        "table": _table(figure.table, f"{name}-t", timezone),
    }


def _table(table: Table, name: str, timezone: str) -> dict[str, Any]:
    shown = table_text(table, timezone)
    last = len(shown.rows) - 1
    estimates = {place for row in shown.rows for place, cell in enumerate(row) if cell.beside.parts()}
    return {
        "kind": "tiles" if table.layout == "tiles" else "table",
        "id": name,
        "caption": shown.caption,
        # With one such column there is room to set a value and what stands beside it in one line.
        "in_line": len(estimates) == 1,
        "columns": [
            {"title": title, "beneath": beneath, "numeric": numeric, "held": place in estimates}
            for place, (title, beneath, numeric) in enumerate(zip(shown.headings, shown.beneath, shown.numeric, strict=True))
        ],
        "notes": shown.notes,
        "footnotes": shown.footnotes,
        "rows": [{"is_total": table.has_total and i == last, "cells": _cells(row, shown)} for i, row in enumerate(shown.rows)],
    }


def _cells(row: tuple[CellText, ...], table: TableText) -> list[dict[str, Any]]:
    return [
        _cell(cell, numeric, is_head=place == 0) for place, (cell, numeric) in enumerate(zip(row, table.numeric, strict=True))
    ]


def _cell(cell: CellText, numeric: bool, *, is_head: bool) -> dict[str, Any]:
    verdict = "" if cell.is_number else _TONES.get(charts.VERDICT_COLOURS.get(cell.main, ""), "")
    return {
        "main": cell.main,
        "beside": cell.beside.parts(),
        "numeric": cell.is_number and numeric,
        "missing": cell.is_missing,
        "verdict": verdict,
        "head": is_head and not cell.is_number,
    }


def _slug(name: str) -> str:
    """Return a name as an id: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "part"
