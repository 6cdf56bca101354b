"""Erasure: a person goes everywhere, the shop's money stays, and nothing brings them back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from persync import rows
from persync.engine import mirror
from persync.rows import Person
from persync.store.derive import derive
from persync.store.digest import table_digests
from persync.store.privacy import Erased, erase, find, finish, is_unfinished
from persync.store.store import open_store
from persync.store.write import Writer
from privacy_rows import file_rows, mail_rows, shop_rows, write

ANN = Person(("id@shop", "191167"))
NOW = 1_760_000_000_000


def counts(path: Path) -> dict[str, int]:
    with open_store(path) as store:
        names = [
            name
            for (name,) in store.db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite_%'")
        ]
        return {name: store.db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


def erase_ann(path: Path, who: Any = ANN, **more: Any) -> Erased:
    with open_store(path) as store:
        done = erase(store, [find(store, who)], now=NOW, **more)
        derive(store)
        return done


@pytest.mark.parametrize("who", [ANN, Person(("email", " Ann@Example.com "))])
def test_whoever_is_named_by_one_key_goes_under_all_of_them(filled: Path, who: Any) -> None:
    before = counts(filled)

    done = erase_ann(filled, who)

    removed = {
        "assignments": 1,
        "attributes": 1,
        "carts": 1,
        "consents": 2,
        "contacts": 2,
        "decisions": 1,
        "deletions": 1,
        "feedback": 2,
        "links": 3,
        "memberships": 1,
        "order_people": 1,
        "outcomes": 3,
        "person_keys": 4,
        "person_of": 4,
        "rejects": 1,
        "stages": 1,
        "tickets": 1,
        "touchpoints": 3,
    }
    assert (done.people, done.rows, done.orders) == (1, removed, 1)
    after = counts(filled)
    assert {name: before[name] - after[name] for name in removed} == removed
    assert {name: (before[name], after[name]) for name in ("orders", "order_ledger", "order_lines", "order_keys")} == {
        "orders": (3, 3),
        "order_ledger": (2, 2),
        "order_lines": (2, 2),
        "order_keys": (3, 3),
    }


def test_touches_and_outcomes_stay_as_counts_without_a_person(filled: Path) -> None:
    erase_ann(filled)

    with open_store(filled) as store:
        assert store.db.execute(
            "SELECT k.key, a.name, c.n FROM erased_counts c JOIN campaign_keys k USING (campaign_key)"
            " JOIN actions a USING (action) ORDER BY 2"
        ).fetchall() == [("letter-1", "click", 2), ("letter-1", "send", 1)]
        read = "SELECT experiment, arm, outcome, n, total, total_squares FROM erased_outcomes ORDER BY outcome"
        assert store.db.execute(read).fetchall() == [
            ("winter", "mailed", "", 1, 0.0, 0.0),
            ("winter", "mailed", "visits", 1, 3.0, 9.0),
        ]

        erase(store, [find(store, Person(("email", "bob@example.com")))], now=NOW)
        assert store.db.execute(read).fetchall() == [
            ("winter", "mailed", "", 2, 0.0, 0.0),
            ("winter", "mailed", "visits", 2, 9.0, 45.0),
        ]
        assert store.db.execute("SELECT sum(n) FROM erased_counts").fetchone() == (6,)


def test_somebody_drawn_into_two_arms_is_counted_in_none(filled: Path) -> None:
    with open_store(filled) as store:
        store.db.execute(
            "INSERT INTO assignments SELECT 1, experiment, key_id, 'held', NULL, NULL FROM assignments a"
            " WHERE key_id IN (SELECT key_id FROM person_keys)"
        )
    erase_ann(filled)

    with open_store(filled) as store:
        assert store.db.execute("SELECT count(*) FROM erased_outcomes").fetchone() == (0,)


def test_a_second_time_changes_nothing(filled: Path) -> None:
    erase_ann(filled)
    with open_store(filled) as store:
        before = (table_digests(store), store.db.execute("SELECT * FROM log").fetchall())

    again = erase_ann(filled)

    with open_store(filled) as store:
        assert (table_digests(store), store.db.execute("SELECT * FROM log").fetchall()) == before
    assert (again.people, again.rows, again.orders, again.tombstones) == (0, {}, 0, 0)


def test_a_dry_run_counts_the_same_and_changes_nothing(filled: Path) -> None:
    with open_store(filled) as store:
        before = table_digests(store)

    told = erase_ann(filled, dry_run=True)

    with open_store(filled) as store:
        assert table_digests(store) == before
        assert not is_unfinished(store.db)
    assert told == erase_ann(filled)


def test_no_byte_of_the_persons_keys_is_left_in_any_file(filled: Path) -> None:
    with open_store(filled) as store:
        subject = find(store, ANN)
        hashes = {
            row[0] for k in subject.key_ids for row in store.db.execute("SELECT hash FROM person_of WHERE key_id = ?", (k,))
        }
        needles = {key.encode() for _, _, key in subject.keys} | {text.encode() for _, text in subject.texts}
    folder = filled.parent
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith((".key", ".lock"))]
    assert b"191167" in b"".join(path.read_bytes() for path in files), "else nothing is shown"

    erase_ann(filled)
    with open_store(filled) as store:
        assert finish(store)
    mirror.refresh(filled)

    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith((".key", ".lock"))]
    assert {path.name for path in files if any(needle in path.read_bytes() for needle in needles)} == set()
    for path in folder.rglob("*.parquet"):
        table = parquet.read_table(path)
        for name in table.column_names:
            values = set(table.column(name).to_pylist())
            assert not values & {needle.decode() for needle in needles}, (path.name, name)
            if name in ("key_id", "person"):
                assert not values & subject.key_ids, (path.name, name)
            if name == "hash":
                assert not values & hashes


def test_rows_that_moved_before_the_erasure_leave_nothing_in_the_gaps_of_pages(tmp_path: Path) -> None:
    """Pages split as they fill; what they held stays in their gaps until the file is written anew."""
    path = tmp_path / "p.db"
    with open_store(path, create=True) as store:
        # Some builds of SQLite always overwrite what they move or delete; most do not.
        store.db.execute("PRAGMA secure_delete = OFF")
        writer = Writer(store, "shop", "shop", now=1)
        for start in range(0, 3000, 100):
            with store.transaction():
                writer.write([rows.Contact(Person(("id", f"c{(i * 7919) % 3000:05}x"))) for i in range(start, start + 100)])
        gone = [f"c{i:05}x" for i in range(0, 3000, 3)]
        erase(store, [find(store, Person(("id@shop", name))) for name in gone[:200]], now=2)
        assert finish(store)
    left = b"".join(found.read_bytes() for found in tmp_path.glob("p.db*"))

    assert [name for name in gone[:200] if name.encode() in left] == []


def test_a_later_record_gives_only_its_order_and_its_money(filled: Path) -> None:
    erase_ann(filled)
    before = counts(filled)
    write(filled, "shop", shop_rows("191167", "ann@example.com", "300001", 700))
    write(filled, "mail", mail_rows("ann@example.com"))
    write(filled, "files", file_rows("ann@example.com", "held", 1.0))

    after = counts(filled)
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    # An answer that names nobody is nobody's.
    assert grown == {"orders": 1, "order_keys": 1, "order_ledger": 1, "order_lines": 1, "feedback": 1}
    with open_store(filled) as store:
        assert store.db.execute(
            "SELECT o.key_id, l.amount_minor FROM order_keys k JOIN orders o USING (order_key) JOIN order_ledger l USING"
            " (order_key) WHERE k.vendor_order_id = '300001'"
        ).fetchall() == [(None, 700)]
