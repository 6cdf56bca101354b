"""Retention, repeat purchases, value by age, cohort and exposure: small shops whose numbers are worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persync.estimate import Estimate
from persync.measure import METRICS, occasions
from persync.measure.btyd import bgnbd, gammagamma
from persync.measure.btyd.cells import Cells
from persync.measure.metric import Ask, Experiment
from persync.measure.rules import DAY
from persync.measure.value import cohorts, lift
from persync.measure.value.curve import curve
from persync.measure.value.lifetime import product
from persync.measure.value.repeat import median_gap
from persync.measure.value_settings import ValueSettings

BY_ID = {metric.id: metric for metric in METRICS}


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


START = ms("2025-01-01T12:00:00")
ASK = Ask(now=START + 400 * DAY, suppress_n=1, report_n=1)


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def by_id(found: list[Estimate]) -> dict[str, Estimate]:
    return {one.id: one for one in found}


def buys(shop: Any, person: int, *days: float, minor: int = 1000) -> None:
    """Orders of a person on days after the start."""
    for day in days:
        key = 1 + len(shop.rows("SELECT o.order_key FROM orders AS o"))
        shop.order(key, person, minor, ordered_at=START + round(day * DAY))


def watched(shop: Any, day: float) -> None:
    """The shop was last asked on that day."""
    shop.add("coverage", connection=1, stream="orders", from_at=0, to_at=START + round(day * DAY), state="complete")


def test_retention_counts_who_of_the_last_window_came_in_the_next(shop: Any) -> None:
    """Of four active in days 0 to 29 one came in days 30 to 59; whoever is new then is none of them. Churn is the rest."""
    for person in (1, 2, 3, 4):
        buys(shop, person, 0)
    buys(shop, 1, 40)
    buys(shop, 5, 41)
    watched(shop, 60)
    ask = replace(ASK, value=ValueSettings(window_days=30))

    kept, left = compute(shop, "retention_rate", ask)[0], compute(shop, "churn_rate", ask)[0]

    assert (kept.value, kept.n, left.value, left.n) == (0.25, 4, 0.75, 4)
    assert "ordered within 30 days (as set)" in kept.note


def test_the_window_is_the_median_time_between_orders(shop: Any) -> None:
    """Gaps of 10, 20 and 30 days: a window of 20."""
    buys(shop, 1, 0, 10)
    buys(shop, 2, 0, 20)
    buys(shop, 3, 0, 30)
    watched(shop, 60)

    assert "ordered within 20 days (the median time between orders)" in compute(shop, "retention_rate")[0].note


def test_a_window_not_over_gives_no_retention(shop: Any) -> None:
    buys(shop, 1, 0, 3)
    watched(shop, 30)

    read = compute(shop, "retention_rate", replace(ASK, value=ValueSettings(window_days=30)))

    assert [(one.value, one.reason) for one in read] == [(None, "immature")]


def test_retention_after_is_held_against_before(shop: Any) -> None:
    """In the windows before the programme 1 of 5 stayed, after it 3 of 4: +55 points, a raw difference."""
    for person in (1, 2, 3, 4):
        buys(shop, person, 0, 95)
    buys(shop, 1, 35)
    for person in (1, 2, 3):
        buys(shop, person, 125)
    watched(shop, 150)
    ask = replace(ASK, value=ValueSettings(window_days=30, started=START + round(89.5 * DAY)))

    read = compute(shop, "retention_improvement", ask)

    assert (read[0].value, read[0].label, read[0].by) == (pytest.approx(0.55), "raw difference", {"against": "before"})
    assert (read[1].reason, read[1].by["arm"]) == ("no_exposure", "personalised")


def test_mail_of_the_window_before_decides_the_group(shop: Any) -> None:
    """Two with personalised mail in the first window stayed, two with other mail did not; later mail does not count."""
    shop.load("campaign_levels", campaign_key=[1, 2], level=[3, 0], evidence=["", ""])
    for person in (1, 2, 3, 4):
        buys(shop, person, 0)
        day = START + 10 * DAY
        shop.add("touchpoints", connection=1, campaign_key=1 if person < 3 else 2, key_id=person, action=1, happened_at=day)
        shop.add("touchpoints", connection=1, campaign_key=1, key_id=person, action=1, happened_at=day + 30 * DAY)
    buys(shop, 1, 40)
    buys(shop, 2, 41)
    watched(shop, 60)

    read = compute(shop, "retention_improvement", replace(ASK, value=ValueSettings(window_days=30)))

    assert (read[1].value, read[1].n, read[1].label) == (1.0, 4, "raw difference")


def test_orders_of_one_day_are_one_purchase(shop: Any) -> None:
    """Two orders on one day are no repeat purchase; a second day is, and within 90 days only for who is old enough."""
    buys(shop, 1, 0, 0.1)
    buys(shop, 2, 0, 50)
    buys(shop, 3, 0, 100)
    buys(shop, 4, 190)
    watched(shop, 200)

    read = by_id(compute(shop, "repeat_purchase_rate"))

    assert (read["repeat_purchase_rate"].value, read["repeat_purchase_rate"].n) == (0.5, 4)
    assert (read["repeat_within"].value, read["repeat_within"].n) == (pytest.approx(1 / 3), 3)


def test_a_day_is_the_shops(shop: Any) -> None:
    """23:30 and 00:30 in UTC are one day in Berlin and two in UTC."""
    shop.order(1, 1, 500, ordered_at=ms("2025-01-01T22:30:00"))
    shop.order(2, 1, 500, ordered_at=ms("2025-01-01T23:30:00"))
    shop.order(3, 1, 500, ordered_at=ms("2025-01-02T00:30:00"))

    days = {}
    for zone in ("UTC", "Europe/Berlin"):
        compute(shop, "repeat_purchase_rate", replace(ASK, timezone=zone))
        days[zone] = [row["orders"] for row in shop.rows("SELECT o.orders FROM occasions AS o ORDER BY o.day")]

    assert days == {"UTC": [2, 1], "Europe/Berlin": [1, 2]}


def test_what_must_be_left_out_is_said(shop: Any) -> None:
    """Orders that name nobody, and orders dated after now."""
    buys(shop, 1, 0, 30)
    shop.order(50, None, 900, ordered_at=START)
    shop.order(51, 1, 900, ordered_at=ASK.now + DAY)
    shop.order(52, 2, 900, ordered_at=START, cancelled_at=START)

    note = compute(shop, "repeat_purchase_rate")[0].note

    assert "1 orders that name nobody are left out; 1 order dated in the future is left out" in note


def test_frequency_is_of_a_year(shop: Any) -> None:
    """Five purchases of two buyers over half a year: 2.5 each, five a year."""
    buys(shop, 1, 0, 30, 60)
    buys(shop, 2, 10, 100)
    watched(shop, 182.625)

    (read,) = compute(shop, "purchase_frequency")

    assert read.value == pytest.approx(2.5 * 365.25 / 183)
    assert read.n == 2


def test_nobody_left_has_no_lifespan_and_a_long_one_is_capped(shop: Any) -> None:
    """Churn of 1 in 100 a month is eight years, which is cut to five; churn 0: null, longer than observed."""
    for person in range(1, 101):
        buys(shop, person, 0, *(() if person < 2 else (40,)))
    watched(shop, 60)
    ask = replace(ASK, value=ValueSettings(window_days=30))

    capped = compute(shop, "customer_lifespan", ask)[0]
    assert (capped.value, capped.high) == (5.0, 5.0)
    assert "at most 5 years" in capped.note

    buys(shop, 1, 40)
    (read,) = compute(shop, "customer_lifespan", ask)
    assert (read.value, read.reason, read.n) == (None, "longer_than_observed", 100)


def test_contracts_tell_churn_and_tenure(shop: Any) -> None:
    """Ten contracts ran when the last window began, two ended in it; one that had ended before is not among them."""
    buys(shop, 1, 0, 40)
    watched(shop, 60)
    for person in range(1, 12):
        values = {"contract_start": "2025-01-01"}
        values |= {"contract_end": "2025-02-20"} if person < 3 else {"contract_end": "2025-01-15"} if person == 11 else {}
        for name, value in values.items():
            shop.add("attributes", connection=1, key_id=person, name=name, value=value)
    ask = replace(ASK, value=ValueSettings(window_days=30))

    churn = by_id(compute(shop, "churn_rate", ask))["contract_churn"]
    tenure = by_id(compute(shop, "customer_lifespan", ask))["contract_tenure"]

    assert (churn.value, churn.n) == (0.2, 10)
    assert tenure.value == pytest.approx((8 * 60 + 2 * 50 + 14) / 11 / 365.25)


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
    assert "margin 40% of net, as set" in read["cltv_simple_margin"].note


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


def exposed(shop: Any, *, after: bool = False) -> None:
    """Customers 1 to 4 get personalised mail, the others other mail, a day before (or after) the first order."""
    shop.load("campaign_levels", campaign_key=[1, 2], level=[3, 0], evidence=["", ""])
    for person in range(1, 9):
        buys(shop, person, 10, minor=3000 if person < 5 else 1000)
        at = START + (11 if after and person < 5 else 9) * DAY
        shop.add("touchpoints", connection=1, campaign_key=1 if person < 5 else 2, key_id=person, action=1, happened_at=at)
    watched(shop, 80)


def test_exposure_is_fixed_at_the_first_order(shop: Any) -> None:
    """30.00 against 10.00 to 30 and 60 days; later ages nobody has reached."""
    exposed(shop)

    read = {(one.id, one.by["age"]): (one.value, one.reason, one.label) for one in compute(shop, "cltv_lift")}

    raw = "raw difference"
    assert {key: found for key, found in read.items() if key[1] in ("30", "60", "90")} == {
        ("cltv_lift", "30"): (20.0, None, raw),
        ("cltv_lift_relative", "30"): (2.0, None, raw),
        ("cltv_lift", "60"): (20.0, None, raw),
        ("cltv_lift_relative", "60"): (2.0, None, raw),
        ("cltv_lift", "90"): (None, "immature", raw),
        ("cltv_lift_relative", "90"): (None, "immature", raw),
    }


def test_mail_that_came_only_to_those_who_stayed_is_refused(shop: Any) -> None:
    """Personalised mail after the first order goes to who lives long enough to get it."""
    exposed(shop, after=True)

    (read,) = compute(shop, "cltv_lift")

    assert (read.value, read.reason) == (None, lift.IMMORTAL)
    assert read.note.startswith("4 customers got personalised mail only after their first order")


def test_arms_are_compared_since_the_draw_buyers_or_not(shop: Any) -> None:
    """Two of four in the arm bought for 10.00, before the draw does not count: 5.00 against 0.00, randomised."""
    for person in range(1, 9):
        arm = "mail" if person < 5 else "none"
        shop.add("assignments", connection=1, experiment="test", key_id=person, arm=arm, assigned_at=START + 5 * DAY)
        buys(shop, person, 1)
    buys(shop, 1, 10)
    buys(shop, 2, 20)
    watched(shop, 50)
    ask = replace(ASK, arm="test", experiments={"test": Experiment("test", control="none")})

    read = [one for one in compute(shop, "cltv_lift", ask) if one.by["age"] == "30" and one.id == "cltv_lift"]

    assert [(one.value, one.n, one.label, one.by["arm"], one.by["against"]) for one in read] == [
        (5.0, 8, "randomised", "mail", "none")
    ]


def test_share_of_wallet_is_never_guessed(shop: Any) -> None:
    """Nobody told: null. Then 15.00 here of 40.00 everywhere; who spends more here than at all is counted."""
    for person in (1, 2):
        buys(shop, person, 10, minor=1000 if person == 1 else 500)
    watched(shop, 400)
    (untold,) = compute(shop, "share_of_wallet")
    assert (untold.value, untold.reason) == (None, "no_wallet")
    for person, minor in ((1, 3600), (2, 400)):
        shop.add("wallets", connection=1, key_id=person, category="", from_at=START, to_at=START + 300 * DAY,
                 amount_minor=minor, currency="EUR")  # fmt: skip

    (read,) = compute(shop, "share_of_wallet")

    assert (read.value, read.n) == (0.375, 2)
    assert "1 spent more here than they said to spend at all" in read.note


def dormant_shop(shop: Any) -> None:
    """Twelve customers of day 0; all but the last two get a message on day 200, three of them order on day 210."""
    for person in range(1, 13):
        buys(shop, person, 0)
        if person < 11:
            shop.add("touchpoints", connection=1, campaign_key=1, key_id=person, action=1, happened_at=START + 200 * DAY)
    for person in (1, 2, 3):
        buys(shop, person, 210)
    watched(shop, 300)


def test_dormant_customers_who_order_after_a_message_are_reactivated(shop: Any) -> None:
    dormant_shop(shop)

    read = by_id(compute(shop, "reactivation_rate"))

    assert (read["reactivation_rate"].value, read["reactivation_rate"].n) == (0.3, 10)
    assert read["reactivation_difference"].reason == "no_holdout"
    none = compute(shop, "reactivation_rate", replace(ASK, value=ValueSettings(winback=("We miss you",))))
    assert (none[0].value, none[0].reason) == (None, "no_denominator")


def test_a_holdout_says_what_the_win_back_caused(shop: Any) -> None:
    """Of the arm's dormant six three came, of the control's six none: +50 points, by holdout."""
    dormant_shop(shop)
    for person in range(1, 13):
        shop.add("assignments", connection=1, experiment="back", key_id=person, arm="mail" if person < 7 else "none")
    back = Experiment("back", control="none", since=START + 200 * DAY, days=30, holdout=True)

    read = by_id(compute(shop, "reactivation_rate", replace(ASK, experiments={"back": back})))["reactivation_difference"]

    assert (read.value, read.n, read.label) == (0.5, 12, "holdout")


def test_the_next_order_counts_those_still_waiting(shop: Any) -> None:
    """Of five waits two end by day 20 and three do not: not half. With five more that end by day 30, it is."""
    buys(shop, 1, 0, 10)
    buys(shop, 2, 0, 20)
    buys(shop, 3, 0)
    watched(shop, 110)

    (read,) = compute(shop, "next_order_gap")

    assert (read.value, read.reason) == (None, "not_reached")
    buys(shop, 4, 0, 10)
    buys(shop, 5, 0, 30, 60, 90)
    (read,) = compute(shop, "next_order_gap")
    assert (read.value, read.n) == (30.0, 5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=40))
def test_the_median_is_kaplan_and_meiers(seen: list[tuple[int, bool]]) -> None:
    """Against the textbook's product over the days on which somebody came back."""
    came, ended = np.zeros((1, 41)), np.zeros((1, 41))
    for day, event in seen:
        ended[0, day] += 1
        came[0, day] += event
    stays, expected = 1.0, np.inf
    for day in range(41):
        at_risk = sum(1 for other, _ in seen if other >= day)
        events = sum(1 for other, event in seen if other == day and event)
        stays *= 1 - events / at_risk if at_risk else 1.0
        if stays <= 0.5 + 1e-12 and np.isinf(expected):
            expected = day

    assert median_gap(came, ended)[0] == expected


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
