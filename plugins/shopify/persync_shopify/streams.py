"""The streams: what is read, how it is paged, when it is read again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from persync.connect import Context, Every, Full, Incremental, Stream, Sweep
from persync.rows import Row
from persync_shopify.bulk import BulkOrders
from persync_shopify.bulk_rows import gathered
from persync_shopify.money_rows import discount_rows, payment_rows
from persync_shopify.pages import (
    AgreementPages,
    Asked,
    CustomerPages,
    Everything,
    InventoryPages,
    MemberPages,
    OnePart,
    OrderPages,
    PartPages,
    ShopPage,
    Sliced,
)
from persync_shopify.records import (
    CustomerRecord,
    ListedOrderRecord,
    OrderDiscountsRecord,
    OrderLinesRecord,
    OrderMomentsRecord,
    OrderPaymentsRecord,
    OrderRecord,
    OrderSalesRecord,
    ShopRecord,
)
from persync_shopify.rows import LATE_DAYS, customer_rows, line_rows, moment_rows, order_rows, sales_rows, shop_rows
from persync_shopify.shop_records import (
    AbandonmentRecord,
    ActivityRecord,
    CheckoutRecord,
    EventRecord,
    InventoryRecord,
    ListedRecord,
    MemberRecord,
    ProductRecord,
    SegmentRecord,
)
from persync_shopify.shop_rows import (
    checkout_rows,
    cost_rows,
    deletion_rows,
    mail_rows,
    member_rows,
    present_order_rows,
    present_rows,
    product_rows,
    segment_rows,
    spend_rows,
)

__all__ = ["STREAMS"]

CHANGED: Final = "updated_at:>='{since}' AND updated_at:<'{until}'"
HAPPENED: Final = "action:destroy AND created_at:>='{since}' AND created_at:<'{until}'"
WEEK: Final = 7
"""days between two full listings, which cost a point a record"""


def _shop_rows(record: ShopRecord, at: Context) -> Iterator[Row]:
    return shop_rows(record, at, [stream.name for stream in STREAMS if stream.parent is None and stream is not SHOP])


SHOP = Stream(
    name="shop",
    facts=("account", "currency", "time zone"),
    record=ShopRecord,
    rows=_shop_rows,
    reader=ShopPage("shop"),
    key="shop.id",
    window=Full(),
    safe=("shop.id", "shop.currencyCode", "shop.ianaTimezone"),
)

CUSTOMERS = Stream(
    name="customers",
    record=CustomerRecord,
    rows=customer_rows,
    reader=CustomerPages(
        query="customers",
        at="customers",
        size=90,
        filter=CHANGED,
        needs=("read_customers",),
        sort="UPDATED_AT",
        window=86_400_000,
    ),
    version="updatedAt",
    shape=2,
    personal_key=True,
    safe=("state", "locale", "numberOfOrders", "createdAt", "updatedAt", "defaultEmailAddress.marketingState"),
    window=Incremental(),
    needs=("shop",),
    scopes=("read_customers",),
    facts=("customers", "consent", "merges"),
)

# No `version`: what hangs under an order may reach the index after the order itself, without touching its updatedAt.
# Hence also the three days that are read again once a day.
ORDERS = Stream(
    name="orders",
    record=OrderRecord,
    rows=order_rows,
    reader=BulkOrders(
        OrderPages(query="orders", at="orders", size=5, filter=CHANGED, needs=("read_orders",), sort="UPDATED_AT")
    ),
    gather=gathered,
    safe=("id", "name", "sourceName", "displayFinancialStatus", "processedAt", "updatedAt", "cancelledAt"),
    window=Incremental(lookback_days=LATE_DAYS),
    needs=("shop",),
    scopes=("read_orders", "read_all_orders", "read_products"),
    facts=("orders", "refunds", "discounts", "payments", "visits", "consent at purchase"),
)

ORDER_SALES = Stream(
    name="order_sales",
    facts=("revenue", "refunds"),
    record=OrderSalesRecord,
    rows=sales_rows,
    reader=AgreementPages(query="order_sales", at="order.agreements", size=150),
    safe=("id", "name", "processedAt"),
    parent="orders",
    scopes=("read_orders",),
)

ORDER_LINES = Stream(
    name="order_lines",
    facts=("order lines", "unit costs"),
    record=OrderLinesRecord,
    rows=line_rows,
    reader=PartPages(query="order_lines", at="order.lineItems", size=100),
    safe=("id", "name"),
    parent="orders",
    scopes=("read_orders", "read_products"),
)

ORDER_MOMENTS = Stream(
    name="order_moments",
    facts=("visits",),
    record=OrderMomentsRecord,
    rows=moment_rows,
    reader=PartPages(query="order_moments", at="order.customerJourneySummary.moments", size=100),
    safe=("id", "name", "sourceName", "processedAt", "updatedAt"),
    parent="orders",
    scopes=("read_orders",),
)

ORDER_PAYMENTS = Stream(
    name="order_payments",
    facts=("payments", "fees"),
    record=OrderPaymentsRecord,
    rows=payment_rows,
    reader=OnePart(query="order_payments", at="order", size=100),
    safe=("id", "name"),
    parent="orders",
    scopes=("read_orders",),
)

ORDER_DISCOUNTS = Stream(
    name="order_discounts",
    facts=("discounts",),
    record=OrderDiscountsRecord,
    rows=discount_rows,
    reader=OnePart(query="order_discounts", at="order", size=75),
    safe=("id", "name"),
    parent="orders",
    scopes=("read_orders",),
)

PRODUCTS = Stream(
    name="products",
    record=ProductRecord,
    rows=product_rows,
    reader=Sliced(query="products", at="products", size=250, filter=CHANGED, needs=("read_products",)),
    version="updatedAt",
    safe=("id", "status", "createdAt"),
    window=Incremental(),
    needs=("shop",),
    scopes=("read_products",),
    facts=("products",),
)

UNIT_COSTS = Stream(
    name="unit_costs",
    record=InventoryRecord,
    rows=cost_rows,
    reader=InventoryPages(
        query="unit_costs", at="inventoryItems", size=190, filter=CHANGED, needs=("read_inventory", "read_products")
    ),
    safe=("id", "sku"),
    window=Incremental(lookback_days=3),
    needs=("shop",),
    scopes=("read_inventory", "read_products"),
    facts=("unit costs",),
    unused=("updatedAt",),
)

# A recovery mail goes out hours after the checkout was left: three days are read again once a day.
CHECKOUTS = Stream(
    name="checkouts",
    record=CheckoutRecord,
    rows=checkout_rows,
    reader=Sliced(query="checkouts", at="abandonedCheckouts", size=190, filter=CHANGED, needs=("read_orders",)),
    safe=("id", "createdAt", "updatedAt", "completedAt"),
    window=Incremental(lookback_days=3),
    needs=("shop", "customers"),
    scopes=("read_orders",),
    facts=("abandoned checkouts",),
)

CHECKOUT_MAILS = Stream(
    name="checkout_mails",
    record=AbandonmentRecord,
    rows=mail_rows,
    reader=OnePart(query="checkout_mails", at="", size=1, root="abandonmentByAbandonedCheckoutId"),
    safe=("emailState", "emailSentAt"),
    parent="checkouts",
    scopes=("read_orders",),
    facts=("recovery mails",),
)

SEGMENTS = Stream(
    name="segments",
    record=SegmentRecord,
    rows=segment_rows,
    reader=Asked(query="segments", at="segments", size=250, needs=("read_customers",)),
    safe=("id",),
    window=Full(),
    needs=("shop",),
    scopes=("read_customers",),
    facts=("segments",),
)

SEGMENT_MEMBERS = Stream(
    name="segment_members",
    record=MemberRecord,
    rows=member_rows,
    reader=MemberPages(query="segment_members", at="customerSegmentMembers", size=400, variables=("id",)),
    key="node.id",
    personal_key=True,
    window=Full(),
    parent="segments",
    # By the customer's own record somebody who was erased is recognised; here stands an id alone.
    needs=("customers",),
    sweeps=Sweep("member", only=("segment",)),
    scopes=("read_customers",),
    facts=("segment members",),
)

# Not read unless named: it is what the shop spent on advertising, not what personalised mail costs, and Shopify shows an
# app its own activities alone.
MARKETING = Stream(
    name="marketing",
    record=ActivityRecord,
    rows=spend_rows,
    reader=Asked(query="marketing", at="marketingActivities", size=190, needs=("read_marketing_events",)),
    safe=("id", "tactic", "status", "createdAt"),
    window=Full(),
    needs=("shop",),
    scopes=("read_marketing_events",),
    default=False,
    facts=("advertising spend",),
)

DELETIONS = Stream(
    name="deletions",
    record=EventRecord,
    rows=deletion_rows,
    reader=Asked(query="deletions", at="events", size=250, filter=HAPPENED),
    safe=("id", "action", "createdAt", "subjectType"),
    window=Incremental(),
    needs=("shop", "orders", "customers", "products"),
    scopes=("read_orders", "read_customers", "read_products"),
    facts=("deletions",),
)

ORDER_LISTING = Stream(
    name="order_listing",
    record=ListedOrderRecord,
    rows=present_order_rows,
    reader=Everything(query="order_listing", at="orders", size=250, needs=("read_orders",)),
    safe=("id", "name"),
    window=Every(WEEK),
    needs=("shop", "orders", "deletions"),
    scopes=("read_orders", "read_all_orders"),
    sweeps=Sweep("order"),
    facts=("deletions", "merges"),
    unused=("sourceName",),
)

CUSTOMER_LISTING = Stream(
    name="customer_listing",
    record=ListedRecord,
    rows=present_rows,
    reader=Everything(query="customer_listing", at="customers", size=250, needs=("read_customers",)),
    personal_key=True,
    window=Every(WEEK),
    needs=("shop", "customers", "deletions"),
    scopes=("read_customers",),
    sweeps=Sweep("contact"),
    facts=("deletions", "merges"),
)

PRODUCT_LISTING = Stream(
    name="product_listing",
    record=ListedRecord,
    rows=present_rows,
    reader=Everything(query="product_listing", at="products", size=250, needs=("read_products",)),
    window=Every(WEEK),
    needs=("shop", "products", "deletions"),
    scopes=("read_products",),
    sweeps=Sweep("product"),
    facts=("deletions",),
)

STREAMS: Final = (
    SHOP,
    CUSTOMERS,
    ORDERS,
    ORDER_SALES,
    ORDER_LINES,
    ORDER_MOMENTS,
    ORDER_PAYMENTS,
    ORDER_DISCOUNTS,
    PRODUCTS,
    UNIT_COSTS,
    CHECKOUTS,
    CHECKOUT_MAILS,
    SEGMENTS,
    SEGMENT_MEMBERS,
    MARKETING,
    DELETIONS,
    ORDER_LISTING,
    CUSTOMER_LISTING,
    PRODUCT_LISTING,
)
