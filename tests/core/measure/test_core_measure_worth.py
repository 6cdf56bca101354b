"""What it is worth: revenue by consent, what customers get for their data, what harm costs; and whether choice narrows."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from persync.estimate import Estimate
from persync.measure import METRICS
from persync.measure.ethics.worth import covered
from persync.measure.ethics_settings import EthicsSettings
from persync.measure.metric import Ask, Experiment

DAY = 86_400_000
SENT = 1_000 * DAY
ASK = Ask(now=SENT + 100 * DAY, suppress_n=1)
BY_ID = {metric.id: metric for metric in METRICS}


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


@pytest.fixture
def trade(shop: Any) -> Any:
    """Four buyers: one subscribed, one who had left, one nothing is known of, and one never mailed; and a guest."""
    for person in (1, 2, 3):
        shop.add("touchpoints", connection=1, campaign_key=7, key_id=person, action=1, happened_at=SENT)
    shop.add("consents", connection=1, key_id=1, channel="email", state="subscribed", changed_at=0)
    shop.add("consents", connection=1, key_id=2, channel="email", state="unsubscribed", changed_at=SENT - DAY)
    for order, person, minor in ((1, 1, 10_000), (2, 2, 5_000), (3, 3, 2_500), (4, 4, 1_000), (5, None, 700)):
        shop.order(order, person, minor, ordered_at=SENT + DAY)
    return shop


def test_revenue_is_told_by_the_consent_behind_the_last_message_and_adds_up(trade: Any) -> None:
    found = compute(trade, "revenue_by_consent")

    assert {e.by.get("state", "sum"): (e.value, e.n, e.unit) for e in found} == {
        "unstated": (100.0, 1, "EUR"),
        "withdrawn": (50.0, 1, "EUR"),
        "none": (25.0, 1, "EUR"),
        "no message": (17.0, 2, "EUR"),
        "sum": (75.0, 2, "EUR"),
    }


def test_a_message_before_the_look_back_stands_behind_no_order_and_one_before_the_period_may(trade: Any) -> None:
    short = compute(trade, "revenue_by_consent", replace(ASK, lookback_days=0.5))
    later = compute(trade, "revenue_by_consent", replace(ASK, period=(SENT + 1, ASK.now)))

    assert {e.by["state"]: e.value for e in short if e.by} == {"no message": 192.0}
    assert {e.by["state"]: e.value for e in later if e.by} == {
        "unstated": 100.0, "withdrawn": 50.0, "none": 25.0, "no message": 17.0,
    }  # fmt: skip


def test_a_small_undefended_state_is_hidden_with_another_of_its_kind_so_that_the_sum_is_told(trade: Any) -> None:
    """Three had left, eleven are unknown, and only seven had subscribed: the eleven are hidden with the three."""
    for person in range(11, 29):
        trade.add("touchpoints", connection=1, campaign_key=7, key_id=person, action=1, happened_at=SENT)
        trade.order(person, person, 1_000, ordered_at=SENT + DAY)
        if person < 19:
            state, at = ("subscribed", 0) if person < 17 else ("unsubscribed", SENT - DAY)
            trade.add("consents", connection=1, key_id=person, channel="email", state=state, changed_at=at)

    for person in range(31, 35):
        trade.order(person, person, 1_000, ordered_at=SENT + DAY)

    found = compute(trade, "revenue_by_consent", replace(ASK, suppress_n=5))

    assert {e.by.get("state", "sum"): (e.value, e.n) for e in found} == {
        "unstated": (160.0, 7),
        "withdrawn": (None, None),
        "none": (None, None),
        "no message": (57.0, 6),
        "sum": (195.0, 14),
    }


def test_neither_all_revenue_nor_the_undefended_sum_gives_a_small_state_away() -> None:
    """An attacker takes what is shown from each sum that is told: never is one state of fewer than five left over."""
    states = ("consent", "no message", "none", "pending")
    for sizes in itertools.product((0, 1, 3, 4, 5, 9), repeat=4):
        cells = dict(zip(states, sizes, strict=True))
        hide, is_told = covered(cells, 5)
        known = (states[:2], states[2:]) if is_told else (states,)
        for sum_of in known:
            left = [cells[state] for state in sum_of if state in hide and cells[state]]
            everything = sum(sizes) == sum(left) and (len(left) == 1 or sum(left) < 5)
            assert not left or everything or (len(left) > 1 and sum(left) >= 5), (cells, hide, is_told)
    assert covered({"consent": 20, "no message": 30, "none": 9, "pending": 3}, 5) == (frozenset({"none", "pending"}), True)


def test_states_of_few_people_are_hidden_and_so_is_the_sum(trade: Any) -> None:
    found = compute(trade, "revenue_by_consent", replace(ASK, suppress_n=3))

    assert {e.by.get("state", "sum"): (e.value, e.reason) for e in found} == {
        "unstated": (None, "suppressed"),
        "none": (None, "suppressed"),
        "withdrawn": (None, "suppressed"),
        "no message": (None, "suppressed"),
        "sum": (None, "suppressed"),
    }


def test_revenue_in_two_currencies_is_not_added(trade: Any) -> None:
    trade.order(6, 1, 100, ordered_at=SENT + DAY, currency="USD")

    assert [e.reason for e in compute(trade, "revenue_by_consent")] == ["mixed_currencies"]
    assert [e.reason for e in compute(trade, "value_exchange")] == ["mixed_currencies"]


def test_customers_get_discounts_for_the_attributes_held_on_them(trade: Any) -> None:
    trade.add("order_discounts", order_key=1, discount="a", kind="code", amount_minor=400, currency="EUR")
    trade.add("order_discounts", order_key=2, discount="a", kind="code", amount_minor=100, currency="EUR")
    for person, names in ((1, "ab"), (2, "abcd")):
        for name in names:
            trade.add("attributes", connection=1, key_id=person, name=name, value="x")

    bare = {e.id: (e.value, e.unit) for e in compute(trade, "value_exchange")}
    (priced,) = [
        e.value
        for e in compute(trade, "value_exchange", replace(ASK, ethics=EthicsSettings(prices={"data_point": 0.5})))
        if e.id == "value_exchange"
    ]

    assert bare == {
        "value_exchange": (0.5, "share"),
        "discount_per_customer": (1.25, "EUR"),
        "data_points_per_customer": (1.5, "attributes"),
        "gain_per_customer": (46.25, "EUR"),
    }
    assert priced == 0.25


def test_the_exchange_is_told_by_group_and_a_small_one_is_hidden_with_another(trade: Any) -> None:
    """Each age's own discounts, data and revenue; the 2 old customers are hidden with the 4 of no known age."""
    for order, person in enumerate(range(10, 26), start=100):
        trade.order(order, person, 1_000 * (1 + person % 2), ordered_at=SENT + DAY)
        age = "old" if person < 12 else "young" if person < 18 else "middle"
        trade.add("attributes", connection=1, key_id=person, name="age", value=age)
        if age == "middle":
            trade.add("order_discounts", order_key=order, discount="a", kind="code", amount_minor=300, currency="EUR")

    found = compute(trade, "value_exchange", replace(ASK, by=("age",), suppress_n=5))

    ids = ("value_exchange", "discount_per_customer", "data_points_per_customer", "gain_per_customer")
    told = {(e.id, e.by["age"]): e.value for e in found}
    middle, young = dict(zip(ids, (1.0, 3.0, 1.0, 15.0), strict=True)), dict(zip(ids, (0.0, 0.0, 1.0, 15.0), strict=True))
    wanted = {"middle": middle, "young": young, "old": dict.fromkeys(ids), "unknown": dict.fromkeys(ids)}
    assert told == {(id, age): value for age, values in wanted.items() for id, value in values.items()}


def test_harm_costs_what_the_user_says_and_nothing_is_priced_for_them(trade: Any) -> None:
    trade.add("touchpoints", connection=1, campaign_key=7, key_id=1, action=7, happened_at=SENT + DAY)
    prices = {"complaint": 5.0, "violation": 2.0, "undefended": 0.1}

    whole, *parts = compute(trade, "cost_of_harm", replace(ASK, ethics=EthicsSettings(prices=prices)))
    unpriced = compute(trade, "cost_of_harm")

    assert {e.by["part"]: (e.value, e.reason) for e in parts} == {
        "complaint": (5.0, None),
        "unsubscribe": (None, "not_priced"),
        "violation": (4.0, None),
        "undefended": (7.5, None),
    }
    assert (whole.value, whole.unit) == (-16.5, "EUR")
    assert {e.reason for e in unpriced} == {"not_priced"}


def test_what_few_people_did_is_neither_told_nor_priced_in_the_cost_of_harm(trade: Any) -> None:
    """One complained and five left; two messages broke a rule: of the sum, only the five can be worked out."""
    trade.add("touchpoints", connection=1, campaign_key=7, key_id=1, action=7, happened_at=SENT + DAY)
    for person in range(1, 6):
        trade.add("touchpoints", connection=1, campaign_key=7, key_id=person, action=6, happened_at=SENT + DAY)
    prices = EthicsSettings(prices={"complaint": 5.0, "violation": 2.0, "undefended": 0.1, "unsubscribe": 3.0})

    whole, *parts = compute(trade, "cost_of_harm", replace(ASK, ethics=prices, suppress_n=5))
    unpriced = compute(trade, "cost_of_harm", replace(ASK, suppress_n=5))

    assert {e.by["part"]: (e.value, e.reason) for e in parts} == {
        "complaint": (None, "suppressed"),
        "unsubscribe": (15.0, None),
        "violation": (None, "suppressed"),
        "undefended": (None, "suppressed"),
    }
    assert whole.value == -15.0
    assert [e.note for e in unpriced if e.by.get("part") == "complaint"] == ["people who complained"]


def test_leaving_the_list_costs_what_a_subscriber_is_worth(trade: Any) -> None:
    trade.add("touchpoints", connection=1, campaign_key=7, key_id=1, action=6, happened_at=SENT + DAY)

    whole = compute(trade, "cost_of_harm", replace(ASK, costs=replace(ASK.costs, subscriber_value=12.0)))[0]

    assert whole.value == -12.0


@pytest.fixture
def bakery(shop: Any) -> Any:
    """Four products of three kinds on sale; two people buy, one of them twice."""
    for product, kind in (("rye", "bread"), ("oat", "bread"), ("bun", "sweet"), ("tea", "drink")):
        shop.add("products", connection=1, product=product, kind=kind)
    for order, person, at, products in (
        (1, 1, 0, {"rye": 1}),
        (2, 1, 10, {"oat": 2, "bun": 1}),
        (3, 2, 10, {"rye": 1, "oat": 4, "bun": 1}),
    ):
        shop.order(order, person, 100, ordered_at=SENT + at * DAY)
        for name, pieces in products.items():
            shop.add("order_lines", order_key=order, line=name, product=name, quantity=pieces)
    return shop


def test_what_is_bought_is_held_against_the_catalogue_and_against_habit(bakery: Any) -> None:
    found = {e.id: (e.value, e.n) for e in compute(bakery, "diversity_serendipity", replace(ASK, period=(SENT + DAY, ASK.now)))}

    pieces = [0, 1, 2, 6]  # tea, rye, bun, oat
    gini = sum(abs(a - b) for a in pieces for b in pieces) / (2 * 4 * sum(pieces))
    assert found == {
        "exposure_gini": (None, None),
        "catalogue_coverage": (0.75, 4),
        "purchase_gini": (pytest.approx(gini), 2),
        "basket_diversity": (pytest.approx((1 + 2 / 3) / 2), 2),
        "outside_usual": (0.5, 2),
    }


def test_arms_are_told_apart_and_a_catalogue_with_holes_gives_no_share(bakery: Any) -> None:
    for person, arm in ((1, "a"), (2, "b")):
        bakery.add("assignments", connection=2, experiment="spring", key_id=person, arm=arm)
    ask = replace(ASK, period=(SENT + DAY, ASK.now), by=("arm",), arm="spring", experiments={"spring": Experiment("spring")})

    found = compute(bakery, "diversity_serendipity", ask)
    bakery.db.execute("DELETE FROM products WHERE product <> 'rye'")
    holed = compute(bakery, "diversity_serendipity")

    assert {(e.by["arm"], e.id): e.value for e in found if e.id in ("catalogue_coverage", "outside_usual")} == {
        ("a", "catalogue_coverage"): 0.5,
        ("a", "outside_usual"): 0.5,
        ("b", "catalogue_coverage"): 0.75,
        ("b", "outside_usual"): None,
    }
    assert {e.id: e.reason for e in holed if e.id in ("catalogue_coverage", "purchase_gini")} == {
        "catalogue_coverage": "no_catalogue",
        "purchase_gini": "no_catalogue",
    }
