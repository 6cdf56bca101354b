"""A small report made by hand, with every kind of block and cell in it; and a small shop in a real store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from persync import rows
from persync.attribution.models import MODELS
from persync.engine import Engine, open_engine
from persync.estimate import Estimate, missing
from persync.measure.metric import Ask, Experiment
from persync.measure.registry import METRICS
from persync.money import Money
from persync.report import charts
from persync.report.report import BuiltSection, Column, Figure, Inputs, Note, Report, Table
from persync.rows import Action, CampaignRef, OrderRef, Person
from persync.store.derive import derive
from persync.store.store import open_store
from persync.store.write import Writer

LIFT = Estimate("difference", 0.7698, 0.4851, 1.0545, 1.16e-7, 42694, "EUR", "randomised", by={"arm": "mens"})
BUYERS = Estimate("difference", 0.006805, 0.005004, 0.008622, 1e-12, 42694, "share", "randomised", by={"arm": "mens"})
ROI = missing("roi", "no_cost", unit="ratio")


def small_report() -> Report:
    """Build it; every number in it is invented."""
    lift = Table(
        "lift",
        "What the mail changed",
        (
            Column("arm", "Arm"),
            Column("revenue", "Revenue a customer", "estimate", "net revenue over all customers of the arm"),
            Column("buyers", "Buyers", "estimate"),
            Column("roi", "Return on cost", "estimate"),
            Column("verdict", "Verdict"),
        ),
        (("men's mail", LIFT, BUYERS, ROI, "pays"),),
    )
    till = Table(
        "till",
        "Who says what",
        (
            Column("source", "Source"),
            Column("orders", "Orders", "count"),
            Column("amount", "Amount", "money"),
            Column("share", "Share", "share"),
            Column("ratio", "Of the shop's", "ratio"),
            Column("at", "Last seen", "time"),
        ),
        (
            ("shop", 1204, Money(9_861_010, "EUR"), 1.0, None, 1735689600000),
            ("mailchimp", 1000, Money(-1_250, "EUR"), 0.171, 1.85, None),
        ),
        has_total=True,
    )
    figure = Figure(
        "lift-figure",
        "Extra revenue a customer",
        "Men's mail: +0.77 EUR, 95 % interval 0.49 to 1.05.",
        charts.intervals([{"name": "men's mail", "value": 0.7698, "low": 0.4851, "high": 1.0545}], unit="EUR"),
        lift,
    )
    return Report(
        title="Does it pay?",
        persync="0.1.0",
        made_at=1735689600000,
        period=(1704067200000, 1735689600000),
        timezone="UTC",
        sections=(
            BuiltSection("answer", "The answer", (Note("Yes.", "answer"), Note("Nobody knows.", "warning", "Who?"))),
            BuiltSection("pays", "Does it pay?", (lift, figure, Note("By Welch.", "definition", "How"))),
            BuiltSection("till", "The till", (till,)),
        ),
        facts={"project": {"name": "Corner shop"}},
    )


@pytest.fixture
def report() -> Report:
    """A small report."""
    return small_report()


DAY = 86_400_000
START = 1_700_006_400_000
"""15 November 2023, midnight UTC: the mail goes out."""
PEOPLE = 2400
EXPERIMENT = Experiment("spring", control="control", since=START, days=30, holdout=True)


def is_treated(number: int) -> bool:
    """Tell who was drawn: two of three."""
    return number % 3 > 0


def town(number: int) -> str:
    """Return where somebody lives: one of three towns; twelve people live in a hamlet of three, which is hidden."""
    return "hamlet" if number >= PEOPLE - 3 else ("north", "north", "east", "south")[number % 4]


def buys(number: int) -> bool:
    """Tell who orders: every tenth anyway, and every fifth of the treated because of the mail."""
    return number % 10 == 0 or (is_treated(number) and number % 5 == 1)


def _mail(number: int) -> Person:
    return Person(("id", f"m{number}"), ("email", f"p{number}@example.com"))


def _mailing() -> Iterator[rows.Row]:
    """Yield what the mail platform knows: everybody, one mail of level 2 to the treated (few of the south), and one unread."""
    yield rows.Account("acc")
    for key, source in (("spring-mail", "content"), ("dark", "settings")):
        campaign = CampaignRef(("id", key))
        yield rows.Campaign(campaign, kind="regular", title=key, sent_at=START)
        yield rows.Evidence(campaign, source, (("read", ""), ("segment", "town")))
    for number in range(PEOPLE):
        yield rows.Contact(_mail(number), created_at=START - DAY, status="subscribed")
        yield rows.Consent(_mail(number), "email", "subscribed")
        yield rows.Attribute(_mail(number), "town", town(number), "asked at sign-up")
        if is_treated(number) and (town(number) != "south" or number % 8 == 3):
            yield rows.Touchpoint(CampaignRef(("id", "spring-mail")), _mail(number), Action.SEND, START)
            yield rows.Touchpoint(
                CampaignRef(("id", "spring-mail")), _mail(number), Action.OPEN, START + 60_000, is_machine=number % 2 == 0
            )
            yield rows.Touchpoint(
                CampaignRef(("id", "spring-mail")),
                _mail(number),
                Action.CLICK,
                START + 3_600_000,
                link="https://shop.example/a",
            )
        elif number % 100 == 0:
            yield rows.Touchpoint(CampaignRef(("id", "dark")), _mail(number), Action.SEND, START)
    yield rows.Claim(CampaignRef(("id", "spring-mail")), None, "mail_report", 500, 1_500_000, "EUR")


def _shop() -> Iterator[rows.Row]:
    """Yield what the shop knows: buyers and their orders of 20 EUR and tax, one guest, one test order, one refund."""
    yield rows.Account("shop", currency="EUR", timezone="UTC", shop="corner.example")
    for number in range(PEOPLE):
        if buys(number):
            who = Person(("id", f"s{number}"), ("email", f"p{number}@example.com"))
            yield rows.Contact(who, created_at=START)
            yield from _order(f"o{number}", who, START + DAY, 2000 + number % 7)
    yield from _order("guest", None, START + 2 * DAY, 5000)
    yield from _order("test", None, START + 2 * DAY, 9900, is_test=True)
    yield rows.LedgerEntry(OrderRef("o0"), "r", "refund", "product", START + 3 * DAY, -500, "EUR")


def _order(name: str, who: Person | None, at: int, minor: int, *, is_test: bool = False) -> Iterator[rows.Row]:
    order = OrderRef(name, "corner.example", name, f"#{name}")
    yield rows.Order(
        order,
        "order",
        who,
        at,
        "paid",
        is_test,
        currency="EUR",
        total_minor=minor + 400,
        journey="unobserved" if who is None else "observed",
    )
    yield rows.LedgerEntry(order, "s", "sale", "product", at, minor, "EUR")
    yield rows.LedgerEntry(order, "s", "sale", "tax", at, 400, "EUR")


def _files() -> Iterator[rows.Row]:
    """Yield what the user imported: the arms and what the programme cost."""
    for number in range(PEOPLE):
        who = Person(("email", f"p{number}@example.com"))
        yield rows.Assignment(
            "spring", who, "treated" if is_treated(number) else "control", START, 2 / 3 if is_treated(number) else 1 / 3
        )
    yield rows.Cost("tool", START + DAY, "tool", 50_000, "EUR")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A shop in a store, read through its mirror."""
    yield from _opened(tmp_path_factory.mktemp("shop") / "shop.db", filled=True)


@pytest.fixture(scope="session")
def empty_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store in which nothing is."""
    yield from _opened(tmp_path_factory.mktemp("empty") / "empty.db", filled=False)


def _opened(path: Path, *, filled: bool) -> Iterator[Engine]:
    store = open_store(path, create=True)
    if filled:
        for name, connector, given in (
            ("mail", "mailchimp", _mailing()),
            ("shop", "shopify", _shop()),
            ("files", "files", _files()),
        ):
            writer = Writer(store, name, connector, now=START + 60 * DAY)
            with store.transaction() as db:
                writer.write(given)
                if name != "files":
                    db.execute(
                        "INSERT INTO coverage VALUES (?, 'all', '', 0, ?, 'complete', '', 1)",
                        (writer.connection, START + 60 * DAY),
                    )
    derive(store)
    store.close()
    engine = open_engine(path)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def shop_inputs(shop: Engine) -> Inputs:
    """What a section reads: the shop, its experiment, all models and metrics."""
    ask = Ask(now=START + 60 * DAY, experiments={"spring": EXPERIMENT})
    project = {"name": "Corner shop", "connections": {"mail": "mailchimp", "shop": "shopify"}}
    return Inputs(shop, ask, MODELS, {metric.id: metric for metric in METRICS}, project)


@pytest.fixture
def inputs(shop_inputs: Inputs) -> Inputs:
    """The same, for a test that changes it."""
    return shop_inputs


@pytest.fixture
def empty_inputs(inputs: Inputs, empty_shop: Engine) -> Inputs:
    """The same question to an empty store."""
    return replace(inputs, engine=empty_shop, ask=replace(inputs.ask, experiments={}))
