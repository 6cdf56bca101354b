"""What counts as personalisation in a Mailchimp campaign, and what does not."""

from typing import Any

import pytest

from persync_mailchimp.personalise import (
    campaign_items,
    content_items,
    demographics,
    describe_condition,
    recommendation_items,
    segment_items,
    tracking_items,
)

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
        ('<a href="https://tea.example.com/?c=*%7ccountry%7c*">x</a>', [("token", "COUNTRY in content")]),
        ("*|IF:MC_LANGUAGE=de|*Tee*|ELSE:|*tea*|END:IF|*", [("conditional", "MC_LANGUAGE in content")]),
        ("<!--*|IF:COUNTRY=AT|*-->a<!--*|END:IF|*-->", [("conditional", "COUNTRY in content")]),
        ("<!--[if mso]>*|FNAME|*<![endif]-->", [("token", "FNAME in content")]),
        ("<!--[if !mso]><!-->*|FNAME|*<!--<![endif]-->", [("token", "FNAME in content")]),
        ("<!----> *|FNAME|* <!-- x -->", [("token", "FNAME in content")]),
        ('<td class="wide mceDynamicContent"></td>', [("conditional", "dynamic content block")]),
        ("<td data-dynamic-content=7></td>", [("conditional", "dynamic content block")]),
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
        "Mon *| open |* Tue *| closed |*",
        "<!-- *|FNAME|* --><!-- never closed *|LNAME|*",
        "<style>/* *|FNAME|* */</style><STYLE type='text/css'>*|LNAME|*</STYLE >",
        "<code>*&#124;FNAME&#124;*</code> <code>&#42;|FNAME|&#42;</code>",
        "our dynamic content, <a class='dynamic'>*|PROMO_CODE:[$store_id=s]|*</a>",
    ],
)
@pytest.mark.parametrize("fields", [FIELDS, None], ids=["fields known", "fields unknown"])
def test_what_every_message_carries_is_not(html: str, fields: dict[str, str] | None) -> None:
    assert in_content(html, fields) == []


def test_a_tag_that_the_audience_does_not_have_is_not_a_token() -> None:
    assert in_content("Dear *|NICKNAME|*") == []


@pytest.mark.parametrize("name", ["NICKNAME", "USERLEVEL", "DATEJOIN", "BRANDFAV", "LISTING", "MMERGE7"])
def test_when_the_audience_is_gone_any_tag_of_its_own_is_taken_for_a_field(name: str) -> None:
    assert in_content(f"Dear *|{name}|*", None) == [("token", f"{name} in content")]


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
        (
            {"prebuilt_segment_id": "subscribers-female"},
            (("demographic", "gender"), ("segment", "prebuilt subscribers-female")),
        ),
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


def test_the_subjects_of_an_old_split_test_count() -> None:
    campaign = {"type": "absplit", "ab_split_opts": {"subject_a": "News", "subject_b": "*|FNAME|*, news"}}

    assert campaign_items(campaign, FIELDS) == (("token", "FNAME in subject"),)


@pytest.mark.parametrize(
    ("condition", "axes"),
    [
        ({"condition_type": "PredictedGender", "field": "predicted_gender", "op": "is", "value": "female"}, ["gender"]),
        ({"condition_type": "SocialGender", "field": "social_gender", "op": "not", "value": "male"}, ["gender"]),
        ({"condition_type": "PredictedAge", "field": "predicted_age_range", "op": "is", "value": "65+"}, ["age"]),
        ({"condition_type": "SocialAge", "field": "social_age", "op": "is", "value": "18-24"}, ["age"]),
        ({"condition_type": "IPGeoCountryState", "field": "ipgeo", "op": "ipgeocountry", "value": "US"}, ["place"]),
        ({"condition_type": "IPGeoIn", "field": "ipgeo", "op": "ipgeoin", "value": 42, "addr": "Graz"}, ["place"]),
        ({"condition_type": "IPGeoInZip", "field": "ipgeo", "op": "ipgeoinzip", "value": 25, "extra": 8010}, ["place"]),
        ({"condition_type": "IPGeoZip", "field": "ipgeo", "op": "ipgeonotzip", "value": 8010}, ["place"]),
        ({"condition_type": "IPGeoUnknown", "field": "ipgeo", "op": "ipgeounknown"}, ["place"]),
        ({"condition_type": "ZipMerge", "field": "MMERGE2", "op": "geoin", "value": "25", "extra": "8010"}, ["place"]),
        ({"condition_type": "AddressMerge", "field": "MMERGE3", "op": "contains", "value": "Graz"}, ["place"]),
        ({"condition_type": "SelectMerge", "field": "GENDER", "op": "is", "value": "f"}, ["gender"]),
        ({"condition_type": "SelectMerge", "field": "AGE_BAND", "op": "is", "value": "60+"}, ["age"]),
        ({"condition_type": "DateMerge", "field": "BIRTHDATE", "op": "less", "value": "1960-01-01"}, ["age"]),
        ({"condition_type": "TextMerge", "field": "HOME", "op": "is", "value": "8010"}, ["place"]),
        ({"condition_type": "BirthdayMerge", "field": "BIRTHDAY", "op": "is", "value": "01/30"}, []),
        ({"condition_type": "TextMerge", "field": "FNAME", "op": "is", "value": "Ann"}, []),
        ({"condition_type": "Language", "field": "language", "op": "is", "value": "de"}, []),
        ({"condition_type": "StaticSegment", "field": "static_segment", "op": "static_is", "value": 7}, []),
        ({}, []),
    ],
)  # fmt: skip
def test_a_segment_by_sex_age_or_place_says_so(condition: dict[str, Any], axes: list[str]) -> None:
    assert demographics([condition], {"HOME": "zip"}) == axes


@pytest.mark.parametrize(
    ("prebuilt", "axes"),
    [
        ("subscribers-female", ["gender"]),
        ("subscribers-male", ["gender"]),
        ("subscribers-18-24", ["age"]),
        ("subscribers-over-35", ["age"]),
        ("subscribers-nearby", ["place"]),
        ("subscribers-active", []),
        ("subscribers-malefactors", []),
    ],
)
def test_a_prebuilt_segment_is_told_by_its_name(prebuilt: str, axes: list[str]) -> None:
    found = segment_items({"prebuilt_segment_id": prebuilt})

    assert sorted(found) == [*(("demographic", axis) for axis in axes), ("segment", f"prebuilt {prebuilt}")]


def test_demographic_targeting_is_kept_beside_the_segment_without_a_value_that_names_a_person() -> None:
    conditions = [
        {"condition_type": "PredictedGender", "field": "predicted_gender", "op": "is", "value": "male"},
        {
            "condition_type": "IPGeoIn",
            "field": "ipgeo",
            "op": "ipgeoin",
            "value": 5,
            "addr": "Herrengasse 1, Graz",
            "lat": "47.0",
        },
        {"condition_type": "ZipMerge", "field": "HOME", "op": "geoin", "value": "8010"},
    ]
    campaign = {"type": "regular", "recipients": {"segment_opts": {"match": "all", "conditions": conditions}}}

    assert campaign_items(campaign, {"HOME": "zip"}) == (
        ("demographic", "gender"),
        ("demographic", "place"),
        ("segment", "IPGeoIn ipgeo ipgeoin"),
        ("segment", "PredictedGender predicted_gender is male"),
        ("segment", "ZipMerge HOME geoin"),
    )


@pytest.mark.parametrize(
    ("total", "is_one"), [(120.5, True), (0.01, True), (0, False), (0.0, False), (None, False), (-3, False)]
)
def test_a_recommended_product_that_was_sold_shows_the_block(total: float | None, is_one: bool) -> None:
    assert recommendation_items(total) == ((("recommendation", "sold"),) if is_one else ())


@pytest.mark.parametrize(("code", "is_one"), [("prec", True), ("", False), (None, False), ("other", False)])
def test_an_order_from_a_recommended_product_shows_the_block(code: str | None, is_one: bool) -> None:
    assert tracking_items(code) == ((("recommendation", "order"),) if is_one else ())


def test_notes_that_are_never_closed_are_read_once() -> None:
    """A page of open notes is as quick as any other: each note reaches to the next end, or to the end of all."""
    assert in_content("<!-- " * 200_000 + "*|FNAME|*") == []
