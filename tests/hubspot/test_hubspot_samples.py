"""Every shared sample: good answers through their stream, bad ones to the right error or reject.

Three samples are no answer that a stream reads, each for its own reason, given where it is tested.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from persync.connect.page import Shaped
from persync.errors import QuotaError, ResponseError, SkipStreamError, TransientError
from persync.rows import (
    Action,
    Campaign,
    CampaignCounters,
    CampaignRef,
    Cart,
    Claim,
    Consent,
    Contact,
    Cost,
    Evidence,
    Feedback,
    Field,
    LedgerEntry,
    Merged,
    Order,
    OrderRef,
    Person,
    Stage,
    Touchpoint,
    Variant,
)
from persync_hubspot import streams_crm, streams_mail
from persync_hubspot.connector import HubSpot, HubSpotSettings
from persync_hubspot.crm_readers import Objects
from persync_hubspot.pace import HubSpotPace
from persync_hubspot.properties import millis

pytestmark = pytest.mark.shared
Shape = Callable[..., Shaped]
GUID = "0f3b8f1e-9b0b-4c3a-8a5e-5f6f1d7c2a11"
READ = {
    "campaign_budget_totals",
    "campaign_revenue_report",
    "cart_properties_doc",
    "contacts_list_page",
    "contacts_search_page",
    "deal_page",
    "deal_pipelines_legacy_recorded",
    "email_campaign_v1_recorded",
    "email_events_page",
    "feedback_submission",
    "marketing_email_statistics_histogram_doc",
    "marketing_emails_page",
    "order_page",
    "subscription_status",
}
REFUSED = {
    "deal_airbyte_recorded",
    "error_400_email_events_bad_type",
    "error_403_missing_scopes",
    "error_429_daily_doc",
    "error_429_search_secondly",
    "error_429_ten_secondly",
}
NOT_AN_ANSWER_OF_A_STREAM = {
    "contacts_search_request",
    "rate_limit_headers",
}


def test_every_sample_is_accounted_for(shared: Path) -> None:
    here = {path.stem for path in (shared / "specs" / "samples" / "hubspot").glob("*.json")}

    assert here == READ | REFUSED | NOT_AN_ANSWER_OF_A_STREAM


# -- good answers --------------------------------------------------------------------------------------------------------


def test_contacts_list_page(shaped: Shape, samples: Any) -> None:
    found = shaped(streams_crm.CONTACTS_STREAM, samples("contacts_list_page"))

    ada, bo = Person(("id", "151"), ("email", "ada@example.com")), Person(("id", "2501"), ("email", "bo@example.org"))
    born = millis("2021-02-23T20:08:49.603Z", "")
    assert found.rejects == []
    assert found.rows == [
        Contact(ada, born, "customer", "EMAIL_MARKETING", is_deleted=False),
        Consent(ada, "email", "subscribed", level="consent"),
        Stage(ada, "lead", born),
        Stage(ada, "opportunity", millis("2021-03-10T09:00:00Z", "")),
        Stage(ada, "customer", millis("2021-04-01T12:30:00Z", "")),
        Stage(ada, "first_touch", born),
        Merged(ada, Person(("id", "2501"))),
        Merged(ada, Person(("id", "2502"))),
        Contact(bo, born, "subscriber", "OFFLINE", is_deleted=False),
        Consent(bo, "email", "unsubscribed"),
    ]


def test_contacts_search_page(shaped: Shape, samples: Any) -> None:
    found = shaped(streams_crm.CONTACTS_STREAM, samples("contacts_search_page"))

    bo = Person(("id", "2501"), ("email", "bo@example.org"))
    assert found.rejects == []
    assert found.rows == [
        Contact(bo, millis("2021-02-23T20:08:49.603Z", ""), "subscriber", None, is_deleted=False),
        Consent(bo, "email", "unknown"),
    ]


def test_deal_page(shaped: Shape, samples: Any) -> None:
    """An open deal of a real account: "false" is a string, and no money was made."""
    found = shaped(streams_crm.DEALS_STREAM, samples("deal_page"))

    assert found.rejects == []
    assert found.rows == [
        Order(
            OrderRef("4315375411"),
            kind="deal",
            person=Person(("id", "151")),
            ordered_at=millis("2021-02-23T20:20:10.826Z", ""),
            status="open",
            is_test=False,
            cancelled_at=None,
            currency="EUR",
            total_minor=1000,
            opened_at=millis("2021-02-23T20:20:10.826Z", ""),
        ),
        LedgerEntry(OrderRef("4315375411"), "sale", "sale", "product", millis("2021-02-23T20:20:10.826Z", ""), 0, "EUR"),
    ]


def test_deal_pipelines(shaped: Shape, samples: Any) -> None:
    """A stage called Closed Lost whose metadata says that it is open is open."""
    found = shaped(streams_crm.PIPELINES, samples("deal_pipelines_legacy_recorded"))

    pipeline = "pipeline:b9152945-a594-4835-9676-a6f405fecd71"
    assert found.rejects == []
    assert found.rows == [
        Field(pipeline, "9567448", "open", "Initial Qualification"),
        Field(pipeline, "customclosedwonstage", "won", "Success! Closed Won"),
        Field(pipeline, "66894120", "open", "Closed Lost"),
    ]


def test_order_page(shaped: Shape, samples: Any) -> None:
    found = shaped(streams_crm.ORDERS_STREAM, samples("order_page"))

    order, sold = OrderRef("38297452871", "example-store", "1001", "Order 1001"), millis("2026-10-01T22:40:00Z", "")
    assert found.rejects == []
    assert found.rows == [
        Order(
            order,
            kind="order",
            person=Person(("id", "151")),
            ordered_at=sold,
            status=None,
            is_test=False,
            cancelled_at=None,
            currency="USD",
            total_minor=50_000,
        ),
        LedgerEntry(order, "sale", "sale", "product", sold, 50_000, "USD"),
        LedgerEntry(order, "redone", "sale", "product", millis("2026-10-02T09:11:05.002Z", ""), 0, "USD"),
    ]


def test_email_events_page(shaped: Shape, samples: Any) -> None:
    found = shaped(streams_mail.EMAIL_EVENTS, samples("email_events_page"), "events")

    reader = Person(("email", "email@gmail.com"))
    first, second = CampaignRef(("email_campaign", "1")), CampaignRef(("email_campaign", "10"))
    assert found.rejects == []
    assert found.rows == [
        Touchpoint(first, reader, Action.CLICK, 1567084185625, link="http://nytimes.com/", is_machine=False),
        Touchpoint(second, reader, Action.OPEN, 1566584323020, is_machine=False),
    ]


def test_marketing_emails_page(shaped: Shape, samples: Any) -> None:
    """The twins of an A/B test: one tokenised, one not, told apart by their evidence."""
    found = shaped(streams_mail.MARKETING_EMAILS, samples("marketing_emails_page"))

    master, variation = (CampaignRef(("id", number)) for number in ("100523515217", "100523515218"))
    assert found.rejects == []
    assert [row for row in found.rows if isinstance(row, Campaign)] == [
        Campaign(
            CampaignRef(("id", number), ("email_campaign", "243851494"), ("hsmi", "243851494")),
            kind="AB_EMAIL",
            title=title,
            subject=subject,
            list="61",
            parent=f"campaign:{GUID}",
            status="PUBLISHED",
            created_at=millis("2026-10-01T10:00:00Z", ""),
            sent_at=None,
        )
        for number, title, subject in (
            (
                "100523515217",
                "Spring sale - personalised",
                "{{ personalization_token('contact.firstname', 'Hello') }}, your picks are here",
            ),
            ("100523515218", "Spring sale - control", "Our spring picks"),
        )
    ]
    assert [row for row in found.rows if isinstance(row, Evidence)] == [
        Evidence(master, "settings", (("read", "settings"),)),
        Evidence(master, "content", (("read", "content"), ("smart", "module-2"), ("token", "contact.firstname"))),
        Evidence(variation, "settings", (("read", "settings"),)),
        Evidence(variation, "content", (("read", "content"),)),
    ]
    assert [row for row in found.rows if isinstance(row, Variant)] == [
        Variant(master, "7001/master", "Spring sale - personalised", None, None),
        Variant(variation, "7001/variation", "Spring sale - control", None, None),
    ]
    totals = {
        "selected": 705,
        "sent": 704,
        "delivered": 704,
        "hard_bounces": 0,
        "soft_bounces": 0,
        "unique_opens": 443,
        "unique_clicks": 8,
        "unsubscribes": 0,
        "complaints": 0,
        "dropped": 1,
    }
    assert [row for row in found.rows if isinstance(row, CampaignCounters)] == [
        CampaignCounters(master, **totals),
        CampaignCounters(variation, **totals),
    ]


def test_email_campaign_v1(shaped: Shape, samples: Any) -> None:
    found = shaped(streams_mail.EMAIL_CAMPAIGNS, samples("email_campaign_v1_recorded"), single=True)

    assert found.rejects == []
    assert found.rows == [Campaign(CampaignRef(("id", "100523515217"), ("email_campaign", "243851494"), ("hsmi", "243851494")))]


def test_campaign_reports(shaped: Shape, samples: Any) -> None:
    parent = {"guid": GUID, "currency": None}
    revenue = shaped(
        streams_mail.CAMPAIGN_REVENUE,
        samples("campaign_revenue_report"),
        single=True,
        parent=parent,
        params={"model": "LINEAR"},
    )
    spend = shaped(streams_mail.CAMPAIGN_SPEND, samples("campaign_budget_totals"), single=True, parent=parent)

    assert revenue.rejects == spend.rejects == []
    assert revenue.rows == [Claim(CampaignRef(("id", f"campaign:{GUID}")), None, "LINEAR", 6, 742_550, "EUR")]
    campaign = CampaignRef(("id", f"campaign:{GUID}"))
    assert spend.rows == [
        Campaign(campaign, budget_minor=500_000, currency="EUR"),
        Cost(f"{GUID}:9", 1_759_399_200_000, "media", 125_050, "EUR", scope=f"campaign:{GUID}"),
    ]


def test_marketing_email_statistics_histogram(shaped: Shape, samples: Any) -> None:
    """An interval does not say whose it is: the reader asks for one mail at a time, and sends its number along."""
    found = shaped(
        streams_mail.EMAIL_STATISTICS_BY_DAY, samples("marketing_email_statistics_histogram_doc"), params={"email": "8801"}
    )

    assert found.rejects == []
    assert found.rows == [
        CampaignCounters(
            CampaignRef(("id", "8801")),
            variant="2020-05-01T04:00:00Z/2020-06-01T04:00:00Z",
            selected=705,
            sent=704,
            delivered=704,
            hard_bounces=0,
            soft_bounces=0,
            unique_opens=443,
            unique_clicks=8,
            unsubscribes=0,
            complaints=0,
            dropped=1,
        )
    ]


def test_subscription_status(shaped: Shape, samples: Any) -> None:
    """What was never said is unknown and has no date; the sentence about the legal basis is not kept."""
    found = shaped(streams_mail.SUBSCRIPTION_STATUSES, samples("subscription_status"))

    ada = Person(("email", "ada@example.com"))
    assert found.rejects == []
    assert found.rows == [
        Consent(
            ada, "email/23704464", "subscribed", "consent_with_notice", "FORM_SUBMISSION", millis("2025-05-02T10:15:00Z", "")
        ),
        Consent(ada, "email/23704465", "unknown"),
    ]


def test_feedback_submission_is_a_number_of_its_kind_of_survey(shaped: Shape, samples: Any) -> None:
    """The published example calls a low CSAT value a promoter; its name holds an address, which is not read."""
    found = shaped(streams_crm.FEEDBACK, b'{"results":[' + samples("feedback_submission") + b"]}")

    at = millis("2019-10-30T03:30:17.883Z", "")
    assert found.rejects == []
    assert found.rows == [Feedback("512", None, "CSAT", "5", "EMAIL", 2.0, "PROMOTER", at)]


def test_cart_properties(shaped: Shape, samples: Any) -> None:
    """The example is what one sends to make a cart: the id and the time are what HubSpot adds."""
    made = {"id": "77", "createdAt": "2026-11-01T00:00:00Z", **json.loads(samples("cart_properties_doc"))}
    found = shaped(streams_crm.CARTS_STREAM, json.dumps({"results": [made]}).encode())

    assert found.rejects == []
    assert found.rows == [
        Cart(
            "77",
            created_at=millis("2026-11-01T00:00:00Z", ""),
            updated_at=None,
            status="pending",
            currency="USD",
            total_minor=50_000,
            shop="xyz - usa",
        )
    ]


# -- bad ones ------------------------------------------------------------------------------------------------------------


def test_a_deal_with_real_booleans_is_rejected(shaped: Shape, samples: Any) -> None:
    """Another connector made every boolean true; taken as it stands, an open deal would count as won."""
    deal = json.loads(samples("deal_airbyte_recorded"))
    found = shaped(streams_crm.DEALS_STREAM, json.dumps({"results": [deal]}).encode())

    assert found.rows == []
    assert [(reject.record, reject.field, reject.reason) for reject in found.rejects] == [
        ("4280411910", "properties.amount", "Input should be a valid string")
    ]
    only_booleans = {
        name: value if isinstance(value, bool | None) else str(value) for name, value in deal["properties"].items()
    }
    (reject,) = shaped(
        streams_crm.DEALS_STREAM, json.dumps({"results": [{**deal, "properties": only_booleans}]}).encode()
    ).rejects
    assert (reject.field, reject.reason) == ("properties.hs_is_closed", "Input should be a valid string")


@pytest.mark.parametrize(
    ("name", "status", "kind", "what"),
    [
        ("error_400_email_events_bad_type", 400, ResponseError, "EventType` from String"),
        ("error_403_missing_scopes", 403, SkipStreamError, "the key lacks the scope crm.objects.orders.read"),
        ("error_429_daily_doc", 429, QuotaError, "used up (HTTP 429, DAILY)"),
        ("error_429_search_secondly", 429, TransientError, "too many calls (HTTP 429, SECONDLY)"),
        ("error_429_ten_secondly", 429, TransientError, "too many calls (HTTP 429, TEN_SECONDLY_ROLLING)"),
    ],
)
def test_errors_become_the_right_ones(samples: Any, name: str, status: int, kind: type[Exception], what: str) -> None:
    hub = HubSpot("hubspot", HubSpotSettings(connector="hubspot"), {"token": "pat-na1-x"})
    body = samples(name)
    error = hub.failure(status, {}, body)

    assert type(error) is kind
    assert what in str(error)
    assert hub.request_id({}, body) == json.loads(body)["correlationId"]
    assert getattr(error, "wait", None) == {"error_429_search_secondly": 1.0, "error_429_ten_secondly": 10.0}.get(name)


# -- what no stream reads, and why ------------------------------------------------------------------------------------------


def test_the_search_request_is_ours_to_make_and_we_make_it(samples: Any, at: Any) -> None:
    """A request, not an answer: the reader's own search has the same form."""
    from persync.connect.stream import AccountFacts, Work

    sample = json.loads(samples("contacts_search_request"))
    settings = HubSpotSettings(connector="hubspot")
    stream = streams_crm.CONTACTS_STREAM
    work = Work(stream, "hubspot", settings, AccountFacts(), "", {}, 1_762_156_800_000, 1_762_243_200_000, False)
    assert isinstance(stream.reader, Objects)
    request = stream.reader.request(work, {"last": "2501", "after": 0, "limit": 200})

    ours = request.json
    expected = sample["filterGroups"]
    # Ours ends before the window's end, so that two windows never overlap by a millisecond.
    expected[0]["filters"][1]["operator"] = "LT"
    assert (request.method, request.path) == ("POST", "/crm/objects/2026-09/0-1/search")
    assert (ours["filterGroups"], ours["sorts"], ours["limit"]) == (expected, sample["sorts"], sample["limit"])


def test_rate_limit_headers_teach_the_pace(samples: Any, headers_of: Any) -> None:
    """Headers of an answer: 190 calls in ten seconds, two of them gone, one by another program."""
    from persync.connect.stream import Request

    pace = HubSpotPace(concurrent=4, clock=lambda: 0.0)
    call = Request(path="/x")
    pace.before(call)
    pace.learn(call, 200, headers_of(json.loads(samples("rate_limit_headers"))), b"")

    assert [pace.before(call) for _ in range(189)] == [0.0] * 188 + [10.0]
