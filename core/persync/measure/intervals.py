"""Intervals and tests from aggregates: counts, means and variances in, an `Interval` out.

Pure arithmetic. scipy.special is imported when a quantile is first needed, so importing this module is cheap.
All tests are two-sided; all intervals are two-sided at `confidence` (0.95 unless told otherwise).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A value between two bounds, and the p-value of "no difference" where there is one."""

    value: float
    low: float
    high: float
    p: float | None = None


class Moments(NamedTuple):
    """What a sample boils down to: how many, their mean, and their variance with n - 1 in the denominator."""

    n: int
    mean: float
    variance: float

    @property
    def error(self) -> float:
        """The squared standard error of the mean."""
        return self.variance / self.n


def moments(n: int, total: float, squares: float) -> Moments:
    """Turn a count, a sum and a sum of squares into `Moments`; exact when the sums are integers.

    Raises ValueError for n = 0. One observation has variance 0: there is nothing to estimate it from.
    """
    if n < 1:
        raise ValueError("no observations")
    spread = n * squares - total * total  # n * (n - 1) * variance, without the cancellation of floats
    return Moments(n, total / n, max(0.0, spread / n / (n - 1)) if n > 1 else 0.0)


@cache
def normal_quantile(confidence: float = CONFIDENCE) -> float:
    """Return z with P(|Z| <= z) = confidence: 1.96 for 0.95."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + confidence / 2))


@lru_cache(maxsize=4096)
def student_quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """Return t with P(|T| <= t) = confidence at `freedom` degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + confidence / 2))


def normal_p(z: float) -> float:
    """Return the two-sided p-value of a standard normal statistic."""
    from scipy.special import ndtr

    return float(2 * ndtr(-abs(z)))


def student_p(t: float, freedom: float) -> float:
    """Return the two-sided p-value of a Student statistic."""
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(t)))


def chi_square_p(statistic: float, freedom: float) -> float:
    """Return the upper tail of the chi-square distribution."""
    from scipy.special import chdtrc

    return float(chdtrc(freedom, statistic))


def _must_count(successes: int, n: int) -> None:
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a proportion")


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return a proportion with its score interval (Wilson 1927, without continuity correction)."""
    _must_count(successes, n)
    z = normal_quantile(confidence)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(share, max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))


def newcombe(successes: int, n: int, base_successes: int, base_n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the difference of two proportions, first minus base.

    The interval is Newcombe's (1998, method 10: squared distances to the Wilson bounds); p is that of the pooled score
    test, the square root of Pearson's chi-square without continuity correction. Without any variation p is 1.
    """
    a, b = wilson(successes, n, confidence), wilson(base_successes, base_n, confidence)
    difference = a.value - b.value
    low = difference - math.hypot(a.value - a.low, b.high - b.value)
    high = difference + math.hypot(a.high - a.value, b.value - b.low)
    pooled = (successes + base_successes) / (n + base_n)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / base_n))
    return Interval(difference, low, high, normal_p(difference / error) if error > 0 else 1.0)


def mean(sample: Moments, confidence: float = CONFIDENCE) -> Interval | None:
    """Return a mean with Student's interval; None for fewer than two observations (no variance to go by)."""
    if sample.n < 2:
        return None
    half = student_quantile(sample.n - 1, confidence) * math.sqrt(sample.error)
    return Interval(sample.mean, sample.mean - half, sample.mean + half)


def welch(sample: Moments, base: Moments, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the difference of two means, first minus base, with Welch's interval and test (unequal variances).

    Degrees of freedom by Welch-Satterthwaite. None when either side has fewer than two observations; p is 1 for equal and
    0 for different means when neither side varies at all.
    """
    if sample.n < 2 or base.n < 2:
        return None
    difference = sample.mean - base.mean
    error = sample.error + base.error
    if error == 0:
        return Interval(difference, difference, difference, 1.0 if difference == 0 else 0.0)
    freedom = error * error / (sample.error**2 / (sample.n - 1) + base.error**2 / (base.n - 1))
    half = student_quantile(freedom, confidence) * math.sqrt(error)
    return Interval(difference, difference - half, difference + half, student_p(difference / math.sqrt(error), freedom))


def difference_of(a: Interval, b: Interval, confidence: float = CONFIDENCE) -> Interval:
    """Return a - b of two independent estimates from their own intervals, by recovered variances (Zou & Donner 2008).

    Of two Wilson intervals it is Newcombe's. p goes by the half of the interval that points to zero; without any width it is 1
    for equal and 0 for different values.
    """
    difference = a.value - b.value
    low = difference - math.hypot(a.value - a.low, b.high - b.value)
    high = difference + math.hypot(a.high - a.value, b.value - b.low)
    half = difference - low if difference > 0 else high - difference
    if half <= 0:
        return Interval(difference, low, high, 1.0 if difference == 0 else 0.0)
    return Interval(difference, low, high, normal_p(difference / half * normal_quantile(confidence)))


def ratio_of_shares(
    successes: int, n: int, base_successes: int, base_n: int, confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the ratio of two proportions (relative risk) with the log interval of Katz et al. (1978).

    Where a count of zero, or no variation on either side, leaves that interval undefined, half an event and half a person
    are added to each side for the bounds only (Walter 1975). None when the base proportion is zero.
    """
    _must_count(successes, n)
    _must_count(base_successes, base_n)
    if base_successes == 0:
        return None
    value = (successes / n) / (base_successes / base_n)
    a, m, b, k = float(successes), float(n), float(base_successes), float(base_n)
    if successes == 0 or (successes == n and base_successes == base_n):
        a, m, b, k = a + 0.5, m + 0.5, b + 0.5, k + 0.5
    centre = math.log((a / m) / (b / k))
    half = normal_quantile(confidence) * math.sqrt(1 / a - 1 / m + 1 / b - 1 / k)
    p = newcombe(successes, n, base_successes, base_n, confidence).p
    return Interval(value, min(value, math.exp(centre - half)), max(value, math.exp(centre + half)), p)


_FARTHEST = 600.0
"""on the log scale: a float ends at e to the 709th"""


def ratio_by_score(
    successes: float, n: float, base_successes: float, base_n: float, confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the ratio of two proportions with the asymptotic score interval of Koopman (1984, Biometrics 40), which unlike
    the log interval exists where nobody of the first sample succeeded: then it begins at 0 and its upper end is real.

    The bounds are the ratios at which the score test of Pearson's chi-square is just not significant, the proportions being
    those most likely at that ratio. Counts may be fractions: effective ones of a clustered sample. None when the base
    proportion is zero. p is that of the same test at the ratio 1, and 1 without any variation.
    """
    if min(n, base_n) <= 0 or not (0 <= successes <= n and 0 <= base_successes <= base_n):
        raise ValueError(f"{successes} of {n} and {base_successes} of {base_n} are not two proportions")
    if base_successes == 0:
        return None

    def score(ratio: float) -> float:
        # The likeliest base proportion at this ratio solves a * q * q - b * q + c = 0.
        a = (n + base_n) * ratio
        b = ratio * (n + base_successes) + successes + base_n
        c = successes + base_successes
        q = 2 * c / (b + math.sqrt(max(0.0, b * b - 4 * a * c)))
        p = min(1.0, ratio * q)
        error = p * (1 - p) / n + ratio * ratio * q * max(0.0, 1 - q) / base_n
        gap = successes / n - ratio * base_successes / base_n
        return gap / math.sqrt(error) if error > 0 else 0.0 if gap == 0 else math.copysign(math.inf, gap)

    z, value = normal_quantile(confidence), (successes / n) / (base_successes / base_n)
    middle = math.log(value) if value > 0 else -_FARTHEST
    low = 0.0 if successes == 0 else math.exp(_crossing(score, -_FARTHEST, middle, z))
    high = math.exp(_crossing(score, middle, _FARTHEST, -z))
    return Interval(value, min(low, value), max(high, value), normal_p(score(1.0)))


def _crossing(falling: Callable[[float], float], low: float, high: float, level: float) -> float:
    """Return the logarithm between two at which a falling function passes a level, by halving to the last digits."""
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(math.exp(middle)) > level else (low, middle)
    return (low + high) / 2


def ratio_of_means(sample: Moments, base: Moments, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the ratio of two independent means by the delta method, on the log scale when both are positive.

    None when the base mean is not positive: the ratio then has no meaning. None also when a mean lies so close to zero for
    its error that the upper bound is beyond any number.
    """
    if base.mean <= 0 or sample.n < 2 or base.n < 2:
        return None
    value = sample.mean / base.mean
    z = normal_quantile(confidence)
    difference = welch(sample, base, confidence)
    p = difference.p if difference else None
    if sample.mean > 0:
        half = z * math.sqrt(sample.error / sample.mean**2 + base.error / base.mean**2)
        if half > _FARTHEST:
            return None
        return Interval(value, value * math.exp(-half), value * math.exp(half), p)
    half = z * math.sqrt(sample.error / base.mean**2 + value**2 * base.error / base.mean**2)
    return Interval(value, value - half, value + half, p)


def ratio_of_sums(
    clusters: int, y: float, x: float, yy: float, xx: float, xy: float, confidence: float = CONFIDENCE
) -> Interval | None:
    """Return sum(y) / sum(x) over clusters (customers, campaigns), with the linearised (delta) clustered interval.

    `yy`, `xx`, `xy` are the sums of squares and products over clusters. Student's quantile with clusters - 1 degrees of
    freedom (Cochran, Sampling Techniques, ch. 6). None for fewer than two clusters or a zero denominator.
    """
    if clusters < 2 or x == 0:
        return None
    value = y / x
    residual = max(0.0, yy - 2 * value * xy + value * value * xx)
    error = math.sqrt(residual * clusters / (clusters - 1)) / abs(x)
    half = student_quantile(clusters - 1, confidence) * error
    return Interval(value, value - half, value + half)


def sample_ratio(counts: Sequence[int], shares: Sequence[float]) -> tuple[float, float]:
    """Return Pearson's chi-square of the counts against the planned shares (scaled to 1), and its p-value.

    Raises ValueError unless there are at least two arms, all with a positive share, and somebody in them.
    """
    total, planned = sum(counts), sum(shares)
    if len(counts) != len(shares) or len(counts) < 2 or min(shares) <= 0 or total == 0:
        raise ValueError("a sample-ratio check needs two arms with positive shares and people in them")
    expected = [total * share / planned for share in shares]
    statistic = sum((count - e) ** 2 / e for count, e in zip(counts, expected, strict=True))
    return statistic, chi_square_p(statistic, len(counts) - 1)


def heterogeneity(effects: Sequence[float], errors: Sequence[float]) -> tuple[float, float]:
    """Return Cochran's Q of independent effects with their squared standard errors, and its p-value (k - 1 degrees).

    Raises ValueError for fewer than two effects or an error that is not positive.
    """
    if len(effects) < 2 or len(effects) != len(errors) or min(errors) <= 0:
        raise ValueError("heterogeneity needs two effects with positive errors")
    weights = [1 / error for error in errors]
    pooled = sum(w * e for w, e in zip(weights, effects, strict=True)) / sum(weights)
    statistic = sum(w * (e - pooled) ** 2 for w, e in zip(weights, effects, strict=True))
    return statistic, chi_square_p(statistic, len(effects) - 1)


def holm(ps: Sequence[float]) -> list[float]:
    """Return Holm's (1979) step-down adjusted p-values in the order given."""
    adjusted = [0.0] * len(ps)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        running = max(running, (len(ps) - rank) * ps[index])
        adjusted[index] = min(1.0, running)
    return adjusted
