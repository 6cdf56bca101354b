"""Each parity as a metric of its own: the very estimates that an assessment gives, and all of them in one metric or another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from persync.errors import ConfigError
from persync.measure.fairness import assess, groups, metrics, own
from persync.measure.fairness.directions import MEANS, RATES
from persync.measure.fairness_settings import FairnessSettings
from persync.measure.metric import Ask, Experiment, Metric
from persync.measure.rules import DAY
from persync.measure.segment_settings import SegmentRule, SegmentSettings

PEOPLE = 240
KNOWN: dict[str, Metric] = {metric.id: metric for metric in metrics.METRICS}
ASK = Ask(
    now=10**13,
    experiments={"t": Experiment("t", control="off")},
    segments=SegmentSettings(rules={"buyers": SegmentRule(min_orders=1)}),
    fairness=FairnessSettings(segments=("buyers",)),
)


@pytest.fixture
def filled(shop: Any) -> Any:
    """Two kinds of people known to two systems, mailed, tested, selling, complaining, held back and decided about."""
    keys = range(PEOPLE)
    for connection in (1, 2):
        shop.load("contacts", connection=[connection] * PEOPLE, key_id=keys)
    shop.load("person_of", key_id=keys, person=keys, hash=keys)
    kinds = ["a" if n < 150 else "b" for n in keys]
    shop.load("attributes", key_id=keys, name=["kind"] * PEOPLE, value=kinds, basis=["asked"] * PEOPLE)
    shop.load("assignments", connection=[3] * PEOPLE, experiment=["t"] * PEOPLE, key_id=keys, arm=["on", "off"] * (PEOPLE // 2))
    shop.add("campaigns", campaign_key=1, connection=1, sent_at=1)
    shop.add("campaign_levels", campaign_key=1, level=3)
    acts = [(n, action) for n in keys for action in (1, 3, 6, 7, 8) if n % action == 0]
    shop.load("touchpoints", connection=[1] * len(acts), campaign_key=[1] * len(acts), key_id=[n for n, _ in acts],
              action=[action for _, action in acts], happened_at=[1] * len(acts))  # fmt: skip
    shop.load("decisions", connection=[3] * PEOPLE, decision=["file"] * PEOPLE, key_id=keys, selected=[n % 2 for n in keys],
              qualified=[int(n % 3 == 0) for n in keys], score=[n / PEOPLE for n in keys])  # fmt: skip
    for key in range(1, PEOPLE, 3):
        shop.order(key, key, 1_000 + 10 * key, ordered_at=5 if key % 2 else 100 * DAY)
        shop.add("order_lines", order_key=key, line="1", quantity=1)
        if key % 2:
            shop.add("order_discounts", order_key=key, discount="d", amount_minor=key, currency="EUR")
            shop.post(key, 300, "shipping", entry="s")
    return shop


def test_every_metric_gives_what_an_assessment_says_of_its_matter_and_together_they_give_all(filled: Any) -> None:
    """Whole estimates, compared with those of `persync fairness` of the mail, of the decision and of the segment."""
    told = [
        *assess(filled, "kind", ASK),
        *assess(filled, "kind", ASK, decision="file"),
        *own.assess_each(filled, [groups.of(filled, "kind")], ASK, own.Own("buyers")),
    ]
    asked = replace(ASK, by=("kind",))

    found = {id: list(metric.compute(filled, asked)) for id, metric in KNOWN.items()}

    assert {id for id, some in found.items() if not some} == set()
    assert {id for id, some in found.items() if any(one not in told for one in some)} == set()
    rates = {one.id for some in found.values() for one in some}
    assert {*RATES, *MEANS} - rates == {"matched_rate"}  # whom the systems know is no parity of the catalogue
    fifths = [one for one in told if one.id == "four_fifths"]
    assert sorted(map(str, found["four_fifths"])) == sorted(map(str, fifths))
    assert {one.by["decision"] for one in found["equal_opportunity"]} == {"file", "segment buyers"}
    assert {one.id for one in found["offer_parity"]} >= {"offer_value", "offer_value_parity", "offered_rate", "price_paid"}
    assert not any(one.id.startswith("exposure_dose") for one in found["demographic_parity"])


def test_without_decisions_or_attributes_a_metric_is_null_with_the_reason(shop: Any) -> None:
    nothing = [KNOWN["equalised_odds"].compute(shop, ASK), KNOWN["demographic_parity"].compute(shop, ASK)]
    shop.load("attributes", key_id=[1, 2], name=["kind"] * 2, value=["a", "b"], basis=["asked"] * 2)
    shop.load("attributes", key_id=[1, 2], name=["bare"] * 2, value=["a", "b"])
    undecided = KNOWN["predictive_parity"].compute(shop, Ask(now=10**13, by=("kind",)))
    bare = KNOWN["burden_parity"].compute(shop, Ask(now=10**13, by=("bare",)))

    assert [[one.reason for one in some] for some in nothing] == [["no_attributes"], ["no_attributes"]]
    assert [(one.id, one.reason) for one in undecided] == [("predictive_parity", "no_decisions")]
    assert [(one.id, one.reason) for one in bare] == [("burden_parity", "no_basis")]


def test_a_decision_about_nobody_in_the_period_is_null_in_every_metric_of_decisions(filled: Any) -> None:
    """Imported ones of 1970 and a segment of the same year, asked of the next."""
    filled.db.execute("UPDATE decisions SET decided_at = 1")
    asked = replace(ASK, now=400 * DAY, period=(390 * DAY, 399 * DAY), by=("kind",))

    found = KNOWN["equal_opportunity"].compute(filled, asked)

    file, segment = ([one for one in found if one.by["decision"] == name] for name in ("file", "segment buyers"))
    assert [(one.id, one.reason) for one in file] == [("equal_opportunity", "no_denominator")]
    assert {(one.id, one.reason) for one in segment} >= {("equal_opportunity", "immature")}


def test_a_parity_by_what_nobody_has_is_refused(filled: Any) -> None:
    with pytest.raises(ConfigError, match="cannot be sliced by 'kin'") as refused:
        KNOWN["offer_parity"].compute(filled, replace(ASK, by=("kin",)))

    assert "kind" in refused.value.hint
