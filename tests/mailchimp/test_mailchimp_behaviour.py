"""The page on what Mailchimp really does: every test it names exists; and the rules that hold for all streams."""

import asyncio
from typing import Any

import orjson
import pytest

from persync import rows
from persync.connect.plan import levels, wanted_streams
from persync.connect.stream import AccountFacts, Request, Work
from persync.errors import AuthError, PersyncError, RecordError, ResponseError, SkipStreamError, TransientError
from persync_mailchimp.connector import Mailchimp, MailchimpSettings
from persync_mailchimp.dates import moment
from persync_mailchimp.readers import WholeAnswer
from persync_mailchimp.sandbox import MOST_AT_ONCE, Guard
from sheets import lines, page_text, read_names

STREAMS = {stream.name: stream for stream in Mailchimp.streams}
CONNECTOR = Mailchimp("letters", MailchimpSettings(connector="mailchimp", base_url="http://127.0.0.1/3.0"), {"token": "k-us1"})


LINES = lines("mailchimp", "Mailchimp")


def test_every_part_of_what_is_known_and_every_stream_has_a_line() -> None:
    assert {part for line in LINES for part in line.parts} == {*"123456", "all"}
    told = page_text(LINES)
    # `campaigns`, `sent_to` and `email_activity` are named by their calls.
    missing = {name for name in STREAMS if f"`{name}`" not in told} - {"campaigns", "sent_to", "email_activity"}
    assert missing == set()


LEFT_OUT = (
    "/activity",
    "/activity-feed",
    "/advice",
    "/click-details/{link_id}/members",
    "/clients",
    "/customers",
    "/domain-performance",
    "/eepurl",
    "/events",
    "/goals",
    "/growth-history",
    "/locations",
    "/segments/{segment_id}/members",
    "account-exports",
    "audiences",
    "campaign-folders",
    "ecommerce/orders",
    "search-campaigns",
    "sms-campaigns",
    "templates",
    "webhooks",
)
LEFT_OUT_FIELDS = {"landing_site", "timeseries", "forwards"}
"""besides those of test_fields_that_are_left_out_are_nowhere_read"""


def test_what_is_left_out_is_not_asked_for() -> None:
    paths = [stream.path for stream in Mailchimp.streams]
    fields = {field for stream in Mailchimp.streams for field in stream.params.get("fields", "").split(",")}

    assert [path for path in paths if path.startswith(LEFT_OUT) or path.endswith(LEFT_OUT)] == []
    assert {field.rpartition(".")[2] for field in fields} & LEFT_OUT_FIELDS == set()
    assert "reports.timewarp" not in fields


def test_no_rate_is_asked_for_or_kept() -> None:
    fields = {field for stream in Mailchimp.streams for field in stream.params.get("fields", "").split(",")}
    columns = {column for name in rows.__all__ for column in getattr(getattr(rows, name), "_fields", ())}

    assert not [field for field in fields if "rate" in field.rpartition(".")[2] or field.endswith(".stats")]
    # A whole `opens` brings its rates along: no record type has them, and no table a column.
    assert [name for name in read_names("mailchimp") if name.endswith("_rate") or name == "stats"] == ["stats"]
    assert "opens" in columns
    assert [column for column in columns if column.endswith("_rate")] == []


def test_no_campaign_is_filtered_out() -> None:
    """A filter by type or status would miss automations, RSS campaigns and journeys, which never end up as "sent"."""
    for name in ("campaigns", "automations"):
        assert set(STREAMS[name].params) == {"fields"}


def test_streams_are_read_in_an_order_that_knows_what_it_needs() -> None:
    order = {stream.name: i for i, level in enumerate(levels(wanted_streams(CONNECTOR, ()))) for stream in level}

    chain = ("lists", "merge_fields", "campaigns", "automation_emails", "content")
    assert [order[name] for name in chain] == sorted({order[name] for name in chain})
    assert order["members"] > order["merge_fields"]
    assert order["all_members"] > max(order["members"], order["archived_members"])
    recipients = (
        "sent_to",
        "email_activity",
        "open_details",
        "click_details",
        "unsubscribed",
        "abuse_reports",
        "product_activity",
    )
    before = ("reports", "automation_reports", "sub_reports")
    assert min(order[name] for name in recipients) > max(order[name] for name in before)
    assert order["stores"] < order["orders"] == order["promo_rules"] < order["promo_codes"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2015-10-21T15:41:36+00:00", 1_445_442_096_000),
        ("2015-10-21T17:41:36+02:00", 1_445_442_096_000),
        ("2016-04-12 12:00:00", 1_460_462_400_000),
        ("", None),
        (None, None),
    ],
)
def test_dates_are_read_in_every_form_and_absent_ones_are_none(text: str | None, at: int | None) -> None:
    assert moment(text, "field") == at
    with pytest.raises(RecordError, match="is not a date"):
        moment("soon", "field")


PROBLEM = {"type": "x", "title": "T", "status": 0, "detail": "D", "instance": "abc"}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ResponseError),
        (401, AuthError),
        (403, SkipStreamError),
        (404, SkipStreamError),
        (405, ResponseError),
        (408, TransientError),
        (414, ResponseError),
        (422, ResponseError),
        (426, ResponseError),
        (429, TransientError),
        (500, TransientError),
        (503, TransientError),
    ],
)
def test_every_status_is_a_named_error_with_a_next_step(status: int, kind: type[PersyncError]) -> None:
    error = CONNECTOR.failure(status, {}, orjson.dumps(PROBLEM))

    assert type(error) is kind
    assert f"HTTP {status}, T: D" in error.what
    assert error.hint or (isinstance(error, SkipStreamError) and error.reason == "gone")


def test_who_goes_on_asking_is_refused_without_json() -> None:
    """Ten calls run; the next ten are told so, whoever still asks gets a page that is no JSON."""
    statuses: list[tuple[int, bytes]] = []

    async def note(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append((message["status"], dict(message["headers"]).get(b"content-type", b"")))

    async def run() -> None:
        done = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await done.wait()

        guard: Any = Guard(slow, "key")
        scope = {"type": "http", "method": "GET", "path": "/3.0/ping", "headers": [(b"authorization", b"Bearer key")]}
        calls = [asyncio.create_task(guard(scope, None, note)) for _ in range(2 * MOST_AT_ONCE + 2)]
        while len(statuses) < MOST_AT_ONCE + 2:
            await asyncio.sleep(0)
        done.set()
        await asyncio.gather(*calls)

    asyncio.run(asyncio.wait_for(run(), 10))

    assert [status for status, _ in statuses] == [429] * MOST_AT_ONCE + [403] * 2
    assert all(kind.startswith(b"text/html") for status, kind in statuses if status == 403)


@pytest.mark.parametrize("name", ["abuse_reports", "sub_reports", "automation_emails"])
def test_more_than_one_answer_holds_is_asked_for_with_a_count(name: str) -> None:
    """No count is documented for these calls, so none is sent, unless the answer says that there is more."""
    stream: Any = STREAMS[name]
    parent = {"campaign_id": "c1", "workflow_id": "w1"}
    todo = Work(stream, "letters", None, AccountFacts(), "", parent, None, 0, True)
    reader = stream.reader
    assert isinstance(reader, WholeAnswer)

    def read(token: dict[str, Any], held: int, total: int) -> Any:
        return reader.read(todo, token, orjson.dumps({reader.at: [{}] * held, "total_items": total}), {}).next

    assert set(reader.request(todo, reader.start(todo)).params) <= {"fields"}
    assert [read({"offset": 0}, 3, 3), read({"offset": 0}, 10, 12), read({"offset": 10}, 2, 12), read({"offset": 0}, 0, 5)] == [
        None,
        {"offset": 10},
        None,
        None,
    ]
    more: Request = reader.request(todo, {"offset": 10})
    assert (more.params["count"], more.params["offset"]) == ("1000", "10")
