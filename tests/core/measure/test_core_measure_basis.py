"""An attribute that tells who somebody is, and is held on no stated basis, is read by nobody: one rule, every reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from persync import rows
from persync.cli import root
from persync.engine import open_engine
from persync.engine.engine import Engine
from persync.errors import ConfigError
from persync.federate.export import Wish, export
from persync.measure import METRICS, attributes, fairness
from persync.measure.cost_settings import CostSettings
from persync.measure.fairness import bases, mitigation, scan
from persync.measure.grouping import ANY_ATTRIBUTE
from persync.measure.membership import build, moment
from persync.measure.metric import Ask, Metric
from persync.measure.segment_settings import SegmentRule, SegmentSettings
from persync.rows import Action, CampaignRef, OrderRef, Person
from persync.serve.rows import rows_behind
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

NOW = 1_700_000_000_000
DAY = 86_400_000
PEOPLE = 80
ASK = Ask(now=NOW + 90 * DAY, period=(NOW - DAY, NOW + 30 * DAY))
BARE = "age_band"
REFUSED = f"'{BARE}' tells who somebody is, and no basis for holding it is stated"


def held() -> Iterator[rows.Row]:
    """Of everybody the age (on no basis), the gender (12 of 80 on none), and the tier, which is what they did (on none)."""
    letter = CampaignRef(("id", "letter"))
    yield rows.Account("acc", currency="EUR")
    yield rows.Campaign(letter, kind="regular", title="Letter", sent_at=NOW)
    yield rows.Evidence(letter, "settings", (("segment", "buyers"),))
    for i in range(PEOPLE):
        person = Person(("id", f"m{i}"))
        yield rows.Contact(person, status="subscribed")
        yield rows.Attribute(person, BARE, "30-44" if i % 2 else "45-59", None)
        yield rows.Attribute(person, "gender", "woman" if i % 3 else "man", "asked at sign-up" if i >= 12 else " ")
        yield rows.Attribute(person, "tier", "gold" if i % 2 else "silver", None)
        yield rows.Decision("offer", person, i % 2, None, i % 5 == 0, NOW)
        if i % 4:
            yield rows.Touchpoint(letter, person, Action.SEND, NOW)
        order = OrderRef(f"o{i}", "shop.example.com", f"o{i}", f"#{i}")
        yield rows.Order(order, kind="order", person=person, ordered_at=NOW + DAY, status="paid", is_test=False, currency="EUR")
        yield rows.LedgerEntry(order, "1", "sale", "product", NOW + DAY, 2000 + i, "EUR")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bare")
    (folder / "persync.toml").write_text("", encoding="utf-8")
    with open_store(folder / "persync.db", create=True) as store:
        writer = Writer(store, "mail", "mailchimp", now=NOW)
        with store.transaction():
            writer.write(held())
        derive(store)
    return folder


@pytest.fixture(scope="module")
def engine(project: Path) -> Iterator[Engine]:
    opened = open_engine(project / "persync.db")
    yield opened
    opened.close()


def test_no_value_without_a_basis_reaches_an_engine(engine: Engine) -> None:
    """Whatever the query, a plugin's too: the people and the names are there, and only what may be read of them."""
    sql = "SELECT a.name AS name, COUNT(*) AS people, COUNT(a.value) AS told FROM attributes AS a GROUP BY a.name ORDER BY 1"

    found = [tuple(row.values()) for row in engine.rows(sql)]

    assert found == [(BARE, 80, 0), ("gender", 80, 68), ("tier", 80, 80)]
    assert attributes.unstated(engine) == {BARE: 80, "gender": 12}


@pytest.mark.parametrize("metric", [m for m in METRICS if ANY_ATTRIBUTE in m.dimensions], ids=lambda m: m.id)
def test_every_metric_by_attribute_refuses_one_without_a_basis(engine: Engine, metric: Metric) -> None:
    with pytest.raises(ConfigError, match=REFUSED):
        metric.compute(engine, replace(ASK, by=(BARE,)))


RULED = replace(ASK, segments=SegmentSettings(rules={"mine": SegmentRule("mine", attributes={BARE: ("30-44",)})}))
READERS: dict[str, Callable[[Engine], object]] = {
    "fairness": lambda engine: fairness.assess(engine, BARE, ASK),
    "crossed groups": lambda engine: fairness.assess(engine, ("gender", BARE), ASK),
    "scan": lambda engine: scan.scan(engine, ASK, [BARE]),
    "mitigation": lambda engine: mitigation.mitigate(engine, ASK, BARE, "offer"),
    "segment rule": lambda engine: build(engine, RULED, [moment(ASK)]),
    "federate": lambda engine: export(engine, "0" * 32, ASK, Wish(attributes=(BARE,))),
    "page behind a number": lambda engine: rows_behind(engine, ASK, "orders", {BARE: "30-44"}),
    "loyalty programme": lambda engine: next(m for m in METRICS if m.id == "loyalty_roi").compute(
        engine, replace(ASK, costs=CostSettings(loyalty=BARE))
    ),
}


@pytest.mark.parametrize("reader", READERS)
def test_every_other_reader_refuses_it_as_well(engine: Engine, reader: str) -> None:
    with pytest.raises(ConfigError, match=REFUSED):
        READERS[reader](engine)


@pytest.mark.parametrize(
    "arguments",
    [
        ("metric", "ctr", "--by", BARE),
        ("fairness", "--by", BARE),
        ("fairness", "--cross", f"gender,{BARE}"),
        ("fairness", "mitigate", "--decision", "offer", "--by", BARE),
        ("fairness", "decide", "as_decided", "--decision", "offer", "--by", BARE, "--because", "no reason"),
        ("federate", "export", "out.json", "--by", BARE),
    ],
    ids=" ".join,
)
def test_every_command_says_so_in_one_line_and_is_of_no_use_then(
    project: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)

    done = CliRunner().invoke(root, ["--project", str(project), *arguments], prog_name="persync")

    assert (done.exit_code, done.stdout) == (2, "")
    assert REFUSED in done.stderr
    assert "[connections.NAME.attributes]" in done.stderr


def test_what_is_not_asked_for_by_name_is_left_out_and_named(engine: Engine) -> None:
    (gap, *_) = scan.scan(engine, ASK)
    given = export(engine, "0" * 32, ASK, Wish())

    assert attributes.usable(engine) == ["gender", "tier"]
    assert gap.note.endswith("held without a stated basis: tier")
    assert f"attribute {BARE}: no basis is stated" in given.withheld
    assert {table.attribute for table in given.tables if table.family == "mail"} == {"", "gender", "tier"}


def test_of_a_partly_stated_basis_only_the_stated_values_count_and_the_rest_are_unknown_with_their_number(
    engine: Engine, project: Path
) -> None:
    """12 of 80 people's gender is on no basis: 68 are in the groups, and whoever reads it is told of the 12."""
    rate = next(m for m in METRICS if m.id == "ctr").compute(engine, replace(ASK, by=("gender",)))
    told = CliRunner().invoke(root, ["--project", str(project), "fairness", "--by", "gender", "--format", "json"])

    people = {one.by["gender"]: one.n for one in rate if one.id == "ctr"}
    notes = {one.by["gender"]: one.note for one in rate if one.id == "ctr"}
    assert people == {"man": 17, "unknown": 9, "woman": 34}
    assert notes["unknown"].endswith("no basis is stated for 12 of whom 'gender' is held")
    assert "no basis" not in notes["man"] + notes["woman"]
    assert "'gender' of 12 people is held without a stated basis: they count as unknown." in told.stderr


def test_what_people_did_makes_groups_without_a_basis_but_no_assessment_of_fairness(engine: Engine) -> None:
    """A tier may slice a measure; between its groups nothing is assessed until somebody says why it is held."""
    (null,) = mitigation.mitigate(engine, ASK, "tier", "offer")

    assert bases.unstated(engine, ["tier", "gender"]) == ["tier"]
    assert (null.value, null.reason) == (None, "no_basis")
    ctr = next(m for m in METRICS if m.id == "ctr")
    assert {one.by["tier"] for one in ctr.compute(engine, replace(ASK, by=("tier",)))} == {"gold", "silver"}
