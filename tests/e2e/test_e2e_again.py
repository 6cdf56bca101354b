"""A pull of vendors who changed nothing writes nothing, however much of them it reads again."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.runs import persync, serving
from persync.sandbox.demo import make_world
from persync.store.digest import table_digests
from persync.store.store import open_store


def facts(folder: Path) -> dict[str, str]:
    """Return the digest of every table but coverage: a full pull also lists what else is listed every so many days."""
    with open_store(folder / "persync.db") as store:
        return {table: value for table, value in table_digests(store).items() if table != "coverage"}


@pytest.mark.parametrize("asked", [[], ["--full"]], ids=["what is new", "all of it"])
def test_a_second_pull_of_unchanged_vendors_changes_no_row(tmp_path: Path, asked: list[str]) -> None:
    with serving(make_world(5, people=50), tmp_path / "served") as site:
        folder = site.project(tmp_path / "project")
        first = persync(folder, "pull")
        before = facts(folder)

        again = persync(folder, "pull", *asked)

    assert (first.returncode, again.returncode) == (0, 0), (first.stderr, again.stderr)
    changed = [line for line in again.stdout.splitlines()[1:] if line.split()[2:3] == ["done"] and line.split()[-1] != "0"]
    assert changed == []
    assert "does not know" not in again.stdout, "what the sandbox sends is read, or known to be of no use"
    assert again.stdout.splitlines()[-1] == "0 rows changed."
    assert facts(folder) == before
