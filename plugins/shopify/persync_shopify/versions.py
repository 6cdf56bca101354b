"""The API's versions: which are supported until when, and which of our fields came or go with one.

Shopify answers a version that it no longer supports as its oldest supported one, without an error.
"""

from __future__ import annotations

from typing import Final

__all__ = ["DEFAULT", "GONE", "SINCE", "SUPPORTED", "told"]

DEFAULT: Final = "2026-10"
"""the version every query here is written for"""

SUPPORTED: Final = {
    "2026-01": "2027-01-01",
    "2026-04": "2027-04-01",
    "2026-07": "2027-07-01",
    "2026-10": "2027-10-01",
}
"""each version persync can ask for, and the day from which Shopify may stop answering it"""

SINCE: Final = {
    "QueryRoot.bulkOperation": "2026-01",
    "QueryRoot.bulkOperations": "2026-01",
    "Refund.processedAt": "2026-01",
    "InventoryItem.variants": "2026-01",
    "Order.attribution": "2026-07",
    "Order.cartToken": "2026-07",
    "Order.checkoutToken": "2026-07",
    "LineItem.priceAfterAllDiscountsBeforeTaxesSet": "2026-07",
    "CustomerPhoneNumber.whatsAppMarketingConsent": "2026-07",
    "CustomerPhoneNumber.smsMarketingConsent": "2026-10",
}
"""the first version that has a field"""

GONE: Final = {"CustomerJourneySummary.momentsCount": "2027-01"}
"""the first version that will lack a field: gone from `unstable` already"""


def told(asked: str, answered: str) -> str:
    """Say which version answered, and until when it may be asked for."""
    if answered and answered != asked:
        return (
            f"asked for {asked}, answered as {answered}: {asked} is no longer (or not yet) supported. Set api_version = "
            f'"{DEFAULT}" in persync.toml, or update persync.'
        )
    until = SUPPORTED.get(asked)
    return f"{asked}, supported until {until}" if until else f"{asked}, which this persync does not know"
