"""The streams: what is read, how it is paged, when it is read again."""

from __future__ import annotations

from typing import Final

from persync.connect import Full, Incremental, Stream
from persync_shopify.pages import AgreementPages, CustomerPages, OrderPages, PartPages, ShopPage
from persync_shopify.queries import query
from persync_shopify.records import (
    CustomerRecord,
    OrderLinesRecord,
    OrderMomentsRecord,
    OrderRecord,
    OrderSalesRecord,
    ShopRecord,
)
from persync_shopify.rows import customer_rows, line_rows, moment_rows, order_rows, sales_rows, shop_rows

__all__ = ["STREAMS"]

CHANGED: Final = "updated_at:>='{since}' AND updated_at:<'{until}'"

SHOP = Stream(
    name="shop",
    record=ShopRecord,
    rows=shop_rows,
    reader=ShopPage(query("shop")),
    key="shop.id",
    window=Full(),
    safe=("shop.id", "shop.currencyCode", "shop.ianaTimezone"),
)

CUSTOMERS = Stream(
    name="customers",
    record=CustomerRecord,
    rows=customer_rows,
    # 6 points a customer: 150 stay under the 1000 of one query.
    reader=CustomerPages(query=query("customers"), at="customers", size=150, filter=CHANGED),
    version="updatedAt",
    personal_key=True,
    safe=("state", "locale", "numberOfOrders", "createdAt", "updatedAt", "defaultEmailAddress.marketingState"),
    window=Incremental(),
    needs=("shop",),
    scopes=("read_customers",),
)

# No `version`: what hangs under an order may reach the index after the order itself, without touching its updatedAt.
# Hence also the three days that are read again once a day.
ORDERS = Stream(
    name="orders",
    record=OrderRecord,
    rows=order_rows,
    reader=OrderPages(query=query("orders"), at="orders", size=9, filter=CHANGED),
    safe=("id", "name", "sourceName", "displayFinancialStatus", "processedAt", "updatedAt", "cancelledAt"),
    window=Incremental(lookback_days=3),
    needs=("shop",),
    scopes=("read_orders", "read_all_orders", "read_products"),
)

ORDER_SALES = Stream(
    name="order_sales",
    record=OrderSalesRecord,
    rows=sales_rows,
    reader=AgreementPages(query=query("order_sales"), at="order.agreements", size=150),
    safe=("id", "name", "processedAt"),
    parent="orders",
    scopes=("read_orders",),
)

ORDER_LINES = Stream(
    name="order_lines",
    record=OrderLinesRecord,
    rows=line_rows,
    reader=PartPages(query=query("order_lines"), at="order.lineItems", size=100),
    safe=("id", "name"),
    parent="orders",
    scopes=("read_orders", "read_products"),
)

ORDER_MOMENTS = Stream(
    name="order_moments",
    record=OrderMomentsRecord,
    rows=moment_rows,
    reader=PartPages(query=query("order_moments"), at="order.customerJourneySummary.moments", size=100),
    safe=("id", "name", "sourceName", "processedAt", "updatedAt"),
    parent="orders",
    scopes=("read_orders",),
)

STREAMS: Final = (SHOP, CUSTOMERS, ORDERS, ORDER_SALES, ORDER_LINES, ORDER_MOMENTS)
