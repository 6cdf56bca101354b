"""Shopify's ids, times and amounts as the store keeps them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from persync.connect import Context
from persync.errors import RecordError
from persync.money import to_minor
from persync.rows import OrderRef
from persync_shopify.records import MoneyBag, MoneyV2, OrderName

__all__ = ["cart_key", "checkout_token", "milliseconds", "minor", "money", "order_ref", "redacted", "tail"]

_TOKEN_BYTES: Final = 12


def tail(gid: str) -> str:
    """Return the number in `gid://shopify/Order/42?x=1`; raise RecordError when there is none."""
    number = gid.rpartition("/")[2].partition("?")[0]
    if not number:
        raise RecordError("an id of Shopify's names nothing.", field="id")
    return number


def milliseconds(moment: datetime) -> int:
    """Return a time as epoch milliseconds."""
    return round(moment.timestamp() * 1000)


def minor(amount: MoneyV2) -> int:
    """Return an amount in minor units of its own currency."""
    return to_minor(amount["amount"], amount["currencyCode"])


def money(bag: MoneyBag) -> tuple[int, str]:
    """Return an amount in the shop's currency: (minor units, currency)."""
    return minor(bag["shopMoney"]), bag["shopMoney"]["currencyCode"]


def order_ref(record: OrderName, at: Context) -> OrderRef:
    """Return how an order is named."""
    number = tail(record["id"])
    return OrderRef(number, shop=at.account.shop or "", shop_order_id=number, shop_order_name=record["name"])


def redacted(at: Context) -> frozenset[str]:
    """Return the names of the fields that Shopify answered with an error instead of a value on this page."""
    return frozenset(at.params.get("redacted", ()))


def checkout_token(url: str) -> str:
    """Return the token in a checkout's recovery URL (.../checkouts/TOKEN/recover?...), "" when there is none."""
    try:
        parts = urlsplit(url).path.split("/")
    except ValueError:
        return ""
    after = parts[parts.index("checkouts") + 1 :] if "checkouts" in parts else []
    # Newer URLs put two letters in between: /checkouts/ac/TOKEN/recover.
    return next((part for part in after if len(part) > 2 and part != "recover"), "")


def cart_key(token: str) -> str:
    """Return the name of a cart: made of its token, which opens the buyer's own page and is therefore not kept."""
    return hashlib.sha256(token.encode()).digest()[:_TOKEN_BYTES].hex()
