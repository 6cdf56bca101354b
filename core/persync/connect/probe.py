"""Asking each stream for its smallest answer: can it be read, how much is there, how long does an answer take.

One call a stream, several at once within the vendor's pace, parents before children. A child is asked about a partition the
store knows, else about one that its parent's answer names; `probe_all` reads a whole page of a parent to find one. Nothing is
written, and no value of a record is kept but the ids that children are asked with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson

from persync.connect.known import Known
from persync.connect.page import Shaper
from persync.connect.plan import levels
from persync.connect.stream import Context, Incremental, Request, Step, Stream, Token, Work
from persync.errors import AuthError, PersyncError, QuotaError, UnreachableError
from persync.rows import Child

if TYPE_CHECKING:
    from persync.connect.client import Client, Response
    from persync.connect.connector import Connector
    from persync.store.checkpoints import Checkpoint

__all__ = ["NOTHING_YET", "Probe", "Prober", "first_page", "records_a_page", "smallest"]

NOTHING_YET = "nothing to ask for yet"
NOT_ASKED = "not asked: the connection failed before"
FATAL = (AuthError, QuotaError, UnreachableError)
"""what holds for every stream of a connection"""
NONE_THERE = "the account has none yet: nothing to ask for"
STARTS_A_JOB = "asking would start a job there"
FIRST_SIZES = ("count", "limit", "size", "page_size")
"""the names under which readers keep how many records they ask for at once"""


@dataclass(slots=True)
class Probe:
    """What one small call to a stream found.

    `records` is how many the partition asked about holds, None when the answer does not say. `children` is how many
    partitions of each child stream the answer's `seen` records name. `reason` says why nothing was asked; `error` what the
    vendor answered instead. `rejects` counts the answer's records that do not fit.
    """

    stream: Stream
    work: Work | None = None
    request: Request | None = None
    records: int | None = None
    seen: int = 0
    children: dict[str, list[Child]] = field(default_factory=dict)
    rejects: int = 0
    seconds: float = 0.0
    skew: float | None = None
    """seconds by which the vendor's clock is ahead of ours"""
    reason: str = ""
    error: PersyncError | None = None


class Prober:
    """Probes streams of one connection, and remembers what the answers said of children.

    `clock` tells seconds since the epoch; `timer` is any clock that only goes forward.
    """

    def __init__(
        self,
        client: Client,
        connector: Connector,
        known: Known,
        *,
        now: int,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client = client
        self.connector = connector
        self.known = known
        self.now = now
        self._clock = clock
        self._timer = timer
        self._children: dict[str, list[Child]] = {}
        self._samples: dict[str, Mapping[str, Any]] = {}
        self._thorough = False
        """whether a parent's whole first page may be read to find a part of each child"""
        self.fatal: PersyncError | None = None
        """what holds for every stream of the connection: then nothing more is asked"""

    def probe_all(self, streams: tuple[Stream, ...]) -> list[Probe]:
        """Probe streams, parents first; return one probe each in the order of `streams`."""
        self._thorough = True
        found: dict[str, Probe] = {}
        for level in levels(streams):
            for probe in self.probe_level([(stream, self.work_of(stream)) for stream in level]):
                found[probe.stream.name] = probe
        for probe in found.values():
            if probe.reason == NOTHING_YET:
                probe.reason = _why_nothing(probe.stream, found.get(probe.stream.parent or ""))
        return [found[stream.name] for stream in streams]

    def probe_level(self, wanted: Iterable[tuple[Stream, Work | None]]) -> list[Probe]:
        """Probe several streams at once, each with its work (None: there is nothing to ask for)."""
        jobs = list(wanted)
        with ThreadPoolExecutor(max_workers=max(1, self.connector.workers)) as pool:
            probes = list(pool.map(lambda job: self._probe(*job), jobs))
        fatal = [probe for probe in probes if isinstance(probe.error, FATAL)]
        if fatal:
            self.fatal = fatal[0].error  # the first in order: those that were asked beside it say the same again
            for probe in fatal[1:]:
                probe.error, probe.request, probe.reason = None, None, NOT_ASKED
        for probe in probes:
            for name, children in probe.children.items():
                self._children.setdefault(name, []).extend(children)
        return probes

    def children_of(self, stream: str) -> list[Child]:
        """Return the partitions of a stream that the answers so far have named."""
        return self._children.get(stream, [])

    def work_of(self, stream: Stream, point: Checkpoint | None = None) -> Work | None:
        """Return what to ask a stream: a partition known to the store, else one an answer named; None without either.

        With `point` (its window opened) that partition is asked about; else everything the window would hold today.
        """
        if point is None:
            partition, parent = "", None
            known = self.known.points.get(stream.name, [])
            if stream.parent is None:
                parent = known[0].parent if known else {}
            elif known:
                partition, parent = known[-1].partition, known[-1].parent
            elif self._children.get(stream.name):
                child = self._children[stream.name][0]
                partition, parent = child.key, dict(child.data)
            elif self._thorough and stream.parent in self._samples:
                parent = _part_of(stream, self._samples[stream.parent])
            if parent is None:
                return None
            # What was read before is asked for as a later pull would: no job stands between us and its records.
            first = not any(point.watermark is not None for point in known)
            return self._work(stream, partition, parent, None, self._until(stream), first_load=first)
        first = point.watermark is None
        return self._work(stream, point.partition, point.parent, point.since, point.until or self.now, first_load=first)

    def _until(self, stream: Stream) -> int:
        return self.now - (stream.window.settle if isinstance(stream.window, Incremental) else 0)

    def _work(
        self, stream: Stream, partition: str, parent: Mapping[str, Any], since: int | None, until: int, *, first_load: bool
    ) -> Work:
        return Work(
            stream=stream,
            connection=self.connector.connection,
            settings=self.connector.settings,
            account=self.known.account,
            partition=partition,
            parent=parent,
            since=since,
            until=until,
            first_load=first_load,
        )

    def _probe(self, stream: Stream, work: Work | None) -> Probe:
        probe = Probe(stream, work)
        if self.fatal is not None:
            probe.reason = NOT_ASKED
            return probe
        if work is None:
            probe.reason = NOTHING_YET
            return probe
        try:
            self._ask(probe, work)
        except PersyncError as error:
            probe.error = _placed(error, work.connection, stream.name)
            if isinstance(error, FATAL):
                self.fatal = error
        except Exception as error:
            # A reader of a plugin's that trips over what it is given: its stream is at fault, the others are not.
            probe.error = PersyncError(f"{type(error).__name__} while asking.", where=f"{work.connection}, {stream.name}")
        return probe

    def _ask(self, probe: Probe, work: Work) -> None:
        reader: Any = work.stream.reader
        token = smallest(work)
        own = getattr(reader, "probe", None)
        request = own(work) if own is not None else reader.request(work, token)
        if own is None and not _reads(request):
            probe.reason = STARTS_A_JOB
            return
        probe.request = request
        started, asked_at = self._timer(), self._clock()
        answer = self.client.send(request)
        probe.seconds = self._timer() - started
        probe.skew = _skew(answer, asked_at + probe.seconds / 2)
        count = getattr(reader, "count", None)
        if callable(count):
            probe.records = count(work, answer.body)
        if own is not None and not self._is_asked_for_children(work.stream):
            return
        if own is not None:
            request = reader.request(work, token)
            if not _reads(request):
                return
            answer = self.client.send(request)
        step = reader.read(work, token, answer.body, answer.headers)
        self._look(probe, work, step)
        if probe.records is None:
            probe.records = step.total if step.total is not None else probe.seen if step.next is None else None
        if not probe.seen and step.next is not None and not step.wait and self._is_asked_for_children(work.stream):
            # A reader that lists ids before it reads them: its first records are one call further.
            request = reader.request(work, step.next)
            if _reads(request):
                answer = self.client.send(request)
                step = reader.read(work, step.next, answer.body, answer.headers)
                self._look(probe, work, step)
        if self._thorough and probe.seen and step.next is not None and self._lacks(probe):
            # The first records name no part of some child: a whole page may.
            request = first_page(work)
            if _reads(request):
                answer = self.client.send(request)
                self._look(probe, work, reader.read(work, reader.start(work), answer.body, answer.headers))

    def _lacks(self, probe: Probe) -> bool:
        """Tell whether some child is not to be asked about: neither store nor answer names a part, nor is one to be made."""
        sample = self._samples.get(probe.stream.name, {})
        return any(
            child.parent == probe.stream.name
            and not self.known.points.get(child.name)
            and not probe.children.get(child.name)
            and _part_of(child, sample) is None
            for child in self.connector.streams
        )

    def _is_asked_for_children(self, stream: Stream) -> bool:
        """Tell whether streams hang under this one that the store knows no part of: its first records name some."""
        return any(one.parent == stream.name and not self.known.points.get(one.name) for one in self.connector.streams)

    def _look(self, probe: Probe, work: Work, step: Step) -> None:
        """Shape the answer's records to learn whether they fit and which children they name; keep nothing else."""
        context = Context(
            connection=work.connection,
            settings=work.settings,
            account=work.account,
            now=self.now,
            partition=work.partition,
            parent=work.parent,
            fields=self.known.fields,
            params=step.params,
        )
        # No key is at hand, and none is needed: no hash leaves this function.
        shaped = Shaper(replace(work.stream, version=None)).shape(
            step, context, numbers=lambda beginning, texts: (), hashed=lambda text: "", known=None
        )
        probe.seen, probe.rejects = shaped.records, len(shaped.rejects)
        if self._thorough and shaped.records:
            first = {**_first_record(step), **work.parent}
            below = [one.reader for one in self.connector.streams if one.parent == work.stream.name]
            names = {name for reader in below for name in getattr(reader, "variables", ())}
            self._samples[work.stream.name] = {name: first[name] for name in names & first.keys()}
        for row in shaped.rows:
            if isinstance(row, Child):
                probe.children.setdefault(row.stream, []).append(row)


def smallest(work: Work) -> Token:
    """Return the token of the smallest first page that a stream's reader can ask for."""
    token = work.stream.reader.start(work)
    for _ in range(64):
        smaller = work.stream.reader.shrink(work, token)
        if smaller is None or smaller == token:
            break
        token = smaller
    return token


def first_page(work: Work) -> Request:
    """Return the call that a pull would begin with."""
    return work.stream.reader.request(work, work.stream.reader.start(work))


def records_a_page(work: Work) -> int | None:
    """Return how many records a pull asks for at once; None when the reader does not page by a number."""
    token = work.stream.reader.start(work)
    while isinstance(token.get("list"), dict):
        token = token["list"]
    for name in (*FIRST_SIZES, "first"):
        if isinstance(token.get(name), int) and not isinstance(token[name], bool):
            return max(1, int(token[name]))
    for name in FIRST_SIZES:
        size = getattr(work.stream.reader, name, None)
        if isinstance(size, int) and not isinstance(size, bool):
            return max(1, size)
    return None


def _reads(request: Request) -> bool:
    """Tell whether a call only reads: a GET, a search, a batch read, or a GraphQL query."""
    if request.method == "GET" or request.path.endswith(("/search", "/batch/read")):
        return True
    text = request.json.get("query") if isinstance(request.json, dict) else None
    return isinstance(text, str) and not text.lstrip().startswith("mutation")


def _placed(error: PersyncError, connection: str, stream: str) -> PersyncError:
    """Let an error name its place as connection, stream, call, request id."""
    places = [place for place in error.where.split(", ") if place]
    places = places[1:] if places[:1] == [connection] else places
    error.where = ", ".join([connection, *([] if stream in places else [stream]), *places])
    return error


def _first_record(step: Step) -> Mapping[str, Any]:
    """Return the first record of an answer, {} when it is no object."""
    found: Any = orjson.loads(step.body)
    for name in step.at:
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, list) and not step.single:
        found = found[0] if found else None
    return found if isinstance(found, dict) else {}


def _part_of(stream: Stream, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a GraphQL child asks with, of a record of its parent that has all of it by the same names."""
    names = getattr(stream.reader, "variables", ())
    if stream.parent is None or not names or not all(isinstance(record.get(name), str) for name in names):
        return None
    return {name: record[name] for name in names}


def _why_nothing(stream: Stream, parent: Probe | None) -> str:
    """Say why there is no part of a child to ask about."""
    if parent is None or parent.error is not None or parent.reason:
        return f"{stream.parent} could not be asked for one"
    if parent.records is not None and parent.records > parent.seen:
        return f"none of the first {parent.seen:,} {stream.parent} has any: nothing to ask for"
    return NONE_THERE


def _skew(answer: Response, ours: float) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).timestamp() - ours
    except (TypeError, ValueError):
        return None
