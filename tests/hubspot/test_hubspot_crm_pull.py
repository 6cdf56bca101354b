"""Whole pulls of the CRM half: what is new, changed, merged, deleted and gone, without a socket."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect.pull import PullOptions, PullResult, pull
from persync.store.digest import digest
from persync.store.store import open_store
from persync_hubspot.properties import ASKED
from persync_hubspot.sandbox_crm import CrmFaults
from persync_hubspot.streams_crm import CRM_STREAMS

Make = Callable[..., Any]
CRM = tuple(stream.name for stream in CRM_STREAMS)
WEEK = 7 * 86_400_000


def pulled(store: Path, account: Any, *, later: int = 0, settings: dict[str, Any] | None = None, **options: Any) -> PullResult:
    now = account.world.now + later
    given = {"streams": CRM, **options}
    return pull(store, [account.connector(**(settings or {}))], PullOptions(now=now, **given), client=account.client)


def rows(store: Path, sql: str) -> list[Any]:
    with open_store(store) as opened:
        return opened.db.execute(sql).fetchall()


def full(build: Any, **more: Any) -> dict[str, Any]:
    """A world with lines, tickets and surveys: forty people and some orders of a lantern and a candle."""
    from persync.sandbox.world import Line

    orders = [build.copy(n, n) for n in range(1, 12)]
    for order in orders[:3]:
        order.lines = [Line("1", "Lantern", "LAN-01", 2, 1000, 100, 0, 400), Line("2", "Wrapping", "", 1, 100)]
    people = {n: build.person(n) for n in range(1, 41)}
    for person in people.values():
        person.stage_dates["lead"] = person.created_at + build.day
    return {"people": people, "orders": orders, "messages": [], "hubspot_campaigns": [], **more}


def test_a_pull_brings_carts_companies_lines_products_tickets_and_answers(account_of: Make, build: Any, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    result = pulled(store, account_of(**full(build)))

    assert {one.stream: (one.state, one.rejects) for one in result.streams} == dict.fromkeys(CRM, ("done", 0))
    assert rows(store, "SELECT status, count(*), sum(total_minor), count(key_id) FROM carts GROUP BY 1 ORDER BY 1") == [
        ("completed", 11, 22_000, 11),
        ("pending", 6, 15_000, 6),
    ]
    assert rows(store, "SELECT count(*), count(size), min(country) FROM companies") == [(4, 3, "DE")]
    assert rows(store, "SELECT kind, count(*) FROM memberships JOIN segments USING (segment_id) GROUP BY 1") == [
        ("company", 13)
    ]
    assert rows(
        store,
        "SELECT k.vendor_order_id, l.product, l.sku, l.quantity, l.price_minor, l.unit_cost_minor FROM order_lines l"
        " JOIN order_keys k USING (order_key) JOIN orders o USING (order_key)"
        " WHERE o.kind = 'order' ORDER BY 1, l.line LIMIT 2",
    ) == [("9001", "900000000", "LAN-01", 2, 1900, 400), ("9001", None, None, 1, 100, None)]
    assert rows(store, "SELECT count(*) FROM order_lines JOIN orders USING (order_key) WHERE kind = 'deal'") == [(1,)]
    assert rows(store, "SELECT product, title, kind FROM products") == [("900000000", "Lantern", "inventory")]
    assert rows(store, "SELECT item, sku, unit_cost_minor, currency FROM unit_costs") == [("900000000", "LAN-01", 400, "EUR")]
    assert rows(store, "SELECT count(*), count(key_id), count(closed_at), count(first_reply_at) FROM tickets") == [(5, 5, 3, 5)]
    assert rows(
        store, "SELECT kind, count(*), count(key_id), count(ticket), min(grade) FROM feedback GROUP BY 1 ORDER BY 1"
    ) == [
        ("CSAT", 3, 3, 3, "PROMOTER"),
        ("NPS", 2, 2, 0, "PASSIVE"),
    ]


def test_a_move_backward_is_kept_although_no_date_of_the_contact_tells_of_it(
    account_of: Make, build: Any, tmp_path: Path
) -> None:
    store = tmp_path / "a.db"
    pulled(store, account_of(**full(build)))

    moves = "SELECT s.stage, count(*) FROM stages s JOIN person_keys k USING (key_id) WHERE k.key = '{}' GROUP BY 1 ORDER BY 1"
    assert rows(store, moves.format(104)) == [("first_touch", 1), ("lead", 1), ("subscriber", 1)]
    assert rows(store, moves.format(105)) == [("first_touch", 1), ("lead", 2), ("subscriber", 2)]


def test_no_text_and_no_name_of_a_company_a_ticket_or_an_answer_is_stored(account_of: Make, build: Any, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    pulled(store, account_of(**full(build)), settings={"attributes": {"date_of_birth": "consent", "zip": "consent"}})

    content = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".key")
    for text in (b"@example.com", b"Company 0", b"Where is my parcel", b"What a great product", b"Cart c70", b"Deal 1"):
        assert text not in content
    assert rows(store, "SELECT name, max(length(value)) FROM attributes GROUP BY 1") == [("date_of_birth", 5), ("zip", 2)]


def test_a_second_pull_of_everything_and_a_full_one_change_nothing(account_of: Make, build: Any, tmp_path: Path) -> None:
    """The searches, the look back over a month, the list of all ids and the lists anew: all say the same."""
    store = tmp_path / "a.db"
    faults = CrmFaults(archived={"deals": {502: build.now - build.day}}, merged={"deals": {501: (499,)}})
    account = account_of(**full(build), faults=faults)
    pulled(store, account)
    digests = []
    for later, options in ((3_600_000, {}), (build.day, {}), (2 * build.day, {"full": True})):
        result = pulled(store, account, later=later, **options)
        assert result.exit_code == 0
        assert [(one.stream, one.changed) for one in result.streams if one.changed] == []
        with open_store(store) as opened:
            digests.append(digest(opened))

    assert len(set(digests)) == 1


def test_a_stage_that_disagrees_rejects_that_deal_alone(account_of: Make, build: Any, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    faults = CrmFaults(values={"deals": {503: {"hs_is_closed_won": "true"}}})
    result = pulled(store, account_of(**full(build), faults=faults))

    assert result.exit_code == 3
    assert {one.stream: one.rejects for one in result.streams if one.rejects} == {"deals": 1}
    assert rows(store, "SELECT record, field, reason FROM rejects") == [
        ("503", "properties.hs_is_closed_won", "HubSpot says won, the deal's stage is marked as lost.")
    ]
    assert rows(store, "SELECT status, count(*) FROM orders WHERE kind = 'deal' GROUP BY 1 ORDER BY 1") == [
        ("open", 1),
        ("won", 1),
    ]


def test_a_merged_deal_counts_once(account_of: Make, build: Any, tmp_path: Path) -> None:
    """Two won deals of 500.00 become one of 1,000.00: the loser is nowhere any more, its sale goes to nothing."""
    store = tmp_path / "a.db"
    deals = [build.deal(1, 1), build.deal(2, 1)]
    pulled(store, account_of(**full(build, deals=deals)))
    won = "SELECT count(*), sum(l.amount_minor) FROM orders o JOIN order_ledger l USING (order_key) WHERE o.status = 'won'"
    before = rows(store, won)
    deals = [build.deal(1, 1, minor=100_000, updated_at=build.now + 3_600_000), deals[1]]
    later = account_of(**full(build, deals=deals, now=build.now + build.day), faults=CrmFaults(merged={"deals": {501: (502,)}}))
    result = pulled(store, later)

    assert result.exit_code == 0
    assert before == [(2, 100_000)]
    assert rows(store, won) == [(1, 100_000)]
    assert rows(
        store,
        "SELECT k.vendor_order_id, o.status, l.amount_minor FROM orders o JOIN order_ledger l USING (order_key)"
        " JOIN order_keys k USING (order_key) WHERE o.kind = 'deal' ORDER BY 1",
    ) == [("501", "won", 100_000), ("502", "deleted", 0)]


def test_a_deal_that_was_won_and_is_open_again_counts_no_more(account_of: Make, build: Any, tmp_path: Path) -> None:
    """HubSpot's numbers and ours agree on it before and after, in count and in money."""
    from persync.connect.stream import AccountFacts
    from persync_hubspot.totals_crm import crm_totals

    store = tmp_path / "a.db"
    deals = [build.deal(number, 1) for number in (1, 2, 3)]
    seen = []
    for days, stage in ((0, "closedwon"), (1, "contractsent"), (2, "closedwon")):
        deals[1].stage, deals[1].updated_at = stage, build.now + days * build.day - 3_600_000
        account = account_of(**full(build, deals=deals, orders=[], now=build.now + days * build.day))
        pulled(store, account)
        with account.client(account.connector()) as client:
            told = [one for one in crm_totals(client, AccountFacts(currency="EUR")) if one.name == "won deals"]
        with open_store(store) as opened:
            ours = [opened.db.execute(one.sql, {**one.params, "connection": 1}).fetchone()[0] for one in told]
        seen.append(([one.value for one in told], ours))

    assert seen == [([3, 150_000], [3, 150_000]), ([2, 100_000], [2, 100_000]), ([3, 150_000], [3, 150_000])]


def test_nothing_is_written_to_hubspot_and_no_link_is_followed(account_of: Make, build: Any, tmp_path: Path) -> None:
    """Lists point to their next page at api.hubapi.com; every call stays where the connection says, and only reads."""
    account = account_of(**full(build, people={n: build.person(n) for n in range(1, 230)}))
    for later in (0, WEEK):
        pulled(tmp_path / "a.db", account, later=later)

    calls = account.transport.calls
    assert {call.url.host for call in calls} == {"hub.test"}
    assert sum("after=" in str(call.url) for call in calls) > 2
    assert {call.url.path.rpartition("/")[2] for call in calls if call.method == "POST"} == {"search", "read"}
    assert {call.method for call in calls} == {"GET", "POST"}
    assert not [call for call in calls if "gdpr-delete" in call.url.path]


def test_what_is_left_out_of_the_crm_is_not_asked_for(account_of: Make, build: Any, tmp_path: Path) -> None:
    """No owners, no custom objects, no exports, no list form of associations; only properties that are used."""
    account = account_of(**full(build))
    for later in (0, WEEK):
        pulled(tmp_path / "a.db", account, later=later)

    calls = account.transport.calls
    paths = {call.url.path for call in calls}
    words = ("/owners/", "/exports/", "/objects/2026-09/2-", "/schemas", "/associations/2026-09/0-3/5")
    assert not [path for path in paths if any(word in path for word in words)]
    asked = {name for call in calls for name in call.url.params.get("properties", "").split(",")}
    asked |= {name for call in calls if call.content for name in orjson.loads(call.content).get("properties", ())}
    used = {name for names in ASKED.values() for name in names}
    assert asked - {""} <= used | {"hs_object_id"}
    left_out = (
        "quarantined",
        "bad_address",
        "bounce",
        "ineligible",
        "hs_email_open",
        "hs_email_last",
        "latest_source",
        "first_url",
    )
    left_out += ("referrer", "converting_campaign", "recent_conversion", "analytics_revenue", "dealtype", "probability")
    left_out += (
        "closed_amount",
        "hs_campaign",
        "num_associated",
        "cart_discount",
        "hs_tax",
        "shipping",
        "content",
        "firstname",
    )
    assert not [name for name in asked for part in left_out if part in name]
    archived = {call.url.path for call in calls if "archived=true" in str(call.url)}
    assert not {path for path in archived if path.endswith(("/0-7", "/0-8", "/0-19"))}
    assert len(archived) == 6


def test_what_was_archived_is_dated_in_the_next_pull_although_no_search_shows_it(
    account_of: Make, build: Any, tmp_path: Path
) -> None:
    store = tmp_path / "a.db"
    pulled(store, account_of(**full(build)))
    at = build.now + 3_600_000
    archived = {
        "contacts": {101: at},
        "companies": {60_000_000_000: at},
        "deals": {501: at},
        "orders": {9001: at},
        "carts": {500_000_007_001: at},
        "tickets": {770_000_000_001: at},
    }
    later = account_of(**full(build, now=build.now + build.day), faults=CrmFaults(archived=archived))
    pulled(store, later)

    assert rows(store, "SELECT thing, vendor_id, deleted_at FROM deletions ORDER BY 1, 2") == [
        ("cart", "500000007001", at),
        ("company", "60000000000", at),
        ("contact", "101", at),
        ("order", "501", at),
        ("order", "9001", at),
        ("ticket", "770000000001", at),
    ]
    assert rows(
        store,
        "SELECT k.vendor_order_id, o.status, o.cancelled_at, l.amount_minor FROM orders o JOIN order_keys k USING (order_key)"
        " JOIN order_ledger l USING (order_key) WHERE o.status = 'deleted' ORDER BY 1",
    ) == [("501", "deleted", at, 0), ("9001", "deleted", at, 0)]
    assert rows(store, "SELECT k.key FROM contacts c JOIN person_keys k USING (key_id) WHERE c.is_deleted") == [("101",)]


def test_what_only_vanished_is_found_by_the_list_of_ids_a_week_later_and_its_facts_stay(
    account_of: Make, build: Any, tmp_path: Path
) -> None:
    """Deleted under the GDPR, or archived for more than 90 days: no list has it, so a list without it is all there is."""
    store = tmp_path / "a.db"
    old = build.now - 91 * build.day
    pulled(store, account_of(**full(build)))
    lines = rows(store, "SELECT count(*) FROM order_ledger")
    faults = CrmFaults(
        gone={"contacts": frozenset({102}), "deals": frozenset({502}), "companies": frozenset({60_000_000_013})},
        archived={"orders": {9002: old}, "carts": {500_000_007_002: old}, "tickets": {770_000_000_009: old}},
    )
    soon = pulled(store, account_of(**full(build, now=build.now + build.day), faults=faults))
    before = rows(store, "SELECT count(*) FROM deletions")
    result = pulled(store, account_of(**full(build, now=build.now + WEEK), faults=faults))

    swept = {one.stream: one.records for one in result.streams if one.stream.endswith("_ids")}
    assert {one.stream: one.pages for one in soon.streams if one.stream.endswith("_ids")} == dict.fromkeys(swept, 1)
    assert before == [(6,)]
    assert swept == {
        "contacts_ids": 39,
        "companies_ids": 3,
        "deals_ids": 2,
        "orders_ids": 10,
        "carts_ids": 16,
        "tickets_ids": 4,
    }
    assert rows(store, "SELECT thing, vendor_id, deleted_at FROM deletions ORDER BY 1, 2") == [
        ("cart", "500000007002", None),
        ("company", "60000000013", None),
        ("contact", "102", None),
        ("order", "502", None),
        ("order", "9002", None),
        ("ticket", "770000000009", None),
    ]
    assert rows(store, "SELECT count(*) FROM order_ledger") == lines


def test_the_lists_of_ids_wait_a_week(account_of: Make, build: Any, tmp_path: Path) -> None:
    """Asked for by nobody, they are read a week after the first pull, and then each week."""
    store = tmp_path / "a.db"
    default: dict[str, Any] = {"streams": ()}
    passes = []
    for days in (0, 6, 7, 13, 14):
        account = account_of(**full(build, now=build.now + days * build.day))
        result = pulled(store, account, **default)
        passes.append(sum(one.pages for one in result.streams if one.stream.endswith("_ids")))

    assert passes == [0, 0, 6, 0, 6]


def test_a_change_the_index_does_not_know_yet_is_seen_by_the_next_pull(account_of: Make, build: Any, tmp_path: Path) -> None:
    """A contact changed a minute before a pull: the search does not show it, and the window does not pretend it did."""
    store = tmp_path / "a.db"
    lag = CrmFaults(index_lag=90_000)
    world = full(build)
    pulled(store, account_of(**world))
    moment = build.now + build.day
    world["people"][7].updated_at = moment - 60_000
    world["people"][7].lifecycle = "customer"
    status = "SELECT c.status FROM contacts c JOIN person_keys k USING (key_id) WHERE k.key = '107'"
    lagging = account_of(**{**world, "now": moment}, faults=lag)
    pulled(store, lagging)
    first = rows(store, status)
    asked = [orjson.loads(call.content) for call in lagging.transport.calls if call.url.path.endswith("/0-1/search")]
    ends = {
        one["value"] for body in asked for group in body["filterGroups"] for one in group["filters"] if one["operator"] == "LT"
    }
    pulled(store, account_of(**{**world, "now": moment + 300_000}, faults=lag))

    assert ends == {str(moment - 120_000)}
    assert first == [("subscriber",)]
    assert rows(store, status) == [("customer",)]


def test_a_company_that_somebody_left_is_noticed_within_a_day(account_of: Make, build: Any, tmp_path: Path) -> None:
    """Leaving moves no date of the contact: the last month's contacts are read again once a day."""
    store = tmp_path / "a.db"
    world = full(build)
    for person in world["people"].values():
        person.updated_at = build.now - build.day
    pulled(store, account_of(**world))
    # In this account who works where follows from a number: number 3 is another person now, who never worked anywhere.
    other = build.person(4, updated_at=build.now - build.day, hubspot_id="103", email="p3@example.com")
    world["people"][3] = other
    pulled(store, account_of(**{**world, "now": build.now + build.day}))

    left = "SELECT k.key FROM memberships m JOIN person_keys k USING (key_id) WHERE m.left_at IS NOT NULL"
    assert rows(store, left) == [("103",)]


def test_a_misspelt_attribute_fails_its_stream_and_nothing_else(account_of: Make, build: Any, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    result = pulled(store, account_of(**full(build)), settings={"attributes": {"contry": "consent", "country": "consent"}})

    failed = {one.stream: one.reason for one in result.streams if one.state != "done"}
    assert result.exit_code == 3
    assert failed == {"contact_properties": "property 'contry' does not exist here. Did you mean 'country'?"}
    assert rows(store, "SELECT DISTINCT name, value FROM attributes WHERE value IS NOT NULL") == [("country", "DE")]


def test_a_copy_and_the_shops_own_order_are_one_order_and_a_cart_is_no_second_one(
    account_of: Make, build: Any, tmp_path: Path
) -> None:
    """The same sale in two connections: the shop's money counts; the cart it came from holds no money of its own."""
    from persync.rows import Account, Cart, LedgerEntry, Order, OrderRef
    from persync.store.derive import derive
    from persync.store.write import Writer

    store = tmp_path / "a.db"
    account = account_of(**full(build))
    pulled(store, account)
    with open_store(store) as opened:
        writer = Writer(opened, "shop", "shopify", now=build.now)
        with opened.transaction():
            shop = OrderRef("gid://7001", "lantern-test.myshopify.com", "7001", "#1001")
            writer.write(
                [
                    Account("1", shop="lantern-test.myshopify.com"),
                    Order(shop, kind="order", ordered_at=build.now, status="paid", currency="EUR", total_minor=1500),
                    LedgerEntry(shop, "1", "sale", "product", build.now, 1500, "EUR"),
                    Cart("c7001", status="completed", total_minor=2000, currency="EUR", shop="lantern-test.myshopify.com"),
                ]
            )
        derive(opened)

    one_order = (
        "SELECT n.name, f.is_money_source FROM order_of f JOIN order_keys k USING (order_key) JOIN connections n USING"
        " (connection) WHERE f.order_id = (SELECT order_id FROM order_of JOIN order_keys USING (order_key)"
        " WHERE vendor_order_id = '9001') ORDER BY 1"
    )
    assert rows(store, one_order) == [("hubspot", 0), ("shop", 1)]
    money = "SELECT sum(l.amount_minor) FROM order_ledger l JOIN order_of f USING (order_key) WHERE f.is_money_source = 1"
    # Ten other copies of 20.00, the shop's own 15.00, one won deal of 500.00.
    assert rows(store, money) == [(10 * 2000 + 1500 + 50_000,)]


@pytest.mark.parametrize("why", ["scope", "tier"])
@pytest.mark.parametrize(
    ("kind", "streams"),
    [
        ("carts", {"carts", "carts_archived", "carts_ids"}),
        ("companies", {"companies", "companies_archived", "companies_ids"}),
        ("tickets", {"tickets", "tickets_archived", "tickets_ids"}),
        ("products", {"products"}),
        ("line_items", {"line_items"}),
        ("feedback_submissions", {"feedback"}),
    ],
)
def test_a_type_that_may_not_be_read_is_skipped_and_said(
    account_of: Make, build: Any, tmp_path: Path, kind: str, streams: set[str], why: str
) -> None:
    store = tmp_path / "a.db"
    result = pulled(store, account_of(**full(build), faults=CrmFaults(denied={kind: why})))

    assert result.exit_code == 0
    assert {one.stream for one in result.streams if one.state == "skipped"} == streams
    assert {one.state for one in result.streams if one.stream not in streams} == {"done"}
    reasons = rows(store, "SELECT DISTINCT substr(reason, 1, 6) FROM coverage WHERE state <> 'complete'")
    assert reasons == [(f"{why}: "[:6],)]
