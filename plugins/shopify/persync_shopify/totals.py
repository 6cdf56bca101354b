"""What Shopify itself counts, beside the SQL that counts the same in the store: for `persync reconcile`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from persync.connect import DAY_MS, AccountFacts, Request, Total, iso, picked
from persync.money import to_minor
from persync_shopify.queries import query
from persync_shopify.values import milliseconds

if TYPE_CHECKING:
    from persync.connect.client import Client

__all__ = ["COST_COVERAGE", "shop_totals"]

DAYS: Final = 30
PAGES: Final = 20
"""pages of 250 orders that the revenue is added up over at the most"""
WALL_DAYS: Final = 55
"""without read_all_orders Shopify hides orders after 60 days; a few less, so that none goes while we count"""

_ORDERS: Final = (
    "SELECT count(*) FROM orders o WHERE o.connection = :connection AND o.kind = 'order' AND o.status IS NOT 'deleted'"
    " AND o.ordered_at >= :from_at"
)
_CUSTOMERS: Final = "SELECT count(*) FROM contacts c WHERE c.connection = :connection AND coalesce(c.is_deleted, 0) = 0"
_PRODUCTS: Final = (
    "SELECT count(*) FROM products p WHERE p.connection = :connection AND NOT EXISTS (SELECT 1 FROM deletions d"
    " WHERE d.connection = p.connection AND d.thing = 'product' AND d.vendor_id = p.product)"
)
_REVENUE: Final = (
    "SELECT coalesce(sum(l.amount_minor), 0) FROM order_ledger l JOIN orders o ON o.order_key = l.order_key"
    " WHERE o.connection = :connection AND o.status IS NOT 'deleted' AND o.ordered_at >= :from_at AND o.ordered_at <= :to_at"
)

COST_COVERAGE: Final = (
    "SELECT sum(CASE WHEN l.unit_cost_minor IS NOT NULL THEN l.price_minor ELSE 0 END) * 1.0 / nullif(sum(l.price_minor), 0)"
    " FROM order_lines l JOIN orders o ON o.order_key = l.order_key WHERE o.connection = :connection"
    " AND coalesce(o.is_test, 0) = 0 AND coalesce(l.is_gift_card, 0) = 0 AND o.status IS NOT 'deleted'"
)
"""the share of what was sold (by price) whose unit cost is known; None when nothing was sold"""


def shop_totals(client: Client, account: AccountFacts, settings: Any) -> Iterator[Total]:
    """Yield counts of orders (all, cancelled, test), customers and products, and the revenue of the last 30 days.

    The days end with the shop's newest order, so no clock is needed. Two calls, and one for each 250 orders of those days.
    """
    version = settings.api_version
    scopes = _scopes(client, version)
    (nodes,) = picked(_ask(client, query("last_order", version)), "data.orders.nodes")
    newest = milliseconds(datetime.fromisoformat(nodes[0]["processedAt"])) if nodes else 0
    begin = _begin(account, settings, newest)
    since = f"processed_at:>='{iso(begin)}'" if begin else ""
    filters = {"orders": since, "cancelled": f"status:cancelled {since}".strip(), "test": f"test:true {since}".strip()}
    text = query("totals", version, scopes)
    body = _ask(client, text, filters)
    scope = f"since {iso(begin)[:10]}" if begin else "all"
    facts = {"from_at": begin}
    hint = "persync pull --full --stream orders"
    yield Total("orders", scope, _count(body, "orders"), _ORDERS, facts, hint=hint)
    yield Total(
        "orders cancelled", scope, _count(body, "cancelled"), f"{_ORDERS} AND o.cancelled_at IS NOT NULL", facts, hint=hint
    )
    yield Total("orders in test", scope, _count(body, "test"), f"{_ORDERS} AND o.is_test = 1", facts, hint=hint)
    if "customers:" in text:
        yield Total("customers", "all", _count(body, "customers"), _CUSTOMERS, hint="persync pull --full --stream customers")
    if "products:" in text:
        yield Total("products", "all", _count(body, "products"), _PRODUCTS, hint="persync pull --full --stream products")
    if nodes:
        yield _revenue(client, version, account, begin=max(begin, newest // DAY_MS * DAY_MS - DAYS * DAY_MS), end=newest)


def _revenue(client: Client, version: str, account: AccountFacts, *, begin: int, end: int) -> Total:
    currency = account.currency or ""
    total: int | None = 0
    after: str | None = None
    period = f"processed_at:>='{iso(begin)}' AND processed_at:<='{iso(end)}'"
    for _ in range(PAGES):
        body = _ask(client, query("revenue", version), {"first": 250, "after": after, "query": period})
        nodes, more, after = picked(
            body, "data.orders.nodes", "data.orders.pageInfo.hasNextPage", "data.orders.pageInfo.endCursor"
        )
        for node in nodes:
            money = node["currentTotalPriceSet"]["shopMoney"]
            currency = money["currencyCode"]
            assert total is not None
            total += to_minor(Decimal(money["amount"]), currency)
        if not more:
            break
    else:
        total = None
    return Total(
        "revenue",
        f"{iso(begin)[:10]} to {iso(end)[:10]}",
        total,
        _REVENUE,
        {"from_at": begin, "to_at": end},
        currency=currency,
        hint="persync pull --full --stream orders" if total is not None else "Too many orders in 30 days to add up.",
    )


def _begin(account: AccountFacts, settings: Any, newest: int) -> int:
    """Return since when store and shop hold the same orders, in epoch ms; 0 when they hold all."""
    begin = 0
    if settings.start:
        begin = int(datetime.fromisoformat(settings.start).replace(tzinfo=UTC).timestamp() * 1000)
    if account.covers_from is not None:
        begin = max(begin, account.covers_from, newest - WALL_DAYS * DAY_MS)
    return begin


def _scopes(client: Client, version: str) -> frozenset[str]:
    (installation,) = picked(_ask(client, query("shop", version)), "data.currentAppInstallation")
    return frozenset(str(scope["handle"]) for scope in (installation or {}).get("accessScopes", ()))


def _count(body: bytes, name: str) -> int | None:
    count, precision = picked(body, f"data.{name}.count", f"data.{name}.precision")
    return count if precision == "EXACT" and isinstance(count, int) else None


def _ask(client: Client, text: str, variables: Mapping[str, Any] | None = None) -> bytes:
    request: dict[str, Any] = {"query": text, "variables": dict(variables)} if variables else {"query": text}
    return client.send(Request("POST", "graphql.json", json=request)).body
