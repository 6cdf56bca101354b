"""Money over months: what a programme is worth today, at which rate it pays, and when it has paid back.

The rate is a year's, compounded monthly: a month's is (1 + rate) ** (1/12) - 1. Flow 0 is paid at once, flow t after t months.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.engine.engine import Engine
from persync.estimate import Estimate, percent
from persync.measure import costs, rules
from persync.measure.gain.span import months_between
from persync.measure.metric import Ask
from persync.measure.returns import Return, no_experiment, returned
from persync.measure.slices import check

DCF: Final = "roi_dcf"
PAYBACK: Final = "payback_period"
NO_DATE: Final = "no_date"
NO_IRR: Final = "no_irr"
SEVERAL_IRR: Final = "several_irr"
BEYOND: Final = "irr_beyond"
MOST: Final = 1e6
"""the highest yearly rate that is looked for, as a share"""
LEAST: Final = -0.9999
NOT_WITHIN: Final = "not_within_horizon"
SETUP: Final = "setup"
_GRID: Final = 4000


def npv(flows: Sequence[float], yearly: float) -> float:
    """Return the value today of monthly flows at a yearly rate (a share)."""
    month = (1 + yearly) ** (-1 / 12)
    return math.fsum(flow * month**t for t, flow in enumerate(flows))


def irrs(flows: Sequence[float]) -> list[float]:
    """Return the yearly rates between -99.99 % and a million at which the flows are worth nothing, ascending."""
    import numpy as np
    from scipy.optimize import brentq

    values = np.asarray(flows, float)
    if not np.any(values):
        return []
    # One root of the polynomial in the month's discount factor for each rate; it falls as the rate rises.
    factors = np.geomspace((1 + MOST) ** (-1 / 12), (1 + LEAST) ** (-1 / 12), _GRID)
    worth = np.polynomial.polynomial.polyval(factors, values)
    found = []
    for i in range(_GRID - 1):
        if worth[i] == 0:
            found.append(float(factors[i]))
        elif worth[i] * worth[i + 1] < 0:
            found.append(
                float(
                    brentq(lambda x: float(np.polynomial.polynomial.polyval(x, values)), factors[i], factors[i + 1], xtol=1e-14)
                )
            )
    return sorted(factor**-12 - 1 for factor in found)


def payback(flows: Sequence[float], yearly: float = 0.0) -> int | None:
    """Return the first month by whose end the flows, discounted, add up to nothing less; None when they never do."""
    month = (1 + yearly) ** (-1 / 12)
    total = 0.0
    for t, flow in enumerate(flows):
        total += flow * month**t
        if t and total >= -1e-9 * max(1.0, abs(flow)):
            return t
    return None


def flows(setup: float, running: float, benefit: float, months: int) -> list[float]:
    """Return set-up paid at once and, each month, the benefit less the running cost."""
    return [-setup, *([benefit - running] * months)]


def _parts(engine: Engine, one: Return, ask: Ask) -> tuple[float, float] | None:
    """Return what of a cost is set-up and what is running, in its own unit; None where the cost is not known."""
    if one.cost.value is None:
        return None
    named = one.experiment.name in costs.scopes(engine)
    scope = one.experiment.name if named else ""
    own = replace(ask, period=one.days)
    entries = [entry for entry in costs.entries(engine, own, whenever=scope) if entry.scope == scope]
    total = sum(entry.amount_minor for entry in entries)
    setup = sum(entry.amount_minor for entry in entries if entry.category == SETUP)
    at_once = float(one.cost.value) * (setup / total if total else 0.0)
    return at_once, float(one.cost.value) - at_once


def _ready(one: Return) -> str | None:
    """Return why nothing can be said of an experiment's months, None when something can."""
    if one.gain.reason or one.cost.reason:
        return one.gain.reason or one.cost.reason
    if one.gain.unit != one.cost.unit:
        return rules.MIXED_CURRENCIES
    return NO_DATE if one.days is None or one.days[1] <= one.days[0] else None


def _monthly(one: Return, ask: Ask) -> tuple[float, list[float | None]]:
    """Return how many months the gain is of, and the gain a month with its bounds."""
    assert one.days is not None
    months = months_between(*one.days, ask.timezone)
    return months, [None if x is None else float(x) / months for x in (one.gain.value, one.gain.low, one.gain.high)]


def roi_dcf(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute for every experiment net present value, the same undiscounted (`roi_dcf_undiscounted`), internal rate of return
    (`roi_dcf_irr`) and discounted payback (`roi_dcf_payback`), over the set horizon."""
    check(ask.by, (), DCF)
    return dcf_of(engine, ask, returned(engine, ask)) or [no_experiment(engine, DCF, ask)]


def dcf_of(engine: Engine, ask: Ask, found: Sequence[Return]) -> list[Estimate]:
    """Return `roi_dcf` and what stands beside it for these returns."""
    out: list[Estimate] = []
    rate, horizon = ask.costs.discount, ask.costs.horizon_months
    for one in found:
        by, unit, label = {"experiment": one.experiment.name}, one.gain.unit, one.gain.label
        ids = ((DCF, unit), (f"{DCF}_undiscounted", unit), (f"{DCF}_irr", "share"), (f"{DCF}_payback", "months"))
        parts, reason = _parts(engine, one, ask), _ready(one)
        if reason is not None or parts is None:
            out += [rules.absent(id, reason or costs.NO_COST, by, unit=u, label=label) for id, u in ids]
            continue
        months, monthly = _monthly(one, ask)
        setup, running = parts[0], parts[1] / months
        series = [None if benefit is None else flows(setup, running, benefit, horizon) for benefit in monthly]
        value, low, high = series
        assert value is not None
        note = (
            f"what {months:.1f} months of the test brought and cost a month, taken to go on for {horizon} months; set-up"
            f" {setup:,.2f} {unit} at once; {one.gain.note}"
        )
        n = one.gain.n
        for id, r in ((DCF, rate), (f"{DCF}_undiscounted", 0.0)):
            ends = [None if one_side is None else npv(one_side, r) for one_side in (low, high)]
            told = f"{percent(r, 1)} a year; {note}" if r else note
            out.append(Estimate(id, npv(value, r), ends[0], ends[1], n=n, unit=unit, label=label, by=by, note=told))
        out.append(_irr(value, low, high, by, one, note))
        out.append(_payback(f"{DCF}_payback", [value, low, high], rate, by, one, horizon, note))
    return out


def _irr(
    value: Sequence[float],
    low: Sequence[float] | None,
    high: Sequence[float] | None,
    by: dict[str, str],
    one: Return,
    note: str,
) -> Estimate:
    id, label = f"{DCF}_irr", one.gain.label
    found = irrs(value)
    if len(found) != 1:
        reason, why = (SEVERAL_IRR, f"{len(found)} rates would do") if found else _no_rate(value)
        return rules.absent(id, reason, by, unit="share", label=label, note=why)
    ends = [irrs(side) if side is not None else [] for side in (low, high)]
    bounds = [side[0] if len(side) == 1 else None for side in ends]
    return Estimate(id, found[0], bounds[0], bounds[1], n=one.gain.n, unit="share", label=label, by=by, note=note)


def _no_rate(flows: Sequence[float]) -> tuple[str, str]:
    """Return why no rate within bounds makes the flows worth nothing, as a reason and in words."""
    if not any(flow > 0 for flow in flows):
        return NO_IRR, "nothing comes back"
    if not any(flow < 0 for flow in flows):
        return NO_IRR, "nothing is paid that has to come back"
    first = next(flow for flow in flows if flow)
    last = next(flow for flow in reversed(flows) if flow)
    # At endless rates the first payment is all that counts, at -100 % the last one.
    if first < 0 < npv(flows, MOST):
        return BEYOND, f"the rate is above {percent(MOST)} a year"
    if last > 0 > npv(flows, LEAST):
        return BEYOND, f"the rate is below {percent(LEAST, 2)} a year"
    return NO_IRR, "at no rate are the payments worth nothing"


def _payback(
    id: str, series: Sequence[Sequence[float] | None], rate: float, by: dict[str, str], one: Return, horizon: int, note: str
) -> Estimate:
    value, worst, best = (None if side is None else payback(side, rate) for side in series)
    if value is None:
        told = f"not within {horizon} months; {note}"
        return rules.absent(id, NOT_WITHIN, by, unit="months", label=one.gain.label, n=one.gain.n, note=told)
    return Estimate(id, value, best, worst, n=one.gain.n, unit="months", label=one.gain.label, by=by, note=note)


def payback_period(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute for every experiment the months until what it brings in month by month reaches what it cost in all."""
    check(ask.by, (), PAYBACK)
    return payback_of(ask, returned(engine, ask)) or [no_experiment(engine, PAYBACK, ask, unit="months")]


def payback_of(ask: Ask, found: Sequence[Return]) -> list[Estimate]:
    """Return `payback_period` for these returns."""
    out: list[Estimate] = []
    horizon = ask.costs.horizon_months
    for one in found:
        by = {"experiment": one.experiment.name}
        reason = _ready(one)
        if reason is not None:
            out.append(rules.absent(PAYBACK, reason, by, unit="months", label=one.gain.label))
            continue
        months, monthly = _monthly(one, ask)
        cost = float(one.cost.value or 0.0)
        series = [None if benefit is None else flows(cost, 0.0, benefit, horizon) for benefit in monthly]
        note = f"a month brings what it brought on average in the {months:.1f} months of the test; {one.gain.note}"
        out.append(_payback(PAYBACK, series, 0.0, by, one, horizon, note))
    return out
