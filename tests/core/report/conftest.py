"""A small report made by hand, with every kind of block and cell in it."""

from __future__ import annotations

import pytest

from persync.estimate import Estimate, missing
from persync.money import Money
from persync.report import charts
from persync.report.report import BuiltSection, Column, Figure, Note, Report, Table

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
