"""When a cost is earned back, in present value too, what a test adds to it, and what the report says of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.measure.gain_cases import ASK, START, ads, buys, by_id, compute, cost, watched
from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure.cost_settings import CostSettings, Proxy
from persync.measure.gain import cashflow
from persync.measure.gain.span import months_between
from persync.measure.metric import Experiment
from persync.measure.rules import DAY
from persync.report import charts
from persync.report.report import Block, Figure, Inputs, Note
from persync.report.sections import returns as section


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
    spent, figure = [block for block in blocks if isinstance(block, Figure)]
    assert spent.name == "cost_figure"
    assert [row[0] for row in spent.table.rows] == ["setup", "tool", "content", "labour", "data", "discount", "in all"]
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
