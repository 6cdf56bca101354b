"""Credit by model and slice, as Estimates: sums of the cent ledger.

Credit says who was near when an order was placed, by a rule; it says nothing of cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from persync.attribution import basis, ledger, levels
from persync.attribution.datadriven import populations, prepared
from persync.attribution.levels import LEVELS, NO_TOUCH
from persync.attribution.models import AttributionModel
from persync.engine.engine import Engine
from persync.errors import DataError
from persync.estimate import Estimate, missing
from persync.money import from_minor

if TYPE_CHECKING:
    from persync.measure.metric import Ask

DIMENSIONS: Final = LEVELS
NO_COSTS: Final = "no_unit_cost"

__all__ = ["DIMENSIONS", "NO_TOUCH", "cost_coverage", "credit", "only_currency", "period_sql"]


def credit(engine: Engine, models: Sequence[AttributionModel], by: tuple[str, ...], ask: Ask) -> list[Estimate]:
    """Return what each model credits to each slice, in major units of the currency, exact to the cent.

    `by` holds any of `levels.LEVELS`; the money of orders without a touch is the slice `(none)`. `ask.period` chooses ledger
    events by their own date (cash; refunds count when they happened) or by that of the touch (accrual). `n` is the number of
    orders (none cancelled or refunded in full) that gave the slice something. A fitted model says `credit_population` beside
    it when `by` is channel alone; a model that cannot be used comes null with its reason. Raise ConfigError for an unknown
    level, DataError when there is more than one currency and no `ask.currency` to turn them into, or an order has no rate.
    The ledger that stays holds the orders alone that the period asks for, each of them whole.
    """
    levels.check(by)
    every = prepared(engine, models, ask)
    usable = [model for model in every if not model.reason]
    said = [missing("credit", model.reason, model=model.name) for model in every if model.reason]
    said += populations(every) if by == ("channel",) else []
    if every and not usable:
        return said
    ledger.build(engine, usable, replace(ask, lift=None), narrow=True)
    currency = only_currency(engine, ask)
    found = _sums(engine, usable, by, ask) if currency else []
    if not found:
        reason = NO_COSTS if currency and basis.basis_of(ask) == "margin" and _has_orders(engine) else "no_orders"
        return [*(missing("credit", reason, model=model.name) for model in usable), *said]
    titles = _titles(engine) if {"campaign", "message"} & set(by) else {}
    return [
        *(
            Estimate(
                id="credit",
                value=float(from_minor(int(row[model.name]), currency)),
                n=int(row[f"n_{model.name}"]),
                unit=currency,
                by={"model": model.name, **{name: str(row[f"by_{name}"]) for name in by}},
                period=ask.period,
                note=titles.get(str(row.get("by_message", row.get("by_campaign"))), "")
                or (model.fitted.note if model.fitted else ""),
            )
            for model in usable
            for row in sorted(found, key=lambda row: (-row[model.name], *(str(row[f"by_{name}"]) for name in by)))
        ),
        *said,
    ]


def cost_coverage(engine: Engine, ask: Ask) -> list[Estimate]:
    """Return, for the margin basis, of which share of the net of the period's orders the costs are known (`unit_cost`), taken
    by the setting `margin`, or left out of the credit for want of both. Empty for other bases."""
    found = basis.coverage(engine, ask)
    if found is None:
        return []
    parts = {"unit_cost": found.known, "margin_setting": found.by_setting, "left_out": found.left_out}
    return [
        Estimate("cost_coverage", share, n=found.orders, unit="share", by={"cost": name}, period=ask.period)
        for name, share in parts.items()
    ]


def only_currency(engine: Engine, ask: Ask) -> str:
    """Return the currency to add up: the one asked for, or the only one there is; "" when no order has any.

    Needs `money_orders`. Raise DataError when there are several and none to turn them into: amounts in different currencies
    are never added.
    """
    if ask.currency:
        return ask.currency
    found = engine.rows(
        "SELECT DISTINCT l.currency FROM order_ledger AS l JOIN money_orders AS m ON m.order_key = l.order_key"
        " ORDER BY l.currency"
    )
    currencies = [str(row["currency"]) for row in found]
    if len(currencies) > 1:
        raise DataError(
            f"the orders are in {len(currencies)} currencies ({', '.join(currencies)}), which cannot be added.",
            hint="Name the currency to turn them into: --currency, or currency in persync.toml under [attribution].",
        )
    return currencies[0] if currencies else ""


def period_sql(column: str, ask: Ask) -> tuple[str, dict[str, Any]]:
    """Return the condition that a time lies in the asked period, [from, to), and its parameters."""
    if ask.period is None:
        return "1 = 1", {}
    return f"{column} >= :period_from AND {column} < :period_to", {"period_from": ask.period[0], "period_to": ask.period[1]}


def _sums(engine: Engine, models: Sequence[AttributionModel], by: tuple[str, ...], ask: Ask) -> list[dict[str, Any]]:
    condition, params = period_sql("c.touched_at" if ask.reporting == "accrual" else "c.event_at", ask)
    levels.prepare(engine, by, ask.suppress_n)
    return engine.rows(levels.sums_sql([model.name for model in models], by, condition), params)


def _has_orders(engine: Engine) -> bool:
    return bool(engine.rows("SELECT COUNT(*) AS n FROM money_orders AS m")[0]["n"])


def _titles(engine: Engine) -> dict[str, str]:
    """Return the titles of campaigns by the text that names them in a slice."""
    found = engine.rows(
        "SELECT COALESCE(o.name || ':', '') || k.key AS text, MIN(t.title) AS title FROM campaigns AS t"
        " LEFT JOIN campaign_of AS g ON g.campaign_key = t.campaign_key"
        " JOIN campaign_keys AS k ON k.campaign_key = COALESCE(g.campaign_id, t.campaign_key)"
        " LEFT JOIN connections AS o ON o.connection = k.connection"
        " WHERE t.title IS NOT NULL GROUP BY k.connection, o.name, k.key"
    )
    return {str(row["text"]): str(row["title"]) for row in found}
