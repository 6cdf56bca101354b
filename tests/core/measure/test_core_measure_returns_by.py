"""What a test brought in and gave back by arm, by segment and by group, and what cannot be told apart."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from persync.errors import ConfigError
from persync.measure.metric import Ask, Experiment
from persync.measure.registry import METRICS

DAY = 86_400_000
START = 1_740_000_000_000
TEST = Experiment("spring", control="none", since=START, days=30)
ASK = Ask(now=START + 60 * DAY, experiments={"spring": TEST}, margin=0.5)
BY_ID = {metric.id: metric for metric in METRICS}
SPENT = {("mail", "north"): 3000, ("mail", "south"): 1000, ("none", "north"): 1000, ("none", "south"): 1500}
"""what a buyer of an arm and a region pays in the middle, in minor units"""


def told(shop: Any, id: str, *by: str, ask: Ask = ASK) -> list[Any]:
    return list(BY_ID[id].compute(shop, replace(ask, by=by)))


@pytest.fixture
def tested(shop: Any) -> Any:
    """Four hundred people in two arms and two regions, all of whom buy once on the test's third day; those of the north had
    bought ten days before it, those of the south never had. The test cost 60.00."""
    shop.add("connections", connection=1, name="shop", connector="shopify")
    for person in range(400):
        arm, region = ("mail", "none")[person % 2], ("north", "south")[person // 2 % 2]
        shop.add("person_of", key_id=person, person=person, hash=person)
        shop.add("contacts", connection=1, key_id=person, created_at=START - 20 * DAY)
        shop.add("assignments", experiment="spring", key_id=person, arm=arm)
        shop.add("attributes", connection=1, key_id=person, name="region", value=region)
        shop.order(1000 + person, person, SPENT[arm, region] + person, ordered_at=START + 3 * DAY)
        if region == "north":
            shop.order(5000 + person, person, 2000, ordered_at=START - 10 * DAY)
    cost = {"happened_at": START, "category": "tool", "amount_minor": 6000, "currency": "EUR"}
    shop.add("costs", connection=1, entry="c", scope="spring", **cost)
    return shop


def difference(region: str) -> tuple[float, float]:
    """Return Welch's difference of the mail's people of a region and half its interval, times the mail's 100 people."""
    arms = [
        [(SPENT[arm, region] + person) / 100 for person in range(400) if person % 4 == i + 2 * (region == "south")]
        for i, arm in enumerate(("mail", "none"))
    ]
    found = stats.ttest_ind(arms[0], arms[1], equal_var=False).confidence_interval()
    middle = float(np.mean(arms[0]) - np.mean(arms[1]))
    return 100 * middle, 100 * (found.high - middle)


def test_incremental_revenue_by_group_is_that_of_the_groups_own_people(tested: Any) -> None:
    found = {one.by["region"]: one for one in told(tested, "incremental_revenue", "region")}

    for region in ("north", "south"):
        middle, half = difference(region)
        one = found[region]
        assert (one.value, one.low, one.high) == pytest.approx((middle, middle - half, middle + half))
        assert (one.label, one.unit, one.by) == (
            "randomised",
            "EUR",
            {"region": region, "arm": "mail", "experiment": "spring", "against": "none"},
        )
        assert "one of 2 comparisons" in one.note


def test_a_segment_is_that_of_the_tests_first_day(tested: Any) -> None:
    """Everybody has bought by the end: who was new on the first day are those of the north, the others had bought nothing."""
    found = {one.by["seg"]: one.value for one in told(tested, "incremental_revenue", "seg") if "life-cycle" in one.by["seg"]}

    assert found == {
        "life-cycle: new": pytest.approx(difference("north")[0]),
        "life-cycle: subscriber": pytest.approx(difference("south")[0]),
    }


def test_the_return_of_a_group_bears_its_part_of_the_cost(tested: Any) -> None:
    """Half of the treated live in the north, so it bears 30.00 of 60.00; gain is half of the revenue."""
    found = {one.by["region"]: one for one in told(tested, "roi_simple", "region") if one.id == "roi_simple"}

    north, south = difference("north")[0], difference("south")[0]
    assert found["north"].value == pytest.approx((north / 2 - 30) / 30)
    assert found["south"].value == pytest.approx((south / 2 - 30) / 30)
    assert "its part of the cost, shared by the people treated" in found["north"].note
    assert "it pays" in found["north"].note
    assert "it costs" in found["south"].note


def test_by_arm_it_is_what_the_whole_test_says_where_one_arm_is_treated(tested: Any) -> None:
    (by_arm, _), (whole, _) = told(tested, "roi_simple", "arm"), told(tested, "roi_simple")

    assert (by_arm.value, by_arm.low, by_arm.high) == pytest.approx((whole.value, whole.low, whole.high))
    assert by_arm.by == {"experiment": "spring", "arm": "mail", "against": "none"}


def test_without_a_first_day_no_segment_can_be_told(tested: Any) -> None:
    """All of its orders count, and whoever bought may be in a segment because of the mail."""
    asked = replace(ASK, experiments={"spring": replace(TEST, since=None, days=None)})

    (one,) = told(tested, "incremental_revenue", "seg", ask=asked)

    assert (one.value, one.reason) == (None, "no_start")
    assert not math.isnan(told(tested, "incremental_revenue", "region", ask=asked)[0].value)


@pytest.mark.parametrize(
    ("id", "by", "why"),
    [
        ("roi_simple", "month", "people were drawn once, for all days of the test"),
        ("incremental_revenue", "msg", "a test tells the effect of all that its arm got"),
        ("roi_simple", "model", "what was caused needs no model"),
        ("incremental_revenue", "coh", "the month of the first order may come after the draw"),
        ("incremental_revenue", "colour", "cannot be sliced by 'colour'"),
        ("ctr", "prod", "no platform tells which product a link leads to"),
        ("aov", "prod", "an order's value is that of all its products together"),
    ],
)
def test_what_cannot_be_told_apart_is_refused_with_the_reason(tested: Any, id: str, by: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        told(tested, id, by)
