"""The tutorials, typed by a stranger into an empty folder."""

from __future__ import annotations

import csv
import io
import sqlite3
from pathlib import Path

import pytest

from docs.orchard import CENTS, ORDERS, TOKEN, orchard
from docs.tutorial import blocks_of, promised, type_in
from outside.fresh import Fresh


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """One environment for all tutorials: they do not get into each other's way."""
    return Fresh(tmp_path_factory.mktemp("tutorials") / "venv")


def test_the_connector_is_written_checked_and_pulls(root: Path, fresh: Fresh, tmp_path: Path) -> None:
    """The API is served from here, on a port of its own; the address of the page stands for it."""
    with orchard() as (address, calls):
        page = (root / "docs" / "writing-a-connector.md").read_text("utf-8")
        type_in(page, fresh, tmp_path, {"http://127.0.0.1:8765": address})

    with sqlite3.connect(tmp_path / "shop" / "persync.db") as db:
        orders, cents = db.execute("SELECT COUNT(DISTINCT order_key), SUM(amount_minor) FROM order_ledger").fetchone()
    db.close()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "shop").glob("persync.db*"))
    listed = [call for call in calls if call.startswith("/orders")]
    assert (orders, cents) == (len(ORDERS), CENTS)
    assert b"@example.com" not in kept
    assert TOKEN.encode() not in kept
    # The first is `persync connect`, which asks each stream for its smallest answer; then two pulls.
    assert [("after=" in call, "updated_since=" in call) for call in listed] == [
        (False, False),
        (False, False),
        (True, False),
        (True, False),
        (False, True),
    ]


def test_the_metric_is_written_checked_and_asked(root: Path, fresh: Fresh, tmp_path: Path) -> None:
    printed = type_in((root / "docs" / "writing-a-metric.md").read_text("utf-8"), fresh, tmp_path, {})

    (line,) = csv.DictReader(io.StringIO(printed[-1].split("\n", 1)[1]))
    assert (line["id"], float(line["value"]), line["n"], line["unit"]) == ("largest_order", 75.5, "3", "EUR")


def test_the_model_is_written_checked_and_asked(root: Path, fresh: Fresh, tmp_path: Path) -> None:
    printed = type_in((root / "docs" / "writing-a-model.md").read_text("utf-8"), fresh, tmp_path, {})

    rows = dict(line.split() for line in printed[-1].splitlines() if line.split() and line.split()[0] in CHANNELS)
    assert sorted(rows.pop(name) for name in ("email", "paid_search")) == ["15.00", "15.01"]
    assert rows in ({}, {"social": "0.00"})


CHANNELS = ("email", "social", "paid_search")


def test_a_promise_that_is_not_kept_is_found() -> None:
    promised("one\nthree  four\n", "one\ntwo\nthree four five\n")

    with pytest.raises(AssertionError, match="not printed, or not there: two"):
        promised("three\ntwo\n", "one\ntwo\nthree\n")


def test_a_block_without_a_use_is_found() -> None:
    with pytest.raises(AssertionError, match="what is this block for"):
        list(blocks_of("```python\nprint()\n```\n"))
