"""What a file may not hold, and how it is said."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from core.imports.import_cases import KINDS, ORDERS, Read, refusal
from persync.errors import ConfigError, ImportFileError
from persync.imports.csvfile import read_batch
from persync.imports.files import IMPORTERS, FilesConnector, FilesSettings
from persync.rows import (
    Attribute,
    Person,
    Row,
)


def read_batch_of(read: Read, text: str, attributes: dict[str, str]) -> list[Row]:
    """Read attributes of a connection that has opted in to some."""
    KINDS["opted in"] = KINDS["attributes"].of(attributes)
    try:
        return read("opted in", text)
    finally:
        del KINDS["opted in"]


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
        "line 3: says something else than line 2 of the same person, outcome, at.",
    ),
    (
        "assignments",
        "experiment,person,arm\ne,a,x\ne,a,y\n",
        "line 3: says something else than line 2 of the same experiment, person.",
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
    *(
        (
            "costs",
            f"date,category,amount,currency,amortise_months\n2025-03-01,x,1,EUR,{months}\n",
            f"line 2, column 'amortise_months': '{months}' is {wrong}.",
        )
        for months, wrong in (("0", "less than 1"), ("-3", "less than 1"), ("1201", "more than 1200"))
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


def test_an_unknown_kind_of_file_names_the_nearest(tmp_path: Path) -> None:
    settings = FilesSettings.model_validate(
        {"connector": "files", "folder": tmp_path, "files": [{"kind": "outcome", "path": "v.csv"}]}
    )

    with pytest.raises(ConfigError) as caught:
        list(FilesConnector("mine", settings, {}).batches({}))

    assert str(caught.value) == "[connections.mine] files: 'outcome' is no kind of file. Did you mean 'outcomes'?"


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
