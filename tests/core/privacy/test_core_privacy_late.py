"""What was stored under an id that nobody knew to be an erased person's goes when a record tells whose it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from persync import rows
from persync.rows import Action, Person
from persync.store.checks import erased
from persync.store.derive import derive
from persync.store.gone import keys_due
from persync.store.late import complete
from persync.store.locks import hold
from persync.store.privacy import erase, find
from persync.store.store import open_store
from privacy_rows import NOW, in_shop, write

ANN = "ann@example.com"


def visits(number: str, count: int) -> list[rows.Row]:
    return [rows.Touchpoint(None, Person(("id", number)), Action.VISIT, at) for at in range(1, count + 1)]


def erase_by_address(path: Path) -> None:
    with open_store(path) as store:
        erase(store, [find(store, Person(("email", ANN)))], now=NOW)


def stored(path: Path) -> dict[str, int]:
    with open_store(path) as store:
        tables = ("touchpoints", "contacts", "person_keys", "tombstones", "erased_counts")
        return {table: store.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


@pytest.fixture
def unnamed(tmp_path: Path) -> Path:
    """A store with visits under the shop's ids 7 and 8, from a stream that tells no address, and Ann erased by hers."""
    path = tmp_path / "p.db"
    write(path, "shop", visits("7", 3) + visits("8", 2))
    erase_by_address(path)
    return path


def test_an_id_that_turns_out_to_be_the_erased_persons_goes_with_all_under_it(unnamed: Path) -> None:
    before = stored(unnamed)
    write(unnamed, "shop", [rows.Contact(in_shop("7", ANN)), rows.Contact(in_shop("8", "bob@example.com"))])
    with open_store(unnamed) as store:
        due = len(keys_due(store.db))
        done = complete(store, now=NOW)
        derive(store)
        wrong = [found.what for found in erased(store)]
        (counted,) = store.db.execute("SELECT sum(n) FROM erased_counts").fetchone()
    write(unnamed, "shop", visits("7", 5))

    assert before == {"touchpoints": 5, "contacts": 0, "person_keys": 2, "tombstones": before["tombstones"], "erased_counts": 0}
    assert (due, done, wrong, counted) == (1, True, [], 3)
    assert stored(unnamed) | {"tombstones": 0} == {
        "touchpoints": 2,
        "contacts": 1,
        "person_keys": 2,
        "tombstones": 0,
        "erased_counts": 1,
    }


def test_an_id_with_an_address_of_its_own_goes_too_once_it_bears_the_erased_one(unnamed: Path) -> None:
    """Nobody can tell who took an address over from who always had two: the erased person stays gone under both."""
    write(unnamed, "shop", [rows.Contact(in_shop("7", "new@example.com"))])
    write(unnamed, "shop", [rows.Contact(in_shop("7", ANN), status="customer")])

    with open_store(unnamed) as store:
        assert complete(store, now=NOW)
        derive(store)
        assert list(erased(store)) == []
    write(unnamed, "mail", [rows.Contact(Person(("email", "new@example.com")))])

    assert (stored(unnamed)["touchpoints"], stored(unnamed)["contacts"]) == (2, 0)


def test_while_another_pull_runs_it_waits_for_the_next_one(unnamed: Path) -> None:
    write(unnamed, "mail", [rows.Campaign(rows.CampaignRef(("id", "m")), kind="regular")])
    write(unnamed, "shop", [rows.Contact(in_shop("7", ANN))])

    with open_store(unnamed) as store:
        with hold(unnamed, "mail"):
            held = complete(store, now=NOW)
        first = stored(unnamed)["touchpoints"]
        freed = complete(store, now=NOW)

    assert (held, first, freed, stored(unnamed)["touchpoints"]) == (False, 5, True, 2)


def test_it_is_no_more_due_once_somebody_erased_the_id_by_hand(unnamed: Path) -> None:
    write(unnamed, "shop", [rows.Contact(in_shop("7", ANN))])

    with open_store(unnamed) as store:
        erase(store, [find(store, Person(("id@shop", "7")))], now=NOW)
        done = complete(store, now=NOW)

        assert (done, keys_due(store.db)) == (True, [])
    assert stored(unnamed)["touchpoints"] == 2
