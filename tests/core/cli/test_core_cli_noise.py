"""Noise on what is given away: who shares the epsilon, the one ledger, and what noise is refused on."""

from __future__ import annotations

import csv
import random
from decimal import Decimal
from io import StringIO
from pathlib import Path
from statistics import fmean, pstdev

import pytest

from core.cli.calls import Run, project, said
from core.federate.stores import Made, given, make
from persync.errors import ConfigError, DataError
from persync.estimate import Estimate
from persync.export import noisy as shares
from persync.federate import document
from persync.federate.document import Export
from persync.federate.export import Wish, noisy
from persync.federate.merge import merge
from persync.measure import METRICS
from persync.measure.metric import Ask
from persync.privacy.release import spread

SETTINGS = '[report]\ntimezone = "UTC"\n[privacy]\nepsilon_budget = 10.0\nclip_events = 3\n'
JANUARY = ("--period", "2025-01")
ASK = Ask(now=0)
TWO = Wish(measures=("people", "complaints"), epsilon=Decimal(1), clip_events=3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A store of eighty people by four ages, left as it is."""
    return make(tmp_path_factory.mktemp("shop") / "persync.db", 1)


@pytest.fixture
def store(tmp_path: Path, made: Made) -> None:
    """A project of its own with that store."""
    project(tmp_path, SETTINGS)
    for file in made.path.parent.glob("persync.*"):
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def with_noise(made: Made, wish: Wish, seed: int = 5) -> Export:
    return noisy(given(made, wish=wish), wish, random.Random(seed).randrange)


def test_only_the_measures_that_are_named_share_the_epsilon(tmp_path: Path, made: Made) -> None:
    """Two measures over everybody and by one attribute are four numbers that one person has a share in, however many groups
    there are; the file holds nothing else, and can be read again."""
    found = with_noise(made, TWO)
    document.write(tmp_path / "a.json", found)

    assert document.read(tmp_path / "a.json") == found
    assert found.noise is not None
    assert (found.noise.parts, found.noise.measures, found.sets) == (4, ("people", "complaints"), ("mail",))
    assert [(table.attribute, list(table.total)) for table in found.tables] == [
        ("", ["people", "complaints"]),
        ("age", ["people", "complaints"]),
    ]
    assert len(found.tables[1].groups) >= 3


def test_a_group_has_as_much_noise_as_everybody_because_nobody_is_in_two(made: Made) -> None:
    """Over many draws the noise of one group is that of epsilon over four numbers, and not over four for each group."""
    exact = given(made, wish=TWO)
    source = random.Random(7).randrange
    drawn = [noisy(exact, TWO, source) for _ in range(150)]

    for at, group in ((0, None), (1, "30-44"), (1, "unknown")):
        true = (exact.tables[at].groups[group] if group else exact.tables[at].total)["people"]
        found = [(one.tables[at].groups[group] if group else one.tables[at].total)["people"] - true for one in drawn]
        assert pstdev(found) == pytest.approx(2**0.5 * 4, rel=0.3)
        assert abs(fmean(found)) < 2


def test_a_store_that_was_not_asked_for_a_measure_leaves_its_sum_open(tmp_path: Path, made: Made) -> None:
    """Merged with one that tells of complaints alone, the others' sends are "at least"; money of one store is all there is of
    one that was asked for no money."""
    whole, part = given(make(tmp_path / "b.db", 2)), with_noise(made, Wish(measures=("complaints",), epsilon=Decimal(5)))

    found = {(one.measure, one.group, one.currency): one for one in merge([whole, part], ["b", "a"], ASK).sums if not one.group}

    assert (found["sends", "", ""].low, found["sends", "", ""].high) == (whole.tables[0].total["sends"], None)
    assert found["complaints", "", ""].is_exact
    assert (found["sales", "", "EUR"].high, found["revenue", "", "EUR"].high) == (None, None)


def test_sums_are_exported_as_federate_gives_them_away(persync: Run, store: None) -> None:
    """Without noise the same numbers, with what stands between bounds; with noise its deviation is beside each."""
    exact = persync("export", "sums", "--by", "age", *JANUARY)
    noise = persync("export", "sums", "--by", "age", "--measure", "people", "--epsilon", "4", *JANUARY)

    assert (exact.exit_code, noise.exit_code) == (0, 0), exact.output + noise.output
    found = {(one["id"], one["group"]): one["value"] for one in rows(exact.stdout) if one["attribute"] in ("", "age")}
    assert (found["people", ""], found["people", "30-44"], found["people", "unknown"]) == ("80", "30", "15")
    assert ("sales", "30-44") in found
    left_out = [one for one in rows(exact.stdout) if one["reason"] == "suppressed"]
    assert {one["note"] for one in left_out} == {"bounds: it is folded into other cells or left out"}
    assert all(one["value"] == "" and one["low"] != "" for one in left_out)
    assert {one["id"] for one in rows(noise.stdout)} == {"people"}
    assert {one["note"] for one in rows(noise.stdout)} == {f"noise in it has a standard deviation of {spread_of(2, 4):.4g}"}
    assert "Privacy budget: 4 spent, 6 left." in noise.stderr
    assert "What one person has a share in: 2 numbers, each with 2 of it." in noise.stderr


def spread_of(parts: int, epsilon: int) -> float:
    from fractions import Fraction

    return spread(Fraction(parts, epsilon))


def test_sums_metrics_and_federated_files_draw_on_one_ledger(persync: Run, tmp_path: Path, store: None) -> None:
    """Four, three and two of ten; two more are refused, and no file is there."""
    first = persync("export", "sums", "--measure", "people", "--epsilon", "4", *JANUARY)
    second = persync("export", "engagement_rate", "--by", "age", "--epsilon", "3", *JANUARY)
    third = persync("federate", "export", str(tmp_path / "a.json"), "--measure", "sends", "--epsilon", "2", *JANUARY)
    refused = persync("export", "engagement_rate", "--epsilon", "2", "--out", str(tmp_path / "b.csv"), *JANUARY)

    said_each = [one.stderr.splitlines()[0] for one in (first, second, third)]
    left = [(4, 6), (7, 3), (9, 1)]
    assert said_each == [f"Privacy budget: {spent} spent, {rest} left." for spent, rest in left]
    assert "the privacy budget does not reach: 9 of 10 is spent, 2 was asked for" in said(refused, 6)
    assert not (tmp_path / "b.csv").exists()
    assert "What one person has a share in: 2 numbers, each with 1.5 of it." in second.stderr
    assert f"a standard deviation of {spread_of(2, 3):,.1f}." in second.stderr
    assert {one["age"] for one in rows(second.stdout)} == {"30-44", "45-59", "60+", "unknown"}


REFUSED = {
    ("v_orders",): "v_orders has rows, and --epsilon is for sums",
    ("orders",): "orders has rows, and --epsilon is for sums",
    ("aov",): "aov is no share of people in which each counts once",
    ("churn_rate", "--by", "seg"): "--by seg may have one person in several cells",
    ("churn_rate", "--arm", "wool"): "--arm may have one person in several cells",
    ("sums", "--measure", "send"): "there is no measure 'send' among the sums. Did you mean 'sends'?",
}
"""{what is asked for: what is said}"""


def test_noise_is_refused_where_it_would_hide_nobody_and_costs_nothing_then(persync: Run, store: None) -> None:
    refused = {asked: persync("export", *asked, "--epsilon", "1") for asked in REFUSED}
    after = persync("export", "sums", "--measure", "people", "--epsilon", "10")

    assert {(one.exit_code, one.stdout) for one in refused.values()} == {(2, "")}
    assert [asked for asked, words in REFUSED.items() if words not in " ".join(refused[asked].stderr.split())] == []
    assert "Privacy budget: 10 spent, 0 left." in after.stderr


def test_measures_are_named_with_noise_alone(persync: Run, store: None) -> None:
    assert "measures are named where noise is asked for" in said(persync("export", "sums", "--measure", "people"), 2)


def cell(value: float | None, n: int | None, **by: str) -> Estimate:
    return Estimate("churn_rate", value, n=n, unit="share", by=by, reason=None if value is not None else "x", note="3 left out")


def test_every_number_of_a_share_has_noise_and_nothing_exact_stays_beside_it() -> None:
    """Both counts are drawn anew, an empty group's too; a hidden one stays hidden, and notes of exact numbers go. The share's
    interval covers the truth about as often as it says."""
    cells = [cell(0.25, 400, age="a"), cell(None, 0, age="b"), cell(None, None, age="c")]
    plan = shares.planned("churn_rate", [*cells, Estimate("churned", 3.0, by={"age": "a"})], ("age",), Decimal("0.5"))
    source = random.Random(11).randrange
    drawn = [plan.drawn(ASK, source) for _ in range(400)]

    assert (plan.parts, plan.deviation) == (2, pytest.approx(2**0.5 * 4, rel=0.01))
    assert all(len(one) == 3 for one in drawn)
    assert pstdev(one[0].n or 0 for one in drawn) == pytest.approx(plan.deviation, rel=0.15)
    assert fmean(one[1].reason == "lost_in_noise" for one in drawn) > 0.97
    assert len({one[1].n for one in drawn}) > 10
    assert {(one[2].n, one[2].reason) for one in drawn} == {(None, "x")}
    assert not any("3 left out" in e.note for one in drawn for e in one)
    assert fmean((one[0].low or 0) <= 0.25 <= (one[0].high or 1) for one in drawn) > 0.95  # of chance and noise together
    assert pstdev(one[0].value or 0 for one in drawn) > 0.01


def test_a_share_in_two_tables_splits_the_epsilon_and_drowned_shares_are_refused() -> None:
    """Everybody beside the groups, or two attributes side by side, cost twice; a person is in one group of each."""
    two = [cell(0.5, 100, age="a"), cell(0.5, 90, place="b")]

    assert shares.planned("churn_rate", two, ("age", "place"), Decimal(1)).parts == 4
    with pytest.raises(DataError, match="noise of epsilon 0.01 over 4 numbers would be larger than what it covers"):
        shares.planned("churn_rate", two, ("age", "place"), Decimal("0.01"))
    with pytest.raises(DataError, match="has no number to give"):
        shares.planned("churn_rate", [cell(None, None)], (), Decimal(1))


def test_every_metric_that_takes_noise_is_one_and_is_split_by_no_dimension_that_is_left_unsaid() -> None:
    known = {metric.id: metric for metric in METRICS}
    dimensions = {name for id in shares.SHARES for name in known[id].dimensions} - {"any attribute"}

    assert set(shares.SHARES) <= set(known)
    assert dimensions <= shares.SEVERAL
    for name in dimensions:
        with pytest.raises(ConfigError, match="several cells"):
            shares.refuse("churn_rate", (name,), None)
