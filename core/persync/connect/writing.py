"""The write side of a pull: one page, one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import orjson

from persync.connect.connector import Connector
from persync.connect.fetch import Job, Page
from persync.connect.page import Reject, Shaped, Shaper
from persync.connect.result import PullOptions, StreamResult
from persync.connect.stream import Context
from persync.errors import PersyncError, RecordError
from persync.store import checkpoints as points
from persync.store import parking
from persync.store import sweep as sweeping
from persync.store.rejects import clear_rejects, keep_rejects
from persync.store.store import Store
from persync.store.write import Writer, mark_dirty


class PageWriter:
    """Writes the pages of one connection: rows, rejects, versions, checkpoint and coverage of a page together.

    `rejected` holds the (stream, partition) pairs that had rejects when the run began.
    """

    def __init__(self, store: Store, connector: Connector, options: PullOptions, writer: Writer) -> None:
        self.store = store
        self.connector = connector
        self.options = options
        self._writer = writer
        self._shapers: dict[str, Shaper] = {}
        self._looked: set[str] = set()
        self.rejected: set[tuple[str, str]] = {
            (stream, partition)
            for stream, partition in store.db.execute(
                "SELECT DISTINCT stream, partition FROM rejects WHERE connection = ?", (writer.connection,)
            )
        }

    def write(self, page: Page, result: StreamResult, fields: Mapping[str, Mapping[str, str]]) -> None:
        """Validate, shape and commit one page with its checkpoint; the last page of a partition also completes it.

        Raises ResponseError when the page itself is not what was expected, StoreError when it cannot be kept; then nothing
        of it is.
        """
        job, step, stream = page.job, page.step, page.job.work.stream
        shaper = self._shapers.get(stream.name) or self._shapers.setdefault(stream.name, Shaper(stream))
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
                number=key.number,
                hashed=lambda text: key.name("record", text),
                known=None if again else self._versions,
            )
        except PersyncError as error:
            raise error.at(f"{self.connector.connection}, {stream.name}") from None
        point = job.point
        joins = stream.join is not None and step.next is None
        place = (stream.name, job.work.partition)
        try:
            with self.store.transaction() as db:
                if page.first and (stream.sweeps is not None or stream.join is not None):
                    sweeping.begin(db, self._writer.connection, *place)
                changed = self._writer.write(shaped.rows, place)
                self._keep_versions(shaped)
                changed += self._settle_rejects(job, shaped)
                if joins:
                    point.token = page.token if "join" in page.token else {"join": ""}
                    points.save_token(db, self._writer.connection, point)
                elif step.next is None:
                    self._complete(db, job, step.total)
                else:
                    point.token = step.next
                    points.save_token(db, self._writer.connection, point)
            if joins:
                changed += self._join(job, context, result)
        except BaseException:
            self._writer.forget()
            raise
        if stream.name not in self._looked and shaped.records:
            self._looked.add(stream.name)
            result.unread |= shaper.unread(step)
        result.pages += 1
        result.records += shaped.records
        result.unchanged += shaped.unchanged
        result.changed += changed
        result.rejects += len(shaped.rejects)

    def _complete(self, db: sqlite3.Connection, job: Job, total: int | None) -> None:
        """Complete a partition, and compare what a whole listing named with what is known."""
        stream, connection = job.work.stream, self._writer.connection
        job.point.token = None
        points.complete(db, connection, job.point, now=self.options.now)
        mark_dirty(db, "coverage")
        if (what := stream.sweeps) is not None:
            sweeping.listed(db, connection, stream.name, job.work.partition, total=total)
            for table in sweeping.sweep(
                db, connection, stream.name, what.thing, only=what.only, without=what.without, now=self.options.now
            ):
                mark_dirty(db, table)

    def _join(self, job: Job, context: Context, result: StreamResult) -> int:
        """Shape what waited for its parents, some hundred at a time, each lot with a checkpoint of its own."""
        stream, point, connection = job.work.stream, job.point, self._writer.connection
        assert stream.join is not None
        assert point.token is not None
        place = (connection, stream.name, job.work.partition)
        changed = 0
        while True:
            lot = parking.waiting(self.store.db, *place, after=point.token["join"])
            with self.store.transaction() as db:
                if not lot:
                    if parking.clear_some(db, *place):
                        continue
                    self._complete(db, job, None)
                    return changed
                shaped = Shaped()
                for key, chain in lot:
                    try:
                        if chain[-1].parent is not None:
                            raise RecordError("what it belongs to is not in the result.", field="__parentId")
                        shaped.rows += list(stream.join(chain[0].data, tuple(one.data for one in chain[1:]), context))
                    except RecordError as error:
                        shaped.rejects.append(Reject(key[:200], error.field, error.what, "{}"))
                    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
                        shaped.rejects.append(Reject(key[:200], "", f"{type(error).__name__} while joining", "{}"))
                changed += self._writer.write(shaped.rows, place[1:])
                changed += self._settle_rejects(job, shaped)
                point.token = {"join": lot[-1][0]}
                points.save_token(db, connection, point)
            result.rejects += len(shaped.rejects)

    def _versions(self, records: list[int]) -> dict[int, int]:
        return dict(
            self.store.db.execute(
                "SELECT v.record, v.version FROM json_each(?) j CROSS JOIN versions v ON v.record = j.value",
                (orjson.dumps(records).decode(),),
            )
        )

    def _keep_versions(self, shaped: Shaped) -> None:
        if shaped.versions:
            self.store.db.executemany(
                "INSERT INTO versions VALUES (?, ?) ON CONFLICT DO UPDATE SET version = excluded.version"
                " WHERE versions.version IS NOT excluded.version",
                shaped.versions,
            )

    def _settle_rejects(self, job: Job, shaped: Shaped) -> int:
        """Keep this page's rejects; forget those of the partition at the first page of a pass that reads it all again."""
        stream, partition = job.work.stream.name, job.work.partition
        changed = 0
        if (stream, partition) in self.rejected:
            self.rejected.discard((stream, partition))
            if job.work.since is None or self.options.rejects:
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

    def uncover(self, job: Job, reason: str) -> None:
        """Note that a partition could not be read, and why."""
        with self.store.transaction() as db:
            points.uncover(db, self._writer.connection, job.work.stream.name, job.work.partition, reason, now=self.options.now)
            mark_dirty(db, "coverage")
