"""A small shop being served whose answers can be broken, and pulls of a few of its streams in small pages."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from persync.connect import Connector
from persync.connect import pull as engine
from persync.connect.client import Client
from persync.connect.pull import PullOptions
from persync.connect.result import PullResult
from persync.plugins import load_plugins
from persync.sandbox.demo import make_world
from persync.sandbox.faults import Schedule
from persync.sandbox.server import running, write_config
from persync.settings import load_project, make_connector
from persync.store.digest import table_digests
from persync.store.store import open_store


@dataclass(frozen=True)
class Victim:
    """A stream of several pages: which calls are its own (path or body), what is pulled with it, and its reader's pages."""

    connection: str
    stream: str
    streams: tuple[str, ...]
    match: str = ""
    body: str = ""
    pages: Mapping[str, Any] = field(default_factory=dict)


VICTIMS = {
    "mailchimp": Victim(
        "mailchimp",
        "members",
        ("account", "lists", "members"),
        r"/lists/\w+/members\?(?!.*status=archived)",
        pages={"count": 12, "step_back": 3},
    ),
    "mailchimp-offsets": Victim(
        "mailchimp", "campaigns", ("account", "lists", "campaigns"), r"/campaigns\?", pages={"count": 4}
    ),
    "shopify": Victim("shopify", "customers", ("shop", "customers"), body=r"PersyncCustomers\(", pages={"size": 6}),
    "hubspot": Victim("hubspot", "contacts", ("account", "contacts"), r"/0-1\?.*hs_email_optout.*archived=false"),
}


def small(connector: Connector, victim: Victim) -> Connector:
    """Make the pages of the victim small, so that there are several."""
    connector.streams = tuple(  # type: ignore[misc]
        replace(one, reader=replace(one.reader, **victim.pages)) if one.name == victim.stream and victim.pages else one  # type: ignore[type-var]
        for one in connector.streams
    )
    return connector


class Looking(Schedule):
    """A schedule that sees bodies even when no fault looks into them."""

    look = False

    @property
    def reads_bodies(self) -> bool:
        return self.look or super().reads_bodies


class Bench:
    """The shop, and what a pull in peace ends with. `slept` are the seconds that the last pull was asked to wait."""

    def __init__(self, folder: Path, faults: Looking, now: int) -> None:
        self.folder, self.faults, self.now = folder, faults, now
        self.slept: list[float] = []
        self.peace: dict[str, dict[str, str]] = {}
        self.calls: dict[str, int] = {}
        self._host = load_plugins()
        self._project = load_project(folder, self._host)
        open_store(folder / "first.db", create=True).close()

    def connector(self, victim: Victim, secrets: Mapping[str, str] | None = None) -> Connector:
        made = make_connector(self._project, self._host, victim.connection)
        if secrets is not None:
            made.secret_values = dict(secrets)
        return small(made, victim)

    def store(self, path: Path) -> Path:
        """Return a new store with the key of all the others, so that digests compare."""
        shutil.copy(self.folder / "first.db", path)
        shutil.copy(self.folder / "first.key", path.with_suffix(".key"))
        return path

    def pull(
        self,
        victim: Victim,
        store: Path,
        *,
        connector: Connector | None = None,
        clock: Callable[[], float] | None = None,
        **options: Any,
    ) -> PullResult:
        self.slept.clear()

        def client(one: Connector, stop: threading.Event) -> Client:
            def sleep(seconds: float) -> bool:
                self.slept.append(seconds)
                return False

            return Client(one, stop=stop, sleep=sleep, clock=clock or time.time)

        now = options.pop("now", self.now)
        asked = PullOptions(now=now, **({"streams": victim.streams} | options))
        made = connector or self.connector(victim)
        return engine.pull(store, [made], asked, client=client, clock=lambda: now / 1000)

    def in_peace(self, name: str) -> dict[str, str]:
        """Return the digests of an undisturbed pull, and count the calls it makes of the victim."""
        if name not in self.peace:
            victim, path = VICTIMS[name], self.store(self.folder / f"{name}.db")
            asked: list[str] = []
            draw = self.faults.draw
            self.faults.clear()

            def counting(target: str, body: str, credential: str = "") -> Any:
                if re.search(victim.match, target) and re.search(victim.body, body):
                    asked.append(target)
                return draw(target, body, credential)

            self.faults.draw = counting  # type: ignore[method-assign]
            self.faults.look = True
            assert self.pull(victim, path).exit_code == 0
            self.faults.draw = draw  # type: ignore[method-assign]
            self.faults.look = False
            self.calls[name] = len(asked)
            self.peace[name] = digests(path)
        return self.peace[name]


@contextmanager
def serving(folder: Path) -> Iterator[Bench]:
    world, faults = make_world(3, people=50), Looking()
    with running(world, load_plugins().sandboxes, folder=folder, faults=faults) as info:
        write_config(folder, world, info)
        yield Bench(folder, faults, world.now)


def digests(path: Path) -> dict[str, str]:
    with open_store(path) as store:
        assert store.integrity() == []
        return table_digests(store)


def holes(path: Path) -> set[tuple[str, str]]:
    """Return (stream, reason) of every hole in coverage."""
    with open_store(path) as store:
        return set(store.db.execute("SELECT stream, reason FROM coverage WHERE state = 'hole'"))


def watermarks(path: Path, stream: str) -> list[int | None]:
    with open_store(path) as store:
        found = store.db.execute("SELECT watermark FROM checkpoints WHERE stream = ? ORDER BY partition", (stream,))
        return [mark for (mark,) in found]
