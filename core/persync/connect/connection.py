"""The pull of one connection: streams in order, partitions side by side, and one page = one transaction.

Threads fetch, this thread writes. A page's rows, its checkpoint and, at the end of a partition, its coverage are committed
together: kill the process anywhere and the next pull goes on, with nothing lost and nothing twice.
"""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from persync.connect.client import Client
from persync.connect.connector import Connector
from persync.connect.due import Due
from persync.connect.fetch import GOES_ON, Fetchers, Job, Page, placed
from persync.connect.guide import to_scopes
from persync.connect.hanging import account_facts, field_types
from persync.connect.interrupts import Interrupts
from persync.connect.pace import Daily
from persync.connect.plan import levels, wanted_streams
from persync.connect.result import Progress, PullOptions, PullResult, StreamResult, Watcher
from persync.connect.stream import Stream
from persync.connect.writing import PageWriter
from persync.errors import (
    AuthError,
    PersyncError,
    QuotaError,
    ResponseError,
    SkipStreamError,
    TransientError,
    UnreachableError,
)
from persync.rows import CampaignRef, Evidence
from persync.store import passes
from persync.store.checkpoints import begun_again
from persync.store.log import end_run
from persync.store.store import Store
from persync.store.write import Writer, write_batch

EMPTY_PAGES = 500
"""so many empty pages in a row with a next page each are a loop"""

FULL_COLLECTION = 100
"""pages after which whatever outlived some of them is looked at too"""


class ConnectionPull:
    """The pull of one connection."""

    def __init__(
        self,
        store: Store,
        connector: Connector,
        options: PullOptions,
        progress: Watcher,
        run: int,
        client: Callable[[Connector, threading.Event], Client] | None,
        interrupts: Interrupts,
        clock: Callable[[], float],
        among: list[str],
    ) -> None:
        self.store = store
        self.connector = connector
        self.options = options
        self.progress = progress
        self.results: list[StreamResult] = []
        self.errors: list[PersyncError] = []
        self.interrupted = 0
        self._run = run
        self._clock = clock
        self._among = among
        self._interrupts = interrupts
        self._stop = threading.Event()
        self._make_client = client or (lambda one, stop: Client(one, stop=stop))
        self._writer = Writer(store, connector.connection, connector.name, now=options.now, run=run)
        self._pages = PageWriter(store, connector, options, self._writer, clock=clock, between=interrupts.check)
        self._due = Due(store, connector, options, self._writer.connection, self._pages.rejected, self._pages.again)

    def run_all(self) -> None:
        """Read every due stream, parents before children."""
        self._run_levels()
        # Without them records are looked at once more, so whatever stops them is no failure of the pull.
        with suppress(PersyncError), self._interrupts.ending():
            self._pages.keep_versions()

    def end(self, result: PullResult) -> None:
        """Note how it ended in the run log and in the result of the whole pull."""
        result.streams += self.results
        result.errors += self.errors
        result.interrupted = self.interrupted
        if unseen := sum(isinstance(one.error, SkipStreamError) and one.error.reason == "scope" for one in self.results):
            streams = "1 stream lacks its scope" if unseen == 1 else f"{unseen} streams lack their scope"
            name = self.connector.connection
            result.notes.append(f"{name}: {streams}. {to_scopes(type(self.connector), name)}")
        result.notes += self._hanging()
        so_far = PullResult(self.results, self.errors, self.interrupted)
        summary = f"{so_far.changed} rows changed, {sum(r.rejects for r in self.results)} records rejected"
        end_run(self.store, self._run, now=int(self._clock() * 1000), exit_code=so_far.exit_code, summary=summary)

    def _hanging(self) -> list[str]:
        """Say which streams were read again because what they hang on is known now, and which still are to be."""
        if self.interrupted:
            return []
        name = self.connector.connection
        begun = {stream for number, stream in begun_again(self.store.db) if number == self._writer.connection}
        done = {one.stream for one in self.results if one.state == "done" and one.partitions} - begun
        read, waiting = ([one for one in self._pages.again if one in those] for those in (done, begun))
        why = "what hangs on a record that fits now, or on a stream that could be read now"
        said = [f"{name}: {why}, was read again: {', '.join(read)}."] if read else []
        return [*said, f"{name}: `persync pull {name}` reads again {why}: {', '.join(waiting)}."] if waiting else said

    def _run_levels(self) -> None:
        try:
            if self._run_batches():
                return
            with self._make_client(self.connector, self._stop) as client:
                self._pages.behind = lambda: int(client.behind * 1000)
                with self._interrupts.held():
                    self._due.begin(self._among)
                    self._write_overrides()
                for level in levels(wanted_streams(self.connector, self.options.streams)):
                    self._run_level(client, level)
                    if self.errors:
                        return
            with self._interrupts.held(), self.store.transaction() as db:
                passes.whole(db, self._writer.connection)
        except KeyboardInterrupt as stop:
            self._stop.set()
            self.store.rollback()
            self.interrupted = number_of(stop)
        except PersyncError as error:
            self.errors.append(bare(error if error.where else error.at(self.connector.connection)))

    def _run_batches(self) -> bool:
        """Read a connector that brings whole files instead of streams; False when it is not one."""
        number = self._writer.connection
        seen = dict(self.store.db.execute("SELECT path, digest FROM imported_files WHERE connection = ?", (number,)))
        batches = self.connector.batches({} if self.options.full else seen)
        if batches is None:
            return False
        for batch in batches:
            result = StreamResult(self.connector.connection, batch.kind)
            self.results.append(result)
            try:
                changed = write_batch(self.store, self.connector.connection, self.connector.name, batch, now=self.options.now)
                result.pages, result.records, result.changed = 1, batch.count, changed or 0
                result.state = "done"
            except PersyncError as error:
                result.state, result.error, result.reason = "failed", bare(error), error.what
            self._tell(result, 1, 1, finished=True)
        return True

    def _write_overrides(self) -> None:
        overrides: Mapping[str, int] = getattr(self.connector.settings, "overrides", {})
        before = self.store.db.execute(
            "SELECT k.key FROM campaign_evidence e JOIN campaign_keys k ON k.campaign_key = e.campaign_key"
            " WHERE e.source = 'override' AND k.kind = 'id' AND k.connection = ?",
            (self._writer.connection,),
        ).fetchall()
        # One that was taken out of the settings says nothing any longer.
        wanted = {campaign: () for (campaign,) in before} | {name: (("level", str(n)),) for name, n in overrides.items()}
        if wanted:
            with self.store.transaction():
                self._writer.write(
                    Evidence(CampaignRef(("id", campaign)), "override", items) for campaign, items in wanted.items()
                )

    # -- one level of streams ---------------------------------------------------------------------------------------

    def _run_level(self, client: Client, level: list[Stream]) -> None:
        results = {stream.name: StreamResult(self.connector.connection, stream.name) for stream in level}
        self.results += results.values()
        try:
            behind = self._read_level(client, level, results)
            if behind:
                self._read_level(client, [stream for stream in level if stream.name in behind], results, behind)
        finally:
            for result in results.values():
                result.settle()
                self._tell(result, result.partitions, result.waiting, finished=True)

    def _read_level(
        self,
        client: Client,
        level: list[Stream],
        results: Mapping[str, StreamResult],
        only: Mapping[str, set[str]] | None = None,
    ) -> dict[str, set[str]]:
        """Read what is due of some streams, or of `only` these partitions of theirs; return what is not up to date yet.

        A pass that an earlier pull began ends where that pull would have, and its first pages are as old: what happened since
        is read by another pass. It is not begun anew, for a pull that a vendor's daily limit stops must get on.
        """
        number = self._writer.connection
        account, fields = account_facts(self.store.db, number), field_types(self.store.db, number)
        jobs: list[Job] = []
        for stream in level:
            with self._interrupts.held():
                due = self._due.partitions(stream, account, results[stream.name])
            for point in due:
                if only is None or point.partition in only[stream.name]:
                    jobs.append(Job(self._due.work(stream, point, account), point, resumed=point.token is not None))
                    results[stream.name].waiting += 1
        if not jobs:
            return {}
        taken_up = [job for job in jobs if job.resumed and self._due.is_old(job.work.stream, job.point)]
        fetchers = Fetchers(client, jobs, self.connector.workers, self._stop)
        remaining = len(jobs)
        try:
            while remaining:
                item = fetchers.pages.get()
                result = results[item.job.work.stream.name]
                with self._interrupts.held():
                    if isinstance(item, Page):
                        self._take_page(item, result, fields, fetchers)
                        fetchers.written(item)
                        gc.collect(1 if result.pages % FULL_COLLECTION else 2)
                    else:
                        remaining -= 1
                        if item.error is not None:
                            self._failed(item.job, item.error, result, fetchers)
                        elif not item.job.dead:
                            result.partitions += 1
                if self.errors:
                    break
                self._tell(result, result.partitions, result.waiting, job=item.job, daily=client.pace.daily())
        finally:
            if remaining:
                self._stop.set()
            fetchers.join()
        behind: dict[str, set[str]] = {}
        for job in taken_up if not self.errors else ():
            if results[job.work.stream.name].error is None:
                behind.setdefault(job.work.stream.name, set()).add(job.work.partition)
        return behind

    def _take_page(self, page: Page, result: StreamResult, fields: Mapping[str, Mapping[str, str]], fetchers: Fetchers) -> None:
        job = page.job
        if job.dead:
            return
        before = result.records
        try:
            self._pages.write(page, result, fields)
        except ResponseError as error:
            job.dead = True
            self._failed(job, error, result, fetchers)
            return
        # A look around, or a job that is not ready yet, is no empty page: it names no list.
        empty = page.step.next is not None and not page.step.wait and page.step.at and result.records == before
        job.empty = job.empty + 1 if empty else 0
        if job.empty > EMPTY_PAGES:
            job.dead = True
            self._failed(job, _endless(page), result, fetchers)

    # -- what can go wrong ------------------------------------------------------------------------------------------

    def _failed(self, job: Job, error: BaseException, result: StreamResult, fetchers: Fetchers) -> None:
        if not isinstance(error, PersyncError):
            raise error
        stream = job.work.stream
        result.error, result.reason = bare(error), error.what
        if isinstance(error, AuthError | QuotaError | UnreachableError):
            # What holds for one stream holds for all: end the connection, and say it once.
            result.state = "failed"
            self.errors.append(error)
            return
        reason = error.what
        if isinstance(error, SkipStreamError):
            reason = f"{error.reason}: {error.what}"
            if stream.scopes and error.reason == "scope":
                reason += f" Needs {', '.join(stream.scopes)}."
            result.reason = reason
            if result.state != "failed":
                result.state = "skipped"
            if error.reason != "gone":
                fetchers.cancel(stream.name)
        else:
            result.state = "failed"
            if isinstance(error, TransientError):
                fetchers.cancel(stream.name)
        with suppress(PersyncError):
            self._pages.uncover(job, reason, gone=isinstance(error, SkipStreamError) and error.reason == "gone")

    def _tell(
        self,
        result: StreamResult,
        done: int,
        total: int,
        *,
        finished: bool = False,
        job: Job | None = None,
        daily: Daily | None = None,
    ) -> None:
        self.progress(
            Progress(
                connection=result.connection,
                stream=result.stream,
                pages=result.pages,
                records=result.records,
                changed=result.changed,
                done=done,
                total=total,
                finished=finished,
                reason=result.reason,
                expected=job.total if job is not None and job.whole and total == 1 else None,
                daily=daily,
            )
        )


def number_of(stop: KeyboardInterrupt) -> int:
    """Return the number of the signal that interrupted."""
    return int(stop.args[0]) if stop.args else int(signal.SIGINT)


def bare(error: PersyncError) -> PersyncError:
    """Return an error without the frames it came through: results outlive a run, what those frames hold must not."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def _endless(page: Page) -> PersyncError:
    error = TransientError(f"{EMPTY_PAGES} empty pages in a row, each with a next one.", hint=GOES_ON)
    return placed(error, page.job.work, page.number)
