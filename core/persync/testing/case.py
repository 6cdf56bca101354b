"""A connector against its own sandbox on a loopback port, in a world small enough to be pulled again and again."""

from __future__ import annotations

import hashlib
import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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
from persync.testing.victim import Lists, SmallPages, Victim, victims_of

if TYPE_CHECKING:
    from persync.plugins import Host

SEED = 3
PEOPLE = 60
"""of the made-up business: enough for lists of several small pages"""
CROWD = 1_100
"""people more, of a business that no page should hold whole"""


@dataclass(frozen=True)
class Peace:
    """What an undisturbed pull does: the store it leaves, its calls in order, its pages, and those of each list."""

    store: Path
    calls: tuple[str, ...]
    result: PullResult
    pages: int
    of: Mapping[tuple[str, str], int]
    """{(stream, partition): pages}"""

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """The digest of each table of its store."""
        return digests(self.store)


EVERY: Final[tuple[str, ...]] = ()
"""streams of a pull of them all in small pages"""


class Ended(BaseException):
    """The process ends here, as far as a pull can tell."""


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

    `faults` breaks answers; `slept` are the seconds that the last pull was asked to wait, which nobody does; `heard` is all
    that was printed while it pulled. `verdicts` remembers which checks held, `sieges` what came of faults that several checks
    ask for.
    """

    def __init__(self, host: Host, name: str, folder: Path, world: World, faults: Listening) -> None:
        self.name, self.folder, self.world, self.faults = name, folder, world, faults
        self.type = host.connectors[name]
        self.sandbox = next(one for one in host.sandboxes.values() if one.connector == name)
        self.slept: list[float] = []
        self.heard = io.StringIO()
        self.verdicts: dict[str, bool] = {}
        self.sieges: dict[Any, Any] = {}
        self.host = host
        self._project = replace(load_project(folder, host), given_secrets=self.sandbox.secrets(world))
        self._peace: dict[tuple[str, ...] | None, Peace] = {}
        self._victims: tuple[Victim, ...] = ()
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

    def pull(
        self,
        store: Path,
        *,
        few: tuple[str, ...] | None = None,
        later: int = 0,
        watch: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> PullResult:
        """Pull into a store `later` ms after the world's `now`; `options` are those of `PullOptions`.

        `few`: these streams alone (`EVERY` for all of them), in small pages.
        """
        if few is not None:
            options["streams"] = few
        return self._pull(store, self.connector() if few is None else self._small(), later, watch, **options)

    def _pull(self, store: Path, connector: Connector, later: int, watch: Any = None, **options: Any) -> PullResult:
        self.slept.clear()
        now = self.world.now + later

        def client(one: Connector, stop: threading.Event) -> Client:
            def sleep(seconds: float) -> bool:
                self.slept.append(seconds)
                return False

            return Client(one, stop=stop, sleep=sleep, clock=time.time)

        with redirect_stdout(self.heard), redirect_stderr(self.heard):
            return pull(store, [connector], PullOptions(now=now, **options), watch, client=client, clock=lambda: now / 1000)

    def _small(self) -> Connector:
        connector = self.connector()
        connector.streams = tuple(  # type: ignore[misc]
            replace(stream, reader=SmallPages(stream.reader)) for stream in connector.streams
        )
        return connector

    def peace(self, few: tuple[str, ...] | None = None) -> Peace:
        """Return what an undisturbed pull does; it is made once. `few` as of `pull`."""
        if few not in self._peace:
            self._peace[few], _ = self._listened(few)
        return self._peace[few]

    def _listened(self, few: tuple[str, ...] | None) -> tuple[Peace, Lists]:
        path, lists = self.store(), dict[tuple[str, str], list[Page]]()
        self.faults.clear()
        self.faults.calls.clear()
        with hearing(lambda page: lists.setdefault((page.job.work.stream.name, page.job.work.partition), []).append(page)):
            result = self.pull(path, few=few)
        of = {where: len(pages) for where, pages in lists.items()}
        return Peace(path, tuple(self.faults.calls), result, sum(of.values()), of), lists

    def victims(self) -> tuple[Victim, ...]:
        """Return a list of every stream on which faults are tried; the first is the one on which they are tried one by one: of
        several pages in a row, the one with the fullest. They are found once."""
        if not self._victims:
            self._peace[EVERY], lists = self._listened(EVERY)
            self._victims = victims_of(self.connector(), lists)
        return self._victims

    def victim(self) -> Victim:
        """Return the first of them."""
        return self.victims()[0]


@contextmanager
def case_of(host: Host, name: str, folder: Path, *, people: int = PEOPLE, **changes: Any) -> Iterator[Case]:
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
    for person in world.people.values():
        # Names that stand nowhere else: each of them alone is found wherever it was put.
        person.first_name, person.last_name = f"Zyqu{_letters(person.number)}", f"Wexq{_letters(person.number)}"
    with _serving(host, world, folder) as case:
        yield case


@contextmanager
def _serving(host: Host, world: World, folder: Path) -> Iterator[Case]:
    assert world.platforms is not None
    (name,), faults = world.platforms, Listening()
    sandbox = next(one for one in host.sandboxes.values() if one.connector == name)
    with running(world, [sandbox], folder=folder, faults=faults) as info:
        write_config(folder, world, info)
        yield Case(host, name, folder, world, faults)


@contextmanager
def crowded(case: Case, folder: Path) -> Iterator[Case]:
    """Serve the world of a case with so many more people that no page should hold them whole; none of them did anything."""
    first = next(iter(case.world.people.values()))
    at = max(case.world.people) + 1
    people = dict(case.world.people)
    for number in range(at, at + CROWD):
        people[number] = replace(
            first,
            number=number,
            email=f"crowd.{number}@example.com",
            mailchimp_id=hashlib.md5(f"crowd {number}".encode(), usedforsecurity=False).hexdigest(),
            hubspot_id=str(90_000_000_000 + number),
            shopify_id=str(90_000_000_000 + number),
            hubspot_merged_ids=(),
            hubspot_other_emails=(),
            status="subscribed",
        )
    with _serving(case.host, replace(case.world, people=people), folder) as other:
        yield other


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


def _letters(number: int) -> str:
    """Return a number in letters."""
    return (_letters(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)


def digests(path: Path) -> dict[str, str]:
    """Return the digest of each table of a store."""
    with open_store(path) as store:
        return table_digests(store)
