"""The report as one HTML file: no script, nothing fetched, light and dark, good on paper and on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from persync.errors import DataError
from persync.report import charts, words
from persync.report.cells import CellText, TableText, table_text
from persync.report.painting import Draw, draw
from persync.report.render.csv_ import table_csv
from persync.report.report import BuiltSection, Cell, Column, Figure, Note, Report, Table
from persync.report.safe import plain

WIDE: Final = 720
NARROW: Final = 340
"""Widths in px of the two pictures of one figure; the style sheet shows the one that fits, so text keeps its size."""

MOST_PRINTED: Final = 25
"""rows of a table that are printed; the rest stands on the page, and in print a line says so"""
FEW: Final = 5
"""rows beyond those are printed all the same: a line that says they are missing takes room as well"""
MOST_IN_LINE: Final = 4
"""columns of a table whose one estimate is set in a line with its interval"""

_TONES: Final = {"var(--good)": "good", "var(--bad)": "bad", "var(--unsure)": "unsure"}


@dataclass(frozen=True, slots=True)
class Links:
    """What a page that is served adds to a section: an address for a cell or a whole table ("" = none), and what a script needs
    to draw a figure, as JSON."""

    cell: Callable[[Table, Column, Cell], str]
    table: Callable[[Table], str]
    figure: Callable[[Figure], str]


def to_html(report: Report, draw: Draw = draw) -> str:
    """Return the report as an HTML page that needs nothing but itself. Every text in it is escaped."""
    sections = [
        _section(section, f"{_slug(section.name)}-{number}", report.timezone, draw)
        for number, section in enumerate(report.sections, 1)
    ]
    html = (
        environment()
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


def section_html(
    section: BuiltSection,
    timezone: str,
    *,
    draw: Draw | None = draw,
    links: Links | None = None,
    is_first: bool = False,
) -> Markup:
    """Return one section as the piece of HTML that it is in the report; its ids begin with its name.

    `is_first` gives it the looks of the report's first, whose answer stands for its heading. Without `draw` the figures have no
    picture of their own: a script makes them from what `links` gives it.
    """
    shown = _section(section, _slug(section.name), timezone, draw, links)
    text: str = environment().get_template("blocks.html.j2").module.section_of(shown, is_first)  # type: ignore[attr-defined]
    return Markup(text)  # noqa: S704  the template escaped what is in it


@cache
def environment(package: str = "persync.report") -> Environment:
    """Return what fills in the templates of a package, which may use those of the report."""
    places = [PackageLoader(name, "templates") for name in dict.fromkeys((package, "persync.report"))]
    return Environment(
        loader=ChoiceLoader(places),
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


def _section(section: BuiltSection, name: str, timezone: str, draw: Draw | None, links: Links | None = None) -> dict[str, Any]:
    tables = {block.name: f"{name}-t{number}" for number, block in enumerate(section.blocks) if isinstance(block, Table)}
    blocks: list[dict[str, Any]] = []
    for number, block in enumerate(section.blocks):
        if isinstance(block, Note) and block.tone == "glossary":
            if not blocks or blocks[-1]["kind"] != "glossary":
                blocks.append({"kind": "glossary", "entries": []})
            blocks[-1]["entries"].append((block.heading, block.text))
        elif isinstance(block, Note):
            blocks.append({"kind": "note", "tone": block.tone, "heading": block.heading, "text": block.text})
        elif isinstance(block, Figure):
            blocks.append(_figure(block, f"{name}-f{number}", tables.get(block.table.name), timezone, draw, links))
        else:
            blocks.append(_table(block, tables[block.name], timezone, links))
    return {"id": name, "title": section.title, "blocks": blocks}


def _figure(
    figure: Figure, name: str, table_id: str | None, timezone: str, draw: Draw | None, links: Links | None
) -> dict[str, Any]:
    pictures, problem = _pictures(figure, name, draw) if draw else ([], "")
    return {
        "kind": "figure",
        "id": name,
        "caption": figure.caption,
        "alt": figure.alt,
        "pictures": pictures,
        "problem": problem,
        "spec": links.figure(figure) if links else "",
        "table_id": table_id,
        "table": _table(figure.table, f"{name}-t", timezone, links),
    }


def _pictures(figure: Figure, name: str, draw: Draw) -> tuple[list[tuple[str, Markup]], str]:
    """Return the pictures of a figure with the width each is for, and what is wrong where there is none."""
    try:
        return [
            (size, Markup(charts.svg(figure.spec, name=f"{name}-{size}", alt=figure.alt, width=width, draw=draw)))  # noqa: S704
            for size, width in (("wide", WIDE), ("narrow", NARROW))
        ], ""
    except DataError as error:
        return [], error.what


def _table(table: Table, name: str, timezone: str, links: Links | None = None) -> dict[str, Any]:
    shown = table_text(table, timezone)
    last = len(shown.rows) - 1
    unprinted = _unprinted(table)
    estimates = {place for row in shown.rows for place, cell in enumerate(row) if cell.beside.parts()}
    return {
        "kind": "tiles" if table.layout == "tiles" else "table",
        "id": name,
        "caption": shown.caption,
        "href": links.table(table) if links else f"data:text/csv;charset=utf-8,{quote(table_csv(table), safe=',')}",
        "file": f"{_slug(table.name)}.csv",
        # With one such column, and few others, there is room to set a value and what stands beside it in one line.
        "in_line": len(estimates) == 1 and len(shown.headings) <= MOST_IN_LINE,
        "columns": [
            {"title": title, "beneath": beneath, "numeric": numeric, "held": place in estimates}
            for place, (title, beneath, numeric) in enumerate(zip(shown.headings, shown.beneath, shown.numeric, strict=True))
        ],
        "notes": shown.notes,
        "footnotes": shown.footnotes,
        "rows": [
            {
                "is_total": table.has_total and i == last,
                "is_unprinted": MOST_PRINTED <= i < MOST_PRINTED + unprinted,
                "cells": _cells(row, table.rows[i], table, shown, links),
            }
            for i, row in enumerate(shown.rows)
        ],
        "unprinted": unprinted,
    }


def _unprinted(table: Table) -> int:
    """Return how many rows are not printed: those between the first and a total."""
    over = len(table.rows) - table.has_total - MOST_PRINTED
    return over if over > FEW else 0


def _cells(
    row: tuple[CellText, ...], raw: tuple[Cell, ...], table: Table, shown: TableText, links: Links | None
) -> list[dict[str, Any]]:
    return [
        {
            **_cell(cell, numeric, is_head=place == 0),
            "href": links.cell(table, table.columns[place], raw[place]) if links else "",
        }
        for place, (cell, numeric) in enumerate(zip(row, shown.numeric, strict=True))
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
