"""What came back for the cost by each attribution model, side by side: how far they lie apart is what they say.

Credit is not cause. A model's return says what the rule gives to a channel over what the channel cost; only an experiment's
return (returns.py) says whether the money would have come without it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from persync.attribution import ledger
from persync.attribution.basis import basis_of
from persync.attribution.credit import only_currency, period_sql
from persync.attribution.datadriven import prepared
from persync.attribution.journeys import PACKAGE
from persync.attribution.models import MODELS, AttributionModel
from persync.attribution.registry import FITTED
from persync.engine.engine import Engine
from persync.engine.texts import load
from persync.estimate import Estimate, percent
from persync.measure import costs, intervals, rules
from persync.measure.metric import Ask, Metric
from persync.measure.returns import cost_of
from persync.measure.slices import check
from persync.money import exponent

ROI: Final = "attribution_model_roi"
SPREAD: Final = "attribution_model_roi_spread"
ROAS: Final = "roas"
COST_PER_ORDER: Final = "cost_per_credited_order"
EMAIL: Final = "email"
NO_ORDERS: Final = "no_orders"
NO_CREDIT: Final = "no_credit"
NOT_CAUSED: Final = "credited, not caused"


@dataclass(frozen=True, slots=True)
class _Credited:
    """What one model gives one channel, in major units and orders, each with its standard error."""

    money: float
    money_error: float
    orders: float
    orders_error: float
    n: int

    def halves(self, money: float, error: float, model: AttributionModel, z: float, channel: str) -> tuple[float, float]:
        """Return how far below and above `money` (or orders) its interval reaches.

        The holdout's interval of what e-mail keeps under a calibrated model is joined to that of the credit (Zou & Donner's
        square-and-add of the two distances, Statistics in Medicine 27, 2008).
        """
        share = model.against.share if model.against is not None and channel == EMAIL else None
        if share is None or share.low is None or share.high is None or model.against.factor <= 0.0:
            return z * error, z * error
        scale, kept = money / model.against.factor, model.against.factor
        low, high = (min(max(bound, 0.0), 1.0) for bound in (share.low, share.high))
        return math.hypot(z * error, scale * (kept - low)), math.hypot(z * error, scale * (high - kept))


def model_returns(engine: Engine, models: Sequence[AttributionModel], ask: Ask) -> list[Estimate]:
    """Return `roas`, `attribution_model_roi` and `cost_per_credited_order` by model and channel, and each channel's spread.

    Channels are e-mail and those that costs name as their scope; every other cost is e-mail's. The gain is the credit on the
    asked basis: margin as it is, net revenue times the setting `margin` where there is one, else revenue, and the note says
    which. Intervals take customers as drawn from such customers (each one's credit a draw); the cost is taken as known. Models
    that do not sum to the order are left out. Null `no_cost` when nothing was entered, `no_orders` without orders.
    """
    used = [model for model in prepared(engine, models, ask) if model.sums_to == "order" and not model.reason]
    entries = costs.entries(engine, ask)
    if not used:
        return []
    ledger.build(engine, used, replace(ask, lift=None), narrow=True)
    unit = only_currency(engine, ask)
    found = _credited(engine, used, ask, unit) if unit else {}
    scopes = sorted({entry.scope for entry in entries} & {channel for channel, _ in found} - {EMAIL})
    known = bool(costs.scopes(engine))
    out: list[Estimate] = []
    for channel in (EMAIL, *scopes):
        own = [e for e in entries if (e.scope == channel if channel != EMAIL else e.scope not in scopes)]
        cost = cost_of(own, replace(ask, currency=unit or None), {"channel": channel}, known=known, named=channel == EMAIL)
        rows = [_returns(model, found.get((channel, model.name)), channel, cost, ask, unit) for model in used]
        out += [estimate for three in rows for estimate in three]
        out.append(_spread([three[1] for three in rows], channel))
    return out


def _credited(engine: Engine, models: Sequence[AttributionModel], ask: Ask, unit: str) -> dict[tuple[str, str], _Credited]:
    """Return (channel, model) -> what it is given. An order is shared out as its money is."""
    condition, params = period_sql("c.touched_at" if ask.reporting == "accrual" else "c.event_at", ask)
    engine.write(load("order_customers", PACKAGE), None, "order_customers")
    names = [model.name for model in models]
    inner = ", ".join(f"CAST(SUM(c.{m}) AS DOUBLE) AS {m}" for m in names)
    whole = names[0]
    shares = ", ".join(
        f"SUM(o.{m}) AS {m}, SUM(CASE WHEN o.is_counted = 1 AND t.whole <> 0e0 THEN o.{m} / t.whole ELSE 0e0 END) AS s_{m},"
        f" SUM(CASE WHEN o.is_counted = 1 AND o.{m} <> 0e0 THEN 1 ELSE 0 END) AS n_{m}"
        for m in names
    )
    totals = ", ".join(
        f"SUM(p.{m}) AS {m}, SUM(p.{m} * p.{m}) AS q_{m}, SUM(p.s_{m}) AS s_{m}, SUM(p.s_{m} * p.s_{m}) AS r_{m},"
        f" SUM(p.n_{m}) AS n_{m}"
        for m in names
    )
    rows = engine.rows(
        f"WITH by_order AS (SELECT c.order_id, c.word, c.is_counted, {inner} FROM credit_ledger AS c"
        f" WHERE c.reason = '' AND {condition} GROUP BY c.order_id, c.word, c.is_counted),"
        f" wholes AS (SELECT c.order_id, CAST(SUM(c.{whole}) AS DOUBLE) AS whole FROM credit_ledger AS c"
        f" WHERE {condition} GROUP BY c.order_id),"
        f" by_person AS (SELECT o.word, COALESCE(k.person, -o.order_id) AS person, {shares} FROM by_order AS o"
        " JOIN wholes AS t ON t.order_id = o.order_id LEFT JOIN order_customers AS k ON k.order_id = o.order_id"
        " GROUP BY o.word, COALESCE(k.person, -o.order_id))"
        f" SELECT COALESCE(w.text, '') AS channel, {totals} FROM by_person AS p LEFT JOIN words AS w ON w.word = p.word"
        " GROUP BY COALESCE(w.text, '')",
        params,
    )
    scale = 10.0 ** exponent(unit)

    def one(row: dict[str, Any], m: str) -> _Credited:
        money, square = float(row[m]) / scale, float(row[f"q_{m}"]) / scale**2
        return _Credited(money, math.sqrt(square), float(row[f"s_{m}"]), math.sqrt(float(row[f"r_{m}"])), int(row[f"n_{m}"]))

    return {(str(row["channel"]), m): one(row, m) for row in rows for m in names}


def _returns(
    model: AttributionModel, given: _Credited | None, channel: str, cost: Estimate, ask: Ask, unit: str
) -> tuple[Estimate, Estimate, Estimate]:
    by = {"model": model.name, "channel": channel}
    ids = ((ROAS, "ratio"), (ROI, "share"), (COST_PER_ORDER, unit))
    reason = (
        NO_ORDERS
        if not unit
        else cost.reason or (costs.NO_COST if not cost.value else None) or (NO_CREDIT if given is None else None)
    )
    if reason is not None or given is None or not cost.value:
        first, second, third = (
            replace(rules.absent(id, reason or costs.NO_COST, by, unit=u, note=cost.note), period=ask.period) for id, u in ids
        )
        return first, second, third
    factor, what = _factor(ask)
    z = intervals.normal_quantile(ask.confidence)
    small = rules.smallness(given.n, None, ask)
    note = "; ".join(part for part in (f"{NOT_CAUSED}; gain is {what}", small) if part)
    back, each = given.money * factor / cost.value, factor / cost.value
    below, above = (half * each for half in given.halves(given.money, given.money_error, model, z, channel))
    roas = Estimate(ROAS, back, back - below, back + above, n=given.n, unit="ratio", by=by, period=ask.period, note=note)
    roi = replace(roas, id=ROI, value=back - 1, low=back - below - 1, high=back + above - 1, unit="share")
    if given.orders <= 0:
        return roas, roi, replace(rules.absent(COST_PER_ORDER, NO_CREDIT, by, unit=unit), period=ask.period)
    below, above = given.halves(given.orders, given.orders_error, model, z, channel)
    fewest, most = given.orders - below, given.orders + above
    per = Estimate(
        COST_PER_ORDER,
        cost.value / given.orders,
        cost.value / most,
        # With so few orders that none at all is within the interval, nothing bounds the cost of one.
        cost.value / fewest if fewest > 0 else None,
        n=given.n,
        unit=unit,
        by=by,
        period=ask.period,
        note=f"{given.orders:,.1f} credited orders" + (f"; {small}" if small else ""),
    )
    return roas, roi, per


def _factor(ask: Ask) -> tuple[float, str]:
    """Return what credit must be multiplied by to be the gain, and what the gain then is."""
    basis = basis_of(ask)
    if basis == "margin":
        return 1.0, "margin"
    if basis == "net" and ask.margin is not None:
        return ask.margin, f"margin, {percent(ask.margin)} of revenue"
    return 1.0, f"{basis} revenue: no margin is known" if basis == "net" else f"{basis} revenue"


def _spread(rois: Sequence[Estimate], channel: str) -> Estimate:
    """Return the greatest less the smallest return; a comparison of rules on one set of orders, so without an interval."""
    by = {"channel": channel}
    known = [e for e in rois if e.value is not None]
    if not known:
        return replace(rois[0], id=SPREAD, by=by, note="")
    low, high = (pick(known, key=lambda e: (float(e.value or 0.0), e.by["model"])) for pick in (min, max))
    least, most = (f"{e.by['model']} {percent(float(e.value or 0.0), signed=True)}" for e in (low, high))
    note = f"{least} to {most}"
    gap = float(high.value or 0.0) - float(low.value or 0.0)
    return Estimate(SPREAD, gap, n=len(known), unit="share", by=by, period=low.period, note=note)


def _compute(engine: Engine, ask: Ask) -> list[Estimate]:
    check(ask.by, (), ROI)
    return model_returns(engine, (*MODELS, *FITTED), ask)


METRICS: tuple[Metric, ...] = (
    Metric(
        ROI,
        "Return by attribution model",
        "What each attribution model credits to e-mail over what e-mail cost (`roas`), the return on it, and the cost of a "
        "credited order, side by side; the spread between the models is the message. A cost whose scope is the name of another "
        "channel is that channel's, which is shown too.",
        "(credited gain − cost) ÷ cost",
        "share",
        _compute,
        number="58",
        edge_cases="No cost entered: null, no_cost; none in the period: null, no_cost_in_period. Costs in another currency: "
        "null, mixed_currencies. No orders: null, no_orders. The gain is margin when the basis is or a margin is configured, "
        "else revenue, and the note says which. Credit is not cause: intervals say how it would vary between customers like "
        "these.",
        data=("orders", "order_ledger", "touchpoints", "costs"),
    ),
)
