"""What the imitated shop says of an order's money: discounts, payments with their fees, the agreements and their sales.

The world holds ledger and codes alone; the rest follows from them, always the same way.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from persync.money import from_minor
from persync.sandbox.world import LedgerEvent, Line, SandboxOrder
from persync_shopify.sandbox_search import iso, sliced

__all__ = ["Till", "agreed", "amount"]

Json = dict[str, Any]

_AGREEMENT: Final = {"ORDER": "Order", "ORDER_EDIT": "OrderEdit", "REFUND": "Refund", "RETURN": "Return"}
_SALE: Final = {
    "PRODUCT": "Product",
    "GIFT_CARD": "GiftCard",
    "SHIPPING": "ShippingLine",
    "TIP": "Tip",
    "DUTY": "Duty",
    "FEE": "Fee",
    "ADDITIONAL_FEE": "AdditionalFee",
    "ADJUSTMENT": "Adjustment",
}
_GATEWAY: Final = {"pos": "cash", "shopify_draft_order": "manual"}
_FEE: Final = 29
"""per mille that Shopify Payments takes, and 30 minor units"""


def amount(minor: int, currency: str) -> Json:
    """Return an amount; the vendor pads nothing: 8600.0, 12.34."""
    text = f"{from_minor(minor, currency).normalize():f}"
    return {"amount": text if "." in text else f"{text}.0", "currencyCode": currency}


def agreed(order: SandboxOrder, until: int | None = None) -> list[list[LedgerEvent]]:
    """Return the ledger's events by agreement, in order; those after `until` have not reached the index yet."""
    grouped: dict[str, list[LedgerEvent]] = {}
    for event in order.ledger:
        if until is None or event.at <= until:
            grouped.setdefault(event.agreement, []).append(event)
    return list(grouped.values())


class Till:
    """Shows an order's money. `late` in ms: agreements younger than that have not reached the order yet."""

    def __init__(self, currency: str, *, now: int, late: int = 0) -> None:
        self.currency = currency
        self._until = now - late if late else None

    def bag(self, minor: int) -> Json:
        """Return an amount in the shop's currency and the buyer's, which are the same here."""
        money = amount(minor, self.currency)
        return {"shopMoney": money, "presentmentMoney": money}

    def agreements(self, order: SandboxOrder) -> Callable[..., Json]:
        """Return the connection of an order's agreements."""
        lines = {line.id: line for line in order.lines}
        return lambda first=0, after=None: sliced([self._agreement(events, lines) for events in agreed(order, self._until)])(
            first, after
        )

    def _agreement(self, events: Sequence[LedgerEvent], lines: dict[str, Line]) -> Json:
        return {
            "__typename": f"{_AGREEMENT[events[0].reason]}Agreement",
            "id": f"gid://shopify/SalesAgreement/{events[0].agreement}",
            "happenedAt": iso(events[0].at),
            "reason": events[0].reason,
            "sales": sliced([self._sale(event, lines.get(event.line_id or "")) for event in events]),
        }

    def _sale(self, event: LedgerEvent, line: Line | None) -> Json:
        taken = line.discount_minor if line is not None and event.action == "ORDER" else 0
        if taken and event.total_minor:
            taken = round(taken * (event.total_minor - event.tax_minor) / event.total_minor)
        return {
            "__typename": f"{_SALE.get(event.line_type, 'Unknown')}Sale",
            "id": f"gid://shopify/Sale/{event.id}",
            "actionType": event.action,
            "lineType": event.line_type,
            "quantity": event.quantity,
            "totalAmount": self.bag(event.total_minor),
            "totalTaxAmount": self.bag(event.tax_minor),
            "totalDiscountAmountBeforeTaxes": self.bag(taken),
        }

    def applications(self, order: SandboxOrder) -> list[Json]:
        """Return an order's discounts: its codes, or an automatic one where prices fell without a code."""
        if order.discount_codes:
            named: list[Json] = [{"__typename": "DiscountCodeApplication", "code": code} for code in order.discount_codes]
        elif any(line.discount_minor for line in order.lines):
            named = [{"__typename": "AutomaticDiscountApplication", "title": "Two for less"}]
        else:
            named = []
        return [{**each, "index": index, "targetType": "LINE_ITEM"} for index, each in enumerate(named)]

    def allocations(self, order: SandboxOrder, line: Line) -> list[Json]:
        """Return what each of an order's discounts took off a line: even shares, the first takes the rest."""
        count = len(self.applications(order))
        if not line.discount_minor or not count:
            return []
        share = line.discount_minor // count
        parts = [line.discount_minor - share * (count - 1), *([share] * (count - 1))]
        return [
            {"allocatedAmountSet": self.bag(part), "discountApplication": self.applications(order)[index]}
            for index, part in enumerate(parts)
        ]

    def transactions(self, order: SandboxOrder) -> Callable[..., list[Json]]:
        """Return the function of an order's payments: one per agreement that moved money, in part by gift card."""
        found: list[Json] = []
        for events in agreed(order, self._until):
            total, at = sum(event.total_minor for event in events), events[0].at
            if not total or order.financial_status in ("VOIDED", "EXPIRED", "PENDING"):
                continue
            kind = "SALE" if total > 0 else "REFUND"
            if order.financial_status == "AUTHORIZED":
                kind = "AUTHORIZATION"
            parts = [(abs(total), _GATEWAY.get(order.source_name, "shopify_payments"))]
            if kind == "SALE" and total > 2000 and zlib.crc32(order.id.encode()) % 20 == 0:
                parts = [(total - 1000, parts[0][1]), (1000, "gift_card")]
            for value, gateway in parts:
                found.append(self._transaction(order, len(found), kind, value, gateway, at))
        return lambda first=None: found[:first]

    def _transaction(self, order: SandboxOrder, index: int, kind: str, value: int, gateway: str, at: int) -> Json:
        fees = []
        if gateway == "shopify_payments" and kind == "SALE":
            fee = amount(value * _FEE // 1000 + 30, self.currency)
            fees = [{"id": f"gid://shopify/TransactionFee/{order.id}{index}", "amount": fee, "type": "processing_fee"}]
        return {
            "id": f"gid://shopify/OrderTransaction/{order.id}{index}",
            "kind": kind,
            "status": "SUCCESS",
            "gateway": gateway,
            "test": order.is_test,
            "createdAt": iso(at),
            "processedAt": iso(at),
            "amountSet": self.bag(value),
            "fees": fees,
        }
