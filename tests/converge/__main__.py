"""Lives through histories over all cores and tells of each that did not end as it should.

`make converge N=10000 SEED=...`, or HISTORY="neat shopify; pull 0 0; ..." for one alone. Exits 0 when all ended well, 6 when
one did not: it is printed shortened, with what was wrong and the command that repeats it.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import secrets
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed

from converge.history import History, drawn, told
from converge.run import lived
from converge.shrink import shrunk
from converge.vendors import in_memory

LOT = 20
"""histories a process lives through before it tells"""
SHOWN = 5
"""histories that are shortened and told in full"""


def ended(history: History) -> list[str]:
    """Return what is wrong with a history's end; that it could not be lived through is wrong too."""
    try:
        with in_memory():
            return lived(history)
    except Exception:
        return traceback.format_exc(limit=-6).splitlines()


def lot(seeds: list[str]) -> list[str]:
    """Live through some histories and return the seeds of those that went wrong."""
    gc.collect()  # thousands of pulls in one process: what they leave behind in circles is seldom looked for
    return [seed for seed in seeds if ended(drawn(seed))]


def tell(history: History) -> None:
    """Print a history that went wrong, shortened."""
    short = shrunk(history, lambda tried: bool(ended(tried)))
    print(f"\nwent wrong: {short.connections}, {'neat' if short.neat else 'loose'}")
    for step in short.steps:
        print(f"    {step}")
    for line in ended(short)[:12]:
        print(f"  {line[:600]}")
    print(f'  again: make converge HISTORY="{short}"', flush=True)


def main() -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="converge", description=__doc__)
    parser.add_argument("--number", type=int, default=10_000)
    parser.add_argument("--seed", default="")
    parser.add_argument("--history", default="")
    given = parser.parse_args()
    if given.history:
        wrong = ended(told(given.history))
        print("\n".join(wrong) or "ended as it should")
        return 6 if wrong else 0
    seed = given.seed or secrets.token_hex(4)
    print(f"{given.number:,} histories, SEED={seed}", flush=True)
    begun, failed, done = time.monotonic(), [], 0
    seeds = [f"{seed}/{number}" for number in range(given.number)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        running = [pool.submit(lot, seeds[at : at + LOT]) for at in range(0, len(seeds), LOT)]
        for one in as_completed(running):
            for name in (wrong := one.result()):
                print(f'  went wrong: make converge N=1 HISTORY="{drawn(name)}"', flush=True)
            failed += wrong
            done += LOT
            if done % 1000 < LOT and done < given.number:
                print(f"  {done:,} lived, {len(failed)} went wrong, {time.monotonic() - begun:.0f} s", flush=True)
    for name in sorted(failed)[:SHOWN]:
        tell(drawn(name))
    spent = sum(resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime for who in (0, -1))
    print(
        f"{given.number:,} histories, SEED={seed}: {len(failed)} went wrong;"
        f" {time.monotonic() - begun:.0f} s, {spent:.0f} s of CPU"
    )
    return 6 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
