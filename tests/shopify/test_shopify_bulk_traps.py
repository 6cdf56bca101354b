"""What a bulk operation leaves out in silence, what it says when it finds nothing, and which operations are ours."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect import AccountFacts, Work
from persync.sandbox.world import LedgerEvent, Line, World
from persync_shopify.bulk import BulkOrders, mark
from persync_shopify.bulk_slices import Slice
from persync_shopify.connector import ShopifySettings
from persync_shopify.sandbox import app
from persync_shopify.sandbox_bulk import Bulk
from persync_shopify.streams import STREAMS
from shopify.bulkshop import DAY, NOW, InProcess, connector, facts, pulled, world

HOUR = 3_600_000
ORDERS = next(stream for stream in STREAMS if stream.name == "orders")
PIECE = Slice(0, NOW, NOW, 10)


def wholesale() -> World:
    """One order of 130 lines with 130 sales, one of 70 refunds, among small ones."""
    shop = world(20)
    lines, many = shop.orders[2], shop.orders[5]
    at = lines.created_at
    lines.lines = [Line(f"7{n:03}", "Lantern", f"LAN-{n}", 2, 1500, 30, 100, 700, current_quantity=2) for n in range(130)]
    lines.ledger = [
        LedgerEvent(f"7{n:03}", "71", at, "ORDER", "ORDER", "PRODUCT", 2970, 100, 2, f"7{n:03}") for n in range(130)
    ]
    many.ledger += [
        LedgerEvent(f"8{n:03}", f"8{n}", many.created_at + (n + 1) * HOUR, "REFUND", "RETURN", "PRODUCT", -5, -1, 0)
        for n in range(70)
    ]
    return shop


@pytest.mark.parametrize("cuts", [60, 100])
def test_children_that_are_cut_off_without_a_word_are_read_again_in_pages(cuts: int, tmp_path: Path) -> None:
    """Shopify was seen to give a hundred children of one parent and to count no more: the lines have too few pieces, the
    sales do not come to the order's total."""
    bulk, whole = Bulk(cuts=cuts), InProcess(app(wholesale()))
    pulled(tmp_path / "pages.db", connector(wholesale(), bulk_over=10_000), whole)

    result = pulled(tmp_path / "s.db", connector(wholesale()), InProcess(app(wholesale(), bulk=bulk)))

    read = {each.stream: each.partitions for each in result.streams}
    assert (result.exit_code, max(len(each.lines) for each in bulk.operations) > cuts) == (0, True)
    # 70 refunds are cut at 60 alone.
    assert (read["order_lines"], read["order_discounts"]) == (1, 1)
    assert read["order_sales"] == (2 if cuts == 60 else 1)
    assert facts(tmp_path / "s.db") == facts(tmp_path / "pages.db")


def test_what_is_whole_is_not_read_again(tmp_path: Path) -> None:
    bulk = Bulk()

    result = pulled(tmp_path / "s.db", connector(wholesale()), InProcess(app(wholesale(), bulk=bulk)))

    read = {each.stream: each.partitions for each in result.streams}
    assert (read["order_lines"], read["order_sales"], read["order_discounts"]) == (0, 0, 0)


def test_a_slice_without_orders_has_no_file_and_is_complete(tmp_path: Path) -> None:
    """No rows: no URL, which is no failure. The next slices find the orders after the gap."""

    def gap() -> World:
        shop = copy.deepcopy(world(40))
        for number, each in enumerate(shop.orders):
            each.created_at = (NOW - 100 * DAY if number < 20 else NOW - 3 * DAY) + number * HOUR
        return shop

    bulk = Bulk()
    pulled(tmp_path / "pages.db", connector(gap(), bulk_over=10_000), InProcess(app(gap())))

    result = pulled(tmp_path / "s.db", connector(gap()), InProcess(app(gap(), bulk=bulk)))

    empty = [each for each in bulk.operations if not each.lines]
    assert (result.exit_code, bool(empty), {each.served for each in empty}) == (0, True, {0})
    assert facts(tmp_path / "s.db") == facts(tmp_path / "pages.db")


# -- the pieces --------------------------------------------------------------------------------------------------------


def reader() -> BulkOrders:
    assert isinstance(ORDERS.reader, BulkOrders)
    return ORDERS.reader


def work() -> Work:
    settings = ShopifySettings(connector="shopify", shop="lantern-test")
    return Work(ORDERS, "shopify", settings, AccountFacts(), "", {}, None, NOW, first_load=True)


def polled(todo: Work, token: dict[str, Any], **operation: Any) -> Any:
    found = {
        "id": "gid://shopify/BulkOperation/1",
        "status": "COMPLETED",
        "errorCode": None,
        "partialDataUrl": None,
        **operation,
    }
    return reader().read(todo, token, orjson.dumps({"data": {"bulkOperation": found}}), {})


@pytest.mark.parametrize("count", ["3", None])
def test_a_finished_operation_that_found_something_and_gives_no_file_is_run_again(count: str | None) -> None:
    todo, token = work(), {"phase": "poll", "slice": list(PIECE), "attempt": 1, "op": "1"}

    step = polled(todo, token, url=None, objectCount=count, rootObjectCount=count, fileSize=None)

    assert (step.next["phase"], step.next["attempt"], step.next["slice"]) == ("look", 2, list(PIECE))


FILE = (
    b'{"id":"gid:\\/\\/shopify\\/Order\\/1","name":"#1"}\n'
    b'{"id":"gid:\\/\\/shopify\\/LineItem\\/2","__parentId":"gid:\\/\\/shopify\\/Order\\/1"}\n'
)


@pytest.mark.parametrize(
    ("counted", "accepted"),
    [
        ({}, True),
        ({"objectCount": "3"}, False),
        ({"rootObjectCount": "2"}, False),
        ({"fileSize": str(len(FILE) + 1)}, False),
        ({"fileSize": None}, False),
        ({"objectCount": None}, False),
    ],
    ids=["as counted", "lines", "orders", "bytes", "bytes not told", "lines not told"],
)
def test_a_file_is_accepted_only_with_the_lines_orders_and_bytes_that_were_counted(
    counted: dict[str, Any], accepted: bool
) -> None:
    """Each of the three counts by itself: one that differs, and the operation is run again."""
    todo, token = work(), {"phase": "poll", "slice": list(PIECE), "attempt": 1, "op": "1"}
    told = {"objectCount": "2", "rootObjectCount": "1", "fileSize": str(len(FILE)), **counted}

    step = polled(todo, token, url="https://example.invalid/f", **told)
    if step.next["phase"] == "load":
        step = reader().read(todo, step.next, FILE, {"content-range": f"bytes 0-{len(FILE) - 1}/{len(FILE)}"})

    after = None if accepted else {"phase": "look", "slice": list(PIECE), "attempt": 2, "redacted": [], "tries": 1}
    assert step.next == after


@pytest.mark.parametrize(
    ("status", "ours", "adopted"),
    [
        ("CREATED", True, True),
        ("RUNNING", True, True),
        ("COMPLETED", True, True),
        ("CANCELING", True, False),
        ("CANCELED", True, False),
        ("FAILED", True, False),
        ("EXPIRED", True, False),
        ("RUNNING", False, False),
        ("COMPLETED", False, False),
    ],
)
def test_an_operation_is_taken_up_by_our_own_mark_alone_and_while_it_is_of_use(status: str, ours: bool, adopted: bool) -> None:
    """Another program may ask for the very same orders: without the mark of this slice of this pass it is not ours."""
    todo, token = work(), {"phase": "look", "slice": list(PIECE), "attempt": 1}
    own = reader().text(todo, token)
    text = own if ours else own.replace(mark(todo, token), "# persync orders, pass 7, slice 0-9, attempt 1")
    node = {"id": "gid://shopify/BulkOperation/7", "status": status, "query": text}

    step = reader().read(todo, token, orjson.dumps({"data": {"bulkOperations": {"nodes": [node]}}}), {})

    assert step.next["phase"] == ("poll" if adopted else "look")
    assert step.next.get("op") == (node["id"] if adopted else None)
    request = reader().request(todo, step.next)
    assert ("bulkOperationRunQuery" in request.json["query"]) is not adopted
    assert "ancel" not in request.json["query"]
