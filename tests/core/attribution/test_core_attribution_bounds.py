"""Intervals of credit: at every level, by drawing customers, and never of what is tiny."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.attribution.test_core_attribution_levels import a_messy_shop
from core.attribution.test_core_attribution_stability import busy, held
from persync.attribution import bounds
from persync.attribution.bounds import bounded
from persync.attribution.credit import DIMENSIONS, credit
from persync.attribution.models import MODELS
from persync.attribution.stability import shares
from persync.estimate import Estimate
from persync.measure.metric import Ask

DAY = 86_400_000
LINEAR = next(model for model in MODELS if model.name == "linear")
ASK = Ask(now=0, report_n=5)
Span = tuple[float | None, float | None]


def told(engine: Any, by: tuple[str, ...], ask: Ask = ASK, models: Any = (LINEAR,)) -> list[Estimate]:
    """Return credit with its intervals."""
    return bounded(engine, credit(engine, models, by, ask), models, by, ask)


def spans(found: list[Estimate]) -> dict[tuple[str, ...], Span]:
    """Return the interval of each slice."""
    return {tuple(e.by.values()): (e.low, e.high) for e in found}


def test_an_interval_is_as_wide_as_theory_says(shop: Any, noon: int) -> None:
    """Poisson weights: the variance of a sum is the sum of the squares of what each customer gives to it."""
    chance = random.Random(5)
    given = [chance.randrange(500, 9_000) for _ in range(400)]
    for number, minor in enumerate(given):
        shop.fact("same_person", keys=(f"p{number}",), hash=number)
        shop.touch(f"p{number}", noon - DAY, channel="email")
        shop.order(str(number), f"p{number}", minor)

    (found,) = told(shop.engine(), ("channel",))

    half = 1.96 * float(np.sqrt(np.square(np.array(given) / 100).sum()))
    assert found.value == sum(given) / 100
    assert found.low is not None
    assert found.high is not None
    assert [found.value - found.low, found.high - found.value] == pytest.approx([half, half], rel=0.2)


@pytest.mark.parametrize("level", DIMENSIONS)
def test_every_level_has_intervals_of_what_is_not_tiny(shop: Any, noon: int, level: str) -> None:
    """All models, alone and beside a second level; the credit itself stays what it was."""
    a_messy_shop(shop, noon, 1)
    engine = shop.engine()
    for by in ((level,), (level, "channel" if level != "channel" else "customer")):
        plain = credit(engine, MODELS, by, ASK)
        found = bounded(engine, plain, MODELS, by, ASK)

        assert [replace(e, low=None, high=None) for e in found] == plain
        assert [e.low is not None and e.high is not None for e in found] == [(e.n or 0) >= ASK.report_n for e in plain]
        within = [e for e in found if e.low is not None and e.high is not None and e.value is not None]
        assert len(within) > 10
        assert all(e.low <= e.value <= e.high for e in within)  # type: ignore[operator]
        assert sum(e.low < e.high for e in within) > 10  # type: ignore[operator]


def test_intervals_hang_on_customers_and_seed_alone(shop: Any, noon: int) -> None:
    """Not on the numbers of keys nor on the other models; a period has those of its own money."""
    busy(shop, noon)
    first = spans(told(shop.engine(1), ("campaign",)))

    other = shop.engine(2)
    assert spans(told(other, ("campaign",))) == first
    among = spans([e for e in told(other, ("campaign",), models=MODELS) if e.by["model"] == "linear"])
    assert among == first
    assert spans(told(other, ("campaign",), replace(ASK, seed=2))) != first
    assert spans(told(other, ("campaign",), replace(ASK, period=(noon - DAY, noon + DAY)))) == first
    assert {e.reason for e in told(other, ("campaign",), replace(ASK, period=(noon + DAY, noon + 2 * DAY)))} == {"no_orders"}


def test_many_slices_are_drawn_in_fewer_buckets_and_too_many_have_no_interval(
    shop: Any, noon: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer units have the same variance, but for chance."""
    busy(shop, noon, customers=300)
    engine = shop.engine()
    whole = told(engine, ("channel",))
    monkeypatch.setattr(bounds, "CELLS", 4 * 150)
    monkeypatch.setattr(bounds, "LEAST_BUCKETS", 100)
    fewer = told(engine, ("channel",))

    def widths(found: list[Estimate]) -> list[float]:
        return [e.high - e.low for e in found if e.low is not None and e.high is not None]

    assert len(whole) == 4
    assert spans(fewer) != spans(whole)
    assert widths(fewer) == pytest.approx(widths(whole), rel=0.35)
    monkeypatch.setattr(bounds, "LEAST_BUCKETS", 151)
    assert set(spans(told(engine, ("channel",))).values()) == {(None, None)}


def test_a_calibrated_model_carries_the_holdout_by_channel_and_says_elsewhere_that_it_does_not(shop: Any, noon: int) -> None:
    """By channel alone e-mail and the baseline divide anew what they have; a campaign's touches may be of any channel."""
    for number in range(40):
        shop.fact("same_person", keys=(f"p{number}",), hash=number)
        shop.touch(f"p{number}", noon - DAY, channel="email", campaign="c1")
        shop.order(str(number), f"p{number}", 10_000)
    engine = shop.engine()
    mail = engine.rows("SELECT w.word FROM words AS w WHERE w.text = 'email'")[0]["word"]
    model = replace(held(Estimate("caused_share", 0.5, 0.1, 0.9)), baseline={mail: 0.5})

    channels = {e.by["channel"]: e for e in told(engine, ("channel",), models=(model,))}
    (campaign, _) = told(engine, ("campaign",), models=(model,))

    assert [channels[name].value for name in ("email", "(baseline)")] == [2_000.0, 2_000.0]
    for e in channels.values():
        assert e.low is not None
        assert e.high is not None
        assert e.high - e.low > 2_500, "the holdout's 0.1 to 0.9 is far wider than 40 customers"
        assert e.note == ""
    assert campaign.high is not None
    assert campaign.low is not None
    assert campaign.high - campaign.low < 1_500
    assert campaign.note == "the interval is of the credit alone: the holdout's share is 10 % to 90 %"
    shared = {e.by["channel"]: e for e in shares(engine, (model,), ASK)}
    assert shared["email"].low == pytest.approx(0.1, abs=0.05)
