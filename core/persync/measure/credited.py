"""What attribution gives e-mail: money by model, and how many orders it touched. Credit, not cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.attribution.credit import credit
from persync.attribution.models import MODELS
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import counts, rules
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check

EMAIL: Final = "email"
LEVELS: Final = ("automation", "campaign", "customer", "message", "product", "segment", "store", "variant")
_TOUCHED: Final = next(model for model in MODELS if model.name == "any_click")


def email_attributed_revenue(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute what each rule model credits to e-mail, exact to the cent."""
    id = "email_attributed_revenue"
    check(ask.by, LEVELS, id)
    found = credit(engine, MODELS, ("channel", *ask.by), ask)
    out = []
    for one in found:
        if one.value is None:
            out.append(replace(one, id=id))
        elif one.by.get("channel") == EMAIL:
            by = {name: value for name, value in one.by.items() if name != "channel"}
            note = "the whole order to every channel that touched it: never in a total" if by["model"] == _TOUCHED.name else ""
            out.append(rules.with_note(replace(one, id=id, by=by), note))
    return out or [rules.absent(id, rules.NO_DENOMINATOR, {}, unit=ask.currency or "", note="e-mail touched no order")]


def order_increase(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the orders that an e-mail touched, and how their number changed."""
    id = "order_increase"
    check(ask.by, (), id)
    if not engine.rows("SELECT 1 AS one FROM orders LIMIT 1"):
        return [rules.absent(id, "no_orders", {}, unit="share")]
    earlier = counts.before(ask)
    number = _touched(engine, ask)
    return [
        counts.counted("orders_touched_by_email", number, ask, {}),
        counts.change(id, number, _touched(engine, earlier) if earlier else None, ask, {}),
    ]


def _touched(engine: Engine, ask: Ask) -> int:
    found = credit(engine, [_TOUCHED], ("channel",), ask)
    return next((one.n or 0 for one in found if one.by.get("channel") == EMAIL), 0)


METRICS: Sequence[Metric] = (
    Metric(
        "email_attributed_revenue",
        "Revenue credited to e-mail",
        "What each attribution rule credits to e-mail of the revenue of the period, on the basis of attribution (net unless "
        "set). With the other channels and what no touch earned it adds up to the revenue for every model but any_click.",
        "Σ credit of e-mail touches",
        "money",
        email_attributed_revenue,
        number="32",
        dimensions=LEVELS,
        edge_cases="No interval: it is a sum by a rule, not an estimate of anything; how far the models lie apart is in "
        "model_comparison, what e-mail caused in holdout_incrementality.",
        data=("touchpoints", "orders", "order_of", "order_ledger"),
    ),
    Metric(
        "order_increase",
        "Orders that e-mail touched",
        "Counted orders of the period with an e-mail click or visit in the look-back before them, and the change against the "
        "period of the same length before.",
        "orders touched by e-mail ÷ those of the period before − 1",
        "share",
        order_increase,
        number="33",
        edge_cases="A raw difference: seasons and everything else changed too. Without a period: null, no_period; none before: "
        "null, nothing_before.",
        data=("touchpoints", "orders", "order_of", "order_ledger"),
    ),
)
