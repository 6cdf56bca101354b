"""The sample payloads beside the repository: good ones become rows, bad ones errors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.errors import AuthError, ResponseError, SkipStreamError
from persync.rows import (
    Account,
    Action,
    Campaign,
    CampaignCounters,
    CampaignRef,
    Child,
    Claim,
    Consent,
    Contact,
    Evidence,
    MemberOf,
    Person,
    Segment,
    Touchpoint,
    Variant,
)
from persync_mailchimp.connector import Mailchimp, MailchimpSettings, metadata_center

pytestmark = pytest.mark.shared

LIST = {"list_id": "16d6ec4ffc", "double_optin": False}
FIELDS = {"16d6ec4ffc": {"FNAME": "text", "LNAME": "text", "COUNTRY": "text"}}
PARENT = {**LIST, "campaign_id": "7847cdaeff", "sent_at": 1_699_300_800_000}

GOOD = {
    "account_root.json": ("account", None),
    "list.json": ("lists", "lists"),
    "segments_page.json": ("segments", None),
    "list_member.json": ("members", "members"),
    "list_members_page.json": ("members", None),
    "campaign_draft.json": ("campaigns", "campaigns"),
    "campaigns_page.json": ("campaigns", None),
    "campaign_content.json": ("content", None),
    "report.json": ("reports", "reports"),
    "report_ab_split.json": ("automation_reports", None),
    "report_with_proxy_excluded.json": ("automation_reports", None),
    "reports_page.json": ("reports", None),
    "sent_to_page.json": ("sent_to", None),
    "email_activity_page.json": ("email_activity", None),
    "open_details_page.json": ("open_details", None),
    "unsubscribed_page.json": ("unsubscribed", None),
}
"""file: (stream, the collection to put a single record into)"""

BAD = {"error_problem.json", "error_invalid_resource.json", "oauth_metadata_invalid_token.json"}

UNREAD = {
    "ping.json",  # asked by `doctor` alone
    "oauth_metadata.json",  # asked by `doctor` alone
    "email_activity_real_event.json",  # an event that another program had flattened: not what the API sends
    # No stream reads these calls.
    "batch_finished.json",
    "batch_result_file.json",
    "click_details_page.json",
    "ecommerce_order.json",
    "ecommerce_orders_page.json",
    "interests.json",
}


@pytest.fixture
def samples(shared: Path) -> Path:
    folder = shared / "specs" / "samples" / "mailchimp"
    if not folder.is_dir():
        pytest.skip("the samples are not here")
    return folder


@pytest.fixture
def shaped(samples: Path, shape: Any) -> Callable[[str], Any]:
    """Turn a sample into what a pull makes of it."""

    def one(name: str) -> Any:
        stream, collection = GOOD[name]
        record = orjson.loads((samples / name).read_bytes())
        answer = record if collection is None else {collection: [record], "total_items": 1}
        return shape(stream, answer, parent=PARENT, fields=FIELDS)

    return one


def ref(campaign: str) -> Any:
    return CampaignRef(("id", campaign), ("mc_cid", campaign))


def person(name: str, member: str, **more: str) -> Any:
    return Person(("id", more["id"]), ("email", f"{name}@example.com"), ("member", member), ("mc_eid", more["eid"]))


JOE = Person(("email", "joe@example.com"))
LORI = Person(("email", "lori@example.com"))


def test_every_sample_is_good_bad_or_unread(samples: Path) -> None:
    assert {path.name for path in samples.glob("*.json")} == set(GOOD) | BAD | UNREAD


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_good_sample_is_taken_whole(shaped: Callable[[str], Any], name: str) -> None:
    found = shaped(name)

    assert found.records >= 1
    assert found.rejects == []
    assert found.rows


def test_the_account(shaped: Callable[[str], Any]) -> None:
    assert shaped("account_root.json").rows == [Account("8d3a3db4d97663a9074efcc16", timezone="Europe/Kiev")]


def test_members(shaped: Callable[[str], Any]) -> None:
    thomas = person("thomas", "9f1ff5a23b45baa248dbe50b9fde5238", id="475a8f7f7b5087d7be924c9b331c8316", eid="42d6d67d11")
    lori = person("lori", "4817fb3e595e977b5cafc4aefb4b162c", id="0d3c1a5be1f64a0e9b1f2f4b0c7d8e9f", eid="44f96f7b6a")
    left = [
        Contact(thomas, created_at=1_672_130_079_000, status="unsubscribed", source="Import"),
        Consent(thomas, "email", "unsubscribed", None, "Import", 1_699_044_792_000),
        MemberOf(thomas, "tag", "16d6ec4ffc", ()),
    ]
    assert shaped("list_member.json").rows == left
    assert shaped("list_members_page.json").rows == [
        *left,
        Contact(lori, created_at=1_671_530_400_000, status="subscribed", source="Import"),
        Consent(lori, "email", "subscribed", "single_opt_in", "Import", 1_672_130_079_000),
        MemberOf(lori, "tag", "16d6ec4ffc", ("13506132",)),
    ]


def test_a_tag_is_a_static_segment(shaped: Callable[[str], Any]) -> None:
    assert shaped("segments_page.json").rows == [Segment("tag", "13506132", "16d6ec4ffc", name="Influencer", rule=None)]


def test_a_draft_without_a_send_time(shaped: Callable[[str], Any]) -> None:
    draft = ref("324b8a398e")

    assert shaped("campaign_draft.json").rows == [
        Campaign(draft, "regular", "Untitled", None, "16d6ec4ffc", None, "save", 1_672_128_779_000, None, True, True),
        Evidence(draft, "settings", ()),
        Child("content", "324b8a398e", {"campaign_id": "324b8a398e", "list_id": "16d6ec4ffc"}, "save||multichannel|0"),
    ]


def test_campaigns_with_a_segment_and_a_test(shaped: Callable[[str], Any]) -> None:
    found = shaped("campaigns_page.json").rows

    segment = ("segment", "StaticSegment static_segment static_is 13506132")
    assert [row for row in found if isinstance(row, Evidence | Variant)] == [
        Evidence(ref("324b8a398e"), "settings", ()),
        Evidence(ref("42694e9e57"), "settings", (segment, ("token", "FNAME in subject"))),
        Evidence(ref("a1b2c3d4e5"), "settings", (segment, ("token", "FNAME in subject"))),
        Variant(ref("a1b2c3d4e5"), "0a1b2c3d4e", "Summer sale", 500, False),
        Variant(ref("a1b2c3d4e5"), "f0e1d2c3b4", "*|FNAME|*, your summer sale", 500, True),
    ]


def test_content_with_a_token_a_condition_and_system_tags(shaped: Callable[[str], Any]) -> None:
    found = (("conditional", "COUNTRY in content"), ("read", ""), ("token", "FNAME in content"))

    assert shaped("campaign_content.json").rows == [Evidence(ref("7847cdaeff"), "content", found)]


def test_a_report_of_mail_sent_before_proxies_were_told_apart(shaped: Callable[[str], Any]) -> None:
    old, sent = ref("a79651273b"), 1_672_130_215_000
    data = {"campaign_id": "a79651273b", "list_id": "16d6ec4ffc", "sent_at": sent}

    assert shaped("report.json").rows == [
        CampaignCounters(
            old,
            sent=50,
            delivered=50,
            hard_bounces=0,
            soft_bounces=0,
            opens=412,
            unique_opens=50,
            clicks=48,
            unique_clicks=33,
            unsubscribes=0,
            complaints=0,
        ),
        Claim(old, None, "mailchimp_report", 0, 0, "USD", from_at=sent),
        Child("sent_to", "a79651273b", data, "50/0/0/0"),
        Child("email_activity", "a79651273b", data, "48/47/0/0/0"),
        Child("open_details", "a79651273b", data, "412/None"),
    ]


def test_a_report_with_opens_without_proxies_and_a_claim(shaped: Callable[[str], Any]) -> None:
    counters, claim = shaped("report_with_proxy_excluded.json").rows[:2]

    assert (counters.sent, counters.delivered) == (1000, 985)
    assert (counters.opens, counters.human_opens, counters.unique_opens, counters.unique_human_opens) == (1430, 610, 520, 260)
    assert claim == Claim(ref("42694e9e57"), None, "mailchimp_report", 12, 121_015, "USD", from_at=1_719_932_400_000)


def test_a_split_report_counts_each_arm(shaped: Callable[[str], Any]) -> None:
    found = [row for row in shaped("report_ab_split.json").rows if isinstance(row, CampaignCounters)]

    split = ref("b7c6d5e4f3")
    assert [row.variant for row in found] == ["", "a", "b"]
    assert found[1:] == [
        CampaignCounters(split, "a", opens=130, unique_opens=90, unique_clicks=18, unsubscribes=1, complaints=0),
        CampaignCounters(split, "b", opens=170, unique_opens=101, unique_clicks=27, unsubscribes=3, complaints=1),
    ]


def test_recipients_with_an_empty_split_group_and_null_merge_fields(shaped: Callable[[str], Any]) -> None:
    assert shaped("sent_to_page.json").rows == [
        Touchpoint(ref("7847cdaeff"), JOE, Action.SEND, PARENT["sent_at"]),  # type: ignore[arg-type]
        Touchpoint(ref("7847cdaeff"), LORI, Action.SEND, PARENT["sent_at"], variant="a"),  # type: ignore[arg-type]
    ]


def test_activity_with_two_clicks_in_one_second_and_recipients_without_any(shaped: Callable[[str], Any]) -> None:
    campaign, clicked = ref("7847cdaeff"), 1_699_301_890_000
    assert shaped("email_activity_page.json").rows == [
        Touchpoint(campaign, JOE, Action.CLICK, clicked, link="https://shop.example.com/p/1"),
        Touchpoint(campaign, JOE, Action.CLICK, clicked, link="https://shop.example.com/p/2"),
        Touchpoint(campaign, LORI, Action.BOUNCE, 1_699_301_100_000, source="soft"),
    ]


def test_opens_of_a_proxy_and_one_that_may_be_human(shaped: Callable[[str], Any]) -> None:
    """The mail went out before Mailchimp told proxies apart: that it flags one is known, that it does not is nothing."""
    assert shaped("open_details_page.json").rows == [
        Touchpoint(ref("7847cdaeff"), JOE, Action.OPEN, 1_699_301_102_000, is_machine=True),
        Touchpoint(ref("7847cdaeff"), JOE, Action.OPEN, 1_699_301_877_000, is_machine=None),
    ]


def test_an_unsubscription(shaped: Callable[[str], Any]) -> None:
    assert shaped("unsubscribed_page.json").rows == [Touchpoint(ref("7847cdaeff"), JOE, Action.UNSUBSCRIBE, 1_699_301_881_000)]


def test_bad_answers_become_errors(samples: Path) -> None:
    connector = Mailchimp("letters", MailchimpSettings(connector="mailchimp"), {"token": "0" * 32 + "-us1"})

    gone = connector.failure(404, {}, (samples / "error_problem.json").read_bytes())
    invalid = connector.failure(400, {}, (samples / "error_invalid_resource.json").read_bytes())

    assert isinstance(gone, SkipStreamError)
    assert gone.reason == "gone"
    assert gone.what == "it is gone (HTTP 404, Resource Not Found: The requested resource could not be found)."
    assert type(invalid) is ResponseError
    assert invalid.what == (
        "the call was refused (HTTP 400, Invalid Resource: Your merge fields were invalid: CDATE: Please enter the date)."
    )
    assert connector.request_id({}, (samples / "error_problem.json").read_bytes()) == "995c5cb0-3280-4a6e-808b-3b096d0bb219"


def test_a_bad_oauth_token_is_refused_although_the_answer_says_200(samples: Path) -> None:
    assert metadata_center((samples / "oauth_metadata.json").read_bytes()) == "us10"
    with pytest.raises(AuthError) as caught:
        metadata_center((samples / "oauth_metadata_invalid_token.json").read_bytes())

    assert caught.value.what == "the OAuth token was refused (invalid_token)."


@pytest.mark.parametrize("stream", ["lists", "members", "campaigns", "reports", "sent_to", "email_activity", "open_details"])
def test_an_error_in_place_of_a_page_is_no_page(samples: Path, shape: Any, stream: str) -> None:
    with pytest.raises(ResponseError, match="not the JSON that was expected"):
        shape(stream, orjson.loads((samples / "error_problem.json").read_bytes()), parent=PARENT)
