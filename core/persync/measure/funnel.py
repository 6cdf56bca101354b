"""From message to order: how many people take each step, and where they stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from persync.attribution.horizon import orders_note, orders_until
from persync.attribution.journeys import build_orders, build_touches
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.metric import Ask, Metric
from persync.measure.slices import check
from persync.measure.texts import bounds, join, piece, run

STEPS: Final = ("sent", "delivered", "visited", "checkout", "ordered")
"""each of those who took the one before"""
ASIDE: Final = {"opened": "delivered", "clicked": "delivered"}
"""what people may do on the way without its being a step: opens are not seen of everybody, and one may come without a click"""
_COLUMNS: Final = {"checkout": "started"}


def funnel(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute for each step the share of the people mailed who took it, and of those who took the step before
    (`funnel_step`)."""
    check(ask.by, (), "funnel")
    build_orders(engine)
    build_touches(engine)
    until = orders_until(engine, ask)
    names = [name for name in (*STEPS, *ASIDE) if name != "sent"]
    sums = "".join(
        f", CAST(COALESCE(SUM(c.delivered * c.{_COLUMNS.get(name, name)}), 0) AS BIGINT) AS {name}" for name in names
    )
    final = f"SELECT COUNT(*) AS sent{sums} FROM came AS c WHERE c.is_open = 0"
    texts = (piece("sends"), piece("bounces"), piece("order_money"), piece("funnel"))
    params = {
        **bounds(ask.period),
        "window_ms": round(ask.lookback_days * rules.DAY),
        "until": until,
        "gross": int(ask.basis == "gross"),
    }
    (row,) = run(engine, join(*texts, final), params)
    (waiting,) = run(engine, join(*texts, "SELECT COUNT(*) AS people FROM came AS c WHERE c.is_open = 1"), params)
    if not int(row["sent"]) and int(waiting["people"]):
        none = rules.absent("funnel", rules.IMMATURE, {}, unit="share", note=orders_note(until, ask))
        return [replace(none, period=ask.period)]
    out: list[Estimate] = []
    for i, step in enumerate(STEPS):
        out.append(rules.share("funnel", int(row[step]), int(row["sent"]), ask, {"step": step}))
        if i:
            out.append(rules.share("funnel_step", int(row[step]), int(row[STEPS[i - 1]]), ask, {"step": step}))
        for name, base in ASIDE.items():
            if base == step:
                made = rules.share("funnel_step", int(row[name]), int(row[base]), ask, {"step": name})
                note = "opens by people as far as platforms tell them apart" if name == "opened" else "by a click in the mail"
                out.append(rules.with_note(made, note) if made.value is not None else made)
    return [replace(estimate, period=ask.period) for estimate in out]


METRICS: Sequence[Metric] = (
    Metric(
        "funnel",
        "From message to order",
        "Of the people mailed in the period, who within the look-back days (30) after their first message: got it, came to the "
        "shop, began a cart or checkout, ordered; each as a share of all and of the step before. Beside the steps, of those "
        "who got it: opened it (people's opens alone) and clicked.",
        "people at a step ÷ people mailed; ÷ people at the step before",
        "share",
        funnel,
        number="28",
        edge_cases="A later step implies the earlier ones: whoever ordered came to the shop, seen or not. What is done after "
        "mail need not be done because of it. People whose window is not over are left out; over for nobody: null, immature.",
        data=("touchpoints", "sessions", "carts", "orders", "order_of", "order_ledger"),
    ),
)
