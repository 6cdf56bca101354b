"""From marketing e-mails to campaigns, evidence, twins and totals."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from persync.connect.page import Shaped
from persync.rows import KEEP, Campaign, CampaignCounters, CampaignRef, Evidence, Variant
from persync_hubspot import personalise, streams_mail
from persync_hubspot.properties import millis
from persync_hubspot.records_mail import MarketingEmail

Shape = Callable[..., Shaped]
GUID = "11111111-2222-4333-8444-555555555555"


def test_a_mail_becomes_a_campaign_its_evidence_its_twin_and_its_totals(shaped: Shape, page: Any) -> None:
    """A variation names its own send alone, a draft was never sent, and content that did not come leaves no evidence."""
    found = shaped(streams_mail.MARKETING_EMAILS, page("emails_page"))

    master, variation, draft = (CampaignRef(("id", number)) for number in ("8801", "8802", "8803"))
    sent, created = millis("2026-05-04T08:00:00Z", ""), millis("2026-05-01T08:00:00Z", "")
    sends = ("7701", "7702", "7709")
    assert found.rejects == []
    assert found.rows == [
        Campaign(
            CampaignRef(
                ("id", "8801"), *(("email_campaign", number) for number in sends), *(("hsmi", number) for number in sends)
            ),
            kind="AB_EMAIL",
            title="May letter",
            subject="{{ personalization_token('contact.firstname', 'You') }}, May is here",
            list="61,62",
            parent=f"campaign:{GUID}",
            status="PUBLISHED",
            created_at=created,
            sent_at=sent,
        ),
        Evidence(master, "settings", (("read", "settings"),)),
        Evidence(master, "content", (("read", "content"), ("smart", "module-2"), ("token", "contact.firstname"))),
        Variant(master, "31/master", label="May letter", recipients=None, is_winner=None),
        CampaignCounters(
            master,
            selected=500,
            sent=490,
            delivered=480,
            hard_bounces=6,
            soft_bounces=4,
            unique_opens=200,
            unique_clicks=31,
            unsubscribes=2,
            complaints=1,
            dropped=10,
        ),
        Campaign(
            CampaignRef(("id", "8802"), ("email_campaign", "7702"), ("hsmi", "7702")),
            kind="AB_EMAIL",
            title="May letter, plain",
            subject="May is here",
            list=None,
            parent=None,
            status="LOSER_AB_VARIANT",
            created_at=created,
            sent_at=sent,
        ),
        Evidence(variation, "settings", (("read", "settings"),)),
        Evidence(variation, "content", (("read", "content"),)),
        Variant(variation, "31/variation", label="May letter, plain", recipients=None, is_winner=False),
        Campaign(
            draft,
            kind="AUTOMATED_EMAIL",
            title="Birthday",
            subject=None,
            list=None,
            parent=None,
            status="AUTOMATED_DRAFT",
            created_at=millis("2026-05-02T08:00:00Z", ""),
            sent_at=None,
        ),
        Evidence(draft, "settings", (("read", "settings"), ("trigger", "AUTOMATED_EMAIL"), ("workflow", "Birthday club"))),
    ]


def test_a_mail_scheduled_for_later_was_not_sent(shaped: Shape) -> None:
    body = {"results": [{"id": "1", "isAb": False, "isPublished": True, "publishDate": "2026-10-01T00:00:00.001Z"}]}
    found = shaped(streams_mail.MARKETING_EMAILS, orjson.dumps(body))

    assert [row for row in found.rows if isinstance(row, Campaign)] == [
        Campaign(
            CampaignRef(("id", "1")),
            kind=KEEP,
            title=None,
            subject=None,
            list=None,
            parent=None,
            status=None,
            created_at=None,
            sent_at=None,
        )
    ]


def content_of(subject: str = "", html: str = "", **content: Any) -> set[tuple[str, str]]:
    email: MarketingEmail = {
        "id": "1",
        "subject": subject,
        "content": {"plainTextVersion": "x", "widgets": {"m": {"body": {"html": html}}}, **content},  # type: ignore[typeddict-item]
    }
    found = personalise.content_items(email)
    assert found is not None
    return set(found) - {("read", "content")}


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("nothing of the sort", set()),
        ("contact.firstname, written out", set()),
        ("{{ unsubscribe_link }} {{ site_settings.company_name }} {{ view_as_page_url }} {{ owner.signature }}", set()),
        ("{{ contact.hubspot_owner_id }}", set()),
        ("{{ 'contact.firstname' }}", set()),
        ("{{ subcontact.firstname }}", set()),
        ("{{contact.firstname}}", {("token", "contact.firstname")}),
        ("{{ contact.firstname|default('there') }}", {("token", "contact.firstname")}),
        ("{{\n company.name\n}} {{ deal.amount }}", {("token", "company.name"), ("token", "deal.amount")}),
        ('{{ personalization_token("contact.city", "there") }}', {("token", "contact.city")}),
        (
            "{% if contact.country == 'DE' %}a{% elif contact.vip %}b{% endif %}",
            {("conditional", "contact.country"), ("conditional", "contact.vip")},
        ),
        ("{% if personalization_token('contact.vip') %}a{% endif %}", {("conditional", "contact.vip")}),
        ("{% if is_listing_view %}a{% endif %}", set()),
        ("{% set name = contact.firstname %}{{ name }}", {("token", "contact.firstname")}),
        ("{%- for item in contact.wishes -%}{{ item }}{% endfor %}", {("token", "contact.wishes"), ("programmable", "for")}),
        ("{% for post in blog_recent_posts('x', 3) %}{{ post.name }}{% endfor %}", set()),
        (
            "{% set mine = crm_associations(contact.id, 'x') %}{% for one in mine.results %}{{ one.name }}{% endfor %}",
            {("token", "contact.id"), ("programmable", "crm_associations"), ("programmable", "for")},
        ),
    ],
)  # fmt: skip
def test_evidence_is_read_from_the_template_language(text: str, items: set[tuple[str, str]]) -> None:
    assert content_of(html=text) == items
    assert content_of(subject=text) == items
    assert content_of(flexAreas={"main": {"sections": [{"columns": [text]}]}}) == items


def test_smart_and_recommendation_modules_are_named_and_nothing_else_is_kept() -> None:
    found = content_of(
        smartFields={"hero": {"definition": "Anything"}},
        widgets={"w": {"body": {"path": "@hubspot/product_Recommendations", "html": "we recommend lanterns"}}},
    )

    assert found == {("smart", "hero"), ("recommendation", "@hubspot/product_Recommendations")}


@pytest.mark.parametrize("content", [None, {}, {"templatePath": "x"}, {"plainTextVersion": "", "widgets": {}}])
def test_content_that_did_not_come_is_not_read(content: Any) -> None:
    assert personalise.content_items({"id": "1", "subject": "{{ contact.firstname }}", "content": content}) is None


@pytest.mark.parametrize(
    ("email", "items"),
    [
        ({"type": "BATCH_EMAIL", "to": {"contactIlsLists": {"include": ["61"]}}}, set()),
        ({"type": "LOCALTIME_EMAIL"}, {("timing", "local time")}),
        ({"type": "AUTOMATED_AB_EMAIL"}, {("trigger", "AUTOMATED_AB_EMAIL")}),
        ({"type": "SINGLE_SEND_API"}, {("trigger", "SINGLE_SEND_API")}),
        ({"type": "BATCH_EMAIL", "workflowNames": ["Club"]}, {("workflow", "Club")}),
    ],
)
def test_how_a_mail_is_set_off_is_evidence_and_its_list_is_not(email: Any, items: set[tuple[str, str]]) -> None:
    assert set(personalise.settings_items({"id": "1", **email})) == items | {("read", "settings")}


def test_a_send_of_the_v1_api_names_its_mail(shaped: Shape) -> None:
    body = orjson.dumps({"id": 7701, "contentId": 8801, "appId": 113, "counters": {"sent": 1}, "type": "BATCH_EMAIL"})
    orphan = orjson.dumps({"id": 7702, "appId": 113})

    assert shaped(streams_mail.EMAIL_CAMPAIGNS, body, single=True).rows == [
        Campaign(CampaignRef(("id", "8801"), ("email_campaign", "7701"), ("hsmi", "7701")))
    ]
    assert shaped(streams_mail.EMAIL_CAMPAIGNS, orphan, single=True).rows == []
