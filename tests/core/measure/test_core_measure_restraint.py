"""How much is too much: curves over doses with their warning, weariness, lists of what to pull back, context."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from persync.engine import open_engine
from persync.engine.engine import Engine
from persync.estimate import Estimate
from persync.imports.csvfile import read_batch
from persync.imports.files import IMPORTERS
from persync.measure import METRICS
from persync.measure.context import psi
from persync.measure.cost_settings import CostSettings
from persync.measure.metric import Ask, Experiment
from persync.measure.rules import DAY
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

BY_ID = {metric.id: metric for metric in METRICS}
NOW = 1_735_689_600_000  # 2025-01-01
ASK = Ask(now=NOW, suppress_n=1, report_n=1)


def compute(shop: Engine, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The e-mails of a small business through the importers: a person each, `read`, past contacts; blanks stay missing."""
    path = Path(__file__).parents[3] / ".." / "shared" / "data" / "smb_email_campaign.csv.gz"
    if not path.exists():
        pytest.skip("shared/ is not here")
    folder = tmp_path_factory.mktemp("letters")
    with (
        gzip.open(path, "rt", encoding="utf-8", newline="") as source,
        (folder / "attributes.csv").open("w", encoding="utf-8") as known,
        (folder / "outcomes.csv").open("w", encoding="utf-8") as read,
    ):
        known.write("person,name,value\n")
        read.write("person,outcome,value\n")
        for row in csv.DictReader(source):
            read.write(f"{row['Email_ID']},read,{int(row['Email_Status'] != '0')}\n")
            if row["Total_Past_Communications"]:
                known.write(f"{row['Email_ID']},past_contacts,{row['Total_Past_Communications']}\n")
    importers = {importer.kind: importer for importer in IMPORTERS}
    with open_store(folder / "persync.db", create=True) as store:
        writer = Writer(store, "files", "files", now=NOW)
        with store.transaction():
            for kind in ("attributes", "outcomes"):
                batch = read_batch(folder / f"{kind}.csv", importers[kind], name=f"{kind}.csv")
                writer.write(batch.rows)
        derive(store)
    opened = open_engine(folder / "persync.db")
    yield opened
    opened.close()


def test_the_curve_of_real_letters_carries_its_warning_and_no_advice_to_mail_more(letters: Engine) -> None:
    """Read least at 11 to 20 contacts, 48 % above 50; the first step mixes newcomers, who read, and others, who do not."""
    read = compute(letters, "frequency_response", Ask(now=NOW, by=("past_contacts",)))

    curve = {e.by["past_contacts"]: e for e in read if e.id == "frequency_response"}
    assert {name: (round(float(e.value or 0), 4), e.n) for name, e in curve.items()} == {
        "0-10": (0.2068, 3844),
        "11-20": (0.0748, 13845),
        "21-30": (0.1268, 17639),
        "31-40": (0.2408, 14953),
        "41-50": (0.3608, 8288),
        "above 50": (0.4775, 2959),
        "unknown": (0.1968, 6825),
    }
    assert all("not drawn by lot" in e.note and e.label == "raw difference" for e in curve.values())
    first = {e.by["past_contacts"]: (round(float(e.value or 0), 4), e.n) for e in read if e.id.endswith("first_step")}
    assert first == {"0": (0.8935, 657), "1-10": (0.0653, 3187)}
    rest = {e.id: (e.value, e.reason) for e in read if "response" not in e.id}
    assert rest == {"frequency_knee": (None, "not_randomised"), "frequency_cap_test": (None, "not_randomised")}
    assert "random half whose mail is capped" in next(e.note for e in read if e.id == "frequency_cap_test")


def test_words_make_no_curve(shop: Any) -> None:
    shop.add("attributes", connection=1, key_id=1, name="tier", value="gold")

    read = compute(shop, "frequency_response", replace(ASK, by=("tier",)))

    assert [(e.value, e.reason) for e in read] == [(None, "not_numbers")]


def mailed(shop: Any, person: int, *days: float) -> None:
    for i, day in enumerate(days):
        key = 1000 * person + i
        shop.add("touchpoints", connection=1, campaign_key=key, key_id=person, action=1, happened_at=NOW - round(day * DAY))


def clicked(shop: Any, person: int, message: int, day: float) -> None:
    key = 1000 * person + message
    shop.add("touchpoints", connection=1, campaign_key=key, key_id=person, action=4, happened_at=NOW - round(day * DAY))


def test_doses_are_messages_a_week_of_the_period(shop: Any) -> None:
    """70 days: 10 messages are one a week, 20 are two; each with what its people did."""
    ask = replace(ASK, period=(NOW - 70 * DAY, NOW))
    for person in (1, 2):
        mailed(shop, person, *range(1, 11))
    mailed(shop, 3, *range(1, 21))
    clicked(shop, 1, 0, 0.5)
    shop.order(1, 3, 2500, ordered_at=NOW - 3 * DAY)
    shop.add("touchpoints", connection=1, campaign_key=3001, key_id=3, action=6, happened_at=NOW - DAY)

    read = compute(shop, "frequency_response", ask)

    found = {(e.by["sends_a_week"], e.by["outcome"]): e.value for e in read if e.id == "frequency_response"}
    assert found == {
        ("0.5 to 1", "clicks"): 0.5,
        ("0.5 to 1", "unsubscribed"): 0.0,
        ("0.5 to 1", "complained"): 0.0,
        ("0.5 to 1", "revenue"): 0.0,
        ("1 to 2", "clicks"): 0.0,
        ("1 to 2", "unsubscribed"): 1.0,
        ("1 to 2", "complained"): 0.0,
        ("1 to 2", "revenue"): 25.0,
    }


def test_where_nobody_is_mailed_often_the_lowest_step_is_told_in_its_parts(shop: Any) -> None:
    """140 days: 2, 4 and 8 messages are a tenth, a fifth and two fifths a week; with one who got 40 they are one step."""
    ask = replace(ASK, period=(NOW - 140 * DAY, NOW))
    for person, count in ((1, 2), (2, 2), (3, 4), (4, 8)):
        mailed(shop, person, *range(1, count + 1))
    clicked(shop, 1, 0, 0.5)
    clicked(shop, 4, 0, 0.5)

    def clicks() -> dict[str, tuple[Any, Any]]:
        read = compute(shop, "frequency_response", ask)
        told = [e for e in read if e.id == "frequency_response" and e.by["outcome"] == "clicks"]
        return {e.by["sends_a_week"]: (e.value, e.n) for e in told}

    seldom = clicks()
    mailed(shop, 5, *range(1, 41))
    often = clicks()

    assert list(seldom.items()) == [("up to 0.1", (0.5, 2)), ("0.1 to 0.2", (0.0, 1)), ("0.2 to 0.5", (1.0, 1))]
    assert list(often.items()) == [("up to 0.5", (0.5, 4)), ("1 to 2", (0.0, 1))]


def test_weariness_is_the_change_of_acts_a_message(shop: Any) -> None:
    """20 messages in 56 days: two clicks in the first half and none in the second, -0.2 a message; silent ones are told."""
    ask = replace(ASK, period=(NOW - 56 * DAY, NOW))
    for person in (1, 2, 3):
        mailed(shop, person, *range(1, 11), *range(40, 50))
    for message in (10, 11):
        clicked(shop, 1, message, 39)
    mailed(shop, 4, 10, 120)
    clicked(shop, 4, 1, 119)

    read = {(e.id, e.by.get("dose")): e for e in compute(shop, "fatigue", ask)}

    tired = read["fatigue", "high"]
    assert tired.value == pytest.approx(-0.2 / 3)
    assert (tired.n, tired.label) == (3, "raw difference")
    assert (read["silent_share", None].value, read["silent_share", None].n) == (1.0, 1)


def drawn(shop: Any, arm: str, people: range, ones: int) -> None:
    size = len(people)
    keys = list(people)
    one = {"connection": [1] * size, "key_id": keys}
    shop.load("assignments", experiment=["cut"] * size, arm=[arm] * size, assigned_at=[0] * size, **one)
    shop.load("outcomes", outcome=["visit"] * size, value=[float(i < ones) for i in range(size)], **one)


@pytest.mark.parametrize(
    ("ones", "advice", "words"),
    [
        (50, "pull back", "expected gain a person 0.2"),
        (150, "keep", "pulling back would lose 0.3"),
        (92, "test", "not decided"),
    ],
)
def test_lists_follow_from_the_verdict(shop: Any, ones: int, advice: str, words: str) -> None:
    """Against 90 of 200 without messages: 50 cost, 150 pay, 92 cannot tell."""
    drawn(shop, "mailed", range(1, 201), ones)
    drawn(shop, "none", range(201, 401), 90)
    experiment = Experiment("cut", control="none", primary="visit", since=NOW - 60 * DAY, days=30, holdout=True)

    read = compute(shop, "pull_back_advice", replace(ASK, experiments={"cut": experiment}))

    assert [(e.by["advice"], e.label) for e in read] == [(advice, "holdout")]
    assert read[0].value == pytest.approx((90 - ones) / 200)
    assert words in read[0].note


def test_without_an_experiment_everything_is_to_be_tested(shop: Any) -> None:
    read = compute(shop, "pull_back_advice")

    assert [(e.value, e.reason, e.by) for e in read] == [(None, "no_experiment", {"advice": "test"})]


def test_tests_of_timing_are_read(shop: Any) -> None:
    drawn(shop, "mailed", range(1, 201), 100)
    drawn(shop, "none", range(201, 401), 60)
    one = Experiment("cut", control="none", primary="visit", since=NOW - 60 * DAY, days=30, kind="send_time")

    read = compute(shop, "timing_frequency_test", replace(ASK, experiments={"cut": one}))

    assert [e.value for e in read if e.id == "difference" and e.by["outcome"] == "visit"] == [pytest.approx(0.2)]
    none = compute(shop, "timing_frequency_test", replace(ASK, experiments={"cut": replace(one, kind="subject_line")}))
    assert [(e.value, e.reason) for e in none] == [(None, "no_experiment")]


def test_messages_are_told_apart_by_local_hour_and_weekday(shop: Any) -> None:
    """1 January 2025 00:00 UTC is a Wednesday: 2 o'clock in Helsinki. Ten on Wednesdays clicked, ten on Thursdays did not."""
    ask = replace(ASK, timezone="Europe/Helsinki", period=(NOW - 60 * DAY, NOW))
    for person in range(1, 11):
        mailed(shop, person, 21)
        clicked(shop, person, 0, 20.5)
        mailed(shop, 100 + person, 20)

    read = compute(shop, "contextual_relevance", ask)

    found = {tuple(e.by.values())[-1]: (e.value, e.n) for e in read if e.id == "contextual_relevance" and e.value is not None}
    assert {name: found[name] for name in ("02", "Wednesday", "Thursday")} == {
        "02": (0.5, 20),
        "Wednesday": (1.0, 10),
        "Thursday": (0.0, 10),
    }
    reasons = {e.by.get("context"): e.reason for e in read if e.reason}
    assert (reasons["device"], reasons["place"]) == ("no_sessions", "no_place")
    assert {e.label for e in read if "contextual" in e.id} == {"raw difference"}


def test_own_hours_are_those_before_the_period(shop: Any) -> None:
    """Three clicks at midnight before it: a message at midnight came in an hour of theirs, one at noon did not."""
    ask = replace(ASK, period=(NOW - 60 * DAY, NOW))
    mailed(shop, 1, 103, 102, 101, 30, 20.5)
    for message, day in enumerate((103, 102, 101)):
        clicked(shop, 1, message, day - 0.01)

    read = {e.id: e for e in compute(shop, "contextual_relevance", ask)}

    assert (read["in_own_hours"].value, read["in_own_hours"].n) == (0.5, 2)


def test_an_opt_out_is_heard_when_no_later_message_comes(shop: Any) -> None:
    """Of three who left 50 days ago one was mailed ten days later; of one who left last week nobody can tell yet."""
    for person in (1, 2, 3, 4):
        shop.add("person_of", key_id=person, person=person, hash=person)
    for person, day in ((1, 50), (2, 50), (3, 50), (4, 7)):
        mailed(shop, person, day + 1)
        at = NOW - round(day * DAY)
        shop.add("touchpoints", connection=1, campaign_key=1000 * person, key_id=person, action=6, happened_at=at)
    mailed_again = NOW - 40 * DAY
    shop.add("touchpoints", connection=1, campaign_key=9, key_id=1, action=1, happened_at=mailed_again)

    read = {e.id: (e.value, e.n) for e in compute(shop, "responsiveness")}

    assert read["responsiveness"] == (2 / 3, 3)
    assert read["responsiveness_days"] == (10 / 3, 3)


def test_drift_is_the_population_stability_index() -> None:
    """50/50 to 80/20: 0.3 ln 1.6 + 0.3 ln 2.5 = 0.416 with many people; none where nothing moved."""
    assert psi({"a": 500_000, "b": 500_000}, {"a": 800_000, "b": 200_000}) == pytest.approx(0.41589, abs=1e-4)
    assert psi({"a": 30, "b": 60}, {"a": 30, "b": 60}) == 0
    assert psi({"a": 50}, {"a": 50, "b": 50}) > 0.25


def test_drift_reads_the_stages_of_both_days(shop: Any) -> None:
    for person in range(1, 41):
        shop.order(person, person, 1000, ordered_at=NOW - 100 * DAY)

    (drift, *rest) = compute(shop, "adaptability")

    assert drift.value is not None
    assert drift.value > 1
    assert "much drift" in drift.note
    assert {e.reason for e in rest} == {"no_change_known"}


CADENCE = Experiment("dose", control="one", since=NOW - 60 * DAY, days=28, kind="cadence")


def cadences(shop: Any, rates: dict[str, tuple[int, int, int]]) -> None:
    """100 people an arm: so many messages in four weeks each, so many who buy for 30.00 give or take, so many who leave."""
    for at, (arm, (messages, buyers, gone)) in enumerate(rates.items()):
        people = list(range(100 * at + 1, 100 * at + 101))
        shop.load("assignments", connection=[1] * 100, experiment=["dose"] * 100, key_id=people, arm=[arm] * 100)
        sent = [(person, j) for person in people for j in range(messages)]
        shop.load(
            "touchpoints",
            connection=[1] * len(sent),
            campaign_key=[1000 * person + j for person, j in sent],
            key_id=[person for person, _ in sent],
            action=[1] * len(sent),
            happened_at=[NOW - 59 * DAY + j * DAY // 2 for _, j in sent],
        )
        for i, person in enumerate(people[:buyers]):
            shop.order(person, person, 3000 + 100 * (i % 3 - 1), ordered_at=NOW - 40 * DAY)
        for person in people[100 - gone :]:
            shop.add("touchpoints", connection=1, campaign_key=1, key_id=person, action=6, happened_at=NOW - 35 * DAY)


def test_the_knee_is_read_from_a_test_of_cadences_alone(shop: Any) -> None:
    """4, 8 and 16 messages in four weeks: the second step brings 30 more buyers a hundred, the third two and loses more."""
    cadences(shop, {"one": (4, 20, 0), "two": (8, 50, 2), "four": (16, 52, 30)})
    costs = CostSettings(subscriber_value=5.0)
    ask = replace(ASK, experiments={"dose": CADENCE}, costs=costs, margin=0.5, period=(NOW - 60 * DAY, NOW))

    read = compute(shop, "frequency_response", ask)

    marginal = {e.by["arm"]: e for e in read if e.id == "frequency_marginal"}
    assert float(marginal["two"].value or 0) == pytest.approx((30 * 30 * 0.5 / 100 - 0.02 * 5) / 4, abs=0.02)
    assert float(marginal["four"].value or 0) == pytest.approx((2 * 30 * 0.5 / 100 - 0.28 * 5) / 8, abs=0.02)
    assert {e.label for e in marginal.values()} == {"randomised"}
    assert "gain is margin 50 % of net, as set; less 1.40 a person for those who left the list" in marginal["four"].note
    (knee,) = (e for e in read if e.id == "frequency_knee")
    assert (knee.value, knee.low, knee.high, knee.unit, knee.n) == (2.0, 2.0, 4.0, "messages a week", 300)
    assert knee.note.startswith("beyond it a message more does not pay")


def test_a_test_of_cadences_that_went_wrong_has_no_knee(shop: Any) -> None:
    cadences(shop, {"one": (4, 20, 0), "two": (8, 50, 2)})
    shares = {"one": 0.9, "two": 0.1}

    def knee(**more: Any) -> Estimate:
        wrong = replace(CADENCE, **more)
        read = compute(shop, "frequency_response", replace(ASK, experiments={"dose": wrong}, period=(NOW - 60 * DAY, NOW)))
        return next(e for e in read if e.id == "frequency_knee")

    found = [knee(planned_shares=shares), knee(days=100), knee(control="none"), knee(since=None, days=None), knee(kind="")]
    assert [(e.value, e.reason) for e in found] == [
        (None, "sample_ratio"),
        (None, "immature"),
        (None, "misconfigured"),
        (None, "no_date"),
        (None, "not_randomised"),
    ]
