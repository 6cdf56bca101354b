"""What a later pull reads again, and what it knows of what was read before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from typing_extensions import TypedDict

from persync import rows
from persync.connect.connector import Connector
from persync.connect.readers import OffsetPages
from persync.connect.result import PullOptions
from persync.connect.stream import DAY_MS, AccountFacts, Context, Incremental, Refresh, Stream
from persync.connect.windows import open_window
from persync.rows import CampaignRef, OrderRef
from persync.store.checkpoints import Checkpoint
from persync.store.store import open_store
from persync.store.write import Writer
from persync.testing import FakeApi, pull_once
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


def opened(window: Any, point: Checkpoint) -> int | None:
    stream = Stream("letters", Thing, cost_rows, OffsetPages("letters"), window=window)
    open_window(stream, point, PullOptions(now=NOW), AccountFacts(), None, "")
    return point.since


def test_a_look_back_counts_from_the_last_pull_however_long_ago_it_was() -> None:
    point = Checkpoint("letters", "", {}, watermark=LAST, full_at=LAST)

    assert opened(Incremental(lookback_days=3), point) == LAST - 3 * DAY_MS


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
