"""Flat records of 25 fields and 1 kB: the product against the bare floor, with and without latency, again, and its memory.

    python bench/records_bench.py [ROUNDS] [--memory]

Floor (records_floor.py) and product (records_product.py) fill the same two tables from the same server and the same bytes, in
turn, each in a process of its own; what counts is the median of the rounds' ratios. Rates are wall-clock, ratios stand beside
those of CPU seconds (user and system), which say more where other programs are at work.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from table import Table

HERE = Path(__file__).resolve().parent
RECORDS = 200_000
TARGETS = {"dlt": 4.0}
"""how many times a rival's rate the product's must be"""
NOW = 1_790_000_000_000


@contextmanager
def serving(records: int) -> Iterator[str]:
    """Serve so many records; yield the base URL. What stands under `/slow` there comes 100 ms later."""
    server = subprocess.Popen(
        [sys.executable, str(HERE / "records_server.py"), str(records)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
    finally:
        server.communicate()


def figures(command: Sequence[str], *arguments: str) -> list[float]:
    """Run one side; return the figures it prints: wall-clock seconds, CPU seconds, records, and what else it tells."""
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [float(word) for word in done.stdout.split()]


def floor(base: str, path: str) -> list[float]:
    """Pull everything the bare way."""
    return figures((sys.executable, str(HERE / "records_floor.py")), base, path)


def product(base: str, path: str, now: int = NOW) -> list[float]:
    """Pull everything with the product; after the first three figures: rows changed, records skipped, peak MB."""
    return figures((sys.executable, str(HERE / "records_product.py")), base, path, str(now))


def run(
    records: int = RECORDS, rounds: int = 5, rivals: Mapping[str, Sequence[str]] | None = None, rival_rounds: int = 3
) -> dict[str, list[float]]:
    """Return the rounds' values of every figure, by name.

    `ratio`, `slow_ratio` (100 ms a page, against the floor without) and `again_ratio` (second pull's rate by the first's), each
    also as `cpu_...`; records a second of `floor`, `first`, `slow` and `again`; `peak_mb`. A rival is a command; it gets the
    base URL and an empty folder, prints what the floor prints, and stands under its name, with the product's rate by its own
    as `NAME_ratio`; slow as it is, it runs in the first `rival_rounds` only.
    """
    took: dict[str, list[list[float]]] = {name: [] for name in ("floor", "first", "again", "slow", *(rivals or {}))}
    with serving(records) as base:
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                took["floor"].append(floor(base, f"{folder}/floor.db"))
                took["first"].append(first := product(base, f"{folder}/p.db"))
                assert first[2:5] == [records, 2 * records, 0], first
                took["again"].append(again := product(base, f"{folder}/p.db", NOW + 600_000))
                assert again[2:5] == [records, 0, records], again
                took["slow"].append(slow := product(f"{base}/slow", f"{folder}/slow.db"))
                assert slow[2:4] == [records, 2 * records], slow
                for name, command in (rivals or {}).items() if number < rival_rounds else ():
                    place = Path(folder, name)
                    place.mkdir()
                    took[name].append(rival := figures(command, base, str(place)))
                    assert rival[2] == records, rival
    found = {name: [records / one[0] for one in sides] for name, sides in took.items()}
    found["peak_mb"] = [one[5] for one in took["first"]]
    for name, side, held_against in (
        ("ratio", "first", "floor"),
        ("slow_ratio", "slow", "floor"),
        ("again_ratio", "again", "first"),
        *((f"{name}_ratio", "first", name) for name in rivals or ()),
    ):
        for column, prefix in ((0, ""), (1, "cpu_")):
            pairs = zip(took[side], took[held_against], strict=False)  # a rival has fewer rounds
            found[prefix + name] = [other[column] / one[column] for one, other in pairs]
    return found


def memory(sizes: Sequence[int] = (200_000, 2_000_000)) -> list[float]:
    """Return the peak memory in MB of a first pull of each size, each in a process of its own."""
    found = []
    for records in sizes:
        with serving(records) as base, tempfile.TemporaryDirectory() as folder:
            found.append(product(base, f"{folder}/p.db")[5])
    return found


def note(table: Table, rivals: Mapping[str, Sequence[str]] | None = None) -> None:
    """Run everything and note it beside its target."""
    found = run(rivals=rivals)
    table.note("records_ratio_to_floor", found["ratio"], "ratio", 0.65)
    table.note("records_cpu_ratio_to_floor", found["cpu_ratio"], "ratio")
    table.note("records_100ms_ratio_to_floor", found["slow_ratio"], "ratio", 0.6)
    table.note("records_again_to_first", found["again_ratio"], "ratio", 2)
    table.note("records_per_s", found["first"], "records/s")
    table.note("records_floor_per_s", found["floor"], "records/s")
    for name in rivals or ():
        table.note(f"records_{name}_per_s", found[name], "records/s")
        table.note(f"records_ratio_to_{name}", found[f"{name}_ratio"], "ratio", TARGETS.get(name))
    small, large = memory()
    table.note("records_peak_memory_2m", large, "MB", 100, "lower")
    table.note("records_memory_2m_over_200k", abs(large - small), "MB", 10, "lower")


if __name__ == "__main__":
    medians = {name: statistics.median(values) for name, values in run(rounds=int(sys.argv[1]) if sys.argv[1:] else 5).items()}
    print(json.dumps(medians, indent=1))
    if "--memory" in sys.argv:
        print(json.dumps(memory()))
