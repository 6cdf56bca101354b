"""Pulls whose answers are spoiled on their way: nothing may stop them, nothing that was whole may be lost."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from converge.business import make_business
from converge.check import newest, read_store
from converge.moments import DAY
from converge.run import fresh_store
from converge.vendors import NAMES, Answer, Business, Seat, Vendors, close_all, in_memory, kept_open
from fuzz import inert
from fuzz.hostile import as_json, spoiled, text
from persync.connect.page import Shaped, Shaper
from persync.connect.pull import pull
from persync.connect.result import PullOptions, PullResult
from persync.connect.stream import Context, Step

SECRETS = re.compile(r"@example\.com|Bearer \S|shpat_\w|pat-\w")
"""what must stand in no message: the business's people have such addresses, and the tokens begin so"""
RARE, OFTEN, MOSTLY = 0.004, 0.05, 0.12
"""the chance of a leaf to be spoiled"""
REFUSED = 0.01
"""the chance of an answer to be a refusal instead"""
STATUSES = (200, 400, 402, 403, 404, 409, 410, 422, 423, 429, 429, 500, 503)
CODES = ("THROTTLED", "ACCESS_DENIED", "MAX_COST_EXCEEDED", "INTERNAL_SERVER_ERROR", "SHOP_INACTIVE")
WAITS = (
    "1",
    "-1",
    "nan",
    "1e400",
    "9" * 400,
    "soon",
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "\u0661",
)
LOOKED_AT = 0.1
"""the share of pages whose records are looked at one by one"""
MOST_CALLS = 3000
"""of a case: one asks for some hundred answers"""


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
        assert self.trouble.calls < MOST_CALLS, f"it asks without end: {method} {url} {body[:300]!r}"
        kind = answer.headers.get("content-type", "").partition(";")[0].rpartition("/")[2]
        if self.rng is None or answer.status_code != 200 or "json" not in kind:
            return answer
        if self.rng.random() < REFUSED:
            return self._refusal(url)
        made = []
        for line in answer.content.split(b"\n") if kind == "jsonl" else [answer.content]:
            if line:
                value, count = spoiled(json.loads(line), self.rng, self.chance)
                self.hit[_vendor(url), "graphql" if url.endswith("graphql.json") else kind] += count
                made.append(as_json(value))
        kept = {name: value for name, value in answer.headers.items() if name != "content-length"}
        return replace(answer, headers=kept, content=b"\n".join(made))

    def _refusal(self, url: str) -> Answer:
        """Refuse a call, in words of which some are nonsense."""
        assert self.rng is not None
        words = [text(self.rng)[:5000] for _ in range(5)]
        body, count = spoiled(
            {
                "type": words[0],
                "title": words[1],
                "status": self.rng.choice(STATUSES),
                "detail": words[2],
                "instance": words[3],
                "message": words[1],
                "category": self.rng.choice(("RATE_LIMITS", "MISSING_SCOPES", words[0])),
                "correlationId": words[3],
                "policyName": self.rng.choice(("DAILY", "SECONDLY", words[4])),
                "errors": [
                    {"message": words[2], "field": words[4], "extensions": {"code": self.rng.choice((*CODES, words[4]))}}
                ],
                "context": {"requiredGranularScopes": [words[4]]},
            },
            self.rng,
            OFTEN,
        )
        self.hit[_vendor(url), "refusal"] += count + len(words)
        status = self.rng.choice(STATUSES)
        headers = {"content-type": "application/json", "retry-after": self.rng.choice(WAITS), "date": self.rng.choice(WAITS)}
        return Answer(status, headers, as_json(body))


def _vendor(url: str) -> str:
    return url.partition("://")[2].split("/")[1]


@contextmanager
def each_alone(chance: Callable[[], float]) -> Iterator[None]:
    """Check some pages: every record becomes the rows or the reject that it becomes alone, whatever company it comes in."""
    whole = Shaper.shape

    def shape(self: Shaper, step: Step, context: Context, **given: Any) -> Shaped:
        shaped = whole(self, step, context, **given)
        if step.single or given["known"] is not None or chance() > LOOKED_AT:
            return shaped
        found: Any = json.loads(step.body)
        for name in step.at:
            found = found[name]
        assert shaped.records == len(found), (shaped.records, len(found))
        alone = Shaped()
        for record in found:
            body: Any = [record]
            for name in reversed(step.at):
                body = {name: body}
            one = whole(self, replace(step, body=as_json(body)), context, **given)
            alone.rows += one.rows
            alone.rejects += one.rejects
        assert repr(alone.rows) == repr(shaped.rows), self.stream.name
        assert [one.field for one in alone.rejects] == [one.field for one in shaped.rejects], self.stream.name
        return shaped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shaper, "shape", shape)
        yield


HIT: Counter[tuple[str, str]] = Counter()
"""how many things this process has spoiled"""


def pull_case(seed: str, folder: Path) -> int:
    """Pull all three vendors with spoiled answers, then whole ones; return how many things were spoiled.

    Raises AssertionError when a pull fails in a way that is not one of its own, when its words leak, when the store is not
    whole, or when after a whole pull something is missing that a store has to which nothing happened.
    """
    close_all()
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
        vendors.rng, vendors.chance = rng, rng.choice((RARE, OFTEN, MOSTLY))
        rejects: Counter[tuple[str, str]] = Counter()
        for name in NAMES:
            with each_alone(Random(seed).random):
                result = pulled(seat, store, name, now)
            told(result, ())
            rejects += Counter({(name, stream.stream): stream.rejects for stream in result.streams})
        with kept_open(store) as opened:
            kept = opened.db.execute(
                "SELECT n.name, r.stream, count(*) FROM rejects r JOIN connections n USING (connection) GROUP BY 1, 2"
            )
            found = Counter({(name, stream): count for name, stream, count in kept})
            # A record that came twice is set aside once.
            assert found.keys() == (+rejects).keys(), ("rejects told, rejects kept", rejects, found)
            assert found <= rejects, ("rejects told, rejects kept", rejects, found)
        vendors.rng = None
        vendors.changed()
        for name in NAMES:
            again = pulled(seat, store, name, now + DAY, full=True)
            told(again, (0,))
        if not clean.exists():
            for name in NAMES:
                told(pulled(seat, clean, name, now + DAY, full=True), (0,))
    with kept_open(store) as opened:
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
        assert not SECRETS.search(line), line
        assert "\n" not in inert.terminal(line), repr(line)
        assert len(line) < 1000, line
