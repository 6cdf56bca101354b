"""A connector against its own sandbox on a loopback port, in a world small enough to be pulled again and again."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persync.connect.client import Client
from persync.connect.connector import Connector
from persync.connect.fetch import Page
from persync.connect.pace import Pace
from persync.connect.pull import PullOptions, pull
from persync.connect.result import Progress, PullResult
from persync.connect.writing import PageWriter
from persync.errors import PluginError, nearest
from persync.sandbox.demo import make_world
from persync.sandbox.faults import Planned, Schedule
from persync.sandbox.server import running, write_config
from persync.sandbox.world import World
from persync.settings import load_project, make_connector
from persync.store.digest import table_digests
from persync.store.store import open_store

if TYPE_CHECKING:
    from persync.plugins import Host

SEED = 3


@dataclass(frozen=True)
class Peace:
    """What an undisturbed pull does: the store it leaves, its calls in order and its pages."""

    store: Path
    calls: tuple[str, ...]
    result: PullResult
    pages: int


class Listening(Schedule):
    """A schedule of faults that remembers every call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def draw(self, target: str, body: str, credential: str = "") -> Planned | None:
        """Note the call, and return the fault that strikes it."""
        self.calls.append(target)
        return super().draw(target, body, credential)


class Case:
    """One connector, its sandbox being served, and as many stores with one key as are asked for.

    `faults` breaks answers; `slept` are the seconds that the last pull was asked to wait, which nobody does.
    """

    def __init__(self, host: Host, name: str, folder: Path, world: World, faults: Listening) -> None:
        self.name, self.folder, self.world, self.faults = name, folder, world, faults
        self.type = host.connectors[name]
        self.sandbox = next(one for one in host.sandboxes.values() if one.connector == name)
        self.slept: list[float] = []
        self.host = host
        self._project = replace(load_project(folder, host), given_secrets=self.sandbox.secrets(world))
        self._peace: Peace | None = None
        self._stores = 0
        open_store(folder / "first.db", create=True).close()

    def connector(self) -> Connector:
        """Return the connector as persync.toml and the secrets file have it, at no pace: nobody waits here."""
        made = make_connector(self._project, self.host, self.sandbox.name)
        at_once = Pace(concurrent=made.pace().concurrent)
        made.pace = lambda: at_once  # type: ignore[method-assign]
        return made

    def store(self) -> Path:
        """Return a new store with the key of all the others, so that digests compare."""
        self._stores += 1
        path = self.folder / f"store-{self._stores}.db"
        shutil.copy(self.folder / "first.db", path)
        shutil.copy(self.folder / "first.key", path.with_suffix(".key"))
        return path

    def pull(self, store: Path, *, watch: Callable[[Progress], None] | None = None, **options: Any) -> PullResult:
        """Pull into a store at the world's `now`; `options` are those of `PullOptions`."""
        self.slept.clear()

        def client(one: Connector, stop: threading.Event) -> Client:
            def sleep(seconds: float) -> bool:
                self.slept.append(seconds)
                return False

            return Client(one, stop=stop, sleep=sleep, clock=time.time)

        asked = PullOptions(now=self.world.now, **options)
        return pull(store, [self.connector()], asked, watch, client=client, clock=lambda: self.world.now / 1000)

    def peace(self) -> Peace:
        """Return what an undisturbed pull does; it is made once."""
        if self._peace is None:
            path = self.store()
            self.faults.clear()
            self.faults.calls.clear()
            pages: list[Page] = []
            with hearing(pages.append):
                result = self.pull(path)
            self._peace = Peace(path, tuple(self.faults.calls), result, len(pages))
        return self._peace


@contextmanager
def case_of(host: Host, name: str, folder: Path, *, people: int = 60, **changes: Any) -> Iterator[Case]:
    """Serve the sandbox of a connector and yield its case; `folder` is empty, `changes` are made to the demo world.

    Raise PluginError when there is no such connector, or no sandbox for it.
    """
    if name not in host.connectors:
        raise PluginError(f"there is no connector '{name}'.", hint=nearest(name, tuple(host.connectors)))
    sandbox = next((one for one in host.sandboxes.values() if one.connector == name), None)
    if sandbox is None:
        raise PluginError(
            f"the connector '{name}' has no sandbox.",
            hint="Offer one through the hook persync_sandboxes: the checks pull from it.",
        )
    world = replace(make_world(SEED, people=people), files={}, experiments={}, platforms=(name,), **changes)
    faults = Listening()
    with running(world, [sandbox], folder=folder, faults=faults) as info:
        write_config(folder, world, info)
        yield Case(host, name, folder, world, faults)


@contextmanager
def hearing(hear: Callable[[Page], None]) -> Iterator[None]:
    """While the block runs, hear of every page before it is written; what `hear` raises ends the pull there."""
    write = PageWriter.write

    def written(self: PageWriter, page: Page, *given: Any) -> None:
        hear(page)
        write(self, page, *given)

    PageWriter.write = written  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        PageWriter.write = write  # type: ignore[method-assign]


def digests(path: Path) -> dict[str, str]:
    """Return the digest of each table of a store."""
    with open_store(path) as store:
        return table_digests(store)
