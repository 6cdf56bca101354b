"""Reading the imitated API: pages, windows, and whole pulls into a store."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

import orjson
import pytest

from persync.connect.client import Client
from persync.connect.readers import OffsetPages
from persync.connect.stream import AccountFacts, Stream, Work
from persync.errors import ResponseError
from persync.rows import Action
from persync.sandbox.world import Click, Open, World
from persync_mailchimp.connector import Mailchimp
from persync_mailchimp.readers import ChangedPages
from persync_mailchimp.sandbox import app

NOW = 1_735_689_600_000
HOUR, DAY = 3_600_000, 86_400_000
LIST = "0a1b2c3d4e"
GROUP = hashlib.sha256(f"{LIST}:Topics".encode()).hexdigest()[:10]
STREAMS = {stream.name: stream for stream in Mailchimp.streams}


def work(stream: Stream, *, since: int | None = None, **parent: Any) -> Work:
    return Work(stream, "letters", None, AccountFacts(), "", parent, since, NOW, since is None)


def read(account: Any, reader: Any, at: str, todo: Work, between: Callable[[int], None] = lambda page: None) -> list[list[Any]]:
    """Read all pages; `between(n)` is called after page n (from 1)."""
    pages: list[list[Any]] = []
    with account.client() as client:
        token = reader.start(todo)
        while token is not None:
            response = client.send(reader.request(todo, token))
            pages.append(orjson.loads(response.body)[at])
            token = reader.read(todo, token, response.body, response.headers).next
            between(len(pages))
            assert len(pages) < 50
    return pages


def numbers(pages: list[list[Any]]) -> list[int]:
    return [int(member["contact_id"], 16) for page in pages for member in page]


@pytest.mark.parametrize("ties", [1, 7, 60, 200], ids=lambda ties: f"{ties} at a time")
def test_members_are_all_read_however_many_changed_at_once(imitated: Any, small: Any, ties: int) -> None:
    world = small(130)
    for person in world.people.values():
        person.status, person.updated_at = "subscribed", NOW - 10 * DAY + person.number // ties * HOUR

    pages = read(imitated(world), ChangedPages(count=25), "members", work(STREAMS["members"], list_id=LIST))

    assert sorted(set(numbers(pages))) == list(range(1, 131))


def test_nobody_is_missed_when_a_member_changes_while_we_read(imitated: Any, small: Any) -> None:
    """Offsets alone lose the member behind the page's edge; reading on from the last change does not."""

    def read_while_the_first_member_changes(reader: Any) -> set[int]:
        world = small(60)
        for person in world.people.values():
            person.status = "subscribed"
        account = imitated(world)

        def change(page: int) -> None:
            if page == 1:
                world.people[1].updated_at = NOW - 1000
                account.transport._inner.app = app(world)

        params = {**STREAMS["members"].params, "sort_field": "last_changed", "sort_dir": "ASC"}
        todo = work(replace(STREAMS["members"], params=params), list_id=LIST)
        return set(numbers(read(account, reader, "members", todo, change)))

    assert read_while_the_first_member_changes(ChangedPages(count=20)) == set(range(1, 61))
    assert read_while_the_first_member_changes(OffsetPages(at="members", count=20)) == set(range(1, 61)) - {21}


def test_a_window_of_members_is_asked_for_in_the_order_of_change(imitated: Any, world: World) -> None:
    account = imitated(world)

    read(account, ChangedPages(), "members", work(STREAMS["archived_members"], since=NOW - HOUR, list_id=LIST))

    (call,) = account.transport.calls
    asked = dict(call.url.params)
    del asked["fields"]
    assert call.url.path == f"/3.0/lists/{LIST}/members"
    assert asked == {
        "status": "archived",
        "sort_field": "last_changed",
        "sort_dir": "ASC",
        "count": "1000",
        "offset": "0",
        "since_last_changed": "2024-12-31T23:00:00+00:00",
        "before_last_changed": "2025-01-01T00:00:00+00:00",
    }
    assert "%2B00%3A00" in call.url.query.decode()
    assert "+00:00" in unquote_plus(call.url.query.decode())


def test_a_member_without_a_usable_date_does_not_stop_the_paging(imitated: Any, small: Any) -> None:
    reader = ChangedPages(count=2)
    todo = work(STREAMS["members"], list_id=LIST)
    token = {"since": None, "offset": 0, "count": 2}
    bodies = [
        {"members": [{"last_changed": ""}, {"last_changed": ""}], "total_items": 5},
        {"members": [{"last_changed": "2024-01-01T00:00:00+00:00"}, {"last_changed": "soon"}], "total_items": 5},
        {"members": [{"last_changed": 7}, {}], "total_items": 5},
    ]

    following = [reader.read(todo, token, orjson.dumps(body), {}).next for body in bodies]

    assert following == [{"since": None, "offset": 1, "count": 2}] * 3


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"", b"[1]"])
def test_a_page_that_is_not_what_was_expected_names_base_url(body: bytes) -> None:
    reader, todo = ChangedPages(), work(STREAMS["members"], list_id=LIST)

    with pytest.raises(ResponseError, match="the answer is not the JSON that was expected") as caught:
        reader.read(todo, reader.start(todo), body, {})

    assert "Check base_url" in caught.value.hint


def test_a_page_that_is_too_big_is_halved_at_the_same_place() -> None:
    reader, todo = ChangedPages(), work(STREAMS["members"], list_id=LIST)
    token = {"since": 7, "offset": 3, "count": 1000}

    assert reader.shrink(todo, token) == {"since": 7, "offset": 3, "count": 500}
    assert reader.shrink(todo, {**token, "count": 60}) is None


def test_reports_are_read_again_for_a_look_back(imitated: Any, world: World) -> None:
    account, reader = imitated(world), STREAMS["reports"].reader

    todo = work(STREAMS["reports"], since=NOW - 90 * DAY)
    token = {"offset": 0, "count": 1000, "off": {}}
    with account.client() as client:
        answer = client.send(reader.request(todo, token))

    assert [report["id"] for report in orjson.loads(answer.body)["reports"]] == ["00000000a1", "00000000c3", "00000000d4"]
    assert dict(account.transport.calls[0].url.params)["since_send_time"] == "2024-10-03T00:00:00+00:00"


def test_recipients_are_paged_by_offset_to_the_total(imitated: Any, world: World) -> None:
    account, reader = imitated(world), OffsetPages(at="sent_to", count=3)

    pages = read(account, reader, "sent_to", work(STREAMS["sent_to"], campaign_id="00000000a1", sent_at=NOW))

    assert [len(page) for page in pages] == [3, 1]
    assert sorted(pages[0][0]) == ["absplit_group", "email_address", "email_id", "status"]


@pytest.fixture
def store(pulls: Any, imitated: Any, world: World) -> Any:
    return pulls(imitated(world, attributes={"country": "to see who is left out"}))


def test_a_pull_brings_everything_and_a_second_one_changes_nothing(store: Any) -> None:
    first, second = store.pull(), store.pull()

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert {r.stream: r.records for r in first.streams} == {
        "account": 1,
        "lists": 1,
        "merge_fields": 4,
        "segments": 1,
        "interest_categories": 1,
        "interests": 2,
        "members": 11,
        "archived_members": 1,
        "all_members": 0,
        "campaigns": 5,
        "automations": 0,
        "automation_emails": 0,
        "content": 5,
        "reports": 4,
        "automation_reports": 1,
        "sub_reports": 2,
        "sent_to": 8,
        "email_activity": 4,
        "open_details": 4,
        "click_details": 1,
        "unsubscribed": 1,
        "abuse_reports": 1,
        "stores": 2,
        "orders": 0,
        "carts": 0,
        "products": 0,
        "promo_rules": 0,
        "promo_codes": 0,
        "product_activity": 0,
    }
    assert sum(r.rejects for r in first.streams) == 0
    assert second.changed == 0
    assert store.ask("SELECT action, count(*) FROM touchpoints GROUP BY action ORDER BY action") == [
        (Action.SEND, 8),
        (Action.OPEN, 5),
        (Action.CLICK, 2),
        (Action.BOUNCE, 1),
        (Action.UNSUBSCRIBE, 1),
        (Action.COMPLAINT, 1),
    ]
    assert store.ask("SELECT value, count(*) FROM attributes GROUP BY value") == [("DE", 12)]


def test_each_campaign_is_graded(store: Any) -> None:
    store.pull()

    assert store.ask("SELECT title, level FROM campaigns JOIN campaign_levels USING (campaign_key) ORDER BY title") == [
        ("Letter 1", 2),
        ("Letter 2", 0),
        ("Letter 3", 3),
        ("Letter 4", 0),
        ("Letter 5", 0),
    ]


def test_only_what_moved_is_read_again(store: Any, world: World) -> None:
    """A new click re-reads that campaign's activity; a later open of an automation's mail its report and opens."""
    store.pull()
    sent, _, running = world.messages[:3]
    sent.sends[1].clicks.append(Click(NOW, "https://tea.example.com/p/2"))
    running.sends[0].opens.append(Open(NOW, False))
    world.people[2].updated_at = NOW + HOUR
    store.account.transport._inner.app = app(world)

    again = store.pull()

    shop = [call for call in store.calls if call.startswith("ecommerce/")]
    assert len(shop) == 1 + 2 * 4
    assert [call for call in store.calls if call not in shop] == [
        "/3.0",
        "automations",
        "campaigns",
        "campaigns",
        "lists",
        f"lists/{LIST}/interest-categories",
        f"lists/{LIST}/interest-categories/{GROUP}/interests",
        f"lists/{LIST}/members",
        f"lists/{LIST}/members",
        f"lists/{LIST}/merge-fields",
        f"lists/{LIST}/segments",
        "reports",
        "reports/00000000a1/click-details",
        "reports/00000000a1/email-activity",
        "reports/00000000c3",
        "reports/00000000c3/open-details",
        "reports/00000000d4/sub-reports",
    ]
    records = {result.stream: result.records for result in again.streams}
    assert (records["members"], records["open_details"]) == (1, 1)
    assert store.ask("SELECT count(*) FROM touchpoints WHERE action IN (3, 4)") == [(9,)]


def test_no_address_name_or_key_is_stored(store: Any, world: World) -> None:
    store.pull()

    written = b"".join(path.read_bytes() for path in store.path.parent.iterdir() if path.is_file() and path.suffix != ".key")
    for person in world.people.values():
        assert person.email.encode() not in written
    assert b"Example" not in written
    assert b"Ann" not in written
    # The addresses of machines come along with the activity.
    assert b"203.0.113" in orjson.dumps(store.account.get("/reports/00000000a1/email-activity")[1])
    assert b"203.0.113" not in written
    assert store.account.key.encode() not in written


def test_a_role_that_may_not_read_members_leaves_a_hole_and_the_rest(store: Any) -> None:
    import httpx

    inner = store.account.transport

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/members"):
            return httpx.Response(403, json={"title": "Wrong User Role", "status": 403, "detail": "No."})
        return inner.handle_request(request)  # type: ignore[no-any-return]

    store.account.client = lambda connector, stop: Client(
        connector, stop=stop, sleep=lambda seconds: False, transport=httpx.MockTransport(answer)
    )
    result = store.pull()

    assert result.exit_code == 0
    assert {r.stream for r in result.streams if r.state == "skipped"} == {"members", "archived_members"}
    assert store.ask("SELECT count(*) FROM contacts") == [(0,)]
    assert store.ask("SELECT count(*) FROM touchpoints") == [(18,)]
    assert ("skipped",) not in store.ask("SELECT DISTINCT state FROM coverage WHERE stream = 'reports'")
