"""The fetch side of a pull: threads that only ask and hand over bodies, never touching the store."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from persync.connect.bodies import as_json, mended, understood
from persync.connect.client import Client, Response, Stopped
from persync.connect.stream import Request, Step, Token, Work
from persync.errors import PersyncError, ResponseError, SkipStreamError, TransientError
from persync.redact import inert
from persync.store.checkpoints import Checkpoint

QUEUE = 2
"""bodies waiting for the writer: enough to keep it busy, few enough to keep memory flat"""

IN_FLIGHT = 6 * 2**20
"""bytes of answers asked for and not yet written, by all threads together: memory must not grow with a vendor's page size"""

EXPECTED = 2**20
"""bytes that the first answer of a stream is taken to have; the others what the one before had"""

GRACE_S = 1.0
"""how long a run that ends waits for calls under way"""

RECOVERIES = 20
"""how often one partition may begin a slice again because the vendor forgot its place"""

GOES_ON = "Pull again later: it goes on where it stopped."

ENDLESS = 100_000
"""no partition of any vendor has this many pages"""


_LOOKED_AT = 64
"""bytes at the beginning of two pages' records that are compared before the pages are"""


@dataclass(slots=True)
class Job:
    """One partition to read.

    `dead` is set by the writer when no further page of it is wanted; `empty` counts empty pages in a row, `records` those that
    came in this run; `total` is how many the vendor said there are when the pass began, which `whole` says was in this run.
    """

    work: Work
    point: Checkpoint
    resumed: bool = False
    dead: bool = False
    empty: int = 0
    records: int = 0
    total: int | None = None
    whole: bool = False


@dataclass(slots=True)
class Page:
    """One answer for the writer."""

    job: Job
    token: Token
    step: Step
    first: bool = False
    """it begins a pass, rather than going on with one"""
    number: int = 0
    """counted from 1 in this run"""
    headers: Mapping[str, str] = field(default_factory=dict)
    """of the answer: the vendor's id of the request is among them, or in the body"""
    size: int = 0
    """bytes that it holds of the budget"""


class Budget:
    """Bytes that may be in flight at once. An answer bigger than all of it comes alone."""

    def __init__(self, limit: int, stop: threading.Event) -> None:
        self._limit = limit
        self._stop = stop
        self._used = 0
        self._freed = threading.Condition()

    @property
    def free(self) -> int:
        """How many bytes may still be taken without waiting; below zero when one answer has more than all."""
        return self._limit - self._used

    def take(self, size: int) -> None:
        """Wait until so many bytes are free, and hold them. Raise Stopped when the run is ending."""
        with self._freed:
            while self._used and size > self.free:
                if self._stop.is_set():
                    raise Stopped
                self._freed.wait(0.2)
            self._used += size

    def give(self, size: int) -> None:
        """Free bytes again; a negative size holds more, without waiting."""
        with self._freed:
            self._used -= size
            self._freed.notify_all()


@dataclass(slots=True)
class Ended:
    """A job that has no further page, or cannot go on."""

    job: Job
    error: BaseException | None = None


class Fetchers:
    """A few threads that work through jobs and put pages into one short queue, each partition's in order."""

    def __init__(self, client: Client, jobs: list[Job], threads: int, stop: threading.Event) -> None:
        self.pages: queue.Queue[Page | Ended] = queue.Queue(maxsize=QUEUE)
        self._client = client
        self._stop = stop
        self._waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        for job in jobs:
            self._waiting.put(job)
        self._cancelled: set[str] = set()
        self._budget = Budget(IN_FLIGHT, stop)
        self._sizes: dict[str, int] = {}
        self._threads = [
            threading.Thread(target=self._run, name=f"fetch-{i}", daemon=True) for i in range(max(1, min(threads, len(jobs))))
        ]
        for thread in self._threads:
            thread.start()

    def cancel(self, stream: str) -> None:
        """Begin no further job of this stream: what it would ask is refused anyway."""
        self._cancelled.add(stream)

    def written(self, page: Page) -> None:
        """Free what a page held: others may be asked for."""
        self._budget.give(page.size)

    def join(self) -> None:
        """Let every thread end; call with `stop` set, or when all jobs have ended.

        A thread that still waits for an answer which nobody wants any longer is left behind: it ends with the process.
        """
        grace = GRACE_S
        for thread in self._threads:
            while thread.is_alive() and (grace > 0 or not self._stop.is_set()):
                with suppress(queue.Empty):
                    self.pages.get_nowait()
                thread.join(0.005)
                grace -= 0.005

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                job = self._waiting.get_nowait()
            except queue.Empty:
                return
            error: BaseException | None = None
            try:
                if job.work.stream.name not in self._cancelled:
                    self._read(job)
            except Stopped:
                return
            except BaseException as caught:
                error = caught
            with suppress(Stopped):
                self._put(Ended(job, error))

    def _put(self, item: Page | Ended) -> None:
        while not self._stop.is_set():
            try:
                return self.pages.put(item, timeout=0.2)
            except queue.Full:
                continue
        raise Stopped

    def _read(self, job: Job) -> None:
        work, reader = job.work, job.work.stream.reader
        token: Token | None = job.point.token if job.resumed else reader.start(work)
        first, begins = True, not job.resumed
        recoveries = number = 0
        before = b""
        seen: set[bytes] = set()
        while token is not None:
            if "join" in token:
                # Everything before was fetched by an earlier run; what is left to do about it is the writer's.
                following = token.get("next")
                self._put(Page(job, token, Step(b"[]", (), following, join=True, params=token.get("params", {}))))
                token = following
                continue
            if self._stop.is_set() or job.dead or work.stream.name in self._cancelled:
                return
            mark = as_json(token)
            if mark in seen or len(seen) > ENDLESS:
                raise placed(
                    ResponseError("the vendor's next page leads back to one already read.", hint=GOES_ON), work, number
                )
            seen.add(mark)
            number += 1
            try:
                step, headers, size = self._hold(work, token, number, before)
            except TransientError as error:
                smaller = reader.shrink(work, token)
                if smaller is None and error.shrink and first and job.resumed:
                    # The place we stopped at is refused, and there is no smaller question: begin this window again.
                    smaller, begins, job.resumed, before = reader.start(work), True, False, b""
                    seen.clear()
                if smaller is None or error.throttled:
                    raise
                token, number = smaller, number - 1
                continue
            except ResponseError as error:
                recover = getattr(reader, "recover", None)
                again: Token | None = recover(work, token, error) if recover is not None else None
                if again is None and first and job.resumed and type(error) is ResponseError:
                    # The place we stopped at is no longer known there: begin this window again.
                    again = reader.start(work)
                recoveries += 1
                if again is None or recoveries > RECOVERIES:
                    raise
                begins = again == reader.start(work)
                job.resumed, first = False, False
                seen.clear()
                token, before = again, b""
                continue
            before = step.body
            self._put(Page(job, token, step, begins, number, headers, size))
            first = begins = False
            if step.wait and step.next is not None:
                self._client.pause(step.wait)
            token = step.next

    def _hold(self, work: Work, token: Token, number: int, before: bytes) -> tuple[Step, Mapping[str, str], int]:
        """Ask for a page once there is room for it; return it, its headers, and the bytes it holds."""
        expected = self._sizes.get(work.stream.name, EXPECTED)
        self._budget.take(expected)
        size = 0
        try:
            step, headers = self._ask(work, token, number, before)
            size = self._sizes[work.stream.name] = len(step.body)
        finally:
            self._budget.give(expected - size)
        return step, headers, size

    def _ask(self, work: Work, token: Token, number: int, before: bytes) -> tuple[Step, Mapping[str, str]]:
        reader = work.stream.reader
        continues = getattr(reader, "continues", None)
        goes_on = continues is not None and continues(token)

        def promised(step: Step) -> bool:
            return goes_on or (continues is not None and (bool(step.total) or (step.next is not None and continues(step.next))))

        damaged = doubted = False
        while True:
            try:
                with understood("what was answered before cannot be asked about"):
                    request = reader.request(work, token)
                response = self._client.send(request)
            except PersyncError as error:
                raise placed(_gone(error, work), work, number) from None
            try:
                body = _body(request, response)
                with understood("the answer is not what was expected"):
                    step = reader.read(work, token, body, response.headers)
                    orjson.dumps(step.next)  # a place that cannot be written down is none to go on from
                if goes_on and repeats(step, before):
                    raise ResponseError("the vendor sent the page before once more in place of this one.", hint=GOES_ON)
            except PersyncError as error:
                # A damaged answer may come whole the second time; one that is wrong twice is what the vendor says.
                if damaged or isinstance(error, TransientError):
                    request_id = self._client.connector.request_id(response.headers, response.body)
                    raise placed(error, work, number, request_id) from None
                damaged = True
                continue
            # So may a page that came without the records it was to hold; and what is as empty twice is empty.
            if doubted or not (step.doubtful or (step.body is body and lacks(step, promised(step)))):
                return step, response.headers
            doubted = True


def lacks(step: Step, promised: bool) -> bool:
    """Tell whether a page has no list of records, or an empty one although records were `promised`."""
    if step.single or not step.at or _begins(step.at[-1]).search(step.body):
        return False
    try:
        found = _records(step.body, step.at)
    except orjson.JSONDecodeError:  # a number without an end, which the reader of records takes
        return False
    return found is None or (promised and not found)


@lru_cache(maxsize=64)
def _begins(name: str) -> re.Pattern[bytes]:
    """Return what is found in a page whose list of this name holds something: near its beginning, so the page is not read."""
    return re.compile(rb'"%b"\s*:\s*\[\s*[^\]\s]' % re.escape(name.encode()))


def repeats(step: Step, before: bytes) -> bool:
    """Tell whether a page holds the very records of the page before it."""
    if step.single or not step.at or not before or _first_bytes(step.body) != _first_bytes(before):
        return False
    try:
        found = _records(step.body, step.at)
        return bool(found) and found == _records(before, step.at)
    except orjson.JSONDecodeError:
        return False


def _first_bytes(body: bytes) -> bytes:
    """Return where the first list of objects in a body begins: cheap to compare before the lists themselves are."""
    begin = body.find(b"[{")
    return body[begin : begin + _LOOKED_AT] if begin >= 0 else b""


def _records(body: bytes, at: tuple[str, ...]) -> Any:
    found: Any = orjson.loads(body)
    for name in at:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def placed(error: PersyncError, work: Work, number: int, request_id: str = "") -> PersyncError:
    """Return the error with stream, partition and page beside its call: "shop, orders, page 3, POST /graphql.json"."""
    rest = error.where.removeprefix(work.connection).lstrip(", ")
    stream = f"{work.stream.name} {work.partition}".rstrip()
    request = f"request {request_id}" if request_id else ""
    error.where = inert(", ".join(part for part in (work.connection, stream, f"page {number}", rest, request) if part))
    # A vendor's words are no lines of ours.
    error.what, error.hint = inert(error.what), inert(error.hint)
    return error


def _gone(error: PersyncError, work: Work) -> PersyncError:
    """Return what it means that the parent of a partition is not there any more: the partition is gone, no call has failed."""
    if work.stream.parent is None or not isinstance(error, ResponseError) or not error.is_missing:
        return error
    return SkipStreamError(f"it is gone: {error.what}", where=error.where, reason="gone", hint="Nothing: it was deleted there.")


def _body(request: Request, response: Response) -> bytes:
    """Return the body; of a part of a file, and of what is no JSON, every byte as it came."""
    is_json = request.span is None and "json" in response.headers.get("content-type", "")
    return mended(response.body) if is_json else response.body
