"""`persync store upgrade` and `persync store vacuum`: what they say, what they keep, and when they refuse."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.cli.calls import Run, said
from core.test_core_upgrade import older, version_of
from persync.store.digest import digest
from persync.store.locks import hold
from persync.store.schema import SCHEMA_VERSION
from persync.store.store import before_path, open_store


def test_upgrade_says_from_what_to_what_and_keeps_a_copy(persync: Run, tmp_path: Path) -> None:
    store = tmp_path / "persync.db"
    older(store, 3)

    first = persync("store", "upgrade")
    again = persync("store", "upgrade", "--format", "json")

    copy = before_path(store)
    assert (first.exit_code, first.stdout) == (0, f"from version 3 to {SCHEMA_VERSION}.\n")
    told = f"persync: a copy of how it was is {copy.name}. Delete it when all is well.\n"
    assert first.stderr == told
    assert (version_of(copy), version_of(store)) == (3, SCHEMA_VERSION)
    assert json.loads(again.stdout)["results"] == [{"from": SCHEMA_VERSION, "to": SCHEMA_VERSION, "copy": None}]
    assert persync("store", "upgrade").stdout == f"version {SCHEMA_VERSION} already: nothing to do.\n"


def test_upgrade_refuses_a_newer_store_and_one_that_is_not_there(persync: Run, tmp_path: Path) -> None:
    assert "there is no store at" in said(persync("store", "upgrade"), 1)
    open_store(tmp_path / "persync.db", create=True).close()
    with closing(sqlite3.connect(tmp_path / "persync.db")) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")

    assert "was written by a newer persync" in said(persync("store", "upgrade"), 1)


@pytest.fixture
def hollow(tmp_path: Path) -> Path:
    """A store of a connection, whose file has the room of rows that are gone."""
    path = tmp_path / "persync.db"
    with open_store(path, create=True) as store, store.transaction() as db:
        db.execute("INSERT INTO connections (connection, name, connector) VALUES (1, 'shop', 'shopify')")
        db.executemany("INSERT INTO meta VALUES (?, ?)", [(f"test {n}", "x" * 4000) for n in range(300)])
    with open_store(path) as store, store.transaction() as db:
        db.execute("DELETE FROM meta WHERE name LIKE 'test %'")
    return path


def test_vacuum_says_bytes_before_and_after_and_changes_no_number(persync: Run, hollow: Path) -> None:
    before = hollow.stat().st_size
    with open_store(hollow) as store:
        held = digest(store)

    text = persync("store", "vacuum")
    document = json.loads(persync("store", "vacuum", "--format", "json").stdout)

    told = [int("".join(filter(str.isdecimal, part))) for part in text.stdout.split("before")]
    assert text.exit_code == 0
    assert (told[0], told[1] < before - 1_000_000) == (before, True)
    assert list(document["results"][0]) == ["before", "after"]
    with open_store(hollow) as store:
        assert digest(store) == held
        assert [event for (event,) in store.db.execute("SELECT event FROM log")] == ["vacuumed", "vacuumed"]


def test_vacuum_refuses_while_a_pull_runs(persync: Run, hollow: Path) -> None:
    before = hollow.read_bytes()

    with hold(hollow, "shop"):
        line = said(persync("store", "vacuum"), 7)

    assert line.startswith("another run holds 'shop' (process ")
    assert hollow.read_bytes() == before


def test_vacuum_leaves_a_store_that_another_program_writes_to(
    persync: Run, hollow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("persync.store.store.BUSY_MS", 1)
    with closing(sqlite3.connect(hollow, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        line = said(persync("store", "vacuum"), 1)

    assert "in use by another program" in line
