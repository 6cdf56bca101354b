"""Looking at some people alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from persync.engine.duck import open_engine
from persync.engine.engine import once
from persync.engine.mirror import mirror_folder
from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure.metric import Ask
from persync.report.memory import RememberingEngine
from persync.serve.filters import Filters, asked
from persync.serve.scope import OF_ORDERS, OF_PEOPLE, OF_THE_SHOP, narrow
from persync.serve.site import Site
from persync.serve.views import estimates
from persync.store.schema import MIRRORED

Get = Callable[..., Any]
PERIOD = "2026-01..2026-09"
SEGMENTS = ("buyers", "life-cycle: subscriber")
METRICS = (
    "ctr",
    "aov",
    "conversion_rate",
    "revenue_per_recipient",
    "engagement_rate",
    "repeat_purchase_rate",
)
"""counts and means over people; what is fitted or ranked is so among the people looked at"""


def test_every_mirrored_table_is_somebodys_an_orders_the_shops_or_a_list_of_names() -> None:
    names = {"connections", "words", "actions", "fields", "segments", "campaign_keys", "campaign_of", "campaigns"}
    names |= {"campaign_evidence", "campaign_levels", "campaign_links", "products", "unit_costs", "promo_codes", "coverage"}

    assert set(MIRRORED) == names | set(OF_PEOPLE) | set(OF_ORDERS) | set(OF_THE_SHOP)


def told(one: Estimate) -> tuple[str, ...]:
    """Return what an estimate says, to nine digits, but for its interval, whose draws may be made anew."""
    return one.id, *(f"{float(number):.9g}" for number in (one.value, one.n) if number is not None)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_number_within_a_segment_is_that_segments_slice_of_the_whole(site: Site, segment: str) -> None:
    compared = 0
    for id in METRICS:
        slices, _, _ = estimates(site, id, Filters(PERIOD), ("seg",), None)
        within, _, scope = estimates(site, id, Filters(PERIOD, segment=segment), (), None)
        expected = [told(one) for one in slices if one.by.get("seg") == segment and one.value is not None]
        found = [told(one) for one in within if one.value is not None]

        assert scope is not None
        assert [one for one in found if one in expected] == expected, id
        compared += len(expected)
    assert compared >= 3


def test_a_number_within_an_arm_is_of_the_people_drawn_into_it(site: Site) -> None:
    def people(arm: str) -> int:
        _, _, scope = estimates(site, "ctr", Filters(arm=f"personal:{arm}"), (), None)
        assert scope is not None
        return scope.people

    def orders(filters: Filters) -> int:
        return int(
            site.answer("count", filters, lambda engine, _, __: engine.rows("SELECT COUNT(*) AS n FROM orders AS o"))[0]["n"]
        )

    with site.source.snapshot() as snapshot, snapshot.engine(Filters(), asked(site.project, Filters(), snapshot.now)) as lent:
        sizes = {
            row["arm"]: row["n"]
            for row in lent[0].rows("SELECT a.arm AS arm, COUNT(DISTINCT a.key_id) AS n FROM assignments AS a GROUP BY a.arm")
        }
    assert {arm: people(arm) for arm in sizes} == sizes
    parts = [orders(Filters(arm=f"personal:{arm}")) for arm in sizes]
    assert all(parts)
    assert sum(parts) <= orders(Filters())


def test_what_is_known_of_the_shop_alone_is_left_out_and_said(get: Get) -> None:
    text = get("/part/returns?arm=personal:treated").text

    assert "known for the whole shop only" in text
    assert "People in the arm &#39;treated&#39; of the experiment &#39;personal&#39;:" in text


def test_an_arm_is_not_held_against_itself(get: Get) -> None:
    assert "personal" in get("/part/tests").text.partition("<main")[2]
    within = get("/part/tests?arm=personal:treated").text.partition("<main")[2]

    assert "planned sizes" not in within
    assert "this filter" in within


def test_fewer_people_than_may_be_shown_are_not_nor_is_everybody_but_them(site: Site) -> None:
    with site.source.snapshot() as snapshot:
        ask: Ask = asked(site.project, Filters(), snapshot.now)
        with closing(open_engine(mirror_folder(site.project.store_path))) as engine:
            everybody = engine.rows("SELECT COUNT(DISTINCT po.person) AS n FROM person_of AS po")[0]["n"]
            most = Filters(PERIOD, segment="most")
            people = narrow(engine, most, ask)[1].people
            left = everybody - people
            assert 0 < left < people

            for hidden, why in ((people + 1, ": fewer than"), (left + 1, "all but fewer than")):
                with pytest.raises(DataError, match=why):
                    narrow(engine, most, replace(ask, suppress_n=hidden))


def test_other_attributes_are_not_shown_within_a_segment(get: Get) -> None:
    assert "region" in get("/part/fairness").text.partition("<main")[2]
    assert "region" not in get(f"/part/fairness?period={PERIOD}&segment=buyers").text.partition("<main")[2]


def test_what_was_derived_for_some_is_never_taken_for_all(site: Site) -> None:
    before, _, _ = estimates(site, "conversion_rate", Filters(PERIOD), (), None)
    estimates(site, "conversion_rate", Filters(PERIOD, segment="buyers"), (), None)
    site.answers._made.clear()
    after, _, _ = estimates(site, "conversion_rate", Filters(PERIOD), (), None)

    assert after == before


def test_a_model_is_fitted_once_for_the_same_people_whatever_days_are_looked_at(site: Site) -> None:
    made: list[str] = []

    def fitted(filters: Filters, name: str) -> str:
        def make() -> str:
            made.append(name)
            return name

        return site.answer(("fit", name), filters, lambda engine, _, __: once(RememberingEngine(engine), "the fit", make))

    assert [fitted(Filters("2026-03"), "a"), fitted(Filters("2026-04"), "b")] == ["a", "a"]
    assert fitted(Filters(arm="personal:treated"), "treated") == "treated"
    assert made == ["a", "treated"]
