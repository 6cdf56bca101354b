"""A small audience whose every event is known, its imitation in the process, and a way to shape one page."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from persync.connect.client import Client
from persync.connect.connector import Connector
from persync.connect.page import Shaped, Shaper
from persync.connect.pull import PullOptions, PullResult, pull
from persync.connect.stream import AccountFacts, Context, Step
from persync.sandbox.world import Click, LedgerEvent, Line, Message, Open, SandboxOrder, SandboxPerson, Send, Visit, World
from persync.store.store import open_store
from persync_mailchimp.connector import Mailchimp, MailchimpSettings
from persync_mailchimp.imitation.quirks import Quirks
from persync_mailchimp.sandbox import api_key, app

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = 1_735_689_600_000  # 2025-01-01T00:00:00Z
SENT = 1_733_043_600_000  # 2024-12-01T09:00:00Z
BEFORE_FLAG = 1_717_232_400_000  # 2024-06-01T09:00:00Z
LIST = "0a1b2c3d4e"

STREAMS = {stream.name: stream for stream in Mailchimp.streams}


class InProcess(httpx.BaseTransport):
    """Sends calls to an ASGI application without a socket, and remembers them."""

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
    """One member; the odd ones confirmed their address, member 4 is archived, 5 unsubscribed, 6 cleaned, 7 pending."""
    at = NOW - 200 * DAY + number * HOUR
    status = {4: "archived", 5: "unsubscribed", 6: "cleaned", 7: "pending"}.get(number, "subscribed")
    given: dict[str, Any] = {
        "email": f"p{number}@example.com",
        "first_name": "Ann",
        "last_name": "Example",
        "country": "AT",
        "language": "de",
        "age_band": "30-44",
        "created_at": at,
        "updated_at": at + DAY,
        "mailchimp_id": f"{number:032x}",
        "status": status,
        "confirmed_opt_in": number % 2 == 1,
        "tags": ("tea",) if number == 1 else (),
        "merge_fields": {"COUNTRY": "DE", "SCORE": str(number)},
    }
    return SandboxPerson(number=number, **{**given, **more})


def make_message(identity: str, sent_at: int | None, **more: Any) -> Message:
    given: dict[str, Any] = {
        "title": f"Letter {identity[-1]}",
        "subject": "News",
        "html": "<p>News of the workshop</p>",
        "kind": "regular",
        "created_at": (sent_at or NOW) - DAY,
        "level": 0,
    }
    return Message("mailchimp", identity, sent_at=sent_at, **{**given, **more})


def make_world(people: int = 12) -> World:
    """Return a world of one list, five messages of each sort, and events that can be counted by hand."""
    folk = {number: make_person(number) for number in range(1, people + 1)}
    folk[people + 1] = make_person(people + 1, mailchimp_id=None)
    sent = make_message(
        "00000000a1",
        SENT,
        subject="*|FNAME|*, news",
        segment={
            "match": "all",
            "conditions": [{"condition_type": "TextMerge", "field": "COUNTRY", "op": "is", "value": "DE"}],
        },
        claimed_orders=2,
        claimed_minor=4999,
        sends=[
            Send(
                1,
                SENT,
                opens=[Open(SENT + MINUTE, True), Open(SENT + HOUR, False)],
                clicks=[
                    Click(SENT + HOUR + 5_000, "https://tea.example.com/p/1"),
                    Click(SENT + HOUR + 5_400, "https://tea.example.com/p/1"),
                ],
                unsubscribed_at=SENT + 2 * HOUR,
            ),
            Send(2, SENT, opens=[Open(SENT + 2 * MINUTE, True)]),
            Send(3, SENT, status="soft"),
            Send(5, SENT, status="dropped"),
            Send(8, SENT, complained_at=SENT + DAY),
        ],
    )
    old = make_message("00000000b2", BEFORE_FLAG, kind="absplit", sends=[
        Send(1, BEFORE_FLAG, variant="a", opens=[Open(BEFORE_FLAG + HOUR, True)]),
        Send(2, BEFORE_FLAG, variant="b"),
    ])  # fmt: skip
    running = make_message("00000000c3", SENT, kind="automation-email", html="<p>Hello *|FNAME|*</p>", sends=[
        Send(2, SENT + DAY, opens=[Open(SENT + DAY + HOUR, False)]),
    ])  # fmt: skip
    tested = make_message("00000000d4", SENT, kind="variate", sends=[Send(1, SENT, variant="x"), Send(2, SENT, variant="y")])
    draft = make_message("00000000e5", None)
    elsewhere = Message("hubspot", "1", "t", "s", "", "BATCH_EMAIL", NOW, NOW, 0)
    return World(
        name="small",
        seed=1,
        now=NOW,
        currency="EUR",
        timezone="Europe/Vienna",
        shop_domain="tea.myshopify.com",
        shop_name="Tea",
        list_id=LIST,
        list_name="Tea letters",
        people=folk,
        messages=[sent, old, running, tested, draft, elsewhere],
        orders=[],
        secret="00ff",
        merge_field_types={"COUNTRY": "text", "SCORE": "number"},
    )


def make_order(number: int, person: int | None, at: int, **more: Any) -> SandboxOrder:
    """One order of two teapots at 20.00 with 1.00 off, 3.90 tax and 5.00 shipping: 47.90 in all."""
    vendor_id = str(9000 + number)
    ledger = [
        LedgerEvent("1", "1", at, "ORDER", "ORDER", "PRODUCT", 4290, 390, 2, "1"),
        LedgerEvent("2", "1", at, "ORDER", "ORDER", "SHIPPING", 500, 0),
    ]
    given: dict[str, Any] = {
        "name": f"#{vendor_id}",
        "created_at": at,
        "processed_at": at,
        "updated_at": at,
        "lines": [Line("1", "Teapot", "POT", 2, 2000, discount_minor=100)],
        "ledger": ledger,
    }
    return SandboxOrder(id=vendor_id, person=person, **{**given, **more})


def make_rich() -> World:
    world = make_world()
    feed = make_message("00000000f6", SENT, kind="rss")
    issue = make_message("0000000f61", SENT + DAY, kind="rss", parent=feed.id, sends=[
        Send(2, SENT + DAY, opens=[Open(SENT + DAY + HOUR, False)]),
    ])  # fmt: skip
    again = make_message("0000000a11", SENT + 3 * DAY, parent="00000000a1", sends=[
        Send(8, SENT + 3 * DAY, clicks=[Click(SENT + 3 * DAY + HOUR, "https://tea.example.com/p/1")]),
    ])  # fmt: skip
    basket = make_message("00000000c9", SENT, kind="automation-email", workflow="Abandoned cart", level=4, sends=[
        Send(5, SENT, opens=[Open(SENT + HOUR, False)], clicks=[Click(NOW - DAY, "https://tea.example.com/cart")]),
        Send(10, SENT, clicks=[Click(NOW - DAY, "https://tea.example.com/cart")]),
    ])  # fmt: skip
    world.messages += [feed, issue, again, basket]
    landing = "https://tea.example.com/?mc_cid=00000000d4&mc_eid=0a1b2c3d4e"
    world.orders = [
        make_order(1, 1, SENT + 2 * DAY, discount_codes=("SPRING",)),
        make_order(2, 5, SENT + DAY, financial_status="REFUNDED", updated_at=SENT + 20 * DAY),
        make_order(3, None, SENT, email="guest@example.com", cancelled_at=SENT + DAY),
        make_order(4, 3, NOW - DAY, visits=[Visit("1", NOW - DAY, landing, "email", "NEWSLETTER")]),
        make_order(5, 1, SENT, is_test=True),
    ]
    return world


@pytest.fixture
def world() -> World:
    return make_world()


class Imitated:
    """One imitated account: its connector, raw calls, and what was asked."""

    def __init__(self, world: World, quirks: Quirks | None = None, **settings: Any) -> None:
        self.world = world
        self.key = api_key(world)
        self.transport = InProcess(app(world, quirks))
        chosen = MailchimpSettings(connector="mailchimp", base_url="http://127.0.0.1/3.0", **settings)
        self.connector = Mailchimp("letters", chosen, {"token": self.key})

    def client(self, connector: Connector | None = None, stop: threading.Event | None = None) -> Client:
        return Client(connector or self.connector, stop=stop, sleep=lambda seconds: False, transport=self.transport)

    def get(self, path: str, *, key: str | None = None, bearer: bool = False, **params: str) -> tuple[int, Any]:
        """Call as any program would; return status and JSON."""
        key = self.key if key is None else key
        with httpx.Client(transport=self.transport, base_url="http://127.0.0.1") as http:
            signed = {"headers": {"authorization": f"Bearer {key}"}} if bearer else {"auth": ("anything", key)}
            answer = http.get(f"/3.0{path}", params=params, **signed)  # type: ignore[arg-type]
            return answer.status_code, orjson.loads(answer.content)


class Store:
    """Pulls of one account into one store."""

    def __init__(self, path: Path, account: Any) -> None:
        self.path, self.account, self.runs = path, account, 0

    def pull(self, *, later: int = 0, quirks: Quirks | None = None, **options: Any) -> PullResult:
        """Pull, an hour after the pull before and `later` ms more, from the account's world as it is now."""
        self.account.transport.calls.clear()
        self.account.transport._inner.app = app(self.account.world, quirks)
        self.runs += 1

        def client(connector: Connector, stop: threading.Event) -> Client:
            found: Client = self.account.client(connector, stop)
            return found

        return pull(
            self.path,
            [self.account.connector],
            PullOptions(now=NOW + self.runs * HOUR + later, **options),
            client=client,
            clock=lambda: NOW / 1000,
        )

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with open_store(self.path) as store:
            return [tuple(row) for row in store.db.execute(sql)]

    @property
    def calls(self) -> list[str]:
        return sorted(call.url.path.removeprefix("/3.0/") for call in self.account.transport.calls)


@pytest.fixture
def pulls(tmp_path: Path) -> Callable[[Imitated], Store]:
    """Make a store that pulls from an imitated account."""
    return lambda account: Store(tmp_path / "shop.db", account)


@pytest.fixture
def rich() -> World:
    """Return the small world with an RSS campaign, a resend, a classic automation, orders and a cart besides."""
    return make_rich()


@pytest.fixture
def imitated() -> Callable[..., Imitated]:
    """Make an imitated account over a world."""
    return Imitated


@pytest.fixture
def small() -> Callable[..., World]:
    """Make the small world with another number of members."""
    return make_world


@pytest.fixture
def person() -> Callable[..., SandboxPerson]:
    """Make a member."""
    return make_person


@pytest.fixture
def page(root: Path) -> Callable[[str], dict[str, Any]]:
    """Read a hand-written page of a stream."""

    def read(stream: str) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads((root / "tests" / "fixtures" / "mailchimp" / f"{stream}.json").read_bytes())
        return found

    return read


@pytest.fixture
def shape() -> Callable[..., Shaped]:
    """Turn a page of a stream into rows and rejects, as a pull does."""

    def one(
        stream: str,
        answer: Any,
        *,
        parent: dict[str, Any] | None = None,
        attributes: dict[str, str] | None = None,
        fields: dict[str, dict[str, str]] | None = None,
    ) -> Shaped:
        reader: Any = STREAMS[stream].reader
        reader = getattr(reader, "pages", None) or getattr(reader, "reports", None) or reader
        single = getattr(reader, "single", False)
        at = () if single else (getattr(reader, "at", "members"),)
        context = Context(
            connection="letters",
            settings=MailchimpSettings(connector="mailchimp", attributes=attributes or {}),
            account=AccountFacts(),
            now=NOW,
            parent=parent or {},
            fields=fields or {},
        )
        step = Step(orjson.dumps(answer), at, None, single=single)
        return Shaper(STREAMS[stream]).shape(
            step,
            context,
            numbers=lambda beginning, texts: list(map(hash, texts)),
            hashed=lambda text: f"hashed-{len(text)}",
            known=None,
        )

    return one
