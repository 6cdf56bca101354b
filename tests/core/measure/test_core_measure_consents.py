"""Whom a personalised message reached, whom two systems know, and what consent stood behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.measure.metric_cases import ASK, campaign, compute, send


def test_exposure_never_counts_an_unread_message_as_generic(platforms: Any) -> None:
    """The highest level counts; with an unread message beside generic ones it is unknown, beside level 3 it is 3."""
    for key, level in ((1, 0), (2, 3), (3, None)):
        campaign(platforms, key, level=level)
    send(platforms, 1, list(range(60)))
    send(platforms, 2, list(range(20)))
    send(platforms, 3, list(range(10, 30)))

    read = compute(platforms, "exposure")

    assert {e.by["level"]: e.value for e in read} == {
        "0": 30 / 60,
        "1": 0.0,
        "2": 0.0,
        "3": 20 / 60,
        "4": 0.0,
        "unknown": 10 / 60,
    }


def test_the_match_rate_is_of_each_systems_own_people(platforms: Any) -> None:
    """Forty people in one system, sixty in the other, twenty in both."""
    platforms.load("contacts", connection=[1] * 40, key_id=range(40))
    platforms.load("contacts", connection=[2] * 60, key_id=range(100, 160))
    platforms.load("person_of", key_id=[*range(100, 120)], person=[*range(20)], hash=[0] * 20)

    read = compute(platforms, "customer_identity")

    assert [(e.by, e.value, e.n) for e in read] == [
        ({}, 20 / 80, 80),
        ({"connection": "crm", "against": "mail"}, 20 / 60, 60),
        ({"connection": "mail", "against": "crm"}, 20 / 40, 40),
    ]


def test_consent_is_what_was_recorded_when_the_last_message_went_out(platforms: Any) -> None:
    """A subscription counts, its later end too; an end before the message, a silence or nothing at all does not."""
    campaign(platforms, 1)
    send(platforms, 1, list(range(40)), at=1000)
    states = ["subscribed"] * 10 + ["unsubscribed"] * 20 + ["unknown"] * 5
    ended = [None] * 10 + [2000] * 10 + [500] * 10 + [None] * 5
    platforms.load("consents", connection=[1] * 35, key_id=range(35), channel=["email"] * 35, state=states, changed_at=ended)

    coverage, without = compute(platforms, "consent_coverage")

    assert (coverage.value, coverage.n) == (20 / 40, 40)
    assert (without.value, without.unit) == (20, "count")


def test_a_withdrawal_from_one_list_counts_and_one_from_a_kind_of_mail_does_not(platforms: Any) -> None:
    """Who left the list of the message is out; email/7 and email_optout/7 say nothing of all mail."""
    campaign(platforms, 1)
    platforms.db.execute("UPDATE campaigns SET list = 'b'")
    send(platforms, 1, list(range(40)), at=1000)
    channels, states = ["email/list:a"] * 40, ["subscribed"] * 40
    for channel, state, many in (
        ("email/list:b", "unsubscribed", 10),
        ("email/7", "unsubscribed", 20),
        ("email_optout/7", "unsubscribed", 20),
    ):
        channels, states = channels + [channel] * many, states + [state] * many
    people = [*range(40), *range(10), *range(20), *range(20)]
    n = len(people)
    platforms.load(
        "consents", connection=[1] * n, key_id=people, channel=channels, state=states, number=[1] * n, changed_at=[5] * n
    )

    coverage, without = compute(platforms, "consent_coverage")

    assert (coverage.value, without.value) == (30 / 40, 10)


def test_few_people_without_a_consent_cannot_be_worked_out_by_country_or_at_all(platforms: Any) -> None:
    """One of 40 in AT has none, 12 of 40 in DE, 9 of 40 in FR: AT is hidden with FR, which has fewest beside it. Two of all."""
    campaign(platforms, 1)
    send(platforms, 1, list(range(120)), at=1000)
    places = ["AT"] * 40 + ["DE"] * 40 + ["FR"] * 40
    platforms.load("attributes", connection=[1] * 120, key_id=range(120), name=["place"] * 120, value=places)
    agreed = [*range(1, 40), *range(52, 80), *range(89, 120)]
    n = len(agreed)
    platforms.load("consents", connection=[1] * n, key_id=agreed, channel=["email"] * n, state=["subscribed"] * n)
    ids = ("consent_coverage", "sends_without_consent")

    by_place = compute(platforms, "consent_coverage", replace(ASK, by=("place",)))
    platforms.db.execute("DELETE FROM touchpoints WHERE key_id IN (SELECT a.key_id FROM attributes AS a WHERE a.value <> 'AT')")
    few = compute(platforms, "consent_coverage")

    hidden = {(id, place): (None, None, "suppressed") for id in ids for place in ("AT", "FR")}
    told = {("consent_coverage", "DE"): (28 / 40, 40, None), ("sends_without_consent", "DE"): (12, 40, None)}
    assert {(e.id, e.by["place"]): (e.value, e.n, e.reason) for e in by_place} == hidden | told
    assert [(e.id, e.value, e.n, e.reason) for e in few] == [(id, None, None, "suppressed") for id in ids]
