"""Do they trust us: surveys, the checklist, reasons that can be given, data used, and flags for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats

from persync.errors import ConfigError
from persync.estimate import Estimate
from persync.measure import METRICS
from persync.measure.ethics.practice import flags
from persync.measure.ethics_settings import EthicsSettings
from persync.measure.metric import Ask

DAY = 86_400_000
SENT = 1_000 * DAY
ASK = Ask(now=SENT + 100 * DAY, suppress_n=1)
BY_ID = {metric.id: metric for metric in METRICS}


def compute(shop: Any, id: str, ask: Ask = ASK) -> list[Estimate]:
    return list(BY_ID[id].compute(shop, ask))


def answer(shop: Any, kind: str, values: Sequence[float], first: int = 1, **more: Any) -> None:
    for i, value in enumerate(values):
        person = more.get("person", first + i)
        shop.add(
            "feedback", connection=2, submission=f"{kind}{first + i}{more.get('survey')}", kind=kind.upper(), value=value,
            key_id=person, survey=more.get("survey"), submitted_at=SENT,
        )  # fmt: skip


def audit(shop: Any, item: str, grade: str, *, scope: str | None = None, at: int = SENT, value: float | None = None) -> None:
    shop.add(
        "feedback", connection=2, submission=f"audit|{item}|{scope or ''}|{at}", kind="AUDIT", survey=item, channel=scope,
        grade=grade, value=value, submitted_at=at,
    )  # fmt: skip


def message(shop: Any, key: int, people: Sequence[int] = (1,), *, level: int | None = 2, at: int = SENT, **more: Any) -> None:
    shop.add("campaign_keys", campaign_key=key, connection=1, kind="id", key=f"c{key}")
    shop.add("campaigns", campaign_key=key, connection=1, title=f"Mail {key}", **more)
    for person in people:
        shop.add("touchpoints", connection=1, campaign_key=key, key_id=person, action=1, happened_at=at, level=level)


def test_trust_is_the_mean_of_people_on_a_scale_of_100_with_students_interval(shop: Any) -> None:
    answer(shop, "trust", [5, 4, 3, 1])

    found = compute(shop, "trust_index")[0]

    scores = [100.0, 75.0, 50.0, 0.0]
    low, high = stats.t.interval(0.95, 3, 56.25, stats.sem(scores))
    assert (found.value, found.n, found.unit) == (56.25, 4, "points of 100")
    assert (found.low, found.high) == (pytest.approx(max(0, low)), pytest.approx(min(100, high)))


def test_a_person_counts_once_however_often_they_answer_and_an_answer_without_a_name_too(shop: Any) -> None:
    answer(shop, "trust", [5], survey="safe")
    answer(shop, "trust", [1], survey="honest")
    answer(shop, "trust", [5], first=8, person=None)

    whole = compute(shop, "trust_index")[0]
    by_item = compute(shop, "trust_index", replace(ASK, by=("item",)))

    assert (whole.value, whole.n) == (75.0, 2)
    assert [(e.by["item"], e.value, e.n) for e in by_item] == [("honest", 0.0, 1), ("safe", 100.0, 1), ("unnamed", 100.0, 1)]


def test_the_settings_give_the_scale_and_answers_beyond_it_are_left_out_and_counted(shop: Any) -> None:
    answer(shop, "trust", [7, 4, 9])

    found = compute(shop, "trust_index", replace(ASK, ethics=EthicsSettings(scales={"trust": (1, 7)})))[0]

    assert (found.value, found.n) == (75.0, 2)
    assert "1 answers beyond 1 to 7 left out" in found.note


def test_trust_by_level_is_by_the_highest_one_received_and_without_a_survey_nothing_is_said(shop: Any) -> None:
    assert compute(shop, "trust_index")[0].reason == "no_survey"
    answer(shop, "trust", [5, 3, 1])
    message(shop, 1, [1], level=0)
    message(shop, 2, [1, 2], level=3)

    found = compute(shop, "trust_index", replace(ASK, by=("level",)))

    assert {e.by["level"]: e.value for e in found} == {"3": 75.0, "none": 0.0}
    with pytest.raises(ConfigError, match="one dimension at a time"):
        compute(shop, "trust_index", replace(ASK, by=("level", "item")))


def test_a_small_level_of_trust_is_not_alone_in_being_hidden(shop: Any) -> None:
    """Of 14 who answered 2 got level 3: the 12 others taken off the whole would tell them, so the 6 of level 0 are not told."""
    answer(shop, "trust", [5] * 14)
    message(shop, 1, [1, 2], level=3)
    message(shop, 2, range(3, 9), level=0)

    found = compute(shop, "trust_index", replace(ASK, by=("level",), suppress_n=5))

    assert {e.by["level"]: e.reason for e in found} == {"0": "suppressed", "3": "suppressed", "none": None}


def test_people_in_small_groups_are_hidden_in_surveys(shop: Any) -> None:
    answer(shop, "trust", [5] * 12)
    for person in range(1, 12):
        shop.add("attributes", connection=1, key_id=person, name="age", value="old" if person > 10 else "young")

    found = compute(shop, "trust_index", replace(ASK, by=("age",), suppress_n=5))

    assert {e.by["age"]: e.reason for e in found} == {"old": "suppressed", "unknown": "suppressed", "young": "suppressed"}


def test_trust_over_time_is_by_when_the_answer_was_given_on_the_shops_clock(shop: Any) -> None:
    """Half past eleven at night in UTC on the last of September is October in Vienna; somebody who answers in two months
    counts in each, and an answer without a date in none."""
    last = 1_759_275_000_000  # 2025-09-30 23:30 UTC
    at = {1: last - DAY, 2: last - DAY, 3: last, 4: last + DAY, 5: None}
    for person, moment in at.items():
        shop.add(
            "feedback",
            connection=2,
            submission=f"s{person}",
            kind="TRUST",
            value=6 - person,
            key_id=person,
            submitted_at=moment,
        )
    shop.add("feedback", connection=2, submission="again", kind="TRUST", value=1, key_id=1, submitted_at=last + DAY)
    ask = replace(ASK, now=last + 40 * DAY, timezone="Europe/Vienna")

    found = {name: compute(shop, "trust_index", replace(ask, by=(name,))) for name in ("month", "week", "day")}

    assert [(e.by["month"], e.value, e.n) for e in found["month"]] == [
        ("2025-09", pytest.approx(87.5), 2),
        ("2025-10", pytest.approx(25.0), 3),
    ]
    assert [(e.by["week"], e.n) for e in found["week"]] == [("2025-W40", 4)]
    assert [e.by["day"] for e in found["day"]] == ["2025-09-30", "2025-10-01", "2025-10-02"]
    assert all("1 answers without a date left out" in e.note for e in found["month"])


def test_a_small_month_is_not_alone_in_being_hidden(shop: Any) -> None:
    """Of 18 who answered 2 did so in the first month: the whole less the others would tell them, so a second is hidden too."""
    for person in range(18):
        month = 0 if person < 2 else 1 if person < 8 else 2
        shop.add("feedback", connection=2, submission=f"s{person}", kind="TRUST", value=5, key_id=person,
                 submitted_at=SENT + 31 * DAY * month)  # fmt: skip

    found = compute(shop, "trust_index", replace(ASK, by=("month",), suppress_n=5))

    assert [e.reason for e in found] == ["suppressed", "suppressed", None]


def test_consent_kept_is_of_those_mailed(shop: Any) -> None:
    message(shop, 1, [1, 2, 3, 4])
    for person, action in ((1, 6), (2, 7), (9, 6)):
        shop.add("touchpoints", connection=1, campaign_key=1, key_id=person, action=action, happened_at=SENT + DAY)

    (kept,) = [e for e in compute(shop, "trust_index") if e.id == "consent_kept"]

    assert (kept.value, kept.n) == (0.5, 4)


def test_transparency_comfort_and_concern_have_means_and_top_two_boxes(shop: Any) -> None:
    answer(shop, "comfort", [5, 4, 2, 1])

    each = ("perceived_transparency", "comfort_level", "privacy_concern")
    found = {e.id: (e.value, e.reason) for id in each for e in compute(shop, id)}

    assert found == {
        "perceived_transparency": (None, "no_survey"),
        "perceived_transparency_top_2": (None, "no_survey"),
        "comfort_level": (50.0, None),
        "comfort_level_top_2": (0.5, None),
        "privacy_concern": (None, "no_survey"),
        "privacy_concern_top_2": (None, "no_survey"),
    }


def test_the_checklist_takes_the_messages_own_answer_before_the_programmes_and_unknown_is_not_no(shop: Any) -> None:
    message(shop, 1)
    message(shop, 2, level=None)
    message(shop, 3, level=0)
    audit(shop, "notice", "no", at=SENT - DAY)
    audit(shop, "notice", "yes")
    audit(shop, "notice", "no", scope="c2")
    audit(shop, "why", "unknown")

    whole = compute(shop, "transparency_score")[0]
    each = compute(shop, "transparency_score", replace(ASK, by=("msg",)))

    assert (whole.value, whole.n, whole.note) == (0.5, 2, "8 of 10 answers unknown")
    assert {e.by["msg"]: e.value for e in each} == {"c1": 1.0, "c2": 0.0}


def test_a_link_to_preferences_in_a_message_answers_for_control(shop: Any) -> None:
    message(shop, 1)
    shop.add("campaign_links", link_id=4, url="https://example.com/email/preferences")
    shop.add("link_counters", campaign_key=1, link_id=4, clicks=0)

    found = compute(shop, "transparency_score", replace(ASK, by=("item",)))

    assert {e.by["item"]: (e.value, e.reason) for e in found} == {
        "notice": (None, "no_audit"),
        "why": (None, "no_audit"),
        "data_listed": (None, "no_audit"),
        "plain_language": (None, "no_audit"),
        "control": (1.0, None),
    }


def test_an_explanation_is_as_complete_readable_and_understood_as_was_said(shop: Any) -> None:
    audit(shop, "explains_data", "yes")
    audit(shop, "explains_stop", "no")
    audit(shop, "explanation_readability", "yes", value=62)
    answer(shop, "understanding", [5, 3])

    found = {e.id: e.value for e in compute(shop, "algorithm_transparency")}

    assert found == {
        "explanation_complete": 0.5,
        "explanation_readability": 62,
        "understanding": 75.0,
        "understanding_top_2": 0.5,
    }


def test_a_personal_message_is_explained_by_what_chose_its_people_and_not_by_its_content_or_a_level_you_set(shop: Any) -> None:
    """A condition or a recommendation in the content says what somebody saw, not why it was sent to them."""
    message(shop, 1, [1, 2, 3])
    message(shop, 2, [1])
    message(shop, 3, [1], level=1)
    message(shop, 4, [1, 2, 3, 4])
    shop.add("segments", connection=1, kind="segment", vendor_id="70", parent="L", name="Regulars")
    shop.add("campaign_evidence", campaign_key=1, source="settings", kind="segment", detail="StaticSegment static_is 70")
    shop.add("campaign_evidence", campaign_key=1, source="settings", kind="trigger", detail="automated")
    for kind in ("conditional", "smart", "recommendation", "programmable"):
        shop.add("campaign_evidence", campaign_key=4, source="content", kind=kind, detail="x")
    shop.add("campaign_evidence", campaign_key=2, source="tag", kind="level", detail="4")
    shop.add("campaign_evidence", campaign_key=2, source="content", kind="token", detail="FNAME in content")

    (whole,) = compute(shop, "decision_explainability")
    each = compute(shop, "decision_explainability", replace(ASK, by=("msg",)))

    assert (whole.value, whole.n) == (3 / 8, 8)
    assert {e.by["msg"]: (e.value, e.note) for e in each} == {
        "c1": (1.0, "segment Regulars"),
        "c2": (0.0, "no segment, workflow or trigger that chose the people is known"),
        "c4": (0.0, "no segment, workflow or trigger that chose the people is known"),
    }


def test_data_used_are_the_fields_that_messages_name_out_of_those_held(shop: Any) -> None:
    for name in ("FNAME", "CITY", "BIRTHDAY"):
        shop.add("fields", connection=1, list="L", name=name)
    for of, name in (("lists", "61"), ("contacts:lifecyclestage", "lead"), ("pipeline:default", "won"), ("ab:9", "B")):
        shop.add("fields", connection=1, list=of, name=name)
    shop.add("attributes", connection=1, key_id=1, name="tier", value="gold")
    message(shop, 1)
    message(shop, 2)
    for key, kind, detail in (
        (1, "token", "FNAME in content"), (1, "segment", "TextMerge TIER is"), (1, "read", ""),
        (2, "conditional", "contact.city"), (2, "token", "SHOE_SIZE in subject"),
    ):  # fmt: skip
        shop.add("campaign_evidence", campaign_key=key, source="content", kind=kind, detail=detail)

    (whole,) = compute(shop, "data_used")
    each = compute(shop, "data_used", replace(ASK, by=("msg",)))

    assert (whole.value, whole.n, whole.note) == (0.75, 4, "held and used by no message: BIRTHDAY")
    assert {e.by["msg"]: (e.value, e.note) for e in each} == {"c1": (2, "FNAME, TIER"), "c2": (2, "CITY, SHOE_SIZE")}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"subject": "Last chance: 20 % off"}, ["false urgency"]),
        ({"subject": "Only 3 left!"}, ["false scarcity"]),
        ({"subject": "RE: your order"}, ["pretended reply"]),
        ({"subject": "Your account will be closed"}, ["play on fear"]),
        ({"subject": "Our hurricane lamps are here"}, []),
        ({"subject": "Spring news regarding bread"}, []),
        ({"subject": None, "complaints": 12, "unsubscribes": 3}, ["hidden way out"]),
        ({"subject": "", "complaints": 9, "unsubscribes": 3}, []),
        ({"subject": "", "complaints": 12, "unsubscribes": None}, []),
        ({"subject": "", "axes": "age gender"}, ["chosen by age", "chosen by gender"]),
    ],
)
def test_a_flag_comes_from_the_subject_the_segment_or_what_came_back(row: dict[str, Any], said: list[str]) -> None:
    assert flags({"complaints": None, "unsubscribes": None, "axes": None, **row}) == said


def test_flags_wait_for_a_person_and_a_dismissed_one_counts_no_more(shop: Any) -> None:
    message(shop, 1, subject="Hurry")
    message(shop, 2, subject="Hurry", at=SENT + DAY)
    message(shop, 3, subject="News")
    message(shop, 4, at=SENT - DAY)
    shop.add("campaign_evidence", campaign_key=4, source="settings", kind="demographic", detail="age")
    audit(shop, "manipulation", "no", scope="c1")
    audit(shop, "manipulation", "yes", scope="Mail 2")

    whole, *listed = compute(shop, "manipulation_check")

    assert (whole.value, whole.n) == (0.5, 4)
    assert [(e.by["msg"], e.by["flag"], e.by["status"], e.by["date"]) for e in listed] == [
        ("c2", "false urgency", "confirmed", "1972-09-28"),
        ("c1", "false urgency", "dismissed", "1972-09-27"),
        ("c4", "chosen by age", "to confirm", "1972-09-26"),
    ]


def sold(
    shop: Any, number: int, at_day: int, minor: int, *, pieces: int = 1, sku: str = "MUG", code: str = "", tax: int = 0
) -> None:
    """Sell one line on a day counted from the first message, with a code or without any discount."""
    shop.order(number, number, minor, ordered_at=SENT + at_day * DAY, tax=tax)
    shop.add("order_lines", order_key=number, line="1", sku=sku, product="7", current_quantity=pieces, price_minor=minor)
    if code:
        shop.add("order_discounts", order_key=number, discount=code, kind="code", code=code, currency="EUR")


def test_a_price_raised_within_thirty_days_before_its_discount_is_a_question_with_its_rise(shop: Any) -> None:
    """20.00 on day 0, 25.00 (three at 75.00) on day 20, a code from day 25 on: a rise of a quarter; the code goes on, so it
    began once. A hat was sold to countries of other taxes at one shown price; 35 days before a discount is not looked at."""
    shop.add("products", product="7", title="Enamel mug")
    for number, (at, minor, more) in enumerate(
        [
            (0, 2000, {}), (20, 7500, {"pieces": 3}), (25, 2000, {"code": "SPRING"}), (40, 2000, {"code": "SPRING"}),
            (1, 900, {"sku": "HAT", "tax": 180}), (20, 1000, {"sku": "HAT", "tax": 80}),
            (25, 700, {"sku": "HAT", "code": "SPRING"}),
            (-10, 500, {"sku": "SCARF"}), (24, 900, {"sku": "SCARF"}), (25, 800, {"sku": "SCARF", "code": "SPRING"}),
        ],
        start=1,
    ):  # fmt: skip
        sold(shop, number, at, minor, **more)

    whole, flag = compute(shop, "price_raised_before_discount")
    audit(shop, "manipulation", "no", scope="MUG")
    dismissed, told = compute(shop, "price_raised_before_discount")

    assert (whole.value, whole.n, flag.value, flag.n) == (1 / 3, 3, 0.25, 2)
    assert flag.by == {"item": "MUG", "title": "Enamel mug", "date": "1972-10-22", "status": "to confirm"}
    assert flag.note == "20.00 EUR rose to 25.00 EUR within 30 days before the discount, before tax"
    assert (dismissed.value, told.by["status"]) == (0.0, "dismissed")


def test_without_a_price_before_any_discount_nothing_is_said_of_it(shop: Any) -> None:
    sold(shop, 1, 5, 2000, code="SPRING")
    sold(shop, 2, 6, 2500)

    (whole,) = compute(shop, "price_raised_before_discount")

    assert (whole.value, whole.reason, whole.n) == (None, "no_price_history", 0)


def test_risk_is_tickets_about_privacy_a_number_mailed_and_what_was_entered(shop: Any) -> None:
    message(shop, 1, range(1, 201))
    for number, category in enumerate(("GDPR request", "privacy", "delivery", None)):
        shop.add("tickets", connection=1, ticket=str(number), category=category, created_at=SENT)
    audit(shop, "incident", "yes", scope="lost laptop")
    audit(shop, "incident", "no", scope="false alarm")
    ask = replace(ASK, currency="EUR", ethics=EthicsSettings(fines={"breach": 20_000.0}))

    rate, incident, fine = compute(shop, "privacy_reputation_risk", ask)

    assert (rate.value, rate.n, rate.unit) == (100.0, 200, "a 10,000 people")
    assert (rate.low, rate.high) == (pytest.approx(stats.chi2.ppf(0.025, 4) * 25), pytest.approx(stats.chi2.ppf(0.975, 6) * 25))
    assert incident.by == {"incident": "lost laptop", "date": "1972-09-27"}
    assert (fine.value, fine.unit, fine.by) == (20_000.0, "EUR", {"scenario": "breach"})


def test_practice_is_what_was_entered_last(shop: Any) -> None:
    audit(shop, "staff_trained", "yes", value=0.4, at=SENT - DAY)
    audit(shop, "staff_trained", "yes", value=0.6)
    audit(shop, "guidelines", "no")
    audit(shop, "review", "yes", at=SENT)

    found = {e.id: (e.value, e.reason) for e in compute(shop, "ethics_practice")}

    assert found == {
        "staff_trained": (0.6, None),
        "data_requests": (None, "no_audit"),
        "data_request_days": (None, "no_audit"),
        "guidelines": (0.0, None),
        "days_since_review": (100.0, None),
    }
