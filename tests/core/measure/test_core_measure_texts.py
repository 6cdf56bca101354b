"""Texts: pieces that many measures build on are written once, as tables, and say the same as they would inside a query."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from persync.attribution.journeys import build_orders
from persync.engine.texts import used
from persync.measure.texts import EVER, SHARED, bounds, join, piece, run, write


class Counting:
    """Remembers what is written and asked through it."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.written: list[str] = []
        self.asked: list[str] = []

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        self.asked.append(sql)
        return self.engine.rows(sql, params)  # type: ignore[no-any-return]

    def write(self, sql: str, params: Mapping[str, Any] | None, name: str) -> int:
        self.written.append(name)
        return self.engine.write(sql, params, name)  # type: ignore[no-any-return]


PARAMS = {**bounds(None), "gross": 0, "experiment": "wool"}


def _fill(shop: Any) -> None:
    shop.order(1, 7, 1_000, ordered_at=5)
    shop.order(2, None, 250, ordered_at=9)
    shop.add("touchpoints", key_id=7, connection=1, campaign_key=3, action=1, happened_at=2, level=2)
    shop.add("touchpoints", key_id=8, connection=1, campaign_key=3, action=2, happened_at=4)
    shop.add("campaign_levels", campaign_key=3, level=1)
    shop.add("assignments", key_id=7, experiment="wool", arm="treated")
    build_orders(shop)


def test_a_shared_piece_says_the_same_from_its_table_as_inside_a_query(shop: Any) -> None:
    _fill(shop)
    for name in SHARED:
        select = f"SELECT x.* FROM {name} AS x"
        needs = [one for one in SHARED if one in SHARED[name]]
        whole = join(*(piece(one) for one in (*needs, name)), select)
        inside = shop.rows(whole, used(whole, PARAMS))
        assert inside
        assert sorted(run(shop, whole, PARAMS), key=str) == sorted(inside, key=str)


def test_a_shared_piece_is_cut_out_wherever_it_stands_and_what_it_builds_on_comes_before_it(shop: Any) -> None:
    _fill(shop)
    mine = "mine AS (SELECT 1 AS one)"
    select = "SELECT COUNT(*) AS n FROM order_money AS m"
    for texts in (("order_money",), ("order_money", mine), (mine, "order_money"), ("owned_orders", "order_money", mine)):
        seen = Counting(shop)
        assert run(seen, join(*(piece(one) if one in SHARED else one for one in texts), select), PARAMS) == [{"n": 2}]
        assert seen.written[-2:] == ["owned_orders", "order_money"]
        assert seen.asked == [f"WITH {mine}\n{select}" if mine in texts else select]


def test_a_table_may_be_written_from_shared_pieces(shop: Any) -> None:
    _fill(shop)
    sent = join(piece("sends"), "SELECT s.person, s.level FROM sends AS s ORDER BY s.person")

    assert write(shop, sent, {"from_at": -EVER, "to_at": 4}, "early") == 1
    assert shop.rows("SELECT e.* FROM early AS e") == [{"person": 7, "level": 2}]
