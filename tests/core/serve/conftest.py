"""A small shop behind the live page, asked without a socket."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.serve.asking import Asking
from e2e.world_store import stored
from persync import rows
from persync.plugins import load_plugins
from persync.sandbox.demo import make_world
from persync.sandbox.world import World
from persync.serve.app import make_app
from persync.serve.site import Site
from persync.serve.source import Source
from persync.settings import load_project
from persync.store.chosen import Choice, note
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

TOKEN = "a-token-that-only-the-tests-know"
PORT = 8642
BASE = f"http://127.0.0.1:{PORT}"
SETTINGS = """\
[report]
name = "Nordlicht"
currency = "EUR"
timezone = "Europe/Berlin"

[segments.buyers]
min_orders = 1

[segments.most]
stages = ["subscriber", "new", "active", "loyal", "at risk"]
"""


@pytest.fixture(scope="session")
def world() -> World:
    """The business: 300 people, in two arms."""
    return make_world(11, people=300)


@pytest.fixture(scope="session")
def shop(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with the world in its store, an id of the files' own for everybody, an attribute of which one
    value is rare, and a choice in its log."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "persync.toml").write_text(SETTINGS, "utf-8")
    stored(world, folder / "persync.db")
    with closing(open_store(folder / "persync.db")) as store:
        writer = Writer(store, "files", "files", now=world.now)
        with store.transaction():
            for number, person in enumerate(world.people.values()):
                group = "rare" if number < 3 else "north" if number % 3 else "south"
                who = rows.Person(("email", person.email), ("id", f"{7000 + number}"))
                writer.write([rows.Attribute(who, "region", group, "consent at sign-up")])
        derive(store)
        note(store, Choice("as_decided", 0.0, "", "January letter", "region", "it goes to everybody"), now=world.now)
    return folder


def site_of(folder: Path, now: int, **more: Any) -> Site:
    """Return the live page of a folder, at a moment that does not move."""
    host = load_plugins(**more)
    project = load_project(folder, host)
    return Site(host, project, Source(project.store_path, clock=lambda: now))


@pytest.fixture(scope="session")
def site(shop: Path, world: World) -> Iterator[Site]:
    """The live page of the shop."""
    found = site_of(shop, world.now)
    yield found
    found.close()


@pytest.fixture(scope="session")
def real(shop: Path) -> dict[str, str]:
    """What stands for an order, a message and the person who got the one and placed the other."""
    with closing(sqlite3.connect(shop / "persync.db")) as db:
        order, send, person = db.execute(
            "SELECT n.name || ':' || ok.vendor_order_id, m.name || ':' || ck.key, 'files:' || pk.key FROM orders o"
            " JOIN order_keys ok USING (order_key) JOIN connections n ON n.connection = ok.connection"
            " JOIN person_of a ON a.key_id = o.key_id JOIN person_of b ON b.person = a.person"
            " JOIN touchpoints t ON t.key_id = b.key_id AND t.action = 1 AND t.happened_at < o.ordered_at"
            " JOIN campaign_keys ck USING (campaign_key) JOIN connections m ON m.connection = ck.connection"
            " JOIN person_of c ON c.person = a.person JOIN person_keys pk ON pk.key_id = c.key_id AND pk.kind = 'id'"
            " WHERE o.status = 'paid' AND ck.kind = 'id' ORDER BY 1, 2, 3"
        ).fetchone()
    return {"ORDER": order, "SEND": send, "PERSON": person}


def client_of(site: Site) -> Asking:
    """Return somebody who has the token."""
    return Asking(make_app(site, token=TOKEN, port=PORT), BASE, {"Authorization": f"Bearer {TOKEN}"})


@pytest.fixture(scope="session")
def get(site: Site) -> Callable[..., Any]:
    """Ask for an address with the token."""
    return client_of(site).get
