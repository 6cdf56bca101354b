"""Fairness of a decision about a million people, from the mirror, beside fairlearn's point estimates.

    python bench/fairness_bench.py [PEOPLE] [ROUNDS]

Sides run in turn, each in a process of its own, fairlearn in an environment of its own, made when it is missing. Both must find
the same gap.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import fairness_store
from table import Table

HERE = Path(__file__).resolve().parent
FOLDER = HERE / ".venv-fairness"
PYTHON = FOLDER / ("Scripts" if sys.platform == "win32" else "bin") / "python"
WANTED = ("fairlearn==0.15.0", "pyarrow")
PEOPLE = 1_000_000


def note(table: Table, people: int = PEOPLE, count: int = 5) -> None:
    """Build the mirror, run both sides in turn and note them."""
    has_peer = _peer()
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as name:
        fairness_store.build(Path(name), people)
        for number in range(count):
            for derived in Path(name).glob("derived-*"):
                shutil.rmtree(derived)  # nothing is worked out before it is asked for
            ours.append(_side(sys.executable, "fairness_side.py", name))
            if has_peer and number == 0:  # it takes minutes
                theirs.append(_side(str(PYTHON), "fairness_peer.py", name))
    table.note("fairness_1m", [one[0] for one in ours], "s", 1, "lower")
    table.note("fairness_1m_cpu", [one[1] for one in ours], "s", None, "lower")
    table.note("fairness_1m_peak_memory", max(one[2] for one in ours), "MB", 300, "lower")
    if not theirs:
        table.note("fairlearn_1m", 0.0, "s (fairlearn could not be installed)", None, "lower", ok=False)
        return
    if any(abs(one[-1] - ours[0][-1]) > 1e-9 for one in (*ours, *theirs)):
        raise RuntimeError(f"the sides find different gaps: {ours[0][-1]} and {theirs[0][-1]}")
    table.note("fairlearn_1m", [one[0] for one in theirs], "s", None, "lower")
    table.note("fairlearn_1m_to_fairness", [one[1] / mine[1] for one, mine in zip(theirs, ours, strict=False)], "ratio")


def _side(python: str, script: str, folder: str) -> list[float]:
    done = subprocess.run([python, str(HERE / script), folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [float(word) for word in done.stdout.split()]


def _peer() -> bool:
    """Tell whether fairlearn is there, after trying to install it; say on stderr why not."""
    command = [str(PYTHON), "-c", "import fairlearn, pyarrow"]
    if PYTHON.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return True
    venv.create(FOLDER, with_pip=True, clear=True)
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *WANTED]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{WANTED[0]} could not be installed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    note(
        Table(),
        int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE,
        int(sys.argv[2]) if len(sys.argv) > 2 else 3,
    )
