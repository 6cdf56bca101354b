"""What of a connection is to be read now: which partitions, for which window, and what an interrupted pull has read already."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from persync.connect.connector import Connector
from persync.connect.result import PullOptions, StreamResult
from persync.connect.stream import AccountFacts, Every, Incremental, Stream, Work
from persync.connect.windows import is_due, open_window
from persync.store import checkpoints as points
from persync.store import passes
from persync.store.checkpoints import Checkpoint
from persync.store.store import Store

BEFORE = "read before the interruption"


class Due:
    """What a pull of one connection has to read.

    `rejected` names the (stream, partition) that hold rejected records, `again` the streams that are read again because what
    they hang on is known now; both change while the pull goes on.
    """

    def __init__(
        self,
        store: Store,
        connector: Connector,
        options: PullOptions,
        number: int,
        rejected: Collection[tuple[str, str]],
        again: Collection[str],
    ) -> None:
        self._store = store
        self._connector = connector
        self._options = options
        self._number = number
        self._rejected = rejected
        self._again = again
        self._began: int | None = None
        """when the pull began that this one goes on with"""
        self._begun: set[str] = set()
        """streams that the pull which this one goes on with lets be read again"""
        self._read: set[str] = set()
        """streams that had something to be read"""

    def begin(self, among: Sequence[str]) -> None:
        """Begin a pull of this connection, one `among` several, or go on with one that was interrupted a short while ago: that
        one and this are one pull."""
        options = self._options
        asked: dict[str, Any] = {
            "streams": sorted(options.streams),
            "since": options.since,
            "full": options.full,
            "rejects": options.rejects,
        }
        if options.lookback_days:
            asked["lookback_days"] = options.lookback_days
        with self._store.transaction() as db:
            self._began = passes.begin(db, self._number, asked, list(among), now=options.now)
            if self._began is not None:
                self._begun = {stream for number, stream in points.begun_again(db) if number == self._number}

    def partitions(self, stream: Stream, account: AccountFacts, result: StreamResult) -> list[Checkpoint]:
        """Return the partitions of a stream that are to be read now, each with its window open; say in the result why not."""
        known = points.read_checkpoints(self._store.db, self._number, stream.name)
        if stream.parent is None and not any(point.partition == "" for point in known):
            known.append(Checkpoint(stream.name, "", {}))
        if isinstance(stream.window, Every):
            self._begin_clocks(stream, known)
            # All partitions or none: what one of them does not name may be named by another.
            if not any(is_due(stream, point, self._options) and not self._is_read(stream, point) for point in known):
                return []
        found = []
        for point in known:
            if self._is_read(stream, point):
                result.reason = BEFORE
                continue
            again = self._options.rejects and (stream.name, point.partition) in self._rejected
            if self._options.rejects and not again and not self._is_follow_up(stream, point):
                continue
            if (again or self._options.full) and self._began is None:
                point.token = None
            if not again and not isinstance(stream.window, Every) and not is_due(stream, point, self._options):
                continue
            if again:
                point.watermark = None
            start = getattr(self._connector.settings, "start", None)
            open_window(stream, point, self._options, account, start, f"[connections.{self._connector.connection}] start")
            if self.is_old(stream, point):
                # Of which version its first pages were is not known: what they showed may have changed since.
                point.version = None
            found.append(point)
        if found:
            self._read.add(stream.name)
        return found

    def _is_follow_up(self, stream: Stream, point: Checkpoint) -> bool:
        """Tell whether a part without rejects is read because others had some: by this pull, or the one it goes on with."""
        is_unread = point.watermark is None and point.done_version is None
        if is_unread and (stream.name in self._again or stream.name in self._begun or stream.parent in self._read):
            return True
        return self._began is not None and point.token is not None

    def is_old(self, stream: Stream, point: Checkpoint) -> bool:
        """Tell whether a pass under way was begun by an earlier pull than this one, and the one that this goes on with."""
        settle = stream.window.settle if isinstance(stream.window, Incremental) else 0
        began = self._options.now if self._began is None else self._began
        return point.token is not None and point.until is not None and point.until < began - settle

    def _is_read(self, stream: Stream, point: Checkpoint) -> bool:
        """Tell whether the pull that this one goes on with has read a partition to its end."""
        if self._began is None or point.token is not None or point.watermark is None or point.version != point.done_version:
            return False
        settle = stream.window.settle if isinstance(stream.window, Incremental) else 0
        return point.watermark >= self._began - settle

    def _begin_clocks(self, stream: Stream, known: list[Checkpoint]) -> None:
        """Count the days of a periodic pass from the first pull, which reads everything anyway.

        What was asked for before and has no watermark was begun again: it is due now, its days are counted already.
        """
        assert isinstance(stream.window, Every)
        asked = points.asked_for(self._store.db, self._number, stream.name)
        fresh = [one for one in known if one.watermark is None and one.token is None and one.partition not in asked]
        if not fresh or stream.window.first or stream.name in self._options.streams:
            return
        with self._store.transaction() as db:
            for point in fresh:
                point.watermark = self._options.now
                points.start_clock(db, self._number, point)

    def work(self, stream: Stream, point: Checkpoint, account: AccountFacts) -> Work:
        """Return what a connector has to know to read a partition."""
        return Work(
            stream=stream,
            connection=self._connector.connection,
            settings=self._connector.settings,
            account=account,
            partition=point.partition,
            parent=point.parent,
            since=point.since,
            until=point.until or self._options.now,
            first_load=point.watermark is None,
        )
