from __future__ import annotations

import csv
import gzip
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, demographic_parity_difference, demographic_parity_ratio, selection_rate
from hypothesis import given, settings
from hypothesis import strategies as st

from persync.errors import DataError
from persync.estimate import Estimate
from persync.measure import METRICS, fairness, rules
from persync.measure.fairness import benefit, scan
from persync.measure.metric import Ask, Experiment

ASK = Ask(now=10**13)
untimed = settings(deadline=None)  # how long an example takes is the machine's matter, and the oracles are slow


def pick(estimates: list[Estimate], id: str, **by: str) -> Estimate:
    (found,) = [e for e in estimates if e.id == id and by.items() <= e.by.items()]
    return found


def decide(shop: Any, cells: dict[str, tuple[int, int]]) -> None:
    """Decide about people in groups: {group: (selected, people)}."""
    key = 0
    for group, (selected, people) in cells.items():
        keys = list(range(key, key + people))
        key += people
        if group != "unknown":
            shop.load("attributes", connection=[3] * people, key_id=keys, name=["kind"] * people, value=[group] * people)
        chosen = [1] * selected + [0] * (people - selected)
        shop.load("decisions", connection=[3] * people, decision=["offer"] * people, key_id=keys, selected=chosen)


def test_the_worked_example_is_not_shown_either_way(shop: Any) -> None:
    """359 of 2,100 and 83 of 700: the ratio is 0.6936, but 0.8 lies inside its interval."""
    decide(shop, {"a": (359, 2100), "b": (83, 700)})

    read = fairness.assess(shop, "kind", ASK, decision="offer")

    fifths = pick(read, "four_fifths", group="b", against="a")
    assert (fifths.value, fifths.low, fifths.high) == pytest.approx((0.6936, 0.555, 0.867), abs=5e-4)
    assert (fifths.by["verdict"], fifths.note, fifths.label, fifths.n) == ("not shown", "not shown", "raw difference", 2800)
    assert pick(read, "selection_difference", group="b").value == pytest.approx(83 / 700 - 359 / 2100)


def test_nobody_of_twelve_has_an_upper_bound_and_is_too_few_for_a_verdict(shop: Any) -> None:
    """Wilson's bound of 0 of 12 is z^2 / (12 + z^2); the ratio of nothing is no proof of less than four fifths."""
    decide(shop, {"a": (359, 2100), "b": (0, 12)})

    read = fairness.assess(shop, "kind", ASK, decision="offer")

    z = 1.959963984540054
    rate = next(e for e in read if e.id == "selection_rate" and e.by.get("group") == "b")
    assert (rate.value, rate.low, rate.high, rate.n) == (0.0, 0.0, pytest.approx(z**2 / (12 + z**2)), 12)
    fifths = pick(read, "four_fifths", group="b", against="a")
    assert (fifths.value, fifths.low, fifths.by["verdict"]) == (0.0, 0.0, "not shown")
    assert fifths.high is not None
    assert fifths.high > 1
    assert fifths.note == "not shown; too few to say"
    assert pick(read, "selection_smallest_gap", group="b").note.endswith("seen with a power of 80 %")


@pytest.mark.parametrize(
    ("b", "expected"),
    [
        ((830, 7000), "below"),
        ((1190, 7000), "meets"),
        ((0, 700), "below"),
        ((0, 29), "not shown"),
        ((27, 28), "not shown"),
    ],
)
def test_verdicts_need_the_whole_interval_and_enough_people(shop: Any, b: tuple[int, int], expected: str) -> None:
    """Below and meets are said of large groups alone; nobody selected of many is below, twenty-nine people are nothing."""
    decide(shop, {"a": (3590, 21000), "b": b})

    read = fairness.assess(shop, "kind", ASK, decision="offer")

    assert pick(read, "four_fifths", group="b", against="a").by["verdict"] == expected


@settings(untimed, max_examples=30)
@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.integers(40, 300).flatmap(lambda n: st.tuples(st.integers(11, n), st.just(n))), min_size=2
    )
)
def test_point_values_are_fairlearns(cells: dict[str, tuple[int, int]]) -> None:
    """Rates, the largest difference and the smallest ratio agree with fairlearn's metrics on the single people."""
    group = np.concatenate([[name] * n for name, (_, n) in cells.items()])
    chosen = np.concatenate([[1] * s + [0] * (n - s) for s, n in cells.values()])
    frame = MetricFrame(metrics=selection_rate, y_true=chosen, y_pred=chosen, sensitive_features=group)

    read = fairness.rates("selection", cells, frozenset(), ASK, {"attribute": "kind"}).estimates()

    assert {e.by["group"]: e.value for e in read if e.id == "selection_rate" and "group" in e.by} == pytest.approx(
        frame.by_group.to_dict()
    )
    assert next(e for e in read if e.id == "selection_rate" and "group" not in e.by).value == pytest.approx(frame.overall)
    spread = pick(read, "demographic_parity", statistic="difference")
    ratio = pick(read, "demographic_parity", statistic="ratio")
    assert spread.value == pytest.approx(demographic_parity_difference(chosen, chosen, sensitive_features=group))
    assert ratio.value == pytest.approx(demographic_parity_ratio(chosen, chosen, sensitive_features=group))
    for e in (spread, ratio):
        assert e.low is not None
        assert e.low <= e.value <= e.high


@untimed
@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 40), min_size=1), st.integers(2, 12))
def test_hidden_cells_cannot_be_worked_out(cells: dict[str, int], floor: int) -> None:
    """A total less the shown cells leaves either nothing, or two cells or more that hold at least `floor` people together,
    unless the whole table has no more to give; and no small cell is shown."""
    hide = rules.hidden(cells, floor)

    assert not any(0 < n < floor for name, n in cells.items() if name not in hide)
    left = sum(cells[name] for name in hide)
    people = {name for name, n in cells.items() if n > 0}
    assert not hide or hide == people or (len(hide) >= 2 and left >= floor)
    assert hide <= people


@untimed
@given(
    st.lists(st.fixed_dictionaries({name: st.integers(0, 30) for name in "abcde"}), min_size=1, max_size=3),
)
def test_no_table_gives_away_what_another_hides(tables: list[dict[str, int]]) -> None:
    """Several tables over the same groups hide the same groups, and each of them hides enough."""
    hide = rules.hidden_in_any(tables, 5)

    for table in tables:
        assert rules.hidden(table, 5, hide) <= hide
        mine = {name for name in hide if table[name]}
        assert (
            not mine
            or mine == {name for name, n in table.items() if n}
            or (len(mine) >= 2 and sum(table[name] for name in mine) >= 5)
        )


@untimed
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c", "d", "unknown"]),
        st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
        min_size=2,
    )
)
def test_a_hidden_group_appears_in_no_number(cells: dict[str, tuple[int, int]]) -> None:
    """Nothing about a hidden group is shown: no value, bound, p-value or count, and what is shown contains its value."""
    hide = rules.hidden({name: n for name, (_, n) in cells.items()}, 5)

    read = fairness.rates("selection", cells, hide, ASK, {"attribute": "kind"}).estimates()

    for e in read:
        if {e.by.get("group"), e.by.get("against")} & hide:
            assert (e.value, e.low, e.high, e.p, e.n, e.reason) == (None, None, None, None, None, "suppressed")
            assert e.by.get("verdict", "not shown") == "not shown"
        if e.value is not None and e.low is not None and e.high is not None:
            assert e.low <= e.value <= e.high
        if e.by.get("verdict") == "meets":
            assert cells[e.by["group"]][1] >= ASK.report_n


def test_two_people_are_hidden_together_with_the_next_smallest_group(shop: Any) -> None:
    """A group of two would make the ratio 0; it is hidden and says so, and the total does not give it away."""
    decide(shop, {"a": (100, 400), "b": (40, 200), "c": (10, 60), "d": (0, 2)})

    read = fairness.assess(shop, "kind", ASK, decision="offer")

    assert {e.by["group"] for e in read if e.reason == "suppressed"} == {"c", "d"}
    assert pick(read, "demographic_parity", statistic="ratio").by["group"] == "b"
    assert pick(read, "selection_rate", group="d").note == "hidden: cells of fewer than 5 people"


def test_unknown_is_a_group_and_never_the_measure(shop: Any) -> None:
    """People without the attribute are shown as a group; nobody is held against them."""
    decide(shop, {"a": (100, 400), "b": (60, 400), "unknown": (300, 400)})

    read = fairness.assess(shop, "kind", ASK, decision="offer")

    assert pick(read, "selection_rate", group="unknown").value == 0.75
    assert {e.by["against"] for e in read if "against" in e.by} == {"a"}
    assert pick(read, "demographic_parity", statistic="ratio").by["group"] == "b"


def test_people_whose_systems_disagree_are_unknown(shop: Any) -> None:
    """Two values for one person are no value."""
    decide(shop, {"a": (20, 100), "b": (20, 100)})
    shop.add("attributes", connection=4, key_id=0, name="kind", value="b")

    read = fairness.assess(shop, "kind", Ask(now=0, suppress_n=1), decision="offer")

    assert {e.by["group"]: e.n for e in read if e.id == "selection_rate" and "group" in e.by} == {
        "a": 99,
        "b": 100,
        "unknown": 1,
    }


def test_the_last_decision_of_the_period_is_the_one(shop: Any) -> None:
    """A person decided about twice counts once, as last decided; a decision outside the period does not count."""
    people = 40
    shop.load("attributes", connection=[3] * people, key_id=range(people), name=["kind"] * people, value=["a"] * people)
    for at, selected in ((10, 0), (20, 1), (99, 0)):
        shop.load(
            "decisions",
            connection=[3] * people,
            decision=["offer"] * people,
            key_id=range(people),
            decided_at=[at] * people,
            selected=[selected] * people,
        )

    read = fairness.assess(shop, "kind", Ask(now=0, period=(0, 50)), decision="offer")

    assert (read[0].value, read[0].n) == (1.0, people)


def test_few_strangers_among_many_are_told(shop: Any) -> None:
    """Twenty ids that the store knows from nothing else in 2,820: far less than one in a hundred, and told all the same."""
    decide(shop, {"a": (359, 2100), "b": (83, 700), "unknown": (20, 20)})

    told = pick(fairness.assess(shop, "kind", ASK, decision="offer"), "strangers_share")

    assert (told.value, told.n) == (pytest.approx(20 / 2820), 2820)


def test_no_share_held_back_is_made_where_nobody_selected_was_sent_anything(shop: Any) -> None:
    decide(shop, {"a": (359, 2100), "b": (83, 700)})

    before = pick(fairness.assess(shop, "kind", ASK, decision="offer"), "unsent_rate")
    shop.add("touchpoints", connection=1, campaign_key=1, key_id=0, action=1, happened_at=1)
    after = fairness.assess(shop, "kind", ASK, decision="offer")

    assert (before.value, before.reason) == (None, "no_sends")
    (overall,) = [e for e in after if e.id == "unsent_rate" and "group" not in e.by]
    assert (overall.value, overall.n) == (pytest.approx(441 / 442), 442)


def test_differences_are_counted_and_adjusted(shop: Any) -> None:
    """With several comparisons every note says how many, with the adjusted p-value."""
    decide(shop, {"a": (200, 400), "b": (100, 400), "c": (190, 400)})

    read = fairness.assess(shop, "kind", ASK, decision="offer")

    notes = [e.note for e in read if e.id == "selection_difference"]
    assert all(note.startswith("one of 2 comparisons, Holm-adjusted p ") for note in notes)
    assert pick(read, "four_fifths", group="b").note.startswith("below; one of 2 comparisons")


def mail(shop: Any, levels: dict[int, int | None], sends: list[tuple[int, int]]) -> None:
    """Send campaigns of given levels: (person, campaign) pairs."""
    for campaign, level in levels.items():
        shop.add("campaigns", campaign_key=campaign, connection=1, sent_at=100)
        shop.add("campaign_levels", campaign_key=campaign, level=level)
    shop.load(
        "touchpoints",
        connection=[1] * len(sends),
        campaign_key=[campaign for _, campaign in sends],
        key_id=[person for person, _ in sends],
        action=[1] * len(sends),
        happened_at=[100] * len(sends),
    )


def test_exposure_is_of_those_who_could_be_mailed(shop: Any) -> None:
    """The audience is contacts without a no and everybody sent something; unlabelled mail is neither exposure nor none."""
    shop.load("contacts", connection=[1] * 60, key_id=range(60))
    shop.load("attributes", connection=[1] * 60, key_id=range(60), name=["kind"] * 60, value=["a"] * 30 + ["b"] * 30)
    shop.load("consents", connection=[1] * 10, key_id=range(20, 30), channel=["email"] * 10, state=["unsubscribed"] * 10)
    mail(
        shop,
        {11: 2, 12: 1, 13: None},
        [(p, 11) for p in range(15)] + [(p, 12) for p in range(60) if p not in range(20, 30)] + [(40, 13)],
    )

    read = fairness.assess(shop, "kind", ASK)

    a, b = (pick(read, "exposure_rate", group=group) for group in "ab")
    assert (a.value, a.n) == (15 / 20, 20)
    assert (b.value, b.n) == (0.0, 29)
    assert pick(read, "exposure_unknown", group="b").value == pytest.approx(1 / 30)
    assert pick(read, "mean_sends", group="a").value == pytest.approx(35 / 20)
    assert pick(read, "exposure_dose", group="a").value == pytest.approx(15 / 20)
    assert pick(read, "four_fifths", group="b", of="exposure").by["verdict"] == "not shown"


def test_the_level_received_is_told_by_crossed_groups(shop: Any) -> None:
    """Each cell's mean of the highest level: by age and place together, not only by either."""
    people = range(240)
    ages, places = (["old", "young"] * 120, ["AT", "AT", "DE", "DE"] * 60)
    shop.load("contacts", connection=[1] * 240, key_id=people)
    for name, values in (("age", ages), ("place", places)):
        shop.load("attributes", connection=[1] * 240, key_id=people, name=[name] * 240, value=values)
    mail(shop, {11: 1, 12: 3}, [(p, 11) for p in people] + [(p, 12) for p in people if p % 4 == 3 or p % 8 == 0])

    read = fairness.assess(shop, ("age", "place"), ASK)

    found = {e.by["group"]: (e.value, e.n) for e in read if e.id == "mean_level" and "group" in e.by and "against" not in e.by}
    assert found == {
        "old × AT": (2.0, 60),
        "old × DE": (1.0, 60),
        "young × AT": (1.0, 60),
        "young × DE": (3.0, 60),
    }


def one_country(shop: Any, unknown: int) -> None:
    """A shop of 120 people in DE and some of nowhere known: all mailed, half personally, half bought, half tested, decided."""
    n = 120 + unknown
    people = range(n)
    shop.load("contacts", connection=[1] * n, key_id=people)
    shop.load("attributes", connection=[1] * 120, key_id=range(120), name=["country"] * 120, value=["DE"] * 120,
              basis=["asked"] * 120)  # fmt: skip
    shop.load("assignments", connection=[3] * n, experiment=["t"] * n, key_id=people, arm=(["on", "off"] * n)[:n])
    shop.load("decisions", connection=[3] * n, decision=["offer"] * n, key_id=people, selected=([1, 0] * n)[:n])
    mail(shop, {11: 3, 12: 0}, [(p, 11 + p % 2) for p in people])
    for key in range(1, n, 2):
        shop.order(key, key, 1000 + 10 * key, ordered_at=5)
        shop.add("order_lines", order_key=key, line="1", quantity=1)
        shop.add("order_discounts", order_key=key, discount="d", amount_minor=100, currency="EUR")


@pytest.mark.parametrize("unknown", [0, 60])
def test_a_shop_of_one_country_has_nothing_to_hold_it_against(shop: Any, unknown: int) -> None:
    """One known group, alone or beside `unknown`: it is told, every gap and test of groups is null with the reason, there is
    no verdict on it, and a scan that could compare nothing has found nothing out."""
    one_country(shop, unknown)
    ask = Ask(now=10**13, experiments={"t": Experiment("t", control="off")})

    read = [*fairness.assess(shop, "country", ask), *fairness.assess(shop, "country", ask, decision="offer")]
    scanned = scan.scan(shop, ask)

    told = {e.id for e in read if e.by.get("group") == "DE" and e.value is not None}
    assert told >= {"exposure_rate", "mean_sends", "mean_level", "discount_share", "price_paid", "selection_rate"}
    assert "benefit_difference" in told
    gaps = {e.id: (e.value, e.reason) for e in read if e.id.endswith("_parity") or e.id == "benefit_interaction"}
    labelled = {"predictive_parity": (None, "no_labels")}
    assert gaps == {**dict.fromkeys(gaps, (None, "one_group")), **labelled}
    assert gaps.keys() >= {"demographic_parity", "mean_sends_parity", "price_paid_parity", "benefit_parity"}
    assert {e.by["group"] for e in read if e.id == "four_fifths"} <= {"unknown"}
    assert (scanned[0].id, scanned[0].value, scanned[0].n) == ("bias_detection", None, 0)
    assert scanned[0].reason in ("one_group", "too_few")


def test_few_whose_attribute_is_missing_are_not_counted_out(shop: Any) -> None:
    """3 of 123 have no country: the group `unknown` is hidden, so its size is not told as a share either; 9 may be told."""
    one_country(shop, 3)
    few = pick(scan.scan(shop, ASK), "attribute_missing")
    shop.load("contacts", connection=[1] * 6, key_id=range(200, 206))
    more = pick(scan.scan(shop, ASK), "attribute_missing")

    assert (few.value, few.n, few.reason) == (None, None, "suppressed")
    assert (more.value, more.n) == (9 / 129, 129)


def test_a_group_that_gets_nothing_is_found(shop: Any) -> None:
    """Hundreds of people without a single personalised message are below four fifths, though they have no events."""
    shop.load("contacts", connection=[1] * 600, key_id=range(600))
    shop.load("attributes", connection=[1] * 600, key_id=range(600), name=["kind"] * 600, value=["a"] * 300 + ["b"] * 300)
    mail(shop, {11: 3}, [(p, 11) for p in range(150)])

    fifths = pick(fairness.assess(shop, "kind", ASK), "four_fifths", group="b")

    assert (fifths.value, fifths.by["verdict"]) == (0.0, "below")


def test_leaving_and_complaining_are_of_the_messages_delivered_and_not_of_the_people(shop: Any) -> None:
    """Two groups of 40, of whom ten each leave and complain of one message; one group got four messages each, the other one.

    Of the people that were the same burden, of the messages it is four times as much. A message that bounced is none.
    """
    mail(shop, {1: 2, 2: 2, 3: 2, 4: 2, 5: 2}, [(n, 1) for n in range(80)] + [(n, key) for key in (2, 3, 4) for n in range(40)])
    people = {"connection": [1] * 80, "key_id": [*range(80)], "name": ["kind"] * 80}
    shop.load("attributes", **people, value=["often"] * 40 + ["once"] * 40)
    for person, action in ((n, action) for n in (*range(10), *range(40, 50)) for action in (6, 7)):
        shop.add("touchpoints", connection=1, campaign_key=1, key_id=person, action=action, happened_at=2)
    for action in (1, 5, 6):
        shop.add("touchpoints", connection=1, campaign_key=5, key_id=79, action=action, happened_at=2)

    read = fairness.assess(shop, "kind", ASK)

    for id in ("unsubscribed_rate", "complained_rate"):
        assert pick(read, id, group="often").value == pytest.approx(10 / 160)
        assert pick(read, id, group="once").value == pytest.approx(10 / 40)
        assert pick(read, f"{id}_ratio", group="once", against="often").value == pytest.approx(4.0)
        (overall,) = [e for e in read if e.id == id and "group" not in e.by]
        assert (overall.value, overall.n) == (pytest.approx(20 / 200), 80)


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


def test_what_cannot_be_assessed_is_said(shop: Any) -> None:
    """An unknown attribute or decision, and a number instead of groups, each with what to do."""
    decide(shop, {"a": (100, 400), "b": (60, 400)})
    shop.load("attributes", connection=[3] * 800, key_id=range(800), name=["age"] * 800, value=[str(i) for i in range(800)])

    with pytest.raises(DataError, match="nobody in the store has the attribute 'knd'.*Did you mean 'kind'"):
        fairness.assess(shop, "knd", ASK)
    with pytest.raises(DataError, match="no decision 'ofer'.*Did you mean 'offer'"):
        fairness.assess(shop, "kind", ASK, decision="ofer")
    with pytest.raises(DataError, match="'age' has 800 values.*Coarsen"):
        fairness.assess(shop, "age", ASK, decision="offer")
    with pytest.raises(DataError, match="'age' has 800 values.*Coarsen"):
        benefit.assess(shop, "age", ASK)


def test_nobody_to_assess_is_null_with_the_reason(shop: Any) -> None:
    """The attribute and the decision exist, and nobody was mailed or decided about: no error, and no zero."""
    decide(shop, {"a": (100, 400), "b": (60, 400)})

    shop.db.execute("UPDATE decisions SET decided_at = 5")

    (exposure,) = fairness.assess(shop, "kind", ASK)
    (selection,) = fairness.assess(shop, "kind", replace(ASK, period=(10**14, 10**15)), decision="offer")

    assert (exposure.id, exposure.value, exposure.reason, exposure.n) == ("exposure_rate", None, "no_denominator", 0)
    assert (selection.id, selection.value, selection.reason, selection.n) == ("selection_rate", None, "no_denominator", 0)
