"""Cohorts by the month of the first order: who of them comes back, what they bring, and when they have paid for themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from persync.attribution.stability import replicate
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.margins import Margin, margin
from persync.measure.metric import Ask
from persync.measure.occasions import Ground, build, build_money, calendar, month_name
from persync.measure.texts import join, run
from persync.measure.value.cut import Cut, Row, cut, dated, money, stacked
from persync.measure.value.lifetime import as_margin
from persync.measure.value.windows import from_day

NOT_YET: Final = "not_yet"
NO_CAC: Final = "no_cac"

_CAME = (
    "SELECT o.first_month AS cohort, o.month - o.first_month AS month, COUNT(DISTINCT o.person) AS people/*columns*/"
    " FROM occasions AS o JOIN customers AS c ON c.person = o.person JOIN grouped AS g ON g.person = o.person"
    " WHERE c.first_day >= :since /*keys*/"
)
_SIZES = (
    "SELECT c.first_month AS cohort, MOD(c.bucket, 64) AS bucket, COUNT(*) AS people/*columns*/ FROM customers AS c"
    " JOIN grouped AS g ON g.person = c.person WHERE c.first_day >= :since /*keys*/"
)
_BROUGHT = (
    "SELECT y.first_month AS cohort, y.month AS month, MOD(y.bucket, 64) AS bucket, CAST(SUM(y.minor) AS BIGINT) AS minor"
    "/*columns*/ FROM customer_money AS y JOIN customers AS c ON c.person = y.person JOIN grouped AS g ON g.person = y.person"
    " WHERE c.first_day >= :since /*keys*/"
)


def _over(engine: Engine, ask: Ask, ground: Ground) -> int:
    """Return the number of the first month that is not over."""
    text = join(
        calendar(engine, ask, ground.end_at),
        "SELECT MIN(CASE WHEN n.next_day > :end_day THEN n.month ELSE n.month + 1 END) AS month FROM calendar AS n"
        " WHERE n.next_day > :end_day OR n.next_day = (SELECT MAX(x.next_day) FROM calendar AS x)",
    )
    return int(run(engine, text, {"end_day": ground.end_day})[0]["month"])


def _since(ask: Ask, ground: Ground) -> dict[str, int]:
    return {"since": ground.first_day if ask.period is None else from_day(ask, ground)}


def _cohorts(rows: list[Row], sliced: Cut) -> dict[tuple[str, ...], dict[int, int]]:
    """Return the size of each cohort, by slice."""
    out: dict[tuple[str, ...], dict[int, int]] = {}
    for row in rows:
        sizes = out.setdefault(tuple(sliced.by(row).values()), {})
        sizes[int(row["cohort"])] = sizes.get(int(row["cohort"]), 0) + int(row["people"])
    return out


def _hidden(sliced: Cut, slices: dict[tuple[str, ...], dict[int, int]], ask: Ask) -> frozenset[str]:
    """Return the values of the attribute that E1 hides, alike in every cohort."""
    if sliced.people.attribute is None:
        return frozenset()
    at = sliced.people.dimensions.index(sliced.people.attribute)
    tables: dict[tuple[str, ...], dict[str, int]] = {}
    for key, sizes in slices.items():
        for cohort, people in sizes.items():
            tables.setdefault((*key[:at], *key[at + 1 :], str(cohort)), {})[key[at]] = people
    return rules.hidden_in_any(list(tables.values()), ask.suppress_n)


def cohort_retention(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the triangle: of each first-purchase month's customers, the share who ordered in month k after it."""
    id = "cohort_retention"
    ground = build(engine, ask)
    sliced = cut(engine, ask, id)
    if not ground.customers:
        return dated([rules.absent(id, rules.NO_DENOMINATOR, {}, unit="share", n=0)], ask)
    params = _since(ask, ground)
    slices = _cohorts(sliced.rows(engine, _SIZES, params, per="c.first_month, MOD(c.bucket, 64)"), sliced)
    came = {
        (tuple(sliced.by(row).values()), int(row["cohort"]), int(row["month"])): int(row["people"])
        for row in sliced.rows(engine, _CAME, params, per="o.first_month, o.month - o.first_month")
    }
    hide = _hidden(sliced, slices, ask)
    running = _over(engine, ask, ground)
    out = []
    for key, sizes in slices.items():
        outer = dict(zip(sliced.people.dimensions, key, strict=True))
        covered = bool(sliced.people.attribute) and outer[sliced.people.attribute or ""] in hide
        for cohort, people in sorted(sizes.items()):
            for k in range(1, running - cohort + 1):
                by = {**outer, "cohort": month_name(cohort), "month": str(k)}
                if covered:
                    out.append(rules.suppressed(id, ask, by, unit="share"))
                elif cohort + k >= running:
                    out.append(rules.absent(id, rules.IMMATURE, by, unit="share"))
                else:
                    out.append(rules.share(id, came.get((key, cohort, k), 0), people, ask, by))
    return dated(out or [rules.absent(id, rules.IMMATURE, {}, unit="share")], ask)


def cohort_value(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute what each cohort's customers brought in by the end of month k, as revenue and as margin, and the month in which
    the margin passes the cost of winning a customer (`payback_month`)."""
    import numpy as np

    id = "cohort_value"
    ground = build(engine, ask)
    sliced = cut(engine, ask, id)
    unit = ground.currency or ask.currency or ""
    if not ground.customers or ground.currency is None:
        reason = rules.MIXED_CURRENCIES if ground.customers else rules.NO_DENOMINATOR
        return dated([rules.absent(id, reason, {}, unit=unit), rules.absent("payback_month", reason, {}, unit="months")], ask)
    build_money(engine, ask, ground)
    kept = margin(engine, ask, ground)
    params = _since(ask, ground)
    size_rows = sliced.rows(engine, _SIZES, params, per="c.first_month, MOD(c.bucket, 64)")
    slices = _cohorts(size_rows, sliced)
    brought = sliced.rows(engine, _BROUGHT, params, per="y.first_month, y.month, MOD(y.bucket, 64)")
    hide = _hidden(sliced, slices, ask)
    running = _over(engine, ask, ground)
    cac = _cac(engine, ask)
    people = stacked(size_rows, sliced, ("cohort", "people"))
    paid = stacked(brought, sliced, ("cohort", "month", "minor"))
    out: list[Estimate] = []
    for key, (buckets, columns) in people.items():
        outer = dict(zip(sliced.people.dimensions, key, strict=True))
        covered = bool(sliced.people.attribute) and outer[sliced.people.attribute or ""] in hide
        cohorts = sorted(slices[key])
        first, width = cohorts[0], running - cohorts[0]
        ids, place = np.unique(buckets, return_inverse=True)
        heads = np.zeros((len(ids), len(cohorts)))
        at = {cohort: i for i, cohort in enumerate(cohorts)}
        np.add.at(heads, (place, np.array([at[int(cohort)] for cohort in columns[:, 0]], np.int64)), columns[:, 1])
        cells = np.zeros((len(ids), len(cohorts), max(width, 1)))
        if key in paid:
            paid_buckets, moves = paid[key]
            months = moves[:, 1].astype(np.int64)
            keep = months < width
            where = np.searchsorted(ids, paid_buckets[keep])
            np.add.at(
                cells, (where, np.array([at[int(one)] for one in moves[keep, 0]], np.int64), months[keep]), moves[keep, 2]
            )
        total = cells.cumsum(axis=2) / ground.scale
        flat = np.concatenate([heads, total.reshape(len(ids), -1)], axis=1)
        drawn = replicate(ids, flat, ask.seed)
        drawn_heads = drawn[:, : len(cohorts)]
        drawn_money = drawn[:, len(cohorts) :].reshape(len(drawn), *total.shape[1:])
        for i, cohort in enumerate(cohorts):
            n = int(heads[:, i].sum())
            curve: list[Estimate] = []
            for k in range(running - cohort):
                by = {**outer, "cohort": month_name(cohort), "month": str(k)}
                if covered:
                    curve.append(rules.suppressed(id, ask, by, unit=unit))
                    continue
                with np.errstate(divide="ignore", invalid="ignore"):
                    draws = drawn_money[:, i, k] / drawn_heads[:, i]
                value = float(total[:, i, k].sum() / n)
                curve.append(money(id, value, draws, ask, by, n=n, unit=unit, note=f"{ask.basis} revenue to the month's end"))
            if not curve:
                by = {**outer, "cohort": month_name(cohort), "month": "0"}
                curve.append(rules.absent(id, rules.IMMATURE, by, unit=unit))
            as_kept = [as_margin(one, kept) for one in curve]
            out += [*curve, *as_kept, _payback(as_kept, cac, kept, {**outer, "cohort": month_name(cohort)}, n)]
        assert first <= running
    return dated(out, ask)


def _payback(curve: list[Estimate], cac: Estimate, kept: Margin, by: dict[str, str], n: int) -> Estimate:
    """Return the first month by whose end the margin a customer passes what it cost to win one."""
    id = "payback_month"
    known = [one for one in curve if one.value is not None]
    if cac.value is None:
        return rules.absent(
            id, NO_CAC, by, unit="months", note=f"cost of winning a customer: {(cac.reason or '').replace('_', ' ')}"
        )
    if not known:
        return rules.absent(id, curve[0].reason or kept.reason or rules.IMMATURE, by, unit="months")
    if cac.unit != known[0].unit:
        return rules.absent(id, rules.MIXED_CURRENCIES, by, unit="months")
    bar = float(cac.value)
    passed = [int(one.by["month"]) for one in known if float(one.value or 0.0) >= bar]
    note = f"cost of winning a customer {bar:,.2f} {cac.unit}"
    if not passed:
        return rules.absent(id, NOT_YET, by, unit="months", n=n, note=f"not within {len(known)} months; {note}")
    sure = [int(one.by["month"]) for one in known if one.low is not None and one.low >= bar]
    hoped = [int(one.by["month"]) for one in known if one.high is not None and one.high >= bar]
    return Estimate(id, passed[0], hoped[0] if hoped else None, sure[0] if sure else None, n=n, unit="months", by=by, note=note)


def _cac(engine: Engine, ask: Ask) -> Estimate:
    """Return the cost of winning a customer over the same time, from its own metric where there is one."""
    from persync.measure.registry import METRICS

    metric = next((one for one in METRICS if one.id == "cac"), None)
    if metric is None:
        return rules.absent("cac", "no_cost", {})
    found = [one for one in metric.compute(engine, replace(ask, by=(), arm=None)) if one.id == "cac" and not one.by]
    return found[0] if found else rules.absent("cac", "no_cost", {})
