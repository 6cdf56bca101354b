"""A back-fill killed with SIGKILL in every state of its operation: the next pull goes on there, and the store is the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from persync.sandbox.server import running
from persync.store.digest import table_digests
from persync.store.key import key_path
from persync.store.store import open_store
from persync_shopify.sandbox import SANDBOX, app
from persync_shopify.sandbox_bulk import Bulk
from shopify.bulkshop import connector, pulled, world

CHILD = """
import os, signal, sys
from pathlib import Path
import httpx
from persync.connect import pull as pulling
from persync.store import checkpoints, parking
from persync_shopify import bulk_rows
from shopify.bulkshop import connector, pulled, world

base, store, state = sys.argv[1:]
seen = {}

def die_at(name, number):
    seen[name] = seen.get(name, 0) + 1
    if state == name and seen[name] == number:
        os.kill(os.getpid(), signal.SIGKILL)

class Half(httpx.SyncByteStream):
    def __init__(self, stream):
        self.stream = stream
    def __iter__(self):
        for chunk in self.stream:
            yield chunk[: len(chunk) // 2]
            die_at("in a part", 3)
            yield chunk[len(chunk) // 2 :]
    def close(self):
        self.stream.close()

class Deadly(httpx.HTTPTransport):
    def handle_request(self, request):
        text = request.content
        if b"PersyncBulkPoll" in text:
            die_at("when it is created", 1)
            die_at("while it runs", 2)
        if "/bulk/" in request.url.path:
            die_at("when it is complete", 1)
            die_at("between parts", 4)
        if b"PersyncBulkRun" in text:
            die_at("before the run", 2)
        answer = super().handle_request(request)
        if b"PersyncBulkSize" in text:
            die_at("after counting", 1)
        if b"PersyncBulkRun" in text:
            die_at("after the run", 2)
        if "/bulk/" in request.url.path:
            answer = httpx.Response(answer.status_code, headers=answer.headers, stream=Half(answer.stream))
        return answer

def before(module, name, state_name, number):
    real = getattr(module, name)
    def wrapped(*given, **named):
        die_at(state_name, number)
        return real(*given, **named)
    setattr(module, name, wrapped)

parking.LOT = 4
before(bulk_rows, "order_rows", "in the join", 6)
before(parking.Lots, "roots", "between join lots", 3)
before(parking.Lots, "forget", "before a join lot is committed", 3)
before(checkpoints, "save_token", "before a part is committed", 7)
before(pulling, "derive", "after completion", 1)
pulled(Path(store), connector(world(), base=base, part=6000), Deadly())
"""

STATES = (
    "after counting",
    "before the run",
    "after the run",
    "when it is created",
    "while it runs",
    "when it is complete",
    "between parts",
    "in a part",
    "before a part is committed",
    "in the join",
    "before a join lot is committed",
    "between join lots",
    "after completion",
)


LEFT = {
    "after the run": (0, 0),  # CREATED, and we never heard of it
    "when it is created": (0, 0),
    "while it runs": (1, 0),
    "when it is complete": (2, 0),
    "between parts": (2, 3),
    "in a part": (2, 3),
}
"""how often the operation had been asked after, and parts of its file been served, when the pull was killed"""


class Served:
    """The imitated shop on a port, with operations of its own for each pull."""

    def __init__(self) -> None:
        self.bulk = Bulk()
        self.base = ""


@pytest.fixture
def served() -> Iterator[Served]:
    one = Served()
    sandbox = replace(SANDBOX, app=lambda shop: app(shop, bulk=one.bulk))
    with running(world(), [sandbox]) as info:
        one.base = info["connections"]["shopify"]["base_url"]
        yield one


def digests(store: Path) -> dict[str, str]:
    with open_store(store) as opened:
        return table_digests(opened)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a pull gives that nobody kills: the store's digests, and how many operations it took."""
    store, bulk = tmp_path_factory.mktemp("whole") / "s.db", Bulk()
    with running(world(), [replace(SANDBOX, app=lambda shop: app(shop, bulk=bulk))]) as info:
        base = info["connections"]["shopify"]["base_url"]
        result = pulled(store, connector(world(), base=base, part=6000), httpx.HTTPTransport())
    assert result.exit_code == 0
    return digests(store), len(bulk.operations)


@pytest.mark.parametrize("state", STATES)
def test_a_pull_that_is_killed_goes_on_where_it_was(state: str, served: Served, undisturbed: Any, tmp_path: Path) -> None:
    """The store is as if nothing had happened, and no operation was started a second time."""
    whole, operations = undisturbed
    store = tmp_path / "s.db"
    key_path(store).write_text("ab" * 32)

    tests = str(Path(__file__).parents[1])
    killed = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {tests!r})\n{CHILD}", served.base, str(store), state],
        capture_output=True,
        text=True,
        check=False,
    )
    left = served.bulk.operations[-1] if served.bulk.operations else None
    polls, parts = (left.polls, left.served) if left is not None else (0, 0)
    result = pulled(store, connector(world(), base=served.base, part=6000), httpx.HTTPTransport())

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert result.exit_code == 0
    assert (polls, parts) == LEFT.get(state, (polls, parts))
    assert digests(store) == whole
    marks = [each.text.split("\n")[0] for each in served.bulk.operations]
    assert (len(marks), len(set(marks))) == (operations, operations), marks
    assert served.bulk.leaked == []
