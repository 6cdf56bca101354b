from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from persync.measure import intervals
from persync.measure.intervals import Moments, moments

untimed = settings(deadline=None)  # how long an example takes is the machine's matter, and the oracles are slow
counts = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
inner = st.integers(20, 3000).flatmap(lambda n: st.tuples(st.integers(3, n - 3), st.just(n)))
samples = st.lists(st.integers(-500, 5000), min_size=3, max_size=40)


def of(values: list[int]) -> Moments:
    return moments(len(values), sum(values), sum(v * v for v in values))


@untimed
@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_agrees_with_statsmodels(cell: tuple[int, int], confidence: float) -> None:
    """The score interval is statsmodels' `wilson`."""
    made = intervals.wilson(*cell, confidence)

    assert (made.low, made.high) == pytest.approx(proportion_confint(*cell, alpha=1 - confidence, method="wilson"), abs=1e-12)


@untimed
@given(counts, counts)
def test_newcombe_agrees_with_statsmodels(a: tuple[int, int], b: tuple[int, int]) -> None:
    """The interval of a difference of proportions is statsmodels' `newcomb`, the p-value its pooled z test's."""
    made = intervals.newcombe(*a, *b)

    assert (made.low, made.high) == pytest.approx(
        confint_proportions_2indep(*a, *b, compare="diff", method="newcomb"), abs=1e-9
    )
    if 0 < a[0] + b[0] < a[1] + b[1]:
        assert made.p == pytest.approx(proportions_ztest([a[0], b[0]], [a[1], b[1]])[1], abs=1e-12)
    else:
        assert made.p == 1.0


@untimed
@given(inner, inner)
def test_katz_agrees_with_statsmodels(a: tuple[int, int], b: tuple[int, int]) -> None:
    """The interval of a ratio of proportions is statsmodels' `log`."""
    made = intervals.ratio_of_shares(*a, *b)

    assert made is not None
    expected = confint_proportions_2indep(*a, *b, compare="ratio", method="log")
    assert (made.low, made.high) == pytest.approx(expected, rel=1e-9)


def test_the_worked_ratio_of_selection_rates() -> None:
    """83 of 700 against 359 of 2,100 is 0.6936 with 95 % from 0.555 to 0.867."""
    made = intervals.ratio_of_shares(83, 700, 359, 2100)

    assert made is not None
    assert (made.value, made.low, made.high) == pytest.approx((0.6936, 0.555, 0.867), abs=5e-4)


def test_the_score_interval_of_a_ratio_is_that_of_koopmans_example() -> None:
    """36 of 40 against 16 of 80: 4.5 with 95 % from 2.94 to 7.15 (Koopman 1984)."""
    made = intervals.ratio_by_score(36, 40, 16, 80)

    assert made is not None
    assert (made.value, made.low, made.high) == pytest.approx((4.5, 2.94, 7.15), abs=5e-3)


@pytest.mark.parametrize("b", [(5, 80), (12, 3000), (70, 71)])
@pytest.mark.parametrize("a", [(0, 100), (0, 30), (0, 5000), (3, 100), (99, 100)])
def test_the_score_interval_of_a_ratio_agrees_with_statsmodels_also_at_zero(a: tuple[int, int], b: tuple[int, int]) -> None:
    made = intervals.ratio_by_score(*a, *b)

    assert made is not None
    expected = confint_proportions_2indep(*a, *b, compare="ratio", method="score", correction=False)
    assert (made.low, made.high) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert made.p == pytest.approx(proportions_ztest([a[0], b[0]], [a[1], b[1]])[1], abs=1e-12)


def test_the_upper_bound_of_a_ratio_at_zero_covers_the_truth_as_often_as_it_says() -> None:
    """A rate of 1 % of 200 people is nothing in one sample of seven; 0.25 to the base's 4 % lies below the bound in 95 %."""
    rng = np.random.default_rng(4)
    drawn = zip(rng.binomial(200, 0.01, 2000).tolist(), rng.binomial(400, 0.04, 2000).tolist(), strict=True)

    found = [intervals.ratio_by_score(a, 200, b, 400) for a, b in drawn]

    assert all(each is not None and each.high > 0 for each in found)
    held = sum(each is not None and each.low <= 0.25 <= each.high for each in found)
    assert 1871 <= held <= 1932  # the 99.9 % band of 95 %


@untimed
@given(counts, counts)
def test_a_ratio_lies_inside_its_bounds_also_at_zero_and_everybody(a: tuple[int, int], b: tuple[int, int]) -> None:
    """Zero counts and full counts still give a finite interval around the value; a zero base gives none."""
    made = intervals.ratio_of_shares(*a, *b)

    if b[0] == 0:
        assert made is None
    else:
        assert made is not None
        assert 0 <= made.low <= made.value <= made.high < math.inf


@untimed
@given(samples, samples)
def test_welch_agrees_with_statsmodels_and_scipy(a: list[int], b: list[int]) -> None:
    """From counts, sums and sums of squares come the interval and the p-value that the raw data give."""
    assume(len(set(a)) > 1)
    assume(len(set(b)) > 1)

    made = intervals.welch(of(a), of(b))

    assert made is not None
    expected = CompareMeans(DescrStatsW(a), DescrStatsW(b)).tconfint_diff(usevar="unequal")
    assert (made.low, made.high) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert made.p == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue, abs=1e-12)


@untimed
@given(samples)
def test_a_mean_agrees_with_statsmodels(a: list[int]) -> None:
    """Student's interval from aggregates is the one from raw data."""
    made = intervals.mean(of(a))

    assert made is not None
    assert (made.low, made.high) == pytest.approx(DescrStatsW(a).tconfint_mean(), rel=1e-9, abs=1e-9)


def test_variances_are_exact_where_floats_would_cancel() -> None:
    """Huge equal-ish integers keep their variance of one third."""
    big = 10**15

    made = moments(3, 3 * big + 1, 2 * big**2 + (big + 1) ** 2)

    assert made.variance == pytest.approx(1 / 3, rel=1e-12)


@untimed
@given(samples, samples)
def test_a_ratio_of_means_contains_its_value(a: list[int], b: list[int]) -> None:
    """The delta interval lies around the ratio; a base mean that is not positive, or next to nothing, gives none."""
    made = intervals.ratio_of_means(of(a), of(b))

    if sum(b) <= 0:
        assert made is None
    elif made is None:
        spread = sum(np.var(one, ddof=1) / len(one) / np.mean(one) ** 2 for one in (a, b))
        assert 1.96 * math.sqrt(spread) > 599
    else:
        assert made is not None
        assert made.value == pytest.approx(np.mean(a) / np.mean(b))
        assert made.low <= made.value <= made.high


def test_a_ratio_to_next_to_nothing_has_no_interval() -> None:
    """The upper bound would be beyond any number."""
    assert intervals.ratio_of_means(of([0, 0, 1]), of([-267, -273, -226, 767])) is None


def test_a_ratio_of_means_covers_the_truth_as_often_as_it_says() -> None:
    """Over 2,000 seeded draws of skewed money the 95 % interval holds the true ratio about 95 times in 100."""
    draw = np.random.default_rng(5)
    inside = 0
    for _ in range(2000):
        a, b = draw.exponential(3.0, 400), draw.exponential(2.0, 400)
        made = intervals.ratio_of_means(
            moments(400, float(a.sum()), float((a * a).sum())), moments(400, float(b.sum()), float((b * b).sum()))
        )
        assert made is not None
        inside += made.low <= 1.5 <= made.high

    assert 0.93 <= inside / 2000 <= 0.97


def test_a_ratio_of_sums_agrees_with_a_clustered_regression() -> None:
    """The linearised ratio error is the residuals' by hand: four customers, one of them with three orders."""
    y, x = np.array([10.0, 30.0, 5.0, 20.0]), np.array([1.0, 3.0, 1.0, 1.0])

    made = intervals.ratio_of_sums(4, y.sum(), x.sum(), (y * y).sum(), (x * x).sum(), (x * y).sum())

    assert made is not None
    residuals = y - y.sum() / x.sum() * x
    error = math.sqrt((residuals**2).sum() / 3 * 4) / x.sum()
    assert made.value == pytest.approx(65 / 6)
    assert made.high - made.value == pytest.approx(stats.t.ppf(0.975, 3) * error)


@untimed
@given(st.lists(st.integers(1, 9000), min_size=2, max_size=5))
def test_the_sample_ratio_check_is_pearsons(arms: list[int]) -> None:
    """Against equal and against planned shares it is scipy's chi-square test."""
    planned = [i + 1.0 for i in range(len(arms))]
    expected = [sum(arms) * share / sum(planned) for share in planned]

    assert intervals.sample_ratio(arms, [1.0] * len(arms)) == pytest.approx(tuple(stats.chisquare(arms)), rel=1e-9, abs=1e-12)
    assert intervals.sample_ratio(arms, planned) == pytest.approx(tuple(stats.chisquare(arms, expected)), rel=1e-9, abs=1e-12)


def test_heterogeneity_is_cochrans_q() -> None:
    """Q and its p-value agree with statsmodels' meta-analysis."""
    effects, errors = [0.4, 1.1, -0.2], [0.04, 0.09, 0.01]
    oracle = combine_effects(np.array(effects), np.array(errors))

    statistic, p = intervals.heterogeneity(effects, errors)

    assert (statistic, p) == pytest.approx((oracle.q, stats.chi2.sf(oracle.q, 2)))


@settings(untimed, max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels(ps: list[float]) -> None:
    """Adjusted p-values are statsmodels' `holm`, in the order given."""
    assert intervals.holm(ps) == pytest.approx(list(multipletests(ps, method="holm")[1]), abs=1e-12)


@pytest.mark.parametrize("cell", [(1, 0), (-1, 3), (4, 3)])
def test_what_is_no_proportion_is_refused(cell: tuple[int, int]) -> None:
    """A share of nobody, of fewer than none or of more than all is an error of the caller's, not a number."""
    with pytest.raises(ValueError, match="not a proportion"):
        intervals.wilson(*cell)


def test_without_variation_or_observations_nothing_is_made_up() -> None:
    """One observation has no interval; two equal constants differ by nothing, two different ones by all."""
    one, flat, other = moments(1, 5, 25), moments(3, 6, 12), moments(3, 9, 27)

    assert intervals.mean(one) is None
    assert intervals.welch(one, flat) is None
    assert intervals.welch(flat, flat) == (0, 0, 0, 1.0)
    assert intervals.welch(other, flat) == (1, 1, 1, 0.0)
    assert intervals.ratio_of_sums(1, 1, 1, 1, 1, 1) is None
    with pytest.raises(ValueError, match="no observations"):
        moments(0, 0, 0)
