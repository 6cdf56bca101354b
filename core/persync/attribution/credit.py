"""Credit by model and slice, as Estimates: sums of the cent ledger.

Credit says who was near when an order was placed, by a rule; it says nothing of cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from persync.attribution import ledger
from persync.attribution.datadriven import populations, prepared
from persync.attribution.models import AttributionModel
from persync.engine.engine import Engine
from persync.errors import ConfigError, DataError, nearest
from persync.estimate import Estimate, missing
from persync.money import from_minor

if TYPE_CHECKING:
    from persync.measure.metric import Ask

NO_TOUCH: Final = "(none)"
"""the slice of money that no touch can hold"""


@dataclass(frozen=True, slots=True)
class _Dimension:
    """A slice: the ledger's column that it hangs on, the text that names it, and the tables that text needs."""

    column: str
    text: str
    joins: str = ""


_CAMPAIGN: Final = (
    " LEFT JOIN campaign_of AS g ON g.campaign_key = s.campaign_key"
    " LEFT JOIN campaign_keys AS k ON k.campaign_key = COALESCE(g.campaign_id, s.campaign_key)"
    " LEFT JOIN connections AS o ON o.connection = k.connection"
    " LEFT JOIN campaign_levels AS v ON v.campaign_key = COALESCE(g.campaign_id, s.campaign_key)"
)
_DIMENSIONS: Final = {
    "channel": _Dimension("word", "COALESCE(NULLIF(w.text, ''), '(unknown)')", " LEFT JOIN words AS w ON w.word = s.word"),
    "connection": _Dimension(
        "connection", "COALESCE(n.name, '(unknown)')", " LEFT JOIN connections AS n ON n.connection = s.connection"
    ),
    "campaign": _Dimension(
        "campaign_key",
        "CASE WHEN s.campaign_key = 0 THEN '(no campaign)' ELSE COALESCE(o.name || ':', '') || COALESCE(k.key, '?') END",
        _CAMPAIGN,
    ),
    "level": _Dimension(
        "campaign_key",
        "CASE WHEN s.campaign_key = 0 THEN '(no campaign)' ELSE COALESCE(CAST(v.level AS VARCHAR(8)), 'unknown') END",
        _CAMPAIGN,
    ),
}
DIMENSIONS: Final = tuple(_DIMENSIONS)


def credit(engine: Engine, models: Sequence[AttributionModel], by: tuple[str, ...], ask: Ask) -> list[Estimate]:
    """Return what each model credits to each slice, in major units of the currency, exact to the cent.

    `by` holds any of channel, campaign, connection, level (of the campaign's personalisation); the money of orders without
    a touch is the slice `(none)`. `ask.period` chooses ledger events by their own date; refunds count when they happened.
    A fitted model says `credit_population` beside it when `by` is channel alone, and its reason where it cannot be used.
    `n` is the number of orders (none cancelled or refunded in full) that gave the slice something. Raise ConfigError for an
    unknown dimension, DataError when there is more than one currency and `ask.currency` does not choose.
    """
    for name in by:
        if name not in _DIMENSIONS:
            raise ConfigError(f"credit cannot be split by {name!r}.", hint=nearest(name, list(_DIMENSIONS)))
    every = prepared(engine, models, ask)
    models = [model for model in every if not model.reason]
    said = [missing("credit", model.reason, model=model.name) for model in every if model.reason]
    said += populations(every) if by == ("channel",) else []
    if not models:
        return said
    ledger.build(engine, models, ask)
    currency = only_currency(engine, ask)
    found = _sums(engine, models, by, ask, currency) if currency else []
    if not found:
        return [missing("credit", "no_orders", model=model.name) for model in models] + said
    titles = _titles(engine) if "campaign" in by else {}
    shares = [
        Estimate(
            id="credit",
            value=float(from_minor(int(row[model.name]), currency)),
            n=int(row[f"n_{model.name}"]),
            unit=currency,
            by={"model": model.name, **{name: str(row[f"by_{name}"]) for name in by}},
            period=ask.period,
            note=titles.get(str(row.get("by_campaign")), ""),
        )
        for model in models
        for row in sorted(found, key=lambda row: (-row[model.name], *(str(row[f"by_{name}"]) for name in by)))
    ]
    return shares + said


def only_currency(engine: Engine, ask: Ask) -> str:
    """Return the currency to add up: the one asked for, or the only one there is; "" when no order has any.

    Needs `money_orders`. Raise DataError when there are several: amounts in different currencies are never added.
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
            hint="Choose one of them.",
        )
    return currencies[0] if currencies else ""


def period_sql(column: str, ask: Ask) -> tuple[str, dict[str, Any]]:
    """Return the condition that a time lies in the asked period, [from, to), and its parameters."""
    if ask.period is None:
        return "1 = 1", {}
    return f"{column} >= :period_from AND {column} < :period_to", {"period_from": ask.period[0], "period_to": ask.period[1]}


def _sums(
    engine: Engine, models: Sequence[AttributionModel], by: tuple[str, ...], ask: Ask, currency: str
) -> list[dict[str, Any]]:
    """Sum by order and the ledger's own columns first: names are looked up for the few slices that are left."""
    condition, params = period_sql("c.event_at", ask)
    columns = sorted({_DIMENSIONS[name].column for name in by})
    keys = ["CASE WHEN c.position = 0 THEN 1 ELSE 0 END AS is_rest", *(f"c.{column}" for column in columns)]
    outer = ["t.is_rest", *(f"t.{column}" for column in columns)]
    inner = f"SELECT {', '.join([*keys, 'c.order_id', 'c.is_counted', *(f'SUM(c.{m.name}) AS {m.name}' for m in models)])}"
    groups = ", ".join(str(place) for place in range(1, len(keys) + 3))
    sums = [f"CAST(SUM(t.{m.name}) AS BIGINT) AS {m.name}" for m in models]
    counts = [f"SUM(CASE WHEN t.is_counted = 1 AND t.{m.name} <> 0 THEN 1 ELSE 0 END) AS n_{m.name}" for m in models]
    texts = [f"CASE WHEN s.is_rest = 1 THEN '{NO_TOUCH}' ELSE {_DIMENSIONS[name].text} END AS by_{name}" for name in by]
    totals = [f"CAST(SUM(s.{name}) AS BIGINT) AS {name}" for m in models for name in (m.name, f"n_{m.name}")]
    return engine.rows(
        f"SELECT {', '.join([*texts, *totals])} FROM (SELECT {', '.join([*outer, *sums, *counts])} FROM ("
        f"{inner} FROM credit_ledger AS c WHERE c.currency = :currency AND {condition} GROUP BY {groups}"
        f") AS t GROUP BY {', '.join(outer)}) AS s{''.join(dict.fromkeys(_DIMENSIONS[name].joins for name in by))}"
        + (f" GROUP BY {', '.join(str(place) for place in range(1, len(by) + 1))}" if by else " HAVING COUNT(*) > 0"),
        {**params, "currency": currency},
    )


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
