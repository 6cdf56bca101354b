"""persync's side of the fairness benchmark, in a process of its own.

    python bench/fairness_side.py FOLDER

prints wall-clock seconds, CPU seconds, peak MB and the largest gap in selection by gender. FOLDER holds a mirror. Asked is a
decision about everybody by three attributes and their three crossings: demographic parity, equal opportunity, equalised odds
with its 1,000 draws, and predictive parity, each group with interval, verdict and the smallest gap that could have been seen.
"""

from __future__ import annotations

import sys
import time
from itertools import combinations
from pathlib import Path

import duckdb  # noqa: F401  - loaded at first use, which is the program's start and not the question's
import scipy.special  # noqa: F401
from attribution_sides import peak
from fairness_store import ATTRIBUTES, DECISION

from persync.engine import duck
from persync.measure.fairness import decisions, groups
from persync.measure.metric import Ask


def main() -> None:
    """Ask once."""
    wanted = [*ATTRIBUTES, *combinations(ATTRIBUTES, 2)]
    began, cpu = time.perf_counter(), time.process_time()
    engine = duck.open_engine(Path(sys.argv[1]))
    found = decisions.assess_each(engine, groups.of_each(engine, wanted), Ask(now=10**13), DECISION)
    took = time.perf_counter() - began, time.process_time() - cpu
    (gap,) = (
        one.value
        for one in found
        if one.id == "demographic_parity" and (one.by["attribute"], one.by["statistic"]) == ("gender", "difference")
    )
    print(*took, peak(), gap)


if __name__ == "__main__":
    main()
