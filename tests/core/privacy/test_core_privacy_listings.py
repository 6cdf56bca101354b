"""What work in progress keeps of an erased person: nothing that names them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import TypedDict

from persync import rows
from persync.connect.connector import ConnectionSettings, Connector
from persync.connect.readers import OffsetPages
from persync.connect.stream import Context, Stream, Sweep
from persync.rows import Person
from persync.store.privacy import erase, find
from persync.store.store import open_store
from persync.testing import FakeApi, pull_once
from privacy_rows import in_shop
from support import paged, table

ANN = "ann@example.com"


class Buyer(TypedDict):
    id: str
    email: str
    level: int


def buyer_rows(buyer: Buyer, at: Context) -> Iterator[rows.Row]:
    yield rows.Contact(in_shop(buyer["id"], buyer["email"]))
    yield rows.Present(buyer["id"])


class Stall(Connector):
    name = "stall"
    title = "A market stall"
    streams = (
        Stream(
            "buyers",
            Buyer,
            buyer_rows,
            OffsetPages("buyers", count=2),
            path="/buyers",
            personal_key=True,
            sweeps=Sweep("contact"),
            safe=("level", "note"),
        ),
    )

    def base_url(self) -> str:
        return "https://stall.example.com"


def stall() -> Stall:
    return Stall("stall", ConnectionSettings(connector="stall"), {})


def buyer(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"5550{number}", "email": f"p{number}@example.com", "level": 1, **more}


def erase_one(path: Path, number: str) -> None:
    with open_store(path) as store:
        erase(store, [find(store, Person(("id@stall", number)))], now=9)


def test_a_listing_under_way_names_the_erased_by_their_tombstone_alone(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    people = [buyer(n) for n in range(6)]
    pull_once(path, [stall()], FakeApi({"/buyers": paged(people, "buyers")}))
    erase_one(path, "55500")
    erase_one(path, "55503")

    # The third page cannot be read: the listing of the first two waits.
    whole = paged(people, "buyers")
    refused = json.dumps({"message": "no"}).encode()

    def broken(request: Any) -> Any:
        import httpx

        return httpx.Response(400, content=refused) if request.url.params["offset"] == "4" else whole(request)

    pull_once(path, [stall()], FakeApi({"/buyers": broken}), full=True)

    marks = {mark for (mark,) in table(path, "SELECT hash FROM tombstones")}
    present = {key for (key,) in table(path, "SELECT key FROM present")}
    assert len(present) == 4
    assert {key for key in present if not key.startswith("5550")} <= marks
    assert {key for key in present if key.startswith("5550")} == {"55501", "55502"}

    # Once whole it counts six, as the vendor does: who is missing now is gone, who was erased is not even that.
    pull_once(path, [stall()], FakeApi({"/buyers": paged(people[:5], "buyers")}), full=True)

    assert table(path, "SELECT vendor_id FROM deletions") == [("55505",)]
    assert table(path, "SELECT count(*) FROM present") == [(0,)]


@pytest.mark.parametrize("form", ["id", "gid"])
def test_of_an_erased_person_no_reject_is_kept(tmp_path: Path, form: str) -> None:
    path = tmp_path / "p.db"
    pull_once(path, [stall()], FakeApi({"/buyers": paged([buyer(1), buyer(2)], "buyers")}))
    erase_one(path, "55501")

    prefix = "gid://shopify/Customer/" if form == "gid" else ""
    bad = [buyer(1, level="x"), buyer(2, level="x")]
    for one in bad:
        one["id"] = prefix + one["id"]
    pull_once(path, [stall()], FakeApi({"/buyers": paged(bad, "buyers")}), full=True)

    with open_store(path) as store:
        assert table(path, "SELECT record FROM rejects") == [(store.key.name("record", f"{prefix}55502"),)]


def test_a_reject_keeps_no_word_of_a_record_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    bad = buyer(
        1,
        level="Ann Lee",
        note="call +1 555 010 0123",
        **{
            ANN: ANN,
            "ann%40example.com": 1,
            "Ann Lee": {"203.0.113.9": "x"},
            "15550100123": True,
            "seen": "2025-01-01T00:00:00Z",
            "links": ["https://h.example.com/?e=ann@example.com"],
        },
    )
    result = pull_once(path, [stall()], FakeApi({"/buyers": paged([bad], "buyers")}))

    assert result.exit_code == 3
    [(field, reason, shape)] = table(path, "SELECT field, reason, shape FROM rejects")
    assert (field, reason) == ("level", "Input should be a valid integer, unable to parse string as an integer")
    assert json.loads(shape) == {
        "id": "str(5)",
        "email": "str(14)",
        "level": "str(7)",
        "note": "str(20)",
        "?": True,
        "seen": "2025-01-01T00:00:00Z",
        "links": ["str(40)"],
    }
