"""The whole report, and every metric alone, on a shop of fifty thousand customers and a million touchpoints.

    python bench/report_bench.py [CUSTOMERS] [TOUCHPOINTS]

The mirror is up to date, as a pull leaves it; nothing that was worked out before is there. Each report is a process of its own,
as people call it, start-up included. Each metric is asked for one period without splits, with nothing worked out before it.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import shop
from table import Table

ROUNDS = 3
REPORT_S, REPORT_MB, METRIC_S = 10.0, 400.0, 1.0
# As a package is installed: its modules are compiled once, not at each start.
INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
# What a program's children took is at least what the program itself took before: so it is asked from within.
REPORT = """
import re, sys
from pathlib import Path
from persync.cli import main
sys.argv = ["persync", *sys.argv[1:]]
try:
    main()
finally:
    print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text("ascii"))[1], file=sys.stderr)
"""
METRICS = """
import shutil, sys, time
from pathlib import Path
from persync.engine.duck import open_engine
from persync.plugins import load_plugins
from persync.settings import load_project
folder, now = Path(sys.argv[1]), int(sys.argv[2])
host = load_plugins()
project = load_project(folder, host)
for metric in host.metrics.values():
    for derived in folder.glob("*.mirror/derived-*"):
        shutil.rmtree(derived)
    engine = open_engine(folder / "shop.mirror")
    began, spent = time.perf_counter(), time.process_time()
    metric.compute(engine, project.ask(now, sys.argv[3]))
    print(metric.id, time.perf_counter() - began, time.process_time() - spent, flush=True)
"""


def _forget(folder: Path) -> None:
    for derived in folder.glob("*.mirror/derived-*"):
        shutil.rmtree(derived)


def _resident(pid: int) -> int:
    """Return what a program and its children hold in memory now, in kB; what several hold together counts once."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        own = int(Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").split("\nPss:")[1].split()[0])
    except (OSError, IndexError):  # it has just ended
        return 0
    return own + sum(_resident(int(child)) for child in children)


def report(folder: Path) -> tuple[float, float]:
    """Make the report as a page; return wall-clock seconds and peak MB, the process that draws included."""
    _forget(folder)
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", REPORT, "report", "--period", shop.PERIOD, "--out", str(folder / "report.html")],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=INSTALLED,
    ) as program:  # fmt: skip
        peak = 0
        while program.poll() is None:
            peak = max(peak, _resident(program.pid))
            time.sleep(0.05)
        took = time.perf_counter() - began
        said = program.stderr.read().splitlines() if program.stderr else []
    if len(said) != 1 or program.returncode:
        raise RuntimeError("\n".join(said))  # a section that failed takes no time
    return took, max(peak, int(said[-1])) / 1024


def metrics(folder: Path) -> dict[str, float]:
    """Return the wall-clock seconds of every metric."""
    done = subprocess.run(
        [sys.executable, "-c", METRICS, str(folder), str(shop.NOW), shop.PERIOD],
        capture_output=True, text=True, check=True, env=INSTALLED,
    )  # fmt: skip
    return {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}


def note(table: Table, customers: int = shop.CUSTOMERS, touchpoints: int = shop.TOUCHPOINTS) -> None:
    """Make the shop, ask it everything and note it beside its target."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop.build(folder, customers, touchpoints)
        report(folder)  # makes the mirror
        took = [report(folder) for _ in range(ROUNDS)]
        table.note("report_1m", [one[0] for one in took], "s", REPORT_S, "lower")
        table.note("report_1m_peak_memory", max(one[1] for one in took), "MB", REPORT_MB, "lower")
        rounds = [metrics(folder) for _ in range(ROUNDS)]
        seconds = {id: [one[id] for one in rounds] for id in rounds[0]}
        slowest = max(seconds, key=lambda id: statistics.median(seconds[id]))
        table.note("slowest_metric_1m", seconds[slowest], "s", METRIC_S, "lower")
        for id in sorted(seconds, key=lambda id: -statistics.median(seconds[id]))[:8]:
            print(f"    {id}: {statistics.median(seconds[id]):.2f} s")


if __name__ == "__main__":
    found = Table()
    note(found, *map(int, sys.argv[1:]))
    sys.exit(found.exit_code)
