"""Heavy activity by batches: every state, what a result leaves out, links that run out, and kills in between."""

import gzip
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from persync.connect.client import Client
from persync.connect.stream import AccountFacts, Request, Step, Work
from persync.errors import AuthError, ResponseError, SkipStreamError
from persync.sandbox.world import Click, Send, World
from persync_mailchimp.batch import LOT, MOST_POLLS, MOST_TRIES, BatchPages
from persync_mailchimp.connector import Mailchimp, MailchimpSettings
from persync_mailchimp.imitation.batches import STATES
from persync_mailchimp.imitation.quirks import Quirks

NOW = 1_735_689_600_000
SENT = 1_733_043_600_000
MINUTE = 60_000
CAMPAIGN = "00000000a1"
STREAMS = {stream.name: stream for stream in Mailchimp.streams}
READER: Any = STREAMS["email_activity"].reader
PEOPLE = 2_300
ONLY = ("reports", "sent_to", "email_activity")


@pytest.fixture
def heavy(small: Callable[[int], World]) -> World:
    """A campaign to 2,300 people: three pages, with one click each for the hundredth, two hundredth ..."""
    world = small(PEOPLE)
    world.messages = world.messages[:1]
    world.messages[0].sends = [
        Send(n, SENT, clicks=[Click(SENT + n * MINUTE, "https://tea.example.com/p/1")] if n % 100 == 0 else [])
        for n in range(1, PEOPLE + 1)
    ]
    return world


@pytest.fixture
def account(imitated: Any, heavy: World) -> Any:
    return imitated(heavy, batch_over=1000)


def work(stream: str = "email_activity", *, recipients: int = PEOPLE, over: int = 1000, since: int | None = None) -> Work:
    parent = {"campaign_id": CAMPAIGN, "list_id": "", "sent_at": SENT, "recipients": recipients, "openers": recipients}
    settings = MailchimpSettings(connector="mailchimp", batch_over=over)
    return Work(STREAMS[stream], "letters", settings, AccountFacts(), CAMPAIGN, parent, since, NOW, since is None)


def touchpoints(store: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = store.ask("SELECT action, count(*) FROM touchpoints GROUP BY action ORDER BY action")
    return found


WHOLE = [(1, PEOPLE), (4, PEOPLE // 100)]


def test_a_heavy_campaign_is_read_by_batches_and_gives_the_same_rows(
    account: Any, heavy: World, pulls: Any, imitated: Any, tmp_path: Any
) -> None:
    store = pulls(account)
    result = store.pull(streams=ONLY)

    batched = [call for call in store.calls if call.startswith("batches")]
    assert (result.exit_code, touchpoints(store)) == (0, WHOLE)
    # Two streams: one POST each, and a look at every state.
    assert len(batched) == 2 * (1 + len(STATES) - 1)
    assert not [call for call in store.calls if call.endswith(("/email-activity", "/sent-to"))]
    assert store.pull(streams=ONLY).changed == 0


def test_a_campaign_at_the_limit_is_read_page_by_page(imitated: Any, heavy: World, pulls: Any) -> None:
    for over in (PEOPLE, 0):
        store = pulls(imitated(heavy, batch_over=over))
        store.path = store.path.with_name(f"over{over}.db")
        store.pull(streams=ONLY)

        assert len([call for call in store.calls if call.endswith("/email-activity")]) == 3
        assert not [call for call in store.calls if call.startswith("batches")]
        assert touchpoints(store) == WHOLE


def test_only_get_operations_of_a_page_each_are_sent() -> None:
    request = READER.request(work(), READER.start(work()))

    fields = STREAMS["email_activity"].params["fields"]
    assert request == Request(
        "POST",
        "batches",
        json={
            "operations": [
                {
                    "method": "GET",
                    "path": f"/reports/{CAMPAIGN}/email-activity",
                    "operation_id": str(offset),
                    "params": {"fields": fields, "count": 1000, "offset": offset},
                }
                for offset in (0, 1000, 2000)
            ]
        },
    )


def test_a_very_heavy_campaign_is_several_batches_of_a_bounded_size() -> None:
    todo = work(recipients=50_500)
    first = READER.request(todo, READER.start(todo)).json["operations"]

    last = READER.request(todo, {"from": 2 * LOT * 1000, "tries": 0, "total": 50_500}).json["operations"]

    assert [len(first), len(last)] == [LOT, 11]
    assert [one["operation_id"] for one in last][-1] == "50000"


def test_opens_since_the_last_pull_are_few_and_read_page_by_page() -> None:
    reader: Any = STREAMS["open_details"].reader

    assert reader.start(work("open_details")) == {"from": 0, "tries": 0}
    assert reader.start(work("open_details", since=SENT)) == {"offset": 0, "count": 1000}


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(batch_failures=frozenset({"1000"})),
        Quirks(batch_losses=frozenset({"0", "2000"})),
        Quirks(batch_failures=frozenset({"0", "1000", "2000"})),
        Quirks(batch_empty=True),
        Quirks(batch_expiries=1),
        Quirks(batch_expiries=50),
        Quirks(batch_forgets=1),
        Quirks(batch_forgets=50),
        Quirks(batch_refused=True),
    ],
    ids=["failed", "left out", "all failed", "empty file", "expired", "never good", "forgotten", "never known", "role"],
)  # fmt: skip
def test_whatever_a_batch_does_nothing_is_skipped(account: Any, pulls: Any, quirks: Quirks) -> None:
    store = pulls(account)

    result = store.pull(streams=ONLY, quirks=quirks)

    assert (result.exit_code, sum(one.rejects for one in result.streams), touchpoints(store)) == (0, 0, WHOLE)


def test_failed_operations_alone_are_asked_for_again(account: Any, pulls: Any) -> None:
    store = pulls(account)

    store.pull(streams=ONLY, quirks=Quirks(batch_failures=frozenset({"1000"})))

    single = [dict(c.url.params) for c in account.transport.calls if c.url.path.endswith("/email-activity")]
    assert [(one["offset"], one["count"]) for one in single] == [("1000", "1000")]


def test_the_result_is_fetched_without_the_key_from_another_host(account: Any, pulls: Any) -> None:
    pulls(account).pull(streams=ONLY)

    fetched = [call for call in account.transport.calls if "batch-results" in call.url.path]
    assert len(fetched) == 2
    assert {call.url.host for call in fetched} == {"localhost"}
    assert not [call for call in fetched if "authorization" in call.headers]
    assert all("authorization" in call.headers for call in account.transport.calls if call not in fetched)


class Killed(BaseException):
    """The process ends."""


def test_a_pull_that_is_killed_at_any_call_goes_on_with_its_batch(account: Any, pulls: Any, heavy: World) -> None:
    """Kill it at the first, second ... call about batches; the next pull asks after the same batch and ends complete."""
    application = account.transport._inner.app
    for number in range(2 * (1 + len(STATES))):
        store = pulls(account)
        store.path = store.path.with_name(f"kill{number}.db")
        calls = [0]
        inner = account.transport.handle_request

        def dying(request: Any, calls: list[int] = calls, number: int = number, inner: Callable[[Any], Any] = inner) -> Any:
            if "batch" in request.url.path:
                calls[0] += 1
                if calls[0] > number:
                    raise KeyboardInterrupt
            return inner(request)

        account.transport.handle_request = dying
        try:
            interrupted = store.pull(streams=ONLY).interrupted
        finally:
            del account.transport.handle_request
        sent = [c for c in account.transport.calls if c.method == "POST"]
        account.transport._inner.app = application

        assert interrupted
        again = store.pull(streams=ONLY)

        assert (again.exit_code, touchpoints(store)) == (0, WHOLE), number
        assert len(sent) <= 2


def test_a_list_that_has_grown_since_the_report_is_read_to_its_end() -> None:
    todo = work(recipients=1500)
    token = {"batch": "b", "url": "https://example.invalid/x", "from": 0, "tries": 0}
    pages = {str(offset): {"emails": [{"email_id": str(offset)}], "total_items": 2001} for offset in (0, 1000)}

    step = READER.read(todo, token, archive({k: (200, v) for k, v in pages.items()}), {})

    assert (step.next, step.total) == ({"from": 2000, "tries": 0, "total": 2001}, 2001)
    assert [one["operation_id"] for one in READER.request(todo, step.next).json["operations"]] == ["2000"]


def test_a_page_that_comes_in_parts_is_taken_together_and_unknown_states_are_waited_for() -> None:
    """Mailchimp may page an operation itself; a state that nobody documented is not the end."""
    todo, token = work(recipients=1001), {"batch": "b", "polls": 0, "from": 0, "tries": 0}

    step = READER.read(todo, token, b'{"id": "b", "status": "resting"}', {})

    assert step == Step(b"[]", (), {**token, "polls": 1}, wait=1.5)
    parts = [("0", 200, ["a"]), ("0", 200, ["b"]), ("1000", 200, ["c"])]
    body = tarball([[result(*part) for part in parts]])
    step = READER.read(todo, {"batch": "b", "url": "https://example.invalid/x", "from": 0, "tries": 0}, body, {})
    assert orjson.loads(step.body) == {"emails": ["a", "b", "c"]}
    assert step.next is None


def test_waits_grow_to_a_minute_and_end() -> None:
    todo = work()

    waits = [
        READER.read(todo, {"batch": "b", "polls": polls, "from": 0, "tries": 0}, b'{"id": "b", "status": "started"}', {})
        for polls in (0, 1, 2, 3, 9, 10, MOST_POLLS - 1, MOST_POLLS)
    ]

    assert [step.wait for step in waits] == [1.5, 2.25, 3.375, 5.0625, 1.5**10, 60, 60, 0]
    assert waits[-1].next == {"singly": [[0, 1000], [1000, 1000], [2000, 1000]], "end": 3000, "after": None}


@pytest.mark.parametrize("body", [b"<html>", gzip.compress(b"no tar", mtime=0), gzip.compress(b"x" * 2000, mtime=0)[:-20]])
def test_a_damaged_result_is_an_error_and_a_fresh_link_is_asked_for(body: bytes) -> None:
    token = {"batch": "b", "url": "https://example.invalid/x", "from": 0, "tries": 0}

    with pytest.raises(ResponseError, match="cannot be unpacked") as caught:
        READER.read(work(), token, body, {})

    assert READER.recover(work(), token, caught.value) == {"from": 0, "tries": 1, "batch": "b", "polls": 0}
    assert "singly" in (READER.recover(work(), {**token, "tries": MOST_TRIES}, caught.value) or {})


def test_a_refused_key_is_not_recovered_from() -> None:
    for token in ({"from": 0, "tries": 0}, {"batch": "b", "polls": 0, "from": 0, "tries": 0}):
        assert READER.recover(work(), token, AuthError("no")) is None
    assert READER.recover(work(), {"offset": 0, "count": 1000}, SkipStreamError("x", reason="gone")) is None


def test_a_list_that_has_grown_is_read_on_singly_too() -> None:
    token = {"singly": [[1000, 1000]], "end": 2000, "after": None}

    steps = [
        READER.read(work(), token, orjson.dumps({"emails": [], "total_items": total}), {}).next for total in (1999, 2000, 2001)
    ]

    assert steps == [None, None, {"offset": 2000, "count": 1000}]


def test_a_page_that_is_too_slow_singly_is_halved() -> None:
    token = {"singly": [[1000, 1000], [2000, 1000]], "after": None}

    assert READER.shrink(work(), token) == {"singly": [[1000, 500], [1500, 500], [2000, 1000]], "after": None}
    assert READER.shrink(work(), {"batch": "b"}) is None


def test_a_link_that_ran_out_is_an_error_of_its_own_and_not_a_throttle() -> None:
    connector = Mailchimp("letters", MailchimpSettings(connector="mailchimp", base_url="http://127.0.0.1/3.0"), {})
    body = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'

    error = connector.failure(403, {"content-type": "application/xml"}, body)

    assert type(error) is ResponseError
    assert "not good any more" in str(error)


def result(operation: str, status: int, records: list[Any]) -> dict[str, Any]:
    page = {"emails": records, "total_items": 1001}
    return {"status_code": status, "operation_id": operation, "response": orjson.dumps(page).decode()}


def archive(pages: dict[str, tuple[int, Any]]) -> bytes:
    return tarball([[
        {"status_code": status, "operation_id": key, "response": orjson.dumps(page).decode()}
        for key, (status, page) in pages.items()
    ]])  # fmt: skip


def tarball(files: list[Any]) -> bytes:
    import tarfile
    from io import BytesIO

    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for number, file in enumerate(files):
            text = orjson.dumps(file)
            info = tarfile.TarInfo(f"./x/{number}.json")
            info.size = len(text)
            tar.addfile(info, BytesIO(text))
    return packed.getvalue()


def test_the_setting_is_a_number_of_at_least_nothing() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        MailchimpSettings(connector="mailchimp", batch_over=-1)
    assert MailchimpSettings(connector="mailchimp").batch_over == 20_000


def test_every_reader_of_recipients_knows_batches() -> None:
    heavy = {name for name, stream in STREAMS.items() if isinstance(stream.reader, BatchPages)}

    assert heavy == {"sent_to", "email_activity", "open_details"}


def test_a_batch_of_the_sandbox_passes_every_state(account: Any) -> None:
    with account.client() as client:
        batch = sent(client)
        states = [client.get_json(f"batches/{batch['id']}")["status"] for _ in STATES]

    assert [batch["status"], *states] == [*STATES, STATES[-1]]


def sent(client: Client) -> Any:
    return orjson.loads(client.send(READER.request(work(), READER.start(work()))).body)


@pytest.mark.parametrize(
    "operations",
    [[], None, [{"method": "GET", "path": "/ping"}] * 1001],
    ids=["none", "no list", "too many"],
)
def test_the_sandbox_refuses_batches_that_the_vendor_refuses(account: Any, operations: Any) -> None:
    with account.client() as client, pytest.raises(ResponseError, match="HTTP 400, Invalid Resource.*operations: "):
        client.send(Request("POST", "batches", json={"operations": operations}))


def test_the_sandbox_writes_nothing_in_a_batch_either(account: Any) -> None:
    operations = [
        {"method": "DELETE", "path": "/lists/0a1b2c3d4e", "operation_id": "x"},
        {"method": "GET", "path": "/nothing", "operation_id": "y"},
        {"method": "GET", "path": "/ping", "operation_id": "z"},
    ]
    with account.client() as client:
        batch = orjson.loads(client.send(Request("POST", "batches", json={"operations": operations})).body)
        for _ in STATES:
            found = client.get_json(f"batches/{batch['id']}")
        refused = client.send(Request(path=found["response_body_url"]))

    assert (found["total_operations"], found["finished_operations"], found["errored_operations"]) == (3, 3, 2)
    assert refused.body[:2] == b"\x1f\x8b"


def test_batches_work_over_a_real_socket_with_the_result_at_another_host(rich: World, tmp_path: Any) -> None:
    """`localhost` is another host than 127.0.0.1: the key does not go there, and with it the file would be refused."""
    from persync.connect.pull import PullOptions, pull
    from persync.sandbox.server import running
    from persync_mailchimp.sandbox import SANDBOX

    rich.platforms = ("mailchimp", "shopify")
    with running(rich, [SANDBOX], folder=tmp_path) as info:
        (connection,) = info["connections"].values()
        settings = MailchimpSettings(connector="mailchimp", base_url=connection["base_url"], batch_over=1)
        connector = Mailchimp("letters", settings, {"token": info["secrets"]["MAILCHIMP_API_KEY"]})
        result = pull(
            tmp_path / "store.db",
            [connector],
            PullOptions(now=NOW, streams=("reports", "sent_to", "email_activity")),
            client=lambda one, stop: Client(one, stop=stop, sleep=lambda seconds: False),
        )

    assert result.exit_code == 0
    assert {one.stream: one.records for one in result.streams} == {"reports": 7, "sent_to": 9, "email_activity": 4}


def test_a_part_that_failed_makes_its_page_be_asked_for_again_whatever_its_body_holds() -> None:
    todo = work(recipients=1001)
    parts = [("0", 200, ["a"]), ("0", 500, ["b"]), ("1000", 200, ["c"])]
    token = {"batch": "b", "url": "https://example.invalid/x", "from": 0, "tries": 0}

    step = READER.read(todo, token, tarball([[result(*part) for part in parts]]), {})

    assert orjson.loads(step.body) == {"emails": ["a", "c"]}
    assert step.next == {"singly": [[0, 1000]], "end": 2000, "after": None}
    # What was expected is no count of the vendor's: nothing is missing when it turns out to be too much.
    assert READER.read(todo, token, b"", {}).total is None
