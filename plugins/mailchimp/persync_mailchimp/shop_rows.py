"""From the e-commerce records to rows: orders as Mailchimp copied them from a shop, and what Mailchimp claims of them."""

from __future__ import annotations

from collections.abc import Iterator

from persync import rows
from persync.connect.stream import Context
from persync.errors import RecordError
from persync.money import to_minor
from persync.rows import Child, OrderRef, Person
from persync_mailchimp import shop_records as records
from persync_mailchimp.dates import moment
from persync_mailchimp.personalise import recommendation_items, tracking_items
from persync_mailchimp.refs import campaign_ref

__all__ = [
    "ORDER_CLAIM_MODEL",
    "cart_rows",
    "order_rows",
    "product_activity_rows",
    "product_rows",
    "promo_code_rows",
    "promo_rule_rows",
    "store_rows",
]

ORDER_CLAIM_MODEL = "mailchimp_order"
"""Mailchimp's attribution of single orders: the last touch, an open within 5 days or a click within 30"""

# An outreach is a campaign only when it is mail; advertisements, postcards and landing pages have ids of their own.
_MAIL = frozenset({"regular", "plaintext", "absplit", "rss", "variate", "email", "campaign"})
_UNDONE = frozenset({"refunded", "cancelled", "canceled", "voided"})
_STORE_STREAMS = ("orders", "carts", "products", "promo_rules")


def store_rows(store: records.Store, at: Context) -> Iterator[rows.Row]:
    """Yield the work that hangs under a connected shop."""
    data = {
        "store_id": store["id"],
        "shop": _domain(store.get("domain")),
        "currency": store.get("currency_code") or "",
    }
    for stream in _STORE_STREAMS:
        yield Child(stream, store["id"], data)


def order_rows(order: records.Order, at: Context) -> Iterator[rows.Row]:
    """Yield an order with its lines, discounts and money, and Mailchimp's claim on it."""
    ref = order_ref(order, at)
    currency = order["currency_code"].upper()
    placed = moment(order.get("processed_at_foreign"), "processed_at_foreign")
    updated = moment(order.get("updated_at_foreign"), "updated_at_foreign")
    cancelled = moment(order.get("cancelled_at_foreign"), "cancelled_at_foreign")
    ordered = placed if placed is not None else updated
    if ordered is None:
        raise RecordError("has no date", field="processed_at_foreign")
    total = _minor(order["order_total"], currency, "order_total")
    status = "cancelled" if cancelled is not None else (order.get("financial_status") or "").strip().lower() or None
    yield rows.Order(
        ref,
        kind="order",
        person=_buyer(order.get("customer")),
        ordered_at=ordered,
        status=status,
        cancelled_at=cancelled,
        currency=currency,
        total_minor=0 if status in _UNDONE else total,
    )
    parts = {
        "tax": _minor(order.get("tax_total") or 0, currency, "tax_total"),
        "shipping": _minor(order.get("shipping_total") or 0, currency, "shipping_total"),
    }
    parts["product"] = total - sum(parts.values())
    for part, amount in parts.items():
        yield rows.LedgerEntry(ref, "sale", "sale", part, ordered, amount, currency)
    if status in _UNDONE:
        # No amount of a refund is told, only that all of it was: the sale is taken back on the day we know of.
        undone = next(day for day in (cancelled, updated, ordered) if day is not None)
        for part, amount in parts.items():
            yield rows.LedgerEntry(ref, "undone", "refund", part, undone, -amount, currency)
    else:
        for part in parts:
            yield rows.LedgerEntry(ref, "redone", "sale", part, ordered if updated is None else updated, 0, currency)
    for line in order.get("lines") or ():
        yield _line(ref, line, currency, at, undone=status in _UNDONE)
    yield from _discounts(ref, order, currency)
    yield from _claim(ref, order, total, currency, ordered)


def order_ref(order: records.Order, at: Context) -> OrderRef:
    """Name an order by store and id; a shop's plugin uses the shop's own order id, by which its other copies are known."""
    store, vendor_id = order.get("store_id") or at.parent["store_id"], order["id"]
    return OrderRef(f"{store}:{vendor_id}", at.parent["shop"], vendor_id.rpartition("/")[2])


def _line(ref: OrderRef, line: records.Line, currency: str, at: Context, *, undone: bool) -> rows.OrderLine:
    taken_off = _minor(line.get("discount") or 0, currency, "lines.discount")
    price = _minor(line["price"], currency, "lines.price") * line["quantity"] - taken_off
    product = line.get("product_id")
    return rows.OrderLine(
        ref,
        line["id"],
        product=_owned(at, product) if product else None,
        quantity=line["quantity"],
        current_quantity=0 if undone else line["quantity"],
        price_minor=0 if undone else price,
    )


def _discounts(ref: OrderRef, order: records.Order, currency: str) -> Iterator[rows.Row]:
    rest = _minor(order.get("discount_total") or 0, currency, "discount_total")
    for number, promo in enumerate(order.get("promos") or ()):
        code = promo.get("code") or None
        given = promo.get("amount_discounted")
        amount = None if given is None else _minor(given, currency, f"promos.{number}.amount_discounted")
        rest -= amount or 0
        yield rows.OrderDiscount(ref, code or f"promo {number}", "code", code, amount, currency)
    if rest > 0:
        yield rows.OrderDiscount(ref, "rest", "automatic", None, rest, currency)


def _claim(ref: OrderRef, order: records.Order, total: int, currency: str, ordered: int) -> Iterator[rows.Row]:
    outreach: records.Outreach = order.get("outreach") or {}
    campaign = order.get("campaign_id") or (outreach.get("id") if (outreach.get("type") or "") in _MAIL else None)
    if not campaign:
        yield rows.Claim(None, ref, ORDER_CLAIM_MODEL, 0, 0, currency)
        return
    yield rows.Claim(campaign_ref(campaign), ref, ORDER_CLAIM_MODEL, 1, total, currency, from_at=ordered)
    found = tracking_items(order.get("tracking_code"))
    if found:
        yield rows.Evidence(campaign_ref(campaign), "orders", found)


def cart_rows(cart: records.Cart, at: Context) -> Iterator[rows.Row]:
    """Yield a cart that has not become an order; Mailchimp forgets it when it does."""
    currency = (cart.get("currency_code") or at.parent["currency"]).upper() or None
    total = cart.get("order_total")
    campaign = cart.get("campaign_id")
    yield rows.Cart(
        _owned(at, cart["id"]),
        person=_buyer(cart.get("customer")),
        campaign=campaign_ref(campaign) if campaign else None,
        created_at=moment(cart.get("created_at"), "created_at"),
        updated_at=moment(cart.get("updated_at"), "updated_at"),
        status="open",
        currency=currency,
        total_minor=None if total is None or currency is None else _minor(total, currency, "order_total"),
        shop=at.parent["shop"] or None,
    )


def product_rows(product: records.Product, at: Context) -> Iterator[rows.Row]:
    """Yield a product as the shop's plugin described it."""
    yield rows.Product(
        _owned(at, product["id"]),
        title=product.get("title") or None,
        kind=product.get("type") or None,
        created_at=moment(product.get("published_at_foreign"), "published_at_foreign"),
    )


def promo_rule_rows(rule: records.PromoRule, at: Context) -> Iterator[rows.Row]:
    """Yield the work of a promotion: its codes say nothing of what they take off, so the rule travels with them."""
    data = {
        **{name: at.parent[name] for name in ("store_id", "currency")},
        "promo_rule_id": rule["id"],
        "type": rule.get("type") or "",
        "target": rule.get("target") or "",
        "amount": rule.get("amount"),
        "starts_at": moment(rule.get("starts_at"), "starts_at"),
        "ends_at": moment(rule.get("ends_at"), "ends_at"),
    }
    yield Child("promo_codes", f"{at.parent['store_id']}/{rule['id']}", data)


def promo_code_rows(code: records.PromoCode, at: Context) -> Iterator[rows.Row]:
    """Yield a code with what its rule takes off: a share of 0-1, or an amount of the store's currency."""
    rule = at.parent
    amount, currency = rule["amount"], rule["currency"].upper() or None
    is_share = rule["type"] == "percentage"
    fixed = None if is_share or amount is None or currency is None else _minor(amount, currency, "amount")
    yield rows.PromoCode(
        _owned(at, rule["promo_rule_id"]),
        code["code"],
        kind="free_shipping" if rule["target"] == "shipping" else "percentage" if is_share else rule["type"] or None,
        share=amount if is_share else None,
        amount_minor=fixed,
        currency=None if is_share else currency,
        starts_at=rule["starts_at"],
        ends_at=rule["ends_at"],
        uses=code.get("usage_count"),
    )


def product_activity_rows(product: records.ProductActivity, at: Context) -> Iterator[rows.Row]:
    """Yield the evidence that a campaign recommended products: each reader saw their own."""
    found = recommendation_items(product.get("recommendation_total"))
    if found:
        yield rows.Evidence(campaign_ref(at.parent["campaign_id"]), "product_activity", found)


def _buyer(customer: records.Customer | None) -> Person | None:
    # The customer's id is the shop's or the plugin's, not one of Mailchimp's contacts: only the address joins.
    address = (customer or {}).get("email_address")
    return Person(("email", address)) if address else None


def _owned(at: Context, vendor_id: str) -> str:
    """Products, carts and promotions are numbered by each store for itself."""
    return f"{at.parent['store_id']}:{vendor_id}"


def _domain(text: str | None) -> str:
    return (text or "").strip().lower().removeprefix("https://").removeprefix("http://").partition("/")[0]


def _minor(amount: float, currency: str, field: str) -> int:
    try:
        return to_minor(amount, currency)
    except ValueError:
        raise RecordError("is not an amount of money", field=field) from None
