"""Deals whose stage and flags disagree, carts, line items and products: from records to rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect.page import Shaped
from persync.connect.pull import PullOptions, pull
from persync.rows import KEEP, Cart, Deletion, LedgerEntry, Order, OrderLine, OrderRef, Person, Product, UnitCost
from persync_hubspot import streams_crm
from persync_hubspot.properties import millis
from support import table

Shape = Callable[..., Shaped]
MADE = "2026-01-01T00:00:00Z"
PIPELINES = {"pipeline:p1": {"s_won": "won", "s_open": "open", "s_lost": "lost"}}


def page(*records: dict[str, Any]) -> bytes:
    return orjson.dumps({"results": [{"id": str(n), "createdAt": MADE, **one} for n, one in enumerate(records, 1)]})


def linked(**kinds: list[str]) -> dict[str, Any]:
    return {"associations": {kind: {"results": [{"id": one} for one in ids]} for kind, ids in kinds.items()}}


@pytest.mark.parametrize(
    ("won", "closed", "stage"),
    [("true", "true", "s_lost"), ("true", "true", "s_open"), ("false", "true", "s_won"), ("false", "false", "s_won")],
)
def test_a_deal_that_is_won_in_one_place_only_is_rejected_not_guessed_at(
    shaped: Shape, won: str, closed: str, stage: str
) -> None:
    values = {"amount": "10", "hs_is_closed_won": won, "hs_is_closed": closed, "dealstage": stage, "pipeline": "p1"}
    found = shaped(streams_crm.DEALS_STREAM, page({"properties": values}), fields=PIPELINES)

    assert found.rows == []
    assert [(one.field, one.reason.split(",")[0]) for one in found.rejects] == [
        ("properties.hs_is_closed_won", f"HubSpot says {'won' if won == 'true' else 'not won'}")
    ]


@pytest.mark.parametrize(
    ("flags", "stage", "status"),
    [
        ({"hs_is_closed_won": "true", "hs_is_closed": "true"}, "s_won", "won"),
        ({"hs_is_closed_won": "false", "hs_is_closed": "true"}, "s_open", "lost"),
        ({"hs_is_closed_won": "false"}, "s_lost", "lost"),
        ({"hs_is_closed_won": "false"}, "gone", "open"),
        ({"hs_is_closed": "true"}, "s_won", "won"),
        ({}, "s_lost", "lost"),
    ],
)
def test_where_a_flag_is_missing_the_mark_of_the_stage_decides(
    shaped: Shape, flags: dict[str, str], stage: str, status: str
) -> None:
    found = shaped(
        streams_crm.DEALS_STREAM, page({"properties": {**flags, "dealstage": stage, "pipeline": "p1"}}), fields=PIPELINES
    )

    assert [row.status for row in found.rows if isinstance(row, Order)] == [status]


@pytest.mark.parametrize(
    ("values", "money"),
    [
        ({"amount": "10", "amount_in_home_currency": "8.5", "deal_currency_code": "USD"}, ("USD", 1000)),
        ({"amount": "", "amount_in_home_currency": "8.5", "deal_currency_code": "USD"}, ("EUR", 850)),
        ({"amount": "10", "amount_in_home_currency": "10"}, ("EUR", 1000)),
        ({"amount": "1200", "deal_currency_code": "JPY"}, ("JPY", 1200)),
        ({"amount": None, "amount_in_home_currency": "", "deal_currency_code": "USD"}, ("USD", None)),
    ],
)
def test_a_deals_amount_is_in_its_own_currency_or_else_in_the_accounts(
    shaped: Shape, values: dict[str, str | None], money: tuple[str, int | None]
) -> None:
    found = shaped(streams_crm.DEALS_STREAM, page({"properties": values}))

    assert [(row.currency, row.total_minor) for row in found.rows if isinstance(row, Order)] == [money]


def test_a_cart_is_whose_it_is_where_it_stands_and_what_it_comes_to(shaped: Shape) -> None:
    """A cart of nobody is nobody's; one of which nothing was said keeps whom it had; an empty total is none."""
    full = {
        "hs_external_status": "Pending",
        "hs_source_store": "Shop-A",
        "hs_total_price": "19.90",
        "hs_currency_code": "USD",
        "hs_external_created_date": "2026-03-01T10:00:00.250Z",
        "hs_lastmodifieddate": "2026-03-01T11:00:00Z",
    }
    found = shaped(
        streams_crm.CARTS_STREAM,
        page(
            {"properties": full, **linked(contacts=["9", "31", "9"])},
            {"properties": {}, **linked(contacts=[])},
            {"properties": {}},
        ),
    )

    made = millis(MADE, "")
    empty = {"created_at": made, "updated_at": None, "status": None, "currency": "EUR", "total_minor": None, "shop": None}
    assert found.rejects == []
    assert found.rows == [
        Cart(
            "1",
            person=Person(("id", "9")),
            created_at=millis("2026-03-01T10:00:00.250Z", ""),
            updated_at=millis("2026-03-01T11:00:00Z", ""),
            status="pending",
            currency="USD",
            total_minor=1990,
            shop="shop-a",
        ),
        Cart("2", person=None, **empty),
        Cart("3", person=KEEP, **empty),
    ]


def test_a_line_belongs_to_its_order_or_deal_and_a_quotes_line_to_nothing(shaped: Shape) -> None:
    values = {
        "quantity": "3",
        "price": "10",
        "amount": "27.5",
        "hs_product_id": "900",
        "hs_sku": "LAN-01",
        "hs_cost_of_goods_sold": "4.2",
        "hs_line_item_currency_code": "USD",
    }
    hours = {"quantity": "1.5", "amount": "150", "hs_product_id": "", "hs_sku": None, "hs_cost_of_goods_sold": ""}
    found = shaped(
        streams_crm.LINE_ITEMS_STREAM,
        page(
            {"properties": values, **linked(orders=["9001"])},
            {"properties": hours, **linked(deals=["501"], orders=[])},
            {"properties": values},
        ),
    )

    assert found.rejects == []
    assert found.rows == [
        OrderLine(OrderRef("9001"), "1", "900", "LAN-01", 3, 3, price_minor=2750, unit_cost_minor=420),
        # One and a half hours are no number of pieces.
        OrderLine(OrderRef("501"), "2", None, None, price_minor=15_000, unit_cost_minor=None),
    ]


def test_a_product_has_a_title_and_a_cost_only_when_one_was_entered(shaped: Shape) -> None:
    lantern = {"name": "Lantern", "hs_sku": "LAN-01", "hs_cost_of_goods_sold": "4.20", "hs_status": "active"}
    service = {"name": "Repair", "hs_product_type": "service", "hs_cost_of_goods_sold": ""}
    found = shaped(streams_crm.PRODUCTS_STREAM, page({"properties": lantern}, {"properties": service}))

    made = millis(MADE, "")
    assert found.rows == [
        Product("1", "Lantern", None, "active", made),
        UnitCost("1", "1", "LAN-01", 420, "EUR"),
        Product("2", "Repair", "service", None, made),
    ]


@pytest.mark.parametrize(
    ("stream", "thing"),
    [
        (streams_crm.COMPANIES_ARCHIVED, "company"),
        (streams_crm.CARTS_ARCHIVED, "cart"),
        (streams_crm.TICKETS_ARCHIVED, "ticket"),
    ],
)
def test_what_was_deleted_is_dated_when_hubspot_says_when(shaped: Shape, stream: Any, thing: str) -> None:
    dated = {"properties": {}, "archived": True, "archivedAt": "2026-06-01T00:00:00Z"}
    found = shaped(stream, page(dated, {"properties": {}, "archived": True}))

    assert found.rows == [Deletion(thing, "1", millis("2026-06-01T00:00:00Z", "")), Deletion(thing, "2", None)]


# -- orders that were undone ------------------------------------------------------------------------------------------------

SOLD, CLOSED, EDITED = "2026-03-01T10:00:00Z", "2026-03-09T08:00:00Z", "2026-08-01T00:00:00Z"


def shop_order(state: str | None, **more: str | None) -> dict[str, Any]:
    values = {"hs_total_price": "59.90", "hs_currency_code": "EUR", "hs_external_created_date": SOLD}
    return {"properties": {**values, "hs_external_order_status": state, "hs_lastmodifieddate": EDITED, **more}}


@pytest.mark.parametrize("state", ["cancelled", "Canceled", "REFUNDED", "voided"])
@pytest.mark.parametrize(("closed", "day"), [(CLOSED, CLOSED), (None, SOLD), ("2026-02-01T00:00:00Z", SOLD)])
def test_an_order_that_was_undone_takes_its_whole_sale_back(shaped: Shape, state: str, closed: str | None, day: str) -> None:
    """On the day it was closed, else of the sale, and never before that; never on the day of the last edit."""
    found = shaped(streams_crm.ORDERS_STREAM, page(shop_order(state, hs_closed_date=closed)))

    assert found.rejects == []
    assert [(row.status, row.total_minor) for row in found.rows if isinstance(row, Order)] == [
        ("cancelled" if state == "Canceled" else state.lower(), 0)
    ]
    assert [row[1:] for row in found.rows if isinstance(row, LedgerEntry)] == [
        ("sale", "sale", "product", millis(SOLD, ""), 5990, "EUR"),
        ("undone", "refund", "product", millis(day, ""), -5990, "EUR"),
    ]


@pytest.mark.parametrize("state", ["paid", "pending", "authorized", "expired", "partially_refunded", "in transit", None])
def test_a_partial_refund_and_every_other_state_leave_the_sale_alone(shaped: Shape, state: str | None) -> None:
    """HubSpot does not tell what a partial refund came to."""
    found = shaped(streams_crm.ORDERS_STREAM, page(shop_order(state, hs_closed_date=CLOSED)))

    assert [row.total_minor for row in found.rows if isinstance(row, Order)] == [5990]
    assert [row[1:] for row in found.rows if isinstance(row, LedgerEntry)] == [
        ("sale", "sale", "product", millis(SOLD, ""), 5990, "EUR"),
        ("redone", "sale", "product", millis(EDITED, ""), 0, "EUR"),
    ]


def test_an_order_that_is_set_back_by_hand_stands_again_from_that_change(account_of: Any, build: Any, tmp_path: Path) -> None:
    """Cancelled, then paid after all, then touched again: the ledger comes to the order's total, and no entry is rewritten."""
    store, order, day = tmp_path / "a.db", build.copy(1, 1), build.day
    ledger = "SELECT l.entry, l.happened_at, l.amount_minor FROM order_ledger l ORDER BY l.happened_at, l.entry"
    states = []

    for later, cancelled in enumerate((None, build.now + day // 2, None, None)):
        now = build.now + later * day
        order.cancelled_at, order.updated_at = cancelled, order.updated_at if later == 0 else now - day // 4
        account = account_of(orders=[order], now=now)
        asked = PullOptions(now=now, streams=("account", "orders"))
        assert pull(store, [account.connector()], asked, client=account.client).exit_code == 0
        states.append((sum(amount for _, _, amount in table(store, ledger)), table(store, "SELECT status FROM orders")))

    assert table(store, ledger) == [
        ("sale", order.created_at, 2000),
        ("undone", build.now + day // 2, -2000),
        ("redone", build.now + 2 * day - day // 4, 2000),
    ]
    assert states == [(2000, [("paid",)]), (0, [("cancelled",)]), (2000, [("paid",)]), (2000, [("paid",)])]


def test_an_order_that_stood_again_and_is_deleted_is_worth_nothing_not_less(shaped: Shape) -> None:
    gone = {**shop_order("paid"), "archived": True, "archivedAt": EDITED}
    found = shaped(streams_crm.ORDERS_ARCHIVED, page(gone))

    assert [(row.entry, row.amount_minor) for row in found.rows if isinstance(row, LedgerEntry)] == [("sale", 0), ("redone", 0)]


def test_an_undone_order_that_is_deleted_too_is_worth_nothing_not_less(shaped: Shape) -> None:
    gone = {**shop_order("refunded", hs_closed_date=CLOSED), "archived": True, "archivedAt": EDITED}
    found = shaped(streams_crm.ORDERS_ARCHIVED, page(gone))

    assert [(row.entry, row.amount_minor) for row in found.rows if isinstance(row, LedgerEntry)] == [("sale", 0), ("undone", 0)]
