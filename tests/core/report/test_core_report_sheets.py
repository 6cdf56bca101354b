"""The report as CSV and as a workbook: every number, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from persync.estimate import missing
from persync.money import Money
from persync.report.render import render
from persync.report.report import BuiltSection, Column, Note, Report, Table
from persync.report.safe import spreadsheet

GOLDEN = Path(__file__).parent / "golden"
FORMULAS = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n+1", "＝1", "\u202e=1")


def book(report: Report) -> Any:
    made = render(report, "xlsx")
    assert isinstance(made, bytes)
    return openpyxl.load_workbook(io.BytesIO(made))


def cells(sheet: Any) -> list[list[Any]]:
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def hostile(text: str) -> Report:
    table = Table(text, text, (Column("a", text), Column(text, text, "count")), ((text, 1), (text, missing(text, text))))
    section = BuiltSection(text, text, (Note(text, "answer", text), table))
    return Report(text, "0", 0, None, "UTC", (section,), {"project": {"name": text}})


def test_the_csv_is_the_agreed_one(report: Report) -> None:
    made = render(report, "csv")
    assert isinstance(made, str)
    assert made.encode() == (GOLDEN / "small.csv").read_bytes()


def test_a_workbook_has_the_words_and_a_sheet_for_every_table(report: Report) -> None:
    made = book(report)

    assert made.sheetnames == ["Answers", "lift", "till"]
    assert [row for row in cells(made["Answers"])[3:] if any(row)] == [
        ["The answer", None],
        [None, "Yes."],
        ["Who?", "Nobody knows."],
        ["Does it pay?", None],
        ["How:", "By Welch."],
    ]


def test_numbers_of_a_workbook_are_numbers(report: Report) -> None:
    till = book(report)["till"]

    assert cells(till)[3:6] == [
        ["Source", "Orders", "Amount (EUR)", "Share", "Of the shop's", "Last seen"],
        ["shop", 1204, 98610.1, 1, None, openpyxl.utils.datetime.from_excel(45658)],
        ["mailchimp", 1000, -12.5, 0.171, 1.85, None],
    ]
    assert (till["C5"].number_format, till["D6"].number_format) == ("#,##0.00", "0.0%")


def test_an_estimate_of_a_workbook_stands_with_its_interval_and_what_it_may_claim(report: Report) -> None:
    headings, row = cells(book(report)["lift"])[3:5]

    assert headings[1:7] == ["Revenue a customer", "low (95 %)", "high (95 %)", "n", "p", "unit, standing"]
    assert row[1:7] == [0.7698, 0.4851, 1.0545, 42694, 1.16e-7, "EUR; randomised"]
    assert row[13] == "not known: no costs have been imported"


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_becomes_a_formula(text: str) -> None:
    report = hostile(text)
    made = book(report)

    assert sum(cell.value is not None for sheet in made for row in sheet.iter_rows() for cell in row) >= 9
    lines = list(csv.reader(io.StringIO(str(render(report, "csv")))))

    assert {cell.data_type for sheet in made for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    begins = {line.lstrip()[:1] for row in lines[1:] for line in row}
    assert not begins & set("=+-@＝＋－＠\t\r"), begins
    assert len(lines) == 3


def test_a_negative_number_is_no_formula(report: Report) -> None:
    table = Table("t", "t", (Column("a", "A", "money"),), ((Money(-1250, "EUR"),),))
    made = render(replace(report, sections=(BuiltSection("s", "S", (table,)),)), "csv")

    assert str(made).splitlines()[1] == "s,t,1,,a,-12.50,,,,,EUR,,"


@pytest.mark.parametrize(
    ("text", "safe"), [("plain", "plain"), ("-1", "'-1"), ("a=b", "a=b"), (" \t@x", "' @x"), ("", ""), ("é", "é")]
)
def test_an_apostrophe_stands_before_what_would_be_a_formula(text: str, safe: str) -> None:
    assert spreadsheet(text) == safe


def test_sheet_names_are_short_single_and_allowed(report: Report) -> None:
    names = ("a" * 40, "a" * 40, "A" * 40, "x[1]:*?/\\", "'quoted'", "history", "answers", "", "\U0001f600" * 20)
    column = (Column("c", "C"),)
    sections = tuple(BuiltSection(f"s{n}", "S", (Table(name, "t", column, (("x",),)),)) for n, name in enumerate(names))

    assert book(replace(report, sections=sections)).sheetnames == [
        "Answers",
        "a" * 31,
        "a" * 29 + " 2",
        "A" * 29 + " 3",
        "x 1",
        "quoted",
        "history 2",
        "answers 2",
        "table",
        "\U0001f600" * 15,
    ]


def test_numbers_without_an_end_leave_their_cell_empty(report: Report) -> None:
    table = Table("t", "t", (Column("a", "A", "ratio"),), ((float("inf"),), (float("nan"),), (2.5,)))
    odd = replace(report, sections=(BuiltSection("s", "S", (table,)),))

    assert cells(book(odd)["t"])[4:7] == [[None], [None], [2.5]]
    assert [line.split(",")[5] for line in str(render(odd, "csv")).splitlines()[1:]] == ["", "", "2.5"]
