"""The write side of a pull: one page, one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from persync.connect import hanging
from persync.connect.connector import Connector
from persync.connect.fetch import Job, Page, placed
from persync.connect.page import Reject, Shaped, Shaper, storable
from persync.connect.result import PullOptions, StreamResult
from persync.connect.stream import Context, Incremental
from persync.errors import PersyncError, RecordError, ResponseError
from persync.store import checkpoints as points
from persync.store import parking, passes
from persync.store import sweep as sweeping
from persync.store.rejects import clear_rejects, keep_rejects
from persync.store.store import Store
from persync.store.versions import keep_versions, known_versions, record_numbers
from persync.store.write import Writer, mark_dirty

VERSIONS = 10_000
"""so many versions of records are kept in one go: each lot touches most leaves of their table, however small it is"""


class PageWriter:
    """Writes the pages of one connection: rows, rejects, checkpoint and coverage of a page together.

    The versions of its records follow with a later page, or with `keep_versions`: should they be lost, records are only looked
    at once more. `between` is called between the lots of a join, and may end the run there. `rejected` holds the (stream,
    partition) pairs that had rejects when the run began.
    """

    def __init__(
        self,
        store: Store,
        connector: Connector,
        options: PullOptions,
        writer: Writer,
        *,
        clock: Callable[[], float],
        between: Callable[[], None],
    ) -> None:
        self.store = store
        self.connector = connector
        self.options = options
        self._writer = writer
        self._clock = clock
        self._between = between
        self._shapers: dict[int, Shaper] = {}
        self._looked: set[str] = set()
        self._versions_due: dict[int, int] = {}
        self._careful = False
        self.behind: Callable[[], int] = lambda: 0
        """milliseconds by which the vendor's clock is behind ours"""
        rejects = "SELECT DISTINCT stream, partition FROM rejects WHERE connection = ?"
        self.rejected: set[tuple[str, str]] = set(store.db.execute(rejects, (writer.connection,)))
        self._needed = {name for stream in connector.streams for name in stream.needs}
        self.again: dict[str, None] = {}
        """streams that this run lets be read again from their beginning, for something they hang on is known now"""

    def write(self, page: Page, result: StreamResult, fields: Mapping[str, Mapping[str, str]]) -> None:
        """Validate, shape and commit one page with its checkpoint; the last page of a partition also completes it.

        Raises ResponseError when the page itself is not what was expected, StoreError when it cannot be kept; then nothing
        of it is.
        """
        try:
            self._write(page, result, fields)
        except OverflowError:
            # Some number fits no column. Whose it is only a look at every value tells, which other pages are spared.
            self._careful = True
            try:
                self._write(page, result, fields)
            finally:
                self._careful = False

    def _write(self, page: Page, result: StreamResult, fields: Mapping[str, Mapping[str, str]]) -> None:
        job, step, stream = page.job, page.step, page.job.work.stream
        declared = step.of or stream
        shaper = self._shapers.get(id(declared)) or self._shapers.setdefault(id(declared), Shaper(declared))
        key = self.store.key
        context = Context(
            connection=self.connector.connection,
            settings=self.connector.settings,
            account=job.work.account,
            now=self.options.now,
            partition=job.work.partition,
            parent=job.work.parent,
            fields=fields,
            params=step.params,
        )
        again = self.options.full or self.options.rejects or job.work.first_load
        try:
            shaped = shaper.shape(
                step,
                context,
                numbers=partial(record_numbers, key),
                hashed=lambda text: key.name("record", text),
                erased=self._writer.resolve.gone.names_erased,
                known=None if again else self._versions,
                careful=self._careful,
            )
        except PersyncError as error:
            raise placed(error, job.work, page.number, self.connector.request_id(page.headers, step.body)) from None
        if page.first:
            job.total, job.whole = _count(step.total), True
        elif job.whole and job.total is None and not job.records:
            # What came before was no page of records: a look around, a job to wait for.
            job.total = _count(step.total)
        job.records += shaped.records
        point = job.point
        if point.until is not None and (behind := self.behind()):
            # What changes there from now on has a time before our own now: no window may be complete beyond theirs.
            settle = stream.window.settle if isinstance(stream.window, Incremental) else 0
            point.until = min(point.until, self.options.now - settle - behind)
            point.since = point.since if point.since is None else min(point.since, point.until)
        joins = (stream.join or stream.gather) is not None and (step.join or step.next is None)
        place = (stream.name, job.work.partition)
        try:
            with self.store.transaction() as db:
                if len(self._versions_due) >= VERSIONS:
                    self._keep_versions(db)
                if page.first and (stream.sweeps or stream.join or stream.gather) is not None:
                    sweeping.begin(db, self._writer.connection, *place)
                if page.first and stream.name in self._needed and self._may_say_more(db, place):
                    hanging.note(db, self._writer.connection, *place)
                changed = self._writer.write(shaped.rows, place, lists=stream.sweeps.thing if stream.sweeps else "")
                changed += self._settle_rejects(job, shaped)
                if joins:
                    begun = {"join": "", "next": step.next, "params": dict(step.params)}
                    point.token = page.token if "join" in page.token else begun
                    points.save_token(db, self._writer.connection, point)
                elif step.next is None:
                    changed += self._complete(db, job, _count(step.total), short=_shortfall(page))
                else:
                    point.token = step.next
                    points.save_token(db, self._writer.connection, point)
            if joins:
                changed += self._gather(job, context, result) if stream.gather else self._join(job, context, result)
        except BaseException:
            job.records -= shaped.records
            self._writer.forget()
            raise
        if stream.name not in self._looked and shaped.records:
            self._looked.add(stream.name)
            result.unread |= shaper.unread(step)
        self._versions_due.update(shaped.versions)
        result.pages += 1
        result.records += shaped.records
        result.unchanged += shaped.unchanged
        result.changed += changed
        result.rejects += len(shaped.rejects)

    def _complete(self, db: sqlite3.Connection, job: Job, total: int | None, short: str = "") -> int:
        """Complete a partition, and compare what a whole listing named with what is known; return the rows that changed.

        `short` tells of missing records.
        """
        stream, connection = job.work.stream, self._writer.connection
        job.point.token = None
        self._follow(db, job)
        points.complete(db, connection, job.point, now=self.options.now, note=short)
        passes.seen(db, connection, now=int(self._clock() * 1000))
        mark_dirty(db, "coverage")
        if (what := stream.sweeps) is None:
            return 0
        now, place = self.options.now, (db, connection, stream.name)
        sweeping.listed(*place, job.work.partition, total=total)
        if what.thing == "member":
            changed = sweeping.leave(*place, job.work.partition, kinds=what.only, now=now)
        else:
            changed = sweeping.sweep(*place, what.thing, only=what.only, without=what.without, now=now)
        for table in set(changed):
            mark_dirty(db, table)
        return len(changed)

    def _may_say_more(self, db: sqlite3.Connection, place: tuple[str, str]) -> bool:
        """Tell whether a part may say what it could not say before: it did not fit, could not be read, or is begun again."""
        return place in self.rejected or points.is_open(db, self._writer.connection, *place)

    def _follow(self, db: sqlite3.Connection, job: Job) -> None:
        """Let what hangs on a part be read again when it was read without it, or otherwise than it is known now."""
        name, connection, partition = job.work.stream.name, self._writer.connection, job.work.partition
        if name not in self._needed:
            return
        # What never was there was missing: after a failure, or because others were asked for by name.
        missed = not partition and points.is_new(db, connection, name, "")
        account, fields = hanging.follow(db, connection, name, partition)
        if missed or account or fields:
            # Who uses fields names the stream that brings them; the account is known to all, those below them too.
            those = hanging.hanging_on(self.connector.streams, name, below=missed or account)
            self.again |= dict.fromkeys(points.begin_again(db, connection, those))

    def _join(self, job: Job, context: Context, result: StreamResult) -> int:
        """Shape what waited for its parents, some hundred at a time, each lot with a checkpoint of its own."""
        stream, point, connection = job.work.stream, job.point, self._writer.connection
        assert stream.join is not None
        assert point.token is not None
        place = (connection, stream.name, job.work.partition)
        join = storable(stream.join) if self._careful else stream.join
        changed = 0
        while True:
            self._between()
            lot = parking.waiting(self.store.db, *place, after=point.token["join"])
            with self.store.transaction() as db:
                if not lot:
                    if parking.clear_some(db, *place):
                        continue
                    return changed + self._go_on(db, job)
                shaped = Shaped()
                for key, chain in lot:
                    try:
                        if chain[-1].parent is not None:
                            raise RecordError("what it belongs to is not in the result.", field="__parentId")
                        shaped.rows += list(join(chain[0].data, tuple(one.data for one in chain[1:]), context))
                    except RecordError as error:
                        shaped.rejects.append(Reject(key[:200], error.field, error.what, "{}"))
                    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
                        shaped.rejects.append(Reject(key[:200], "", f"{type(error).__name__} while joining", "{}"))
                changed += self._writer.write(shaped.rows, place[1:])
                changed += self._settle_rejects(job, shaped)
                point.token = {**point.token, "join": lot[-1][0]}
                points.save_token(db, connection, point)
            result.rejects += len(shaped.rejects)

    def _go_on(self, db: sqlite3.Connection, job: Job) -> int:
        """After a join: go on with the next slice of the partition, or complete it; return the rows that changed."""
        point = job.point
        following = (point.token or {}).get("next")
        if following is None:
            return self._complete(db, job, None)
        point.token = following
        points.save_token(db, self._writer.connection, point)
        return 0

    def _gather(self, job: Job, context: Context, result: StreamResult) -> int:
        """Shape what is parked, each record with all that belongs to it, some hundred at a time, and forget it with them."""
        stream, point = job.work.stream, job.point
        assert stream.gather is not None
        assert point.token is not None
        lots = parking.Lots(self.store.db, self._writer.connection, stream.name, job.work.partition)
        gather = storable(stream.gather) if self._careful else stream.gather
        changed = 0
        while True:
            self._between()
            roots = lots.roots(after=point.token["join"])
            with self.store.transaction() as db:
                shaped = Shaped()
                for key, data in roots:
                    try:
                        shaped.rows += list(gather(data, lots.below, context))
                    except RecordError as error:
                        shaped.rejects.append(Reject(key[:200], error.field, error.what, "{}"))
                    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
                        shaped.rejects.append(Reject(key[:200], "", f"{type(error).__name__} while joining", "{}"))
                if not roots:
                    shaped.rejects = [
                        Reject(key[:200], "", "what it belongs to is not in the result.", "{}") for key in lots.orphans()
                    ]
                    if not shaped.rejects:
                        return changed + self._go_on(db, job)
                changed += self._writer.write(shaped.rows, (stream.name, job.work.partition))
                changed += self._settle_rejects(job, shaped)
                lots.forget()
                if roots:
                    point.token = {**point.token, "join": roots[-1][0]}
                points.save_token(db, self._writer.connection, point)
            result.rejects += len(shaped.rejects)

    def _versions(self, records: list[int]) -> dict[int, int]:
        return known_versions(self.store.db, records)

    def keep_versions(self) -> None:
        """Keep the versions of the records written last; call when no more pages come."""
        if self._versions_due:
            with self.store.transaction() as db:
                self._keep_versions(db)

    def _keep_versions(self, db: sqlite3.Connection) -> None:
        due, self._versions_due = self._versions_due, {}
        keep_versions(db, due)

    def _settle_rejects(self, job: Job, shaped: Shaped) -> int:
        """Keep this page's rejects; forget those of the partition at the first page of a pass that reads it all again."""
        stream, partition = job.work.stream.name, job.work.partition
        changed = 0
        if (stream, partition) in self.rejected:
            self.rejected.discard((stream, partition))
            if job.work.since is None or self.options.rejects or (self.options.full and self.options.since is None):
                changed += clear_rejects(self.store.db, self._writer.connection, stream, partition)
        changed += keep_rejects(
            self.store.db,
            self._writer.connection,
            stream,
            partition,
            job.work.stream.path or stream,
            shaped.rejects,
            now=self.options.now,
        )
        return changed

    def uncover(self, job: Job, reason: str, *, gone: bool = False) -> None:
        """Note that a partition could not be read, and why; one whose parent is `gone` is not asked for again.

        Its parent's own listing brings it back should it return; until then no complete listing waits for it.
        """
        with self.store.transaction() as db:
            if gone and job.work.stream.parent is not None:
                points.forget(db, self._writer.connection, job.work.stream.name, job.work.partition)
                hanging.forget(db, self._writer.connection, job.work.stream.name, job.work.partition)
            points.uncover(db, self._writer.connection, job.work.stream.name, job.work.partition, reason, now=self.options.now)
            mark_dirty(db, "coverage")


def _shortfall(page: Page) -> str:
    """Return what to say of a pass that brought fewer records than the vendor counts, "" when it brought them all.

    Some are always missing where people were deleted since, so a few are only noted. Raises ResponseError when none came at
    all: then the answer was wrong, and the pass must not count as complete.
    """
    job = page.job
    if not job.total or job.records >= job.total:
        return ""
    if not job.records:
        error = ResponseError(
            f"nothing came, although the vendor counts {job.total:,}.",
            hint="Pull again: this part is read again from its beginning.",
        )
        raise placed(error, job.work, page.number)
    return f"the vendor counts {job.total:,} and gave {job.records:,}"


def _count(total: Any) -> int | None:
    """Return how many the vendor says there are, None where what it says is no number."""
    return total if isinstance(total, int) and not isinstance(total, bool) else None
