"""Stores that are not there, not ours or not writable, and `persync status`."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from pathlib import Path

import pytest

from core.cli.calls import Run, said
from persync.store.locks import lock_path


def test_a_foreign_sqlite_file_is_left_alone(persync: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "persync.db") as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    before = (tmp_path / "persync.db").read_bytes()

    for arguments in (["status"], ["verify"], ["experiment", "read"]):
        assert "is an SQLite file of another program." in said(persync(*arguments), 1)
    assert (tmp_path / "persync.db").read_bytes() == before


def test_a_text_file_in_the_place_of_the_store_is_named(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "persync.db").write_text("this is a shopping list, long enough to be read as a header of a file\n" * 5)

    assert "is not a persync store, or it is damaged." in said(persync("status"), 1)


def test_no_store_yet_says_what_to_do(persync: Run, tmp_path: Path) -> None:
    line = said(persync("status"), 1)

    assert line == f"there is no store at {tmp_path / 'persync.db'} yet. Run `persync pull` or `persync demo` first."


def test_a_folder_that_cannot_be_written_is_named(persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs this may be allowed to write everywhere, so the system's refusal is played."""
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    real = os.open

    def refused(path: str | Path, flags: int, *more: int, **named: int) -> int:
        if flags & os.O_CREAT and Path(path).parent == tmp_path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, flags, *more, **named)

    monkeypatch.setattr("os.open", refused)

    line = said(persync("import", "outcomes", str(tmp_path / "visits.csv")), 1)

    lock = lock_path(tmp_path / "persync.db", "store upgrade")
    assert line == f"cannot write the lock file {lock}: Permission denied. Choose a folder you may write to."
    assert not list(tmp_path.glob("persync.db*"))


def test_a_store_under_a_file_is_named(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "persync.toml").write_text('[store]\npath = "file/persync.db"\n')
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    line = said(persync("import", "outcomes", str(tmp_path / "visits.csv")), 1)

    assert line == f"cannot make the folder {tmp_path / 'file'}: File exists."


def test_status_shows_what_was_imported(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\nb,visit,0\n")
    persync("import", "outcomes", str(tmp_path / "visits.csv"))

    document = json.loads(persync("status", "--format", "json").stdout)

    assert document["rows"] == {"files": {"outcomes": 2}}
    assert "2 outcomes" in persync("status").stdout
    assert "files: 2 outcomes" in persync("status", "--all").stdout


def test_a_store_that_a_lake_knows_keeps_its_name_and_says_so(persync: Run, tmp_path: Path) -> None:
    """`--as` names a store that comes in; for another name it has to go out first."""
    (tmp_path / "touches.csv").write_text("person,at,channel\na,2025-02-20,email\n")
    assert persync("import", "touchpoints", str(tmp_path / "touches.csv")).exit_code == 0
    first = persync("lake", "add", str(tmp_path), "--as", "one")
    again = persync("lake", "add", str(tmp_path), "--as", "two")

    assert (first.stdout.split()[:3], first.stderr) == (["one", "is", "in"], "")
    assert again.stdout == first.stdout
    assert (
        again.stderr == "It keeps that name: to have it as two, take it out with `persync lake remove one` and add it again.\n"
    )
