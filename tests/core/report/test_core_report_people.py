"""Readers, restraint, segments and automations: each sentence follows from its numbers, and none claims a cause."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from persync.errors import DataError
from persync.estimate import HOLDOUT, RAW, Estimate
from persync.report.report import Block, Inputs, Note, Table
from persync.report.sections import automations, reading, restraint, segments


def advice(word: str, group: str = "everybody", value: float = -7.0, outcome: str = "revenue", note: str = "") -> Estimate:
    attribute = "everybody" if group == "everybody" else "country"
    by = {"experiment": "spring", "advice": word, "attribute": attribute, "group": group, "outcome": outcome}
    return Estimate("pull_back_advice", value, value - 2, value + 2, n=400, unit="EUR", label=HOLDOUT, by=by, note=note)


def tables(blocks: Sequence[Block]) -> dict[str, Table]:
    return {block.name: block for block in blocks if isinstance(block, Table)}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "Nobody can say: no test or holdout has measured what less mail would do."),
        ([advice("keep")], "Not on the whole: by the test 'spring', pulling back would lose 7.00 EUR a person."),
        (
            [advice("pull back", value=3.0), advice("pull back", "DE", 5.0), advice("keep", "AT")],
            "Yes, on the whole: by the test 'spring', pulling back would gain 3.00 EUR a person."
            " Pull back for country DE: the mail is shown to cost more there than it brings.",
        ),
        (
            [advice("test", value=-0.5), advice("test", "DE"), advice("keep", "AT")],
            "On the whole the test 'spring' does not decide it."
            " For no group is the mail shown to cost more than it brings. 1 of 2 groups is undecided: test longer.",
        ),
        (
            [advice("keep"), advice("pull back", value=0.01, outcome="unsubscribed", note="guard rail; expected gain")],
            "Not on the whole: by the test 'spring', pulling back would lose 7.00 EUR a person."
            " But the guard rail 'unsubscribed' says to pull back.",
        ),
    ],
    ids=["nothing known", "keep", "pull back", "undecided", "guard rail"],
)
def test_whom_to_write_to_less_follows_from_the_tests_alone(given: list[Estimate], said: str) -> None:
    assert restraint.sentence(given) == said


def test_the_dose_of_mail_carries_its_warning_and_no_advice_to_mail_more(inputs: Inputs) -> None:
    blocks = restraint.build_restraint(inputs)

    doses = tables(blocks)["doses"]
    warned = [block.text for block in blocks if isinstance(block, Note) and block.tone == "warning"]
    assert {cell.label for row in doses.rows for cell in row if isinstance(cell, Estimate)} == {RAW}
    assert len(warned) == 1
    assert "was not drawn by lot" in warned[0]
    assert "capped" in warned[0]


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (None, "is not known"),
        (0.0, "no proof that there were none"),
        (0.0004, "there may be more"),
        (0.001, "ask senders to stay below"),
        (0.003, "pull back now"),
    ],
)
def test_complaints_are_held_against_both_lines_and_none_is_never_few(rate: float | None, said: str) -> None:
    found = Estimate("complaint_rate", rate, n=9000, unit="share", reason=None if rate is not None else "not_measured")

    assert said in reading._complaints(found)


def test_opens_stand_between_their_bounds(inputs: Inputs) -> None:
    blocks = reading.build_reading(inputs)

    rows = {row[0]: row[1] for row in tables(blocks)["reading"].rows}
    low, high = rows["Opened by people"], rows["Opened, as reported"]
    assert isinstance(low, Estimate)
    assert isinstance(high, Estimate)
    assert list(rows) == [title for _, title, _ in reading.RATES]
    assert low.value is None or high.value is None or low.value <= high.value


def test_segments_are_named_with_what_they_did_and_small_ones_stay_hidden(inputs: Inputs) -> None:
    blocks = segments.build_segments(inputs)

    rows = tables(blocks)["segments"].rows
    assert {str(row[0]).split(": ")[0] for row in rows} <= {"life-cycle", "rule"}
    for row in rows:
        share = row[1]
        assert isinstance(share, Estimate)
        assert share.reason == "suppressed" if share.value is None else share.n is not None


def test_what_an_automation_caused_is_said_only_by_a_holdout() -> None:
    after = Estimate("welcome_series", 0.07, 0.03, 0.15, n=84, unit="share")
    unheld = Estimate("welcome_series_incremental", None, reason="no_experiment")
    held = Estimate("welcome_series_incremental", 0.02, 0.01, 0.03, n=900, unit="share", label=HOLDOUT)

    assert "nobody can say" in automations.sentence({"Welcome series": [after, unheld]})
    assert automations.sentence({"Welcome series": [after, held]}) == (
        "1 automation is known; a holdout tells what Welcome series caused."
    )


@pytest.mark.parametrize(
    "build",
    [reading.build_reading, restraint.build_restraint, segments.build_segments, automations.build_automations],
)
def test_a_store_without_anything_has_a_reason_where_the_part_would_stand(
    empty_inputs: Inputs, build: Callable[[Inputs], Sequence[Block]]
) -> None:
    with pytest.raises(DataError):
        build(empty_inputs)
