"""The measures over the real way: rows through the writer, the store, the mirror and DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from persync import rows
from persync.engine import open_engine
from persync.engine.engine import Engine
from persync.measure import METRICS, experiments, fairness
from persync.measure.metric import Ask, Experiment, Metric
from persync.rows import Action, CampaignRef, OrderRef, Person
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

DAY = 86_400_000
START = 1_700_000_000_000
EXPERIMENT = Experiment("test", tags={"mailed": "test:mailed", "left": "test:left"}, control="left", since=START, days=10)
ASK = Ask(now=START + 90 * DAY, experiments={"test": EXPERIMENT})


def mailer(person: int) -> Person:
    return Person(("id", f"m{person}"), ("email", f"p{person}@example.com"))


def mail_rows() -> Iterator[rows.Row]:
    """80 people tagged into two arms; the first half gets a segmented campaign."""
    yield rows.Account("acc", currency="EUR")
    letter = CampaignRef(("id", "letter"))
    yield rows.Campaign(letter, kind="regular", title="Letter", sent_at=START)
    yield rows.Evidence(letter, "content", (("read", ""),))
    yield rows.Evidence(letter, "settings", (("segment", "buyers"),))
    yield rows.CampaignCounters(letter, sent=40, hard_bounces=0, soft_bounces=0, unique_opens=20, unsubscribes=0, complaints=0)
    for tag in ("mailed", "left"):
        yield rows.Segment("tag", tag, parent="list", name=f"test:{tag}")
    for i in range(80):
        yield rows.Contact(mailer(i), status="subscribed")
        yield rows.Consent(mailer(i), "email", "subscribed")
        yield rows.Attribute(mailer(i), "country", "AT" if i % 2 else "DE", "told by the shop")
        yield rows.MemberOf(mailer(i), "tag", "list", ("mailed" if i < 40 else "left",))
        if i < 40:
            yield rows.Touchpoint(letter, mailer(i), Action.SEND, START)


def shop_rows() -> Iterator[rows.Row]:
    """The same people under the shop's own ids: mailed ones buy for 24.00 with tax, every second of the others too."""
    yield rows.Account("shop", currency="EUR", shop="shop.example.com")
    for i in range(80):
        if i < 40 or i % 2:
            order = OrderRef(f"o{i}", "shop.example.com", f"o{i}", f"#{i}")
            buyer = Person(("id", f"s{i}"), ("email", f"P{i}@example.com"))
            at = START + DAY
            yield rows.Order(order, kind="order", person=buyer, ordered_at=at, status="paid", is_test=False, currency="EUR")
            yield rows.LedgerEntry(order, "1", "sale", "product", at, 2000, "EUR")
            yield rows.LedgerEntry(order, "1", "sale", "tax", at, 400, "EUR")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path: Path = tmp_path_factory.mktemp("store") / "persync.db"
    with open_store(path, create=True) as store:
        for name, connector, made in (("mail", "mailchimp", mail_rows()), ("shop", "shopify", shop_rows())):
            writer = Writer(store, name, connector, now=START)
            with store.transaction():
                writer.write(made)
        derive(store)
    opened = open_engine(path)
    yield opened
    opened.close()


def test_an_experiment_reads_across_two_systems(engine: Engine) -> None:
    """Tags of one system and orders of the other meet in one person: 20.00 against 10.00 a person, all against half."""
    read = experiments.read(engine, EXPERIMENT, ASK)

    found = {(e.by["outcome"], e.id): e.value for e in read if e.id in ("difference", "relative")}
    assert found == {
        ("conversion", "difference"): 0.5,
        ("conversion", "relative"): 1.0,
        ("revenue", "difference"): 10.0,
        ("revenue", "relative"): 1.0,
    }
    assert [(e.by["arm"], e.value) for e in read if e.id == "arm_size"] == [("left", 40), ("mailed", 40)]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.id)
def test_every_metric_runs_on_the_real_engine(engine: Engine, metric: Metric) -> None:
    """Whole, and by each of its dimensions, without an error and with its own name."""
    whole = metric.compute(engine, ASK)
    assert whole
    assert all(e.reason for e in whole if e.value is None)

    for dimension in metric.dimensions:
        by = ("country" if dimension == "any attribute" else dimension,)
        period = (ASK.now - 90 * DAY, ASK.now) if dimension == "seg" else ASK.period
        metric.compute(engine, replace(ASK, by=by, arm="test" if dimension == "arm" else None, period=period))


def test_fairness_runs_on_the_real_engine(engine: Engine) -> None:
    """Both countries got the same, so neither is below, and the benefit of both is that of all."""
    read = fairness.assess(engine, "country", ASK)

    rates = {e.by.get("group"): (e.value, e.n) for e in read if e.id == "exposure_rate"}
    assert rates == {None: (0.5, 80), "AT": (0.5, 40), "DE": (0.5, 40)}
    assert [e.value for e in read if e.id == "four_fifths"] == [1.0]
    benefits = {e.by.get("group"): e.value for e in read if e.id == "benefit_difference" and e.by["outcome"] == "revenue"}
    assert benefits == {None: 10.0, "AT": 0.0, "DE": 20.0}
