"""A lake of many stores: read as one with their numbers apart, by name, never with people who were erased."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from persync.engine import lake
from persync.engine.catalogue import LAKE, MOST_DAYS, parse_lake, read_catalogue
from persync.errors import ConfigError, DataError
from persync.rows import Person
from persync.store.privacy import erase, find, finish
from persync.store.store import open_store

NOW = int(time.time() * 1000)
DAY = 86_400_000


def contacts(place: Path, *stores: str) -> list[tuple[str, int]]:
    """Return each contact in a lake: its connection's name and its number."""
    with closing(lake.open_lake(str(place), stores=stores, now=NOW)) as engine:
        found = engine.rows(
            "SELECT n.name, c.key_id FROM contacts AS c JOIN connections AS n ON n.connection = c.connection ORDER BY 1, 2"
        )
    return [(row["name"], row["key_id"]) for row in found]


def filled(path: Path, people: int) -> Path:
    """Write a store of one connection whose people have the numbers 1, 2, ..."""
    with open_store(path, create=True) as store, store.transaction() as db:
        db.execute("INSERT INTO connections (connection, name, connector) VALUES (1, 'shop', 'shopify')")
        for key in range(1, people + 1):
            db.execute("INSERT INTO person_keys VALUES (?, 1, 'id', ?)", (key, f"p{key}"))
            db.execute("INSERT INTO contacts (connection, key_id) VALUES (1, ?)", (key,))
        db.execute("INSERT OR REPLACE INTO dirty VALUES ('contacts', -1, 1), ('connections', -1, 1)")
    return path


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A lake of two stores whose numbers are the same."""
    for name, people in (("one", 2), ("two", 1)):
        lake.add(tmp_path / "lake", filled(tmp_path / f"{name}.db", people), name, now=NOW)
    return tmp_path / "lake"


def test_equal_numbers_of_two_stores_do_not_meet(two: Path) -> None:
    """Each store's numbers lie in a span of their own, and its connections bear its name."""
    assert contacts(two) == [("one/shop", 2**40 + 1), ("one/shop", 2**40 + 2), ("two/shop", 2 * 2**40 + 1)]


def test_one_store_of_a_lake_is_as_it_is_beside_itself(two: Path) -> None:
    """Its own numbers, its own names; a misspelt one is refused with the nearest."""
    assert contacts(two, "one") == [("shop", 1), ("shop", 2)]
    with pytest.raises(ConfigError, match=r"no store 'too'. Did you mean 'two'"):
        contacts(two, "too")


def test_reading_a_lake_brings_the_stores_at_hand_up_to_date(two: Path, tmp_path: Path) -> None:
    """What a store learnt since is there without another `lake add`."""
    with open_store(tmp_path / "two.db") as store, store.transaction() as db:
        db.execute("INSERT INTO contacts (connection, key_id) VALUES (1, 7)")
        db.execute("UPDATE dirty SET rev = rev + 1 WHERE name = 'contacts'")
    assert contacts(two, "two") == [("shop", 1), ("shop", 7)]


def test_adding_again_keeps_the_number_and_another_store_cannot_take_the_name(two: Path, tmp_path: Path) -> None:
    """A store is known by what it says of itself."""
    assert lake.add(two, tmp_path / "one.db", "one", now=NOW + 1).number == 1
    with pytest.raises(ConfigError, match="has another store 'one'"):
        lake.add(two, filled(tmp_path / "three.db", 1), "one", now=NOW)
    lake.remove(two, "two")
    assert lake.add(two, tmp_path / "three.db", "three", now=NOW).number == 3


def test_an_erasure_goes_on_into_the_lake(two: Path, tmp_path: Path) -> None:
    """No file of the lake still holds the person, nor anything that was derived from the rows."""
    with closing(lake.open_lake(str(two), now=NOW)) as engine:
        assert engine.write("SELECT c.key_id FROM contacts AS c", None, "kept") == 3
    before = {path for path in two.rglob("*.parquet") if "contacts" in path.name or path.name.startswith("kept")}
    with open_store(tmp_path / "one.db") as store:
        erase(store, [find(store, Person(("id@shop", "p2")))], now=NOW)
        finish(store)
        assert lake.follow(store, now=NOW) == ()
    assert contacts(two) == [("one/shop", 2**40 + 1), ("two/shop", 2 * 2**40 + 1)]
    gone = {path.name for path in before if not path.exists()}
    assert {name.split("-")[0] for name in gone} == {"contacts", "kept"}


def test_a_lake_out_of_reach_is_named_after_an_erasure(two: Path, tmp_path: Path) -> None:
    """It is not there: whoever erases is told."""
    two.rename(tmp_path / "elsewhere")
    with open_store(tmp_path / "one.db") as store:
        assert lake.follow(store, now=NOW) == (str(two),)


def test_a_copy_that_nobody_held_against_its_store_for_long_is_refused(two: Path, tmp_path: Path) -> None:
    """Its store is not to be reached from here, and somebody may have been erased there."""
    (tmp_path / "one.db").rename(tmp_path / "moved.db")
    assert len(contacts(two)) == 3

    def catalogue(days: int, *stores: str) -> Any:
        return read_catalogue(lambda name: (two / name).read_text("utf-8"), stores, now=NOW + days * DAY)

    assert catalogue(MOST_DAYS) is not None
    with pytest.raises(DataError, match=r"copy of 'one' was last held .*persync lake add"):
        catalogue(MOST_DAYS + 1)


def test_a_folder_without_a_lake_is_named(tmp_path: Path) -> None:
    """With what makes one."""
    with pytest.raises(DataError, match="there is no lake in .*persync lake add"):
        lake.open_lake(str(tmp_path), now=NOW)
    with pytest.raises(ConfigError, match="reads no URLs"):
        lake.open_lake("s3a://bucket/lake", now=NOW)
    assert parse_lake(None) is None
    (tmp_path / LAKE).write_text('{"layout": 99, "stores": []}', "utf-8")
    with pytest.raises(DataError, match="newer persync"):
        lake.members(tmp_path)
