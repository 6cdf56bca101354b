"""The way to the order: funnel, leads, cohorts."""

from __future__ import annotations

from typing import Any

import pytest

from core.measure.reach_cases import DAY, NOW, OPEN, clicks, compute, orders, touch
from persync.measure.metric import Ask


def test_the_funnel_counts_people_and_a_later_step_implies_the_earlier_ones(mailed: Any) -> None:
    clicks(mailed)
    touch(mailed, range(1, 51), OPEN, 101 * DAY, campaign=1, machine=0)
    touch(mailed, range(51, 101), OPEN, 101 * DAY, campaign=1, machine=1)
    mailed.load(
        "carts", connection=[2] * 20, cart=[f"k{i}" for i in range(20)], key_id=list(range(21, 41)), created_at=[102 * DAY] * 20
    )
    orders(mailed, [22, 23, 150], 103 * DAY)

    found = {(e.id, e.by["step"]): (e.value, e.n) for e in compute(mailed, "funnel")}

    clicked, visited = 29 + 9, 29 + 9 + 10 + 1  # 5 and 105 clicked and bounced; 31 to 40 had a cart alone, 150 ordered alone
    assert found == {
        ("funnel", "sent"): (1.0, 200),
        ("funnel", "delivered"): (198 / 200, 200),
        ("funnel_step", "delivered"): (198 / 200, 200),
        ("funnel_step", "opened"): (49 / 198, 198),
        ("funnel_step", "clicked"): (clicked / 198, 198),
        ("funnel", "visited"): (visited / 200, 200),
        ("funnel_step", "visited"): (visited / 198, 198),
        ("funnel", "checkout"): (21 / 200, 200),
        ("funnel_step", "checkout"): (21 / visited, visited),
        ("funnel", "ordered"): (3 / 200, 200),
        ("funnel_step", "ordered"): (3 / 21, 21),
    }


def test_a_funnel_whose_window_is_not_over_has_no_number(mailed: Any) -> None:
    assert [(e.value, e.reason) for e in compute(mailed, "funnel", Ask(now=110 * DAY))] == [(None, "immature")]


def test_leads_are_counted_when_they_were_first_known_and_become_customers_by_a_fixed_age(mailed: Any) -> None:
    mailed.load(
        "stages",
        connection=[1] * 3,
        key_id=[1, 2, 201],
        stage=["lead", "subscriber", "lead"],
        entered_at=[5 * DAY, 20 * DAY, 390 * DAY],
    )
    orders(mailed, [3, 4, 6], 30 * DAY)
    orders(mailed, [7], 60 * DAY, first=50)
    orders(mailed, [8], 9 * DAY, first=60)  # a customer before being a lead

    generated = compute(mailed, "lead_generation", Ask(now=NOW, period=(8 * DAY, 12 * DAY)))
    converted = {e.by["age_days"]: e for e in compute(mailed, "lead_conversion_rate")}

    assert [(e.id, e.value, e.reason) for e in generated] == [
        ("lead_generation", 199, None),  # person 1 was a lead on day 5
        ("lead_generation_change", pytest.approx(198.0), None),
        ("lead_generation_per_1000_sends", None, "no_denominator"),
    ]
    assert [(converted[a].value, converted[a].n) for a in ("30", "60", "90")] == [
        (pytest.approx(3 / 199), 199),
        (pytest.approx(4 / 199), 199),
        (pytest.approx(4 / 199), 199),
    ]
    assert "1 younger leads are left out" in converted["30"].note


def test_a_small_source_of_leads_is_hidden_with_another_so_that_the_total_does_not_tell_it(mailed: Any) -> None:
    """Of 200 leads 2 came by a letter, 8 by search and 190 from nowhere known."""
    mailed.db.execute("UPDATE contacts SET source = CASE WHEN key_id <= 2 THEN 'letter' WHEN key_id <= 10 THEN 'search' END")
    ask = Ask(now=NOW, by=("source",))

    generated = [e for e in compute(mailed, "lead_generation", ask) if e.id == "lead_generation"]
    converted = [e for e in compute(mailed, "lead_conversion_rate", ask) if e.by["age_days"] == "30"]

    for found in (generated, converted):
        assert {e.by["source"] for e in found if e.reason == "suppressed"} == {"letter", "search"}
        assert len(found) == 3


def test_a_small_cohort_is_hidden_with_another_so_that_the_total_does_not_tell_it(mailed: Any) -> None:
    """3 of 200 first ordered in one month and 7 in the next; the 190 who never did are told."""
    orders(mailed, [1, 2, 3], 20 * DAY)
    orders(mailed, range(4, 11), 50 * DAY, first=50)

    found = compute(mailed, "ctr", Ask(now=NOW, by=("coh",)))

    assert {e.by["coh"]: e.reason == "suppressed" for e in found if e.id == "ctr"} == {
        "1970-01": True,
        "1970-02": True,
        "no order": False,
    }
