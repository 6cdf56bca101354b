"""The cent ledger: golden journeys, refunds, and sums that are exact whatever the weights."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persync.attribution import ledger
from persync.attribution.explain import explain
from persync.attribution.models import MODELS, AttributionModel
from persync.errors import ConfigError, DataError
from persync.measure.metric import Ask

DAY = 86_400_000
ASK = Ask(now=0)
GROSS = Ask(now=0, basis="gross")


def test_u_shape_of_five_touches_is_forty_three_times_six_and_two_thirds_and_forty(shop: Any, credits: Any) -> None:
    """W19: 0.40, 0.0667 x 3, 0.40 of 100.00, to the cent."""
    shop.days_before("ann", 9, 7, 5, 3, 1)
    shop.order("1", "ann", 10_000)

    engine = shop.engine()
    ledger.build(engine, MODELS, ASK)

    assert credits(engine, "u_shaped") == [4_000, 666, 667, 667, 4_000]


def test_time_decay_gives_a_seventh_two_sevenths_and_four_sevenths(shop: Any, credits: Any) -> None:
    """W20: touches 14, 7 and 0 days before, half-life 7 days."""
    shop.days_before("ann", 14, 7, 0)
    shop.order("1", "ann", 7_000)

    engine = shop.engine()
    ledger.build(engine, MODELS, ASK)

    assert credits(engine, "time_decay") == [1_000, 2_000, 4_000]


def test_every_model_shares_one_journey_in_its_own_way(shop: Any, credits: Any) -> None:
    """Three e-mail clicks and a last direct visit, 100.00."""
    shop.days_before("ann", 21, 14, 7)
    shop.days_before("ann", 0, campaign=None, channel="direct", action=9, connection="shopify")
    shop.order("1", "ann", 10_000)

    engine = shop.engine()
    ledger.build(engine, MODELS, ASK)

    assert {model.name: credits(engine, model.name) for model in MODELS} == {
        "first_touch": [10_000, 0, 0, 0],
        "last_touch": [0, 0, 0, 10_000],
        "last_non_direct": [0, 0, 10_000, 0],
        "last_email": [0, 0, 10_000, 0],
        "linear_distinct": [1_666, 1_667, 1_667, 5_000],
        "w_shaped": [9_000, 333, 333, 334],
        "full_path": [4_500, 500, 500, 4_500],
        "j_shaped": [2_000, 1_000, 1_000, 6_000],
        "inverse_j_shaped": [6_000, 1_000, 1_000, 2_000],
        "any_click": [10_000, 0, 0, 10_000],
        "linear": [2_500, 2_500, 2_500, 2_500],
        "time_decay": [666, 1_334, 2_666, 5_334],
        "u_shaped": [4_000, 1_000, 1_000, 4_000],
    }


def test_last_non_direct_falls_back_to_the_last_of_direct_visits(shop: Any, credits: Any) -> None:
    """A journey of direct visits alone."""
    shop.days_before("ann", 2, 1, campaign=None, channel="direct", action=9)
    shop.order("1", "ann", 500)

    engine = shop.engine()
    ledger.build(engine, MODELS, ASK)

    assert credits(engine, "last_non_direct") == [0, 500]


def test_a_full_refund_returns_every_touch_to_zero(shop: Any, noon: int, credits: Any) -> None:
    """Sale, edit, part refund, rest refund: each posts the change of the balance's shares."""
    shop.days_before("ann", 9, 5, 1)
    shop.order("1", "ann", 1_001)
    shop.money("1", "2", 333, noon + DAY, event="edit")
    shop.money("1", "3", -777, noon + 2 * DAY, event="refund")
    shop.money("1", "4", -557, noon + 3 * DAY, event="refund")

    engine = shop.engine()
    ledger.build(engine, MODELS, ASK)

    assert {model.name: credits(engine, model.name) for model in MODELS} == {model.name: [0, 0, 0] for model in MODELS}
    rows = engine.rows("SELECT c.event_number, c.linear FROM credit_ledger AS c ORDER BY c.event_number, c.position")
    assert [(row["event_number"], row["linear"]) for row in rows] == [
        *((1, 333), (1, 334), (1, 334)),  # floor(1001/3), floor(2002/3) - 333 ...
        *((2, 111), (2, 111), (2, 111)),
        *((3, -259), (3, -259), (3, -259)),
        *((4, -185), (4, -186), (4, -186)),
    ]


def test_an_order_without_touches_has_a_row_that_says_so(shop: Any) -> None:
    """The money stays in sight, with the reason."""
    shop.order("1", "ann", 2_500)
    shop.order("2", None, 100)

    engine = shop.engine()
    ledger.build(engine, MODELS, ASK)

    rows = engine.rows("SELECT c.position, c.reason, c.linear FROM credit_ledger AS c ORDER BY c.linear")
    assert rows == [
        {"position": 0, "reason": "no_touch", "linear": 100},
        {"position": 0, "reason": "no_touch", "linear": 2_500},
    ]


def test_a_model_that_weighs_nothing_leaves_the_money_in_a_row_of_its_own(shop: Any) -> None:
    """An e-mail model on a journey without e-mail: the money is not lost, the other model's is where it was."""
    email = AttributionModel("last_email", "", "CASE WHEN j.is_email = 1 THEN 1e0 ELSE 0e0 END")
    linear = AttributionModel("linear", "", "1e0")
    shop.days_before("ann", 3, 2, channel="google", campaign=None, action=9)
    shop.order("1", "ann", 301)

    engine = shop.engine()
    ledger.build(engine, (email, linear), ASK)

    rows = engine.rows("SELECT c.position, c.reason, c.last_email, c.linear FROM credit_ledger AS c ORDER BY c.position")
    assert rows == [
        {"position": 0, "reason": "no_weight", "last_email": 301, "linear": 0},
        {"position": 1, "reason": "", "last_email": 0, "linear": 150},
        {"position": 2, "reason": "", "last_email": 0, "linear": 151},
    ]


def test_a_model_that_does_not_sum_gives_each_touch_the_whole(shop: Any, credits: Any) -> None:
    """`sums_to="none"`: never in totals, and no row for what is left."""
    any_click = AttributionModel("any_click", "", "1e0", sums_to="none")
    shop.days_before("ann", 3, 2)
    shop.order("1", "ann", 301)

    engine = shop.engine()
    ledger.build(engine, (any_click,), ASK)

    assert credits(engine, "any_click") == [301, 301]
    assert ledger.ties(engine, (any_click,), ASK).differences == []


def test_a_lone_touch_far_back_still_holds_everything(shop: Any, credits: Any) -> None:
    """Decay makes its weight 1e-16; scaled by the order's greatest, it is one."""
    shop.days_before("ann", 364)
    shop.order("1", "ann", 999)

    engine = shop.engine()
    ledger.build(engine, MODELS, Ask(now=0, lookback_days=365))

    assert credits(engine, "time_decay") == [999]


def test_a_decay_too_fast_for_numbers_gives_what_the_ages_say(shop: Any, credits: Any, noon: int) -> None:
    """A half-life of 0.02 days, 1,450 of which lie before the order: the ratios are those between the touches, whatever the
    e-mail rule sees beside them."""
    shop.days_before("ann", 29.04, 29.02, 29)
    shop.touch("ann", noon - DAY, action=3, campaign="opened")
    shop.order("1", "ann", 7_000)
    fast = [replace(model, params={"half_life_days": 0.02}) if model.name == "time_decay" else model for model in MODELS]
    engine = shop.engine()

    ledger.build(engine, fast, ASK)
    found = explain(engine, shop.names["order", "1"], fast, ASK)

    assert credits(engine, "time_decay") == [1_000, 2_000, 4_000]
    told = [touch.shares["time_decay"] for touch in found.touches if touch.position]
    assert [(one.share, one.minor) for one in told] == [(pytest.approx(part / 7, abs=1e-9), part * 1_000) for part in (1, 2, 4)]


def test_an_order_beyond_what_doubles_hold_adds_up_in_every_model(shop: Any, noon: int, credits: Any) -> None:
    """Above 2^53 minor units, with a refund that leaves an odd one: each event by itself, and all of them."""
    shop.days_before("ann", 9, 7, 5, 3, 1)
    shop.order("1", "ann", 2**62 + 12_345)
    shop.money("1", "2", -(2**61) - 1, noon + DAY, event="refund")

    engine = shop.engine()
    ledger.build(engine, MODELS, ASK)

    left = 2**61 + 12_344
    expected = oracle([6, 1, 1, 1, 6], [2**62 + 12_345, -(2**61) - 1])
    rows = engine.rows("SELECT c.event_number - 1 AS event, c.position, c.u_shaped FROM credit_ledger AS c")
    assert {(row["event"], row["position"]): row["u_shaped"] for row in rows} == expected
    assert {sum(credits(engine, model.name)) for model in MODELS if model.sums_to == "order"} == {left}
    assert ledger.ties(engine, MODELS, ASK) == ledger.Ties(orders=1, totals={"EUR": left}, differences=[])


def test_net_leaves_out_tax_and_shipping_and_gross_takes_all(shop: Any, noon: int, credits: Any) -> None:
    """Net = product + adjustment."""
    shop.days_before("ann", 1)
    shop.order("1", "ann", 1_000)
    for part, minor in (("tax", 190), ("shipping", 490), ("adjustment", -10), ("tip", 5)):
        shop.money("1", "1", minor, noon, part=part)
    engine = shop.engine()

    ledger.build(engine, MODELS, ASK)
    net = credits(engine, "linear")
    ledger.build(engine, MODELS, GROSS)

    assert (net, credits(engine, "linear")) == ([990], [1_675])
    assert ledger.ties(engine, MODELS, GROSS) == ledger.Ties(orders=1, totals={"EUR": 1_675}, differences=[])


def test_the_check_finds_a_ledger_that_does_not_add_up(shop: Any) -> None:
    """A cent too much in one row of one order."""
    shop.days_before("ann", 2, 1)
    shop.order("1", "ann", 1_000)
    shop.order("2", "bob", 700)
    engine = shop.engine()
    ledger.build(engine, MODELS, ASK)
    good = ledger.ties(engine, MODELS, ASK)

    engine.write(
        f"SELECT c.order_id, c.currency, {', '.join(f'c.{each.name}' for each in MODELS if each.name != 'linear')},"
        " c.linear + CASE WHEN c.position = 1 THEN 1 ELSE 0 END AS linear FROM credit_ledger AS c",
        None,
        "broken",
    )
    engine.write("SELECT * FROM broken AS b", None, "credit_ledger")

    assert good == ledger.Ties(orders=2, totals={"EUR": 1_700}, differences=[])
    assert ledger.ties(engine, MODELS, ASK).differences == [
        {
            "order_id": shop.names["order", "1"],
            "currency": "EUR",
            "model": "linear",
            "expected_minor": 1_000,
            "credited_minor": 1_001,
        }
    ]


@pytest.mark.parametrize("weight", ["-1e0", "j.age_days / 0e0 - j.age_days / 0e0", "CAST(NULL AS DOUBLE)"])
def test_a_weight_below_zero_or_no_number_is_refused(shop: Any, weight: str) -> None:
    """The message names the model."""
    shop.days_before("ann", 1)
    shop.order("1", "ann")
    engine = shop.engine()

    with pytest.raises(DataError, match="'odd' gives 1 touches a weight that is negative or no number"):
        ledger.build(engine, (AttributionModel("odd", "", weight),), ASK)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ((), "no attribution model"),
        ((AttributionModel("Drop; table", "", "1e0"),), "cannot be the name"),
        ((AttributionModel("position", "", "1e0"),), "cannot be the name"),
        ((AttributionModel("one", "", "1e0"), AttributionModel("one", "", "2e0")), "given twice"),
        ((AttributionModel("one", "", ":size"),), "uses :size but gives it no value"),
    ],
)
def test_models_that_cannot_be_columns_are_refused(shop: Any, models: Any, message: str) -> None:
    """Before anything is computed."""
    with pytest.raises(ConfigError, match=message):
        ledger.build(shop.engine(), models, ASK)


def test_two_models_may_name_a_parameter_alike(shop: Any, credits: Any) -> None:
    """Each keeps its own half-life."""
    shop.days_before("ann", 14, 0)
    shop.order("1", "ann", 900)
    weight = "POWER(0.5e0, j.age_days / :half_life_days)"
    models = tuple(AttributionModel(f"decay_{days}", "", weight, {"half_life_days": float(days)}) for days in (7, 14))

    engine = shop.engine()
    ledger.build(engine, models, ASK)

    assert (credits(engine, "decay_7"), credits(engine, "decay_14")) == ([180, 720], [300, 600])


# Seven digits, so that the text in the SQL is the very number.
weights = st.one_of(st.just(0.0), st.floats(1e-12, 1e9).map(lambda weight: float(f"{weight:e}")))
amounts = st.one_of(st.integers(-3_000, 3_000), st.integers(-(10**12), 10**12))


@settings(max_examples=12, deadline=None)
@given(
    orders=st.lists(st.tuples(st.integers(0, 6), st.lists(amounts, min_size=1, max_size=4)), min_size=1, max_size=12),
    weights=st.lists(weights, min_size=6, max_size=6),
)
def test_credits_are_those_of_exact_arithmetic_and_add_up(
    new_shop: Any, noon: int, orders: list[tuple[int, list[int]]], weights: list[float]
) -> None:
    """Random weights, amounts and refunds: the SQL's cents equal an oracle of Python integers, order by order."""
    shop = new_shop()
    for number, (touches, changes) in enumerate(orders):
        shop.days_before(f"p{number}", *range(touches, 0, -1))
        shop.order(str(number), f"p{number}", None)
        for entry, minor in enumerate(changes):
            shop.money(str(number), str(entry), minor, noon + entry)
    cases = " ".join(f"WHEN {position} THEN {weight:e}" for position, weight in enumerate(weights, 1))
    model = AttributionModel("random", "", f"CASE j.position {cases} ELSE 0e0 END")
    engine = shop.engine()

    ledger.build(engine, (model,), ASK)

    found: dict[str, dict[tuple[int, int], int]] = {}
    names = {shop.names["order", str(number)]: str(number) for number in range(len(orders))}
    for row in engine.rows("SELECT c.order_id, c.event_at, c.position, c.random FROM credit_ledger AS c"):
        found.setdefault(names[row["order_id"]], {})[row["event_at"] - noon, row["position"]] = row["random"]
    assert found == {
        str(number): expected
        for number, (touches, changes) in enumerate(orders)
        if (expected := oracle(weights[:touches], changes))
    }
    assert ledger.ties(engine, (model,), ASK).differences == []
    engine.close()


def oracle(weights: list[float], changes: list[int]) -> dict[tuple[int, int], int]:
    """Return the credit of each (event, touch) in plain integers; touch 0 holds what no touch can."""
    top = max(weights, default=0.0)
    scale = 1.0 if top == 0 or 1e-3 <= top <= 1e6 else top
    wholes = [math.floor(weight / scale * 1e9 + 0.5) for weight in weights]
    total = sum(wholes)

    def alloc(balance: int) -> list[int]:
        sign, sums = (-1 if balance < 0 else 1), [0]
        for whole in wholes:
            sums.append(sums[-1] + whole)
        return [sign * (abs(balance) * sums[k] // total - abs(balance) * sums[k - 1] // total) for k in range(1, len(sums))]

    posted: dict[tuple[int, int], int] = {}
    balance = 0
    for event, change in enumerate(changes):
        if change == 0:
            continue
        before, balance = balance, balance + change
        if total == 0:
            posted[event, 0] = change
            posted |= {(event, k): 0 for k in range(1, len(weights) + 1)}
        else:
            posted |= {
                (event, k): after - was for k, (after, was) in enumerate(zip(alloc(balance), alloc(before), strict=True), 1)
            }
    return posted
