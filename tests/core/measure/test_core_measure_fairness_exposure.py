"""Who gets personalised mail, and what becomes of those who do: exposure by group."""

from __future__ import annotations

from typing import Any

import pytest

from core.measure.fairness_cases import ASK, mail
from core.measure.picks import pick
from persync.measure import fairness
from persync.measure.fairness import scan
from persync.measure.metric import Ask, Experiment


def test_exposure_is_of_those_who_could_be_mailed(shop: Any) -> None:
    """The audience is contacts without a no and everybody sent something; unlabelled mail is neither exposure nor none."""
    shop.load("contacts", connection=[1] * 60, key_id=range(60))
    shop.load("attributes", connection=[1] * 60, key_id=range(60), name=["kind"] * 60, value=["a"] * 30 + ["b"] * 30)
    shop.load("consents", connection=[1] * 10, key_id=range(20, 30), channel=["email"] * 10, state=["unsubscribed"] * 10)
    mail(
        shop,
        {11: 2, 12: 1, 13: None},
        [(p, 11) for p in range(15)] + [(p, 12) for p in range(60) if p not in range(20, 30)] + [(40, 13)],
    )

    read = fairness.assess(shop, "kind", ASK)

    a, b = (pick(read, "exposure_rate", group=group) for group in "ab")
    assert (a.value, a.n) == (15 / 20, 20)
    assert (b.value, b.n) == (0.0, 29)
    assert pick(read, "exposure_unknown", group="b").value == pytest.approx(1 / 30)
    assert pick(read, "mean_sends", group="a").value == pytest.approx(35 / 20)
    assert pick(read, "exposure_dose", group="a").value == pytest.approx(15 / 20)
    assert pick(read, "four_fifths", group="b", of="exposure").by["verdict"] == "not shown"


def test_the_level_received_is_told_by_crossed_groups(shop: Any) -> None:
    """Each cell's mean of the highest level: by age and place together, not only by either."""
    people = range(240)
    ages, places = (["old", "young"] * 120, ["AT", "AT", "DE", "DE"] * 60)
    shop.load("contacts", connection=[1] * 240, key_id=people)
    for name, values in (("age", ages), ("place", places)):
        shop.load("attributes", connection=[1] * 240, key_id=people, name=[name] * 240, value=values)
    mail(shop, {11: 1, 12: 3}, [(p, 11) for p in people] + [(p, 12) for p in people if p % 4 == 3 or p % 8 == 0])

    read = fairness.assess(shop, ("age", "place"), ASK)

    found = {e.by["group"]: (e.value, e.n) for e in read if e.id == "mean_level" and "group" in e.by and "against" not in e.by}
    assert found == {
        "old × AT": (2.0, 60),
        "old × DE": (1.0, 60),
        "young × AT": (1.0, 60),
        "young × DE": (3.0, 60),
    }


def one_country(shop: Any, unknown: int) -> None:
    """A shop of 120 people in DE and some of nowhere known: all mailed, half personally, half bought, half tested, decided."""
    n = 120 + unknown
    people = range(n)
    shop.load("contacts", connection=[1] * n, key_id=people)
    shop.load("attributes", connection=[1] * 120, key_id=range(120), name=["country"] * 120, value=["DE"] * 120,
              basis=["asked"] * 120)  # fmt: skip
    shop.load("assignments", connection=[3] * n, experiment=["t"] * n, key_id=people, arm=(["on", "off"] * n)[:n])
    shop.load("decisions", connection=[3] * n, decision=["offer"] * n, key_id=people, selected=([1, 0] * n)[:n])
    mail(shop, {11: 3, 12: 0}, [(p, 11 + p % 2) for p in people])
    for key in range(1, n, 2):
        shop.order(key, key, 1000 + 10 * key, ordered_at=5)
        shop.add("order_lines", order_key=key, line="1", quantity=1)
        shop.add("order_discounts", order_key=key, discount="d", amount_minor=100, currency="EUR")


@pytest.mark.parametrize("unknown", [0, 60])
def test_a_shop_of_one_country_has_nothing_to_hold_it_against(shop: Any, unknown: int) -> None:
    """One known group, alone or beside `unknown`: it is told, every gap and test of groups is null with the reason, there is
    no verdict on it, and a scan that could compare nothing has found nothing out."""
    one_country(shop, unknown)
    ask = Ask(now=10**13, experiments={"t": Experiment("t", control="off")})

    read = [*fairness.assess(shop, "country", ask), *fairness.assess(shop, "country", ask, decision="offer")]
    scanned = scan.scan(shop, ask)

    told = {e.id for e in read if e.by.get("group") == "DE" and e.value is not None}
    assert told >= {"exposure_rate", "mean_sends", "mean_level", "discount_share", "price_paid", "selection_rate"}
    assert "benefit_difference" in told
    gaps = {e.id: (e.value, e.reason) for e in read if e.id.endswith("_parity") or e.id == "benefit_interaction"}
    labelled = {"predictive_parity": (None, "no_labels")}
    assert gaps == {**dict.fromkeys(gaps, (None, "one_group")), **labelled}
    assert gaps.keys() >= {"demographic_parity", "mean_sends_parity", "price_paid_parity", "benefit_parity"}
    assert {e.by["group"] for e in read if e.id == "four_fifths"} <= {"unknown"}
    assert (scanned[0].id, scanned[0].value, scanned[0].n) == ("bias_detection", None, 0)
    assert scanned[0].reason in ("one_group", "too_few")


def test_few_whose_attribute_is_missing_are_not_counted_out(shop: Any) -> None:
    """3 of 123 have no country: the group `unknown` is hidden, so its size is not told as a share either; 9 may be told."""
    one_country(shop, 3)
    few = pick(scan.scan(shop, ASK), "attribute_missing")
    shop.load("contacts", connection=[1] * 6, key_id=range(200, 206))
    more = pick(scan.scan(shop, ASK), "attribute_missing")

    assert (few.value, few.n, few.reason) == (None, None, "suppressed")
    assert (more.value, more.n) == (9 / 129, 129)


def test_a_group_that_gets_nothing_is_found(shop: Any) -> None:
    """Hundreds of people without a single personalised message are below four fifths, though they have no events."""
    shop.load("contacts", connection=[1] * 600, key_id=range(600))
    shop.load("attributes", connection=[1] * 600, key_id=range(600), name=["kind"] * 600, value=["a"] * 300 + ["b"] * 300)
    mail(shop, {11: 3}, [(p, 11) for p in range(150)])

    fifths = pick(fairness.assess(shop, "kind", ASK), "four_fifths", group="b")

    assert (fifths.value, fifths.by["verdict"]) == (0.0, "below")


def test_leaving_and_complaining_are_of_the_messages_delivered_and_not_of_the_people(shop: Any) -> None:
    """Two groups of 40, of whom ten each leave and complain of one message; one group got four messages each, the other one.

    Of the people that were the same burden, of the messages it is four times as much. A message that bounced is none.
    """
    mail(shop, {1: 2, 2: 2, 3: 2, 4: 2, 5: 2}, [(n, 1) for n in range(80)] + [(n, key) for key in (2, 3, 4) for n in range(40)])
    people = {"connection": [1] * 80, "key_id": [*range(80)], "name": ["kind"] * 80}
    shop.load("attributes", **people, value=["often"] * 40 + ["once"] * 40)
    for person, action in ((n, action) for n in (*range(10), *range(40, 50)) for action in (6, 7)):
        shop.add("touchpoints", connection=1, campaign_key=1, key_id=person, action=action, happened_at=2)
    for action in (1, 5, 6):
        shop.add("touchpoints", connection=1, campaign_key=5, key_id=79, action=action, happened_at=2)

    read = fairness.assess(shop, "kind", ASK)

    for id in ("unsubscribed_rate", "complained_rate"):
        assert pick(read, id, group="often").value == pytest.approx(10 / 160)
        assert pick(read, id, group="once").value == pytest.approx(10 / 40)
        assert pick(read, f"{id}_ratio", group="once", against="often").value == pytest.approx(4.0)
        (overall,) = [e for e in read if e.id == id and "group" not in e.by]
        assert (overall.value, overall.n) == (pytest.approx(20 / 200), 80)
