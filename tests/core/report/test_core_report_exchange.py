"""What both sides get: the sentences follow from the numbers, and what is not known is not shown as nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from persync.estimate import Estimate
from persync.measure.ethics import worth
from persync.report.report import Block, Inputs, Note, Table
from persync.report.sections import exchange


def made(monkeypatch: pytest.MonkeyPatch, inputs: Inputs, **found: Sequence[Estimate]) -> list[Block]:
    """Return the blocks of these answers; a metric that is not named knows nothing."""
    for name in ("revenue_by_consent", "value_exchange", "cost_of_harm"):
        answer = found.get(name, [Estimate(name, None, reason="no_denominator")])
        monkeypatch.setattr(worth, name, lambda engine, ask, answer=answer: list(answer))
    return exchange.blocks(inputs)


def test_what_is_not_known_takes_no_room(monkeypatch: pytest.MonkeyPatch, inputs: Inputs) -> None:
    assert made(monkeypatch, inputs) == []


@pytest.mark.parametrize(
    ("undefended", "said"),
    [
        (
            Estimate("undefended_revenue", 12.5, n=7, unit="EUR"),
            "12.50 EUR from 7 people came after a message without a consent that held: revenue you could not defend.",
        ),
        (
            Estimate("undefended_revenue", None, unit="EUR", reason="suppressed"),
            "How much revenue you could not defend is not told: hidden, because so few people could be recognised.",
        ),
    ],
)
def test_revenue_is_told_by_the_consent_behind_it(
    monkeypatch: pytest.MonkeyPatch, inputs: Inputs, undefended: Estimate, said: str
) -> None:
    state = Estimate("revenue_by_consent", 12.5, n=7, unit="EUR", by={"state": "none"})

    note, table = made(monkeypatch, inputs, revenue_by_consent=[state, undefended])

    assert isinstance(note, Note)
    assert note.text == f"{said} It came after the message, which is not to say because of it."
    assert isinstance(table, Table)
    assert table.rows == (("none", state),)


def test_harm_is_told_where_a_part_of_it_is_priced(monkeypatch: pytest.MonkeyPatch, inputs: Inputs) -> None:
    whole = Estimate("cost_of_harm", -90.0, unit="EUR")
    left = Estimate("harm", 90.0, unit="EUR", by={"part": "unsubscribe"})
    bare = Estimate("harm", None, unit="EUR", by={"part": "complaint"}, reason="not_priced")

    (table,) = made(monkeypatch, inputs, cost_of_harm=[whole, left, bare])
    nothing = made(monkeypatch, inputs, cost_of_harm=[Estimate("cost_of_harm", None, reason="not_priced"), bare])

    assert isinstance(table, Table)
    assert table.rows == (
        ("People who left the list", left),
        ("People who complained", bare),
        ("In all, of what is priced", whole),
    )
    assert nothing == []
