"""Answers break as planned, and only those."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from persync.errors import ConfigError
from persync.sandbox import Refusal
from persync.sandbox.fault_words import WORDS
from persync.sandbox.faults import KINDS, Fault, Faults, Schedule, parse_fault

GOOD = {"members": [1, 2, 3], "total_items": 3}


async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Answer with GOOD, or with what was posted."""
    sent = (await receive()).get("body", b"")
    body = sent or json.dumps(GOOD).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class Answer:
    """What a client would have seen."""

    def __init__(self) -> None:
        self.status, self.headers, self.body, self.complete = 0, dict[str, str](), b"", False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message["body"]
            self.complete = not message["more_body"]


def ask(
    wrapped: Faults, path: str = "/lists", query: str = "", body: bytes = b"", method: str = "GET", token: str = ""
) -> Answer:
    answer = Answer()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"authorization", token.encode())] if token else []
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers}
    asyncio.run(wrapped(scope, receive, answer))
    return answer


@pytest.mark.parametrize(
    ("kind", "status", "content"),
    [
        ("too_many", 429, "application/json"),
        ("throttled_403", 403, "text/html"),
        ("unauthorised", 401, "application/json"),
        ("broken", 500, "application/json"),
        ("gateway", 502, "text/html"),
        ("bad_json", 200, "application/json"),
    ],
)
def test_a_fault_answers_once_in_its_own_shape_and_then_the_vendor_again(kind: str, status: int, content: str) -> None:
    wrapped = Faults(app, Schedule(Fault(kind)))

    broken, good = ask(wrapped), ask(wrapped)

    assert (broken.status, broken.headers["content-type"]) == (status, content)
    assert int(broken.headers["content-length"]) == len(broken.body)
    assert (good.status, json.loads(good.body)) == (200, GOOD)


@pytest.mark.parametrize("kind", ["throttled_403", "gateway", "bad_json", "truncated"])
def test_some_answers_are_not_json(kind: str) -> None:
    answer = ask(Faults(app, Schedule(Fault(kind))))

    with pytest.raises(ValueError):
        json.loads(answer.body)


def test_retry_after_is_sent_only_when_asked_for() -> None:
    wrapped = Faults(app, Schedule(Fault("too_many", retry_after=1.5), Fault("too_many", after=1)))

    assert [ask(wrapped).headers.get("retry-after") for _ in range(3)] == ["1.5", None, None]


def test_a_truncated_body_keeps_good_http() -> None:
    answer = ask(Faults(app, Schedule(Fault("truncated"))))

    assert answer.complete
    assert int(answer.headers["content-length"]) == len(answer.body) == len(json.dumps(GOOD)) // 2


def test_a_reset_promises_more_than_it_sends() -> None:
    answer = ask(Faults(app, Schedule(Fault("reset"))))

    assert not answer.complete
    assert int(answer.headers["content-length"]) == len(json.dumps(GOOD)) > len(answer.body) > 0


def test_a_slow_answer_is_still_the_right_one() -> None:
    assert json.loads(ask(Faults(app, Schedule(Fault("slow", seconds=0.0)))).body) == GOOD


def test_faults_strike_only_what_they_match_after_so_many_and_so_often() -> None:
    schedule = Schedule(Fault("broken", match=r"^GET /lists\?.*offset=1000", after=1, times=2))
    wrapped = Faults(app, schedule)

    asked = ["offset=0", "offset=1000", "offset=1000", "offset=1000", "offset=1000"]
    assert [ask(wrapped, query=query).status for query in asked] == [200, 200, 500, 500, 200]
    assert ask(wrapped, path="/reports", query="offset=1000").status == 200
    assert schedule.struck == [("broken", "GET /lists?offset=1000")] * 2


def test_a_fault_without_end_strikes_for_ever() -> None:
    wrapped = Faults(app, Schedule(Fault("gateway", after=1, times=None)))

    assert [ask(wrapped).status for _ in range(4)] == [200, 502, 502, 502]


def test_a_fault_can_look_into_the_body_and_the_vendor_still_gets_it() -> None:
    wrapped = Faults(app, Schedule(Fault("broken", body=r"customers\(")))
    orders, customers = b'{"query": "{ orders(first: 1) }"}', b'{"query": "{ customers(first: 1) }"}'

    answers = [ask(wrapped, body=body, method="POST") for body in (orders, customers, customers)]

    assert [answer.status for answer in answers] == [200, 500, 200]
    assert [answers[0].body, answers[2].body] == [orders, customers]


def test_faults_can_be_planned_while_the_server_runs() -> None:
    schedule = Schedule()
    wrapped = Faults(app, schedule)

    before = ask(wrapped).status
    schedule.add(Fault("unauthorised"))

    assert (before, ask(wrapped).status, ask(wrapped).status) == (200, 401, 200)


def test_an_unknown_fault_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"unknown fault 'truncate'. Did you mean 'truncated'\?"):
        Schedule(Fault("truncate"))


PAGE = {"members": [{"id": "a", "name": "x"}, {"id": "b", "name": "y"}], "total_items": 2}
CONNECTION = {"data": {"orders": {"nodes": [{"id": "a"}], "pageInfo": {"hasNextPage": False, "endCursor": None}}}}


@pytest.mark.parametrize(
    ("kind", "page", "becomes"),
    [
        ("reordered_page", PAGE, {**PAGE, "members": PAGE["members"][::-1]}),  # type: ignore[index]
        ("doubled_page", PAGE, {**PAGE, "members": PAGE["members"] * 2}),  # type: ignore[operator]
        ("emptied_page", PAGE, {**PAGE, "members": []}),
        ("missing_field", PAGE, {**PAGE, "members": [{"name": "x"}, {"id": "b", "name": "y"}]}),
        ("endless_next", PAGE, {**PAGE, "total_items": 10**9}),
        ("empty_with_next", PAGE, {"members": [], "total_items": 10**9}),
        (
            "endless_next",
            CONNECTION,
            {"data": {"orders": {"nodes": [{"id": "a"}], "pageInfo": {"hasNextPage": True, "endCursor": "same"}}}},
        ),
        ("endless_next", {"results": [{"id": "a"}]}, {"results": [{"id": "a"}], "paging": {"next": {"after": "same"}}}),
        ("endless_next", {"no": "records"}, {"no": "records"}),
    ],
)
def test_a_page_lies_about_one_thing_and_tells_the_truth_otherwise(kind: str, page: object, becomes: object) -> None:
    answer = ask(Faults(app, Schedule(Fault(kind))), body=json.dumps(page).encode())

    assert json.loads(answer.body) == becomes
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_every_kind_is_told_in_words() -> None:
    assert tuple(sorted(WORDS)) == KINDS


def listed(*names: str) -> bytes:
    return json.dumps({"members": [{"id": name} for name in names], "total_items": 9}).encode()


@pytest.mark.parametrize(("kind", "becomes"), [("repeated_page", ["a", "b"]), ("overlapping_page", ["b", "c"])])
def test_a_page_of_another_offset_comes_again_only_where_the_same_list_had_one(kind: str, becomes: list[str]) -> None:
    pages = iter([listed("a", "b"), listed("x"), listed("c")])

    async def lists(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": next(pages), "more_body": False})

    wrapped = Faults(lists, Schedule(Fault(kind)))

    asked = ["count=2&offset=0", "status=archived&count=2&offset=2", "count=2&offset=2"]
    found = [[one["id"] for one in json.loads(ask(wrapped, query=query).body)["members"]] for query in asked]

    assert found == [["a", "b"], ["x"], becomes]


def test_an_expired_token_is_refused_until_another_is_used() -> None:
    wrapped = Faults(app, Schedule(Fault("token_expired", after=1)))

    tokens = ["one", "one", "one", "two", "one"]
    assert [ask(wrapped, token=token).status for token in tokens] == [200, 401, 401, 200, 401]


def test_a_refusal_is_the_vendors_own_where_its_sandbox_has_one() -> None:
    def own(kind: str, path: str) -> Refusal | None:
        return Refusal(418, {"kind": kind, "path": path}) if kind == "too_many" else None

    wrapped = Faults(app, Schedule(Fault("too_many_for", retry_after=3.0), Fault("broken", after=1)), {"post": own})

    throttled, broken = (ask(wrapped, path="/post/lists") for _ in range(2))

    assert (throttled.status, json.loads(throttled.body)) == (418, {"kind": "too_many", "path": "/post/lists"})
    assert (throttled.headers["retry-after"], broken.status) == ("3", 500)


def test_a_schedule_that_is_cleared_breaks_nothing() -> None:
    schedule = Schedule(Fault("broken", times=None))
    wrapped = Faults(app, schedule)

    before = ask(wrapped).status
    schedule.clear()

    assert (before, ask(wrapped).status, schedule.struck) == (500, 200, [])


def test_a_fault_is_read_from_a_line() -> None:
    text = r"too_many,match=/lists/\w+\?,body=x=1,after=2,times=3,retry_after=1.5,seconds=0"

    assert parse_fault(text) == Fault("too_many", r"/lists/\w+\?", "x=1", 2, 3, 1.5, 0.0)
    assert parse_fault("hang,times=all") == Fault("hang", times=None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("truncate", r"unknown fault 'truncate'. Did you mean 'truncated'\?"),
        ("hang,afer=1", r"has no 'afer'. Did you mean 'after'\?"),
        ("hang,after=x", "'x' cannot be the after"),
        ("hang,after=1.5", "'1.5' cannot be the after"),
        ("hang,times=-1", "'-1' cannot be the times"),
        ("hang,match=(", r"'\(' cannot be the match"),
    ],
)
def test_a_line_that_is_no_fault_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_fault(text)
