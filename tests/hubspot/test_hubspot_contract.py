"""Every call the connector makes and every answer the imitation gives, held against HubSpot's own descriptions."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubspot.openapi import FAULTS, Contract
from persync.connect.page import Shaper
from persync.connect.pull import PullOptions, PullResult, pull
from persync.connect.stream import Step
from persync.sandbox.world import Send
from persync_hubspot import streams

pytestmark = pytest.mark.shared
EVERY_STREAM = tuple(stream.name for stream in streams.STREAMS)


@pytest.fixture(scope="module")
def contract(shared: Path) -> Contract:
    return Contract(shared / "specs" / "hubspot")


def pull_all(account: Any, store: Path, *, now: int, names: tuple[str, ...] = EVERY_STREAM) -> PullResult:
    """Pull every stream, those that are not read by default too."""
    return pull(store, [account.connector()], PullOptions(now=now, streams=names), client=account.client)


def problems_of(contract: Contract, account: Any) -> list[str]:
    """Return what does not fit, of every call so far and of every answer to it."""
    found = []
    for call, answer in zip(account.transport.calls, account.transport.answers, strict=True):
        method, path, query = call.method, call.url.path, call.url.query.decode()
        found += contract.request_problems(method, path, query, json.loads(call.content) if call.content else None)
        found += contract.answer_problems(method, path, answer.status_code, json.loads(answer.content))
    return found


def test_every_call_of_two_pulls_and_every_answer_fit(
    contract: Contract, account_of: Callable[..., Any], build: Any, tmp_path: Path
) -> None:
    """Everything is read twice: as a first load from the lists, and a week later from the searches."""
    mails = [
        build.mail(1, [Send(1, build.now - 59 * build.day)], test={"id": 31, "percentage": 40, "hours": 4}),
        build.mail(2, [Send(2, build.now - 58 * build.day)], test={"id": 31, "percentage": 40, "is_variation": True}),
        build.mail(3, [], segment={"legacy": ["9", "10"]}),
        build.mail(4, [], kind="AUTOMATED_EMAIL", segment={"lists": ["62"]}),
        build.mail(5, [], deleted_at=build.now - build.day),
    ]
    account = account_of(messages=mails)
    later = account_of(messages=mails, now=build.now + 7 * build.day)

    results = [pull_all(account, tmp_path / "store.db", now=build.now)]
    results.append(pull_all(later, tmp_path / "store.db", now=build.now + 7 * build.day))

    assert [(one.stream, str(one.error)) for result in results for one in result.streams if one.error] == []
    assert problems_of(contract, account) + problems_of(contract, later) == []
    read = {one.stream for result in results for one in result.streams if one.pages}
    assert read == set(EVERY_STREAM)


def test_no_field_of_the_descriptions_is_new(
    contract: Contract, account_of: Callable[..., Any], build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever HubSpot describes is read, or known to be of no use: only what it adds later is told."""
    account = account_of(
        messages=[build.mail(1, [Send(1, build.now - 59 * build.day)]), build.mail(4, [], kind="AUTOMATED_EMAIL")]
    )
    looked: dict[str, Callable[[], set[str]]] = {}
    unread = Shaper.unread

    def note(shaper: Shaper, step: Step) -> set[str]:
        looked[shaper.stream.name] = lambda: unread(shaper, replace(step, body=whole(step.body)))
        return set()

    def whole(body: bytes) -> bytes:
        call = next((call for call, answer in answered if answer.content == body), None)
        return body if call is None else json.dumps(contract.filled(call.method, call.url.path, json.loads(body))).encode()

    monkeypatch.setattr(Shaper, "unread", note)
    pull_all(account, tmp_path / "store.db", now=build.now)
    answered = list(zip(account.transport.calls, account.transport.answers, strict=True))

    assert {name: found for name, find in looked.items() if (found := find())} == {}
    assert len(looked) > 30


@pytest.mark.parametrize(
    ("method", "path", "how"),
    [
        ("GET", "/crm/objects/2026-09/contacts", {"params": {"limit": "1000"}}),
        ("GET", "/marketing/emails/2026-09", {"params": {"limit": "1000"}}),
        ("GET", "/marketing/campaigns/2026-09/nothing/budget/totals", {}),
        ("GET", "/email/public/v1/events", {"params": {"eventType": "ALL"}}),
        ("POST", "/crm/objects/2026-09/contacts/search", {"json": {"limit": 1000}}),
    ],
)
def test_refusals_fit_too(contract: Contract, account: Any, method: str, path: str, how: Any) -> None:
    answer = account.ask(method, path, **how)

    assert answer.status_code >= 400
    assert contract.answer_problems(method, path, answer.status_code, answer.json()) == []


def test_a_call_or_an_answer_that_does_not_fit_is_noticed(contract: Contract) -> None:
    """The judge is judged: a wrong path, name, type, missing parameter, body and answer are each told."""
    emails, search = "/marketing/emails/2026-09", "/crm/objects/2026-09/contacts/search"
    statuses = "/communication-preferences/2026-09/statuses/batch/read"

    assert contract.request_problems("GET", "/marketing/v3/emails") == [
        "GET /marketing/v3/emails: no description has this call"
    ]
    assert contract.request_problems("GET", emails, "limit=ten&sortby=x") == [
        f"GET {emails}: query.limit: 'ten' is not of type 'integer'",
        f"GET {emails}: query.sortby: there is no such parameter",
    ]
    assert contract.request_problems("GET", emails, "updatedAfter=yesterday&type=SPAM")[0].endswith("is not a 'date-time'")
    assert contract.request_problems("POST", statuses, "", {"inputs": ["a@example.com"]}) == [
        f"POST {statuses}: query.channel: it is required"
    ]
    assert contract.request_problems("POST", search, "", {"limit": "200"}) != []
    assert contract.request_problems("GET", emails, "", {"limit": 1}) == [f"GET {emails}: body: this call takes none"]
    assert contract.answer_problems("GET", emails, 200, {"total": 1, "results": [{"isAb": False, "colour": "red"}]}) == [
        f"GET {emails}: answer.results[0]: Additional properties are not allowed ('colour' was unexpected)"
    ]


def test_every_known_fault_of_the_descriptions_is_still_one(contract: Contract, account: Any) -> None:
    """A fault that explains nothing any more is no fault: then its entry must go."""
    judge = contract
    judge.met.clear()
    search, histogram = "/crm/objects/2026-09/contacts/search", "/marketing/emails/2026-09/statistics/histogram"
    limited = {"category": "RATE_LIMITS", "message": "slow down", "correlationId": "c033cdaa-2c40-4a64-ae48-b4cec88dad24"}
    statistics = {"counters": {}, "ratios": {}, "deviceBreakdown": {}, "qualifierStats": {}}
    interval = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}

    body = {"limit": 1, "after": "0", "filterGroups": [], "properties": [], "query": ""}
    judge.request_problems("POST", search, "", {**body, "sorts": [{"propertyName": "email", "direction": "ASCENDING"}]})
    judge.answer_problems("GET", "/marketing/emails/2026-09", 400, {**limited, "status": "error"})
    judge.answer_problems(
        "GET", "/marketing/emails/2026-09", 429, {**limited, "policyName": "DAILY", "errorType": "RATE_LIMIT"}
    )
    judge.answer_problems(
        "GET", histogram, 200, {"total": 1, "results": [{"aggregateStatistic": statistics, "interval": interval}]}
    )

    assert judge.met == set(FAULTS)
    assert all(fault.why for fault in FAULTS.values())
