"""Slicing people: by arm, attribute, cohort and system, and a metric by arm with what its differences may claim."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from persync.engine.engine import Engine
from persync.errors import ConfigError, DataError
from persync.estimate import Estimate
from persync.measure import grouping as groups
from persync.measure import intervals, rules
from persync.measure.arms import by_arm
from persync.measure.metric import Ask, Experiment, Metric
from persync.measure.texts import join, run

ASK = Ask(now=10**13, timezone="Europe/Berlin", experiments={"test": Experiment("test", control="control")})


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def people(shop: Any, number: int) -> None:
    keys = range(1, number + 1)
    shop.load("person_of", key_id=keys, person=keys, hash=[0] * number)


def cells(shop: Any, ask: Ask, **more: Any) -> dict[tuple[str, ...], int]:
    cut = groups.grouping(shop, ask, "it", **more)
    final = f"SELECT COUNT(*) AS people{cut.columns} FROM grouped AS g GROUP BY {cut.grouping.removeprefix(', ')}"
    rows = run(shop, join(*cut.texts, final), cut.params)
    return {tuple(cut.by(row).values()): int(row["people"]) for row in rows}


def test_people_are_sliced_by_attribute_and_arm_and_nobody_of_the_experiment_is_dropped(shop: Any) -> None:
    """Whoever has no value is in the group unknown; whoever is in no arm is not in the table, and in two arms in none."""
    people(shop, 8)
    shop.load("attributes", connection=[1] * 3, key_id=[1, 2, 5], name=["country"] * 3, value=["AT", "DE", "AT"])
    shop.load(
        "assignments",
        connection=[3, 3, 3, 3, 3, 4],
        experiment=["test"] * 6,
        key_id=[1, 2, 3, 4, 5, 5],
        arm=["a", "a", "a", "b", "b", "a"],
    )

    assert cells(shop, replace(ASK, by=("country",))) == {("AT",): 2, ("DE",): 1, ("unknown",): 5}
    assert cells(shop, replace(ASK, by=("arm", "country"), arm="test")) == {
        ("a", "AT"): 1,
        ("a", "DE"): 1,
        ("a", "unknown"): 1,
        ("b", "unknown"): 1,
    }


def test_a_cohort_is_the_month_of_the_first_counted_order_in_the_shops_zone(shop: Any) -> None:
    """An hour before the month ends in UTC it is the next one in Berlin; a cancelled first order founds no cohort."""
    people(shop, 4)
    shop.order(1, 1, 500, ordered_at=at("2025-01-31T22:59:59"))
    shop.order(2, 2, 500, ordered_at=at("2025-01-31T23:00:00"))
    shop.order(3, 2, 500, ordered_at=at("2025-06-30T12:00:00"))
    shop.order(4, 3, 500, ordered_at=at("2025-02-10T12:00:00"), cancelled_at=5)

    assert cells(shop, replace(ASK, by=("coh",))) == {("2025-01",): 1, ("2025-02",): 1, ("no order",): 2}


def test_by_system_a_person_stands_in_each_that_knows_them(shop: Any) -> None:
    shop.add("connections", connection=1, name="mail", connector="mailchimp")
    shop.add("connections", connection=2, name="shop", connector="shopify")
    shop.load("contacts", connection=[1, 2], key_id=[1, 2])
    shop.load("person_of", key_id=[1, 2, 3], person=[1, 1, 3], hash=[0, 0, 0])

    assert cells(shop, replace(ASK, by=("acct",))) == {("mail",): 1, ("shop",): 1, ("unknown",): 1}


def test_the_callers_own_people_are_sliced(shop: Any) -> None:
    people(shop, 3)
    shop.load("attributes", connection=[1], key_id=[1], name=["country"], value=["AT"])
    cut = groups.grouping(shop, replace(ASK, by=("country",)), "it", people="mine")

    rows = run(
        shop,
        join(
            "mine AS (SELECT 7 AS person UNION ALL SELECT 1 AS person)",
            *cut.texts,
            "SELECT g.person AS person, g.d0 AS d0 FROM grouped AS g ORDER BY 1",
        ),
        cut.params,
    )

    assert [(row["person"], row["d0"]) for row in rows] == [(1, "AT"), (7, "unknown")]


@pytest.mark.parametrize(
    ("by", "arm", "said"),
    [
        (("contry",), None, "'contry'"),
        (("arm",), None, "an experiment must be named"),
        (("arm",), "tset", "no experiment 'tset'"),
        (("country", "tier"), None, "one attribute at a time"),
        (("country", "country"), None, "twice"),
    ],
)
def test_a_dimension_that_there_is_not_is_refused(shop: Any, by: tuple[str, ...], arm: str | None, said: str) -> None:
    shop.load("attributes", connection=[1] * 2, key_id=[1, 1], name=["country", "tier"], value=["AT", "gold"])
    shop.load("assignments", connection=[3], experiment=["other"], key_id=[1], arm=["a"])

    with pytest.raises(ConfigError, match=said):
        groups.grouping(shop, replace(ASK, by=by, arm=arm), "it")


def test_numbers_are_no_groups(shop: Any) -> None:
    shop.load("attributes", connection=[1] * 60, key_id=range(60), name=["age"] * 60, value=list(map(str, range(60))))

    with pytest.raises(DataError, match="no groups"):
        groups.grouping(shop, replace(ASK, by=("age",)), "it")


def test_small_groups_are_hidden_alike_in_every_other_slice() -> None:
    """One of two people in an arm hides the group in both, and another one with it, so that no total gives it away."""
    cells = [
        ({"arm": arm, "country": name}, n)
        for arm, sizes in (("a", (2, 9, 30)), ("b", (8, 9, 30)))
        for name, n in zip(("AT", "DE", "FR"), sizes, strict=True)
    ]

    assert groups.hidden(cells, "country", ASK) == {"AT", "DE"}


def _metric(values: dict[str, Estimate], *, compares: bool = True) -> Metric:
    def compute(engine: Engine, ask: Ask) -> list[Estimate]:
        return [replace(one, by={"arm": arm}) for arm, one in values.items()]

    return Metric("bought", "", "", "", "share", compute, dimensions=("arm",), compares_arms=compares)


@pytest.mark.parametrize(("holdout", "label"), [(False, "randomised"), (True, "holdout")])
def test_a_share_by_arm_differs_by_newcombes_interval_with_the_draws_label(shop: Any, *, holdout: bool, label: str) -> None:
    """The same numbers that reading the experiment gives."""
    shop.load("assignments", connection=[3] * 600, experiment=["test"] * 600, key_id=range(600), arm=["a", "control"] * 300)
    values = {"a": rules.share("bought", 90, 300, ASK, {}), "control": rules.share("bought", 60, 300, ASK, {})}
    ask = replace(ASK, arm="test", experiments={"test": Experiment("test", control="control", holdout=holdout)})

    found = by_arm(shop, _metric(values), ask)

    expected = intervals.newcombe(90, 300, 60, 300)
    (difference,) = [e for e in found if e.id == "bought_difference"]
    assert difference == Estimate(
        "bought_difference",
        *expected,
        n=600,
        unit="points",
        label=label,
        by={"experiment": "test", "arm": "a", "against": "control"},
        note="of those who are counted, whom the arm may change too",
    )
    assert [e.by["arm"] for e in found if e.id == "bought"] == ["a", "control"]


def test_what_is_no_number_of_the_people_of_an_arm_has_a_null_difference_that_says_why(shop: Any) -> None:
    shop.load("assignments", connection=[3] * 2, experiment=["test"] * 2, key_id=range(2), arm=["a", "control"])
    values = {"a": rules.share("bought", 90, 300, ASK, {}), "control": rules.share("bought", 60, 300, ASK, {})}

    found = by_arm(shop, _metric(values, compares=False), replace(ASK, arm="test"))

    assert [(e.id, e.reason) for e in found] == [("bought", None), ("bought", None), ("bought_difference", "after_draw")]


def test_arms_that_are_not_of_the_planned_sizes_decide_nothing(shop: Any) -> None:
    shop.load(
        "assignments", connection=[3] * 500, experiment=["test"] * 500, key_id=range(500), arm=["a"] * 300 + ["control"] * 200
    )
    values = {"a": rules.share("bought", 90, 300, ASK, {}), "control": rules.share("bought", 60, 200, ASK, {})}

    (difference,) = [e for e in by_arm(shop, _metric(values), replace(ASK, arm="test")) if e.id == "bought_difference"]

    assert "no verdict" in difference.note


def test_an_arm_without_a_value_leaves_a_difference_with_its_reason(shop: Any) -> None:
    shop.load("assignments", connection=[3] * 2, experiment=["test"] * 2, key_id=range(2), arm=["a", "control"])
    values = {"a": rules.share("bought", 90, 300, ASK, {}), "control": rules.share("bought", 0, 0, ASK, {})}

    (difference,) = [e for e in by_arm(shop, _metric(values), replace(ASK, arm="test")) if e.id == "bought_difference"]

    assert (difference.value, difference.reason) == (None, "no_denominator")
