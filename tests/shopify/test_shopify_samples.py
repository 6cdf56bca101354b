"""Answers recorded from the real API, or made by its own schema, go through our records and rows.

The bulk files hold one object a line, children named by their parent; an adapter here puts them back into the shape of a page.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect.page import Shaper
from persync.connect.stream import Context, Step, Stream
from persync.rows import (
    Action,
    CampaignRef,
    Child,
    Consent,
    Contact,
    LedgerEntry,
    Order,
    OrderLine,
    OrderRef,
    Person,
    Touchpoint,
)
from persync_shopify import streams
from persync_shopify.failures import graphql_failure

pytestmark = pytest.mark.shared

SHOP = "lantern-test.myshopify.com"
Make = Callable[..., Context]


@pytest.fixture
def samples(shared: Path) -> Path:
    return shared / "specs" / "samples" / "shopify"


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def ref(number: str, name: str) -> OrderRef:
    return OrderRef(number, SHOP, number, name)


def rows_of(stream: Stream, body: bytes, at: tuple[str, ...], context: Context) -> list[Any]:
    step = Step(body, at, None, single=at[-1] == "order")
    shaped = Shaper(stream).shape(
        step, context, numbers=lambda beginning, texts: [0] * len(texts), hashed=lambda text: "hashed", known=None
    )
    assert shaped.rejects == []
    return shaped.rows


def from_bulk(path: Path, **missing: Any) -> bytes:
    """Put the lines of a bulk file back together: orders with their line items, whatever order the lines come in."""
    objects = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    orders: dict[str, Any] = {each["id"]: {**missing, **each} for each in objects if "__parentId" not in each}
    for order in orders.values():
        order["lineItems"] = {"nodes": []}
        order["updatedAt"] = order["updatedAt"].replace("redacted", order["createdAt"])
        order.setdefault("email", None)
    for each in objects:
        if "/LineItem/" in each.get("id", ""):
            orders[each["__parentId"]]["lineItems"]["nodes"].append(each)
    return orjson.dumps({"nodes": list(orders.values())})


def of(kind: type, rows: Iterable[Any]) -> list[Any]:
    return [row for row in rows if isinstance(row, kind)]


def test_the_page_of_customers(samples: Path, at: Make) -> None:
    # Of the third consent the sample names the type alone.
    named = b'"__typename": "CustomerWhatsAppMarketingConsent"'
    body = (samples / "customers_page.synthetic.json").read_bytes()
    assert named in body
    body = body.replace(named, b'"state": "NEVER_SUBSCRIBED", "optInLevel": null, "updatedAt": null')

    assert graphql_failure(body) is None
    rows = rows_of(streams.CUSTOMERS, body, ("data", "customers", "nodes"), at())

    ada: Any = Person(("id", "8001"), ("email", "ada.test@example.com"))
    lin: Any = Person(("id", "8003"), ("email", "lin.test@example.com"))
    phone: Any = Person(("id", "8004"))
    joined = ms("2025-11-20T10:00:00Z")
    assert rows == [
        Contact(ada, created_at=joined, status="disabled", orders=4),
        Consent(ada, "email", "subscribed", "confirmed_opt_in", None, ms("2025-11-20T10:00:05Z")),
        Contact(lin, created_at=joined, status="disabled", orders=0),
        Consent(lin, "email", "pending", None, None, None),
        Contact(phone, created_at=joined, status="disabled", orders=2),
        Consent(phone, "sms", "subscribed", "single_opt_in", None, ms("2026-05-02T10:00:00Z")),
        Consent(phone, "whatsapp", "not_subscribed", None, None, None),
    ]


def test_the_page_of_orders(samples: Path, at: Make) -> None:
    body = (samples / "orders_page.synthetic.json").read_bytes()

    assert graphql_failure(body) is None
    context = at()
    rows = rows_of(streams.ORDERS, body, ("data", "orders", "nodes"), context)

    heads = [
        (row.order.vendor_order_id, row.status, row.is_test, row.sales_channel, row.total_minor, row.journey, row.person)
        for row in of(Order, rows)
    ]
    ada: Any = Person(("id", "8001"), ("email", "ada.test@example.com"))
    assert heads == [
        ("5003", "authorized", False, "web", 6499, "not_ready", Person(("id", "8002"), ("email", "grace.test@example.com"))),
        ("5004", "paid", True, "web", 100, "unobserved", None),
        ("5002", "paid", False, "pos", 1990, None, None),
        ("5005", "refunded", False, "draft", 0, None, None),
        ("5001", "paid", False, "web", 7765, "observed", ada),
    ]

    def visit(at: str, link: str, **more: Any) -> Touchpoint:
        return Touchpoint(None, ada, Action.VISIT, ms(at), link, **more)

    assert of(Touchpoint, rows) == [
        visit("2026-09-27T08:01:44Z", "https://shop.example/", channel="organic_search", source="google"),
        visit("2026-10-02T19:30:00Z", "https://shop.example/products/wool-scarf", channel="direct", source="direct"),
        Touchpoint(
            CampaignRef(("mc_cid", "1a2b3c4d5e")),
            ada,
            Action.VISIT,
            ms("2026-10-03T14:02:10Z"),
            "https://shop.example/collections/new",
            channel="email",
            source="mailchimp",
        ),
    ]
    assert of(OrderLine, rows)[-2:] == [
        OrderLine(ref("5001", "#1001"), "6001", "6002", "SCARF-GR", 2, 1, False, 9000, 1420),
        OrderLine(ref("5001", "#1001"), "6011", None, "CARE-01", 1, 1, False, 2770, None),
    ]
    assert of(Child, rows) == [Child("order_moments", "5003", {"id": "gid://shopify/Order/5003"}, None)]


def test_the_same_orders_as_a_bulk_file(samples: Path, at: Make) -> None:
    """Escaped slashes, children out of order: the heads are those of the page, as far as the file goes."""
    page = rows_of(streams.ORDERS, (samples / "orders_page.synthetic.json").read_bytes(), ("data", "orders", "nodes"), at())
    body = from_bulk(samples / "orders_bulk.synthetic.jsonl")

    rows = rows_of(streams.ORDERS, body, ("nodes",), at())

    def bare(found: list[Any]) -> list[Any]:
        return [row._replace(person=None, cart=None) for row in of(Order, found)]

    assert bare(rows) == bare(page)
    assert [(row.order.vendor_order_id, row.line, row.quantity) for row in of(OrderLine, rows)] == [
        ("5003", "6031", 1),
        ("5004", "6041", 1),
        ("5002", "6021", 1),
        ("5005", "6051", 1),
        ("5001", "6011", 1),
        ("5001", "6001", 2),
    ]


def test_the_recorded_order(samples: Path, at: Make) -> None:
    """A development store's order with three refunds and an exchange: its current total, not total less refunds."""
    body = from_bulk(samples / "orders_bulk.recorded.jsonl")

    head, *lines = rows_of(streams.ORDERS, body, ("nodes",), at())

    order = ref("18697849798701", "#1007")
    assert head == Order(
        order,
        kind="order",
        person=Person(("id", "30911737757741"), ("email", "test@example.com")),
        ordered_at=ms("2026-06-11T17:33:51Z"),
        status="paid",
        is_test=False,
        cancelled_at=None,
        currency="USD",
        sales_channel="draft",
        accepts_marketing=False,
        total_minor=60421445,
        journey=None,
    )
    assert [(row.line, row.product, row.sku, row.quantity, row.current_quantity) for row in lines] == [
        ("50297223512109", "8086708453421", "123456789", 200, 90),
        ("50297223544877", "8086708191277", None, 200, 90),
        ("50297223577645", "8086708355117", None, 200, 90),
    ]


def recorded_agreements(samples: Path) -> dict[str, Any]:
    order: dict[str, Any] = orjson.loads((samples / "order_agreements.recorded.json").read_bytes())["data"]["order"]
    return {**order, "name": "#1007", "processedAt": order["createdAt"], "agreements": {"nodes": order["agreements"]}}


def test_the_recorded_agreements(samples: Path, at: Make) -> None:
    body = orjson.dumps({"data": {"order": recorded_agreements(samples)}})

    rows = rows_of(streams.ORDER_SALES, body, ("data", "order"), at())

    order = ref("18697849798701", "#1007")
    moments = [ms(f"2026-06-{day}Z") for day in ("11T17:33:51", "11T17:35:45", "11T17:37:41", "15T13:21:43")]

    def entry(number: str, event: str, moment: int, amount: int) -> LedgerEntry:
        return LedgerEntry(order, number, event, "product", moments[moment], amount, "USD")

    assert rows == [
        entry("68934622412845", "sale", 0, 860000),
        entry("68934622445613", "sale", 0, 12000000),
        entry("68934633095213", "refund", 1, -430000),
        entry("68934633127981", "refund", 1, -6000000),
        entry("68934643908653", "refund", 2, -21500),
        entry("68934643941421", "refund", 2, -300000),
        entry("69014500442157", "return", 3, -21500),
        entry("69014500474925", "return", 3, -300000),
    ]


def test_the_recorded_orders_ledger_comes_to_its_current_total(samples: Path, at: Make) -> None:
    """The file keeps 2 of 10 or 11 sales of each agreement. The rest of each is known from the order's own totals:

    the first agreement sold what the order was first worth, each later one took back what its refund names, and the last
    holds the piece that was exchanged. Filled up with that, our ledger must come to the shop's own total.
    """
    record = recorded_agreements(samples)
    refunds = orjson.loads((samples / "order_refunds.recorded.json").read_bytes())["data"]["order"]["refunds"]
    header = orjson.loads((samples / "orders_bulk.recorded.jsonl").read_bytes().splitlines()[0])
    exchanged = "885.95"
    sold = to_cents(header["totalPriceSet"]["shopMoney"]["amount"]) - to_cents(exchanged)
    wanted = [sold, *(-to_cents(each["totalRefundedSet"]["shopMoney"]["amount"]) for each in refunds)]
    for agreement, total in zip(record["agreements"]["nodes"], wanted, strict=True):
        sales = agreement["sales"]["nodes"]
        kept = sum(to_cents(sale["totalAmount"]["shopMoney"]["amount"]) for sale in sales)
        rest = f"{(total - kept) / 100:.2f}"
        money = {"shopMoney": {"amount": rest, "currencyCode": "USD"}}
        sales.append({**sales[0], "id": f"{sales[0]['id']}00", "totalAmount": money})

    rows = rows_of(streams.ORDER_SALES, orjson.dumps({"data": {"order": record}}), ("data", "order"), at())

    assert sum(row.amount_minor for row in rows) == 60421445
    assert to_cents(header["currentTotalPriceSet"]["shopMoney"]["amount"]) == 60421445


def to_cents(amount: str) -> int:
    return round(float(amount) * 100)
