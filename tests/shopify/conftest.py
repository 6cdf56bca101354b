"""A small shop whose every number is known, and a client that talks to its imitation in the process."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from persync.connect.client import Client
from persync.connect.connector import Connector
from persync.connect.stream import AccountFacts, Context
from persync.sandbox.world import LedgerEvent, Line, SandboxOrder, SandboxPerson, Visit, World
from persync_shopify.connector import Shopify, ShopifySettings
from persync_shopify.sandbox import SANDBOX, app

DAY = 86_400_000
NOW = 1_790_812_800_000  # 2026-10-01T00:00:00Z
SHOP = "lantern-test.myshopify.com"


class InProcess(httpx.BaseTransport):
    """Sends calls to an ASGI application without a socket."""

    def __init__(self, application: Any) -> None:
        self._inner = httpx.ASGITransport(application)
        self.calls: list[httpx.Request] = []
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.calls.append(request)

        async def ask() -> httpx.Response:
            answer = await self._inner.handle_async_request(request)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        return asyncio.run(ask())


def make_person(number: int, **more: Any) -> SandboxPerson:
    at = NOW - 100 * DAY + number * 1000
    given = {
        "email": f"p{number}@example.com",
        "first_name": "Ann",
        "last_name": "Example",
        "country": "DE",
        "language": "de",
        "age_band": "",
        "created_at": at,
        "updated_at": at,
        "shopify_id": str(8000 + number),
        "status_changed_at": at,
    }
    return SandboxPerson(number=number, **{**given, **more})


def make_order(number: int, person: int | None, *, total: int = 2000, tax: int = 0, **more: Any) -> SandboxOrder:
    at = NOW - 50 * DAY + number * 60_000
    given: dict[str, Any] = {
        "created_at": at,
        "processed_at": at,
        "updated_at": at + 1000,
        "lines": [Line(f"{number}01", "Lantern", "LAN-01", 1, total, 0, tax, 700, current_quantity=1)],
        "ledger": [LedgerEvent(f"{number}01", f"{number}1", at, "ORDER", "ORDER", "PRODUCT", total, tax, 1, f"{number}01")],
    }
    return SandboxOrder(id=str(5000 + number), name=f"#{1000 + number}", person=person, **{**given, **more})


def make_visit(number: int, at: int, landing: str = "https://shop.example.com/", **more: Any) -> Visit:
    return Visit(id=str(number), at=at, landing=landing, **{"source": "direct", "source_type": None, **more})


def make_world(people: int = 3, orders: list[SandboxOrder] | None = None) -> World:
    return World(
        name="small",
        seed=1,
        now=NOW,
        currency="EUR",
        timezone="Europe/Berlin",
        shop_domain=SHOP,
        shop_name="Lantern test",
        list_id="1",
        list_name="All",
        people={number: make_person(number) for number in range(1, people + 1)},
        messages=[],
        orders=[make_order(n, n) for n in range(1, people + 1)] if orders is None else orders,
        secret="ab" * 16,
    )


@pytest.fixture
def build() -> Any:
    """The makers of people, orders, visits and worlds, and the moment at which tests take place."""

    class Build:
        now = NOW
        day = DAY
        person = staticmethod(make_person)
        order = staticmethod(make_order)
        visit = staticmethod(make_visit)
        world = staticmethod(make_world)

    return Build


@pytest.fixture
def connect() -> Callable[..., tuple[Shopify, Callable[[Connector, threading.Event], Client], InProcess]]:
    """Return a connector to the imitation of a world, a maker of clients for it that never wait, and the transport."""

    def make(
        world: World, *, secrets: dict[str, str] | None = None, settings: dict[str, Any] | None = None, **shop: Any
    ) -> tuple[Shopify, Callable[[Connector, threading.Event], Client], InProcess]:
        given = {**SANDBOX.settings(world, "http://127.0.0.1"), **(settings or {})}
        found = {"token": SANDBOX.secrets(world)["SHOPIFY_ACCESS_TOKEN"]} if secrets is None else secrets
        connector = Shopify("shopify", ShopifySettings(connector="shopify", **given), found)
        transport = InProcess(app(world, **shop))
        return connector, lambda one, stop: Client(one, stop=stop, sleep=lambda _: False, transport=transport), transport

    return make


@pytest.fixture
def at() -> Callable[..., Context]:
    """Return a maker of contexts as a row function gets them."""

    def make(*, settings: dict[str, Any] | None = None, params: dict[str, Any] | None = None, **account: Any) -> Context:
        return Context(
            connection="shopify",
            settings=ShopifySettings(connector="shopify", shop="lantern-test", **(settings or {})),
            account=AccountFacts(**{"account_id": "1", "currency": "EUR", "shop": SHOP, **account}),
            now=NOW,
            params=params or {},
        )

    return make
