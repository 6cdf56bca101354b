"""A made-up shop that was pulled from persync's own sandboxes, for whatever answers questions: models, metrics, sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from persync.connect.pull import PullOptions, pull
from persync.engine import open_engine
from persync.engine.engine import Engine
from persync.errors import DataError
from persync.measure.metric import Ask
from persync.sandbox.demo import make_world
from persync.sandbox.server import running, write_config
from persync.settings import load_project, make_connector
from persync.settings.project import Project
from persync.store.store import open_store

if TYPE_CHECKING:
    from persync.plugins import Host

SEED = 7
PEOPLE = 150
OWN = ("mailchimp", "shopify", "hubspot")


@dataclass(frozen=True)
class Shop:
    """An engine over the shop, one over a store that holds nothing, and the question that they are asked."""

    host: Host
    project: Project
    engine: Engine
    empty: Engine
    ask: Ask


@contextmanager
def shop_of(host: Host, folder: Path, *, people: int = PEOPLE) -> Iterator[Shop]:
    """Pull a made-up shop into `folder` and yield it. Raise DataError when persync's own connectors are not there or fail."""
    world = replace(make_world(SEED, people=people), platforms=OWN)
    with running(world, host.sandboxes, folder=folder, leave_out=lambda _: None) as info:
        write_config(folder, world, info)
        project = replace(load_project(folder, host), given_secrets=info["secrets"])
        connectors = [make_connector(project, host, name) for name in project.connections]
        result = pull(project.store_path, connectors, PullOptions(now=world.now))
    if result.exit_code:
        raise DataError("the made-up shop could not be pulled.", hint="`persync doctor` tells whether persync is whole.")
    nothing = folder / "nothing.db"
    open_store(nothing, create=True).close()
    engines = [open_engine(path, engines=host.engines) for path in (project.store_path, nothing)]
    try:
        yield Shop(host, project, engines[0], engines[1], project.ask(world.now))
    finally:
        for engine in engines:
            engine.close()


@dataclass(frozen=True, slots=True)
class ShopCheck:
    """`run(shop, name)` returns in a few words what it looked at; it raises AssertionError where the claim is false."""

    name: str
    claim: str
    run: Callable[[Shop, str], str]
