"""Building a report: order, guards and facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from persync import __version__
from persync.engine.engine import Engine, once
from persync.errors import DataError, StoreError
from persync.measure.metric import Ask
from persync.report.build import build_report
from persync.report.memory import RememberingEngine
from persync.report.render import FORMATS, render
from persync.report.report import Block, BuiltSection, Inputs, Note, Report, Section

INPUTS = Inputs(cast(Engine, None), Ask(now=5, period=(1, 4), timezone="Europe/Berlin"), project={"name": "Corner shop"})


def section(name: str, order: int, outcome: Any) -> Section:
    """Return a section that yields these blocks or raises this error."""

    def build(inputs: Inputs) -> Sequence[Block]:
        if isinstance(outcome, Exception):
            raise outcome
        return cast(Sequence[Block], outcome)

    return Section(name, name.title(), build, order)


def test_sections_come_in_their_order() -> None:
    """By order, then name; the report carries its period, zone and moment."""
    parts = [section("late", 900, [Note("c")]), section("b", 100, [Note("b")]), section("a", 100, [Note("a")])]

    report = build_report(parts, INPUTS, made_at=5)

    assert report == Report(
        title="Does personalised e-mail pay?",
        persync=__version__,
        made_at=5,
        period=(1, 4),
        timezone="Europe/Berlin",
        sections=(
            BuiltSection("a", "A", (Note("a"),)),
            BuiltSection("b", "B", (Note("b"),)),
            BuiltSection("late", "Late", (Note("c"),)),
        ),
        facts=report.facts,
    )
    assert (report.facts["project"], report.facts["failed"]) == ({"name": "Corner shop"}, [])
    assert build_report({part.name: part for part in parts}, INPUTS, made_at=5) == report


def test_a_section_without_data_becomes_a_note() -> None:
    """DataError says why a part is missing; it is no failure."""
    report = build_report([section("a", 1, DataError("no costs are known.", hint="Import them."))], INPUTS, made_at=0)

    assert report.sections[0].blocks == (Note("This part is missing: no costs are known. Import them."),)
    assert report.facts["failed"] == []


@pytest.mark.parametrize(
    ("error", "why"),
    [(KeyError("x"), "KeyError"), (ZeroDivisionError(), "ZeroDivisionError"), (StoreError("locked."), "locked.")],
)
def test_a_broken_section_costs_only_itself(error: Exception, why: str) -> None:
    """Any other failure is a warning without a traceback, is listed, and leaves the other parts."""
    report = build_report([section("a", 1, error), section("b", 2, [Note("here")])], INPUTS, made_at=0)

    assert [one.blocks for one in report.sections] == [
        (Note(f"This part could not be made: the section 'a' failed ({why}).", "warning"),),
        (Note("here"),),
    ]
    assert report.facts["failed"] == [{"section": "a", "reason": why}]
    assert ["Traceback" in str(render(report, format)) for format in FORMATS] == [False] * len(FORMATS)


def test_an_empty_section_says_so() -> None:
    """No blocks is a note, not a blank."""
    report = build_report([section("a", 1, [])], INPUTS, made_at=0)

    assert report.sections[0].blocks == (Note("This part has nothing to show for this period."),)


class Counting:
    """An engine that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def rows(self, sql: str, params: Any = None) -> list[dict[str, Any]]:
        self.asked.append(sql)
        return [{"n": len(self.asked)}]

    def write(self, sql: str, params: Any, name: str) -> int:
        self.asked.append(f"{name}: {sql}")
        return 7


def test_the_same_question_is_asked_once_until_a_table_it_reads_changes() -> None:
    """Rows are kept by text, parameters and what the derived tables in the text hold, and handed out as copies."""
    engine = Counting()
    remembering = RememberingEngine(cast(Engine, engine))

    first = remembering.rows("a", {"x": 1})
    first[0]["n"] = 99
    answers = [remembering.rows("a", {"x": 1}), remembering.rows("a", {"x": 2})]
    written = [remembering.write("w", None, "t"), remembering.write("w", None, "t")]
    unread = remembering.rows("a", {"x": 1})
    read = [remembering.rows("FROM t"), remembering.rows("FROM t")]
    remembering.write("SELECT t", None, "u")
    remembering.write("v", None, "t")
    anew = remembering.rows("FROM t")
    remembering.write("SELECT t", None, "u")
    remembering.write("w", None, "t")
    again = remembering.rows("FROM t")

    assert answers == [[{"n": 1}], [{"n": 2}]]
    assert (written, unread, read) == ([7, 7], [{"n": 1}], [[{"n": 4}], [{"n": 4}]])
    assert (anew, again) == ([{"n": 7}], [{"n": 4}])
    asked = ["a", "a", "t: w", "FROM t", "u: SELECT t", "t: v", "FROM t", "u: SELECT t", "t: w"]
    assert engine.asked == asked


def test_what_hangs_on_the_same_is_made_once_for_a_report() -> None:
    """`once` keeps what was made by its key; another engine makes it whenever it is asked."""
    counting = cast(Engine, Counting())
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        return made[-1]

    remembering = cast(Engine, RememberingEngine(counting))
    kept = [once(remembering, key, make) for key in ("a", "a", "b", "a")]

    assert (kept, [once(counting, "a", make) for _ in range(2)]) == ([0, 0, 1, 0], [2, 3])
