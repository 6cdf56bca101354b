"""What hangs on the shop's own record is right once that fits, whenever it does."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from persync.connect.pull import PullOptions, PullResult, pull
from persync.jobs.standing import read_streams
from persync.sandbox.world import Line
from persync.store.digest import table_digests
from persync.store.key import key_path
from persync.store.store import open_store

DAY = 86_400_000


def digests(store: Path) -> dict[str, str]:
    with open_store(store) as opened:
        return table_digests(opened)


class Shop:
    """A shop whose own record can lose what persync must know of it."""

    def __init__(self, connect: Callable[..., Any], world: Any, now: int) -> None:
        self.connector, self.client, self.transport = connect(world)
        self.now, self.broken = now, False
        whole = self.transport.handle_request

        def answer(request: httpx.Request) -> httpx.Response:
            found: httpx.Response = whole(request)
            if self.broken:
                body = found.content.replace(b'"ianaTimezone"', b'"somethingElse"')
                return httpx.Response(found.status_code, headers={"content-type": "application/json"}, content=body)
            return found

        self.transport.handle_request = answer

    def pull(self, store: Path, **options: Any) -> PullResult:
        self.now += DAY
        made = PullOptions(now=self.now, **options)
        return pull(store, [self.connector], made, client=self.client, clock=lambda: self.now / 1000)


def shop_world(build: Any) -> Any:
    """Return a shop of two small orders and one that has more lines than a page holds."""
    large = build.order(40, 1)
    large.lines = [Line(f"40{n:03}", "Lantern", "LAN-01", 1, 1000 + n, 0, 100, 400) for n in range(180)]
    return build.world(people=3, orders=[build.order(1, 1), build.order(2, 2), large])


def to_read_again(store: Path) -> list[str]:
    with open_store(store) as opened:
        return [one.stream for one in read_streams(opened.db) if one.again]


def test_orders_and_their_lines_are_read_again_once_the_shops_record_fits(
    build: Any, connect: Callable[..., Any], tmp_path: Path
) -> None:
    """Currency, shop and all else equal those of a store that never knew another shop."""
    world = shop_world(build)
    right, late = tmp_path / "right.db", tmp_path / "late.db"
    Shop(connect, world, build.now).pull(right)
    shutil.copy(key_path(right), key_path(late))
    shop = Shop(connect, world, build.now)
    shop.broken = True
    first = shop.pull(late)
    wrong = {name for name, one in digests(right).items() if digests(late)[name] != one}
    assert (first.exit_code, wrong) == (3, {"carts", "connections", "order_keys", "rejects"})
    shop.broken = False

    cured = shop.pull(late, rejects=True)

    assert (cured.exit_code, digests(late)) == (0, digests(right))


def test_what_hangs_on_the_shop_and_was_not_asked_for_is_named_until_it_is_read(
    build: Any, connect: Callable[..., Any], tmp_path: Path
) -> None:
    store = tmp_path / "s.db"
    shop = Shop(connect, shop_world(build), build.now)
    shop.broken = True
    shop.pull(store)
    still = shop.pull(store, rejects=True)
    unread = to_read_again(store)
    shop.broken = False

    named = shop.pull(store, rejects=True, streams=("shop",))

    waiting = to_read_again(store)
    assert (still.notes, unread) == ([], [])
    assert {"customers", "orders", "order_lines", "products"} < set(waiting)
    told = named.notes[0].removeprefix("shopify: `persync pull shopify` reads again ").partition(": ")[2].removesuffix(".")
    assert sorted(told.split(", ")) == waiting
    assert shop.pull(store).exit_code == 0
    assert to_read_again(store) == []
