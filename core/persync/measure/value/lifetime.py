"""How long customers stay and what they are worth: the simple product, and what they really brought by a fixed age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.margins import Margin, margin
from persync.measure.metric import Ask
from persync.measure.occasions import Ground, build, build_money
from persync.measure.value.contracts import tenure
from persync.measure.value.cut import Cut, Row, bucket, cut, dated, draws_of, money, stacked
from persync.measure.value.repeat import SHORTEST_SPAN, YEAR, frequency_span
from persync.measure.value.windows import from_day, window_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

AGES: Final = (30, 60, 90, 180, 365)
TO_DATE: Final = "to date"
LONGER: Final = "longer_than_observed"

_SIMPLE = (
    "SELECT /*bucket*/ AS bucket, COUNT(*) AS people, CAST(SUM(CASE WHEN p.n > 0 THEN 1 ELSE 0 END) AS BIGINT) AS buyers,"
    " CAST(SUM(p.n) AS BIGINT) AS purchases, CAST(SUM(p.minor) AS BIGINT) AS minor,"
    " CAST(SUM(p.active) AS BIGINT) AS active, CAST(SUM(p.active * p.stayed) AS BIGINT) AS stayed/*columns*/"
    " FROM customers AS c JOIN grouped AS g ON g.person = c.person JOIN (SELECT o.person AS person,"
    " SUM(CASE WHEN o.day >= :from_day THEN 1 ELSE 0 END) AS n,"
    " SUM(CASE WHEN o.day >= :from_day THEN o.revenue_minor ELSE 0 END) AS minor,"
    " MAX(CASE WHEN o.day >= :first AND o.day < :middle THEN 1 ELSE 0 END) AS active,"
    " MAX(CASE WHEN o.day >= :middle THEN 1 ELSE 0 END) AS stayed"
    " FROM occasions AS o GROUP BY o.person) AS p ON p.person = c.person /*keys*/"
)
_NAMES: Final = ("people", "buyers", "purchases", "minor", "active", "stayed")


def product(value: float, frequency: float, lifespan: float, margin: float | None = None) -> float:
    """Return average purchase value x purchases a year x years, times the gross margin (a share) if it is given."""
    return value * frequency * lifespan * (1.0 if margin is None else margin)


def lifespan(active: Array, stayed: Array, window: float, cap: float) -> Array:
    """Return the years a customer stays: the window over the churn in it, at most `cap`."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        churn = 1 - np.asarray(stayed, np.float64) / np.asarray(active, np.float64)
        return np.minimum(np.where(churn > 0, window / YEAR / churn, np.inf), cap)


def _columns(engine: Engine, ask: Ask, ground: Ground, sliced: Cut, window: int) -> tuple[list[Row], int]:
    begin, days = frequency_span(ask, ground)
    params = {"from_day": begin, "first": ground.end_day - 2 * window, "middle": ground.end_day - window}
    place = bucket(ask)
    return sliced.rows(engine, _SIMPLE.replace("/*bucket*/", place), params, per=place), days


def _immature(ground: Ground, ask: Ask, window: int) -> bool:
    return ground.end_day - from_day(ask, ground) < 2 * window


def customer_lifespan(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the years a customer stays, 1 ÷ churn; and `contract_tenure` where contracts are known."""
    import numpy as np

    id = "customer_lifespan"
    ground = build(engine, ask)
    sliced = cut(engine, ask, id)
    active_in = window_of(engine, ask, ground)
    window = active_in.days
    cap = ask.value.lifespan_cap_years
    out: list[Estimate] = []
    if not ground.customers or _immature(ground, ask, window):
        reason = rules.IMMATURE if ground.customers else rules.NO_DENOMINATOR
        out = [rules.absent(id, reason, {}, unit="years", note=f"two windows of {window} days are needed")]
    else:
        rows, _ = _columns(engine, ask, ground, sliced, window)
        for by, columns, drawn in _each(rows, sliced, ask, id, "years", out):
            active, stayed = columns.sum(axis=0)[[4, 5]]
            note = f"{window} days over churn, at most {cap:g} years; {active_in.text}"
            n = int(active)
            if not n:
                out.append(rules.absent(id, rules.NO_DENOMINATOR, by, unit="years", n=0, note=note))
            elif stayed == active:
                out.append(rules.absent(id, LONGER, by, unit="years", n=n, note=note))
            else:
                years = float(lifespan(active, stayed, window, cap))
                draws = np.where(drawn[:, 4] > 0, lifespan(drawn[:, 4], drawn[:, 5], window, cap), np.nan)
                out.append(money(id, years, draws, ask, by, n=n, unit="years", events=int(n - stayed), note=note))
    if not ask.by:
        out += tenure(engine, ask, ground)
    return dated(out, ask)


def _each(
    rows: Sequence[Row], sliced: Cut, ask: Ask, id: str, unit: str, out: list[Estimate]
) -> list[tuple[dict[str, str], Array, Array]]:
    """Return each slice with its buckets' columns and their draws; put the hidden ones into `out`."""
    found = stacked(rows, sliced, _NAMES)
    firsts = {tuple(sliced.by(row).values()): row for row in rows}
    sizes = [{**firsts[key], "people": int(columns[:, 0].sum())} for key, (_, columns) in found.items()]
    hide = sliced.people.hidden(sizes, "people", ask)
    drawn = draws_of(found, ask.seed)
    kept = []
    for key, (_, columns) in found.items():
        by = sliced.by(firsts[key])
        if sliced.people.attribute and by[sliced.people.attribute] in hide:
            out.append(rules.suppressed(id, ask, by, unit=unit))
        else:
            kept.append((by, columns, drawn[key]))
    return kept


def cltv_simple(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute purchase value x frequency x lifespan, as revenue and (`cltv_simple_margin`) as margin."""
    import numpy as np

    id = "cltv_simple"
    ground = build(engine, ask)
    sliced = cut(engine, ask, id)
    active_in = window_of(engine, ask, ground)
    window, cap = active_in.days, ask.value.lifespan_cap_years
    unit = ground.currency or ask.currency or ""
    days = frequency_span(ask, ground)[1]
    reason = (
        rules.NO_DENOMINATOR
        if not ground.customers
        else rules.MIXED_CURRENCIES
        if ground.currency is None
        else rules.IMMATURE
        if days < SHORTEST_SPAN or _immature(ground, ask, window)
        else ""
    )
    kept = margin(engine, ask, ground)
    if reason:
        return dated(_both(rules.absent(id, reason, {}, unit=unit), kept), ask)
    rows, days = _columns(engine, ask, ground, sliced, window)
    out: list[Estimate] = []
    for by, columns, drawn in _each(rows, sliced, ask, id, unit, out):
        sums = columns.sum(axis=0)
        note = (
            f"{ask.basis} revenue of {days} days a buyer, times {window} days over churn, at most {cap:g} years;"
            f" {active_in.text}"
        )
        n, active, stayed = int(sums[1]), sums[4], sums[5]
        if not n or not active:
            out.append(rules.absent(id, rules.NO_DENOMINATOR, by, unit=unit, n=n, note=note))
        elif stayed == active:
            out.append(rules.absent(id, LONGER, by, unit=unit, n=n, note=note))
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                yearly = drawn[:, 3] / ground.scale / drawn[:, 1] * YEAR / days
                draws = yearly * lifespan(drawn[:, 4], drawn[:, 5], window, cap)
            average = float(sums[3] / sums[2] / ground.scale) if sums[2] else 0.0
            often = float(sums[2] / n * YEAR / days)
            value = product(average, often, float(lifespan(active, stayed, window, cap)))
            made = money(id, value, draws, ask, by, n=n, unit=unit, note=note)
            if small := rules.smallness(int(active), int(active - stayed), ask):
                of = f"the years that a customer stays are of {int(active):,} active"
                made = made if small in made.note or made.value is None else rules.with_note(made, f"{small}: {of}")
            out.append(made)
    return dated([both for one in out for both in _both(one, kept)], ask)


def _both(revenue: Estimate, kept: Margin, suffix: str = "_margin") -> list[Estimate]:
    """Return the revenue form and the margin form beside it."""
    return [revenue, as_margin(revenue, kept, suffix)]


def as_margin(revenue: Estimate, kept: Margin, suffix: str = "_margin") -> Estimate:
    """Return an estimate of net revenue as margin: times the share, or null with the reason why it is not known."""
    id = f"{revenue.id}{suffix}"
    if revenue.value is None:
        return replace(revenue, id=id)
    if kept.share is None:
        return rules.absent(id, kept.reason, revenue.by, unit=revenue.unit, n=revenue.n)
    low, high = (None if end is None else end * kept.share for end in (revenue.low, revenue.high))
    note = "; ".join(part for part in (kept.note, revenue.note) if part)
    return replace(revenue, id=id, value=float(revenue.value) * kept.share, low=low, high=high, note=note)


def ages_sql() -> tuple[str, str]:
    """Return the counts and the sums by age as SQL: customers at least as old, and what those brought until then."""
    counts = ["COUNT(*) AS n_all"]
    sums = ["CAST(SUM(y.minor) AS BIGINT) AS m_all"]
    for age in AGES:
        old = f":end_at - {{0}}.first_at >= {age * rules.DAY}"
        counts.append(f"CAST(SUM(CASE WHEN {old.format('c')} THEN 1 ELSE 0 END) AS BIGINT) AS n_{age}")
        sums.append(
            f"CAST(SUM(CASE WHEN {old.format('y')} AND y.happened_at < y.first_at + {age * rules.DAY} THEN y.minor ELSE 0 END)"
            f" AS BIGINT) AS m_{age}"
        )
    return ", ".join(counts), ", ".join(sums)


def cltv_historic(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute net revenue a customer to date and to fixed ages, and the same as margin."""
    id = "cltv_historic"
    ground = build(engine, ask)
    sliced = cut(engine, ask, id)
    unit = ground.currency or ask.currency or ""
    kept = margin(engine, ask, ground)
    if not ground.customers or ground.currency is None:
        reason = rules.MIXED_CURRENCIES if ground.customers else rules.NO_DENOMINATOR
        return dated(_both(rules.absent(id, reason, {"age": TO_DATE}, unit=unit), kept), ask)
    build_money(engine, ask, ground)
    return dated([both for one in by_age(engine, ask, ground, sliced, id) for both in _both(one, kept)], ask)


def by_age(engine: Engine, ask: Ask, ground: Ground, sliced: Cut, id: str) -> list[Estimate]:
    """Return money a customer to date and to each age, in every slice; null where nobody in the data is old enough."""
    import numpy as np

    unit = ground.currency or ""
    counts, sums = ages_sql()
    since = ground.first_day if ask.period is None else from_day(ask, ground)
    params = {"end_at": ground.end_at, "since": since}
    first = "JOIN grouped AS g ON g.person = {0}.person"
    n_rows = sliced.rows(
        engine,
        f"SELECT {bucket(ask)} AS bucket, {counts}/*columns*/ FROM customers AS c {first.format('c')}"
        " WHERE c.first_day >= :since /*keys*/",
        params,
        per=bucket(ask),
    )
    m_rows = sliced.rows(
        engine,
        f"SELECT {bucket(ask, 'y')} AS bucket, {sums}/*columns*/ FROM customer_money AS y {first.format('y')}"
        " JOIN customers AS c ON c.person = y.person WHERE c.first_day >= :since /*keys*/",
        params,
        per=bucket(ask, "y"),
    )
    names = ("all", *map(str, AGES))
    people = stacked(n_rows, sliced, [f"n_{name}" for name in names])
    brought = stacked(m_rows, sliced, [f"m_{name}" for name in names])
    firsts = {tuple(sliced.by(row).values()): row for row in n_rows}
    sizes = [{**firsts[key], "people": int(columns[:, 0].sum())} for key, (_, columns) in people.items()]
    hide = sliced.people.hidden(sizes, "people", ask)
    both: dict[tuple[str, ...], tuple[Array, Array]] = {}
    for key, (buckets, columns) in people.items():
        paid = np.zeros_like(columns)
        if key in brought:
            place = {one: i for i, one in enumerate(buckets.tolist())}
            paid[[place[one] for one in brought[key][0].tolist()]] = brought[key][1]
        both[key] = buckets, np.concatenate([columns, paid], axis=1)
    out: list[Estimate] = []
    for key, drawn in draws_of(both, ask.seed).items():
        by = sliced.by(firsts[key])
        sums_of = both[key][1].sum(axis=0)
        heads, totals = sums_of[: len(names)], sums_of[len(names) :] / ground.scale
        for i, name in enumerate(names):
            here = {**by, "age": TO_DATE if name == "all" else name}
            n = int(heads[i])
            if sliced.people.attribute and by[sliced.people.attribute] in hide:
                out.append(rules.suppressed(id, ask, here, unit=unit))
            elif not n:
                out.append(rules.absent(id, rules.IMMATURE, here, unit=unit, n=0, note=f"no customer is {name} days old"))
            else:
                with np.errstate(divide="ignore", invalid="ignore"):
                    draws = drawn[:, len(names) + i] / ground.scale / drawn[:, i]
                when = "so far" if name == "all" else f"within {name} days of the first order, of customers at least as old"
                out.append(
                    money(id, float(totals[i] / n), draws, ask, here, n=n, unit=unit, note=f"{ask.basis} revenue {when}")
                )
    return out
