"""Files become rows."""

from __future__ import annotations

import gzip
from collections.abc import Collection
from pathlib import Path

import pytest

from core.imports.import_cases import KINDS, ORDERS, Read, refusal
from persync.errors import ImportFileError
from persync.imports.csvfile import read_batch
from persync.imports.files import FilesConnector, FilesSettings
from persync.imports.importer import Importer, Stored
from persync.imports.known import connections_in, orders_in
from persync.rows import (
    Action,
    Assignment,
    Attribute,
    CampaignRef,
    Cost,
    Decision,
    LedgerEntry,
    Order,
    OrderDiscount,
    OrderRef,
    Outcome,
    Person,
    Touchpoint,
)
from persync.store.store import open_store
from persync.store.write import write_batch

MARCH_1 = 1_740_787_200_000
DAY = 86_400_000


def test_costs_become_one_row_a_line(read: Read) -> None:
    """The entry is all that is told, and a number for equal lines of the file."""
    text = (
        "date,category,amount,currency,scope,amortise_months\n"
        "2025-03-01,licence,120.50,EUR,mailchimp,12\n"
        "2025-03-01,agency,300,EUR,,\n"
        "2025-03-01,agency,300,EUR,,\n"
    )

    assert read("costs", text) == [
        Cost(f"{MARCH_1}|licence|EUR|mailchimp|12050/12/0", MARCH_1, "licence", 12050, "EUR", "mailchimp", 12),
        Cost(f"{MARCH_1}|agency|EUR||30000/0/0", MARCH_1, "agency", 30000, "EUR", "", 0),
        Cost(f"{MARCH_1}|agency|EUR||30000/0/1", MARCH_1, "agency", 30000, "EUR", "", 0),
    ]


def test_touchpoints_name_people_in_three_ways(read: Read) -> None:
    """An @ makes an e-mail, a colon a platform's id, everything else is an id of the user's own."""
    text = (
        "person,at,channel,campaign,action,level,source\n"
        "Ann@Example.com,2025-03-01T10:00:00+01:00,email,spring,open,2,crm\n"
        "shop:42,1740787200000,paid_search,,,,\n"
        "card-7,2025-03-01,direct,,visit,,\n"
        "card-7,2025-03-01,direct,,visit,,\n"
    )

    assert read("touchpoints", text) == [
        Touchpoint(
            CampaignRef(("id", "spring")),
            Person(("email", "ann@example.com")),
            Action.OPEN,
            MARCH_1 + 9 * DAY // 24,
            level=2,
            channel="email",
            source="crm",
        ),
        Touchpoint(None, Person(("id@shop", "42")), Action.CLICK, MARCH_1, channel="paid_search"),
        Touchpoint(None, Person(("opaque", "card-7")), Action.VISIT, MARCH_1, channel="direct"),
        Touchpoint(None, Person(("opaque", "card-7")), Action.VISIT, MARCH_1, ordinal=1, channel="direct"),
    ]


def test_level_zero_is_a_level(read: Read) -> None:
    """A message without any personalisation is known to be so; an empty cell is not known."""
    rows = read("touchpoints", "person,at,channel,level\na1,2025-03-01,email,0\na2,2025-03-01,email,\n")

    assert [row.level for row in rows if isinstance(row, Touchpoint)] == [0, None]


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_negative_amount_is_a_refund_of_its_order(read: Read, newest_first: bool) -> None:
    """The order keeps the day it was placed, whichever way the file is sorted; the refund has its own day."""
    lines = [
        "1001,ann@example.com,2025-03-01,80.00,EUR,web,paid",
        "1001,ann@example.com,2025-03-03,5.00,EUR,web,",
        "1001,ann@example.com,2025-03-11,-30.00,EUR,web,",
    ]
    rows = read("orders", "\n".join(["order,person,at,amount,currency,channel,status", *lines[:: -1 if newest_first else 1]]))

    order = OrderRef("1001")
    placed = Order(
        order, "order", Person(("email", "ann@example.com")), MARCH_1, "paid", False, currency="EUR", sales_channel="web"
    )
    assert [row for row in rows if isinstance(row, Order)] == [placed, placed]
    assert sorted((row for row in rows if isinstance(row, LedgerEntry)), key=lambda row: row.happened_at) == [
        LedgerEntry(order, f"{MARCH_1}|+/0", "sale", "product", MARCH_1, 8000, "EUR"),
        LedgerEntry(order, f"{MARCH_1 + 2 * DAY}|+/0", "edit", "product", MARCH_1 + 2 * DAY, 500, "EUR"),
        LedgerEntry(order, f"{MARCH_1 + 10 * DAY}|-3000/0", "refund", "product", MARCH_1 + 10 * DAY, -3000, "EUR"),
    ]


def test_what_a_sale_was_cheaper_by_is_a_discount_of_its_order(read: Read) -> None:
    """The amount has lost it already; nothing off is no discount, and each line has its own."""
    lines = ("1,a,2025-03-01,80,EUR,20", "1,a,2025-03-02,5,EUR,1.50", "2,a,2025-03-01,10,EUR,0", "3,a,2025-03-01,10,EUR,")
    rows = read("orders", "\n".join(["order,person,at,amount,currency,discount", *lines]))

    assert [row for row in rows if isinstance(row, OrderDiscount)] == [
        OrderDiscount(OrderRef("1"), f"{MARCH_1}|+/0", "manual", None, 2000, "EUR"),
        OrderDiscount(OrderRef("1"), f"{MARCH_1 + DAY}|+/0", "manual", None, 150, "EUR"),
    ]


def test_cancelled_and_test_orders_say_so(read: Read) -> None:
    rows = read("orders", "order,person,at,amount,currency,status\n1,a,2025-03-01,1,EUR,cancelled\n2,a,2025-03-01,1,EUR,test\n")

    assert [(row.status, row.is_test) for row in rows if isinstance(row, Order)] == [("cancelled", False), ("paid", True)]


def test_the_other_kinds_become_their_rows(read: Read) -> None:
    ann = Person(("opaque", "a1"))
    assert read("assignments", "experiment,person,arm,at,planned_share\nwelcome,a1,treated,2025-03-01,0.5\n") == [
        Assignment("welcome", ann, "treated", MARCH_1, 0.5)
    ]
    assert read("attributes", "person,name,value,basis\na1,age_band,30-44,consent\n") == [
        Attribute(ann, "age_band", "30-44", "consent")
    ]
    assert read("decisions", "decision,person,selected,score,qualified,at\nvip,a1,yes,0.75,0,2025-03-01\n") == [
        Decision("vip", ann, True, 0.75, False, MARCH_1)
    ]


def test_what_somebody_did_needs_no_basis(read: Read) -> None:
    rows = read("attributes", "person,name,value\na1,recency,7\na1,tier,gold\na1,zip_code,Rural\n")

    assert {row.value: row.basis for row in rows if isinstance(row, Attribute)} == {"7": None, "gold": None, "Rural": None}


def test_an_attribute_of_a_file_is_coarsened_before_it_is_kept(read: Read) -> None:
    lines = {"age": "34", "post_code": "10115", "joined": "2024-05-17", "visits": "34"}
    text = "person,name,value,basis\n" + "".join(f"a1,{name},{value},contract\n" for name, value in lines.items())

    kept = {row.name: row.value for row in read("attributes", text) if isinstance(row, Attribute)}

    assert kept == {"age": "30-44", "post_code": "10", "joined": "2024", "visits": "34"}


def test_an_empty_outcome_is_missing_not_zero(read: Read) -> None:
    rows = read("outcomes", "person,outcome,value\na1,visit,0\na2,visit,\n")

    assert rows == [Outcome(Person(("opaque", "a1")), "visit", 0.0), Outcome(Person(("opaque", "a2")), "visit", None)]


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_order_mark_and_gzip_change_nothing(tmp_path: Path, prefix: bytes, packed: bool) -> None:
    data = prefix + "person,outcome,value\r\nkäthe,visit,1\r\n".encode()
    path = tmp_path / "outcomes.csv.gz"
    path.write_bytes(gzip.compress(data, mtime=0) if packed else data)

    batch = read_batch(path, KINDS["outcomes"])

    assert (batch.count, list(batch.rows)) == (1, [Outcome(Person(("opaque", "käthe")), "visit", 1.0)])


def test_a_sale_without_a_person_is_kept_for_the_till(read: Read) -> None:
    """Who bought is not known, what was paid is; a line without a person does not make the order another's."""
    rows = read("orders", ORDERS + "1,,2025-03-01,5,EUR\n2,a1,2025-03-01,7,EUR\n2,,2025-03-02,-7,EUR\n2,,2025-03-03,1,EUR\n")

    assert [(row.order.vendor_order_id, row.person) for row in rows if isinstance(row, Order)] == [
        ("1", None),
        ("2", Person(("opaque", "a1"))),
        ("2", Person(("opaque", "a1"))),
    ]
    assert sum(row.amount_minor for row in rows if isinstance(row, LedgerEntry)) == 600


def test_a_refund_needs_its_sale_in_this_file_or_the_store(read: Read) -> None:
    text = (
        ORDERS
        + "1,a,2025-03-01,9,EUR\n1,a,2025-03-02,-9,EUR\n7,b,2025-03-03,-4,EUR\n8,c,2025-03-03,-4,EUR\n8,c,2025-03-04,-1,EUR\n"
    )
    asked: list[list[str]] = []

    def stored(orders: Collection[str]) -> dict[str, str]:
        asked.append(list(orders))
        return {"7": "EUR"}

    assert refusal(read, "orders", text, stored=Stored(stored)) == (
        "orders.csv, line 5: order '8' is refunded here, but neither this file nor an earlier one has its sale."
        " Nothing was imported."
    )
    assert asked == [["7", "8"]]
    assert refusal(read, "orders", text, stored=Stored(lambda orders: {"7": "EUR", "8": "USD"})).startswith(
        "orders.csv, line 5: order '8' is in USD in an earlier file."
    )
    assert len(read("orders", text, stored=Stored(lambda orders: {"7": "EUR", "8": "EUR"}))) == 6


def test_equal_hashes_of_minus_one_and_minus_two_are_not_one_line(read: Read) -> None:
    """Python gives -1 and -2 the same hash; two refunds of one and two cents are two lines."""
    rows = read("orders", ORDERS + "1,a,2025-03-01,1,EUR\n1,a,2025-03-02,-0.01,EUR\n1,a,2025-03-02,-0.02,EUR\n")

    assert [(row.entry, row.amount_minor) for row in rows if isinstance(row, LedgerEntry)] == [
        (f"{MARCH_1}|+/0", 100),
        (f"{MARCH_1 + DAY}|-1/0", -1),
        (f"{MARCH_1 + DAY}|-2/0", -2),
    ]


def test_addresses_and_own_ids_are_hashed_at_the_door_and_platform_ids_join(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.csv"
    path.write_text("person,outcome,value\nann@example.com,visit,1\nshop:42,visit,0\nmember-9,visit,1\n")
    with open_store(tmp_path / "s.db", create=True) as store:
        changed = write_batch(store, "files", "files", read_batch(path, KINDS["outcomes"]), now=1)
        keys = store.db.execute(
            "SELECT k.kind, coalesce(n.name, ''), k.key FROM person_keys k"
            " LEFT JOIN connections n USING (connection) ORDER BY 1"
        ).fetchall()
        again = write_batch(store, "files", "files", read_batch(path, KINDS["outcomes"]), now=2)

    assert changed is not None
    assert changed > 0
    assert again is None
    assert [(kind, name) for kind, name, _ in keys] == [("email", ""), ("id", "shop"), ("opaque", "files")]
    assert keys[1][2] == "42"
    text = b"".join(file.read_bytes() for file in tmp_path.glob("s.db*"))
    assert b"ann@example" not in text
    assert b"member-9" not in text


def test_the_files_connector_reads_what_changed(tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    (tmp_path / "costs.csv").write_text("date,category,amount,currency\n2025-03-01,x,1,EUR\n")
    settings = FilesSettings.model_validate(
        {
            "connector": "files",
            "folder": tmp_path,
            "files": [{"kind": "outcomes", "path": "visits.csv"}, {"kind": "costs", "path": "costs.csv"}],
        }
    )
    connector = FilesConnector("files", settings, {})
    first = {batch.path: batch.digest for batch in connector.batches({})}
    (tmp_path / "costs.csv").write_text("date,category,amount,currency\n2025-03-01,x,2,EUR\n")

    assert sorted(first) == ["costs.csv", "visits.csv"]
    assert [batch.path for batch in connector.batches(first)] == ["costs.csv"]
    assert list(connector.check(None)) == [("visits.csv", "1 lines of outcomes"), ("costs.csv", "1 lines of costs")]  # type: ignore[arg-type]


def test_the_store_is_asked_for_the_orders_of_one_connection(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS + "1,,2025-03-01,9,EUR\n2,,2025-03-01,900,JPY\n")
    store = tmp_path / "s.db"
    before = (connections_in(store), orders_in(store, "files")(["1"]))
    with open_store(store, create=True) as opened:
        write_batch(opened, "files", "files", read_batch(tmp_path / "orders.csv", KINDS["orders"]), now=1)

    assert before == (frozenset(), {})
    assert connections_in(store) == {"files"}
    assert orders_in(store, "files")(["2", "1", "none"]) == {"1": "EUR", "2": "JPY"}
    assert orders_in(store, "other")(["1"]) == {}


def test_a_strangers_importer_has_the_same_checks(tmp_path: Path) -> None:
    """An importer is data: its columns alone make its checks."""
    from persync.imports.importer import Column

    mine = Importer("marks", "Marks.", (Column("person", "person"), Column("mark", "integer")), lambda line, number: iter(()))
    path = tmp_path / "marks.csv"
    path.write_text("person,mark\na,one\n")

    with pytest.raises(ImportFileError, match=r"line 2, column 'mark': 'one' is not a whole number\."):
        read_batch(path, mine)
