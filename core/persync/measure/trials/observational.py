"""Uplift without a test (catalogue 76): who got personalised mail against who got plain mail, adjusted for what was known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from persync.attribution.horizon import orders_note, orders_until
from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import OBSERVATIONAL, Estimate
from persync.measure import rules
from persync.measure.intervals import Interval, Moments
from persync.measure.metric import Ask
from persync.measure.slices import check
from persync.measure.texts import bounds, frame, join, piece, run
from persync.measure.trials import adjusting
from persync.measure.trials.cuped import covariates
from persync.money import exponent

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, Any]

ID: Final = "observational_uplift"
ROW_LIMIT: Final = 2_000_000
BEFORE: Final = ("orders_before", "revenue_before", "days_since")
_COLUMNS: Final = ("treated", "bought", "revenue", "placebo", *BEFORE)
ONE_GROUP: Final = "one_group"


def observational_uplift(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the adjusted differences with their checks: `observational_uplift` by outcome and method (overlap, aipw; for
    revenue also did), `balance` by covariate and weights, `overlap`, `placebo`, `e_value`."""
    check(ask.by, (), ID)
    build_orders(engine)
    names = covariates(engine)
    frame, unit = _frame(engine, ask, names)
    import numpy as np

    treated = np.asarray(frame.get("treated", ()), float)
    sides = [int((treated == 1).sum()), int((treated == 0).sum())]
    reason = rules.NO_DENOMINATOR if not len(treated) else ONE_GROUP if not min(sides) else None
    if min(sides) < ask.suppress_n and reason is None:
        reason = rules.SUPPRESSED
    if reason is not None:
        note = "all whose level is known got mail of one kind" if reason == ONE_GROUP else ""
        anybody = join(piece("sends"), "SELECT s.person AS person FROM sends AS s WHERE s.level IS NOT NULL LIMIT 1")
        if not len(treated) and run(engine, anybody, bounds(ask.period)):
            reason, note = rules.IMMATURE, orders_note(orders_until(engine, ask), ask)
        return [replace(rules.absent(ID, reason, {}, label=OBSERVATIONAL, note=note), period=ask.period)]
    return [replace(e, period=ask.period) for e in _estimates(frame, treated, names, unit, ask)]


def _frame(engine: Engine, ask: Ask, names: list[str]) -> tuple[dict[str, Floats], str | None]:
    params: dict[str, Any] = {
        **bounds(ask.period),
        "window_ms": round(ask.lookback_days * rules.DAY),
        "until": orders_until(engine, ask),
        "gross": int(ask.basis == "gross"),
    }
    columns = ", ".join(f"CAST(o.{name} AS DOUBLE) AS {name}" for name in _COLUMNS)
    texts, joins = [piece("sends"), piece("order_money"), piece("observed")], ""
    for i, name in enumerate(names):
        text = piece("covariates").replace("covariates AS (", f"covariate_{i} AS (", 1).replace(":attribute", f":attribute_{i}")
        texts.append(text)
        joins += f" LEFT JOIN covariate_{i} AS c{i} ON c{i}.person = o.person"
        columns += f", CAST(c{i}.x AS DOUBLE) AS x{i}"
        params[f"attribute_{i}"] = name
    ends = "SELECT MIN(o.currency_low) AS currency_low, MAX(o.currency_high) AS currency_high FROM observed AS o"
    (row,) = run(engine, join(*texts[:3], ends), params)
    sql = join(*texts, f"SELECT {columns} FROM observed AS o{joins} ORDER BY o.person")
    return frame(engine, sql, params, limit=ROW_LIMIT), rules.one_currency([row["currency_low"], row["currency_high"]])


def _estimates(frame: dict[str, Floats], treated: Floats, names: list[str], unit: str | None, ask: Ask) -> list[Estimate]:
    import numpy as np

    scale = 10.0 ** exponent(unit or "")
    money = {name: np.asarray(frame[name], float) / scale for name in ("revenue", "placebo", "revenue_before")}
    known = [np.asarray(frame[name], float) for name in ("orders_before", "days_since")]
    extra, extra_names = _attributes(frame, names)
    early = np.column_stack([*known, money["revenue_before"], *extra])
    early_names = ("orders_before", "days_since", "revenue_before", *extra_names)
    every, every_names = np.column_stack([early, money["placebo"]]), (*early_names, "revenue_just_before")
    chance = adjusting.propensity(treated, every)
    n, bought = len(treated), np.asarray(frame["bought"], float)
    small = _smallness(treated, bought, ask)
    out: list[Estimate] = []

    def add(id: str, interval: Interval | None, unit: str, **by: str) -> None:
        made = rules.from_interval(id, interval, n=n, unit=unit, by=by, label=OBSERVATIONAL)
        out.append(rules.with_note(made, small))

    add(
        ID,
        adjusting.overlap_weighted(bought, treated, chance, every, ask.confidence),
        "points",
        outcome="conversion",
        method="overlap",
    )
    add(
        ID,
        adjusting.doubly_robust(bought, treated, chance, every, ask.confidence),
        "points",
        outcome="conversion",
        method="aipw",
    )
    if unit is None:
        out.append(rules.absent(ID, rules.MIXED_CURRENCIES, {"outcome": "revenue"}, label=OBSERVATIONAL))
    else:
        money_unit = unit or ask.currency or ""
        revenue = money["revenue"]
        add(
            ID,
            adjusting.overlap_weighted(revenue, treated, chance, every, ask.confidence),
            money_unit,
            outcome="revenue",
            method="overlap",
        )
        add(
            ID,
            adjusting.doubly_robust(revenue, treated, chance, every, ask.confidence),
            money_unit,
            outcome="revenue",
            method="aipw",
        )
        change = revenue - money["placebo"]
        sides = [_moments(change[treated == side]) for side in (1, 0)]
        did = adjusting.difference_in_differences(sides[0], sides[1], ask.confidence)
        add(ID, did, money_unit, outcome="revenue", method="did")
        before = adjusting.propensity(treated, early)
        placebo = adjusting.overlap_weighted(money["placebo"], treated, before, early, ask.confidence)
        add("placebo", placebo, money_unit, outcome="revenue just before", method="overlap")
        failed = placebo.low > 0 or placebo.high < 0
        said = "differs before any mail: the adjustment failed" if failed else "no difference before the mail is shown"
        out[-1] = rules.with_note(out[-1], said)
        if failed:
            out = [rules.with_note(e, "its placebo failed") if e.id == ID else e for e in out]
    inside = int(((chance > 0.05) & (chance < 0.95)).sum())
    share = replace(rules.share("overlap", inside, n, replace(ask, report_n=0), {}), label=OBSERVATIONAL)
    out.append(rules.with_note(share, "the two kinds of people hardly overlap" if inside < 0.8 * n else ""))
    for balance in adjusting.balances(every, every_names, treated, chance):
        for weights, value in (("before", balance.before), ("after", balance.after)):
            note = "out of balance" if weights == "after" and abs(value) > 0.1 else ""
            by = {"covariate": balance.name, "weights": weights}
            out.append(Estimate("balance", value, n=n, by=by, label=OBSERVATIONAL, note=note))
    out += _e_values(bought, treated, chance, out[0])
    return out


def _attributes(frame: dict[str, Floats], names: list[str]) -> tuple[list[Floats], tuple[str, ...]]:
    """Return the numeric attributes, a missing one at the mean and marked as missing in a column of its own."""
    import numpy as np

    columns, titles = [], []
    for i, name in enumerate(names):
        x = np.asarray(frame[f"x{i}"], float)
        lacking = np.isnan(x)
        if lacking.all():
            continue
        columns.append(np.where(lacking, np.nanmean(x), x))
        titles.append(name)
        if lacking.any():
            columns.append(lacking.astype(float))
            titles.append(f"{name} unknown")
    return columns, tuple(titles)


def _moments(values: Floats) -> Moments:
    return Moments(len(values), float(values.mean()), float(values.var(ddof=1)) if len(values) > 1 else 0.0)


def _smallness(treated: Floats, bought: Floats, ask: Ask) -> str:
    sides = [(int((treated == side).sum()), int(bought[treated == side].sum())) for side in (1, 0)]
    return rules.smallness(min(n for n, _ in sides), min(events for _, events in sides), ask)


def _e_values(bought: Floats, treated: Floats, chance: Floats, difference: Estimate) -> list[Estimate]:
    """Return the E-value of the difference in conversion, and that of the end of its interval nearer to none, which is 1 where
    the interval holds none (VanderWeele & Ding 2017); the end as a ratio to the share of the others as it was found."""
    w = [(1 - chance)[treated == 1], chance[treated == 0]]
    shares = [float((w[0] * bought[treated == 1]).sum() / w[0].sum()), float((w[1] * bought[treated == 0]).sum() / w[1].sum())]
    by = {"outcome": "conversion"}
    if min(shares) <= 0:
        return [rules.absent("e_value", rules.NO_DENOMINATOR, by, unit="ratio", label=OBSERVATIONAL)]
    low, high = float(difference.low or 0.0), float(difference.high or 0.0)
    least = adjusting.e_value(max(0.0, shares[1] + (low if low > 0 else min(0.0, high))) / shares[1])
    said = "a hidden cause this much commoner in one group and among buyers would"
    held = "the interval holds no difference as it is" if least == 1 else f"{said} make the interval hold no difference"
    point = Estimate(
        "e_value", adjusting.e_value(shares[0] / shares[1]), n=difference.n, unit="ratio", by=by, label=OBSERVATIONAL
    )
    return [
        replace(point, note=f"{said} explain the value away"),
        replace(point, value=least, by={**by, "of": "interval"}, note=held),
    ]
