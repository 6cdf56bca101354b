"""Experiments read: real ones first."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from core.measure.picks import pick
from core.measure.trial_cases import ASK, DAY, running
from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure.metric import Experiment
from persync.measure.trials import (
    chance,
    cuped,
    more,
    segments,
)

ARMS = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "none"}
REAL = Experiment("hillstrom", tags={arm: f"hillstrom:{arm}" for arm in ARMS.values()}, control="none", since=0, days=14)
FIVE = ("channel", "mens", "newbie", "womens", "zip_code")


@pytest.fixture(scope="module")
def real_shop(hillstrom: Path) -> Any:
    """The published test with its covariates, straight in the tables."""
    from core.measure.conftest import Shop

    with gzip.open(hillstrom, "rt", newline="") as file:
        lines = list(csv.DictReader(file))
    shop, people = Shop(), list(range(1, len(lines) + 1))
    names = {"mens": 1, "womens": 2, "none": 3}
    for arm, segment in names.items():
        shop.add("segments", segment_id=segment, connection=1, kind="tag", vendor_id=str(segment), name=f"hillstrom:{arm}")
    shop.load("memberships", key_id=people, segment_id=[names[ARMS[line["segment"]]] for line in lines])
    blank = {"connection": [3] * len(lines), "key_id": people}
    shop.load("outcomes", **blank, outcome=["visit"] * len(lines), value=[float(line["visit"]) for line in lines])
    for name in ("history", *FIVE):
        shop.load("attributes", **blank, name=[name] * len(lines), value=[line[name] for line in lines])
    spent = [(i, round(float(line["spend"]) * 100)) for i, line in zip(people, lines, strict=True) if float(line["spend"]) > 0]
    keys, size = [i for i, _ in spent], len(spent)
    shop.load("order_of", order_key=keys, order_id=keys, is_money_source=[1] * size)
    shop.load("orders", order_key=keys, connection=[1] * size, key_id=keys, ordered_at=[500] * size, is_test=[0] * size)
    shop.load(
        "order_ledger",
        order_key=keys,
        entry=["1"] * size,
        event=["sale"] * size,
        part=["product"] * size,
        happened_at=[500] * size,
        amount_minor=[minor for _, minor in spent],
        currency=["USD"] * size,
    )
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def real(real_shop: Any) -> list[Estimate]:
    return more.read(real_shop, REAL, ASK)


@pytest.mark.parametrize(("arm", "part"), [("mens", 0.54), ("womens", 0.39)])
def test_of_the_revenue_after_the_mail_a_part_was_caused_by_it(real: list[Estimate], arm: str, part: float) -> None:
    """54 % of what the men's mail was followed by, 39 % of the women's; the interval is the relative effect's turned round."""
    found = pick(real, "incremental_share", arm=arm, outcome="revenue")
    relative = pick(real, "relative", arm=arm, outcome="revenue")

    assert found.value == pytest.approx(part, abs=0.005)
    assert [found.low, found.high] == pytest.approx([r / (1 + r) for r in (relative.low or 0, relative.high or 0)])


@pytest.mark.parametrize(("outcome", "reduction"), [("revenue", "0.04 %"), ("visit", "0.4")])
def test_the_history_hardly_helps_and_the_reading_says_so(real: list[Estimate], outcome: str, reduction: str) -> None:
    for arm in ("mens", "womens"):
        found = pick(real, "difference_cuped", arm=arm, outcome=outcome, covariate="history")
        assert f"'history' lowers the variance by {reduction}" in found.note
        raw = pick(real, "difference", arm=arm, outcome=outcome)
        assert found.value == pytest.approx(raw.value, rel=0.01)
        assert (found.high or 0) - (found.low or 0) < (raw.high or 0) - (raw.low or 0)


def test_no_segment_is_claimed_on_spend_and_two_attributes_on_visits_are(real_shop: Any) -> None:
    """After Holm over the five subgroup tests nobody's spend is; visits by womens and by mens truly differ."""
    found = {(s.outcome, s.attribute): s for s in segments.splits(real_shop, REAL, ASK, FIVE)}

    assert {name for (outcome, name), split in found.items() if outcome == "revenue" and split.differs} == set()
    assert {name for (outcome, name), split in found.items() if outcome == "visit" and split.differs} == {"mens", "womens"}
    spend = [segment.found.word for (outcome, _), split in found.items() if outcome == "revenue" for segment in split.segments]
    assert set(spend) == {"cannot tell"}
    assert found["visit", "womens"].interaction.p == pytest.approx(3.0157302965730696e-22, rel=1e-6)
    every = [s.effect for split in found.values() for s in split.segments if s.effect.p is not None]
    assert all(f"one of {len(every)} comparisons" in effect.note for effect in every)  # 15 splits, two arms, their groups
    assert f"over {len(found)} joint tests" in found["visit", "mens"].interaction.note
    womens = {s.effect.by["group"]: s for s in found["visit", "womens"].segments if s.effect.by["arm"] == "womens"}
    assert womens["1"].effect.value == pytest.approx(0.0731, abs=5e-5)
    assert womens["0"].effect.value == pytest.approx(0.0111, abs=5e-5)


def test_the_chance_to_win_is_that_of_two_beta_distributions() -> None:
    """Against a simulation and against the normal limit."""
    rng = np.random.default_rng(1)
    drawn = (rng.beta(31, 171, 400_000) > rng.beta(21, 181, 400_000)).mean()

    assert chance.of_shares(30, 200, 20, 200) == pytest.approx(drawn, abs=0.003)
    assert chance.of_shares(20, 200, 20, 200) == pytest.approx(0.5, abs=1e-6)
    assert chance.of_means(1.0, 0.5) == pytest.approx(stats.norm.cdf(2))


def _sums(x: Any, y: Any) -> cuped.Sums:
    known = ~np.isnan(x)
    k, z = x[known], y[known]
    return cuped.Sums(len(y), y.sum(), (y * y).sum(), len(k), k.sum(), (k * k).sum(), (k * z).sum(), z.sum())


def test_a_covariate_that_says_much_narrows_the_interval_by_what_it_explains() -> None:
    """With a correlation of 0.8 the variance falls by 64 %, and the difference is that of a regression on arm and covariate."""
    statsmodels = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(2)
    x = rng.normal(50, 10, 4000)
    y = 0.8 * (x - 50) / 10 + 0.6 * rng.normal(size=4000)
    arm = np.arange(4000) % 2 == 0
    y[arm] += 0.1

    found = cuped.adjust(_sums(x[arm], y[arm]), _sums(x[~arm], y[~arm]))

    assert found is not None
    fitted = statsmodels.OLS(y, statsmodels.add_constant(np.column_stack([arm, x]))).fit()
    assert found.difference.value == pytest.approx(fitted.params[1], rel=2e-3)
    assert (found.difference.high - found.difference.value) / 1.959964 == pytest.approx(fitted.bse[1], rel=0.01)
    assert found.reduction == pytest.approx(0.64, abs=0.02)


def test_people_without_the_covariate_count_as_they_are() -> None:
    """With nobody's known there is nothing to adjust; with half unknown the gain is about half."""
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, 4000)
    y = x + 0.1 * rng.normal(size=4000)
    holed = np.where(np.arange(4000) % 4 < 2, x, np.nan)
    arm = np.arange(4000) % 2 == 0

    found = cuped.adjust(_sums(holed[arm], y[arm]), _sums(holed[~arm], y[~arm]))

    assert found is not None
    assert found.reduction == pytest.approx(0.5, abs=0.05)
    none = np.full(2000, np.nan)
    assert cuped.adjust(_sums(none, y[arm]), _sums(none, y[~arm])) is None
    same = np.ones(2000)
    assert cuped.adjust(_sums(same, y[arm]), _sums(same, y[~arm])) is None


def test_a_holdout_that_got_personalised_mail_all_the_same_is_said(shop: Any) -> None:
    """Plain mail is what a holdout may get."""
    for key, level in ((1, 3), (2, 0)):
        shop.add("campaigns", campaign_key=key, connection=1)
        shop.add("campaign_levels", campaign_key=key, level=level)
    for key, first in ((1, 2), (2, 42)):
        people = range(first, first + 40, 2)
        blank = {"connection": [1] * 20, "campaign_key": [key] * 20, "action": [1] * 20, "happened_at": [DAY] * 20}
        shop.load("touchpoints", **blank, key_id=people)

    read = running(shop, 21, holdout=True)

    found = pick(read, "reached", arm="b")
    assert (found.value, "contamination" in found.note) == (20 / 200, True)
    assert pick(read, "reached", arm="a").value == 0.0


def test_segments_are_shrunk_to_the_whole_where_they_do_not_truly_vary() -> None:
    """Effects that differ by no more than chance become one; effects far apart stay where they are."""

    def of(value: float, half: float, group: str) -> Estimate:
        return Estimate("uplift_by_segment", value, value - half, value + half, 0.1, 100, by={"group": group})

    alike = segments.shrink([of(1.0, 1.0, "a"), of(1.2, 1.0, "b")], ASK)
    apart = segments.shrink([of(0.0, 0.1, "a"), of(9.0, 0.1, "b")], ASK)

    assert [e.value for e in alike] == pytest.approx([1.1, 1.1])
    assert [e.value for e in apart] == pytest.approx([0.0, 9.0], abs=0.01)


def test_an_attribute_that_makes_no_segments_is_refused(shop: Any) -> None:
    shop.load("assignments", connection=[3] * 4, experiment=["t"] * 4, key_id=range(4), arm=["a", "b"] * 2)

    with pytest.raises(DataError, match="no segments"):
        segments.splits(shop, Experiment("t", control="b"), ASK, ("country",))
