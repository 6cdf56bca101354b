"""What comes late, goes away, is denied or fails: each arrives as a dated fact, or is said, and nothing stops the rest."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from persync.connect.pull import PullOptions, PullResult, pull
from persync.sandbox.world import LedgerEvent, Line
from persync_shopify import pages
from persync_shopify.sandbox_data import Oddities
from persync_shopify.sandbox_more import Gone
from persync_shopify.totals import COST_COVERAGE

Connect = Callable[..., Any]
HOUR = 3_600_000
DAY = 24 * HOUR
ALL = frozenset({"read_orders", "read_all_orders", "read_customers", "read_products"})


def run(store: Path, made: Any, now: int, **options: Any) -> PullResult:
    connector, client, _ = made
    return pull(store, [connector], PullOptions(now=now, **options), client=client, clock=lambda: now / 1000)


def select(store: Path, sql: str) -> list[Any]:
    with sqlite3.connect(store) as db:
        return db.execute(sql).fetchall()


def states(result: PullResult) -> dict[str, str]:
    return {each.stream: each.state for each in result.streams}


def asked(made: Any, name: str) -> int:
    return sum(f"query {name}".encode() in call.content for call in made[2].calls)


def test_a_refund_and_an_upward_edit_forty_days_after_the_order_arrive_on_their_days(
    build: Any, connect: Connect, tmp_path: Path
) -> None:
    """The whole order is read again when it changes: the ledger says when, and still comes to the shop's own total."""
    world = build.world(people=3)
    store = tmp_path / "s.db"
    run(store, connect(world), build.now)
    order, at = world.orders[0], build.now + 40 * build.day
    order.ledger.append(LedgerEvent("77", "78", at, "REFUND", "RETURN", "PRODUCT", -500, 0))
    order.ledger.append(LedgerEvent("79", "80", at + HOUR, "ORDER_EDIT", "ORDER", "PRODUCT", 4000, 0))
    order.lines.append(Line("990", "Blanket", "BLA-01", 1, 4000))
    order.updated_at = world.now = at + HOUR

    run(store, connect(world), at + 2 * HOUR)

    assert select(store, "SELECT event, amount_minor, happened_at FROM order_ledger WHERE entry IN ('77', '79')") == [
        ("refund", -500, at),
        ("edit", 4000, at + HOUR),
    ]
    ledger = "SELECT SUM(l.amount_minor) FROM order_ledger l GROUP BY l.order_key ORDER BY l.order_key"
    assert select(store, ledger) == select(store, "SELECT total_minor FROM orders ORDER BY order_key")
    assert select(store, "SELECT MAX(total_minor) FROM orders") == [(5500,)]


def test_a_withdrawn_consent_arrives_beside_the_one_before(build: Any, connect: Connect, tmp_path: Path) -> None:
    world = build.world(people=1)
    store = tmp_path / "s.db"
    run(store, connect(world), build.now)
    person, at = world.people[1], build.now + HOUR
    person.status, person.status_changed_at, person.updated_at = "unsubscribed", at, at

    run(store, connect(world), build.now + 2 * HOUR)

    history = "SELECT state, changed_at FROM consents WHERE channel = 'email' ORDER BY number"
    assert [state for state, _ in select(store, history)] == ["subscribed", "unsubscribed"]
    assert select(store, history)[-1] == ("unsubscribed", at)
    assert select(store, "SELECT DISTINCT accepts_marketing FROM orders") == [(0,)]


def test_what_the_index_shows_late_is_not_lost(build: Any, connect: Connect, tmp_path: Path) -> None:
    """A change of a minute before the pull is not in the index yet; ten minutes of overlap find it in the next pull."""
    world = build.world(people=2)
    store = tmp_path / "s.db"
    run(store, connect(world), build.now)
    order = world.orders[0]
    order.updated_at = build.now + HOUR - 20_000
    order.financial_status = "REFUNDED"
    refunded = "SELECT COUNT(*) FROM orders WHERE status = 'refunded'"

    world.now = build.now + HOUR
    run(store, connect(world, odd=Oddities(lag=60_000)), world.now)
    before = select(store, refunded)
    world.now += 5 * 60_000
    run(store, connect(world, odd=Oddities(lag=60_000)), world.now)

    assert (before, select(store, refunded)) == ([(0,)], [(1,)])


def test_an_agreement_that_reaches_its_order_late_is_found_within_three_days(
    build: Any, connect: Connect, tmp_path: Path
) -> None:
    """It does not touch the order's updatedAt: the days before are read again once a day."""
    at = build.now - HOUR
    order = build.order(1, 1, created_at=at, processed_at=at, updated_at=at)
    order.ledger[0].at = at
    world = build.world(people=1, orders=[order])
    store = tmp_path / "s.db"
    entries = "SELECT COUNT(*) FROM order_ledger"

    run(store, connect(world, odd=Oddities(late=2 * HOUR)), build.now)
    before = select(store, entries)
    world.now = build.now + 25 * HOUR
    run(store, connect(world, odd=Oddities(late=2 * HOUR)), world.now)

    assert (before, select(store, entries)) == ([(0,)], [(1,)])


def test_a_late_agreement_of_an_order_that_fits_no_page_is_found_too(build: Any, connect: Connect, tmp_path: Path) -> None:
    """Its sales are a work of their own, which is done anew each day until nothing can be late any more."""
    at = build.now - HOUR
    order = build.order(1, 1, created_at=at - DAY, processed_at=at - DAY, updated_at=at)
    for number in range(1, 8):
        entry = replace(order.ledger[0], id=f"{order.ledger[0].id}{number}", at=at if number == 7 else at - DAY + number)
        order.ledger.append(entry)
    world = build.world(people=1, orders=[order])
    store = tmp_path / "s.db"
    entries = "SELECT COUNT(DISTINCT entry) FROM order_ledger"

    run(store, connect(world, odd=Oddities(late=2 * HOUR)), build.now)
    before = select(store, entries)
    world.now = build.now + 25 * HOUR
    run(store, connect(world, odd=Oddities(late=2 * HOUR)), world.now)

    assert (before, select(store, entries)) == ([(7,)], [(8,)])


def test_what_somebody_deleted_is_dated_by_the_shops_events(build: Any, connect: Connect, tmp_path: Path) -> None:
    world = build.world(people=3)
    store = tmp_path / "s.db"
    run(store, connect(world), build.now)
    at = build.now + HOUR
    gone = (Gone("ORDER", "5001", at), Gone("CUSTOMER", "8002", at + 1000))

    run(store, connect(world, odd=Oddities(gone=gone)), build.now + 2 * HOUR)

    assert select(store, "SELECT thing, vendor_id, deleted_at FROM deletions ORDER BY thing") == [
        ("contact", "8002", at + 1000),
        ("order", "5001", at),
    ]
    assert select(store, "SELECT COUNT(*) FROM orders WHERE status = 'deleted'") == [(1,)]
    assert select(store, "SELECT COUNT(*) FROM contacts WHERE is_deleted = 1") == [(1,)]
    assert select(store, "SELECT SUM(amount_minor) FROM order_ledger") == [(6000,)]


def test_what_no_event_tells_of_is_missed_by_the_weekly_listing(build: Any, connect: Connect, tmp_path: Path) -> None:
    """Deleted rows just stop appearing, and events are kept for a year only."""
    world = build.world(people=3)
    store = tmp_path / "s.db"
    run(store, connect(world), build.now)
    del world.people[3]
    world.orders.pop(0)

    daily = run(store, connect(world), build.now + 2 * build.day)
    before = select(store, "SELECT COUNT(*) FROM deletions")
    weekly = run(store, connect(world), build.now + 7 * build.day)

    counts = [[each.records for each in result.streams if each.stream == "order_listing"] for result in (daily, weekly)]
    assert (counts, before) == ([[0], [2]], [(0,)])
    assert select(store, "SELECT thing, vendor_id, deleted_at FROM deletions ORDER BY thing, vendor_id") == [
        ("contact", "8003", None),
        ("order", "5001", None),
    ]


def test_a_listing_that_may_not_see_old_orders_deletes_nothing(build: Any, connect: Connect, tmp_path: Path) -> None:
    """Without read_all_orders old orders are hidden, not gone: the listing is skipped, and says why."""
    world = build.world(people=2)
    store = tmp_path / "s.db"
    some = ALL - {"read_all_orders"}
    run(store, connect(world, scopes=some), build.now)
    world.now += 20 * build.day

    result = run(store, connect(world, scopes=some), world.now)

    (listing,) = [each for each in result.streams if each.stream == "order_listing"]
    assert (listing.state, "read_all_orders" in listing.reason) == ("skipped", True)
    assert select(store, "SELECT COUNT(*) FROM orders WHERE status = 'deleted'") == [(0,)]
    assert select(store, "SELECT COUNT(*) FROM deletions") == [(0,)]


def test_a_merged_customer_is_one_person_with_the_survivor(build: Any, connect: Connect, tmp_path: Path) -> None:
    """No API names the survivor once a merge is done: the old number is gone, its orders name the new one beside the old
    address, and that makes the two one person."""
    world = build.world(people=3)
    store = tmp_path / "s.db"
    run(store, connect(world), build.now)
    one = (
        "SELECT COUNT(DISTINCT p.person) FROM person_of p JOIN person_keys k ON k.key_id = p.key_id"
        " WHERE k.kind = 'id' AND k.key IN ('8001', '8002')"
    )
    before = select(store, one)

    run(store, connect(world, odd=Oddities(merged={"8001": "8002"})), build.now + 8 * build.day)

    assert (before, select(store, one)) == ([(2,)], [(1,)])
    assert select(store, "SELECT thing, vendor_id FROM deletions") == [("contact", "8001")]
    assert select(
        store,
        "SELECT k.key FROM orders o JOIN order_keys n ON n.order_key = o.order_key JOIN person_keys k ON k.key_id = o.key_id"
        " WHERE n.vendor_order_id = '5001'",
    ) == [("8002",)]


def in_small_pages(made: Any) -> Any:
    """Let the connector ask for five records a page, so that walls stand close."""
    connector, client, transport = made
    connector.streams = tuple(
        replace(stream, reader=replace(stream.reader, size=5)) if isinstance(stream.reader, pages.Sliced) else stream
        for stream in connector.streams
    )
    return connector, client, transport


def test_a_list_longer_than_shopify_pages_is_read_in_slices(
    build: Any, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paging ends in silence at a wall; a new search begins before it."""
    monkeypatch.setattr(pages, "WALL", 20)
    world = build.world(people=57)
    store = tmp_path / "s.db"

    result = run(store, in_small_pages(connect(world, odd=Oddities(wall=25))), build.now, full=True)

    assert result.exit_code == 0
    for table in ("orders", "contacts"):
        assert select(store, f"SELECT COUNT(*) FROM {table}") == [(57,)]
    assert select(store, "SELECT COUNT(*) FROM deletions") == [(0,)]


def test_more_changes_at_one_moment_than_shopify_pages_block_nothing(
    build: Any, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import stamps thousands of orders with one updatedAt: from there on they are read by number."""
    monkeypatch.setattr(pages, "WALL", 20)
    world = build.world(people=57)
    for each in (*world.orders, *world.people.values()):
        each.updated_at = build.now - build.day
    store = tmp_path / "s.db"

    result = run(store, in_small_pages(connect(world, odd=Oddities(wall=25))), build.now)

    assert result.exit_code == 0
    for table in ("orders", "contacts"):
        assert select(store, f"SELECT COUNT(*) FROM {table}") == [(57,)]


def test_a_denied_field_is_withheld_and_not_taken_for_empty(build: Any, connect: Connect, tmp_path: Path) -> None:
    """The answer holds data and errors at once: what is known of costs stays, and the rest is kept."""
    world = build.world(people=2)
    store = tmp_path / "s.db"
    run(store, connect(world), build.now)
    known = select(store, "SELECT unit_cost_minor FROM order_lines")
    for order in world.orders:
        order.updated_at = build.now + HOUR

    denied = Oddities(denied=frozenset({"unitCost"}))
    result = run(store, connect(world, odd=denied), build.now + 2 * HOUR, full=True)

    assert (result.exit_code, known) == (0, [(700,), (700,)])
    assert select(store, "SELECT unit_cost_minor FROM order_lines") == known
    assert select(store, "SELECT unit_cost_minor FROM unit_costs") == [(700,)]


def test_a_change_of_cost_is_a_second_snapshot(build: Any, connect: Connect, tmp_path: Path) -> None:
    """Shopify gives today's cost alone: a line keeps what it cost when it was first seen."""
    world = build.world(people=1)
    store = tmp_path / "s.db"
    run(store, connect(world), build.now)
    world.orders[0].lines[0].unit_cost_minor = 900

    run(store, connect(world), build.now + build.day, full=True)

    assert select(store, "SELECT number, unit_cost_minor FROM unit_costs") == [(1, 700), (2, 900)]
    assert select(store, "SELECT unit_cost_minor FROM order_lines") == [(700,)]


def test_the_share_of_sales_with_a_known_cost_can_be_told(build: Any, connect: Connect, tmp_path: Path) -> None:
    world = build.world(people=2)
    world.orders[1].lines[0].unit_cost_minor = None
    world.orders[1].lines[0].unit_price_minor = 6000
    store = tmp_path / "s.db"
    run(store, connect(world), build.now)

    with sqlite3.connect(store) as db:
        (share,) = db.execute(COST_COVERAGE, {"connection": 1}).fetchone()

    assert share == 0.25


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "TIMEOUT"])
def test_a_fault_of_shopifys_is_asked_again(build: Any, connect: Connect, tmp_path: Path, code: str) -> None:
    made = connect(build.world(), odd=Oddities(failing=[code, code]))

    result = run(tmp_path / "s.db", made, build.now)

    assert result.exit_code == 0
    assert asked(made, "PersyncShop") == 3


def test_a_closed_shop_is_said(build: Any, connect: Connect, tmp_path: Path) -> None:
    made = connect(build.world(), odd=Oddities(failing=["SHOP_INACTIVE"]))

    result = run(tmp_path / "s.db", made, build.now, streams=("shop",))

    (failed,) = result.streams
    assert (failed.state, "SHOP_INACTIVE" in failed.reason) == ("failed", True)


@pytest.mark.parametrize("version", ["2024-04", "2026-01", "2026-07", "2026-10"])
def test_every_supported_version_is_pulled_and_an_older_one_as_the_oldest(
    build: Any, connect: Connect, tmp_path: Path, version: str
) -> None:
    """No version is asked for a field it does not have; what only newer ones tell stays unknown."""
    world = build.world(people=4)
    store = tmp_path / "s.db"

    result = run(store, connect(world, settings={"api_version": version}), build.now)

    assert result.exit_code == 0
    assert select(store, "SELECT COUNT(*) FROM orders") == [(4,)]
    assert select(store, "SELECT COUNT(*) FROM consents WHERE channel = 'sms'") == [(1,)]
    ties = select(store, "SELECT COUNT(cart) FROM orders") + select(store, "SELECT COUNT(price_minor) FROM order_lines")
    assert ties == ([(4,), (4,)] if version >= "2026-07" else [(0,), (0,)])


def test_a_stream_without_its_scope_is_skipped_before_it_is_asked_for(build: Any, connect: Connect, tmp_path: Path) -> None:
    """The scopes are read first; what is missing is said by name, and the run is whole."""
    made = connect(build.world(), scopes=frozenset({"read_orders", "read_all_orders"}))

    result = run(tmp_path / "s.db", made, build.now, full=True)

    skipped = {each.stream: each.reason for each in result.streams if each.state == "skipped"}
    assert result.exit_code == 0
    assert skipped == {
        "customers": "scope: the app lacks the scope read_customers. Needs read_customers.",
        "products": "scope: the app lacks the scope read_products. Needs read_products.",
        "unit_costs": "scope: the app lacks the scope read_inventory or read_products. Needs read_inventory, read_products.",
        "segments": "scope: the app lacks the scope read_customers. Needs read_customers.",
        "customer_listing": "scope: the app lacks the scope read_customers. Needs read_customers.",
        "product_listing": "scope: the app lacks the scope read_products. Needs read_products.",
    }
    assert [asked(made, name) for name in ("PersyncCustomers", "PersyncProducts", "PersyncUnitCosts")] == [0, 0, 0]
    reasons = select(tmp_path / "s.db", "SELECT COUNT(*) FROM coverage WHERE state = 'hole' AND reason LIKE 'scope:%'")
    assert reasons == [(len(skipped),)]


def test_a_scope_given_later_is_used_at_the_next_pull(build: Any, connect: Connect, tmp_path: Path) -> None:
    world = build.world(people=2)
    store = tmp_path / "s.db"
    run(store, connect(world, scopes=frozenset({"read_orders", "read_all_orders"})), build.now)

    result = run(store, connect(world, scopes=ALL), build.now + HOUR)

    assert {name for name, state in states(result).items() if state == "skipped"} == set()
    assert select(store, "SELECT COUNT(*) FROM contacts") == [(2,)]
    assert select(store, "SELECT state FROM coverage WHERE stream = 'customers'") == [("complete",)]


def test_checkouts_that_were_left_tie_to_the_orders_made_of_them(build: Any, connect: Connect, tmp_path: Path) -> None:
    """Whoever comes back through the recovery mail buys with the token of the checkout that was left."""
    orders = [build.order(number, number) for number in range(1, 81)]
    world = build.world(people=80, orders=orders)
    store = tmp_path / "s.db"

    run(store, connect(world), build.now)

    tied = select(
        store,
        "SELECT c.status, c.recovery, c.completed_at = o.ordered_at FROM carts c JOIN orders o ON o.cart = c.cart"
        " AND o.connection = c.connection",
    )
    assert tied
    assert set(tied) == {("recovered", "sent", 1)}
    open_ones = select(
        store,
        "SELECT recovery, recovery_sent_at IS NOT NULL, person_of.person IS NOT NULL FROM carts"
        " JOIN person_of ON person_of.key_id = carts.key_id WHERE status = 'open' ORDER BY cart",
    )
    assert {(recovery, sent) for recovery, sent, _ in open_ones} <= {("sent", 1), ("not_sent", 0), ("scheduled", 0)}
    assert len(open_ones) == 5


def test_members_of_the_segments_that_were_used_are_known(build: Any, connect: Connect, tmp_path: Path) -> None:
    world = build.world(people=4)
    world.people[2].status = "unsubscribed"
    store = tmp_path / "s.db"

    run(store, connect(world, settings={"segments": ["401"]}), build.now)

    assert select(store, "SELECT vendor_id, kind FROM segments ORDER BY vendor_id") == [
        ("401", "segment"),
        ("402", "segment"),
        ("403", "segment"),
    ]
    assert select(store, "SELECT k.key FROM memberships m JOIN person_keys k ON k.key_id = m.key_id ORDER BY k.key") == [
        ("8001",),
        ("8003",),
        ("8004",),
    ]


def test_who_leaves_a_segment_is_a_member_until_then_and_who_comes_back_is_one_again(
    build: Any, connect: Connect, tmp_path: Path
) -> None:
    """Shopify names who is in a segment now: whom a complete list does not name has left since the pull before."""
    world, store = build.world(people=4), tmp_path / "s.db"
    now, day, wanted = build.now, 86_400_000, {"segments": ["401", "403"]}
    people = (
        "SELECT s.vendor_id, k.key, m.left_at FROM memberships m JOIN segments s USING (segment_id)"
        " JOIN person_keys k USING (key_id) WHERE s.vendor_id = '401' OR m.left_at IS NOT NULL ORDER BY 1, 2"
    )
    states = []

    for later, status in enumerate(("subscribed", "unsubscribed", "subscribed")):
        world.people[2].status, world.people[2].updated_at = status, now + later * day
        world.now = now + later * day
        run(store, connect(world, settings=wanted), world.now)
        states.append([left_at for _, who, left_at in select(store, people) if who == "8002"])
        others = [left_at for _, who, left_at in select(store, people) if who != "8002"]
        assert others == [None, None, None]

    assert states == [[None], [now + day], [None]]


def test_advertising_is_read_when_it_is_named_and_allowed(build: Any, connect: Connect, tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    scopes = ALL | {"read_marketing_events"}
    names = ("shop", "marketing")

    denied = run(store, connect(build.world()), build.now, streams=names)
    run(store, connect(build.world(), scopes=scopes), build.now, streams=names)

    assert states(denied)["marketing"] == "skipped"
    assert select(store, "SELECT SUM(amount_minor), MIN(category), MAX(currency) FROM costs") == [
        (84_000 + 31_550, "advertising", "EUR")
    ]


def test_shopifys_own_totals_equal_the_store_after_a_pull(build: Any, connect: Connect, tmp_path: Path) -> None:
    """Orders, cancelled and test ones, customers, products, and the revenue to the cent; a lost order is a gap."""
    from persync.connect.stream import AccountFacts

    world = build.world(people=30)
    world.orders[0].is_test = True
    world.orders[1].cancelled_at = world.orders[1].created_at
    store = tmp_path / "s.db"
    made = connect(world)
    run(store, made, build.now)
    connector, client, _ = made

    with client(connector, None) as one:
        totals = list(connector.totals(one, AccountFacts(currency="EUR")))

    with sqlite3.connect(store) as db:
        ours = [db.execute(each.sql, {**each.params, "connection": 1}).fetchone()[0] for each in totals]
        db.execute("DELETE FROM order_ledger WHERE order_key = (SELECT MAX(order_key) FROM orders)")
        less = db.execute(totals[-1].sql, {**totals[-1].params, "connection": 1}).fetchone()[0]
    assert [(each.name, each.value) for each in totals] == [
        ("orders", 30),
        ("orders cancelled", 1),
        ("orders in test", 1),
        ("customers", 30),
        ("products", 1),
        ("revenue", 60_000),
    ]
    assert ours == [each.value for each in totals]
    assert less == 58_000


def test_a_probe_asks_for_one_record_and_the_count(build: Any, connect: Connect) -> None:
    """What doctor and a dry run ask: the real query for one record, and how many there are."""
    from persync.connect.stream import AccountFacts, Work
    from persync_shopify.streams import CUSTOMERS, ORDERS, UNIT_COSTS

    connector, client, _ = connect(build.world(people=7))
    found = []
    with client(connector, None) as one:
        for stream in (ORDERS, CUSTOMERS, UNIT_COSTS):
            work = Work(stream, "shopify", connector.settings, AccountFacts(), "", {}, None, build.now, True)
            reader: Any = stream.reader
            request = reader.probe(work)
            assert request.json["variables"]["first"] == 1
            found.append(reader.count(work, one.send(request).body))

    assert found == [7, 7, None]
