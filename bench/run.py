"""`make bench`: how fast, as ratios in one run. Prints a table and writes bench/results.json.

Every figure is a median of several runs in turn with what it is held against; on a shared machine only the ratios say much.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import attribution_bench
import pace_bench
import pull_bench
import records_bench
from table import Table


def seconds(*command: str) -> float:
    """Return how long a command takes, in seconds."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def start_up(rounds: int = 9) -> dict[str, float]:
    """Hold `persync --help` against `python -c "import click"`, in turn."""
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(seconds(sys.executable, "-c", "import click"))
        ours.append(seconds(str(Path(sys.executable).with_name("persync")), "--help"))
    return {"help_s": statistics.median(ours), "click_s": statistics.median(theirs)}


def main() -> int:
    """Run all benchmarks; return 1 when a target was missed."""
    table = Table()
    note = table.note

    records_bench.note(table)
    pull = pull_bench.run()
    note("pull_ratio_to_floor", pull["ratio"], "ratio", 0.5)
    note("pull_records_per_s", pull["first"], "records/s")
    note("floor_records_per_s", pull["floor"], "records/s")
    note("pull_again_s", pull["second_s"], "s", None, "lower")
    note("pull_peak_memory", pull["peak_mb"], "MB", 150, "lower")
    note("members_alone_ratio_to_floor", pull_bench.run(20_000, 0, 3)["ratio"], "ratio")
    # On a simulated clock: what share of the rate each vendor allows is used, and what share of the calls it refuses.
    for one in pace_bench.run():
        note(f"pace_{one.name}_used", one.used, "share", 0.95)
        note(f"pace_{one.name}_refused", one.refused, "share", 0.01, "lower")
    start = start_up()
    note("help_ratio_to_click", start["help_s"] / start["click_s"], "ratio", 2.5, "lower")
    # A year of mailing, three quarters of it sends and opens; and, to know the slope, a store of nothing but clicks and visits.
    cases = (("six_models_1m_touchpoints", 0.25, attribution_bench.TARGET_SECONDS), ("six_models_1m_all_clicks", 1.0, None))
    for name, share, target in cases:
        took = [attribution_bench.run(share=share)["attribution_six_models"]["value"] for _ in range(3)]
        note(name, took, "s", target, "lower")

    table.save()
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())
