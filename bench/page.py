"""Puts the last run's results into docs/performance.md, so that no figure there is typed by hand.

make bench && python bench/page.py
"""

from __future__ import annotations

import json
import os
import platform
import re
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from table import RESULTS, ROUNDS

PAGE = RESULTS.parents[1] / "docs" / "performance.md"
_BLOCK = re.compile(r"(<!-- bench/page\.py -->\n).*?(<!-- end -->)", re.DOTALL)
_UNITS = {"ratio": " ×", "of full": "", "share": ""}


def machine() -> str:
    """Return what the figures were measured on, in a sentence."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    return (
        f"{os.cpu_count()} cores{f' ({model[1]})' if model else ''}, {memory:.0f} GB of memory,"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}."
    )


def figure(value: float, unit: str) -> str:
    """Return a value as the page shows it, three digits where there is a fraction."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return text + _UNITS.get(unit, f" {unit}")


def rows(results: Mapping[str, Mapping[str, Any]], rounds: Mapping[str, Sequence[float]]) -> list[str]:
    """Return a line of the table for each result: name, value, target, spread of the rounds, ok."""
    lines = ["| name | median | target | rounds | |", "| --- | ---: | ---: | --- | --- |"]
    for name, one in results.items():
        unit, target = str(one["unit"]), one["target"]
        sign = "≥" if one["better"] == "higher" else "≤"
        wanted = "" if target is None else f"{sign} {figure(target, unit)}"
        found = rounds.get(name, [])
        spread = f"{figure(min(found), unit)} to {figure(max(found), unit)} in {len(found)}" if len(found) > 1 else ""
        told = "" if target is None else "ok" if one["ok"] else "**missed**"
        lines.append(f"| `{name}` | {figure(one['value'], unit)} | {wanted} | {spread} | {told} |")
    return lines


def filled(page: str, results: Mapping[str, Mapping[str, Any]], rounds: Mapping[str, Sequence[float]], shape: str) -> str:
    """Return the page with the machine and the table between its two marks."""
    table = "\n".join(rows(results, rounds))
    return _BLOCK.sub(lambda match: f"{match[1]}\n{shape}\n\n{table}\n\n{match[2]}", page)


def main() -> int:
    """Write the page."""
    if not RESULTS.exists():
        sys.exit("there are no results yet: run `make bench`.")
    results, rounds = (json.loads(path.read_text("utf-8")) for path in (RESULTS, ROUNDS))
    PAGE.write_text(filled(PAGE.read_text("utf-8"), results, rounds, machine()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
