"""Personalised mail against generic: clicks, orders and order values, and what may be said of the difference.

Where an experiment drew who gets what, its reading comes first and may say what was caused. The comparison of those who got
personalised mail with those who got none is a raw difference: people were chosen for it, and would have bought differently
anyway (rule E7).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.attribution.horizon import orders_until
from persync.attribution.journeys import build_orders, build_touches
from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import RAW, Estimate
from persync.measure import experiments, intervals, rules
from persync.measure.conversion import SUMS
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run
from persync.money import exponent

SIDES: Final = ("personalised", "generic")
CHOSEN: Final = "people were chosen for personalised mail: not what it caused"
_BY: Final = {"arm": SIDES[0], "against": SIDES[1]}


def conversion_uplift(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the difference in conversion, relative to generic (`_relative`) and in orderers (`_count`)."""
    id = "conversion_uplift"
    check(ask.by, (), id)
    out = [e for one in _drawn(engine, ask, "conversion") for e in _as_uplift(id, one, engine, ask)]
    if ask.arm is not None:
        return out or [rules.absent(id, experiments.NOBODY, {}, unit="points")]
    sides = _after_mail(engine, ask)
    cells = [(int(sides[side]["buyers"]), int(sides[side]["people"])) for side in SIDES if side in sides]
    if len(cells) < 2 or not all(n for _, n in cells):
        return [*out, _absent(id, sides, ask, "points")]
    if min(n for _, n in cells) < ask.suppress_n:
        return [*out, replace(rules.suppressed(id, ask, _BY, unit="points", label=RAW), period=ask.period)]
    (buyers, people), (base, others) = cells
    small = rules.smallness(min(people, others), min(buyers, base), ask)
    points = intervals.newcombe(buyers, people, base, others, ask.confidence)
    ratio = intervals.ratio_of_shares(buyers, people, base, others, ask.confidence)
    made = [
        rules.from_interval(id, points, n=people + others, unit="points", by=_BY, label=RAW),
        _relative(f"{id}_relative", ratio, people + others),
        rules.from_interval(f"{id}_count", _times(points, people), n=people, unit="count", by=_BY, label=RAW),
    ]
    return [*out, *(_finished(e, small, ask) for e in made)]


def aov_lift(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the difference in order value, relative too, and in revenue a person reached (`aov_lift_per_customer`)."""
    id = "aov_lift"
    check(ask.by, (), id)
    sides = _after_mail(engine, ask)
    currency = rules.one_currency([row[end] for row in sides.values() for end in ("currency_low", "currency_high")])
    unit = currency or ask.currency or ""
    ids = (id, f"{id}_relative", f"{id}_per_customer")
    if currency is None or len(sides) < 2 or not all(int(row["people"]) for row in sides.values()):
        return [_absent(one, sides, ask, unit, rules.MIXED_CURRENCIES if currency is None else None) for one in ids]
    if min(int(row["people"]) for row in sides.values()) < ask.suppress_n:
        return [replace(rules.suppressed(one, ask, _BY, unit=unit, label=RAW), period=ask.period) for one in ids]
    scale = 10.0 ** exponent(unit)
    people = sum(int(row["people"]) for row in sides.values())
    buyers = min(int(row["buyers"]) for row in sides.values())
    values = [_order_value(sides[side], scale, ask) for side in SIDES]
    made: list[Estimate] = []
    if None in values:
        made += [
            rules.absent(one, rules.NO_DENOMINATOR, _BY, unit=unit, label=RAW, note="one of them ordered nothing")
            for one in ids[:2]
        ]
    else:
        first, second = (value for value in values if value is not None)
        n = sum(int(row["orders"]) for row in sides.values())
        difference = intervals.difference_of(first, second, ask.confidence)
        made.append(rules.from_interval(id, difference, n=n, unit=unit, by=_BY, label=RAW))
        made.append(_relative(ids[1], _ratio(first, second), n))
    samples = [
        rules.scaled(intervals.moments(int(r["people"]), int(r["total"]), int(r["squares"])), unit)
        for r in (sides[s] for s in SIDES)
    ]
    assert samples[0] is not None
    assert samples[1] is not None
    whole = intervals.welch(samples[0], samples[1], ask.confidence)
    made.append(rules.from_interval(ids[2], whole, n=people, unit=unit, by=_BY, label=RAW))
    out = [_finished(e, rules.smallness(people, buyers, ask), ask) for e in made]
    note = "of those who ordered: see aov_lift_per_customer for all"
    return [rules.with_note(e, note) if e.id == id and e.value is not None else e for e in out]


def ctr_improvement(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the difference in click-through between personalised and generic messages, and the relative one."""
    id = "ctr_improvement"
    check(ask.by, (), id)
    build_touches(engine)
    texts = (piece("sends"), piece("bounces"), piece("clicks"), piece("clicks_by_side"))
    (row,) = run(engine, join(*texts, _CLICK_SUMS), bounds(ask.period))
    delivered, clicked = (float(row["dp"]), float(row["dg"])), (float(row["cp"]), float(row["cg"]))
    ids = ((id, "points"), (f"{id}_relative", "share"))
    if not all(delivered):
        note = "no personalised message was delivered" if not delivered[0] else "no generic message was delivered"
        return [
            replace(rules.absent(one, rules.NO_DENOMINATOR, _BY, unit=unit, label=RAW, note=note), period=ask.period)
            for one, unit in ids
        ]
    people = int(row["people"])
    if people < ask.suppress_n:
        return [replace(rules.suppressed(one, ask, _BY, unit=unit, label=RAW), period=ask.period) for one, unit in ids]
    rates = [c / d for c, d in zip(clicked, delivered, strict=True)]
    # Linearised: what each person adds to the difference of the two ratios, so that whoever got both is one unit.
    parts = {"cp": 1 / delivered[0], "dp": -rates[0] / delivered[0], "cg": -1 / delivered[1], "dg": rates[1] / delivered[1]}
    logs = {"cp": _over(1, clicked[0]), "dp": -1 / delivered[0], "cg": _over(-1, clicked[1]), "dg": 1 / delivered[1]}
    z = intervals.normal_quantile(ask.confidence)
    half = z * _error(parts, row, people)
    difference = rates[0] - rates[1]
    interval = Interval(
        difference, difference - half, difference + half, intervals.normal_p(difference / half * z) if half else None
    )
    made = [rules.from_interval(id, interval, n=round(sum(delivered)), unit="points", by=_BY, label=RAW)]
    relative = None
    if all(clicked):
        ratio, spread = rates[0] / rates[1], z * _error(logs, row, people)
        relative = Interval(ratio, ratio * math.exp(-spread), ratio * math.exp(spread), interval.p)
    made.append(_relative(ids[1][0], relative, round(sum(delivered))))
    small = rules.smallness(people, round(min(clicked)), ask)
    return [_finished(e, small, ask) for e in made]


_SQUARES: Final = [(a, b) for i, a in enumerate(("cp", "dp", "cg", "dg")) for b in ("cp", "dp", "cg", "dg")[i:]]
_CLICK_SUMS: Final = (
    "SELECT COUNT(*) AS people, "
    + ", ".join(f"COALESCE(SUM(p.{a}), 0) AS {a}" for a in ("cp", "dp", "cg", "dg"))
    + "".join(f", COALESCE(SUM(p.{a} * p.{b}), 0) AS {a}_{b}" for a, b in _SQUARES)
    + " FROM clicks_by_side AS p"
)


def _over(top: float, bottom: float) -> float:
    return top / bottom if bottom else 0.0


def _error(weights: Mapping[str, float], row: Mapping[str, Any], people: int) -> float:
    """Return the standard error of a sum of people's linear parts, whose mean is zero by construction."""
    total = sum((1 if a == b else 2) * weights[a] * weights[b] * float(row[f"{a}_{b}"]) for a, b in _SQUARES)
    return math.sqrt(max(0.0, total) * people / max(1, people - 1))


def _after_mail(engine: Engine, ask: Ask) -> dict[str, dict[str, Any]]:
    """Return what those who got personalised mail and those who got none bought in the look-back after their first message."""
    build_orders(engine)
    shaped = piece("after_mail").replace("/*columns*/", ", x.d0 AS d0").replace("/*grouping*/", ", x.d0")
    texts = (piece("sends"), piece("doses"), piece("exposed"), piece("bounces"), piece("order_money"), shaped)
    params = {
        **bounds(ask.period),
        "window_ms": round(ask.lookback_days * rules.DAY),
        "until": orders_until(engine, ask),
        "gross": int(ask.basis == "gross"),
    }
    rows = run(engine, join(*texts, f"{SUMS}, x.d0 AS d0 FROM after_mail AS x GROUP BY x.d0"), params)
    return {str(row["d0"]): row for row in rows}


def _absent(id: str, sides: Mapping[str, Mapping[str, Any]], ask: Ask, unit: str, reason: str | None = None) -> Estimate:
    waiting = any(int(row["waiting"]) for row in sides.values())
    missing = [side for side in SIDES if side not in sides]
    note = f"nobody got {missing[0]} mail" if missing else ""
    reason = reason or (rules.IMMATURE if waiting and not missing else rules.NO_DENOMINATOR)
    return replace(rules.absent(id, reason, _BY, unit=unit, label=RAW, note=note), period=ask.period)


def _order_value(row: Mapping[str, Any], scale: float, ask: Ask) -> Interval | None:
    return intervals.ratio_of_sums(
        int(row["people"]),
        int(row["total"]) / scale,
        int(row["orders"]),
        int(row["squares"]) / scale**2,
        int(row["orders_squared"]),
        int(row["product"]) / scale,
        ask.confidence,
    )


def _ratio(first: Interval, second: Interval) -> Interval | None:
    """Return the ratio of two independent positive estimates, on the log scale, from their own intervals."""
    if min(first.value, first.low, second.value, second.low) <= 0:
        return None
    logs = [Interval(math.log(one.value), math.log(one.low), math.log(one.high)) for one in (first, second)]
    found = intervals.difference_of(logs[0], logs[1])
    return Interval(math.exp(found.value), math.exp(found.low), math.exp(found.high), found.p)


def _relative(id: str, ratio: Interval | None, n: int) -> Estimate:
    if ratio is None:
        return rules.absent(id, rules.NO_DENOMINATOR, _BY, unit="share", label=RAW, n=n, note="a side is zero: points alone")
    shifted = Interval(ratio.value - 1, ratio.low - 1, ratio.high - 1, ratio.p)
    return rules.from_interval(id, shifted, n=n, unit="share", by=_BY, label=RAW)


def _times(interval: Interval, factor: float) -> Interval:
    return interval._replace(value=interval.value * factor, low=interval.low * factor, high=interval.high * factor)


def _finished(made: Estimate, small: str, ask: Ask) -> Estimate:
    if made.value is not None:
        made = rules.with_note(rules.with_note(made, small), CHOSEN)
    return replace(made, period=ask.period)


def _drawn(engine: Engine, ask: Ask, outcome: str) -> list[tuple[str, Estimate, Estimate]]:
    """Return (experiment, difference, relative) of an outcome for every arm of the experiments asked for."""
    out = []
    for name, experiment in experiments.asked(engine, ask).items():
        if ask.arm not in (None, name):
            continue
        try:
            read = [e for e in experiments.read(engine, experiment, ask) if e.by.get("outcome") == outcome]
        except ConfigError:  # one that cannot be read is told by `ab_test`
            continue
        pairs = [(e.by.get("arm"), e.by.get("against")) for e in read if e.id == "difference"]
        for pair in pairs:
            found = {e.id: e for e in read if (e.by.get("arm"), e.by.get("against")) == pair}
            out.append((name, found["difference"], found["relative"]))
    return out


def _as_uplift(id: str, drawn: tuple[str, Estimate, Estimate], engine: Engine, ask: Ask) -> list[Estimate]:
    name, points, relative = drawn
    sizes = experiments.arm_sizes(engine, experiments.known(engine, ask)[name])
    treated = sizes.get(points.by["arm"], 0)
    count = replace(points, id=f"{id}_count", unit="count")
    if points.value is not None:
        bounds_ = [None if x is None else x * treated for x in (points.value, points.low, points.high)]
        count = replace(count, value=bounds_[0], low=bounds_[1], high=bounds_[2])
    return [replace(points, id=id), replace(relative, id=f"{id}_relative"), count]


_DATA: Final = ("touchpoints", "campaign_levels", "orders", "order_of", "order_ledger", "assignments")
METRICS: Sequence[Metric] = (
    Metric(
        "ctr_improvement",
        "Clicks: personalised against generic",
        "The click-through rate of personalised messages (level 2 or above) less that of generic ones (0 or 1), and the ratio "
        "less 1. Machine and scanner clicks and clicks on unsubscribe links do not count.",
        "CTR personalised − CTR generic; CTR personalised ÷ CTR generic − 1",
        "points",
        ctr_improvement,
        number="12",
        edge_cases="A raw difference. Messages of unknown level are in neither. No clicks on one side: points alone. "
        "Whoever got both kinds is one unit of the interval.",
        data=("touchpoints", "campaign_levels", "campaign_links"),
    ),
    Metric(
        "conversion_uplift",
        "Orders: personalised against generic",
        "The share who ordered within the look-back days (30) after their first message, of those who got personalised mail "
        "(level 2 or above) less that of those who got none; the ratio less 1; and the difference times those who got it. "
        "Before it, the same of every experiment's arms.",
        "CR personalised − CR generic; ÷ CR generic; × people",
        "points",
        conversion_uplift,
        number="26",
        edge_cases="An experiment's difference is randomised or holdout, the other one raw. No generic recipients: null, "
        "no_denominator. People whose window is not over are left out.",
        data=_DATA,
        options={"arms": "own"},
    ),
    Metric(
        "aov_lift",
        "Order value: personalised against generic",
        "Net order value after mail of those who got personalised mail (level 2 or above) less that of those who got none, the "
        "ratio less 1, and the difference in revenue a person reached, buyers or not.",
        "AOV personalised − AOV generic",
        "money",
        aov_lift,
        number="30",
        edge_cases="A raw difference, and of those who ordered alone: revenue per customer has no such selection. Several "
        "currencies: null, mixed_currencies.",
        data=_DATA[:-1],
    ),
)
