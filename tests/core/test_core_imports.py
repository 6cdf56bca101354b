"""The user's own CSV files: whole or not at all, errors with line and column."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from persync.errors import ConfigError, ImportFileError
from persync.imports.csvfile import read_batch
from persync.imports.files import IMPORTERS, FilesConnector, FilesSettings
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
    Row,
    Touchpoint,
)
from persync.store.store import open_store
from persync.store.write import write_batch

KINDS = {importer.kind: importer for importer in IMPORTERS}
MARCH_1 = 1_740_787_200_000
DAY = 86_400_000
Read = Callable[..., list[Row]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def rows(kind: str, text: str, **more: object) -> list[Row]:
        path = tmp_path / f"{kind}.csv"
        path.write_text(text, encoding="utf-8")
        return list(read_batch(path, KINDS[kind], name=path.name, **more).rows)  # type: ignore[arg-type]

    return rows


def read_batch_of(read: Read, text: str, attributes: dict[str, str]) -> list[Row]:
    """Read attributes of a connection that has opted in to some."""
    KINDS["opted in"] = KINDS["attributes"].of(attributes)
    try:
        return read("opted in", text)
    finally:
        del KINDS["opted in"]


def refusal(read: Read, kind: str, text: str, **more: object) -> str:
    with pytest.raises(ImportFileError) as caught:
        read(kind, text, **more)
    return str(caught.value)


def test_costs_become_one_row_a_line(read: Read) -> None:
    """The amount is no part of the entry: a corrected one replaces the old, an overlapping export counts once."""
    text = (
        "date,category,amount,currency,scope,amortise_months\n"
        "2025-03-01,licence,120.50,EUR,mailchimp,12\n"
        "2025-03-01,agency,300,EUR,,\n"
        "2025-03-01,agency,300,EUR,,\n"
    )

    assert read("costs", text) == [
        Cost(f"{MARCH_1}|licence|EUR|mailchimp|0", MARCH_1, "licence", 12050, "EUR", "mailchimp", 12),
        Cost(f"{MARCH_1}|agency|EUR||0", MARCH_1, "agency", 30000, "EUR", "", 0),
        Cost(f"{MARCH_1}|agency|EUR||1", MARCH_1, "agency", 30000, "EUR", "", 0),
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
        LedgerEntry(order, f"{MARCH_1}|0", "sale", "product", MARCH_1, 8000, "EUR"),
        LedgerEntry(order, f"{MARCH_1 + 2 * DAY}|0", "edit", "product", MARCH_1 + 2 * DAY, 500, "EUR"),
        LedgerEntry(order, f"{MARCH_1 + 10 * DAY}|0", "refund", "product", MARCH_1 + 10 * DAY, -3000, "EUR"),
    ]


def test_what_a_sale_was_cheaper_by_is_a_discount_of_its_order(read: Read) -> None:
    """The amount has lost it already; nothing off is no discount, and each line has its own."""
    lines = ("1,a,2025-03-01,80,EUR,20", "1,a,2025-03-02,5,EUR,1.50", "2,a,2025-03-01,10,EUR,0", "3,a,2025-03-01,10,EUR,")
    rows = read("orders", "\n".join(["order,person,at,amount,currency,discount", *lines]))

    assert [row for row in rows if isinstance(row, OrderDiscount)] == [
        OrderDiscount(OrderRef("1"), f"{MARCH_1}|0", "manual", None, 2000, "EUR"),
        OrderDiscount(OrderRef("1"), f"{MARCH_1 + DAY}|0", "manual", None, 150, "EUR"),
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


@pytest.mark.parametrize("name", ["gender", "age_band", "Country", "household_size", "religion"])
def test_who_somebody_is_is_refused_without_a_basis_and_taken_with_one_of_line_or_settings(read: Read, name: str) -> None:
    """Gender, age, place and special categories; the settings' basis goes for all lines, a line's own before it."""
    ann, bob = (Person(("opaque", one)) for one in ("a1", "b1"))
    text = f"person,name,value,basis\na1,{name},x,\nb1,{name},y,told us\n"

    said = refusal(read, "attributes", text)
    stated = read_batch_of(read, text, {name: "asked at sign-up"})

    assert said.startswith(f"attributes.csv, line 2: '{name}' tells who somebody is, and no basis is stated")
    assert "[connections.NAME.attributes]" in said
    assert stated == [Attribute(ann, name, "x", "asked at sign-up"), Attribute(bob, name, "y", "told us")]


def test_what_somebody_did_needs_no_basis(read: Read) -> None:
    rows = read("attributes", "person,name,value\na1,recency,7\na1,tier,gold\na1,zip_code,Rural\n")

    assert {row.value: row.basis for row in rows if isinstance(row, Attribute)} == {"7": None, "gold": None, "Rural": None}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("first_name", "Ann", "'first_name' says who a person is, and is never stored."),
        (
            "date_of_birth",
            "1984-03-17",
            "'date_of_birth' is never stored; write an age or its band (30-44) under another name.",
        ),
        ("customerName", "Zed", "'customerName' says who a person is, and is never stored."),
        ("home_address", "x1", "'home_address' says who a person is, and is never stored."),
        ("fact", "Ann Smith", "a value of 'fact' looks like a person's name or address, and is never stored."),
        ("age", "17.3.1984", "the value of 'age' is neither an age nor a band such as 30-44."),
    ],
)
def test_what_names_somebody_and_a_date_of_birth_are_refused_with_any_basis(
    read: Read, name: str, value: str, told: str
) -> None:
    text = refusal(read, "attributes", f"person,name,value,basis\na1,{name},{value},consent\n")

    assert text.startswith(f"attributes.csv, line 2: {told}")
    assert value not in text


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


ORDERS = "order,person,at,amount,currency\n"
BAD = [
    ("orders", ORDERS + "1,a,2025-03-01,12,EUR\n2,a,2025-03-01,12,50,EUR\n", "line 3: has 6 fields where the header has 5."),
    (
        "orders",
        ORDERS + '1,a,2025-03-01,"12,50",EUR\n',
        "line 2, column 'amount': '12,50' is not an amount; write it like 1234.50 or -12.50, without separators.",
    ),
    ("orders", ORDERS + "1,a,2025-03-01,1.005,EUR\n", "line 2, column 'amount': '1.005' has more decimals than EUR has (2)."),
    ("orders", ORDERS + "1,a,2025-03-01,100.5,JPY\n", "line 2, column 'amount': '100.5' has more decimals than JPY has (0)."),
    ("orders", ORDERS + "1,a,2025-03-01,1e3,EUR\n", "line 2, column 'amount': '1e3' is not an amount;"),
    (
        "orders",
        ORDERS + "1,a,2025-03-01,1,eur\n",
        "line 2, column 'currency': 'eur' is not a currency; write its three capital",
    ),
    (
        "orders",
        "order,person,at,amount,currency,discount\n1,a,2025-03-01,1,EUR,-2\n",
        "line 2: a discount is what a sale was cheaper by: not negative, and none of a refund.",
    ),
    (
        "orders",
        "order,person,at,amount,currency,discount\n1,a,2025-03-01,5,EUR,\n1,a,2025-03-02,-1,EUR,2\n",
        "line 3: a discount is what a sale was cheaper by",
    ),
    ("orders", ORDERS + "1,a,01.03.2025,1,EUR\n", "line 2, column 'at': '01.03.2025' is not a time; write ISO 8601"),
    ("orders", ORDERS + "1,a,1740787200,1,EUR\n", "line 2, column 'at': '1740787200' looks like seconds;"),
    ("orders", ORDERS + ",a,2025-03-01,1,EUR\n", "line 2, column 'order': the cell is empty."),
    ("outcomes", "person,outcome,value\n,visit,1\n", "line 2, column 'person': the cell is empty."),
    ("orders", ORDERS + "1,a,2025-03-01,1,EUR\n" * 2, "line 3: says the same as line 2 again (order, person, at, amount,"),
    (
        "orders",
        ORDERS + "1,a,2025-03-01,1,EUR\n1,b,2025-03-02,1,EUR\n",
        "line 3: order '1' belongs to another person in an earlier line.",
    ),
    ("orders", ORDERS + "1,a,2025-03-01,1,EUR\n1,a,2025-03-02,1,USD\n", "line 3: order '1' is in EUR in an earlier line."),
    ("orders", "order,persn,at,amount,currency\n", "line 1: 'persn' is not a column of orders. Did you mean 'person'?"),
    ("orders", "order,person,at,amount\n", "line 1: the column 'currency' is missing. Columns: order, person, at, amount,"),
    ("orders", ORDERS.replace("\n", ",order\n"), "line 1: the column 'order' stands twice."),
    ("orders", "order;person;at;amount;currency\n", "line 1: the columns are not separated by commas."),
    ("orders", "", "line 1: the file has no header. Columns: order, person,"),
    ("orders", ORDERS + '1,a,2025-03-01,1,"EUR\n', "line 2: unexpected end of data."),
    ("outcomes", "person,outcome,value\na,visit,nan\n", "line 2, column 'value': 'nan' is not a finite number;"),
    (
        "outcomes",
        "person,outcome,value\na,visit,1\na,visit,0\n",
        "line 3: says the same as line 2 again (person, outcome, at).",
    ),
    ("outcomes", "person,outcome,value\nshop:,visit,1\n", "line 2, column 'person': a platform's id is written CONNECTION:ID."),
    (
        "assignments",
        "experiment,person,arm,planned_share\nx,a,b,50\n",
        "line 2, column 'planned_share': '50' is not a share; write",
    ),
    ("decisions", "decision,person,selected\nx,a,maybe\n", "line 2, column 'selected': 'maybe' is neither yes nor no;"),
    (
        "touchpoints",
        "person,at,channel,action\na,2025-03-01,email,clik\n",
        "line 2, column 'action': 'clik' is not known. Did you mean 'click'?",
    ),
    (
        "costs",
        "date,category,amount,currency,amortise_months\n2025-03-01,x,1,EUR,1.5\n",
        "line 2, column 'amortise_months': '1.5' is not a whole number.",
    ),
]


@pytest.mark.parametrize(("kind", "text", "message"), BAD)
def test_a_bad_file_is_refused_with_line_and_column(read: Read, kind: str, text: str, message: str) -> None:
    assert refusal(read, kind, text).startswith(f"{kind}.csv, {message}")


SAMPLES = {
    "to": "2025-03-02",
    "person": "a1",
    "text": "x",
    "time": "2025-03-01",
    "money": "1",
    "number": "1",
    "integer": "1",
    "flag": "1",
    "currency": "EUR",
    "share": "0.5",
}
TEXTS = [(i.kind, column.name) for i in IMPORTERS for column in i.columns if column.kind == "text"]


@pytest.mark.parametrize(
    "value",
    [
        "ann4@example.com",
        "Ann <ann4@example.com>",
        "ann4%40example.com",
        "ann4\uff20example.com",
        "mailto:ann4@mail.example.co",
    ],
)
@pytest.mark.parametrize(("kind", "name"), TEXTS)
def test_an_address_may_stand_in_no_column_but_the_persons(read: Read, kind: str, name: str, value: str) -> None:
    columns = KINDS[kind].columns
    good = [column.choices[0] if column.choices else SAMPLES.get(column.name, SAMPLES[column.kind]) for column in columns]
    bad = [value if column.name == name else cell for column, cell in zip(columns, good, strict=True)]
    header = ",".join(column.name for column in columns)

    assert read(kind, f"{header}\n{','.join(good)}\n")
    message = refusal(read, kind, f"{header}\n{','.join(good)}\n{','.join(bad)}\n")

    assert message == (
        f"{kind}.csv, line 3, column '{name}': this looks like an e-mail address; addresses may stand in the column"
        " 'person' alone. Nothing was imported."
    )


@pytest.mark.parametrize("value", ["2 for 1 @ the shop", "@home", "50 % off", "a@b"])
def test_an_at_sign_alone_is_no_address(read: Read, value: str) -> None:
    assert read("attributes", f"person,name,value\na1,offer,{value}\n") == [
        Attribute(Person(("opaque", "a1")), "offer", value, None)
    ]


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


def test_an_address_is_never_repeated_in_a_message(read: Read) -> None:
    text = "person,outcome,value\nann@ example.com,visit,1\nb,visit,bob@example.com\n"

    assert "example.com" not in refusal(read, "outcomes", text)


def test_every_error_is_told_up_to_twenty(read: Read) -> None:
    text = ORDERS + "1,a,2025-03-01,x,EUR\n2,a,2025-03-01,1,E\n"
    assert refusal(read, "orders", text) == (
        "orders.csv: 2 errors; nothing was imported.\n"
        "  line 2, column 'amount': 'x' is not an amount; write it like 1234.50 or -12.50, without separators.\n"
        "  line 3, column 'currency': 'E' is not a currency; write its three capital letters (EUR)."
    )

    many = refusal(read, "orders", ORDERS + "1,a,x,1,EUR\n" * 50)
    assert many.startswith("orders.csv: 20 or more errors; nothing was imported.")
    assert many.count("\n") == 20


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"person,outcome,value\nk\xe4the,visit,1\n", "x.csv, line 2, byte 2: the text is not UTF-8."),
        ("person,outcome,value\n".encode("utf-16"), "x.csv: the file is UTF-16."),
        (b"PK\x03\x04rest", "x.csv: this is a workbook or zip file, not CSV."),
        (
            gzip.compress(b"person,outcome,value\na,visit,1\n" * 100, mtime=0)[:-20],
            "x.csv: the gzip file is damaged or cut off.",
        ),
    ],
)
def test_a_file_that_is_no_utf8_csv_says_what_it_is(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(data)

    with pytest.raises(ImportFileError) as caught:
        read_batch(path, KINDS["outcomes"], name="x.csv")

    assert str(caught.value).startswith(message)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match=r"^x\.csv: cannot read the file: No such file or directory\.$"):
        read_batch(tmp_path / "x.csv", KINDS["outcomes"], name="x.csv")


def test_a_connection_that_does_not_exist_is_refused_with_the_nearest(read: Read) -> None:
    text = "person,outcome,value\nshopfy:1,visit,1\n"

    assert refusal(read, "outcomes", text, connections=["mailchimp", "shopify"]) == (
        "outcomes.csv, line 2, column 'person': there is no connection 'shopfy'. Did you mean 'shopify'? Nothing was imported."
    )


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("person,outcome,value\na,visit,1\n")
    batch = read_batch(path, KINDS["outcomes"], name="x.csv")
    path.write_text("person,outcome,value\na,visit,2\n")

    with pytest.raises(ImportFileError, match="the file changed while it was read"):
        list(batch.rows)


def test_equal_hashes_of_minus_one_and_minus_two_are_not_one_line(read: Read) -> None:
    """Python gives -1 and -2 the same hash; two refunds of one and two cents are two lines."""
    rows = read("orders", ORDERS + "1,a,2025-03-01,1,EUR\n1,a,2025-03-02,-0.01,EUR\n1,a,2025-03-02,-0.02,EUR\n")

    assert [(row.entry, row.amount_minor) for row in rows if isinstance(row, LedgerEntry)] == [
        (f"{MARCH_1}|0", 100),
        (f"{MARCH_1 + DAY}|0", -1),
        (f"{MARCH_1 + DAY}|1", -2),
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


def test_an_unknown_kind_of_file_names_the_nearest(tmp_path: Path) -> None:
    settings = FilesSettings.model_validate(
        {"connector": "files", "folder": tmp_path, "files": [{"kind": "outcome", "path": "v.csv"}]}
    )

    with pytest.raises(ConfigError) as caught:
        list(FilesConnector("mine", settings, {}).batches({}))

    assert str(caught.value) == "[connections.mine] files: 'outcome' is no kind of file. Did you mean 'outcomes'?"


def test_a_strangers_importer_has_the_same_checks(tmp_path: Path) -> None:
    """An importer is data: its columns alone make its checks."""
    from persync.imports.importer import Column

    mine = Importer("marks", "Marks.", (Column("person", "person"), Column("mark", "integer")), lambda line, number: iter(()))
    path = tmp_path / "marks.csv"
    path.write_text("person,mark\na,one\n")

    with pytest.raises(ImportFileError, match=r"line 2, column 'mark': 'one' is not a whole number\."):
        read_batch(path, mine)


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("2025-03-01,licence,99999999999999999999.00,EUR", "column 'amount'"),
        ("-99999999999999,licence,1.00,EUR", "column 'date'"),
        ("9999-12-31T23:59:59-23:00,licence,1.00,EUR", "column 'date'"),
    ],
)
def test_what_no_column_and_no_calendar_holds_is_refused_with_its_cell(read: Read, line: str, place: str) -> None:
    assert f"line 2, {place}" in refusal(read, "costs", f"date,category,amount,currency\n{line}\n")
