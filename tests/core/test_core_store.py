"""Opening, writing and holding the store against another."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sqlite3
import stat
from pathlib import Path
from unittest.mock import ANY

import pytest

from persync.errors import ConnectionLockedError, StoreError
from persync.rows import (
    Action,
    CampaignCounters,
    CampaignRef,
    Child,
    Claim,
    Consent,
    Evidence,
    LedgerEntry,
    MemberOf,
    Order,
    OrderLine,
    OrderRef,
    Person,
    Segment,
    Touchpoint,
)
from persync.store.derive import derive
from persync.store.digest import digest, tables
from persync.store.levels import grade
from persync.store.locks import Owner, hold, lock_path, owner
from persync.store.months import month_of
from persync.store.orders import OrderKey, one_order_each
from persync.store.schema import OUTSIDE_DIGEST, SCHEMA_VERSION
from persync.store.store import open_store
from persync.store.write import Writer


def test_the_key_lies_beside_the_store_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    open_store(tmp_path / "shop.db", create=True).close()

    assert stat.S_IMODE((tmp_path / "shop.key").stat().st_mode) == 0o600
    assert (tmp_path / "shop.key").read_text().strip() not in (tmp_path / "shop.db").read_bytes().decode("latin-1")


def test_without_its_key_a_store_can_be_read_but_not_written(tmp_path: Path) -> None:
    open_store(tmp_path / "shop.db", create=True).close()
    (tmp_path / "shop.key").unlink()

    with open_store(tmp_path / "shop.db") as store:
        assert store.integrity() == []
        with pytest.raises(StoreError, match="the key file .* is missing"):
            Writer(store, "shop", "shop", now=1)


def test_another_stores_key_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path / "a.db", create=True).close()
    open_store(tmp_path / "b.db", create=True).close()
    (tmp_path / "a.key").write_bytes((tmp_path / "b.key").read_bytes())

    with open_store(tmp_path / "a.db") as store, pytest.raises(StoreError, match="belongs to another store"):
        Writer(store, "shop", "shop", now=1)


def test_a_missing_store_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no store at .* Run `persync pull`"):
        open_store(tmp_path / "none.db")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, " * 500)

    with pytest.raises(StoreError, match="is not a persync store"):
        open_store(path, create=True)
    assert path.read_text() == "Dear diary, " * 500


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bookmarks.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()

    with pytest.raises(StoreError, match="an SQLite file of another program"):
        open_store(path, create=True)
    assert path.read_bytes() == before


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path / "p.db", create=True).close()
    with sqlite3.connect(tmp_path / "p.db") as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")

    with pytest.raises(StoreError, match="written by a newer persync"):
        open_store(tmp_path / "p.db")


def test_a_store_locked_by_another_program_says_so(tmp_path: Path) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        other = sqlite3.connect(tmp_path / "p.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        store.db.execute("PRAGMA busy_timeout = 1")

        with pytest.raises(StoreError, match="is locked by another program"), store.transaction():
            pass
        other.close()


def test_a_folder_one_may_not_write_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError, match=r"cannot write the lock file .*: Permission denied. Choose a folder"):
        open_store(tmp_path / "p.db", create=True)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make the folder"):
        open_store(tmp_path / "file" / "p.db", create=True)


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        writer = Writer(store, "m", "m", now=1)
        with pytest.raises(RuntimeError), store.transaction():
            writer.write([Touchpoint(CampaignRef(("id", "c")), Person(("id", "1")), Action.OPEN, 5)])
            raise RuntimeError
        writer.forget()
        with store.transaction():
            writer.write([Touchpoint(CampaignRef(("id", "c")), Person(("id", "1")), Action.OPEN, 6)])

        assert store.db.execute("SELECT happened_at FROM touchpoints").fetchall() == [(6,)]
        assert store.db.execute("SELECT count(*) FROM person_keys").fetchall() == [(1,)]


def test_snapshots_get_a_row_only_when_a_value_changed(tmp_path: Path) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        ann, mail = Person(("id", "1")), CampaignRef(("id", "c"))
        for now, opens, state, amount in ((1, 5, "subscribed", 100), (2, 5, "subscribed", 100), (3, 6, "unsubscribed", 90)):
            writer = Writer(store, "m", "m", now=now)
            with store.transaction():
                writer.write(
                    [
                        CampaignCounters(mail, opens=opens),
                        Consent(ann, "email", state),
                        Claim(mail, None, "report", 1, amount, "EUR"),
                    ]
                )

        assert store.db.execute("SELECT number, opens, observed_at FROM campaign_counters").fetchall() == [(1, 5, 1), (2, 6, 3)]
        assert store.db.execute("SELECT number, state FROM consents").fetchall() == [(1, "subscribed"), (2, "unsubscribed")]
        assert store.db.execute("SELECT number, amount_minor FROM claims").fetchall() == [(1, 100), (2, 90)]


def test_a_later_date_of_the_same_consent_is_no_change_and_the_first_date_stays(tmp_path: Path) -> None:
    states = [
        ("subscribed", "web", None),
        ("subscribed", "web", 100),  # now it is known since when
        ("subscribed", "web", None),
        ("unsubscribed", "web", 200),
        ("unsubscribed", "web", 300),  # the record was edited
        ("unsubscribed", "web", 150),
        ("unsubscribed", "import", 400),
        ("subscribed", "import", 500),
    ]
    with open_store(tmp_path / "p.db", create=True) as store:
        changed = []
        for now, (state, source, at) in enumerate(states):
            writer = Writer(store, "m", "m", now=now)
            with store.transaction():
                changed.append(writer.write([Consent(Person(("id", "1")), "email", state, None, source, at)]) > 0)

        assert changed == [True, True, False, True, False, False, True, True]
        assert store.db.execute("SELECT number, state, source, changed_at FROM consents").fetchall() == [
            (1, "subscribed", "web", None),
            (2, "subscribed", "web", 100),
            (3, "unsubscribed", "web", 200),
            (4, "unsubscribed", "import", 400),
            (5, "subscribed", "import", 500),
        ]


def test_a_sale_taken_back_keeps_its_first_date_and_other_entries_may_be_corrected(tmp_path: Path) -> None:
    order = OrderRef("9")
    with open_store(tmp_path / "p.db", create=True) as store:
        changed = []
        for now, amount in ((1, -500), (2, -500), (3, -700)):
            writer = Writer(store, "m", "m", now=now)
            with store.transaction():
                changed.append(writer.write([LedgerEntry(order, "undone", "refund", "product", now, amount, "EUR")]))
            with store.transaction():
                writer.write([LedgerEntry(order, "sale", "sale", "product", now, 500, "EUR")])

        assert [count > 0 for count in changed] == [True, False, True]
        assert store.db.execute("SELECT entry, happened_at, amount_minor FROM order_ledger ORDER BY 1").fetchall() == [
            ("sale", 3, 500),
            ("undone", 1, -700),
        ]


def test_the_month_in_which_a_settled_entry_stands_is_mirrored_anew_when_its_amount_changes(tmp_path: Path) -> None:
    day = 86_400_000
    with open_store(tmp_path / "p.db", create=True) as store:
        for at, amount in ((5 * day, -500), (40 * day, -700)):
            store.db.execute("DELETE FROM dirty")
            writer = Writer(store, "m", "m", now=1)
            with store.transaction():
                writer.write([LedgerEntry(OrderRef("9"), "undone", "refund", "product", at, amount, "EUR")])
        found = store.db.execute("SELECT month FROM dirty WHERE name = 'order_ledger'").fetchall()

    assert (month_of(5 * day),) in found


def test_a_tag_taken_away_is_dated_and_one_given_back_is_current_again(tmp_path: Path) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        ann = Person(("id", "1"))
        for now, tags in ((1, ("a", "b")), (2, ("b",)), (3, ("b",)), (4, ("a", "b"))):
            writer = Writer(store, "m", "m", now=now)
            with store.transaction():
                changed = writer.write([Segment("tag", "a", "L", name="A"), MemberOf(ann, "tag", "L", tags)])
            left = dict(store.db.execute("SELECT s.vendor_id, m.left_at FROM memberships m JOIN segments s USING (segment_id)"))
            assert left == {"a": 2 if now in (2, 3) else None, "b": None}
            assert (changed == 0) == (now == 3)


def test_evidence_replaces_what_its_source_said(tmp_path: Path) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        mail = CampaignRef(("id", "c"))
        for items in ((("read", ""), ("token", "FNAME")), (("read", ""), ("conditional", "IF:VIP"))):
            writer = Writer(store, "m", "m", now=1)
            with store.transaction():
                writer.write([Evidence(mail, "content", items), Evidence(mail, "settings", (("timing", ""),))])

        found = store.db.execute("SELECT source, kind, detail FROM campaign_evidence ORDER BY 1, 2").fetchall()
        assert found == [("content", "conditional", "IF:VIP"), ("content", "read", ""), ("settings", "timing", "")]


def test_the_level_of_a_campaign_is_graded_in_one_place() -> None:
    read = ("content", "read", "")
    assert [
        grade([]),
        grade([read]),
        grade([read, ("content", "token", "FNAME")]),
        grade([read, ("content", "token", "FNAME"), ("settings", "segment", "interests")]),
        grade([read, ("settings", "trigger", "welcome"), ("settings", "timing", "timewarp")]),
        grade([("settings", "segment", "interests")]),
        grade([("report", "recommendation", "3 sold")]),
        grade([read, ("content", "programmable", "loop"), ("override", "level", "0")]),
    ] == [
        (None, "content not read"),
        (0, "nothing personal found"),
        (1, "token FNAME"),
        (2, "segment interests"),
        (3, "trigger welcome"),
        (None, "content not read"),
        (4, "recommendation 3 sold"),
        (0, "set by you"),
    ]


def test_one_sale_seen_by_three_systems_is_one_order_and_the_shops_money_counts() -> None:
    keys = [
        OrderKey(1, "crm", "hubspot", "", "900", "example-shop", "1001", "", 1),
        OrderKey(2, "shop", "shopify", "example-shop.myshopify.com", "1001", "example-shop.myshopify.com", "1001", "#7", 1),
        OrderKey(3, "mail", "mailchimp", "", "x", "alias.example.com", "", "7", 1),
        OrderKey(4, "crm", "hubspot", "", "901", "", "", "Deal 7", 1),
        OrderKey(5, "shop", "shopify", "example-shop.myshopify.com", "1002", "example-shop.myshopify.com", "1002", "#8", 0),
    ]

    found = one_order_each(keys, {"alias.example.com": "example-shop.myshopify.com"})

    assert sorted(found) == [(1, 2, 0), (2, 2, 1), (3, 2, 0), (4, 4, 1), (5, 5, 1)]


def test_the_digest_does_not_depend_on_the_order_of_learning(tmp_path: Path) -> None:
    ann, bob = Person(("id", "1"), ("email", "a@example.com")), Person(("id", "2"))
    rows = [
        Touchpoint(CampaignRef(("id", "c")), bob, Action.CLICK, 5, link="https://shop.example.com/x"),
        Touchpoint(CampaignRef(("id", "d")), ann, Action.OPEN, 5),
        Order(OrderRef("9"), kind="order", person=ann, ordered_at=1, currency="EUR"),
        MemberOf(bob, "tag", "L", ("t",)),
    ]
    digests = []
    for name, order in (("a", rows), ("b", rows[::-1])):
        with open_store(tmp_path / f"{name}.db", create=True) as store:
            if name == "b":
                (tmp_path / "b.key").write_bytes((tmp_path / "a.key").read_bytes())
                store.db.execute("DELETE FROM meta")
            writer = Writer(store, "m", "m", now=1)
            for row in order:
                with store.transaction():
                    writer.write([row, Child("s", "k", {}, version=name)])
            derive(store)
            digests.append(digest(store))

    assert digests[0] == digests[1]


def test_the_digest_sees_a_change_of_one_value(tmp_path: Path) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        writer = Writer(store, "m", "m", now=1)
        with store.transaction():
            writer.write([Order(OrderRef("9"), kind="order", person=None, ordered_at=1, currency="EUR")])
        before = digest(store)
        store.db.execute("UPDATE orders SET ordered_at = 2")

        assert digest(store) != before
        assert not set(tables(store.db)) & set(OUTSIDE_DIGEST)


def test_months_are_counted_in_utc() -> None:
    assert [month_of(0), month_of(-1), month_of(1_767_225_599_999), month_of(1_767_225_600_000)] == [23640, 23639, 24311, 24312]


def test_a_lock_is_held_by_one_and_names_its_owner(tmp_path: Path) -> None:
    store = tmp_path / "p.db"
    clock = iter([100.0, 100.0, 160.0, 160.0]).__next__
    with hold(store, "shop", clock=clock):
        with pytest.raises(ConnectionLockedError) as caught, hold(store, "shop", clock=lambda: 160.0):
            pass
        with hold(store, "mail"):
            pass
    with hold(store, "shop"):
        pass

    assert f"process {os.getpid()} on " in str(caught.value)
    assert ", for 60 s)" in str(caught.value)
    assert caught.value.exit_code == 7


def test_whoever_only_looks_at_a_lock_keeps_no_run_from_it(tmp_path: Path) -> None:
    path = lock_path(tmp_path / "p.db", "shop")
    path.write_text('{"pid": 1, "host": "gone", "since": 0}')
    looking = os.open(path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)

    with hold(tmp_path / "p.db", "shop", sleep=lambda _: os.close(looking)) as killed:
        assert owner(tmp_path / "p.db", "shop") == Owner(os.getpid(), socket.gethostname(), ANY)

    assert (killed, owner(tmp_path / "p.db", "shop")) == (Owner(1, "gone", 0.0), None)


def test_a_lock_file_left_by_a_crash_is_free(tmp_path: Path) -> None:
    (tmp_path / "p.shop.lock").write_text('{"pid": 1, "host": "gone", "since": 0}')

    with hold(tmp_path / "p.db", "shop"):
        pass


def test_who_was_killed_with_a_lock_is_told_to_the_next_one(tmp_path: Path) -> None:
    store = tmp_path / "p.db"
    lock_path(store, "shop").write_text('{"pid": 1, "host": "gone", "since": 0}')

    with hold(store, "shop") as killed:
        assert killed == Owner(1, "gone", 0.0)
    with hold(store, "shop") as killed:
        assert killed is None


def test_a_file_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("persync.store.locks.fcntl.flock", none)

    with (
        pytest.raises(StoreError, match=r"knows no locks \(No locks available\)\. Keep the store on a disk"),
        hold(tmp_path / "p.db", "shop"),
    ):
        pass


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [(-1205, "EUR", "-12.05"), (1205, "JPY", "1205"), (1205, "KWD", "1.205"), (-7, "EUR", "-0.07"), (12345, "CLF", "1.2345")],
)
def test_the_views_show_money_in_major_units_of_its_currency(tmp_path: Path, minor: int, currency: str, shown: str) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        writer = Writer(store, "m", "m", now=1)
        with store.transaction():
            writer.write([LedgerEntry(OrderRef("9"), "e", "sale", "product", 86_400_123, minor, currency)])
            writer.write([Order(OrderRef("9"), kind="order", person=None, ordered_at=0, currency="EUR", total_minor=None)])

        assert store.db.execute("SELECT total FROM v_orders").fetchall() == [(None,)], "what is not known is not 0.00"
        assert store.db.execute("SELECT happened_at, amount, currency FROM v_order_ledger").fetchall() == [
            ("1970-01-02T00:00:00.123Z", shown, currency)
        ]
        for (view,) in store.db.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall():
            assert store.db.execute(f"SELECT * FROM {view}").description is not None


def test_an_older_releases_views_are_brought_up_to_date(tmp_path: Path) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        store.db.execute("DROP VIEW v_orders")
        store.db.execute("CREATE VIEW v_orders AS SELECT 1 AS old")
        store.db.execute("UPDATE meta SET value = '0' WHERE name = 'views'")

    with open_store(tmp_path / "p.db") as store:
        assert "ordered_at" in [column[0] for column in store.db.execute("SELECT * FROM v_orders").description]


def test_the_cost_known_when_a_line_was_first_seen_stays(tmp_path: Path) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        for cost, quantity in ((None, 2), (400, 2), (500, 1)):
            writer = Writer(store, "m", "m", now=1)
            with store.transaction():
                changed = writer.write([OrderLine(OrderRef("9"), "1", quantity=quantity, unit_cost_minor=cost)])
            assert changed > 0

        assert store.db.execute("SELECT quantity, unit_cost_minor FROM order_lines").fetchall() == [(1, 400)]
