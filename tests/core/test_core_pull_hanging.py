"""What hangs on what a stream says is read again once that says something new, and only that."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from typing_extensions import TypedDict

from persync import rows
from persync.connect.connector import Connector
from persync.connect.estimate import due_points
from persync.connect.known import known_of, reading
from persync.connect.readers import OffsetPages
from persync.connect.result import PullOptions, PullResult
from persync.connect.stream import DAY_MS, Context, Every, Incremental, Stream
from persync.errors import PersyncError, SkipStreamError
from persync.store.disconnect import disconnect
from persync.store.store import open_store
from persync.testing import FakeApi, pull_once
from support import paged, table

NOW = 1_760_000_000_000


class Thing(TypedDict):
    id: str


class Prop(TypedDict):
    id: str
    type: str


def unit_rows(thing: Thing, at: Context) -> Any:
    yield rows.Account("1", currency=thing["id"], timezone="UTC", shop="store.example.com")


def cost_rows(thing: Thing, at: Context) -> Any:
    if at.account.currency:
        yield rows.UnitCost(thing["id"], None, None, 5, at.account.currency)


def name_rows(thing: Thing, at: Context) -> Any:
    if at.account.currency:
        yield rows.Field("unit", at.account.currency, "currency", "")


def priced_rows(thing: Thing, at: Context) -> Any:
    for unit in at.fields.get("unit", {}):
        yield rows.UnitCost(thing["id"], None, None, 5, unit)


def list_rows(thing: Thing, at: Context) -> Any:
    yield rows.Child("props", thing["id"], {"list": thing["id"]})


def prop_rows(prop: Prop, at: Context) -> Any:
    yield rows.Field("people", prop["id"], prop["type"], "")


def none(thing: Thing, at: Context) -> Any:
    yield from ()


def listed(name: str, row_function: Any, record: Any = Thing, **more: Any) -> Stream:
    return Stream(name, record, row_function, OffsetPages(name), path=f"/{name}", **more)


class Post(Connector):
    name = "store"
    title = "The Store"

    def base_url(self) -> str:
        return "https://store.example.com"


class Weekly(Post):
    """A shop whose prices are listed every seven days."""

    streams = (listed("units", unit_rows), listed("wares", cost_rows, window=Every(7), needs=("units",)))


class Chained(Post):
    """A CRM: who people are hangs on their properties, deals on people, lines on deals."""

    streams = (
        listed("props", prop_rows, Prop),
        listed("people", none, window=Incremental(), needs=("props",)),
        listed("deals", none, window=Incremental(), needs=("people",)),
        listed("lines", none, window=Incremental(), needs=("deals",)),
    )


class Derived(Post):
    """A shop whose unit is named after the currency, and whose prices are in the unit."""

    streams = (
        listed("units", unit_rows),
        listed("names", name_rows, needs=("units",)),
        listed("wares", priced_rows, window=Incremental(), version="id", needs=("names",)),
    )


class Parted(Post):
    """A CRM with properties for each list."""

    streams = (
        listed("lists", list_rows),
        Stream("props", Prop, prop_rows, OffsetPages("props"), path="/{list}/props", parent="lists"),
        listed("people", none, needs=("props",)),
    )

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> PersyncError | None:
        return SkipStreamError("it is gone.", reason="gone") if status == 404 else super().failure(status, headers, body)


COSTS = "SELECT item, currency FROM unit_costs"


class Shop:
    """A vendor, and a store that pulls from it on the days it is told."""

    def __init__(self, kind: type[Connector], store: Path) -> None:
        self.api = FakeApi({f"/{one.name}": paged([{"id": "a"}], one.name) for one in kind.streams})
        self.connectors = [kind("store", kind.settings_type(connector="store"), {})]
        self.store = store

    def gives(self, stream: str, *records: dict[str, Any]) -> None:
        self.api.answers[f"/{stream}"] = paged(list(records), stream)

    def pull(self, day: int, **options: Any) -> PullResult:
        self.api.calls.clear()
        return pull_once(self.store, self.connectors, self.api, now=NOW + day * DAY_MS, **options)

    def reads(self, day: int, stream: str) -> bool:
        """Pull, and tell whether a stream was asked for."""
        self.pull(day)
        return any(f"/{stream}" in call for call in self.api.calls)

    def whole(self, day: int) -> list[str]:
        """Pull, and return the streams that were read from their beginning for what they hang on."""
        notes = self.pull(day).notes
        assert len(notes) <= 1
        return notes[0].partition("was read again: ")[2].rstrip(".").split(", ") if notes else []

    def notes(self) -> list[str]:
        return [name for (name,) in table(self.store, "SELECT name FROM meta WHERE name GLOB 'hanging *'")]


def test_a_periodic_stream_that_is_begun_again_is_read_at_once_and_then_counts_its_days(tmp_path: Path) -> None:
    shop = Shop(Weekly, tmp_path / "a.db")
    shop.gives("units", {"id": 7})
    early = [shop.reads(day, "wares") for day in (0, 8)]
    before = table(shop.store, COSTS)
    shop.gives("units", {"id": "EUR"})

    again = shop.whole(10)

    assert (early, before) == ([False, True], [])
    assert (again, table(shop.store, COSTS)) == (["wares"], [("a", "EUR")])
    assert [shop.reads(day, "wares") for day in (16, 17)] == [False, True]


def test_a_plan_names_a_periodic_stream_that_is_begun_again(tmp_path: Path) -> None:
    shop = Shop(Weekly, tmp_path / "a.db")
    shop.gives("units", {"id": 7})
    shop.pull(0)
    shop.pull(8)
    shop.gives("units", {"id": "EUR"})
    shop.pull(10, streams=("units",))
    with reading(shop.store) as db:
        known = known_of(db, shop.connectors[0])

    due = due_points(Weekly.streams[1], known, PullOptions(now=NOW + 11 * DAY_MS))

    assert [point.partition for point in due] == [""]


GOOD = {"id": "name", "type": "text"}
BAD = {"id": "odd", "type": 7}
CITY = {"id": "city", "type": "text"}


def test_a_reject_that_stays_costs_nothing_whatever_else_is_new(tmp_path: Path) -> None:
    shop = Shop(Chained, tmp_path / "a.db")
    shop.gives("props", GOOD, BAD)
    first = shop.pull(0)
    again = [shop.whole(1)]
    shop.gives("props", GOOD, BAD, CITY)
    again += [shop.whole(2), shop.whole(3)]

    assert (first.exit_code, again) == (3, [[], [], []])


def test_of_two_records_that_fit_one_after_the_other_each_has_what_hangs_on_them_read_again(tmp_path: Path) -> None:
    """At the latest when both fit: the second stopped fitting when the first one did, so there was no less rejected."""
    shop = Shop(Chained, tmp_path / "a.db")
    shop.gives("props", BAD)
    shop.pull(0)
    shop.gives("props", {**BAD, "type": "text"}, {**CITY, "type": 7})
    swapped = shop.whole(1)
    shop.gives("props", {**BAD, "type": "text"}, CITY)

    assert [swapped, shop.whole(2), shop.whole(3)] == [[], ["people"], []]
    assert shop.notes() == []


def test_what_is_read_again_makes_nothing_be_read_again_that_knows_nothing_new(tmp_path: Path) -> None:
    shop = Shop(Chained, tmp_path / "a.db")
    shop.gives("props", GOOD, BAD)
    shop.pull(0)
    shop.gives("props", GOOD, {**BAD, "type": "text"})

    assert [shop.whole(1), shop.whole(2)] == [["people"], []]


def test_fields_that_follow_from_the_account_reach_whom_they_concern(tmp_path: Path) -> None:
    """Prices know the units' names, and these the currency, which prices do not name as something they need."""
    shop = Shop(Derived, tmp_path / "a.db")
    shop.gives("units", {"id": 7})
    shop.pull(0)
    shop.gives("units", {"id": "EUR"})

    assert shop.whole(1) == ["names", "wares"]
    assert table(shop.store, COSTS) == [("a", "EUR")]


def test_no_note_of_a_part_that_is_gone_stays(tmp_path: Path) -> None:
    shop = Shop(Parted, tmp_path / "a.db")
    shop.api.answers["/a/props"] = paged([BAD], "props")
    shop.pull(0)
    shop.pull(1)
    noted = shop.notes()
    shop.api.answers["/a/props"] = lambda request: httpx.Response(404)

    shop.pull(2)

    assert (noted, shop.notes()) == (["hanging 1 props a"], [])


def test_a_connection_that_is_emptied_leaves_no_note_and_no_pull_to_go_on_with(tmp_path: Path) -> None:
    """Those of another connection, whose number begins alike, stay."""
    shop = Shop(Chained, tmp_path / "a.db")
    shop.gives("props", GOOD, BAD)
    shop.pull(0)
    shop.pull(1)
    kept = ["hanging 10 props ", "hanging 2 props 1 ", "pull 10"]
    with open_store(shop.store) as store:
        with store.transaction() as db:
            db.executemany("INSERT INTO meta VALUES (?, '{}')", [(name,) for name in (*kept, "pull 1")])
        noted = shop.notes()

        disconnect(store, "store", now=NOW + 2 * DAY_MS)

    left = table(shop.store, "SELECT name FROM meta WHERE name GLOB 'hanging *' OR name GLOB 'pull *' ORDER BY name")
    assert "hanging 1 props " in noted
    assert [name for (name,) in left] == kept
