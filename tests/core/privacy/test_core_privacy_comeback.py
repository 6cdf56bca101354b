"""An erased person does not come back, under whatever key a platform names them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typing_extensions import TypedDict

from persync import rows
from persync.connect.connector import ConnectionSettings, Connector
from persync.connect.readers import OffsetPages
from persync.connect.stream import Context, Stream
from persync.errors import DataError
from persync.rows import Action, OrderRef, Person
from persync.store.derive import derive
from persync.store.digest import digest
from persync.store.late import complete
from persync.store.privacy import Erased, erase, find
from persync.store.store import open_store
from persync.store.write import Writer
from persync.testing import FakeApi, pull_once
from privacy_rows import LETTER, in_shop, member_id, write
from support import paged, table

ANN = "ann@example.com"


class Buyer(TypedDict):
    id: str
    email: str
    version: int


class Sale(TypedDict):
    id: str
    buyer: str
    email: str
    cents: int


def buyer_rows(buyer: Buyer, at: Context) -> Iterator[rows.Row]:
    yield rows.Contact(in_shop(buyer["id"], buyer["email"]), status="customer")


def sale_rows(sale: Sale, at: Context) -> Iterator[rows.Row]:
    order = OrderRef(sale["id"])
    yield rows.Order(order, kind="order", person=in_shop(sale["buyer"], sale["email"]), ordered_at=5, currency="EUR")
    yield rows.LedgerEntry(order, "s", "sale", "product", 5, sale["cents"], "EUR")
    yield rows.Touchpoint(None, in_shop(sale["buyer"], sale["email"]), Action.VISIT, 4)


class Stall(Connector):
    name = "stall"
    title = "A market stall"
    streams = (
        Stream(
            "buyers", Buyer, buyer_rows, OffsetPages("buyers", count=5), path="/buyers", version="version", personal_key=True
        ),
        Stream("sales", Sale, sale_rows, OffsetPages("sales", count=5), path="/sales"),
    )

    def base_url(self) -> str:
        return "https://stall.example.com"


def stall() -> Stall:
    return Stall("stall", ConnectionSettings(connector="stall"), {})


def stall_api() -> FakeApi:
    people = [("1", ANN), ("2", "bob@example.com")]
    return FakeApi(
        {
            "/buyers": paged([{"id": number, "email": email, "version": 1} for number, email in people], "buyers"),
            "/sales": paged([{"id": f"s{n}", "buyer": n, "email": email, "cents": 100} for n, email in people], "sales"),
        }
    )


def forget(path: Path, who: Person, orders: tuple[str, ...] = (), of: str = "") -> Erased:
    with open_store(path) as store:
        return erase(store, [find(store, who, orders, of=of)], now=9)


def known(path: Path) -> list[tuple[str, str]]:
    """Return the platform ids that the store holds."""
    return [key for (key,) in table(path, "SELECT key FROM person_keys WHERE kind = 'id' ORDER BY key")]


def test_the_next_pull_brings_only_the_order_and_its_money(tmp_path: Path) -> None:
    path, api = tmp_path / "p.db", stall_api()
    pull_once(path, [stall()], api)
    forget(path, Person(("email", ANN)))
    with open_store(path) as store:
        before = digest(store)

    for full in (False, True):
        result = pull_once(path, [stall()], api, full=full)
        assert (result.exit_code, result.changed) == (0, 0)

    with open_store(path) as store:
        assert digest(store) == before
    assert known(path) == ["2"]
    assert table(path, "SELECT key_id IS NULL, count(*) FROM orders GROUP BY 1") == [(0, 1), (1, 1)]
    assert table(path, "SELECT sum(amount_minor) FROM order_ledger") == [(200,)]
    assert table(path, "SELECT count(*) FROM touchpoints") == [(1,)]


def test_a_request_may_come_before_the_first_pull(tmp_path: Path) -> None:
    path, api = tmp_path / "p.db", stall_api()
    write(path, "other", [])
    forget(path, Person(("email", ANN)))

    pull_once(path, [stall()], api)

    assert known(path) == ["2"]
    assert table(path, "SELECT key_id IS NULL, count(*) FROM orders GROUP BY 1") == [(0, 1), (1, 1)]


def test_a_new_key_in_a_record_of_theirs_is_recognised_alone_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    write(path, "shop", [rows.Contact(Person(("email", ANN)))])
    forget(path, Person(("email", ANN)))

    # On one page: an id alone, its record with the erased address, and one that hangs on by the member id.
    write(
        path,
        "shop",
        [
            rows.Contact(Person(("id", "8"), ("member", "m"))),
            rows.Contact(Person(("id", "7"))),
            rows.Contact(Person(("id", "7"), ("email", ANN), ("member", "m"))),
        ],
    )
    write(path, "shop", [rows.Contact(Person(("id", "7"))), rows.Contact(Person(("id", "8")))])

    assert known(path) == []
    assert table(path, "SELECT count(DISTINCT erased_at), min(erased_at) FROM tombstones") == [(1, 9)]


def test_somebody_known_who_turns_out_to_bear_an_erased_address_goes_too(tmp_path: Path) -> None:
    """Had their record come before the erasure, they would have been one person with the address, and gone with it."""
    path = tmp_path / "p.db"
    write(path, "shop", [rows.Contact(Person(("id", "7")), status="customer"), rows.Contact(Person(("id", "8")))])
    forget(path, Person(("email", ANN)))

    write(path, "shop", [rows.Contact(in_shop("7", ANN), status="changed")])
    with open_store(path) as store:
        done = complete(store, now=10)
    write(path, "shop", [rows.Contact(Person(("id", "7")), orders=3), rows.Contact(Person(("id", "8")), orders=1)])

    assert done
    assert table(path, "SELECT k.key, c.orders FROM contacts c JOIN person_keys k USING (key_id)") == [("8", 1)]


def test_the_member_id_that_mailchimp_would_make_is_known_too(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    write(path, "mail", [])
    forget(path, Person(("email", ANN)))

    write(path, "mail", [rows.Touchpoint(LETTER, Person(("member", member_id(ANN).upper())), Action.OPEN, 5)])

    assert table(path, "SELECT count(*) FROM touchpoints") == [(0,)]


def test_that_an_erased_contact_was_deleted_is_not_noted(filled: Path) -> None:
    forget(filled, Person(("id@shop", "191167")))

    write(filled, "shop", [rows.Deletion("contact", "191167", 5), rows.Deletion("contact", "191168", 5)])
    write(filled, "mail", [rows.Deletion("contact", "191167", 5)])

    found = "SELECT n.name, d.vendor_id FROM deletions d JOIN connections n USING (connection) ORDER BY 1"
    assert table(filled, found) == [("mail", "191167"), ("shop", "191168")], "of another platform that number is another's"


def test_passes_that_held_the_id_begin_anew_and_others_go_on(filled: Path) -> None:
    with open_store(filled) as store:
        store.db.execute(
            "INSERT INTO checkpoints (connection, stream, partition, parent, token)"
            " VALUES (1, 'products', '', '{}', '{\"after\": 1911670}')"
        )

    forget(filled, Person(("id@shop", "191167")))

    assert table(filled, "SELECT stream, token, watermark FROM checkpoints ORDER BY 1") == [
        ("customers", None, 5),
        ("products", '{"after": 1911670}', None),
    ]
    assert table(filled, "SELECT stream, key FROM present") == [("products", "5")]
    assert table(filled, "SELECT count(*) FROM parked") == [(0,)]
    assert table(filled, "SELECT record FROM versions") == [(7,)]


def test_an_orders_people_are_cut_in_every_systems_copy(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    bob = Person(("id", "2"))
    write(path, "shop", [rows.Account("1", "EUR", "UTC", "s.example.com"), _order("10", bob, "s.example.com")])
    write(path, "crm", [_order("900", bob, "s.example.com", "10"), rows.OrderPerson(OrderRef("900"), bob)])
    with open_store(path) as store:
        derive(store)

    done = forget(path, Person(("id@shop", "1")), ("10",), "shop")
    write(path, "crm", [_order("900", bob, "s.example.com", "10"), rows.OrderPerson(OrderRef("900"), bob), _order("901", bob)])

    assert (done.orders, done.rows) == (2, {"order_people": 1})
    cut = "SELECT k.vendor_order_id, o.key_id IS NULL FROM orders o JOIN order_keys k USING (order_key) ORDER BY 1"
    assert table(path, cut) == [
        ("10", 1),
        ("900", 1),
        ("901", 0),
    ]
    assert table(path, "SELECT count(*) FROM order_people") == [(0,)]


def _order(number: str, person: Person, shop: str = "", copy_of: str = "") -> rows.Order:
    ref = OrderRef(number, shop, copy_of or (number if shop else ""))
    return rows.Order(ref, kind="order", person=person, ordered_at=5, currency="EUR")


def test_a_cluster_too_big_to_be_one_person_loses_only_the_named_key(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    write(path, "shop", [rows.Contact(in_shop(f"{i}", "info@example.com")) for i in range(30)])

    done = forget(path, Person(("email", "info@example.com")))

    assert (done.people, done.apart) == (1, 30)
    assert table(path, "SELECT count(*) FROM contacts") == [(30,)]


def test_a_connection_that_the_store_does_not_know_is_named(filled: Path) -> None:
    with pytest.raises(DataError, match="the store knows no connection 'shpo'. Did you mean 'shop'?"):
        forget(filled, Person(("id@shpo", "1")))


def test_whoever_went_into_an_erased_person_does_not_come_back_under_the_old_id(tmp_path: Path) -> None:
    """The survivor's record names the erased address beside its own; of the loser the platform knows the id alone."""
    path = tmp_path / "p.db"
    write(path, "crm", [])
    forget(path, Person(("email", ANN)))
    survivor = Person(("id", "1"), ("email", "bob@example.com"), ("email", ANN))

    write(path, "crm", [rows.Contact(survivor), rows.Merged(survivor, Person(("id", "3")))])
    write(path, "crm", [rows.Stage(Person(("id", "3")), "lead", 5), rows.Contact(Person(("id", "1")))])

    assert known(path) == []
    assert table(path, "SELECT count(*) FROM links UNION ALL SELECT count(*) FROM stages") == [(0,), (0,)]


def test_what_was_known_of_whoever_went_into_an_erased_person_goes_with_them(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    write(path, "crm", [rows.Touchpoint(None, Person(("id", "3")), Action.VISIT, 5)])
    forget(path, Person(("email", ANN)))
    survivor = in_shop("1", ANN)

    with open_store(path) as store:
        writer = Writer(store, "crm", "crm", now=9)
        with store.transaction():
            writer.write([rows.Contact(survivor)])
        with store.transaction():
            writer.write([rows.Touchpoint(None, Person(("id", "3")), Action.VISIT, 6)])
        with store.transaction():
            # Both have been seen on pages before this one.
            writer.write([rows.Merged(survivor, Person(("id", "3")))])
        complete(store, now=9)

    assert known(path) == []
    assert table(path, "SELECT count(*) FROM touchpoints") == [(0,)]


def test_somebody_known_who_went_into_an_erased_person_stays(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    write(path, "crm", [rows.Contact(in_shop("3", "bob@example.com"))])
    forget(path, Person(("email", ANN)))

    write(path, "crm", [rows.Merged(in_shop("1", ANN), Person(("id", "3")))])

    assert known(path) == ["3"]
    assert table(path, "SELECT count(*) FROM contacts") == [(1,)]


def test_whom_an_erased_person_went_into_is_told_by_their_own_record(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    write(path, "crm", [rows.Contact(in_shop("3", ANN))])
    forget(path, Person(("email", ANN)))

    write(path, "crm", [rows.Contact(Person(("id", "1"))), rows.Merged(Person(("id", "1")), Person(("id", "3")))])

    assert known(path) == ["1"]
    assert table(path, "SELECT count(*) FROM links") == [(0,)]
