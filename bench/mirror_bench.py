"""The mirror of five million touchpoints: how fast it is made, what a night's changes cost, how much memory it takes.

    python bench/mirror_bench.py [TOUCHPOINTS]

Every refresh is called as a report calls it, in a process of its own; its wall clock starts when the call does. A night
changes one touchpoint in a hundred: those of the campaigns of the last two of 25 months, or (printed only) of all of them.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import touchstore
from table import Table

from persync.store.write import mark_dirty

TOUCHPOINTS = 5_000_000
ROUNDS = 3
RATE = 500_000.0
SHARE = 0.15
PEAK_MB = 700.0

REFRESH = """
import resource, sys, time
from pathlib import Path
from persync.engine.mirror import refresh
started = time.perf_counter()
refresh(Path(sys.argv[1]))
took = time.perf_counter() - started
own, child = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(took, child.ru_utime + child.ru_stime, max(own.ru_maxrss, child.ru_maxrss) / 1024)
"""


@dataclass(frozen=True, slots=True)
class Took:
    """Wall-clock seconds of a refresh, CPU seconds of the process that reads, peak memory in MB of the larger process."""

    wall: float
    cpu: float
    peak_mb: float


def refresh(store: Path) -> Took:
    """Bring the mirror of a store up to date."""
    done = subprocess.run([sys.executable, "-c", REFRESH, str(store)], capture_output=True, text=True, check=True)
    return Took(*map(float, done.stdout.split()))


EVERY = {2: 7, touchstore.MONTHS: 91}
"""one reader in so many is changed, by the months; prime to how many open and click"""


def change(store: Path, months: int) -> int:
    """Change one touchpoint in a hundred, evenly among those of the campaigns of the last so many months; return how many."""
    first = touchstore.MONTHS - months
    campaigns = (first * touchstore.CAMPAIGNS + 1, touchstore.MONTHS * touchstore.CAMPAIGNS)
    db = sqlite3.connect(store)
    with db:
        changed = db.execute(
            "UPDATE touchpoints SET is_machine = 1 - coalesce(is_machine, 0)"
            " WHERE connection = 1 AND campaign_key BETWEEN ? AND ? AND key_id % ? = 0",
            (*campaigns, EVERY[months]),
        ).rowcount
        for number in range(first, touchstore.MONTHS):
            mark_dirty(db, "touchpoints", touchstore.FIRST + number)
    db.close()
    return changed


def run(table: Table, store: Path, touchpoints: int, rounds: int = ROUNDS) -> None:
    """Measure on a store that `touchstore` made."""
    folder = store.with_suffix(".mirror")
    full, recent, spread = [], [], []
    for number in range(rounds):
        shutil.rmtree(folder, ignore_errors=True)
        full.append(refresh(store))
        # The spread-out case writes everything again, as long as a full one: once is enough to print.
        cases = ((2, recent), (touchstore.MONTHS, spread))
        for months, took in cases if not number else cases[:1]:
            changed = change(store, months)
            assert 0.009 <= changed / touchpoints <= 0.013, (months, changed)
            took.append(refresh(store))
    table.note("mirror_full_rows_per_s", [touchpoints / one.wall for one in full], "rows/s", RATE)
    table.note("mirror_full_cpu_s", [one.cpu for one in full], "s", None, "lower")
    table.note("mirror_peak_memory", max(one.peak_mb for one in (*full, *recent, *spread)), "MB", PEAK_MB, "lower")
    shares = [part.wall / whole.wall for part, whole in zip(recent, full, strict=True)]
    table.note("mirror_refresh_share", shares, "of full", SHARE, "lower")
    table.note("mirror_refresh_cpu_share", [p.cpu / w.cpu for p, w in zip(recent, full, strict=True)], "of full", None, "lower")
    table.note("mirror_refresh_s", [one.wall for one in recent], "s", None, "lower")
    table.note("mirror_spread_share", spread[0].wall / full[0].wall, "of full", None, "lower")


def main() -> None:
    """Make the store and measure it."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else TOUCHPOINTS
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "shop.db"
        run(Table(), store, touchstore.build(store, wanted))


if __name__ == "__main__":
    main()
