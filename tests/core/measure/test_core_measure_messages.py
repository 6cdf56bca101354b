"""Rates of messages: of which units, within which window, by which slices."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from core.measure.metric_cases import DAY, campaign, compute, send
from persync.estimate import Estimate
from persync.measure.metric import Ask


def test_one_campaign_has_wilsons_interval_over_what_was_delivered(platforms: Any) -> None:
    """Delivered is sent less bounces; rates are over delivered, from the last snapshot and not from a variant."""
    campaign(platforms, 1, sent=90, hard_bounces=0, soft_bounces=0, unique_opens=1, unsubscribes=0, complaints=0)
    counters = {"hard_bounces": 4, "soft_bounces": 6, "unique_opens": 36, "unique_human_opens": 27, "unsubscribes": 18}
    platforms.add("campaign_counters", campaign_key=1, number=2, sent=100, complaints=0, **counters)
    platforms.add("campaign_counters", campaign_key=1, number=3, variant="a", sent=50)

    read = {id: compute(platforms, id)[0] for id in ("delivery_rate", "open_rate", "human_open_rate", "unsubscribe_rate")}

    assert {id: (e.value, e.n) for id, e in read.items()} == {
        "delivery_rate": (0.9, 100),
        "open_rate": (0.4, 90),
        "human_open_rate": (0.3, 90),
        "unsubscribe_rate": (0.2, 90),
    }
    expected = stats.binomtest(36, 90).proportion_ci(method="wilson")
    assert (read["open_rate"].low, read["open_rate"].high) == pytest.approx((expected.low, expected.high))
    assert (compute(platforms, "complaint_rate")[0].value, compute(platforms, "complaint_rate")[0].note) == (
        0.0,
        "too few to say",
    )


def test_a_platform_without_the_flag_has_no_human_opens(platforms: Any) -> None:
    """Machine opens that nobody flags are not assumed away: null, and said when it is some campaigns only."""
    campaign(platforms, 1, connection=2, sent=100, delivered=100, unique_opens=60)
    assert compute(platforms, "human_open_rate") == [Estimate("human_open_rate", None, unit="share", reason="no_flag")]

    campaign(platforms, 2, sent=100, delivered=100, unique_opens=60, unique_human_opens=30)
    (made,) = compute(platforms, "human_open_rate")

    assert (made.value, made.n, made.note) == (0.3, 100, "measured for 1 of 2 campaigns")


def test_several_campaigns_are_the_units_of_the_interval(platforms: Any) -> None:
    """The pooled rate is sum over sum, and campaigns that differ make it wide."""
    delivered, opens = np.array([100.0, 300.0, 200.0]), np.array([50.0, 30.0, 60.0])
    for i in range(3):
        campaign(platforms, i + 1, sent=int(delivered[i]), delivered=int(delivered[i]), unique_opens=int(opens[i]))

    (made,) = compute(platforms, "open_rate")

    rate = opens.sum() / delivered.sum()
    error = math.sqrt(((opens - rate * delivered) ** 2).sum() * 3 / 2) / delivered.sum()
    assert made.value == pytest.approx(rate)
    assert made.high == pytest.approx(min(1, rate + stats.t.ppf(0.975, 2) * error))
    assert made.low == 0.0


def test_campaigns_are_sliced_by_message_level_and_connection(platforms: Any) -> None:
    """One estimate a slice, in order; an unknown level is a slice of its own; the period is of the sending."""
    campaign(platforms, 1, level=0, sent=100, delivered=100, unique_opens=20)
    campaign(platforms, 2, level=None, connection=2, sent=100, delivered=100, unique_opens=40)
    campaign(platforms, 3, level=0, sent_at=999, sent=100, delivered=100, unique_opens=90)
    ask = Ask(now=10**13, period=(0, 500))

    def read(*by: str) -> list[tuple[dict[str, str], float | int | None]]:
        return [(e.by, e.value) for e in compute(platforms, "open_rate", replace(ask, by=by))]

    assert read("level") == [({"level": "0"}, 0.2), ({"level": "unknown"}, 0.4)]
    assert read("connection") == [({"connection": "crm"}, 0.4), ({"connection": "mail"}, 0.2)]
    assert read("msg") == [({"msg": "c1", "title": "Letter 1"}, 0.2), ({"msg": "c2", "title": "Letter 2"}, 0.4)]


def test_clicks_of_machines_and_on_the_unsubscribe_link_do_not_count(platforms: Any) -> None:
    """Of fifty delivered, twelve people click; a flagged machine, a scanner's burst and an unsubscriber are none of them."""
    campaign(platforms, 1)
    people = list(range(1, 61))
    send(platforms, 1, people)
    send(platforms, 1, people[50:], action=5, at=150)
    platforms.load("campaign_links", link_id=[1, 2, 3, 4], url=["a", "b", "c", "u"], is_unsubscribe=[0, 0, 0, 1])
    send(platforms, 1, people[:12], action=4, at=10**6, link=1)
    send(platforms, 1, [13], action=4, at=10**6, link=4)
    for i, link in enumerate((1, 2, 3)):
        send(platforms, 1, [14], action=4, at=10**6 + 500 * i, link=link)
    platforms.add("touchpoints", connection=1, campaign_key=1, key_id=15, action=4, happened_at=10**6, link_id=1, is_machine=1)

    (made,) = compute(platforms, "ctr")

    assert (made.value, made.n) == (12 / 50, 50)
    expected = stats.binomtest(12, 50).proportion_ci(method="wilson")
    assert (made.low, made.high) == pytest.approx((expected.low, expected.high))


def test_people_are_the_units_where_one_got_several_messages(platforms: Any) -> None:
    """Forty people with two messages each: the clustered interval is the linearised one by hand."""
    for key in (1, 2):
        campaign(platforms, key)
        send(platforms, key, list(range(40)))
    send(platforms, 1, list(range(12)), action=4, at=10**6, link=1)
    send(platforms, 2, list(range(12)), action=4, at=10**7, link=1)

    (made,) = compute(platforms, "ctr")

    clicked, delivered = np.array([2.0] * 12 + [0.0] * 28), np.full(40, 2.0)
    rate = clicked.sum() / delivered.sum()
    error = math.sqrt(((clicked - rate * delivered) ** 2).sum() * 40 / 39) / delivered.sum()
    assert (made.value, made.n) == (rate, 80)
    assert made.high == pytest.approx(rate + stats.t.ppf(0.975, 39) * error)


def test_without_single_events_the_platforms_clicks_are_named_as_such(platforms: Any) -> None:
    """Totals stand in for events, and the note says that machines are in them."""
    campaign(platforms, 1, sent=100, delivered=100, unique_clicks=30)

    (made,) = compute(platforms, "ctr")

    assert (made.value, made.note) == (0.3, "the platforms' own count: machine clicks are in it")


def test_conversion_and_revenue_are_of_people_within_the_window(platforms: Any) -> None:
    """Two messages make one person; an order before the mail, after the window, or of somebody else does not count."""
    for key in (1, 2):
        campaign(platforms, key)
        send(platforms, key, list(range(40)), at=10 * DAY + key)
    for order, (person, at) in enumerate([(p, 11) for p in range(10)] + [(20, 9), (21, 45), (77, 11)], start=1):
        platforms.order(order, person, 2000, ordered_at=at * DAY)

    (rate,), (money,) = compute(platforms, "conversion_rate"), compute(platforms, "revenue_per_recipient")

    assert (rate.value, rate.n) == (10 / 40, 40)
    values = [20.0] * 10 + [0.0] * 30
    assert (money.value, money.n, money.unit) == (5.0, 40, "EUR")
    low, high = stats.t.interval(0.95, 39, loc=5.0, scale=stats.sem(values))
    # Drawn, so a little higher at both ends: where more of those drawn paid, the spread is greater, too.
    assert money.low is not None
    assert money.high is not None
    assert low < money.low < low + 0.6
    assert high < money.high < high + 0.6


def test_a_window_not_over_is_immature_and_a_part_of_it_left_out(platforms: Any) -> None:
    """People mailed too recently do not lower the rate; when all are, there is none."""
    campaign(platforms, 1)
    send(platforms, 1, list(range(40)), at=10 * DAY)
    platforms.order(1, 0, 2000, ordered_at=11 * DAY)
    assert [(e.value, e.reason) for e in compute(platforms, "conversion_rate", Ask(now=20 * DAY))] == [(None, "immature")]

    campaign(platforms, 2)
    send(platforms, 2, list(range(100, 140)), at=60 * DAY)
    (made,) = compute(platforms, "conversion_rate", Ask(now=65 * DAY))

    assert (made.value, made.n) == (1 / 40, 40)
    assert "people whose window is not over are left out" in made.note


def test_a_measure_by_attribute_hides_small_groups(platforms: Any) -> None:
    """A country of two is hidden with the next smallest, in every slice alike."""
    campaign(platforms, 1)
    send(platforms, 1, list(range(100)), at=DAY)
    countries = ["AT"] * 60 + ["DE"] * 38 + ["LI"] * 2
    platforms.load("attributes", connection=[1] * 100, key_id=range(100), name=["country"] * 100, value=countries)
    platforms.load("consents", connection=[1], key_id=[999], channel=["email"], state=["subscribed"])
    ask = Ask(now=10**13, by=("country",))

    for id in ("conversion_rate", "revenue_per_recipient", "ctr", "consent_coverage"):
        read = [e for e in compute(platforms, id, ask) if e.id == id]
        assert {e.by["country"]: e.reason for e in read if e.n is None} == {"DE": "suppressed", "LI": "suppressed"}, id
        assert [e.n for e in read if e.by["country"] == "AT"] == [60]


def test_order_values_have_customers_as_units(platforms: Any) -> None:
    """Mean, median and trimmed mean of eleven orders by seven customers; cancelled and test orders are out."""
    amounts = [(1, 10), (1, 20), (1, 30), (2, 40), (3, 50), (4, 60), (5, 70), (5, 80), (6, 90), (7, 100), (None, 400)]
    for key, (person, euros) in enumerate(amounts, start=1):
        platforms.order(key, person, euros * 100, ordered_at=50)
    platforms.order(90, 1, 99900, ordered_at=50, is_test=1)
    platforms.order(91, 1, 99900, ordered_at=50, status="voided")

    mean, median, trimmed = compute(platforms, "aov")

    assert mean.value == pytest.approx(950 / 11)
    assert (median.value, trimmed.value) == (60.0, pytest.approx((950 - 400 - 10) / 9))
    revenue, orders = np.array([60.0, 40, 50, 60, 150, 90, 100, 400]), np.array([3.0, 1, 1, 1, 2, 1, 1, 1])
    error = math.sqrt(((revenue - revenue.sum() / orders.sum() * orders) ** 2).sum() * 8 / 7) / orders.sum()
    assert mean.high is not None
    assert mean.high - mean.value == pytest.approx(stats.t.ppf(0.975, 7) * error)
    assert (mean.unit, mean.n, mean.note) == ("EUR", 11, "too few to say")
