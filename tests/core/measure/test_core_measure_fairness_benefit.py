"""Who benefits: what a test caused within groups, and the gap between them."""

from __future__ import annotations

import csv
import gzip
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.measure.picks import pick
from persync.measure import METRICS, fairness
from persync.measure.fairness import scan
from persync.measure.metric import Ask, Experiment


def test_benefit_is_read_within_groups(shop: Any) -> None:
    """Each group's difference is its own arms'; the test of interaction finds the planted one."""
    people = range(400)
    shop.load("assignments", connection=[3] * 400, experiment=["t"] * 400, key_id=people, arm=["on", "off"] * 200)
    shop.load("attributes", connection=[3] * 400, key_id=people, name=["kind"] * 400, value=["a"] * 200 + ["b"] * 200)
    for key, person in enumerate([p for p in people if p % 2 == 0 and p < 200], start=1):
        shop.order(key, person, 1000 + 10 * person, ordered_at=5)
    for key, person in enumerate([p for p in people if p % 4 == 1], start=500):
        shop.order(key, person, 500 + person, ordered_at=5)
    for key, person in enumerate([p for p in people if p % 4 == 0 and p >= 200], start=900):
        shop.order(key, person, 500 + person, ordered_at=5)
    ask = Ask(now=10**13, experiments={"t": Experiment("t", control="off")})

    read = fairness.assess(shop, "kind", ask)

    a, b = (pick(read, "benefit_difference", group=group) for group in "ab")
    on_a = np.array([10 + p / 10 for p in range(0, 200, 2)])
    off_a = np.array([5 + p / 100 if p % 4 == 1 else 0 for p in range(1, 200, 2)])
    assert a.value == pytest.approx(on_a.mean() - off_a.mean())
    assert (a.label, a.unit, a.n) == ("randomised", "EUR", 200)
    assert abs(b.value) < 1
    assert pick(read, "benefit_interaction").p < 1e-6
    gap, times = (pick(read, "benefit_parity", statistic=one) for one in ("difference", "ratio"))
    assert (gap.by["group"], gap.by["against"], gap.value) == ("b", "a", pytest.approx(a.value - b.value))
    assert (times.by["group"], times.unit, times.value) == ("b", "ratio", pytest.approx(b.value / a.value))
    assert times.low < times.value < times.high
    error = (gap.high - gap.low) / 2 / 1.959964
    seen = pick(read, "benefit_smallest_gap", group="b", against="a")
    assert seen.value == pytest.approx((1.959964 + 0.841621) * error, rel=1e-3)
    assert (seen.unit, seen.label, seen.n) == ("EUR", "raw difference", 400)
    overall = next(e for e in read if e.id == "benefit_difference" and "group" not in e.by)
    assert overall.value == pytest.approx((a.value + b.value) / 2)


def test_the_gap_in_benefit_is_of_the_two_groups_that_it_names(shop: Any) -> None:
    """Three groups of 100, 80 and 60: the gap counts the people of its two ends, the test of interaction those of all."""
    sizes = {"a": 100, "b": 80, "c": 60}
    kinds = [kind for kind, size in sizes.items() for _ in range(size)]
    people = range(len(kinds))
    shop.load("assignments", connection=[3] * 240, experiment=["t"] * 240, key_id=people, arm=["on", "off"] * 120)
    shop.load("attributes", connection=[3] * 240, key_id=people, name=["kind"] * 240, value=kinds)
    for person in people:
        more = {"a": 900, "b": 300, "c": 0}[kinds[person]] if person % 2 == 0 else 0
        shop.order(person + 1, person, 1000 + more + person % 7, ordered_at=5)

    read = fairness.assess(shop, "kind", Ask(now=10**13, experiments={"t": Experiment("t", control="off")}))

    gap = pick(read, "benefit_parity", statistic="difference")
    assert (gap.by["group"], gap.by["against"], gap.n) == ("c", "a", 160)
    assert pick(read, "benefit_smallest_gap", group="c", against="a").n == 160
    assert pick(read, "benefit_interaction").n == 240


def test_what_discounts_spared_each_group_is_read_beside_what_they_spent(shop: Any) -> None:
    """Everybody orders for the same; the treated of one group alone are given two euros and some cents off, and a deal's
    discount was negotiated. The assessment, the metric and the scan say the same of it."""
    people = range(400)
    shop.load("assignments", connection=[3] * 400, experiment=["t"] * 400, key_id=people, arm=["on", "off"] * 200)
    held = {"key_id": people, "name": ["kind"] * 400, "value": ["a"] * 200 + ["b"] * 200, "basis": ["asked"] * 400}
    shop.load("attributes", connection=[3] * 400, **held)
    for person in people:
        shop.order(person + 1, person, 2000 + person % 7, ordered_at=5, kind="deal" if person == 398 else "order")
    ask = Ask(now=10**13, experiments={"t": Experiment("t", control="off")}, by=("kind",))
    (metric,) = [one for one in METRICS if one.id == "benefit_parity"]
    bare = pick(metric.compute(shop, ask), "benefit_difference", outcome="saving")
    spared = {p: 200 + p % 10 if p < 200 and p % 2 == 0 else 50 + p % 3 for p in people}
    shop.load("order_discounts", order_key=[p + 1 for p in people], discount=["SAVE"] * 400, kind=["code"] * 400,
              amount_minor=[*spared.values()], currency=["EUR"] * 400)  # fmt: skip

    read = [e for e in metric.compute(shop, ask) if e.by.get("outcome") == "saving"]

    assert (bare.value, bare.reason) == (None, "no_discounts")
    got = np.array([0 if p == 398 else spared[p] for p in people]) / 100
    on, off = (np.array([p % 2 == side for p in people]) for side in (0, 1))
    first = np.array(people) < 200
    for group, mine in (("a", first), ("b", ~first)):
        one = pick(read, "benefit_difference", group=group)
        assert one.value == pytest.approx(got[mine & on].mean() - got[mine & off].mean())
        error = math.sqrt(sum(got[mine & side].var(ddof=1) / 100 for side in (on, off)))
        assert (one.high - one.low) / 2 == pytest.approx(1.96 * error, rel=0.03)
        assert (one.unit, one.label, one.n) == ("EUR", "randomised", 200)
    assert pick(read, "benefit_interaction").p < 1e-6
    gap = pick(read, "benefit_parity", statistic="difference")
    assert (gap.by["group"], gap.by["against"], gap.label) == ("b", "a", "raw difference")
    assert [e for e in fairness.assess(shop, "kind", ask) if e.by.get("outcome") == "saving"] == read
    (found,) = [
        e for e in scan.scan(shop, replace(ask, by=())) if e.id == "bias_gap" and e.by["measure"] == "benefit_difference"
    ]
    assert (found.by["group"], found.by["outcome"], found.by["of"]) == ("b", "saving", "worse")
    assert found.value == pytest.approx(-gap.value)


def test_benefit_overall_is_the_experiments_own_difference(shop: Any, hillstrom: Path) -> None:
    """Groups put together again give the published difference of the real test, to the cent and its interval."""
    with gzip.open(hillstrom, "rt", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["segment"] != "Womens E-Mail"]
    n = len(rows)
    shop.load("assignments", connection=[3] * n, experiment=["h"] * n, key_id=range(n), arm=[row["segment"] for row in rows])
    shop.load("attributes", connection=[3] * n, key_id=range(n), name=["area"] * n, value=[row["zip_code"] for row in rows])
    spent = [(i, round(float(row["spend"]) * 100)) for i, row in enumerate(rows) if float(row["spend"]) > 0]
    keys = [i for i, _ in spent]
    shop.load("order_of", order_key=keys, order_id=keys, is_money_source=[1] * len(keys))
    shop.load("orders", order_key=keys, key_id=keys, ordered_at=[5] * len(keys))
    shop.load(
        "order_ledger",
        order_key=keys,
        event=["sale"] * len(keys),
        part=["product"] * len(keys),
        amount_minor=[minor for _, minor in spent],
        currency=["USD"] * len(keys),
    )
    ask = Ask(now=10**13, experiments={"h": Experiment("h", control="No E-Mail")})

    read = fairness.assess(shop, "area", ask)

    overall = next(e for e in read if e.id == "benefit_difference" and "group" not in e.by)
    assert (overall.value, overall.low, overall.high) == pytest.approx((0.7698, 0.4851, 1.0545), abs=5e-5)
    groups = [e for e in read if e.id == "benefit_difference" and "group" in e.by]
    assert {e.by["group"] for e in groups} == {"Rural", "Surburban", "Urban"}
    assert sum(e.n or 0 for e in groups) == n
