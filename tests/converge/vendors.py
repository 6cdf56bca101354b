"""The three vendors' imitations over one changing world, in the memory of this process: no sockets, no waiting.

The connectors' own streams, readers and row functions are asked for everything; what is left out is the network below them.
A call that is to fail fails by its number, and a run that is to die dies at the commit of a given number, so that whatever
happens here happens again.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import httpx
import orjson
import pytest
import starlette._exception_handler
import starlette.routing

from persync.connect import pull as pulling
from persync.connect import writing
from persync.connect.client import Client
from persync.connect.connector import Connector
from persync.connect.page import Shaper
from persync.plugins import Host, load_plugins
from persync.sandbox.world import World
from persync.store.store import Store, open_store
from persync_hubspot.sandbox import app as hubspot_app
from persync_hubspot.sandbox_crm import CrmFaults
from persync_mailchimp.sandbox import app as mailchimp_app
from persync_shopify.sandbox import app as shopify_app
from persync_shopify.sandbox_data import Oddities
from persync_shopify.sandbox_more import Gone

LAG, LATE = 100_000, 7_200_000
"""ms until a change can be searched for, and until a refund hangs on its order: what is read a moment too soon is not all"""
NAMES = ("mailchimp", "shopify", "hubspot")


Name = tuple[str, str, str]
"""what somebody is known by: (`id` or `email`, connection, value)"""


class Killed(BaseException):
    """The process is gone: nothing more of it is written, not even what cleans up behind it."""


@dataclass
class Business:
    """A world, and what the vendors know of it that a world has no place for."""

    world: World
    shop_gone: list[Gone] = field(default_factory=list)
    shop_merged: dict[str, str] = field(default_factory=dict)
    archived: dict[str, dict[int, int]] = field(default_factory=dict)
    """HubSpot: {type: {id: when it was archived}}"""
    sales: int = 0
    letters: int = 0
    """orders and letters that ever were: an id is given once"""
    gone: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """{(connection, thing, id): when it went}: what a platform showed once and does not show any more"""
    strangers: set[tuple[str, str]] = field(default_factory=set)
    """(connection, address) of people whom a platform does not know any more"""
    joined: set[tuple[Name, Name]] = field(default_factory=set)
    """names that a platform said at some time were one person's: what it forgot since, a store may have read"""
    owned: set[tuple[str, tuple[str, str], str]] = field(default_factory=set)
    """(table, key, whose) of what HubSpot said at some time to be a contact's: what is an erased one's no pull takes up"""

    def note_joined(self) -> None:
        """Note which names the platforms say now are one person's: their ids, addresses, and whom they merged into them.

        And what HubSpot says is whose: with a contact that it deletes or merges it forgets that.
        """
        for person in self.world.people.values():
            mine = ("email", "", person.email)
            ids = {"mailchimp": person.mailchimp_id, "shopify": person.shopify_id, "hubspot": person.hubspot_id}
            self.joined |= {(mine, ("id", name, one)) for name, one in ids.items() if one is not None}
            self.joined |= {(mine, ("id", "hubspot", one)) for one in person.hubspot_merged_ids}
            self.joined |= {(mine, ("email", "", one)) for one in person.hubspot_other_emails}
            if person.hubspot_id is not None:
                carts = [500_000_000_000 + int(one.id) for one in self.world.orders if one.person == person.number]
                things = [("carts", str(cart)) for cart in carts]
                things += {1: [("tickets", "770000000001")], 5: [("carts", "520000000005")]}.get(person.number, [])
                self.owned |= {(table, ("hubspot", one), f"id\x1fhubspot\x1f{person.hubspot_id}") for table, one in things}
        self.joined |= {(("id", "shopify", into), ("id", "shopify", one)) for one, into in self.shop_merged.items()}


@dataclass
class Trouble:
    """What is to go wrong in one pull. Calls and commits are counted from 1 in each connection's pull.

    `killed_at`: the process dies before (`keeps` False) or after the commit of this number. `lost_from`: no call from this
    number on gets an answer; `failing`: the calls with these numbers are answered by an error 500.
    """

    killed_at: int | None = None
    keeps: bool = False
    interrupts: bool = False
    """it is Ctrl-C instead: the run ends by itself"""
    lost_from: int | None = None
    failing: range = range(0)
    calls: int = 0
    commits: int = 0
    dead: bool = False


class Vendors:
    """What answers calls: an application a vendor, made anew whenever the business changed."""

    def __init__(self, business: Business) -> None:
        self.business = business
        self.trouble = Trouble()
        self._apps: dict[str, Any] = {}
        self.changed()

    def changed(self) -> None:
        """Serve the business as it is now: what an imitation counted, it counted once."""
        self.business.note_joined()
        self._apps.clear()

    def _app(self, name: str) -> Any:
        if name not in self._apps:
            business = self.business
            if name == "mailchimp":
                self._apps[name] = mailchimp_app(business.world)
            elif name == "shopify":
                odd = Oddities(late=LATE, gone=tuple(business.shop_gone), merged=business.shop_merged)
                self._apps[name] = shopify_app(business.world, odd=odd)
            else:
                self._apps[name] = hubspot_app(business.world, faults=CrmFaults(index_lag=LAG, archived=business.archived))
        return self._apps[name]

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one call by running the imitation to its end at once."""
        self.trouble.calls += 1
        number = self.trouble.calls
        if self.trouble.lost_from is not None and number >= self.trouble.lost_from:
            raise httpx.ConnectError("nobody answers")
        if number in self.trouble.failing:
            return Answer(500, {}, b"{}")
        parts = urlsplit(url)
        name = parts.path.split("/")[1]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "headers": [(key.lower().encode(), value.encode()) for key, value in headers.items()],
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "root_path": f"/{name}",
            "query_string": parts.query.encode(),
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        running = self._app(name)(scope, receive, send)
        try:
            running.send(None)
        except StopIteration:
            pass
        else:
            raise RuntimeError("an imitation waited for something; here nothing ever comes")
        content = b"".join(message.get("body", b"") for message in sent[1:])
        told = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], told, content)


@dataclass(frozen=True, slots=True)
class Answer:
    """As much of an HTTP answer as the client looks at."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


class _Line:
    """Stands where the client's own HTTP connections are: it calls the imitations."""

    def __init__(self, vendors: Vendors) -> None:
        self._vendors = vendors

    def request(
        self, method: str, url: str, *, params: Any = None, json: Any = None, data: Any = None, headers: Mapping[str, str]
    ) -> Answer:
        if params:
            url = f"{url}?{urlencode(params)}"
        body = b"" if json is None else orjson.dumps(json)
        kind = {} if json is None else {"content-type": "application/json"}
        return self._vendors.answer(method, url, {"host": "127.0.0.1", **kind, **headers}, body)

    @contextmanager
    def stream(self, method: str, url: str, *, params: Any = None, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Answer a call for a part of a file."""
        answer = self.request(method, url, params=params, headers=headers)
        yield httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)

    def close(self) -> None:
        """Nothing is held open."""


class Seat:
    """Three connections over a business, and pulls of them that never wait."""

    def __init__(self, vendors: Vendors) -> None:
        self.vendors = vendors
        host = _host()
        world = vendors.business.world
        self.connectors: dict[str, Connector] = {}
        for name in NAMES:
            sandbox = host.sandboxes[name]
            kind = host.connectors[sandbox.connector]
            base = f"http://127.0.0.1/{name}"
            settings = {"connector": sandbox.connector, "base_url": base, **sandbox.settings(world, base)}
            secrets = sandbox.secrets(world)
            given = {key: secrets[variable] for key, variable in kind.secrets.items() if variable in secrets}
            connector = kind(name, kind.settings_type(**settings), given)
            # One thread asks, so that what is asked comes in one order.
            connector.workers = 1  # type: ignore[misc]
            self.connectors[name] = connector

    def client(self, connector: Connector, stop: threading.Event) -> Client:
        """Return a client whose waits pass at once, on a clock of their own."""
        clock = [0.0]

        def sleep(seconds: float) -> bool:
            clock[0] += seconds
            return False

        made = Client(connector, stop=stop, sleep=sleep, transport=httpx.MockTransport(lambda request: httpx.Response(500)))
        made._http.close()
        made._http = _Line(self.vendors)  # type: ignore[assignment]
        made.pace.clock = lambda: clock[0]
        return made


_OPEN: dict[Path, Store] = {}


class _Kept:
    """A store that stays open for the next pull: reading its schema anew takes longer than a small pull does."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __enter__(self) -> Store:
        return self.store

    def __exit__(self, *_: object) -> None:
        assert not self.store.db.in_transaction


def kept_open(path: Path, *, create: bool = False) -> _Kept:
    """Open a store, once."""
    if path not in _OPEN:
        _OPEN[path] = open_store(path, create=create)
    return _Kept(_OPEN[path])


def close_all() -> None:
    """Close the stores that are open."""
    for store in _OPEN.values():
        store.close()
    _OPEN.clear()


@cache
def _host() -> Host:
    return load_plugins()


_SHAPERS: dict[int, Shaper] = {}


def _kept_shaper(stream: Any) -> Shaper:
    """Return a stream's shaper, made once: building its validators costs more than a whole pull of this size."""
    return _SHAPERS.get(id(stream)) or _SHAPERS.setdefault(id(stream), Shaper(stream))


@contextmanager
def in_memory() -> Iterator[None]:
    """Let imitations answer in the caller's own thread, and keep validators and stores open, while the block runs."""

    async def at_once(function: Callable[..., Any], *given: Any, **more: Any) -> Any:
        return function(*given, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starlette.routing, "run_in_threadpool", at_once)
        patch.setattr(starlette._exception_handler, "run_in_threadpool", at_once)
        patch.setattr(writing, "Shaper", _kept_shaper)
        patch.setattr(pulling, "open_store", kept_open)
        yield


@contextmanager
def dying(trouble: Trouble) -> Iterator[None]:
    """Count the commits of stores while the block runs, and let the run die at one of them."""
    if trouble.killed_at is None:
        yield
        return
    held = Store.transaction

    @contextmanager
    def counted(store: Store) -> Iterator[sqlite3.Connection]:
        if trouble.dead:
            raise Killed
        trouble.commits += 1
        last = trouble.commits == trouble.killed_at
        with held(store) as db:
            yield db
            if last and not trouble.keeps:
                _die(trouble)
        if last:
            _die(trouble)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "transaction", counted)
        yield


def _die(trouble: Trouble) -> None:
    if trouble.interrupts:
        raise KeyboardInterrupt
    trouble.dead = True
    raise Killed
