"""What was bought, paid, spared and left in a cart, and what goods cost."""

from __future__ import annotations

from typing import NamedTuple

from persync.rows.keys import KEEP, CampaignRef, Keep, OrderRef, Person


class Order(NamedTuple):
    """An order or a deal; its money is the ledger's. Table `orders`.

    `total_minor` is the seller's own current total, kept to hold the ledger against it. `journey` says how much of the
    buyer's path the shop saw: observed, unobserved, not_ready, or None.
    """

    order: OrderRef
    kind: str | Keep = KEEP
    """order or deal"""
    person: Person | Keep | None = KEEP
    ordered_at: int | Keep = KEEP
    status: str | Keep | None = KEEP
    """paid, pending, authorized, cancelled, refunded, voided, expired; deals: open, won, lost"""
    is_test: bool | Keep = KEEP
    cancelled_at: int | Keep | None = KEEP
    currency: str | Keep = KEEP
    sales_channel: str | Keep | None = KEEP
    accepts_marketing: bool | Keep | None = KEEP
    total_minor: int | Keep | None = KEEP
    journey: str | Keep | None = KEEP
    cart: str | Keep | None = KEEP
    """the cart or checkout it came from, as a `Cart` row of the same connection names it"""
    opened_at: int | Keep | None = KEEP
    """when it was opened, of a sale that takes its time: a deal's creation, while `ordered_at` is when it was won"""


class OrderPerson(NamedTuple):
    """A further person on an order (several contacts on one deal). Table `order_people`."""

    order: OrderRef
    person: Person


class OrderLine(NamedTuple):
    """One line of an order. `unit_cost_minor` is the cost known when the line was first seen. Table `order_lines`."""

    order: OrderRef
    line: str
    product: str | Keep | None = KEEP
    sku: str | Keep | None = KEEP
    quantity: int | Keep = KEEP
    current_quantity: int | Keep | None = KEEP
    is_gift_card: bool | Keep = KEEP
    price_minor: int | Keep | None = KEEP
    """what the line's current quantity cost after discounts, before tax"""
    unit_cost_minor: int | Keep | None = KEEP


class LedgerEntry(NamedTuple):
    """One signed, dated movement of an order's money. Table `order_ledger`.

    `entry` is the vendor's id of the sale; `event` is sale, edit, refund or return; `part` is product, shipping, tax,
    tip, duty, fee, gift_card or adjustment (tax is split out of each sale). All parts together are gross.

    A platform that tells states and no refunds says what holds now: the entry `undone` with the amount by which the sale is
    taken back whole, or `redone` (of amount 0) when it is not. The store posts what differs from before, under numbered
    names (undone, redone, undone:2, ...), each dated when it was first said; `redone` is nothing to a sale never undone.
    """

    order: OrderRef
    entry: str
    event: str
    part: str
    happened_at: int
    amount_minor: int
    currency: str


class OrderDiscount(NamedTuple):
    """One discount on an order. Table `order_discounts`.

    `kind` is code, automatic, manual or script. `amount_minor` is what it took off the order, before tax, positive.
    """

    order: OrderRef
    discount: str
    """what tells it from the order's other discounts: its code, title or number"""
    kind: str
    code: str | None
    amount_minor: int | None
    currency: str


class Payment(NamedTuple):
    """Money that moved for an order, as the payment provider saw it. Table `order_payments`.

    Never joined to lines or the ledger: goods and money are two things. `kind` is sale, authorization, capture, refund or
    void; `gateway` says gift_card where a gift card paid; `fee_minor` is the provider's fee, None when not told.
    """

    order: OrderRef
    payment: str
    kind: str
    status: str
    gateway: str | None
    happened_at: int
    amount_minor: int
    currency: str
    fee_minor: int | Keep | None = KEEP


class Cart(NamedTuple):
    """A cart or checkout that may not have become an order. Table `carts`.

    `recovery` is what became of the platform's reminder (not_sent, scheduled, sent, suppressed), None when not told.
    """

    cart: str
    person: Person | Keep | None = KEEP
    campaign: CampaignRef | None = None
    """the campaign that the platform says brought it: a claim"""
    created_at: int | Keep | None = KEEP
    updated_at: int | Keep | None = KEEP
    completed_at: int | Keep | None = KEEP
    status: str | Keep | None = KEEP
    currency: str | Keep | None = KEEP
    total_minor: int | Keep | None = KEEP
    shop: str | Keep | None = KEEP
    recovery: str | Keep | None = KEEP
    recovery_sent_at: int | Keep | None = KEEP


class Product(NamedTuple):
    """A product as one platform sells it. Table `products`."""

    product: str
    title: str | Keep | None = KEEP
    kind: str | Keep | None = KEEP
    status: str | Keep | None = KEEP
    created_at: int | Keep | None = KEEP


class UnitCost(NamedTuple):
    """What one piece of a variant costs the shop today; a new snapshot is kept only when it changed. Table `unit_costs`.

    `unit_cost_minor` None: the shop did not enter one.
    """

    item: str
    product: str | None
    sku: str | None
    unit_cost_minor: int | None
    currency: str | None


class PromoCode(NamedTuple):
    """A promotion's code and what it takes off. Table `promo_codes`.

    `kind` is percentage, fixed or free_shipping; `share` is 0-1 for a percentage, `amount_minor` the fixed amount.
    """

    promotion: str
    code: str
    kind: str | None = None
    share: float | None = None
    amount_minor: int | None = None
    currency: str | None = None
    starts_at: int | None = None
    ends_at: int | None = None
    uses: int | None = None
