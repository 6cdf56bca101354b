"""What the e-commerce half of the Marketing API sends, only what is used.

Everything here was written by the shop's plugin or read from the shop, so only ids are sure to be there: statuses are free
strings, dates are "" where there is none, amounts are decimal numbers, and a guest has a customer without an address.
"""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

__all__ = ["Cart", "Order", "Product", "ProductActivity", "PromoCode", "PromoRule", "Store"]


class Store(TypedDict):
    """One of `GET /ecommerce/stores`."""

    id: str
    list_id: NotRequired[str | None]
    platform: NotRequired[str | None]
    domain: NotRequired[str | None]
    currency_code: NotRequired[str | None]
    is_syncing: NotRequired[bool | None]


class Customer(TypedDict):
    email_address: NotRequired[str | None]


class Outreach(TypedDict):
    """What Mailchimp says brought the order: a campaign, but also an advertisement or a landing page."""

    id: NotRequired[str | None]
    type: NotRequired[str | None]


class Promo(TypedDict):
    code: NotRequired[str | None]
    amount_discounted: NotRequired[float | None]


class Line(TypedDict):
    """One line; `price` is that of one piece, `discount` what was taken off the line."""

    id: str
    product_id: NotRequired[str | None]
    product_variant_id: NotRequired[str | None]
    quantity: int
    price: float
    discount: NotRequired[float | None]


class Order(TypedDict):
    """One of `GET /ecommerce/stores/{store_id}/orders`; `order_total` holds tax and shipping."""

    id: str
    store_id: NotRequired[str | None]
    customer: NotRequired[Customer | None]
    campaign_id: NotRequired[str | None]
    outreach: NotRequired[Outreach | None]
    tracking_code: NotRequired[str | None]
    financial_status: NotRequired[str | None]
    currency_code: str
    order_total: float
    discount_total: NotRequired[float | None]
    tax_total: NotRequired[float | None]
    shipping_total: NotRequired[float | None]
    processed_at_foreign: NotRequired[str | None]
    cancelled_at_foreign: NotRequired[str | None]
    updated_at_foreign: NotRequired[str | None]
    promos: NotRequired[list[Promo] | None]
    lines: NotRequired[list[Line] | None]


class Cart(TypedDict):
    """One of `GET /ecommerce/stores/{store_id}/carts`."""

    id: str
    customer: NotRequired[Customer | None]
    campaign_id: NotRequired[str | None]
    currency_code: NotRequired[str | None]
    order_total: NotRequired[float | None]
    created_at: NotRequired[str | None]
    updated_at: NotRequired[str | None]


class Product(TypedDict):
    """One of `GET /ecommerce/stores/{store_id}/products`."""

    id: str
    title: NotRequired[str | None]
    type: NotRequired[str | None]
    published_at_foreign: NotRequired[str | None]


class PromoRule(TypedDict):
    """One of `GET /ecommerce/stores/{store_id}/promo-rules`."""

    id: str
    type: NotRequired[str | None]
    target: NotRequired[str | None]
    amount: NotRequired[float | None]
    starts_at: NotRequired[str | None]
    ends_at: NotRequired[str | None]


class PromoCode(TypedDict):
    """One of `GET /ecommerce/stores/{store_id}/promo-rules/{promo_rule_id}/promo-codes`."""

    id: str
    code: str
    usage_count: NotRequired[int | None]


class ProductActivity(TypedDict):
    """One of `GET /reports/{campaign_id}/ecommerce-product-activity`: how a product sold after a campaign."""

    title: NotRequired[str | None]
    sku: NotRequired[str | None]
    recommendation_total: NotRequired[int | None]
