"""What of a shop's net revenue is margin: what is set, else what the unit costs known say, else not known."""

from __future__ import annotations

from dataclasses import dataclass

from persync.attribution.journeys import PACKAGE
from persync.engine.engine import Engine
from persync.engine.texts import load
from persync.estimate import percent
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
    """Return the margin of the orders watched, see `margin_until`."""
    return margin_until(engine, ask, ground.end_at)


def margin_until(engine: Engine, ask: Ask, end_at: int) -> Margin:
    """Return the margin of the orders before a moment: the setting, else that of the goods whose unit costs are known, which
    stands for all, and the note says of how much. Needs `money_orders`."""
    if ask.basis == "gross":
        return Margin(None, NOT_NET)
    if ask.margin is not None:
        return Margin(ask.margin, "", f"margin {percent(ask.margin)} of net, as set")
    engine.write(load("margins", PACKAGE), {"margin": -1.0}, "margins")
    (row,) = engine.rows(
        "SELECT CAST(SUM(g.net_minor) AS DOUBLE) AS net, SUM(g.net_minor * g.known) AS known, SUM(g.net_minor * g.ratio) AS"
        " margin FROM margins AS g JOIN money_orders AS m ON m.order_id = g.order_id"
        " WHERE m.is_counted = 1 AND m.ordered_at < :end_at",
        {"end_at": end_at},
    )
    net, known, kept = (float(row[name] or 0.0) for name in ("net", "known", "margin"))
    if net <= 0 or known <= 0:
        return Margin(None, NO_UNIT_COST)
    share, covered = kept / known, known / net
    rest = "" if covered > 0.995 else "; taken for all"
    return Margin(share, "", f"margin {percent(share)} of net, unit costs known for {percent(covered)} of it{rest}")
