"""Tables on a terminal: no line is wider than it and nothing is left out; what goes elsewhere stays as wide as it is."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from core.cli.calls import PLATFORMS, Run, project
from persync.cli.fit import NARROWEST, fitted, terminal_width

HEADERS = ("id", "what", "n")
ROWS = [
    ("open_rate", "of all messages that were delivered, those opened", "1,204"),
    ("ctr", "clicked", "12"),
]


@pytest.mark.parametrize("columns", [1, 2, 3, 5, 8])
def test_every_line_fits_and_nothing_is_left_out(columns: int) -> None:
    draw = random.Random(columns)
    headers = [f"head{place}" for place in range(columns)]
    for _ in range(60):
        width = draw.randint(NARROWEST, 120)
        sizes = [[[draw.randint(1, 90) for _ in range(draw.randint(0, 5))] for _ in headers] for _ in range(draw.randint(1, 4))]
        rows = [[" ".join("x" * size for size in cell) for cell in row] for row in sizes]

        lines = fitted(headers, rows, draw.sample(headers, draw.randint(0, columns)), width)

        assert max(map(len, lines)) <= width
        assert sum(line.count("x") for line in lines) == sum(size for row in sizes for cell in row for size in cell)


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (
            None,
            [
                "id         what                                                   n",
                "open_rate  of all messages that were delivered, those opened  1,204",
                "ctr        clicked                                               12",
            ],
        ),
        (
            50,
            [
                "id         what                                  n",
                "open_rate  of all messages that were         1,204",
                "           delivered, those opened",
                "ctr        clicked                              12",
            ],
        ),
    ],
)
def test_a_text_goes_on_in_its_column_and_a_number_stays_whole(width: int | None, lines: list[str]) -> None:
    assert fitted(HEADERS, ROWS, ("n",), width) == lines


def test_a_long_last_column_stands_beneath_its_row_where_that_takes_fewer_lines() -> None:
    note = "people are left out whose window is not over, and none is known of the others"

    lines = fitted(
        ("measure", "value", "note"), [("conversion_rate_after_mail", "12.3 %", note), ("ctr", "1 %", "")], ("value",), 48
    )

    assert lines == [
        "measure                      value",
        "conversion_rate_after_mail  12.3 %",
        "    note: people are left out whose window is",
        "    not over, and none is known of the others",
        "ctr                            1 %",
    ]


def test_numbers_stay_beside_their_row_and_texts_of_few_rows_share_the_line_beneath() -> None:
    rows = [("shop_total", "", "", "12,345,678.00 EUR"), ("claim", "FIRST_TOUCHES", "mailchimp_all", "3.00 EUR")]

    lines = fitted(("measure", "x", "y", "value"), rows, ("value",), 40)

    assert lines == [
        "measure                 value",
        "shop_total  12,345,678.00 EUR",
        "claim                3.00 EUR",
        "    x: FIRST_TOUCHES  y: mailchimp_all",
    ]


def test_the_name_of_a_row_is_not_broken() -> None:
    name = "segment_stability_and_distinctness"

    assert name in "\n".join(fitted(("id", "title", "by"), [(name, "How stable segments are", "day, week")], (), 60)).split()


def test_results_for_a_file_or_a_program_are_not_fitted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    found = []
    for is_terminal in (False, True):
        monkeypatch.setattr(sys.stdout, "isatty", lambda here=is_terminal: here)
        found.append(terminal_width())

    assert found == [None, 60]


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("line", ["metrics list", "metrics show aov", "config show --origin", "doctor --offline"])
def test_a_command_keeps_to_the_terminal(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, width: int
) -> None:
    """And says there all that it says elsewhere."""
    project(tmp_path, PLATFORMS)
    piped = persync(*line.split()).stdout
    for module in ("output", "metrics"):
        monkeypatch.setattr(f"persync.cli.{module}.terminal_width", lambda: width)

    shown = persync(*line.split()).stdout

    assert max(map(len, piped.splitlines())) > width >= max(map(len, shown.splitlines()))
    assert letters([piped]) - letters([shown]) == Counter()


def letters(texts: Iterable[str]) -> Counter[str]:
    return Counter(letter for text in texts for letter in text if not letter.isspace())
