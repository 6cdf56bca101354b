"""How many rows there are, told without reading them all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from persync.rows import Action, CampaignRef, Order, OrderRef, Person, Touchpoint
from persync.store import counts
from persync.store.derive import derive
from persync.store.store import Store, open_store
from persync.store.write import Writer

MAY = 1_746_057_600_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "shop.db", create=True) as opened:
        yield opened


def write(store: Store, connection: str, touches: range, orders: range = range(0)) -> None:
    writer = Writer(store, connection, connection, now=MAY)
    campaign = CampaignRef("id", "c1")
    with store.transaction():
        writer.write(
            Touchpoint(campaign, Person(("id", str(n))), Action.SEND, MAY + n, channel="email", source="activity")
            for n in touches
        )
        writer.write(Order(OrderRef(str(n)), person=Person(("id", str(n))), ordered_at=MAY) for n in orders)


def tables_read(store: Store) -> set[str]:
    """Return the tables that telling the counts reads, by what SQLite compiles."""
    read: set[str] = set()

    def note(action: int, table: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_READ and table:
            read.add(table)
        return sqlite3.SQLITE_OK

    store.db.set_authorizer(note)
    try:
        counts.known_counts(store.db)
    finally:
        store.db.set_authorizer(None)
    return read


def test_after_a_pull_the_counts_are_told_without_reading_a_table(store: Store) -> None:
    write(store, "mail", range(5))
    write(store, "shop", range(2), range(3))
    derive(store)

    assert counts.known_counts(store.db) == {
        (1, "touchpoints"): (5, False),
        (2, "touchpoints"): (2, False),
        (2, "orders"): (3, False),
    }
    assert tables_read(store) & {"touchpoints", "orders"} == set()


def test_what_changed_since_is_counted_up_to_a_bound(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write(store, "mail", range(5), range(2))
    derive(store)
    write(store, "mail", range(9))
    monkeypatch.setattr(counts, "SCANNED", 7)

    assert counts.known_counts(store.db) == {(1, "touchpoints"): (7, True), (1, "orders"): (2, False)}
    assert tables_read(store) & {"touchpoints", "orders"} == {"touchpoints"}


def test_the_next_pull_counts_what_it_changed(store: Store) -> None:
    write(store, "mail", range(5))
    derive(store)
    write(store, "mail", range(9))
    derive(store)

    assert counts.known_counts(store.db) == {(1, "touchpoints"): (9, False)}


def test_a_pull_that_changes_nothing_writes_no_count(store: Store) -> None:
    write(store, "mail", range(5))
    derive(store)
    write(store, "mail", range(5))
    before = store.db.total_changes

    derive(store)

    assert store.db.total_changes == before
