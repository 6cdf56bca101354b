"""The streams of shops that are connected to Mailchimp: a copy of what the shop itself tells better, and a claim on it.

Orders and carts can be filtered by no date and sorted by nothing, so all are read at every pull. What is missing is not
believed to be gone: plugins delete and send everything again, and a shop that is disconnected takes its orders along.
"""

from __future__ import annotations

from persync.connect.readers import OffsetPages
from persync.connect.stream import Stream
from persync_mailchimp import shop_records as records
from persync_mailchimp import shop_rows as rows
from persync_mailchimp.fields import only

__all__ = ["SHOP_STREAMS"]

STORES = Stream(
    name="stores",
    facts=("shops",),
    path="ecommerce/stores",
    params=only("stores", "id", "domain", "currency_code"),
    record=records.Store,
    rows=rows.store_rows,
    reader=OffsetPages(at="stores"),
)

ORDERS = Stream(
    name="orders",
    facts=("orders as copied", "claims of orders"),
    path="ecommerce/stores/{store_id}/orders",
    # Names and postal addresses of buyers are not asked for.
    params=only(
        "orders",
        "id",
        "store_id",
        "customer.email_address",
        "campaign_id",
        "outreach.id",
        "outreach.type",
        "tracking_code",
        "financial_status",
        "currency_code",
        "order_total",
        "discount_total",
        "tax_total",
        "shipping_total",
        "processed_at_foreign",
        "cancelled_at_foreign",
        "updated_at_foreign",
        "promos",
        "lines",
    ),
    record=records.Order,
    rows=rows.order_rows,
    reader=OffsetPages(at="orders"),
    safe=("store_id", "campaign_id", "financial_status", "currency_code"),
    parent="stores",
    unused=("lines._links", "lines.image_url", "lines.product_title", "lines.product_variant_title", "promos.type"),
)

CARTS = Stream(
    name="carts",
    facts=("carts",),
    path="ecommerce/stores/{store_id}/carts",
    params=only(
        "carts",
        "id",
        "customer.email_address",
        "campaign_id",
        "currency_code",
        "order_total",
        "created_at",
        "updated_at",
    ),
    record=records.Cart,
    rows=rows.cart_rows,
    reader=OffsetPages(at="carts"),
    safe=("campaign_id", "currency_code"),
    parent="stores",
)

PRODUCTS = Stream(
    name="products",
    facts=("products",),
    path="ecommerce/stores/{store_id}/products",
    params=only("products", "id", "title", "type", "published_at_foreign"),
    record=records.Product,
    rows=rows.product_rows,
    reader=OffsetPages(at="products"),
    parent="stores",
)

PROMO_RULES = Stream(
    name="promo_rules",
    facts=("promotions",),
    path="ecommerce/stores/{store_id}/promo-rules",
    params=only("promo_rules", "id", "type", "target", "amount", "starts_at", "ends_at"),
    record=records.PromoRule,
    rows=rows.promo_rule_rows,
    reader=OffsetPages(at="promo_rules"),
    safe=("type", "target"),
    parent="stores",
)

PROMO_CODES = Stream(
    name="promo_codes",
    facts=("promotions",),
    path="ecommerce/stores/{store_id}/promo-rules/{promo_rule_id}/promo-codes",
    params=only("promo_codes", "id", "code", "usage_count"),
    record=records.PromoCode,
    rows=rows.promo_code_rows,
    reader=OffsetPages(at="promo_codes"),
    parent="promo_rules",
)

PRODUCT_ACTIVITY = Stream(
    name="product_activity",
    facts=("claims by product",),
    path="reports/{campaign_id}/ecommerce-product-activity",
    params=only("products", "title", "sku", "recommendation_total"),
    record=records.ProductActivity,
    rows=rows.product_activity_rows,
    reader=OffsetPages(at="products"),
    key="sku",
    parent="reports",
    needs=("automation_reports", "sub_reports"),
)

SHOP_STREAMS = (STORES, ORDERS, CARTS, PRODUCTS, PROMO_RULES, PROMO_CODES, PRODUCT_ACTIVITY)
