"""A world as a shop would show it: its customers, orders and the rest as the objects of the Admin API.

An object is a dict by field name; a field that takes arguments, or that the token may not see, is a function.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from graphql import GraphQLError

from persync.sandbox.world import SandboxOrder, SandboxPerson, World
from persync_shopify.sandbox_money import Till, amount
from persync_shopify.sandbox_more import SEGMENTS, Activity, Checkout, Gone, Ware, activities, checkouts, members, wares
from persync_shopify.sandbox_orders import order_node
from persync_shopify.sandbox_search import Found, Listing, counted, iso, sliced

__all__ = ["Oddities", "ShopData"]

Json = dict[str, Any]

DAY_MS: Final = 86_400_000
WALL_MS: Final = 60 * DAY_MS
_STATE: Final = {"subscribed": "SUBSCRIBED", "unsubscribed": "UNSUBSCRIBED", "pending": "PENDING", "cleaned": "INVALID"}
_PHONE: Final = {"subscribed": "SUBSCRIBED", "unsubscribed": "UNSUBSCRIBED", "pending": "PENDING"}


@dataclass(frozen=True, slots=True)
class Oddities:
    """What a shop does besides answering.

    `lag`: ms that a change needs to reach the search index; `late`: ms that an agreement needs to reach its order; `wall`:
    where a list ends in silence; `gone`: what was deleted; `merged`: customer number to that of the survivor; `denied`:
    names of fields ("unitCost") that the app may not see, each answered as null with an error; `failing`: codes that the
    next answers fail with, in order.
    """

    lag: int = 0
    late: int = 0
    wall: int = 25_000
    gone: tuple[Gone, ...] = ()
    merged: Mapping[str, str] = field(default_factory=dict)
    denied: frozenset[str] = frozenset()
    failing: list[str] = field(default_factory=list)


class ShopData:
    """The shop's side of a world, as a token with some scopes sees it.

    `scopes` are the token's; without `read_all_orders` orders older than 60 days are not there. Unless `protected` is granted,
    addresses come as null with an error.
    """

    def __init__(self, world: World, scopes: frozenset[str], *, protected: bool = True, odd: Oddities | None = None) -> None:
        self.world = world
        self.scopes = scopes
        self.protected = protected
        self.odd = odd or Oddities()
        self.till = Till(world.currency, now=world.now, late=self.odd.late)
        gone = {(each.subject, each.number) for each in self.odd.gone}
        self._people = {person.shopify_id: person for person in world.people.values() if person.shopify_id is not None}
        self.customers = [
            person
            for number, person in self._people.items()
            if ("CUSTOMER", number) not in gone and number not in self.odd.merged
        ]
        wall = 0 if "read_all_orders" in scopes else world.now - WALL_MS
        self.orders = [each for each in world.orders if each.created_at >= wall and ("ORDER", each.id) not in gone]
        self._by_id = {order.id: order for order in self.orders}
        self.wares = [ware for ware in wares(world) if ("PRODUCT", str(ware.number)) not in gone]
        self._left = [self._moved(left) for left in checkouts(world)]
        self._counts = Counter(order.person for order in world.orders if order.person is not None)
        self._spent: dict[int, int] = defaultdict(int)
        for order in world.orders:
            if order.person is not None and not order.is_test:
                self._spent[order.person] += order.total_minor()
        self.found = Found(self._listings(), now=world.now, lag=self.odd.lag, wall=self.odd.wall)

    def _listings(self) -> dict[str, Listing]:
        def by_name(thing: Any, name: str) -> int | None:
            found: int | None = getattr(thing, name, None)
            return found

        return {
            "customers": Listing(self.customers, lambda each: int(each.shopify_id), by_name, self.customer, step=DAY_MS),
            "orders": Listing(self.orders, lambda each: int(each.id), by_name, self.order, _order_word),
            "products": Listing(self.wares, lambda each: each.number, by_name, self._product),
            "inventoryItems": Listing(self.wares, lambda each: each.number + 2, by_name, self._inventory),
            "abandonedCheckouts": Listing(self._left, lambda each: each.number, by_name, self._checkout, _checkout_word),
            "marketingActivities": Listing(activities(self.world), lambda each: each.number, by_name, self._activity),
            "events": Listing(self.odd.gone, self.odd.gone.index, lambda each, name: each.at, self._event, _event_word),
            "segments": Listing(list(SEGMENTS), int, lambda each, name: 0, self._segment),
        }

    def root(self) -> Json:
        """Return the query root."""
        lists = {
            "customers": ("read_customers",),
            "orders": ("read_orders",),
            "products": ("read_products",),
            "inventoryItems": ("read_inventory", "read_products"),
            "abandonedCheckouts": ("read_orders",),
            "marketingActivities": ("read_marketing_events",),
            "events": (),
            "segments": ("read_customers",),
        }
        default = {"orders": "PROCESSED_AT", "marketingActivities": "CREATED_AT", "segments": "CREATION_DATE"}
        counts = {
            "ordersCount": "orders",
            "customersCount": "customers",
            "productsCount": "products",
            "abandonedCheckoutsCount": "abandonedCheckouts",
            "segmentsCount": "segments",
            "eventsCount": "events",
        }
        return {
            "shop": self._shop(),
            "currentAppInstallation": {
                "id": "gid://shopify/AppInstallation/1",
                "accessScopes": [{"handle": scope, "description": scope.replace("_", " ")} for scope in sorted(self.scopes)],
            },
            **{kind: self._listing(kind, scopes, default.get(kind, "ID")) for kind, scopes in lists.items()},
            **{name: self._counting(name, kind, lists[kind]) for name, kind in counts.items()},
            "productVariantsCount": self._variants_count,
            "order": self._order,
            "customer": self._customer,
            "customerSegmentMembers": self._members,
            "abandonmentByAbandonedCheckoutId": self._abandonment,
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

    def _allow(self, scopes: tuple[str, ...], name: str) -> None:
        if scopes and not self.scopes & set(scopes):
            needed = " or ".join(f"`{scope}` access scope" for scope in scopes) + "."
            raise GraphQLError(
                f"Access denied for {name} field. Required access: {needed}",
                extensions={"code": "ACCESS_DENIED", "requiredAccess": needed},
            )

    def _seen(self, name: str, value: Any, *scopes: str) -> Any:
        """Return a value, or the function that refuses it to this token."""
        refused = name in self.odd.denied
        if not refused and (not scopes or self.scopes & set(scopes)):
            return value

        def denied() -> None:
            self._allow(scopes, name)
            raise GraphQLError(f"Access denied for {name} field.", extensions={"code": "ACCESS_DENIED"})

        return denied

    # --- lists --------------------------------------------------------------------------------------------------------

    def _listing(self, kind: str, scopes: tuple[str, ...], default: str) -> Callable[..., Json]:
        def listed(
            first: int = 0, after: str | None = None, query: str | None = "", reverse: bool = False, sort_key: str | None = None
        ) -> Json:
            self._allow(scopes, kind)
            return self.found.page(kind, first, after, query, reverse, sort_key or default)

        return listed

    def _counting(self, name: str, kind: str, scopes: tuple[str, ...]) -> Callable[..., Json]:
        def count(query: str | None = "", limit: int | None = 10_000) -> Json:
            self._allow(scopes, name)
            return counted(self.found.rows(kind, "ID", query), limit)

        return count

    def _variants_count(self, query: str | None = None, limit: int | None = 10_000) -> Json:
        self._allow(("read_products",), "productVariantsCount")
        return counted(self.wares, limit)

    def _order(self, id: str) -> Json | None:
        self._allow(("read_orders",), "order")
        found = self._by_id.get(id.rpartition("/")[2])
        return None if found is None else self.order(found)

    def _customer(self, id: str) -> Json | None:
        self._allow(("read_customers",), "customer")
        number = id.rpartition("/")[2]
        return next((self.customer(person) for person in self.customers if person.shopify_id == number), None)

    def _members(self, segmentId: str, first: int = 0, after: str | None = None) -> Json:  # noqa: N803 - as in the schema
        self._allow(("read_customers",), "customerSegmentMembers")
        number = int(segmentId.rpartition("/")[2])
        if number not in SEGMENTS:
            raise GraphQLError("Segment not found.", extensions={"code": "BAD_REQUEST"})
        people = members(self.world, number, self.customers)
        page = sliced([{"id": f"gid://shopify/CustomerSegmentMember/{person.shopify_id}"} for person in people])(first, after)
        return {"edges": [{"node": node} for node in page["nodes"]], "pageInfo": page["pageInfo"], "totalCount": len(people)}

    def _abandonment(self, abandonedCheckoutId: str) -> Json | None:  # noqa: N803 - as in the schema
        self._allow(("read_orders",), "abandonmentByAbandonedCheckoutId")
        number = abandonedCheckoutId.rpartition("/")[2]
        for left in self._left:
            if str(left.number) == number:
                sent = None if left.mail_sent_at is None else iso(left.mail_sent_at)
                return {"id": f"gid://shopify/Abandonment/{number}", "emailState": left.mail, "emailSentAt": sent}
        return None

    # --- objects ------------------------------------------------------------------------------------------------------

    def customer(self, person: SandboxPerson) -> Json:
        """Return a customer. One in five has a phone number, whose consent is that of the e-mail."""
        state = _STATE.get(person.status, "NOT_SUBSCRIBED")
        level = "CONFIRMED_OPT_IN" if person.confirmed_opt_in else "SINGLE_OPT_IN"
        spent = self._spent.get(person.number, 0)
        return {
            "id": f"gid://shopify/Customer/{person.shopify_id}",
            "legacyResourceId": person.shopify_id,
            "createdAt": iso(person.created_at),
            "updatedAt": iso(person.updated_at),
            "firstName": person.first_name,
            "lastName": person.last_name,
            "displayName": f"{person.first_name} {person.last_name}",
            "state": "DISABLED",
            "locale": f"{person.language}-{person.country}" if person.country else person.language,
            "numberOfOrders": str(self._counts[person.number]),
            "amountSpent": amount(spent, self.world.currency),
            "verifiedEmail": True,
            "tags": [],
            "defaultEmailAddress": {
                "emailAddress": self._address(person.email),
                "marketingState": state,
                "marketingOptInLevel": level,
                "marketingUpdatedAt": None if person.status_changed_at is None else iso(person.status_changed_at),
                "validFormat": True,
            },
            "defaultPhoneNumber": self._phone(person, level) if person.number % 5 == 4 else None,
            "defaultAddress": {"countryCodeV2": person.country or None},
            "statistics": {"predictedSpendTier": "HIGH" if spent > 20_000 else "LOW" if spent else None, "rfmGroup": None},
            "mergeable": self._seen("mergeable", {"mergeInProgress": self._merge(person)}, "read_customer_merge"),
        }

    def _phone(self, person: SandboxPerson, level: str) -> Json:
        state = _PHONE.get(person.status, "NOT_SUBSCRIBED")
        changed = None if person.status_changed_at is None else iso(person.status_changed_at)
        consent = {"state": _PHONE.get(person.status, "NEVER_SUBSCRIBED"), "optInLevel": level, "updatedAt": changed}
        return {
            "phoneNumber": self._address(f"+1555{person.number:07d}"),
            "marketingState": state,
            "marketingOptInLevel": level,
            "marketingUpdatedAt": changed,
            "smsMarketingConsent": consent,
            "whatsAppMarketingConsent": {"state": "NEVER_SUBSCRIBED", "optInLevel": None, "updatedAt": None},
        }

    def _merge(self, person: SandboxPerson) -> Json | None:
        survivor = self.odd.merged.get(person.shopify_id or "")
        if survivor is None:
            return None
        return {"resultingCustomerId": f"gid://shopify/Customer/{survivor}", "status": "COMPLETED"}

    def order(self, order: SandboxOrder) -> Json:
        """Return an order; after a merge it belongs to the survivor."""
        person = self.world.people.get(order.person) if order.person is not None else None
        email = person.email if person is not None else order.email
        if person is not None and person.shopify_id in self.odd.merged:
            person = self._people[self.odd.merged[person.shopify_id or ""]]
        known = person is not None and person.shopify_id is not None
        return order_node(
            order,
            self.till,
            allowed=self._seen_of_line,
            email=self._address(email) if email is not None else None,
            customer=(lambda: self._buyer(person)) if known else None,
        )

    def _seen_of_line(self, line: Json) -> Json:
        item = line["variant"]["inventoryItem"]
        item = {**item, "unitCost": self._seen("unitCost", item["unitCost"])}
        product = self._seen("product", line["product"], "read_products")
        variant = self._seen("variant", {**line["variant"], "inventoryItem": item}, "read_products")
        return {**line, "product": product, "variant": variant}

    def _buyer(self, person: SandboxPerson | None) -> Json | None:
        self._allow(("read_customers",), "customer")
        return None if person is None else self.customer(person)

    def _address(self, text: str) -> str | Callable[[], str]:
        if self.protected:
            return text

        def denied() -> str:
            raise GraphQLError("This app is not approved to use the email field.")

        return denied

    def _product(self, ware: Ware) -> Json:
        return {
            "id": f"gid://shopify/Product/{ware.number}",
            "title": ware.title,
            "productType": "",
            "status": "ACTIVE",
            "createdAt": iso(ware.created_at),
            "updatedAt": iso(ware.updated_at),
        }

    def _inventory(self, ware: Ware) -> Json:
        cost = None if ware.cost_minor is None else amount(ware.cost_minor, self.world.currency)
        variant = {"id": f"gid://shopify/ProductVariant/{ware.number + 1}", "product": self._product(ware)}
        return {
            "id": f"gid://shopify/InventoryItem/{ware.number + 2}",
            "sku": ware.sku or None,
            "updatedAt": iso(ware.updated_at),
            "unitCost": self._seen("unitCost", cost),
            "variants": sliced([variant]),
        }

    def _moved(self, left: Checkout) -> Checkout:
        """Return a checkout as whose it is now: after a merge the survivor's, and changed by that."""
        person = self.world.people[left.person]
        survivor = self.odd.merged.get(person.shopify_id or "")
        if survivor is None:
            return left
        return replace(left, person=self._people[survivor].number, updated_at=max(left.updated_at, person.updated_at))

    def _checkout(self, left: Checkout) -> Json:
        person = self.world.people[left.person]
        return {
            "id": f"gid://shopify/AbandonedCheckout/{left.number}",
            "createdAt": iso(left.created_at),
            "updatedAt": iso(left.updated_at),
            "completedAt": None if left.completed_at is None else iso(left.completed_at),
            "abandonedCheckoutUrl": f"https://{self.world.shop_domain}/70700700/checkouts/{left.token}/recover?key=0a1b2c",
            "totalPriceSet": self.till.bag(left.total_minor),
            "discountCodes": [],
            "customer": (lambda: self._buyer(person)) if person.shopify_id is not None else None,
        }

    def _segment(self, number: int) -> Json:
        name, rule = SEGMENTS[number]
        made = iso(self.world.now - 400 * DAY_MS)
        return {
            "id": f"gid://shopify/Segment/{number}",
            "name": name,
            "query": rule,
            "creationDate": made,
            "lastEditDate": made,
        }

    def _activity(self, activity: Activity) -> Json:
        return {
            "id": f"gid://shopify/MarketingActivity/{activity.number}",
            "title": activity.campaign,
            "createdAt": iso(activity.created_at),
            "tactic": activity.tactic,
            "status": "ACTIVE",
            "isExternal": True,
            "adSpend": amount(activity.spend_minor, self.world.currency),
            "utmParameters": {"source": "ads", "medium": "cpc", "campaign": activity.campaign, "content": None, "term": None},
            "marketingEvent": {
                "id": f"gid://shopify/MarketingEvent/{activity.number}",
                "startedAt": iso(activity.created_at),
            },
        }

    def _event(self, gone: Gone) -> Json:
        kind = gone.subject.title()
        return {
            "__typename": "BasicEvent",
            "id": f"gid://shopify/BasicEvent/{9000 + self.odd.gone.index(gone)}",
            "action": "destroy",
            "createdAt": iso(gone.at),
            "message": f"{kind} was deleted.",
            "subjectId": f"gid://shopify/{kind}/{gone.number}",
            "subjectType": gone.subject,
        }


def _order_word(order: SandboxOrder, name: str) -> str | None:
    if name == "test":
        return str(order.is_test).lower()
    if name == "status":
        return "cancelled" if order.cancelled_at is not None else "open"
    return order.financial_status.lower() if name == "financial_status" else None


def _checkout_word(left: Checkout, name: str) -> str | None:
    return left.mail.lower() if name == "email_state" else None


def _event_word(gone: Gone, name: str) -> str | None:
    return {"action": "destroy", "subject_type": gone.subject.lower()}.get(name)
