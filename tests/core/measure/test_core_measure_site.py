"""Counts and their ratios, visits to the site, reactions on networks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from core.measure.reach_cases import ASK, DAY, NOW, compute, one, orders
from persync.measure import counts
from persync.measure.metric import Ask


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
