"""Pulls in a process of their own that is killed, with the vendor and the judge in this one.

A case is a number: what is read, where from, how the pull is killed and when all follow from it.
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import shutil
import signal
import socket
import sqlite3
import threading
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from struct import pack, unpack
from typing import Any

import httpx
import pytest

from crash.boundaries import STANDS, committing, copy_store, looked, watched
from crash.vendors import MODES, Account, Answer, Line, account, asks_for_a_job, asks_for_addresses, identity
from persync.connect.client import Client
from persync.errors import SIGNALLED
from persync.sandbox.demo import make_world
from persync.store.locks import hold

HOUR = 3_600_000
KINDS = ("call", "body", "statement", "commit", "write")
"""when a call arrives, in the middle of an answer, between two SQL statements of a transaction, at a commit, and in the middle
of writing a file (there the kernel does it: SIGXFSZ at so many bytes)"""


@dataclass(frozen=True)
class Kill:
    """How a pull is killed: at which moment of its kind, counted from 1, or from which byte of a file on.

    With another signal it is asked to end instead. Three kinds are for that: "wait", when it begins to wait for a second or
    more, "lock", when it waits for another run, and "hang", when a call arrives that is never answered.
    """

    kind: str
    at: int
    checkpoints: int = 4000
    """pages in the log after which SQLite folds it in"""
    number: int = signal.SIGKILL


@dataclass
class Told:
    """What the killed process did, as far as this one could see."""

    asked: Counter[str] = field(default_factory=Counter)
    committed: Counter[str] = field(default_factory=Counter)
    statements: int = 0
    commits: int = 0
    bytes: int = 0
    waits: int = 0
    status: int = 0


def _send(line: socket.socket, what: Any) -> None:
    body = pickle.dumps(what)
    line.sendall(pack("!Q", len(body)) + body)


def _receive(line: socket.socket) -> Any:
    """Return the next message, None when the other side is gone."""
    found = bytearray()
    wanted = 8
    while len(found) < wanted:
        try:
            more = line.recv(wanted - len(found))
        except ConnectionResetError:
            return None
        if not more:
            return None
        found += more
        if wanted == 8 and len(found) == 8:
            wanted += unpack("!Q", found)[0]
    return pickle.loads(found[8:])  # noqa: S301 - from our own fork


class Far(httpx.BaseTransport):
    """The child's way to the vendor: over the socket, one call at a time, and news in between."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._sends, self._asks = threading.Lock(), threading.Lock()

    def tell(self, what: str, given: Any) -> None:
        with self._sends:
            _send(self._line, (what, given))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._asks:
            self.tell("ask", (request.method, str(request.url), request.headers.raw, request.content))
            status, headers, body = _receive(self._line)
        return httpx.Response(status, headers=headers, content=body)


def run(mine: Account, store: Path, kill: Kill | None, *, wait: float = 0.0) -> Told:
    """Pull in a fork of this process, answer it, kill it as wanted, and return what it did."""
    here, there = socket.socketpair()
    gc.collect()
    child = os.fork()
    if child == 0:
        here.close()
        code = 1
        try:
            code = _child(mine, store, there, kill, wait)
        finally:
            os._exit(code)
    there.close()
    told = Told()
    with here:
        while (message := _receive(here)) is not None:
            what, given = message
            if what == "ask":
                request = httpx.Request(given[0], given[1], headers=given[2], content=given[3])
                told.asked[identity(request)] += 1
                if kill is not None and kill.kind in ("call", "hang") and sum(told.asked.values()) == kill.at:
                    os.kill(child, kill.number)
                    if kill.kind == "hang" or kill.number == signal.SIGKILL:
                        continue
                _answer(here, mine.vendor.ask(request), kill, child, sum(told.asked.values()))
            elif what == "committed":
                told.committed += given
            elif what == "wait":
                told.waits += 1
                if kill is not None and kill.at == told.waits:
                    os.kill(child, kill.number)
            else:
                told.statements, told.commits, told.bytes = given
    told.status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return told


def _answer(line: socket.socket, answer: Answer, kill: Kill | None, child: int, number: int) -> None:
    try:
        if kill is not None and kill.kind == "body" and number == kill.at:
            body = pickle.dumps(answer)
            line.sendall(pack("!Q", len(body)) + body[: len(body) // 2])
            os.kill(child, signal.SIGKILL)
        else:
            _send(line, answer)
    except BrokenPipeError:
        pass  # it killed itself while the answer was on its way


def _child(mine: Account, store: Path, line: socket.socket, kill: Kill | None, wait: float) -> int:
    """Pull; count commits and statements, and end where the kill says."""
    far = Far(line)
    counted = Counter[str]()
    known: Counter[str] = Counter()

    def die_at(kind: str) -> None:
        counted[kind] += 1
        if kill is not None and kill.kind == kind and counted[kind] == kill.at:
            os.kill(os.getpid(), kill.number)

    def hear(when: str, db: sqlite3.Connection) -> None:
        nonlocal known
        if when == "statement":
            die_at("statement")
            return
        if when == "after" and written != known:
            far.tell("committed", written - known)
            known = written.copy()
        die_at("commit")

    def waits(stop: threading.Event, seconds: float) -> bool:
        # What it is told to wait for it waits for: only a signal ends that.
        if kill is None or kill.kind != "wait" or seconds < 1:
            return False
        far.tell("wait", seconds)
        return stop.wait(seconds)

    if kill is not None and kill.kind == "write":
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (kill.at, kill.at))
    with ExitStack() as stack:
        client = stack.enter_context(Client(mine.connector, transport=far))
        written = stack.enter_context(committing(client))
        if kill is not None and kill.kind == "lock":
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setattr("persync.connect.pull.hold", partial(hold, sleep=lambda seconds: far.tell("wait", seconds)))
        stack.enter_context(watched(hear, checkpoints=kill.checkpoints if kill else None))
        result = mine.pulled(store, far, waits=waits, wait=wait)
    sizes = [path.stat().st_size for path in (store, store.with_name(f"{store.name}-wal")) if path.exists()]
    far.tell("done", (counted["statement"], counted["commit"], max(sizes)))
    return result.exit_code


@dataclass
class Whole:
    """An undisturbed pull: what others must come to."""

    account: Account
    told: Told
    second: Counter[str]
    digests: dict[str, str]


def whole(mode: str, seed: int, folder: Path) -> Whole:
    """Pull a world of 50 people undisturbed, and once more."""
    mine = account(mode, make_world(seed, people=50))
    fresh = mine.vendor.copied()
    told = run(mine, folder / "s.db", None)
    assert told.status == 0
    second = Line(mine.vendor)
    assert mine.pulled(folder / "s.db", second).changed == 0
    digests, wrong = looked(folder / "s.db")
    assert wrong == []
    mine.vendor = fresh
    return Whole(mine, told, second.asked, digests)


def drawn(rng: Random, told: Told, kinds: tuple[str, ...] = KINDS) -> Kill:
    """Draw a way to be killed."""
    kind = rng.choice(kinds)
    calls = sum(told.asked.values())
    most = {"call": calls, "body": calls, "statement": told.statements, "commit": told.commits, "write": told.bytes}[kind]
    return Kill(kind, rng.randint(1, max(1, most)), rng.choice((1, 16, 4000)))


def judge(known: Whole, kills: list[Kill], folder: Path, *, later: int = 0) -> str:
    """Kill pulls one after the other, then let one come to its end; return what is wrong with that, "" if nothing.

    Once a pull has read everything, however its process ended, no further one is killed: it would be another pull.
    """
    mine = Account(known.account.mode, known.account.world, known.account.vendor.copied(), known.account.connector)
    store = folder / "s.db"
    committed: Counter[str] = Counter()
    over = False
    for kill in kills:
        told = run(mine, store, kill)
        committed += told.committed
        if told.status not in (0, -kill.number, -signal.SIGXFSZ, SIGNALLED + kill.number):
            return f"{kill}: exit code {told.status} instead of a kill"
        if over := is_over(store):
            break
    missing = _data(known.told.committed - committed)
    # The news of its last commit may have died with a process.
    if over and sum(missing.values()) > len(kills):
        return f"taken for complete without {_few(missing)}"
    line = Line(mine.vendor)
    result = mine.pulled(store, line, later=later)
    if result.exit_code or result.errors:
        return f"exit code {result.exit_code}: {[str(error) for error in result.errors]}"
    digests, wrong = looked(store)
    if wrong:
        return f"the file is damaged: {wrong}"
    # Later, streams stand later too.
    other = [name for name in digests if digests[name] != known.digests[name] and not (later and name == STANDS)]
    if other:
        return f"other facts in {other}"
    again = _data(line.asked - (known.second if over else known.told.asked - committed))
    return f"asked again although committed: {_few(again)}" if again and not later else ""


def is_over(store: Path) -> bool:
    """Tell whether the last pull of a store has read everything that it was to read."""
    if not store.exists():
        return False
    # A copy is asked: whoever closes the store itself as the last one would tidy up what the crash left.
    copy = store.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy_store(store, copy)
    with closing(sqlite3.connect(copy / "s.db")) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE name IN ('meta', 'checkpoints')")}
        if len(tables) < 2:
            return False
        under_way = db.execute(
            "SELECT 1 FROM meta WHERE name GLOB 'pull [0-9]*' AND json_extract(value, '$.whole_by') IS NULL"
        ).fetchone()
        return under_way is None and db.execute("SELECT 1 FROM checkpoints").fetchone() is not None


def _data(calls: Counter[str]) -> Counter[str]:
    return Counter({call: n for call, n in calls.items() if not (asks_for_a_job(call) or asks_for_addresses(call))})


def _few(calls: Counter[str]) -> str:
    return f"{sum(calls.values())} calls, {[' '.join(call.split())[:160] for call in sorted(calls)[:2]]}"


def case(number: int) -> tuple[str, int, Random]:
    """Return what a case of the long run reads, the seed of its world, and where the rest of it is drawn from."""
    rng = Random(f"crash {number}")
    block = Random(f"crash block {number // 10}")
    return block.choice(list(MODES)), block.randrange(1_000_000), rng
