"""May we, of those who declined personalisation: whether it was kept, and what people clicked on to decline."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from core.measure.consent_cases import ASK, DAY, FILES, MAIL, NOW, SENT, compute, consent, send
from persync.measure.ethics_settings import EthicsSettings


def test_opt_outs_of_personalisation_are_held_against_what_came_after(mailing: Any) -> None:
    for person in range(1, 5):
        mailing.add(
            "consent_changes", connection=FILES, key_id=person, channel="personalisation", state="unsubscribed",
            happened_at=SENT - 4 * DAY,
        )  # fmt: skip
    mailing.add(
        "consent_changes", connection=FILES, key_id=4, channel="personalisation", state="subscribed", happened_at=SENT - DAY
    )
    send(mailing, [1, 4, 5], level=2)
    send(mailing, [2], level=1)
    send(mailing, [3], at=SENT - 5 * DAY, level=4)

    found = compute(mailing, "control_metrics")

    assert [(e.id, e.value, e.n) for e in found] == [
        ("personalisation_opt_outs", 4, None),
        ("opt_outs_honoured", 0.5, 2),
        ("days_to_honour", 2.0, 2),
        ("opt_out_violations", 1, None),
        ("preference_reach", 0.0, 5),
    ]
    (broken,) = [e for e in found if e.id == "opt_out_violations"]
    assert broken.by == {"msg": "c7", "title": "Spring", "date": "1972-09-27"}
    assert broken.note == "personalised all the same, up to 4.0 days after"


@pytest.mark.parametrize("again", [None, SENT + DAY])
def test_opting_in_again_later_does_not_undo_what_was_sent_against_an_opt_out(mailing: Any, again: int | None) -> None:
    """Forty people, opted out 31 days before a message of level 3; the message after they opted in again breaks nothing."""
    said = {"unsubscribed": SENT - 31 * DAY, "subscribed": again}
    for person, (word, at) in itertools.product(range(40), said.items()):
        if at is not None:
            mailing.add(
                "consent_changes", connection=FILES, key_id=person, channel="personalisation", state=word, happened_at=at
            )
    send(mailing, range(40), level=3)
    if again is not None:
        send(mailing, range(40), at=again + DAY, campaign=8, level=3)

    found = compute(mailing, "control_metrics")

    assert {e.id: e.value for e in found} == {
        "personalisation_opt_outs": 40,
        "opt_outs_honoured": 0.0,
        "days_to_honour": 31.0,
        "opt_out_violations": 40,
        "preference_reach": 0.0,
    }
    assert [e.by["msg"] for e in found if e.id == "opt_out_violations"] == ["c7"]


def test_who_opted_in_again_before_the_period_is_not_counted_as_opted_out_in_it(mailing: Any) -> None:
    for person, back in ((1, SENT - 2 * DAY), (2, SENT), (3, None)):
        for word, at in (("unsubscribed", SENT - 9 * DAY), ("subscribed", back)):
            if at is not None:
                mailing.add(
                    "consent_changes", connection=FILES, key_id=person, channel="personalisation", state=word, happened_at=at
                )

    found = compute(mailing, "control_metrics", replace(ASK, period=(SENT - DAY, SENT + DAY)))

    assert [e.value for e in found if e.id == "personalisation_opt_outs"] == [2]


def test_the_share_honoured_does_not_tell_how_few_one_message_went_to(mailing: Any) -> None:
    """Eight of sixteen were not honoured: six by one message and two by another, which 8 less 6 would tell."""
    for person in range(1, 17):
        mailing.add(
            "consent_changes", connection=FILES, key_id=person, channel="personalisation", state="unsubscribed",
            happened_at=SENT - DAY,
        )  # fmt: skip
    send(mailing, range(1, 7), level=2)
    send(mailing, [7, 8], level=2, campaign=8)
    send(mailing, range(9, 17), level=0)

    found = compute(mailing, "control_metrics", replace(ASK, suppress_n=5))

    (kept,) = [(e.value, e.n) for e in found if e.id == "opt_outs_honoured"]
    assert kept == (0.5, 16)
    listed = {e.by["msg"]: (e.value, e.reason) for e in found if e.id == "opt_out_violations"}
    assert listed == {"c7": (None, "suppressed"), "c8": (None, "suppressed")}


def test_an_opt_out_that_nothing_came_after_is_counted_and_no_share_is_made_of_it(mailing: Any) -> None:
    mailing.add("consent_changes", connection=FILES, key_id=1, channel="personalisation", state="unsubscribed", happened_at=1)

    found = {e.id: (e.value, e.reason) for e in compute(mailing, "control_metrics")}

    assert found == {
        "personalisation_opt_outs": (1, None),
        "opt_outs_honoured": (None, "no_denominator"),
        "days_to_honour": (None, "no_denominator"),
        "preference_reach": (None, "no_denominator"),
    }


def test_the_channel_of_such_an_opt_out_is_the_users_to_name(mailing: Any) -> None:
    consent(mailing, 1, "not_subscribed", None, channel="permission/p1")
    send(mailing, [1], at=NOW + DAY, level=3)
    send(mailing, [2], level=3)

    named = compute(mailing, "control_metrics", replace(ASK, ethics=EthicsSettings(opt_out_channels=("permission/p1",))))
    unnamed = compute(mailing, "control_metrics")

    assert [e.value for e in named if e.id == "opt_outs_honoured"] == [0.0]
    assert [e.reason for e in unnamed if e.id == "opt_outs_honoured"] == ["no_opt_outs"]


def test_only_peoples_clicks_on_preferences_reach_them(mailing: Any) -> None:
    mailing.add("campaign_links", link_id=1, url="https://shop.us1.list-manage.com/profile")
    mailing.add("campaign_links", link_id=2, url="https://shop.example.com/sale")
    send(mailing, range(1, 5))
    for person, link, machine in ((1, 1, None), (2, 2, None), (3, 1, 1)):
        mailing.add(
            "touchpoints", connection=MAIL, campaign_key=7, key_id=person, action=4, happened_at=SENT + DAY, link_id=link,
            is_machine=machine,
        )  # fmt: skip

    (reach,) = [e for e in compute(mailing, "control_metrics") if e.id == "preference_reach"]

    assert (reach.value, reach.n) == (0.25, 4)


@pytest.mark.parametrize(
    ("complaints", "said"),
    [
        (0, ["none reported"] * 2),
        (5, ["none reported above it"] * 2),
        (20, ["above", "none reported above it"]),
        (30, ["above"] * 2),
        (None, ["unknown"] * 2),
    ],
)
def test_complaints_are_above_a_line_or_none_above_it_was_reported_and_never_under_it(
    mailing: Any, complaints: int | None, said: list[str]
) -> None:
    mailing.add("campaign_counters", campaign_key=7, variant="", sent=10_000, delivered=10_000, complaints=complaints)
    send(mailing, [1])

    *lines, one_click = compute(mailing, "sender_rules")

    assert [e.by["verdict"] for e in lines] == said
    assert [e.by["rule"] for e in lines] == ["complaints at 0.1 %", "complaints at 0.3 %"]
    assert (one_click.value, one_click.reason, one_click.by["verdict"]) == (None, "not_reported", "unknown")
