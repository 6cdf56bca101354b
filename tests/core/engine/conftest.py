"""A store of a few rows, written by hand, whose changes are marked as the writer marks them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from persync.store.schema import DDL

JANUARY_2024 = 1_704_067_200_000
MONTH = 2024 * 12
DAY = 86_400_000


class Store:
    """A store's SQLite file: `click` and `person` write a row and count up `dirty` in the same transaction."""

    def __init__(self, path: Path, *, id: str = "one") -> None:
        self.path = path
        self.db = sqlite3.connect(path)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.executescript(DDL)
        self.db.execute("INSERT INTO meta VALUES ('id', ?)", (id,))
        self.db.commit()

    def mark(self, name: str, month: int = -1) -> None:
        """Count up one rev; a touchpoint's month is noted for its campaign, which is 0 here."""
        if name == "touchpoints":
            self.db.execute("INSERT OR IGNORE INTO touch_months VALUES (?, 1, 0)", (month,))
        self.db.execute("INSERT INTO dirty VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET rev = rev + 1", (name, month))

    def click(self, key: int, month: int, day: int = 3) -> None:
        """Write a click in a month of 2024 (0 = January)."""
        at = JANUARY_2024 + (month * 31 + day) * DAY
        self.db.execute("INSERT INTO touchpoints VALUES (1, 0, ?, 4, ?, 0, 0, '', NULL, NULL, 1, 1)", (key, at))
        self.mark("touchpoints", MONTH + month)
        self.db.commit()

    def contact(self, key: int, status: str | None = None) -> None:
        """Write a contact."""
        self.db.execute("INSERT INTO contacts (connection, key_id, status) VALUES (1, ?, ?)", (key, status))
        self.mark("contacts")
        self.db.commit()

    def run(self, sql: str, *values: Any) -> None:
        """Run one statement and commit."""
        self.db.execute(sql, values)
        self.db.commit()


@pytest.fixture
def new_store(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Makes stores at a path; they are closed at the end."""
    made: list[Store] = []

    def make(name: str = "store.sqlite", **more: Any) -> Store:
        made.append(Store(tmp_path / name, **more))
        return made[-1]

    yield make
    for store in made:
        store.db.close()


@pytest.fixture
def store(new_store: Callable[..., Store]) -> Store:
    """A store with clicks in three months and two contacts."""
    store = new_store()
    for key, month in ((1, 0), (2, 0), (3, 1), (4, 4)):
        store.click(key, month)
    store.contact(1, "subscribed")
    store.contact(2)
    return store
