"""Stability: the bootstrap by customer against what theory says, ranks and their verdict, other settings."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from persync.attribution.calibrate import Against
from persync.attribution.credit import credit
from persync.attribution.models import MODELS, AttributionModel
from persync.attribution.stability import DEPENDS, ROBUST, replicate, sensitivity, settings, shares, standings
from persync.estimate import Estimate
from persync.measure.metric import Ask
from persync.rows import Action

DAY = 86_400_000
LINEAR = next(model for model in MODELS if model.name == "linear")
ASK = Ask(now=0)


def test_weights_are_poisson_and_hang_on_hash_and_seed_alone() -> None:
    size = 4_000
    hashes = np.random.default_rng(1).integers(0, 2**63 - 1, size)

    drawn = replicate(hashes, np.eye(1, size).T, seed=1, replicates=1_500)[:, 0]
    means = replicate(hashes, np.ones((size, 1)), seed=1, replicates=300)[:, 0] / size

    assert [float((drawn == k).mean()) for k in range(4)] == pytest.approx([0.3679, 0.3679, 0.1839, 0.0613], abs=0.04)
    assert means.mean() == pytest.approx(1.0, abs=0.003)
    assert means.std() == pytest.approx(1 / np.sqrt(size), rel=0.15), "customers are drawn independently"
    shuffled = np.random.default_rng(2).permutation(size)
    same = replicate(hashes[shuffled], np.arange(float(size))[shuffled, None], seed=1, replicates=5)
    assert same == pytest.approx(replicate(hashes, np.arange(float(size))[:, None], seed=1, replicates=5))
    other = replicate(hashes, np.arange(float(size))[:, None], seed=2, replicates=5)
    assert np.abs(other / same - 1).min() > 1e-6


def test_the_weights_of_known_customers_never_change() -> None:
    """Golden: what SplitMix64 makes of the hashes 0 to 5 and seed 1."""
    found = replicate(np.arange(6), np.eye(6), seed=1, replicates=4)

    assert found.astype(int).tolist() == [[1, 1, 1, 3, 0, 0], [1, 1, 1, 1, 1, 1], [2, 3, 3, 0, 2, 0], [1, 1, 0, 0, 1, 0]]


def busy(shop: Any, noon: int, customers: int = 60) -> None:
    chance = random.Random(3)
    for number in range(customers):
        shop.fact("same_person", keys=(f"p{number}",), hash=number)
        for _ in range(chance.randrange(1, 4)):
            channel = chance.choices(["email", "google", "direct"], [5, 3, 2])[0]
            action = Action.CLICK if channel == "email" else Action.VISIT
            at = noon - round(chance.random() * 50 * DAY)
            shop.touch(f"p{number}", at, channel=channel, action=action, campaign="c1" if channel == "email" else None)
        shop.order(str(number), f"p{number}", chance.randrange(500, 9_000))


def test_shares_are_those_of_credit_with_an_interval_around_them(shop: Any, noon: int) -> None:
    busy(shop, noon)
    engine = shop.engine()

    found = shares(engine, MODELS, ASK)

    summing = [model for model in MODELS if model.sums_to == "order"]
    given = [e for e in credit(engine, summing, ("channel",), ASK) if e.value is not None]
    totals = {m.name: sum(e.value for e in given if e.by["model"] == m.name) for m in summing}  # type: ignore[misc]
    expected = {(e.by["model"], e.by["channel"]): e.value / totals[e.by["model"]] for e in given}  # type: ignore[operator]
    assert {(e.by["model"], e.by["channel"]): e.value for e in found if e.value} == pytest.approx(
        {key: value for key, value in expected.items() if value}, abs=1e-12
    )
    assert all(e.low <= e.value <= e.high for e in found)  # type: ignore[operator]
    assert {e.id for e in found} == {"credit_share"}


def test_shares_of_a_period_are_dated_as_credit_is(shop: Any, noon: int) -> None:
    """Search just before the period and e-mail in it, ordered in it: by the touch's date the period's money is e-mail's."""
    shop.touch("ann", noon - 9 * DAY, channel="google", action=Action.VISIT)
    shop.touch("ann", noon - 2 * DAY, channel="email")
    shop.order("1", "ann", 1_000)
    engine = shop.engine()
    week = (noon - 7 * DAY, noon + DAY)

    def told(reporting: str) -> dict[str, Any]:
        found = shares(engine, (LINEAR,), replace(ASK, period=week, reporting=reporting))
        return {e.by["channel"]: (e.value, e.low, e.high) for e in found}

    assert told("cash") == {"email": (0.5, 0.5, 0.5), "google": (0.5, 0.5, 0.5)}
    assert told("accrual") == {"email": (1.0, 1.0, 1.0)}


def held(share: Estimate) -> AttributionModel:
    """A calibrated linear model whose e-mail keeps what `share` says."""
    none = Estimate("credited_to_email", 1.0)
    return replace(
        LINEAR, name="linear_calibrated", is_calibrated=True, against=Against("linear_calibrated", none, none, share)
    )


def test_the_interval_of_a_calibrated_model_is_the_holdouts_too(shop: Any, noon: int) -> None:
    """One customer, e-mail alone: all that varies is what the holdout says, 0.5 with a standard error of 0.1."""
    shop.fact("same_person", keys=("ann",))
    shop.touch("ann", noon - DAY, channel="email")
    shop.order("1", "ann", 10_000)
    engine = shop.engine()
    mail = engine.rows("SELECT w.word FROM words AS w WHERE w.text = 'email'")[0]["word"]
    half = 0.1 * 1.959964

    def told(low: float | None, high: float | None, value: float = 0.5) -> dict[str, Estimate]:
        model = held(Estimate("caused_share", value, low, high))
        baseline = {mail: 1.0 - model.against.factor}
        return {e.by["channel"]: e for e in shares(engine, (replace(model, baseline=baseline),), ASK)}

    sure, unknown, nothing = told(0.5 - half, 0.5 + half), told(None, None), told(-half, half, 0.0)

    assert (sure["email"].value, sure["(baseline)"].value) == (0.5, 0.5)
    for e in sure.values():
        assert (e.low, e.high, e.note) == (pytest.approx(0.5 - half, abs=0.03), pytest.approx(0.5 + half, abs=0.03), "")
    assert (unknown["email"].low, unknown["email"].high) == (0.5, 0.5)
    assert unknown["email"].note == "the interval is of the credit alone: the holdout has none"
    assert (nothing["email"].value, nothing["email"].low) == (0.0, 0.0)
    assert nothing["email"].high == pytest.approx(half, abs=0.03), "what was not caused may have been"


def test_two_customers_of_one_order_each_vary_as_a_poisson_pair_does(shop: Any, noon: int) -> None:
    """One buys through e-mail, one through search, for the same: the share is W1 / (W1 + W2), anything from 0 to 1."""
    shop.fact("same_person", keys=("ann",))
    shop.touch("ann", noon - DAY, channel="email")
    shop.touch("bob", noon - DAY, channel="google", action=Action.VISIT)
    shop.order("1", "ann", 5_000)
    shop.order("2", "bob", 5_000)

    found = {e.by["channel"]: e for e in shares(shop.engine(), (LINEAR,), ASK)}

    assert (found["email"].value, found["email"].low, found["email"].high) == (0.5, 0.0, 1.0)
    assert found["email"].n == 2


def test_a_customers_orders_stay_together(shop: Any, noon: int) -> None:
    """Twenty orders of one person are one customer: nothing varies against itself."""
    shop.fact("same_person", keys=("ann",))
    for number in range(20):
        shop.touch("ann", noon + number * DAY - 1000, channel="email")
        shop.order(str(number), "ann", 1_000 + number, noon + number * DAY)

    (found,) = shares(shop.engine(), (LINEAR,), ASK)

    assert (found.value, found.low, found.high, found.n) == (1.0, 1.0, 1.0, 1)


def test_the_same_question_gives_the_same_interval_whatever_the_order_of_arrival(shop: Any, noon: int) -> None:
    busy(shop, noon, 20)

    first, second, third = (shares(shop.engine(seed), (LINEAR,), ASK) for seed in (None, 5, 6))

    assert [(e.by, e.value, e.low, e.high) for e in second] == [(e.by, e.value, e.low, e.high) for e in first]
    assert [(e.by, e.value, e.low, e.high) for e in third] == [(e.by, e.value, e.low, e.high) for e in first]


def test_no_orders_and_a_model_that_cannot_be_used_are_nulls_with_reasons(shop: Any, new_shop: Any, noon: int) -> None:
    shop.days_before("ann", 1)
    other = new_shop()
    other.days_before("ann", 1)
    other.order("1", "ann")
    broken = replace(LINEAR, name="broken", reason="too_few_conversions")

    assert [(e.value, e.reason) for e in shares(shop.engine(), (LINEAR,), ASK)] == [(None, "no_orders")]
    assert {(e.by["model"], e.reason) for e in shares(other.engine(), (LINEAR, broken), ASK)} == {
        ("linear", None),
        ("broken", "too_few_conversions"),
    }
    other.engines[0].close()


def share(model: str, channel: str, value: float) -> Estimate:
    return Estimate("credit_share", value, unit="share", by={"model": model, "channel": channel})


def test_a_rank_that_moves_by_one_is_robust_and_by_two_depends_on_the_model() -> None:
    found = [
        *(share("a", channel, value) for channel, value in (("email", 0.5), ("google", 0.3), ("direct", 0.1), ("(none)", 0.1))),
        *(share("b", channel, value) for channel, value in (("email", 0.2), ("google", 0.3), ("direct", 0.3), ("(none)", 0.2))),
    ]

    stood = {one.channel: (one.best, one.worst, round(one.spread, 12), one.verdict) for one in standings(found)}

    assert stood == {
        "email": (1, 3, 0.3, DEPENDS),
        "google": (1, 2, 0.0, ROBUST),
        "direct": (1, 3, 0.2, DEPENDS),
    }
    assert [one.channel for one in standings(found)] == ["email", "google", "direct"]


def test_e_mail_is_tried_on_half_and_twice_the_look_back_and_with_opens(shop: Any, noon: int) -> None:
    """E-mail 40 days before, search 10 days before: only twice the look-back sees the mail."""
    shop.touch("ann", noon - 40 * DAY, channel="email")
    shop.touch("ann", noon - 10 * DAY, channel="google", action=Action.VISIT)
    shop.order("1", "ann", 1_000)
    twice: AttributionModel = replace(LINEAR, name="twice", sums_to="none")

    found = {e.by["setting"]: e.value for e in sensitivity(shop.engine(), (LINEAR, twice), ASK)}

    assert found == {"as set": 0.0, "look-back 15 days": 0.0, "look-back 60 days": 0.5, "with human opens": 0.0}
    reached = {name: (ask.lookback_days, ask.windows) for name, ask in settings(replace(ASK, windows={"open": 5.0})).items()}
    assert reached["look-back 60 days"] == (60, {"open": 10.0})
    assert "without opens" in settings(replace(ASK, kinds=("click", "open")))
