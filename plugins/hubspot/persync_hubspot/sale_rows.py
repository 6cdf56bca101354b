"""From records to rows: deals, the copies of a shop's orders and carts, what was in them. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from persync.connect.stream import Context
from persync.errors import RecordError
from persync.rows import (
    KEEP,
    Cart,
    Deletion,
    Keep,
    LedgerEntry,
    Order,
    OrderLine,
    OrderPerson,
    OrderRef,
    Person,
    Product,
    Row,
    UnitCost,
)
from persync_hubspot import properties as prop
from persync_hubspot import records
from persync_hubspot.shapes import archived_at, associated, created_at, currency_of, in_order

KNOWN_ORDER_STATES = frozenset({"paid", "pending", "authorized", "cancelled", "refunded", "voided", "expired"})
UNDONE = frozenset({"cancelled", "refunded", "voided"})
DELETED = "deleted"


def deal_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield a deal; when it is won, its amount is one sale on the close date, else that sale is nothing: it may have been won
    before, and is open again."""
    values = record["properties"]
    order = OrderRef(record["id"])
    status = _deal_status(values, at)
    currency, total = _deal_amount(values, at)
    closed = prop.moment(values, "closedate")
    created = created_at(record, "createdate")
    sold_at = closed if status == "won" and closed is not None else created
    people = associated(record, "contacts")
    yield Order(
        order,
        kind="deal",
        person=_buyer(people),
        ordered_at=sold_at,
        status=status,
        is_test=False,
        cancelled_at=None,
        currency=currency,
        total_minor=total,
        opened_at=created,
    )
    yield from _further_people(order, people)
    if total is not None or status != "won":
        yield LedgerEntry(order, "sale", "sale", "product", sold_at, (total or 0) if status == "won" else 0, currency)
    for loser in prop.several(values, "hs_merged_object_ids"):
        if loser != record["id"]:
            # The survivor holds the whole amount: what the merged deal was worth must not be counted beside it.
            yield from _withdrawn(OrderRef(loser), "deal", sold_at, currency)


def _deal_amount(values: prop.Properties, at: Context) -> tuple[str, int | None]:
    """Return a deal's currency and amount, as it was agreed; in the account's own currency where only that is known."""
    currency = currency_of(values, "deal_currency_code", at)
    total = prop.amount(values, "amount", currency)
    home = at.account.currency
    if total is None and home and prop.text(values, "amount_in_home_currency") is not None:
        return home, prop.amount(values, "amount_in_home_currency", home)
    return currency, total


def _deal_status(values: prop.Properties, at: Context) -> str:
    """Return open, won or lost: as HubSpot computes it, held against what the stage is marked as; never by a stage's name.

    A deal that counts as won in one place and not in the other is not guessed at: it is rejected with that reason.
    """
    won = prop.flag(values, "hs_is_closed_won")
    closed = prop.flag(values, "hs_is_closed")
    stages = at.fields.get(f"pipeline:{prop.text(values, 'pipeline')}", {})
    stage = stages.get(prop.text(values, "dealstage") or "")
    if won is None:
        return stage or "open"
    if stage is not None and won != (stage == "won"):
        said = "won" if won else "not won"
        raise RecordError(f"HubSpot says {said}, the deal's stage is marked as {stage}.", field="properties.hs_is_closed_won")
    if won:
        return "won"
    if closed is None:
        return stage or "open"
    return "lost" if closed else "open"


def archived_deal_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield that a deal was deleted, and with it its sale."""
    currency = currency_of(record["properties"], "deal_currency_code", at)
    yield from _archived(record, OrderRef(record["id"]), "deal", currency)


def order_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield HubSpot's copy of a shop's order, with the keys by which the shop's own is found.

    HubSpot has neither tax nor refunds of its own: the total is one sale, and counts only where no shop says better. An
    order that its state says was undone is taken back whole, on the day it was closed, else on the day of the sale: unlike
    the modified date, neither moves at a later edit. One that is set back stands again from the change that said so first.
    What a partial refund came to is not told.
    """
    values = record["properties"]
    order = _shop_order(record)
    currency = currency_of(values, "hs_currency_code", at)
    total = prop.amount(values, "hs_total_price", currency)
    ordered_at = created_at(record, "hs_external_created_date", "hs_createdate")
    state = _order_state(values)
    undone = state in UNDONE
    people = associated(record, "contacts")
    yield Order(
        order,
        kind="order",
        person=_buyer(people),
        ordered_at=ordered_at,
        status=state if state in KNOWN_ORDER_STATES else None,
        is_test=False,
        cancelled_at=None,
        currency=currency,
        total_minor=0 if undone else total,
    )
    yield from _further_people(order, people)
    if total is None:
        return
    yield LedgerEntry(order, "sale", "sale", "product", ordered_at, total, currency)
    if undone:
        closed = prop.moment(values, "hs_closed_date")
        taken_back = ordered_at if closed is None else max(closed, ordered_at)
        yield LedgerEntry(order, "undone", "refund", "product", taken_back, -total, currency)
    else:
        changed = prop.moment(values, "hs_lastmodifieddate")
        yield LedgerEntry(order, "redone", "sale", "product", ordered_at if changed is None else changed, 0, currency)


def _order_state(values: prop.Properties) -> str:
    state = (prop.text(values, "hs_external_order_status") or "").lower()
    return "cancelled" if state == "canceled" else state


def archived_order_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield that HubSpot's copy of an order was deleted, and with it its sale."""
    currency = currency_of(record["properties"], "hs_currency_code", at)
    order = _shop_order(record)
    yield from _archived(record, order, "order", currency)
    # Its sale is nothing now, so there is nothing left to take back.
    gone = archived_at(record)
    entry, event = ("undone", "refund") if _order_state(record["properties"]) in UNDONE else ("redone", "sale")
    yield LedgerEntry(order, entry, event, "product", created_at(record) if gone is None else gone, 0, currency)


def order_people_rows(record: records.ObjectAssociations, at: Context) -> Iterator[Row]:
    """Yield whose deal or order it is, from the associations alone: a search never gives them."""
    order = OrderRef(record["from"]["id"])
    people = in_order(str(other["toObjectId"]) for other in record["to"])
    yield Order(order, person=_buyer(people))
    yield from _further_people(order, people)


def cart_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield a cart as the shop's integration wrote it. It is no sale: no money is counted from it."""
    values = record["properties"]
    currency = prop.text(values, "hs_currency_code") or at.account.currency
    shop = prop.text(values, "hs_source_store")
    state = prop.text(values, "hs_external_status")
    yield Cart(
        record["id"],
        person=_buyer(associated(record, "contacts")),
        created_at=created_at(record, "hs_external_created_date", "hs_createdate"),
        updated_at=prop.moment(values, "hs_lastmodifieddate"),
        status=state.lower() if state else None,
        currency=currency,
        total_minor=None if currency is None else prop.amount(values, "hs_total_price", currency),
        shop=shop.lower() if shop else None,
    )


def line_item_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield a line of the order or deal it belongs to; a line that belongs to neither (a quote's) is left out.

    `amount` is what the line comes to after its discounts; a fraction of a piece is no count, and not kept as one.
    """
    values = record["properties"]
    currency = currency_of(values, "hs_line_item_currency_code", at)
    pieces = prop.number(values, "quantity")
    whole: int | Keep = int(pieces) if pieces is not None and pieces.is_integer() else KEEP
    for order in (*(associated(record, "orders") or ()), *(associated(record, "deals") or ())):
        yield OrderLine(
            OrderRef(order),
            record["id"],
            product=prop.text(values, "hs_product_id"),
            sku=prop.text(values, "hs_sku"),
            quantity=whole,
            current_quantity=whole,
            price_minor=prop.amount(values, "amount", currency),
            unit_cost_minor=prop.amount(values, "hs_cost_of_goods_sold", currency),
        )


def product_rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
    """Yield a product, and what one piece of it costs the seller, in the account's currency."""
    values = record["properties"]
    currency = at.account.currency
    yield Product(
        record["id"],
        title=prop.text(values, "name"),
        kind=prop.text(values, "hs_product_type"),
        status=prop.text(values, "hs_status"),
        created_at=created_at(record, "createdate"),
    )
    cost = None if currency is None else prop.amount(values, "hs_cost_of_goods_sold", currency)
    if cost is not None:
        yield UnitCost(record["id"], record["id"], prop.text(values, "hs_sku"), cost, currency)


def archived_thing_rows(thing: str) -> records.Rows:
    """Return the row function of a list of deleted things that only need to be known as deleted."""

    def rows(record: records.CrmObject, at: Context) -> Iterator[Row]:
        yield Deletion(thing, record["id"], archived_at(record))

    return rows


def _shop_order(record: records.CrmObject) -> OrderRef:
    values = record["properties"]
    return OrderRef(
        record["id"],
        shop=(prop.text(values, "hs_source_store") or "").lower(),
        shop_order_id=prop.text(values, "hs_external_order_id") or "",
        shop_order_name=prop.text(values, "hs_order_name") or "",
    )


def _archived(record: records.CrmObject, order: OrderRef, kind: str, currency: str) -> Iterator[Row]:
    deleted_at = archived_at(record)
    gone = created_at(record) if deleted_at is None else deleted_at
    yield from _withdrawn(order, kind, gone, currency)
    yield Deletion("order", record["id"], deleted_at)


def _withdrawn(order: OrderRef, kind: str, at: int, currency: str) -> Iterator[Row]:
    """Yield an order that is no longer one. The same entry goes to zero, so bringing the record back brings the sale back."""
    yield Order(order, kind=kind, status=DELETED, cancelled_at=at, currency=currency)
    yield LedgerEntry(order, "sale", "sale", "product", at, 0, currency)


def _buyer(people: list[str] | None) -> Person | Keep | None:
    """Return whose it is: nobody when it belongs to nobody, what was known when nothing was said."""
    if people is None:
        return KEEP
    return Person(("id", people[0])) if people else None


def _further_people(order: OrderRef, people: list[str] | None) -> Iterator[Row]:
    for other in (people or [])[1:]:
        yield OrderPerson(order, Person(("id", other)))
