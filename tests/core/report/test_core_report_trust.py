"""The section on consent and trust: its words follow from its numbers, its lists name messages and nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from persync.errors import DataError
from persync.estimate import Estimate
from persync.report.report import Inputs, Note, Table
from persync.report.sections import trust


def violation(kind: str) -> Estimate:
    return Estimate("consent_violations", 7, by={"violation": kind, "msg": "c1", "title": "Spring", "date": "2025-01-01"})


TOTAL = Estimate("consent_violations", 0, n=40)
HONOURED = Estimate("opt_outs_honoured", 1.0)
BROKEN = Estimate("opt_out_violations", 7, by={"msg": "c1", "title": "Spring", "date": "2025-01-01"})


@pytest.mark.parametrize(
    ("violations", "steered", "said"),
    [
        ([Estimate("consent_violations", None, reason="no_consents")], [],
         "Whether we may is not known: no system tells of consents."),
        ([TOTAL], [], "Of 40 messages to one person each, none is known to have gone without a consent."),
        ([replace(TOTAL, value=14), violation("none"), violation("withdrawn")], [HONOURED],
         "14 of 40 messages to one person each went without a consent that is known to have held: sent with no consent recorded"
         " and sent after the consent was withdrawn."
         " Nobody who opted out of personalisation is known to have got any after it."),
        ([Estimate("consent_violations", None, n=40, reason="suppressed"), violation("none")], [],
         "A few of 40 messages to one person each, too few to say how many, went without a consent that is known to have held:"
         " sent with no consent recorded."),
        ([TOTAL], [HONOURED, BROKEN],
         "Of 40 messages to one person each, none is known to have gone without a consent."
         " 1 message went personalised to people who had opted out of that."),
    ],
    ids=["not known", "none", "some", "few", "opt-outs"],
)  # fmt: skip
def test_the_answer_follows_from_the_numbers(violations: list[Estimate], steered: list[Estimate], said: str) -> None:
    assert trust.sentence(violations, steered) == said


def test_a_shop_whose_people_all_subscribed_has_a_basis_for_each_and_no_list(inputs: Inputs) -> None:
    blocks = trust.build_trust(inputs)

    tables = {block.name: block for block in blocks if isinstance(block, Table)}
    assert list(tables) == ["consent_basis", "trust", "reasons", "sender_rules", "revenue_by_consent", "value_exchange"]
    [(state, share)] = tables["consent_basis"].rows
    assert isinstance(share, Estimate)
    assert (state, share.value) == ("unstated", 1.0)
    assert [row[2] for row in tables["sender_rules"].rows] == ["unknown", "unknown", "unknown"]
    notes = [block for block in blocks if isinstance(block, Note)]
    assert "none is known to have gone without a consent" in notes[0].text
    assert "no legal advice" in notes[-1].text


def test_a_few_messages_are_shown_with_what_made_people_receive_them_and_one_without() -> None:
    """The largest of four reasons, and the largest that has none; a hidden one is not shown."""
    each = [
        Estimate(
            "decision_explainability",
            float(n > 20),
            n=n,
            unit="share",
            by={"msg": f"m{n}", "title": f"Mail {n}"},
            note=f"why {n}",
        )
        for n in (19, 20, 21, 22, 23, 24, 25)
    ]
    each.append(replace(each[-1], n=17, by={"msg": "m17", "title": "Mail 17"}))
    hidden = Estimate("decision_explainability", None, reason="suppressed", unit="share", by={"msg": "few", "title": "Few"})

    (table,) = trust._reasons([*each, hidden])

    assert isinstance(table, Table)
    assert table.caption == "Why people got a personalised message: 5 of 8"
    assert table.rows == tuple((f"Mail {n}", n, f"why {n}") for n in (25, 24, 23, 22, 20))
    assert trust._reasons([hidden]) == []


def test_the_newest_messages_are_listed_and_how_many_there_are(inputs: Inputs) -> None:
    many = [replace(violation("none"), by={**violation("none").by, "date": f"2025-01-{day:02}"}) for day in range(1, 25)]

    table = trust._violations(many)

    assert table.caption == "Messages to look at; the newest 20 of 24"
    assert [row[0] for row in table.rows][:2] == ["2025-01-24", "2025-01-23"]
    assert len(table.rows) == 20


def test_an_empty_store_has_nothing_to_say(empty_inputs: Inputs) -> None:
    with pytest.raises(DataError, match="nothing is known of consents"):
        trust.build_trust(empty_inputs)
