"""Pulls whose answers are spoiled on their way: nothing may stop them, nothing that was whole may be lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random

import httpx
from converge.business import DAY, make_business
from converge.check import newest, read_store
from converge.run import fresh_store
from converge.vendors import NAMES, Seat, Vendors, in_memory

from fuzz.hostile import as_json, spoiled
from persync.connect.pull import pull
from persync.connect.result import PullOptions, PullResult
from persync.store.store import open_store

SECRETS = ("@example.com", "Bearer ", "shpat_", "pat-")
"""what must stand in no message: the business's people have such addresses, and the tokens begin so"""
RARE, OFTEN = 0.004, 0.05
"""the chance of a leaf to be spoiled"""


class Spoiling(Vendors):
    """Vendors who send nonsense, some of the time."""

    rng: Random | None = None
    chance = RARE
    count = 0

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> httpx.Response:
        """Answer one call, and spoil what is answered."""
        response = super().answer(method, url, headers, body)
        if self.rng is None or response.status_code != 200 or "json" not in response.headers.get("content-type", ""):
            return response
        lines = response.content.split(b"\n") if "jsonl" in response.headers["content-type"] else [response.content]
        made = []
        for line in lines:
            if not line:
                continue
            value, count = spoiled(json.loads(line), self.rng, self.chance)
            self.count += count
            made.append(as_json(value))
        kept = {name: value for name, value in response.headers.items() if name != "content-length"}
        return httpx.Response(200, headers=kept, content=b"\n".join(made))


def pull_case(seed: str, folder: Path) -> int:
    """Pull all three vendors with spoiled answers, then whole ones; return how many things were spoiled.

    Raises AssertionError when a pull fails in a way that is not one of its own, when its words leak, when the store is not
    whole, or when after a whole pull something is missing that a store has to which nothing happened.
    """
    rng = Random(seed)
    for path in (store := folder / "spoiled.db", clean := folder / "clean.db"):
        if path == store or not path.exists():
            fresh_store(folder, path)
    vendors = Spoiling(make_business())
    seat = Seat(vendors)
    now = vendors.business.world.now
    with in_memory():
        vendors.rng, vendors.chance = rng, rng.choice((RARE, RARE, OFTEN))
        for name in NAMES:
            told(pulled(seat, store, name, now), ())
        vendors.rng = None
        vendors.changed()
        for name in NAMES:
            again = pulled(seat, store, name, now + DAY, full=True)
            told(again, (0,))
        if not clean.exists():
            for name in NAMES:
                told(pulled(seat, clean, name, now + DAY, full=True), (0,))
    with open_store(store) as opened:
        assert opened.integrity() == []
        left = opened.db.execute("SELECT stream, partition, record, field, reason FROM rejects").fetchall()
        assert left == [], left[:3]
    have, wanted = read_store(store), read_store(clean)
    for table in TIED:
        mine, theirs = newest(have[table]), newest(wanted[table])
        lost = [(row, mine.get(key)) for key, row in theirs.items() if mine.get(key) != row]
        assert not lost, (table, *lost[0])
    return vendors.count


TIED = ("orders", "order_lines", "touchpoints", "claims", "carts", "products")
"""Tables whose rows a whole pull sets right again, whatever stood there. Others keep history on purpose."""


def pulled(seat: Seat, path: Path, name: str, now: int, **options: bool) -> PullResult:
    """Pull one connection, of which the memory of this process stands for the network."""
    return pull(path, [seat.connectors[name]], PullOptions(now=now, **options), client=seat.client)


def told(result: PullResult, codes: tuple[int, ...]) -> None:
    """Check how a pull ended: its exit code (0, 1, 3, 4 or 5, or one of `codes`) and its words."""
    words = [str(error) for error in result.errors] + [stream.reason for stream in result.streams]
    assert result.exit_code in (codes or (0, 1, 3, 4, 5)), (result.exit_code, words)
    for line in words:
        assert not any(secret in line for secret in SECRETS), line
        assert line.isprintable(), repr(line)
        assert len(line) < 1000, line
