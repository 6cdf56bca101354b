"""What a pull would take, from one small call a stream: parts, records, pages, calls, time and share of the day's quota.

What the vendor counts is counted; what hangs under parts not known yet is estimated from the parents' counts, and says so.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from persync.connect.known import Known
from persync.connect.plan import levels, wanted_streams
from persync.connect.probe import NOTHING_YET, Probe, Prober, first_page, records_a_page
from persync.connect.stream import Every, Size, Stream, Work
from persync.connect.windows import is_due, open_window
from persync.errors import PersyncError, SkipStreamError
from persync.rows import Child
from persync.store.checkpoints import Checkpoint

if TYPE_CHECKING:
    from persync.connect.client import Client
    from persync.connect.connector import Connector
    from persync.connect.pace import Daily
    from persync.connect.result import PullOptions

__all__ = ["ConnectionPlan", "StreamPlan", "due_points", "plan_connection"]

FEW = 5
"""parts of a stream that are each asked about; of more, one stands for all"""

How = Literal["counted", "estimated", "at most", "not known", "nothing to do", "skipped", "failed"]


@dataclass(slots=True)
class StreamPlan:
    """What one stream would take. None is not known; `how` says where the numbers come from, `note` in words.

    `parts` are the partitions to read, `known` of them are in the store. `records` and `pages` are of all of them; with
    `how` "at most" they are upper bounds.
    """

    connection: str
    stream: str
    how: How = "nothing to do"
    parts: int = 0
    known: int = 0
    records: int | None = None
    pages: int | None = None
    calls: int | None = None
    seconds: float | None = None
    note: str = ""
    error: PersyncError | None = None


@dataclass(slots=True)
class ConnectionPlan:
    """What a connection would take. `daily` is the vendor's own number of calls a day and what is left of them."""

    connection: str
    streams: list[StreamPlan] = field(default_factory=list)
    daily: Daily | None = None
    probes: int = 0
    """the calls that it took to find out"""
    error: PersyncError | None = None

    @property
    def calls(self) -> int:
        """Calls of all streams of which something is known."""
        return sum(stream.calls or 0 for stream in self.streams)

    @property
    def seconds(self) -> float:
        """Seconds for all of them, one stream after the other."""
        return sum(stream.seconds or 0.0 for stream in self.streams)

    @property
    def is_whole(self) -> bool:
        """Whether every stream that would be read has its numbers."""
        return not any(stream.calls is None and stream.how in ("not known", "failed") for stream in self.streams)


def plan_connection(
    client: Client,
    connector: Connector,
    known: Known,
    options: PullOptions,
    *,
    timer: Callable[[], float],
) -> ConnectionPlan:
    """Find out what a pull with these options would take: one small call a stream, and nothing is written.

    `timer` counts seconds; errors of single streams are in their plans, one that holds for all in the connection's.
    """
    plan = ConnectionPlan(connector.connection)
    planner = _Planner(client, connector, known, options, timer)
    for level in levels(wanted_streams(connector, options.streams)):
        plan.streams += planner.level(level)
        if planner.prober.fatal is not None:
            # What little was found out before would pass for the whole: one cause is told, and no numbers.
            plan.error, plan.streams = planner.prober.fatal, []
            break
    order = {stream.name: i for i, stream in enumerate(connector.streams)}
    plan.streams.sort(key=lambda one: order[one.stream])
    plan.daily, plan.probes = client.pace.daily(), planner.asked
    return plan


def due_points(
    stream: Stream, known: Known, options: PullOptions, *, start: str | None = None, where: str = ""
) -> list[Checkpoint]:
    """Return the known partitions that a pull would read now, each with its window opened. Writes nothing.

    `start` is the connection's own first day, `where` the place to name when it is no date.
    """
    points = list(known.points.get(stream.name, []))
    if stream.parent is None and not any(point.partition == "" for point in points):
        points.append(Checkpoint(stream.name, "", {}))
    if isinstance(stream.window, Every):
        if not stream.window.first and stream.name not in options.streams and not options.full:
            # Its days are counted from the first pull, which reads everything anyway; what is begun again is due.
            points = [
                point
                for point in points
                if point.watermark is not None or point.token is not None or (stream.name, point.partition) in known.asked_for
            ]
        if not any(is_due(stream, point, options) for point in points):
            return []
    found = []
    for point in points:
        again = options.rejects and (stream.name, point.partition) in known.rejected
        if options.rejects and not again:
            continue
        if again or options.full:
            point.token = None
        if again:
            point.watermark = None
        elif not isinstance(stream.window, Every) and not is_due(stream, point, options):
            continue
        open_window(stream, point, options, known.account, start, where)
        found.append(point)
    return found


class _Planner:
    """Plans level by level: what a level's answers count is what the next level's parts are estimated from."""

    def __init__(
        self, client: Client, connector: Connector, known: Known, options: PullOptions, timer: Callable[[], float]
    ) -> None:
        self.client = client
        self.connector = connector
        self.known = known
        self.options = options
        self.prober = Prober(client, connector, known, now=options.now, timer=timer)
        self.asked = 0
        self._probes: dict[str, Probe] = {}
        self._plans: dict[str, StreamPlan] = {}
        self._each: dict[str, list[int | None]] = {}
        """the records of each part, where every one was asked about"""
        self._took: list[float] = []

    def level(self, streams: list[Stream]) -> list[StreamPlan]:
        """Plan the streams of one level, all of whose parents are planned."""
        start = getattr(self.connector.settings, "start", None)
        where = f"[connections.{self.connector.connection}] start"
        due = {one.name: due_points(one, self.known, self.options, start=start, where=where) for one in streams}
        fresh = {one.name: self._fresh(one) for one in streams}
        wanted = [one for one in streams if due[one.name] or fresh[one.name][0] != 0]
        works = [(one, work) for one in wanted for work in self._samples(one, due[one.name], fresh[one.name][0])]
        asked: dict[str, list[Probe]] = {}
        for probe in self.prober.probe_level(works):
            asked.setdefault(probe.stream.name, []).append(probe)
            self.asked += probe.request is not None
            if probe.request is not None and probe.error is None:
                self._took.append(probe.seconds)
        for name, probes in asked.items():
            if len(probes) > 1:
                self._each[name] = [probe.records for probe in probes]
            self._probes[name] = _together(probes)
        plans = []
        for one in streams:
            plan = StreamPlan(self.connector.connection, one.name)
            if one in wanted:
                self._fill(plan, one, self._probes[one.name], len(due[one.name]), *fresh[one.name])
            elif not plan.note:
                plan.note = "not due" if self.known.points.get(one.name) or one.parent is None else "no part of it is known"
            self._plans[one.name] = plan
            plans.append(plan)
        return plans

    def _samples(self, stream: Stream, due: list[Checkpoint], fresh: int | None) -> list[Work | None]:
        """Return what to ask of a stream: each of its parts when they are few and all known by name, else one."""
        points = {point.partition: point for point in due}
        if stream.parent is not None and fresh:
            known = {point.partition: point for point in self.known.points.get(stream.name, [])}
            for child in self.prober.children_of(stream.name):
                if child.key not in known:
                    points.setdefault(child.key, Checkpoint(stream.name, child.key, dict(child.data)))
                elif child.version not in (None, known[child.key].done_version):
                    points.setdefault(child.key, known[child.key])
        if 1 < len(points) <= FEW and len(points) == len(due) + (fresh or 0) and not hasattr(stream.reader, "sizing"):
            for point in points.values():
                if point.since is None and point.until is None:
                    open_window(stream, point, self.options, self.known.account, None, "")
            return [self.prober.work_of(stream, point) for point in points.values()]
        return [self.prober.work_of(stream, due[-1] if due else None)]

    def _fresh(self, stream: Stream) -> tuple[int | None, str]:
        """Estimate how many parts the parent's answer adds to those that are due, None if it cannot be; and say from what.

        Parts that the store does not know, and known ones whose version has moved, both by their share in the records seen.
        """
        if stream.parent is None or self.options.rejects:
            return 0, ""
        if isinstance(stream.window, Every) and not (stream.window.first or self.options.full or self._is_named(stream)):
            return 0, ""  # its days are counted from the first pull
        parent, probe = self._plans.get(stream.parent), self._probes.get(stream.parent)
        if parent is None or probe is None or parent.records == 0:
            return 0, ""
        if parent.records is None:
            return None, f"how many {stream.parent} there are is not told"
        known = {point.partition: point for point in self.known.points.get(stream.name, [])}
        if not probe.seen:
            return max(0, parent.records - len(known)), f"one for each of {parent.records:,} {stream.parent}"
        named = {child.key: child for child in probe.children.get(stream.name, [])}
        share = len(named) / probe.seen
        if share == 0:
            return 0, f"none of the {probe.seen:,} {stream.parent} looked at has any"
        new = max(0, round(share * parent.records) - len(known))
        met = [(child, known[key]) for key, child in named.items() if key in known]
        moved = sum(child.version not in (None, point.done_version) and not _waits(point) for child, point in met)
        again = round(moved / len(met) * sum(not _waits(point) for point in known.values())) if met else 0
        basis = [f"{'one' if share == 1 else f'{share:.2g}'} for each of {parent.records:,} {stream.parent}"] if new else []
        basis += [f"{moved:,} of {len(met):,} looked at have moved"] if again else []
        return new + again, "; ".join(basis)

    def _is_named(self, stream: Stream) -> bool:
        return stream.name in self.options.streams

    def _fill(self, plan: StreamPlan, stream: Stream, probe: Probe, due: int, fresh: int | None, basis: str) -> None:
        plan.known, plan.parts = due, due + (fresh or 0)
        error = probe.error
        if isinstance(error, SkipStreamError) and (error.reason != "gone" or stream.parent is None):
            plan.how, plan.note, plan.calls = "skipped", f"{error.reason}: {error.what}", 0
            return
        if error is not None and not isinstance(error, SkipStreamError):
            plan.how, plan.note, plan.error = "failed", error.what, error
            return
        if probe.request is None or plan.parts == 0:
            told = probe.reason if probe.reason not in ("", NOTHING_YET) else basis
            plan.how, plan.note = "not known", told or "known once its parents are read"
            return
        assert probe.work is not None
        size = records_a_page(probe.work)
        whole = self._size(probe) if hasattr(stream.reader, "sizing") else None
        each = self._each.get(stream.name)
        if size is not None and probe.records is None and whole is None:
            plan.how, plan.note = "not known", "the vendor does not tell how many there are"
            return
        if whole is not None:
            plan.pages = max(math.ceil(whole.count / (size or 1)), whole.pages_each * plan.parts)
            plan.records = whole.count if whole.is_records else None
        elif each is not None:
            plan.pages = sum(1 if size is None else max(1, math.ceil((records or 0) / size)) for records in each)
            plan.records = probe.records
        else:
            plan.pages = plan.parts * (1 if size is None else max(1, math.ceil((probe.records or 0) / size)))
            plan.records = None if probe.records is None else probe.records * plan.parts
        plan.calls = self._calls(stream, plan.pages)
        plan.seconds = self._seconds(probe, plan.calls, plan.parts)
        if whole is not None:
            plan.how, plan.note = "at most" if whole.at_most else "estimated", whole.note
            return
        if each is not None:
            plan.how, plan.note = "counted", f"each of {plan.parts:,} parts was asked"
            return
        plan.how = "counted" if plan.parts == due == 1 and fresh == 0 else "estimated"
        notes = [basis] if fresh else ["without what is new"] if fresh is None else []
        if plan.parts > 1 and probe.records is not None:
            notes.append(f"each like the one looked at ({probe.records:,} record{'' if probe.records == 1 else 's'})")
        plan.note = "; ".join(notes)

    def _size(self, probe: Probe) -> Size | None:
        """Ask how much the whole stream holds; a call that fails costs the size alone."""
        assert probe.work is not None
        reader: Any = probe.stream.reader
        self.asked += 1
        with suppress(PersyncError):
            found: Size | None = reader.sized(probe.work, self.client.send(reader.sizing(probe.work)).body)
            return found
        return None

    @staticmethod
    def _calls(stream: Stream, pages: int) -> int:
        """Return the calls that pages take: one each, unless the reader says otherwise (a job is asked after)."""
        own = getattr(stream.reader, "calls", None)
        return int(own(pages)) if callable(own) else pages

    def _seconds(self, probe: Probe, calls: int, parts: int) -> float:
        """Return the time of so many calls: parts side by side, pages of one in turn, no faster than the vendor lets them."""
        assert probe.work is not None
        side_by_side = max(1, min(self.connector.workers, self.client.pace.concurrent, parts))
        # An answer that had to wait for its turn says nothing of how long answers take: the middle one of all does.
        needed = calls * min(probe.seconds, statistics.median(self._took)) / side_by_side
        rate = self.client.pace.rate(first_page(probe.work))
        return max(needed, calls / rate) if rate else needed


def _together(probes: list[Probe]) -> Probe:
    """Return what several parts of a stream answered as one answer; the first error stands for all."""
    if len(probes) == 1:
        return probes[0]
    counts = [probe.records for probe in probes if probe.records is not None]
    children: dict[str, list[Child]] = {}
    for probe in probes:
        for name, found in probe.children.items():
            children.setdefault(name, []).extend(found)
    return replace(
        probes[0],
        records=sum(counts) if len(counts) == len(probes) else None,
        seen=sum(probe.seen for probe in probes),
        children=children,
        error=next((probe.error for probe in probes if probe.error is not None), None),
        reason=next((probe.reason for probe in probes if probe.reason), ""),
    )


def _waits(point: Checkpoint) -> bool:
    """Tell whether a part would be read by what the store knows of it alone."""
    return point.token is not None or point.version is None or point.version != point.done_version
