"""What tests of several rooms share: paged answers, and a look into a store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from persync.store.store import open_store


def paged(records: list[dict[str, Any]], name: str) -> Callable[[httpx.Request], httpx.Response]:
    """Return an answer that pages through records by `offset` and `count`."""

    def answer(request: httpx.Request) -> httpx.Response:
        offset, count = int(request.url.params["offset"]), int(request.url.params["count"])
        return httpx.Response(200, json={name: records[offset : offset + count], "total_items": len(records)})

    return answer


def table(path: Path, sql: str) -> list[Any]:
    """Return what a query finds in a store."""
    with open_store(path) as store:
        return store.db.execute(sql).fetchall()
