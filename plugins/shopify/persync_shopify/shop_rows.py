"""From products, checkouts, segments, marketing and deletions to rows. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from persync.connect import DAY_MS, Context
from persync.rows import (
    KEEP,
    Cart,
    Child,
    Cost,
    Deletion,
    MemberOf,
    Order,
    Person,
    Present,
    Product,
    Row,
    Segment,
    UnitCost,
)
from persync_shopify.records import ListedOrderRecord
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
from persync_shopify.values import cart_key, checkout_token, milliseconds, minor, money, order_ref, redacted, tail

MAILS_DAYS: Final = 180
"""how old a checkout may be for its recovery mail to be asked for"""

_THING: Final = {"ORDER": "order", "CUSTOMER": "contact", "PRODUCT": "product"}


def product_rows(record: ProductRecord, at: Context) -> Iterator[Row]:
    """Yield a product."""
    yield Product(
        tail(record["id"]),
        title=record["title"],
        kind=record["productType"] or None,
        status=record["status"].lower(),
        created_at=milliseconds(record["createdAt"]),
    )


def cost_rows(record: InventoryRecord, at: Context) -> Iterator[Row]:
    """Yield what one piece of an item costs today; nothing when the app may not see costs."""
    cost = record["unitCost"]
    if cost is None and "unitCost" in redacted(at):
        return
    variants = (record.get("variants") or {"nodes": []})["nodes"]
    yield UnitCost(
        tail(record["id"]),
        product=tail(variants[0]["product"]["id"]) if variants else None,
        sku=record["sku"] or None,
        unit_cost_minor=None if cost is None else minor(cost),
        currency=None if cost is None else cost["currencyCode"],
    )


def checkout_rows(record: CheckoutRecord, at: Context) -> Iterator[Row]:
    """Yield a checkout that was left, and have its recovery mail asked for whenever it changes, unless it is old."""
    total, currency = money(record["totalPriceSet"])
    buyer = record.get("customer")
    hidden = buyer is None and ("customer" not in record or "customer" in redacted(at))
    name = cart_name(record)
    yield Cart(
        name,
        person=Person(("id", tail(buyer["id"]))) if buyer else KEEP if hidden else None,
        created_at=milliseconds(record["createdAt"]),
        updated_at=milliseconds(record["updatedAt"]),
        completed_at=None if record["completedAt"] is None else milliseconds(record["completedAt"]),
        status="open" if record["completedAt"] is None else "recovered",
        currency=currency,
        total_minor=total,
        shop=at.account.shop,
    )
    # One call each: the mails of years ago are not worth a call for every checkout of a shop's life.
    if at.now - milliseconds(record["createdAt"]) < MAILS_DAYS * DAY_MS:
        yield Child("checkout_mails", name, {"id": record["id"]}, record["updatedAt"].isoformat())


def cart_name(record: CheckoutRecord) -> str:
    """Return the name of a checkout's cart: of its token, so that an order can name it too, else of its own number."""
    token = checkout_token(record["abandonedCheckoutUrl"])
    return cart_key(token) if token else tail(record["id"])


def mail_rows(record: AbandonmentRecord, at: Context) -> Iterator[Row]:
    """Yield what became of the mail that reminds of a checkout."""
    sent = record["emailSentAt"]
    yield Cart(
        at.partition,
        recovery=record["emailState"].lower() if record["emailState"] else None,
        recovery_sent_at=None if sent is None else milliseconds(sent),
    )


def segment_rows(record: SegmentRecord, at: Context) -> Iterator[Row]:
    """Yield a segment, and its members as a child where the settings name it by id or name."""
    number = tail(record["id"])
    rule = record["query"]
    # Its own parent: members come segment by segment, and what is said of one must leave the others as they are. A rule
    # may name a person.
    yield Segment("segment", number, parent=number, name=record["name"], rule=None if "@" in rule else rule)
    wanted = {str(each).casefold() for each in getattr(at.settings, "segments", ())}
    if number in wanted or record["name"].casefold() in wanted:
        yield Child("segment_members", number, {"id": record["id"]}, None)


def member_rows(record: MemberRecord, at: Context) -> Iterator[Row]:
    """Yield that a customer belongs to the segment of this partition."""
    person: Person = Person(("id", tail(record["node"]["id"])))
    yield MemberOf(person, "segment", at.partition, (at.partition,))
    yield Present(person[0][1])


def spend_rows(record: ActivityRecord, at: Context) -> Iterator[Row]:
    """Yield what a marketing activity cost so far."""
    spend = record["adSpend"]
    if spend is None:
        return
    started = record["marketingEvent"]
    utm = record["utmParameters"]
    name = (utm["campaign"] if utm else None) or ""
    yield Cost(
        f"marketing activity {tail(record['id'])}",
        milliseconds(started["startedAt"] if started else record["createdAt"]),
        category="advertising",
        amount_minor=minor(spend),
        currency=spend["currencyCode"],
        scope=name if "@" not in name else "",
    )


def deletion_rows(record: EventRecord, at: Context) -> Iterator[Row]:
    """Yield an order, customer or product that somebody deleted; nothing for other events."""
    thing = _THING.get(record.get("subjectType", ""))
    if record["action"] == "destroy" and thing and "subjectId" in record:
        yield Deletion(thing, tail(record["subjectId"]), milliseconds(record["createdAt"]))


def present_rows(record: ListedRecord, at: Context) -> Iterator[Row]:
    """Yield that a customer or product is still there."""
    yield Present(tail(record["id"]))


def present_order_rows(record: ListedOrderRecord, at: Context) -> Iterator[Row]:
    """Yield that an order is still there, and whose it is now: after a merge that is another customer."""
    yield Present(tail(record["id"]))
    buyer = record.get("customer")
    if buyer is not None:
        yield Order(order_ref(record, at), person=Person(("id", tail(buyer["id"])), ("email", record["email"])))
