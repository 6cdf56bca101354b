"""`make bench`: how fast, as ratios in one run. Prints a table and writes bench/results.json.

Every figure is a median of several runs in turn with what it is held against, its spread beside it; on a shared machine only
the ratios say much. `python bench/page.py` puts the table into docs/performance.md.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import attribution_bench
import btyd_bench
import dlt_bench
import fairness_bench
import mirror_bench
import pace_bench
import pull_bench
import records_bench
import render_bench
import report_bench
import serve_bench
import start_bench
import touchstore
from table import Table


def pulls(table: Table) -> None:
    """Flat records against the floor and against dlt; then a shop's members and sends."""
    dlt = dlt_bench.command()
    records_bench.note(table, {"dlt": dlt} if dlt else None)
    if dlt is None:
        dlt_bench.missing(table)
    pull = pull_bench.run()
    table.note("pull_ratio_to_floor", pull["ratio"], "ratio", 0.5)
    table.note("pull_records_per_s", pull["first"], "records/s")
    table.note("floor_records_per_s", pull["floor"], "records/s")
    table.note("pull_again_s", pull["second_s"], "s", None, "lower")
    table.note("pull_peak_memory", pull["peak_mb"], "MB", 150, "lower")
    table.note("members_alone_ratio_to_floor", pull_bench.run(20_000, 0, 3)["ratio"], "ratio")


def pace(table: Table) -> None:
    """On a simulated clock: what share of the rate each vendor allows is used, and what share of the calls it refuses."""
    for one in pace_bench.run():
        table.note(f"pace_{one.name}_used", one.used, "share", 0.95)
        table.note(f"pace_{one.name}_refused", one.refused, "share", 0.01, "lower")


def large_store(table: Table) -> None:
    """The mirror of a store of touchpoints; then, grown to a gigabyte, its status."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "shop.db"
        mirror_bench.run(table, store, touchstore.build(store, mirror_bench.TOUCHPOINTS))
        start_bench.grow(store)
        start_bench.status(table, store)


def attribution(table: Table) -> None:
    """A year of mailing, three quarters of it sends and opens: every rule with its ledger, and Markov chains."""
    attribution_bench.note(table)


def value(table: Table) -> None:
    """What customers will do: one shop's fit, and a million customers'."""
    btyd_bench.note(table)


def fair(table: Table) -> None:
    """A decision about a million people by three attributes and their crossings."""
    fairness_bench.note(table)


def questions(table: Table) -> None:
    """The whole report of a shop, and each metric alone."""
    report_bench.note(table)


def pages(table: Table) -> None:
    """The demo's report as a page, once its figures are known."""
    render_bench.note(table)


def live(table: Table) -> None:
    """The live page of that shop: a changed filter, and fifty readers during a pull."""
    serve_bench.note(table)


def main() -> int:
    """Run all benchmarks; return 1 when a target was missed."""
    started = time.perf_counter()
    table = Table()
    start_bench.help_page(table)
    for part in (pulls, pace, large_store, attribution, value, fair, questions, pages, live):
        part(table)
    table.save()
    print(f"in {time.perf_counter() - started:.0f} s")
    return table.exit_code


if __name__ == "__main__":
    sys.exit(main())
