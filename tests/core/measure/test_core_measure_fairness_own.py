"""Persync's own segments and scores as decisions: as of the period's start, and like an imported decision from there on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import METRICS
from persync.measure.fairness import decisions, groups, own
from persync.measure.fairness.mitigation import mitigate
from persync.measure.fairness.mitigation.told import FRONTIER
from persync.measure.fairness_settings import FairnessSettings
from persync.measure.metric import Ask
from persync.measure.rules import DAY
from persync.measure.segment_settings import SegmentRule, SegmentSettings
from persync.measure.value import outlooks
from persync.measure.value.predicted import cltv_predictive
from persync.measure.value_settings import ValueSettings

START = 20_000 * DAY
PEOPLE = 300
ASK = Ask(
    now=START + 90 * DAY,
    period=(START, START + 60 * DAY),
    segments=SegmentSettings(rules={"buyers": SegmentRule(min_orders=1), "heavy": SegmentRule(min_orders=2)}),
)


def sell(shop: Any, orders: list[tuple[int, int, int]]) -> None:
    """Sell orders of (person, minor units, moment) in one go."""
    n, keys = len(orders), range(1, len(orders) + 1)
    people, money, moments = zip(*orders, strict=True)
    shop.load("order_of", order_key=keys, order_id=keys, is_money_source=[1] * n)
    shop.load("orders", order_key=keys, connection=[1] * n, kind=["order"] * n, key_id=people, ordered_at=moments,
              status=["paid"] * n, is_test=[0] * n, currency=["EUR"] * n)  # fmt: skip
    shop.load("order_ledger", order_key=keys, entry=["s"] * n, event=["sale"] * n, part=["product"] * n, happened_at=moments,
              amount_minor=money, currency=["EUR"] * n)  # fmt: skip


def before(person: int) -> bool:
    """Tell who had ordered before the period: half of one group, a fifth of the other."""
    return person % 10 < (5 if person % 2 else 2)


def within(person: int) -> bool:
    """Tell who ordered in the thirty days after its start."""
    return person % 7 < 3


@pytest.fixture
def people(shop: Any) -> Any:
    """300 people of two groups. Everybody ordered on the 31st day too, which is neither before nor within."""
    keys = range(PEOPLE)
    shop.load("contacts", connection=[1] * PEOPLE, key_id=keys, created_at=[START - 400 * DAY] * PEOPLE)
    shop.load("person_of", key_id=keys, person=keys, hash=[n // 2 for n in keys])
    shop.load("attributes", key_id=keys, name=["kind"] * PEOPLE, value=["b", "a"] * (PEOPLE // 2), basis=["b"] * PEOPLE)
    when = {n: [START - DAY] * before(n) + [START] * within(n) + [START + 30 * DAY] for n in keys}
    sell(shop, [(n, 1_000 + n, at) for n in keys for at in when[n]])
    return shop


def bare(some: list[Estimate]) -> list[Estimate]:
    """Return estimates without what names them: the decision, its notes and its days."""
    return [replace(e, by={**e.by, "decision": ""}, note="", period=None) for e in some if e.id != "calibration"]


def test_a_segment_is_assessed_like_an_imported_decision_of_the_periods_first_day(people: Any) -> None:
    """Membership by what was ordered before the period, the outcome by what was in the window: every figure is that of a file
    which says the same, and nothing that came later counts."""
    keys = range(PEOPLE)
    people.load("decisions", connection=[3] * PEOPLE, decision=["file"] * PEOPLE, key_id=keys, decided_at=[START] * PEOPLE,
                selected=[int(before(n)) for n in keys], qualified=[int(within(n)) for n in keys])  # fmt: skip
    made = [groups.of(people, "kind")]

    found = own.assess_each(people, made, ASK, own.Own("buyers"))

    assert bare(found) == bare(decisions.assess_each(people, made, ASK, "file"))
    rates = {e.by["group"]: e.value for e in found if e.id == "selection_rate" and "group" in e.by}
    assert rates == {"a": 0.4, "b": 0.2}
    assert next(e.by["verdict"] for e in found if e.id == "four_fifths" and e.by["of"] == "selection") == "below"
    assert found[0].note == "as of 2024-10-04; an order within 30 days is what turned out"
    assert {e.period for e in found} == {(START, START + 30 * DAY)}
    assert {e.by["decision"] for e in found} == {"segment buyers"}


def test_a_segment_is_mitigated_like_an_imported_decision_of_that_day(people: Any) -> None:
    keys = range(PEOPLE)
    people.load("decisions", connection=[3] * PEOPLE, decision=["file"] * PEOPLE, key_id=keys, decided_at=[START] * PEOPLE,
                selected=[int(before(n)) for n in keys], qualified=[int(within(n)) for n in keys])  # fmt: skip

    found = mitigate(people, ASK, "kind", own=own.Own("buyers"))

    assert unnoted(found) == unnoted(mitigate(people, ASK, "kind", "file"))
    assert {e.by["decision"] for e in found} == {"segment buyers"}
    assert {e.period for e in found} == {(START, START + 30 * DAY)}
    (ratio,) = [e for e in found if e.id == "bias_mitigation" and e.by.get("state") == "before"]
    assert (ratio.by["group"], ratio.by["against"], ratio.n) == ("b", "a", 148)
    assert ratio.note.endswith("learnt on 152 others, and the suggestion chosen among those by cross-fitting (76 and 76)")
    assert "whoever ordered within 30 days of the moment is taken for a right choice" in ratio.note


def unnoted(some: list[Estimate]) -> list[Estimate]:
    return [replace(e, by={**e.by, "decision": ""}, note="", period=None) for e in some]


def test_group_thresholds_are_of_the_score_and_a_segment_has_none(people: Any) -> None:
    """Orders alone make the engagement score: by it, each group may have a line of its own."""
    reasons = [
        {e.by["method"]: e.reason for e in mitigate(people, ASK, "kind", own=one) if e.id == "bias_mitigation"}
        for one in (own.Own("engagement", 1.0), own.Own("buyers"))
    ]

    assert [some["group_thresholds"] for some in reasons] == [None, "no_scores"]


def test_until_the_window_is_over_nothing_is_mitigated(people: Any) -> None:
    (one,) = mitigate(people, replace(ASK, now=START + 29 * DAY), "kind", own=own.Own("buyers"))

    assert (one.id, one.value, one.reason) == ("bias_mitigation", None, "immature")


@pytest.mark.parametrize("id", ["bias_mitigation", "fairness_roi_frontier"])
def test_a_metric_of_mitigation_takes_what_is_behind_the_surest_gap(people: Any, id: str) -> None:
    """No decision was imported: the segment that [fairness] names is behind the gap, and its mitigation is the metric's;
    without it there is nothing to mitigate."""
    (metric,) = [one for one in METRICS if one.id == id]
    named = replace(ASK, by=("kind",), fairness=FairnessSettings(segments=("buyers",)))

    found = metric.compute(people, named)
    (none,) = metric.compute(people, replace(named, fairness=FairnessSettings()))

    every = mitigate(people, ASK, "kind", own=own.Own("buyers"))
    assert unnoted(found) == unnoted([e for e in every if (e.id in FRONTIER) == (id == "fairness_roi_frontier")])
    assert found[0].note.endswith("the segment 'buyers' is behind the surest gap by kind")
    assert (none.id, none.value, none.reason, none.by) == (id, None, "no_gap", {"attribute": "kind"})


def test_until_the_window_is_over_only_who_is_selected_is_told(people: Any) -> None:
    early = replace(ASK, now=START + 29 * DAY)
    before_it = replace(ASK, now=START - DAY)

    found = own.assess_each(people, [groups.of(people, "kind")], early, own.Own("buyers"))
    (none,) = own.assess_each(people, [groups.of(people, "kind")], before_it, own.Own("buyers"))

    assert next(e.value for e in found if e.id == "selection_rate" and e.by.get("group") == "a") == 0.4
    assert {e.reason for e in found if e.id in ("equal_opportunity", "equalised_odds", "predictive_parity")} == {"immature"}
    assert (none.id, none.value, none.reason) == ("selection_rate", None, "immature")


def test_without_a_period_it_is_the_last_day_whose_window_is_over(people: Any) -> None:
    """The last order is of the 31st day: thirty days before that somebody was in the segment who had ordered by then."""
    whole = replace(ASK, period=None, fairness=FairnessSettings(window_days=10))

    found = own.assess_each(people, [groups.of(people, "kind")], whole, own.Own("buyers"))

    at = START + 30 * DAY + 1 - 10 * DAY
    assert {e.period for e in found} == {(at, at + 10 * DAY)}
    rate = next(e for e in found if e.id == "selection_rate" and "group" not in e.by)
    assert rate.value == pytest.approx(sum(before(n) or within(n) for n in range(PEOPLE)) / PEOPLE)
    assert {e.value for e in found if e.id == "base_rate" and "group" not in e.by} == {1.0}


def test_a_burden_by_the_settings_turns_who_is_worse_off(people: Any) -> None:
    turned = replace(ASK, fairness=FairnessSettings(burdens=("segment buyers",)))
    made = [groups.of(people, "kind")]

    worse = [
        next(e.by["group"] for e in own.assess_each(people, made, ask, own.Own("buyers")) if e.id == "demographic_parity")
        for ask in (ASK, turned)
    ]

    assert worse == ["b", "a"]


def test_the_engagement_score_selects_whoever_has_the_threshold(people: Any) -> None:
    """Orders are all that anybody did: whoever had one has a score above nothing."""
    found = own.assess_each(people, [groups.of(people, "kind")], ASK, own.Own("engagement", 1.0))

    assert {e.by["group"]: e.value for e in found if e.id == "selection_rate" and "group" in e.by} == {"a": 0.4, "b": 0.2}
    assert "from 1 of 100 on" in found[0].note


@pytest.fixture
def returning(shop: Any) -> Any:
    """400 customers, most of whom come back, for two years before the period."""
    rng = np.random.default_rng(7)
    shop.load("person_of", key_id=range(400), person=range(400), hash=range(400))
    shop.load("attributes", key_id=range(400), name=["kind"] * 400, value=["a", "b"] * 200, basis=["b"] * 400)
    orders = []
    for person in range(400):
        at, rate = START - int(rng.integers(200, 700)) * DAY, rng.gamma(2, 0.01)
        while at < START + 60 * DAY and rng.random() > 0.12:
            orders.append((person, int(rng.lognormal(7, 0.5)), at))
            at += max(1, int(rng.exponential(1 / rate))) * DAY
    sell(shop, orders)
    return shop


def test_churn_and_value_of_each_customer_come_to_what_is_told_of_all_on_that_day(returning: Any) -> None:
    """The mean of the customers is that of cltv_predictive asked at the moment, and customers_active; from the median on half
    are selected. Of churn, whoever does not order is what was right to select."""
    ask = replace(ASK, value=ValueSettings(min_repeat_buyers=50))
    made = [groups.of(returning, "kind")]
    told = {e.id: e for e in cltv_predictive(returning, replace(ask, now=START, period=None)) if not e.by}

    seen = outlooks.outlooks(returning, ask, START)
    rows = returning.rows(f"WITH {seen.text} SELECT o.gone AS gone, o.worth AS worth FROM outlooks AS o", seen.params)

    gone, worth = (np.array([row[name] for row in rows]) for name in ("gone", "worth"))
    assert len(rows) == told["customers_active"].n
    assert 1 - gone.mean() == pytest.approx(told["customers_active"].value)
    assert worth.mean() == pytest.approx(told["cltv_predictive"].value)
    for name, values in (("churn", gone), ("value", worth)):
        least = float(np.median(values))
        found = own.assess_each(returning, made, ask, own.Own(name, least))
        whole = {e.id: e for e in found if "group" not in e.by and "against" not in e.by}
        assert whole["selection_rate"].value == pytest.approx((values >= least).mean())
        assert whole["selection_rate"].n == len(rows)
        assert whole["calibration"].reason == "no_scores"
    placed = returning.rows("SELECT o.key_id AS person, o.ordered_at AS at FROM orders AS o")
    ordered = {row["person"] for row in placed if START <= row["at"] < START + 30 * DAY}
    known = {row["person"] for row in placed if row["at"] < START}
    came = len(ordered & known) / len(rows)
    bases = [
        next(e.value for e in own.assess_each(returning, made, ask, one) if e.id == "base_rate" and "group" not in e.by)
        for one in (own.Own("value", 1.0), own.Own("churn", 0.5))
    ]
    assert bases == pytest.approx([came, 1 - came])


def test_a_score_that_cannot_be_told_is_null_with_its_reason(people: Any) -> None:
    (one,) = own.assess_each(people, [groups.of(people, "kind")], ASK, own.Own("churn", 0.5))

    assert (one.id, one.value, one.reason) == ("selection_rate", None, "too_few_repeat_buyers")


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (own.Own("buyer"), "there is no segment 'buyer'"),
        (own.Own("life-cycle: risky"), "there is no segment 'life-cycle: risky'"),
        (own.Own("churned", 0.5), "there is no score 'churned'"),
    ],
)
def test_a_segment_or_score_that_there_is_not_is_refused_with_the_nearest(people: Any, one: own.Own, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        own.assess_each(people, [groups.of(people, "kind")], ASK, one)

    assert refused.value.hint
