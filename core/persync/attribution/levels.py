"""The levels that credit can be split by, and the SQL that sums the ledger over them.

Each level has a name for what it does not know, so that the slices of every one of them add up to the ledger to the cent:
`(none)` holds what no touch earned, `(baseline)` what would have come anyway (calibrated models), `(unknown)` what has no such
thing in the store. People may be in several segments: each segment has all credit of its people, and the slice `(overlap)`,
below zero, takes back what is counted more than once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from persync.attribution.journeys import PACKAGE
from persync.engine.engine import Engine
from persync.engine.texts import load
from persync.errors import ConfigError, nearest

NO_TOUCH: Final = "(none)"
"""the slice of money that no touch can hold"""
BASELINE: Final = "(baseline)"
"""the slice of money that would have come without any touch, by a calibrated model"""
UNKNOWN: Final = "(unknown)"
OVERLAP: Final = "(overlap)"
"""in a split by segment, what is counted in more than one of them; below zero"""


@dataclass(frozen=True, slots=True)
class _Level:
    """What names a slice. `of`: the ledger row (l), the campaign of its touch (c), the touch itself (j) or the order (o)."""

    of: Literal["ledger", "campaign", "touch", "order", "product", "segment"]
    text: str


_LEVELS: Final = {
    "channel": _Level("ledger", f"COALESCE(NULLIF(w.text, ''), '{UNKNOWN}')"),
    "connection": _Level("ledger", f"COALESCE(n.name, '{UNKNOWN}')"),
    "campaign": _Level(
        "campaign", f"CASE WHEN c.campaign_key = 0 THEN '(no campaign)' ELSE COALESCE(k.campaign, '{UNKNOWN}') END"
    ),
    "message": _Level(
        "campaign", f"CASE WHEN c.campaign_key = 0 THEN '(no message)' ELSE COALESCE(k.message, '{UNKNOWN}') END"
    ),
    "level": _Level("campaign", "CASE WHEN c.campaign_key = 0 THEN '(no campaign)' ELSE COALESCE(k.level, 'unknown') END"),
    "automation": _Level(
        "campaign", f"CASE WHEN c.campaign_key = 0 THEN '(no automation)' ELSE COALESCE(k.automation, '{UNKNOWN}') END"
    ),
    "variant": _Level(
        "touch",
        "CASE WHEN COALESCE(j.variant, '') = '' THEN '(no variant)'"
        f" ELSE COALESCE(k.message, '{UNKNOWN}') || ':' || j.variant END",
    ),
    "product": _Level("product", f"COALESCE(p.product, '{UNKNOWN}')"),
    "segment": _Level("segment", ""),
    "customer": _Level("order", f"COALESCE(o.customer, '{UNKNOWN}')"),
    "store": _Level("order", f"COALESCE(o.store, '{UNKNOWN}')"),
}
LEVELS: Final = tuple(_LEVELS)
_COLUMNS: Final = {"channel": "word", "connection": "connection"}
"""Levels that are a number in the ledger: they are named after the sums, when few rows are left."""
_NAMES: Final = {
    "channel": " LEFT JOIN words AS w ON w.word = s.k_channel",
    "connection": " LEFT JOIN connections AS n ON n.connection = s.k_connection",
}


def check(by: Sequence[str]) -> None:
    """Raise ConfigError for a level that there is not, or one named twice."""
    for name in by:
        if name not in _LEVELS:
            raise ConfigError(f"credit cannot be split by {name!r}.", hint=nearest(name, list(_LEVELS)))
    if len(set(by)) < len(by):
        raise ConfigError("credit is split by the same thing twice.")


def prepare(engine: Engine, by: Sequence[str], suppress_n: int) -> None:
    """Write the small derived tables that the levels need; segments of fewer customers than `suppress_n` are put together.
    Needs `money_orders`."""
    kinds = {_LEVELS[name].of for name in by}
    if kinds & {"campaign", "touch"}:
        engine.write(load("named_campaigns", PACKAGE), None, "named_campaigns")
    if kinds & {"order", "segment"}:
        engine.write(load("order_customers", PACKAGE), None, "order_customers")
    if "product" in kinds:
        engine.write(load("order_products", PACKAGE), None, "order_products")
    if "segment" in kinds:
        engine.write(load("order_segments", PACKAGE), {"suppress_n": suppress_n}, "order_segments")


def sums_sql(models: Sequence[str], by: Sequence[str], condition: str) -> str:
    """Return SQL that gives `by_NAME` of each level, and for each model its sum and `n_MODEL`, the orders that gave something.

    `condition` chooses rows of `credit_ledger AS c`. Sums are first made by order, so that an order counts once in a slice and
    its credit can be split over what was bought.
    """
    texts, last = _by_slice(models, by, condition)
    sums = [f"CAST(SUM(t.{m}) AS BIGINT) AS {m}" for m in models]
    counts = [f"SUM(CASE WHEN t.is_counted = 1 AND t.{m} <> 0 THEN 1 ELSE 0 END) AS n_{m}" for m in models]
    totals = [name for m in models for name in (m, f"n_{m}")]
    return _summed(by, texts, f"{last} AS t", [], [*sums, *counts], totals)


def customers_sql(models: Sequence[str], by: Sequence[str], condition: str) -> str:
    """Return SQL as `sums_sql` does, but for the counts and by customer: `drawn` is their hash, MOD :buckets."""
    texts, last = _by_slice(models, by, condition)
    texts.append(f"customers AS ({load('drawn_customers', PACKAGE)})")
    sums = [f"CAST(SUM(t.{m}) AS BIGINT) AS {m}" for m in models]
    last += " AS t JOIN customers AS d ON d.order_id = t.order_id"
    return _summed(by, texts, last, ["d.customer AS drawn"], sums, models)


def _by_slice(models: Sequence[str], by: Sequence[str], condition: str) -> tuple[list[str], str]:
    """Return the CTEs that sum the ledger by order and slice, and the name of the last of them."""
    texts = [
        f"with_order AS ({_by_order(models, by, condition)})",
        f"with_product AS ({_with_product(models, by)})" if "product" in by else "",
        f"with_segment AS ({_with_segment(models, by)})" if "segment" in by else "",
    ]
    last = "with_segment" if "segment" in by else "with_product" if "product" in by else "with_order"
    return [text for text in texts if text], last


def _summed(
    by: Sequence[str], texts: Sequence[str], source: str, more: Sequence[str], sums: Sequence[str], totals: Sequence[str]
) -> str:
    """Sum over slices by their numbers, and once more by their names: two numbers may have one name."""
    keys = ["t.rest", *(f"t.k_{name}" for name in by)]
    inner = [*keys, *(text.split(" AS ")[0] for text in more)]
    others = [f"s.{text.split(' AS ')[1]}" for text in more]
    named = [_named(name) for name in by]
    groups = ", ".join(str(place) for place in range(1, len(by) + len(more) + 1))
    columns = [*named, *others, *(f"CAST(SUM(s.{name}) AS BIGINT) AS {name}" for name in totals)]
    return (
        f"WITH {', '.join(texts)} SELECT {', '.join(columns)}"
        f" FROM (SELECT {', '.join([*keys, *more, *sums])} FROM {source} GROUP BY {', '.join(inner)}) AS s"
        + "".join(_NAMES.get(name, "") for name in by)
        + (f" GROUP BY {groups}" if groups else " HAVING COUNT(*) > 0")
    )


def _named(name: str) -> str:
    text = _LEVELS[name].text if name in _COLUMNS else f"s.k_{name}"
    return f"CASE WHEN s.rest = 1 THEN '{NO_TOUCH}' WHEN s.rest = 2 THEN '{BASELINE}' ELSE {text} END AS by_{name}"


def _by_order(models: Sequence[str], by: Sequence[str], condition: str) -> str:
    kinds = {_LEVELS[name].of for name in by}
    joins = ""
    if "touch" in kinds:
        joins += " LEFT JOIN journeys AS j ON j.order_id = c.order_id AND j.position = c.position AND c.reason = ''"
    if kinds & {"campaign", "touch"}:
        joins += " LEFT JOIN named_campaigns AS k ON k.campaign_key = c.campaign_key"
    if "order" in kinds:
        joins += " LEFT JOIN order_customers AS o ON o.order_id = c.order_id"
    keys = ["CASE WHEN c.reason = '' THEN 0 WHEN c.reason = 'baseline' THEN 2 ELSE 1 END AS rest"]
    for name in by:
        if name in _COLUMNS:
            keys.append(f"c.{_COLUMNS[name]} AS k_{name}")
        elif _LEVELS[name].of not in ("product", "segment"):
            keys.append(f"CASE WHEN c.reason = '' THEN {_LEVELS[name].text} ELSE '' END AS k_{name}")
    keys += ["c.order_id AS order_id", "c.is_counted AS is_counted"]
    groups = ", ".join(str(place) for place in range(1, len(keys) + 1))
    sums = [f"CAST(SUM(c.{m}) AS BIGINT) AS {m}" for m in models]
    return f"SELECT {', '.join([*keys, *sums])} FROM credit_ledger AS c{joins} WHERE {condition} GROUP BY {groups}"


def _others(by: Sequence[str], done: Sequence[str]) -> list[str]:
    names = [name for name in by if _LEVELS[name].of not in ("product", "segment") or name in done]
    return ["t.rest", "t.order_id", "t.is_counted", *(f"t.k_{name}" for name in names)]


def _with_product(models: Sequence[str], by: Sequence[str]) -> str:
    """Split each order's credit over its products in whole cents: floor(K * upto / total) less the same before it."""
    shares = [
        f"CASE WHEN p.total IS NULL THEN t.{m} ELSE CASE WHEN t.{m} < 0 THEN -1 ELSE 1 END *"
        f" ({_floor(f't.{m}', 'p.upto')} - {_floor(f't.{m}', '(p.upto - p.part)')}) END AS {m}"
        for m in models
    ]
    text = f"CASE WHEN t.rest = 0 THEN {_LEVELS['product'].text} ELSE '' END AS k_product"
    return (
        f"SELECT {', '.join([*_others(by, ()), text, *shares])} FROM with_order AS t"
        " LEFT JOIN order_products AS p ON p.order_id = t.order_id AND t.rest = 0"
    )


def _floor(amount: str, weight: str) -> str:
    """Return SQL for floor(|amount| * weight / total) in exact integers; see ledger.py for why one quotient of doubles is."""
    product = f"CAST(ABS({amount}) AS DECIMAL(38, 0)) * {weight}"
    whole = f"{product} - MOD({product}, CAST(p.total AS DECIMAL(38, 0)))"
    return f"CAST(FLOOR(CAST({whole} AS DOUBLE) / CAST(p.total AS DOUBLE) + 0.5e0) AS BIGINT)"


def _with_segment(models: Sequence[str], by: Sequence[str]) -> str:
    source = "with_product" if "product" in by else "with_order"
    keys = ", ".join(_others(by, ("product",) if "product" in by else ()))
    plain = ", ".join(f"t.{m}" for m in models)
    back = ", ".join(f"-t.{m} * (v.several - 1) AS {m}" for m in models)
    return (
        f"SELECT {keys}, CASE WHEN t.rest = 0 THEN COALESCE(g.segment, '(no segment)') ELSE '' END AS k_segment, {plain}"
        f" FROM {source} AS t LEFT JOIN order_segments AS g ON g.order_id = t.order_id AND t.rest = 0"
        f" UNION ALL SELECT {keys}, '{OVERLAP}' AS k_segment, {back} FROM {source} AS t"
        " JOIN (SELECT DISTINCT m.order_id, m.several FROM order_segments AS m WHERE m.several > 1) AS v"
        " ON v.order_id = t.order_id AND t.rest = 0"
    )
