"""Costs, hours and what winning a customer costs: small cases worked out by hand, and published examples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.measure.gain_cases import ASK, SECTION_E, START, ads, buys, by_id, compute, cost, ms, newsletter, watched
from persync.measure import METRICS, counts
from persync.measure.cost_settings import CostSettings
from persync.measure.gain.programmes import split
from persync.measure.rules import DAY
from persync.measure.value.lifetime import product
from persync.measure.value_settings import ValueSettings


def test_every_entry_of_the_section_answers_on_an_empty_store(shop: Any) -> None:
    """Never nothing, never zero for unknown: each id gives null with a reason."""
    mine = [metric for metric in METRICS if metric.number in SECTION_E or metric.number == "27"]

    assert {metric.number for metric in mine} == SECTION_E | {"27"}
    for metric in mine:
        found = [one for one in metric.compute(shop, ASK) if "kind" not in one.by]  # a proxy that is off is worth nothing
        assert found, metric.id
        assert [(one.value, bool(one.reason)) for one in found] == [(None, True)] * len(found), metric.id


@pytest.mark.parametrize(("weeks", "saved", "roi"), [(4.0, 320.0, 5.40), (52 / 12, 346.67, 5.933)])
def test_the_bakerys_newsletter_returns_540_per_cent_at_four_weeks_and_593_at_52_twelfths(
    shop: Any, weeks: float, saved: float, roi: float
) -> None:
    newsletter(shop)
    ask = replace(ASK, costs=CostSettings(weeks_a_month=weeks))

    value = {one.by["per"]: one for one in compute(shop, "time_savings", ask) if one.id == "time_savings_value"}["month"]
    (month,) = compute(shop, "roi_with_time_savings", ask)

    assert (value.value, value.unit) == (pytest.approx(saved, abs=0.005), "EUR")
    assert month.value == pytest.approx(roi, abs=0.0005)
    assert "realised share 100 %" in month.note


@pytest.mark.parametrize(("from_day", "days", "months"), [(0, 28, 1.0), (3, 28, 1.0), (0, 42, 1.5)])
def test_where_a_month_is_four_weeks_costs_and_hours_share_it(shop: Any, from_day: int, days: int, months: float) -> None:
    """Four weeks that cost 50 and save 320 return 540 %; six weeks are a month and a half."""
    newsletter(shop)
    cost(shop, "more", START + from_day * DAY + 1, 5000)
    period = (START + from_day * DAY, START + (from_day + days) * DAY)
    ask = replace(ASK, period=period, costs=CostSettings(weeks_a_month=4))

    (month,) = compute(shop, "roi_with_time_savings", ask)

    spent = (100 if from_day == 0 else 50) / months
    assert month.value == pytest.approx(320 / spent - 1)


def test_hours_not_put_to_use_do_not_count_and_on_cost_does(shop: Any) -> None:
    """Half of the hours realised, a fifth on top of the rate: 4 h × 24 × 4 weeks × 0.5 = 192 for 50."""
    newsletter(shop, on_cost=0.2)

    (month,) = compute(shop, "roi_with_time_savings", replace(ASK, costs=CostSettings(weeks_a_month=4, realised_share=0.5)))

    assert month.value == pytest.approx(192 / 50 - 1)


def test_a_tool_that_takes_longer_saves_less_than_nothing(shop: Any) -> None:
    newsletter(shop, hours_after=6.0)

    found = {(one.id, one.by["per"]): one.value for one in compute(shop, "time_savings")}

    assert (found["time_savings", "period"], found["time_savings_value", "period"]) == (-2.0, -40.0)


def test_hours_without_a_rate_have_no_price_unless_one_is_set(shop: Any) -> None:
    newsletter(shop, rate_minor=None, currency=None)

    (month,) = compute(shop, "roi_with_time_savings")
    (priced,) = compute(shop, "roi_with_time_savings", replace(ASK, currency="EUR", costs=CostSettings(4, hourly_rate=20)))

    assert (month.value, month.reason) == (None, "no_hourly_rate")
    assert priced.value == pytest.approx(5.4)


def test_a_line_of_the_time_sheet_counts_by_its_days_in_the_period(shop: Any) -> None:
    """Half of the week lies in the period: two of the four hours."""
    newsletter(shop)
    ask = replace(ASK, period=(START + round(3.5 * DAY), START + 30 * DAY))

    found = {(one.id, one.by["per"]): one.value for one in compute(shop, "time_savings", ask)}

    assert (found["time_savings", "period"], found["time_savings", "week"]) == (2.0, 4.0)


def test_productivity_is_output_an_hour_and_no_hours_give_none(shop: Any) -> None:
    base = {"from_at": START, "to_at": START + DAY}
    shop.add("work_times", entry="1", task="letters", hours_after=8.0, output=4.0, **base)
    shop.add("work_times", entry="2", task="idle", hours_after=0.0, output=1.0, **base)

    found = {one.by["task"]: (one.value, one.reason) for one in compute(shop, "employee_productivity")}

    assert found == {"letters": (0.5, None), "idle": (None, "no_denominator")}


def test_the_clothing_stores_gain_is_taken_apart_without_a_rest() -> None:
    """75 to 90 an order, 1.2 to 1.3 orders a customer: 90.00 to 117.00, of which 18.00 value, 7.50 repeat, 1.50 both."""
    apart = split(90, 1.3, 75, 1.2)

    assert [round(part, 10) for part in apart] == [18.0, 7.5, 1.5]
    assert 75 * 1.2 + sum(apart) == pytest.approx(117)


def test_the_simple_value_of_a_customer_is_600_and_240_at_a_margin_of_40_per_cent() -> None:
    assert (product(50, 4, 3), product(50, 4, 3, 0.4)) == (600, 240)


@given(st.floats(1, 500), st.floats(0.1, 20), st.floats(1, 500), st.floats(0.1, 20))
@settings(max_examples=50, deadline=None)
def test_the_parts_always_add_up_to_the_difference(value: float, often: float, base: float, base_often: float) -> None:
    assert sum(split(value, often, base, base_often)) == pytest.approx(value * often - base * base_often, abs=1e-6)


def test_costs_in_another_currency_are_turned_at_the_rate_of_their_day(shop: Any) -> None:
    """The European Central Bank's rate of 2 January 2024 was 1.0956 dollars a euro; without a reporting currency nothing is
    added."""
    cost(shop, "1", ms("2024-01-02T12:00:00"), 10956, currency="USD")
    cost(shop, "2", ms("2024-01-02T12:00:00"), 5000)

    (made, *_) = compute(shop, "personalisation_cost", replace(ASK, currency="EUR"))
    (refused, *_) = compute(shop, "personalisation_cost")

    assert (made.value, made.unit, made.n) == (pytest.approx(150.0, abs=0.01), "EUR", 2)
    assert "rate of their day" in made.note
    assert (refused.value, refused.reason) == (None, "mixed_currencies")


def test_a_cost_without_a_rate_or_in_the_future_is_not_added(shop: Any) -> None:
    cost(shop, "future", ms("2027-01-01"), 5000)
    (future,) = compute(shop, "personalisation_cost")
    cost(shop, "old", 5, 5000, currency="USD")
    (old,) = compute(shop, "personalisation_cost", replace(ASK, currency="EUR"))

    assert (future.reason, old.reason) == ("no_cost_in_period", "mixed_currencies")


def test_discounts_and_list_loss_stand_beside_the_cost(shop: Any) -> None:
    """Two orders with 5.00 off each, one of them with the code asked for; 13 people left, 4.00 each."""
    buys(shop, 1, 1, 2)
    for key, code in ((1, "HELLO"), (2, "OTHER")):
        shop.add("order_discounts", order_key=key, discount="d", kind="code", code=code, amount_minor=500, currency="EUR")
    for person in range(13):
        shop.add("touchpoints", connection=1, campaign_key=1, key_id=100 + person, action=6, happened_at=START + DAY)
    every = by_id(compute(shop, "personalisation_cost"))
    chosen = replace(ASK, costs=CostSettings(discount_codes=("hello",), subscriber_value=4.0))
    some = by_id(compute(shop, "personalisation_cost", chosen))

    assert (every["discounts_given"].value, every["discounts_given"].n, "list_loss" in every) == (10.0, 2, False)
    assert (some["discounts_given"].value, some["list_loss"].value, some["list_loss"].n) == (5.0, 52.0, 13)
    assert some["personalisation_cost"].reason == "no_cost"


def test_winning_a_customer_costs_the_advertising_over_the_new_ones(shop: Any) -> None:
    """100.00 for four new customers; who bought before is not new; the interval is that of a Poisson count turned round."""
    buys(shop, 1, -10, 5)
    for person in (2, 3, 4, 5):
        buys(shop, person, 6)
    ads(shop, "1", 2, 10000)
    ads(shop, "2", 2, 70000, purpose="list")
    watched(shop, 40)
    ask = replace(ASK, period=(START, START + 31 * DAY))

    (made,) = compute(shop, "cac", ask)

    drawn = counts.poisson(4)
    assert (made.value, made.n, made.unit) == (25.0, 4, "EUR")
    assert (made.low, made.high) == (pytest.approx(100 / drawn.high), pytest.approx(100 / drawn.low))


def test_winning_by_channel_counts_those_whose_last_click_was_of_it(shop: Any) -> None:
    shop.add("words", word=7, text="paid_search")
    shop.add("words", word=8, text="email")
    for person, channel in ((1, 7), (2, 7), (3, 8)):
        buys(shop, person, 6)
        shop.add("touchpoints", connection=1, campaign_key=1, key_id=person, action=9, happened_at=START + DAY, channel=7)
        shop.add(
            "touchpoints", connection=1, campaign_key=1, key_id=person, action=4, happened_at=START + 5 * DAY, channel=channel
        )
    buys(shop, 4, 6)
    shop.add("touchpoints", connection=1, campaign_key=1, key_id=4, action=9, happened_at=START + DAY, channel=7)
    shop.add("touchpoints", connection=1, campaign_key=1, key_id=4, action=4, happened_at=START + 7 * DAY, channel=8)
    ads(shop, "1", 2, 15000)
    ads(shop, "2", 2, 9900, channel="paid_social")
    watched(shop, 40)

    found = {one.by["channel"]: (one.value, one.reason) for one in compute(shop, "cac", replace(ASK, by=("channel",)))}

    assert found == {"paid_search": (50.0, None), "paid_social": (None, "no_denominator")}


def test_a_period_not_over_has_no_cost_of_winning(shop: Any) -> None:
    buys(shop, 1, 5)
    ads(shop, "1", 2, 10000)
    watched(shop, 20)

    assert compute(shop, "cac", replace(ASK, period=(START, START + 31 * DAY)))[0].reason == "immature"
    assert compute(shop, "cac", replace(ASK, period=(START + 60 * DAY, START + 61 * DAY)))[0].reason == "no_ad_spend_in_period"


def test_the_fall_in_cost_is_before_less_after_and_a_raw_difference(shop: Any) -> None:
    """10 days each: 100.00 for two, then 100.00 for four: 50 to 25."""
    for person in range(6):
        buys(shop, person + 1, 5 if person < 2 else 15)
    ads(shop, "1", 0, 10000)
    ads(shop, "2", 12, 10000)
    watched(shop, 20)
    ask = replace(ASK, now=START + 20 * DAY, value=ValueSettings(started=START + 10 * DAY))

    found = by_id(compute(shop, "cac_reduction", ask))

    assert (found["cac_reduction"].value, found["cac_reduction_relative"].value) == (25.0, 0.5)
    assert found["cac_reduction"].label == "raw difference"
    relative = found["cac_reduction_relative"]
    assert relative.low is not None
    assert relative.low < 0.5 < (relative.high or 0)
    assert compute(shop, "cac_reduction")[0].reason == "no_start"


def test_advertising_for_the_list_returns_the_orders_of_those_it_brought(shop: Any) -> None:
    """Two subscribers of the channel, 64.00 within 90 days, for 20.00: 3.2 times; margin 40 %: 1.28, break-even 2.5."""
    for person, source in ((1, "paid_social"), (2, "Paid_Social"), (3, "shop")):
        shop.add("contacts", connection=1, key_id=person, created_at=START + DAY, source=source)
        buys(shop, person, 10, minor=3200)
    buys(shop, 1, 100, minor=99900)
    ads(shop, "1", 0, 2000, channel="paid_social", purpose="list")
    watched(shop, 200)

    found = by_id(compute(shop, "roas_email", replace(ASK, margin=0.4)))

    assert {id: round(float(one.value or 0), 10) for id, one in found.items()} == {
        "roas_email": 3.2,
        "roas_email_margin": 1.28,
        "roas_email_break_even": 2.5,
    }
    assert "net revenue" in found["roas_email"].note
    young = by_id(compute(shop, "roas_email", replace(ASK, costs=CostSettings(ads_days=300))))
    assert (young["roas_email"].reason, young["roas_email_break_even"].reason) == ("immature", "no_unit_cost")
