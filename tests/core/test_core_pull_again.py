"""What a later pull reads again, and what it knows of what was read before."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import httpx
from typing_extensions import TypedDict

from persync import rows
from persync.connect.connector import Connector
from persync.connect.pull import pull
from persync.connect.readers import OffsetPages
from persync.connect.result import PullOptions
from persync.connect.stream import DAY_MS, AccountFacts, Context, Incremental, Refresh, Stream
from persync.connect.windows import open_window
from persync.rows import CampaignRef, OrderRef
from persync.store.checkpoints import Checkpoint
from persync.store.store import open_store
from persync.store.write import Writer
from persync.testing import FakeApi, pull_once, quick_client
from support import paged, table

NOW = 1_760_000_000_000
LAST = NOW - 60 * DAY_MS


class Thing(TypedDict):
    id: str


def unit_rows(thing: Thing, at: Context) -> Any:
    yield rows.Account("1", currency=thing["id"])


def cost_rows(thing: Thing, at: Context) -> Any:
    if at.account.currency:
        yield rows.UnitCost(thing["id"], None, None, 5, at.account.currency)


class Store(Connector):
    name = "store"
    title = "The Store"
    streams = (
        Stream("units", Thing, unit_rows, OffsetPages("units"), path="/units"),
        Stream("wares", Thing, cost_rows, OffsetPages("wares"), path="/wares", version="id", needs=("units",)),
    )

    def base_url(self) -> str:
        return "https://store.example.com"


def opened(window: Any, point: Checkpoint, **options: int) -> int | None:
    stream = Stream("letters", Thing, cost_rows, OffsetPages("letters"), window=window)
    open_window(stream, point, PullOptions(now=NOW, **options), AccountFacts(), None, "")
    return point.since


def test_a_look_back_counts_from_the_last_pull_however_long_ago_it_was() -> None:
    point = Checkpoint("letters", "", {}, watermark=LAST, full_at=LAST)

    assert opened(Incremental(lookback_days=3), point) == LAST - 3 * DAY_MS


def test_a_look_back_of_the_whole_pull_widens_windows_and_narrows_none() -> None:
    """What was never read is read whole, and a stream that looks back farther by itself still does."""
    for days, window in ((5, Incremental()), (5, Refresh(days=2)), (1, Incremental(overlap=30 * DAY_MS))):
        point = Checkpoint("letters", "", {}, watermark=NOW - DAY_MS, full_at=NOW)
        without = opened(window, Checkpoint("letters", "", {}, watermark=NOW - DAY_MS, full_at=NOW))
        assert without is not None
        assert opened(window, point, lookback_days=days) == min(without, NOW - days * DAY_MS)

    assert opened(Incremental(), Checkpoint("letters", "", {}), lookback_days=5) is None


def test_what_was_young_at_the_last_pull_is_refreshed_however_long_ago_it_was() -> None:
    assert opened(Refresh(days=90), Checkpoint("letters", "", {}, watermark=LAST)) == LAST - 90 * DAY_MS


def test_a_stream_read_without_what_it_needs_is_read_again_when_that_is_there(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    api = FakeApi({"/wares": paged([{"id": "tin"}], "wares"), "/units": paged([{"id": "EUR"}], "units")})
    connectors = [Store("store", Store.settings_type(connector="store"), {})]
    api.broken["/units"] = [httpx.Response(400)] * 9
    first = pull_once(store, connectors, api)
    api.broken.clear()
    before = table(store, "SELECT item FROM unit_costs")

    again = pull_once(store, connectors, api, now=NOW + DAY_MS)
    last = pull_once(store, connectors, api, now=NOW + 2 * DAY_MS)

    assert (first.exit_code, again.exit_code, last.exit_code) == (3, 0, 0)
    assert (before, table(store, "SELECT item, currency FROM unit_costs")) == ([], [("tin", "EUR")])
    assert [result.unchanged for result in last.streams if result.stream == "wares"] == [1]


def test_a_failure_between_two_pulls_does_not_forget_where_the_coverage_begins(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    api = FakeApi({"/wares": paged([{"id": "tin"}], "wares"), "/units": paged([{"id": "EUR"}], "units")})

    class Changing(Store):
        streams = (Stream("wares", Thing, cost_rows, OffsetPages("wares"), path="/wares", window=Incremental()),)

    connectors = [Changing("store", Store.settings_type(connector="store"), {})]
    pull_once(store, connectors, api)
    api.broken["/wares"] = [httpx.Response(400)] * 9
    pull_once(store, connectors, api, now=NOW + DAY_MS)
    api.broken.clear()

    pull_once(store, connectors, api, now=NOW + 2 * DAY_MS)

    covered = "SELECT from_at, to_at, state FROM coverage WHERE stream = 'wares'"
    assert table(store, covered) == [(0, NOW + 2 * DAY_MS, "complete")]


class Price(TypedDict):
    id: str
    cents: int


def price_rows(price: Price, at: Context) -> Any:
    yield rows.UnitCost(price["id"], None, None, price["cents"], "EUR")


class Shelf(TypedDict):
    id: str
    version: str


def shelf_rows(shelf: Shelf, at: Context) -> Any:
    yield rows.Child("prices", shelf["id"], {"shelf": shelf["id"]}, version=shelf["version"])


class Listed(Store):
    """A shop with a list of prices, which is read at every pull."""

    streams = (
        Stream("units", Thing, unit_rows, OffsetPages("units"), path="/units"),
        Stream("prices", Price, price_rows, OffsetPages("prices", count=1), path="/prices", needs=("units",)),
    )


class Shelved(Store):
    """A shop with a list of prices for each shelf, which is read when the shelf says that it changed."""

    streams = (
        Stream("shelves", Shelf, shelf_rows, OffsetPages("shelves"), path="/shelves"),
        Stream("prices", Price, price_rows, OffsetPages("prices", count=1), path="/{shelf}/prices", parent="shelves"),
    )


def prices(*cents: int) -> Any:
    return paged([{"id": f"w{number}", "cents": each} for number, each in enumerate(cents)], "prices")


CURRENT = "SELECT item, unit_cost_minor FROM (SELECT *, max(number) FROM unit_costs GROUP BY item) ORDER BY item"


def test_a_list_taken_up_a_day_later_is_as_it_is_now_to_its_first_page(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    api = FakeApi({"/units": paged([{"id": "EUR"}], "units"), "/prices": prices(1, 2, 3)})
    connectors = [Listed("store", Listed.settings_type(connector="store"), {})]
    api.broken["/prices"] = [None, httpx.Response(400)]
    first = pull_once(store, connectors, api)
    api.answers["/prices"] = prices(10, 20, 30)
    api.calls.clear()

    again = pull_once(store, connectors, api, now=NOW + DAY_MS)

    assert (first.exit_code, again.exit_code) == (3, 0)
    assert table(store, CURRENT) == [("w0", 10), ("w1", 20), ("w2", 30)]
    assert [call for call in api.calls if "/prices" in call] == [
        f"GET /prices?count=1&offset={offset}" for offset in (1, 2, 0, 1, 2)
    ], "it goes on, so that it gets on, and then reads what is as old as the pull before"


def test_a_list_taken_up_at_once_is_not_read_twice(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    api = FakeApi({"/units": paged([{"id": "EUR"}], "units"), "/prices": prices(1, 2, 3)})
    connectors = [Listed("store", Listed.settings_type(connector="store"), {})]
    api.broken["/prices"] = [None, httpx.Response(400)]
    pull_once(store, connectors, api)
    api.calls.clear()

    assert pull_once(store, connectors, api).exit_code == 0
    assert [call for call in api.calls if "/prices" in call] == [f"GET /prices?count=1&offset={offset}" for offset in (1, 2)]


def test_a_part_begun_for_one_version_is_read_whole_for_the_next(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    shelf = {"id": "s1", "version": "1"}
    api = FakeApi({"/shelves": paged([shelf], "shelves"), "/s1/prices": prices(1, 2, 3)})
    connectors = [Shelved("store", Shelved.settings_type(connector="store"), {})]
    api.broken["/s1/prices"] = [None, httpx.Response(400)]
    pull_once(store, connectors, api)
    api.answers["/shelves"] = paged([{**shelf, "version": "2"}], "shelves")
    api.answers["/s1/prices"] = prices(10, 2, 3)

    again = pull_once(store, connectors, api, now=NOW + DAY_MS)
    found = table(store, CURRENT)
    api.calls.clear()
    pull_once(store, connectors, api, now=NOW + 2 * DAY_MS)

    assert (again.exit_code, found) == (0, [("w0", 10), ("w1", 2), ("w2", 3)])
    assert [call for call in api.calls if "/s1/" in call] == [], "then it is known which version was read"


def test_a_pull_that_goes_on_with_another_reads_anew_what_that_had_to_take_up(tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    api = FakeApi({"/units": paged([{"id": "EUR"}], "units"), "/prices": prices(1, 2, 3)})
    connectors = [Listed("store", Listed.settings_type(connector="store"), {})]
    api.broken["/prices"] = [None, httpx.Response(400)]
    pull_once(store, connectors, api)
    api.answers["/prices"] = prices(10, 20, 30)
    later = NOW + DAY_MS

    def stop(step: Any) -> None:
        if step.stream == "units":
            raise KeyboardInterrupt

    second = pull(store, connectors, PullOptions(now=later), stop, client=quick_client(api), clock=lambda: later / 1000)
    third = pull_once(store, connectors, api, now=later + 1000)

    assert (second.exit_code, third.exit_code) == (130, 0)
    assert table(store, CURRENT) == [("w0", 10), ("w1", 20), ("w2", 30)]


def test_of_claims_on_one_order_only_those_that_came_last_stand(tmp_path: Path) -> None:
    order, other = OrderRef("o"), OrderRef("p")
    spring, winter = CampaignRef(("id", "spring")), CampaignRef(("id", "winter"))

    def claim(campaign: CampaignRef | None, of: OrderRef, orders: int = 1) -> rows.Claim:
        return rows.Claim(campaign, of, "last", orders, 500 * orders, "EUR")

    told = [
        [claim(spring, order), claim(winter, order), claim(spring, other)],
        [claim(winter, order)],
        [claim(None, order, 0)],
        [claim(None, order, 0)],
    ]
    with open_store(tmp_path / "a.db", create=True) as store:
        writer = Writer(store, "mail", "mail", now=NOW)
        changed = []
        for lot in told:
            with store.transaction():
                changed.append(writer.write(lot) > 0)
        found = store.db.execute(
            "SELECT k.key, o.vendor_order_id, c.number, c.orders, c.amount_minor FROM claims c"
            " JOIN order_keys o USING (order_key) JOIN campaign_keys k USING (campaign_key) ORDER BY 2, 1, 3"
        ).fetchall()

    assert changed == [True, True, True, False]
    assert found == [
        ("spring", "o", 1, 1, 500),
        ("spring", "o", 2, 0, 0),
        ("winter", "o", 1, 1, 500),
        ("winter", "o", 2, 0, 0),
        ("spring", "p", 1, 1, 500),
    ]


def test_what_a_pull_leaves_behind_may_be_collected(tmp_path: Path) -> None:
    api = FakeApi({"/wares": paged([{"id": "tin"}], "wares"), "/units": paged([{"id": "EUR"}], "units")})

    pull_once(tmp_path / "a.db", [Store("store", Store.settings_type(connector="store"), {})], api)

    assert (gc.isenabled(), gc.get_freeze_count()) == (True, 0)


def test_what_hangs_on_a_record_that_fits_now_is_not_forgotten_when_reading_it_again_fails(tmp_path: Path) -> None:
    """It stays to be read, and is, whole, at the next pull; a third one finds nothing to do."""
    store = tmp_path / "a.db"
    api = FakeApi({"/wares": paged([{"id": "tin"}], "wares"), "/units": paged([{"id": 7}], "units")})
    connectors = [Store("store", Store.settings_type(connector="store"), {})]
    pull_once(store, connectors, api)
    still = pull_once(store, connectors, api, now=NOW + DAY_MS, rejects=True)
    asked = api.calls[-1]
    api.answers["/units"] = paged([{"id": "EUR"}], "units")
    api.broken["/wares"] = [httpx.Response(400)] * 9

    failed = pull_once(store, connectors, api, now=NOW + 2 * DAY_MS, rejects=True)
    api.broken.clear()
    again = pull_once(store, connectors, api, now=NOW + 3 * DAY_MS)
    last = pull_once(store, connectors, api, now=NOW + 4 * DAY_MS)

    assert (still.notes, "/units" in asked) == ([], True)
    assert [one.exit_code for one in (still, failed, again, last)] == [3, 3, 0, 0]
    assert table(store, "SELECT item, currency FROM unit_costs") == [("tin", "EUR")]
    assert [one.unchanged for one in last.streams if one.stream == "wares"] == [1]
