"""Every moment at which a commit makes a difference, and what a process leaves behind that ends there."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from crash.vendors import Vendor, identity
from persync.connect.client import Client
from persync.connect.fetch import Fetchers, Page
from persync.connect.stream import Request, Step, Token, Work
from persync.connect.writing import PageWriter
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
