"""Pulls from the imitated shop: every page, every top-up, nothing twice, nothing lost."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from persync.connect.pace import Pace
from persync.connect.pull import PullOptions, PullResult, pull
from persync.sandbox.world import LedgerEvent, Line
from persync.store.digest import digest
from persync.store.store import open_store

Connect = Callable[..., Any]


def run(store: Path, made: Any, now: int, **options: Any) -> PullResult:
    connector, client, _ = made
    return pull(store, [connector], PullOptions(now=now, **options), client=client, clock=lambda: now / 1000)


def select(store: Path, sql: str) -> list[Any]:
    with sqlite3.connect(store) as db:
        return db.execute(sql).fetchall()


def digest_of(store: Path) -> str:
    with open_store(store) as opened:
        return digest(opened)


def state_of(result: PullResult) -> dict[str, tuple[str, int, int]]:
    return {each.stream: (each.state, each.records, each.rejects) for each in result.streams}


def wholesale(build: Any, number: int, person: int, size: int) -> Any:
    """An order of `size` lines and visits, three times refunded in part."""
    order = build.order(number, person)
    at = order.created_at
    order.lines = [Line(f"{number}{n:03}", "Lantern", "LAN-01", 1, 1000 + n, 0, 100, 400) for n in range(size)]
    order.ledger = [
        LedgerEvent(f"{number}{n:03}", "1", at, "ORDER", "ORDER", "PRODUCT", 1000 + n, 100, 1) for n in range(size)
    ] + [
        LedgerEvent(f"{number}9{n:03}", f"{n + 2}", at + n * 1000 + 1000, "REFUND", "RETURN", "PRODUCT", -100, -10, 0)
        for n in range(3)
    ]
    order.visits = [build.visit(number * 1000 + n, at - n * 60_000, f"https://shop.example.com/p/{n}") for n in range(size)]
    return order


def test_a_whole_shop_arrives_page_by_page_and_ties_to_the_till(build: Any, connect: Connect, tmp_path: Path) -> None:
    """30 orders on 4 pages; two that fit on no page are topped up; the ledger equals the shop's own totals to the cent."""
    orders = [build.order(n, n, tax=n) for n in range(1, 29)]
    orders += [wholesale(build, 40, 1, 180), wholesale(build, 41, 2, 6)]
    world = build.world(people=28, orders=orders)
    store = tmp_path / "s.db"

    result = run(store, connect(world), build.now)

    assert result.exit_code == 0
    # order_sales: 2 pages of the first agreement and 3 refunds; 1 and 3 for the smaller order
    assert state_of(result) == {
        "shop": ("done", 1, 0),
        "customers": ("done", 28, 0),
        "orders": ("done", 30, 0),
        "order_sales": ("done", 2 + 3 + 1 + 3, 0),
        "order_lines": ("done", 2 + 1, 0),
        "order_moments": ("done", 2 + 1, 0),
        "order_payments": ("done", 2, 0),
        "order_discounts": ("done", 0, 0),
        "products": ("done", 1, 0),
        "unit_costs": ("done", 1, 0),
        "checkouts": ("done", 2, 0),
        "checkout_mails": ("done", 2, 0),
        "segments": ("done", 3, 0),
        "segment_members": ("done", 0, 0),
        "deletions": ("done", 0, 0),
        "order_listing": ("done", 0, 0),
        "customer_listing": ("done", 0, 0),
        "product_listing": ("done", 0, 0),
    }
    ledger = "SELECT order_key, SUM(amount_minor) FROM order_ledger GROUP BY order_key"
    assert select(store, ledger) == select(store, "SELECT order_key, total_minor FROM orders ORDER BY order_key")
    assert select(store, "SELECT SUM(total_minor) FROM orders") == [(sum(order.total_minor() for order in orders),)]
    assert select(store, "SELECT COUNT(*) FROM order_lines") == [(28 + 180 + 6,)]
    assert select(store, "SELECT COUNT(*) FROM touchpoints") == [(180 + 6,)]


def test_a_second_pull_changes_nothing(build: Any, connect: Connect, tmp_path: Path) -> None:
    world = build.world(people=12)
    store = tmp_path / "s.db"
    # In full, so that the periodic listings have been read too.
    run(store, connect(world), build.now, full=True)
    before = digest_of(store)

    again = run(store, connect(world), build.now + 60_000)
    full = run(store, connect(world), build.now + 120_000, full=True)

    assert (again.changed, full.changed) == (0, 0)
    assert digest_of(store) == before


def test_later_pulls_read_what_changed_and_a_refund_is_added_on_its_day(build: Any, connect: Connect, tmp_path: Path) -> None:
    world = build.world(people=12)
    store = tmp_path / "s.db"
    run(store, connect(world), build.now)
    order, at = world.orders[4], build.now + 3_600_000
    order.ledger.append(LedgerEvent("77", "78", at, "REFUND", "RETURN", "PRODUCT", -2000, 0))
    order.updated_at, order.financial_status = at, "REFUNDED"

    result = run(store, connect(world), build.now + build.day // 2)

    assert state_of(result)["orders"] == ("done", 1, 0)
    assert select(store, "SELECT event, amount_minor, happened_at FROM order_ledger WHERE entry = '77'") == [
        ("refund", -2000, at)
    ]
    assert select(store, "SELECT total_minor FROM orders WHERE status = 'refunded'") == [(0,)]


def test_a_journey_is_asked_for_until_it_is_ready_and_then_no_more(build: Any, connect: Connect, tmp_path: Path) -> None:
    at = build.now - build.day
    visits = [build.visit(1, at - 1000, "https://shop.example.com/?mc_cid=0a1b2c3d4e")]
    order = build.order(1, 1, created_at=at, processed_at=at, updated_at=at, visits=visits, journey_ready=False)
    world = build.world(orders=[order])
    store = tmp_path / "s.db"
    journey = "SELECT journey, (SELECT COUNT(*) FROM touchpoints) FROM orders"

    run(store, connect(world), build.now)
    waiting = select(store, journey)
    order.journey_ready = True
    asked = [
        state_of(run(store, connect(world), build.now + hours * 3_600_000))["order_moments"][1]
        for hours in (24 * 4, 24 * 5, 24 * 6)
    ]

    assert waiting == [("not_ready", 0)]
    assert select(store, journey) == [("observed", 1)]
    assert asked[0] == 1
    assert asked[-1] == 0


def test_an_order_deleted_before_its_top_up_leaves_no_error(build: Any, connect: Connect, tmp_path: Path) -> None:
    order = build.order(1, 1, journey_ready=False)
    order.created_at = order.processed_at = order.updated_at = build.now - build.day
    world = build.world(orders=[order])
    store = tmp_path / "s.db"
    run(store, connect(world), build.now)
    world.orders.clear()

    result = run(store, connect(world), build.now + build.day * 5)

    assert result.exit_code == 0
    assert state_of(result)["order_moments"] == ("done", 0, 0)


def test_an_old_token_sees_sixty_days_and_the_store_says_so(build: Any, connect: Connect, tmp_path: Path) -> None:
    """Customers are all there; coverage of orders begins at the wall, and a second pull does not move it."""
    old = build.order(1, 1, created_at=build.now - 90 * build.day)
    world = build.world(orders=[old, build.order(2, 2)])
    store = tmp_path / "s.db"
    made = connect(world, scopes=frozenset({"read_orders", "read_customers", "read_products"}))

    run(store, made, build.now)
    wall = select(store, "SELECT covers_from FROM connections")
    run(store, made, build.now + 2 * build.day)

    assert wall == [(build.now - 60 * build.day,)] == select(store, "SELECT covers_from FROM connections")
    assert select(store, "SELECT from_at FROM coverage WHERE stream = 'orders'") == [(build.now - 60 * build.day,)]
    assert select(store, "SELECT COUNT(*) FROM contacts") == [(3,)]


def test_a_start_before_the_wall_is_refused_in_words(build: Any, connect: Connect, tmp_path: Path) -> None:
    made = connect(build.world(), settings={"start": "2026-01-01"}, scopes=frozenset({"read_orders", "read_customers"}))

    result = run(tmp_path / "s.db", made, build.now)

    (failed,) = [each for each in result.streams if each.state == "failed"]
    assert failed.stream == "orders"
    assert "start = 2026-01-01 lies before 2026-08-02" in failed.reason


def test_a_missing_scope_is_a_hole_and_the_rest_goes_on(build: Any, connect: Connect, tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    made = connect(build.world(), scopes=frozenset({"read_orders", "read_all_orders", "read_products"}))

    result = run(store, made, build.now)

    assert result.exit_code == 0
    states = {name: state for name, (state, _, _) in state_of(result).items()}
    skipped = {"customers", "segments"}
    assert states == {name: "skipped" if name in skipped else "done" for name in states}
    (reason,) = {each.reason for each in result.streams if each.stream in skipped}
    assert reason == "scope: the app lacks the scope read_customers. Needs read_customers."
    assert select(store, "SELECT COUNT(*) FROM orders") == [(3,)]
    assert select(store, "SELECT DISTINCT kind FROM person_keys") == [("email",)]


def test_withheld_addresses_cost_the_address_alone(build: Any, connect: Connect, tmp_path: Path) -> None:
    store = tmp_path / "s.db"

    result = run(store, connect(build.world(), protected=False), build.now)

    assert result.exit_code == 0
    assert select(store, "SELECT kind, key FROM person_keys ORDER BY key") == [("id", "8001"), ("id", "8002"), ("id", "8003")]
    assert select(store, "SELECT COUNT(*), MIN(state) FROM consents") == [(3, "subscribed")]


def test_a_throttled_query_is_asked_again_after_the_wait(build: Any, connect: Connect, tmp_path: Path) -> None:
    """A bucket that holds one page at a time, and a clock that moves with every question."""
    ticks = iter(range(0, 10_000_000, 5))
    made = connect(build.world(people=20), maximum=1000.0, rate=4.0, clock=lambda: float(next(ticks)))
    connector, _, transport = made
    # Without the foresight of its pace, so that the connector runs into the empty bucket.
    connector.pace = lambda: Pace(concurrent=1)

    result = run(tmp_path / "s.db", made, build.now)

    assert (result.exit_code, state_of(result)["orders"]) == (0, ("done", 20, 0))
    assert len(transport.calls) > sum(each.pages for each in result.streams)


@pytest.mark.parametrize("largest", [5, 1])
def test_pages_shrink_when_the_vendor_counts_dearer(
    build: Any, connect: Connect, tmp_path: Path, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor's meter is its own: a page refused as too dear is halved until it fits."""
    from persync_shopify import sandbox

    honest = sandbox.static_cost
    scale = 1000 / (honest_cost_of_one(honest) * largest)
    monkeypatch.setattr(sandbox, "static_cost", lambda *asked: int(honest(*asked) * scale))
    made = connect(build.world(people=11))

    result = run(tmp_path / "s.db", made, build.now, streams=("shop", "orders"))

    assert (result.exit_code, state_of(result)["orders"]) == (0, ("done", 11, 0))


def honest_cost_of_one(cost: Any) -> int:
    from graphql import parse

    from persync_shopify.queries import query
    from persync_shopify.sandbox import schema
    from persync_shopify.sandbox_run import Plan

    plan = Plan(schema(), parse(query("orders")), str)
    return int(cost(plan.operation, plan.fragments, {"first": 1}))


def test_no_address_name_or_query_string_reaches_the_store(build: Any, connect: Connect, tmp_path: Path) -> None:
    visits = [build.visit(1, build.now - build.day, "https://shop.example.com/x?mc_eid=feedbeef01&email=p1@example.com")]
    world = build.world(orders=[build.order(1, 1, visits=visits), build.order(2, None, email="guest@example.com")])
    store = tmp_path / "s.db"

    run(store, connect(world), build.now)
    with sqlite3.connect(store) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".key")
    assert b"shop.example.com/x" in held
    assert [word for word in (b"@example.com", b"feedbeef01", b"Example", b"shpat_") if word in held] == []
