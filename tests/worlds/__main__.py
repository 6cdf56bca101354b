"""How often intervals hold the truth, and how often a verdict comes where nothing or something is: `make coverage N=2000`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from scipy.stats import binom

from persync.measure.intervals import Moments
from persync.measure.trials import power
from worlds import fair, shops, worlds

WIDER = ("every one of ten looks",)
"""valid at every look by being wider than one look needs: no upper bound"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="worlds")
    parser.add_argument("--number", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--shops", type=int, default=1000, help="so many of them are scanned whole, half a second each")
    asked = parser.parse_args()
    n, seeds = asked.number, range(asked.first, asked.first + asked.number)
    failed = False
    low, high = int(binom.ppf(0.0005, n, 0.95)), int(binom.ppf(0.9995, n, 0.95))
    held: Counter[str] = Counter()
    for seed in seeds:
        held.update(name for name, holds in worlds.covered(seed).items() if holds)
    for name, count in held.items():
        ok = low <= count and (count <= high or name in WIDER)
        failed |= not ok
        band = f"band {low} to {n if name in WIDER else high}"
        print(f"{name}: {count} of {n} ({count / n:.2%}), {band}: {'ok' if ok else 'FAILED'}")
    silent = sum(worlds.world(seed).found.word == "cannot tell" for seed in seeds)
    least = int(binom.ppf(0.001, n, 0.95))
    failed |= silent < least
    print(f"null world: cannot tell in {silent} of {n}, at least {least}: {'ok' if silent >= least else 'FAILED'}")
    fine = sum(not fair.scan(seed).alarms(fair.ASK) for seed in seeds)
    failed |= fine < least
    print(f"fair counts: no alarm in {fine} of {n}, at least {least}: {'ok' if fine >= least else 'FAILED'}")
    whole = min(n, asked.shops)
    quiet = sum(not shops.alarms(shops.scanned(seed)) for seed in seeds[:whole])
    bar = int(binom.ppf(0.001, whole, 0.95))
    failed |= quiet < bar
    print(f"fair shop, scanned whole: no alarm in {quiet} of {whole}, at least {bar}: {'ok' if quiet >= bar else 'FAILED'}")
    # A lift widens the spread of the treated: planned with that of both arms together, it is found at the stated 80 %.
    spread = worlds.VARIANCE * (1 + 1.25**2) / 2
    people = power.for_means(Moments(2, worlds.MEAN, spread), 0.25 * worlds.MEAN)
    found = sum(worlds.world(seed, people=people, lift=0.25).found.word == "pays" for seed in seeds)
    bar = int(binom.ppf(0.001, n, 0.8))
    failed |= found < bar
    said = "ok" if found >= bar else "FAILED"
    print(f"planted world ({people} people an arm): pays in {found} of {n}, at least {bar}: {said}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
