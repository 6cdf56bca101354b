"""How much of what each vendor allows a connector's pace uses, and how many calls are refused, on a simulated clock.

    python bench/pace_bench.py

Each vendor's limiter is modelled to the letter of its rule and counts a call when it arrives; an answer takes 50-150 ms, of
which a part (30-90 %) is the vendor's own work and the rest the way there and back. The connector's own `Pace` object decides
when a call may go, its own `failure` reads a refusal, and as many workers ask as the connector has threads. Hours pass in
seconds; nothing sleeps.

What is allowed: HubSpot's calls in ten seconds or searches a second, Shopify's points a second. Mailchimp allows ten
connections a user over all programs and says not how many are free: the connector's own share are its four, as the fact that
others ask too advises; used is the time that they are busy. A refused call counts against the window like any other.
"""

from __future__ import annotations

import heapq
import json
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import orjson

from persync.connect import Connector, Pace, Request
from persync_hubspot.connector import HubSpot
from persync_hubspot.pace import HubSpotPace
from persync_mailchimp.connector import Mailchimp
from persync_mailchimp.pace import ConnectionPace
from persync_shopify.connector import API_VERSION, Shopify
from persync_shopify.pace import CostPace

WARM_UP_S = 60.0
"""not counted as used: a full bucket or an empty window at the start is more than is allowed for long"""
THINK_S = 0.002
"""between an answer and the next call of a thread: the page goes into the queue"""


class Clock:
    """A clock that moves when the simulation says."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class Told:
    """What a vendor's limiter answers: status, headers, body; `used` in the unit of what is allowed, 0 when refused."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    used: float = 0.0
    refused: bool = False
    asked: float = 0.0


class Limiter(Protocol):
    """A vendor's rule. `allowed` is how much a second it lets through for long."""

    allowed: float

    def arrive(self, request: Request, now: float) -> Told:
        """Count a call that has just arrived."""
        ...

    def finish(self, told: Told, now: float) -> Told:
        """Return what is sent back for a call when the vendor's work on it is done."""
        ...


class Rolling:
    """HubSpot: so many calls in any ten seconds (told in headers), five searches in any second (told nowhere).

    `others` calls a second come from programs that share the app's limit.
    """

    def __init__(self, most: int, *, window: float = 10.0, search: bool = False, others: float = 0.0) -> None:
        self.most, self.window, self.search = most, window, search
        self.allowed = most / window - others
        self._others = others
        self._next_other = 1 / others if others else float("inf")
        self._calls: deque[float] = deque()

    def arrive(self, request: Request, now: float) -> Told:
        while self._next_other <= now:
            self._calls.append(self._next_other)
            self._next_other += 1 / self._others
        while self._calls and self._calls[0] <= now - self.window:
            self._calls.popleft()
        refused = len(self._calls) >= self.most
        self._calls.append(now)
        headers = {} if self.search else self._headers()
        if refused:
            policy = "SECONDLY" if self.search else "TEN_SECONDLY_ROLLING"
            body = orjson.dumps({"status": "error", "message": "You have reached your limit.", "policyName": policy})
            return Told(429, headers, body, refused=True)
        return Told(200, headers, used=1.0)

    def finish(self, told: Told, now: float) -> Told:
        return told

    def _headers(self) -> dict[str, str]:
        return {
            "x-hubspot-ratelimit-max": str(self.most),
            "x-hubspot-ratelimit-remaining": str(max(0, self.most - len(self._calls))),
            "x-hubspot-ratelimit-interval-milliseconds": str(int(self.window * 1000)),
        }


class Bucket:
    """Shopify: a query must fit into the bucket when it arrives; what it did not use flows back with its answer."""

    def __init__(self, maximum: float, rate: float, costs: Mapping[str, tuple[float, float, float]], seed: int) -> None:
        self.allowed, self._maximum, self._held, self._at = rate, maximum, maximum, 0.0
        self._costs, self._random = costs, random.Random(seed)

    def arrive(self, request: Request, now: float) -> Told:
        asked, low, high = self._costs[request.json["query"]]
        self._flow(now)
        if self._held < asked:
            body = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}], **self._cost(asked, None)}
            return Told(200, {}, orjson.dumps(body), refused=True)
        self._held -= asked
        return Told(200, used=float(round(self._random.uniform(low, high))), asked=asked)

    def finish(self, told: Told, now: float) -> Told:
        if told.refused:
            return told
        self._flow(now)
        self._held = min(self._maximum, self._held + told.asked - told.used)
        return replace(told, body=orjson.dumps({"data": {}, **self._cost(told.asked, told.used)}))

    def _flow(self, now: float) -> None:
        self._held = min(self._maximum, self._held + (now - self._at) * self.allowed)
        self._at = now

    def _cost(self, asked: float, used: float | None) -> dict[str, Any]:
        status = {"maximumAvailable": self._maximum, "currentlyAvailable": int(self._held), "restoreRate": self.allowed}
        return {"extensions": {"cost": {"requestedQueryCost": asked, "actualQueryCost": used, "throttleStatus": status}}}


class Connections:
    """Mailchimp: ten calls at once a user. `others` says how many other programs hold at a moment."""

    def __init__(self, ours: int, others: Callable[[float], int], *, most: int = 10) -> None:
        self.allowed = float(ours)
        self._others, self._most, self._open = others, most, 0

    def arrive(self, request: Request, now: float) -> Told:
        self._open += 1
        if self._open + self._others(now) > self._most:
            return Told(429, {}, orjson.dumps({"title": "Too Many Requests", "status": 429}), refused=True)
        return Told(200)

    def finish(self, told: Told, now: float) -> Told:
        self._open -= 1
        return told


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulated pull came to: share of the allowed rate that was used, share of the calls that were refused."""

    name: str
    used: float
    refused: float
    calls: int
    seconds: float


@dataclass(slots=True)
class _Worker:
    number: int
    request: Request
    sent: float = 0.0
    tries: int = 0


def simulate(
    name: str,
    connector: Connector,
    pace: Pace,
    clock: Clock,
    limiter: Limiter,
    requests: Iterator[Request],
    *,
    seconds: float,
    seed: int = 7,
    busy: bool = False,
) -> Outcome:
    """Let a connector's threads ask for so many (simulated) seconds as its client would; `busy`: used is time in flight."""
    chance = random.Random(seed)
    events: list[tuple[float, int, Callable[[], None]]] = []
    order = iter(range(1 << 62))
    calls = refused = 0
    used = 0.0

    def at(moment: float, what: Callable[[], None]) -> None:
        heapq.heappush(events, (moment, next(order), what))

    def ask(worker: _Worker) -> None:
        wait = pace.before(worker.request)
        if wait > 0:
            at(clock.now + wait, lambda: ask(worker))
            return
        trip = chance.uniform(0.05, 0.15)
        work = trip * chance.uniform(0.3, 0.9)
        way = (trip - work) / 2
        worker.sent = clock.now
        at(clock.now + way, lambda: arrive(worker, work, way))

    def arrive(worker: _Worker, work: float, way: float) -> None:
        told = limiter.arrive(worker.request, clock.now)
        at(clock.now + work, lambda: finish(worker, told, way))

    def finish(worker: _Worker, told: Told, way: float) -> None:
        sent_back = limiter.finish(told, clock.now)
        at(clock.now + way, lambda: answer(worker, sent_back))

    def answer(worker: _Worker, told: Told) -> None:
        nonlocal calls, refused, used
        pace.learn(worker.request, told.status, told.headers, told.body)
        failure = connector.failure(told.status, told.headers, told.body)
        assert (failure is not None) == told.refused, failure
        calls += 1
        if told.refused:
            refused += 1
            worker.tries += 1
            asked = getattr(failure, "wait", None)
            pause = min(0.5 * 2 ** (worker.tries - 1), 120) + chance.uniform(0, 0.5) if asked is None else asked
            at(clock.now + pause, lambda: ask(worker))
            return
        if worker.sent >= WARM_UP_S:
            used += clock.now - worker.sent if busy else told.used
        worker.tries, worker.request = 0, next(requests)
        at(clock.now + THINK_S, lambda: ask(worker))

    for number in range(min(connector.workers, pace.concurrent)):
        worker = _Worker(number, next(requests))
        at(0.0, lambda worker=worker: ask(worker))  # type: ignore[misc]
    while events:
        moment, _, what = heapq.heappop(events)
        if moment > seconds:
            break
        clock.now = moment
        what()
    return Outcome(name, used / (limiter.allowed * (seconds - WARM_UP_S)), refused / calls, calls, seconds)


def _lists(path: str, method: str = "GET") -> Iterator[Request]:
    while True:
        yield Request(method, path)


def hubspot(most: int, *, search: bool = False, others: float = 0.0, seconds: float = 1800.0, seed: int = 7) -> Outcome:
    """HubSpot's list calls at `most` in ten seconds, or its searches."""
    clock = Clock()
    connector = HubSpot("hubspot", HubSpot.settings_type(connector="hubspot"), {"token": "t"})
    pace = HubSpotPace(concurrent=connector.workers, clock=clock)
    limiter = Rolling(5, window=1.0, search=True) if search else Rolling(most, others=others)
    path = "/crm/objects/2026-09/contacts" + ("/search" if search else "")
    name = "hubspot_search" if search else f"hubspot_{most}" + ("_shared" if others else "")
    calls = _lists(path, "POST" if search else "GET")
    return simulate(name, connector, pace, clock, limiter, calls, seconds=seconds, seed=seed)


COSTS: Mapping[str, tuple[float, float, float]] = {
    "orders": (938, 250, 900),
    "customers": (902, 600, 902),
    "parts": (310, 20, 200),
}
"""what a query asks for, and the least and most it then uses"""


def shopify(maximum: float, rate: float, *, seconds: float = 3600.0, seed: int = 7) -> Outcome:
    """Shopify's queries of several costs in turn against a bucket of so many points."""
    clock = Clock()
    settings = Shopify.settings_type(connector="shopify", shop="example")
    connector = Shopify("shopify", settings, {"token": "t"})
    pace = CostPace(concurrent=connector.workers, version=API_VERSION, clock=clock)

    def queries() -> Iterator[Request]:
        chance = random.Random(seed)
        while True:
            query = chance.choice(list(COSTS))
            yield Request("POST", "graphql.json", json={"query": query, "variables": {"first": 50}})

    limiter = Bucket(maximum, rate, COSTS, seed)
    return simulate(f"shopify_{rate:g}", connector, pace, clock, limiter, queries(), seconds=seconds, seed=seed)


def mailchimp(*, crowded: bool = False, seconds: float = 1800.0, seed: int = 7) -> Outcome:
    """Mailchimp's ten connections, of which other programs hold up to six; `crowded`: eight, for a third of the time."""
    clock = Clock()
    connector = Mailchimp("mailchimp", Mailchimp.settings_type(connector="mailchimp"), {"token": "0" * 32 + "-us0"})
    pace = ConnectionPace(concurrent=connector.workers, clock=clock)

    def others(now: float) -> int:
        if crowded and now % 300 < 100:
            return 8
        return random.Random(f"{seed} {int(now)}").randint(0, 6)

    limiter = Connections(connector.workers, others)
    if crowded:
        limiter.allowed -= (connector.workers - 2) / 3  # two are free for a third of the time
    name = "mailchimp_crowded" if crowded else "mailchimp"
    calls = _lists("lists/1/members")
    return simulate(name, connector, pace, clock, limiter, calls, seconds=seconds, seed=seed, busy=True)


def run() -> list[Outcome]:
    """Simulate every vendor at its limits as a small shop meets them, and bigger ones."""
    return [
        mailchimp(),
        hubspot(100),
        hubspot(190),
        hubspot(0, search=True),
        shopify(2000, 100),
        shopify(4000, 200),
        shopify(20_000, 1000),
    ]


def strained() -> list[Outcome]:
    """Simulate the same while others use part of the limit: nothing tells of them but refusals or what remains."""
    return [mailchimp(crowded=True), hubspot(100, others=3.0)]


if __name__ == "__main__":
    for outcome in (*run(), *strained()):
        print(
            json.dumps(
                {
                    "name": outcome.name,
                    "used": round(outcome.used, 4),
                    "refused": round(outcome.refused, 5),
                    "calls": outcome.calls,
                }
            )
        )
