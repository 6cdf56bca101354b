"""Decisions as anybody would import them: a published table, a year of real coupons, and what does not fit."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from scipy.stats import chi2_contingency
from statsmodels.stats.proportion import proportion_confint

from persync.cli import root
from persync.cli.context import App
from persync.estimate import Estimate
from persync.report.report import Inputs, Note, Table
from persync.report.sections import parities
from persync.store.store import open_store

Estimates = list[dict[str, Any]]


def rows(source: Path) -> list[dict[str, str]]:
    with gzip.open(source, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


class Shop:
    """A project folder and what is typed in it."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.folder = folder
        (folder / "persync.toml").write_text(settings, encoding="utf-8")

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(root, ["--project", str(self.folder), *arguments], prog_name="persync")

    def read(self, kind: str, columns: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
        path = self.folder / f"{kind}.csv"
        with path.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([columns, *lines])
        done = self.run("import", kind, str(path))
        assert done.exit_code == 0, done.output

    def fairness(self, *arguments: str) -> Estimates:
        done = self.run("fairness", *arguments, "--format", "json")
        assert done.exit_code == 0, done.output
        return list(json.loads(done.stdout)["results"])


def pick(estimates: Estimates, id: str, **by: str) -> dict[str, Any]:
    (found,) = [e for e in estimates if e["id"] == id and by.items() <= e["by"].items()]
    return found


def overall(estimates: Estimates, id: str) -> dict[str, Any]:
    (found,) = [e for e in estimates if e["id"] == id and "group" not in e["by"]]
    return found


def by_group(estimates: Estimates, id: str) -> dict[str, dict[str, Any]]:
    return {e["by"]["group"]: e for e in estimates if e["id"] == id and "group" in e["by"]}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_adult_as_imported_decisions_gives_the_published_figures(shop: Shop, shared: Path) -> None:
    """By gender and race to the sixth digit; and the score of that table is the wrong way round, which is said."""
    people = rows(shared / "data" / "adult_rf_binary.csv.gz")
    shop.read(
        "attributes",
        ("person", "name", "value", "basis"),
        ((row["entity_id"], name, row[name], "census, public") for row in people for name in ("gender", "race")),
    )
    shop.read(
        "decisions",
        ("decision", "person", "selected", "score", "qualified"),
        (("income", row["entity_id"], int(float(row["score"])), row["score"], row["label_value"]) for row in people),
    )

    gender = shop.fairness("--by", "gender", "--decision", "income")
    race = shop.fairness("--by", "race", "--decision", "income")

    figures = {
        "difference": pick(gender, "demographic_parity", statistic="difference")["value"],
        "ratio": pick(gender, "demographic_parity", statistic="ratio")["value"],
        "race": pick(race, "demographic_parity", statistic="ratio")["value"],
        "odds": pick(gender, "equalised_odds", statistic="difference")["value"],
    }
    assert figures == pytest.approx({"difference": 0.201564, "ratio": 0.776730, "race": 0.794918, "odds": 0.098372}, abs=5e-7)
    right = overall(gender, "accuracy")
    assert (right["value"], right["n"]) == (pytest.approx(0.1525, abs=5e-5), 9769)
    assert right["note"] == "right less often than not: the score looks the wrong way round"
    assert "cannot all hold" in pick(gender, "demographic_parity", statistic="difference")["note"]
    assert not [e for e in gender if e["id"] == "strangers_share"]
    app = App(shop.folder)
    with app.engine() as engine:
        blocks = parities.decided(Inputs(engine=engine, ask=app.ask()), ["gender", "race"])
    notes = [block for block in blocks if isinstance(block, Note)]
    table, selected = (block for block in blocks if isinstance(block, Table))
    assert [note.text for note in notes if note.tone == "warning"] == [
        "It was right about 15.25 % (95 %: 14.55 to 15.98) of the people: less often than not. Is the score the wrong way"
        " round?",
        "By gender and race the groups' base rates differ, so equal shares selected, equal chances of those who qualify and"
        " equal precision cannot all hold: somebody has to choose which matters here.",
    ]
    (answer,) = (note.text for note in notes if note.tone == "answer")
    assert answer.startswith("By gender: 'Male' was selected 0.78 × as often as 'Female' (95 %: 0.762 to 0.792): surely less")
    assert [row[1] for row in selected.rows if row[0] == "gender"] == ["Female", "Male"]
    shown = [(row[0], row[1], round(row[3].value or 0.0, 6)) for row in table.rows if isinstance(row[3], Estimate)]
    assert shown[0] == ("gender", "Selected", 0.201564)
    assert shown[2] == ("gender", "Selected rightly or wrongly, the worse of the two", 0.098372)
    assert len(shown) == 8


class Households:
    """The households of the year, who was sent a campaign, who used a coupon, and what each paid and was spared."""

    def __init__(self, data: Path) -> None:
        self.age = {row["household_id"]: row["age"] for row in rows(data / "journey_demographics.csv.gz")}
        self.sent = {row["household_id"] for row in rows(data / "journey_campaign_recipients.csv.gz")}
        self.used = {row["household_id"] for row in rows(data / "journey_coupon_redemptions.csv.gz")}
        self.paid: dict[str, Decimal] = defaultdict(Decimal)
        self.spared: dict[str, Decimal] = defaultdict(Decimal)
        for row in rows(data / "journey_orders.csv.gz"):
            self.paid[row["household_id"]] += Decimal(row["sales_value"])
            self.spared[row["household_id"]] += Decimal(row["retail_disc"]) + Decimal(row["coupon_match_disc"])

    def group(self, household: str) -> str:
        return self.age.get(household, "unknown")


@pytest.fixture(scope="module")
def households(shared: Path) -> Households:
    return Households(shared / "data")


@pytest.fixture(scope="module")
def coupons(households: Households, tmp_path_factory: pytest.TempPathFactory) -> tuple[Estimates, Estimates, Estimates]:
    """What `persync fairness --by age` says of who was sent a campaign, of who of those used a coupon, and of what was bought.

    A household's year is one order: discounts over prices are read by customer, so that is the same as its orders one by one.
    """
    shop = Shop(tmp_path_factory.mktemp("households"), '[report]\ntimezone = "UTC"\n')
    shop.read(
        "attributes",
        ("person", "name", "value", "basis"),
        ((f"h{one}", "age", age, "asked at sign-up") for one, age in households.age.items()),
    )
    shop.read(
        "orders",
        ("order", "person", "at", "amount", "currency", "discount"),
        (
            (one, f"h{one}", "2017-06-30", f"{households.paid[one]:.2f}", "USD", f"{households.spared[one]:.2f}")
            for one in households.paid
        ),
    )
    shop.read(
        "decisions",
        ("decision", "person", "selected"),
        [
            *(("sent", f"h{one}", int(one in households.sent)) for one in households.paid),
            *(("used", f"h{one}", int(one in households.used)) for one in households.sent),
        ],
    )
    sent, used = (shop.fairness("--by", "age", "--decision", decision) for decision in ("sent", "used"))
    return sent, used, shop.fairness("--by", "age")


def test_reach_and_redemption_by_age_have_wilsons_interval(
    households: Households, coupons: tuple[Estimates, Estimates, Estimates]
) -> None:
    everybody = Counter(map(households.group, households.paid))
    sent = Counter(map(households.group, households.sent))
    used = Counter(map(households.group, households.used))

    reach, redemption = (by_group(read, "selection_rate") for read in coupons[:2])

    assert set(reach) == {"19-24", "25-34", "35-44", "45-54", "55-64", "65+", "unknown"}
    assert sorted(e["n"] for name, e in reach.items() if name != "unknown") == [21, 37, 42, 74, 99, 146]
    for found, counts, of in ((reach, sent, everybody), (redemption, used, sent)):
        for name, e in found.items():
            wanted = (counts[name] / of[name], *proportion_confint(counts[name], of[name], method="wilson"))
            assert (e["value"], e["low"], e["high"]) == pytest.approx(wanted, abs=1e-9)


def test_no_gap_in_redemption_is_shown_between_the_ages_and_the_young_are_too_few(
    households: Households, coupons: tuple[Estimates, Estimates, Estimates]
) -> None:
    """Chi-square p 0.12 among the six known ages; 21 households of 19-24, three of which used a coupon, decide nothing."""
    sent, used = Counter(map(households.group, households.sent)), Counter(map(households.group, households.used))
    table = [(used[age], sent[age] - used[age]) for age in sorted(set(households.age.values()))]

    test = overall(coupons[1], "selection_homogeneity")

    assert test["p"] == pytest.approx(chi2_contingency(table, correction=False).pvalue) == pytest.approx(0.12, abs=0.005)
    assert test["note"].startswith("no difference between the groups is shown (chi-square over 6 known groups)")
    young = pick(coupons[1], "four_fifths", of="selection", group="19-24")
    assert (young["by"]["verdict"], "too few to say" in young["note"]) == ("not shown", True)
    assert {name for name, e in by_group(coupons[1], "selection_rate").items() if e["note"] == "too few to say"} == {"19-24"}


def test_known_against_unknown_age_is_wide_apart_and_a_raw_difference(coupons: tuple[Estimates, Estimates, Estimates]) -> None:
    for read in coupons[:2]:
        gap = pick(read, "selection_difference", group="unknown")
        assert gap["label"] == "raw difference"
        assert gap["high"] < -0.2
    assert pick(coupons[0], "four_fifths", of="selection", group="unknown")["by"]["verdict"] == "below"


def test_the_share_of_discounts_by_age_is_that_of_sums_by_household(
    households: Households, coupons: tuple[Estimates, Estimates, Estimates]
) -> None:
    told = by_group(coupons[2], "discount_share")

    for name, e in told.items():
        mine = [one for one in households.paid if households.group(one) == name]
        given, listed = sum(households.spared[one] for one in mine), sum(households.paid[one] for one in mine)
        share = float(given / (given + listed))
        left = [float(households.spared[one]) - share * float(households.spared[one] + households.paid[one]) for one in mine]
        error = (sum(one * one for one in left) * len(left) / (len(left) - 1)) ** 0.5 / float(given + listed)
        assert (e["value"], e["n"]) == (pytest.approx(share, abs=1e-9), len(mine))
        assert e["high"] - e["low"] == pytest.approx(2 * 1.96 * error, rel=0.07)  # Student's quantile of 20 is 2.09
    assert len(told) == 7
    assert overall(coupons[2], "discount_share_homogeneity")["p"] is not None


def small(shop: Shop, basis: str = "asked", n: int = 60) -> None:
    columns = ("person", "name", "value", "basis")
    shop.read("attributes", columns, ((f"p{i}", "kind", "ab"[i % 2] if i > 1 else "rare", basis) for i in range(n)))
    shop.read("decisions", ("decision", "person", "selected"), (("offer", f"p{i}", int(i % 3 == 0)) for i in range(n)))


def test_an_attribute_without_a_basis_is_null_with_the_reason_and_compares_nobody(shop: Shop) -> None:
    small(shop, basis="")

    by = {"attribute": "kind", "decision": "offer"}
    for ask in (("--by", "kind"), ()):
        found = shop.fairness(*ask, "--decision", "offer")
        assert [(one["id"], one["value"], one["reason"], one["by"]) for one in found] == [
            ("selection_rate", None, "no_basis", by)
        ]
    told = shop.run("fairness", "--by", "kind", "--decision", "offer").stderr
    assert "persync: 'kind' is held without a stated basis: nobody is compared by it." in told


def test_who_somebody_is_without_a_basis_is_refused_with_what_to_do(shop: Shop) -> None:
    small(shop)
    with closing(sqlite3.connect(shop.folder / "persync.db")) as db, db:
        db.execute("UPDATE attributes SET name = 'gender', basis = NULL")

    done = shop.run("fairness", "--by", "gender", "--decision", "offer")

    assert (done.exit_code, done.stdout) == (2, "")
    assert "'gender' tells who somebody is, and no basis for holding it is stated. Import it again with" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("--by", "knd"), "nobody in the store has the attribute 'knd'. Did you mean 'kind'?"),
        (("--cross", "kind,knd"), "nobody in the store has the attribute 'knd'. Did you mean 'kind'?"),
        (("--cross", "kind"), "--cross takes A,B"),
        (("--by", "kind", "--decision", "ofer"), "the store holds no decision 'ofer'. Did you mean 'offer'?"),
    ],
)
def test_what_the_store_does_not_hold_is_refused_by_name(shop: Shop, arguments: tuple[str, ...], wanted: str) -> None:
    small(shop)

    done = shop.run("fairness", *arguments)

    assert done.exit_code != 0
    assert wanted in done.stderr
    assert not done.stdout


def test_one_group_has_nothing_to_be_held_against(shop: Shop) -> None:
    shop.read("attributes", ("person", "name", "value", "basis"), ((f"p{i}", "kind", "a", "asked") for i in range(60)))
    shop.read("decisions", ("decision", "person", "selected"), (("offer", f"p{i}", i % 2) for i in range(60)))

    (parity,) = [e for e in shop.fairness("--by", "kind", "--decision", "offer") if e["id"] == "demographic_parity"]

    assert (parity["value"], parity["reason"]) == (None, "one_group")


def test_decisions_about_people_the_store_does_not_know_are_counted(shop: Shop) -> None:
    """Forty ids of another system among the people: they are `unknown`, and how many is said."""
    small(shop)
    shop.read("decisions", ("decision", "person", "selected"), (("offer", f"x{i}", 1) for i in range(40)))

    read = shop.fairness("--by", "kind", "--decision", "offer")

    strangers = pick(read, "strangers_share")
    assert (strangers["value"], strangers["n"]) == (0.4, 100)
    assert "is the file's column of people the right one?" in strangers["note"]
    assert by_group(read, "selection_rate")["unknown"]["n"] == 40


@pytest.mark.parametrize(("least", "shown_as"), [(None, "every group, however small"), (2, "groups of 2 people and more")])
def test_showing_small_groups_takes_a_flag_and_is_written_down(tmp_path: Path, least: int | None, shown_as: str) -> None:
    """Two people are hidden; shown by the option, or by a setting that says so, and then answer, report and log say it."""
    shop = Shop(tmp_path, f"[report]\nsuppress_n = {least}\nshow_small_groups = true\n" if least else "")
    small(shop)
    ask = ("--by", "kind", "--decision", "offer")
    more = () if least else ("--show-small-groups",)
    if not least:
        assert by_group(shop.fairness(*ask), "selection_rate")["rare"]["reason"] == "suppressed"

    shown = shop.run("fairness", *ask, *more, "--format", "json")
    report = json.loads(shop.run("report", "--format", "json", *more).stdout)

    answer = json.loads(shown.stdout)
    assert answer["suppress_n"] == (least or 1)
    assert by_group(answer["results"], "selection_rate")["rare"]["n"] == 2
    assert f"small groups are not hidden in this answer: it shows {shown_as}" in shown.stderr
    first = report["sections"][0]["blocks"][0]
    assert (first["heading"], first["tone"]) == ("Small groups are shown", "warning")
    assert f"This report shows {shown_as}: people may be recognised." in first["text"]
    assert f"{'2 people' if least else 'nobody'}: small groups are shown" in json.dumps(report)
    assert "How the decision 'offer' treats the groups" in json.dumps(report)
    assert logged(tmp_path) == [f"fairness: {shown_as}", f"report: {shown_as}"]
    assert shop.run("verify").exit_code == 0


def logged(folder: Path) -> list[str]:
    with open_store(folder / "persync.db") as store:
        found = store.db.execute("SELECT detail FROM log WHERE event = 'small groups shown' ORDER BY entry").fetchall()
    return [detail for (detail,) in found]


def test_a_job_that_shows_small_groups_says_so_in_what_it_writes_and_in_the_log(tmp_path: Path) -> None:
    job = """
[connections.own]
connector = "files"
files = [{ kind = "attributes", path = "attributes.csv" }]

[jobs.look]
report = [{ out = "look.md", format = "md", sections = ["health"] }]
export = [{ metric = "bias_detection", out = "look.json", format = "json" }]
"""
    shop = Shop(tmp_path, f"[report]\nsuppress_n = 3\nshow_small_groups = true\n{job}")
    small(shop)

    done = shop.run("run", "look")

    assert done.exit_code == 0, done.output
    assert "small groups are not hidden: the answers show groups of 3 people and more" in done.output
    assert "This report shows groups of 3 people and more" in (tmp_path / "look.md").read_text("utf-8")
    assert json.loads((tmp_path / "look.json").read_text("utf-8"))["suppress_n"] == 3
    assert logged(tmp_path) == ["run look: groups of 3 people and more"]
    (tmp_path / "persync.toml").write_text(job, "utf-8")
    assert shop.run("run", "look").exit_code == 0
    assert "suppress_n" not in json.loads((tmp_path / "look.json").read_text("utf-8"))
    assert len(logged(tmp_path)) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("suppress_n = 4", "suppress_n = 4 shows groups in which people may be recognised; say show_small_groups = true"),
        ("suppress_n = 1\nshow_small_groups = false", "suppress_n = 1 shows groups"),
        ("show_small_groups = true", "show_small_groups goes with a suppress_n below 5"),
    ],
)
def test_small_groups_are_not_shown_by_a_number_alone(tmp_path: Path, settings: str, said: str) -> None:
    shop = Shop(tmp_path, f"[report]\n{settings}\n")

    done = shop.run("fairness", "--by", "kind")

    assert done.exit_code == 2
    assert said in done.stderr
