"""Each format of one small report, whole."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from persync.errors import ConfigError
from persync.report.render import FORMATS, render
from persync.report.report import Figure, Note, Report, Table

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("format", ["text", "md"])
def test_a_report_reads_as_agreed(report: Report, format: str) -> None:
    """The text and Markdown forms are the agreed ones, letter by letter."""
    assert render(report, format) == (GOLDEN / f"small.{format}").read_text(encoding="utf-8")


def test_the_json_form_is_complete(report: Report) -> None:
    """JSON holds every block, and every estimate once more in `results`."""
    document = json.loads(render(report, "json"))
    figure = report.sections[1].blocks[1]
    assert isinstance(figure, Figure)

    spec = document["sections"][1]["blocks"][1].pop("spec")

    assert spec == json.loads(json.dumps(figure.spec))
    assert document == json.loads((GOLDEN / "small.json").read_text(encoding="utf-8"))


def test_every_estimate_cell_shows_its_interval_and_n(report: Report) -> None:
    """Wherever an estimate stands, its interval, n and causal label stand beside it; a missing one says why."""
    for format in ("text", "md", "html"):
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", render(report, format)))

        assert {format: text.count("+0.49 to +1.05") > 0} == {format: True}
        assert {format: text.count("n = 42,694") >= 2} == {format: True}
        assert {format: text.count("randomised test") >= 1} == {format: True}
        assert {format: "not known: no costs have been imported" in text or "not known: no costs have" in text} == {
            format: True
        }


def test_text_is_plain_unless_colour_is_asked_for(report: Report) -> None:
    """Without colour there is no escape sequence; with it the words are the same."""
    plain, styled = render(report, "text"), render(report, "text", color=True)

    assert "\x1b" not in plain
    assert "\x1b[" in styled
    assert re.sub(r"[ \n]+", " ", re.sub(r"\x1b\[[0-9;]*m", "", styled)) == re.sub(r"[ \n]+", " ", plain)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_text_keeps_within_the_terminal(report: Report, width: int) -> None:
    """No line is wider than the terminal."""
    assert max(map(len, render(report, "text", width=width).splitlines())) <= width


def test_an_unknown_format_names_the_known_ones(report: Report) -> None:
    """A misspelt format is a usage error with the nearest right one."""
    with pytest.raises(ConfigError) as caught:
        render(report, "htm")

    assert (caught.value.exit_code, caught.value.hint) == (2, "Did you mean 'html'?")
    assert FORMATS == ("html", "text", "json", "md", "csv", "xlsx")


def test_a_figure_does_not_repeat_a_table_of_its_section(report: Report) -> None:
    """A table that the section shows is printed once in text, though a figure stands on it."""
    assert render(report, "text").count("What the mail changed") == 1
    assert render(report, "md").count("What the mail changed") == 1


def test_numbers_that_json_cannot_hold_are_null(report: Report) -> None:
    """Infinity and NaN become null, and what is not JSON becomes its text."""
    facts: dict[str, Any] = {"endless": float("inf"), "nothing": float("nan"), "path": Path("a"), "pair": (1, True)}
    odd = Report(report.title, report.persync, 0, None, "UTC", (), facts)

    document = json.loads(render(odd, "json"))

    assert document["facts"] == {"endless": None, "nothing": None, "path": "a", "pair": [1, True]}
    assert (document["period"], document["made_at"], document["results"]) == (None, "1970-01-01T00:00:00Z", [])


def test_every_table_of_a_report_is_in_the_json(report: Report) -> None:
    """No row is lost on the way to JSON."""
    document = json.loads(render(report, "json"))
    rows = [len(block.rows) for section in report.sections for block in section.blocks if isinstance(block, Table)]

    assert [len(b["rows"]) for s in document["sections"] for b in s["blocks"] if b["type"] == "table"] == rows


def test_json_keeps_every_character_and_writes_those_that_move_a_terminal_as_escapes(report: Report) -> None:
    """Half of a surrogate pair, too, which no UTF-8 can hold."""
    words = "\x1b[2J \x9b1m \u202eabc\u202c \ufeff \ud83d \U000e0041"

    shown = render(replace(report, title=words), "json")

    assert [one for one in shown.replace("\n", "") if not one.isprintable()] == []
    assert json.loads(shown)["title"] == words


def test_markdown_draws_no_line_where_a_text_is_empty(report: Report) -> None:
    table = next(block for section in report.sections for block in section.blocks if isinstance(block, Table))
    section = replace(report.sections[0], blocks=(replace(table, caption=" \n"), Note("Words.", heading=" ")))

    assert "**" not in render(replace(report, sections=(section,)), "md").split("\n## ")[1].split("|")[0]
