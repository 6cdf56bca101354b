"""What stands in for a test: adjustment, interrupted series, differences in differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.measure.picks import pick
from core.measure.trial_cases import mailed
from persync.measure import intervals
from persync.measure.intervals import Moments
from persync.measure.trials import (
    adjusting,
    observational,
)


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
