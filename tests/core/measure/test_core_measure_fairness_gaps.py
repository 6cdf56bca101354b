"""Groups against the rest, and rules that tell who somebody is: the arithmetic of the scan on cells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ncx2

from persync.estimate import Estimate
from persync.measure import intervals, rules
from persync.measure.fairness import proxies
from persync.measure.fairness.averages import Sample, averages
from persync.measure.fairness.directions import MEANS, RATES
from persync.measure.fairness.gaps import adjusted, gaps
from persync.measure.fairness.parities import rates
from persync.measure.fairness.scan import judged
from persync.measure.fairness_settings import FairnessSettings
from persync.measure.metric import Ask

ASK = Ask(now=0)


def rate(group: str, s: int, n: int, id: str = "exposure_rate", attribute: str = "place") -> Estimate:
    return rules.share(id, s, n, ASK, {"attribute": attribute, "group": group})


def test_each_group_is_held_against_all_other_known_groups_together() -> None:
    """The rest of A is B and C, never the unknown."""
    found, left = gaps([rate("A", 40, 100), rate("B", 90, 150), rate("C", 30, 100), rate("unknown", 0, 500)], ASK)

    assert left == []
    assert [gap.by["group"] for gap in found] == ["A", "B", "C"]
    assert found[0].interval == intervals.newcombe(40, 100, 120, 250)
    assert [gap.is_worse for gap in found] == [True, False, True]
    assert [gap.rest for gap in found] == pytest.approx([120 / 250, 70 / 200, 130 / 250])


@pytest.mark.parametrize(("people", "is_sure"), [(ASK.report_n - 1, False), (ASK.report_n, True)])
def test_a_group_too_small_to_be_judged_does_not_make_a_rule_tell_who_somebody_is(people: int, is_sure: bool) -> None:
    """A message to one in ten of two large groups, and to all of a small one."""
    everybody = {"AT": 500, "DE": 500, "CA": people}
    taken = {("message", "September letter", 1): {"AT": 50, "DE": 50, "CA": people}}

    (found,) = proxies.of_rules("country", everybody, taken, (), ASK)

    assert found.n == 1000 + people * is_sure
    assert ((found.p or 0.0) < 0.001) is is_sure


def test_of_a_burden_more_is_worse() -> None:
    found, _ = gaps([rate(name, s, 400, "dropped_rate") for name, s in (("A", 60), ("B", 20), ("C", 20))], ASK)

    assert [gap.is_worse for gap in found] == [True, False, False]


@pytest.mark.parametrize(
    ("settings", "measure", "worse"),
    [
        (FairnessSettings(), "mean_sends", "few"),
        (FairnessSettings({"mean_sends": "less"}), "mean_sends", "many"),
        (FairnessSettings(), "dropped_rate", "many"),
        (FairnessSettings({"dropped_rate": "more"}), "dropped_rate", "few"),
        (FairnessSettings(), "selection_rate", "few"),
        (FairnessSettings({"selection_rate": "less"}), "selection_rate", "many"),
        (FairnessSettings(burdens=("dunning",)), "selection_rate", "many"),
        (FairnessSettings(burdens=("offer",)), "selection_rate", "few"),
    ],
)
def test_who_is_worse_off_goes_by_the_measure_unless_the_settings_turn_it(
    settings: FairnessSettings, measure: str, worse: str
) -> None:
    """Of any measure, and of single decisions; in the scan, and in the ratio between groups."""
    ask = replace(ASK, fairness=settings)
    by = {"attribute": "place", "decision": "dunning"}
    if measure == "mean_sends":
        samples = {name: Sample(intervals.Moments(400, mean, 1.0), 400) for name, mean in (("few", 2.0), ("many", 3.0))}
        made = averages(measure, samples["few"], samples, frozenset(), ask, by, unit="sends")
    else:
        cells = {"few": (100, 400), "many": (200, 400)}
        made = rates(measure.removesuffix("_rate"), cells, frozenset(), ask, by)

    (alarm,) = judged(made.estimates(), ask).alarms(ask)

    assert (alarm[0].by["group"], made.difference.by["group"]) == (worse, worse)


def test_two_groups_are_compared_once() -> None:
    found, _ = gaps([rate("A", 40, 100), rate("B", 90, 100)], ASK)

    assert [(gap.by["group"], gap.is_worse) for gap in found] == [("A", True)]


def test_small_hidden_and_empty_groups_are_left_out_by_name() -> None:
    """A cell of two people, one of twenty and one of nobody decide nothing and are told."""
    hidden = rules.suppressed("exposure_rate", ASK, {"attribute": "place", "group": "two"})
    table = [rate("A", 200, 400), rate("B", 200, 400), rate("twenty", 0, 20), hidden, rate("none", 0, 0)]

    found, left = gaps(table, ASK)

    assert [gap.by["group"] for gap in found] == ["A", "B"]
    assert {(each.group, each.n, each.why) for each in left} == {
        ("two", None, "hidden"),
        ("twenty", 20, "small"),
        ("none", 0, "empty"),
    }


def test_means_are_compared_with_the_mean_of_the_others_people() -> None:
    """With standard errors taken back from the intervals, it is the test that one would make of the data."""
    rng = np.random.default_rng(3)
    data = {name: rng.gamma(2, size, n) for name, size, n in (("A", 1.0, 80), ("B", 1.3, 120), ("C", 1.1, 60))}
    table = [
        rules.average(
            "mean_sends",
            intervals.moments(len(x), float(x.sum()), float((x * x).sum())),
            len(x),
            ASK,
            {"attribute": "place", "group": name},
            unit="sends",
        )
        for name, x in data.items()
    ]

    first = gaps(table, ASK)[0][0]

    rest = np.concatenate([data["B"], data["C"]])
    within = sum(len(x) * x.var(ddof=1) for x in data.values()) / 260
    error = (data["A"].var(ddof=1) / 80 + (120 * data["B"].var(ddof=1) + 60 * data["C"].var(ddof=1)) / 180**2) ** 0.5
    assert first.interval.value == pytest.approx(data["A"].mean() - rest.mean())
    assert first.interval.high - first.interval.value == pytest.approx(1.959964 * error, rel=1e-6)
    assert first.interval.p == pytest.approx(intervals.normal_p(first.interval.value / (within * (1 / 80 + 1 / 180)) ** 0.5))


def test_the_p_values_are_adjusted_over_every_comparison_of_the_scan() -> None:
    """Forty measures without a difference take the alarm from one that alone would be one."""
    odd = [rate("A", 60, 200), rate("B", 82, 200)]
    even = [rate(name, 100, 200, attribute=f"other {number}") for number in range(40) for name in ("A", "B")]

    alone, among = gaps(odd, ASK)[0], gaps([*odd, *even], ASK)[0]

    assert len(judged(odd, ASK).alarms(ASK)) == 1
    assert judged([*odd, *even], ASK).alarms(ASK) == []
    assert adjusted(among)[0] == pytest.approx(41 * adjusted(alone)[0])


def test_a_crossed_group_that_its_half_explains_is_counted_and_not_shown() -> None:
    singles = [rate("A", 10, 400), rate("B", 200, 400), rate("C", 200, 400)]
    crossed = [
        rate(f"{place} × {age}", s, 200, attribute="place × age")
        for place, age, s in (("A", "x", 5), ("A", "y", 5), ("B", "x", 60), ("B", "y", 140), ("C", "x", 100), ("C", "y", 100))
    ]

    shown, explained = judged([*singles, *crossed], ASK).shown(ASK)

    worse = [gap.by["group"] for gap, _ in shown if gap.is_worse]
    assert worse == ["A"]
    assert explained >= 2


def test_information_is_that_of_the_g_test_and_one_where_the_rule_is_the_attribute() -> None:
    cells = [(30, 100), (60, 120), (20, 90)]
    table = [[taken, n - taken] for taken, n in cells]
    test = chi2_contingency(table, correction=False, lambda_="log-likelihood")

    found = proxies.information(cells)

    assert found is not None
    assert found.p == pytest.approx(test.pvalue)
    least = min(entropy([110, 200]), entropy([100, 120, 90]))
    assert found.value == pytest.approx((test.statistic - 2) / (2 * 310 * least))
    assert ncx2.cdf(test.statistic, 2, found.low * 2 * 310 * least) == pytest.approx(0.975, abs=1e-6)
    assert ncx2.cdf(test.statistic, 2, found.high * 2 * 310 * least) == pytest.approx(0.025, abs=1e-6)
    same = proxies.information([(500, 500), (0, 500)])
    assert same is not None
    assert same.value == pytest.approx(1, abs=0.01)
    none = proxies.information([(50, 100), (50, 100)])
    assert none is not None
    assert (none.value, none.low, none.p) == (0, 0, 1)
    assert none.high > 0
    assert proxies.information([(0, 100), (0, 50)]) is None
    assert proxies.information([(10, 100)]) is None


def test_the_interval_of_the_information_holds_the_truth_as_often_as_it_says() -> None:
    """400 draws of a rule that takes 20, 40 and 50 % of three groups."""
    rates, sizes = np.array([0.2, 0.4, 0.5]), np.array([300, 200, 100])
    people = sizes.sum()
    taken = (rates * sizes).sum() / people
    joint = np.stack([rates, 1 - rates]) * sizes / people
    expected = np.outer([taken, 1 - taken], sizes / people)
    truth = (joint * np.log(joint / expected)).sum() / min(entropy(sizes), entropy([taken, 1 - taken]))
    rng = np.random.default_rng(5)

    found = [
        proxies.information(list(zip(rng.binomial(sizes, rates).tolist(), sizes.tolist(), strict=True))) for _ in range(400)
    ]

    held = sum(each is not None and each.low <= truth <= each.high for each in found)
    assert 365 <= held <= 396


def entropy(counts: object) -> float:
    share = np.asarray(counts, float) / np.sum(counts)  # type: ignore[arg-type]
    return float(-(share * np.log(share)).sum())


def test_every_measure_held_between_groups_is_in_the_documentation() -> None:
    page = Path(__file__).parents[3] / "docs" / "metrics.md"
    (row,) = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| `persync fairness` |")]

    wanted = {*RATES, *MEANS, "equalised_odds", "calibration_in_tenth", "strangers_share", "_smallest_gap", "four_fifths"}
    assert sorted(id for id in wanted if f"`{id}`" not in row) == []
    assert "highest rate" not in row
