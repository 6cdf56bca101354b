"""What somebody is told is all that the store holds of them, and nobody else's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from persync.rows import Person
from persync.store.privacy import erase, find, keyed_tables
from persync.store.store import open_store
from persync.store.subject_data import subject_data

PAIRS = (("id", "email"), ("email", "member"), ("email", "mc_eid"))
ANN = Person(("id@shop", "191167"))


def told(path: Path) -> dict[str, list[dict[str, Any]]]:
    with open_store(path) as store:
        return subject_data(store, [find(store, ANN)])


def test_whatever_an_erasure_removes_an_export_tells(filled: Path) -> None:
    export = told(filled)

    with open_store(filled) as store:
        removed = erase(store, [find(store, ANN)], now=5, dry_run=True)
    # Who is who is derived from the links and keys, which are told.
    expected = {table: count for table, count in removed.rows.items() if table != "person_of"}
    assert {table: len(export.get(table, [])) for table in expected} == expected
    assert len(export["orders"]) == 2, "their own, and the deal that they are a further contact of"


def test_no_table_with_people_is_forgotten(filled: Path) -> None:
    """A table made tomorrow is told too, and so is every one of today that has a row of hers."""
    with open_store(filled) as store:
        store.db.execute("CREATE TABLE diaries (key_id INTEGER NOT NULL, written_at INTEGER NOT NULL) STRICT")
        [(ann,)] = store.db.execute("SELECT key_id FROM person_keys WHERE kind = 'id' AND key = '191167'")
        store.db.execute("INSERT INTO diaries VALUES (?, 1736000000000)", (ann,))
        mine = find(store, ANN).key_ids
        holding = {
            table
            for table in keyed_tables(store.db)
            for (key_id,) in store.db.execute(f"SELECT key_id FROM {table}")
            if key_id in mine
        }
        export = subject_data(store, [find(store, ANN)])

    assert "diaries" in holding
    assert holding - {"person_of"} <= set(export)
    assert export["diaries"] == [{"written_at": "2025-01-04T14:13:20.000Z"}]


def test_it_is_plain_json_without_numbers_of_the_store_or_anybody_else(filled: Path) -> None:
    export = told(filled)
    text = json.dumps(export)

    assert json.loads(text) == export
    assert "191168" not in text
    assert "191169" not in text
    assert not [name for rows in export.values() for row in rows for name in row if name.endswith(("_key", "key_id", "_minor"))]
    assert {frozenset((row["one"], row["other"])) for row in export["links"]} == {frozenset(pair) for pair in PAIRS}
    assert {(row["thing"], row["vendor_id"]) for row in export["deletions"]} == {("contact", "191167")}
    assert [row["field"] for row in export["rejects"]] == ["at"]
    assert {row["shop_order_name"] for row in export["order_keys"]} == {"#299938", ""}
