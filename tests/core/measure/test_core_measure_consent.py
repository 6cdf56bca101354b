"""May we: what consent stood behind the mail, what was sent without one, and whether opt-outs of personalisation are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.measure.consent_cases import ASK, DAY, FILES, MAIL, NOW, SENT, compute, consent, send
from persync.measure.ethics.consent import VIOLATIONS


def state(shop: Any, person: int) -> str:
    """Return what stood behind the one message that a person got."""
    found = compute(shop, "consent_basis")
    (known,) = [one.by["state"] for one in found if one.id == "consent_basis" and one.value == 1.0]
    assert person
    return known


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("confirmed_opt_in", "confirmed opt-in"),
        ("single_opt_in", "single opt-in"),
        ("consent_with_notice", "consent"),
        ("legitimate_interest_client", "legitimate interest"),
        ("performance_of_contract", "contract"),
        (None, "unstated"),
    ],
)
def test_the_basis_of_a_message_is_what_the_platform_recorded(mailing: Any, level: str | None, said: str) -> None:
    send(mailing, [1])
    consent(mailing, 1, "subscribed", SENT - DAY, level=level)

    assert state(mailing, 1) == said


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([("subscribed", -9, "email"), ("unsubscribed", -2, "email")], "withdrawn"),
        ([("unsubscribed", -9, "email"), ("subscribed", -2, "email")], "unstated"),
        ([("subscribed", -9, "email"), ("unsubscribed", 2, "email")], "unstated"),
        ([("unsubscribed", 2, "email")], "unstated"),
        ([("subscribed", 2, "email")], "recorded later"),
        ([("pending", -2, "email")], "pending"),
        ([("not_subscribed", -2, "email")], "none"),
        ([("subscribed", -9, "email/list:L"), ("unsubscribed", -2, "email/list:L")], "withdrawn"),
        ([("subscribed", -9, "email/list:L"), ("unsubscribed", -2, "email/list:M")], "unstated"),
        ([("subscribed", -9, "email"), ("unsubscribed", -2, "email/77")], "unstated"),
        ([("subscribed", -9, "email"), ("unsubscribed", -2, "sms")], "unstated"),
        ([("subscribed", -9, "email"), ("unsubscribed", None, "email")], "unstated"),
    ],
)
def test_a_withdrawal_holds_from_its_day_for_its_list_until_somebody_comes_back(
    mailing: Any, events: list[tuple[str, int | None, str]], said: str
) -> None:
    send(mailing, [1])
    for word, days, channel in events:
        consent(mailing, 1, word, None if days is None else SENT + days * DAY, channel)

    assert state(mailing, 1) == said


@pytest.mark.parametrize(("action", "campaign", "said"), [(6, 7, "withdrawn"), (6, 9, "unstated"), (7, 9, "withdrawn")])
def test_an_unsubscribe_counts_for_its_list_and_a_complaint_for_the_whole_platform(
    mailing: Any, action: int, campaign: int, said: str
) -> None:
    mailing.add("campaigns", campaign_key=9, connection=MAIL, list="M")
    consent(mailing, 1, "subscribed", SENT - 9 * DAY)
    send(mailing, [1])
    mailing.add("touchpoints", connection=MAIL, campaign_key=campaign, key_id=1, action=action, happened_at=SENT - DAY)

    assert state(mailing, 1) == said


@pytest.mark.parametrize(("connection", "said"), [(FILES, "withdrawn"), (3, "unstated")])
def test_what_the_users_own_files_say_holds_everywhere_and_another_platforms_word_there_alone(
    mailing: Any, connection: int, said: str
) -> None:
    consent(mailing, 1, "subscribed", SENT - 9 * DAY)
    send(mailing, [1])
    mailing.add(
        "consent_changes", connection=connection, key_id=1, channel="email", state="unsubscribed", happened_at=SENT - DAY
    )

    assert state(mailing, 1) == said


@pytest.mark.parametrize(
    ("country", "order_days", "ticket_days", "level", "said"),
    [
        ("CA", 730, None, None, "implied"),
        ("CA", 731, None, None, "expired"),
        ("CA", None, 182, None, "implied"),
        ("Canada", None, 183, None, "expired"),
        ("CA", 800, 10, None, "implied"),
        ("CA", None, None, None, "none"),
        ("CA", 800, None, "legitimate_interest", "expired"),
        ("CA", 800, None, "single_opt_in", "single opt-in"),
        ("DE", 800, None, None, "none"),
        ("CA", -5, None, None, "none"),
    ],
)
def test_in_canada_a_purchase_carries_two_years_and_an_inquiry_six_months(
    mailing: Any, country: str, order_days: int | None, ticket_days: int | None, level: str | None, said: str
) -> None:
    send(mailing, [1])
    consent(mailing, 2, "subscribed", 0)
    mailing.add("attributes", connection=MAIL, key_id=1, name="country", value=country)
    if order_days is not None:
        mailing.order(1, 1, 1_000, ordered_at=SENT - order_days * DAY)
    if ticket_days is not None:
        mailing.add("tickets", connection=MAIL, ticket="t", key_id=1, created_at=SENT - ticket_days * DAY)
    if level:
        consent(mailing, 1, "subscribed", 0, level=level)

    assert state(mailing, 1) == said


def test_receipts_and_text_messages_need_no_consent_for_mail(mailing: Any) -> None:
    mailing.add("words", word=5, text="sms")
    mailing.add("campaigns", campaign_key=9, connection=MAIL, kind="SMTP_TOKEN")
    consent(mailing, 2, "subscribed", 0)
    send(mailing, [1], campaign=9)
    mailing.add("touchpoints", connection=MAIL, campaign_key=7, key_id=3, action=1, happened_at=SENT, channel=5)

    (total,) = compute(mailing, "consent_violations")

    assert (total.value, total.n) == (0, 0)


def test_without_any_consent_in_the_store_nothing_is_said_against_a_message(mailing: Any) -> None:
    send(mailing, [1])

    ids = ("consent_coverage", "consent_basis", "implied_consent", "consent_violations")
    assert {id: compute(mailing, id)[0].reason for id in ids} == {
        "consent_coverage": "no_consents",
        "consent_basis": "no_consents",
        "implied_consent": "no_consents",
        "consent_violations": "no_consents",
    }


def test_shares_by_country_add_up_and_double_opt_in_is_of_those_who_subscribed(mailing: Any) -> None:
    send(mailing, range(1, 9))
    for person in (1, 2, 3, 5):
        consent(mailing, person, "subscribed", 0, level="confirmed_opt_in" if person < 3 else "single_opt_in")
    for person in range(1, 5):
        mailing.add("attributes", connection=MAIL, key_id=person, name="country", value="DE")

    found = compute(mailing, "consent_basis", replace(ASK, by=("country",)))

    assert {(e.by["country"], e.by["state"]): e.value for e in found if e.id == "consent_basis"} == {
        ("DE", "confirmed opt-in"): 0.5,
        ("DE", "single opt-in"): 0.25,
        ("DE", "none"): 0.25,
        ("unknown", "confirmed opt-in"): 0.0,
        ("unknown", "single opt-in"): 0.25,
        ("unknown", "none"): 0.75,
    }
    assert {e.by["country"]: (e.value, e.n) for e in found if e.id == "double_opt_in"} == {
        "DE": (2 / 3, 3),
        "unknown": (0.0, 1),
    }


def test_a_state_of_few_people_is_hidden_and_so_is_another_that_would_give_it_away(mailing: Any) -> None:
    send(mailing, range(1, 101))
    for person in range(1, 99):
        consent(mailing, person, "subscribed", 0, level="confirmed_opt_in" if person <= 70 else "single_opt_in")

    found = compute(mailing, "consent_basis", replace(ASK, suppress_n=5))

    assert {e.by.get("state"): (e.value, e.reason) for e in found} == {
        "confirmed opt-in": (0.7, None),
        "single opt-in": (None, "suppressed"),
        "none": (None, "suppressed"),
        None: (None, "suppressed"),
    }


def test_violations_are_listed_with_message_day_number_and_lateness_and_nobodys_name(mailing: Any) -> None:
    for person in range(1, 9):
        consent(mailing, person, "subscribed", 0)
    for person in (1, 2):
        consent(mailing, person, "unsubscribed", SENT - (3 if person == 1 else 10) * DAY)
    send(mailing, range(1, 11))
    send(mailing, [1], at=SENT + DAY, campaign=8)

    total, *listed = compute(mailing, "consent_violations")

    assert (total.value, total.n) == (5, 11)
    assert [(e.by, e.value, e.note) for e in listed] == [
        (
            {"violation": "withdrawn", "msg": "c8", "title": "Wide", "date": "1972-09-28"},
            1,
            "sent after the consent was withdrawn; 4.0 days late",
        ),
        (
            {"violation": "none", "msg": "c7", "title": "Spring", "date": "1972-09-27"},
            2,
            "sent with no consent recorded",
        ),
        (
            {"violation": "withdrawn", "msg": "c7", "title": "Spring", "date": "1972-09-27"},
            2,
            "sent after the consent was withdrawn; 3.0 to 10.0 days late",
        ),
    ]


def test_a_violation_of_few_is_listed_without_its_number(mailing: Any) -> None:
    consent(mailing, 1, "unsubscribed", SENT - DAY)
    send(mailing, [1])

    total, listed = compute(mailing, "consent_violations", replace(ASK, suppress_n=5))

    assert (listed.value, listed.reason, listed.n) == (None, "suppressed", None)
    assert listed.note == "fewer than 5 people; sent after the consent was withdrawn"
    assert (total.value, total.reason, total.n) == (None, "suppressed", 1)


def test_the_number_of_all_violations_does_not_tell_that_of_one(mailing: Any) -> None:
    """6 + (1 + 9) = 16: without the 1 alone, 16 less 6 and 9 would tell it, and so would the 10 that consent_coverage tells of
    its message: the 9 is not told either."""
    consent(mailing, 99, "subscribed", 0)
    for person in range(1, 7):
        consent(mailing, person, "unsubscribed", SENT - DAY)
    send(mailing, range(1, 7))
    send(mailing, range(7, 16), campaign=8)
    send(mailing, [1], campaign=8)

    found = compute(mailing, "consent_violations", replace(ASK, suppress_n=5))

    assert {(e.by.get("msg"), e.by.get("violation")): (e.value, e.reason) for e in found} == {
        (None, None): (16, None),
        ("c7", "withdrawn"): (6, None),
        ("c8", "withdrawn"): (None, "suppressed"),
        ("c8", "none"): (None, "suppressed"),
    }
    assert {e.by["violation"]: e.note.split(";")[0] for e in found if e.by.get("msg") == "c8"} == {
        "withdrawn": "fewer than 5 people",
        "none": "hidden: cells of fewer than 5 people",
    }


@pytest.mark.parametrize("of_message", [None, SENT - 30 * DAY])
def test_when_few_were_sent_a_message_and_how_late_is_hidden_with_their_number(mailing: Any, of_message: int | None) -> None:
    """An automation sends one by one: its first and last day are those of the two who had withdrawn."""
    if of_message is not None:
        mailing.db.execute(f"UPDATE campaigns SET sent_at = {of_message}")
    for person in (1, 2):
        consent(mailing, person, "unsubscribed", SENT - DAY)
        consent(mailing, person, "unsubscribed", SENT - DAY, channel="personalisation")
        send(mailing, [person], at=SENT + 3 * person * DAY, level=2)
    date = "1972-08-28" if of_message is not None else ""

    found = compute(mailing, "consent_violations", replace(ASK, suppress_n=5))
    found += compute(mailing, "control_metrics", replace(ASK, suppress_n=5))

    listed = [(e.id, e.by["date"], e.note) for e in found if "msg" in e.by]
    assert listed == [
        ("consent_violations", date, "fewer than 5 people; sent after the consent was withdrawn"),
        ("opt_out_violations", date, "fewer than 5 people; personalised all the same"),
    ]


def test_one_definition_of_a_consent_stands_behind_the_coverage_the_bases_and_the_list(mailing: Any) -> None:
    """Imported consents count as a platform's do; one that came after the message is none; receipts are not asked about."""
    for person in range(1, 21):
        mailing.add(
            "consent_changes", connection=FILES, key_id=person, channel="email", happened_at=SENT - 9 * DAY, state="subscribed"
        )
    for person in range(21, 28):
        consent(mailing, person, "subscribed", SENT + DAY)
    for person in range(1, 5):
        consent(mailing, person, "unsubscribed", SENT - DAY)
    mailing.add("campaign_keys", campaign_key=9, connection=MAIL, kind="id", key="c9")
    mailing.add("campaigns", campaign_key=9, connection=MAIL, kind="transactional", title="Receipt")
    send(mailing, range(1, 31))
    send(mailing, range(1, 3), at=SENT + 2 * DAY, campaign=8)
    send(mailing, range(21, 31), at=SENT + 2 * DAY, campaign=8)
    send(mailing, range(40, 60), campaign=9)

    covered, without = compute(mailing, "consent_coverage")
    bases = [e for e in compute(mailing, "consent_basis") if e.id == "consent_basis"]
    by_message = {
        e.by["msg"]: e.value
        for e in compute(mailing, "consent_coverage", replace(ASK, by=("msg",)))
        if e.id == "sends_without_consent"
    }
    listed = {"c7": 0.0, "c8": 0.0}
    for one in compute(mailing, "consent_violations")[1:]:
        listed[one.by["msg"]] += one.value or 0

    assert (covered.value, covered.n, without.value) == (23 / 30, 30, 7)
    assert covered.value == pytest.approx(1 - sum(e.value or 0 for e in bases if e.by["state"] in VIOLATIONS))
    assert by_message == listed == {"c7": 14, "c8": 5}


def test_no_two_of_the_measures_of_consent_together_tell_a_hidden_number(mailing: Any) -> None:
    """Nine without a consent and three pending, 38 who agreed: the twelve are told, so neither the nine nor the three is."""
    for person in range(1, 39):
        consent(mailing, person, "subscribed", 0, level="confirmed_opt_in" if person > 6 else "single_opt_in")
    for person in range(39, 42):
        consent(mailing, person, "pending", 0)
    send(mailing, range(1, 51))
    ask = replace(ASK, suppress_n=5)

    _, without = compute(mailing, "consent_coverage", ask)
    bases = {e.by["state"]: e.value for e in compute(mailing, "consent_basis", ask) if e.id == "consent_basis"}
    listed = [e.value for e in compute(mailing, "consent_violations", ask)]

    assert without.value == 12
    assert bases == {"confirmed opt-in": 32 / 50, "single opt-in": 6 / 50, "pending": None, "none": None}
    assert listed == [12, None, None]


def test_violations_outside_the_period_are_not_listed(mailing: Any) -> None:
    consent(mailing, 1, "unsubscribed", SENT - DAY)
    send(mailing, [1])

    assert [e.value for e in compute(mailing, "consent_violations", replace(ASK, period=(SENT + 1, NOW)))] == [0]


def test_implied_consents_about_to_end_are_counted_from_today(mailing: Any) -> None:
    now = SENT + 30 * DAY
    consent(mailing, 99, "subscribed", 0)
    for person, ago in ((1, 690), (2, 500), (3, 710)):
        mailing.add("attributes", connection=MAIL, key_id=person, name="country", value="CA")
        mailing.order(person, person, 1_000, ordered_at=SENT - ago * DAY)
    send(mailing, [1, 2, 3])

    found = compute(mailing, "implied_consent", replace(ASK, now=now))

    assert {e.id: e.value for e in found} == {"implied_consent": 2, "implied_consent_ending": 1}
