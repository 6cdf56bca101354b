"""The value of an order: its mean, its median and its trimmed mean, each with an interval that takes customers as the units.

The mean has the studentised bootstrap interval of `draws.ratios`. The median has Woodruff's (1952): the interval of the share
of orders up to the median, turned back into orders. The trimmed mean has that of the winsorised orders, over what is left
when the outer tenths are cut off (Tukey & McLaughlin 1963; Yuen 1974). The errors of the last two are linearised over
customers, as one customer's orders go together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from persync.attribution.journeys import build_orders, offset_sql
from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import arm_rates, attributes, clock, draws, intervals, rules
from persync.measure.grouping import ANY_ATTRIBUTE, COHORT, SEGMENT, check_dimensions, grouping
from persync.measure.intervals import Interval
from persync.measure.metric import Ask, Metric
from persync.measure.slices import TIMES, Slices
from persync.measure.texts import bounds, join, piece, run, write
from persync.money import exponent

IDS: Final = ("aov", "aov_median", "aov_trimmed")
BUYER: Final = "buyer"
CHANNEL: Final = "channel"
DIMENSIONS: Final = (BUYER, CHANNEL, *TIMES, COHORT, SEGMENT, ANY_ATTRIBUTE)
Told = tuple[float, Interval | None]
"""a value and its interval, None where there is none (one customer alone)"""

_SUMMED: Final = ("orders", "total", "payers", "below", "below2", "below_x", "xx", "cut", "cut2", "cut_x", "kept", "customers")
_SUMS: Final = (
    "by_customer AS (SELECT p.customer AS customer, MIN(p.bucket) AS bucket, COUNT(*) AS orders,"
    " CAST(SUM(p.revenue_minor) AS DECIMAL(18, 0)) AS revenue,"
    " CAST(SUM(CASE WHEN p.revenue_minor <= p.median THEN 1 ELSE 0 END) AS BIGINT) AS below,"
    " CAST(SUM(LEAST(GREATEST(p.revenue_minor, p.low_cut), p.high_cut)) AS DECIMAL(18, 0)) AS cut,"
    " CAST(SUM(CASE WHEN p.place > FLOOR(p.orders / 10e0) AND p.place <= p.orders - FLOOR(p.orders / 10e0)"
    " THEN p.revenue_minor ELSE 0 END) AS DECIMAL(18, 0)) AS kept, MIN(p.median) AS median,"
    " MIN(p.currency_low) AS currency_low, MAX(p.currency_high) AS currency_high/*columns*/"
    " FROM order_places AS p GROUP BY p.customer/*keys*/)"
)
_READ: Final = (
    "SELECT c.bucket AS bucket, COUNT(*) AS customers, CAST(SUM(c.orders) AS BIGINT) AS orders, SUM(c.revenue) AS total,"
    " CAST(SUM(CASE WHEN c.revenue <> 0 THEN 1 ELSE 0 END) AS BIGINT) AS payers, CAST(SUM(c.below) AS BIGINT) AS below,"
    " CAST(SUM(c.below * c.below) AS BIGINT) AS below2, CAST(SUM(c.below * c.orders) AS BIGINT) AS below_x,"
    " CAST(SUM(c.orders * c.orders) AS BIGINT) AS xx, SUM(c.cut) AS cut, SUM(c.cut * c.cut) AS cut2,"
    " SUM(c.cut * CAST(c.orders AS DECIMAL(18, 0))) AS cut_x, SUM(c.kept) AS kept, MIN(c.median) AS median,"
    " MIN(c.currency_low) AS currency_low, MAX(c.currency_high) AS currency_high/*columns*/ FROM by_customer AS c"
    " GROUP BY c.bucket/*keys*/ ORDER BY c.bucket/*keys*/"
)
_LATER: Final = (
    "SELECT COUNT(*) AS n FROM money_orders AS m WHERE m.is_counted = 1 AND m.ordered_at > :now AND m.ordered_at < :to_at"
)


def left_for_later(engine: Engine, ask: Ask) -> str:
    """Return the note of how many counted orders of the period are dated after now. Needs `build_orders`."""
    (left,) = run(engine, _LATER, {"now": ask.now, "to_at": bounds(ask.period)["to_at"]})
    return rules.future_orders(int(left["n"]))


def aov(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the mean order, its median (`aov_median`) and its trimmed mean (`aov_trimmed`)."""
    build_orders(engine)
    cut = _slices(engine, ask)
    within = bounds(ask.period)
    known = {**within, "to_at": min(within["to_at"], ask.now + 1)}
    future = left_for_later(engine, ask)
    text = join(*cut.texts, "SELECT o.* FROM order_places AS o")
    write(engine, text, {**known, **cut.params, "gross": int(ask.basis == "gross")}, "order_places")
    sums = _SUMS.replace("/*columns*/", _columns(cut, "p")).replace("/*keys*/", _keys(cut, "p"))
    read = _READ.replace("/*columns*/", _columns(cut, "c")).replace("/*keys*/", _keys(cut, "c"))
    rows = run(engine, join(sums, read), {})
    currency = rules.one_currency([row[end] for row in rows for end in ("currency_low", "currency_high")])
    unit = currency or ask.currency or ""
    if not rows or currency is None:
        reason = rules.MIXED_CURRENCIES if rows else rules.NO_DENOMINATOR
        return [replace(rules.absent(id, reason, {}, unit=unit, note=future), period=ask.period) for id in IDS]
    scale = 10.0 ** exponent(unit)
    found = draws.by_slice(rows, len(ask.by), _SUMMED)
    hide = cut.hidden([one.first for one in found.values()], "customers", ask)
    shown = {key: one for key, one in found.items() if not _is_hidden(cut, one, hide, ask)}
    drawn = draws.ratios(shown, "total", "orders", ask, scale=scale)
    medians = _medians(engine, cut, shown, scale, ask)
    out = []
    for key, one in found.items():
        by = cut.by(one.first)
        if key not in shown:
            out += [rules.suppressed(id, ask, by, unit=unit) for id in IDS]
            continue
        n, customers = one.sums["orders"], one.sums["customers"]
        small = rules.smallness(customers, n, ask)
        mean: Told = one.sums["total"] / scale / n, drawn[key]
        for id, (value, interval) in zip(IDS, (mean, medians[key], _trimmed(one, scale, ask)), strict=True):
            made = rules.from_interval(id, interval, n=n, unit=unit, by=by, value=value)
            out.append(rules.with_note(made, small))
    return [replace(rules.with_note(one, future if not ask.by else ""), period=ask.period) for one in out]


def _slices(engine: Engine, ask: Ask) -> Slices:
    """Return how orders are sliced: CTE texts that end in `order_places`, and their parameters."""
    own = (BUYER, CHANNEL, *TIMES)
    known = {name for name in attributes.values(engine) if name not in (*own, COHORT, SEGMENT)}
    check_dimensions(ask.by, DIMENSIONS, known, IDS[0])
    if SEGMENT in ask.by and ask.period is None:
        hint = "Say --period A..B: who is in a segment is taken as of its first day."
        raise ConfigError("aov by seg needs a period.", hint=hint)
    texts, joins = [piece("order_money")], ""
    params: dict[str, Any] = {}
    expressions: dict[str, str] = {}
    attribute = None
    if of_people := [dimension for dimension in ask.by if dimension not in own]:
        people = grouping(engine, ask, IDS[0], people="order_money", by=of_people)
        texts += people.texts
        params |= people.params
        attribute = people.attribute
        # Whoever is nobody's group is in none of the segments, but among the unknown of all else.
        joins += f" {'JOIN' if SEGMENT in ask.by else 'LEFT JOIN'} grouped AS g ON g.person = m.person"
        expressions |= {dimension: f"COALESCE(g.d{i}, 'unknown')" for i, dimension in enumerate(of_people)}
    if BUYER in ask.by:
        offset, moments = offset_sql(engine, ask.timezone)
        params |= moments
        texts.append(piece("first_orders"))
        joins += " LEFT JOIN first_orders AS b ON b.person = m.person"
        day = "FLOOR(({} + {}) / 86400000e0)"
        is_first = f"{day.format('m.ordered_at', offset)} <= {day.format('b.first_at', offset)}"
        expressions[BUYER] = f"CASE WHEN m.person IS NULL THEN 'unknown' WHEN {is_first} THEN 'new' ELSE 'returning' END"
    if CHANNEL in ask.by:
        joins += " JOIN order_of AS f ON f.order_id = m.order_id AND f.is_money_source = 1"
        joins += " JOIN orders AS o ON o.order_key = f.order_key"
        expressions[CHANNEL] = "COALESCE(o.sales_channel, 'unknown')"
    if set(ask.by) & set(TIMES):
        expressions |= clock.order_times(engine, ask, "m.ordered_at")
    keys = [f"d{i}" for i in range(len(ask.by))]
    words = {
        "columns": "".join(f",\n    {expressions[d]} AS {key}" for d, key in zip(ask.by, keys, strict=True)),
        "joins": joins,
        "buckets": str(draws.buckets(len(ask.by))),
        "partition": f"PARTITION BY {', '.join(f's.{key}' for key in keys)} " if keys else "",
        "whole": f"PARTITION BY {', '.join(f's.{key}' for key in keys)}" if keys else "",
        "whole of p": f"PARTITION BY {', '.join(f'p.{key}' for key in keys)}" if keys else "",
    }
    shaped = piece("order_places")
    for word, value in words.items():
        shaped = shaped.replace(f"/*{word}*/", value)
    return Slices(tuple(ask.by), (*dict.fromkeys((*texts, piece("hashed"), shaped)),), params, attribute, {})


def _columns(cut: Slices, of: str) -> str:
    return "".join(f", {of}.d{i} AS d{i}" for i in range(len(cut.dimensions)))


def _keys(cut: Slices, of: str) -> str:
    return "".join(f", {of}.d{i}" for i in range(len(cut.dimensions)))


def _is_hidden(cut: Slices, one: draws.Slice, hide: frozenset[str], ask: Ask) -> bool:
    by = cut.by(one.first)
    return one.sums["customers"] < ask.suppress_n or (cut.attribute is not None and by[cut.attribute] in hide)


def _medians(
    engine: Engine, cut: Slices, found: Mapping[draws.Key, draws.Slice], scale: float, ask: Ask
) -> dict[draws.Key, Told]:
    """Return Woodruff's intervals: the orders at the places where the interval of their share ends."""
    ends: dict[draws.Key, tuple[int, int]] = {}
    for key, one in found.items():
        s = one.sums
        share = intervals.ratio_of_sums(
            s["customers"], s["below"], s["orders"], s["below2"], s["xx"], s["below_x"], ask.confidence
        )
        if share is not None:
            half = share.high - share.value
            places = (math.ceil(s["orders"] * (0.5 - half)), math.ceil(s["orders"] * (0.5 + half)))
            ends[key] = max(1, places[0]), min(s["orders"], max(1, places[1]))
    at = _at(engine, cut, found, ends)
    out: dict[draws.Key, Told] = {}
    for key, one in found.items():
        value = float(one.rows[0]["median"]) / scale
        low, high = (at[key, place] / scale for place in ends[key]) if key in ends else (value, value)
        out[key] = value, Interval(value, min(value, low), max(value, high)) if key in ends else None
    return out


def _at(
    engine: Engine, cut: Slices, found: Mapping[draws.Key, draws.Slice], ends: Mapping[draws.Key, tuple[int, int]]
) -> dict[tuple[draws.Key, int], int]:
    """Return what the orders at these places of each slice came to, in minor units."""
    wanted: list[str] = []
    params: dict[str, Any] = {}
    names = [f"d{i}" for i in range(len(cut.dimensions))]
    for i, (key, places) in enumerate(ends.items()):
        params |= {f"w{i}_{name}": found[key].rows[0][name] for name in names}
        for place in sorted(set(places)):
            slots = "".join(f", :w{i}_{name} AS {name}" for name in names)
            wanted.append(f"SELECT {place} AS place{slots}")
    if not wanted:
        return {}
    same = "".join(f" AND w.{name} = p.{name}" for name in names)
    sql = (
        f"WITH wanted AS ({' UNION ALL '.join(wanted)}) SELECT p.place AS place, p.revenue_minor AS minor{_columns(cut, 'p')}"
        f" FROM order_places AS p JOIN wanted AS w ON w.place = p.place{same}"
    )
    rows = run(engine, sql, params)
    return {(tuple(str(row[name]) for name in names), int(row["place"])): int(row["minor"]) for row in rows}


def _trimmed(one: draws.Slice, scale: float, ask: Ask) -> Told:
    s = one.sums
    left = s["orders"] - 2 * (s["orders"] // 10)
    value = s["kept"] / scale / left
    whole = intervals.ratio_of_sums(
        s["customers"], s["cut"] / scale, s["orders"], s["cut2"] / scale**2, s["xx"], s["cut_x"] / scale, ask.confidence
    )
    if whole is None:
        return value, None
    half = (whole.high - whole.value) * s["orders"] / left
    return value, Interval(value, value - half, value + half)


METRICS: tuple[Metric, ...] = (
    Metric(
        "aov",
        "Average order value",
        "Revenue of the orders placed in the period over their number, net by default (product and adjustment, without tax "
        "and shipping), as the ledger stands. The median (`aov_median`) and the mean without the outer tenths (`aov_trimmed`) "
        "stand beside it.",
        "net revenue ÷ orders",
        "money",
        aov,
        number="29",
        dimensions=("arm", *DIMENSIONS),
        refused={
            "msg": "no order names the message it came from; see email_attributed_revenue for credit",
            "prod": "an order's value is that of all its products together",
        },
        compares_arms=True,
        since_draw=arm_rates.order_value,
        edge_cases="Test, cancelled and fully refunded orders are not counted. Customers are the units of all three "
        "intervals: the mean's is a studentised bootstrap over them (1,000 draws, fixed seed; with fewer than 10 "
        "who paid, and by arm, Student's), the median's Woodruff's (1952), the trimmed mean's from the winsorised "
        "variance (Yuen 1974). By channel: the shop's sales channel. By buyer: `new` on the day of the first "
        "order known, `returning` after it. By seg, a period is needed: members are those of its first day. "
        "Several currencies: null, mixed_currencies.",
        data=("orders", "order_of", "order_ledger"),
    ),
)
