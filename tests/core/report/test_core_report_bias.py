"""What the fairness section says of a scan and of what could be done: words, figures and tables from estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from persync.estimate import OBSERVATIONAL, RAW, Estimate
from persync.measure.fairness import mitigation
from persync.measure.fairness.mitigation.effects import Effect
from persync.measure.fairness.mitigation.frontier import Frontier
from persync.measure.fairness.mitigation.suggest import told
from persync.measure.fairness.own import Own
from persync.measure.fairness_settings import FairnessSettings
from persync.measure.intervals import Interval
from persync.measure.metric import Ask
from persync.report import charts
from persync.report.report import Block, Figure, Inputs, Note, Table
from persync.report.sections import bias, frontier
from persync.report.sections.fairness import build_fairness

GAP = Estimate(
    "bias_gap",
    -0.4,
    -0.45,
    -0.35,
    0.001,
    300,
    "share",
    RAW,
    by={"attribute": "country", "group": "FR", "measure": "exposure_rate", "of": "worse"},
    note="0.2 against 0.6 of all other known groups; one of 40 comparisons, p Holm-adjusted",
)
WHOLE = Estimate("bias_detection", 2, n=40, unit="count", label=RAW)
MONEY = Estimate(
    "bias_money",
    1700.0,
    1100.0,
    2300.0,
    n=300,
    unit="EUR",
    label=OBSERVATIONAL,
    by={"attribute": "country", "group": "FR", "experiment": "spring", "arm": "treated", "against": "control"},
)
RULE = Estimate(
    "proxy_information",
    0.1,
    0.05,
    0.15,
    0.001,
    900,
    "share",
    RAW,
    by={"attribute": "country", "rule": "Spring", "kind": "message"},
    note="the rule itself names a place",
)
LEFT = Estimate(
    "bias_excluded",
    1,
    unit="count",
    by={"attribute": "country"},
    note="left out of comparisons, which is no pass; in none: LI (hidden); hidden: fewer than 5 people, or covers for them",
)
MISSING = Estimate("attribute_missing", 0.3, 0.28, 0.32, n=1000, unit="share", by={"attribute": "country"})
FOUND = (WHOLE, GAP, replace(GAP, by={**GAP.by, "group": "DE", "of": "better"}), MONEY, LEFT, RULE, MISSING)


def notes(blocks: Sequence[Block]) -> dict[str, str]:
    return {block.heading: block.text for block in blocks if isinstance(block, Note)}


def test_a_scan_is_told_in_a_sentence_with_what_is_missed_in_money_and_who_took_no_part() -> None:
    made = bias.blocks(FOUND)

    said = notes(made)
    assert said["Is anybody treated differently, beyond chance?"] == (
        "In 2 of 40 comparisons a group differs from all others beyond chance, all adjusted for one another."
        " Worse off: 'FR' by country (got personalised mail)."
    )
    assert said["What do they miss, in money?"] == (
        "Had 'FR' (300 people by country who could be mailed) got personalised mail as often as the others, and "
        "gained by it what they did in the experiment 'spring', they would have brought 1,700.00 EUR (95 %: 1,100.00 "
        "to 2,300.00) more. That is a projection, not measured on them: their own gain may be smaller or larger."
    )
    assert said["Which groups were left out of comparisons"] == (
        "By country, in none: LI (hidden); hidden: fewer than 5 people, or covers for them."
    )
    tables = {block.name: block.rows for block in made if isinstance(block, Table)}
    assert tables["bias_gaps"] == (("FR (country)", "Got personalised mail", replace(GAP, note="")),)
    assert tables["bias_rules"] == (("Spring", "country", replace(RULE, note=""), "names a place"),)
    assert tables["bias_left"] == (("country", MISSING, 1),)
    (figure,) = [block for block in made if isinstance(block, Figure)]
    assert figure.alt == "Projected revenue missed by group: FR, n = 300: 1,700.00 EUR (95 %: 1,100.00 to 2,300.00)."
    assert figure.table.rows == (("FR (country)", "spring: treated", MONEY),)


def test_a_scan_without_an_alarm_says_that_this_is_no_proof() -> None:
    (note,) = bias.blocks([replace(WHOLE, value=0)])

    assert isinstance(note, Note)
    assert note.text.startswith("In 40 comparisons of a group with all others, none is shown to differ beyond chance")
    assert "no proof that nobody is treated differently" in note.text
    assert bias.blocks([Estimate("bias_detection", None, reason="no_attributes")]) == []


def test_more_groups_than_can_be_read_are_counted() -> None:
    many = [replace(GAP, by={**GAP.by, "group": f"g{n}"}) for n in range(6)]

    said = bias.sentence(WHOLE, many)

    assert "'g3' by country (got personalised mail) and 2 more groups." in said
    assert "'g4'" not in said


def test_what_is_mitigated_is_the_message_that_tells_most_or_the_decision_that_was_found() -> None:
    weaker = replace(RULE, by={**RULE.by, "rule": "Summer"})
    segment = replace(RULE, by={**RULE.by, "rule": "Ladies", "kind": "segment"})
    decision = replace(GAP, by={**GAP.by, "attribute": "gender", "measure": "selection_rate", "decision": "offer"})
    dose = replace(GAP, by={**GAP.by, "measure": "exposure_dose"})

    named = Ask(now=0, fairness=FairnessSettings(segments=("buyers",)))
    own = replace(decision, by={**decision.by, "decision": "segment buyers"})

    made = mitigation.choices([dose, GAP, GAP, decision, own, segment, RULE, weaker], named)

    assert made == [
        mitigation.Choice("country", message="Spring"),
        mitigation.Choice("gender", decision="offer"),
        mitigation.Choice("gender", own=Own("buyers")),
    ]
    assert made[2].name == "the segment 'buyers'"
    assert mitigation.choices([GAP, segment], named) == []


def test_no_generic_message_is_behind_a_gap_in_personal_mail() -> None:
    weaker = replace(RULE, by={**RULE.by, "rule": "Summer"})

    made = mitigation.choices([GAP, RULE, weaker], Ask(now=0), frozenset({"Spring"}))

    assert made == [mitigation.Choice("country", message="Summer")]


def effect(method: str, strength: float, ratio: tuple[float, float, float], gained: tuple[float, float, float]) -> Effect:
    ends = ("FR", "AT")
    return Effect(
        method, strength, Interval(*ratio), *ends, Interval(0.7, 0.68, 0.72), Interval(600, 500, 700), Interval(*gained),
        Interval(20, 15, 25), 200, 900,
    )  # fmt: skip


BEFORE = effect("as_decided", 0.0, (0.1, 0.05, 0.2), (0, 0, 0))
FLOOR = effect("exploration_floor", 1.0, (0.85, 0.7, 1.0), (60, 30, 90))
START = replace(BEFORE, method="exploration_floor")


def shown(
    monkeypatch: pytest.MonkeyPatch, *effects: Effect, unit: str = "EUR", why: str | None = None, **more: Any
) -> list[Block]:
    """Tell these effects, of which the last is suggested unless `more` says otherwise."""
    front = Frontier(effects, {}, more.get("suggested", effects[-1].name), (450, 460), 900)
    by = {"attribute": "country", "message": "Spring"}
    monkeypatch.setattr(frontier.mitigation, "generic", lambda engine: frozenset())
    monkeypatch.setattr(
        "persync.measure.fairness.mitigation.behind.mitigate",
        lambda *a, **k: told(front, by, "EUR", None, "whoever ordered is right"),
    )
    return frontier.blocks(Inputs(engine=None, ask=Ask(now=0)), FOUND)  # type: ignore[arg-type]


def test_a_suggestion_is_told_with_what_it_does_and_brings_on_people_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    note, figure, basis = shown(monkeypatch, BEFORE, START, FLOOR)

    assert isinstance(note, Note)
    assert note.text == (
        "The message 'Spring', by country: as it is, 'FR' was sent it 0.100 × (95 %: 0.050 to 0.200) as often as "
        "'AT', surely less than four fifths. Suggested, never done: floor by lot, in full. Of 900 people "
        "from whom nothing was learnt or chosen, 'FR' would be sent it 0.85 × (95 %: 0.70 to 1.00) as often as 'AT', "
        "which is neither shown to be four fifths nor to be less; it would bring money: +60.00 EUR (95 %: +30.00 to "
        "+90.00) against the decision as it is, at your prices. A person decides; persync fairness decide writes it "
        "down."
    )
    assert isinstance(figure, Figure)
    assert [row[0] for row in figure.table.rows] == ["as decided", "floor by lot, in full (suggested)"]
    assert [row[3] for row in figure.table.rows] == ["below", "not shown"]
    assert "against money, with 95 % intervals" in figure.caption
    assert "floor by lot, in full: 0.85 × (95 %: 0.70 to 1.00), +60.00 EUR" in figure.alt
    drawn = charts.svg(figure.spec, name="f", alt=figure.alt)
    assert all(word in drawn for word in (">as decided<", ">suggested<", ">four fifths<", ">floor by lot<"))
    assert isinstance(basis, Note)
    assert basis.text.startswith(
        "Whoever ordered is right; judged on 900 people from whom nothing was learnt or chosen; learnt on 910 others, and the"
        " suggestion chosen among those by cross-fitting (450 and 460)."
    )


@pytest.mark.parametrize(
    ("gained", "said"),
    [
        ((-60, -90, -30), "it would cost money: −60.00 EUR (95 %: −90.00 to −30.00) against the decision as it is"),
        ((10, -20, 40), "whether it brings or costs money is not shown, +10.00 EUR (95 %: −20.00 to +40.00) at your prices"),
    ],
)
def test_money_is_said_to_come_or_go_only_where_that_is_shown(
    monkeypatch: pytest.MonkeyPatch, gained: tuple[float, float, float], said: str
) -> None:
    note, *_ = shown(monkeypatch, BEFORE, START, effect("exploration_floor", 1.0, (0.85, 0.8, 0.9), gained))

    assert isinstance(note, Note)
    assert said in note.text
    assert "surely at least four fifths" in note.text


def test_without_money_the_frontier_is_of_accuracy_and_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = [replace(one, money=None, gained=None, roi=None) for one in (BEFORE, START, FLOOR)]

    note, figure, _ = shown(monkeypatch, *bare)

    assert isinstance(note, Note)
    assert isinstance(figure, Figure)
    assert "what that brings or costs is not known: what one is worth to you is not set" in note.text
    assert "against accuracy" in figure.caption
    assert "% rightly decided" in charts.svg(figure.spec, name="f", alt=figure.alt)


def test_where_the_decision_as_it_is_does_best_nothing_is_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    note, *_ = shown(monkeypatch, BEFORE, START, FLOOR, suggested=BEFORE.name)

    assert isinstance(note, Note)
    assert note.text.endswith("Nothing that was tried is suggested in its place.")


def test_the_section_says_what_the_scan_of_the_same_store_says(inputs: Inputs) -> None:
    made = build_fairness(inputs)
    (scanned,) = inputs.metrics["bias_detection"].compute(inputs.engine, inputs.ask)[:1]

    assert f"{scanned.n} comparison" in notes(made)["Is anybody treated differently, beyond chance?"]
