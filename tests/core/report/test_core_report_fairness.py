"""The parts of the fairness section that need decisions and rules in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from persync.estimate import Estimate
from persync.measure.fairness import decisions, groups
from persync.measure.fairness.parities import rates
from persync.measure.metric import Ask
from persync.report.report import Block, Inputs, Note, Table
from persync.report.sections import parities

ASK = Ask(now=10**13)


class Rows:
    """An engine that answers the three questions which these blocks ask of it."""

    def __init__(self, **answers: list[dict[str, Any]]) -> None:
        self.answers = answers

    def rows(self, sql: str, params: Any = None) -> list[dict[str, Any]]:
        return next(found for word, found in self.answers.items() if f"FROM {word}" in sql)


def inputs(engine: Any) -> Inputs:
    return Inputs(engine=engine, ask=ASK)


def said(blocks: Sequence[Block], tone: str) -> list[str]:
    return [block.text for block in blocks if isinstance(block, Note) and block.tone == tone]


def test_whoever_is_chosen_by_what_they_are_is_listed_once() -> None:
    engine = Rows(
        segments=[{"name": "Ladies", "rule": "PredictedGender is female"}, {"name": "Buyers", "rule": "orders > 2"}],
        campaign_evidence=[{"name": "Spring", "detail": "age"}, {"name": "Spring", "detail": "place"}],
    )

    (table,) = parities.aimed(inputs(engine))

    assert isinstance(table, Table)
    assert table.rows == (("Ladies", "segment", "predicted gender"), ("Spring", "message", "age and place"))


def test_an_attribute_without_a_basis_is_warned_of_and_the_others_basis_told() -> None:
    """Of twelve people the age is held on none: they are among the unknown, and that is said with their number."""
    held = [{"name": "age", "basis": "asked at sign-up"}]
    engine = Rows(**{"(\n": [{"name": "age", "people": 12}], "(SELECT": [{"name": "age", "number": 3}], "attributes": held})

    blocks = parities.basis(inputs(engine), ["age", "gender"])

    assert said(blocks, "warning") == [
        "'age' of 12 people is held without a stated basis: they count as unknown.",
        "'gender' is held without a stated basis: state one, or let go of it.",
    ]
    assert said(blocks, "definition") == ["'age': asked at sign-up."]


@pytest.mark.parametrize("p", [0.2, 0.0004])
def test_a_measure_is_told_with_the_gap_that_could_have_been_seen(p: float) -> None:
    words = "the groups differ" if p < 0.05 else "no difference between the groups is shown"
    ends = {"group": "b", "against": "a"}
    gap = Estimate("unsubscribed_rate_parity", 0.02, 0.01, 0.03, n=900, unit="share", by={**ends, "statistic": "difference"})
    estimates = [
        gap,
        Estimate("unsubscribed_rate_parity", 0.5, unit="ratio", by={**ends, "statistic": "ratio"}),
        Estimate("unsubscribed_rate_smallest_gap", 0.015, unit="share", by=ends),
        Estimate("unsubscribed_rate_smallest_gap", 0.5, unit="share", by={"group": "c", "against": "a"}),
        replace(gap, id="unsubscribed_rate_homogeneity", p=p, note=f"{words} (chi-square over 3 known groups)"),
    ]

    (table,) = parities.others("age", estimates)

    assert isinstance(table, Table)
    answer = "yes, p < 0.001" if p < 0.05 else "not shown, p = 0.200"
    assert table.rows == (("Delivered messages that people unsubscribed after", "b against a", gap, "1.5 points", answer),)


@pytest.mark.parametrize(
    ("cells", "sentence", "verdicts"),
    [
        (
            {"a": (359, 2_100), "b": (83, 700)},
            "'b' was selected 0.69 × as often as 'a' (95 %: 0.56 to 0.87): less than four fifths as counted, which is not shown"
            " to be more than chance.",
            {"a": "reference", "b": "not shown"},
        ),
        (
            {"a": (900, 2_000), "b": (300, 2_000), "unknown": (10, 2_000)},
            "'b' was selected 0.33 × as often as 'a' (95 %: 0.297 to 0.374): surely less than four fifths.",
            {"a": "reference", "b": "below", "unknown": "below"},
        ),
    ],
)
def test_a_decision_is_told_with_its_ratio_and_what_is_shown_by_it(
    monkeypatch: pytest.MonkeyPatch, cells: dict[str, tuple[int, int]], sentence: str, verdicts: dict[str, str]
) -> None:
    """The first is the worked example of 359 of 2,100 and 83 of 700: 0.6936, Katz 0.555 to 0.867."""
    by = {"attribute": "kind", "decision": "offer"}
    made = rates("selection", cells, set(), ASK, by, spread="demographic_parity").estimates()
    monkeypatch.setattr(groups, "of_each", lambda engine, names: [groups.Groups((name,)) for name in names])
    monkeypatch.setattr(decisions, "assess_each", lambda *_: made)

    blocks = parities.decided(inputs(Rows(decisions=[{"decision": "offer"}])), ["kind"])

    assert said(blocks, "answer") == [f"By kind: {sentence}"]
    between, each = (block for block in blocks if isinstance(block, Table))
    assert [row[-1] for row in between.rows] == [verdicts["b"]]
    assert {row[1]: row[-1] for row in each.rows} == verdicts
