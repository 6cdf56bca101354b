"""Models held against a holdout and scaled to it: the worked share, its interval, its bounds, and every reason for none."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from persync.attribution.calibrate import (
    NO_EMAIL_CREDIT,
    NO_HOLDOUT,
    Against,
    Lift,
    Side,
    against,
    calibrated,
    caused_share,
    named,
    scaled,
)
from persync.attribution.datadriven import prepared
from persync.attribution.models import MODELS
from persync.attribution.registry import FITTED
from persync.errors import ConfigError
from persync.estimate import Estimate, missing
from persync.measure.metric import Ask

DAY = 86_400_000
KNOWN = {model.name: model for model in (*MODELS, *FITTED)}
LINEAR = KNOWN["linear"]


def lift_of(treated: tuple[str, ...], control: tuple[str, ...], shop: Any, value: float = 50.0) -> Lift:
    """A holdout of people of a shop that is written."""
    arms = " UNION ALL ".join(
        f"SELECT CAST({shop.names['person', name]} AS BIGINT) AS person, '{arm}' AS arm"
        for arm, names in (("treated", treated), ("control", control))
        for name in names
    )
    owners = (
        "SELECT m.order_id AS order_id, o.key_id AS person, m.ordered_at AS ordered_at FROM money_orders AS m"
        " JOIN orders AS o ON o.order_key = m.order_key"
    )
    caused = Estimate("incremental_revenue", value, value - 10, value + 10, label="holdout", unit="EUR")
    return Lift("test", "control", caused, (f"arms AS ({arms})", f"order_money AS ({owners})"))


def mailed(shop: Any, noon: int) -> None:
    """Ann and Bob got mail and spend 60.00 and 40.00, half of it credited to e-mail by linear; Eve was left out: 20.00."""
    for person, minor in (("ann", 6_000), ("bob", 4_000)):
        shop.touch(person, noon - 2 * DAY, channel="email")
        shop.touch(person, noon - DAY, channel="google")
        shop.order(person, person, minor)
    shop.touch("eve", noon - DAY, channel="google")
    shop.order("eve", "eve", 2_000)
    shop.days_before("kim", 1)
    shop.order("kim", "kim", 70_000)


def test_the_caused_share_is_the_difference_a_person_over_the_credit_a_person(shop: Any, noon: int) -> None:
    """(100 / 2 - 20 / 1) / (50 / 2) = 1.2; Kim, in no arm, counts for nothing."""
    mailed(shop, noon)
    engine = shop.engine()
    ask = Ask(now=noon, lift=lift_of(("ann", "bob"), ("eve",), shop))

    (one,) = against(engine, (LINEAR,), ask)

    assert (one.credited.value, one.credited.n, one.share.n) == (50.0, 2, 3)
    assert one.share.value == pytest.approx(1.2, abs=1e-12)
    assert (one.share.label, one.factor) == ("holdout", 1.0)


def test_what_was_not_caused_is_the_baseline_of_e_mail_alone(shop: Any, noon: int) -> None:
    """Eve spent 40.00 without mail: (50 - 40) / 25 = 0.4 was caused, 0.6 goes to the order's own row."""
    mailed(shop, noon)
    shop.order("eve2", "eve", 2_000)
    engine = shop.engine()
    ask = Ask(now=noon, lift=lift_of(("ann", "bob"), ("eve",), shop))

    (model,) = prepared(engine, (calibrated(LINEAR),), ask)

    email = {row["word"] for row in engine.rows("SELECT w.word FROM words AS w WHERE w.text = 'email'")}
    assert model.name == "linear_calibrated"
    assert model.baseline == pytest.approx(dict.fromkeys(email, 0.6), abs=1e-12)
    assert isinstance(model.against, Against)
    assert prepared(engine, (model,), ask) == [model], "what is ready is not made again"


def test_a_holdout_that_shows_harm_leaves_e_mail_nothing(shop: Any, noon: int) -> None:
    mailed(shop, noon)
    shop.order("eve2", "eve", 9_000)
    engine = shop.engine()
    ask = Ask(now=noon, lift=lift_of(("ann", "bob"), ("eve",), shop, value=-60.0))

    (model,) = scaled(engine, (calibrated(LINEAR),), ask)

    assert set(model.baseline.values()) == {1.0}


def test_the_interval_is_what_drawing_people_again_gives() -> None:
    rng = np.random.default_rng(8)
    bought, base = rng.gamma(2, 20, 1_500) * (rng.random(1_500) < 0.4), rng.gamma(2, 18, 700) * (rng.random(700) < 0.3)
    bought, base, credit = bought.round(), base.round(), (bought * rng.random(1_500) * 0.9).round()

    def side(y: Any, c: Any) -> Side:
        return Side(len(y), int(y.sum()), float((y * y).sum()), int(c.sum()), float((c * c).sum()), float((y * c).sum()))

    value, error = caused_share(side(bought, credit), side(base, base * 0))
    again = []
    for _ in range(400):
        t, c = rng.integers(0, 1_500, 1_500), rng.integers(0, 700, 700)
        again.append((bought[t].mean() - base[c].mean()) / credit[t].mean())

    assert value == pytest.approx((bought.mean() - base.mean()) / credit.mean(), rel=1e-3)
    assert error == pytest.approx(np.std(again), rel=0.15)
    assert caused_share(Side(1, 5, 25.0, 2, 4.0, 10.0), Side(1, 1, 1.0, 0, 0.0, 0.0))[1] == math.inf


def test_without_a_holdout_or_with_one_that_cannot_be_read_the_reason_is_said(shop: Any, noon: int) -> None:
    mailed(shop, noon)
    engine = shop.engine()
    unread = Lift("test", "control", missing("incremental_revenue", "immature"))
    nobody = lift_of(("kim",), ("eve",), shop)
    search = lift_of(("eve",), ("kim",), shop)

    def reasons(lift: Lift | None) -> list[str]:
        ask = Ask(now=noon, lift=lift, min_conversions=1)
        wanted = [calibrated(LINEAR), calibrated(KNOWN["markov_removal"])]
        return [model.reason for model in prepared(engine, wanted, ask)]

    assert reasons(None) == [NO_HOLDOUT, "no_null_paths"]
    assert reasons(unread) == ["immature", "no_null_paths"]
    assert reasons(search) == [NO_EMAIL_CREDIT, "no_null_paths"]
    assert reasons(nobody)[0] == ""


def test_models_are_named_plain_or_calibrated_and_what_is_refused_says_why() -> None:
    found = named(["linear", "hazard_calibrated", "linear"], KNOWN)

    assert [(model.name, model.is_calibrated) for model in found] == [("linear", False), ("hazard_calibrated", True)]
    with pytest.raises(ConfigError, match="equal split"):
        named(["shapley_totals"], KNOWN)
    with pytest.raises(ConfigError, match="Did you mean 'linear'"):
        named(["linaer"], KNOWN)
    with pytest.raises(ConfigError, match="adds to more than 100 %"):
        calibrated(replace(LINEAR, sums_to="none"))


@pytest.mark.parametrize("name", ["markov_removal", "shapley_rate", "hazard"])
def test_a_fitted_model_can_be_calibrated_too(shop: Any, noon: int, name: str) -> None:
    chance = random.Random(1)
    for number in range(30):
        channel = chance.choice(["email", "google"])
        shop.touch(f"p{number}", noon - DAY, channel=channel)
        if number % 2:
            shop.order(str(number), f"p{number}", 1_000)
    engine = shop.engine()
    treated, control = tuple(f"p{n}" for n in range(1, 20)), tuple(f"p{n}" for n in range(20, 30))
    ask = Ask(now=noon + 100 * DAY, min_conversions=1, lift=lift_of(treated, control, shop))

    (model,) = prepared(engine, (calibrated(KNOWN[name]),), ask)

    assert model.reason == ""
    assert model.fitted is not None
    assert all(0 <= share <= 1 for share in model.baseline.values())
    assert len(model.baseline) == 1
