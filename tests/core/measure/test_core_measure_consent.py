"""May we: what consent stood behind the mail, what was sent without one, and whether opt-outs of personalisation are kept."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from persync.estimate import Estimate
from persync.measure import METRICS
from persync.measure.ethics.consent import VIOLATIONS
from persync.measure.ethics_settings import EthicsSettings
from persync.measure.metric import Ask

DAY = 86_400_000
NOW = 2_000 * DAY
ASK = Ask(now=NOW, suppress_n=1)
BY_ID = {metric.id: metric for metric in METRICS}
MAIL, FILES = 1, 2
SENT = 1_000 * DAY


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


@pytest.fixture
def mailing(shop: Any) -> Any:
    """One campaign to list L and one to nobody's list, in a connection beside the user's own files."""
    shop.add("connections", connection=MAIL, name="mc", connector="mailchimp")
    shop.add("connections", connection=FILES, name="files", connector="files")
    for key, list_, title in ((7, "L", "Spring"), (8, None, "Wide")):
        shop.add("campaign_keys", campaign_key=key, connection=MAIL, kind="id", key=f"c{key}")
        shop.add("campaigns", campaign_key=key, connection=MAIL, list=list_, title=title)
    return shop


def send(shop: Any, people: Sequence[int], at: int = SENT, campaign: int = 7, level: int | None = None) -> None:
    for person in people:
        shop.add("touchpoints", connection=MAIL, campaign_key=campaign, key_id=person, action=1, happened_at=at, level=level)


def consent(
    shop: Any, person: int, state: str, at: int | None = None, channel: str = "email", level: str | None = None
) -> None:
    (number,) = shop.rows(f"SELECT COUNT(*) AS n FROM consents AS c WHERE c.key_id = {person}")
    shop.add(
        "consents", connection=MAIL, key_id=person, channel=channel, state=state, level=level, changed_at=at,
        number=number["n"], observed_at=NOW,
    )  # fmt: skip


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
