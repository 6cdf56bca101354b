"""The long run: `make crash N=1000`. Any connector, any world, any kill, and kills of the pulls that go on."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from crash.killing import HOUR, Whole, case, drawn, judge, whole

_known: dict[tuple[str, int], Whole] = {}


def tried(number: int, folder: Path) -> str:
    """Try a case in a folder; return what is wrong, "" if nothing."""
    mode, seed, rng = case(number)
    if (mode, seed) not in _known:
        _known.clear()
        _known[mode, seed] = whole(mode, seed, folder / "whole")
    known = _known[mode, seed]
    kills = [drawn(rng, known.told) for _ in range(rng.choice((1, 1, 2, 3)))]
    later = rng.choice((0, 0, 0, 2 * HOUR))
    wrong = judge(known, kills, folder / "killed", later=later)
    return f"{mode}, world {seed}, {kills}, {later} ms later: {wrong}" if wrong else ""


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Try so many cases, from a seed on: a drawn one, which is printed, or the one given."""
    count = int(sys.argv[1])
    first = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] else SystemRandom().randrange(1_000_000) * 1_000_000
    say(f"{count} crashes from seed {first} on")
    failed = 0
    for number in range(first, first + count):
        folder = Path(tempfile.mkdtemp(prefix="persync-crash-"))
        try:
            wrong = tried(number, folder)
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
        finally:
            shutil.rmtree(folder)
        if wrong:
            failed += 1
            say(f"FAILED {wrong}\n  repeat it: make crash N=1 SEED={number}")
        elif (done := number - first + 1) % 50 == 0:
            say(f"{done} done")
    used = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    say(f"{count - failed} of {count} came to the end of an undisturbed pull; {used:.0f} s of CPU, {os.cpu_count()} cores")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
