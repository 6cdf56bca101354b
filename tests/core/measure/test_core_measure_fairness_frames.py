"""What every parity returns, and what it says where there is nothing: bounds at zero, and null in every part."""

from __future__ import annotations

from typing import Any

import pytest

from persync.estimate import Estimate
from persync.measure import fairness, intervals
from persync.measure.fairness import benefit, groups
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Experiment

ASK = Ask(now=10**13)


def pick(estimates: list[Estimate], id: str, **by: str) -> Estimate:
    (found,) = [
        e for e in estimates if e.id == id and by.items() <= e.by.items() and ("against" in by or "against" not in e.by)
    ]
    return found


def test_a_group_without_a_complaint_has_upper_bounds_of_its_rate_and_of_its_ratio(shop: Any) -> None:
    """None of 30 people with four messages each, 12 of 60 in the other group: bounds are those of 30 trials, Wilson's and
    Koopman's, for more than one a person cannot be told; the difference has the distances to both."""
    sent = [(n, key) for key in (1, 2, 3, 4) for n in range(30)] + [(n, 1) for n in range(30, 90)]
    shop.load(
        "touchpoints",
        connection=[1] * len(sent),
        campaign_key=[key for _, key in sent],
        key_id=[n for n, _ in sent],
        action=[1] * len(sent),
        happened_at=[1] * len(sent),
    )
    shop.load("attributes", connection=[1] * 90, key_id=range(90), name=["kind"] * 90, value=["none"] * 30 + ["some"] * 60)
    for person in range(30, 42):
        shop.add("touchpoints", connection=1, campaign_key=1, key_id=person, action=7, happened_at=2)

    read = fairness.assess(shop, "kind", ASK)

    rate, other = (pick(read, "complained_rate", group=group) for group in ("none", "some"))
    assert (rate.value, rate.low, rate.high) == (0.0, 0.0, intervals.wilson(0, 30).high)
    ratio = pick(read, "complained_rate_ratio", group="none", against="some")
    assert ratio.value == 0.0
    # The other group's 60 people have a message each: 59 trials, for the clustered variance is that of n - 1.
    assert (ratio.low, ratio.high) == pytest.approx((0.0, intervals.ratio_by_score(0, 30, 11.8, 59).high))
    gap = pick(read, "complained_rate_difference", group="none", against="some")
    wanted = intervals.difference_of(intervals.wilson(0, 30), Interval(other.value, other.low, other.high))
    assert (gap.value, gap.low, gap.high, gap.p) == pytest.approx(tuple(wanted))
    assert gap.high < 0


def test_benefit_is_a_frame_like_every_parity_also_where_nothing_can_be_read(shop: Any) -> None:
    """By experiment and arm: overall, by group, difference and ratio; an experiment with one arm is null in both."""
    keys = range(200)
    shop.load("assignments", connection=[3] * 200, experiment=["t"] * 200, key_id=keys, arm=["on", "off"] * 100)
    shop.load("assignments", connection=[3] * 200, experiment=["u"] * 200, key_id=keys, arm=["off"] * 200)
    shop.load("attributes", connection=[3] * 200, key_id=keys, name=["kind"] * 200, value=["a"] * 100 + ["b"] * 100)
    for key in range(1, 200):
        shop.order(key, key, 1_000 + (key < 100) * (key % 2 == 0) * 500 + key, ordered_at=5)
    ask = Ask(now=10**13, experiments={name: Experiment(name, control="off") for name in "tu"})

    found = benefit.frames(shop, groups.of(shop, "kind"), ask)

    assert list(found) == [("t", "on", "revenue"), ("t", "", "saving"), ("u", "", "revenue"), ("u", "", "saving")]
    read, unsaved, empty, neither = found.values()
    assert set(read.by_group) == {"a", "b"}
    assert read.difference.value == pytest.approx(read.by_group["a"].value - read.by_group["b"].value)
    assert read.ratio is not None
    assert read.ratio.value == pytest.approx(read.by_group["b"].value / read.by_group["a"].value)
    assert read.overall.value == pytest.approx((read.by_group["a"].value + read.by_group["b"].value) / 2)
    assert (empty.overall.reason, empty.difference.reason, empty.by_group) == ("no_denominator", "no_denominator", {})
    assert (unsaved.overall.reason, neither.overall.reason) == ("no_discounts", "no_discounts")
    assert benefit.assess(shop, "kind", ask) == [e for one in found.values() for e in one.estimates()]
    assert benefit.assess(shop, "kind", ask, ("revenue",)) == [*read.estimates(), *empty.estimates()]
