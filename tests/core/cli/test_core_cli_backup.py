"""`persync store backup`: one whole state of a store that is in use, for its owner alone, over nothing that is there."""

from __future__ import annotations

import json
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from core.cli.calls import Run, said
from persync.errors import CheckFailedError
from persync.store.backup import back_up
from persync.store.digest import digest
from persync.store.store import open_store


@pytest.fixture
def filled(persync: Run, tmp_path: Path) -> Path:
    lines = "".join(f"{n},p{n},2025-03-10,10.00,EUR\n" for n in range(400))
    (tmp_path / "orders.csv").write_text(f"order,person,at,amount,currency\n{lines}")
    assert persync("import", "orders", str(tmp_path / "orders.csv")).exit_code == 0
    return tmp_path / "persync.db"


@contextmanager
def writing(path: Path) -> Iterator[list[int]]:
    """Write to a store without a pause while the block runs, two rows a transaction; yield the number of transactions."""
    done, begun, stop = [0], threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as db:
            while not stop.is_set():
                db.execute("BEGIN IMMEDIATE")
                for half in "ab":
                    db.execute("INSERT INTO meta VALUES (?, ?)", (f"test {done[0]}{half}", "x" * 500))
                db.execute("COMMIT")
                done[0] += 1
                if done[0] == 50:
                    begun.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert begun.wait(60)
        yield done
    finally:
        stop.set()
        thread.join()


def test_a_backup_holds_what_the_store_holds_and_is_its_owners_alone(persync: Run, filled: Path, tmp_path: Path) -> None:
    copy = tmp_path / "safe" / "shop.db"

    result = persync("store", "backup", str(copy))

    assert result.exit_code == 0
    assert result.stdout == f"{copy}: {copy.stat().st_size / 1e6:,.1f} MB, whole.\n"
    assert result.stderr == "persync: its key persync.key is not in it: keep a copy of that elsewhere.\n"
    assert (stat.S_IMODE(copy.stat().st_mode), stat.S_IMODE(copy.parent.stat().st_mode)) == (0o600, 0o700)
    assert [path.name for path in copy.parent.iterdir()] == ["shop.db"]
    copy.with_suffix(".key").write_bytes(filled.with_suffix(".key").read_bytes())
    copy.with_suffix(".key").chmod(0o600)
    with open_store(filled) as store, open_store(copy) as restored:
        assert digest(restored) == digest(store)
        noted = store.db.execute("SELECT event, detail FROM log ORDER BY entry DESC LIMIT 1").fetchone()
        assert restored.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert noted == ("backed up", "shop.db")


def test_a_backup_while_somebody_writes_is_one_state_and_stops_nobody(filled: Path, tmp_path: Path) -> None:
    """Of each transaction it has both rows or none, and the writer has gone on."""
    copy = tmp_path / "copy.db"

    with writing(filled) as transactions, open_store(filled) as store:
        before = transactions[0]
        back_up(store, copy, now=1)
    after = transactions[0]

    with closing(sqlite3.connect(copy)) as db:
        found = [name for (name,) in db.execute("SELECT name FROM meta WHERE name LIKE 'test %'")]
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert len(found) % 2 == 0
    assert {name[:-1] for name in found} == {f"test {number}" for number in range(len(found) // 2)}
    assert before <= len(found) // 2 < after


def test_a_backup_writes_over_nothing(persync: Run, filled: Path, tmp_path: Path) -> None:
    (tmp_path / "old.db").write_text("an older backup")
    (tmp_path / "link.db").symlink_to(tmp_path / "nothing.db")

    for name in ("old.db", "link.db"):
        line = said(persync("store", "backup", str(tmp_path / name)), 1)
        assert line == f"{tmp_path / name}: there is something already; a backup writes over nothing. Choose another name."
    assert said(persync("store", "backup", str(tmp_path)), 2) == "FILE: this is a folder. Name a file in it."
    assert said(persync("store", "backup", str(filled)), 2) == "FILE: this would write over the store. Choose another file."
    assert (tmp_path / "old.db").read_text() == "an older backup"
    assert not (tmp_path / "nothing.db").exists()


def test_a_damaged_store_gives_no_backup(filled: Path, tmp_path: Path) -> None:
    with open_store(filled) as store:
        store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page, root = (
            store.db.execute(text).fetchone()[0]
            for text in ("PRAGMA page_size", "SELECT rootpage FROM sqlite_master WHERE name = 'order_ledger'")
        )
    with filled.open("r+b") as file:
        file.seek((root - 1) * page + 8)
        file.write(b"\xff" * 64)

    with open_store(filled) as store, pytest.raises(CheckFailedError, match="the store is damaged, and no copy of it was kept"):
        back_up(store, tmp_path / "copy.db", now=1)
    assert not list(tmp_path.glob("*copy.db*"))


def test_a_backup_tells_machines_where_it_is(persync: Run, filled: Path, tmp_path: Path) -> None:
    document = json.loads(persync("store", "backup", str(tmp_path / "copy.db"), "--format", "json").stdout)

    size = (tmp_path / "copy.db").stat().st_size
    assert document["results"] == [{"file": str(tmp_path / "copy.db"), "bytes": size, "runs": 0}]
