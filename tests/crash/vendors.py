"""The three vendors in memory, as often as one likes in the state they had at a given moment, and what they were asked."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import persync_mailchimp.sandbox as mailchimp_sandbox
from persync.connect.client import Client
from persync.connect.connector import Connector
from persync.connect.pull import PullOptions, PullResult, pull
from persync.hookspecs import Sandbox
from persync.plugins import load_plugins
from persync.sandbox.world import World
from persync.store.key import key_path
from persync_mailchimp.imitation.batches import Batches
from persync_shopify.sandbox import app as shopify_app
from persync_shopify.sandbox_bulk import Bulk

HOST = "http://127.0.0.1:9"
JOBS = ("/batches", "/batch-results/", "/bulk/")
MODES: dict[str, dict[str, Any]] = {
    "shopify paged": {},
    "shopify bulk": {"bulk_over": 10, "bulk_slice": 30},
    "mailchimp paged": {},
    "mailchimp batches": {"batch_over": 30},
    "hubspot": {},
}
"""Each way to read, and the settings that make it so. The name begins with the connector's."""

PAGES = {"shopify": 20, "mailchimp": 30, "hubspot": 20}
"""records on a page: few, so that there are pages in the middle of a list"""
PART = 8_192
"""bytes of a bulk result that are read at once"""

STREAMS = {"mailchimp batches": ("reports", "sent_to", "email_activity", "open_details")}
"""what is read where the rest is the same as in another mode"""

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


def identity(request: httpx.Request) -> str:
    """Name a call by what is asked: method, path, sorted query, and a JSON body in one form."""
    query = urlencode(sorted(parse_qsl(request.url.query.decode(), keep_blank_values=True)))
    body = request.content
    if body[:1] in (b"{", b"["):
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    span = request.headers.get("range", "")
    return f"{request.method} {request.url.path}?{query} {span} {body.decode()}"


def asks_for_a_job(name: str) -> bool:
    """Tell whether a call starts or looks after a job on the vendor's side: how often that takes is the vendor's affair."""
    return any(path in name for path in JOBS) or "PersyncBulk" in name


def asks_for_addresses(name: str) -> bool:
    """Tell whether a call names people for the call after it: addresses are kept nowhere, so a new run asks for them again."""
    return "hs_email_last_send_date" in name


@dataclass
class Vendor:
    """One vendor, with the jobs it runs. `answers` is shared by its copies: what never changes is computed once."""

    sandbox: Sandbox
    world: World
    jobs: Any = None
    answers: dict[str, Answer] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.Lock)
    _app: Any = None

    def copied(self) -> Vendor:
        """Return the vendor as it is now: what happens to one of the two is nothing to the other."""
        with self.lock:
            return Vendor(self.sandbox, self.world, copy.deepcopy(self.jobs), self.answers)

    def app(self) -> Any:
        """Return the application, made when the first call comes that is not known yet."""
        if self._app is None:
            self._app = Starlette(routes=[Mount(f"/{self.sandbox.name}", app=self._made())])
        return self._app

    def _made(self) -> Any:
        if self.sandbox.name == "shopify":
            self.jobs = self.jobs or Bulk()
            return shopify_app(self.world, bulk=self.jobs)
        if self.sandbox.name != "mailchimp":
            return self.sandbox.app(self.world)
        made: list[Batches] = []

        def remembered(*given: Any) -> Batches:
            made.append(Batches(*given))
            return made[0]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mailchimp_sandbox, "Batches", remembered)
            application = self.sandbox.app(self.world)
        if self.jobs is not None:
            made[0]._known = self.jobs
        self.jobs = made[0]._known
        return application

    def ask(self, request: httpx.Request) -> Answer:
        """Answer a call, one at a time."""
        name = identity(request)
        with self.lock:
            if name in self.answers:
                return self.answers[name]

            async def asked() -> Answer:
                answer = await httpx.ASGITransport(self.app()).handle_async_request(request)
                return answer.status_code, answer.headers.raw, await answer.aread()

            found = asyncio.run(asked())
            if not asks_for_a_job(name):
                self.answers[name] = found
            return found


class Line(httpx.BaseTransport):
    """The way to a vendor; `asked` counts what went over it."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.asked: Counter[str] = Counter()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked[identity(request)] += 1
        status, headers, body = self.vendor.ask(request)
        return httpx.Response(status, headers=headers, content=body)


@dataclass
class Account:
    """One connection to a vendor, read in one of its ways."""

    mode: str
    world: World
    vendor: Vendor
    connector: Connector

    def pulled(
        self,
        store: Path,
        line: httpx.BaseTransport,
        *,
        later: int = 0,
        waits: Callable[[threading.Event, float], bool] = lambda stop, seconds: False,
        **options: Any,
    ) -> PullResult:
        """Pull at the world's moment or so many milliseconds later, and without waiting unless `waits` does."""
        if not key_path(store).exists():
            # The same key everywhere: only then two stores have the same digest.
            store.parent.mkdir(parents=True, exist_ok=True)
            key_path(store).write_text("ab" * 32)
        asked = PullOptions(now=self.world.now + later, **{"streams": STREAMS.get(self.mode, ()), **options})
        return pull(
            store,
            [self.connector],
            asked,
            client=lambda one, stop: Client(one, stop=stop, sleep=lambda seconds: waits(stop, seconds), transport=line),
            clock=lambda: asked.now / 1000,
        )


def smaller(reader: Any, most: int) -> Any:
    """Return a reader with smaller pages, and whatever readers it is made of."""
    changes: dict[str, Any] = {}
    for one in dataclasses.fields(reader):
        value = getattr(reader, one.name)
        if one.name in ("count", "limit", "size") and isinstance(value, int):
            changes[one.name] = min(value, most)
        elif one.name == "part":
            changes[one.name] = PART
        elif dataclasses.is_dataclass(value) and hasattr(value, "request"):
            changes[one.name] = smaller(value, most)
    return dataclasses.replace(reader, **changes)


def account(mode: str, world: World) -> Account:
    """Return an account of a world, to be read in this way."""
    host = load_plugins()
    name = mode.partition(" ")[0]
    sandbox, known = host.sandboxes[name], host.connectors[name]
    streams = tuple(dataclasses.replace(stream, reader=smaller(stream.reader, PAGES[name])) for stream in known.streams)
    kind = type(known.__name__, (known,), {"streams": streams})
    base = f"{HOST}/{name}"
    settings = {"connector": name, "base_url": base, **sandbox.settings(world, base), **MODES[mode]}
    secrets = sandbox.secrets(world)
    values = {part: secrets[variable] for part, variable in kind.secrets.items() if variable in secrets}
    vendor = Vendor(sandbox, world)
    vendor.app()
    return Account(mode, world, vendor, kind(name, kind.settings_type(**settings), values))
