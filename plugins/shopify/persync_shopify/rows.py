"""From Shopify's records to rows. Pure: no clock, no network.

Money is the ledger: every sale of every agreement, signed and dated, in the shop's currency, tax split out. The order's own
current total goes beside it, so that the two can be held against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from persync.connect import Context
from persync.errors import RecordError
from persync.rows import (
    KEEP,
    Account,
    Action,
    Attribute,
    Child,
    Consent,
    Contact,
    Keep,
    LedgerEntry,
    Merged,
    Order,
    OrderLine,
    OrderRef,
    Person,
    Row,
    Touchpoint,
)
from persync_shopify import visits
from persync_shopify.money_rows import PAYMENTS, discounts, is_whole, payments, placed
from persync_shopify.records import (
    Agreements,
    Buyer,
    CustomerRecord,
    LineItems,
    OrderLinesRecord,
    OrderMomentsRecord,
    OrderRecord,
    OrderSalesRecord,
    Phone,
    ShopRecord,
    Visit,
)
from persync_shopify.values import cart_key, milliseconds, minor, money, order_ref, redacted, tail

DAY_MS: Final = 86_400_000
WALL_DAYS: Final = 60
"""how far back a token without read_all_orders sees"""
READY_WITHIN_MS: Final = 7 * DAY_MS
LATE_DAYS: Final = 3
"""so long after an order changed, an agreement may still reach it, and that does not touch its `updatedAt`"""
"""a journey that is not ready after this long is not asked for again"""

_CONSENT: Final = {
    "SUBSCRIBED": "subscribed",
    "UNSUBSCRIBED": "unsubscribed",
    "PENDING": "pending",
    "NOT_SUBSCRIBED": "not_subscribed",
    "NEVER_SUBSCRIBED": "not_subscribed",
}
_LEVEL: Final = {"SINGLE_OPT_IN": "single_opt_in", "CONFIRMED_OPT_IN": "confirmed_opt_in"}
_STATUS: Final = {
    "PAID": "paid",
    "PARTIALLY_REFUNDED": "paid",
    "PARTIALLY_PAID": "pending",
    "PENDING": "pending",
    "AUTHORIZED": "authorized",
    "REFUNDED": "refunded",
    "VOIDED": "voided",
    "EXPIRED": "expired",
}
_CHANNEL: Final = {"shopify_draft_order": "draft"}
_OFFLINE: Final = frozenset({"pos", "draft"})
"""no web session belongs to such an order, so a journey without visits says nothing"""
_PART: Final = {
    "PRODUCT": "product",
    "GIFT_CARD": "gift_card",
    "SHIPPING": "shipping",
    "TIP": "tip",
    "DUTY": "duty",
    "FEE": "fee",
    "ADDITIONAL_FEE": "fee",
}


def shop_rows(record: ShopRecord, at: Context, roots: Iterable[str] = ()) -> Iterator[Row]:
    """Yield the account: currency, zone, own domain, and since when its orders can be seen; and the token's scopes.

    Without `read_all_orders` that is 60 days before the first pull; it stays there, because later pulls add to it. The
    scopes go to the streams named in `roots`, as the data of their one partition.
    """
    shop = record["shop"]
    scopes = {scope["handle"] for scope in record["currentAppInstallation"]["accessScopes"]}
    covers_from = None
    if "read_all_orders" not in scopes:
        wall = at.now // DAY_MS * DAY_MS - WALL_DAYS * DAY_MS
        known = at.account.covers_from
        covers_from = wall if known is None else min(known, wall)
    yield Account(
        account_id=tail(shop["id"]),
        currency=shop["currencyCode"],
        timezone=shop["ianaTimezone"],
        shop=shop["myshopifyDomain"].lower(),
        covers_from=covers_from,
    )
    for name in roots:
        yield Child(name, "", {"scopes": " ".join(sorted(scopes))}, None)


def customer_rows(record: CustomerRecord, at: Context) -> Iterator[Row]:
    """Yield a customer: keys, consent as it stands now for each channel, a merge, and the opted-in attributes, coarsened."""
    email = record["defaultEmailAddress"]
    shown = record.get("address")
    address = shown["emailAddress"] if shown else email.get("emailAddress") if email else None
    person = Person(("id", tail(record["id"])), ("email", address))
    orders = record["numberOfOrders"]
    if not orders.isdecimal():
        raise RecordError("numberOfOrders is not a number.", field="numberOfOrders")
    yield Contact(person, created_at=milliseconds(record["createdAt"]), status=record["state"].lower(), orders=int(orders))
    if email is not None:
        yield _consent(person, "email", email["marketingState"], email["marketingOptInLevel"], email["marketingUpdatedAt"])
    if record["defaultPhoneNumber"] is not None:
        yield from _phone_consents(person, record["defaultPhoneNumber"])
    yield from _merge(person, record)
    wanted = at.settings.attributes
    if "country" in wanted and "defaultAddress" in record:
        country = record["defaultAddress"]
        yield Attribute(person, "country", country["countryCodeV2"] if country else None, wanted["country"])
    if "language" in wanted:
        language = record["locale"].replace("_", "-").split("-")[0].lower()
        yield Attribute(person, "language", language or None, wanted["language"])
    if "statistics" in record:
        tiers = record["statistics"]
        for name, tier in (("spend_tier", tiers["predictedSpendTier"]), ("rfm_group", tiers["rfmGroup"])):
            if name in wanted:
                yield Attribute(person, name, tier.lower() if tier else None, wanted[name])


def _phone_consents(person: Person, phone: Phone) -> Iterator[Row]:
    sms, whatsapp = phone.get("smsMarketingConsent"), phone.get("whatsAppMarketingConsent")
    if sms is not None:
        yield _consent(person, "sms", sms["state"], sms["optInLevel"], sms["updatedAt"])
    elif "marketingState" in phone:
        level, changed = phone.get("marketingOptInLevel"), phone.get("marketingUpdatedAt")
        yield _consent(person, "sms", phone["marketingState"], level, changed)
    if whatsapp is not None:
        yield _consent(person, "whatsapp", whatsapp["state"], whatsapp["optInLevel"], whatsapp["updatedAt"])


def _merge(person: Person, record: CustomerRecord) -> Iterator[Row]:
    mergeable = record.get("mergeable")
    request = mergeable.get("mergeInProgress") if mergeable else None
    # One under way may still fail, and two people joined wrongly are worse than two not joined.
    if request is not None and request["status"] == "COMPLETED":
        survivor = tail(request["resultingCustomerId"])
        if survivor != tail(record["id"]):
            yield Merged(Person(("id", survivor)), person)


def order_rows(record: OrderRecord, at: Context) -> Iterator[Row]:
    """Yield an order: head, ledger, lines and visits; and a `Child` for whatever its page could not hold."""
    ref = order_ref(record, at)
    total = record["currentTotalPriceSet"]["shopMoney"]
    status = _STATUS.get(record["displayFinancialStatus"] or "", "pending")
    if record["cancelledAt"] is not None and status not in ("voided", "expired", "refunded"):
        status = "cancelled"
    journey, moments_missing = _journey(record)
    yield Order(
        ref,
        kind="order",
        person=_buyer(record, at),
        ordered_at=milliseconds(record["processedAt"]),
        status=status,
        is_test=record["test"],
        cancelled_at=None if record["cancelledAt"] is None else milliseconds(record["cancelledAt"]),
        currency=total["currencyCode"],
        sales_channel=_sales_channel(record),
        accepts_marketing=record["customerAcceptsMarketing"],
        total_minor=minor(total),
        journey=journey,
        cart=_cart(record),
    )
    version = version_of(record["updatedAt"], at)
    more = {"id": record["id"], **at.parent}
    if "agreements" in record:
        yield from _ledger(ref, record["agreements"], milliseconds(record["processedAt"]))
        if not is_whole(record["agreements"]) or any(not is_whole(each["sales"]) for each in record["agreements"]["nodes"]):
            yield Child("order_sales", tail(record["id"]), more, version)
    if "lineItems" in record:
        yield from _lines(ref, record["lineItems"], at)
        if not is_whole(record["lineItems"]):
            yield Child("order_lines", tail(record["id"]), more, version)
    yield from _money(ref, record, more, version)
    yield from _visits(record, at)
    if journey == "not_ready":
        if at.now - milliseconds(record["processedAt"]) < READY_WITHIN_MS:
            yield Child("order_moments", tail(record["id"]), more, None)
    elif moments_missing:
        yield Child("order_moments", tail(record["id"]), more, version)


def _money(ref: OrderRef, record: OrderRecord, more: dict[str, Any], version: str) -> Iterator[Row]:
    """Yield discounts and payments, or a `Child` for those that the page could not hold."""
    number, currency = ref.vendor_order_id, record["currentTotalPriceSet"]["shopMoney"]["currencyCode"]
    if "discountApplications" in record and "agreements" in record and "lineItems" in record:
        applications, agreements, lines = record["discountApplications"], record["agreements"], record["lineItems"]
        whole = is_whole(applications) and is_whole(lines) and placed(agreements) is not None
        codes = record.get("discountCodes", [])
        if whole or not (codes or applications["nodes"]):
            yield from discounts(ref, codes, applications, agreements, lines, currency=currency)
        else:
            yield Child("order_discounts", number, more, version)
    if "transactions" in record:
        yield from payments(ref, record["transactions"])
        if len(record["transactions"]) >= PAYMENTS:
            yield Child("order_payments", number, more, version)


def version_of(changed: datetime, at: Context) -> str:
    """Return the version of what a page of an order could not hold: another one each day while something may arrive late."""
    days = max(0, at.now - milliseconds(changed)) // DAY_MS
    return changed.isoformat() if days >= LATE_DAYS else f"{changed.isoformat()} day {days}"


def _cart(record: OrderRecord) -> str | Keep | None:
    if "checkoutToken" not in record:
        return KEEP
    return cart_key(record["checkoutToken"]) if record["checkoutToken"] else None


def sales_rows(record: OrderSalesRecord, at: Context) -> Iterator[Row]:
    """Yield one page of the ledger of an order whose sales did not fit beside it."""
    yield from _ledger(order_ref(record, at), record["agreements"], milliseconds(record["processedAt"]))


def line_rows(record: OrderLinesRecord, at: Context) -> Iterator[Row]:
    """Yield one page of the lines of an order that has many."""
    yield from _lines(order_ref(record, at), record["lineItems"], at)


def moment_rows(record: OrderMomentsRecord, at: Context) -> Iterator[Row]:
    """Yield one page of an order's visits; while its journey is not ready, have it asked for again at the next pull.

    Once ready, or too old to become so, the partition is given a version: a child with one is not read twice.
    """
    journey, _ = _journey(record)
    yield Order(order_ref(record, at), journey=journey)
    yield from _visits(record, at)
    waiting = journey == "not_ready" and at.now - milliseconds(record["processedAt"]) < READY_WITHIN_MS
    version = None if waiting else record["updatedAt"].isoformat()
    yield Child("order_moments", tail(record["id"]), dict(at.parent), version)


def _ledger(ref: OrderRef, agreements: Agreements, ordered_at: int) -> Iterator[Row]:
    for agreement in agreements["nodes"]:
        reason = agreement["reason"]
        # An imported order happens, to Shopify, on the day of the import; its business date is processedAt.
        happened_at = ordered_at if reason == "ORDER" else milliseconds(agreement["happenedAt"])
        for sale in agreement["sales"]["nodes"]:
            amount, currency = money(sale["totalAmount"])
            tax, _ = money(sale["totalTaxAmount"])
            event = _event(reason, sale["actionType"])
            part = _PART.get(sale["lineType"], "adjustment")
            entry = tail(sale["id"])
            yield LedgerEntry(ref, entry, event, part, happened_at, amount - tax, currency)
            if tax:
                yield LedgerEntry(ref, entry, event, "tax", happened_at, tax, currency)


def _event(reason: str, action: str) -> str:
    """Return what a sale does to the order: the agreement says why, the sale says which way.

    Goods that join an order after it was placed (an edit, the new piece of an exchange) are an edit, also inside a return;
    otherwise refunds and returns keep the agreement's word.
    """
    if reason == "ORDER_EDIT" or (action == "ORDER" and reason in ("REFUND", "RETURN")):
        return "edit"
    if reason in ("REFUND", "RETURN"):
        return reason.lower()
    return {"UPDATE": "edit", "RETURN": "refund"}.get(action, "sale")


def _lines(ref: OrderRef, lines: LineItems, at: Context) -> Iterator[Row]:
    hidden = redacted(at)
    for line in lines["nodes"]:
        price = line.get("priceAfterAllDiscountsBeforeTaxesSet")
        product = line.get("product")
        cost: int | Keep | None = None
        item = (line.get("variant") or {}).get("inventoryItem")
        unit = item["unitCost"] if item else None
        if unit is not None:
            shop_currency = price["shopMoney"]["currencyCode"] if price else at.account.currency
            cost = minor(unit) if unit["currencyCode"] == shop_currency else None
        elif "variant" not in line or hidden & {"variant", "inventoryItem", "unitCost"}:
            cost = KEEP
        yield OrderLine(
            ref,
            tail(line["id"]),
            product=tail(product["id"]) if product else KEEP if "product" not in line or "product" in hidden else None,
            sku=line["sku"] or None,
            quantity=line["quantity"],
            current_quantity=line["currentQuantity"],
            is_gift_card=line["isGiftCard"],
            # Before 2026-07 Shopify has no such price.
            price_minor=money(price)[0] if price else KEEP,
            unit_cost_minor=cost,
        )


def _journey(record: Buyer) -> tuple[str | None, bool]:
    """Return how much of the buyer's path was seen, and whether moments are missing from this page."""
    journey = record["customerJourneySummary"]
    if journey is None:
        return None, False
    moments = journey.get("moments")
    if not journey["ready"] or ("moments" in journey and moments is None):
        return "not_ready", False
    if any(True for _ in _seen(record)):
        return "observed", moments is not None and not is_whole(moments)
    return None if _sales_channel(record) in _OFFLINE else "unobserved", False


def _seen(record: Buyer) -> Iterator[Visit]:
    journey = record["customerJourneySummary"]
    if journey is None:
        return
    moments = journey.get("moments") or {"nodes": []}
    known: set[str] = set()
    for visit in (*moments["nodes"], journey.get("firstVisit"), journey.get("lastVisit")):
        if visit and "id" in visit and visit["id"] not in known:
            known.add(visit["id"])
            yield visit


def _visits(record: Buyer, at: Context) -> Iterator[Row]:
    person = _buyer(record, at)
    if not isinstance(person, Person):
        return
    for visit in _seen(record):
        yield Touchpoint(
            visits.campaign(visit),
            person,
            Action.VISIT,
            milliseconds(visit["occurredAt"]),
            link=visits.page(visit),
            channel=visits.channel(visit),
            source=visits.source(visit),
        )


def _buyer(record: Buyer, at: Context) -> Person | Keep | None:
    """Return who bought; KEEP when Shopify would not say, which is not the same as nobody."""
    customer = record.get("customer")
    person: Person = Person(("id", tail(customer["id"]) if customer else None), ("email", record["email"]))
    if person:
        return person
    return KEEP if "customer" not in record or redacted(at) & {"customer", "email"} else None


def _sales_channel(record: Buyer) -> str | None:
    name = record["sourceName"]
    return _CHANNEL.get(name, name) if name else None


def _consent(person: Person, channel: str, state: str, level: str | None, changed: datetime | None) -> Consent:
    return Consent(
        person,
        channel,
        state=_CONSENT.get(state, "unknown"),
        level=_LEVEL.get(level or ""),
        changed_at=None if changed is None else milliseconds(changed),
    )
