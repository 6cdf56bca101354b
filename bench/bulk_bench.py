"""The first load of a shop's orders in bulk: peak memory and orders a second, over lines that a server makes as they are read.

    python bench/bulk_bench.py [ORDERS] [together|apart]

Each order has an agreement with two sales, a line item, a payment and two visits: five lines, 2.6 kB.
`together` has an order's lines side by side, `apart` all orders first, then all agreements, and so on: every child then waits
for its order. The server is a process of its own; the pull another, which does not sit out the waits between polls.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import uvicorn

START = 1_700_000_000
STEP = 30
"""seconds between two orders"""
TARGET_MB = 150.0

ORDER = (
    '{"id":"gid:\\/\\/shopify\\/Order\\/%(n)d","name":"#%(n)d","processedAt":"%(at)s","updatedAt":"%(at)s","cancelledAt":null,'
    '"test":false,"sourceName":"web","displayFinancialStatus":"PAID","customerAcceptsMarketing":true,'
    '"email":"buyer.%(n)d@example.com","checkoutToken":"c0ffee%(n)d","customer":{"id":"gid:\\/\\/shopify\\/Customer\\/%(n)d"},'
    '"currentTotalPriceSet":{"shopMoney":{"amount":"24.9","currencyCode":"EUR"}},"discountCodes":[],"transactions":[{"id":'
    '"gid:\\/\\/shopify\\/OrderTransaction\\/%(n)d","kind":"SALE","status":"SUCCESS","gateway":"shopify_payments",'
    '"processedAt":"%(at)s","createdAt":"%(at)s","amountSet":{"shopMoney":{"amount":"24.9","currencyCode":"EUR"}},"fees":[]}],'
    '"customerJourneySummary":{"ready":true,"momentsCount":{"count":2},"firstVisit":{"id":"gid:\\/\\/shopify\\/CustomerVisit'
    '\\/1%(n)d","occurredAt":"%(at)s","landingPage":"https:\\/\\/shop.example.com\\/collections\\/new?utm_campaign=spring&'
    'mc_cid=0a1b2c3d4e","referrerUrl":null,"source":"email","sourceType":"NEWSLETTER","utmParameters":{"source":"newsletter",'
    '"medium":"email","campaign":"spring"}},"lastVisit":{"id":"gid:\\/\\/shopify\\/CustomerVisit\\/2%(n)d","occurredAt":'
    '"%(at)s","landingPage":"https:\\/\\/shop.example.com\\/products\\/lantern","referrerUrl":null,"source":"direct",'
    '"sourceType":null,"utmParameters":null}}}\n'
)
AGREEMENT = (
    '{"id":"gid:\\/\\/shopify\\/SalesAgreement\\/%(n)d","happenedAt":"%(at)s","reason":"ORDER",'
    '"__parentId":"gid:\\/\\/shopify\\/Order\\/%(n)d"}\n'
)
SALE = (
    '{"id":"gid:\\/\\/shopify\\/Sale\\/%(k)d%(n)d","actionType":"ORDER","lineType":"%(part)s","totalAmount":{"shopMoney":{"amount":'
    '"%(amount)s","currencyCode":"EUR"}},"totalTaxAmount":{"shopMoney":{"amount":"%(tax)s","currencyCode":"EUR"}},'
    '"totalDiscountAmountBeforeTaxes":{"shopMoney":{"amount":"0.0","currencyCode":"EUR"}},'
    '"__parentId":"gid:\\/\\/shopify\\/SalesAgreement\\/%(n)d"}\n'
)
LINE = (
    '{"id":"gid:\\/\\/shopify\\/LineItem\\/%(n)d","sku":"LAN-01","quantity":1,"currentQuantity":1,"isGiftCard":false,'
    '"priceAfterAllDiscountsBeforeTaxesSet":{"shopMoney":{"amount":"16.81","currencyCode":"EUR"}},"discountAllocations":[],'
    '"product":{"id":"gid:\\/\\/shopify\\/Product\\/7"},"variant":{"inventoryItem":{"unitCost":{"amount":"7.0","currencyCode":'
    '"EUR"}}},"__parentId":"gid:\\/\\/shopify\\/Order\\/%(n)d"}\n'
)
KINDS = (
    ORDER,
    AGREEMENT,
    SALE.replace("%(k)d", "1").replace("%(part)s", "PRODUCT").replace("%(amount)s", "20.0").replace("%(tax)s", "3.19"),
    SALE.replace("%(k)d", "2").replace("%(part)s", "SHIPPING").replace("%(amount)s", "4.9").replace("%(tax)s", "0.78"),
    LINE,
)
"""all numbers have as many digits as any other, so every line of a kind is as long"""

PULL = """
import re, sys, time
from pathlib import Path
from persync.connect.client import Client
from persync.connect.pull import PullOptions, pull
from persync_shopify.connector import Shopify, ShopifySettings
base, path, now = sys.argv[1], sys.argv[2], int(sys.argv[3])
shop = Shopify("shopify", ShopifySettings(connector="shopify", shop="bench", base_url=base), {"token": "x"})
client = lambda one, stop: Client(one, stop=stop, sleep=lambda seconds: False)
began = time.perf_counter()
result = pull(Path(path), [shop], PullOptions(now=now, streams=("shop", "orders")), client=client)
took = time.perf_counter() - began
assert result.exit_code == 0, [str(error) for error in result.errors] + [stream.reason for stream in result.streams]
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(took, peak)
"""


class Server:
    """The shop: `orders` of them, and what was asked of it."""

    def __init__(self, orders: int, apart: bool) -> None:
        self.orders = orders
        kinds = KINDS if apart else ("".join(KINDS),)
        self._kinds = [(kind, len(kind % self._values(0))) for kind in kinds]
        self._operations: list[tuple[str, int, int]] = []

    @staticmethod
    def _values(i: int) -> dict[str, Any]:
        at = datetime.fromtimestamp(START + i * STEP, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"n": 1_000_000_000 + i, "at": at}

    def _file(self, first: int, last: int, begin: int, end: int) -> bytes:
        """Make the bytes [begin, end) of the file of the orders [first, last)."""
        found, start = bytearray(), 0
        for kind, width in self._kinds:
            stop = start + width * (last - first)
            if begin < stop and end > start:
                low = max(0, (begin - start) // width)
                high = min(last - first, -(-(end - start) // width))
                text = "".join(kind % self._values(first + i) for i in range(low, high)).encode()
                found += text[max(0, begin - start - low * width) : end - start - low * width]
            start = stop
        return bytes(found)

    def _size(self, first: int, last: int) -> int:
        return sum(width for _, width in self._kinds) * (last - first)

    def graphql(self, base: str, body: bytes) -> dict[str, Any]:
        """Answer one call."""
        asked = orjson.loads(body)
        name = asked["query"].split("{")[0].split("(")[0].split()[1]
        if name == "PersyncShop":
            shop = {"id": "gid://shopify/Shop/1", "myshopifyDomain": "bench.myshopify.com", "currencyCode": "EUR"}
            scopes = ("read_orders", "read_all_orders", "read_customers", "read_products")
            installed = {"accessScopes": [{"handle": scope} for scope in scopes]}
            return {"shop": {**shop, "ianaTimezone": "UTC"}, "currentAppInstallation": installed}
        if name == "PersyncBulkSize":
            count = {"count": self.orders, "precision": "EXACT"}
            return {"total": count, "orders": {"nodes": [{"createdAt": self._values(0)["at"]}]}}
        if name == "PersyncBulkList":
            nodes = [{"id": str(i), "status": "COMPLETED", "query": text} for i, (text, *_) in enumerate(self._operations)]
            return {"bulkOperations": {"nodes": nodes}}
        if name == "PersyncBulkRun":
            text = asked["variables"]["text"]
            times = [datetime.fromisoformat(each).timestamp() for each in re.findall(r"created_at:\W+([\dTZ:-]+)'", text)]
            first, last = (min(self.orders, max(0, -(-(int(at) - START) // STEP))) for at in times)
            self._operations.append((text, first, last))
            number = str(len(self._operations) - 1)
            return {"bulkOperationRunQuery": {"bulkOperation": {"id": number, "status": "CREATED"}, "userErrors": []}}
        number = asked["variables"]["id"]
        _, first, last = self._operations[int(number)]
        count = last - first
        lines = sum(kind.count("\n") for kind, _ in self._kinds)
        url = f"{base.replace('127.0.0.1', 'localhost')}/bulk/{number}" if count else None
        state = {"id": number, "status": "COMPLETED", "errorCode": None, "url": url, "partialDataUrl": None}
        counts = {"objectCount": str(count * lines), "rootObjectCount": str(count), "fileSize": str(self._size(first, last))}
        return {"bulkOperation": {**state, **counts}}

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Serve ASGI."""
        status, headers, path = 200, [], scope["path"]
        given = {name.decode(): value.decode() for name, value in scope["headers"]}
        if path.startswith("/bulk/"):
            _, first, last = self._operations[int(path.rpartition("/")[2])]
            size = self._size(first, last)
            begin, end = (int(each) for each in given["range"].removeprefix("bytes=").split("-"))
            body = self._file(first, last, begin, min(end + 1, size))
            status, headers = 206, [(b"content-range", f"bytes {begin}-{begin + len(body) - 1}/{size}".encode())]
        else:
            parts, more = [], True
            while more:
                message = await receive()
                parts.append(message.get("body", b""))
                more = message.get("more_body", False)
            body = orjson.dumps({"data": self.graphql(f"http://{given['host']}", b"".join(parts))})
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def serve(orders: int, apart: bool) -> None:
    """Print the port, then serve until standard input closes."""
    config = uvicorn.Config(Server(orders, apart), host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    sys.stdout.write(f"{server.servers[0].sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await task


def run(orders: int = 50_000, layout: str = "together") -> dict[str, dict[str, Any]]:
    """Load that many orders into a fresh store; return peak MB and orders a second, and check that all are there."""
    import sqlite3
    from pathlib import Path

    arguments = [sys.executable, str(Path(__file__).resolve()), "serve", str(orders), layout]
    server = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        base = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder) / "s.db"
            now = str((START + orders * STEP + 86_400) * 1000)
            done = subprocess.run(
                [sys.executable, "-c", PULL, base, str(store), now], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise RuntimeError(done.stderr)
            took, peak = map(float, done.stdout.split())
            with sqlite3.connect(store) as db:
                tables = {"orders": 1, "order_ledger": 4, "order_lines": 1, "order_payments": 1, "touchpoints": 2, "parked": 0}
                for table, each in tables.items():
                    found = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                    assert found == orders * each, (table, found)
            size = store.stat().st_size / 2**20
    finally:
        server.communicate()
    return {
        "bulk_peak_memory": {
            "value": round(peak, 1),
            "unit": f"MB at the first load of {orders:,} orders, lines {layout}, into {size:,.0f} MB",
            "target": TARGET_MB,
            "better": "lower",
            "ok": peak <= TARGET_MB,
        },
        "bulk_orders": {"value": round(orders / took), "unit": f"orders a second, lines {layout}", "better": "higher"},
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(int(sys.argv[2]), sys.argv[3] == "apart"))
    else:
        size = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
        print(json.dumps(run(size, sys.argv[2] if len(sys.argv) > 2 else "together"), indent=2))
