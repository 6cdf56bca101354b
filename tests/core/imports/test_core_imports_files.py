"""Several files of one kind: nothing of theirs is lost and nothing counts twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import permutations
from pathlib import Path

import pytest
from sqlite_utils import Database

from core.imports.import_cases import KINDS
from persync.imports.csvfile import read_batch
from persync.imports.known import stored_in
from persync.store.digest import table_digests
from persync.store.key import create_key
from persync.store.migrations import migrations
from persync.store.store import APPLICATION_ID, Store, open_store
from persync.store.write import write_batch

HEADERS = {
    "costs": "date,category,amount,currency,scope,amortise_months",
    "ads": "date,channel,amount,currency",
    "orders": "order,person,at,amount,currency,discount",
}
TOOL_50, TOOL_20, TOOL_999 = ("2026-03-15,tool,50,EUR,,", "2026-03-15,tool,20,EUR,,", "2026-03-15,tool,999,EUR,,")
AMOUNTS = {
    "costs": "SELECT amount_minor FROM costs ORDER BY 1",
    "ads": "SELECT amount_minor FROM ad_spend ORDER BY 1",
    "orders": "SELECT amount_minor FROM order_ledger ORDER BY 1",
}


class Desk:
    """A store and files that are read into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: Store = open_store(folder / "s.db", create=True)
        self.times = 0

    def give(self, kind: str, name: str, *lines: str) -> int | None:
        """Write a file and import it; return the rows changed."""
        path = self.folder / name
        path.write_text("\n".join((HEADERS[kind], *lines, "")))
        self.times += 1
        batch = read_batch(path, KINDS[kind], name=name, stored=stored_in(self.folder / "s.db", "files"))
        return write_batch(self.store, "files", "files", batch, now=self.times)

    def amounts(self, kind: str) -> list[int]:
        """Return what stands in the store, in minor units."""
        return [amount for (amount,) in self.store.db.execute(AMOUNTS[kind])]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def test_files_of_one_day_stand_beside_each_other_whatever_their_order(tmp_path: Path) -> None:
    """A second invoice of a day and category replaces none; the stores are the same to the bit."""
    files = {"c1.csv": (TOOL_50, TOOL_20), "c2.csv": (TOOL_999,), "c3.csv": (TOOL_20, TOOL_20)}
    found = []
    for number, names in enumerate(permutations(files)):
        (tmp_path / str(number)).mkdir()
        desk = Desk(tmp_path / str(number))
        for name in names:
            desk.give("costs", name, *files[name])
        found.append((desk.amounts("costs"), table_digests(desk.store)["costs"]))
        desk.store.close()

    assert [amounts for amounts, _ in found] == [[2000, 2000, 5000, 99900]] * 6
    # Each store has a key of its own, but costs name nobody.
    assert len({digest for _, digest in found}) == 1


def test_an_overlapping_export_doubles_nothing(desk: Desk) -> None:
    """The same file again, under its name and another, and one with more lines."""
    desk.give("costs", "c1.csv", TOOL_50, TOOL_20)
    changed = [
        desk.give("costs", "c1.csv", TOOL_50, TOOL_20),
        desk.give("costs", "copy.csv", TOOL_20, TOOL_50),
        desk.give("costs", "c1.csv", TOOL_20, TOOL_50, TOOL_50),
    ]

    assert changed == [None, 0, 1]
    assert desk.amounts("costs") == [2000, 5000, 5000]


def test_a_corrected_file_takes_back_what_it_alone_said(desk: Desk) -> None:
    """Another file's line of the day stays, and one that another file says as well."""
    desk.give("costs", "c1.csv", TOOL_50, TOOL_20)
    desk.give("costs", "c2.csv", TOOL_999, TOOL_20)

    changed = desk.give("costs", "c1.csv", "2026-03-15,tool,55,EUR,,12", "2026-03-15,tool,21,EUR,,")

    assert changed == 3
    assert desk.amounts("costs") == [2000, 2100, 5500, 99900]


def test_days_that_a_file_names_no_more_stay(desk: Desk) -> None:
    """A file that is written anew each month, with that month alone, takes back no earlier one."""
    desk.give("ads", "ads.csv", "2026-03-15,paid_search,50,EUR", "2026-03-15,paid_social,7,EUR")
    desk.give("ads", "ads.csv", "2026-04-15,paid_search,60,EUR")

    assert desk.amounts("ads") == [700, 5000, 6000]


def test_advertising_of_two_files_adds_up_and_is_corrected(desk: Desk) -> None:
    desk.give("ads", "a.csv", "2026-03-15,paid_search,50,EUR")
    desk.give("ads", "b.csv", "2026-03-15,paid_search,40,EUR")
    desk.give("ads", "b.csv", "2026-03-15,paid_search,41,EUR")

    assert desk.amounts("ads") == [4100, 5000]


def test_a_refund_of_the_day_in_another_file_leaves_the_sale(desk: Desk) -> None:
    """Two refunds of two files as well; and the mirror hears of the month when one is corrected."""
    desk.give("orders", "sales.csv", "1,ann,2026-03-15,100,EUR,5", "2,bea,2026-03-15,30,EUR,")
    desk.give("orders", "refunds.csv", "1,,2026-03-15,-30,EUR,")
    desk.give("orders", "more.csv", "1,,2026-03-15,-10,EUR,")
    before = desk.amounts("orders")
    desk.store.db.execute("DELETE FROM dirty")

    changed = desk.give("orders", "sales.csv", "1,ann,2026-03-15,120,EUR,", "2,bea,2026-03-15,30,EUR,")

    assert before == [-3000, -1000, 3000, 10000]
    assert desk.amounts("orders") == [-3000, -1000, 3000, 12000]
    assert desk.store.db.execute("SELECT * FROM order_discounts").fetchall() == []
    assert changed == 2
    assert desk.store.db.execute("SELECT name, month FROM dirty ORDER BY 1").fetchall() == [
        ("order_discounts", -1),
        ("order_ledger", 2026 * 12 + 2),
    ]


def test_a_corrected_sale_replaces_the_old_one_and_a_corrected_refund_that_of_its_file(desk: Desk) -> None:
    """An order has its number: its amount is corrected by any file. Of two sales of one moment one may go."""
    desk.give("orders", "march.csv", "1,ann,2026-03-15,100,EUR,", "1,ann,2026-03-15,10,EUR,", "1,,2026-03-15,-30,EUR,")
    desk.give("orders", "all.csv", "1,ann,2026-03-15,120,EUR,", "1,ann,2026-03-15,10,EUR,")
    later = desk.amounts("orders")

    desk.give("orders", "march.csv", "1,,2026-03-15,-25,EUR,", "1,ann,2026-03-15,120,EUR,")

    assert later == [-3000, 1000, 12000]
    assert desk.amounts("orders") == [-2500, 1000, 12000]


def test_lines_of_an_older_store_get_the_names_that_a_file_read_again_gives_them(tmp_path: Path) -> None:
    """So an upgrade doubles nothing, and what the older release lost comes back with its file."""
    at, path = 1_773_532_800_000, tmp_path / "s.db"
    key = create_key(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        steps = [migration.name for migration in migrations._migrations]
        migrations.apply(Database(db, execute_plugins=False), stop_before=steps[steps.index("m007_file_lines")])
        for text in (
            f"INSERT INTO meta VALUES ('key', '{key.fingerprint}'), ('id', 'i')",
            "INSERT INTO connections (connection, name, connector) VALUES (1, 'files', 'files'), (2, 'shop', 'shopify')",
            "INSERT INTO imported_files VALUES (1, 'c1.csv', 'x', 2)",
            f"INSERT INTO costs VALUES (1, '{at}|tool|EUR||0', {at}, 'tool', 99900, 'EUR', '', 0),"
            f" (1, '{at}|tool|EUR||1', {at}, 'tool', 2000, 'EUR', '', 0),"
            f" (2, '{at}|tool|EUR||0', {at}, 'tool', 1, 'EUR', '', 0)",
            f"INSERT INTO ad_spend VALUES (1, '{at}|x||acquisition|EUR|0', {at}, 'x', NULL, 'acquisition', 100, 'EUR')",
            "INSERT INTO order_keys VALUES (1, 1, '1', '', '', ''), (2, 2, '1', 's', '1', '#1')",
            f"INSERT INTO order_ledger VALUES (1, '{at}|0', 'sale', 'product', {at}, 10000, 'EUR'),"
            f" (2, '{at}|0', 'sale', 'product', {at}, 1, 'EUR')",
            f"INSERT INTO order_discounts VALUES (1, '{at}|0', 'manual', NULL, 500, 'EUR')",
            "PRAGMA user_version = 6",
        ):
            db.execute(text)

    with open_store(path) as store:
        entries = store.db.execute(
            "SELECT connection, entry FROM costs UNION ALL SELECT connection, entry FROM ad_spend"
            " UNION ALL SELECT order_key, entry FROM order_ledger UNION ALL SELECT order_key, discount FROM order_discounts"
        ).fetchall()
        (tmp_path / "c1.csv").write_text("\n".join((HEADERS["costs"], TOOL_50, TOOL_20, "")))
        write_batch(store, "files", "files", read_batch(tmp_path / "c1.csv", KINDS["costs"], name="c1.csv"), now=1)
        amounts = [amount for (amount,) in store.db.execute("SELECT amount_minor FROM costs WHERE connection = 1 ORDER BY 1")]

    assert entries == [
        (1, f"{at}|tool|EUR||2000/0/0"),
        (1, f"{at}|tool|EUR||99900/0/0"),
        (2, f"{at}|tool|EUR||0"),
        (1, f"{at}|x||acquisition|EUR|100/0"),
        (1, f"{at}|+/0"),
        (2, f"{at}|0"),
        (1, f"{at}|+/0"),
    ]
    assert amounts == [2000, 5000, 99900]
