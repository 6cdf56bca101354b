"""ChannelAttribution on the same raw touches: in an environment of its own, made when it is missing."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from table import Table

HERE = Path(__file__).resolve().parent
FOLDER = HERE / ".venv-peer"
PYTHON = FOLDER / ("Scripts" if sys.platform == "win32" else "bin") / "python"
WANTED = ("ChannelAttribution==2.2.5", "matplotlib", "requests", "scipy", "pyarrow")
"""it imports more than it declares"""


def run(folder: Path, count: int = 3) -> list[float] | None:
    """Return the seconds of each round; None when it cannot be installed, and say why on stderr."""
    if not _there():
        venv.create(FOLDER, with_pip=True, clear=True)
        install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *WANTED]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode or not _there():
            print(f"{WANTED[0]} could not be installed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return None
    took = []
    for _ in range(count):
        done = subprocess.run(
            [str(PYTHON), str(HERE / "attribution_peer.py"), str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        took.append(float(done.stdout.split()[-1]))
    return took


def _there() -> bool:
    command = [str(PYTHON), "-c", "import ChannelAttribution"]
    return PYTHON.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0


def missing(table: Table) -> None:
    """Note that there was nothing to measure beside."""
    table.note("channelattribution_1m", 0.0, "s (ChannelAttribution could not be installed)", None, "lower", ok=False)
