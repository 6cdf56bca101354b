"""The sample payloads beside the repository: good ones become rows, bad ones errors."""

import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect.stream import AccountFacts, Request, Work
from persync.errors import AuthError, ResponseError, SkipStreamError
from persync.rows import (
    KEEP,
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
    LedgerEntry,
    LinkCounters,
    MemberOf,
    Order,
    OrderDiscount,
    OrderLine,
    OrderRef,
    Person,
    Present,
    Segment,
    Touchpoint,
    Variant,
)
from persync_mailchimp.connector import Mailchimp, MailchimpSettings, metadata_center

pytestmark = pytest.mark.shared

LIST = {"list_id": "16d6ec4ffc", "double_optin": False}
FIELDS = {"16d6ec4ffc": {"FNAME": "text", "LNAME": "text", "COUNTRY": "text"}}
PARENT = {
    **LIST,
    "campaign_id": "7847cdaeff",
    "sent_at": 1_699_300_800_000,
    "category": "What for",
    "store_id": "store123",
    "shop": "shop.example.com",
    "currency": "USD",
}

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
    "interests.json": ("interests", "interests"),
    "click_details_page.json": ("click_details", None),
    "ecommerce_order.json": ("orders", "orders"),
    "ecommerce_orders_page.json": ("orders", None),
}
"""file: (stream, the collection to put single records into)"""

BATCH = {"batch_finished.json", "batch_result_file.json"}
"""the states and the result of a batch: read by test_a_batchs_result_goes_through_its_streams_record_and_row_function"""

BAD = {"error_problem.json", "error_invalid_resource.json", "oauth_metadata_invalid_token.json"}

NO_DATA = {
    "ping.json": "asked by `doctor` alone: test_the_check_says_what_it_found",
    "oauth_metadata.json": "asked by `doctor` alone: test_an_oauth_token_is_checked_at_the_sign_in_server",
    "email_activity_real_event.json": "an event another program had flattened: test_a_real_event_once_nested_again",
}
"""samples that are no page of a stream: {file: what reads it}"""

UNREAD: set[str] = set()
"""good payloads that no stream reads"""


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
        answer = record
        if collection is not None:
            answer = {collection: record if isinstance(record, list) else [record], "total_items": 1}
        return shape(stream, answer, parent=PARENT, fields=FIELDS)

    return one


def ref(campaign: str) -> Any:
    return CampaignRef(("id", campaign), ("mc_cid", campaign))


def person(name: str, member: str, **more: str) -> Any:
    return Person(("id", more["id"]), ("email", f"{name}@example.com"), ("member", member), ("mc_eid", more["eid"]))


JOE = Person(("email", "joe@example.com"))
LORI = Person(("email", "lori@example.com"))


def test_every_sample_is_good_bad_or_unread(samples: Path) -> None:
    assert {path.name for path in samples.glob("*.json")} == set(GOOD) | BATCH | BAD | set(NO_DATA)
    assert set() == UNREAD


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
        Consent(thomas, "email/list:16d6ec4ffc", "unsubscribed", None, "Import", 1_699_044_792_000),
        Consent(thomas, "one_to_one/list:16d6ec4ffc", "subscribed", None, "Import"),
        MemberOf(thomas, "interest", "16d6ec4ffc", ()),
        MemberOf(thomas, "tag", "16d6ec4ffc", ()),
    ]
    assert shaped("list_member.json").rows == left
    assert shaped("list_members_page.json").rows == [
        *left,
        Contact(lori, created_at=1_671_530_400_000, status="subscribed", source="Import"),
        Consent(lori, "email/list:16d6ec4ffc", "subscribed", "single_opt_in", "Import", 1_672_130_079_000),
        Segment("permission", "2a0b6f1c33", "16d6ec4ffc", name="Email"),
        Consent(lori, "permission/2a0b6f1c33", "subscribed", None, "Import"),
        Segment("permission", "7c1d9e0a44", "16d6ec4ffc", name="Customized online advertising"),
        Consent(lori, "permission/7c1d9e0a44", "not_subscribed", None, "Import"),
        Consent(lori, "one_to_one/list:16d6ec4ffc", "subscribed", None, "Import"),
        MemberOf(lori, "interest", "16d6ec4ffc", ()),
        MemberOf(lori, "tag", "16d6ec4ffc", ("13506132",)),
    ]


def test_a_tag_is_a_static_segment(shaped: Callable[[str], Any]) -> None:
    assert shaped("segments_page.json").rows == [Segment("tag", "13506132", "16d6ec4ffc", name="Influencer", rule=None)]


def test_a_draft_without_a_send_time(shaped: Callable[[str], Any]) -> None:
    draft = ref("324b8a398e")

    assert shaped("campaign_draft.json").rows == [
        Present("324b8a398e"),
        Campaign(draft, "regular", "Untitled", None, "16d6ec4ffc", KEEP, "save", 1_672_128_779_000, None, True, True),
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
    data = {"campaign_id": "a79651273b", "list_id": "16d6ec4ffc", "sent_at": sent, "recipients": 50, "openers": 50}

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
        Child("click_details", "a79651273b", data, "48/47"),
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


def test_an_interest_is_a_group_of_its_list(shaped: Callable[[str], Any]) -> None:
    assert shaped("interests.json").rows == [Segment("interest", "bbbb369575", "16d6ec4ffc", name="Donating", rule="What for")]


def test_a_links_totals_have_no_query(shaped: Callable[[str], Any]) -> None:
    assert shaped("click_details_page.json").rows == [
        LinkCounters(ref("7847cdaeff"), "https://shop.example.com/p/1", "2f9a6a1c4d", 60, 41)
    ]


@pytest.mark.parametrize("name", ["ecommerce_order.json", "ecommerce_orders_page.json"])
def test_an_order_with_its_money_its_discount_and_the_vendors_claim(shaped: Callable[[str], Any], name: str) -> None:
    """The parts add up to the order's total; who is credited with it is a claim; a recommended product is evidence."""
    order, at = OrderRef("store123:order123", "shop.example.com", "order123"), 1_436_988_480_000

    assert shaped(name).rows == [
        Order(
            order, kind="order", person=JOE, ordered_at=at, status="paid", cancelled_at=None, currency="USD", total_minor=11_325
        ),
        LedgerEntry(order, "sale", "sale", "tax", at, 825, "USD"),
        LedgerEntry(order, "sale", "sale", "shipping", at, 500, "USD"),
        LedgerEntry(order, "sale", "sale", "product", at, 10_000, "USD"),
        *(LedgerEntry(order, "redone", "sale", part, at, 0, "USD") for part in ("tax", "shipping", "product")),
        OrderLine(order, "line1", product="store123:p1", quantity=2, current_quantity=2, price_minor=10_000),
        OrderDiscount(order, "SUMMER", "code", "SUMMER", 500, "USD"),
        Claim(ref("839488a60b"), order, "mailchimp_order", 1, 11_325, "USD", from_at=at),
        Evidence(ref("839488a60b"), "orders", (("recommendation", "order"),)),
    ]


def test_a_batchs_result_goes_through_its_streams_record_and_row_function(samples: Path, shape: Any) -> None:
    """The finished batch leads to its link; of its two operations one is good and empty, the other is asked for singly."""
    stream = {one.name: one for one in Mailchimp.streams}["email_activity"]
    settings = MailchimpSettings(connector="mailchimp", batch_over=1000)
    parent = {**PARENT, "recipients": 1001}
    work = Work(stream, "letters", settings, AccountFacts(), "7847cdaeff", parent, None, 0, True)
    finished = (samples / "batch_finished.json").read_bytes()

    step = stream.reader.read(work, {"from": 0, "tries": 0, "batch": "123abc", "polls": 4}, finished, {})

    url = "https://example.invalid/123abc-response.tar.gz"
    assert step.next == {"from": 0, "tries": 0, "batch": "123abc", "url": url}
    assert step.next is not None
    assert stream.reader.request(work, step.next) == Request(path=url)
    results = orjson.loads((samples / "batch_result_file.json").read_bytes())
    results[0]["operation_id"], results[1]["operation_id"] = "0", "1000"
    step = stream.reader.read(work, step.next, tarball(orjson.dumps(results)), {})
    assert step.next == {"singly": [[1000, 1000]], "end": 2000, "after": None}
    assert orjson.loads(step.body) == {"emails": []}
    assert shape("email_activity", orjson.loads(step.body), parent=PARENT).rejects == []


def test_a_real_event_once_nested_again(samples: Path, shape: Any) -> None:
    """An open in `email_activity` is left to `open_details`, which knows whether a proxy made it."""
    event = orjson.loads((samples / "email_activity_real_event.json").read_bytes())
    activity = [{name: event.pop(name) for name in ("action", "timestamp", "ip")}]

    found = shape("email_activity", {"emails": [{**event, "activity": activity}], "total_items": 1}, parent=PARENT)
    details = {"members": [{**event, "opens": [{"timestamp": activity[0]["timestamp"], "is_proxy_open": True}]}]}

    assert (found.records, found.rows, found.rejects) == (1, [], [])
    assert shape("open_details", details, parent=PARENT).rows == [
        Touchpoint(ref("7847cdaeff"), JOE, Action.OPEN, 1_699_301_877_000, is_machine=True)
    ]


def tarball(text: bytes) -> bytes:
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        file = tarfile.TarInfo("./123abc/1.json")
        file.size = len(text)
        archive.addfile(file, BytesIO(text))
    return packed.getvalue()
