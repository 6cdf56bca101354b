"""What stands where in the report of each profile: headings, figures and tables of every section, held against a kept list."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from persync.report.build import build_report, of_profile
from persync.report.memory import RememberingEngine
from persync.report.render.html import section_html
from persync.report.report import PROFILES, Figure, Inputs, Note, Profile, Report, Table
from persync.report.sections import SECTIONS

GOLDEN = Path(__file__).parent / "golden" / "structure.json"


@pytest.fixture(scope="module")
def reports(shop_inputs: Inputs) -> dict[Profile, Report]:
    """The report of each profile on the small shop."""
    now = shop_inputs.ask.now
    asked = replace(shop_inputs, engine=RememberingEngine(shop_inputs.engine))  # the three ask alike
    return {
        profile: build_report(of_profile(SECTIONS, profile), replace(asked, profile=profile), made_at=now)
        for profile in PROFILES
    }


def outline(report: Report) -> dict[str, list[str]]:
    """Return for each section what it shows, in order: notes by tone and heading, figures and tables by name."""
    shown: dict[str, list[str]] = {}
    for section in report.sections:
        lines = shown[f"{section.name}: {section.title}"] = []
        for block in section.blocks:
            if isinstance(block, Note) and block.tone == "glossary":
                if "glossary" not in lines:
                    lines.append("glossary")
            elif isinstance(block, Note):
                lines.append(f"{block.tone} {block.heading}".strip())
            elif isinstance(block, Figure):
                lines.append(f"figure {block.name} of {block.table.name}")
            else:
                lines.append(f"{block.layout} {block.name}: {', '.join(column.name for column in block.columns)}")
    method = next((lines for name, lines in shown.items() if name.startswith("method")), [])
    if report.profile == "audit" and method:  # one a metric: their count alone stands here
        found = [line for line in method if line.startswith("definition ")]
        method[:] = [*(line for line in method if line not in found), f"{'many' if len(found) > 100 else 'few'} definitions"]
    return shown


def test_every_profile_shows_what_it_is_known_to_show(reports: dict[Profile, Report]) -> None:
    """A section, a figure or a table that is gone, moved or new is seen here; PERSYNC_WRITE_GOLDEN=1 keeps the new list."""
    found = {profile: outline(report) for profile, report in reports.items()}
    if os.environ.get("PERSYNC_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    assert found == json.loads(GOLDEN.read_text("utf-8"))


class Parts(HTMLParser):
    """Reads a section: its headings, and of each figure its caption, pictures and numbers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.figures: list[list[str]] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)
        if tag == "figure":
            self.figures.append([])
        if "figure" in self._open and tag in ("figcaption", "svg", "table", "a"):
            told = dict(attrs)
            self.figures[-1].append(tag if tag != "svg" else f"svg {bool(told.get('aria-label'))}")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass


def test_headings_never_skip_a_level_and_every_figure_has_words_and_numbers(reports: dict[Profile, Report]) -> None:
    """A section begins with its h2 and has only h3 below; a figure has a caption, and its numbers or a link to them."""
    full = reports["full"]
    for section in full.sections:
        figures = [block for block in section.blocks if isinstance(block, Figure)]
        parts = Parts(str(section_html(section, full.timezone, draw=None)))
        assert (parts.headings[0], set(parts.headings[1:]) - {"h3"}) == ("h2", set()), section.name
        assert len(parts.figures) == len(figures), section.name
        assert all(shown[0] == "figcaption" and shown[-1] in ("a", "table") for shown in parts.figures), section.name


def test_every_figure_says_in_words_what_it_shows(reports: dict[Profile, Report]) -> None:
    """The alternative text holds a number, and is no copy of the caption."""
    figures = [block for section in reports["full"].sections for block in section.blocks if isinstance(block, Figure)]

    assert len(figures) >= 8
    assert [figure.name for figure in figures if not re.search(r"\d", figure.alt) or figure.alt == figure.caption] == []


def test_every_section_of_the_full_report_answers_in_words(reports: dict[Profile, Report]) -> None:
    """There is a sentence above the first table or figure of each."""
    full = reports["full"]
    silent = [section.name for section in full.sections if isinstance(section.blocks[0], (Table, Figure))]

    assert silent == []
