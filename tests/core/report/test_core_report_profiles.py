"""Profiles: one page for a beginning, all of it, and what somebody needs who has to check it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import get_args
from urllib.parse import unquote

import pytest

from persync.cli.report import report as command
from persync.estimate import Estimate
from persync.report.build import build_report, of_profile
from persync.report.render import render
from persync.report.render.csv_ import HEADER, to_csv
from persync.report.report import PROFILES, BuiltSection, Column, Figure, Inputs, Note, Profile, Report, Section, Table
from persync.report.sections import SECTIONS, brief, method
from persync.settings import JobReport


def made(inputs: Inputs, profile: Profile) -> Report:
    """Build the report of a profile."""
    return build_report(of_profile(SECTIONS, profile), replace(inputs, profile=profile), made_at=inputs.ask.now)


def estimates(report: Report) -> list[Estimate]:
    """Return the numbers that stand in the tables and figures."""
    blocks = (block for section in report.sections for block in section.blocks)
    shown = [block.table if isinstance(block, Figure) else block for block in blocks if not isinstance(block, Note)]
    return [cell for table in shown for row in table.rows for cell in row if isinstance(cell, Estimate)]


def test_the_command_and_jobs_know_every_profile() -> None:
    """They name the profiles without importing the report."""
    choices = next(option.type.choices for option in command.params if option.name == "profile")  # type: ignore[attr-defined]

    assert tuple(choices) == PROFILES
    assert get_args(JobReport.model_fields["profile"].annotation) == PROFILES


def test_a_starter_has_the_answer_and_at_most_six_numbers(inputs: Inputs) -> None:
    """One section: the answer, six numbers, what to do, for whom, who is left out, what is not known."""
    starter = made(inputs, "starter")
    (answer,) = starter.sections
    first, tiles, *notes = answer.blocks

    assert isinstance(first, Note)
    assert first.text.startswith("Yes")
    assert isinstance(tiles, Table)
    assert (tiles.layout, len(tiles.rows)) == ("tiles", 6)
    assert len(estimates(starter)) == 6
    assert [note.heading for note in notes if isinstance(note, Note)] == [
        "What to do?",
        "For whom?",
        "Is anybody left out?",
        "What is not known?",
        "",
    ]
    assert isinstance(notes[-1], Note)
    assert notes[-1].tone == "coverage"


def test_a_starter_without_a_test_shows_plain_numbers(inputs: Inputs) -> None:
    """Without an experiment the room goes to numbers that need none, and nothing is advised."""
    starter = made(replace(inputs, ask=replace(inputs.ask, experiments={})), "starter")

    assert [one.id for one in estimates(starter)][1:] == ["ctr", "repeat_purchase_rate", "revenue_per_recipient"]
    assert "What to do?" not in [block.heading for block in starter.sections[0].blocks if isinstance(block, Note)]


def test_a_starter_of_an_empty_store_says_so(empty_inputs: Inputs) -> None:
    """No number is made up."""
    starter = made(empty_inputs, "starter")

    assert estimates(starter) == []
    assert starter.facts["failed"] == []


def test_an_audit_has_every_definition_in_every_form(inputs: Inputs) -> None:
    """What metrics mean is left out of a full report's Markdown, and stands in that of an audit."""
    full, audit = (build_report([method.SECTION], replace(inputs, profile=profile), made_at=0) for profile in ("full", "audit"))
    texts = {report.profile: render(report, "md") for report in (full, audit)}
    count = len(inputs.metrics)

    assert {name: str(text).count(" Formula: ") for name, text in texts.items()} == {"full": 0, "audit": count}
    assert f"{count} definitions stand in the html and json forms of this report." in texts["full"]
    assert str(render(full, "html")).count("<summary>") < str(render(audit, "html")).count("<summary>")
    assert str(render(full, "html")).count(f"<summary>{count} definitions</summary>") == 1


def test_an_audit_leaves_out_what_nobody_has_to_check(inputs: Inputs) -> None:
    """What tempts to a decision is not in it; what the numbers rest on is, and so is a stranger's section."""
    own = Section("own", "Own", lambda _: [Note("here")])
    names = {profile: [one.name for one in of_profile([*SECTIONS, own], profile)] for profile in PROFILES}

    assert names["starter"] == ["answer"]
    assert names["full"] == [*(one.name for one in SECTIONS), "own"]
    assert set(names["full"]) - set(names["audit"]) == {
        "whom",
        "reading",
        "restraint",
        "segments",
        "automations",
        "journeys",
        "value",
        "outlook",
    }


@pytest.mark.parametrize(
    ("rows", "total", "hidden"), [(25, False, 0), (30, False, 0), (31, False, 6), (31, True, 0), (32, True, 6)]
)
def test_a_long_table_is_shortened_on_paper_and_says_so(rows: int, total: bool, hidden: int) -> None:
    """25 rows and the total are printed; a few more are printed all the same."""
    table = Table(
        "long", "Long", (Column("n", "N"), Column("v", "V", "count")), tuple((f"row {n}", n) for n in range(rows)), total
    )
    html = str(render(Report("T", "0", 0, None, "UTC", (BuiltSection("a", "A", (table,)),)), "html"))

    assert html.count('<tr class="unprinted">') == hidden
    assert re.findall(r'class="cut">(\d+) more rows', html) == ([str(hidden)] if hidden else [])
    assert html.count('<tr class="total">') == total
    assert html.index("row 24") < (html.index('unprinted">') if hidden else len(html))


def test_the_numbers_of_a_table_come_along_as_csv(report: Report) -> None:
    """The link under a table holds the lines that the CSV form has of it, formulas disarmed."""
    hostile = Table("h", "H", (Column("a", "A"), Column("b", "B", "count")), (("=1+1", 3),))
    shown = replace(report, sections=(*report.sections, BuiltSection("h", "H", (hostile,))))
    html = str(render(shown, "html"))
    held = [unquote(link) for link in re.findall(r'href="data:text/csv;charset=utf-8,([^"]+)" download', html)]
    lines = list(csv.reader(io.StringIO(to_csv(shown))))[1:]

    rows = [row for text in held for row in list(csv.reader(io.StringIO(text)))[1:]]

    assert {tuple(next(csv.reader(io.StringIO(text)))) for text in held} == {HEADER[2:]}
    assert rows == [line[2:] for line in lines]
    assert ["1", "'=1+1", "b", "3"] in [row[:4] for row in rows]


def test_the_advice_names_each_group_once(inputs: Inputs) -> None:
    """Everybody comes first."""
    texts = [note.text for note in brief.steps(inputs)]

    assert len(texts) == 1
    assert texts[0].startswith("Go on with everybody")
    assert list(_twice(texts[0])) == []


def _twice(text: str) -> Iterator[str]:
    names = re.findall(r"town \w+", text)
    yield from {name for name in names if names.count(name) > 1}
