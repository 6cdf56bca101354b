"""Whatever one vendor answers once, the other streams are read, nothing is lost, and the next pull has it all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from persync.connect import Connector
from persync.connect import client as door
from persync.connect import pull as engine
from persync.connect.client import Client
from persync.connect.pull import PullOptions
from persync.connect.result import PullResult
from persync.plugins import load_plugins
from persync.sandbox.demo import make_world
from persync.sandbox.faults import KINDS, Fault, Schedule
from persync.sandbox.server import running, write_config
from persync.settings import load_project, make_connector
from persync.store.digest import table_digests
from persync.store.store import open_store

VICTIMS = {
    "mailchimp": (r"/lists/\w+/members", ""),
    "shopify": ("", r"PersyncOrders\("),
    "hubspot": (r"/0-1\?", ""),
}
"""what the calls that are struck look like: in the path, in the body"""

HEALED = {
    *("too_many", "too_many_until", "broken", "gateway", "reset", "reset_before", "truncated", "bad_json"),
    *("slow", "slow_body", "clock_skew", "new_field", "reordered_page", "doubled_page", "hang", "unauthorised"),
}
"""struck once, the pull itself goes well"""


@dataclass
class Bench:
    """A small shop being served, whose answers can be broken, and the digest that a pull in peace ends with."""

    folder: Path
    faults: Schedule
    now: int
    facts: dict[str, dict[str, str]]

    def pull(self, connection: str, store: Path, now: int) -> PullResult:
        host = load_plugins()
        connector = make_connector(load_project(self.folder, host), host, connection)
        return engine.pull(store, [connector], PullOptions(now=now), client=self._client, clock=lambda: now / 1000)

    @staticmethod
    def _client(connector: Connector, stop: threading.Event) -> Client:
        return Client(connector, stop=stop, sleep=lambda seconds: False)

    def store(self, path: Path) -> Path:
        """Return where a new store goes that shares the others' key, so that digests compare."""
        source = self.folder / "first.key"
        if source.exists():
            path.with_suffix(".key").write_bytes(source.read_bytes())
            path.with_suffix(".key").chmod(0o600)
        return path


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("faults")
    world, faults = make_world(3, people=60), Schedule()
    with running(world, load_plugins().sandboxes, folder=folder, faults=faults) as info:
        write_config(folder, world, info)
        found = Bench(folder, faults, world.now, {})
        open_store(folder / "first.db", create=True).close()
        for connection in VICTIMS:
            path = found.store(folder / f"{connection}.db")
            assert found.pull(connection, path, world.now).exit_code == 0
            found.facts[connection] = facts(path)
        yield found


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "TIMEOUT", httpx.Timeout(0.4))
    monkeypatch.setattr(engine, "EMPTY_PAGES", 20)


def facts(path: Path) -> dict[str, str]:
    """Return the digest of every table of facts: what was asked for (coverage) may differ, what is known may not."""
    with open_store(path) as store:
        return {name: digest for name, digest in table_digests(store).items() if name != "coverage"}


def streams(result: PullResult) -> dict[str, str]:
    return {one.stream: one.state for one in result.streams}


@pytest.mark.parametrize("connection", list(VICTIMS))
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_one_bad_answer_stops_no_other_stream_and_the_next_pull_has_it_all(
    bench: Bench, tmp_path: Path, connection: str, kind: str
) -> None:
    match, body = VICTIMS[connection]
    seconds = 0.6 if kind == "hang" else 90_000.0 if kind == "clock_skew" else 0.02
    fault: Any = Fault(kind, match=match, body=body, retry_after=0.0 if kind.startswith("too_many") else None, seconds=seconds)
    path = bench.store(tmp_path / "p.db")
    bench.faults.struck.clear()
    bench.faults.add(fault)

    struck = bench.pull(connection, path, bench.now)

    assert [name for name, _ in bench.faults.struck] == [kind]
    # Whichever stream's call came first was struck: several read the same path side by side.
    bad = {name: state for name, state in streams(struck).items() if state not in ("done", "skipped")}
    signed_out = kind == "unauthorised" or (connection == "shopify" and kind in ("forbidden", "throttled_403"))
    if not signed_out:
        # A refused token, or a shop that lets an app in no longer, is refused for all: there the connection ends.
        assert len(bad) <= 1, (struck.streams, struck.errors)
    healed = HEALED | ({"throttled_403"} if connection == "mailchimp" else set())
    if kind in healed and not (kind == "unauthorised" and struck.errors):
        assert (struck.exit_code, bad) == (0, {}), (struck.streams, struck.errors)
    again = bench.pull(connection, path, bench.now)
    assert again.exit_code == 0, (again.streams, again.errors)
    with open_store(path) as store:
        assert store.integrity() == []
    if kind not in ("missing_field", "changed_type"):
        assert facts(path) == bench.facts[connection]
