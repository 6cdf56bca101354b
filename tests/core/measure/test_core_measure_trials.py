"""Beyond the difference: covariates, early looks, the chance to win, sizes, segments, adjustment, and the register."""

from __future__ import annotations

import csv
import gzip
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure import intervals
from persync.measure.intervals import Moments
from persync.measure.metric import Ask, Experiment
from persync.measure.trials import (
    adjusting,
    chance,
    cuped,
    looks,
    more,
    observational,
    planning,
    power,
    qini,
    register,
    segments,
)

ASK = Ask(now=10**13)
DAY = 86_400_000
ARMS = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "none"}
REAL = Experiment("hillstrom", tags={arm: f"hillstrom:{arm}" for arm in ARMS.values()}, control="none", since=0, days=14)
FIVE = ("channel", "mens", "newbie", "womens", "zip_code")


def pick(estimates: list[Estimate], id: str, **by: str) -> Estimate:
    (found,) = [e for e in estimates if e.id == id and by.items() <= e.by.items()]
    return found


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


@pytest.mark.parametrize(("outcome", "reduction"), [("revenue", "0.04%"), ("visit", "0.4")])
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


def running(shop: Any, now: float, **more_: Any) -> list[Estimate]:
    shop.load("assignments", connection=[3] * 400, experiment=["t"] * 400, key_id=range(1, 401), arm=["a", "b"] * 200)
    for i in range(1, 121, 2):
        shop.order(i, i, 4000, ordered_at=DAY)
    for i in range(2, 41, 2):
        shop.order(i, i, 4000, ordered_at=DAY)
    return more.read(shop, Experiment("t", control="b", since=0, days=20, **more_), Ask(now=round(now * DAY)))


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


def confounded(n: int, effect: float, seed: int) -> tuple[Any, Any, Any]:
    """Those who buy anyway are treated more often."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    treated = (rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    return 3 * x[:, 0] + x[:, 1] + effect * treated + rng.normal(size=n), treated, x


def test_adjustment_finds_a_planted_effect_that_the_raw_difference_misses() -> None:
    outcome, treated, x = confounded(4000, 1.0, 5)

    e = adjusting.propensity(treated, x)

    raw = outcome[treated == 1].mean() - outcome[treated == 0].mean()
    assert raw > 3
    for found in (adjusting.overlap_weighted(outcome, treated, e, x), adjusting.doubly_robust(outcome, treated, e, x)):
        assert found.low < 1.0 < found.high
        assert found.high - found.low < 0.7
    assert all(abs(one.after) < 0.02 < 0.1 for one in adjusting.balances(x, ("a", "b"), treated, e))
    assert adjusting.balances(x, ("a", "b"), treated, e)[0].before > 0.5


def test_the_propensity_is_statsmodels_logit() -> None:
    statsmodels = pytest.importorskip("statsmodels.api")
    _, treated, x = confounded(1500, 0.0, 6)

    fitted = statsmodels.Logit(treated, statsmodels.add_constant(x)).fit(disp=0).predict()

    np.testing.assert_allclose(adjusting.propensity(treated, x), fitted, atol=1e-4)


def test_an_interrupted_series_is_statsmodels_newey_west() -> None:
    statsmodels = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(7)
    weeks, at = 40, 18
    time, after = np.arange(weeks), np.arange(weeks) >= at
    series = 10 + 0.2 * time + 4 * after + 0.5 * after * (time - at) + rng.normal(size=weeks)

    found = adjusting.interrupted(series, at)

    x = np.column_stack([np.ones(weeks), time, after, after * (time - at)]).astype(float)
    lags = int(4 * (weeks / 100) ** (2 / 9))
    fitted = statsmodels.OLS(series, x).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)
    assert [found.step.value, found.slope.value] == pytest.approx(list(fitted.params[2:]))
    assert [found.step.low, found.step.high] == pytest.approx(list(fitted.conf_int()[2]))
    assert found.effect.low < 4 + 0.5 * (weeks - at - 1) / 2 < found.effect.high
    with pytest.raises(ValueError):
        adjusting.interrupted(series, 7)


def test_the_e_value_is_the_published_one() -> None:
    """VanderWeele & Ding (2017): an observed risk ratio of 3.9 gives 7.26."""
    assert adjusting.e_value(3.9) == pytest.approx(7.26, abs=0.005)
    assert adjusting.e_value(1 / 3.9) == pytest.approx(adjusting.e_value(3.9))
    assert adjusting.e_value(1.0) == 1.0


def test_differences_in_differences_hold_each_person_against_themselves() -> None:
    found = adjusting.difference_in_differences(Moments(50, 3.0, 4.0), Moments(60, 1.0, 9.0))

    assert found == intervals.welch(Moments(50, 3.0, 4.0), Moments(60, 1.0, 9.0))


def mailed(shop: Any, *, plain: bool = True) -> Ask:
    """600 people mailed at day 400; who bought before gets the personalised mail more often and buys anyway."""
    rng = np.random.default_rng(8)
    people = np.arange(1, 601)
    loyal = rng.random(600) < 0.5
    personal = rng.random(600) < np.where(loyal, 0.7, 0.3) if plain else np.ones(600, bool)
    for key, level in ((1, 2), (2, 0)):
        shop.add("campaigns", campaign_key=key, connection=1)
        shop.add("campaign_levels", campaign_key=key, level=level)
    shop.load(
        "touchpoints",
        connection=[1] * 600,
        campaign_key=np.where(personal, 1, 2).tolist(),
        key_id=people.tolist(),
        action=[1] * 600,
        happened_at=[400 * DAY] * 600,
    )
    key = 1
    for person, is_loyal in zip(people.tolist(), loyal.tolist(), strict=True):
        if is_loyal:
            shop.order(key, person, 5000, ordered_at=300 * DAY)
            key += 1
        if rng.random() < (0.5 if is_loyal else 0.1):
            shop.order(key, person, 5000, ordered_at=405 * DAY)
            key += 1
    return Ask(now=500 * DAY)


def test_mail_without_a_test_is_adjusted_and_never_says_caused(shop: Any) -> None:
    """Nothing was planted: raw, the personalised seem to buy more; adjusted, no difference is shown, and the label says how."""
    ask = mailed(shop)

    found = observational.observational_uplift(shop, ask)

    overlap = pick(found, "observational_uplift", outcome="conversion", method="overlap")
    assert (overlap.low or 0) < 0 < (overlap.high or 0)
    assert {e.label for e in found} == {"adjusted observational"}
    before = pick(found, "balance", covariate="orders_before", weights="before")
    after = pick(found, "balance", covariate="orders_before", weights="after")
    assert ((before.value or 0) > 0.5, abs(after.value or 0) < 0.01) == (True, True)
    assert {e.by["method"] for e in found if e.id == "observational_uplift" and e.by["outcome"] == "revenue"} == {
        "overlap",
        "aipw",
        "did",
    }
    assert "no difference before the mail" in pick(found, "placebo").note


def test_mail_of_one_kind_alone_compares_nobody(shop: Any) -> None:
    ask = mailed(shop, plain=False)

    assert [(e.value, e.reason) for e in observational.observational_uplift(shop, ask)] == [(None, "one_group")]


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
