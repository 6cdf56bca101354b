"""Consent by type of subscription: read with addresses of which none is written down, dated, and never assumed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect.page import Shaped
from persync.connect.pull import PullOptions, PullResult, pull
from persync.connect.stream import AccountFacts, Context, Work
from persync.errors import ResponseError, TransientError
from persync.rows import Consent, ConsentChange, Person, Segment
from persync_hubspot import consent_log, streams_mail
from persync_hubspot.consent_readers import AddressStatuses, LogPages, OptOutPages
from persync_hubspot.properties import millis
from persync_hubspot.sandbox_terms import Terms, lacking
from support import table

Shape = Callable[..., Shaped]
BY_TYPE = ("account", "contacts", "subscription_types", "subscription_optouts", "subscription_statuses", "consent_changes")
ANN = Person(("email", "ann@example.com"))


def pulled(store: Path, account: Any, *streams: str, now: int = 0, **options: Any) -> PullResult:
    asked = PullOptions(now=now or account.world.now, streams=streams or BY_TYPE, **options)
    return pull(store, [account.connector()], asked, client=account.client)


def work_of(stream: Any, account: Any, *, since: int | None = None, reader: Any = None) -> Work:
    return Work(stream, "hubspot", None, AccountFacts(), "", {}, since, account.world.now, since is None)


def walk(reader: Any, account: Any, work: Work) -> list[tuple[dict[str, Any], Any, list[Any]]]:
    """Read a window as a pull does: each token, its call, and the records of the answer."""
    found, token = [], reader.start(work)
    with account.client(account.connector()) as client:
        while token is not None:
            assert len(found) < 200, "the reader goes in circles"
            request = reader.request(work, token)
            try:
                answer = client.send(request)
            except TransientError:
                token = reader.shrink(work, token)
                assert token is not None
                continue
            step = reader.read(work, token, answer.body, answer.headers)
            page = orjson.loads(step.body)
            found.append((token, request, page[step.at[0]]))
            token = step.next
    return found


# -- rows ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "consent"),
    [
        ({"subscriptionId": 7, "status": "SUBSCRIBED"}, Consent(ANN, "email/7", "subscribed", changed_at=1)),
        ({"subscriptionId": 7, "status": "UNSUBSCRIBED"}, Consent(ANN, "email/7", "unsubscribed", changed_at=1)),
        ({"subscriptionId": "7", "status": "NOT_SUBSCRIBED"}, Consent(ANN, "email/7", "not_subscribed", changed_at=1)),
        (
            {"subscriptionId": 7, "status": "NOT_SPECIFIED", "timestamp": "1970-01-01T00:00:00Z", "source": ""},
            Consent(ANN, "email/7", "unknown"),
        ),
        (
            {"subscriptionId": 7, "status": "SUBSCRIBED", "legalBasis": "LEGITIMATE_INTEREST_PQL", "source": "Form ann@x.org"},
            Consent(ANN, "email/7", "subscribed", level="legitimate_interest_pql", changed_at=1),
        ),
        ({"wideStatusType": "PORTAL_WIDE", "status": "UNSUBSCRIBED"}, Consent(ANN, "email/all", "unsubscribed", changed_at=1)),
        (
            {"wideStatusType": "BUSINESS_UNIT_WIDE", "businessUnitId": 3, "status": "UNSUBSCRIBED"},
            Consent(ANN, "email/all/3", "unsubscribed", changed_at=1),
        ),
    ],
)  # fmt: skip
def test_a_status_is_a_consent_by_type_and_not_specified_is_none(shaped: Shape, told: Any, consent: Consent) -> None:
    record = {"subscriberIdString": "ann@example.com", "timestamp": "1970-01-01T00:00:00.001Z", **told}
    found = shaped(streams_mail.SUBSCRIPTION_STATUSES, orjson.dumps({"results": [record]}))

    assert (found.rejects, found.rows) == ([], [consent])


@pytest.mark.parametrize(
    ("told", "field"),
    [({"status": "MAYBE"}, "status"), ({"status": "SUBSCRIBED"}, "subscriptionId"), ({"statuses": None}, "status")],
)
def test_a_status_that_says_nothing_is_a_reject_without_the_address(shaped: Shape, told: Any, field: str) -> None:
    record = {"subscriberIdString": "ann@example.com", "timestamp": "1970-01-01T00:00:00Z", **told}
    (reject,) = shaped(streams_mail.SUBSCRIPTION_STATUSES, orjson.dumps({"results": [record]})).rejects

    assert reject.field == field
    assert "ann" not in reject.record + reject.shape


def test_a_flag_on_the_contact_is_an_opt_out_and_false_is_no_consent(shaped: Shape) -> None:
    """Strings are strings: "false" is not true, and not a yes either; other properties are no flags."""
    flags = {
        "email": "ann@example.com",
        "hs_email_optout": "true",
        "hs_email_optout_7": "true",
        "hs_email_optout_8": "false",
        "hs_email_optout_9": "",
        "hs_email_optout_survey_reason": "too many",
    }
    found = shaped(streams_mail.SUBSCRIPTION_OPTOUTS, orjson.dumps({"results": [{"id": "5", "properties": flags}]}))

    ann = Person(("id", "5"), ("email", "ann@example.com"))
    assert found.rows == [
        Consent(ann, "email_optout/7", "unsubscribed", source="hs_email_optout"),
        Consent(ann, "email_optout/8", "unknown", source="hs_email_optout"),
    ]


def test_types_of_subscription_get_their_names(shaped: Shape) -> None:
    kind = {"id": "7", "name": "News", "communicationMethod": "Email", "purpose": "Marketing", "description": "x"}

    assert shaped(streams_mail.SUBSCRIPTION_TYPES, orjson.dumps({"results": [kind]})).rows == [
        Segment("subscription", "7", name="News", rule="Email/Marketing")
    ]


def test_the_log_gives_dated_changes_and_leaves_bounces_to_the_events(at: Callable[..., Context]) -> None:
    entry = {
        "timestamp": 5,
        "recipient": "ann@example.com",
        "changes": [
            {"change": "UNSUBSCRIBED", "changeType": "SUBSCRIPTION_STATUS", "subscriptionId": 7, "source": "SOURCE_RECIPIENT"},
            {"change": "SUBSCRIBED", "changeType": "PORTAL_STATUS"},
            {"change": "SUBSCRIBED", "changeType": "SUBSCRIPTION_STATUS"},
            {"change": "REPORTED_SPAM", "changeType": "PORTAL_SPAM_REPORT"},
            {"change": "BOUNCED"},
            {},
        ],
    }

    assert list(streams_mail.CONSENT_CHANGES.rows(entry, at())) == [
        ConsentChange(ANN, "email/7", "unsubscribed", 5),
        ConsentChange(ANN, "email", "subscribed", 5),
    ]


def test_another_log_of_consent_takes_the_place_of_v1_behind_the_seam(at: Callable[..., Context]) -> None:
    class Export:
        record = dict
        reader = LogPages(at="rows")
        path = "/exports/consent"
        scopes = ("crm.export",)
        supported_until = None
        unused = ()

        def changes(self, record: Any) -> Any:
            yield consent_log.LogEntry(record["who"], "unsubscribed", record["when"], "7")

    stream = consent_log.consent_log_stream(Export())

    assert (stream.name, stream.path, stream.supported_until) == ("consent_changes", "/exports/consent", None)
    assert list(stream.rows({"who": "ann@example.com", "when": 5}, at())) == [ConsentChange(ANN, "email/7", "unsubscribed", 5)]
    assert streams_mail.CONSENT_CHANGES.supported_until == "2027-09-01"


# -- readers ---------------------------------------------------------------------------------------------------------------


def test_no_token_holds_an_address_while_statuses_are_asked_for(account: Any) -> None:
    """A page of contacts, their statuses, whether they left all: and so on behind the last id, two people a page."""
    reader = AddressStatuses(limit=2)
    work = work_of(streams_mail.SUBSCRIPTION_STATUSES, account)
    steps = walk(reader, account, work)

    assert [token["ask"] for token, _, _ in steps] == ["people", "statuses", "unsubscribe-all"] * 2
    assert not any("@" in orjson.dumps(token).decode() for token, _, _ in steps)
    assert not any("@" in request.path for _, request, _ in steps)
    assert work.memo == {}
    asked = [one for token, request, _ in steps if token["ask"] == "statuses" for one in request.json["inputs"]]
    # The fourth was held back and never sent anything.
    assert asked == [f"p{number}@example.com" for number in (1, 2, 3, 5)]
    told = [(one["subscriberIdString"], one["status"]) for _, _, records in steps for one in records if "wideStatusType" in one]
    assert told == [
        ("p1@example.com", "NOT_SPECIFIED"),
        ("p2@example.com", "NOT_SPECIFIED"),
        ("p3@example.com", "UNSUBSCRIBED"),
        ("p5@example.com", "NOT_SPECIFIED"),
    ]


@pytest.mark.parametrize(("tier", "status"), [("pro", 403), ("enterprise", 200)])
def test_doctor_asks_for_the_statuses_themselves_and_names_nobody(account_of: Any, tier: str, status: int) -> None:
    """The search for contacts is allowed on any tier: asking it would say that all is well."""
    account = account_of(terms=Terms(tier=tier))
    request = AddressStatuses().probe(work_of(streams_mail.SUBSCRIPTION_STATUSES, account))
    answer = account.ask(request.method, request.path, params=request.params, json=request.json)

    assert (answer.status_code, request.json) == (status, {"inputs": ["nobody@example.com"]})


@pytest.mark.parametrize("stop", [1, 2])
def test_a_pull_that_goes_on_after_a_break_asks_for_the_people_again(account: Any, stop: int) -> None:
    """What was held in memory is gone: the same page of contacts, then the question that was due."""
    reader = AddressStatuses(limit=2)
    token, *_ = walk(reader, account, work_of(streams_mail.SUBSCRIPTION_STATUSES, account))[stop]
    resumed = work_of(streams_mail.SUBSCRIPTION_STATUSES, account)
    asked, seen = [], []
    with account.client(account.connector()) as client:
        while token is not None and len(asked) < 3:
            assert token not in seen
            seen.append(token)
            request = reader.request(resumed, token)
            asked.append(request.path.rpartition("2026-09")[2])
            answer = client.send(request)
            token = reader.read(resumed, token, answer.body, answer.headers).next

    statuses, everything = "/statuses/batch/read", "/statuses/batch/unsubscribe-all/read"
    assert asked == ["/0-1/search", *((statuses, everything) if stop == 1 else (everything, "/0-1/search"))]


def test_a_partial_answer_gives_what_it_has(account: Any) -> None:
    """207: one of the addresses is none; the others are read."""
    path = "/communication-preferences/2026-09/statuses/batch/read"
    answer = account.ask("POST", path, params={"channel": "EMAIL"}, json={"inputs": ["p1@example.com", "nobody"]})
    reader, work = AddressStatuses(), work_of(streams_mail.SUBSCRIPTION_STATUSES, account)
    work.memo["0"] = ["p1@example.com", "nobody"]
    step = reader.read(work, {"last": "0", "ask": "statuses", "to": "1", "more": False}, answer.content, {})

    assert answer.status_code == 207
    assert [one["subscriberIdString"] for one in orjson.loads(step.body)["results"]] == ["p1@example.com"] * 2


def test_opt_outs_are_searched_for_by_the_flags_that_the_account_has(account: Any) -> None:
    """At first who has a flag; later who changed and has one. Four types a search: it takes eighteen filters."""
    reader = OptOutPages(limit=1)
    first = walk(reader, account, work_of(streams_mail.SUBSCRIPTION_OPTOUTS, account))
    later = walk(reader, account, work_of(streams_mail.SUBSCRIPTION_OPTOUTS, account, since=account.world.people[3].updated_at))
    many = {"names": [f"hs_email_optout_{number}" for number in range(6)], "last": "0"}
    request = reader.request(work_of(streams_mail.SUBSCRIPTION_OPTOUTS, account, since=1), many)

    assert [one["id"] for _, _, records in first for one in records] == ["101", "102", "103", "104", "105"]
    assert [one["id"] for _, _, records in later for one in records] == ["103", "104", "105"]
    assert [len(group["filters"]) for group in request.json["filterGroups"]] == [4, 4, 4, 4]
    after = orjson.dumps({"results": [], "total": 0})
    step = reader.read(work_of(streams_mail.SUBSCRIPTION_OPTOUTS, account, since=1), many, after, {})
    assert step.next == {"names": ["hs_email_optout_4", "hs_email_optout_5"], "last": "0"}


@pytest.mark.parametrize("alive", [None, 1])
def test_the_log_is_read_whole_though_its_offsets_die(account_of: Any, build: Any, alive: int | None) -> None:
    """No order is promised, so a dead offset halves the time asked for; nothing is lost."""
    people = {number: build.person(number, created_at=build.now - number * build.day) for number in range(1, 41)}
    account = account_of(people=people, messages=[], deals=[], orders=[], offset_pages=alive)
    work = work_of(streams_mail.CONSENT_CHANGES, account, since=build.now - 60 * build.day)
    steps = walk(LogPages(at="timeline", limit=5), account, work)

    seen = {one["recipient"] for _, _, records in steps for one in records}
    assert seen == {f"p{number}@example.com" for number in people}
    halved = len({token["to"] for token, _, _ in steps}) > 1
    assert halved == (alive is not None)


def test_a_log_too_full_for_its_offsets_ends_in_an_error_not_in_a_circle(account: Any) -> None:
    reader, work = LogPages(at="timeline", shortest=1000), work_of(streams_mail.CONSENT_CHANGES, account, since=0)
    token: Any = {"from": 0, "to": 1_500, "offset": "dead"}

    assert reader.shrink(work, token) is None
    assert reader.shrink(work, {"from": 0, "to": 4_000, "offset": "dead"}) == {"from": 0, "to": 2_000}
    assert reader.shrink(work, {"from": 0, "to": 4_000}) is None


@pytest.mark.parametrize("rest", [{}, {"offset": None}, {"offset": ""}])
def test_a_log_that_has_more_and_does_not_say_where_is_asked_for_in_shorter_times(account: Any, rest: Any) -> None:
    reader, work = LogPages(at="timeline", shortest=1000), work_of(streams_mail.CONSENT_CHANGES, account, since=0)
    body = orjson.dumps({"hasMore": True, **rest, "timeline": []})
    token: Any = {"from": 0, "to": 4_000}

    assert reader.read(work, token, body, {}).next == {"from": 0, "to": 2_000}
    with pytest.raises(ResponseError, match="more entries, and not where"):
        reader.read(work, {"from": 0, "to": 1_500}, body, {})


# -- through the store -----------------------------------------------------------------------------------------------------


def test_consent_by_type_reaches_the_store_and_no_address_does(account: Any, tmp_path: Path) -> None:
    store = tmp_path / "a.db"
    result = pulled(store, account)

    assert [(one.stream, one.state, one.rejects) for one in result.streams if (one.state, one.rejects) != ("done", 0)] == []
    assert table(
        store, "SELECT channel, state, count(*) FROM consents WHERE channel != 'email' GROUP BY 1, 2 ORDER BY 1, 2"
    ) == [
        ("email/23704464", "subscribed", 3),
        ("email/23704464", "unsubscribed", 1),
        ("email/23704465", "unknown", 3),
        ("email/23704465", "unsubscribed", 1),
        ("email/all", "unknown", 3),
        ("email/all", "unsubscribed", 1),
        ("email_optout/23704464", "unknown", 4),
        ("email_optout/23704464", "unsubscribed", 1),
        ("email_optout/23704465", "unsubscribed", 1),
    ]
    assert b"@example.com" not in b"".join(path.read_bytes() for path in tmp_path.glob("a.db*"))
    again = pulled(store, account)
    assert again.changed == 0


def test_a_withdrawal_arrives_as_a_dated_fact_in_the_next_pull(account_of: Any, build: Any, tmp_path: Path) -> None:
    store, left = tmp_path / "a.db", build.now + build.day
    people = {1: build.person(1)}
    before = account_of(people=people, messages=[], deals=[], orders=[])
    pulled(store, before)
    gone = build.person(1, status="unsubscribed", status_changed_at=left, updated_at=left)
    after = account_of(people={1: gone}, messages=[], deals=[], orders=[], now=build.now + 3 * build.day)
    pulled(store, after)

    born = build.person(1).created_at
    assert table(store, "SELECT channel, state, happened_at FROM consent_changes ORDER BY happened_at") == [
        ("email/23704464", "subscribed", born),
        ("email/23704464", "unsubscribed", left),
    ]
    assert table(store, "SELECT channel, state FROM consents WHERE channel LIKE 'email_optout/%' ORDER BY 1, number") == [
        ("email_optout/23704464", "unknown"),
        ("email_optout/23704464", "unsubscribed"),
        ("email_optout/23704465", "unknown"),
    ]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (
            Terms(without=lacking(["communication_preferences.statuses.batch.read"])),
            "scope: the key lacks the scope communication_preferences.statuses.batch.read (HTTP 403).",
        ),
        (Terms(tier="starter"), "tier: the account may not read this (HTTP 403)"),
    ],
)
def test_without_enterprise_the_flags_on_contacts_still_tell(
    account_of: Any, tmp_path: Path, terms: Terms, reason: str
) -> None:
    """The stream that may not be read is said, with the scope by name; what any tier gives is there."""
    result = pulled(tmp_path / "a.db", account_of(terms=terms))

    held = {one.stream: one.reason for one in result.streams if one.state != "done"}
    assert list(held) == ["subscription_statuses"]
    assert str(held["subscription_statuses"]).startswith(reason)
    assert result.exit_code == 0
    channels = {channel for (channel,) in table(tmp_path / "a.db", "SELECT DISTINCT channel FROM consents")}
    assert channels == {"email", "email_optout/23704464", "email_optout/23704465"}


def test_the_moment_of_a_status_is_hubspots_own(shaped: Shape) -> None:
    record = {"subscriberIdString": "ann@example.com", "timestamp": "2025-05-02T10:15:00Z", "status": "SUBSCRIBED"}
    (row,) = shaped(streams_mail.SUBSCRIPTION_STATUSES, orjson.dumps({"results": [{**record, "subscriptionId": 7}]})).rows

    assert isinstance(row, Consent)
    assert row.changed_at == millis("2025-05-02T10:15:00Z", "")


def test_a_full_pull_sees_that_an_opt_out_was_lifted(account_of: Any, build: Any, tmp_path: Path) -> None:
    store, back = tmp_path / "a.db", build.now + build.day
    out = build.person(1, status="unsubscribed", status_changed_at=build.now - build.day)
    pulled(store, account_of(people={1: out}, messages=[], deals=[], orders=[]))
    again = build.person(1, status="subscribed", status_changed_at=back, updated_at=back)

    pulled(store, account_of(people={1: again}, messages=[], deals=[], orders=[], now=build.now + 3 * build.day), full=True)

    assert table(store, "SELECT state FROM consents WHERE channel = 'email_optout/23704464' ORDER BY number") == [
        ("unsubscribed",),
        ("unknown",),
    ]
