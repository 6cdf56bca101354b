"""Whole pulls from the imitated account, without a socket."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect.pull import PullOptions, PullResult, pull
from persync.store.digest import digest
from persync.store.store import open_store
from persync_hubspot import streams
from persync_hubspot.sandbox_crm import CrmFaults

NAMES = tuple(stream.name for stream in streams.STREAMS if stream.default)


def pulled(store: Path, account: Any, *, later: int = 0, settings: dict[str, Any] | None = None, **options: Any) -> PullResult:
    now = account.world.now + later
    return pull(
        store,
        [account.connector(**(settings or {}))],
        PullOptions(now=now, **options),
        client=account.client,
        clock=lambda: now / 1000,
    )


def rows(store: Path, sql: str) -> list[Any]:
    with open_store(store) as opened:
        return opened.db.execute(sql).fetchall()


def test_a_pull_brings_the_whole_account(account: Any, tmp_path: Path) -> None:
    """People, consent, mails with levels, touches, deals, orders, claims and costs; no stream fails or rejects."""
    store = tmp_path / "a.db"
    result = pulled(store, account)

    assert result.exit_code == 0
    assert {one.stream: (one.state, one.rejects) for one in result.streams} == dict.fromkeys(NAMES, ("done", 0))
    assert rows(store, "SELECT state, level, count(*) FROM consents WHERE channel = 'email' GROUP BY 1, 2 ORDER BY 1") == [
        ("subscribed", "consent", 4),
        ("unsubscribed", None, 1),
    ]
    assert rows(
        store, "SELECT a.name, count(*), sum(t.is_machine) FROM touchpoints t JOIN actions a USING (action) GROUP BY 1"
    ) == [
        ("bounce", 1, None),
        ("click", 1, 0),
        ("complaint", 1, None),
        ("deliver", 3, None),
        ("drop", 1, None),
        ("open", 3, 1),
        ("send", 4, None),
        ("unsubscribe", 1, None),
    ]
    assert rows(
        store,
        "SELECT c.title, l.level FROM campaigns c JOIN campaign_levels l USING (campaign_key) WHERE c.kind LIKE '%EMAIL'"
        " ORDER BY 1",
    ) == [("Mail 1", 1), ("Mail 2", 1), ("Mail 3", 1)]
    assert rows(
        store, "SELECT model, orders, amount_minor FROM claims WHERE model LIKE 'LA%' OR model LIKE 'LI%' ORDER BY 1"
    ) == [
        ("LAST_INTERACTION", 1, 70_050),
        ("LINEAR", 1, 50_000),
    ]
    assert rows(store, "SELECT count(*) FROM claims") == [(9,)]
    assert rows(store, "SELECT category, amount_minor, currency FROM costs") == [("media", 18_000, "EUR")]
    assert rows(store, "SELECT account_id, currency, timezone FROM connections") == [
        (str(10_000_000 + 0x0F0F0F), "EUR", "Europe/Berlin")
    ]


def test_every_touch_finds_its_mail(account: Any, tmp_path: Path) -> None:
    """Events name the number of a send; the mail names it as its own."""
    store = tmp_path / "a.db"
    pulled(store, account)

    assert rows(
        store,
        "SELECT c.title, count(*) FROM touchpoints t JOIN campaign_of o USING (campaign_key)"
        " JOIN campaigns c ON c.campaign_key = o.campaign_id GROUP BY 1",
    ) == [("Mail 1", 13), ("Mail 2", 2)]


def test_an_address_and_an_id_are_one_person_and_merges_are_followed(account: Any, tmp_path: Path) -> None:
    """Contact 102 swallowed 77; events know addresses alone."""
    store = tmp_path / "a.db"
    pulled(store, account)

    people = dict(rows(store, "SELECT k.key, p.person FROM person_keys k JOIN person_of p USING (key_id) WHERE k.kind = 'id'"))
    assert people["77"] == people["102"] != people["101"]
    assert rows(store, "SELECT count(*), count(DISTINCT p.person) FROM touchpoints t JOIN person_of p USING (key_id)") == [
        (15, 5)
    ]
    assert rows(store, "SELECT count(DISTINCT person) FROM person_of") == [(5,)]


def test_no_name_and_no_address_is_stored(account: Any, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    pulled(store, account, settings={"attributes": {"country": "consent"}})

    content = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.suffix != ".key")
    assert b"@example.com" not in content
    assert b"Deal 1" not in content
    assert account.token.encode() not in content
    assert rows(store, "SELECT DISTINCT name, value, basis FROM attributes") == [("country", "DE", "consent")]


def test_a_second_pull_changes_nothing(account: Any, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    pulled(store, account)
    with open_store(store) as opened:
        before = digest(opened)
    again = pulled(store, account, later=3_600_000)

    assert again.exit_code == 0
    assert [one.stream for one in again.streams if one.changed] == []
    with open_store(store) as opened:
        assert digest(opened) == before


def test_a_pull_with_offsets_that_die_gives_the_same_store(account_of: Any, build: Any, tmp_path: Path) -> None:
    """The store of an account whose offsets are dead on arrival equals the one of an account whose offsets live on."""
    from persync.sandbox.world import Send

    start = build.now - 100 * build.day
    mails = [build.mail(1, [Send(1 + number % 5, start + number * 7) for number in range(2600)])]
    calls: dict[str, int] = {}
    digests = set()
    for name, alive in (("lasting", None), ("dying", 0)):
        store = tmp_path / name / "a.db"
        store.parent.mkdir()
        if name == "dying":
            key = store.with_suffix(".key")
            key.write_bytes((tmp_path / "lasting" / "a.key").read_bytes())
            key.chmod(0o600)
        account = account_of(messages=mails, offset_pages=alive)
        result = pulled(store, account)
        calls[name] = len(account.transport.calls)
        assert result.exit_code == 0
        assert rows(store, "SELECT count(*) FROM touchpoints WHERE action = 1") == [(2600,)]
        with open_store(store) as opened:
            digests.add(digest(opened))

    assert len(digests) == 1
    assert calls["dying"] > calls["lasting"]


def test_money_is_the_won_deals_and_the_copies_of_orders(account: Any, tmp_path: Path) -> None:
    """A copy holds the total of its day, without the later refund; it names the shop's order, so the shop's money wins."""
    store = tmp_path / "a.db"
    pulled(store, account)

    assert rows(
        store,
        "SELECT o.kind, o.status, count(*), sum(l.amount_minor) FROM orders o LEFT JOIN order_ledger l USING (order_key)"
        " GROUP BY 1, 2 ORDER BY 1, 2",
    ) == [("deal", "lost", 1, 0), ("deal", "open", 1, 0), ("deal", "won", 1, 50_000), ("order", "paid", 3, 6000)]
    assert rows(store, "SELECT shop, shop_order_id, shop_order_name FROM order_keys WHERE shop <> '' ORDER BY 2") == [
        ("lantern-test", f"700{number}", f"#100{number}") for number in (1, 2, 3)
    ]
    assert rows(store, "SELECT count(*) FROM order_people") == [(1,)]


def test_what_changed_is_searched_and_what_was_deleted_is_listed(account_of: Any, build: Any, tmp_path: Path) -> None:
    """A later pull searches a window; a new deal's people come from its associations, a deleted contact from its own list."""
    store = tmp_path / "a.db"
    people = {1: build.person(1), 2: build.person(2)}
    pulled(store, account_of(people=people, deals=[], orders=[], messages=[], hubspot_campaigns=[]))
    now = build.now + build.day
    at = now - 3_600_000
    people[2].status, people[2].status_changed_at = "archived", at
    people[3] = build.person(3, created_at=at, updated_at=at)
    deal = build.deal(9, 3, people=(1,), created_at=at, processed_at=at, updated_at=at)
    later = account_of(people=people, deals=[deal], orders=[], messages=[], hubspot_campaigns=[], now=now)
    result = pulled(store, later)

    assert result.exit_code == 0
    searched = [call for call in later.transport.calls if call.url.path.endswith("0-1/search")]
    asked = [orjson.loads(call.content)["filterGroups"][0]["filters"] for call in searched]
    filters = next(found for found in asked if found[0]["propertyName"] == "lastmodifieddate")
    assert [(one["propertyName"], one["operator"]) for one in filters] == [
        ("lastmodifieddate", "GTE"),
        ("lastmodifieddate", "LT"),
        ("hs_object_id", "GT"),
    ]
    assert all(one["value"].isdigit() for one in filters)
    assert dict(rows(store, "SELECT k.key, c.is_deleted FROM contacts c JOIN person_keys k USING (key_id)")) == {
        "101": 0,
        "102": 1,
        "103": 0,
    }
    assert rows(store, "SELECT k.key FROM orders o JOIN person_keys k USING (key_id)") == [("101",)]
    assert rows(store, "SELECT k.key FROM order_people p JOIN person_keys k USING (key_id)") == [("103",)]


def test_a_contact_added_to_an_open_deal_is_seen_although_the_deal_did_not_change(
    account_of: Any, build: Any, tmp_path: Path
) -> None:
    store = tmp_path / "a.db"
    people = {number: build.person(number) for number in (1, 2)}
    deals = [build.deal(number, 1, stage="contractsent", minor=0) for number in (1, 2)]
    deals[1].stage = "closedlost"
    pulled(store, account_of(people=people, deals=deals, orders=[], messages=[]))
    for deal in deals:
        deal.people = (2,)
    pulled(store, account_of(people=people, deals=deals, orders=[], messages=[]), later=build.day)

    # The open one is read again, the one that was lost half a year ago is not.
    people_of = "SELECT o.vendor_order_id, k.key FROM order_people"
    people_of += " JOIN person_keys k USING (key_id) JOIN order_keys o USING (order_key)"
    assert rows(store, people_of) == [("501", "102")]


def test_a_search_goes_on_behind_the_wall(account_of: Any, build: Any, tmp_path: Path) -> None:
    """10,400 contacts stamped alike by a bulk edit: more than a search may give, none lost."""
    store = tmp_path / "a.db"
    empty = {"deals": [], "orders": [], "messages": [], "hubspot_campaigns": []}
    pulled(store, account_of(people={}, **empty), streams=("account", "contacts"))
    now = build.now + build.day
    people = {number: build.person(number, updated_at=now - 3_600_000) for number in range(1, 10_401)}
    later = account_of(people=people, now=now, **empty)
    later.transport.most = 60
    result = pulled(store, later, streams=("contacts",))

    assert result.exit_code == 0
    assert rows(store, "SELECT count(*) FROM contacts") == [(10_400,)]
    asked = [orjson.loads(call.content) for call in later.transport.calls if call.url.path.endswith("/search")]
    assert max(int(body["after"]) + body["limit"] for body in asked) <= 10_000
    assert len({body["filterGroups"][0]["filters"][2]["value"] for body in asked}) == 2
    # Fifty-three searches at five a second.
    assert 10.0 <= later.waited <= 11.0


def test_statistics_that_moved_are_read_again_for_recent_and_for_automated_mails(
    account_of: Any, build: Any, tmp_path: Path
) -> None:
    from persync.sandbox.world import Send

    store = tmp_path / "a.db"
    old = build.now - 200 * build.day
    mails = [
        build.mail(1, [Send(1, build.now - 30 * build.day)]),
        build.mail(2, [Send(1, old)], sent_at=old, created_at=old - build.day),
        build.mail(3, [Send(1, old)], sent_at=old, created_at=old - build.day, kind="AUTOMATED_EMAIL", workflow="Club"),
    ]
    mails[0].sent_at = build.now - 30 * build.day
    pulled(store, account_of(messages=mails))
    for mail in mails:
        mail.sends.append(Send(2, build.now - build.day))
    pulled(store, account_of(messages=mails), later=build.day)

    assert rows(
        store, "SELECT c.title, n.number, n.sent FROM campaign_counters n JOIN campaigns c USING (campaign_key) ORDER BY 1, 2"
    ) == [("Mail 1", 1, 1), ("Mail 1", 2, 2), ("Mail 2", 1, 1), ("Mail 3", 1, 1), ("Mail 3", 2, 2)]


def test_a_stream_the_key_or_the_tier_may_not_read_is_a_hole_and_the_rest_goes_on(account_of: Any, tmp_path: Path) -> None:
    account = account_of(faults=CrmFaults(denied={"orders": "scope", "feedback_submissions": "tier"}))
    result = pulled(tmp_path / "a.db", account)

    held = {one.stream: one.reason for one in result.streams if one.state != "done"}
    assert result.exit_code == 0
    assert set(held) == {"orders", "order_people", "orders_archived", "feedback"}
    assert "scope: the key lacks the scope crm.objects.orders.read" in held["orders"]
    assert held["feedback"].startswith("tier: the account may not read this (HTTP 403)")


def test_streams_that_are_off_by_default_can_be_asked_for(account: Any, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    result = pulled(store, account, streams=("email_campaign_ids", "email_campaigns"))

    assert result.exit_code == 0
    assert {one.stream: one.records for one in result.streams} == {"email_campaign_ids": 2, "email_campaigns": 2}


def test_doctor_names_the_account_its_calls_and_what_is_misspelt(account: Any) -> None:
    connector = account.connector(attributes={"contry": "consent"})
    with account.client(connector) as client:
        told = list(connector.check(client))

    assert told == [
        ("account", "portal 10986895, EUR, Europe/Berlin"),
        ("calls today", "2 of 1000000 calls of today used (0.0 %), until 2026-10-01T22:00:00.000Z"),
        ("contacts properties", "property 'contry' does not exist here. Did you mean 'country'?"),
    ]


@pytest.mark.parametrize("stream", streams.STREAMS, ids=lambda stream: str(stream.name))
def test_every_stream_is_on_a_dated_path_but_for_the_events(stream: Any) -> None:
    assert ("/2026-09" in stream.path) != stream.path.startswith("/email/public/v1/")
