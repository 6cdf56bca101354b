"""The labelled messages: what grading reaches, and that every disagreement is explained. `-s` prints the table."""

from __future__ import annotations

import pytest

from grading.measure import LEVELS, Graded, grade_all, macro, personalised, scores, table


@pytest.fixture(scope="module")
def graded() -> list[Graded]:
    return grade_all()


def test_the_set_is_large_enough_and_holds_every_level_of_both_platforms(graded: list[Graded]) -> None:
    for platform, least in (("mailchimp", 45), ("hubspot", 35)):
        ours = [one for one in graded if one.platform == platform]
        assert len(ours) >= least
        assert {one.label for one in ours} == set(LEVELS)
    assert len({one.id for one in graded}) == len(graded)
    assert all(one.why_label for one in graded)


def test_precision_and_recall_reach_their_floor(graded: list[Graded]) -> None:
    """By level, over all levels, and for the question that reports ask: is it of level 2 or above?"""
    print(f"\n{table(graded)}")  # noqa: T201

    for level, score in scores(graded).items():
        assert score.precision is not None, level
        assert score.recall is not None, level
        assert score.precision >= 0.92, level
        assert score.recall >= 0.92, level
    assert min(macro(graded)) >= 0.97
    two_and_above = personalised(graded)
    assert min(two_and_above.precision or 0.0, two_and_above.recall or 0.0) >= 0.96


def test_messages_that_grading_was_not_made_with_are_graded_as_well(graded: list[Graded]) -> None:
    held_out = [one for one in graded if one.is_held_out]

    assert len(held_out) >= 40
    assert {one.platform for one in held_out} == {"mailchimp", "hubspot"}
    assert sum(one.agrees for one in held_out) / len(held_out) >= 0.97


def test_every_disagreement_is_explained_and_no_agreement_is_excused(graded: list[Graded]) -> None:
    unexplained = [one.id for one in graded if not one.agrees and not one.disagreement]
    excused = [one.id for one in graded if one.agrees and one.disagreement]

    assert (unexplained, excused) == ([], [])


def test_a_wrong_grade_is_counted_against_both_levels(graded: list[Graded]) -> None:
    """The measure itself: one message of level 1 that is given 2."""
    right = [one for one in graded if one.agrees and one.label in (1, 2)]
    wrong = next(one for one in right if one.label == 1)._replace(given=2)
    found = scores([*(one for one in right if one.id != wrong.id), wrong])

    ones, twos = (sum(one.label == level for one in right) for level in (1, 2))
    assert (found[1].precision, found[1].recall) == (1.0, (ones - 1) / ones)
    assert (found[2].precision, found[2].recall) == (twos / (twos + 1), 1.0)
    assert (found[0].precision, found[0].recall) == (None, None)
