"""From figures to a page: the demo's report, built once, and then drawn as HTML with every picture.

    python bench/render_bench.py

The renderer has warmed up, as it does while the figures are being computed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from table import Table

from persync.engine import open_engine
from persync.jobs.report import inputs_of
from persync.plugins import load_plugins
from persync.report.build import build_report
from persync.report.painting import Painter
from persync.report.render import render
from persync.report.report import Report
from persync.settings import load_project

ROUNDS = 5
RENDER_S, PAGE_MB = 3.0, 1.5


def _rendered(report: Report, painter: Painter) -> tuple[float, str]:
    began = time.perf_counter()
    page = str(render(report, "html", draw=painter.draw))
    return time.perf_counter() - began, page


def note(table: Table) -> None:
    """Make the demo, build its report, render it several times and note time and size beside their targets."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "demo"
        command = [str(Path(sys.executable).with_name("persync")), "demo", "--no-open", "--quiet", "--out", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        host = load_plugins()
        project = load_project(folder, host)
        now = int((folder / "report.html").stat().st_mtime * 1000)
        engine = open_engine(project.store_path, engines=host.engines)
        report = build_report(host.sections, inputs_of(host, project, engine, project.ask(now)), made_at=now)
        engine.close()
        with Painter() as painter:
            pages = [_rendered(report, painter) for _ in range(ROUNDS + 1)][1:]
    table.note("report_rendered", [took for took, _ in pages], "s", RENDER_S, "lower")
    table.note("report_page", len(pages[0][1].encode()) / 1e6, "MB", PAGE_MB, "lower")


if __name__ == "__main__":
    found = Table()
    note(found)
    sys.exit(found.exit_code)
