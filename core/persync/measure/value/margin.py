"""What of a shop's net revenue is margin: from unit costs, else from the setting, else not known."""

from __future__ import annotations

from dataclasses import dataclass

from persync.attribution.journeys import PACKAGE
from persync.engine.engine import Engine
from persync.engine.texts import load
from persync.measure.metric import Ask
from persync.measure.occasions import Ground

NO_UNIT_COST = "no_unit_cost"
NOT_NET = "not_net"
"""Margin is a share of net revenue; gross has tax and shipping in it."""


@dataclass(frozen=True, slots=True)
class Margin:
    """Margin as a share of net revenue, or None with the reason; `note` says what it rests on."""

    share: float | None
    reason: str = ""
    note: str = ""


def margin(engine: Engine, ask: Ask, ground: Ground) -> Margin:
    """Return the margin of the orders watched. Needs `money_orders`.

    Where unit costs are known of a part of the goods only and no margin is set, theirs stands for all.
    """
    if ask.basis == "gross":
        return Margin(None, NOT_NET)
    engine.write(load("margins", PACKAGE), {"margin": -1.0 if ask.margin is None else float(ask.margin)}, "margins")
    (row,) = engine.rows(
        "SELECT CAST(SUM(g.net_minor) AS DOUBLE) AS net, SUM(g.net_minor * g.known) AS known, SUM(g.net_minor * g.ratio) AS"
        " margin FROM margins AS g JOIN money_orders AS m ON m.order_id = g.order_id"
        " WHERE m.is_counted = 1 AND m.ordered_at < :end_at",
        {"end_at": ground.end_at},
    )
    net, known, kept = (float(row[name] or 0.0) for name in ("net", "known", "margin"))
    base = known if ask.margin is None else net
    if net <= 0 or base <= 0:
        if ask.margin is None:
            return Margin(None, NO_UNIT_COST)
        return Margin(ask.margin, "", f"margin {ask.margin:.0%} of net, as set")
    share = kept / base
    covered = known / net
    if covered <= 0:
        return Margin(share, "", f"margin {share:.0%} of net, as set")
    rest = "" if covered > 0.995 else "; the rest as set" if ask.margin is not None else "; taken for all"
    return Margin(share, "", f"margin {share:.0%} of net, unit costs known for {covered:.0%} of it{rest}")
