"""A message as a decision about everybody who could be mailed: whose label is known when, and what its money is in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure.ethics_settings import EthicsSettings
from persync.measure.fairness.mitigation import mitigate
from persync.measure.metric import Ask

DAY = 86_400_000
SENT = 1_000 * DAY
PEOPLE = 512
ASK = Ask(now=SENT + 31 * DAY, ethics=EthicsSettings(prices={"right_choice": 12.0, "choice": 0.5}))


@pytest.fixture
def mailed(shop: Any) -> Any:
    """256 people of two regions each; three in four of the north were sent the message, one in four of the south; every tenth
    bought ten days later."""
    numbers = range(PEOPLE)
    shop.add("campaigns", campaign_key=7, connection=1, title="Spring")
    shop.load("contacts", connection=[1] * PEOPLE, key_id=[*numbers])
    shop.load("person_of", key_id=[*numbers], person=[*numbers], hash=[n // 2 for n in numbers])
    shop.load(
        "attributes",
        key_id=[*numbers],
        name=["region"] * PEOPLE,
        value=["north" if n % 2 else "south" for n in numbers],
        basis=["asked"] * PEOPLE,
    )
    sent = [n for n in numbers if n // 8 % 4 < (3 if n % 2 else 1)]
    shop.load("touchpoints", connection=[1] * len(sent), campaign_key=[7] * len(sent), key_id=sent, action=[1] * len(sent),
              happened_at=[SENT] * len(sent))  # fmt: skip
    for n in range(0, PEOPLE, 10):
        shop.order(n + 1, n, 5_000, ordered_at=SENT + 10 * DAY)
    return shop


def found(shop: Any, ask: Ask = ASK, **more: Any) -> list[Estimate]:
    return mitigate(shop, ask, "region", message="Spring", **more)


def reasons(some: list[Estimate], *ids: str) -> set[tuple[float | int | None, str | None, str, str]]:
    return {(e.value, e.reason, e.unit, e.label) for e in some if e.id in ids}


def test_before_and_after_are_of_the_people_who_could_be_mailed_in_the_currency_of_the_shop(mailed: Any) -> None:
    (before,) = [e for e in found(mailed) if e.id == "mitigated_money" and e.by["state"] == "before"]
    (ratio,) = [e for e in found(mailed) if e.id == "bias_mitigation" and e.by.get("state") == "before"]

    # Of the half judged on, parts 2 and 3: 96 of 128 in the north, 32 of 128 in the south.
    assert (ratio.value, ratio.by["group"], ratio.by["against"], ratio.n) == (pytest.approx(1 / 3), "south", "north", 256)
    assert (before.unit, before.label, before.n) == ("EUR", "raw difference", 256)
    right = sum(1 for n in range(0, PEOPLE, 10) if n // 2 % 4 >= 2 and n // 8 % 4 == 0)
    assert before.value == pytest.approx(12 * right - 0.5 * (96 + 32))
    assert "whoever ordered within 30 days of the message is taken for a right choice" in before.note


def test_until_the_days_to_order_in_are_over_nothing_is_told(mailed: Any) -> None:
    early = found(mailed, replace(ASK, now=SENT + 30 * DAY - 1))

    (one,) = early
    assert (one.id, one.value, one.reason) == ("bias_mitigation", None, "immature")
    assert len(found(mailed, replace(ASK, now=SENT + 30 * DAY))) > 1


def test_until_the_orders_of_those_days_are_known_nothing_is_told(mailed: Any) -> None:
    """The calendar is past the 30 days; the orders that were read are not."""
    mailed.add("coverage", connection=1, stream="orders", to_at=SENT + 20 * DAY, state="complete")

    (one,) = found(mailed)

    assert (one.value, one.reason) == (None, "immature")
    assert one.note == "who orders within 30 days of it is not known yet: orders are known until 1972-10-16"


def test_a_message_sent_over_weeks_is_no_one_decision_and_one_sent_to_nobody_none(mailed: Any) -> None:
    before = found(mailed, replace(ASK, period=(0, SENT)))
    mailed.add("touchpoints", connection=1, campaign_key=7, key_id=0, action=1, happened_at=SENT + DAY)
    again = found(mailed)
    mailed.add("touchpoints", connection=1, campaign_key=7, key_id=8, action=1, happened_at=SENT + 8 * DAY)
    late = found(mailed)

    assert [e.reason for e in before] == ["no_denominator"]
    assert again[0].reason is None
    assert [e.reason for e in late] == ["not_at_once"]
    assert late[0].note == "its first sendings to people lie 8 days apart: no one decision"


def test_money_takes_the_currency_of_the_report_and_none_of_several(mailed: Any) -> None:
    mailed.order(999, 3, 100, ordered_at=SENT, currency="USD")
    ids = ("mitigated_money", "frontier_money", "frontier_money_difference")

    assert reasons(found(mailed), *ids) == {(None, "mixed_currencies", "", "raw difference")}
    assert {e.unit for e in found(mailed, replace(ASK, currency="CHF")) if e.id in ids} == {"CHF"}
    assert reasons(found(mailed, replace(ASK, ethics=EthicsSettings())), *ids) == {(None, "not_priced", "", "raw difference")}


def test_groups_without_enough_people_in_every_part_are_not_judged(mailed: Any) -> None:
    """Of 256 people a group has 64 in each quarter."""
    made, (few, left) = found(mailed, replace(ASK, report_n=64)), found(mailed, replace(ASK, report_n=65))

    assert made[0].value is not None
    assert (few.reason, few.note) == (
        "too_few",
        "fewer than two groups have 65 people with a label in each part that is learnt, chosen or judged on",
    )
    assert "'north' (256 people), 'south' (256 people)" in left.note


def test_a_message_that_is_not_there_or_there_twice_is_refused(mailed: Any) -> None:
    with pytest.raises(DataError, match="no message 'Sprung'. Did you mean 'Spring'"):
        mitigate(mailed, ASK, "region", message="Sprung")
    mailed.add("campaigns", campaign_key=8, connection=1, title="Spring")
    with pytest.raises(DataError, match="2 messages 'Spring'"):
        found(mailed)
