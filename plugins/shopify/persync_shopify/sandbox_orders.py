"""An order as the imitated shop shows it, and the visits before it."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import Any

from persync.sandbox.world import Line, SandboxOrder, Visit
from persync_shopify.sandbox_money import Till, agreed, amount
from persync_shopify.sandbox_search import iso, sliced

__all__ = ["line_node", "order_node", "product_number", "token_of", "visit_node"]

Json = dict[str, Any]


def token_of(order: SandboxOrder) -> str | None:
    """Return the token of the checkout an order came from; None at the till and for drafts."""
    if order.source_name != "web":
        return None
    return hashlib.md5(f"checkout:{order.id}".encode(), usedforsecurity=False).hexdigest()


def product_number(sku_or_line: str) -> int:
    """Make a product number of a stock-keeping unit: the same wherever it is sold."""
    return 7_000_000_000 + zlib.crc32(sku_or_line.encode()) * 10


def order_node(order: SandboxOrder, till: Till, *, allowed: Callable[[Json], Json], email: Any, customer: Any) -> Json:
    """Return an order. `allowed` puts a refusal in the place of what the token may not see of a line."""
    tax = sum(event.tax_minor for event in order.ledger)
    original = sum(event.total_minor for event in order.ledger if event.reason == "ORDER")
    return {
        "id": f"gid://shopify/Order/{order.id}",
        "legacyResourceId": order.id,
        "name": order.name,
        "createdAt": iso(order.created_at),
        "processedAt": iso(order.processed_at),
        "updatedAt": iso(order.updated_at),
        "cancelledAt": None if order.cancelled_at is None else iso(order.cancelled_at),
        "cancelReason": order.cancel_reason,
        "test": order.is_test,
        "edited": any(event.reason == "ORDER_EDIT" for event in order.ledger),
        "sourceName": order.source_name,
        "displayFinancialStatus": order.financial_status,
        "currencyCode": till.currency,
        "taxesIncluded": True,
        "email": email,
        "customer": customer,
        "customerAcceptsMarketing": order.accepts_marketing,
        "checkoutToken": token_of(order),
        "cartToken": None,
        "discountCodes": list(order.discount_codes),
        "discountApplications": sliced(till.applications(order)),
        "originalTotalPriceSet": till.bag(original),
        "currentTotalPriceSet": till.bag(order.total_minor()),
        "currentTotalTaxSet": till.bag(tax),
        "transactions": till.transactions(order),
        "refunds": _refunds(order, till),
        "agreements": till.agreements(order),
        "subtotalLineItemsQuantity": sum(each.quantity for each in order.lines if not each.is_gift_card),
        "lineItems": lambda first=0, after=None: sliced([allowed(line_node(order, each, till)) for each in order.lines])(
            first, after
        ),
        "customerJourneySummary": _journey(order),
    }


def line_node(order: SandboxOrder, line: Line, till: Till) -> Json:
    """Return a line of an order."""
    left = line.quantity if line.current_quantity is None else line.current_quantity
    whole = line.unit_price_minor * line.quantity - line.discount_minor - line.tax_minor
    cost = None if line.unit_cost_minor is None else amount(line.unit_cost_minor, till.currency)
    number = product_number(line.sku or line.id)
    return {
        "id": f"gid://shopify/LineItem/{line.id}",
        "name": line.title,
        "sku": line.sku or None,
        "quantity": line.quantity,
        "currentQuantity": left,
        "isGiftCard": line.is_gift_card,
        "priceAfterAllDiscountsBeforeTaxesSet": till.bag(whole * left // line.quantity if line.quantity else 0),
        "discountAllocations": till.allocations(order, line),
        "product": {"id": f"gid://shopify/Product/{number}"},
        "variant": {
            "id": f"gid://shopify/ProductVariant/{number + 1}",
            "inventoryItem": {"id": f"gid://shopify/InventoryItem/{number + 2}", "unitCost": cost},
        },
    }


def _refunds(order: SandboxOrder, till: Till) -> Callable[..., list[Json]]:
    found = [
        {
            "id": f"gid://shopify/Refund/{events[0].agreement}",
            "createdAt": iso(events[0].at),
            "processedAt": iso(events[0].at),
            "updatedAt": iso(events[0].at),
            "totalRefundedSet": till.bag(-sum(event.total_minor for event in events)),
        }
        for events in agreed(order)
        if events[0].reason in ("REFUND", "RETURN")
    ]
    return lambda first=None: found[:first]


def _journey(order: SandboxOrder) -> Json:
    if not order.journey_ready:
        nothing = dict.fromkeys(("customerOrderIndex", "momentsCount", "firstVisit", "lastVisit", "moments"))
        return {"ready": False, **nothing}
    seen = [visit_node(visit) for visit in sorted(order.visits, key=lambda visit: (visit.at, visit.id))]
    return {
        "ready": True,
        "customerOrderIndex": None,
        "momentsCount": {"count": len(seen), "precision": "EXACT"},
        "firstVisit": seen[0] if seen else None,
        "lastVisit": seen[-1] if seen else None,
        "moments": sliced(seen),
    }


def visit_node(visit: Visit) -> Json:
    """Return a visit before an order; the landing page with its whole query, as the vendor keeps it."""
    return {
        "__typename": "CustomerVisit",
        "id": f"gid://shopify/CustomerVisit/{visit.id}",
        "occurredAt": iso(visit.at),
        "landingPage": visit.landing,
        "referrerUrl": visit.referrer or None,
        "referralCode": "",
        "source": visit.source,
        "sourceType": visit.source_type,
        "sourceDescription": None,
        "utmParameters": {name: visit.utm.get(name) for name in ("source", "medium", "campaign", "content", "term")}
        if visit.utm
        else None,
    }
