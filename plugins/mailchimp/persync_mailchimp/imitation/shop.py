"""What the imitated API says of the connected shop: Mailchimp's copy of its orders, and whom Mailchimp credits with them."""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import cached_property
from typing import Any, NamedTuple

from starlette.requests import Request

from persync.money import from_minor
from persync.sandbox.world import Line, SandboxOrder, World
from persync_mailchimp.dates import when
from persync_mailchimp.imitation.counts import Counts
from persync_mailchimp.imitation.query import LINKS, not_found, one_of, page

__all__ = ["Shop"]

_DAY = 86_400_000
OPEN_WINDOW, CLICK_WINDOW = 5 * _DAY, 30 * _DAY
STALE = 2 * _DAY
"""so long an order shows the campaign that the plugin sent; then Mailchimp writes its own answer over it"""
_UTM = "mc_cid="


class _Touch(NamedTuple):
    at: int
    campaign: str
    is_click: bool


class Shop:
    """The stores of one account: the world's shop, and a second one that is still being synced and shows nothing yet."""

    def __init__(self, world: World, counts: Counts) -> None:
        self.world = world
        self._counted = counts
        self.store = hashlib.sha256(f"{world.shop_domain}:store".encode()).hexdigest()[:12]
        self.second = hashlib.sha256(f"{world.shop_domain}:second".encode()).hexdigest()[:12]

    @property
    def _is_connected(self) -> bool:
        return self.world.platforms is None or "shopify" in self.world.platforms

    # -- stores -----------------------------------------------------------------------------------------------------

    def stores(self, request: Request) -> dict[str, Any]:
        """Answer `GET /ecommerce/stores`."""
        return page(request, "stores", [self.store, self.second] if self._is_connected else [], self._store)

    def _store(self, key: str) -> dict[str, Any]:
        world, is_second = self.world, key == self.second
        made = when(min((order.created_at for order in self.orders), default=world.now))
        return {
            "id": key,
            "list_id": world.list_id,
            "list_is_active": True,
            "name": world.shop_name,
            "platform": "Custom" if is_second else "Shopify",
            "domain": "market.example.com" if is_second else world.shop_domain,
            "is_syncing": is_second,
            "email_address": "shop@example.com",
            "currency_code": world.currency,
            "money_format": world.currency,
            "primary_locale": "en",
            "timezone": world.timezone,
            "phone": "",
            "address": {"address1": "", "city": "", "country_code": ""},
            "created_at": made,
            "updated_at": when(world.now),
        }

    def _known(self, request: Request) -> str:
        key: str = request.path_params["store_id"]
        if not self._is_connected or key not in (self.store, self.second):
            raise not_found()
        return key

    # -- orders -----------------------------------------------------------------------------------------------------

    @cached_property
    def orders(self) -> list[SandboxOrder]:
        """Return the orders that the plugin copied: real ones, of people with an address."""
        if not self._is_connected:
            return []
        return [order for order in self.world.orders if order.kind == "order" and not order.is_test and self._address(order)]

    def _address(self, order: SandboxOrder) -> str | None:
        return order.email if order.person is None else self.world.people[order.person].email

    def all_orders(self, request: Request) -> dict[str, Any]:
        """Answer `GET /ecommerce/orders`, over all stores."""
        return page(request, "orders", self._narrowed(request), self.order)

    def store_orders(self, request: Request) -> dict[str, Any]:
        """Answer `GET /ecommerce/stores/{store_id}/orders`."""
        store = self._known(request)
        found = self._narrowed(request) if store == self.store else []
        return page(request, "orders", found, self.order, store_id=store)

    def _narrowed(self, request: Request) -> list[SandboxOrder]:
        """Filter by what there is: a campaign, an outreach, a customer. There is no date filter and no sort."""
        asked = request.query_params
        credited = asked.get("campaign_id") or asked.get("outreach_id")
        has_outreach = one_of(request, "has_outreach", ("true", "false"))
        return [
            order
            for order in self.orders
            if (credited is None or self.credited(order) == credited)
            and (asked.get("customer_id") is None or self._customer_id(order) == asked["customer_id"])
            and (has_outreach is None or (self.credited(order) is not None) == (has_outreach == "true"))
        ]

    def order(self, order: SandboxOrder) -> dict[str, Any]:
        """Return an order as the API shows one: amounts are floats, a refund is a status alone, absent dates are ""."""
        world = self.world
        sold = [event for event in order.ledger if event.reason in ("ORDER", "ORDER_EDIT")]
        shipping = sum(event.total_minor - event.tax_minor for event in sold if event.line_type == "SHIPPING")
        discount = sum(line.discount_minor for line in order.lines)
        campaign = self.credited(order)
        message = self._messages.get(campaign or "")
        found = {
            "id": order.id,
            "customer": self._customer(order),
            "store_id": self.store,
            "campaign_id": campaign or "",
            "landing_site": order.visits[0].landing if order.visits else "",
            "financial_status": order.financial_status.lower(),
            "fulfillment_status": "shipped",
            "currency_code": world.currency,
            "order_total": self._amount(sum(event.total_minor for event in sold)),
            "order_url": f"https://{world.shop_domain}/orders/{order.id}",
            "discount_total": self._amount(discount),
            "tax_total": self._amount(sum(event.tax_minor for event in sold)),
            "shipping_total": self._amount(shipping),
            "processed_at_foreign": when(order.processed_at),
            "cancelled_at_foreign": when(order.cancelled_at),
            "updated_at_foreign": when(order.updated_at),
            "promos": [
                {"code": code, "amount_discounted": self._amount(discount if number == 0 else 0), "type": "fixed"}
                for number, code in enumerate(order.discount_codes)
            ],
            "lines": [{**self._line(line), "_links": LINKS} for line in order.lines],
            "tracking_number": "",
            "tracking_carrier": "",
            "tracking_url": "",
        }
        if message is not None:
            published = when(message.sent_at)
            found["outreach"] = {"id": message.id, "name": message.title, "type": message.kind, "published_time": published}
            if message.level == 4:
                found["tracking_code"] = "prec"
        return found

    def _line(self, line: Line) -> dict[str, Any]:
        return {
            "id": line.id,
            "product_id": product_id(line),
            "product_title": line.title,
            "product_variant_id": product_id(line),
            "product_variant_title": line.title,
            "image_url": "",
            "quantity": line.quantity,
            "price": self._amount(line.unit_price_minor),
            "discount": self._amount(line.discount_minor),
        }

    def _customer_id(self, order: SandboxOrder) -> str:
        person = None if order.person is None else self.world.people[order.person]
        return (person.shopify_id if person is not None else None) or f"guest-{order.id}"

    def _customer(self, order: SandboxOrder) -> dict[str, Any]:
        person = None if order.person is None else self.world.people[order.person]
        orders = self._orders_of.get(order.person, 1) if order.person is not None else 1
        return {
            "id": self._customer_id(order),
            "email_address": self._address(order),
            "opt_in_status": order.accepts_marketing,
            "company": "",
            "first_name": person.first_name if person else "",
            "last_name": person.last_name if person else "",
            "orders_count": orders,
            "total_spent": self._amount(order.total_minor()),
            "address": {"address1": "", "country_code": person.country if person else ""},
            "created_at": when(order.created_at),
            "updated_at": when(order.updated_at),
        }

    @cached_property
    def _orders_of(self) -> Counter[int]:
        return Counter(order.person for order in self.orders if order.person is not None)

    def _amount(self, minor: int) -> float:
        return float(from_minor(minor, self.world.currency))

    # -- whom Mailchimp credits -------------------------------------------------------------------------------------

    @cached_property
    def _messages(self) -> dict[str, Any]:
        return {message.id: message for message in self._counted.messages}

    @cached_property
    def _touches(self) -> dict[int, list[_Touch]]:
        found: dict[int, list[_Touch]] = {}
        for message in self._counted.messages:
            for send in message.sends:
                mine = [_Touch(one.at, message.id, False) for one in send.opens]
                mine += [_Touch(click.at, message.id, True) for click in send.clicks]
                if mine:
                    found.setdefault(send.person, []).extend(mine)
        for touches in found.values():
            touches.sort()
        return found

    @cached_property
    def _credits(self) -> dict[str, str | None]:
        return {order.id: self._credit(order) for order in self.orders}

    def credited(self, order: SandboxOrder) -> str | None:
        """Return the campaign of an order: the plugin's while the order is fresh, then Mailchimp's last touch."""
        return self._credits[order.id]

    def _credit(self, order: SandboxOrder) -> str | None:
        if self.world.now - order.created_at < STALE:
            landing = next((visit.landing for visit in reversed(order.visits) if _UTM in visit.landing), "")
            return landing.partition(_UTM)[2].partition("&")[0] or None
        at = order.created_at
        for touch in reversed(self._touches.get(order.person or 0, ())):
            if touch.at <= at and at - touch.at <= (CLICK_WINDOW if touch.is_click else OPEN_WINDOW):
                return touch.campaign
        return None

    # -- carts, products, promotions --------------------------------------------------------------------------------

    def carts(self, request: Request) -> dict[str, Any]:
        """Answer `GET /ecommerce/stores/{store_id}/carts`: some who clicked lately and bought nothing since."""
        store = self._known(request)
        lines = self._catalogue
        found: list[tuple[int, _Touch]] = []
        if store == self.store and lines:
            bought = {order.person: order.created_at for order in sorted(self.orders, key=lambda o: o.created_at)}
            for person, touches in sorted(self._touches.items()):
                last = touches[-1]
                is_recent = last.is_click and self.world.now - last.at < CLICK_WINDOW
                if is_recent and person % 5 == 0 and bought.get(person, 0) < last.at:
                    found.append((person, last))

        def render(one: tuple[int, _Touch]) -> dict[str, Any]:
            number, touch = one
            person, line = self.world.people[number], lines[number % len(lines)]
            return {
                "id": f"cart-{number}",
                "customer": {
                    "id": person.shopify_id or f"guest-{number}",
                    "email_address": person.email,
                    "opt_in_status": True,
                    "first_name": person.first_name,
                    "last_name": person.last_name,
                },
                "campaign_id": touch.campaign,
                "checkout_url": f"https://{self.world.shop_domain}/cart/{number}",
                "currency_code": self.world.currency,
                "order_total": self._amount(line.unit_price_minor),
                "tax_total": 0,
                "lines": [{**self._line(line), "_links": LINKS}],
                "created_at": when(touch.at),
                "updated_at": when(touch.at),
            }

        return page(request, "carts", found, render, store_id=store)

    @cached_property
    def _catalogue(self) -> list[Line]:
        lines = {product_id(line): line for order in self.orders for line in order.lines}
        return [lines[key] for key in sorted(lines)]

    def products(self, request: Request) -> dict[str, Any]:
        """Answer `GET /ecommerce/stores/{store_id}/products`."""
        store = self._known(request)

        def render(line: Line) -> dict[str, Any]:
            key = product_id(line)
            variant = {"id": key, "title": line.title, "sku": line.sku, "price": self._amount(line.unit_price_minor), "url": ""}
            return {
                "id": key,
                "currency_code": self.world.currency,
                "title": line.title,
                "handle": "",
                "url": f"https://{self.world.shop_domain}/products/{key}",
                "description": "",
                "type": "gift card" if line.is_gift_card else "goods",
                "vendor": self.world.shop_name,
                "image_url": "",
                "variants": [{**variant, "_links": LINKS}],
                "images": [],
                "published_at_foreign": "",
            }

        return page(request, "products", self._catalogue if store == self.store else [], render, store_id=store)

    @cached_property
    def _codes(self) -> Counter[str]:
        return Counter(code for order in self.orders for code in order.discount_codes)

    def promo_rules(self, request: Request) -> dict[str, Any]:
        """Answer `GET /ecommerce/stores/{store_id}/promo-rules`: one a code."""
        store = self._known(request)

        def render(code: str) -> dict[str, Any]:
            return {
                "id": promo_id(code),
                "title": code,
                "description": "",
                "starts_at": "",
                "ends_at": "",
                "amount": 0.1,
                "type": "percentage",
                "target": "total",
                "enabled": True,
                "created_at_foreign": "",
                "updated_at_foreign": "",
            }

        return page(request, "promo_rules", sorted(self._codes) if store == self.store else [], render, store_id=store)

    def promo_codes(self, request: Request) -> dict[str, Any]:
        """Answer `GET /ecommerce/stores/{store_id}/promo-rules/{promo_rule_id}/promo-codes`."""
        store = self._known(request)
        codes = [code for code in self._codes if promo_id(code) == request.path_params["promo_rule_id"]]
        if not codes:
            raise not_found()

        def render(code: str) -> dict[str, Any]:
            return {
                "id": promo_id(code),
                "code": code,
                "redemption_url": f"https://{self.world.shop_domain}/discount/{code}",
                "usage_count": self._codes[code],
                "enabled": True,
                "created_at_foreign": "",
                "updated_at_foreign": "",
            }

        return page(request, "promo_codes", codes, render, store_id=store)

    def product_activity(self, request: Request) -> dict[str, Any]:
        """Answer `GET /reports/{campaign_id}/ecommerce-product-activity`: what was bought after a campaign."""
        message = self._counted.message(request.path_params["campaign_id"])
        one_of(request, "sort_field", ("title", "total_revenue", "total_purchased"))
        mine = [order for order in self.orders if self.credited(order) == message.id]
        bought: dict[str, list[Line]] = {}
        for order in mine:
            for line in order.lines:
                bought.setdefault(product_id(line), []).append(line)

        def render(lines: list[Line]) -> dict[str, Any]:
            quantity = sum(line.quantity for line in lines)
            recommended = quantity if message.level == 4 else 0
            revenue = sum(line.quantity * line.unit_price_minor - line.discount_minor for line in lines)
            return {
                "title": lines[0].title,
                "sku": lines[0].sku,
                "image_url": "",
                "total_revenue": self._amount(revenue),
                "total_purchased": quantity,
                "currency_code": self.world.currency,
                "recommendation_total": recommended,
                "recommendation_purchased": recommended,
            }

        return page(request, "products", [bought[key] for key in sorted(bought)], render)


def product_id(line: Line) -> str:
    """Return the id under which the plugin sent a product."""
    return hashlib.sha256(f"{line.sku}:{line.title}".encode()).hexdigest()[:10]


def promo_id(code: str) -> str:
    """Return the id of a code's rule."""
    return hashlib.sha256(f"promo:{code}".encode()).hexdigest()[:10]
