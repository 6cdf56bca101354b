"""Records become exactly these rows, and nothing else of a person gets out."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect.page import Shaped, Shaper
from persync.connect.stream import Context, Step, Stream
from persync.rows import (
    KEEP,
    Account,
    Action,
    Attribute,
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

FIXTURES = Path(__file__).parents[1] / "fixtures" / "shopify"
SHOP = "lantern-test.myshopify.com"
REF = OrderRef("71", SHOP, "71", "#2071")
INES: Any = Person(("id", "31"), ("email", "ines@example.com"))
BUYER: Any = Person(("id", "31"), ("email", "Ines@Example.com"))

Make = Callable[..., Context]


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def fixture(name: str, at: str) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = orjson.loads((FIXTURES / name).read_bytes())["data"][at]["nodes"]
    return nodes


def shape(stream: Stream, records: list[dict[str, Any]], context: Context) -> Shaped:
    """Shape records the way a pull does: validated from bytes, then through the row function."""
    step = Step(orjson.dumps({"nodes": records}), ("nodes",), None)
    return Shaper(stream).shape(
        step, context, numbers=lambda beginning, texts: [0] * len(texts), hashed=lambda text: "hashed", known=None
    )


def rows_of(stream: Stream, records: list[dict[str, Any]], context: Context) -> list[Any]:
    shaped = shape(stream, records, context)
    assert shaped.rejects == []
    return shaped.rows


def order(**changes: Any) -> dict[str, Any]:
    return {**fixture("orders_page.json", "orders")[0], **changes}


def test_an_order_becomes_head_ledger_lines_and_visits(at: Make) -> None:
    """A page of one order gives exactly these rows; the ledger that did not fit is asked for as a child."""
    rows = rows_of(streams.ORDERS, [order()], at())

    ordered, returned = ms("2026-09-01T10:00:00Z"), ms("2026-09-20T09:59:00Z")
    assert rows == [
        Order(
            REF,
            kind="order",
            person=BUYER,
            ordered_at=ordered,
            status="paid",
            is_test=False,
            cancelled_at=None,
            currency="EUR",
            sales_channel="web",
            accepts_marketing=True,
            total_minor=6490,
            journey="observed",
        ),
        LedgerEntry(REF, "901", "sale", "product", ordered, 10000, "EUR"),
        LedgerEntry(REF, "901", "sale", "tax", ordered, 1900, "EUR"),
        LedgerEntry(REF, "902", "sale", "shipping", ordered, 490, "EUR"),
        LedgerEntry(REF, "903", "return", "product", returned, -4958, "EUR"),
        LedgerEntry(REF, "903", "return", "tax", returned, -942, "EUR"),
        Child("order_sales", "71", {"id": "gid://shopify/Order/71"}, "2026-09-20T10:00:00+00:00"),
        OrderLine(REF, "801", "61", "LAN-01", 2, 1, False, 5042, 1950),
        OrderLine(REF, "802", None, None, 1, 1, True, 0, None),
        Touchpoint(
            CampaignRef(("mc_cid", "0a1b2c3d4e")),
            BUYER,
            Action.VISIT,
            ms("2026-08-30T07:00:00Z"),
            link="https://shop.example.com/",
            channel="email",
            source="email",
        ),
        Touchpoint(
            None,
            BUYER,
            Action.VISIT,
            ms("2026-09-01T09:30:00Z"),
            link="https://shop.example.com/products/lantern",
            channel="direct",
            source="direct",
        ),
    ]


def test_the_ledger_adds_up_to_the_shops_own_total(at: Make) -> None:
    rows = rows_of(streams.ORDERS, [order()], at())

    (head,) = [row for row in rows if isinstance(row, Order)]
    assert sum(row.amount_minor for row in rows if isinstance(row, LedgerEntry)) == head.total_minor == 6490


def test_customers_become_contacts_and_the_consent_they_gave(at: Make) -> None:
    rows = rows_of(streams.CUSTOMERS, fixture("customers_page.json", "customers"), at())

    assert rows == [
        Contact(INES, created_at=ms("2025-03-01T08:00:00Z"), status="enabled", orders=3),
        Consent(INES, "email", "subscribed", "confirmed_opt_in", None, ms("2025-03-01T08:00:05Z")),
        Consent(INES, "sms", "not_subscribed", None, None, None),
        Contact(Person(("id", "32")), created_at=ms("2025-04-01T08:00:00Z"), status="disabled", orders=0),
    ]


def test_attributes_are_kept_only_when_asked_for_and_coarsened(at: Make) -> None:
    wanted = {"country": "delivery area", "language": "which translation was read"}

    rows = rows_of(streams.CUSTOMERS, fixture("customers_page.json", "customers"), at(settings={"attributes": wanted}))

    assert [row for row in rows if isinstance(row, Attribute)] == [
        Attribute(INES, "country", "CH", "delivery area"),
        Attribute(INES, "language", "fr", "which translation was read"),
        Attribute(Person(("id", "32")), "country", None, "delivery area"),
        Attribute(Person(("id", "32")), "language", "de", "which translation was read"),
    ]


def test_a_withheld_address_leaves_the_consent_and_what_is_known(at: Make) -> None:
    """Shopify nulls a protected field: the customer still has an address, we just may not see it."""
    customer = fixture("customers_page.json", "customers")[0] | {"address": None}
    guest = order(email=None, customer=None)
    context = at(params={"redacted": ("address", "email", "emailAddress")})

    contact, consent, _sms = rows_of(streams.CUSTOMERS, [customer], context)
    head = rows_of(streams.ORDERS, [guest], context)[0]

    assert contact.person == Person(("id", "31"))
    assert consent.state == "subscribed"
    assert head.person is KEEP


def test_an_order_of_nobody_has_no_person_and_no_visits(at: Make) -> None:
    rows = rows_of(streams.ORDERS, [order(email=None, customer=None)], at())

    assert rows[0].person is None
    assert not [row for row in rows if isinstance(row, Touchpoint)]


def test_costs_that_may_not_be_seen_are_left_as_they_are(at: Make) -> None:
    record = order()
    record["lineItems"]["nodes"][0]["variant"] = {"inventoryItem": {"unitCost": None}}

    seen = rows_of(streams.ORDERS, [record], at())
    hidden = rows_of(streams.ORDERS, [record], at(params={"redacted": ("lineItems", "unitCost")}))

    assert [row.unit_cost_minor for row in seen if isinstance(row, OrderLine)] == [None, None]
    assert [row.unit_cost_minor for row in hidden if isinstance(row, OrderLine)] == [KEEP, KEEP]


def test_a_cost_in_another_currency_is_no_cost(at: Make) -> None:
    record = order()
    record["lineItems"]["nodes"][0]["variant"] = {"inventoryItem": {"unitCost": {"amount": "19.5", "currencyCode": "USD"}}}

    rows = rows_of(streams.ORDERS, [record], at())

    assert [row.unit_cost_minor for row in rows if isinstance(row, OrderLine)] == [None, None]


@pytest.mark.parametrize(
    ("financial", "cancelled", "status"),
    [
        ("PAID", None, "paid"),
        ("PARTIALLY_REFUNDED", None, "paid"),
        ("PARTIALLY_PAID", None, "pending"),
        ("PENDING", None, "pending"),
        ("AUTHORIZED", None, "authorized"),
        ("REFUNDED", None, "refunded"),
        ("VOIDED", None, "voided"),
        ("EXPIRED", None, "expired"),
        (None, None, "pending"),
        ("PAID", "2026-09-02T00:00:00Z", "cancelled"),
        ("REFUNDED", "2026-09-02T00:00:00Z", "refunded"),
        ("VOIDED", "2026-09-02T00:00:00Z", "voided"),
    ],
)
def test_status_says_whether_money_counts(at: Make, financial: str | None, cancelled: str | None, status: str) -> None:
    rows = rows_of(streams.ORDERS, [order(displayFinancialStatus=financial, cancelledAt=cancelled)], at())

    assert (rows[0].status, rows[0].cancelled_at) == (status, None if cancelled is None else ms(cancelled))


@pytest.mark.parametrize(
    ("reason", "action", "event"),
    [
        ("ORDER", "ORDER", "sale"),
        ("ORDER", "UPDATE", "edit"),
        ("ORDER", "RETURN", "refund"),
        ("ORDER_EDIT", "ORDER", "edit"),
        ("ORDER_EDIT", "UPDATE", "edit"),
        ("ORDER_EDIT", "RETURN", "edit"),
        ("REFUND", "RETURN", "refund"),
        ("REFUND", "UPDATE", "refund"),
        ("REFUND", "ORDER", "edit"),
        ("RETURN", "RETURN", "return"),
        ("RETURN", "ORDER", "edit"),
        ("UNKNOWN", "UNKNOWN", "sale"),
    ],
)
def test_a_sale_is_named_by_what_it_does_to_the_order(at: Make, reason: str, action: str, event: str) -> None:
    record = order()
    agreement = record["agreements"]["nodes"][1]
    agreement["reason"] = reason
    agreement["sales"]["nodes"][0]["actionType"] = action

    rows = rows_of(streams.ORDERS, [record], at())

    assert {row.event for row in rows if isinstance(row, LedgerEntry) and row.entry == "903"} == {event}


@pytest.mark.parametrize(
    ("line_type", "part"),
    [
        ("PRODUCT", "product"),
        ("GIFT_CARD", "gift_card"),
        ("SHIPPING", "shipping"),
        ("TIP", "tip"),
        ("DUTY", "duty"),
        ("FEE", "fee"),
        ("ADDITIONAL_FEE", "fee"),
        ("ADJUSTMENT", "adjustment"),
        ("UNKNOWN", "adjustment"),
        ("SOMETHING_NEW", "adjustment"),
    ],
)
def test_every_kind_of_line_is_part_of_the_ledger(at: Make, line_type: str, part: str) -> None:
    record = order()
    record["agreements"]["nodes"][0]["sales"]["nodes"][1]["lineType"] = line_type

    rows = rows_of(streams.ORDERS, [record], at())

    assert [row.part for row in rows if isinstance(row, LedgerEntry) and row.entry == "902"] == [part]


@pytest.mark.parametrize(
    ("source", "channel", "journey"),
    [
        ("web", "web", "unobserved"),
        ("pos", "pos", None),
        ("shopify_draft_order", "draft", None),
        ("3890849", "3890849", "unobserved"),
    ],
)
def test_an_order_without_visits_is_unobserved_unless_it_had_no_web(
    at: Make, source: str, channel: str, journey: str | None
) -> None:
    nothing = {
        "ready": True,
        "firstVisit": None,
        "lastVisit": None,
        "moments": {"nodes": [], "pageInfo": {"hasNextPage": False}},
    }

    rows = rows_of(streams.ORDERS, [order(sourceName=source, customerJourneySummary=nothing)], at())

    assert (rows[0].sales_channel, rows[0].journey) == (channel, journey)


def test_a_journey_that_is_not_ready_is_asked_for_again_for_a_week(at: Make) -> None:
    waiting = {"ready": False, "firstVisit": None, "lastVisit": None, "moments": None}
    fresh = order(processedAt="2026-09-28T00:00:00Z", customerJourneySummary=waiting)
    stale = order(processedAt="2026-09-01T00:00:00Z", customerJourneySummary=waiting)

    rows = [rows_of(streams.ORDERS, [each], at()) for each in (fresh, stale)]

    assert [each[0].journey for each in rows] == ["not_ready", "not_ready"]
    assert [[r for r in each if isinstance(r, Child) and r.stream == "order_moments"] for each in rows] == [
        [Child("order_moments", "71", {"id": "gid://shopify/Order/71"}, None)],
        [],
    ]


def test_lines_and_moments_that_did_not_fit_become_children(at: Make) -> None:
    record = order()
    record["agreements"]["pageInfo"]["hasNextPage"] = False
    record["lineItems"]["pageInfo"]["hasNextPage"] = True
    record["customerJourneySummary"]["moments"]["pageInfo"]["hasNextPage"] = True

    rows = rows_of(streams.ORDERS, [record], at())

    more, version = {"id": "gid://shopify/Order/71"}, "2026-09-20T10:00:00+00:00"
    assert [row for row in rows if isinstance(row, Child)] == [
        Child("order_lines", "71", more, version),
        Child("order_moments", "71", more, version),
    ]


def test_sales_inside_an_agreement_that_did_not_fit_become_a_child(at: Make) -> None:
    record = order()
    record["agreements"]["pageInfo"]["hasNextPage"] = False
    record["agreements"]["nodes"][0]["sales"]["pageInfo"]["hasNextPage"] = True

    rows = rows_of(streams.ORDERS, [record], at())

    assert [row.stream for row in rows if isinstance(row, Child)] == ["order_sales"]


SHOP_RECORD = {
    "shop": {
        "id": "gid://shopify/Shop/5",
        "myshopifyDomain": "Lantern-Test.myshopify.com",
        "currencyCode": "EUR",
        "ianaTimezone": "Europe/Berlin",
    }
}


@pytest.mark.parametrize(
    ("scopes", "known", "covers_from"),
    [
        (["read_orders", "read_all_orders"], None, None),
        (["read_orders"], None, ms("2026-08-02T00:00:00Z")),
        (["read_orders"], ms("2026-05-01T00:00:00Z"), ms("2026-05-01T00:00:00Z")),
        (["read_orders", "read_all_orders"], ms("2026-05-01T00:00:00Z"), None),
    ],
)
def test_the_account_says_since_when_its_orders_can_be_seen(
    at: Make, scopes: list[str], known: int | None, covers_from: int | None
) -> None:
    """Sixty days before the first pull, unless the token may read all; later pulls do not move it."""
    record = {**SHOP_RECORD, "currentAppInstallation": {"accessScopes": [{"handle": scope} for scope in scopes]}}

    rows = rows_of(streams.SHOP, [record], at(covers_from=known))

    roots = [stream.name for stream in streams.STREAMS if stream.parent is None and stream.name != "shop"]
    handed = {"scopes": " ".join(sorted(scopes))}
    assert rows == [
        Account("5", "EUR", "Europe/Berlin", SHOP, covers_from),
        *(Child(name, "", handed, None) for name in roots),
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"processedAt": "yesterday"}, "processedAt"),
        (
            {"currentTotalPriceSet": {"shopMoney": {"amount": "a lot", "currencyCode": "EUR"}}},
            "currentTotalPriceSet.shopMoney.amount",
        ),
        ({"test": None}, "test"),
        ({"id": "gid://shopify/Order/"}, "id"),
    ],
)
def test_an_order_that_does_not_fit_is_set_aside_and_the_page_goes_on(at: Make, changes: dict[str, Any], field: str) -> None:
    good = order(id="gid://shopify/Order/72")

    shaped = shape(streams.ORDERS, [order(**changes), good], at())

    assert [reject.field for reject in shaped.rejects] == [field]
    assert {row.order.vendor_order_id for row in shaped.rows if isinstance(row, Order)} == {"72"}


def test_a_rejected_customer_is_named_by_a_hash_and_shown_without_words(at: Make) -> None:
    customer = fixture("customers_page.json", "customers")[0] | {"numberOfOrders": "many"}

    (reject,) = shape(streams.CUSTOMERS, [customer], at()).rejects

    assert (reject.record, reject.field) == ("hashed", "numberOfOrders")
    assert "example.com" not in reject.shape


def test_nothing_that_names_a_person_leaves_but_through_a_person(at: Make) -> None:
    """The mail's own mark of its reader and the query string stay outside; the address stands in Person alone."""
    rows = rows_of(streams.ORDERS, [order()], at()) + rows_of(
        streams.CUSTOMERS, fixture("customers_page.json", "customers"), at()
    )

    bare = [row._replace(person=None) if hasattr(row, "person") else row for row in rows]
    assert not [row for row in bare if "feedbeef01" in repr(row) or "example.com'" in repr(row).lower() or "@" in repr(row)]
