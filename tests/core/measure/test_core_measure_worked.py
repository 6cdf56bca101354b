"""Worked examples of the catalogue, by their names: the onboarding of W4 and the twelve months of W5."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from persync.estimate import Estimate
from persync.measure import METRICS
from persync.measure.metric import Ask
from persync.measure.rules import DAY
from persync.measure.value_settings import ValueSettings

BY_ID = {metric.id: metric for metric in METRICS}
START = round(datetime(2025, 1, 1, 12, tzinfo=UTC).timestamp() * 1000)
ASK = Ask(now=START + 400 * DAY, suppress_n=1, report_n=1)


def asked(shop: Any, id: str, ask: Ask) -> dict[tuple[str, str], Estimate]:
    """Return a metric's estimates by id and first dimension."""
    return {(one.id, next(iter(one.by.values()), "")): one for one in BY_ID[id].compute(shop, ask)}


def buys(shop: Any, person: int, *days: float, minor: int = 1000) -> None:
    for day in days:
        shop.order(1000 * person + round(day * 2), person, minor, ordered_at=START + round(day * DAY))


def watched(shop: Any, day: float) -> None:
    shop.add("coverage", connection=1, stream="orders", from_at=0, to_at=START + round(day * DAY), state="complete")


def test_w4_onboarding_stands_in_one_panel_by_how_people_were_received(shop: Any) -> None:
    """Signed up on day 0, guided or left alone. Guided: first value after 2 days, three of four come back, one asks for help.
    Alone: after 6 days, one of four comes back, three ask."""
    for person in range(8):
        way, first = ("guided", 2) if person < 4 else ("alone", 6)
        shop.add("contacts", connection=1, key_id=person, created_at=START, source=way)
        shop.add("attributes", connection=1, key_id=person, name="onboarding", value=way)
        buys(shop, person, first + 0.1)
        if person in (0, 1, 2, 4):
            buys(shop, person, 40)
    for ticket, person in enumerate((0, 4, 5, 6)):
        shop.add("tickets", connection=1, ticket=str(ticket), key_id=person, created_at=START + 10 * DAY)
    watched(shop, 62)
    ask = replace(ASK, value=ValueSettings(window_days=30))
    sliced = {
        "time_to_value": "source",
        **dict.fromkeys(("retention_rate", "churn_rate", "support_ticket_volume"), "onboarding"),
    }

    panel = {
        id: {way: one.value for (name, way), one in asked(shop, id, replace(ask, by=(by,))).items() if name == id}
        for id, by in sliced.items()
    }

    tickets = panel.pop("support_ticket_volume")
    assert panel == {
        "time_to_value": {"guided": 2.0, "alone": 6.0},
        "retention_rate": {"guided": 0.75, "alone": 0.25},
        "churn_rate": {"guided": 0.25, "alone": 0.75},
    }
    assert tickets["alone"] == pytest.approx(3 * float(tickets["guided"] or 0))


def test_w5_value_is_held_side_by_side_over_twelve_months_by_exposure(shop: Any) -> None:
    """Ten a month against eight, both followed for a year from the first order: 120.00 and 96.00, 24.00 or a quarter more."""
    shop.load("campaign_levels", campaign_key=[1, 2], level=[3, 0], evidence=["", ""])
    for person in range(1, 13):
        chosen = person < 7
        at = START + 9 * DAY
        shop.add("touchpoints", connection=1, campaign_key=1 if chosen else 2, key_id=person, action=1, happened_at=at)
        buys(shop, person, *(10 + 30 * month for month in range(12)), minor=1000 if chosen else 800)
    watched(shop, 390)

    year = {one.id: one for one in BY_ID["cltv_lift"].compute(shop, ASK) if one.by["age"] == "365"}

    assert {id: (one.value, one.n, one.label) for id, one in year.items()} == {
        "cltv_lift": (pytest.approx(24.0), 12, "raw difference"),
        "cltv_lift_relative": (pytest.approx(0.25), 12, "raw difference"),
    }
