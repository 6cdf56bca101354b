"""Who stays: retention, repeat, frequency, lifespan, contracts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.measure.value_cases import ASK, START, buys, by_id, compute, ms, watched
from persync.measure.rules import DAY
from persync.measure.value_settings import ValueSettings


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

    assert "ordered within 20 days (the median time between orders of those who came" in compute(shop, "retention_rate")[0].note


def test_a_window_of_those_who_came_back_says_how_long_it_is_with_those_who_wait(shop: Any) -> None:
    """Back after 10, 20 and 30 days, then watched for 50, 40 and 30: half are back after 30 days. With three who never
    come, half are not within 60."""
    for person, day in ((1, 10), (2, 20), (3, 30)):
        buys(shop, person, 0, day)
    watched(shop, 60)
    everybody = compute(shop, "churn_rate")[0].note
    for person in (4, 5, 6):
        buys(shop, person, 0)
    half = compute(shop, "churn_rate")[0].note
    gap = compute(shop, "next_order_gap")[0]

    text = "active: ordered within 20 days (the median time between orders of those who came back;"
    assert f"{text} 30 days with those still waiting: value.window_days sets another window)" in everybody
    assert f"{text} over 60 days with those still waiting: value.window_days sets another window)" in half
    assert gap.reason == "not_reached"


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
