"""Sizes, plans, early looks, the register, scores."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from core.measure.picks import pick
from core.measure.trial_cases import ASK, DAY, running
from persync.measure import intervals
from persync.measure.intervals import Moments
from persync.measure.metric import Ask, Experiment
from persync.measure.trials import (
    looks,
    more,
    planning,
    power,
    qini,
    register,
)


def test_looking_fifty_times_misleads_in_no_more_tests_than_promised() -> None:
    """Without an effect the ordinary interval excludes zero at some look in a third of tests, the sequence in under 5 %."""
    rng = np.random.default_rng(4)
    walks = rng.normal(size=(2000, 50)).cumsum(axis=1)
    fractions = np.arange(1, 51) / 50
    wrong = {"fixed": 0, "always": 0}
    for walk in walks:
        means, errors = walk / np.arange(1, 51), 1 / np.sqrt(np.arange(1, 51))
        wrong["fixed"] += bool((np.abs(means) > 1.96 * errors).any())
        found = [looks.always_valid(m, e, f) for m, e, f in zip(means, errors, fractions, strict=True)]
        wrong["always"] += any(one.low > 0 or one.high < 0 for one in found)

    assert wrong["fixed"] > 600
    assert wrong["always"] <= stats.binom.ppf(0.999, 2000, 0.05)


def test_the_sequential_p_and_interval_say_the_same() -> None:
    """Zero lies on the bound exactly where p is 0.05."""
    for fraction in (0.05, 0.5, 1.0, 3.0):
        half = looks.always_valid(0.0, 1.0, fraction).high
        assert looks.always_valid(half, 1.0, fraction).p == pytest.approx(0.05)
        assert half > 1.96


def test_before_the_minimum_run_nothing_is_said(shop: Any) -> None:
    read = running(shop, 6.9)

    assert [(e.value, e.reason) for e in read if e.id == "difference_so_far"] == [(None, "too_early")] * 2
    assert {e.reason for e in read if e.id == "difference"} == {"immature"}


def test_an_early_look_has_the_wider_interval_that_stays_valid(shop: Any) -> None:
    """While the window is open the difference itself stays immature."""
    read = running(shop, 10)

    so_far = pick(read, "difference_so_far", outcome="conversion")
    assert so_far.value == pytest.approx((60 - 20) / 200)
    plain = intervals.newcombe(60, 200, 20, 200)
    assert (so_far.high or 0) - (so_far.low or 0) > 1.5 * (plain.high - plain.low)
    assert (so_far.label, "early look" in so_far.note) == ("randomised", True)
    assert pick(read, "difference", outcome="conversion").reason == "immature"


def test_a_test_that_is_over_has_no_early_look(shop: Any) -> None:
    assert [e for e in running(shop, 21) if e.id == "difference_so_far"] == []


def test_sizes_agree_with_statsmodels() -> None:
    module = pytest.importorskip("statsmodels.stats.power")
    sample = Moments(1000, 5.0, 100.0)

    # statsmodels has Student's distribution, which wants two more.
    exact = module.tt_ind_solve_power(effect_size=0.1, alpha=0.05, power=0.8)
    assert power.for_means(sample, 1.0) == pytest.approx(exact, abs=3)
    unequal = module.tt_ind_solve_power(effect_size=0.1, alpha=0.05, power=0.8, ratio=3.0)
    assert power.for_means(sample, 1.0, ratio=3.0) == pytest.approx(unequal, abs=3)
    assert power.detectable_mean(100.0, exact, exact) == pytest.approx(1.0, rel=1e-3)


def test_the_smallest_share_that_can_be_seen_needs_just_those_people() -> None:
    """The two ways round agree; a known case: 10 % to 12 % at 80 % takes 3,839 an arm (3,841 by the pooled formula)."""
    assert power.for_shares(0.10, 0.02) == 3839
    change = power.detectable_share(0.10, 3839, 3839)
    assert change == pytest.approx(0.02, abs=1e-5)
    assert power.detectable_share(0.5, 3, 3) is None
    for wrong in ((0.0, 0.1), (0.9, 0.2), (0.5, 0.0)):
        with pytest.raises(ValueError):
            power.for_shares(*wrong)


def test_a_plan_says_people_weeks_and_what_could_be_seen(shop: Any) -> None:
    """1,000 contacts, 100 mailed a week, a tenth of whom buy in two weeks."""
    now = 100 * DAY
    shop.load("person_of", key_id=range(1, 1001), person=range(1, 1001), hash=range(1, 1001))
    shop.load("contacts", connection=[1] * 1000, key_id=range(1, 1001))
    shop.add("campaigns", campaign_key=1, connection=1)
    shop.load(
        "touchpoints",
        connection=[1] * 400,
        campaign_key=[1] * 400,
        key_id=range(1, 401),
        action=[1] * 400,
        happened_at=[now - DAY] * 400,
    )
    for i in range(1, 101):
        shop.order(i, i, 5000, ordered_at=now - DAY)
    one = Experiment("t", planned_shares={"a": 0.5, "b": 0.5}, control="b", smallest=0.5)

    found = planning.plan(shop, one, Ask(now=now))

    assert [pick(found, id).value for id in ("audience", "people_a_week")] == [1000, 100]
    assert pick(found, "baseline", outcome="conversion").value == 0.1
    needed = power.for_shares(0.1, 0.05)
    assert pick(found, "needed", outcome="conversion").value == needed
    assert pick(found, "weeks", outcome="conversion").value == math.ceil(2 * needed / 100)
    assert pick(found, "detectable", outcome="conversion").value == power.detectable_share(0.1, 500, 500)


def test_the_register_holds_every_test_and_how_many_won(shop: Any) -> None:
    """One won, one did not, one is to come, one cannot be read: all stand there."""
    size = 400
    for name, first in (("won", 1), ("flat", 1001)):
        shop.load(
            "assignments",
            connection=[3] * size,
            experiment=[name] * size,
            key_id=range(first, first + size),
            arm=["a", "b"] * (size // 2),
        )
    for i in range(1, 301, 2):
        shop.order(i, i, 4000 + i, ordered_at=5)
    for i in range(2, 42, 2):
        shop.order(i, i, 4000 + i, ordered_at=5)
    for i in (1001, 1002, *range(1003, 1101)):
        shop.order(i, i, 4000, ordered_at=5)
    won = Experiment("won", control="b", hypothesis="names sell", decision="kept", since=0, days=1)
    later = Experiment("later", tags={"a": "x", "b": "y"}, control="b", since=10**14)
    ask = replace(ASK, experiments={"won": won, "flat": Experiment("flat", control="b"), "later": later})

    found = register.iteration_log(shop, ask)

    lines = {e.by["experiment"]: e for e in found if e.id == "iteration_log"}
    assert set(lines) == {"won", "flat", "later"}
    assert lines["won"].note == "pays; over; hypothesis: names sell; decision: kept"
    assert lines["flat"].note.startswith("cannot tell; over; no hypothesis")
    assert (lines["later"].value, lines["later"].reason) == (None, "nobody")
    share = pick(found, "share_won")
    assert (share.value, share.n) == (0.5, 2)


AREA = 2235.42829238766


def _scored() -> tuple[Any, Any, Any, Any]:
    i = np.arange(400)
    treated, score = (i % 2).astype(float), ((i * 37) % 97) / 97
    return (((i * 53) % 101) / 101 < 0.2 + 0.3 * treated * score).astype(float), treated, score, i


def test_the_area_of_the_qini_curve_is_scikit_uplifts() -> None:
    """scikit-uplift 0.5.1, qini_curve, gives this area between the curve and its straight line."""
    outcome, treated, score, _ = _scored()

    people, gain = qini.curve(outcome, treated, score)

    assert np.trapezoid(gain, people) - gain[-1] * people[-1] / 2 == pytest.approx(AREA)
    assert qini.area(people, gain) == pytest.approx(AREA / 400**2)


def test_a_score_that_knows_nothing_has_no_area_and_its_opposite_the_opposite() -> None:
    outcome, treated, score, hashes = _scored()

    same = qini.qini(outcome, treated, np.ones(400), hashes)
    found, turned = (qini.qini(outcome, treated, s, hashes) for s in (score, -score))

    assert same is not None
    assert found is not None
    assert turned is not None
    assert same.value == pytest.approx(0.0, abs=1e-12)
    assert turned.value == pytest.approx(-found.value, rel=0.05)
    assert found.low <= found.value <= found.high
    assert qini.qini(outcome, treated, score, hashes) == found


def test_a_score_is_held_against_money_and_conversions(shop: Any) -> None:
    """Those with the highest scores buy because of the mail: the interval of Q lies above zero on both."""
    size = 2000
    people = range(1, size + 1)
    arms, ranks = ["a" if i % 2 else "b" for i in people], [(i * 7 % 100) / 100 for i in people]
    shop.load("assignments", connection=[3] * size, experiment=["t"] * size, key_id=people, arm=arms)
    shop.load(
        "decisions",
        connection=[3] * size,
        decision=["rank"] * size,
        key_id=people,
        selected=[1] * size,
        score=ranks,
    )
    buyers = [i for i in people if (arms[i - 1] == "a" and (i * 7 % 100) >= 60) or i % 20 == 0]
    for i in buyers:
        shop.order(i, i, 3000, ordered_at=5)

    read = [e for e in more.read(shop, Experiment("t", control="b"), ASK) if e.id == "qini"]

    assert [(e.by["outcome"], e.by["score"], e.unit, e.label) for e in read] == [
        ("conversion", "rank", "share", "randomised"),
        ("revenue", "rank", "EUR", "randomised"),
    ]
    assert all((e.low or 0) > 0 for e in read)
    assert (read[1].value or 0) == pytest.approx(30 * (read[0].value or 0))
