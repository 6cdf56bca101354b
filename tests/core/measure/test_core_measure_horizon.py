"""Windows are over once the data are known to their end, not once the calendar is past it (rule E4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.measure.picks import pick
from core.measure.reach_cases import DAY, SEND, compute, one, orders, touch
from persync.attribution.horizon import orders_until, touches_until
from persync.attribution.journeys import build_orders
from persync.estimate import Estimate
from persync.measure import rules
from persync.measure.experiments import read
from persync.measure.metric import Ask, Experiment
from persync.measure.trials import more, planning

NOW, END = 100 * DAY, 40 * DAY
ASK = Ask(now=NOW)
TOLD = "orders are known until 1970-02-09"
TEST = Experiment("t", control="b", since=0, days=60)


@pytest.fixture
def ended(shop: Any) -> Any:
    """Half of 400 people mailed on day 5, half on day 30; a few of both buy ten days later. All known ends on day 40."""
    shop.load("person_of", key_id=range(1, 401), person=range(1, 401), hash=range(1, 401))
    shop.load("contacts", connection=[1] * 400, key_id=range(1, 401))
    shop.add("campaigns", campaign_key=1, connection=1)
    touch(shop, range(1, 201), SEND, 5 * DAY, campaign=1)
    touch(shop, range(201, 401), SEND, 30 * DAY, campaign=1)
    orders(shop, range(1, 41), 15 * DAY)
    orders(shop, range(201, 221), 39 * DAY, first=101)
    shop.load("assignments", connection=[3] * 400, experiment=["t"] * 400, key_id=range(1, 401), arm=["a", "b"] * 200)
    _read_until(shop, 1, "sent_to", END)
    _read_until(shop, 2, "orders", END)
    build_orders(shop)
    return shop


def _read_until(shop: Any, connection: int, stream: str, at: int) -> None:
    shop.add("coverage", connection=connection, stream=stream, from_at=0, to_at=at, state="complete")


def _said(estimate: Estimate) -> tuple[Any, str | None, str]:
    return estimate.value, estimate.reason, estimate.note


def test_the_furthest_connection_that_has_orders_says_how_far_they_reach(ended: Any) -> None:
    """What another connection was read for, and what was not wholly read, says nothing of them."""
    _read_until(ended, 3, "orders", 90 * DAY)
    ended.add("coverage", connection=2, stream="orders", partition="b", to_at=95 * DAY, state="skipped")

    assert (orders_until(ended, ASK), touches_until(ended, ASK)) == (END, END)
    assert orders_until(ended, replace(ASK, now=39 * DAY)) == 39 * DAY


def test_imported_orders_do_not_say_how_far_they_reach(shop: Any) -> None:
    """Without coverage windows go by the calendar."""
    orders(shop, range(1, 41), 15 * DAY)
    build_orders(shop)

    assert (orders_until(shop, ASK), touches_until(shop, ASK)) == (NOW, NOW)


def test_an_experiment_that_ends_after_its_orders_is_immature(ended: Any) -> None:
    """Day 60 is over, orders end on day 40: nothing is said but an early look at what there is."""
    found = more.read(ended, TEST, ASK)

    assert _said(pick(found, "difference", outcome="conversion")) == (None, rules.IMMATURE, TOLD)
    assert _said(pick(found, "mean", outcome="revenue", arm="a")) == (None, rules.IMMATURE, TOLD)
    early = pick(found, "difference_so_far", outcome="conversion")
    whole = pick(read(ended, replace(TEST, days=40), ASK), "difference", outcome="conversion")
    assert whole.value is not None
    assert early.value == whole.value
    assert early.note.endswith(TOLD)


def test_an_experiment_that_begins_after_the_orders_end_is_immature(ended: Any) -> None:
    """It has no end, so all orders since its start count: none is known, which is no conversion of nought."""
    found = read(ended, replace(TEST, since=50 * DAY, days=None), ASK)

    assert _said(pick(found, "difference", outcome="conversion")) == (None, rules.IMMATURE, TOLD)


@pytest.mark.parametrize("id", ["conversion_rate", "revenue_per_recipient", "aov"])
def test_the_arms_of_a_metric_wait_for_the_same_orders(ended: Any, id: str) -> None:
    ask = replace(ASK, arm="t", by=("arm",), experiments={"t": TEST})

    found = compute(ended, id, ask)

    assert {_said(e) for e in found} == {(None, rules.IMMATURE, TOLD)}


def test_people_whose_window_runs_past_the_orders_are_left_out(ended: Any) -> None:
    """Of those mailed on day 5 a fifth bought within 30 days; of those mailed on day 30 only ten days are known."""
    found = one(compute(ended, "conversion_rate", ASK), "conversion_rate")
    money = one(compute(ended, "revenue_per_recipient", ASK), "revenue_per_recipient")

    assert (found.value, found.n) == (0.2, 200)
    assert found.note == f"people whose window is not over are left out ({TOLD})"
    assert (money.value, money.n) == (2.0, 200)


def test_when_every_window_runs_past_the_orders_there_is_no_rate(ended: Any) -> None:
    late = replace(ASK, period=(20 * DAY, 80 * DAY))

    found = [compute(ended, id, late)[0] for id in ("conversion_rate", "revenue_per_recipient", "funnel")]

    assert [_said(e) for e in found] == [(None, rules.IMMATURE, TOLD)] * 3


def test_a_plan_counts_back_from_the_end_of_what_is_known(ended: Any) -> None:
    """Of 400 people 20 bought in the last 14 days known; 200 were mailed in the last four weeks known."""
    found = planning.plan(ended, Experiment("new"), ASK)

    baseline = pick(found, "baseline", outcome="conversion")
    assert (baseline.value, baseline.n, baseline.note) == (0.05, 400, "the 14 days until 1970-02-09")
    mailed = pick(found, "people_a_week")
    assert (mailed.value, mailed.note) == (50, "sent something in the 28 days until 1970-02-09, a week")


def test_a_plan_for_people_who_did_not_buy_says_so(shop: Any) -> None:
    """Nought is the baseline, and there is no change relative to it."""
    shop.load("person_of", key_id=range(1, 401), person=range(1, 401), hash=range(1, 401))
    shop.load("contacts", connection=[1] * 400, key_id=range(1, 401))
    shop.add("campaigns", campaign_key=1, connection=1)
    touch(shop, range(1, 401), SEND, 99 * DAY, campaign=1)

    found = planning.plan(shop, Experiment("new"), ASK)

    assert pick(found, "baseline", outcome="conversion").value == 0
    missing = ("needed", "weeks", "detectable")
    assert [pick(found, id, outcome="conversion").reason for id in missing] == ["nobody_bought"] * 3
