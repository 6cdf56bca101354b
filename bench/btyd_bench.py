"""Buy till you die: the fit of BG/NBD to 2,357 customers, and to a million of them, day by day over two years.

    python bench/btyd_bench.py

CPU seconds of one process; folding customers into cells is part of the million.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from table import Table

from persync.measure.btyd import bgnbd
from persync.measure.btyd.cells import WEEK, fold

CUSTOMERS = 1_000_000
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "cdnow_summary.csv.gz"


def histories(customers: int, seed: int = 1, days: int = 730) -> tuple[Any, Any, Any]:
    """Return (x, t_x, T) in weeks of customers who buy and leave as BG/NBD says, seen by the day."""
    rng = np.random.default_rng(seed)
    rate, leaves = rng.gamma(0.5, 1 / 8.0, customers), rng.beta(0.8, 2.4, customers)
    age = rng.integers(7, days, customers)
    x, last, at = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    here = np.arange(customers)
    while len(here):
        at[here] += rng.exponential(WEEK / rate[here])
        here = here[np.floor(at[here]) <= age[here]]
        day = np.floor(at[here])
        x[here] += day > last[here]  # purchases of one day are one
        last[here] = day
        here = here[rng.random(len(here)) >= leaves[here]]
    return x, last / WEEK, age / WEEK


def cdnow() -> tuple[Any, Any, Any] | None:
    """Return the published sample's histories, None where it is not at hand."""
    if not SHARED.is_file():
        return None
    table = np.genfromtxt(SHARED, delimiter=",", names=True)
    return table["frequency"], table["recency"], table["T"]


def _took(people: tuple[Any, Any, Any], rounds: int) -> list[float]:
    took = []
    for _ in range(rounds):
        started = time.process_time()
        found = bgnbd.fit(fold(*people))
        took.append(time.process_time() - started)
        if found is None:
            raise RuntimeError("no fit was found")
    return took


def note(table: Table) -> None:
    """Fit both and note them beside their targets. Without the published sample as many drawn customers stand in."""
    small = cdnow() or histories(2_357, seed=2, days=273)
    _took(small, 1)  # what is imported at first use is no part of a fit
    table.note("btyd_fit", _took(small, 7), "s", 0.05, "lower")
    table.note("btyd_fit_1m", _took(histories(CUSTOMERS), 3), "s", 2, "lower")


if __name__ == "__main__":
    note(Table())
