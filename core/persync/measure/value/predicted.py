"""What customers will bring in the next months, how sure that is, and how well the same way would have told the last months."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from persync.engine.engine import Engine
from persync.estimate import Estimate, percent
from persync.measure import intervals, rules
from persync.measure.margins import margin
from persync.measure.metric import Ask
from persync.measure.occasions import Ground, build, build_money
from persync.measure.value.curve import from_curve
from persync.measure.value.cut import Cut, Row, cut, dated
from persync.measure.value.lifetime import as_margin

if TYPE_CHECKING:
    import numpy as np

    from persync.measure.btyd.cells import Cells

    Array = np.ndarray[Any, Any]

ID: Final = "cltv_predictive"
BACKTEST: Final = "cltv_backtest"
BACKTEST_MONEY: Final = "cltv_backtest_money"
ALIVE: Final = "customers_active"
ORDERS: Final = "orders_expected"
NO_FIT: Final = "no_fit"
TOO_FEW_REPEATERS: Final = "too_few_repeat_buyers"
HOLDOUT_DAYS: Final = 182
_CELLS: Final = 1_500
"""cells that the slope of the value by the parameters is taken on, of all slices together"""
_FEWEST_CELLS: Final = 40
_MOVE: Final = 1e-3
_DEPENDENT: Final = 0.3
"""a correlation of how often and how much that Gamma-Gamma does not bear"""

_HISTORIES = (
    "SELECT c.repeats AS x, c.last_day - c.first_day AS t_x, :end_day - c.first_day AS age, COUNT(*) AS n,"
    " SUM(CAST(c.repeat_minor AS DOUBLE)) AS spent/*columns*/ FROM customers AS c JOIN grouped AS g ON g.person = c.person"
    " WHERE c.first_day < :end_day /*keys*/"
)
_PER: Final = "c.repeats, c.last_day - c.first_day, :end_day - c.first_day"
_MEANS = (
    "SELECT c.repeats AS x, CAST(c.repeat_minor AS DOUBLE) / c.repeats AS mean FROM customers AS c"
    " WHERE c.repeats > 0 AND c.repeat_minor > 0 AND c.first_day < :end_day ORDER BY c.person"
)
_MEANS_THEN = (
    "SELECT p.x AS x, p.minor / p.x AS mean FROM (SELECT o.person AS person, SUM(CASE WHEN o.number > 1 THEN 1e0 ELSE 0e0 END)"
    " AS x, SUM(CASE WHEN o.number > 1 THEN CAST(o.revenue_minor AS DOUBLE) ELSE 0e0 END) AS minor FROM occasions AS o"
    " WHERE o.day < :end_day GROUP BY o.person) AS p WHERE p.x > 0 AND p.minor > 0 ORDER BY p.person"
)
_THEN = (
    "SELECT p.x AS x, p.t_x AS t_x, p.age AS age, COUNT(*) AS n, SUM(p.spent) AS spent, SUM(p.later) AS later,"
    " SUM(p.later * p.later) AS squares, SUM(p.brought) AS brought, SUM(p.brought * p.brought) AS brought_squares"
    " FROM (SELECT o.person AS person,"
    " SUM(CASE WHEN o.day < :cut_day THEN 1 ELSE 0 END) - 1 AS x,"
    " MAX(CASE WHEN o.day < :cut_day THEN o.day END) - MIN(o.day) AS t_x, :cut_day - MIN(o.day) AS age,"
    " SUM(CASE WHEN o.day < :cut_day AND o.number > 1 THEN CAST(o.revenue_minor AS DOUBLE) ELSE 0e0 END) AS spent,"
    " SUM(CASE WHEN o.day >= :cut_day AND o.day < :end_day THEN 1e0 ELSE 0e0 END) AS later,"
    " SUM(CASE WHEN o.day >= :cut_day AND o.day < :end_day THEN CAST(o.revenue_minor AS DOUBLE) ELSE 0e0 END) AS brought"
    " FROM occasions AS o GROUP BY o.person HAVING MIN(o.day) < :cut_day) AS p GROUP BY p.x, p.t_x, p.age"
    " ORDER BY p.x, p.t_x, p.age"  # sums of many doubles differ by their order, and the fit by them
)


@dataclass(frozen=True, slots=True)
class Histories:
    """Customers in cells, and what the repeats of all customers of a cell came to (minor units)."""

    cells: Cells
    spent: Array


@dataclass(frozen=True, slots=True)
class Model:
    """A fit of how often and a fit of how much (or a mean, where values do not differ), on all customers."""

    name: str
    counts: Any
    values: Any
    mean: float
    """the mean repeat purchase in minor units, which stands in where no Gamma-Gamma is found"""
    dependence: float
    repeaters: int


def histories(rows: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> Histories:
    """Return cells from rows, or from columns, of x, t_x and age in days, n and spent."""
    import numpy as np

    from persync.measure.btyd.cells import WEEK, Cells

    if isinstance(rows, Mapping):
        columns = {name: np.asarray(rows.get(name, ()), np.float64) for name in ("x", "t_x", "age", "n", "spent")}
    else:
        columns = {name: np.array([float(row[name]) for row in rows]) for name in ("x", "t_x", "age", "n", "spent")}
    x = columns["x"]
    return Histories(Cells(x, columns["t_x"] / WEEK, columns["age"] / WEEK, columns["n"]), columns["spent"])


def fitted(
    engine: Engine, ask: Ask, end_day: int, every: Histories, means: str = _MEANS, *, covariance: bool = True
) -> Model | None:
    """Fit both models to all customers; None where how often has no maximum. `means` is the query for the repeat buyers' mean
    purchases known at `end_day`; without `covariance` nothing can be said of how sure the fit of how often is."""
    import numpy as np

    from persync.measure.btyd import gammagamma, worth

    cells = every.cells
    if ask.value.model == "pareto_nbd" and len(cells.x) > _CELLS:
        from persync.measure.btyd.cells import fold

        cells = fold(cells.x, cells.t_x, cells.T, cells.n, step=4.0 if len(cells.x) > 10 * _CELLS else 1.0)
    counts = worth.MODELS[ask.value.model].fit(cells, covariance=covariance)
    if counts is None:
        return None
    frame = engine.frame(means, {"end_day": end_day})
    x = np.asarray(frame.get("x", np.zeros(0)), np.float64)
    mean = np.asarray(frame.get("mean", np.zeros(0)), np.float64)
    values = gammagamma.fit(x, mean)
    if values is not None and values.parameters[1] <= 1.01:
        values = None  # without a finite mean nothing can be said of those who bought once
    total = float(every.cells.n @ every.cells.x)
    average = float(every.spent.sum()) / total if total else 0.0
    return Model(ask.value.model, counts, values, average, gammagamma.dependence(x, mean), int(every.cells.repeaters))


def per_purchase(model: Model, of: Histories, values: Array | None = None) -> Array:
    """Return the value expected of a purchase of a customer of each cell, in minor units."""
    import numpy as np

    from persync.measure.btyd import gammagamma

    if model.values is None:
        return np.full(len(of.cells.x), model.mean)
    parameters = np.array(model.values.parameters) if values is None else values
    # What a customer without net repeats is expected to spend is everybody's mean.
    return gammagamma.expected(parameters, of.cells.x, np.maximum(of.spent / of.cells.n, 0.0))


def told(model: Model, of: Histories, ask: Ask, cells: int = _CELLS) -> tuple[Array, Array]:
    """Return what is expected of the average customer of `of`, and its standard errors: discounted money (minor units),
    purchases, and the chance to be a customer still.

    The errors are the delta method's: how the numbers move with the logarithms of the fitted parameters, times their
    covariance. They are those of what customers like these will do on average, not of what one of them will.
    """
    import numpy as np

    from persync.measure.btyd import worth
    from persync.measure.btyd.cells import dot

    months, rate = ask.value.horizon_months, worth.monthly(ask.value.discount)

    def ahead(counts: Array, part: Histories) -> tuple[Array, Array, Array]:
        return worth.outlook(model.name, counts, part.cells, months, rate)

    def means(outlook: tuple[Array, Array, Array], values: Array | None, part: Histories) -> Array:
        often, many, alive = outlook
        each = often * per_purchase(model, part, values)
        return np.array([dot(one, part.cells.n) for one in (each, many, alive)]) / part.cells.customers

    here = np.array(model.counts.parameters)
    found = means(ahead(here, of), None, of)
    part = thinned(of, cells)
    now = ahead(here, part)  # how often does not move with the parameters of how much
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.nan_to_num(found / means(now, None, part))
    variance = np.zeros(3)
    for fit, is_counts in ((model.counts, True), (model.values, False)):
        if fit is None:
            continue
        if fit.covariance is None:
            return found, np.full(3, np.inf)
        logs = fit.logs
        slopes = np.empty((len(logs), 3))
        for i in range(len(logs)):
            ends = []
            for sign in (1, -1):
                moved = np.exp(logs + sign * _MOVE * (np.arange(len(logs)) == i))
                ends.append(means(ahead(moved, part), None, part) if is_counts else means(now, moved, part))
            slopes[i] = (ends[0] - ends[1]) / (2 * _MOVE) * scale
        variance += np.einsum("ik,ij,jk->k", slopes, fit.covariance, slopes)
    return found, np.sqrt(np.maximum(variance, 0.0))


def thinned(of: Histories, cells: int) -> Histories:
    """Return about so many cells that stand for all, evenly through them: enough for a slope."""
    from persync.measure.btyd.cells import Cells

    step = max(1, len(of.cells.x) // cells)
    if step == 1:
        return of
    c = of.cells
    return Histories(Cells(c.x[::step], c.t_x[::step], c.T[::step], c.n[::step]), of.spent[::step])


def cltv_predictive(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute what a customer is expected to bring in over the horizon, the share of customers still active, and the error of
    the same prediction made at an earlier day for the time since."""
    ground = build(engine, ask)
    sliced = cut(engine, ask, ID)
    unit = ground.currency or ask.currency or ""
    if not ground.customers or ground.currency is None:
        reason = rules.MIXED_CURRENCIES if ground.customers else rules.NO_DENOMINATOR
        return dated([rules.absent(ID, reason, {}, unit=unit)], ask)
    kept = margin(engine, ask, ground)
    every = all_histories(engine, ground)
    few = every.cells.repeaters < ask.value.min_repeat_buyers
    model = None if few else fitted(engine, ask, ground.end_day, every)
    if model is None:
        why = (
            f"{int(every.cells.repeaters):,} repeat buyers are fewer than {ask.value.min_repeat_buyers}:"
            " the cohort curve stands in"
            if few
            else "no model fits: the cohort curve stands in"
        )
        build_money(engine, ask, ground)
        found = [rules.with_note(one, why) for one in from_curve(engine, ask, ground, sliced, ID)]
        reason = TOO_FEW_REPEATERS if few else NO_FIT
        out = [both for one in found for both in (one, as_margin(one, kept))]
        out += [rules.absent(ORDERS, reason, {}, unit="orders"), rules.absent(ALIVE, reason, {}, unit="share")]
        return dated(out if ask.by else [*out, *_untried(reason)], ask)
    out = []
    slices = _slices(engine, ask, ground, sliced, every, out)
    cells = max(_FEWEST_CELLS, _CELLS // max(1, len(slices)))
    for by, of in slices:
        three = _told(model, of, ask, ground, by, unit, cells)
        out += [three[0], as_margin(three[0], kept), *three[1:]]
    if not ask.by:
        out += backtest(engine, ask, ground)
    return dated(out, ask)


def all_histories(engine: Engine, ground: Ground) -> Histories:
    text = _HISTORIES.replace("/*columns*/", "").replace(" JOIN grouped AS g ON g.person = c.person", "")
    return histories(engine.frame(text.replace("/*keys*/", f"GROUP BY {_PER} ORDER BY 1, 2, 3"), {"end_day": ground.end_day}))


def _slices(
    engine: Engine, ask: Ask, ground: Ground, sliced: Cut, every: Histories, out: list[Estimate]
) -> list[tuple[dict[str, str], Histories]]:
    if not ask.by:
        return [({}, every)]
    found: dict[tuple[Any, ...], list[Row]] = {}
    columns = [f"d{i}" for i in range(len(ask.by))]
    for row in sliced.rows(engine, _HISTORIES, {"end_day": ground.end_day}, per=_PER):
        found.setdefault(tuple(row[column] for column in columns), []).append(row)
    sizes: list[Row] = [{**rows[0], "n": sum(int(row["n"]) for row in rows)} for rows in found.values()]
    hide = sliced.people.hidden(sizes, "n", ask)
    kept = []
    for rows in found.values():
        by = sliced.by(rows[0])
        if sliced.people.attribute and by[sliced.people.attribute] in hide:
            out.append(rules.suppressed(ID, ask, by, unit=ground.currency or ""))
        else:
            kept.append((by, histories(rows)))
    return kept


def _told(model: Model, of: Histories, ask: Ask, ground: Ground, by: dict[str, str], unit: str, cells: int) -> list[Estimate]:
    n = int(of.cells.customers)
    if n < ask.suppress_n:
        return [rules.suppressed(id, ask, by, unit=u) for id, u in ((ID, unit), (ORDERS, "orders"), (ALIVE, "share"))]
    found, errors = told(model, of, ask, cells)
    if not all(map(math.isfinite, found)):
        return [rules.absent(id, NO_FIT, by, unit=u, n=n) for id, u in ((ID, unit), (ORDERS, "orders"), (ALIVE, "share"))]
    z = intervals.normal_quantile(ask.confidence)
    ends = [_ends(float(value), float(error) * z) for value, error in zip(found, errors, strict=True)]
    money, low, high = (None if one is None else one / ground.scale for one in (float(found[0]), *ends[0]))
    name = {"bg_nbd": "BG/NBD", "pareto_nbd": "Pareto/NBD"}[model.name]
    how = f"{name} x Gamma-Gamma" if model.values is not None else f"{name} x the mean repeat purchase"
    note = (
        f"{how}, {ask.basis} revenue of the next {ask.value.horizon_months} months at {percent(ask.value.discount)} a year;"
        " interval of the average customer, from the fit (delta method)"
    )
    if abs(model.dependence) > _DEPENDENT:
        note += f"; how often and how much go together (correlation {model.dependence:.2f}), which the model takes not to be"
    if ask.by:
        note += "; fitted to all customers"
    small = rules.smallness(n, None, ask)
    months = f"next {ask.value.horizon_months} months"
    top = None if ends[2][1] is None else min(1.0, ends[2][1])
    made = [
        Estimate(ID, money, low, high, n=n, unit=unit, by=by, note=note),
        Estimate(ORDERS, float(found[1]), *ends[1], n=n, unit="orders", by=by, note=f"a customer, {months}"),
        Estimate(
            ALIVE, float(found[2]), ends[2][0], top, n=n, unit="share", by=by, note=f"by {name}: nobody says that they left"
        ),
    ]
    return [rules.with_note(one, small) for one in made]


def _ends(value: float, half: float) -> tuple[float | None, float | None]:
    """Return the interval on the log scale, where an error cannot make what is positive negative."""
    if value <= 0 or not math.isfinite(half) or half > 100 * value:
        return None, None
    return value * math.exp(-half / value), value * math.exp(half / value)


def backtest(engine: Engine, ask: Ask, ground: Ground) -> list[Estimate]:
    """Return by how much the purchases, and the money, predicted at an earlier day miss those that came since, as a share of
    these.

    How often and how much are fitted to what was known then alone: the last half year is held out, or the last third of a
    shorter history. Nothing is discounted. The intervals are those of what came, customers drawn.
    """
    import numpy as np

    from persync.measure.btyd import worth
    from persync.measure.btyd.cells import WEEK

    days = min(HOLDOUT_DAYS, ground.days // 3)
    if days < 4 * WEEK:
        return _untried(rules.IMMATURE, "too short a history to hold a part of it out")
    cut_day = ground.end_day - days
    frame = engine.frame(_THEN, {"cut_day": cut_day, "end_day": ground.end_day})
    then = histories(frame)
    if then.cells.repeaters < ask.value.min_repeat_buyers:
        return _untried(TOO_FEW_REPEATERS, f"{int(then.cells.repeaters):,} repeat buyers {days} days ago")
    model = fitted(engine, ask, cut_day, then, _MEANS_THEN, covariance=False)
    if model is None:
        return _untried(NO_FIT)
    many = worth.MODELS[model.name].expected(np.array(model.counts.parameters), then.cells, days / WEEK)
    each = per_purchase(model, then)
    n, unit = int(then.cells.customers), ground.currency or ""
    since, known = f"in the last {days} days", "from what was known before them"

    def summed(column: str) -> float:
        return float(np.asarray(frame[column], np.float64).sum())

    predicted, came = float((many * then.cells.n).sum()), summed("later")
    purchases = (
        f"predicted {predicted:,.0f} purchases {since} {known}, {came:,.0f} came; a customer {predicted / n:.2f} against"
        f" {came / n:.2f}"
    )
    money, brought = float((many * each * then.cells.n).sum()) / ground.scale, summed("brought") / ground.scale
    worth_ = (
        f"predicted {money:,.2f} {unit} {since} {known}, {brought:,.2f} {unit} came; a customer {money / n:,.2f} against"
        f" {brought / n:,.2f}"
    )
    if model.values is None:
        worth_ += "; by the mean repeat purchase"
    return [
        _missed(BACKTEST, predicted, came, summed("squares"), n, ask, purchases),
        _missed(BACKTEST_MONEY, money, brought, summed("brought_squares") / ground.scale**2, n, ask, worth_),
    ]


def _untried(reason: str, note: str = "") -> list[Estimate]:
    return [rules.absent(id, reason, {}, unit="share", note=note) for id in (BACKTEST, BACKTEST_MONEY)]


def _missed(id: str, predicted: float, came: float, squares: float, n: int, ask: Ask, note: str) -> Estimate:
    """Return predicted ÷ came − 1, with the interval of what came: the sum over `n` customers whose squares are known."""
    if not math.isfinite(predicted):
        return rules.absent(id, NO_FIT, {}, unit="share")
    if came <= 0:
        return rules.absent(id, rules.NO_DENOMINATOR, {}, unit="share", n=n)
    error = math.sqrt(max(squares - came * came / n, 0.0)) * intervals.normal_quantile(ask.confidence)
    high = predicted / (came - error) - 1 if came > error else None
    return Estimate(id, predicted / came - 1, predicted / (came + error) - 1, high, n=n, unit="share", note=note)
