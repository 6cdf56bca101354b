"""The live page over a shop of a million touchpoints: how soon a changed filter is answered, and fifty readers during a pull.

    python bench/serve_bench.py [CUSTOMERS] [TOUCHPOINTS]

A change is answered when the whole page has arrived: no answer was given before, for any part, to any of the filters asked
here. The pull is a program of its own that writes pages of touchpoints with the one writer for as long as the readers read.
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import shop
from table import Table

from persync.plugins import load_plugins
from persync.serve.run import serving
from persync.serve.site import Site
from persync.serve.source import Source
from persync.settings import load_project

FILTER_S = 0.3
READERS = 50
EACH = 4
"""pages of each reader"""
MONTHS = ("2025-10", "2025-11", "2025-09..2025-12", "2025-07..2025-09")
MODELS = ("linear", "last_touch")
SEGMENT = "life-cycle: loyal"
ARM = "personal:treated"

PULL = """
import sys, time
from pathlib import Path
from persync import rows
from persync.rows import Action, CampaignRef, Person
from persync.store.store import open_store
from persync.store.write import Writer
store = open_store(Path(sys.argv[1]))
writer = Writer(store, "mailchimp", "mailchimp", now=int(sys.argv[2]))
number = 0
print("pulling", flush=True)
while True:
    with store.transaction():
        writer.write([rows.Touchpoint(CampaignRef(("id", f"{n % 240 + 1:010x}")), Person(("email", f"r{n}@example.com")),
                      Action.OPEN, int(sys.argv[2]) - 86_400_000 + n) for n in range(number, number + 1000)])
    number += 1000
    time.sleep(0.05)  # a vendor's next page takes its time
"""


def addresses(parts: list[str]) -> list[str]:
    """Return the changes of one filter at a time that somebody makes who looks at each part."""
    out = []
    for part, period in itertools.product(parts, MONTHS):
        out.append(f"/part/{part}?period={period}")
    for part, model in itertools.product(("credit", "models", "reconcile"), MODELS):
        out.append(f"/part/{part}?period={MONTHS[0]}&model={model}")
    for part, period in itertools.product(("reading", "segments", "value", "restraint"), MONTHS[:2]):
        out.append(f"/part/{part}?period={period}&segment={SEGMENT}")
        out.append(f"/part/{part}?period={period}&arm={ARM}")
    return out


def filters(base: str, token: str, parts: list[str]) -> list[float]:
    """Return the seconds that each change of a filter took, one after the other, as a page with a script asks for it."""
    headers = {"Authorization": f"Bearer {token}", "x-persync-script": "draws"}
    took = []
    with httpx.Client(base_url=base, headers=headers, timeout=120) as client:
        for part in parts:  # what anybody sees who opens the page
            client.get(f"/part/{part}").raise_for_status()
        for address in addresses(parts):
            began = time.perf_counter()
            client.get(address).raise_for_status()
            took.append(time.perf_counter() - began)
            print(f"    {took[-1]:6.3f} s  {address}")
    return took


@contextmanager
def pulling(store: Path) -> Iterator[None]:
    """Let another program write into the store while the block runs. Raise RuntimeError when it fails."""
    with subprocess.Popen(
        [sys.executable, "-c", PULL, str(store), str(shop.NOW)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        yield
        ended = program.poll()
        program.kill()
        if ended is not None:
            raise RuntimeError(f"the pull ended: {program.stderr.read()}")


def readers(base: str, token: str, parts: list[str], count: int = READERS) -> tuple[int, float]:
    """Return how many answers were errors, and the median seconds of an answer, of readers who all read at once."""
    wrong: list[str] = []
    took: list[float] = []
    ready = threading.Barrier(count)

    def read(number: int) -> None:
        with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=300) as client:
            ready.wait()
            for turn in range(EACH):
                part, period = parts[(number + turn) % len(parts)], MONTHS[turn % len(MONTHS)]
                began = time.perf_counter()
                try:
                    answer = client.get(f"/part/{part}?period={period}")
                    if answer.status_code != 200 or "a query failed" in answer.text:
                        wrong.append(f"{answer.status_code} {part} {period}")
                except httpx.HTTPError as error:
                    wrong.append(f"{type(error).__name__} {part} {period}")
                took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in wrong[:10]:
        print(f"    {one}")
    return len(wrong), statistics.median(took)


def note(table: Table, customers: int = shop.CUSTOMERS, touchpoints: int = shop.TOUCHPOINTS) -> None:
    """Make the shop, serve it, and note how it answers beside its targets."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = shop.build(folder, customers, touchpoints)
        host = load_plugins()
        site = Site(host, load_project(folder, host), Source(store, clock=lambda: shop.NOW))
        parts = sorted(host.sections)
        with serving(site) as (base, token):
            took = filters(base, token, parts)
            with pulling(store):
                errors, waited = readers(base, token, parts)
        site.close()
    print(f"    {len(took)} changes, the slowest {max(took):.2f} s; {READERS} readers waited {waited:.2f} s for a page")
    table.note("serve_filter_change_1m", statistics.median(took), "s", FILTER_S, "lower")
    table.note("serve_50_readers_in_a_pull_errors", errors, "errors", 0, "lower")


if __name__ == "__main__":
    found = Table()
    note(found, *map(int, sys.argv[1:]))
    sys.exit(found.exit_code)
