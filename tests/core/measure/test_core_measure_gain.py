"""Costs and what came back: small cases worked out by hand, published examples, and what must hold of every input."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from persync.errors import ConfigError, DataError
from persync.estimate import Estimate
from persync.measure import METRICS, counts
from persync.measure.cost_settings import CostSettings, Proxy
from persync.measure.ethics_settings import EthicsSettings
from persync.measure.gain import arrival, cashflow
from persync.measure.gain.programmes import split
from persync.measure.gain.span import months_between
from persync.measure.metric import Ask, Experiment
from persync.measure.rules import DAY
from persync.measure.value.lifetime import product
from persync.measure.value_settings import ValueSettings
from persync.plugins import load_plugins
from persync.report import charts
from persync.report.report import Block, Figure, Inputs, Note, Table
from persync.report.sections import returns as section
from persync.settings.project import load_project

BY_ID = {metric.id: metric for metric in METRICS}
SECTION_E = {str(n) for n in range(51, 73)} | {"69b"}


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


START = ms("2025-01-01")
ASK = Ask(now=ms("2026-01-01"), suppress_n=1, report_n=1)


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def by_id(found: list[Estimate]) -> dict[str, Estimate]:
    return {one.id: one for one in found}


def cost(shop: Any, entry: str, at: int, minor: int, **more: Any) -> None:
    given = {"category": "tool", "currency": "EUR", **more}
    shop.add("costs", entry=entry, happened_at=at, amount_minor=minor, **given)


def buys(shop: Any, person: int, *days: float, minor: int = 1000) -> None:
    for day in days:
        key = 1 + len(shop.rows("SELECT o.order_key FROM orders AS o"))
        shop.order(key, person, minor, ordered_at=START + round(day * DAY))


def watched(shop: Any, day: float) -> None:
    shop.add("coverage", connection=1, stream="orders", from_at=0, to_at=START + round(day * DAY), state="complete")


def ads(shop: Any, entry: str, day: float, minor: int, **more: Any) -> None:
    given = {"channel": "paid_search", "currency": "EUR", **more}
    shop.add("ad_spend", entry=entry, happened_at=START + round(day * DAY), amount_minor=minor, **given)


def newsletter(shop: Any, **more: Any) -> None:
    """A tool of 50 a month that saves four hours a week of 20 each."""
    cost(shop, "tool", START, 5000)
    week = {"task": "newsletter", "from_at": START, "to_at": START + 7 * DAY, "hours_before": 4.0, "hours_after": 0.0}
    shop.add("work_times", entry="1", **{**week, "rate_minor": 2000, "currency": "EUR", **more})


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
    assert "realised share 100%" in month.note


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


def test_present_value_and_rates_are_the_textbooks() -> None:
    """-1000 now and 1100 in a year is nothing at 10 %; 100 a month for 12 months at 1 % a month is 1125.51."""
    year = [-1000.0, *([0.0] * 11), 1100.0]
    month = 1.01**12 - 1

    assert cashflow.npv(year, 0.10) == pytest.approx(0, abs=1e-9)
    assert cashflow.irrs(year) == [pytest.approx(0.10)]
    assert cashflow.npv([0.0, *([100.0] * 12)], month) == pytest.approx(1125.5077, abs=1e-4)
    assert cashflow.irrs([100.0, 100.0]) == []
    assert len(cashflow.irrs([-100.0, 230.0, -132.0])) == 2


@given(st.floats(1, 1e5), st.floats(-1e3, 1e4), st.integers(1, 36), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_discounting_never_pays_back_sooner(setup: float, monthly: float, months: int, rate: float) -> None:
    series = cashflow.flows(setup, 0.0, monthly, months)
    plain, discounted = cashflow.payback(series), cashflow.payback(series, rate)

    assert plain is None or discounted is None or plain <= discounted
    assert not (plain is None and discounted is not None)
    if plain is not None and plain > 1:
        assert monthly * (plain - 1) < setup <= monthly * plain + 1e-6 * setup


@pytest.fixture
def tested(shop: Any) -> Any:
    """Fifty treated who bring 20.00 more each, give or take, in 30 days from START."""
    rng = np.random.default_rng(3)
    for i in range(100):
        arm = "treated" if i < 50 else "control"
        shop.add("assignments", connection=1, experiment="t", key_id=i + 1, arm=arm)
        buys(shop, i + 1, 3, minor=round(1000 + 2000 * (i < 50) + float(rng.integers(-100, 100))))
    watched(shop, 364)
    return shop


TRIAL = {"t": Experiment("t", control="control", since=START, days=30)}
MONTHS = months_between(START, START + 30 * DAY)
HELD = replace(ASK, experiments=TRIAL)


def test_payback_is_when_the_average_month_has_brought_the_cost(tested: Any) -> None:
    """About 1,000 a month against 2,500: the third month; against a million never within 24."""
    cost(tested, "1", START, 250000)
    (soon,) = compute(tested, "payback_period", HELD)
    cost(tested, "2", START, 100000000)
    (never,) = compute(tested, "payback_period", HELD)

    assert (soon.value, soon.low, soon.high, soon.label) == (3, 3, 3, "randomised")
    assert (never.value, never.reason) == (None, "not_within_horizon")
    assert "not within 24 months" in never.note


def test_the_present_value_is_set_up_at_once_and_months_after(tested: Any) -> None:
    cost(tested, "1", START, 200000, category="setup")
    cost(tested, "2", START, 10000)

    found = by_id(compute(tested, "roi_dcf", HELD))

    gain = next(one for one in compute(tested, "incremental_revenue", HELD) if "arm" not in one.by)
    monthly = (float(gain.value or 0) - 100) / MONTHS
    by_hand = -2000 + sum(monthly / 1.1 ** (t / 12) for t in range(1, 25))
    assert found["roi_dcf"].value == pytest.approx(by_hand)
    assert found["roi_dcf_undiscounted"].value == pytest.approx(-2000 + 24 * monthly)
    assert found["roi_dcf_payback"].value == 3
    rate = found["roi_dcf_irr"].value
    assert rate is not None
    assert cashflow.npv([-2000, *([monthly] * 24)], float(rate)) == pytest.approx(0, abs=1e-5)
    assert "gain is revenue" in found["roi_dcf"].note


def test_without_set_up_there_is_no_rate(tested: Any) -> None:
    cost(tested, "1", START, 10000)

    assert by_id(compute(tested, "roi_dcf", HELD))["roi_dcf_irr"].reason == "no_irr"


def test_hours_saved_are_added_to_a_tests_gain(tested: Any) -> None:
    cost(tested, "1", START, 50000)
    tested.add(
        "work_times",
        entry="1",
        task="letters",
        from_at=START,
        to_at=START + 30 * DAY,
        hours_before=20.0,
        hours_after=10.0,
        rate_minor=2000,
        currency="EUR",
    )
    plain = next(one for one in compute(tested, "roi_simple", HELD) if one.id == "roi_simple")
    found = next(one for one in compute(tested, "roi_with_time_savings", HELD) if "experiment" in one.by)

    assert found.value == pytest.approx(float(plain.value or 0) + 200 / 500)
    assert found.low == pytest.approx((plain.low or 0) + 200 / 500)
    assert (found.label, "it pays" in found.note) == ("randomised", True)


def test_value_by_age_is_not_counted_again_in_the_direct_part(tested: Any) -> None:
    """Everybody treated buys for 10.00 more on day 80: direct and retention together are the lift to the greatest age, once."""
    for person in range(1, 51):
        buys(tested, person, 80, minor=1000)
    cost(tested, "1", START, 50000)
    cost(tested, "of other days", START + 200 * DAY, 90000)

    found = compute(tested, "roi_holistic", HELD)
    parts = {one.by["part"]: one for one in found if one.id == "holistic_part"}
    lift = [
        one for one in compute(tested, "cltv_lift", replace(HELD, arm="t")) if one.id == "cltv_lift" and one.value is not None
    ]
    whole = found[0]

    assert parts["retention"].value == pytest.approx(500.0)
    both = float(parts["direct"].value or 0) + float(parts["retention"].value or 0)
    assert both == pytest.approx(float(lift[-1].value or 0) * 50)
    assert whole.value == pytest.approx((both - 500) / 500)
    assert "not known and not in it: acquisition, operating" in whole.note
    assert parts["cost"].value == -500.0


def test_a_proxy_is_off_until_it_is_switched_on_and_has_a_zero_row(tested: Any) -> None:
    cost(tested, "1", START, 50000)
    proxy = Proxy(each=10.0, source="own survey", quantity=5.0, kind="brand")
    off = replace(HELD, costs=CostSettings(proxies={"name": proxy}))
    on = replace(HELD, costs=CostSettings(proxies={"name": replace(proxy, on=True)}))

    assert [one.reason for one in compute(tested, "proxy_value", off)] == ["proxies_off"]
    worth, zero = compute(tested, "proxy_value", on)
    assert (worth.value, zero.value, "price from: own survey" in worth.note) == (50.0, 0.0, True)
    without, tangible = compute(tested, "roi_holistic", off)[0], compute(tested, "roi_holistic", on)[1]
    together = compute(tested, "roi_holistic", on)[0]
    assert (tangible.id, tangible.value) == ("roi_holistic_tangible", pytest.approx(without.value))
    assert together.value == pytest.approx(float(without.value or 0) + 0.1)
    assert (without.label, together.label) == ("randomised", "")
    rows = {
        one.by["part"]: (one.value, one.note.split(":")[0])
        for one in compute(tested, "roi_holistic", off)
        if one.by.get("kind")
    }
    assert rows == {"name": (0.0, "off"), "efficiency": (0.0, "off"), "loyalty": (0.0, "off")}
    lit = [one for one in compute(tested, "roi_holistic", on) if one.by.get("kind")]
    assert {one.by["part"]: one.value for one in lit} == {"name": 50.0, "efficiency": 0.0, "loyalty": 0.0}


def test_a_proxy_may_be_read_from_a_metric_and_says_when_it_has_none(shop: Any) -> None:
    buys(shop, 1, 1, 5)
    buys(shop, 2, 1)
    read = Proxy(each=100.0, source="book", metric="repeat_purchase_rate", kind="loyalty", on=True)
    wrong = replace(read, metric="nonsense")

    found = compute(shop, "proxy_value", replace(ASK, costs=CostSettings(proxies={"a": read, "b": wrong})))

    assert [(one.value, one.reason) for one in found] == [(50.0, None), (0.0, None), (None, "no_such_metric"), (0.0, None)]


def test_tickets_are_for_a_hundred_active_customers_a_month(shop: Any) -> None:
    """Four active customers, three tickets of theirs and one of a stranger, in two months: 37.5."""
    for person in (1, 2, 3, 4):
        buys(shop, person, 10)
    for i, person in enumerate((1, 1, 2, 99)):
        shop.add("tickets", connection=1, ticket=str(i), key_id=person, created_at=START + (20 + i) * DAY)
    watched(shop, 70)
    ask = replace(ASK, period=(ms("2025-01-01"), ms("2025-03-01")), costs=CostSettings(handling_cost=8.0))

    found = by_id(compute(shop, "support_ticket_volume", ask))

    assert (found["support_ticket_volume"].value, found["support_ticket_volume"].n) == (37.5, 4)
    assert found["support_ticket_volume_cost"].value == 32.0
    assert found["support_ticket_volume_change"].reason == "nothing_before"


def test_efficiency_gives_each_number_or_its_reason(shop: Any) -> None:
    buys(shop, 1, 1, 2)
    buys(shop, 2, 3, 4)
    shop.add("tickets", connection=1, ticket="1", key_id=1, created_at=START + 5 * DAY)
    shop.add("campaigns", campaign_key=1, kind="regular")
    shop.add("campaigns", campaign_key=2, kind="automation-email")
    for i, key in enumerate((1, 1, 1, 2)):
        shop.add("touchpoints", connection=1, campaign_key=key, key_id=i, action=1, happened_at=START + 5 * DAY)
    watched(shop, 30)

    found = {
        one.by["what"]: one
        for one in compute(shop, "operational_efficiency", replace(ASK, costs=CostSettings(handling_cost=8)))
    }

    assert {what: (one.value, one.reason) for what, one in found.items()} == {
        "cost to serve a customer": (4.0, None),
        "tickets for 100 orders": (25.0, None),
        "hours a campaign": (None, "no_time_sheet"),
        "automated share of sends": (0.25, None),
    }


def test_time_to_value_is_a_median_that_counts_those_still_waiting(shop: Any) -> None:
    """Orders 1, 2, 4 and 8 days after sign-up, one still waiting: half have by day 4. Activation in 5 days: two of the four who
    signed up as long ago; the young one does not count, though they ordered."""
    for person, days in ((1, 2), (2, 4), (3, 8), (4, None)):
        shop.add("contacts", connection=1, key_id=person, created_at=START)
        if days is not None:
            buys(shop, person, days + 0.1)
    shop.add("contacts", connection=1, key_id=5, created_at=START + 57 * DAY)
    buys(shop, 5, 58.1)
    watched(shop, 60)
    ask = replace(ASK, costs=CostSettings(activation_days=5))

    (days_to,), (rate,) = compute(shop, "time_to_value", ask), compute(shop, "activation_rate", ask)

    assert (days_to.value, days_to.n, rate.value, rate.n) == (4.0, 5, 0.5, 4)
    assert "1 younger people are left out" in rate.note
    early = compute(shop, "activation_rate", replace(ask, costs=CostSettings(activation_days=90)))[0]
    assert early.reason == "immature"


@pytest.mark.parametrize("seed", range(6))
def test_the_median_and_its_interval_are_those_of_statsmodels(seed: int) -> None:
    survival = pytest.importorskip("statsmodels.duration.survfunc")
    rng = np.random.default_rng(seed)
    days, watched_for = rng.geometric(0.05, 120), rng.integers(5, 90, 120)
    time, status = np.minimum(days, watched_for), (days <= watched_for).astype(int)
    came, ended = (np.bincount(time[part], minlength=time.max() + 1).astype(float) for part in (status == 1, status >= 0))

    found = arrival.median(came, ended, 0.95)

    curve = survival.SurvfuncRight(time, status)
    low, high = curve.quantile_ci(0.5, alpha=0.05, method="cloglog")
    assert found is not None
    assert found == (curve.quantile(0.5), low, None if np.isinf(high) else high)


def test_the_value_event_may_be_a_stage(shop: Any) -> None:
    for person, day in ((1, 3), (2, None)):
        shop.add("contacts", connection=1, key_id=person, created_at=START)
        if day is not None:
            shop.add("stages", connection=1, key_id=person, stage="activated", entered_at=START + day * DAY)

    (rate,) = compute(shop, "activation_rate", replace(ASK, costs=CostSettings(value_event="activated")))

    assert (rate.value, "the stage activated within 30 days" in rate.note) == (0.5, True)


def loyal(shop: Any) -> Ask:
    """Two members with four orders of 20.00 each, two others with two of 10.00 each, one of the latter marked none."""
    for person, value in ((1, "gold"), (2, "silver"), (3, "none")):
        shop.add("attributes", connection=1, key_id=person, name="tier", value=value)
    for person in (1, 2):
        buys(shop, person, 1, 2, 3, 4, minor=2000)
    for person in (3, 4):
        buys(shop, person, 1, 2)
    watched(shop, 60)
    return replace(ASK, margin=0.5, costs=CostSettings(loyalty="tier"))


def test_members_are_held_against_the_others_net_of_what_the_programme_costs(shop: Any) -> None:
    ask = loyal(shop)
    cost(shop, "1", START, 2000, scope="loyalty")

    found = compute(shop, "loyalty_programme_effect", ask)
    effect = {one.by["what"]: one.value for one in found if one.id == "loyalty_programme_effect" and one.by}
    apart = [one.value for one in found if one.id == "loyalty_revenue_split"]

    assert {what: effect[what] for what in list(effect)[1:]} == {
        "orders a customer": 2.0,
        "revenue a customer": 60.0,
        "margin a customer": 30.0,
        "margin a customer net of the programme": 20.0,
    }
    assert apart == [20.0, 20.0, 20.0]
    assert {one.label for one in found} == {"raw difference"}


def test_the_loyalty_programmes_return_is_the_margin_of_extra_orders_over_its_cost(shop: Any) -> None:
    """Two orders more, at 20.00 and half of it margin, for two members: 40.00 for 20.00."""
    ask = loyal(shop)
    assert compute(shop, "loyalty_roi", ask)[0].reason == "no_cost"
    cost(shop, "1", START, 2000, scope="loyalty")

    assert compute(shop, "loyalty_roi", ask)[0].value == pytest.approx(1.0)
    assert compute(shop, "loyalty_roi", replace(ask, margin=None))[0].reason == "no_unit_cost"


def test_experience_is_priced_only_by_the_users_own_price(shop: Any) -> None:
    """4.0 to 4.5 of csat; 400 a point for 100: a return of 100 %."""
    for i, (day, value) in enumerate([(1, 3.0), (2, 4.0), (3, 5.0), (11, 4.0), (12, 4.5), (13, 5.0)]):
        shop.add("feedback", connection=1, submission=str(i), kind="CSAT", value=value, submitted_at=START + day * DAY)
    cost(shop, "1", START + 11 * DAY, 10000, scope="cx")
    ask = replace(ASK, now=START + 20 * DAY, value=ValueSettings(started=START + 10 * DAY))

    unpriced = compute(shop, "cx_roi", ask)
    priced = compute(shop, "cx_roi", replace(ask, costs=CostSettings(scores={"csat": 400.0})))

    assert (unpriced[0].reason, unpriced[1].value, unpriced[1].by) == ("unpriced", 0.5, {"survey": "csat"})
    assert (priced[0].value, priced[0].label) == (pytest.approx(1.0), "raw difference")


def test_ethics_are_parts_and_never_one_number(shop: Any) -> None:
    cost(shop, "1", START, 30000, scope="ethics")
    for i, action in enumerate((1, 1, 7)):
        shop.add("touchpoints", connection=1, campaign_key=1, key_id=i, action=action, happened_at=START)

    found = compute(shop, "ethical_roi")

    assert (found[0].reason, [one.value for one in found[1:4]]) == ("not_one_number", [300.0, 1, 0])
    assert {one.id for one in found[1:]} == {"ethical_roi_part"}
    unknown = {one.by["part"]: one.reason for one in found[4:] if one.value is None and "of" not in one.by}
    assert unknown == {
        "cost of harm": "not_priced",
        "fine scenario": "not_priced",
        "revenue by consent": "no_consents",
        "value exchange": "no_denominator",
        "discount per customer": "no_denominator",
        "data points per customer": "no_denominator",
        "gain per customer": "no_denominator",
        "trust index": "no_survey",
        "change of trust": "no_survey",
        "customers kept by trust": "not_measured",
        "transparency score": "no_audit",
        "explanation complete": "no_audit",
        "staff trained": "no_audit",
        "guidelines": "no_audit",
        "days since review": "no_audit",
    }


def test_the_parts_of_ethics_are_what_their_own_metrics_say(shop: Any) -> None:
    """Fines set, trust asked before and after the start, an audit entered, a customer with a consent: none is said to lack."""
    for i in range(40):
        at = START + (1 if i < 20 else 30) * DAY
        shop.add("feedback", connection=1, submission=f"t{i}", kind="TRUST", value=3.0 if i < 20 else 5.0, submitted_at=at)
    for item, grade, value in (("staff_trained", "yes", 0.9), ("guidelines", "yes", None), ("notice", "yes", None)):
        shop.add(
            "feedback", connection=1, submission=item, kind="AUDIT", survey=item, grade=grade, value=value, submitted_at=START
        )
    shop.add(
        "consents", connection=1, key_id=1, channel="email", state="subscribed", number=0, changed_at=START, observed_at=START
    )
    shop.add("touchpoints", connection=1, campaign_key=1, key_id=1, action=7, happened_at=START + DAY)
    shop.add("touchpoints", connection=1, campaign_key=1, key_id=1, action=1, happened_at=START + DAY)
    buys(shop, 1, 2, minor=5000)
    ask = replace(
        ASK,
        value=ValueSettings(started=START + 10 * DAY),
        ethics=EthicsSettings(fines={"register": 20_000.0}, prices={"complaint": 7.0}),
    )

    parts = {
        (one.by["part"], one.by.get("scenario") or one.by.get("of") or one.by.get("state") or ""): one
        for one in compute(shop, "ethical_roi", ask)[1:]
    }

    known = {
        ("fine scenario", "register"): 20_000.0,
        ("cost of harm", ""): -7.0,
        ("harm", "complaint"): 7.0,
        ("revenue by consent", "unstated"): 50.0,
        ("value exchange", ""): 0.0,
        ("trust index", ""): 75.0,
        ("change of trust", ""): 2.0,
        ("staff trained", ""): 0.9,
        ("guidelines", ""): 1.0,
        ("transparency score", ""): 1.0,
    }
    assert {key: parts[key].value for key in known} == known


def weeks(shop: Any, before: int, after: int, rates: tuple[float, float], people: int = 50) -> Ask:
    """Visits of every week, so many of whom convert."""
    for week in range(-before, after):
        rate = rates[0] if week < 0 else rates[1]
        for i in range(people):
            at = START + (week * 7 + 1) * DAY + i
            shop.add("sessions", session=f"{week}/{i}", started_at=at, is_converted=int(i < rate * people))
    return replace(ASK, now=START + after * 7 * DAY, value=ValueSettings(started=START))


def test_before_and_after_takes_the_trend_off_with_eight_weeks_on_each_side(shop: Any) -> None:
    """Ten weeks at 10 %, ten at 20 %: the step is ten points, and the first week known is left out."""
    adjusted, raw = compute(shop, "cro_before_after", weeks(shop, 10, 10, (0.1, 0.2)))

    assert (adjusted.value, adjusted.label, adjusted.by) == (pytest.approx(0.1), "adjusted observational", {"way": "adjusted"})
    assert (raw.value, raw.label, raw.n) == (pytest.approx(0.1), "raw difference", 950)
    assert "9 weeks before" in adjusted.note


def test_before_and_after_of_few_weeks_is_raw_with_a_warning(shop: Any) -> None:
    (raw,) = compute(shop, "cro_before_after", weeks(shop, 4, 4, (0.1, 0.2)))

    assert (raw.label, "warning: 3 and 4 weeks" in raw.note) == ("raw difference", True)
    assert compute(shop, "cro_before_after")[0].reason == "no_start"


def test_months_are_calendar_months_and_what_is_left_counts_by_days() -> None:
    jan, feb, mid = ms("2025-01-01"), ms("2025-02-01"), ms("2025-02-15")

    assert (months_between(jan, feb), months_between(jan, mid), months_between(feb, jan)) == (1.0, 1.5, 0.0)
    assert months_between(ms("2024-12-31T23:00:00"), ms("2025-01-31T23:00:00"), "Europe/Berlin") == 1.0


def test_the_settings_are_read_and_what_is_wrong_is_refused(tmp_path: Path) -> None:
    host = load_plugins(installed=False)
    (tmp_path / "persync.toml").write_text(
        '[costs]\nmonth = "4 weeks"\nrealised_share = 0.5\nloyalty = "tier"\nscores = { csat = 400.0 }\n'
        '[costs.proxies.name]\nkind = "brand"\neach = 10.0\nquantity = 5.0\nsource = "own survey"\non = true\n',
        encoding="utf-8",
    )
    read = load_project(tmp_path, host).ask(0).costs

    assert read == CostSettings(
        weeks_a_month=4,
        realised_share=0.5,
        loyalty="tier",
        scores={"csat": 400.0},
        proxies={"name": Proxy(each=10.0, source="own survey", quantity=5.0, kind="brand", on=True)},
    )
    (tmp_path / "persync.toml").write_text("[costs]\nrealised_share = 2.0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="realised_share"):
        load_project(tmp_path, host)
    (tmp_path / "persync.toml").write_text('[costs.proxies.x]\nkind = "brand"\neach = 1.0\nsource = "s"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="either a quantity or a metric"):
        load_project(tmp_path, host)


def test_a_dimension_that_there_is_not_is_refused(shop: Any) -> None:
    with pytest.raises(ConfigError, match="cac cannot be sliced by 'colour'"):
        compute(shop, "cac", replace(ASK, by=("colour",)))


def said(blocks: list[Block], tone: str = "answer") -> list[str]:
    return [block.text for block in blocks if isinstance(block, Note) and block.tone == tone]


def test_the_section_says_what_it_cost_what_came_back_and_when(tested: Any) -> None:
    """Costs by kind with those nobody entered, parts that add up to what is left, payback; a proxy stands apart."""
    cost(tested, "1", START, 200000, category="setup")
    cost(tested, "2", START, 10000)
    proxy = Proxy(each=10.0, source="own survey", quantity=5.0, kind="brand", on=True)
    ask = replace(HELD, costs=CostSettings(proxies={"name": proxy}))

    blocks = list(section.build_returns(Inputs(tested, ask)))

    answers = said(blocks)
    assert answers[0] == (
        "The programme cost 2,100.00 EUR. Nothing was entered for content, labour, data or discount: if there was any, the cost"
        " is too low and the return too high."
    )
    assert "Your own prices add 50.00 EUR" in answers[1]
    assert "What the goods cost is not taken off" in answers[1]
    assert answers[2].startswith(
        "It pays back after 3 months at what it brought in on average, at the latest after 3 months. Going on like this for 24"
    )
    (costs_table,) = [block for block in blocks if isinstance(block, Table)]
    assert [row[0] for row in costs_table.rows] == ["setup", "tool", "content", "labour", "data", "discount", "in all"]
    (figure,) = [block for block in blocks if isinstance(block, Figure)]
    kinds = [row[1] for row in figure.table.rows]
    assert kinds == ["measured", "measured", "by proxy", "cost", "what is left"]
    amounts = [row[2].value for row in figure.table.rows if isinstance(row[2], Estimate)]
    assert sum(float(amount or 0) for amount in amounts[:-1]) == pytest.approx(amounts[-1])
    assert charts.wrong_colours(charts.svg(figure.spec, name="w", alt="w")) == []


def test_a_gain_that_may_be_nothing_is_not_said_to_pay_back_for_sure(shop: Any) -> None:
    """Two of ten more buy: the low end is below nothing, and the sentence says so."""
    for i in range(20):
        shop.add("assignments", connection=1, experiment="t", key_id=i + 1, arm="treated" if i < 10 else "control")
        if i in (0, 1, 2, 10):
            buys(shop, i + 1, 3)
    watched(shop, 364)
    cost(shop, "1", START, 1000)

    answers = said(list(section.build_returns(Inputs(shop, HELD))))

    assert "at the low end of what is likely it never does" in answers[2]


def test_the_section_without_costs_says_how_to_enter_them(tested: Any) -> None:
    with pytest.raises(DataError, match="persync import costs FILE"):
        section.build_returns(Inputs(tested, HELD))


def test_the_section_of_an_uncosted_period_gives_the_reason(tested: Any) -> None:
    cost(tested, "1", START - 400 * DAY, 100)
    ask = replace(HELD, period=(START, START + 30 * DAY))

    (only,) = section.build_returns(Inputs(tested, ask))

    assert isinstance(only, Note)
    assert only.text == "What it cost is not known: no costs for it fall into these days."


@pytest.mark.parametrize("minor", [0, -5000], ids=["nothing", "refunded"])
def test_what_adds_up_to_nothing_or_less_is_not_a_cost(tested: Any, minor: int) -> None:
    """Nothing is divided by it: null with the reason and the sum, never an interval that runs backwards."""
    cost(tested, "1", START, minor)
    ads(tested, "1", 1, minor)
    ads(tested, "2", 1, minor, purpose="list", channel="social")
    ids = ("roi_simple", "roi_with_time_savings", "roi_dcf", "payback_period", "roi_holistic", "mer", "cac", "roas_email")

    for id in ids:
        ask = replace(HELD, period=(START, START + 200 * DAY)) if id in ("mer", "cac") else HELD
        found = [one for one in compute(tested, id, ask) if one.id in (id, f"{id}_payback", f"{id}_margin")]
        whole = [one for one in found if "an average month" not in one.by.get("of", "")]
        assert {(one.value, one.reason) for one in whole} == {(None, "not_a_cost")}, id
    (spent,) = (one for one in compute(tested, "personalisation_cost", HELD) if one.id == "personalisation_cost")
    assert spent.value == minor / 100


def test_a_rate_beyond_bounds_is_not_called_none() -> None:
    """10 paid once and 1,000 back a month is a rate, too high to tell; nothing back is none."""
    assert cashflow._no_rate([-1.0, 1000.0, 1000.0]) == ("irr_beyond", "the rate is above 100,000,000 % a year")
    assert cashflow._no_rate([-1e6, 0.0, 1e-9]) == ("irr_beyond", "the rate is below -99.99 % a year")
    assert cashflow._no_rate([-10.0, -1.0]) == ("no_irr", "nothing comes back")
    assert cashflow._no_rate([0.0, 5.0]) == ("no_irr", "nothing is paid that has to come back")
    assert cashflow._no_rate([-1.0, 1.0, -1.0]) == ("no_irr", "at no rate are the payments worth nothing")
