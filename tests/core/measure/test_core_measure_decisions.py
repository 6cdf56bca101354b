"""Decisions held against what turned out: Adult's published figures, fairlearn as an oracle, crossed groups, directions."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    equal_opportunity_difference,
    equalized_odds_difference,
    equalized_odds_ratio,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from sklearn.metrics import precision_score

from core.measure.picks import pick
from persync.errors import ConfigError, DataError
from persync.estimate import Estimate
from persync.measure import fairness
from persync.measure.fairness import decisions, groups, targeting
from persync.measure.fairness.draws import odds
from persync.measure.fairness.groups import hidden_crossed
from persync.measure.metric import Ask
from persync.measure.trials import power

ASK = Ask(now=10**13)
untimed = settings(deadline=None, max_examples=40)


def overall(estimates: list[Estimate], id: str) -> Estimate:
    (found,) = [e for e in estimates if e.id == id and "group" not in e.by]
    return found


def load(shop: Any, attributes: dict[str, list[str]], selected: Any, qualified: Any = None, score: Any = None) -> None:
    """Decide about people 0, 1, 2 ... with these attributes ("" = unknown)."""
    n = len(selected)
    for name, values in attributes.items():
        keys = [i for i, value in enumerate(values) if value]
        shop.load(
            "attributes",
            connection=[3] * len(keys),
            key_id=keys,
            name=[name] * len(keys),
            value=[values[i] for i in keys],
            basis=["consent"] * len(keys),
        )
    more = {} if qualified is None else {"qualified": [int(one) for one in qualified]}
    more |= {} if score is None else {"score": [float(one) for one in score]}
    shop.load(
        "decisions", connection=[3] * n, decision=["d"] * n, key_id=range(n), selected=[int(one) for one in selected], **more
    )


@pytest.fixture
def adult(shop: Any, shared: Path) -> Any:
    with gzip.open(shared / "data" / "adult_rf_binary.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    attributes = {name: [row[name] for row in rows] for name in ("gender", "race")}
    score = [float(row["score"]) for row in rows]
    load(shop, attributes, score, [row["label_value"] for row in rows], score)
    return shop


def test_adult_by_gender_and_race_gives_the_published_figures(adult: Any) -> None:
    gender = fairness.assess(adult, "gender", ASK, decision="d")
    race = fairness.assess(adult, "race", ASK, decision="d")

    assert pick(gender, "demographic_parity", statistic="difference").value == pytest.approx(0.201564, abs=5e-7)
    assert pick(gender, "demographic_parity", statistic="ratio").value == pytest.approx(0.776730, abs=5e-7)
    assert pick(race, "demographic_parity", statistic="ratio").value == pytest.approx(0.794918, abs=5e-7)
    odds = pick(gender, "equalised_odds", statistic="difference")
    assert odds.value == pytest.approx(0.098372, abs=5e-7)
    assert odds.low < odds.value < odds.high
    assert (odds.by["of"], odds.n) == ("false_positive", 9769)
    assert pick(gender, "equal_opportunity", statistic="difference").value == pytest.approx(0.084567, abs=5e-7)


def test_adults_score_is_the_wrong_way_round_and_its_base_rates_differ(adult: Any) -> None:
    read = fairness.assess(adult, "gender", ASK, decision="d")

    right = overall(read, "accuracy")
    assert right.value == pytest.approx(0.1525, abs=5e-5)
    assert right.note == "right less often than not: the score looks the wrong way round"
    for id in ("demographic_parity", "equal_opportunity", "equalised_odds", "predictive_parity"):
        assert decisions.CANNOT_ALL_HOLD in pick(read, id, statistic="difference").note


def test_a_score_that_is_right_has_no_warning_and_equal_base_rates_no_conflict(shop: Any) -> None:
    kinds = ["a", "b"] * 200
    qualified = [i % 4 < 2 for i in range(400)]
    load(shop, {"kind": kinds}, qualified, qualified)

    read = fairness.assess(shop, "kind", ASK, decision="d")

    assert (overall(read, "accuracy").value, overall(read, "accuracy").note) == (1.0, "")
    assert decisions.CANNOT_ALL_HOLD not in pick(read, "demographic_parity", statistic="difference").note


@untimed
@given(st.lists(st.tuples(*[st.integers(31, 90)] * 4), min_size=2, max_size=4))
def test_every_measure_of_large_groups_is_fairlearns(cells: list[tuple[int, int, int, int]]) -> None:
    """(hit, missed, false alarm, rightly left) by group: every rate, gap and ratio agrees with fairlearn's."""
    group = np.concatenate([[f"g{i}"] * sum(cell) for i, cell in enumerate(cells)])
    chosen = np.concatenate([np.repeat([1, 0, 1, 0], cell) for cell in cells])
    label = np.concatenate([np.repeat([1, 1, 0, 0], cell) for cell in cells])
    rows = [
        {
            "name": f"g{i}",
            "people": sum(cell),
            "selected": cell[0] + cell[2],
            "labelled": sum(cell),
            "qualified": cell[0] + cell[1],
            "hits": cell[0],
            "misses": cell[2],
        }
        for i, cell in enumerate(cells)
    ]
    wanted = MetricFrame(
        metrics={
            "demographic_parity": selection_rate,
            "equal_opportunity": true_positive_rate,
            "false_positive": false_positive_rate,
            "predictive_parity": precision_score,
        },
        y_true=label,
        y_pred=chosen,
        sensitive_features=group,
    )

    frames = decisions.frames(rows, groups.Groups(("kind",)), ASK, {})

    for id in wanted.overall.index:
        assert frames[id].overall.value == pytest.approx(wanted.overall[id])
        assert {name: e.value for name, e in frames[id].by_group.items()} == pytest.approx(wanted.by_group[id].to_dict())
        assert frames[id].difference.value == pytest.approx(wanted.difference()[id])
        assert frames[id].ratio.value == pytest.approx(wanted.ratio()[id])
    told = frames["equalised_odds"]
    assert told.difference.value == pytest.approx(equalized_odds_difference(label, chosen, sensitive_features=group))
    assert told.ratio.value == pytest.approx(equalized_odds_ratio(label, chosen, sensitive_features=group))
    assert frames["equal_opportunity"].difference.value == pytest.approx(
        equal_opportunity_difference(label, chosen, sensitive_features=group)
    )


def test_the_drawn_interval_of_equalised_odds_is_the_bootstrap_of_people() -> None:
    """Redrawing the people themselves gives the same bounds as redrawing the counts, but for the luck of the draw."""
    cells = [(300, 500, 100, 700), (200, 450, 160, 650)]
    rng = np.random.default_rng(7)
    gaps = []
    for _ in range(2000):
        sides = []
        for hits, n, false, m in cells:
            sides.append((rng.choice(np.arange(n) < hits, n).mean(), rng.choice(np.arange(m) < false, m).mean()))
        (a, b), (c, d) = sides
        gaps.append(max(abs(a - c), abs(b - d)))

    found = odds(cells, seed=1)

    assert found.difference.value == pytest.approx(300 / 500 - 200 / 450)
    assert (found.difference.low, found.difference.high) == pytest.approx(tuple(np.quantile(gaps, [0.025, 0.975])), abs=0.008)


def test_nobody_qualified_in_a_group_is_null_with_the_reason(shop: Any) -> None:
    kinds = ["a"] * 100 + ["b"] * 100 + ["c"] * 100
    load(shop, {"kind": kinds}, [i % 2 for i in range(300)], [i % 3 == 0 and i < 200 for i in range(300)])

    read = fairness.assess(shop, "kind", ASK, decision="d")

    none = pick(read, "true_positive_rate", group="c")
    assert (none.value, none.reason, none.n) == (None, "nobody_qualified", 0)
    assert pick(read, "true_positive_difference", group="c").reason == "nobody_qualified"
    assert pick(read, "equal_opportunity", statistic="difference").by["group"] in "ab"


def test_without_labels_only_who_is_selected_is_said(shop: Any) -> None:
    load(shop, {"kind": ["a", "b"] * 100}, [1, 0, 0, 0] * 50)

    read = fairness.assess(shop, "kind", ASK, decision="d")

    assert {e.reason for e in read if e.id in decisions.LABELLED} == {"no_labels"}
    assert overall(read, "calibration").reason == "no_labels"
    assert pick(read, "demographic_parity", statistic="difference").value == 0.5


def test_calibration_is_what_turned_out_less_the_score(shop: Any) -> None:
    """Group a is scored as it is, group b a fifth too low; tenths are told one by one."""
    n = 400
    kinds = ["a", "b"] * (n // 2)
    qualified = [i // 2 % 2 for i in range(n)]
    load(shop, {"kind": kinds}, qualified, qualified, [0.5 if kind == "a" else 0.3 for kind in kinds])

    read = fairness.assess(shop, "kind", ASK, decision="d")

    assert pick(read, "calibration", group="a").value == pytest.approx(0.0)
    assert pick(read, "calibration", group="b").value == pytest.approx(0.2)
    assert overall(read, "calibration").value == pytest.approx(0.1)
    tenth = pick(read, "calibration_in_tenth", group="b", tenth="3")
    assert (tenth.value, tenth.n, tenth.note) == (0.5, 200, "mean score 0.300")


def test_calibration_of_crossed_groups_is_what_turned_out_less_the_score(shop: Any) -> None:
    """Four cells with their own errors, each from its own people; by tenths only an attribute alone is told."""
    n = 400
    kinds, places = ["a", "a", "b", "b"] * (n // 4), ["x", "y"] * (n // 2)
    qualified = [i // 4 % 2 for i in range(n)]
    off = {("a", "x"): 0.0, ("a", "y"): 0.1, ("b", "x"): -0.2, ("b", "y"): 0.3}
    scores = [0.5 - off[pair] for pair in zip(kinds, places, strict=True)]
    load(shop, {"kind": kinds, "place": places}, qualified, qualified, scores)

    read = fairness.assess(shop, ("kind", "place"), ASK, decision="d")

    found = {e.by["group"]: (e.value, e.n) for e in read if e.id == "calibration" and "group" in e.by}
    assert found == {f"{kind} × {place}": (pytest.approx(gap), 100) for (kind, place), gap in off.items()}
    assert overall(read, "calibration").value == pytest.approx(0.05)
    assert not [e for e in read if e.id == "calibration_in_tenth"]


def test_a_tenth_of_few_cannot_be_worked_out_from_the_tenths_of_another_attribute(shop: Any) -> None:
    """Gender tells how many each tenth holds; of age a tenth with 2 old people is hidden with the young ones of that tenth,
    and both with a second tenth, or the sums of a line would tell them."""
    ages = ["old"] * 60 + ["young"] * 68
    scores = [0.15] * 2 + [0.45] * 30 + [0.75] * 28 + [0.15] * 20 + [0.45] * 28 + [0.75] * 20
    load(shop, {"age": ages, "gender": ["f", "m"] * 64}, [1, 0] * 64, [1, 0, 0, 1] * 32, scores)

    tenths = {name: fairness.assess(shop, name, ASK, decision="d") for name in ("age", "gender")}

    hidden = {
        name: {(e.by["group"], e.by["tenth"]) for e in read if e.id == "calibration_in_tenth" and e.reason == "suppressed"}
        for name, read in tenths.items()
    }
    assert hidden["age"] == {("old", "1"), ("young", "1"), ("old", "7"), ("young", "7")}
    assert hidden["gender"] == set()


@pytest.mark.parametrize("score", [1.2, -0.01, 40.0])
@pytest.mark.parametrize("others", [0.5, 0.9])
def test_scores_outside_0_to_1_are_not_held_against_shares(shop: Any, score: float, others: float) -> None:
    """One of a hundred is enough, also in a tenth where the others' scores are so low that their mean is a share."""
    load(shop, {"kind": ["a", "b"] * 50}, [1, 0] * 50, [1, 0] * 50, [score, *[others] * 99])

    found = overall(fairness.assess(shop, "kind", ASK, decision="d"), "calibration")

    assert (found.value, found.reason) == (None, "score_not_a_share")


def test_where_less_is_better_the_group_with_most_is_the_worse_off() -> None:
    """Held back 100 of 1,000 against 300 of 1,000: the ratio is a third, below; the same numbers the other way round."""
    cells = {"a": (100, 1000), "b": (300, 1000)}

    less = fairness.rates("held", cells, frozenset(), ASK, {}, direction="less").estimates()
    more = fairness.rates("held", cells, frozenset(), ASK, {}).estimates()

    for read, group, against in ((less, "b", "a"), (more, "a", "b")):
        fifths = pick(read, "four_fifths")
        assert (fifths.value, fifths.by["group"], fifths.by["against"]) == (pytest.approx(1 / 3), group, against)
        assert fifths.by["verdict"] == "below"
        assert pick(read, "demographic_parity", statistic="difference").value == pytest.approx(0.2)


def test_nobody_of_twelve_decides_nothing_and_says_what_could_have_been_seen() -> None:
    """0 of 12 is no verdict; against 30 % only a gap larger than all there is could have been seen among twelve."""
    read = fairness.rates("selection", {"a": (90, 300), "b": (0, 12)}, frozenset(), ASK, {}).estimates()

    assert pick(read, "four_fifths", group="b").by["verdict"] == "not shown"
    smallest = pick(read, "selection_smallest_gap", group="b")
    assert (smallest.value, smallest.reason) == (pytest.approx(power.detectable_share(0.7, 12, 300)), None)
    tiny = fairness.rates("selection", {"a": (30, 300), "b": (0, 12)}, frozenset(), ASK, {}).estimates()
    assert pick(tiny, "selection_smallest_gap", group="b").value == pytest.approx(power.detectable_share(0.9, 12, 300))


def test_the_smallest_gap_is_found_four_times_in_five() -> None:
    """Simulated: groups that differ by the smallest gap are told apart at 5 % in 80 of 100 draws."""
    n = m = 700
    base, gap = (
        0.3,
        pick(
            fairness.rates("selection", {"a": (210, 700), "b": (150, 700)}, frozenset(), ASK, {}).estimates(),
            "selection_smallest_gap",
        ).value,
    )
    rng = np.random.default_rng(5)
    a, b = rng.binomial(n, base - gap, 20_000) / n, rng.binomial(m, base, 20_000) / m
    pooled = (a + b) / 2

    found = np.abs(a - b) / np.sqrt(pooled * (1 - pooled) * (2 / n)) > 1.959964

    assert found.mean() == pytest.approx(0.8, abs=0.015)


def test_groups_are_alike_is_pearsons_chi_square() -> None:
    cells = {"a": (40, 100), "b": (25, 90), "c": (61, 146), "unknown": (400, 500)}

    found = pick(fairness.rates("selection", cells, frozenset(), ASK, {}).estimates(), "selection_homogeneity")

    wanted = chi2_contingency([[s, n - s] for name, (s, n) in cells.items() if name != "unknown"], correction=False)
    assert (found.value, found.p) == pytest.approx((wanted.statistic, wanted.pvalue))


def test_crossed_groups_have_both_halves_and_unknown_ones(shop: Any) -> None:
    a, b = ["x", "y", ""] * 60, ["1"] * 90 + [""] * 90
    load(shop, {"letter": a, "digit": b}, [1, 0, 1] * 60)

    read = fairness.assess(shop, ("letter", "digit"), replace(ASK, suppress_n=1), decision="d")

    wanted = Counter(f"{x or 'unknown'} × {y or 'unknown'}" if x or y else "unknown" for x, y in zip(a, b, strict=True))
    assert {e.by["group"]: e.n for e in read if e.id == "selection_rate" and "group" in e.by} == wanted
    assert overall(read, "selection_rate").by["attribute"] == "letter × digit"
    assert {e.by["against"] for e in read if e.id == "selection_difference"} == {"x × 1"}
    with pytest.raises(ConfigError, match="two different attributes"):
        fairness.assess(shop, ("letter", "letter"), ASK, decision="d")
    with pytest.raises(DataError, match="nobody in the store has the attribute 'sign'"):
        fairness.assess(shop, ("letter", "sign"), ASK, decision="d")


@untimed
@given(st.lists(st.lists(st.integers(0, 25), min_size=3, max_size=3), min_size=2, max_size=4))
def test_no_hidden_cell_of_a_crossed_table_can_be_worked_out_from_its_margins(table: list[list[int]]) -> None:
    """Where margins are shown, a hidden cell has another value that fits all of them: it lies on a cycle of hidden cells.

    Solved as equations: a cell is given away exactly when the shown margins' equations fix it.
    """
    cells = {(f"r{i}", f"c{j}"): (f"{i},{j}", n) for i, row in enumerate(table) for j, n in enumerate(row) if n}
    by_name = dict(cells.values())
    hide = hidden_crossed(cells, 5)
    unknown = sorted(key for key, (name, _) in cells.items() if name in hide)
    lines = {(axis, key[axis]) for key in cells for axis in (0, 1)}
    margins = {line: sum(n for key, (_, n) in cells.items() if key[line[0]] == line[1]) for line in lines}
    dark = {
        (axis, name)
        for axis in (0, 1)
        for name in fairness.groups.rules.hidden({line[1]: n for line, n in margins.items() if line[0] == axis}, 5)
    }

    assert not [name for name, n in by_name.items() if n < 5 and name not in hide]
    shown = sorted(line for line in lines if line not in dark)
    matrix = np.array([[1.0 if key[axis] == name else 0.0 for key in unknown] for axis, name in shown])
    if unknown and len(shown):
        for i in range(len(unknown)):
            pinned = np.linalg.matrix_rank(np.vstack([matrix, np.eye(len(unknown))[i]])) == np.linalg.matrix_rank(matrix)
            whole = hide == set(by_name)
            assert not pinned or whole, (unknown[i], hide)


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("all: PredictedGender is female", "predicted gender"),
        ("any: PredictedAge is 25-34", "predicted age"),
        ("all: IPGeoCountryState ipgeocountry US", "place"),
        ("customer_cities CONTAINS 'US-NY-NewYork'", "place"),
        ("number_of_orders > 2", None),
        ("all: Aim action sent", None),
        ("all: BirthdayMerge BIRTHDAY is", None),
        ("average_order > 5; page", None),
    ],
)
def test_rules_that_aim_at_what_people_are_are_found(rule: str, what: str | None) -> None:
    assert targeting.aims_at(rule) == what


def test_segments_that_aim_at_what_people_are_are_named(shop: Any) -> None:
    rules = {"Ladies": "all: PredictedGender is female", "Buyers": "number_of_orders > 2", "Plain": None}
    for key, (name, rule) in enumerate(rules.items()):
        shop.add("segments", segment_id=key, connection=1, kind="segment", parent="", vendor_id=str(key), name=name, rule=rule)
    shop.add("campaign_keys", campaign_key=7, connection=1, kind="campaign", key="k7")
    shop.add("campaigns", campaign_key=7, connection=1, title="Spring")
    shop.add("campaign_evidence", campaign_key=7, source="segment", kind="demographic", detail="age")

    assert [(one.segment, one.what) for one in targeting.rules(shop)] == [("Ladies", "predicted gender")]
    assert [(one.segment, one.what) for one in targeting.campaigns(shop)] == [("Spring", "age")]


def test_the_basis_of_an_attribute_is_told(shop: Any) -> None:
    load(shop, {"kind": ["a", "b"]}, [1, 0])
    shop.add("attributes", connection=3, key_id=1, name="bare", value="x")

    assert groups.basis(shop, groups.Groups(("kind", "bare"))) == {"kind": ("consent",), "bare": ()}


def test_every_pair_of_three_attributes_can_be_crossed(shop: Any) -> None:
    n = 240
    names = {name: [f"{name}{i // k % 2}" for i in range(n)] for name, k in (("a", 1), ("b", 2), ("c", 4))}
    load(shop, names, [i % 5 == 0 for i in range(n)])

    for pair in combinations(names, 2):
        read = fairness.assess(shop, pair, ASK, decision="d")
        assert len([e for e in read if e.id == "selection_rate" and "group" in e.by]) == 4


def test_more_values_than_one_number_has_bits_are_counted_alike(shop: Any) -> None:
    """Forty and thirty values, some unknown, one person with two: each grouping of the one pass has its own people."""
    n = 400
    names = {"a": [f"a{i % 40:02}" if i % 7 else "" for i in range(n)], "b": [f"b{i % 30:02}" for i in range(n)]}
    load(shop, names, [i % 3 == 0 for i in range(n)])
    shop.add("attributes", connection=4, key_id=5, name="b", value="b06")

    wanted = groups.of_each(shop, ["a", "b"])
    read = decisions.assess_each(shop, wanted, replace(ASK, suppress_n=1), "d")

    told: dict[str, dict[str, Any]] = {name: {} for name in names}
    for e in read:
        if e.id == "selection_rate" and "group" in e.by:
            told[e.by["attribute"]][e.by["group"]] = (e.n, round((e.value or 0) * (e.n or 0)))
    names["b"][5] = ""
    for name, values in names.items():
        people = Counter(value or "unknown" for value in values)
        chosen = Counter(value or "unknown" for i, value in enumerate(values) if i % 3 == 0)
        assert told[name] == {group: (size, chosen[group]) for group, size in people.items()}


def test_what_turned_out_of_people_has_no_four_fifths_verdict(shop: Any) -> None:
    """A base rate is a fact about labels: it is told with its gap, and judged by nothing."""
    kinds = ["a", "b"] * 500
    load(shop, {"kind": kinds}, [n % 3 == 0 for n in range(1_000)], [n % 10 < (6 if n % 2 else 2) for n in range(1_000)])

    found = decisions.assess(shop, groups.of(shop, "kind"), ASK, "d")

    assert next(e.value for e in found if e.id == "base_ratio") is not None
    assert {e.by["of"] for e in found if e.id == "four_fifths"} == {"selection", "true_positive", "false_positive", "precision"}
