"""A shop whose orders have everything, spread over a hundred days, and pulls of it in bulk or in pages."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import httpx

from persync.connect import Stream
from persync.connect.client import Client
from persync.connect.pull import PullOptions, PullResult, pull
from persync.sandbox.world import LedgerEvent, Line, SandboxOrder, SandboxPerson, Visit, World
from persync.store.digest import table_digests
from persync.store.key import key_path
from persync.store.store import open_store
from persync_shopify.connector import Shopify, ShopifySettings
from persync_shopify.sandbox import SANDBOX
from persync_shopify.streams import STREAMS

DAY = 86_400_000
NOW = 1_790_812_800_000  # 2026-10-01T00:00:00Z
HANDLE = "lantern-test.myshopify.com"


def person(number: int) -> SandboxPerson:
    at = NOW - 200 * DAY + number
    return SandboxPerson(
        number=number,
        email=f"p{number}@example.com",
        first_name="Ann",
        last_name="Example",
        country="DE",
        language="de",
        age_band="",
        created_at=at,
        updated_at=at,
        shopify_id=str(8000 + number),
        status_changed_at=at,
    )


def order(number: int, count: int, span: int) -> SandboxOrder:
    """Lines, discounts, refunds, edits, visits, guests, drafts, tests and journeys not ready, by the order's number."""
    at = NOW - 100 * DAY + number * (span // count)
    key = f"{number:03}"
    lines = [
        Line(f"{key}0{n}", "Lantern", f"LAN-{n}", 2, 1500, 300 if number % 3 == 0 else 0, 100, 700, current_quantity=2)
        for n in range(1 + number % 6)
    ]
    ledger = [
        LedgerEvent(f"{key}0{n}", f"{key}1", at, "ORDER", "ORDER", "PRODUCT", 3000 - line.discount_minor, 100, 2, line.id)
        for n, line in enumerate(lines)
    ]
    ledger.append(LedgerEvent(f"{key}09", f"{key}1", at, "ORDER", "ORDER", "SHIPPING", 490, 78))
    if number % 4 == 0:
        later = at + 5 * DAY
        ledger.append(LedgerEvent(f"{key}20", f"{key}2", later, "REFUND", "RETURN", "PRODUCT", -500, -50, 1, lines[0].id))
    if number % 5 == 0:
        ledger.append(LedgerEvent(f"{key}30", f"{key}3", at + 3 * DAY, "ORDER_EDIT", "ORDER", "PRODUCT", 900, 90, 1))
    guest = number % 7 == 0
    return SandboxOrder(
        id=str(5000 + number),
        name=f"#{1000 + number}",
        person=None if guest else number,
        email=f"guest{number}@example.com" if guest else None,
        created_at=at,
        processed_at=at - (3 * DAY if number % 11 == 0 else 0),
        updated_at=at + 6 * DAY,
        financial_status="PARTIALLY_REFUNDED" if number % 4 == 0 else "PAID",
        is_test=number % 13 == 0,
        source_name="shopify_draft_order" if number % 9 == 0 else "web",
        discount_codes=("SPRING", "FRIEND") if number % 6 == 0 else (),
        lines=lines,
        ledger=ledger,
        visits=[
            Visit(
                id=f"{key}5{n}",
                at=at - n * 3_600_000,
                landing=f"https://shop.example.com/p/{n}?utm_campaign=c{n}",
                source="direct",
                source_type=None,
                utm={"source": "newsletter", "medium": "email", "campaign": f"c{n}"},
            )
            for n in range(number % 5)
        ],
        journey_ready=number % 10 != 0,
    )


def world(count: int = 40, span: int = 90 * DAY) -> World:
    numbers = range(1, count + 1)
    return World(
        name="bulk",
        seed=1,
        now=NOW,
        currency="EUR",
        timezone="Europe/Berlin",
        shop_domain=HANDLE,
        shop_name="Lantern test",
        list_id="1",
        list_name="All",
        people={number: person(number) for number in numbers},
        messages=[],
        orders=[order(number, count, span) for number in numbers],
        secret="ab" * 16,
    )


def with_parts(part: int) -> type[Shopify]:
    """Return the connector with files read in parts of so many bytes."""

    def smaller(stream: Stream) -> Stream:
        return replace(stream, reader=replace(stream.reader, part=part)) if stream.name == "orders" else stream  # type: ignore[type-var]

    class Small(Shopify):
        streams: ClassVar[tuple[Stream, ...]] = tuple(map(smaller, STREAMS))

    return Small


class InProcess(httpx.BaseTransport):
    """Sends calls to an ASGI application without a socket, and keeps them."""

    def __init__(self, application: Any) -> None:
        self._inner = httpx.ASGITransport(application)
        self.calls: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request)

        async def ask() -> httpx.Response:
            answer = await self._inner.handle_async_request(request)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        return asyncio.run(ask())

    def texts(self) -> list[str]:
        """Return the queries of all calls to the API."""
        return [json.loads(call.content)["query"] for call in self.calls if call.content]

    def storage(self) -> list[httpx.Request]:
        """Return the calls for files."""
        return [call for call in self.calls if call.url.path.startswith("/bulk/")]


def connector(shop: World, *, base: str = "http://127.0.0.1", part: int = 4096, **settings: Any) -> Shopify:
    given = {**SANDBOX.settings(shop, base), "bulk_over": 10, "bulk_slice": 15, **settings}
    token = SANDBOX.secrets(shop)["SHOPIFY_ACCESS_TOKEN"]
    return with_parts(part)("shopify", ShopifySettings(connector="shopify", **given), {"token": token})


def pulled(
    store: Path, made: Shopify, transport: httpx.BaseTransport, waits: list[float] | None = None, **options: Any
) -> PullResult:
    """Pull without waiting; `waits` collects the whole seconds that would have been waited."""
    if not key_path(store).exists():
        # The same key everywhere: only then two stores have the same digest.
        key_path(store).write_text("ab" * 32)

    def sleep(seconds: float) -> bool:
        if waits is not None and seconds >= 1:
            waits.append(seconds)
        return False

    asked = PullOptions(**{"now": NOW, **options})
    return pull(
        store,
        [made],
        asked,
        client=lambda one, stop: Client(one, stop=stop, sleep=sleep, transport=transport),
        clock=lambda: asked.now / 1000,
    )


def facts(store: Path) -> dict[str, str]:
    """Return the digest of each table but coverage, whose rows for topped-up orders depend on what a page can hold."""
    with open_store(store) as opened:
        return {name: value for name, value in table_digests(opened).items() if name != "coverage"}
