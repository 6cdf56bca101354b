"""The imitated Marketing API: its limits, refusals, filters and numbers, and the official schemas of its answers."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest

from persync.sandbox.world import World, mc_eid, tag_id
from persync_mailchimp.sandbox import SANDBOX, Guard, api_key

LIST = "0a1b2c3d4e"
MEMBERS = f"/lists/{LIST}/members"
SENT, OLD, RUNNING, TESTED, DRAFT = "00000000a1", "00000000b2", "00000000c3", "00000000d4", "00000000e5"
CALLS = (
    "/",
    "/ping",
    "/lists",
    f"/lists/{LIST}",
    f"/lists/{LIST}/merge-fields",
    f"/lists/{LIST}/segments",
    MEMBERS,
    "/campaigns",
    f"/campaigns/{SENT}",
    f"/campaigns/{SENT}/content",
    "/reports",
    f"/reports/{SENT}",
    f"/reports/{SENT}/sent-to",
    f"/reports/{SENT}/email-activity",
    f"/reports/{SENT}/open-details",
    f"/reports/{SENT}/unsubscribed",
    f"/reports/{SENT}/abuse-reports",
)

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def api(imitated: Callable[..., Any], world: World) -> Any:
    return imitated(world)


def numbers(page: dict[str, Any]) -> list[int]:
    return [int(member["contact_id"], 16) for member in page["members"]]


def group(name: str) -> str:
    return hashlib.sha256(f"{LIST}:{name}".encode()).hexdigest()[:10]


def test_the_key_is_32_hex_digits_and_a_data_center_that_does_not_exist(world: World) -> None:
    key = api_key(world)

    assert key.endswith("-us0")
    assert len(bytes.fromhex(key.removesuffix("-us0"))) == 16
    assert SANDBOX.secrets(world) == {"MAILCHIMP_API_KEY": key}
    assert SANDBOX.settings(world, "http://127.0.0.1:1/mailchimp") == {"base_url": "http://127.0.0.1:1/mailchimp/3.0"}


@pytest.mark.parametrize("call", CALLS)
def test_every_call_needs_the_key(api: Any, call: str) -> None:
    status, problem = api.get(call, key="0" * 32 + "-us0")

    assert (status, problem["title"], problem["status"]) == (401, "API Key Invalid", 401)


def test_the_key_may_come_as_bearer_and_nothing_else_is_a_sign_in(api: Any) -> None:
    assert api.get("/ping", bearer=True) == api.get("/ping")
    with httpx.Client(transport=api.transport, base_url="http://127.0.0.1/3.0") as http:
        for header in ("", "Basic", "Basic !!!", "Basic /w==", f"OAuth {api.key}", api.key):
            answer = http.get("/ping", headers={"authorization": header})
            assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json; charset=utf-8")


@pytest.mark.parametrize(
    "call",
    [
        "/nothing",
        "/lists/ffffffffff",
        "/lists/ffffffffff/members",
        "/lists/ffffffffff/merge-fields",
        "/lists/ffffffffff/segments",
        f"{MEMBERS}/{'0' * 32}",
        "/campaigns/ffffffffff",
        "/campaigns/ffffffffff/content",
        "/reports/ffffffffff",
        "/reports/ffffffffff/sent-to",
        "/campaigns/1",
    ],
)
def test_what_does_not_exist_is_a_problem_document(api: Any, call: str) -> None:
    status, problem = api.get(call)

    assert (status, problem["title"], sorted(problem)) == (
        404,
        "Resource Not Found",
        ["detail", "instance", "status", "title", "type"],
    )


def test_the_eleventh_call_at_a_time_is_one_too_many() -> None:
    """The vendor allows ten simultaneous connections a user, and says 429 without Retry-After."""
    answers: list[tuple[int, dict[bytes, bytes]]] = []

    async def note(message: Any) -> None:
        if message["type"] == "http.response.start":
            answers.append((message["status"], dict(message["headers"])))

    async def run() -> None:
        done = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await done.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        guard: Any = Guard(slow, "key")
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"authorization", b"Bearer key")]}
        calls = [asyncio.create_task(guard(scope, None, note)) for _ in range(12)]
        while len(answers) < 2:
            await asyncio.sleep(0)
        done.set()
        await asyncio.gather(*calls)

    asyncio.run(asyncio.wait_for(run(), 10))

    assert [status for status, _ in answers] == [429, 429] + [200] * 10
    assert b"retry-after" not in answers[0][1]


def test_nothing_can_be_written(api: Any) -> None:
    with httpx.Client(transport=api.transport, auth=("x", api.key)) as http:
        answer = http.post(f"http://127.0.0.1/3.0{MEMBERS}", json={"email_address": "new@example.com"})

    assert (answer.status_code, answer.json()["title"]) == (405, "Method Not Allowed")


@pytest.mark.parametrize(
    ("call", "params", "field"),
    [
        (MEMBERS, {"count": "1001"}, "count"),
        (MEMBERS, {"count": "many"}, "count"),
        (MEMBERS, {"count": "-1"}, "count"),
        (MEMBERS, {"offset": "-1"}, "offset"),
        (MEMBERS, {"status": "gone"}, "status"),
        (MEMBERS, {"sort_field": "email"}, "sort_field"),
        (MEMBERS, {"since_last_changed": "yesterday"}, "since_last_changed"),
        ("/campaigns", {"type": "automation-email"}, "type"),
        ("/reports", {"since_send_time": "2024-13-01"}, "since_send_time"),
        (f"/reports/{SENT}/open-details", {"sort_dir": "up"}, "sort_dir"),
    ],
)
def test_a_bad_parameter_is_an_invalid_resource(api: Any, call: str, params: dict[str, str], field: str) -> None:
    status, problem = api.get(call, **params)

    assert (status, problem["title"], [error["field"] for error in problem["errors"]]) == (400, "Invalid Resource", [field])


def test_ten_come_unless_told_and_offsets_cover_everybody_once(api: Any) -> None:
    _, first = api.get(MEMBERS)
    _, rest = api.get(MEMBERS, offset="10")
    _, all_of_them = api.get(MEMBERS, count="1000")

    assert (len(first["members"]), len(rest["members"]), first["total_items"]) == (10, 1, 11)
    assert numbers(first) + numbers(rest) == numbers(all_of_them)


def test_the_archived_are_left_out_unless_asked_for(api: Any) -> None:
    _, usual = api.get(MEMBERS, count="1000")
    _, archived = api.get(MEMBERS, status="archived")
    _, unsubscribed = api.get(MEMBERS, status="unsubscribed")

    assert numbers(usual) == [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12]
    assert numbers(archived) == [4]
    assert numbers(unsubscribed) == [5]


def test_members_are_bounded_and_sorted_by_their_last_change(api: Any, world: World) -> None:
    """Both bounds leave their own moment out, to the second; a bound may have any offset."""
    _, third = api.get(f"{MEMBERS}/{api.get(MEMBERS)[1]['members'][2]['id']}")
    at = third["last_changed"]

    _, later = api.get(MEMBERS, since_last_changed=at, sort_field="last_changed", sort_dir="ASC")
    _, earlier = api.get(MEMBERS, before_last_changed=at, sort_field="last_changed", sort_dir="DESC")

    assert int(third["contact_id"], 16) == 3
    assert numbers(later) == [5, 6, 7, 8, 9, 10, 11, 12]
    assert numbers(earlier) == [2, 1]


def test_a_member_is_found_by_the_id_in_links(api: Any, world: World) -> None:
    _, found = api.get(MEMBERS, unique_email_id=mc_eid(world.people[2].email))

    assert numbers(found) == [2]


def test_a_member_is_shown_with_every_fact(api: Any, world: World) -> None:
    identity = hashlib.md5(b"p1@example.com", usedforsecurity=False).hexdigest()

    _, member = api.get(f"{MEMBERS}/{identity}")

    assert member.pop("id") == identity
    del member["_links"]
    assert member == {
        "email_address": "p1@example.com",
        "unique_email_id": mc_eid("p1@example.com"),
        "contact_id": "00000000000000000000000000000001",
        "full_name": "Ann Example",
        "web_id": 540_000_001,
        "email_type": "html",
        "status": "subscribed",
        "consents_to_one_to_one_messaging": True,
        "merge_fields": {"FNAME": "Ann", "LNAME": "Example", "COUNTRY": "DE", "SCORE": 1},
        "interests": {group("News"): False, group("Offers"): False},
        "marketing_permissions": [
            {"marketing_permission_id": group("permission"), "text": "Customized online advertising", "enabled": True}
        ],
        "stats": {"avg_open_rate": 2 / 3, "avg_click_rate": 1 / 3},
        "ip_signup": "",
        "timestamp_signup": "2024-06-15T01:00:00+00:00",
        "ip_opt": "203.0.113.10",
        "timestamp_opt": "2024-06-15T01:00:00+00:00",
        "member_rating": 2,
        "last_changed": "2024-06-16T01:00:00+00:00",
        "language": "de",
        "vip": False,
        "email_client": "",
        "location": {
            "latitude": 0,
            "longitude": 0,
            "gmtoff": 0,
            "dstoff": 0,
            "country_code": "DE",
            "timezone": "",
            "region": "",
        },
        "source": "Embed Form",
        "tags_count": 1,
        "tags": [{"id": tag_id("tea"), "name": "tea"}],
        "list_id": LIST,
    }


def test_who_did_not_confirm_was_imported_and_has_no_sign_up(api: Any) -> None:
    _, page = api.get(MEMBERS, count="2")

    assert [(m["source"], m["timestamp_signup"] != "") for m in page["members"]] == [("Embed Form", True), ("Import", False)]


def test_fields_and_excluded_fields_are_honoured(api: Any) -> None:
    _, narrow = api.get(
        MEMBERS, count="1", fields="total_items,members.contact_id,members.tags.id,members.location.country_code"
    )
    _, wide = api.get(MEMBERS, count="1", exclude_fields="_links,members._links,members.merge_fields,members.location")

    assert narrow == {
        "total_items": 11,
        "members": [{"contact_id": f"{1:032x}", "tags": [{"id": tag_id("tea")}], "location": {"country_code": "DE"}}],
    }
    assert sorted(wide) == ["list_id", "members", "total_items"]
    assert not {"_links", "merge_fields", "location"} & set(wide["members"][0])
    assert {"tags", "status"} < set(wide["members"][0])


@pytest.mark.parametrize("call", CALLS)
def test_links_are_there_unless_excluded(api: Any, call: str) -> None:
    assert "_links" in api.get(call)[1]
    assert "_links" not in api.get(call, exclude_fields="_links")[1]


def test_campaigns_show_drafts_automations_and_tests(api: Any) -> None:
    _, page = api.get("/campaigns")

    shown = {c["id"]: (c["type"], c["status"], c["send_time"], c["emails_sent"]) for c in page["campaigns"]}
    assert shown == {
        SENT: ("regular", "sent", "2024-12-01T09:00:00+00:00", 4),
        OLD: ("absplit", "sent", "2024-06-01T09:00:00+00:00", 2),
        RUNNING: ("automation-email", "sending", "2024-12-01T09:00:00+00:00", 1),
        TESTED: ("variate", "sent", "2024-12-01T09:00:00+00:00", 2),
        DRAFT: ("regular", "save", None, 0),
    }
    tested = next(c for c in page["campaigns"] if c["id"] == TESTED)
    assert [c["recipients"] for c in tested["variate_settings"]["combinations"]] == [1, 1]
    assert "report_summary" not in next(c for c in page["campaigns"] if c["id"] == DRAFT)


def test_campaigns_are_filtered_and_sorted(api: Any) -> None:
    def ids(**params: str) -> list[str]:
        return [c["id"] for c in api.get("/campaigns", **params)[1]["campaigns"]]

    assert ids(status="sending") == [RUNNING]
    assert ids(type="variate") == [TESTED]
    assert ids(before_send_time="2024-12-01T09:00:00+00:00") == [OLD]
    assert ids(since_create_time="2024-12-01T00:00:00Z") == [DRAFT]
    assert ids(sort_field="send_time", sort_dir="DESC")[-1] == DRAFT
    assert ids(sort_field="create_time", sort_dir="ASC")[0] == OLD


def test_the_content_is_the_messages_own(api: Any) -> None:
    _, content = api.get(f"/campaigns/{RUNNING}/content", exclude_fields="_links")

    html = "<p>Hello *|FNAME|*</p>"
    assert content == {"variate_contents": [], "plain_text": "Hello *|FNAME|*", "html": html, "archive_html": html}


def test_a_report_counts_what_happened(api: Any) -> None:
    """Who was selected and dropped was never mailed; the unsubscribed click counts like any other."""
    _, report = api.get(f"/reports/{SENT}", exclude_fields="_links,timeseries,list_stats")

    assert {name: report[name] for name in ("emails_sent", "unsubscribed", "abuse_reports", "send_time")} == {
        "emails_sent": 4,
        "unsubscribed": 1,
        "abuse_reports": 1,
        "send_time": "2024-12-01T09:00:00+00:00",
    }
    assert report["bounces"] == {"hard_bounces": 0, "soft_bounces": 1, "syntax_errors": 0}
    assert report["opens"] == {
        "opens_total": 3,
        "proxy_excluded_opens": 1,
        "unique_opens": 2,
        "proxy_excluded_unique_opens": 1,
        "open_rate": 2 / 3,
        "proxy_excluded_open_rate": 1 / 3,
        "last_open": "2024-12-01T10:00:00+00:00",
    }
    assert report["clicks"] == {
        "clicks_total": 2,
        "unique_clicks": 1,
        "unique_subscriber_clicks": 1,
        "click_rate": 1 / 3,
        "last_click": "2024-12-01T10:00:05+00:00",
    }
    assert report["ecommerce"] == {"total_orders": 2, "total_spent": 49.99, "total_revenue": 49.99, "currency_code": "EUR"}


def test_hours_after_the_send_add_up(api: Any) -> None:
    _, report = api.get(f"/reports/{SENT}")

    hours = report["timeseries"]
    assert len(hours) == 24
    assert [h["emails_sent"] for h in hours[:3]] == [4, 0, 0]
    assert [h["unique_opens"] for h in hours[:3]] == [2, 0, 0]
    assert [h["recipients_clicks"] for h in hours[:3]] == [0, 1, 0]


def test_mail_sent_before_proxies_were_told_apart_shows_zeros(api: Any) -> None:
    _, report = api.get(f"/reports/{OLD}")
    _, opens = api.get(f"/reports/{OLD}/open-details")

    assert (report["opens"]["opens_total"], report["opens"]["proxy_excluded_opens"]) == (1, 0)
    assert [one["is_proxy_open"] for one in opens["members"][0]["opens"]] == [False]
    assert sorted(report["ab_split"]) == ["a", "b"]


def test_reports_hold_whatever_was_sent_since(api: Any) -> None:
    assert [r["id"] for r in api.get("/reports")[1]["reports"]] == [SENT, RUNNING, TESTED, OLD]
    assert [r["id"] for r in api.get("/reports", since_send_time="2024-06-01T09:00:00+00:00")[1]["reports"]] == [
        SENT,
        RUNNING,
        TESTED,
    ]
    assert api.get("/reports", before_send_time="2024-06-01T09:00:00+00:00")[1]["total_items"] == 0


def test_recipients_are_those_who_were_mailed(api: Any) -> None:
    _, sent = api.get(f"/reports/{SENT}/sent-to")
    _, old = api.get(f"/reports/{OLD}/sent-to")

    assert [(s["email_address"], s["status"], s["open_count"], s["absplit_group"]) for s in sent["sent_to"]] == [
        ("p1@example.com", "sent", 2, ""),
        ("p2@example.com", "sent", 1, ""),
        ("p3@example.com", "soft", 0, ""),
        ("p8@example.com", "sent", 0, ""),
    ]
    assert [s["absplit_group"] for s in old["sent_to"]] == ["a", "b"]


def test_activity_lists_every_recipient_and_has_no_proxy_flag(api: Any) -> None:
    _, page = api.get(f"/reports/{SENT}/email-activity", exclude_fields="emails._links")

    events = {
        person["email_address"][:2]: [(event["action"], event["timestamp"][11:19]) for event in person.get("activity", ())]
        for person in page["emails"]
    }
    assert events == {
        "p1": [("open", "09:01:00"), ("open", "10:00:00"), ("click", "10:00:05"), ("click", "10:00:05")],
        "p2": [("open", "09:02:00")],
        "p3": [("bounce", "09:00:00")],
        "p8": [],
    }
    assert "activity" not in page["emails"][3]
    assert "is_proxy_open" not in page["emails"][0]["activity"][0]


def test_since_narrows_events_and_not_recipients(api: Any) -> None:
    """`open-details` lists only who opened since; `email-activity` goes on listing all."""
    since = "2024-12-01T09:30:00+00:00"
    _, activity = api.get(f"/reports/{SENT}/email-activity", since=since)
    _, opens = api.get(f"/reports/{SENT}/open-details", since=since)

    assert [len(person.get("activity", ())) for person in activity["emails"]] == [3, 0, 0, 0]
    assert [(m["email_address"], m["opens"]) for m in opens["members"]] == [
        ("p1@example.com", [{"timestamp": "2024-12-01T10:00:00+00:00", "is_proxy_open": False}])
    ]
    assert (opens["total_items"], opens["total_opens"], opens["total_proxy_excluded_opens"]) == (1, 3, 1)


def test_tags_are_static_segments(api: Any) -> None:
    _, page = api.get(f"/lists/{LIST}/segments", fields="segments.id,segments.name,segments.member_count,segments.type")

    assert page == {"segments": [{"id": tag_id("tea"), "name": "tea", "member_count": 1, "type": "static"}]}
    assert api.get(f"/lists/{LIST}/segments", type="saved")[1]["total_items"] == 0


def test_who_is_no_member_is_not_shown(api: Any, world: World) -> None:
    everybody = orjson.dumps([api.get(MEMBERS, count="1000")[1], api.get(MEMBERS, status="archived")[1]]).decode()

    assert world.people[13].email not in everybody
    assert world.people[12].email in everybody
