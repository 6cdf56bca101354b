"""What people do after mail, in shops counted by hand: entries 5 to 34 of the catalogue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from persync.estimate import Estimate
from persync.measure import METRICS, counts
from persync.measure.engaged import spearman
from persync.measure.metric import Ask, Experiment

DAY = 86_400_000
NOW = 400 * DAY
ASK = Ask(now=NOW)
BY_ID = {metric.id: metric for metric in METRICS}
SEND, OPEN, CLICK, BOUNCE, VISIT = 1, 3, 4, 5, 9
EMAIL, SEARCH = 1, 2


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def one(found: Sequence[Estimate], id: str, **by: str) -> Estimate:
    (wanted,) = [e for e in found if e.id == id and e.by == by]
    return wanted


def touch(
    shop: Any, people: Sequence[int], action: int, at: int, *, campaign: int = 0, machine: int | None = None, **more: Any
) -> None:
    n = len(people)
    shop.load(
        "touchpoints",
        connection=[1] * n,
        campaign_key=[campaign] * n,
        key_id=list(people),
        action=[action] * n,
        happened_at=[at] * n,
        channel=[more.get("channel", EMAIL)] * n,
        link_id=[more.get("link", 0)] * n,
        **({"is_machine": [machine] * n} if machine is not None else {}),
    )


def orders(shop: Any, people: Sequence[int], at: int, minor: int = 1000, first: int = 1) -> None:
    keys = [first + i for i in range(len(people))]
    n = len(keys)
    shop.load(
        "orders",
        order_key=keys,
        connection=[2] * n,
        key_id=list(people),
        ordered_at=[at] * n,
        currency=["EUR"] * n,
        status=["paid"] * n,
    )
    shop.load("order_of", order_key=keys, order_id=keys, is_money_source=[1] * n)
    shop.load(
        "order_ledger",
        order_key=keys,
        entry=["s"] * n,
        event=["sale"] * n,
        part=["product"] * n,
        happened_at=[at] * n,
        amount_minor=[minor] * n,
        currency=["EUR"] * n,
    )


@pytest.fixture
def mailed(shop: Any) -> Any:
    """200 people: 1 to 100 got a personalised letter, 101 to 200 a generic one; 5 and 105 bounced."""
    shop.load("connections", connection=[1, 2], name=["mail", "shop"], connector=["x", "y"])
    shop.load("words", word=[EMAIL, SEARCH], text=["email", "paid_search"])
    everybody = list(range(1, 201))
    shop.load("person_keys", key_id=everybody, kind=["id"] * 200, key=[str(i) for i in everybody])
    shop.load("contacts", connection=[1] * 200, key_id=everybody, created_at=[10 * DAY] * 200)
    for key, level in ((1, 3), (2, 0)):
        shop.add("campaign_keys", campaign_key=key, connection=1, kind="id", key=f"c{key}")
        shop.add("campaigns", campaign_key=key, connection=1, title=f"Letter {key}", sent_at=100 * DAY)
        shop.add("campaign_levels", campaign_key=key, level=level)
        people = list(range(1 + (key - 1) * 100, 101 + (key - 1) * 100))
        touch(shop, people, SEND, 100 * DAY, campaign=key)
        touch(shop, [5 + (key - 1) * 100], BOUNCE, 100 * DAY, campaign=key)
    return shop


def clicks(shop: Any) -> None:
    touch(shop, range(1, 31), CLICK, 101 * DAY, campaign=1)
    touch(shop, range(101, 111), CLICK, 101 * DAY, campaign=2)


# -- counts and ratios of counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 7, 250])
def test_the_interval_of_a_count_is_the_exact_one_of_a_poisson_rate(count: int) -> None:
    made = counts.poisson(count)

    low = stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    assert (made.low, made.high) == pytest.approx((low, stats.chi2.ppf(0.975, 2 * count + 2) / 2))


@pytest.mark.parametrize(("count", "base"), [(5, 10), (120, 100), (0, 8), (30, 30)])
def test_the_ratio_of_two_counts_has_the_interval_of_a_share_of_their_sum(count: int, base: int) -> None:
    made = counts.ratio_of_counts(count, base)

    assert made is not None
    share = stats.binomtest(count, count + base, 0.5).proportion_ci(method="exact")
    assert (made.value, made.low) == pytest.approx((count / base, share.low / (1 - share.low)))
    assert made.high == pytest.approx(share.high / (1 - share.high))
    assert made.p == pytest.approx(stats.binomtest(count, count + base, 0.5).pvalue)


def test_of_nothing_before_there_is_no_change() -> None:
    asked = Ask(now=NOW, period=(100 * DAY, 130 * DAY))

    assert counts.ratio_of_counts(3, 0) is None
    assert counts.change("x", 3, 0, asked, {}).reason == "nothing_before"
    assert counts.change("x", 3, None, ASK, {}).reason == "no_period"
    assert counts.before(asked) == Ask(now=NOW, period=(70 * DAY, 100 * DAY))


# -- the site ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def site(shop: Any) -> Any:
    """Ten visits: person 1 came four times by e-mail, two others by search, four without a word of what brought them."""
    n = 10
    shop.load(
        "sessions",
        connection=[1] * n,
        session=[f"s{i}" for i in range(n)],
        key_id=[1, 1, 1, 1, 2, 3, None, None, None, None],
        started_at=[200 * DAY + i for i in range(n)],
        medium=["email", "Newsletter", "email", "e-mail", "cpc", "cpc", None, None, None, None],
        source=["letter"] * 4 + ["search"] * 2 + [None] * 4,
        pages=[4, 2, 1, 3, 1, 5, 1, 1, 2, None],
        seconds=[60.0, 20.0, 0.0, 40.0, 0.0, 100.0, 0.0, 10.0, 30.0, None],
        is_bounced=[0, 0, None, 0, 1, 0, None, 0, None, None],
    )
    return shop


def test_visits_that_e_mail_brought_are_counted_with_how_many_tell_what_brought_them(site: Any) -> None:
    asked = Ask(now=NOW, period=(200 * DAY, 201 * DAY))
    found = compute(site, "email_site_traffic", asked)

    assert [(e.id, e.value, e.n, e.reason) for e in found] == [
        ("email_site_traffic", 4, 4, None),
        ("email_site_traffic_share", 0.4, 10, None),
        ("email_site_traffic_change", None, 4, "nothing_before"),
        ("visit_tag_coverage", 0.6, 10, None),
    ]


def test_a_bounce_is_one_page_where_the_tool_does_not_say(site: Any) -> None:
    (found,) = compute(site, "bounce_rate_web")

    assert (found.value, found.n) == (3 / 9, 9)  # s2 and s6 by their one page, s4 as said; s7 is none though it has one page


def test_time_counts_zeros_in_the_mean_and_leaves_them_out_of_the_median(site: Any) -> None:
    found = {e.id: e for e in compute(site, "time_on_site")}

    assert found["time_on_site"].value == pytest.approx(260 / 9)
    assert "3 visits of 0 seconds" in found["time_on_site"].note
    assert (found["time_on_site_median"].value, found["time_on_site_median"].n) == (35.0, 6)
    assert found["time_on_page"].value == pytest.approx(260 / 20)


def test_the_interval_of_pages_takes_people_as_the_units(site: Any) -> None:
    (found,) = compute(site, "pages_per_session")
    pages = {"1": [4, 2, 1, 3], "2": [1], "3": [5], "s6": [1], "s7": [1], "s8": [2]}
    ratio, n = 20 / 9, len(pages)
    spread = sum((sum(p) - ratio * len(p)) ** 2 for p in pages.values()) * n / (n - 1)
    half = stats.t.ppf(0.975, n - 1) * math.sqrt(spread) / 9

    assert (found.value, found.n) == (pytest.approx(ratio), 9)
    assert (found.low, found.high) in [
        pytest.approx((ratio - half, ratio + half)),
        pytest.approx((ratio - 1.959964 * math.sqrt(spread) / 9, ratio + 1.959964 * math.sqrt(spread) / 9)),
    ]


def test_the_median_seconds_lie_between_the_ranks_that_a_sign_test_gives(shop: Any) -> None:
    seconds = np.arange(1.0, 101.0)
    shop.load("sessions", session=[str(i) for i in range(100)], started_at=[5] * 100, seconds=seconds)

    (_, median, _) = compute(shop, "time_on_site")

    assert (median.value, median.low, median.high) == (50.5, 40.0, 61.0)


def test_reactions_are_over_followers_where_reach_is_missing_and_say_so(shop: Any) -> None:
    shop.load(
        "social_posts",
        connection=[1] * 4,
        network=["photos"] * 4,
        post=["a", "b", "c", "d"],
        posted_at=[1, 2, 3, 4],
        reach=[1000, 500, None, None],
        followers=[None, None, 200, None],
        likes=[40, 10, 20, 9],
        shares=[5, None, None, None],
        comments=[5, 0, None, None],
    )

    found = compute(shop, "social_engagement")

    assert found[0].value == pytest.approx(80 / 1700)
    assert "over followers where reach is unknown (1 of 3 posts)" in found[0].note
    assert (found[1].id, found[1].reason) == ("social_engagement_change", "no_period")


# -- personalised against generic --------------------------------------------------------------------------------------


def test_clicks_of_personalised_messages_are_held_against_generic_ones(mailed: Any) -> None:
    clicks(mailed)

    points, relative = compute(mailed, "ctr_improvement")

    rates = 29 / 99, 9 / 99  # 5 and 105 clicked what bounced
    assert points.value == pytest.approx(rates[0] - rates[1])
    assert relative.value == pytest.approx(rates[0] / rates[1] - 1)
    errors = [r * (1 - r) / 99 * 198 / 197 for r in rates]
    half = 1.959964 * math.sqrt(sum(errors))
    assert (points.low, points.high) == pytest.approx((points.value - half, points.value + half), rel=1e-5)
    assert {e.label for e in (points, relative)} == {"raw difference"}


def test_whoever_got_both_kinds_is_one_unit_of_the_interval(mailed: Any) -> None:
    """Everybody gets both letters and clicks both or none: the difference is 0 without any doubt."""
    touch(mailed, range(1, 101), SEND, 150 * DAY, campaign=2)
    touch(mailed, range(101, 201), SEND, 150 * DAY, campaign=1)
    touch(mailed, [5], BOUNCE, 150 * DAY, campaign=2)
    touch(mailed, [105], BOUNCE, 150 * DAY, campaign=1)
    for campaign in (1, 2):
        touch(mailed, range(10, 60), CLICK, 151 * DAY, campaign=campaign)

    points, _ = compute(mailed, "ctr_improvement")

    assert (points.value, points.low, points.high) == pytest.approx((0, 0, 0), abs=1e-12)


def test_orders_after_personalised_mail_are_held_against_generic_mail_and_said_to_be_no_effect(mailed: Any) -> None:
    orders(mailed, range(11, 51), 105 * DAY, 2000)
    orders(mailed, range(111, 131), 105 * DAY, 1000, first=101)
    orders(mailed, range(111, 131), 140 * DAY, 1000, first=201)  # after the window

    found = compute(mailed, "conversion_uplift")
    lift = compute(mailed, "aov_lift")

    assert [(e.id, e.value) for e in found] == [
        ("conversion_uplift", pytest.approx(40 / 99 - 20 / 99)),
        ("conversion_uplift_relative", pytest.approx(1.0)),
        ("conversion_uplift_count", pytest.approx(20.0)),
    ]
    assert [(e.id, e.value, e.unit) for e in lift] == [
        ("aov_lift", 10.0, "EUR"),
        ("aov_lift_relative", pytest.approx(1.0), "share"),
        ("aov_lift_per_customer", pytest.approx(40 * 20 / 99 - 20 * 10 / 99), "EUR"),
    ]
    assert {e.label for e in (*found, *lift)} == {"raw difference"}
    assert all("chosen for personalised mail" in e.note for e in (*found, *lift))


def test_an_experiment_comes_before_the_raw_difference_and_has_its_own_label(mailed: Any) -> None:
    orders(mailed, range(11, 51), 105 * DAY)
    mailed.load(
        "assignments",
        connection=[1] * 200,
        experiment=["letter"] * 200,
        key_id=list(range(1, 201)),
        arm=["mail"] * 100 + ["none"] * 100,
    )
    ask = Ask(now=NOW, experiments={"letter": Experiment("letter", control="none", holdout=True)})

    found = compute(mailed, "conversion_uplift", ask)

    assert [(e.id, e.label, e.value) for e in found][:3] == [
        ("conversion_uplift", "holdout", 0.4),
        ("conversion_uplift_relative", "holdout", None),
        ("conversion_uplift_count", "holdout", 40.0),
    ]
    assert found[3].label == "raw difference"


def test_without_generic_mail_there_is_nothing_to_compare_with(mailed: Any) -> None:
    mailed.db.execute("UPDATE campaign_levels SET level = 3")

    assert [(e.value, e.reason) for e in compute(mailed, "conversion_uplift")] == [(None, "no_denominator")]
    assert "nobody got generic mail" in compute(mailed, "conversion_uplift")[0].note
    assert compute(mailed, "ctr_improvement")[0].reason == "no_denominator"


# -- the way to the order ----------------------------------------------------------------------------------------------


def test_the_funnel_counts_people_and_a_later_step_implies_the_earlier_ones(mailed: Any) -> None:
    clicks(mailed)
    touch(mailed, range(1, 51), OPEN, 101 * DAY, campaign=1, machine=0)
    touch(mailed, range(51, 101), OPEN, 101 * DAY, campaign=1, machine=1)
    mailed.load(
        "carts", connection=[2] * 20, cart=[f"k{i}" for i in range(20)], key_id=list(range(21, 41)), created_at=[102 * DAY] * 20
    )
    orders(mailed, [22, 23, 150], 103 * DAY)

    found = {(e.id, e.by["step"]): (e.value, e.n) for e in compute(mailed, "funnel")}

    clicked, visited = 29 + 9, 29 + 9 + 10 + 1  # 5 and 105 clicked and bounced; 31 to 40 had a cart alone, 150 ordered alone
    assert found == {
        ("funnel", "sent"): (1.0, 200),
        ("funnel", "delivered"): (198 / 200, 200),
        ("funnel_step", "delivered"): (198 / 200, 200),
        ("funnel_step", "opened"): (49 / 198, 198),
        ("funnel_step", "clicked"): (clicked / 198, 198),
        ("funnel", "visited"): (visited / 200, 200),
        ("funnel_step", "visited"): (visited / 198, 198),
        ("funnel", "checkout"): (21 / 200, 200),
        ("funnel_step", "checkout"): (21 / visited, visited),
        ("funnel", "ordered"): (3 / 200, 200),
        ("funnel_step", "ordered"): (3 / 21, 21),
    }


def test_a_funnel_whose_window_is_not_over_has_no_number(mailed: Any) -> None:
    assert [(e.value, e.reason) for e in compute(mailed, "funnel", Ask(now=110 * DAY))] == [(None, "immature")]


def test_leads_are_counted_when_they_were_first_known_and_become_customers_by_a_fixed_age(mailed: Any) -> None:
    mailed.load(
        "stages",
        connection=[1] * 3,
        key_id=[1, 2, 201],
        stage=["lead", "subscriber", "lead"],
        entered_at=[5 * DAY, 20 * DAY, 390 * DAY],
    )
    orders(mailed, [3, 4, 6], 30 * DAY)
    orders(mailed, [7], 60 * DAY, first=50)
    orders(mailed, [8], 9 * DAY, first=60)  # a customer before being a lead

    generated = compute(mailed, "lead_generation", Ask(now=NOW, period=(8 * DAY, 12 * DAY)))
    converted = {e.by["age_days"]: e for e in compute(mailed, "lead_conversion_rate")}

    assert [(e.id, e.value, e.reason) for e in generated] == [
        ("lead_generation", 199, None),  # person 1 was a lead on day 5
        ("lead_generation_change", pytest.approx(198.0), None),
        ("lead_generation_per_1000_sends", None, "no_denominator"),
    ]
    assert [(converted[a].value, converted[a].n) for a in ("30", "60", "90")] == [
        (pytest.approx(3 / 199), 199),
        (pytest.approx(4 / 199), 199),
        (pytest.approx(4 / 199), 199),
    ]
    assert "1 younger leads are left out" in converted["30"].note


def test_a_small_source_of_leads_is_hidden_with_another_so_that_the_total_does_not_tell_it(mailed: Any) -> None:
    """Of 200 leads 2 came by a letter, 8 by search and 190 from nowhere known."""
    mailed.db.execute("UPDATE contacts SET source = CASE WHEN key_id <= 2 THEN 'letter' WHEN key_id <= 10 THEN 'search' END")
    ask = Ask(now=NOW, by=("source",))

    generated = [e for e in compute(mailed, "lead_generation", ask) if e.id == "lead_generation"]
    converted = [e for e in compute(mailed, "lead_conversion_rate", ask) if e.by["age_days"] == "30"]

    for found in (generated, converted):
        assert {e.by["source"] for e in found if e.reason == "suppressed"} == {"letter", "search"}
        assert len(found) == 3


def test_a_small_cohort_is_hidden_with_another_so_that_the_total_does_not_tell_it(mailed: Any) -> None:
    """3 of 200 first ordered in one month and 7 in the next; the 190 who never did are told."""
    orders(mailed, [1, 2, 3], 20 * DAY)
    orders(mailed, range(4, 11), 50 * DAY, first=50)

    found = compute(mailed, "ctr", Ask(now=NOW, by=("coh",)))

    assert {e.by["coh"]: e.reason == "suppressed" for e in found if e.id == "ctr"} == {
        "1970-01": True,
        "1970-02": True,
        "no order": False,
    }


# -- engagement --------------------------------------------------------------------------------------------------------


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


# -- groups, systems, channels -----------------------------------------------------------------------------------------


def test_each_group_is_held_against_all_the_others_and_the_comparisons_are_counted(mailed: Any) -> None:
    names = ["young"] * 80 + ["old"] * 120
    mailed.load("attributes", connection=[1] * 200, key_id=list(range(1, 201)), name=["age"] * 200, value=names)
    orders(mailed, range(11, 51), 105 * DAY)
    orders(mailed, range(111, 131), 105 * DAY, first=101)

    found = compute(mailed, "segment_conversion_rate")

    young, old = 40 / 79, 20 / 119
    assert one(found, "segment_conversion_rate", age="young").value == pytest.approx(young)
    difference = one(found, "segment_conversion_rate_difference", age="young")
    assert difference.value == pytest.approx(young - old)
    assert difference.label == "raw difference"
    assert "one of 2 comparisons" in difference.note


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
