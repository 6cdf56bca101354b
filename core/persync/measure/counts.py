"""Numbers of things in a period, and how they changed against the period of the same length before it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from persync.estimate import RAW, Estimate
from persync.measure import intervals, rules
from persync.measure.intervals import CONFIDENCE, Interval
from persync.measure.metric import Ask

NO_PERIOD: Final = "no_period"
NOTHING_BEFORE: Final = "nothing_before"


def poisson(count: int, confidence: float = CONFIDENCE) -> Interval:
    """Return a count with the exact interval of a Poisson rate (Garwood 1936)."""
    from scipy.special import gammaincinv

    tail = (1 - confidence) / 2
    low = float(gammaincinv(count, tail)) if count else 0.0
    return Interval(count, low, float(gammaincinv(count + 1, 1 - tail)))


def ratio_of_counts(count: int, base: int, confidence: float = CONFIDENCE) -> Interval | None:
    """Return one Poisson count over another with the exact interval given their sum (Clopper-Pearson on count of the sum).

    Raises nothing: None when there is no base. p is the exact two-sided binomial one, of count being half of the sum.
    """
    from scipy.special import bdtr, betaincinv

    if base == 0:
        return None
    tail, both = (1 - confidence) / 2, count + base
    low = float(betaincinv(count, base + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, base, 1 - tail))
    p = min(1.0, 2 * float(bdtr(min(count, base), both, 0.5)))
    return Interval(count / base, low / (1 - low), high / (1 - high) if high < 1 else math.inf, p)


def counted(id: str, count: int, ask: Ask, by: Mapping[str, str], *, unit: str = "count") -> Estimate:
    """Return a number of things with its Poisson interval."""
    made = rules.from_interval(id, poisson(count, ask.confidence), n=count, unit=unit, by=by)
    return replace(made, period=ask.period)


def change(id: str, count: int, before: int | None, ask: Ask, by: Mapping[str, str]) -> Estimate:
    """Return by what share a number of things differs from that of the period before: a raw difference, seasons and all.

    Null `no_period` when no period was asked for, `nothing_before` when there was none before, or none is known.
    """
    if ask.period is None or before is None:
        return rules.absent(id, NO_PERIOD, by, unit="share", label=RAW, note="give a period: it is held against the one before")
    found = ratio_of_counts(count, before, ask.confidence)
    if found is None:
        return replace(rules.absent(id, NOTHING_BEFORE, by, unit="share", label=RAW, n=count), period=ask.period)
    shifted = Interval(found.value - 1, found.low - 1, found.high - 1, found.p)
    made = rules.from_interval(id, shifted, n=count + before, unit="share", by=by, label=RAW)
    made = rules.with_note(made, rules.smallness(count + before, min(count, before), ask))
    return replace(rules.with_note(made, "against the period of the same length before"), period=ask.period)


def before(ask: Ask) -> Ask | None:
    """Return the question for the period of the same length before; None when no period was asked for."""
    if ask.period is None:
        return None
    from_at, to_at = ask.period
    return replace(ask, period=(from_at - (to_at - from_at), from_at))


def clipped(interval: Interval | None) -> Interval | None:
    """Keep the interval of a share within 0 and 1."""
    return interval and interval._replace(low=max(0.0, interval.low), high=min(1.0, interval.high))


SUMS: Final = ("y", "x", "yy", "xx", "xy")
"""the sums that a ratio over clusters is made of"""


def sums(y: str, x: str, *, of: str = "p", prefix: str = "") -> str:
    """Return the SQL of the sums that `clustered_share` takes, over clusters called `of`; their names begin with `prefix`."""
    columns = {"y": f"{of}.{y}", "x": f"{of}.{x}"}
    return ", ".join(f"SUM({' * '.join(columns[part] for part in name)}) AS {prefix}{name}" for name in SUMS)


def clustered_share(id: str, row: Mapping[str, object], ask: Ask, by: Mapping[str, str], *, unit: str = "share") -> Estimate:
    """Return sum(y) / sum(x) over clusters from a row with `clusters`, `y`, `x`, `yy`, `xx`, `xy`; `unit` share is kept in
    [0, 1].

    Where every cluster has one thing at most it is a plain proportion with Wilson's interval.
    """
    clusters, y, x, yy, xx, xy = (float(str(row[name] or 0)) for name in ("clusters", "y", "x", "yy", "xx", "xy"))
    if x <= 0:
        return replace(rules.absent(id, rules.NO_DENOMINATOR, by, unit=unit, n=0), period=ask.period)
    if unit == "share" and xx == x and yy == y:
        return replace(rules.share(id, round(y), round(x), ask, by), period=ask.period)
    interval = intervals.ratio_of_sums(round(clusters), y, x, yy, xx, xy, ask.confidence)
    if unit == "share":
        interval = clipped(interval)
    made = rules.from_interval(id, interval, n=round(x), unit=unit, by=by, value=y / x)
    return replace(rules.with_note(made, rules.smallness(round(clusters), None, ask)), period=ask.period)
