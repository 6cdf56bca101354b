"""Prices that rose shortly before a discount: a question to whoever set them.

The rule is article 6a of Directive 98/6/EC (inserted by Directive (EU) 2019/2161, "Omnibus"): an announced reduction names the
prior price, which is the lowest one applied in the 30 days before it. A price that was raised within these days and then
discounted makes a reduction look larger than it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from persync.attribution.journeys import build_orders
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.ethics.audit import answers
from persync.measure.ethics.common import day, status
from persync.measure.metric import Ask, Metric
from persync.measure.rules import DAY
from persync.measure.slices import check
from persync.measure.texts import bounds, piece, run
from persync.money import exponent

PRIOR_DAYS: Final = 30
NO_PRICES: Final = "no_price_history"
ID: Final = "price_raised_before_discount"
_ROUNDING: Final = 1.0, 0.005
"""a piece's price is a line's over its pieces, and tax is rounded: so many minor units and such a share apart are no rise"""


def raised_before_discount(engine: Engine, ask: Ask) -> list[Estimate]:
    """Compute the share of the discounts of the period before which the price rose, of those whose price before is held; then
    each of these (`price_raised_flag`), for a person to confirm, the newest first."""
    check(ask.by, (), ID)
    build_orders(engine)
    rows = run(engine, f"WITH\n{piece('prices_before_discount')}", {**bounds(ask.period), "days": PRIOR_DAYS})
    if not rows:
        note = f"no item with a discount was sold without one in the {PRIOR_DAYS} days before"
        return [replace(rules.absent(ID, NO_PRICES, {}, unit="share", n=0, note=note), period=ask.period)]
    told = answers(engine, ask)
    flagged = [_flag(row, ask, told) for row in rows if all(_rose(row, kind) for kind in ("net", "gross"))]
    left = sum(one.by["status"] != "dismissed" for one in flagged)
    note = f"against the lowest price of the {PRIOR_DAYS} days before, as orders were paid; for a person to confirm or dismiss"
    whole = Estimate(ID, left / len(rows), n=len(rows), unit="share", note=note)
    return [replace(one, period=ask.period) for one in (whole, *flagged)]


def _rose(row: Mapping[str, Any], kind: str) -> bool:
    """Tell whether a price rose. Both kinds must: where tax is in the price shown, what is before it differs by country, where
    it is not what is with it."""
    units, share = _ROUNDING
    return float(row[f"last_{kind}"]) > float(row[f"lowest_{kind}"]) * (1 + share) + units


def _flag(row: Mapping[str, Any], ask: Ask, told: Mapping[tuple[str, str], Any]) -> Estimate:
    """Return the rise as a share of the lowest price before, with the item, its discount's first day, and what was answered."""
    item, currency = str(row["item"]), str(row["currency"])
    title = str(row["title"] or item)
    low, last = (float(row[name]) / 10.0 ** exponent(currency) for name in ("lowest_net", "last_net"))
    by = {"item": item, "title": title, "date": day(int(row["day"]) * DAY, ask), "status": status(told, (item, title))}
    note = f"{low:,.2f} {currency} rose to {last:,.2f} {currency} within {PRIOR_DAYS} days before the discount, before tax"
    return Estimate("price_raised_flag", last / low - 1, n=int(row["days"]), unit="share", by=by, note=note)


METRICS: Sequence[Metric] = (
    Metric(
        ID,
        "Prices raised before their discount",
        "The share of the discounts that began in the period before which the item's price had risen within 30 days (EU rule on"
        " prior prices: Directive 98/6/EC, article 6a); then each of them (price_raised_flag: by how much, n = days with a"
        " price) with the item and the day its discount began.",
        "discounts whose last price before was above the lowest of the 30 days before, not dismissed ÷ discounts with a price "
        "held",
        "share",
        raised_before_discount,
        number="144",
        edge_cases="A flag is a question, no finding: answer it with `persync import audit` (item manipulation, scope the item,"
        " yes or no). Prices are those paid in orders without any discount, by sku (else by product) and currency; a price rose"
        " where it did before tax and with it, so that another country's tax is no rise. Prices that nobody paid, and those of"
        " a list, are not held. A discount is a code or an automatic one; it begins when none was used on the item for 30 days."
        " No such price before any discount: null, no_price_history.",
        data=("orders", "order_of", "order_lines", "order_discounts", "products", "feedback"),
    ),
)
