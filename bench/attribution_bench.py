"""Attribution over ten million touchpoints: every rule with the cent ledger, and Markov chains, against a query by hand.

    python bench/attribution_bench.py [TOUCHPOINTS] [ROUNDS]

A quarter of the touchpoints are clicks and visits, as a year of mailing leaves them, and there are 7 orders for 100 of them.
Sides (attribution_sides.py) run in turn, each in a process of its own; what counts is the median of the rounds' ratios.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import attribution_peer_bench
import attribution_store
from table import Table

HERE = Path(__file__).resolve().parent
LARGE, SMALL = 10_000_000, 1_000_000


def side(name: str, folder: Path) -> list[float]:
    """Run one side; return wall-clock seconds, CPU seconds, peak MB and the cents credited."""
    done = subprocess.run(
        [sys.executable, str(HERE / "attribution_sides.py"), name, str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [float(word) for word in done.stdout.split()]


def rounds(folder: Path, names: tuple[str, ...], count: int) -> dict[str, list[list[float]]]:
    """Run the sides in turn; return what each round of each found."""
    took: dict[str, list[list[float]]] = {name: [] for name in names}
    for _ in range(count):
        for name in names:
            took[name].append(side(name, folder))
    return took


def note(table: Table, large: int = LARGE, small: int = SMALL, count: int = 5) -> None:
    """Build both stores, run every side and note it beside its target."""
    with tempfile.TemporaryDirectory() as name:
        folders = {size: Path(name, str(size)) for size in (large, small)}
        for size, folder in folders.items():
            folder.mkdir()
            attribution_store.build(folder, size)
        of = rounds(folders[large], ("query", "rules", "markov"), count)
        little = rounds(folders[small], ("six", "rules"), count)
        peer = attribution_peer_bench.run(folders[small])
    seconds = {name: [one[0] for one in runs] for name, runs in of.items()}
    for name, most in (("rules", 5.0), ("markov", 4.0)):
        pairs = [one / other for one, other in zip(seconds[name], seconds["query"], strict=True)]
        table.note(f"{name}_10m_to_query", pairs, "ratio", most, "lower")
    table.note("query_10m", seconds["query"], "s", None, "lower")
    table.note("rules_10m", seconds["rules"], "s", 12, "lower")
    table.note("rules_10m_peak_memory", max(one[2] for one in of["rules"]), "MB", 1200, "lower")
    table.note("markov_10m", seconds["markov"], "s", None, "lower")
    growth = [one[0] / other[0] for one, other in zip(of["rules"], little["rules"], strict=True)]
    table.note("rules_10m_to_1m", growth, "ratio", large / small, "lower")
    table.note("six_rules_1m", [one[0] for one in little["six"]], "s", 3, "lower")
    if peer is None:
        attribution_peer_bench.missing(table)
    else:
        table.note("channelattribution_1m", peer, "s", None, "lower")
        table.note(
            "channelattribution_1m_to_rules", [one / runs[0] for one, runs in zip(peer, little["rules"], strict=False)], "ratio"
        )


if __name__ == "__main__":
    table = Table()
    size = int(sys.argv[1]) if len(sys.argv) > 1 else LARGE
    note(table, size, size // 10, int(sys.argv[2]) if len(sys.argv) > 2 else 3)
