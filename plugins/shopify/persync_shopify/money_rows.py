"""What an order's discounts took off, and the payments made for it. Pure.

Neither is ever joined to lines or ledger: a split payment would double them, and the ledger holds prices after discounts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from persync.connect import Context
from persync.errors import RecordError
from persync.rows import OrderDiscount, OrderRef, Payment, Row
from persync_shopify.records import (
    Agreements,
    Applications,
    OrderDiscountsRecord,
    OrderPaymentsRecord,
    Transaction,
)
from persync_shopify.values import milliseconds, minor, money, order_ref, tail

__all__ = ["PAYMENTS", "discount_rows", "discounts", "payment_rows", "payments"]

PAYMENTS: Final = 4
"""payments asked for beside an order; as many may mean that there are more"""

_KIND: Final = {
    "DiscountCodeApplication": "code",
    "AutomaticDiscountApplication": "automatic",
    "ManualDiscountApplication": "manual",
    "ScriptDiscountApplication": "script",
}
_PAYMENT: Final = {
    "SALE": "sale",
    "AUTHORIZATION": "authorization",
    "EMV_AUTHORIZATION": "authorization",
    "CAPTURE": "capture",
    "REFUND": "refund",
    "VOID": "void",
    "CHANGE": "change",
}
"""SUGGESTED_REFUND is left out: no money moved"""
_LONGEST: Final = 100


def payments(ref: OrderRef, transactions: Iterable[Transaction]) -> Iterator[Row]:
    """Yield an order's payments as their provider saw them; those of a gift card have the gateway `gift_card`."""
    for each in transactions:
        if each["kind"] == "SUGGESTED_REFUND":
            continue
        moment = each["processedAt"] or each.get("createdAt")
        if moment is None:
            raise RecordError("a payment without a date.", field="transactions.processedAt")
        amount, currency = money(each["amountSet"])
        fees = [fee["amount"] for fee in each.get("fees") or ()]
        # Only Shopify Payments tells its fees; one in another currency cannot be added.
        told = bool(fees) and all(fee["currencyCode"] == currency for fee in fees)
        yield Payment(
            ref,
            tail(each["id"]),
            kind=_PAYMENT.get(each["kind"], each["kind"].lower()),
            status=each["status"].lower(),
            gateway=each["gateway"],
            happened_at=milliseconds(moment),
            amount_minor=amount,
            currency=currency,
            fee_minor=sum(minor(fee) for fee in fees) if told else None,
        )


def payment_rows(record: OrderPaymentsRecord, at: Context) -> Iterator[Row]:
    """Yield all payments of an order that has many."""
    yield from payments(order_ref(record, at), record["transactions"])


def discount_rows(record: OrderDiscountsRecord, at: Context) -> Iterator[Row]:
    """Yield the discounts of an order whose lines did not fit beside it."""
    yield from discounts(
        order_ref(record, at),
        record["discountCodes"],
        record["discountApplications"],
        record["agreements"],
        record["lineItems"],
        currency=at.account.currency or "",
    )


def is_whole(connection: Mapping[str, Any]) -> bool:
    """Tell whether a page of a connection is all of it."""
    return not connection.get("pageInfo", {}).get("hasNextPage", False)


def placed(agreements: Agreements) -> Sequence[Any] | None:
    """Return the sales of the order as it was placed, None when they are not all there."""
    first = agreements["nodes"][0] if agreements["nodes"] else None
    return first["sales"]["nodes"] if first is not None and is_whole(first["sales"]) else None


def discounts(
    ref: OrderRef,
    codes: Iterable[str],
    applications: Applications,
    agreements: Agreements,
    lines: Mapping[str, Any],
    *,
    currency: str,
) -> Iterator[Row]:
    """Yield every discount of an order with what it took off before tax; None where that cannot be said.

    The ledger says how much all discounts took off, before tax; the lines say how much of it each one did, with tax where
    prices hold it. So the ledger's sum is shared out by the lines' shares, to the last minor unit.
    """
    sales = placed(agreements)
    known = sales is not None and is_whole(lines) and is_whole(applications)
    found = applications["nodes"]
    amounts: dict[int, int] = {}
    if known and sales is not None and found:
        currency = sales[0]["totalAmount"]["shopMoney"]["currencyCode"] if sales else currency
        shares: dict[int, int] = defaultdict(int)
        for line in lines["nodes"]:
            for part in line.get("discountAllocations", ()):
                shares[part["discountApplication"]["index"]] += money(part["allocatedAmountSet"])[0]
        amounts = _shared(_taken(sales, shipping=False), shares)
        shipping = [each["index"] for each in found if each["targetType"] == "SHIPPING_LINE"]
        if len(shipping) == 1:
            amounts[shipping[0]] = _taken(sales, shipping=True)
    named: set[str] = set()
    for each in found:
        code = _code(each.get("code"))
        name = code or str(each["index"])
        if name in named:
            continue
        named.add(name)
        kind = _KIND.get(each["__typename"], "manual")
        yield OrderDiscount(ref, name, kind, code, amounts.get(each["index"]), currency)
    for text in codes:
        code = _code(text)
        # A code that is on the order and took nothing off, or whose application is on a page that was not read.
        if code and code not in named:
            named.add(code)
            yield OrderDiscount(ref, code, "code", code, None, currency)


def _code(text: str | None) -> str | None:
    """Return a code as it is kept: never one that holds an address."""
    return text[:_LONGEST] if text and "@" not in text else None


def _taken(sales: Sequence[Any], *, shipping: bool) -> int:
    total = 0
    for sale in sales:
        taken = sale.get("totalDiscountAmountBeforeTaxes")
        if taken is not None and sale["actionType"] == "ORDER" and (sale["lineType"] == "SHIPPING") is shipping:
            total += abs(money(taken)[0])
    return total


def _shared(total: int, shares: Mapping[int, int]) -> dict[int, int]:
    """Share a sum out in proportion; what rounding leaves goes to those with the largest remainder."""
    whole = sum(shares.values())
    if whole <= 0:
        return {}
    parts = {index: total * share // whole for index, share in shares.items()}
    rest = sorted(shares, key=lambda index: (-(total * shares[index] % whole), index))
    for index in rest[: total - sum(parts.values())]:
        parts[index] += 1
    return parts
