"""Where a commit makes a difference, what a process leaves behind that ends there, and how the next one goes on with it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from crash.vendors import Account, Line, Vendor, account, asks_for_a_job, asks_for_addresses, identity
from persync.connect.client import Client
from persync.connect.fetch import Fetchers, Page
from persync.connect.stream import Request, Step, Token, Work
from persync.connect.writing import PageWriter
from persync.sandbox.demo import make_world
from persync.store.digest import table_digests
from persync.store.store import open_store

STANDS = "checkpoints"
FILES = ("", "-wal", "-shm")


def looked(store: Path) -> tuple[dict[str, str], list[str]]:
    """Return the digest of each table and of where the streams stand, and what SQLite's own checks find wrong."""
    with open_store(store) as opened:
        points = opened.db.execute("SELECT * FROM checkpoints ORDER BY connection, stream, partition").fetchall()
        stands = {STANDS: hashlib.sha256(repr(points).encode()).hexdigest()}
        return table_digests(opened) | stands, opened.integrity()


@contextmanager
def watched(hear: Callable[[str, sqlite3.Connection], None], *, checkpoints: int | None = None) -> Iterator[None]:
    """While the block runs, hear of a store's every COMMIT, "before" it and "after" it, and of a "statement" in between.

    `checkpoints` says after how many pages SQLite folds its log in.
    """

    class Watched(sqlite3.Connection):
        def execute(self, sql: str, *given: Any) -> sqlite3.Cursor:
            if sql == "COMMIT":
                hear("before", self)
                cursor = super().execute(sql, *given)
                hear("after", self)
                return cursor
            if sql.startswith("PRAGMA wal_autocheckpoint") and checkpoints is not None:
                sql = f"PRAGMA wal_autocheckpoint = {checkpoints}"
            elif self.in_transaction:
                hear("statement", self)
            return super().execute(sql, *given)

        def executemany(self, sql: str, *given: Any) -> sqlite3.Cursor:
            if self.in_transaction:
                hear("statement", self)
            return super().executemany(sql, *given)

    real = sqlite3.connect

    def connect(*given: Any, **named: Any) -> sqlite3.Connection:
        return real(*given, **{"factory": Watched, **named})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("persync.store.store.sqlite3.connect", connect)
        yield


@contextmanager
def committing(client_of: Client) -> Iterator[Counter[str]]:
    """Count the calls whose pages are being written: those of the block's pulls, by identity.

    A page that only says that a job still runs holds nothing.
    """
    written: Counter[str] = Counter()
    calls: dict[int, tuple[Step, str]] = {}
    ask, write = Fetchers._ask, PageWriter.write

    def asked(self: Fetchers, work: Work, token: Token, *given: Any) -> tuple[Step, Mapping[str, str]]:
        call = called(client_of, work.stream.reader.request(work, token))
        step, headers = ask(self, work, token, *given)
        calls[id(step)] = step, call
        return step, headers

    def counted(self: PageWriter, page: Page, *given: Any) -> None:
        if not page.step.wait and id(page.step) in calls:
            written[calls[id(page.step)][1]] += 1
        write(self, page, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fetchers, "_ask", asked)
        patch.setattr(PageWriter, "write", counted)
        yield written


def called(client: Client, asked: Request) -> str:
    """Return the identity of the call that a reader asks for."""
    headers = {} if asked.span is None else {"range": f"bytes={asked.span[0]}-{sum(asked.span) - 1}"}
    return identity(
        httpx.Request(
            asked.method,
            client._url(asked.path),
            params=asked.params or None,
            json=asked.json,
            data=asked.form,
            headers=headers,
        )
    )


@dataclass
class Image:
    """What lay on the disk when a process ended, the pages it had committed, and the vendor as it was then."""

    number: int
    when: str
    folder: Path
    committed: Counter[str]
    vendor: Vendor

    @property
    def store(self) -> Path:
        return self.folder / "s.db"


def copy_store(store: Path, folder: Path) -> None:
    """Copy a store as it lies there, with its log and its key."""
    folder.mkdir(parents=True)
    for end in FILES:
        if (path := store.with_name(store.name + end)).exists():
            shutil.copyfile(path, folder / f"s.db{end}")
    shutil.copyfile(store.with_suffix(".key"), folder / "s.key")


def bytes_of(store: Path) -> str:
    """Return a digest of a store's bytes: the file and its log. The index of the log is made anew by whoever comes next."""
    state = hashlib.sha256()
    for end in FILES[:2]:
        path = store.with_name(store.name + end)
        state.update(path.read_bytes() if path.exists() else b"")
        state.update(end.encode())
    return state.hexdigest()


def ended_here() -> None:
    """End a process at this very point, without a goodbye: a fork of this one, which goes on."""
    child = os.fork()
    if child == 0:
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@dataclass
class Whole:
    """A pull that came to its end: the tables it left, and what others would have left that ended at one of its commits.

    `asked` are its calls, `committed` those that brought a page, `second` the calls of one more pull.
    """

    account: Account
    digests: dict[str, str]
    asked: Counter[str]
    committed: Counter[str]
    second: Counter[str]
    images: list[Image]
    boundaries: int


Chosen = Callable[[str, Counter[str]], bool]
"""whether a process is to end at a commit: "before" or "after" it, and the calls whose pages it commits"""


def every(when: str, calls: Counter[str]) -> bool:
    """End at each of them."""
    return True


def few(seed: str) -> Chosen:
    """Return a choice with each kind of commit in it, by what its pages were asked with, and one in ten of all others.

    Before a commit there lies what lay there after the one before: that is one kind, whatever is to be committed.
    """
    rng = Random(seed)
    known: set[tuple[str, ...]] = set()

    def chosen(when: str, calls: Counter[str]) -> bool:
        kind = (when, *sorted({_kind(call) for call in calls if when == "after"}))
        if kind in known:
            return rng.random() < 0.1
        known.add(kind)
        return True

    return chosen


def _kind(call: str) -> str:
    """Return what a call asks for, whichever of them it asks for: its path without ids, and the name of its query."""
    path = " ".join(call.split(" ")[:2]).partition("?")[0]
    query = re.search(r"query (\w+)", call)
    return re.sub(r"\w*\d\w*", "#", path) + (query[1] if query else "")


def pulled(mode: str, folder: Path, chosen: Chosen) -> Whole:
    """Pull a world of 50 people once; at the chosen commits a fork of this process ends, and what lies on the disk is kept."""
    mine = account(mode, make_world(11, people=50))
    store, line = folder / "s.db", Line(mine.vendor)
    images: list[Image] = []
    committed: Counter[str] = Counter()
    seen: set[str] = set()
    boundaries = 0

    def hear(when: str, db: sqlite3.Connection) -> None:
        nonlocal boundaries, committed
        if when == "statement":
            return
        boundaries += 1
        is_chosen = chosen(when, written - committed)
        if when == "after":
            committed = written.copy()
        if not is_chosen:
            return
        ended_here()
        # Most are, before a commit, what they were after the last one: then one of the two is enough.
        if (found := bytes_of(store)) not in seen:
            seen.add(found)
            image = Image(boundaries, when, folder / f"{boundaries}", committed.copy(), mine.vendor.copied())
            copy_store(store, image.folder)
            images.append(image)

    with Client(mine.connector, transport=line) as client, committing(client) as written, watched(hear, checkpoints=64):
        result = mine.pulled(store, line)
    assert (result.exit_code, result.errors) == (0, [])
    digests, wrong = looked(store)
    assert wrong == []
    second = Line(mine.vendor)
    assert mine.pulled(store, second).changed == 0
    return Whole(mine, digests, line.asked, committed, second.asked, images, boundaries)


def goes_on(whole: Whole) -> None:
    """See that from each image the next pull comes to the same facts and a sound file, and asks for no page again that was
    committed: only for what was in flight or queued."""
    for image in whole.images:
        line = Line(image.vendor)
        result = whole.account.pulled(image.store, line)

        where = f"{image.when} commit {image.number} of {whole.boundaries}"
        assert (result.exit_code, result.errors) == (0, []), where
        assert looked(image.store) == (whole.digests, []), where
        # When all is read, what is asked next is another pull's affair.
        granted = whole.asked - image.committed
        if image.committed == whole.committed:
            granted |= whole.second
        again = [call for call in line.asked - granted if not (asks_for_a_job(call) or asks_for_addresses(call))]
        assert again == [], where
        shutil.rmtree(image.folder)
