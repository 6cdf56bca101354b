"""What counts as personalisation in a Mailchimp campaign, and what does not."""

from typing import Any

import pytest

from persync_mailchimp.personalise import campaign_items, content_items, describe_condition

FIELDS = {"FNAME": "text", "LNAME": "text", "COUNTRY": "dropdown"}


def in_content(html: str, fields: dict[str, str] | None = FIELDS) -> list[tuple[str, str]]:
    return [item for item in content_items({"html": html, "plain_text": ""}, fields) if item != ("read", "")]


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("Dear *|FNAME|*", [("token", "FNAME in content")]),
        ("Dear *|fname|*", [("token", "FNAME in content")]),
        ("Dear *|TITLE:FNAME|* *|UPPER:LNAME|*", [("token", "FNAME in content"), ("token", "LNAME in content")]),
        ("Dear *|FNAME:friend|*", [("token", "FNAME in content")]),
        ("Dear *|MERGE1|*", [("token", "MERGE1 in content")]),
        ('<a href="https://tea.example.com/?c=*%7CCOUNTRY%7C*">x</a>', [("token", "COUNTRY in content")]),
        ("*|IF:COUNTRY=AT|*a*|ELSE:|*b*|END:IF|*", [("conditional", "COUNTRY in content")]),
        (
            "*|IF:COUNTRY &gt; 3|*a*|ELSEIF:LNAME!=x|*b*|END:IF|*",
            [("conditional", "COUNTRY in content"), ("conditional", "LNAME in content")],
        ),
        ("*|IFNOT:FNAME|*friend*|END:IF|*", [("conditional", "FNAME in content")]),
        ("*|INTERESTED:Tea:Green|*a*|END:INTERESTED|*", [("conditional", "INTERESTED in content")]),
        ("*|PRODUCT_RECOMMENDATION:[$total=3]|*", [("recommendation", "PRODUCT_RECOMMENDATION in content")]),
        ("*|PRODUCT_RECOMMENDATIONS|*", [("recommendation", "PRODUCT_RECOMMENDATIONS in content")]),
        ('<table class="mcnProductRecommendationBlock"></table>', [("recommendation", "block")]),
        ("*|ABANDONED_CART|*", [("trigger", "ABANDONED_CART in content")]),
        ("*|CART:[$total=1]|*", [("trigger", "CART in content")]),
    ],
)  # fmt: skip
def test_what_differs_by_person_is_evidence(html: str, found: list[tuple[str, str]]) -> None:
    assert in_content(html) == found


@pytest.mark.parametrize(
    "html",
    [
        '<a href="*|UNSUB|*">leave</a> <a href="*|UPDATE_PROFILE|*">settings</a> <a href="*|ARCHIVE|*">web</a>',
        "*|LIST:COMPANY|* *|LIST:ADDRESSLINE|* *|HTML:LIST_ADDRESS_HTML|* *|CURRENT_YEAR|* *|DATE:d/m/y|*",
        "*|IFNOT:ARCHIVE_PAGE|*web*|END:IF|* *|IF:REWARDS|**|HTML:REWARDS|**|END:IF|* *|IF:MC_PREVIEW_TEXT|*x*|END:IF|*",
        "*|MC:SUBJECT|* *|MC_PREVIEW_TEXT|* *|FORWARD|* *|BRAND:LOGO|* *|RSSITEM:TITLE|* *|FEEDBLOCK:https://x|*",
        "sent to *|EMAIL|* (*|MERGE0|*, *|UNIQID|*, *|EMAIL_UID|*)",
        '<a href="https://tea.example.com/product-recommendations">Our recommendations</a>',
        "2 * 3 | 4 *",
    ],
)
@pytest.mark.parametrize("fields", [FIELDS, None], ids=["fields known", "fields unknown"])
def test_what_every_message_carries_is_not(html: str, fields: dict[str, str] | None) -> None:
    assert in_content(html, fields) == []


def test_a_tag_that_the_audience_does_not_have_is_not_a_token() -> None:
    assert in_content("Dear *|NICKNAME|*") == []


def test_when_the_audience_is_gone_any_tag_of_its_own_is_taken_for_a_field() -> None:
    assert in_content("Dear *|NICKNAME|*", None) == [("token", "NICKNAME in content")]


def test_a_field_that_the_audience_calls_email_is_still_the_address() -> None:
    assert in_content("*|EMAIL|*", {"EMAIL": "email"}) == []


@pytest.mark.parametrize(
    "content", [{}, {"html": "", "plain_text": None}, {"html": "  \n", "variate_contents": [{"html": ""}]}]
)
def test_content_without_a_text_was_not_read(content: dict[str, Any]) -> None:
    assert content_items(content, FIELDS) == ()


def test_plain_content_was_read_and_holds_nothing() -> None:
    assert content_items({"plain_text": "News"}, FIELDS) == (("read", ""),)


def test_every_variant_of_the_content_is_looked_at() -> None:
    content = {"html": "", "variate_contents": [{"html": "News"}, {"plain_text": "*|FNAME|*"}]}

    assert content_items(content, FIELDS) == (("read", ""), ("token", "FNAME in content"))


def test_a_name_in_the_to_line_alone_is_nothing() -> None:
    campaign = {"type": "regular", "settings": {"to_name": "*|FNAME|* *|LNAME|*", "subject_line": "News"}}

    assert campaign_items(campaign, FIELDS) == ()


def test_subject_preview_and_every_tested_subject_count() -> None:
    campaign = {
        "type": "variate",
        "settings": {"preview_text": "*|IF:COUNTRY=AT|*Wien*|END:IF|*"},
        "variate_settings": {"subject_lines": ["News", "*|LNAME|*, news"]},
    }

    assert campaign_items(campaign, FIELDS) == (("conditional", "COUNTRY in preview"), ("token", "LNAME in subject"))


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (None, ()),
        ({}, ()),
        ({"match": "all", "conditions": []}, ()),
        ({"saved_segment_id": 7, "conditions": []}, (("segment", "saved 7"),)),
        ({"prebuilt_segment_id": "subscribers-female"}, (("segment", "prebuilt subscribers-female"),)),
        (
            {"saved_segment_id": 7, "conditions": [{"condition_type": "VIP", "op": "is"}]},
            (("segment", "VIP is"),),
        ),
    ],
)
def test_a_chosen_part_of_the_audience_is_a_segment(options: dict[str, Any] | None, found: tuple[tuple[str, str], ...]) -> None:
    assert campaign_items({"type": "regular", "recipients": {"segment_opts": options}}, FIELDS) == found


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"condition_type": "SocialAge", "field": "social_age", "op": "is", "value": "18-24"}, "SocialAge social_age is 18-24"),
        ({"condition_type": "TextMerge", "field": "FNAME", "op": "is", "value": "Ann"}, "TextMerge FNAME is"),
        ({"condition_type": "EmailAddress", "field": "EMAIL", "op": "is", "value": "ann@example.com"}, "EmailAddress EMAIL is"),
        ({}, "condition"),
    ],
)
def test_a_condition_is_described_without_naming_a_person(condition: dict[str, Any], words: str) -> None:
    assert describe_condition(condition) == words


@pytest.mark.parametrize(
    ("kind", "items"), [("automation-email", True), ("automation", True), ("regular", False), ("rss", False)]
)
def test_an_automation_is_a_workflow(kind: str, items: bool) -> None:
    assert campaign_items({"type": kind}, FIELDS) == ((("workflow", kind),) if items else ())


def test_send_time_by_time_zone_is_timing_only() -> None:
    assert campaign_items({"type": "regular", "settings": {"timewarp": True}}, FIELDS) == (("timing", "timewarp"),)
