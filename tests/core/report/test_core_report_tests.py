"""The section on tests: one line an arm, and what was checked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from persync.errors import DataError
from persync.estimate import Estimate
from persync.report.report import Inputs, Note, Table
from persync.report.sections import answer, tests


def test_a_test_stands_there_with_its_verdict_and_its_checks(inputs: Inputs) -> None:
    """Belief and decision are told; the arms' sizes are checked."""
    (name, first), *_ = inputs.ask.experiments.items()
    written = replace(first, hypothesis="names sell", decision="kept")
    ask = replace(inputs.ask, experiments={**inputs.ask.experiments, name: written})

    blocks = tests.build_tests(replace(inputs, ask=ask))

    tables = {block.name: block for block in blocks if isinstance(block, Table)}
    assert set(tables) == {"register", "checks"}
    assert {row[0] for row in tables["register"].rows} >= {name}
    words = [row[4] for row in tables["register"].rows]
    assert set(words) <= {"pays", "costs", "cannot tell"}
    assert all(isinstance(row[1], Estimate) for row in tables["checks"].rows)
    said = [block.text for block in blocks if isinstance(block, Note)]
    assert f"'{name}': believed: names sell; decided: kept." in said
    assert "over and read" in said[0]


def test_without_any_test_the_section_says_what_to_do(empty_inputs: Inputs) -> None:
    with pytest.raises(DataError, match="experiment plan"):
        tests.build_tests(empty_inputs)


def test_a_report_without_a_goal_says_so_at_the_top(inputs: Inputs) -> None:
    said = [block.text for block in answer.build_answer(inputs) if isinstance(block, Note)]

    assert any("What the goal is: none was stated before looking" in text for text in said)
