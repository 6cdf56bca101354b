"""A world as a shop would show it: its customers and orders as the objects of the Admin API.

An object is a dict by field name; a field that takes arguments is a function. Lists are searched as the vendor does: dates in
quotes, `>` and `<` meaning `>=` and `<=`, whole days for customers.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from graphql import GraphQLError

from persync.money import from_minor
from persync.sandbox.world import LedgerEvent, Line, SandboxOrder, SandboxPerson, Visit, World

Json = dict[str, Any]

DAY_MS: Final = 86_400_000
WALL_MS: Final = 60 * DAY_MS
_TERM: Final = re.compile(r"(\w+):(>=|<=|>|<|)'([^']*)'")
_STATE: Final = {"subscribed": "SUBSCRIBED", "unsubscribed": "UNSUBSCRIBED", "pending": "PENDING", "cleaned": "INVALID"}
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
_TIMES: Final = {"CREATED_AT": "created_at", "PROCESSED_AT": "processed_at", "UPDATED_AT": "updated_at"}


class ShopData:
    """The shop's side of a world, as a token with some scopes sees it.

    `scopes` are the token's; without `read_all_orders` orders older than 60 days are not there. Unless `protected` is granted,
    addresses come as null with an error.
    """

    def __init__(self, world: World, scopes: frozenset[str], *, protected: bool = True) -> None:
        self.world = world
        self.scopes = scopes
        self.protected = protected
        self.customers = [person for person in world.people.values() if person.shopify_id is not None]
        wall = 0 if "read_all_orders" in scopes else world.now - WALL_MS
        self.orders = [order for order in world.orders if order.created_at >= wall]
        self._by_id = {order.id: order for order in self.orders}
        self._counts = Counter(order.person for order in world.orders if order.person is not None)
        self._spent: dict[int, int] = defaultdict(int)
        for order in world.orders:
            if order.person is not None and not order.is_test:
                self._spent[order.person] += order.total_minor()
        self._sorted: dict[tuple[str, str], list[tuple[int, int, Any]]] = {}
        self._last: dict[tuple[str, str], tuple[str | None, list[tuple[int, int, Any]]]] = {}
        """the last search of each list: its pages are asked for one after the other"""

    def root(self) -> Json:
        """Return the query root."""
        return {
            "shop": self._shop(),
            "currentAppInstallation": {
                "id": "gid://shopify/AppInstallation/1",
                "accessScopes": [{"handle": scope, "description": scope.replace("_", " ")} for scope in sorted(self.scopes)],
            },
            "customers": self._customers,
            "customersCount": lambda query="", limit=10_000: _count(self._found("customers", "ID", query), limit),
            "orders": self._orders,
            "ordersCount": lambda query="", limit=10_000: _count(self._found("orders", "ID", query), limit),
            "order": self._order,
        }

    def _shop(self) -> Json:
        return {
            "id": "gid://shopify/Shop/70700700",
            "name": self.world.shop_name,
            "myshopifyDomain": self.world.shop_domain,
            "currencyCode": self.world.currency,
            "ianaTimezone": self.world.timezone,
            "taxesIncluded": True,
        }

    def _allow(self, scope: str, field: str) -> None:
        if scope not in self.scopes:
            raise GraphQLError(
                f"Access denied for {field} field. Required access: `{scope}` access scope.",
                extensions={"code": "ACCESS_DENIED", "requiredAccess": f"`{scope}` access scope."},
            )

    # --- lists --------------------------------------------------------------------------------------------------------

    def _customers(
        self, first: int = 0, after: str | None = None, query: str | None = "", reverse: bool = False, sort_key: str = "ID"
    ) -> Json:
        self._allow("read_customers", "customers")
        return self._page("customers", first, after, query, reverse, sort_key, self.customer)

    def _orders(
        self,
        first: int = 0,
        after: str | None = None,
        query: str | None = "",
        reverse: bool = False,
        sort_key: str = "PROCESSED_AT",
    ) -> Json:
        self._allow("read_orders", "orders")
        return self._page("orders", first, after, query, reverse, sort_key, self.order)

    def _order(self, id: str) -> Json | None:
        self._allow("read_orders", "order")
        found = self._by_id.get(id.rpartition("/")[2])
        return None if found is None else self.order(found)

    def _page(
        self,
        kind: str,
        first: int,
        after: str | None,
        query: str | None,
        reverse: bool,
        sort_key: str,
        node: Callable[[Any], Json],
    ) -> Json:
        rows = self._found(kind, sort_key, query)
        if reverse:
            rows = rows[::-1]
        start = 0
        if after:
            at = tuple(_uncursor(after))
            key = (lambda row: (-row[0], -row[1])) if reverse else (lambda row: (row[0], row[1]))
            start = bisect_right(rows, tuple(-part for part in at) if reverse else at, key=key)
        page = rows[start : start + first]
        end = _cursor(page[-1][:2]) if page else None
        return {
            "nodes": [node(row[2]) for row in page],
            "pageInfo": {"hasNextPage": start + first < len(rows), "endCursor": end},
        }

    def _found(self, kind: str, sort_key: str, query: str | None) -> list[tuple[int, int, Any]]:
        text, rows = self._last.get((kind, sort_key), (None, []))
        if text != (query or ""):
            rows = self._search(kind, sort_key, query or "")
            self._last[kind, sort_key] = (query or "", rows)
        return rows

    def _search(self, kind: str, sort_key: str, query: str) -> list[tuple[int, int, Any]]:
        rows = self._sorted.get((kind, sort_key)) or self._sort(kind, sort_key)
        for name, sign, text in _TERM.findall(query):
            wanted = _parsed(text)
            if name.upper() not in _TIMES or wanted is None:
                continue  # the vendor ignores what it does not understand, and warns in the extensions
            step = DAY_MS if kind == "customers" else 1000
            bound = wanted // step
            if sign in (">=", ">"):
                rows = [row for row in rows if getattr(row[2], name.lower()) // step >= bound]
            elif sign in ("<=", "<"):
                rows = [row for row in rows if getattr(row[2], name.lower()) // step <= bound]
        return rows

    def _sort(self, kind: str, sort_key: str) -> list[tuple[int, int, Any]]:
        time = _TIMES.get(sort_key)
        rows: list[tuple[int, int, Any]] = []
        for each in self.customers if kind == "customers" else self.orders:
            number = int(each.shopify_id or 0) if isinstance(each, SandboxPerson) else int(each.id)
            rows.append((getattr(each, time) if time else 0, number, each))
        rows.sort(key=lambda row: row[:2])
        self._sorted[kind, sort_key] = rows
        return rows

    # --- objects ------------------------------------------------------------------------------------------------------

    def customer(self, person: SandboxPerson) -> Json:
        """Return a customer."""
        level = "CONFIRMED_OPT_IN" if person.confirmed_opt_in else "SINGLE_OPT_IN"
        state = _STATE.get(person.status, "NOT_SUBSCRIBED")
        return {
            "id": f"gid://shopify/Customer/{person.shopify_id}",
            "legacyResourceId": person.shopify_id,
            "createdAt": _iso(person.created_at),
            "updatedAt": _iso(person.updated_at),
            "firstName": person.first_name,
            "lastName": person.last_name,
            "displayName": f"{person.first_name} {person.last_name}",
            "state": "DISABLED",
            "locale": f"{person.language}-{person.country}" if person.country else person.language,
            "numberOfOrders": str(self._counts[person.number]),
            "amountSpent": self._money(self._spent.get(person.number, 0)),
            "verifiedEmail": True,
            "tags": [],
            "defaultEmailAddress": {
                "emailAddress": self._address(person.email),
                "marketingState": state,
                "marketingOptInLevel": level,
                "marketingUpdatedAt": None if person.status_changed_at is None else _iso(person.status_changed_at),
                "validFormat": True,
            },
            "defaultPhoneNumber": None,
            "defaultAddress": {"countryCodeV2": person.country or None},
        }

    def order(self, order: SandboxOrder) -> Json:
        """Return an order."""
        person = self.world.people.get(order.person) if order.person is not None else None
        email = person.email if person is not None else order.email
        known = person is not None and person.shopify_id is not None
        tax = sum(event.tax_minor for event in order.ledger)
        original = sum(event.total_minor for event in order.ledger if event.reason == "ORDER")
        return {
            "id": f"gid://shopify/Order/{order.id}",
            "legacyResourceId": order.id,
            "name": order.name,
            "createdAt": _iso(order.created_at),
            "processedAt": _iso(order.processed_at),
            "updatedAt": _iso(order.updated_at),
            "cancelledAt": None if order.cancelled_at is None else _iso(order.cancelled_at),
            "cancelReason": order.cancel_reason,
            "test": order.is_test,
            "edited": any(event.reason == "ORDER_EDIT" for event in order.ledger),
            "sourceName": order.source_name,
            "displayFinancialStatus": order.financial_status,
            "currencyCode": self.world.currency,
            "taxesIncluded": True,
            "email": self._address(email) if email is not None else None,
            "customer": (lambda: self._buyer(person)) if known else None,
            "customerAcceptsMarketing": order.accepts_marketing,
            "discountCodes": list(order.discount_codes),
            "originalTotalPriceSet": self._bag(original),
            "currentTotalPriceSet": self._bag(order.total_minor()),
            "currentTotalTaxSet": self._bag(tax),
            "agreements": lambda first=0, after=None: _connection(self._agreements(order), first, after),
            "lineItems": lambda first=0, after=None: _connection([self._line(line) for line in order.lines], first, after),
            "customerJourneySummary": self._journey(order),
        }

    def _buyer(self, person: SandboxPerson | None) -> Json | None:
        self._allow("read_customers", "customer")
        return None if person is None else self.customer(person)

    def _agreements(self, order: SandboxOrder) -> list[Json]:
        grouped: dict[str, list[LedgerEvent]] = {}
        for event in order.ledger:
            grouped.setdefault(event.agreement, []).append(event)
        return [self._agreement(key, events) for key, events in grouped.items()]

    def _agreement(self, key: str, events: list[LedgerEvent]) -> Json:
        return {
            "__typename": f"{_AGREEMENT[events[0].reason]}Agreement",
            "id": f"gid://shopify/SalesAgreement/{key}",
            "happenedAt": _iso(events[0].at),
            "reason": events[0].reason,
            "sales": lambda first=0, after=None: _connection([self._sale(event) for event in events], first, after),
        }

    def _sale(self, event: LedgerEvent) -> Json:
        return {
            "__typename": f"{_SALE.get(event.line_type, 'Unknown')}Sale",
            "id": f"gid://shopify/Sale/{event.id}",
            "actionType": event.action,
            "lineType": event.line_type,
            "quantity": event.quantity,
            "totalAmount": self._bag(event.total_minor),
            "totalTaxAmount": self._bag(event.tax_minor),
        }

    def _line(self, line: Line) -> Json:
        left = line.quantity if line.current_quantity is None else line.current_quantity
        whole = line.unit_price_minor * line.quantity - line.discount_minor - line.tax_minor
        cost = None if line.unit_cost_minor is None else self._money(line.unit_cost_minor)
        key = line.sku or line.id
        return {
            "id": f"gid://shopify/LineItem/{line.id}",
            "name": line.title,
            "sku": line.sku or None,
            "quantity": line.quantity,
            "currentQuantity": left,
            "isGiftCard": line.is_gift_card,
            "priceAfterAllDiscountsBeforeTaxesSet": self._bag(whole * left // line.quantity if line.quantity else 0),
            "product": {"id": f"gid://shopify/Product/{_number(key)}"},
            "variant": {
                "id": f"gid://shopify/ProductVariant/{_number(key) + 1}",
                "inventoryItem": {"id": f"gid://shopify/InventoryItem/{_number(key) + 2}", "unitCost": cost},
            },
        }

    def _journey(self, order: SandboxOrder) -> Json:
        if not order.journey_ready:
            nothing = dict.fromkeys(("customerOrderIndex", "momentsCount", "firstVisit", "lastVisit", "moments"))
            return {"ready": False, **nothing}
        seen = [_visit(visit) for visit in sorted(order.visits, key=lambda visit: (visit.at, visit.id))]
        return {
            "ready": True,
            "customerOrderIndex": None,
            "momentsCount": {"count": len(seen), "precision": "EXACT"},
            "firstVisit": seen[0] if seen else None,
            "lastVisit": seen[-1] if seen else None,
            "moments": lambda first=0, after=None: _connection(seen, first, after),
        }

    def _address(self, email: str) -> str | Callable[[], str]:
        if self.protected:
            return email

        def denied() -> str:
            raise GraphQLError("This app is not approved to use the email field.")

        return denied

    def _money(self, minor: int) -> Json:
        # The vendor pads nothing: 8600.0, 12.34.
        amount = from_minor(minor, self.world.currency)
        text = f"{amount.normalize():f}"
        return {"amount": text if "." in text else f"{text}.0", "currencyCode": self.world.currency}

    def _bag(self, minor: int) -> Json:
        money = self._money(minor)
        return {"shopMoney": money, "presentmentMoney": money}


def _visit(visit: Visit) -> Json:
    return {
        "__typename": "CustomerVisit",
        "id": f"gid://shopify/CustomerVisit/{visit.id}",
        "occurredAt": _iso(visit.at),
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


def _connection(nodes: Sequence[Json], first: int, after: str | None) -> Json:
    start = _uncursor(after)[0] if after else 0
    end = min(start + first, len(nodes))
    return {
        "nodes": nodes[start:end],
        "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": _cursor([end]) if end > start else None},
    }


def _count(rows: Sequence[object], limit: int | None) -> Json:
    if limit is not None and len(rows) > limit:
        return {"count": limit, "precision": "AT_LEAST"}
    return {"count": len(rows), "precision": "EXACT"}


def _cursor(parts: Sequence[int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(parts)).encode()).decode()


def _uncursor(text: str) -> list[int]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(text))
        if isinstance(parts, list) and parts and all(isinstance(part, int) for part in parts):
            return [int(part) for part in parts]
    except ValueError:
        pass
    raise GraphQLError("Invalid cursor for current pagination sort.", extensions={"code": "BAD_REQUEST"})


def _number(text: str) -> int:
    """Make a product number of a stock-keeping unit: the same wherever it is sold."""
    return 7_000_000_000 + zlib.crc32(text.encode()) * 10


def _parsed(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
