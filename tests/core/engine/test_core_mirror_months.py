"""A month's touchpoints are looked for only where the writer noted that there are some: none may be missed."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from persync.engine import mirror
from persync.engine.batches import PlainReader, declared
from persync.engine.duck import open_engine
from persync.rows import Action, CampaignRef, Person, Touchpoint
from persync.store.store import Store, open_store
from persync.store.write import Writer

DAY = 86_400_000
NOW = 1_746_057_600_000
COLUMNS = "connection, campaign_key, key_id, action, happened_at"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "shop.db", create=True) as opened:
        yield opened


def touch(campaign: int, person: int, day: int) -> Touchpoint:
    """Return an opened mail; campaign 0 is none, and the first days lie before 1970."""
    ref = CampaignRef("id", f"c{campaign}") if campaign else None
    return Touchpoint(
        ref, Person(("id", str(person))), Action.OPEN, (day - 40) * DAY + person, channel="email", source="activity"
    )


def write(writer: Writer, touches: list[Touchpoint]) -> None:
    with writer.store.transaction():
        writer.write(touches)


def mirrored(store: Store) -> list[tuple[int, ...]]:
    engine = open_engine(mirror.refresh(store.path))
    try:
        rows = engine.rows(f"SELECT {COLUMNS} FROM touchpoints AS t ORDER BY {COLUMNS}")
    finally:
        engine.close()
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("seed", range(8))
def test_after_every_page_the_mirror_holds_what_the_store_holds(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    writers = [Writer(store, name, name, now=NOW) for name in ("mail", "shop")]

    for _ in range(12):
        page = [touch(chance.randrange(5), chance.randrange(30), chance.randrange(400)) for _ in range(chance.randrange(1, 9))]
        write(chance.choice(writers), page)

        assert mirrored(store) == store.db.execute(f"SELECT {COLUMNS} FROM touchpoints ORDER BY {COLUMNS}").fetchall()


def test_a_page_that_was_rolled_back_is_noted_when_it_is_written_again(store: Store) -> None:
    writer = Writer(store, "mail", "mail", now=NOW)
    page = [touch(1, 7, 60)]
    with pytest.raises(RuntimeError), store.transaction():
        writer.write(page)
        raise RuntimeError
    writer.forget()

    write(writer, page)

    assert len(store.db.execute("SELECT * FROM touch_months").fetchall()) == 1


def test_a_months_touches_are_found_by_their_campaigns(store: Store) -> None:
    """No other campaign's are read: SQLite searches the key, and scans nothing."""
    write(Writer(store, "mail", "mail", now=NOW), [touch(1, 7, 60)])
    condition = mirror._within("touchpoints", {1970 * 12, 1970 * 12 + 1, 1971 * 12})

    with closing(sqlite3.connect(store.path)) as db:
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN SELECT * FROM touchpoints WHERE {condition}")]

    assert [step for step in plan if "touchpoints" in step] == [
        "SEARCH touchpoints USING PRIMARY KEY (connection=? AND campaign_key=?)"
    ]


def test_months_apart_are_read_without_those_between(store: Store) -> None:
    write(Writer(store, "mail", "mail", now=NOW), [touch(1, person, 45 + 20 * person) for person in range(10)])
    months = {1970 * 12, 1970 * 12 + 1, 1970 * 12 + 5}
    reader = PlainReader(store.path)

    batches = reader.batches("touchpoints", declared(reader, "touchpoints"), mirror._within("touchpoints", months))
    found = [at for batch in batches for at in batch.column("happened_at").to_pylist()]
    reader.close()

    stored = [at for (at,) in store.db.execute("SELECT happened_at FROM touchpoints ORDER BY 1")]
    assert sorted(found) == [at for at in stored if at < 59 * DAY or 151 * DAY <= at < 181 * DAY]
    assert 0 < len(found) < len(stored)
