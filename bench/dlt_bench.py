"""Where dlt runs: in an environment of the bench alone, made when it is missing, so that the product's own never sees it."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from table import Table

HERE = Path(__file__).resolve().parent
FOLDER = HERE / ".venv-dlt"
WANTED = "dlt[sqlalchemy]==1.31.*"


def command() -> tuple[str, ...] | None:
    """Return the command that `records_bench` calls; None when dlt cannot be installed, and say why on stderr."""
    python = FOLDER / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not _has_dlt(python):
        venv.create(FOLDER, with_pip=True, clear=True)
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", WANTED],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not _has_dlt(python):
            print(f"{WANTED} could not be installed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return None
    return str(python), str(HERE / "records_dlt.py")


def _has_dlt(python: Path) -> bool:
    text = "import dlt.version as v; raise SystemExit(not v.__version__.startswith('1.31.'))"
    return python.exists() and subprocess.run([str(python), "-c", text], capture_output=True, check=False).returncode == 0


def missing(table: Table) -> None:
    """Note that there was nothing to hold the product against."""
    table.note("records_ratio_to_dlt", 0.0, "ratio (dlt 1.31 could not be installed)", 4.0, ok=False)
