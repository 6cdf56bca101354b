"""What an older version stored as it came is told by the audit, and made coarse in place, whole or not at all."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from persync.cli import root
from persync.engine import open_engine
from persync.privacy.evidence import Scene, attributes_are_coarse
from persync.settings import load_project
from persync.store import coarsen
from persync.store.store import open_store
from privacy_rows import NOW

RAW = {
    "age": "37",
    "zip": "10997",
    "birthday": "1961-05-17",
    "nickname": "Rumpel",
    "renewed": "2025-03-04",
    "tier": "gold",
    "age_band": "60+",
}
COARSE = {"age": "30-44", "zip": "10", "birthday": "60+", "renewed": "2025", "tier": "gold", "age_band": "60+"}


@pytest.fixture
def old(filled: Path) -> Path:
    """The store as an older version left it: raw values of one person, under their connection."""
    (filled.parent / "persync.toml").write_text('[store]\npath = "p.db"\n', encoding="utf-8")
    with open_store(filled) as store, store.transaction() as db:
        db.execute("DELETE FROM attributes")
        ((key, connection),) = db.execute("SELECT min(key_id), min(connection) FROM contacts").fetchall()
        for name, value in RAW.items():
            db.execute("INSERT INTO attributes VALUES (?, ?, ?, ?, 'asked')", (connection, key, name, value))
        db.execute("INSERT INTO dirty VALUES ('attributes', -1, 1) ON CONFLICT DO UPDATE SET rev = rev + 1")
    open_engine(filled).close()
    return filled


def run(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["--project", str(path.parent), "privacy", "clean", *arguments], prog_name="persync")


def held(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as db:
        return dict(db.execute("SELECT name, value FROM attributes"))


def audited(path: Path) -> tuple[str, str]:
    from persync.plugins import load_plugins

    with open_store(path) as store:
        return attributes_are_coarse(Scene(store, load_project(path.parent, load_plugins()), NOW))


def test_the_audit_says_which_attributes_are_finer_than_they_may_be(old: Path) -> None:
    finer = "age (1 values), birthday (1 values), nickname (1 values), renewed (1 values), zip (1 values)"

    assert audited(old) == ("no", f"finer than they may be stored: {finer}: persync privacy clean --apply")


def test_without_apply_it_is_only_counted(old: Path) -> None:
    done = run(old, "--format", "json")

    wanted = [("age", 1, 0), ("birthday", 1, 0), ("nickname", 0, 1), ("renewed", 1, 0), ("zip", 1, 0)]
    told = json.loads(done.stdout)
    assert [tuple(one.values()) for one in told["results"]] == wanted
    assert (done.exit_code, told["applied"], held(old)) == (0, False, RAW)


def test_what_is_raw_is_coarse_afterwards_and_its_bytes_are_nowhere_beside_the_store(old: Path) -> None:
    """Store, write-ahead log and mirror: no date of birth, postal code or name stands in any file; the log has counts alone."""
    done = run(old, "--apply")
    again = run(old, "--apply")

    assert (done.exit_code, held(old)) == (0, COARSE)
    assert again.stdout == "Every attribute is as coarse as it may be stored.\n"
    assert audited(old)[0] == "yes"
    files = [file for file in old.parent.rglob("*") if file.is_file() and file.suffix != ".toml"]
    assert not [(file.name, value) for file in files for value in ("1961-05-17", "10997", "Rumpel") if _has(file, value)]
    with closing(sqlite3.connect(old)) as db:
        found = db.execute("SELECT detail FROM log WHERE event = ?", (coarsen.EVENT,)).fetchall()
    assert found == [("5 attributes: 4 values coarsened, 1 removed",)]


def _has(file: Path, value: str) -> bool:
    return value.encode() in file.read_bytes()


def test_a_clean_that_breaks_off_leaves_everything_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the lights went out")

    monkeypatch.setattr(coarsen, "append", broken)
    with open_store(old) as store, pytest.raises(RuntimeError):
        coarsen.clean(store, now=NOW)

    assert held(old) == RAW
