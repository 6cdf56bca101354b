"""Whatever cuts an erasure off: it is done whole or not at all, and what is left over is finished later."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from persync import rows
from persync.engine import mirror
from persync.errors import StoreError
from persync.rows import Person
from persync.store.privacy import erase, find, finish, is_unfinished
from persync.store.store import open_store
from persync.store.write import Writer
from support import table

ANN = Person(("id@shop", "191167"))
KILLED = """
import os, signal, sys
from pathlib import Path
from persync.rows import Person
from persync.store import privacy
from persync.store.store import open_store

place = sys.argv[2]
def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
if place != "after":
    setattr(privacy, place, kill)
with open_store(Path(sys.argv[1])) as store:
    privacy.erase(store, [privacy.find(store, Person(("id@shop", "191167")))], now=1)
    kill()
"""


def holding(folder: Path, text: bytes) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and text in path.read_bytes())


@pytest.mark.parametrize("place", ["_count_outcomes", "_delete_keyed", "_bury", "note_erasure", "after"])
def test_a_crash_leaves_nothing_half_done_and_the_next_erasure_finishes(filled: Path, place: str) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(filled), place], check=False)

    assert killed.returncode == -signal.SIGKILL
    done = place == "after"
    assert table(filled, "SELECT count(*) FROM contacts WHERE connection = 1") == [(1 if done else 2,)]
    assert table(filled, "SELECT count(*) > 0 FROM erased_counts") == [(int(done),)]
    with open_store(filled) as store:
        assert is_unfinished(store.db) == done
        erase(store, [find(store, ANN)], now=2)
        assert finish(store)
    mirror.refresh(filled)
    assert holding(filled.parent, b"191167") == []
    assert table(filled, "SELECT sum(n) FROM erased_counts") == [(3,)]


def test_while_another_program_reads_old_bytes_the_end_is_noted_and_done_later(filled: Path) -> None:
    reader = sqlite3.connect(filled, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM contacts").fetchone()
    with open_store(filled) as store:
        store.db.execute("PRAGMA busy_timeout = 1")
        erase(store, [find(store, ANN)], now=2)
        assert not finish(store)
        assert is_unfinished(store.db)
    reader.close()

    mirror.refresh(filled)

    assert holding(filled.parent, b"191167") == []
    with open_store(filled) as store:
        assert not is_unfinished(store.db)


def test_a_full_disk_is_said_and_the_end_done_later(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(filled) as store:
        erase(store, [find(store, ANN)], now=2)
        pages = store.db.execute("PRAGMA page_count").fetchone()[0]

        class Full:
            """The store's SQLite, on a disk without room."""

            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                if sql == "VACUUM":
                    raise sqlite3.OperationalError("database or disk is full")
                return real.execute(sql, *values)

        real = store.db
        monkeypatch.setattr(store, "db", Full())
        with pytest.raises(StoreError, match="no room left on the disk"):
            finish(store)
        monkeypatch.setattr(store, "db", real)
        assert is_unfinished(store.db)
        assert finish(store)
        assert store.db.execute("PRAGMA page_count").fetchone()[0] <= pages


def test_a_mirror_that_knows_of_fewer_erasures_drops_its_old_files(filled: Path) -> None:
    folder = filled.with_suffix(".mirror")
    old = {path.name for path in folder.glob("*.parquet")}
    (folder / "spill").mkdir()
    (folder / "spill" / "left.tmp").write_bytes(b"191167")
    (folder / "derived-g1").mkdir(exist_ok=True)
    (folder / "derived-g1" / "journeys.parquet").write_bytes(b"x")
    with open_store(filled) as store:
        erase(store, [find(store, ANN)], now=2)

    mirror.refresh(filled)

    kept = {path.name for path in folder.glob("*.parquet")}
    manifest = mirror.read_manifest(folder)
    assert manifest is not None
    assert (manifest["previous"], manifest["erasures"]) == ([], 1)
    changed = {"contacts", "consents", "orders", "person_of", "deletions"}
    assert not {name for name in old & kept if name.split("-g")[0] in changed}
    assert list((folder / "spill").iterdir()) == []
    assert not (folder / "derived-g1").exists()
    mirror.refresh(filled)
    assert mirror.read_manifest(folder) == manifest, "once is enough"


def test_an_erasure_between_two_pages_of_an_import_is_seen_by_the_second(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    with open_store(path, create=True) as store, open_store(path) as other:
        writer = Writer(store, "files", "files", now=1)
        erase(other, [find(other, Person(("email", "ann@example.com")))], now=1)

        with store.transaction():
            writer.write([rows.Attribute(Person(("email", "ann@example.com")), "tier", "gold", "contract")])

    assert table(path, "SELECT count(*) FROM attributes") == [(0,)]
