"""Exports of tables, views and metrics: whole, pseudonymous, in every format, in flat memory."""

from __future__ import annotations

import csv
import errno
import gc
import io
import json
import stat
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import openpyxl
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from core.cli.calls import said
from persync.cli.export import export
from persync.export.formats import FORMATS, MOST_ROWS, write
from persync.export.ids import kind_of_id
from persync.export.sheet import Field, Sheet
from persync.export.source import KEPT_BACK, names_of
from persync.plugins import load_plugins
from persync.store.key import read_key
from persync.store.reading import reading
from persync.store.store import open_store
from persync.store.told import VIEWS_TOLD

Run = Callable[..., Result]
DAY = 86_400_000


def in_store(shop: Path, sql: str) -> list[tuple[Any, ...]]:
    with reading(shop / "persync.db") as db:
        return db.execute(sql).fetchall()


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_view_is_written_whole_with_its_ids_replaced(persync: Run, shop: Path) -> None:
    """Every row and column; ids of the platform are keyed hashes, the same in every file; people stay numbers."""
    orders = lines(persync("export", "v_orders").stdout)
    money = lines(persync("export", "v_order_ledger").stdout)

    kept = in_store(shop, "SELECT order_id, person, ordered_at, total FROM v_orders")
    key = read_key(shop / "persync.db")
    expected = [(key.name("export order", id)[:16], str(person), at, total) for id, person, at, total in kept]
    assert sorted((row["order_id"], row["person"], row["ordered_at"], row["total"]) for row in orders) == sorted(expected)
    assert {row["order_id"] for row in orders} == {row["order_id"] for row in money}
    assert "ann@example.com" not in str(orders)


def test_the_same_id_kept_in_two_ways_is_not_the_same_pseudonym(shop: Path) -> None:
    """An order's number and a cart's are not told to be one by what replaces them."""
    key = read_key(shop / "persync.db")

    assert key.name("export order", "7") != key.name("export cart", "7")


def test_ids_are_kept_where_it_is_asked_for_and_the_log_says_so(persync: Run, shop: Path) -> None:
    told = persync("export", "v_sessions", "--with-ids")

    assert [row["session"] for row in lines(told.stdout)] == ["visit 7"]
    assert "look people up" in told.stderr
    log = in_store(shop, "SELECT event, detail FROM log ORDER BY entry DESC LIMIT 1")
    assert log == [("ids exported", "export v_sessions: the platforms' own ids")]


def test_an_export_changes_nothing_and_needs_no_key_where_nothing_is_replaced(persync: Run, shop: Path, tmp_path: Path) -> None:
    before = (shop / "persync.db").read_bytes()
    key = shop / "persync.key"
    away = key.rename(tmp_path / "key")
    try:
        assert len(lines(persync("export", "v_touchpoints").stdout)) == 90
        assert "key file" in said(persync("export", "v_orders"), 1)
    finally:
        away.rename(key)
    assert (shop / "persync.db").read_bytes() == before


def test_every_column_that_holds_a_platforms_id_is_replaced_in_every_table(persync: Run, shop: Path) -> None:
    """The ids that the store got from its platforms stand in no file of any table or view, with one exception: messages and
    products, which nobody is."""
    ids = {"o0", "o58", "#58", "ann@example.com 1", "77", "visit 7", "t1", "f1", "c1"}
    ids |= {key for (key,) in in_store(shop, "SELECT key FROM person_keys")}
    with reading(shop / "persync.db") as db:
        names = names_of(db)

    shown = {
        (name, column)
        for name in names
        for row in lines(persync("export", name).stdout)
        for column, cell in row.items()
        if cell in ids and not cell.isdecimal()
    }

    assert len(names) > 60
    assert shown == set()


def test_a_day_of_a_view_and_of_its_table_is_the_same(persync: Run) -> None:
    """`--period` counts its last day; what has no date then is left out."""
    views = lines(persync("export", "v_order_ledger", "--period", "2023-11-16").stdout)
    tables = lines(persync("export", "order_ledger", "--period", "2023-11-16").stdout)

    assert [row["happened_at"][:10] for row in views] == ["2023-11-16"] * 60
    assert [datetime.fromtimestamp(int(row["happened_at"]) / 1000, UTC).date().isoformat() for row in tables] == [
        "2023-11-16"
    ] * 60


def test_every_format_says_the_same(persync: Run, shop: Path, tmp_path: Path) -> None:
    """CSV, JSON, lines of JSON, a workbook and Parquet hold the same rows; numbers, money and times as each has them."""
    for form in FORMATS:
        told = persync("export", "v_order_ledger", "--out", str(tmp_path / f"rows.{form}"))
        assert (told.exit_code, told.stdout, told.stderr) == (0, "", f"{tmp_path}/rows.{form}: 61 rows.\n")
        assert stat.S_IMODE((tmp_path / f"rows.{form}").stat().st_mode) == 0o600

    plain = lines((tmp_path / "rows.csv").read_text("utf-8"))
    one = json.loads((tmp_path / "rows.json").read_text("utf-8"))
    each = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()]
    sheet = openpyxl.load_workbook(tmp_path / "rows.xlsx").active
    table = pq.read_table(tmp_path / "rows.parquet")
    assert (one["kind"], one["name"], one["period"], one["results"]) == ("rows", "v_order_ledger", None, each)
    assert [{name: cell or "" for name, cell in row.items()} for row in each] == plain
    negative = next(row for row in each if row["currency"] == "JPY")
    assert (negative["amount"], negative["happened_at"]) == ("-1200", "2023-11-15T00:00:00.000Z")
    assert sheet is not None
    header, *cells = sheet.iter_rows(values_only=True)
    at = header.index("amount"), header.index("happened_at")
    assert [(row[at[0]], row[at[1]]) for row in cells] == [
        (float(row["amount"]), datetime.fromisoformat(row["happened_at"]).replace(tzinfo=None)) for row in each
    ]
    assert table.column_names == list(plain[0])
    assert table["amount"].to_pylist() == [Decimal(row["amount"]) for row in each]
    assert [moment.isoformat() for moment in table["happened_at"].to_pylist()] == [
        datetime.fromisoformat(row["happened_at"]).isoformat() for row in each
    ]


def test_an_empty_view_is_a_file_of_its_columns(persync: Run, tmp_path: Path) -> None:
    for form in FORMATS:
        persync("export", "v_wallets", "--out", str(tmp_path / f"rows.{form}"))

    columns = ["connection", "person", "category", "from_at", "to_at", "amount", "currency"]
    assert (tmp_path / "rows.csv").read_text() == ",".join(columns) + "\n"
    assert json.loads((tmp_path / "rows.json").read_text())["results"] == []
    assert (tmp_path / "rows.jsonl").read_text() == ""
    assert pq.read_schema(tmp_path / "rows.parquet").names == columns


@pytest.mark.parametrize("form", FORMATS)
def test_memory_is_flat(form: str, tmp_path: Path) -> None:
    """A batch is gone before the one after next is made, so no more than two are held at a time."""

    class Batch(list[tuple[int, str, float]]):
        pass

    alive: list[weakref.ref[Batch]] = []
    most = 0

    def batches() -> Iterator[Batch]:
        nonlocal most
        for number in range(8):
            batch = Batch([(number, f"{number}", number / 3)] * 5)
            alive.append(weakref.ref(batch))
            most = max(most, sum(one() is not None for one in alive))
            yield batch
            del batch

    fields = (Field("a", "int"), Field("b"), Field("c", "real"))
    with (tmp_path / "out").open("wb") as sink:
        rows = write(Sheet("x", fields, batches(), 40), form, sink)

    assert (rows, most) == (40, 2)


def test_a_workbook_refuses_more_rows_than_a_sheet_holds(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as sink, pytest.raises(Exception, match="1,048,576 rows do not fit"):
        write(Sheet("x", (Field("a"),), iter([]), MOST_ROWS + 1), "xlsx", sink)


def test_a_number_that_a_workbook_cannot_hold_is_a_text_there(tmp_path: Path) -> None:
    """A workbook's numbers are doubles: a longer one would be another."""
    numbers = [2**53, 2**53 + 1, -(2**53) - 1]
    with (tmp_path / "rows.xlsx").open("wb") as sink:
        write(Sheet("x", (Field("n", "int"),), iter([[(number,) for number in numbers]]), 3), "xlsx", sink)

    sheet = openpyxl.load_workbook(tmp_path / "rows.xlsx").active
    assert sheet is not None
    assert [row[0] for row in sheet.iter_rows(min_row=2, values_only=True)] == [2**53, str(2**53 + 1), str(-(2**53) - 1)]


def test_what_can_be_exported_is_completed(persync: Run) -> None:
    """The views, the metrics and the lists; not the word that stands for them all in the help."""
    found = export.shell_complete(click.Context(export), "")

    assert {one.value for one in found} == {*VIEWS_TOLD, *load_plugins().metrics, "segment", "suppression", "sums"}
    assert [one.value for one in export.shell_complete(click.Context(export), "v_order_l")] == [
        "v_order_ledger",
        "v_order_lines",
    ]


def test_a_metric_is_written_with_interval_and_standing(persync: Run, tmp_path: Path) -> None:
    """The same numbers as the metric's own command, in each format."""
    asked = ("conversion_rate", "--arm", "a experiment")
    known = json.loads(persync("metric", *asked, "--format", "json").stdout)

    found = json.loads(persync("export", *asked, "--format", "json").stdout)
    rows = [json.loads(line) for line in persync("export", *asked, "--format", "jsonl").stdout.splitlines()]
    persync("export", *asked, "--out", str(tmp_path / "rate.parquet"))

    assert found == known
    assert [(row["arm"], row["value"], row["low"], row["label"]) for row in rows] == [
        (each["by"].get("arm"), each["value"], each["low"], each["label"]) for each in known["results"]
    ]
    assert pq.read_table(tmp_path / "rate.parquet").to_pylist() == rows
    assert persync("export", *asked).stdout == persync("metric", *asked, "--format", "csv").stdout


def test_standard_output_takes_any_format(persync: Run) -> None:
    """A minus names it, and what goes back in its file is whole there too."""
    content = persync("export", "v_products", "--format", "parquet", "--out", "-").stdout_bytes

    assert pq.read_table(io.BytesIO(content))["title"].to_pylist() == ["a product"]


class Disk(io.BytesIO):
    """Has room for so many bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: Any) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("form", FORMATS)
def test_a_disk_that_is_full_at_any_byte_ends_an_export_with_that_alone(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing complains of its own half afterwards, and nothing is left in the folder for temporary files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fields = (Field("name"), Field("n", "int"))
    whole = io.BytesIO()
    assert write(Sheet("x", fields, iter([[("a", 1)] * 50]), 50), form, whole) == 50

    for room in range(0, len(whole.getvalue()), max(1, len(whole.getvalue()) // 12)):
        with pytest.raises(OSError, match="No space left"):
            write(Sheet("x", fields, iter([[("a", 1)] * 50]), 50), form, Disk(room))
    gc.collect()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("v_order",), 2, "Did you mean 'v_orders'?"),
        (("revenue_per_recipien",), 2, "Did you mean 'revenue_per_recipient'?"),
        (("qqq",), 2, "docs/tables.md"),
        (("meta",), 2, "own bookkeeping"),
        (("sqlite_master",), 2, "there is no table"),
        (("v_order_lines", "--period", "2023-11"), 2, "have no date"),
        (("v_orders", "--period", "neverday"), 2, "neverday"),
        (("v_orders", "--out", "x.odt"), 2, "stands for no format"),
        (("v_orders", "--out", "persync.db", "--format", "csv"), 2, "this would write over"),
        (("v_orders", "--out", "persync.key", "--format", "csv"), 2, "this would write over"),
        (("v_orders", "--out", "persync.toml", "--format", "csv"), 2, "this would write over"),
        (("v_orders", "--out", "persync.mirror/x.csv"), 2, "this would write over"),
        (("v_orders", "--out", "persync.mirror", "--format", "csv"), 2, "this would write over"),
        (("cx_roi", "--by", "planet"), 2, "dimension"),
    ],
)
def test_what_cannot_be_exported_is_refused_with_what_to_do(
    persync: Run, shop: Path, arguments: tuple[str, ...], code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop)
    before = {name: (shop / f"persync.{name}").read_bytes() for name in ("db", "key", "toml")}

    assert words in said(persync("export", *arguments), code)
    assert {name: (shop / f"persync.{name}").read_bytes() for name in before} == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("v_orders", "--by", "channel"), "split metrics"), (("conversion_rate", "--with-ids"), "no id of anybody")],
)
def test_options_of_the_other_kind_are_refused(persync: Run, arguments: tuple[str, ...], words: str) -> None:
    told = persync("export", *arguments)

    assert (told.exit_code, told.stdout) == (2, "")
    assert words in told.stderr


def test_the_bookkeeping_that_is_kept_back_is_there(shop: Path) -> None:
    tables = {name for (name,) in in_store(shop, "SELECT name FROM sqlite_master WHERE type = 'table'")}

    assert tables >= KEPT_BACK


def test_every_column_that_is_to_be_replaced_is_in_a_table_that_there_is(shop: Path) -> None:
    """A column that was renamed would be let through without a word."""
    with reading(shop / "persync.db") as db:
        types = {
            (name, column): declared
            for name in names_of(db)
            for _, column, declared, *_ in db.execute(f'PRAGMA table_info("{name}")')
            if kind_of_id(name, column)
        }

    assert {key for key, declared in types.items() if declared != "TEXT"} == {("person_of", "hash")}
    assert {column for _, column in types} >= {"order_id", "cart", "ticket", "submission", "session", "payment", "entry", "key"}


def test_nothing_can_be_written_while_reading(shop: Path) -> None:
    with pytest.raises(Exception, match="cannot write"), reading(shop / "persync.db") as db:
        db.execute("DELETE FROM orders")


def test_a_pull_that_writes_meanwhile_is_not_seen(shop: Path) -> None:
    """Whatever takes minutes to write is of one moment."""
    with reading(shop / "persync.db") as db:
        (before,) = db.execute("SELECT count(*) FROM log").fetchone()
        with open_store(shop / "persync.db") as store, store.transaction() as writing:
            writing.execute("INSERT INTO log (happened_at, event, detail, chain) VALUES (1, 'x', 'x', 'x')")
        (during,) = db.execute("SELECT count(*) FROM log").fetchone()
    with open_store(shop / "persync.db") as store, store.transaction() as writing:
        writing.execute("DELETE FROM log WHERE event = 'x'")

    assert during == before
