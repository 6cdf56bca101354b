"""The answer on the first page: it follows from the numbers, covers each question and claims no more than it may."""

from __future__ import annotations

import pytest

from core.report.section_cases import notes, tables
from persync.estimate import Estimate, missing
from persync.measure.metric import Experiment
from persync.measure.returns import Return
from persync.measure.verdict import pays as judged
from persync.report.build import build_report
from persync.report.findings import Effect
from persync.report.render import FORMATS, render
from persync.report.report import Inputs, Note
from persync.report.sections import SECTIONS, answer, notice

DAY = 86_400_000
START = 1_700_006_400_000
"""When the shop's mail goes out, and its experiment begins."""


def an_effect(word: str = "pays", value: float = 2.0, **more: str) -> Effect:
    half = 3.0 if word == "cannot tell" and "note" not in more else 0.5
    change = Estimate("difference", value, value - half, value + half, 0.01, 900, "EUR", "holdout", note=more.get("note", ""))
    experiment = Experiment("spring", control="rest", holdout=True)
    return Effect(experiment, "mailed", "rest", change, None, None, None, None, word)  # type: ignore[arg-type]


def a_return(low: float, high: float, cost: float | None, note: str = "") -> Return:
    gain = Estimate("gain", (low + high) / 2, low, high, 0.01, 900, "EUR", "holdout", note=note)
    spent = Estimate("personalisation_cost", cost, unit="EUR", reason=None if cost else "no_cost")
    back = Estimate("back", gain.value / cost, unit="ratio") if cost and gain.value else missing("back", "no_cost")
    word = judged(gain, spent).word
    return Return(Experiment("spring", control="rest", holdout=True), gain, gain, spent, back, back, None, word)


@pytest.mark.parametrize(
    ("controlled", "returns", "text"),
    [
        ([], [], "We cannot tell whether it pays: nobody was held back or drawn by lot, so what the mail caused is not known."),
        (
            [an_effect()],
            [a_return(100, 300, 50)],
            "Yes: in a holdout, 'mailed' caused 2.00 EUR more revenue a customer (95 %: 1.50 to 2.50).",
        ),
        (
            [an_effect()],
            [a_return(100, 300, 50, "gain is revenue: no margin is known")],
            "Yes, before the cost of goods: in a holdout, 'mailed' caused 2.00 EUR more revenue a customer"
            " (95 %: 1.50 to 2.50).",
        ),
        (
            [an_effect()],
            [a_return(100, 300, 200)],
            "It sells more: in a holdout, 'mailed' caused 2.00 EUR more revenue a customer (95 %: 1.50 to 2.50)."
            " Whether that covers its cost we cannot tell.",
        ),
        (
            [an_effect()],
            [a_return(100, 300, 400)],
            "No: in a holdout, 'mailed' caused 2.00 EUR more revenue a customer (95 %: 1.50 to 2.50), and yet it brought in"
            " less than it cost.",
        ),
        (
            [an_effect()],
            [a_return(100, 300, None)],
            "It sells more: in a holdout, 'mailed' caused 2.00 EUR more revenue a customer (95 %: 1.50 to 2.50). Whether it"
            " pays is not known: no costs have been imported.",
        ),
        (
            [an_effect("costs", -2.0)],
            [],
            "No: in a holdout, 'mailed' cost 2.00 EUR of revenue a customer (95 %: 1.50 to 2.50).",
        ),
        (
            [an_effect("cannot tell", 1.0)],
            [],
            "We cannot tell yet whether it pays: the change in revenue a customer is +1.00 EUR (95 %: −2.00 to +4.00), which"
            " does not rule out none.",
        ),
        (
            [an_effect("cannot tell", note="too few to say")],
            [],
            "We cannot tell yet whether it pays: too few to say.",
        ),
        (
            [an_effect(), an_effect("cannot tell", 1.0)],
            [a_return(100, 300, 50)],
            "Yes: in a holdout, 'mailed' caused 2.00 EUR more revenue a customer (95 %: 1.50 to 2.50).",
        ),
    ],
)
def test_the_headline_follows_from_the_numbers(controlled: list[Effect], returns: list[Return], text: str) -> None:
    """Yes only where something was caused and its cost is covered for sure; else what is and what is not known."""
    assert answer.headline(controlled, returns) == text


def test_the_answer_covers_each_question(inputs: Inputs) -> None:
    """Headline, cost, whom, raw numbers, claims, who is left out, what is not known, and the numbers behind it."""
    blocks = answer.build_answer(inputs)
    questions = [block.heading for block in blocks if isinstance(block, Note)]

    assert questions == [
        "",
        "At what cost?",
        "For whom?",
        "Do the raw numbers mislead?",
        "Do the platforms over-claim?",
        "Is anybody left out?",
        "What is not known?",
    ]
    assert isinstance(blocks[0], Note)
    assert blocks[0].text == (
        "Yes, before the cost of goods: in a holdout, 'treated' caused 4.01 EUR more revenue a customer (95 %: 3.40 to 4.63)."
    )
    assert {block.tone for block in blocks if isinstance(block, Note)} == {"answer"}
    assert notes(blocks, "answer")[-2:-1] == [
        "Yes: personalised mail went 0.497 × as often to town south as to north (95 %: 0.441 to 0.560); less than four fifths"
        " is a warning. For town east and town hamlet the data do not say."
    ]
    assert [row[0] for row in tables(blocks)["key_numbers"].rows] == [
        "Extra revenue a customer, 'treated'",
        "Extra buyers, 'treated'",
        "Came back for each unit spent",
        "Raw numbers overstate by",
        "Platforms claim, of what such orders came to",
    ]


def test_the_answer_to_an_empty_store_is_that_nothing_is_known(empty_inputs: Inputs) -> None:
    """Without data the headline claims nothing."""
    blocks = answer.build_answer(empty_inputs)

    assert [type(block) for block in blocks] == [Note] * 5
    assert [block.text for block in blocks if isinstance(block, Note)][:4] == [
        notice.EMPTY,
        "We cannot tell whether it pays: nobody was held back or drawn by lot, so what the mail caused is not known.",
        "For whom it pays cannot be told: that takes a randomised test or a holdout with a named control.",
        "Not known: no attribute of people was opted in or imported.",
    ]


def test_the_report_claims_no_more_than_it_may(inputs: Inputs) -> None:
    """Nothing is called fair, unbiased or solved, and no address of a person is anywhere."""
    report = build_report(SECTIONS, inputs, made_at=0)

    for format in FORMATS:
        text = str(render(report, format)).lower()
        assert [word for word in ("unbiased", " solved", "is fair", "@example", "treats everyone") if word in text] == []
