"""Personalised messages against generic ones."""

from __future__ import annotations

import math
from typing import Any

import pytest

from core.measure.reach_cases import BOUNCE, CLICK, DAY, NOW, SEND, clicks, compute, orders, touch
from persync.measure.metric import Ask, Experiment


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
