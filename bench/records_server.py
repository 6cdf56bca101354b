"""A server of ready-made bytes, in a process of its own: flat records of 25 fields and 1 kB, 1,000 a page, in ten parts.

    python bench/records_server.py RECORDS

prints its port, then serves until its standard input closes. `/parts` lists the parts, `/parts/N/records?offset=` is a page of
one, and the same under `/slow` comes 100 ms later. Addresses follow no order, as those of a real list do not.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import orjson
import uvicorn

PAGE = 1000
PARTS = 10
DELAY_S = 0.1
READY = 500_000
"""up to so many records every page is made before the first call; beyond, each is made when it is asked for"""


def record(number: int) -> dict[str, Any]:
    """Make one record: 25 fields, about 1 kB."""
    token = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()
    return {
        "id": 10_000_000 + number,
        "updated_at": f"2026-01-{1 + number % 28:02}T{number % 24:02}:{number // 60 % 60:02}:{number % 60:02}+00:00",
        "created_at": f"2025-{1 + number % 12:02}-03T08:{number % 60:02}:00+00:00",
        "email": f"{token[:12]}@example.com",
        "status": ("subscribed", "unsubscribed", "pending")[number % 3],
        "source": ("form", "import", "checkout", "api")[number % 4],
        "orders": number % 7,
        "spent": f"{number % 400}.{number % 100:02}",
        "currency": "EUR",
        "rating": number % 5,
        "open_rate": number % 100 / 100,
        "click_rate": number % 50 / 100,
        "is_verified": number % 2 == 0,
        "is_vip": number % 50 == 0,
        "language": "en",
        "country": "DE",
        "region": "BE",
        "timezone": "Europe/Berlin",
        "signup_at": "2025-03-01T08:00:00+00:00",
        "confirmed_at": "2025-03-01T08:01:00+00:00",
        "client": "Mail",
        "campaign": f"campaign {number % 40}",
        "tags": ["a", "b"][: number % 3],
        "token": token,
        "note": f"what was written about record {number} ".ljust(380, "."),
    }


@cache
def page(first: int, last: int) -> bytes:
    """Return the records [first, last) as the text of a JSON list."""
    return orjson.dumps([record(number) for number in range(first, last)])


class Server:
    """The ASGI application."""

    def __init__(self, records: int) -> None:
        self.size = records // PARTS
        self.make = page if records <= READY else page.__wrapped__
        if records <= READY:
            for part in range(PARTS):
                for offset in range(0, self.size, PAGE):
                    self._page(part, offset)

    def _page(self, part: int, offset: int) -> bytes:
        first = part * self.size
        listed = self.make(first + offset, first + min(offset + PAGE, self.size))
        return b'{"records":%s,"total":%d}' % (listed, self.size)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path.startswith("/slow"):
            await asyncio.sleep(DELAY_S)
            path = path.removeprefix("/slow")
        if path == "/parts":
            body = orjson.dumps({"parts": [{"id": part} for part in range(PARTS)]})
        else:
            query = parse_qs(scope["query_string"].decode())
            body = self._page(int(path.split("/")[2]), int(query["offset"][0]))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def main() -> None:
    """Serve on a free loopback port until standard input closes."""
    config = uvicorn.Config(
        Server(int(sys.argv[1])), host="127.0.0.1", port=0, log_level="error", access_log=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(main())
