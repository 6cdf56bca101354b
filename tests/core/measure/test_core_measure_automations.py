"""Automations: entries, goals an entry, steps, carts, shares; small shops worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from persync.estimate import Estimate
from persync.measure import METRICS
from persync.measure.automations import kind_of
from persync.measure.metric import Ask, Experiment
from persync.measure.rules import DAY
from persync.measure.segment_settings import Automation, SegmentSettings

BY_ID = {metric.id: metric for metric in METRICS}
NOW = 1_735_689_600_000  # 2025-01-01
ASK = Ask(now=NOW, suppress_n=1, report_n=1)


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def message(shop: Any, key: int, title: str, *, kind: str = "automation-email", workflow: str = "") -> None:
    shop.add("campaigns", campaign_key=key, connection=1, kind=kind, title=title, created_at=key)
    if workflow:
        shop.add("campaign_evidence", campaign_key=key, source="automation", kind="workflow", detail=workflow)


def touch(shop: Any, person: int, campaign: int, day: float, action: int = 1) -> None:
    """On a day before now."""
    at = NOW - round(day * DAY)
    shop.add("touchpoints", connection=1, campaign_key=campaign, key_id=person, action=action, happened_at=at)


def buys(shop: Any, key: int, person: int, day: float, minor: int = 1000) -> None:
    shop.order(key, person, minor, ordered_at=NOW - round(day * DAY))


def people(shop: Any, *persons: int) -> None:
    for person in persons:
        shop.add("person_of", key_id=person, person=person, hash=person)


def by_id(found: list[Estimate]) -> dict[str, Estimate]:
    return {one.id: one for one in found}


def test_a_welcome_series_is_read_by_entries(shop: Any) -> None:
    """Four entered: one buys on day 5, one on day 40 (too late), one bought before (no entrant), one entered 10 days ago."""
    message(shop, 1, "Hello", workflow="welcomeSeries")
    message(shop, 2, "Welcome again")
    people(shop, 1, 2, 3, 4)
    for person, day in ((1, 100), (2, 100), (3, 100), (4, 10)):
        touch(shop, person, 1, day)
    touch(shop, 1, 2, 97)
    touch(shop, 1, 1, 99, action=4)
    touch(shop, 2, 1, 99, action=6)
    buys(shop, 1, 1, 95, 2500)
    buys(shop, 2, 2, 60)
    buys(shop, 3, 3, 200)

    read = compute(shop, "welcome_series")

    found = by_id([one for one in read if not one.id.endswith("_sent")])
    assert {id: (one.value, one.n) for id, one in found.items()} == {
        "welcome_series": (0.5, 2),
        "welcome_series_entered": (3, 3),
        "welcome_series_engaged": (pytest.approx(1 / 3), 3),
        "welcome_series_revenue_per_entry": (12.5, 2),
        "welcome_series_unsubscribed": (pytest.approx(1 / 3), 3),
        "welcome_series_days_to_goal": (5.0, 1),
        "welcome_series_incremental": (None, None),
    }
    assert [(one.by["step"], one.value) for one in read if one.id.endswith("_sent")] == [
        ("1: Hello", 4),
        ("2: Welcome again", 1),
    ]
    assert "not what it caused" in found["welcome_series"].note
    assert found["welcome_series_incremental"].reason == "no_experiment"


def test_every_entry_has_its_own_goal(shop: Any) -> None:
    """Two birthdays a year apart are two entries; an order after the second reaches one of them."""
    message(shop, 1, "Happy birthday")
    people(shop, 1)
    touch(shop, 1, 1, 465)
    touch(shop, 1, 1, 100)
    buys(shop, 1, 1, 98)

    found = by_id(compute(shop, "birthday"))

    assert (found["birthday"].value, found["birthday"].n, found["birthday_entered"].value) == (0.5, 2, 2)


def test_an_order_belongs_to_the_last_entry_before_it(shop: Any) -> None:
    """With goals of 10 days, entries 10 days apart do not share an order."""
    message(shop, 1, "We miss you")
    people(shop, 1)
    for day in (100, 90):
        touch(shop, 1, 1, day)
    buys(shop, 1, 1, 89)
    named = SegmentSettings(automations={"we miss you": Automation("reengagement", ("we miss you",), goal_days=10)})

    found = by_id(compute(shop, "reengagement", replace(ASK, segments=named)))

    assert (found["reengagement"].value, found["reengagement"].n) == (0.5, 2)


def test_a_window_that_is_open_gives_no_rate(shop: Any) -> None:
    message(shop, 1, "Welcome")
    people(shop, 1)
    touch(shop, 1, 1, 5)

    found = by_id(compute(shop, "welcome_series"))

    assert [found[id].reason for id in ("welcome_series", "welcome_series_revenue_per_entry")] == ["immature", "immature"]


def test_a_platform_that_does_not_tell_whom_it_mailed_gives_its_totals(shop: Any) -> None:
    message(shop, 1, "Welcome")
    shop.add("campaign_counters", campaign_key=1, variant="", number=1, sent=120)
    shop.add("campaign_counters", campaign_key=1, variant="", number=2, sent=150)

    found = by_id(compute(shop, "welcome_series"))

    assert found["welcome_series"].reason == "no_sends"
    assert (found["welcome_series_sent"].value, found["welcome_series_sent"].by) == (150, {"step": "1: Welcome"})


def test_settings_go_before_names(shop: Any) -> None:
    """A message called Welcome that the settings call onboarding is onboarding, also when its platform calls it regular."""
    message(shop, 1, "Welcome", kind="regular")
    people(shop, 1)
    touch(shop, 1, 1, 100)
    named = replace(ASK, segments=SegmentSettings(automations={"first steps": Automation("onboarding", ("Welcome",))}))

    assert by_id(compute(shop, "onboarding", named))["onboarding"].value == 0.0
    assert by_id(compute(shop, "welcome_series", named))["welcome_series"].reason == "no_automation"
    assert by_id(compute(shop, "onboarding"))["onboarding"].reason == "no_automation"


@pytest.mark.parametrize(
    ("title", "workflow", "kind"),
    [
        ("Step 1", "abandonedCart", "abandoned_cart"),
        ("Happy Birthday!", "", "birthday"),
        ("Post-purchase 2", None, "post_purchase"),
        ("Win back", "", "reengagement"),
        ("Welcome", "winback", "reengagement"),
        ("Newsletter", "", None),
    ],
)
def test_a_workflow_tells_the_kind_before_the_title(title: str, workflow: str | None, kind: str | None) -> None:
    assert kind_of(title, workflow) == kind


def test_a_holdout_says_what_an_automation_caused(shop: Any) -> None:
    message(shop, 1, "Welcome")
    keys = list(range(1, 401))
    arms = ["mailed"] * 200 + ["none"] * 200
    many = {"connection": [1] * 400, "assigned_at": [0] * 400, "experiment": ["hello"] * 400}
    shop.load("assignments", key_id=keys, arm=arms, **many)
    ones = [float(i < 80 or 200 <= i < 240) for i in range(400)]
    shop.load("outcomes", connection=[1] * 400, key_id=keys, outcome=["visit"] * 400, value=ones)
    held = Experiment("hello", control="none", since=NOW - 90 * DAY, days=30, holdout=True)
    named = SegmentSettings(automations={"w": Automation("welcome_series", ("Welcome",), experiment="hello")})

    read = compute(shop, "welcome_series", replace(ASK, segments=named, experiments={"hello": held}))

    found = [one for one in read if one.id == "welcome_series_incremental" and one.by["outcome"] == "visit"]
    assert [one.label for one in found] == ["holdout"]
    assert found[0].value == pytest.approx(0.2)


def cart(shop: Any, name: str, person: int, *, bought: bool, reminded: bool, minor: int = 5000) -> None:
    at = NOW - 60 * DAY
    shop.add(
        "carts",
        connection=1,
        cart=name,
        key_id=person,
        created_at=at,
        completed_at=at + 2 * DAY if bought else None,
        status="recovered" if bought else "open",
        total_minor=minor,
        currency="EUR",
        recovery="sent" if reminded else "not_sent",
        recovery_sent_at=at + DAY if reminded else None,
    )


def test_carts_in_three_steps(shop: Any) -> None:
    """W6, reminder, free shipping, discount: of 10 carts 4 came back, 3 of 6 after a reminder; 5.00 were given as discount."""
    for step, title in enumerate(("Reminder", "Free shipping", "Ten percent"), 1):
        message(shop, step, title, workflow="abandonedCart")
        shop.add("campaign_counters", campaign_key=step, variant="", number=1, sent=10 - 3 * step)
    for i in range(10):
        cart(shop, f"c{i}", i + 1, bought=i < 3 or i == 9, reminded=i < 6)
    shop.add("orders", order_key=1, connection=1, kind="order", cart="c0", currency="EUR")
    shop.add("order_discounts", order_key=1, discount="1", kind="code", amount_minor=500, currency="EUR")

    read = compute(shop, "abandoned_cart")

    found = {(one.id, *one.by.values()): (one.value, one.n) for one in read if one.value is not None}
    assert found == {
        ("abandoned_cart",): (0.4, 10),
        ("abandoned_cart_by_reminder", "not reminded"): (0.25, 4),
        ("abandoned_cart_by_reminder", "reminded"): (0.5, 6),
        ("abandoned_cart_revenue",): (200.0, 4),
        ("abandoned_cart_discounts",): (5.0, 1),
        ("abandoned_cart_sent", "1: Reminder"): (7, 7),
        ("abandoned_cart_sent", "2: Free shipping"): (4, 4),
        ("abandoned_cart_sent", "3: Ten percent"): (1, 1),
    }
    assert {one.label for one in read if one.id.endswith("by_reminder")} == {"raw difference"}
    assert "some come back by themselves, and how many a holdout tells" in read[0].note


def test_carts_bought_at_once_or_of_unknown_fate_were_not_left(shop: Any) -> None:
    """Bought within minutes: no cart was left. A system that tells no dates of buying says nothing of carts left."""
    cart(shop, "left", 1, bought=True, reminded=True)
    at = NOW - 60 * DAY
    shop.add("carts", connection=1, cart="quick", key_id=2, created_at=at, completed_at=at + 60_000, status="recorded")
    shop.add("carts", connection=2, cart="done", key_id=3, created_at=at, status="completed")
    shop.add("carts", connection=2, cart="pending", key_id=4, created_at=at, status="pending")

    found = compute(shop, "abandoned_cart")[0]

    assert (found.value, found.n) == (1.0, 1)


def test_no_carts_is_not_none_recovered(shop: Any) -> None:
    assert compute(shop, "abandoned_cart")[0].reason == "no_carts"


def test_the_share_of_automations(shop: Any) -> None:
    """One of four messages; 30.00 of 40.00 after a last click on mail."""
    message(shop, 1, "Welcome")
    message(shop, 2, "News", kind="regular")
    for person, campaign in ((1, 1), (1, 2), (2, 2), (3, 2)):
        touch(shop, person, campaign, 20)
    touch(shop, 1, 2, 19, action=4)
    touch(shop, 1, 1, 18, action=4)
    touch(shop, 2, 2, 19, action=4)
    buys(shop, 1, 1, 15, 3000)
    buys(shop, 2, 2, 15, 1000)
    buys(shop, 3, 3, 15, 9000)

    found = by_id(compute(shop, "automation_share"))

    assert (found["automation_share"].value, found["automation_share"].n) == (0.25, 4)
    other = next(one for one in compute(shop, "operational_efficiency") if one.by["what"] == "automated share of sends")
    assert replace(other, id="automation_share", by={}) == found["automation_share"]  # one definition, wherever it stands
    assert found["automation_share_of_revenue"].value == pytest.approx(0.75)


def test_nothing_sent_is_no_share(shop: Any) -> None:
    found = compute(shop, "automation_share")

    assert [(one.value, one.reason) for one in found] == [(None, "no_denominator"), (None, "no_denominator")]


def test_totals_without_days_answer_no_period(shop: Any) -> None:
    message(shop, 1, "Welcome")
    shop.add("campaign_counters", campaign_key=1, variant="", number=1, sent=50)
    message(shop, 2, "News", kind="regular")
    touch(shop, 1, 2, 20)

    assert compute(shop, "automation_share")[0].value == pytest.approx(50 / 51)
    other = next(one for one in compute(shop, "operational_efficiency") if one.by["what"] == "automated share of sends")
    assert other.value == pytest.approx(50 / 51)
    assert compute(shop, "automation_share", replace(ASK, period=(NOW - 30 * DAY, NOW)))[0].reason == "no_dated_sends"


def test_experiences_of_the_site_are_told_apart(shop: Any) -> None:
    for i in range(10):
        told = {"session": f"s{i}", "experience": "banner" if i < 4 else "none", "is_converted": int(i in (0, 1, 4))}
        shop.add("sessions", connection=1, started_at=NOW - DAY, **told)

    read = compute(shop, "in_app_and_web_message")

    assert [(one.by["experience"], one.value, one.label) for one in read] == [
        ("banner", 0.5, "raw difference"),
        ("none", pytest.approx(1 / 6), "raw difference"),
    ]


@pytest.mark.parametrize(("id", "reason"), [("chatbot_assist", "no_chats"), ("in_app_and_web_message", "no_sessions")])
def test_what_nobody_tells_is_not_nought(shop: Any, id: str, reason: str) -> None:
    assert [(one.value, one.reason) for one in compute(shop, id)] == [(None, reason)]
