"""Opening a store that an older release wrote: its data stay, and there is one copy of how it was."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from persync.errors import ConnectionLockedError
from persync.store import store as opening
from persync.store.digest import table_digests
from persync.store.key import create_key
from persync.store.locks import hold
from persync.store.migrations import migrations
from persync.store.schema import SCHEMA_VERSION
from persync.store.store import APPLICATION_ID, open_store

STEPS = [migration.name for migration in migrations._migrations]
ROWS = {
    "connections": "INSERT INTO connections (connection, name, connector, shop) VALUES (1, 'shop', 'shopify', 's.example.com')",
    "person_keys": "INSERT INTO person_keys VALUES (1, 1, 'id', '7')",
    "contacts": "INSERT INTO contacts VALUES (1, 1, 5, 'customer', NULL, 2, 0)",
    "campaign_keys": "INSERT INTO campaign_keys VALUES (1, 1, 'id', 'c')",
    "campaigns": "INSERT INTO campaigns (campaign_key, connection, kind, title) VALUES (1, 1, 'regular', 'Letter')",
    "order_keys": "INSERT INTO order_keys VALUES (1, 1, 'o', 's.example.com', 'o', '#1')",
    "orders": "INSERT INTO orders (order_key, connection, kind, key_id, currency) VALUES (1, 1, 'order', 1, 'EUR')",
    "order_ledger": "INSERT INTO order_ledger VALUES (1, 's', 'sale', 'product', 5, 1250, 'EUR')",
    "touchpoints": "INSERT INTO touchpoints VALUES (1, 1, 1, 4, 5, 0, 0, '', NULL, NULL, 0, 0)",
}


def older(path: Path, version: int, *, steps: int | None = None) -> None:
    """Write a store as release `version` of the tables left it; `steps` of an upgrade may be done already."""
    key = create_key(path)
    steps = steps or version
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database = Database(db, execute_plugins=False)
        migrations.apply(database, stop_before=STEPS[steps] if steps < len(STEPS) else None)
        db.execute("INSERT INTO meta VALUES ('key', ?), ('id', 'i')", (key.fingerprint,))
        for text in ROWS.values():
            db.execute(text)
        db.execute(f"PRAGMA user_version = {version}")
    path.chmod(0o640)


def held(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as db:
        return {
            name: db.execute(f"SELECT * FROM {name}").fetchall()
            for (name,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            ).fetchall()
            if name in ROWS
        }


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        found: int = db.execute("PRAGMA user_version").fetchone()[0]
        return found


def test_there_is_a_step_for_every_release_of_the_tables() -> None:
    assert [int(name[1:4]) for name in STEPS] == list(range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_an_older_store_is_brought_up_and_copied_once(tmp_path: Path, version: int) -> None:
    path = tmp_path / "p.db"
    older(path, version)
    before = held(path)

    with open_store(path) as store:
        assert store.integrity() == []
        upgraded = table_digests(store)

    copy = tmp_path / f"p.before-{SCHEMA_VERSION}.db"
    assert [file.name for file in tmp_path.glob("*before*")] == [copy.name]
    assert (version_of(path), version_of(copy)) == (SCHEMA_VERSION, version)
    assert held(copy) == before
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600, "a copy is as closed as the store, which was 0640 and is narrowed"
    with open_store(tmp_path / "new.db", create=True) as fresh:
        columns = {table: len(fresh.db.execute(f"PRAGMA table_info({table})").fetchall()) for table in table_digests(fresh)}
    assert upgraded.keys() == columns.keys()
    for name, rows in held(path).items():
        assert [row[: len(old)] for row, old in zip(rows, before[name], strict=True)] == before[name], name
        assert {value for row, old in zip(rows, before[name], strict=True) for value in row[len(old) :]} <= {None}


def test_opening_it_again_makes_no_other_copy(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    older(path, 1)
    open_store(path).close()
    copy = opening.before_path(path)
    stamp = (copy.stat().st_mtime_ns, copy.read_bytes())

    open_store(path).close()

    assert (copy.stat().st_mtime_ns, copy.read_bytes()) == stamp


def test_an_upgrade_killed_half_way_keeps_the_copy_of_the_store_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    older(path, 1, steps=2)  # one step done, the version not yet written
    copy = opening.before_path(path)
    copy.write_bytes(b"the store as it was")

    open_store(path).close()

    assert copy.read_bytes() == b"the store as it was"
    assert version_of(path) == SCHEMA_VERSION


def test_a_copy_of_an_earlier_attempt_gives_way_to_that_of_the_store_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    older(path, 1)
    copy = opening.before_path(path)
    copy.write_bytes(b"from long ago")

    open_store(path).close()

    assert version_of(copy) == 1


def test_what_stood_in_the_write_ahead_log_is_in_the_copy(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    older(path, 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE contacts SET status = 'late'")

        open_store(path).close()

    with closing(sqlite3.connect(opening.before_path(path))) as db:
        assert db.execute("SELECT status FROM contacts").fetchall() == [("late",)]


def test_two_programs_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.db"
    older(path, 1)
    monkeypatch.setattr(opening, "BUSY_MS", 1)

    with hold(path, "store upgrade"), pytest.raises(ConnectionLockedError, match="another run holds 'store upgrade'"):
        open_store(path)

    assert version_of(path) == 1


def test_a_store_killed_while_it_was_made_is_finished_without_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    create_key(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrations.apply(Database(db, execute_plugins=False), stop_before=STEPS[1])

    open_store(path).close()

    assert version_of(path) == SCHEMA_VERSION
    assert list(tmp_path.glob("*before*")) == []


def test_the_months_of_older_touches_are_noted(tmp_path: Path) -> None:
    """Also of one a moment before a month's end, and of one before 1970."""
    older(tmp_path / "shop.db", 3)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as db, db:
        for campaign, at in ((1, 31 * 86_400_000 - 1), (1, 31 * 86_400_000), (2, -1)):
            db.execute("INSERT INTO touchpoints VALUES (1, ?, 1, 4, ?, 0, 0, '', NULL, NULL, 0, 0)", (campaign, at))

    with open_store(tmp_path / "shop.db") as store:
        noted = store.db.execute("SELECT month, connection, campaign_key FROM touch_months").fetchall()

    january = 1970 * 12
    assert noted == [(january - 1, 1, 2), (january, 1, 1), (january + 1, 1, 1)]
