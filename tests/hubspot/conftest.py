"""A small account whose every number is known, its imitation in the process, and short ways to rows."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from persync.connect.client import Client
from persync.connect.connector import Connector
from persync.connect.page import Shaped, Shaper
from persync.connect.stream import AccountFacts, Context, Step, Stream
from persync.sandbox.world import Click, LedgerEvent, Message, Open, SandboxOrder, SandboxPerson, Send, World
from persync_hubspot.connector import HubSpot, HubSpotSettings
from persync_hubspot.pace import HubSpotPace
from persync_hubspot.sandbox import app, token
from persync_hubspot.sandbox_crm import CrmFaults
from persync_hubspot.sandbox_terms import Terms

DAY = 86_400_000
NOW = 1_790_812_800_000  # 2026-10-01T00:00:00Z
GUID = "11111111-2222-4333-8444-555555555555"


class InProcess(httpx.BaseTransport):
    """Sends calls to an ASGI application without a socket, and remembers them with their answers."""

    def __init__(self, application: Any) -> None:
        self._inner = httpx.ASGITransport(application)
        self.calls: list[httpx.Request] = []
        self.answers: list[httpx.Response] = []
        self.most: int | None = None
        """how many calls a test grants: one more fails it, where a reader that goes in circles would never end"""
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def ask() -> httpx.Response:
            answer = await self._inner.handle_async_request(request)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        # Noted before the answer comes: the order of calls is what tests compare.
        with self._lock:
            place = len(self.calls)
            assert self.most is None or place < self.most, "more calls than the test grants"
            self.calls.append(request)
            self.answers.append(httpx.Response(0))
        answer = asyncio.run(ask())
        with self._lock:
            self.answers[place] = answer
        return answer


class Account:
    """A world, and everything one wants to ask of its HubSpot."""

    def __init__(self, world: World, **how: Any) -> None:
        self.world = world
        self.transport = InProcess(app(world, **how))
        self.token = token(world)
        self.waited = 0.0

    def connector(self, **settings: Any) -> HubSpot:
        told = HubSpotSettings(connector="hubspot", base_url="https://hub.test", **settings)
        return Patient(self, told)

    def client(self, connector: Connector, stop: threading.Event | None = None) -> Client:
        return Client(connector, stop=stop, sleep=self.wait, transport=self.transport)

    def wait(self, seconds: float) -> bool:
        self.waited += seconds
        return False

    def ask(self, method: str, path: str, *, bearer: str | None = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token if bearer is None else bearer}"}
        with httpx.Client(transport=self.transport, base_url="https://hub.test") as client:
            return client.request(method, path, headers=headers, **more)


class Patient(HubSpot):
    """The connector, paced by a clock that moves only when somebody waits."""

    def __init__(self, account: Account, told: HubSpotSettings) -> None:
        super().__init__("hubspot", told, {"token": account.token})
        self._account = account

    def pace(self) -> HubSpotPace:
        return HubSpotPace(concurrent=self.workers, clock=lambda: self._account.waited)


def make_person(number: int, **more: Any) -> SandboxPerson:
    at = NOW - 400 * DAY + number * 1000
    given = {
        "email": f"p{number}@example.com",
        "first_name": "Ann",
        "last_name": "Example",
        "country": "DE",
        "language": "de",
        "age_band": "30-44",
        "created_at": at,
        "updated_at": at,
        "hubspot_id": str(100 + number),
        "stage_dates": {"subscriber": at},
    }
    return SandboxPerson(number=number, **{**given, **more})


def make_deal(number: int, person: int | None, *, stage: str = "closedwon", minor: int = 50_000, **more: Any) -> SandboxOrder:
    at = NOW - 200 * DAY + number * DAY
    ledger = [LedgerEvent("1", "1", at + DAY, "ORDER", "ORDER", "PRODUCT", minor, 0, 1)] if minor else []
    given: dict[str, Any] = {"created_at": at, "processed_at": at + DAY, "updated_at": at + DAY, "ledger": ledger}
    return SandboxOrder(
        id=str(500 + number),
        name=f"Deal {number}",
        person=person,
        kind="deal",
        stage=stage,
        in_hubspot=str(500 + number),
        **{**given, **more},
    )


def make_copy(number: int, person: int | None, *, minor: int = 2000, refunded: int = 0) -> SandboxOrder:
    at = NOW - 100 * DAY + number * 60_000
    ledger = [LedgerEvent("1", "1", at, "ORDER", "ORDER", "PRODUCT", minor, 0, 1)]
    if refunded:
        ledger.append(LedgerEvent("2", "2", at + DAY, "REFUND", "RETURN", "PRODUCT", -refunded, 0, -1))
    return SandboxOrder(
        id=str(7000 + number),
        name=f"#{1000 + number}",
        person=person,
        created_at=at,
        processed_at=at,
        updated_at=at,
        ledger=ledger,
        in_hubspot=str(9000 + number),
    )


def make_mail(number: int, sends: list[Send], **more: Any) -> Message:
    at = NOW - 60 * DAY + number * DAY
    given: dict[str, Any] = {
        "title": f"Mail {number}",
        "subject": "Hello {{ contact.firstname }}",
        "html": "<p>Hello</p>",
        "kind": "BATCH_EMAIL",
        "created_at": at - DAY,
        "sent_at": at,
        "level": 1,
        "email_campaign_ids": (str(7700 + number),),
        "campaign_guid": GUID,
    }
    return Message("hubspot", str(8800 + number), **{**given, **more}, sends=sends)


def make_world(**more: Any) -> World:
    people = {number: make_person(number) for number in range(1, 6)}
    people[2].hubspot_merged_ids = ("77",)
    people[3].status = "unsubscribed"
    at = NOW - 59 * DAY
    sends = [
        Send(
            1,
            at,
            opens=[Open(at + 5000, True), Open(at + 9000, False)],
            clicks=[Click(at + 12_000, "https://shop.example.com/sale")],
        ),
        Send(2, at, status="hard"),
        Send(3, at, opens=[Open(at + 60_000, False)], unsubscribed_at=at + 90_000, complained_at=at + 90_000),
        Send(4, at, status="dropped"),
    ]
    given: dict[str, Any] = {
        "people": people,
        "messages": [make_mail(1, sends), make_mail(2, [Send(5, NOW - 58 * DAY)]), make_mail(3, [], sent_at=None)],
        "orders": [make_copy(1, 1, refunded=500), make_copy(2, None), make_copy(3, 5)],
        "deals": [
            make_deal(1, 1, people=(2,)),
            make_deal(2, 3, stage="contractsent", minor=0),
            make_deal(3, 4, stage="closedlost", minor=0),
        ],
        "hubspot_campaigns": [
            {
                "guid": GUID,
                "name": "May",
                "start": NOW - 70 * DAY,
                "end": NOW - DAY,
                "spend_minor": 18_000,
                "revenue": {"LINEAR": 50_000, "LAST_INTERACTION": 70_050},
                "deals": 1,
            }
        ],
    }
    told: dict[str, Any] = {
        "name": "small",
        "seed": 1,
        "now": NOW,
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "shop_domain": "lantern-test.myshopify.com",
        "shop_name": "Lanterns",
        "list_id": "l1",
        "list_name": "List",
        "secret": "0f" * 32,
    }
    return World(**{**told, **given, **more})


@pytest.fixture
def account() -> Account:
    return Account(make_world())


@pytest.fixture
def account_of() -> Callable[..., Account]:
    """Make an account of another world: `account_of(people=..., offset_pages=2)`."""

    def make(
        *, offset_pages: int | None = None, faults: CrmFaults | None = None, terms: Terms | None = None, **more: Any
    ) -> Account:
        return Account(make_world(**more), offset_pages=offset_pages, faults=faults, terms=terms)

    return make


@pytest.fixture
def build() -> Any:
    """The builders of people, deals, copies of orders, mails and their sends."""

    class Build:
        person = staticmethod(make_person)
        deal = staticmethod(make_deal)
        copy = staticmethod(make_copy)
        mail = staticmethod(make_mail)
        now = NOW
        day = DAY

    return Build


@pytest.fixture
def at() -> Callable[..., Context]:
    """What a row function may know, in an account in euros on 2026-10-01."""

    def make(**more: Any) -> Context:
        settings = HubSpotSettings(connector="hubspot", attributes=more.pop("attributes", {}))
        facts = AccountFacts("1", more.pop("currency", "EUR"), "Europe/Berlin")
        return Context("hubspot", settings, facts, NOW, **more)

    return make


@pytest.fixture
def shaped(at: Callable[..., Context]) -> Callable[..., Shaped]:
    """Take a page through a stream's record type and row function, as a pull does."""

    def shape(stream: Stream, body: bytes, path: str = "results", *, single: bool = False, **context: Any) -> Shaped:
        step = Step(body, tuple(path.split(".")) if path and not single else (), None, single=single)
        return Shaper(stream).shape(
            step,
            at(**context),
            numbers=lambda beginning, texts: list(map(len, texts)),
            hashed=lambda text: "hashed",
            known=None,
        )

    return shape


@pytest.fixture
def page(root: Path) -> Callable[[str], bytes]:
    """A hand-written answer."""
    return lambda name: (root / "tests" / "fixtures" / "hubspot" / f"{name}.json").read_bytes()


@pytest.fixture
def samples(shared: Path) -> Callable[[str], bytes]:
    """One of the shared samples."""
    return lambda name: (shared / "specs" / "samples" / "hubspot" / f"{name}.json").read_bytes()


@pytest.fixture
def headers_of() -> Callable[[Mapping[str, str]], dict[str, str]]:
    """Headers as the client hands them over: names in lower case."""
    return lambda headers: {name.lower(): value for name, value in headers.items()}
