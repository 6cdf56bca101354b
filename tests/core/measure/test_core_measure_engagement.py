"""Engagement, groups held against each other, the picture of customers, channels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from core.measure.reach_cases import (
    ASK,
    BOUNCE,
    BY_ID,
    CLICK,
    DAY,
    NOW,
    OPEN,
    SEARCH,
    SEND,
    VISIT,
    clicks,
    compute,
    one,
    orders,
    touch,
)
from persync.measure import METRICS
from persync.measure.engaged import spearman
from persync.measure.metric import Ask

UNSUBSCRIBE = 6


def test_people_engage_by_what_they_do_themselves(mailed: Any) -> None:
    clicks(mailed)
    touch(mailed, range(61, 71), OPEN, 101 * DAY, campaign=1, machine=1)
    touch(mailed, range(71, 81), OPEN, 101 * DAY, campaign=1)  # not known whether a machine's
    touch(mailed, range(81, 91), OPEN, 101 * DAY, campaign=1, machine=0)

    (found,) = compute(mailed, "engagement_rate")

    assert (found.value, found.n) == ((29 + 9 + 10) / 198, 198)


def test_the_score_ranks_what_was_done_among_all_and_weighs_it(mailed: Any) -> None:
    touch(mailed, [1, 2], CLICK, NOW - 1, campaign=1)
    touch(mailed, [3], CLICK, NOW - 30 * DAY, campaign=1)  # half as much
    orders(mailed, [1], NOW - 1)

    score = one(compute(mailed, "engagement_score"), "engagement_score")

    # Of 200 people: clicks rank 1 and 2 at 1 (nobody did more), 3 at 198/200; orders rank 1 at 1. Weights 3 and 4.
    people = {1: 3 * 1 + 4 * 1, 2: 3 * 1, 3: 3 * 198 / 200}
    assert score.value == pytest.approx(100 * sum(people.values()) / 7 / 200)
    assert score.n == 200
    assert "weights: click 3, open 1, order 4, visit 2; half-life 30 days" in score.note


def test_the_score_is_checked_against_the_orders_that_followed(mailed: Any) -> None:
    touch(mailed, range(1, 51), CLICK, NOW - 100 * DAY, campaign=1)
    orders(mailed, range(1, 41), NOW - 50 * DAY)
    orders(mailed, range(101, 106), NOW - 50 * DAY, first=101)

    check = one(compute(mailed, "engagement_score"), "engagement_score_check")

    score = np.array([1.0] * 50 + [0.0] * 150)
    bought = np.array([1.0] * 40 + [0.0] * 60 + [1.0] * 5 + [0.0] * 95)
    assert check.value == pytest.approx(stats.spearmanr(score, bought).statistic)
    assert (check.low, check.high) == pytest.approx(tuple(spearman(check.value or 0, 200, 0.95))[1:3])
    assert check.low is not None
    assert check.low > 0


def test_no_difference_is_shown_where_a_small_group_is_hidden(mailed: Any) -> None:
    names = ["a"] * 2 + ["b"] * 98 + ["c"] * 100
    mailed.load("attributes", connection=[1] * 200, key_id=list(range(1, 201)), name=["age"] * 200, value=names)

    found = compute(mailed, "segment_conversion_rate", Ask(now=NOW, by=("age",)))

    assert {e.by["age"] for e in found if e.id == "segment_conversion_rate" and e.reason == "suppressed"} == {"a", "b"}
    assert {e.reason for e in found if e.id.endswith("_difference")} == {"suppressed"}


def test_the_picture_of_customers_is_told_by_five_numbers(mailed: Any) -> None:
    mailed.load("contacts", connection=[2] * 50, key_id=list(range(1, 51)))
    mailed.load("attributes", connection=[1] * 100, key_id=list(range(1, 101)), name=["country"] * 100, value=["PT"] * 100)
    mailed.load("attributes", connection=[2] * 10, key_id=list(range(1, 11)), name=["country"] * 10, value=["ES"] * 10)
    mailed.load("coverage", connection=[1], stream=["members"], state=["complete"], observed_at=[NOW - 36 * 3_600_000])
    orders(mailed, range(41, 61), 105 * DAY)

    found = compute(mailed, "unified_profile_metrics")

    assert [(e.id, e.by, e.value, e.reason) for e in found] == [
        ("matched_people", {}, 0.25, None),
        ("matched_revenue", {}, 0.5, None),
        ("attribute_fill_rate", {"attribute": "country"}, 0.5, None),
        ("attribute_conflict_rate", {"attribute": "country"}, 0.1, None),
        ("data_age", {"connection": "mail"}, 36.0, None),
        ("data_age", {"connection": "shop"}, None, "not_pulled"),
    ]


def test_channels_are_measured_alike_and_their_overlap_is_told(mailed: Any) -> None:
    touch(mailed, range(1, 51), VISIT, 110 * DAY, channel=SEARCH)
    orders(mailed, range(1, 21), 112 * DAY)

    found = compute(mailed, "cross_channel_performance")

    assert one(found, "channel_people", channel="email").value == 198
    assert one(found, "channel_conversion", channel="paid_search").value == pytest.approx(0.4)
    assert one(found, "channel_conversion", channel="email").value == pytest.approx(19 / 198)
    assert one(found, "channel_revenue_per_person", channel="paid_search").value == pytest.approx(4.0)
    assert one(found, "channel_overlap").value == pytest.approx(49 / 199)
    assert one(found, "channel_consistency").reason == "not_measured"


def test_who_is_known_by_an_order_alone_is_in_no_rate(mailed: Any) -> None:
    """A shop that tells of visits before orders, and of no others, makes every channel look as if all who come buy."""
    touch(mailed, range(1, 21), VISIT, 110 * DAY, channel=SEARCH)
    touch(mailed, range(101, 121), VISIT, 110 * DAY)  # by e-mail: they were mailed, too
    orders(mailed, [*range(1, 21), *range(101, 121)], 112 * DAY)

    found = compute(mailed, "cross_channel_performance")

    assert one(found, "channel_people", channel="paid_search").value == 20
    assert one(found, "channel_people", channel="paid_search").note == "20 of them known through their orders alone"
    for id in ("channel_conversion", "channel_revenue_per_person"):
        rate = one(found, id, channel="paid_search")
        assert (rate.value, rate.reason) == (None, "buyers_only")
    assert one(found, "channel_conversion", channel="email").value == pytest.approx(38 / 198)  # who bounced is not


def test_clickers_over_openers_leave_machines_out_where_they_are_known(shop: Any) -> None:
    """W3: 15 % open and 2 % click of 10,000 is 13.3 % of openers."""
    shop.load("connections", connection=[1], name=["mail"], connector=["x"])
    shop.add("campaign_keys", campaign_key=1, connection=1, kind="id", key="c1")
    shop.add("campaigns", campaign_key=1, connection=1, title="Letter", sent_at=100)
    numbers = {"sent": 10_000, "delivered": 10_000, "unique_opens": 1_500, "unique_human_opens": 500, "unique_clicks": 200}
    shop.add("campaign_counters", campaign_key=1, number=1, **numbers)

    found = compute(shop, "ctor")

    assert [(e.id, e.value, e.n) for e in found] == [("ctor", pytest.approx(0.1333, abs=1e-4), 1500), ("ctor_human", 0.4, 500)]


def test_credit_of_e_mail_is_a_sum_by_rule_and_orders_it_touched_have_a_change(mailed: Any) -> None:
    clicks(mailed)
    orders(mailed, range(21, 41), 105 * DAY)
    ask = Ask(now=NOW, period=(104 * DAY, 110 * DAY))

    found = {e.by["model"]: e for e in compute(mailed, "email_attributed_revenue", ask)}
    touched = compute(mailed, "order_increase", ask)

    assert {found[model].value for model in ("first_touch", "last_touch", "linear", "any_click")} == {100.0}
    assert "never in a total" in found["any_click"].note
    assert [(e.id, e.value, e.reason) for e in touched] == [
        ("orders_touched_by_email", 10, None),
        ("order_increase", None, "nothing_before"),
    ]


def test_a_period_that_has_not_begun_gives_no_number(shop: Any) -> None:
    """Neither zero nor no line at all, of any metric: nothing is known yet (E4)."""
    shop.order(1, 1, 1000)
    ask = replace(ASK, period=(ASK.now, ASK.now + 30 * DAY))
    sliced = ("retention_rate", "cltv_historic", "segment_penetration", "lead_generation", "kpi_forecast")
    answers = [metric.compute(shop, ask) for metric in METRICS]
    answers += [BY_ID[id].compute(shop, replace(ask, by=BY_ID[id].dimensions[:1])) for id in sliced]
    found = [e for answer in answers for e in answer]

    assert all(answers)
    assert {(e.value, e.reason, e.note, e.period) for e in found} == {
        (None, "immature", "the period has not begun", ask.period)
    }


def test_a_period_of_which_nothing_is_known_says_so(mailed: Any) -> None:
    """No line dropped: years before the shop, too."""
    period = (-DAY, DAY)
    for id in ("cltv_historic", "cohort_value", "retention_rate"):
        for by in ((), ("coh",)):
            found = compute(mailed, id, replace(ASK, period=period, by=by))
            assert found, (id, by)
            assert {bool(e.value is None and e.reason) for e in found} == {True}


def test_without_totals_the_rates_are_those_of_single_people(mailed: Any) -> None:
    """As the click-through rate, of the same messages; and they agree with their own slices."""
    touch(mailed, range(1, 5), UNSUBSCRIBE, 101 * DAY, campaign=1)
    clicks(mailed)
    ids = ("delivery_rate", "open_rate", "human_open_rate", "unsubscribe_rate", "complaint_rate", "ctor", "ctr")

    found = {id: compute(mailed, id)[0] for id in ids}
    of_letter = one(compute(mailed, "delivery_rate", replace(ASK, by=("msg",))), "delivery_rate", msg="c1", title="Letter 1")
    sliced = compute(mailed, "unsubscribe_rate", replace(ASK, by=("channel",)))

    assert {id: (e.value, e.n, e.reason) for id, e in found.items()} == {
        "delivery_rate": (198 / 200, 200, None),
        "open_rate": (None, None, "not_measured"),
        "human_open_rate": (None, None, "no_flag"),
        "unsubscribe_rate": (4 / 198, 198, None),
        "complaint_rate": (None, None, "not_measured"),
        "ctor": (None, None, "not_measured"),
        "ctr": (38 / 198, 198, None),  # who bounced is not in it
    }
    assert (of_letter.value, of_letter.n) == (0.99, 100)
    assert [(e.value, e.n) for e in sliced] == [(4 / 198, 198)]
    assert "single people" in found["delivery_rate"].note


def test_the_share_that_arrived_has_people_as_units_where_they_got_several_messages(mailed: Any) -> None:
    """1 - the share that bounced, with the same width."""
    touch(mailed, range(1, 101), SEND, 102 * DAY, campaign=2)
    touch(mailed, range(1, 11), BOUNCE, 102 * DAY, campaign=2)

    (made,) = compute(mailed, "delivery_rate")

    # 8 of the people 1 to 100 bounced once besides 5, who bounced twice; 105 got one message.
    bounces = np.array([1] * 4 + [2] + [1] * 5 + [0] * 90 + [1] + [0] * 99)
    messages = np.array([2] * 100 + [1] * 100)
    rate = bounces.sum() / messages.sum()
    error = np.sqrt(200 / 199 * ((bounces - rate * messages) ** 2).sum()) / messages.sum()
    width = stats.t.ppf(0.975, 199) * error
    assert (made.value, made.n) == (1 - rate, 300)
    assert (made.low, made.high) == pytest.approx((1 - rate - width, 1 - rate + width))


def test_a_period_without_a_message_has_nothing_to_divide_by(mailed: Any) -> None:
    found = [compute(mailed, id, replace(ASK, period=(0, DAY)))[0] for id in ("delivery_rate", "unsubscribe_rate", "open_rate")]

    assert [(e.value, e.reason, e.n) for e in found] == [(None, "no_denominator", 0)] * 3
