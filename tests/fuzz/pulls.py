"""Pulls whose answers are spoiled on their way: nothing may stop them, nothing that was whole may be lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

from converge.business import DAY, make_business
from converge.check import newest, read_store
from converge.run import fresh_store
from converge.vendors import NAMES, Answer, Business, Seat, Vendors, in_memory

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

    def __init__(self, business: Business) -> None:
        super().__init__(business)
        self.hit: Counter[tuple[str, str]] = Counter()
        """how many things were spoiled, by vendor and by how its body was written"""

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one call, and spoil what is answered."""
        answer = super().answer(method, url, headers, body)
        kind = answer.headers.get("content-type", "").partition(";")[0].rpartition("/")[2]
        if self.rng is None or answer.status_code != 200 or "json" not in kind:
            return answer
        made = []
        for line in answer.content.split(b"\n") if kind == "jsonl" else [answer.content]:
            if line:
                value, count = spoiled(json.loads(line), self.rng, self.chance)
                vendor = url.partition("://")[2].split("/")[1]
                self.hit[vendor, "graphql" if url.endswith("graphql.json") else kind] += count
                made.append(as_json(value))
        kept = {name: value for name, value in answer.headers.items() if name != "content-length"}
        return replace(answer, headers=kept, content=b"\n".join(made))


HIT: Counter[tuple[str, str]] = Counter()
"""how many things this process has spoiled"""


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
    if rng.random() < 0.5:
        # As at a first load of many orders: by operations whose results are files of JSON lines.
        shop = seat.connectors["shopify"]
        settings = shop.settings.model_copy(update={"bulk_over": 0, "bulk_slice": 2})
        seat.connectors["shopify"] = type(shop)("shopify", settings, shop.secret_values)
    now = vendors.business.world.now
    with in_memory():
        vendors.rng, vendors.chance = rng, rng.choice((RARE, RARE, OFTEN))
        rejects: Counter[tuple[str, str]] = Counter()
        for name in NAMES:
            result = pulled(seat, store, name, now)
            told(result, ())
            rejects += Counter({(name, stream.stream): stream.rejects for stream in result.streams})
        with open_store(store) as opened:
            kept = opened.db.execute(
                "SELECT n.name, r.stream, count(*) FROM rejects r JOIN connections n USING (connection) GROUP BY 1, 2"
            )
            assert rejects == {(name, stream): count for name, stream, count in kept}, "rejects are told that are not kept"
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
    HIT.update(vendors.hit)
    return vendors.hit.total()


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
