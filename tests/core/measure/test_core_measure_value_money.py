"""What customers are worth: simple, historic, by cohort, predicted."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.measure.value_cases import ASK, START, buys, by_id, compute, watched
from persync.estimate import Estimate
from persync.measure import occasions
from persync.measure.btyd import bgnbd, gammagamma
from persync.measure.btyd.cells import Cells
from persync.measure.rules import DAY
from persync.measure.value import cohorts
from persync.measure.value.curve import curve
from persync.measure.value.lifetime import product
from persync.measure.value_settings import ValueSettings


def test_the_worked_formula_gives_600_and_240() -> None:
    """50 x 4 a year x 3 years; at 40 % margin."""
    assert (product(50, 4, 3), product(50, 4, 3, 0.4)) == (600, pytest.approx(240))


def test_the_simple_value_is_the_product_of_its_parts(shop: Any) -> None:
    """Purchase value, frequency and lifespan of the same shop, multiplied; margin is 40 % of it and carries its name."""
    rng = np.random.default_rng(3)
    for person in range(1, 60):
        buys(shop, person, *sorted(rng.uniform(0, 200, rng.integers(1, 5)).tolist()), minor=2500)
    watched(shop, 200)
    ask = replace(ASK, margin=0.4, value=ValueSettings(window_days=50))

    read = by_id(compute(shop, "cltv_simple", ask))
    often, life = compute(shop, "purchase_frequency", ask)[0], compute(shop, "customer_lifespan", ask)[0]

    sizes = shop.rows("SELECT AVG(o.revenue_minor) / 100 AS size FROM occasions AS o")[0]["size"]
    assert read["cltv_simple"].value == pytest.approx(sizes * often.value * life.value)
    assert read["cltv_simple_margin"].value == pytest.approx(0.4 * sizes * often.value * life.value)
    assert (read["cltv_simple"].low or 0) < (read["cltv_simple"].value or 0) < (read["cltv_simple"].high or 0)
    assert "margin 40 % of net, as set" in read["cltv_simple_margin"].note


def test_a_simple_value_of_a_lifespan_of_few_says_so(shop: Any) -> None:
    """Sixty bought, but only twelve were active in the window that the lifespan is of."""
    for person in range(1, 61):
        buys(shop, person, 10, minor=2500)
    for person in range(1, 13):
        buys(shop, person, 120, *([170] if person < 4 else []))
    watched(shop, 200)
    ask = replace(ASK, value=ValueSettings(window_days=50))

    read, life = compute(shop, "cltv_simple", ask)[0], compute(shop, "customer_lifespan", ask)[0]

    assert (read.n, life.n) == (60, 12)
    assert "too few to say" in life.note
    assert read.note.endswith("too few to say: the years that a customer stays are of 12 active")


def test_value_to_an_age_is_the_ledgers_of_those_old_enough(shop: Any) -> None:
    """Ten by day 30, twenty by day 60; a refund on day 70 counts from then on; who is 20 days old counts only to date."""
    buys(shop, 1, 0, 40)
    buys(shop, 2, 0, 40)
    shop.post(1, -400, "product", entry="refund", at=START + 70 * DAY, event="refund")
    buys(shop, 3, 80)
    watched(shop, 100)

    read = {(one.id, one.by["age"]): (one.value, one.n, one.reason) for one in compute(shop, "cltv_historic")}

    revenue = {age: found for (id, age), found in read.items() if id == "cltv_historic"}
    assert revenue == {
        "to date": (pytest.approx((1600 + 2000 + 1000) / 300), 3, None),
        "30": (10.0, 2, None),
        "60": (20.0, 2, None),
        "90": (18.0, 2, None),
        "180": (None, 0, "immature"),
        "365": (None, 0, "immature"),
    }
    assert read["cltv_historic_margin", "30"] == (None, 2, "no_unit_cost")


def test_two_currencies_are_not_added_up(shop: Any) -> None:
    buys(shop, 1, 0, 40)
    shop.order(90, 2, 500, ordered_at=START, currency="USD")

    for id in ("cltv_simple", "cltv_historic", "cltv_predictive", "cohort_value", "cltv_lift"):
        assert {one.reason for one in compute(shop, id)} == {"mixed_currencies"}


def cohort_shop(shop: Any) -> None:
    """Four first orders in January, of whom two come in February and one in March; two first orders in February."""
    for person in (1, 2, 3, 4):
        buys(shop, person, person)
    buys(shop, 1, 35, 36, 65)
    buys(shop, 2, 37)
    buys(shop, 5, 33)
    buys(shop, 6, 34)
    watched(shop, 95)  # 6 April


def test_a_cohort_is_followed_month_by_month(shop: Any) -> None:
    """Each month's share of the cohort; the running month is not over, and months to come are not there."""
    cohort_shop(shop)

    read = {(one.by["cohort"], one.by["month"]): (one.value, one.n, one.reason) for one in compute(shop, "cohort_retention")}

    assert read == {
        ("2025-01", "1"): (0.5, 4, None),
        ("2025-01", "2"): (0.25, 4, None),
        ("2025-01", "3"): (None, None, "immature"),
        ("2025-02", "1"): (0.0, 2, None),
        ("2025-02", "2"): (None, None, "immature"),
    }


def test_a_cohorts_money_adds_up_and_pays_back(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """10.00 a customer in January, 17.50 by February's end, 20.00 by March's; at 40 % margin 7.00 passes a CAC of 6.50 then."""
    cohort_shop(shop)
    ask = replace(ASK, margin=0.4)
    assert {one.reason for one in compute(shop, "cohort_value", ask) if one.id == "payback_month"} == {"no_cac"}
    monkeypatch.setattr(cohorts, "_cac", lambda engine, ask: Estimate("cac", 6.5, unit="EUR"))

    read = {(one.id, one.by["cohort"], one.by.get("month")): one.value for one in compute(shop, "cohort_value", ask)}

    january = {key[2]: value for key, value in read.items() if key[:2] == ("cohort_value", "2025-01")}
    assert january == {"0": 10.0, "1": 17.5, "2": 20.0}
    assert read["cohort_value_margin", "2025-01", "1"] == pytest.approx(7.0)
    assert (read["payback_month", "2025-01", None], read["payback_month", "2025-02", None]) == (1, None)
    late = next(
        one for one in compute(shop, "cohort_value", ask) if one.id == "payback_month" and one.by["cohort"] == "2025-02"
    )
    assert (late.reason, late.note) == ("not_yet", "not within 2 months; cost of winning a customer 6.50 EUR")


def test_small_cohorts_are_hidden(shop: Any) -> None:
    cohort_shop(shop)

    read = compute(shop, "cohort_retention", replace(ASK, suppress_n=3, report_n=3))

    february = [one for one in read if one.by["cohort"] == "2025-02" and one.by["month"] == "1"]
    assert [(one.value, one.n, one.reason) for one in february] == [(None, None, "suppressed")]


def test_too_few_repeat_buyers_get_the_cohort_curve(shop: Any) -> None:
    """Everybody brings 10.00 a month after the first: twelve months at no discount are 120.00, and the note says why."""
    for person in range(1, 21):
        buys(shop, person, *(30.5 * month + 0.3 for month in range(6)))
    watched(shop, 183)
    ask = replace(ASK, margin=0.5, value=ValueSettings(discount=0.0))

    read = by_id(compute(shop, "cltv_predictive", ask))

    assert read["cltv_predictive"].value == pytest.approx(120.0, rel=0.01)
    assert read["cltv_predictive_margin"].value == pytest.approx(60.0, rel=0.01)
    assert "20 repeat buyers are fewer than 200: the cohort curve stands in" in read["cltv_predictive"].note
    assert read["cltv_backtest"].reason == "too_few_repeat_buyers"
    assert read["cltv_backtest_money"].reason == "too_few_repeat_buyers"


def test_the_curve_carries_on_with_the_last_three_months() -> None:
    """Steps of 4, 2, 1 and 1 seen by who is four months old: the next three bring the mean of the last three, 4 / 3 each."""
    heads, sums = np.array([[0.0, 0.0, 0.0, 0.0, 5.0]]), np.array([[20.0, 10.0, 5.0, 5.0, 0.0]])

    assert curve(heads, sums, 3, 0.0)[0] == pytest.approx(4.0)
    assert curve(heads, sums, 1, 0.25)[0] == pytest.approx(4 / 3 / 1.25)


@pytest.fixture
def lively(shop: Any) -> Any:
    """700 customers who buy and leave as BG/NBD says, over 400 days, each purchase about its buyer's own mean."""
    rng = np.random.default_rng(11)
    people, moments, minors = [], [], []
    for person in range(1, 701):
        rate, leaves, level = rng.gamma(0.9, 1 / 20.0), rng.beta(1.0, 3.0), rng.gamma(6, 500)
        at = rng.uniform(0, 300)
        while at < 400:
            people.append(person)
            moments.append(START + int(at * DAY))
            minors.append(int(rng.gamma(5, level / 5)) + 1)
            at += rng.exponential(1 / rate)
            if rng.random() < leaves:
                break
    keys = list(range(1, len(people) + 1))
    ones = [1] * len(keys)
    shop.load("order_of", order_key=keys, order_id=keys, is_money_source=ones)
    shop.load("orders", order_key=keys, connection=ones, kind=["order"] * len(keys), key_id=people, ordered_at=moments,
              status=["paid"] * len(keys), is_test=[0] * len(keys), currency=["EUR"] * len(keys))  # fmt: skip
    shop.load("order_ledger", order_key=keys, entry=["s"] * len(keys), event=["sale"] * len(keys), part=["product"] * len(keys),
              happened_at=moments, amount_minor=minors, currency=["EUR"] * len(keys))  # fmt: skip
    shop.load("attributes", connection=[1] * 700, key_id=list(range(1, 701)), name=["country"] * 700,
              value=["AT" if person % 2 else "DE" for person in range(1, 701)])  # fmt: skip
    watched(shop, 400)
    return shop


@pytest.mark.parametrize("model", ["bg_nbd", "pareto_nbd"])
def test_predicted_value_stands_with_interval_and_back_test(lively: Any, model: Any) -> None:
    """Both models give a value inside its interval, fewer purchases than without leaving, and a back-test near what came."""
    ask = replace(ASK, margin=0.4, value=ValueSettings(model=model))

    read = by_id(compute(lively, "cltv_predictive", ask))

    value, test = read["cltv_predictive"], read["cltv_backtest"]
    assert 0 < value.low < value.value < value.high < 2 * value.value  # type: ignore[operator]
    assert read["cltv_predictive_margin"].value == pytest.approx(0.4 * float(value.value or 0))
    assert 0 < float(read["customers_active"].value or 0) < 1
    assert abs(float(test.value or 9)) < 0.35
    assert test.note.startswith("predicted ")
    assert abs(float(read["cltv_backtest_money"].value or 9)) < 0.35


def test_the_back_test_of_money_is_fitted_to_what_was_known_and_held_against_what_was_spent(lively: Any) -> None:
    """Purchases expected of each customer times what one of theirs is worth by what they bought before, over what came."""
    asked = replace(ASK, value=ValueSettings())
    ground = occasions.build(lively, asked)
    days = ground.days // 3
    cut_day = ground.end_day - days
    seen: dict[int, list[tuple[int, float]]] = {}
    sql = "SELECT o.person AS person, o.day AS day, o.revenue_minor AS minor FROM occasions AS o ORDER BY o.person, o.day"
    for row in lively.rows(sql):
        if row["day"] < ground.end_day:
            seen.setdefault(row["person"], []).append((row["day"], float(row["minor"])))
    known = {who: [one for one in every if one[0] < cut_day] for who, every in seen.items()}
    known = {who: every for who, every in known.items() if every}
    x = np.array([len(every) - 1.0 for every in known.values()])
    t_x = np.array([every[-1][0] - every[0][0] for every in known.values()]) / 7
    age = np.array([cut_day - every[0][0] for every in known.values()]) / 7
    spent = np.array([sum(minor for _, minor in every[1:]) for every in known.values()])
    often = bgnbd.fit(Cells(x, t_x, age, np.ones(len(x))), covariance=False)
    much = gammagamma.fit(x[x > 0], spent[x > 0] / x[x > 0])
    assert often is not None
    assert much is not None
    many = bgnbd.expected(np.array(often.parameters), Cells(x, t_x, age, np.ones(len(x))), days / 7)
    foretold = float((many * gammagamma.expected(np.array(much.parameters), x, spent)).sum())
    later = np.array([sum(minor for day, minor in seen[who] if day >= cut_day) for who in known])

    test = by_id(compute(lively, "cltv_predictive", asked))["cltv_backtest_money"]

    error = 1.959964 * math.sqrt(len(later)) * float(later.std())
    ends = foretold / (later.sum() + error) - 1, foretold / (later.sum() - error) - 1
    assert (test.value, test.low, test.high) == pytest.approx((foretold / later.sum() - 1, *ends), rel=1e-3, abs=1e-4)
    assert f"in the last {days} days from what was known before them, {later.sum() / 100:,.2f} EUR came" in test.note


def test_a_yearly_discount_takes_what_it_must(lively: Any) -> None:
    """At 10 % a year with cash at month ends a year's money loses between 0 and 10 %."""
    read = [
        compute(lively, "cltv_predictive", replace(ASK, value=ValueSettings(discount=rate)))[0].value for rate in (0.0, 0.10)
    ]

    assert 0.90 < float(read[1] or 0) / float(read[0] or 1) < 0.99


def test_segments_stand_side_by_side_in_three_forms(lively: Any) -> None:
    """Historic, simple and predicted for both countries, each p adjusted for two; without a dimension by month."""
    read = compute(lively, "cltv_by_segment", replace(ASK, by=("country",)))

    assert [(one.by["form"], one.by["country"]) for one in read] == [
        (form, country) for form in ("historic", "simple", "predicted") for country in ("AT", "DE")
    ]
    assert all(one.value and one.low and "one of 2 comparisons, Holm-adjusted p" in one.note for one in read)
    assert {one.by["coh"] for one in compute(lively, "cltv_by_segment")} >= {"2025-01", "2025-10"}


def test_what_slices_show_adds_up_to_the_whole(lively: Any) -> None:
    """The two countries' customers are all customers, and the whole's value to date is their mean weighted by them."""
    whole = next(one for one in compute(lively, "cltv_historic") if one.by == {"age": "to date"})
    parts = [
        one
        for one in compute(lively, "cltv_historic", replace(ASK, by=("country",)))
        if one.id == "cltv_historic" and one.by["age"] == "to date"
    ]

    assert sum(one.n or 0 for one in parts) == whole.n == 700
    assert sum((one.n or 0) * float(one.value or 0) for one in parts) / 700 == pytest.approx(whole.value)
