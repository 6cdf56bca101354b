"""Discounts and payments of an order, and everything else of a shop, become exactly these rows."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect.page import Shaper
from persync.connect.stream import Context, Step, Stream
from persync.rows import (
    KEEP,
    Attribute,
    Cart,
    Child,
    Consent,
    Cost,
    Deletion,
    MemberOf,
    Merged,
    Order,
    OrderDiscount,
    OrderLine,
    OrderRef,
    Payment,
    Person,
    Present,
    Product,
    Segment,
    UnitCost,
)
from persync_shopify import streams
from persync_shopify.values import cart_key, checkout_token

FIXTURES = Path(__file__).parents[1] / "fixtures" / "shopify"
REF = OrderRef("71", "lantern-test.myshopify.com", "71", "#2071")
TOKEN = "0123456789abcdef0123456789abcdef"
Make = Callable[..., Context]


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def rows_of(stream: Stream, record: dict[str, Any], context: Context) -> list[Any]:
    step = Step(orjson.dumps({"nodes": [record]}), ("nodes",), None)
    shaped = Shaper(stream).shape(
        step, context, numbers=lambda beginning, texts: [0] * len(texts), hashed=lambda text: "hashed", known=None
    )
    assert shaped.rejects == []
    return shaped.rows


def bag(amount: str, currency: str = "EUR") -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}


def sale(number: int, amount: str, taken: str, line_type: str = "PRODUCT", action: str = "ORDER") -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Sale/{number}",
        "actionType": action,
        "lineType": line_type,
        "totalAmount": bag(amount),
        "totalTaxAmount": bag("0.0"),
        "totalDiscountAmountBeforeTaxes": bag(taken),
    }


def line(number: int, *taken: tuple[int, str]) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/LineItem/{number}",
        "sku": None,
        "quantity": 1,
        "currentQuantity": 1,
        "isGiftCard": False,
        "discountAllocations": [
            {"allocatedAmountSet": bag(amount), "discountApplication": {"index": index}} for index, amount in taken
        ],
    }


def application(index: int, kind: str, target: str = "LINE_ITEM", **more: str) -> dict[str, Any]:
    return {"__typename": f"{kind}Application", "index": index, "targetType": target, **more}


def transaction(number: int, kind: str = "SALE", amount: str = "10.0", **more: Any) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/OrderTransaction/{number}",
        "kind": kind,
        "status": "SUCCESS",
        "gateway": "shopify_payments",
        "processedAt": "2026-09-01T10:00:00Z",
        "createdAt": "2026-09-01T09:59:00Z",
        "amountSet": bag(amount),
        "fees": [],
        **more,
    }


def order(**changes: Any) -> dict[str, Any]:
    record = orjson.loads((FIXTURES / "orders_page.json").read_bytes())["data"]["orders"]["nodes"][0]
    whole = {"hasNextPage": False}
    return {
        **record,
        "agreements": {
            "pageInfo": whole,
            "nodes": [
                {
                    "happenedAt": "2026-09-01T10:00:00Z",
                    "reason": "ORDER",
                    "sales": {
                        "pageInfo": whole,
                        "nodes": [sale(1, "80.0", "16.81"), sale(2, "4.9", "1.0", "SHIPPING"), sale(3, "9.0", "0.02")],
                    },
                }
            ],
        },
        "lineItems": {"pageInfo": whole, "nodes": [line(1, (0, "10.0"), (1, "10.0")), line(2, (1, "0.02"))]},
        "discountCodes": ["SAVE10", "SHIPFREE", "GONE"],
        "discountApplications": {
            "pageInfo": whole,
            "nodes": [
                application(0, "DiscountCode", code="SAVE10"),
                application(1, "AutomaticDiscount"),
                application(2, "DiscountCode", "SHIPPING_LINE", code="SHIPFREE"),
            ],
        },
        "transactions": [],
        "checkoutToken": TOKEN,
        **changes,
    }


def of(kind: type, rows: list[Any]) -> list[Any]:
    return [row for row in rows if isinstance(row, kind)]


def test_every_discount_of_an_order_is_kept_with_its_share_before_tax(at: Make) -> None:
    """All codes, not the first; the ledger's sum before tax, shared out by the lines, to the last cent."""
    rows = rows_of(streams.ORDERS, order(), at())

    assert of(OrderDiscount, rows) == [
        OrderDiscount(REF, "SAVE10", "code", "SAVE10", 841, "EUR"),
        OrderDiscount(REF, "1", "automatic", None, 842, "EUR"),
        OrderDiscount(REF, "SHIPFREE", "code", "SHIPFREE", 100, "EUR"),
        OrderDiscount(REF, "GONE", "code", "GONE", None, "EUR"),
    ]


def test_a_manual_discount_keeps_no_words_and_a_code_no_address(at: Make) -> None:
    """Staff write names into the one, and some tools put the reader's address into the other."""
    applications = {
        "pageInfo": {"hasNextPage": False},
        "nodes": [application(0, "ManualDiscount"), application(1, "DiscountCode", code="FOR-ann@example.com")],
    }

    rows = rows_of(streams.ORDERS, order(discountCodes=["FOR-ann@example.com"], discountApplications=applications), at())

    assert [row[1:4] for row in of(OrderDiscount, rows)] == [("0", "manual", None), ("1", "code", None)]


def test_discounts_of_an_order_that_did_not_fit_become_a_child(at: Make) -> None:
    cut = {"pageInfo": {"hasNextPage": True}, "nodes": [line(1, (0, "10.0"))]}

    rows = rows_of(streams.ORDERS, order(lineItems=cut), at(params={}))

    assert of(OrderDiscount, rows) == []
    assert [row.stream for row in of(Child, rows)] == ["order_lines", "order_discounts"]


def test_an_order_of_more_lines_than_one_query_holds_keeps_its_discounts_without_amounts(at: Make) -> None:
    record = order()
    record["lineItems"]["pageInfo"] = {"hasNextPage": True}

    rows = rows_of(streams.ORDER_DISCOUNTS, record, at())

    amounts = [(row.discount, row.amount_minor) for row in of(OrderDiscount, rows)]
    assert amounts == [("SAVE10", None), ("1", None), ("SHIPFREE", None), ("GONE", None)]


def test_payments_tell_gateway_fee_and_gift_card(at: Make) -> None:
    """A fee is told by Shopify Payments alone; a gift card is a payment, and never joined to the lines."""
    fees = [{"amount": {"amount": "0.59", "currencyCode": "EUR"}}, {"amount": {"amount": "0.1", "currencyCode": "EUR"}}]
    foreign = [{"amount": {"amount": "0.59", "currencyCode": "USD"}}]
    paid = [
        transaction(1, fees=fees),
        transaction(2, gateway="gift_card", amount="5.0"),
        transaction(3, "REFUND", amount="2.5", processedAt=None),
    ]
    more = [
        transaction(4, fees=foreign, status="FAILURE"),
        transaction(5, "SUGGESTED_REFUND"),
        transaction(6, "EMV_AUTHORIZATION", gateway=None),
    ]

    rows = [row for part in (paid, more) for row in of(Payment, rows_of(streams.ORDERS, order(transactions=part), at()))]

    when, made = ms("2026-09-01T10:00:00Z"), ms("2026-09-01T09:59:00Z")
    assert rows == [
        Payment(REF, "1", "sale", "success", "shopify_payments", when, 1000, "EUR", 69),
        Payment(REF, "2", "sale", "success", "gift_card", when, 500, "EUR", None),
        Payment(REF, "3", "refund", "success", "shopify_payments", made, 250, "EUR", None),
        Payment(REF, "4", "sale", "failure", "shopify_payments", when, 1000, "EUR", None),
        Payment(REF, "6", "authorization", "success", None, when, 1000, "EUR", None),
    ]


def test_an_order_with_many_payments_has_them_topped_up(at: Make) -> None:
    """As many as were asked for may mean that there are more: a plain list does not say."""
    many = [transaction(number) for number in range(4)]

    rows = rows_of(streams.ORDERS, order(transactions=many), at(params={}))
    topped = rows_of(streams.ORDER_PAYMENTS, order(transactions=[*many, transaction(9)]), at())

    assert [row.stream for row in of(Child, rows)] == ["order_payments"]
    assert [row.payment for row in topped] == ["0", "1", "2", "3", "9"]


def test_fields_left_out_for_want_of_a_scope_or_version_leave_what_is_known(at: Make) -> None:
    """Not asked for is not the same as not there."""
    record = order()
    for name in ("checkoutToken", "customer"):
        del record[name]
    record["email"] = None

    rows = rows_of(streams.ORDERS, record, at())

    (head,) = of(Order, rows)
    assert (head.cart, head.person) == (KEEP, KEEP)
    (first, _) = of(OrderLine, rows)
    assert (first.product, first.price_minor, first.unit_cost_minor) == (KEEP, KEEP, KEEP)


def test_an_order_names_the_checkout_it_came_from(at: Make) -> None:
    """The token opens the buyer's own page, so that only a name made of it is kept."""
    (head,) = of(Order, rows_of(streams.ORDERS, order(), at()))
    (none,) = of(Order, rows_of(streams.ORDERS, order(checkoutToken=None), at()))

    assert (head.cart, none.cart) == (cart_key(TOKEN), None)
    assert TOKEN not in repr(head)


@pytest.mark.parametrize(
    ("url", "token"),
    [
        (f"https://shop.example/70700700/checkouts/{TOKEN}/recover?key=1", TOKEN),
        (f"https://shop.example/70700700/checkouts/ac/{TOKEN}/recover?key=1", TOKEN),
        ("https://shop.example/cart", ""),
        ("https://shop.example/checkouts/recover", ""),
        ("https://[shop.example", ""),
    ],
)
def test_the_token_of_a_checkout_stands_in_its_recovery_url(url: str, token: str) -> None:
    assert checkout_token(url) == token


def checkout(**changes: Any) -> dict[str, Any]:
    return {
        "id": "gid://shopify/AbandonedCheckout/31",
        "createdAt": "2026-09-01T10:00:00Z",
        "updatedAt": "2026-09-02T10:00:00Z",
        "completedAt": None,
        "abandonedCheckoutUrl": f"https://shop.example/1/checkouts/{TOKEN}/recover?key=k",
        "totalPriceSet": bag("25.5"),
        "customer": {"id": "gid://shopify/Customer/31"},
        **changes,
    }


def test_a_checkout_that_was_left_becomes_a_cart_and_has_its_mail_asked_for(at: Make) -> None:
    left = rows_of(streams.CHECKOUTS, checkout(), at())
    done = rows_of(streams.CHECKOUTS, checkout(completedAt="2026-09-03T00:00:00Z", customer=None), at())
    (hidden, _) = rows_of(streams.CHECKOUTS, checkout(customer=None), at(params={"redacted": ("customer",)}))
    old = rows_of(streams.CHECKOUTS, checkout(createdAt="2026-01-01T00:00:00Z"), at())

    cart = Cart(
        cart_key(TOKEN),
        person=Person(("id", "31")),
        created_at=ms("2026-09-01T10:00:00Z"),
        updated_at=ms("2026-09-02T10:00:00Z"),
        completed_at=None,
        status="open",
        currency="EUR",
        total_minor=2550,
        shop="lantern-test.myshopify.com",
    )
    mail = Child("checkout_mails", cart_key(TOKEN), {"id": "gid://shopify/AbandonedCheckout/31"}, "2026-09-02T10:00:00+00:00")
    assert left == [cart, mail]
    assert done[0] == cart._replace(person=None, completed_at=ms("2026-09-03T00:00:00Z"), status="recovered")
    assert hidden.person is KEEP
    assert of(Child, old) == []


def test_a_recovery_mail_tells_whether_and_when_it_was_sent(at: Make) -> None:
    sent = rows_of(streams.CHECKOUT_MAILS, {"emailState": "SENT", "emailSentAt": "2026-09-01T20:00:00Z"}, at())
    none = rows_of(streams.CHECKOUT_MAILS, {"emailState": None, "emailSentAt": None}, at())

    assert sent == [Cart("", recovery="sent", recovery_sent_at=ms("2026-09-01T20:00:00Z"))]
    assert none == [Cart("", recovery=None, recovery_sent_at=None)]


def test_a_product_keeps_its_title_and_a_cost_its_day(at: Make) -> None:
    product = {
        "id": "gid://shopify/Product/61",
        "title": "Lantern",
        "productType": "",
        "status": "ACTIVE",
        "createdAt": "2026-01-01T00:00:00Z",
    }
    item: dict[str, Any] = {
        "id": "gid://shopify/InventoryItem/62",
        "sku": "LAN-01",
        "unitCost": {"amount": "19.5", "currencyCode": "USD"},
        "variants": {"nodes": [{"id": "gid://shopify/ProductVariant/63", "product": {"id": "gid://shopify/Product/61"}}]},
    }

    assert rows_of(streams.PRODUCTS, product, at()) == [
        Product("61", title="Lantern", kind=None, status="active", created_at=ms("2026-01-01T00:00:00Z"))
    ]
    assert rows_of(streams.UNIT_COSTS, item, at()) == [UnitCost("62", "61", "LAN-01", 1950, "USD")]
    assert rows_of(streams.UNIT_COSTS, item | {"unitCost": None}, at()) == [UnitCost("62", "61", "LAN-01", None, None)]
    assert rows_of(streams.UNIT_COSTS, item | {"unitCost": None}, at(params={"redacted": ("unitCost",)})) == []


def test_segments_are_named_and_only_those_in_the_settings_have_their_members_read(at: Make) -> None:
    """A rule that names a person is not kept."""
    loyal = {"id": "gid://shopify/Segment/401", "name": "Loyal", "query": "number_of_orders > 1"}
    one = {"id": "gid://shopify/Segment/402", "name": "One", "query": "customer_email = 'ann@example.com'"}
    context = at(settings={"segments": ["loyal"]})

    rows = rows_of(streams.SEGMENTS, loyal, context) + rows_of(streams.SEGMENTS, one, context)

    assert rows == [
        Segment("segment", "401", "401", "Loyal", "number_of_orders > 1"),
        Child("segment_members", "401", {"id": "gid://shopify/Segment/401"}, None),
        Segment("segment", "402", "402", "One", None),
    ]
    member = rows_of(streams.SEGMENT_MEMBERS, {"node": {"id": "gid://shopify/CustomerSegmentMember/31"}}, at())
    assert member == [MemberOf(Person(("id", "31")), "segment", "", ("",)), Present("31")]


def test_what_an_activity_cost_is_a_dated_cost(at: Make) -> None:
    activity = {
        "id": "gid://shopify/MarketingActivity/601",
        "createdAt": "2026-01-01T00:00:00Z",
        "tactic": "AD",
        "status": "ACTIVE",
        "isExternal": True,
        "adSpend": {"amount": "840.0", "currencyCode": "EUR"},
        "utmParameters": {"source": "ads", "medium": "cpc", "campaign": "brand"},
        "marketingEvent": {"startedAt": "2026-02-01T00:00:00Z"},
    }

    assert rows_of(streams.MARKETING, activity, at()) == [
        Cost("marketing activity 601", ms("2026-02-01T00:00:00Z"), "advertising", 84000, "EUR", "brand")
    ]
    assert rows_of(streams.MARKETING, activity | {"adSpend": None}, at()) == []


@pytest.mark.parametrize(
    ("subject", "kind", "thing"),
    [("ORDER", "Order", "order"), ("CUSTOMER", "Customer", "contact"), ("PRODUCT", "Product", "product"), ("PAGE", "Page", "")],
)
def test_a_deletion_is_dated_by_shopifys_own_event(at: Make, subject: str, kind: str, thing: str) -> None:
    event = {
        "id": "gid://shopify/BasicEvent/1",
        "action": "destroy",
        "createdAt": "2026-09-01T10:00:00Z",
        "subjectId": f"gid://shopify/{kind}/71",
        "subjectType": subject,
    }

    rows = rows_of(streams.DELETIONS, event, at())

    assert rows == ([Deletion(thing, "71", ms("2026-09-01T10:00:00Z"))] if thing else [])
    assert rows_of(streams.DELETIONS, event | {"action": "create"}, at()) == []


def test_a_listing_says_what_is_still_there_and_whose_it_is_now(at: Make) -> None:
    listed = {"id": "gid://shopify/Order/71", "name": "#2071", "email": "ann@example.com"}
    owned = listed | {"customer": {"id": "gid://shopify/Customer/31"}}

    assert rows_of(streams.CUSTOMER_LISTING, {"id": "gid://shopify/Customer/31"}, at()) == [Present("31")]
    assert rows_of(streams.ORDER_LISTING, listed, at()) == [Present("71")]
    buyer: Any = Person(("id", "31"), ("email", "ann@example.com"))
    assert rows_of(streams.ORDER_LISTING, owned, at()) == [Present("71"), Order(REF, person=buyer)]


def customer(**changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = orjson.loads((FIXTURES / "customers_page.json").read_bytes())["data"]["customers"]["nodes"][0]
    return {**record, **changes}


def test_consent_is_kept_for_each_channel_whatever_the_version_calls_it(at: Make) -> None:
    """Before 2026-10 the consent to SMS lies flat; WhatsApp has one of its own since 2026-07."""
    state = {"state": "SUBSCRIBED", "optInLevel": "SINGLE_OPT_IN", "updatedAt": "2026-05-01T00:00:00Z"}
    flat = {
        "marketingState": "SUBSCRIBED",
        "marketingOptInLevel": "SINGLE_OPT_IN",
        "marketingUpdatedAt": "2026-05-01T00:00:00Z",
    }

    new = rows_of(streams.CUSTOMERS, customer(defaultPhoneNumber={"smsMarketingConsent": state}), at())
    old = rows_of(streams.CUSTOMERS, customer(defaultPhoneNumber=flat), at())
    both = rows_of(streams.CUSTOMERS, customer(defaultPhoneNumber={**flat, "whatsAppMarketingConsent": state}), at())

    assert of(Consent, new) == of(Consent, old)
    assert [(row.channel, row.state, row.level) for row in of(Consent, both)] == [
        ("email", "subscribed", "confirmed_opt_in"),
        ("sms", "subscribed", "single_opt_in"),
        ("whatsapp", "subscribed", "single_opt_in"),
    ]


@pytest.mark.parametrize(("status", "joined"), [("COMPLETED", True), ("IN_PROGRESS", False), ("FAILED", False)])
def test_a_completed_merge_names_the_survivor(at: Make, status: str, joined: bool) -> None:
    """One under way may still fail, and two people joined wrongly are worse than two not joined."""
    request = {"resultingCustomerId": "gid://shopify/Customer/99", "status": status}
    record = customer(mergeable={"mergeInProgress": request})

    rows = rows_of(streams.CUSTOMERS, record, at())

    gone: Any = Person(("id", "31"), ("email", "ines@example.com"))
    assert of(Merged, rows) == ([Merged(Person(("id", "99")), gone)] if joined else [])
    own = {"resultingCustomerId": "gid://shopify/Customer/31", "status": "COMPLETED"}
    assert of(Merged, rows_of(streams.CUSTOMERS, customer(mergeable={"mergeInProgress": own}), at())) == []


def test_shopifys_own_tiers_are_kept_only_when_asked_for(at: Make) -> None:
    record = customer(statistics={"predictedSpendTier": "HIGH", "rfmGroup": None})

    none = rows_of(streams.CUSTOMERS, record, at())
    asked = rows_of(streams.CUSTOMERS, record, at(settings={"attributes": {"spend_tier": "a", "rfm_group": "b"}}))

    assert of(Attribute, none) == []
    assert [row[1:] for row in of(Attribute, asked)] == [("spend_tier", "high", "a"), ("rfm_group", None, "b")]


@pytest.mark.parametrize("state", ["INVALID", "REDACTED", "SOMETHING_NEW"])
def test_a_consent_state_that_grants_nothing_is_unknown(at: Make, state: str) -> None:
    """A redacted customer, an address that does not exist, a state of a later version: none of them is a yes or a no."""
    email = {"marketingState": state, "marketingOptInLevel": "UNKNOWN", "marketingUpdatedAt": None}

    (consent,) = of(Consent, rows_of(streams.CUSTOMERS, customer(defaultEmailAddress=email, defaultPhoneNumber=None), at()))

    assert consent[1:] == ("email", "unknown", None, None, None)
