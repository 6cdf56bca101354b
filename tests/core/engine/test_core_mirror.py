"""The Parquet mirror: only what changed is written, every crash leaves a whole mirror, nothing depends on it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from persync.engine import mirror
from persync.engine.batches import ArrowReader, PlainReader, Reader, declared
from persync.engine.duck import open_engine
from persync.errors import StoreError
from persync.store.schema import MIRRORED

Files = dict[str, tuple[int, int]]


def files(folder: Path) -> Files:
    """Return each Parquet file with its inode and time of change."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("*.parquet")}


def current(folder: Path) -> set[str]:
    """Return the files the manifest names."""
    manifest = mirror.read_manifest(folder)
    assert manifest is not None
    return {name for table in manifest["tables"] for name in mirror.files_of(manifest, table)}


def keys(folder: Path) -> list[int]:
    """Return the people in `touchpoints` as an engine sees them."""
    engine = open_engine(folder)
    rows = engine.rows("SELECT t.key_id FROM touchpoints AS t ORDER BY t.key_id")
    engine.close()
    return [row["key_id"] for row in rows]


def test_the_first_refresh_writes_every_table_and_a_file_a_month(store: Any) -> None:
    """Empty tables too: they can be queried before their first row."""
    folder = mirror.refresh(store.path)

    assert folder == store.path.with_suffix(".mirror")
    assert {name for name in current(folder) if name.startswith(("touch", "cont"))} == {
        "touchpoints-2024-01-g1.parquet",
        "touchpoints-2024-02-g1.parquet",
        "touchpoints-2024-05-g1.parquet",
        "contacts-g1.parquet",
    }
    engine = open_engine(folder)
    counts = {name: engine.rows(f'SELECT count(*) AS n FROM "{name}"')[0]["n"] for name in MIRRORED}
    engine.close()
    assert counts == {name: {"touchpoints": 4, "contacts": 2}.get(name, 0) for name in MIRRORED}


def test_only_dirty_months_and_tables_are_written_again(store: Any) -> None:
    """One click in February: one new file, all others untouched."""
    folder = mirror.refresh(store.path)
    before = files(folder)

    store.click(9, 1)
    mirror.refresh(store.path)

    after = files(folder)
    assert after.keys() - before.keys() == {"touchpoints-2024-02-g2.parquet"}
    assert {name: after[name] for name in before} == before
    assert current(folder) & {"touchpoints-2024-02-g1.parquet", "touchpoints-2024-02-g2.parquet"} == {
        "touchpoints-2024-02-g2.parquet"
    }
    assert keys(folder) == [1, 2, 3, 4, 9]


def test_nothing_dirty_writes_nothing(store: Any) -> None:
    """Not even the manifest."""
    folder = mirror.refresh(store.path)
    before = files(folder), (folder / "manifest.json").stat().st_mtime_ns

    mirror.refresh(store.path)

    assert (files(folder), (folder / "manifest.json").stat().st_mtime_ns) == before


def test_a_month_that_lost_its_last_row_leaves_the_mirror(store: Any) -> None:
    """Its rows were erased or moved."""
    folder = mirror.refresh(store.path)
    store.db.execute("DELETE FROM touchpoints WHERE key_id = 4")
    store.mark("touchpoints", 2024 * 12 + 4)
    store.db.commit()

    mirror.refresh(store.path)

    assert keys(folder) == [1, 2, 3]


def test_the_mirror_can_be_deleted_at_any_time(store: Any) -> None:
    """Whole, or one file of it: the same answers."""
    folder = mirror.refresh(store.path)
    expected = keys(folder)

    shutil.rmtree(folder)
    mirror.refresh(store.path)
    assert keys(folder) == expected

    next(folder.glob("touchpoints-2024-01*")).unlink()
    next(folder.glob("contacts*")).write_bytes(b"cut")
    mirror.refresh(store.path)
    assert keys(folder) == expected


def test_a_store_that_marks_nothing_is_mirrored_once_whole(new_store: Callable[..., Any]) -> None:
    """Rows without a word in `dirty` are still there at the first look."""
    store = new_store()
    store.run("INSERT INTO touchpoints VALUES (1, 0, 7, 4, 1704067200000, 0, 0, '', NULL, NULL, 1, 1)")

    assert keys(mirror.refresh(store.path)) == [7]


def test_another_store_in_the_same_place_is_not_mistaken(store: Any, new_store: Callable[..., Any]) -> None:
    """Same path, same revs, other rows."""
    folder = mirror.refresh(store.path)
    store.db.close()
    for suffix in ("", "-wal", "-shm"):
        store.path.with_name(store.path.name + suffix).unlink(missing_ok=True)

    other = new_store(id="two")
    for key, month in ((11, 0), (12, 0), (13, 1), (14, 4)):
        other.click(key, month)

    assert keys(mirror.refresh(other.path)) == [11, 12, 13, 14]
    assert folder == other.path.with_suffix(".mirror")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"layout": 0}', '{"layout": 1, "schema": -1}'])
def test_a_manifest_that_cannot_be_used_means_a_new_mirror(store: Any, text: str) -> None:
    """Damaged, of another layout or another schema."""
    folder = mirror.refresh(store.path)

    (folder / "manifest.json").write_text(text)
    mirror.refresh(store.path)

    assert keys(folder) == [1, 2, 3, 4]
    assert mirror.read_manifest(folder) is not None


def test_a_column_added_by_a_migration_reaches_the_mirror(store: Any) -> None:
    """The store's own columns decide."""
    folder = mirror.refresh(store.path)

    store.run("ALTER TABLE contacts ADD COLUMN city TEXT")
    mirror.refresh(store.path)

    engine = open_engine(folder)
    assert engine.rows("SELECT c.city FROM contacts AS c WHERE c.key_id = 1") == [{"city": None}]
    engine.close()


def test_a_crash_before_the_manifest_leaves_the_old_mirror(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """New files lie there unnamed; the next refresh writes its own and sweeps them out."""
    folder = mirror.refresh(store.path)
    store.click(9, 1)
    with monkeypatch.context() as patch:
        patch.setattr(mirror, "replace_text", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(StoreError, match=r"cannot be written: No space left on device"):
            mirror.refresh(store.path)

    assert keys(folder) == [1, 2, 3, 4]

    mirror.refresh(store.path)
    mirror.refresh(store.path)

    assert keys(folder) == [1, 2, 3, 4, 9]
    assert not (folder / "touchpoints-2024-02-g2.parquet").exists()


def test_an_open_engine_keeps_its_snapshot_through_a_refresh(store: Any) -> None:
    """What it read before and after is one state of the store."""
    folder = mirror.refresh(store.path)
    engine = open_engine(folder)
    store.click(9, 1)
    store.contact(9)

    mirror.refresh(store.path)

    counts = [engine.rows(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in ("touchpoints", "contacts")]
    engine.close()
    assert counts == [4, 2]


def test_purge_leaves_no_earlier_file_behind(store: Any) -> None:
    """Who was erased must not stay readable, nor in derived tables."""
    folder = mirror.refresh(store.path)
    engine = open_engine(folder)
    engine.write("SELECT t.key_id FROM touchpoints AS t", None, "seen")
    engine.close()
    store.run("DELETE FROM touchpoints WHERE key_id = 4")
    store.mark("touchpoints", 2024 * 12 + 4)
    store.db.commit()

    mirror.refresh(store.path, purge=True)

    assert {path.name for path in folder.rglob("*.parquet")} - current(folder) == {"touchpoints-g1.parquet"}
    assert [path.name for path in folder.glob("derived-*")] == []


@pytest.mark.parametrize("reader", [PlainReader, ArrowReader])
def test_both_readers_keep_the_declared_types(store: Any, reader: Callable[[Path], Reader]) -> None:
    """Columns that hold nothing, or nothing in their first hundred thousand rows, and tables without rows."""
    rows = [(1, "e", key, "arm", None, None) for key in range(100_000)]
    store.db.executemany("INSERT INTO assignments VALUES (?, ?, ?, ?, ?, ?)", rows)
    store.run("INSERT INTO assignments VALUES (1, 'e', 100000, 'arm', 5, 0.25)")
    opened = reader(store.path)

    read = {}
    for table in ("assignments", "consents"):
        columns = declared(opened, table)
        batches = list(opened.batches(table, columns))
        read[table] = ({str(batch.schema) for batch in batches}, sum(batch.num_rows for batch in batches))
        if table == "assignments":
            last = batches[-1].slice(batches[-1].num_rows - 1).to_pylist()
    opened.close()

    schema = "connection: int64\nexperiment: string\nkey_id: int64\narm: string\nassigned_at: int64\nplanned_share: double"
    assert read == {"assignments": ({schema}, 100_001), "consents": (set(), 0)}
    assert last == [
        {"connection": 1, "experiment": "e", "key_id": 100_000, "arm": "arm", "assigned_at": 5, "planned_share": 0.25}
    ]


def test_a_large_store_is_read_by_a_process_of_its_own(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The faster reader gives the same mirror, and locks that this process holds on the store stay."""
    monkeypatch.setattr(mirror, "SPAWN_BYTES", 0)
    monkeypatch.setattr(mirror, "_refresh_here", lambda *_: pytest.fail("this process must not read"))
    store.db.execute("SELECT count(*) FROM touchpoints").fetchall()

    folder = mirror.refresh(store.path)

    script = (
        "import fcntl, sys\n"
        "with open(sys.argv[1], 'r+b') as f:\n"
        "    try: fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)\n"
        "    except OSError: print('locked')"
    )
    probe = [sys.executable, "-c", script, str(store.path)]
    assert subprocess.run(probe, capture_output=True, text=True, check=True).stdout == "locked\n"
    assert keys(folder) == [1, 2, 3, 4]


def test_a_child_that_fails_hands_the_work_to_the_slower_reader(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the driver, or where processes cannot be started."""
    monkeypatch.setattr(mirror, "SPAWN_BYTES", 0)
    monkeypatch.setattr(mirror.sys, "executable", "/bin/false")

    assert keys(mirror.refresh(store.path)) == [1, 2, 3, 4]


def test_a_missing_store_is_said(tmp_path: Path) -> None:
    """And what to do."""
    with pytest.raises(StoreError, match=r"there is no store at .* Run `persync pull`"):
        mirror.refresh(tmp_path / "none.sqlite")


def test_a_file_that_is_no_store_is_said(tmp_path: Path) -> None:
    """No traceback."""
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 40)

    with pytest.raises(StoreError, match="cannot be read"):
        mirror.refresh(path)


def test_the_largest_month_is_read_first(store: Any) -> None:
    """Engines plan by the first file."""
    folder = mirror.refresh(store.path)
    manifest = json.loads((folder / "manifest.json").read_text())

    assert mirror.files_of(manifest, "touchpoints")[0] == "touchpoints-2024-01-g1.parquet"
    assert mirror.files_of(manifest, "order_ledger") == ["order_ledger-g1.parquet"]


def test_the_process_that_reads_imports_no_pandas(store: Any) -> None:
    """It would take longer than what it has to read; pyarrow imports it at the slightest occasion where it is installed."""
    for key in range(200):
        store.click(10 + key, key % 12)
    text = "import sys; from persync.engine import mirror; mirror._main(sys.argv[1:]); print('pandas' in sys.modules)"

    told = subprocess.run(
        [sys.executable, "-c", text, str(store.path), str(store.path.with_suffix(".mirror"))],
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == "False"
    assert len(keys(mirror.mirror_folder(store.path))) == 204
