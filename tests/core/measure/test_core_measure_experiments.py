from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import pytest

from persync.estimate import Estimate
from persync.measure import experiments
from persync.measure.metric import Ask, Experiment

ASK = Ask(now=10**13)
ARMS = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "none"}


def pick(estimates: list[Estimate], id: str, **by: str) -> Estimate:
    (found,) = [e for e in estimates if e.id == id and by.items() <= e.by.items()]
    return found


@pytest.fixture(scope="module")
def real(hillstrom: Path) -> list[dict[str, str]]:
    with gzip.open(hillstrom, "rt", newline="") as file:
        return list(csv.DictReader(file))


def load_real(shop: Any, real: list[dict[str, str]]) -> None:
    people = range(1, len(real) + 1)
    names = {"mens": 1, "womens": 2, "none": 3}
    for arm, segment in names.items():
        shop.add("segments", segment_id=segment, connection=1, kind="tag", vendor_id=str(segment), name=f"hillstrom:{arm}")
    shop.load("memberships", key_id=list(people), segment_id=[names[ARMS[row["segment"]]] for row in real])
    shop.load(
        "outcomes",
        connection=[3] * len(real),
        key_id=list(people),
        outcome=["visit"] * len(real),
        happened_at=[1000] * len(real),
        value=[float(row["visit"]) for row in real],
    )
    buyers = [(i, round(float(row["spend"]) * 100)) for i, row in zip(people, real, strict=True) if float(row["spend"]) > 0]
    keys = [i for i, _ in buyers]
    shop.load("order_of", order_key=keys, order_id=keys, is_money_source=[1] * len(keys))
    shop.load(
        "orders", order_key=keys, connection=[1] * len(keys), key_id=keys, ordered_at=[500] * len(keys), is_test=[0] * len(keys)
    )
    shop.load(
        "order_ledger",
        order_key=keys,
        entry=["1"] * len(keys),
        event=["sale"] * len(keys),
        part=["product"] * len(keys),
        happened_at=[500] * len(keys),
        amount_minor=[minor for _, minor in buyers],
        currency=["USD"] * len(keys),
    )


def test_the_published_lift_of_the_real_test_is_found(shop: Any, real: list[dict[str, str]]) -> None:
    """Arms, differences, intervals and p-values agree with those published for Hillstrom's e-mail test."""
    load_real(shop, real)
    experiment = Experiment(
        "hillstrom", tags={arm: f"hillstrom:{arm}" for arm in ("mens", "womens", "none")}, control="none", since=0, days=14
    )

    read = experiments.read(shop, experiment, ASK)

    assert [e.value for e in read if e.id == "arm_size"] == [21307, 21306, 21387]
    assert pick(read, "sample_ratio").p == pytest.approx(0.904, abs=5e-4)
    men = pick(read, "difference", arm="mens", outcome="revenue")
    assert (men.value, men.low, men.high) == pytest.approx((0.7698, 0.4851, 1.0545), abs=5e-5)
    assert men.p == pytest.approx(1.16e-07, rel=5e-3)
    assert (men.unit, men.label, men.n) == ("USD", "randomised", 42613)
    women = pick(read, "difference", arm="womens", outcome="revenue")
    assert (women.value, women.low, women.high) == pytest.approx((0.4244, 0.1690, 0.6799), abs=5e-5)
    assert pick(read, "difference", arm="mens", outcome="conversion").value == pytest.approx(0.006805, abs=5e-7)
    assert pick(read, "difference", arm="womens", outcome="conversion").value == pytest.approx(0.003111, abs=5e-7)
    assert pick(read, "difference", arm="mens", outcome="visit").value == pytest.approx(0.076590, abs=5e-7)
