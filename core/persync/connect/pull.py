"""The pull engine: every connection after the other, each under its own lock; what fails costs itself alone."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from persync.connect.client import Client
from persync.connect.connection import ConnectionPull, bare, number_of
from persync.connect.connector import Connector
from persync.connect.interrupts import Interrupts
from persync.connect.result import PullOptions, PullResult, StreamResult, Watcher
from persync.errors import RAISED, PersyncError, PluginError, StoreError, raised_in
from persync.store import passes
from persync.store.derive import derive
from persync.store.late import complete
from persync.store.locks import hold
from persync.store.log import begin_run, note_killed
from persync.store.store import open_store

__all__ = ["PullOptions", "PullResult", "StreamResult", "pull"]

GOES_ON_NOW = "this run goes on where it stopped."


def pull(
    store_path: Path,
    connectors: Iterable[Connector],
    options: PullOptions,
    progress: Watcher | None = None,
    *,
    aliases: Mapping[str, str] | None = None,
    client: Callable[[Connector, threading.Event], Client] | None = None,
    clock: Callable[[], float] = time.time,
) -> PullResult:
    """Pull every given connection into the store, one after the other, each under its own lock.

    `client` makes the connection's client (tests hand in one that never waits). `aliases` are other names of shops. What
    fails is told in the result, by connection and stream; only a store that cannot be used at all raises. SIGINT and SIGTERM
    end it between two pages, or at once while it waits for whatever it may be, and stand in the result.
    """
    result = PullResult()
    try:
        with Interrupts() as interrupts, _collector_held(), open_store(store_path, create=True) as store:
            wanted = list(connectors)
            among = sorted(connector.connection for connector in wanted)
            for connector in wanted:
                try:
                    with hold(store_path, connector.connection, wait=options.wait) as killed:
                        with interrupts.held():
                            if killed is not None:
                                note_killed(store, killed.pid, killed.host, now=options.now)
                                result.notes.append(f"{connector.connection}: {killed} was killed; {GOES_ON_NOW}")
                            run = begin_run(store, f"{options.command} {connector.connection}", now=options.now)
                        watch = progress or (lambda step: None)
                        one = ConnectionPull(store, connector, options, watch, run, client, interrupts, clock, among)
                        try:
                            one.run_all()
                        finally:
                            with interrupts.ending(), _told_once(result.errors):
                                one.end(result)
                except PersyncError as error:
                    result.errors.append(bare(error))
                except KeyboardInterrupt as stop:
                    result.interrupted = number_of(stop)
                except RAISED as error:
                    # A stranger's connector may raise anything, and costs only itself; its message may quote a secret.
                    if not (place := raised_in(error, type(connector).__module__.partition(".")[0])):
                        raise
                    what = f"the connector '{connector.name}' failed: {type(error).__name__} at {place}."
                    result.errors.append(PluginError(what, where=connector.connection, hint="Update its plugin."))
                if result.interrupted or any(isinstance(error, StoreError) for error in result.errors):
                    break
            with _told_once(result.errors):
                if not result.interrupted:
                    with interrupts.held(), store.transaction() as db:
                        passes.end(db)
                    complete(store, now=options.now)
                # A full pull also mends what was derived, whatever the revisions say.
                derive(store, aliases=aliases, force=options.full)
    except KeyboardInterrupt as stop:
        result.interrupted = number_of(stop)
    return result


@contextmanager
def _collector_held() -> Iterator[None]:
    """Let nothing be collected but between pages: within one the collector walks over a thousand live records, again and again.

    What is loaded by now stays, and is not walked over either, until the pull is over: a process that pulls again and again
    would else keep for ever what each of them left behind.
    """
    enabled = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


@contextmanager
def _told_once(errors: list[PersyncError]) -> Iterator[None]:
    """Leave out that the store cannot be written when that is what ended the pull."""
    try:
        yield
    except StoreError as error:
        if not any(isinstance(known, StoreError) for known in errors):
            errors.append(bare(error))
