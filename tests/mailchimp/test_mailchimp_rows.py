"""From Mailchimp's records to rows: one page of each stream, every row."""

from typing import Any

import orjson
import pytest

from persync.rows import (
    KEEP,
    Account,
    Action,
    Attribute,
    Campaign,
    CampaignCounters,
    CampaignRef,
    Child,
    Claim,
    Consent,
    Contact,
    Evidence,
    Field,
    MemberOf,
    Person,
    Present,
    Segment,
    Touchpoint,
    Variant,
)
from persync_mailchimp.refs import bare_link

ANN = Person(("email", "ann@example.com"), ("member", "8f9bfe9d1345237cb3b2b205864da075"))
BOB = Person(("email", "bob@example.com"), ("member", "4b9bb80620f03eb3719e0a061c14283d"))
# A recipient's member id says no more than the address does: `members` has linked the two.
ANN_BY_MAIL, BOB_BY_MAIL = Person(("email", "ann@example.com")), Person(("email", "bob@example.com"))
LIST = {"list_id": "aa11bb22cc", "double_optin": True}
FIELDS = {"aa11bb22cc": {"FNAME": "text", "COUNTRY": "dropdown", "BORN": "date", "SCORE": "number", "SHIPPING": "address"}}
SENT = 1_719_932_400_000  # 2024-07-02T15:00:00Z
SENT_MAIL = {"campaign_id": "0000000002", "list_id": "aa11bb22cc", "sent_at": SENT}


FAMILY = {"kind": "variate", "winner": "", "untracked": ""}


def ref(campaign: str) -> Any:
    return CampaignRef(("id", campaign), ("mc_cid", campaign))


def test_the_account_gives_its_id_and_time_zone_and_no_currency(shape: Any, page: Any) -> None:
    assert shape("account", page("account")).rows == [Account("5f00000000000000000000001", timezone="Europe/Vienna")]


def test_each_list_yields_the_work_that_hangs_under_it(shape: Any, page: Any) -> None:
    found = shape("lists", page("lists")).rows

    under = ("merge_fields", "segments", "interest_categories", "members", "archived_members")
    partners = {"list_id": "dd33ee44ff", "double_optin": False}
    assert found == [
        Segment("list", "aa11bb22cc", name="Tea letters"),
        *(Child(stream, "aa11bb22cc", LIST) for stream in under),
        Child("all_members", "aa11bb22cc", {**LIST, "status": ""}),
        Child("all_members", "aa11bb22cc/archived", {**LIST, "status": "archived"}),
        Segment("list", "dd33ee44ff", name="Partners"),
        *(Child(stream, "dd33ee44ff", partners) for stream in under),
        Child("all_members", "dd33ee44ff", {**partners, "status": ""}),
        Child("all_members", "dd33ee44ff/archived", {**partners, "status": "archived"}),
    ]


def test_merge_fields_become_fields_of_their_list(shape: Any, page: Any) -> None:
    assert shape("merge_fields", page("merge_fields"), parent=LIST).rows == [
        Field("aa11bb22cc", "FNAME", "text", "First name"),
        Field("aa11bb22cc", "COUNTRY", "dropdown", "Country"),
        Field("aa11bb22cc", "BORN", "date", "Date of birth"),
    ]


def test_a_segments_rule_says_gender_and_no_address(shape: Any, page: Any) -> None:
    assert shape("segments", page("segments"), parent=LIST).rows == [
        Segment("tag", "501", "aa11bb22cc", name="green tea", rule=None),
        Segment(
            "segment", "502", "aa11bb22cc", name="Women in Vienna",
            rule="any: PredictedGender predicted_gender is female; EmailAddress EMAIL is",
        ),
    ]  # fmt: skip


def test_members_give_contact_consent_and_tags(shape: Any, page: Any) -> None:
    """Every key of the record names the person; an imported member's consent has no level."""
    found = shape("members", page("members"), parent=LIST)

    ann = Person(("id", "c0ffee00000000000000000000000001"), *ANN, ("mc_eid", "0a1b2c3d4e"))
    assert found.rejects == []
    assert found.rows == [
        Contact(ann, created_at=1_704_189_600_000, status="subscribed", source="Embed Form"),
        Consent(ann, "email/list:aa11bb22cc", "subscribed", "confirmed_opt_in", "Embed Form", 1_704_189_900_000),
        Consent(ann, "sms/list:aa11bb22cc", "not_subscribed", None, None, None),
        MemberOf(ann, "tag", "aa11bb22cc", ("501", "77")),
        Contact(BOB, created_at=1_682_892_000_000, status="unsubscribed", source=None),
        Consent(BOB, "email/list:aa11bb22cc", "unsubscribed", None, None, 1_719_835_200_000),
        MemberOf(BOB, "tag", "aa11bb22cc", ()),
    ]


def test_a_sign_up_on_a_list_without_confirmation_is_a_single_opt_in(shape: Any, page: Any) -> None:
    found = shape("members", page("members"), parent={**LIST, "double_optin": False})

    assert [row.level for row in found.rows if isinstance(row, Consent) and row.channel.startswith("email/")] == [
        "single_opt_in",
        None,
    ]


def test_only_attributes_that_were_opted_in_are_kept_and_coarsened(shape: Any, page: Any) -> None:
    """Country falls back to the merge field, a language loses its region, a birth date keeps its year, an address a country."""
    wanted = {"country": "b1", "language": "b2", "born": "b3", "score": "b4", "shipping": "b5", "unknown": "b6"}

    found = shape("members", page("members"), parent=LIST, attributes=wanted, fields=FIELDS)

    kept = [(dict(row.person)["email"][:3], *row[1:]) for row in found.rows if isinstance(row, Attribute)]
    assert kept == [
        ("ann", "country", "AT", "b1"),
        ("ann", "language", "de", "b2"),
        ("ann", "born", "30-44", "b3"),
        ("ann", "score", "12.5", "b4"),
        ("ann", "shipping", "AT", "b5"),
        ("bob", "country", "DE", "b1"),
        ("bob", "language", None, "b2"),
        ("bob", "born", None, "b3"),
        ("bob", "shipping", None, "b5"),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("text", "gold", "gold"),
        ("text", "ann@example.com", None),
        ("number", 3345.93, "3345.93"),
        ("number", 3.0, "3"),
        ("number", 0, "0"),
        ("zip", "1070", "10"),
        ("birthday", "04/21", None),
        ("phone", "555 1234", None),
        ("date", "03/17/1984", "1984"),
        ("text", None, None),
    ],
)
def test_a_merge_field_is_coarsened_by_its_type(shape: Any, page: Any, kind: str, value: Any, kept: str | None) -> None:
    members = page("members")
    members["members"] = members["members"][:1]
    members["members"][0]["merge_fields"] = {"MARK": value}

    found = shape("members", members, parent=LIST, attributes={"mark": "b"}, fields={"aa11bb22cc": {"MARK": kind}})

    assert [row.value for row in found.rows if isinstance(row, Attribute)] == [kept]


def test_campaigns_give_their_settings_evidence_variants_and_work(shape: Any, page: Any) -> None:
    found = shape("campaigns", page("campaigns"), fields=FIELDS).rows

    draft, tested, running = ref("0000000001"), ref("0000000002"), ref("0000000003")
    data = {"list_id": "aa11bb22cc"}
    assert found == [
        Present("0000000001"),
        Campaign(draft, "regular", "Draft", None, "aa11bb22cc", KEEP, "save", 1_719_824_400_000, None, True, False),
        Evidence(draft, "settings", ()),
        Child("content", "0000000001", {"campaign_id": "0000000001", **data}, "save||template|0"),
        Present("0000000002"),
        Campaign(tested, "variate", "First flush", None, "aa11bb22cc", KEEP, "sent", 1_719_824_400_000, SENT, True, True),
        Evidence(
            tested,
            "settings",
            (
                ("segment", "StaticSegment static_segment static_is 501"),
                ("timing", "timewarp"),
                ("token", "FNAME in preview"),
                ("token", "FNAME in subject"),
            ),
        ),
        Variant(tested, "v1", "The first flush is here", 2, False),
        Variant(tested, "v2", "*|FNAME|*, it is here", 2, True),
        Child("content", "0000000002", {"campaign_id": "0000000002", **data}, "sent|2024-07-02T15:00:00+00:00|html"),
        Child("sub_reports", "0000000002", {**FAMILY, "campaign_id": "0000000002"}, "4/None/None"),
        Present("0000000003"),
        Campaign(
            running, "automation-email", "Welcome", "Good to have you", "aa11bb22cc", "0000000009", "sending",
            1_706_778_000_000, 1_706_864_400_000, False, True,
        ),
        Evidence(running, "settings", (("workflow", "automation-email"),)),
        Child("content", "0000000003", {"campaign_id": "0000000003", **data}, "sending|2024-02-02T09:00:00+00:00|template|31"),
        Child("automation_reports", "0000000003", {"campaign_id": "0000000003", "untracked": "o"}, "31/12/5"),
    ]  # fmt: skip


def test_content_becomes_evidence_and_nothing_else(shape: Any, page: Any) -> None:
    found = shape("content", page("content"), parent=SENT_MAIL, fields=FIELDS).rows

    assert found == [
        Evidence(
            ref("0000000002"), "content", (("conditional", "COUNTRY in content"), ("read", ""), ("token", "FNAME in content"))
        )
    ]


def test_reports_give_counters_claim_and_the_work_that_moved(shape: Any, page: Any) -> None:
    """Opens without proxies are unknown for mail sent before 2024-06-22, whatever number Mailchimp shows."""
    found = shape("reports", page("reports")).rows

    new, old = ref("0000000002"), ref("0000000008")
    after = {**SENT_MAIL, "recipients": 1000, "openers": 520}
    before = {
        "campaign_id": "0000000008",
        "list_id": "aa11bb22cc",
        "sent_at": 1_719_014_399_000,
        "recipients": 10,
        "openers": 3,
    }
    assert found == [
        CampaignCounters(
            new, sent=1000, delivered=984, hard_bounces=5, soft_bounces=10, opens=1430, unique_opens=520, human_opens=610,
            unique_human_opens=260, clicks=160, unique_clicks=74, unsubscribes=6, complaints=1,
        ),
        Claim(new, None, "mailchimp_report", 12, 121_015, "EUR", from_at=SENT),
        Child("sent_to", "0000000002", after, "1000/5/10/1"),
        Child("email_activity", "0000000002", after, "160/121/5/10/1"),
        Child("click_details", "0000000002", after, "160/121"),
        Child("open_details", "0000000002", after, "1430/610"),
        Child("unsubscribed", "0000000002", after, "6"),
        Child("abuse_reports", "0000000002", after, "1"),
        Child("product_activity", "0000000002", after, "12/1210.15"),
        CampaignCounters(
            old, sent=10, delivered=10, hard_bounces=0, soft_bounces=0, opens=4, unique_opens=3, human_opens=None,
            unique_human_opens=None, clicks=0, unique_clicks=0, unsubscribes=0, complaints=0,
        ),
        Variant(old, "a"),
        CampaignCounters(old, "a", opens=3, unique_opens=2, unique_clicks=2, unsubscribes=1, complaints=0),
        Variant(old, "b"),
        CampaignCounters(old, "b", opens=1, unique_opens=1, unique_clicks=1, unsubscribes=0, complaints=1),
        Child("sent_to", "0000000008", before, "10/0/0/0"),
        Child("open_details", "0000000008", before, "4/0"),
    ]  # fmt: skip


def test_a_report_without_proxy_counts_leaves_them_unknown(shape: Any, page: Any) -> None:
    reports = page("reports")
    reports["reports"] = reports["reports"][:1]
    del reports["reports"][0]["opens"]["proxy_excluded_opens"], reports["reports"][0]["opens"]["proxy_excluded_unique_opens"]

    counters = shape("reports", reports).rows[0]

    assert (counters.opens, counters.human_opens, counters.unique_human_opens) == (1430, None, None)


def test_an_automation_has_no_send_dates_so_no_sends_are_asked_for(shape: Any, page: Any) -> None:
    report = {**page("reports")["reports"][0], "type": "automation-email"}

    work = [row.stream for row in shape("automation_reports", report).rows if isinstance(row, Child)]

    assert work == [
        "email_activity", "click_details", "open_details", "unsubscribed", "abuse_reports", "product_activity",
    ]  # fmt: skip


def test_recipients_become_sends_at_the_campaigns_send_time(shape: Any, page: Any) -> None:
    assert shape("sent_to", page("sent_to"), parent=SENT_MAIL).rows == [
        Touchpoint(ref("0000000002"), ANN_BY_MAIL, Action.SEND, SENT),
        Touchpoint(ref("0000000002"), BOB_BY_MAIL, Action.SEND, SENT, variant="b"),
    ]


def test_activity_gives_clicks_and_bounces_without_queries(shape: Any, page: Any) -> None:
    """Two clicks in one second on one page are two; opens and recipients without events give nothing."""
    clicked = 1_719_933_060_000
    assert shape("email_activity", page("email_activity"), parent=SENT_MAIL).rows == [
        Touchpoint(ref("0000000002"), ANN_BY_MAIL, Action.CLICK, clicked, link="https://tea.example.com/p/1"),
        Touchpoint(ref("0000000002"), ANN_BY_MAIL, Action.CLICK, clicked, link="https://tea.example.com/p/1", ordinal=1),
        Touchpoint(ref("0000000002"), ANN_BY_MAIL, Action.CLICK, clicked, link="https://tea.example.com/p/2"),
        Touchpoint(ref("0000000002"), BOB_BY_MAIL, Action.BOUNCE, SENT + 60_000, source="hard"),
    ]


def test_opens_carry_the_vendors_proxy_flag(shape: Any, page: Any) -> None:
    opened = SENT + 600_000
    assert shape("open_details", page("open_details"), parent=SENT_MAIL).rows == [
        Touchpoint(ref("0000000002"), ANN_BY_MAIL, Action.OPEN, opened, is_machine=False),
        Touchpoint(ref("0000000002"), ANN_BY_MAIL, Action.OPEN, opened, ordinal=1, is_machine=True),
        Touchpoint(ref("0000000002"), ANN_BY_MAIL, Action.OPEN, SENT + 3 * 3_600_000, is_machine=None),
    ]


def test_opens_give_the_same_rows_in_any_order(shape: Any, page: Any) -> None:
    turned = page("open_details")
    turned["members"][0]["opens"].reverse()

    assert (
        shape("open_details", turned, parent=SENT_MAIL).rows
        == shape("open_details", page("open_details"), parent=SENT_MAIL).rows
    )


def test_before_the_flag_existed_an_open_without_it_is_unknown_not_human(shape: Any, page: Any) -> None:
    found = shape("open_details", page("open_details"), parent={**SENT_MAIL, "sent_at": 1_719_014_399_000}).rows

    assert [row.is_machine for row in found] == [None, True, None]


def test_unsubscriptions_and_complaints_are_dated_and_their_reason_is_dropped(shape: Any, page: Any) -> None:
    assert shape("unsubscribed", page("unsubscribed"), parent=SENT_MAIL).rows == [
        Touchpoint(ref("0000000002"), BOB_BY_MAIL, Action.UNSUBSCRIBE, 1_719_986_400_000)
    ]
    assert shape("abuse_reports", page("abuse_reports"), parent=SENT_MAIL).rows == [
        Touchpoint(ref("0000000002"), BOB_BY_MAIL, Action.COMPLAINT, 1_719_990_000_000)
    ]


@pytest.mark.parametrize(
    ("stream", "collection", "change", "field", "reason"),
    [
        ("members", "members", {"last_changed": "yesterday"}, "last_changed", "is not a date"),
        ("members", "members", {"email_address": None}, "email_address", "Input should be a valid string"),
        ("members", "members", {"tags": [{"name": "green tea"}]}, "tags.0.id", "Field required"),
        ("reports", "reports", {"emails_sent": [1]}, "emails_sent", "Input should be a valid integer"),
        ("campaigns", "campaigns", {"send_time": "2024-13-01"}, "send_time", "is not a date"),
        ("email_activity", "emails", {"activity": [{"action": "click"}]}, "activity.0.timestamp", "has no date"),
        ("open_details", "members", {"opens": [{"timestamp": None}]}, "opens.0.timestamp", "has no date"),
        ("unsubscribed", "unsubscribes", {"email_id": "", "email_address": ""}, "email_id", "names nobody"),
    ],
)  # fmt: skip
def test_a_record_that_does_not_fit_is_set_aside_and_the_page_goes_on(
    shape: Any, page: Any, stream: str, collection: str, change: dict[str, Any], field: str, reason: str
) -> None:
    answer = page(stream)
    good = answer[collection][-1]
    answer[collection] = [{**good, **change}, good]

    found = shape(stream, answer, parent={**LIST, **SENT_MAIL})

    assert [(reject.field, reject.reason) for reject in found.rejects] == [(field, reason)]
    assert found.rows == shape(stream, {**answer, collection: [good]}, parent={**LIST, **SENT_MAIL}).rows


def test_a_reject_shows_no_address(shape: Any, page: Any) -> None:
    members = page("members")
    members["members"][0]["status"] = 3

    (reject,) = shape("members", members, parent=LIST).rejects

    assert "example.com" not in reject.record + reject.reason + reject.shape
    assert orjson.loads(reject.shape)["email_address"] == "str(15)"


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://tea.example.com/p/1?mc_eid=0a1b#x", "https://tea.example.com/p/1"),
        ("http://Tea.example.com:8080/", "http://tea.example.com:8080/"),
        ("https://ann:secret@tea.example.com/p", "https://tea.example.com/p"),
        ("https://tea.example.com/leave/ann@example.com", "https://tea.example.com/"),
        ("https://tea.example.com/leave/ann%40example.com/x", "https://tea.example.com/"),
        ("mailto:ann@example.com", "mailto:"),
        ("tel:+4312345", "tel:"),
        ("https://[broken", None),
        ("", None),
        (None, None),
    ],
)
def test_a_link_keeps_nothing_that_names_a_person(url: str | None, kept: str | None) -> None:
    assert bare_link(url) == kept
