"""A pull that ends at any of its commits: the next one goes on there, nothing is lost, nothing twice, nothing asked again."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass

import pytest

from crash.boundaries import Image, bytes_of, committing, copy_store, ended_here, looked, watched
from crash.vendors import MODES, Account, Line, account, asks_for_a_job, asks_for_addresses
from persync.connect.client import Client
from persync.sandbox.demo import make_world


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


@pytest.fixture(scope="module", params=list(MODES))
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Pull once; at every commit a fork of this process ends, and what lies on the disk then is kept."""
    mine = account(request.param, make_world(11, people=50))
    folder = tmp_path_factory.mktemp("whole")
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
        if when == "after":
            committed = written.copy()
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


def test_after_a_crash_at_any_commit_the_next_pull_ends_as_an_undisturbed_one(whole: Whole) -> None:
    """The same facts, a sound file, and no call again whose page was committed: only what was in flight or queued."""
    assert len(whole.images) > 20
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
