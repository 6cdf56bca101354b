"""Ask an ASGI application without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx


class Asking:
    """A client of an application at an address; it follows no redirect and keeps no cookie."""

    def __init__(self, app: Any, base: str, headers: dict[str, str] | None = None) -> None:
        self._app = app
        self._base = base
        self._headers = headers or {}

    def request(self, method: str, address: str, *, headers: dict[str, str] | None = None) -> httpx.Response:
        """Return the answer to one request."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url=self._base) as client:
                return await client.request(method, address, headers={**self._headers, **(headers or {})})

        return asyncio.run(asked())

    def get(self, address: str, *, headers: dict[str, str] | None = None) -> httpx.Response:
        """Return the answer to a GET."""
        return self.request("GET", address, headers=headers)
