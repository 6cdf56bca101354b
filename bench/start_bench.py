"""How long one waits for the command line: for its help, and for the status of a store of a gigabyte.

    python bench/start_bench.py

The store has what makes a real one large: touchpoints, people's keys, versions of records, orders and their ledger. It is made
by SQL for this run and thrown away after it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import touchstore
from table import Table

from persync.store.counts import COUNTED, note_counts
from persync.store.store import open_store
from persync.store.write import mark_dirty

BYTES = 1_000_000_000
PERSYNC = str(Path(sys.executable).with_name("persync"))
SETTINGS = """\
[store]
path = "{store}"

[connections.mailchimp]
connector = "mailchimp"

[connections.shopify]
connector = "shopify"
shop = "bench"

[connections.hubspot]
connector = "hubspot"
"""

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
GROWTH = (
    "INSERT INTO person_keys (connection, kind, key) SELECT 0, 'email', printf('%032x', i) FROM n",
    "INSERT INTO contacts SELECT 1, i, 1700000000000 + i * 1000, 'subscribed', 'form', i % 7, NULL FROM n",
    "INSERT INTO versions SELECT i * 7919, i * 104729 FROM n",
    "INSERT INTO order_keys SELECT i, 2, printf('%d', 5000000000000 + i), 'bench.example.com', printf('%d', i),"
    " printf('#%d', i) FROM n WHERE i % 4 = 0",
    "INSERT INTO orders (order_key, connection, kind, key_id, ordered_at, status, is_test, currency, total_minor)"
    " SELECT i, 2, 'order', i, 1700000000000 + i * 1000, 'paid', 0, 'EUR', 100 + i % 9000 FROM n WHERE i % 4 = 0",
    "INSERT INTO order_ledger SELECT i, printf('gid://shopify/Sale/%d', 9000000000000 + i), 'sale', 'product',"
    " 1700000000000 + i * 1000, 100 + i % 9000, 'EUR' FROM n WHERE i % 4 = 0",
)
STEP = 500_000
PARTS = 5_000
"""read parts of streams: one a campaign and kind of report"""


def grow(store: Path, size: int = BYTES) -> int:
    """Fill a store that `touchstore` made up to so many bytes, with its rows counted as the end of a pull does; return them."""
    with open_store(store) as opened:
        db = opened.db
        db.execute("PRAGMA synchronous = OFF")
        first = 1
        while _bytes(store) < size:
            numbers = _NUMBERS.format(first=first, last=first + STEP - 1)
            with opened.transaction():
                for text in GROWTH:
                    db.execute(f"{numbers} {text}")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            first += STEP
        numbers = _NUMBERS.format(first=1, last=PARTS)
        with opened.transaction():
            db.execute(
                f"{numbers} INSERT INTO coverage SELECT 1, 'email_activity', printf('%010x', i), 1700000000000,"
                " 1700000000000 + i * 1000, 'complete', '', 1700000000000 FROM n"
            )
            db.execute(
                f"{numbers} INSERT INTO checkpoints (connection, stream, partition, parent, watermark)"
                " SELECT 1, 'email_activity', printf('%010x', i), '{}', 1700000000000 + i * 1000 FROM n"
            )
            for table in COUNTED:
                mark_dirty(db, table)
            note_counts(db)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return _bytes(store)


def _bytes(store: Path) -> int:
    return store.stat().st_size


def seconds(*command: str) -> float:
    """Return how long a command takes, in seconds."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def help_page(table: Table, rounds: int = 11) -> None:
    """Hold `persync --help` against `python -c "import click"`, in turn: the larger of two limits holds."""
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(seconds(sys.executable, "-c", "import click"))
        ours.append(seconds(PERSYNC, "--help"))
    table.note("click_import_s", theirs, "s", None, "lower")
    limit = max(0.15, 2 * table.results["click_import_s"]["value"])
    table.note("help_s", ours, "s", round(limit, 4), "lower")
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    table.note("help_ratio_to_click", ratios, "ratio", 2.5, "lower")


def status(table: Table, store: Path, rounds: int = 7) -> None:
    """Time `persync status` on a large store: with its rows counted, and with every table changed since, as under a pull."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "persync.toml").write_text(SETTINGS.format(store=store), encoding="utf-8")
        command = (PERSYNC, "--project", folder, "status")
        table.note("status_1gb_s", [seconds(*command) for _ in range(rounds)], "s", 0.5, "lower")
        with open_store(store) as opened, opened.transaction() as db:
            for name in COUNTED:
                mark_dirty(db, name)
        table.note("status_1gb_under_pull_s", [seconds(*command) for _ in range(rounds)], "s", None, "lower")


def main() -> None:
    """Make a store and time both."""
    table = Table()
    help_page(table)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "shop.db"
        touchstore.build(store)
        print(f"{grow(store):,} bytes")
        status(table, store)


if __name__ == "__main__":
    main()
