"""`python -m fuzz`: feed persync hostile inputs of every kind, and say how to repeat each failure."""

from __future__ import annotations

import argparse
import os
import resource
import secrets
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import extract_tb

from fuzz.kinds import KINDS
from fuzz.pulls import HIT

LOT = 10
"""cases a process is given at a time"""
EVERY = 10_000
"""inputs between two lines that say how far it is"""


def main(arguments: list[str]) -> int:
    """Run cases until there were as many inputs as wanted, in shares of each kind; return 1 when one failed."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="how many inputs in all")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="what all of it follows from")
    parser.add_argument("--only", choices=sorted(KINDS), help="inputs of this kind alone")
    parser.add_argument("--case", metavar="SEED", help="one case of the kind, to repeat it")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    if given.case is not None:
        if given.only is None:
            parser.error("--case wants --only")
        with workshop() as folder:
            print(f"{KINDS[given.only].case(given.case, Path(folder)):,} inputs, all well.")
        return 0
    print(f"seed {given.seed}")
    chosen = {given.only: KINDS[given.only]} if given.only else KINDS
    shares = sum(kind.share for kind in chosen.values())
    begun, failures = time.monotonic(), 0
    told = 0
    made: Counter[str] = Counter()
    hit: Counter[tuple[str, str]] = Counter()
    with ProcessPoolExecutor(given.workers) as pool:
        for name, kind in chosen.items():
            wanted, first = given.inputs * kind.share / shares, 0
            while made[name] < wanted:
                # As many lots as are missing by what a case brought so far, and one for each worker to begin with.
                each = made[name] / first if made[name] else wanted / LOT / given.workers
                lots = max(1, min(1000, round((wanted - made[name]) / each / LOT)))
                starts = range(first, first + lots * LOT, LOT)
                for running in as_completed([pool.submit(run, name, given.seed, start) for start in starts]):
                    count, wrong, hit_now = running.result()
                    made[name] += count
                    hit += hit_now
                    if made.total() >= told + EVERY:
                        told = made.total()
                        print(f"  {told:,} so far, {time.monotonic() - begun:.0f} s", flush=True)
                    failures += len(wrong)
                    for seed, what in wrong:
                        print(f"{name}: {what}\n  make fuzz ONLY={name} CASE={seed}", flush=True)
                first = starts.stop
            print(f"{name}: {made[name]:,} inputs in {first:,} cases", flush=True)
    for (vendor, body), count in sorted(hit.items()):
        print(f"  pull, {vendor}, {body}: {count:,}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{made.total():,} inputs, {failures} failures, {time.monotonic() - begun:.0f} s,"
        f" {used.ru_utime + used.ru_stime:.0f} s of the processors"
    )
    return 1 if failures else 0


def run(name: str, seed: str, start: int) -> tuple[int, list[tuple[str, str]], Counter[tuple[str, str]]]:
    """Run a lot of cases; return how many inputs they had, (seed, what went wrong) of those that failed, and what was hit."""
    count, wrong = 0, []
    HIT.clear()
    with workshop() as folder:
        for number in range(start, start + LOT):
            try:
                count += KINDS[name].case(f"{seed}-{number}", Path(folder))
            except Exception as error:
                places = ", ".join(f"{Path(one.filename).name}:{one.lineno}" for one in extract_tb(error.__traceback__)[-4:])
                count += 1
                wrong.append((f"{seed}-{number}", f"{type(error).__name__} at {places}: {str(error)[:500]!r}"))
    return count, wrong, HIT.copy()


def workshop() -> TemporaryDirectory[str]:
    """Return a folder in memory where there is one."""
    where = Path("/dev/shm")
    return TemporaryDirectory(prefix="fuzz-", dir=where if where.is_dir() else None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
