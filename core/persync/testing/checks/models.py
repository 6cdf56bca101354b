"""Checks of an attribution model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from persync.attribution import ledger
from persync.attribution.datadriven import prepared
from persync.attribution.models import AttributionModel
from persync.testing.checks.check import expect, many
from persync.testing.shop import Shop, ShopCheck

_ROWS: Final = "SELECT c.* FROM credit_ledger AS c ORDER BY c.order_id, c.currency, c.event_number, c.position, c.reason"


def _model(shop: Shop, name: str) -> AttributionModel:
    """Return the model, fitted where it is one that learns. Raise AssertionError where it cannot be worked out."""
    model = next(one for one in prepared(shop.engine, [shop.host.models[name]], shop.ask) if one.name == name)
    expect(not model.failure, model.failure)
    return model


def says(shop: Shop, name: str) -> str:
    """Look at what stands in the model."""
    model = shop.host.models[name]
    expect(bool(model.summary.strip()), "it has no summary: one sentence that says who gets the credit.")
    expect(bool(model.weight) or model.fit is not None, "it has neither a weight nor a fit.")
    expect(bool(model.weight) or bool(model.needs), "it is fitted and says not what it needs.")
    return model.summary


def weighs(shop: Shop, name: str) -> str:
    """Write its ledger: no touch may weigh less than nothing."""
    model = _model(shop, name)
    if model.reason:
        return f"not fitted: {model.reason}"
    ledger.build(shop.engine, [model], shop.ask)
    return many(len(shop.engine.rows(_ROWS)), "row")


def adds_up(shop: Shop, name: str) -> str:
    """Hold its ledger against the till, order by order."""
    model = _model(shop, name)
    if model.reason:
        return f"not fitted: {model.reason}"
    if model.sums_to != "order":
        return "adds to more than 100 %, and is part of no total"
    ledger.build(shop.engine, [model], shop.ask)
    ties = ledger.ties(shop.engine, [model], shop.ask)
    expect(not ties.differences, f"{many(len(ties.differences), 'order')} not credited to the cent: {ties.differences[:1]}.")
    return "every order to the cent"


def returns(shop: Shop, name: str) -> str:
    """Look at orders that were refunded in full: every touch must be back at zero."""
    model = _model(shop, name)
    if model.reason or model.sums_to != "order":
        return "not asked of this model"
    ledger.build(shop.engine, [model], replace(shop.ask, basis="gross"))
    left = shop.engine.rows(  # the name is a column: the ledger was just written with it
        f"SELECT COUNT(*) AS n FROM (SELECT c.order_id, c.position, SUM(c.{name}) AS minor FROM credit_ledger AS c"
        " JOIN (SELECT e.order_id, e.currency FROM ledger_events AS e GROUP BY e.order_id, e.currency"
        " HAVING SUM(e.amount_minor) = 0) AS z ON z.order_id = c.order_id AND z.currency = c.currency"
        f" GROUP BY c.order_id, c.position HAVING SUM(c.{name}) <> 0) AS x"
    )[0]["n"]
    expect(int(left) == 0, f"{many(int(left), 'touch')} of fully refunded orders still hold money.")
    return "full refunds"


def again(shop: Shop, name: str) -> str:
    """Ask twice: the same answer to the last cent."""
    found: list[list[dict[str, Any]]] = []
    for _ in range(2):
        model = _model(shop, name)
        if model.reason:
            return f"not fitted: {model.reason}"
        ledger.build(shop.engine, [model], shop.ask)
        found.append(shop.engine.rows(_ROWS))
    expect(found[0] == found[1], "asked twice it answers twice.")
    return "twice"


def of_nothing(shop: Shop, name: str) -> str:
    """Ask a store without orders."""
    model = next(one for one in prepared(shop.empty, [shop.host.models[name]], shop.ask) if one.name == name)
    if model.fit is not None or model.fitted is not None:
        expect(bool(model.reason), "it was fitted to nothing: give a reason instead.")
        return model.reason
    ledger.build(shop.empty, [model], shop.ask)
    expect(shop.empty.rows(_ROWS) == [], "a store without orders has credit.")
    return "no orders"


MODEL: Final = (
    ShopCheck("says", "it says in a sentence who gets the credit", says),
    ShopCheck("weighs", "no touch weighs less than nothing", weighs),
    ShopCheck("adds up", "credits add up to every order, to the cent", adds_up),
    ShopCheck("refunds", "a full refund returns every touch to zero", returns),
    ShopCheck("again", "asked twice it answers the same", again),
    ShopCheck("nothing", "a store without orders has no credit", of_nothing),
)
