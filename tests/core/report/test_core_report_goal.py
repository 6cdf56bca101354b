"""The goal and the guard rails in the answer: what was stated before looking is held against what came of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from persync.estimate import HOLDOUT, Estimate
from persync.measure.metric import Experiment, Goal
from persync.report import words
from persync.report.build import build_report, of_profile
from persync.report.findings import Effect
from persync.report.report import Inputs, Note, Profile
from persync.report.sections import SECTIONS, answer, goal


def difference(outcome: str, value: float, low: float, high: float, p: float) -> Estimate:
    by = {"experiment": "spring", "arm": "mailed", "against": "rest", "outcome": outcome}
    return Estimate("difference", value, low, high, p, 900, "points", HOLDOUT, by=by)


def effect(conversion: Estimate, *others: Estimate, rails: tuple[str, ...]) -> Effect:
    spring = Experiment("spring", control="rest", holdout=True, guard_rails=rails)
    revenue = difference("revenue", 0.1, 0.05, 0.2, 0.001)
    return Effect(spring, "mailed", "rest", revenue, conversion, None, None, None, "pays", others)


FEWER = difference("conversion", -0.03, -0.05, -0.01, 0.003)
AS_MANY = difference("stays", 0.01, -0.02, 0.04, 0.51)


@pytest.mark.parametrize(
    ("rails", "said"),
    [
        ((), None),
        (
            ("conversion",),
            "The guard rail 'conversion' of 'mailed' against 'rest' got worse:"
            " \u22123.0 percentage points (95 %: \u22125.0 to \u22121.0; n = 900, p = 0.003; holdout).",
        ),
        (
            ("stays",),
            "The guard rail 'stays' of 'mailed' against 'rest' is not shown to have got worse or better:"
            " +1.0 percentage points (95 %: \u22122.0 to +4.0; n = 900, p = 0.510; holdout).",
        ),
    ],
    ids=["none named", "worse", "not shown"],
)
def test_a_guard_rail_is_said_to_have_got_worse_only_when_its_test_shows_it(rails: tuple[str, ...], said: str | None) -> None:
    note = goal.rails_note([effect(FEWER, AS_MANY, rails=rails)], 0.95)

    assert (note.text if note else None) == said


def test_a_stated_goal_stands_in_the_answer_with_its_primary_metric_first(inputs: Inputs) -> None:
    stated = Goal("Sell more to those who ask for it.", "conversion_rate", ("unsubscribe_rate",))
    asked = replace(inputs, ask=replace(inputs.ask, goal=stated))

    (note,) = [one for one in answer.build_answer(asked) if isinstance(one, Note) and "goal" in one.heading]

    first, second = (inputs.metrics[id].title for id in ("conversion_rate", "unsubscribe_rate"))
    assert note.heading == "Where does the goal stand?"
    assert note.text.startswith(f"Sell more to those who ask for it. {first}: ")
    assert f" {second}, which must not get worse: " in note.text
    now = inputs.ask.now
    assert inputs.ask.period is None
    assert note.text.endswith(f" Over {words.period((now - 90 * 86_400_000, now), inputs.ask.timezone)}.")
    assert not any("What the goal is" in one.text for one in answer.build_answer(asked) if isinstance(one, Note))


@pytest.mark.parametrize("profile", ["starter", "full", "audit"])
def test_a_report_of_days_to_come_is_whole_and_says_of_the_goal_that_they_have_not_begun(
    inputs: Inputs, profile: Profile
) -> None:
    now = inputs.ask.now
    later = (now + 86_400_000, now + 31 * 86_400_000)
    stated = Goal("Sell more to those who ask for it.", "conversion_rate", ("unsubscribe_rate",))
    asked = replace(inputs, ask=replace(inputs.ask, goal=stated, period=later), profile=profile)

    report = build_report(of_profile(SECTIONS, profile), asked, made_at=now)

    assert report.facts["failed"] == []
    found = [b for section in report.sections for b in section.blocks if isinstance(b, Note) and "goal stand" in b.heading]
    over = words.period(later, inputs.ask.timezone)
    said = f"Sell more to those who ask for it. The period has not begun. Over {over}."
    assert [note.text for note in found] == ([] if profile == "starter" else [said])
