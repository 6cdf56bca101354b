"""How CRM objects are asked for: caps, walls, long questions, associations of many and of none."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from persync.connect.stream import AccountFacts, Request, Step, Stream, Token, Work
from persync.errors import ResponseError
from persync_hubspot import streams_crm
from persync_hubspot.association_readers import Associations, take_associations
from persync_hubspot.connector import HubSpotSettings
from persync_hubspot.crm_readers import Objects
from persync_hubspot.property_reader import PropertyPages
from persync_hubspot.sandbox_crm import CrmFaults
from persync_hubspot.streams_crm import CRM_STREAMS

NOW = 1_790_812_800_000
DAY = 86_400_000
MANY = {f"custom_field_number_{n:03}": "consent" for n in range(300)}


def work_of(stream: Stream, *, since: int | None = None, attributes: dict[str, str] | None = None) -> Work:
    settings = HubSpotSettings(connector="hubspot", attributes=attributes or {})
    return Work(stream, "hubspot", settings, AccountFacts(), "", {}, since, NOW, since is None)


def walk(account: Any, work: Work) -> Iterator[tuple[Request, Step]]:
    """Read a partition to its end, as the engine does, and yield every call with what came of it."""
    reader = work.stream.reader
    connector = account.connector(attributes=dict(work.settings.attributes))
    token: Token | None = reader.start(work)
    with account.client(connector, threading.Event()) as client:
        while token is not None:
            request = reader.request(work, token)
            answer = client.send(request)
            step = reader.read(work, token, answer.body, answer.headers)
            yield request, step
            token = step.next


def records_of(step: Step) -> list[Any]:
    found: list[Any] = orjson.loads(step.body)["results"]
    return found


def ends_of(record: Any, kind: str) -> list[str]:
    return [end["id"] for end in record["associations"][kind]["results"]]


def test_a_first_load_pages_the_list_and_a_later_pull_searches(account: Any) -> None:
    stream = streams_crm.CONTACTS_STREAM
    first = [request for request, _ in walk(account, work_of(stream))]
    later = [request for request, _ in walk(account, work_of(stream, since=NOW - DAY))]

    assert [(one.method, one.path, one.params["limit"], one.params["archived"]) for one in first] == [
        ("GET", "/crm/objects/2026-09/0-1", "100", "false")
    ]
    assert [(one.method, one.path, one.json["limit"], one.json["after"]) for one in later] == [
        ("POST", "/crm/objects/2026-09/0-1/search", 200, "0")
    ]
    assert later[0].json["filterGroups"] == [
        {
            "filters": [
                {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(NOW - DAY)},
                {"propertyName": "lastmodifieddate", "operator": "LT", "value": str(NOW)},
                {"propertyName": "hs_object_id", "operator": "GT", "value": "0"},
            ]
        }
    ]


@pytest.mark.parametrize("kind", ["companies", "deals", "orders", "carts", "line_items", "tickets", "feedback_submissions"])
def test_all_but_contacts_have_another_modified_date(kind: str) -> None:
    reader = Objects(kind)
    stream = next(one for one in CRM_STREAMS if isinstance(one.reader, Objects) and one.reader.kind == kind)
    work = work_of(stream, since=NOW - DAY)
    filters = reader.request(work, {"last": "0", "after": 0, "limit": 200}).json["filterGroups"][0]["filters"]

    assert [one["propertyName"] for one in filters] == ["hs_lastmodifieddate", "hs_lastmodifieddate", "hs_object_id"]


@pytest.mark.parametrize("since", [None, 0])
def test_three_hundred_opted_in_names_are_asked_for_in_a_body_never_in_a_url(account: Any, since: int | None) -> None:
    """A page of ids, then those by id: no URL over 2,000 characters, no search over 3,000, and every contact is read."""
    work = work_of(streams_crm.CONTACTS_STREAM, since=since, attributes={**MANY, "country": "consent"})
    walked = list(walk(account, work))

    urls = [str(call.url) for call in account.transport.calls]
    bodies = [orjson.loads(call.content) for call in account.transport.calls if call.content]
    assert max(map(len, urls)) < 2_000
    assert [len(body["properties"]) for body in bodies if "inputs" in body] == [len(work.stream.reader._names(work))]
    assert all(len(orjson.dumps(body)) <= 3_000 for body in bodies if "inputs" not in body)
    found = [record for _, step in walked for record in records_of(step)]
    assert [record["id"] for record in found] == ["101", "102", "103", "104", "105"]
    assert {record["properties"]["country"] for record in found} == {"DE"}


def test_short_lists_of_names_cost_no_further_call(account: Any) -> None:
    work = work_of(streams_crm.CONTACTS_STREAM, attributes={"country": "consent", "zip": "consent"})

    assert len(list(walk(account, work))) == 1


def test_what_the_list_cuts_off_is_read_to_its_end(account_of: Callable[..., Any], build: Any) -> None:
    """A deal of 250 people: the list shows a hundred, each twice; batch reads give the rest in pages."""
    people = {n: build.person(n) for n in range(1, 251)}
    deals = [build.deal(1, 1, people=tuple(range(2, 251))), build.deal(2, 5), build.deal(3, None)]
    account = account_of(people=people, deals=deals, faults=CrmFaults(associations_page=90))
    walked = list(walk(account, work_of(streams_crm.DEALS_STREAM)))

    pages = [records_of(step) for _, step in walked]
    assert [[record["id"] for record in page] for page in pages] == [["501", "502", "503"], [], [], [], ["501"]]
    assert len(set(ends_of(pages[0][0], "contacts"))) == 100
    assert ends_of(pages[-1][0], "contacts") == [str(100 + n) for n in range(1, 251)]
    assert [one.json["inputs"] for one, _ in walked[1:4]] == [
        [{"id": "501"}],
        [{"id": "501", "after": "90"}],
        [{"id": "501", "after": "180"}],
    ]


def test_what_belongs_together_is_asked_again_after_a_search(account_of: Callable[..., Any], build: Any) -> None:
    """A search gives no associations; a cart without anybody has an empty list, so that it is known to be nobody's."""
    account = account_of(orders=[build.copy(1, 1), build.copy(2, None)], people={1: build.person(1)})
    walked = list(walk(account, work_of(streams_crm.CARTS_STREAM, since=0)))

    assert [request.path.split("/")[-1] for request, _ in walked] == ["search", "read", "read"]
    found = records_of(walked[-1][1])
    assert [ends_of(record, "contacts") for record in found] == [["101"], []]
    assert {record["properties"]["hs_external_status"] for record in found} == {"completed"}


@pytest.mark.parametrize("stream", [streams_crm.DEALS_STREAM, streams_crm.ORDERS_STREAM], ids=lambda one: str(one.name))
def test_whose_deals_and_orders_are_is_left_to_a_stream_of_its_own_after_a_search(account: Any, stream: Stream) -> None:
    """That stream looks at all recent ones anyway: nothing is asked twice."""
    walked = list(walk(account, work_of(stream, since=0)))

    assert [request.path.split("/")[-1] for request, _ in walked] == ["search"]
    assert "associations" not in records_of(walked[0][1])[0]


def test_a_search_of_links_alone_reads_nothing_by_id(account: Any) -> None:
    walked = list(walk(account, work_of(streams_crm.CONTACT_COMPANIES, since=0)))

    assert [request.path for request, _ in walked] == [
        "/crm/objects/2026-09/0-1/search",
        "/crm/associations/2026-09/0-1/0-2/batch/read",
    ]
    assert {record["id"]: ends_of(record, "companies") for record in records_of(walked[-1][1])} == {
        "101": [],
        "102": [],
        "103": ["60000000000"],
        "104": [],
        "105": [],
    }


@pytest.mark.parametrize("since", [None, 0])
def test_history_is_read_fifty_at_a_time(account_of: Callable[..., Any], build: Any, since: int | None) -> None:
    account = account_of(people={n: build.person(n) for n in range(1, 121)}, deals=[], orders=[], messages=[])
    walked = list(walk(account, work_of(streams_crm.CONTACT_STAGES, since=since)))

    pages = [records_of(step) for _, step in walked if records_of(step)]
    assert [len(page) for page in pages] == [50, 50, 20]
    assert all(record["propertiesWithHistory"]["lifecyclestage"] for page in pages for record in page)


def test_a_batch_that_lacks_some_gives_the_others(account: Any) -> None:
    """Somebody deleted a contact between the search and the read by id: HTTP 207, which is no failure."""
    work = work_of(streams_crm.CONTACT_STAGES, since=0)
    token = {"ids": ["101", "999", "103"], "links": [], "more": [], "ends": {}, "then": None}
    reader = work.stream.reader
    with account.client(account.connector()) as client:
        answer = client.send(reader.request(work, token))
        step = reader.read(work, token, answer.body, answer.headers)

    assert answer.status == 207
    assert [record["id"] for record in records_of(step)] == ["101", "103"]
    assert step.next is None


def test_none_and_not_known_are_two_things() -> None:
    """HubSpot says that 2 has none; of 3 it only reports that something failed; 4 it left out without an error."""
    none = {"category": "OBJECT_NOT_FOUND", "context": {"fromObjectId": ["2"]}}
    failed = {"category": "INTERNAL_ERROR", "context": {"fromObjectId": ["3"]}}
    results = [{"from": {"id": "1"}, "to": [{"toObjectId": 7}, {"toObjectId": "7"}, {"toObjectId": "8"}]}]
    with_errors: dict[str, list[str]] = {}
    without: dict[str, list[str]] = {}

    more = take_associations(orjson.dumps({"results": results, "errors": [none, failed]}), ["1", "2", "3"], with_errors)
    take_associations(orjson.dumps({"results": results}), ["1", "4"], without)

    assert more == []
    assert with_errors == {"1": ["7", "8"], "2": []}
    assert without == {"1": ["7", "8"], "4": []}


@pytest.mark.parametrize("body", [b"[]", b'{"results":[{"from":{},"to":[]}]}', b'{"results":[1]}', b"{"])
def test_answers_of_another_shape_are_named_errors(body: bytes) -> None:
    with pytest.raises(ResponseError, match="not the JSON that was expected"):
        take_associations(body, ["1"], {})


def test_a_name_that_is_nowhere_ends_the_stream_with_a_reason(account: Any) -> None:
    """The sensitive ones are looked through before; HubSpot itself would have answered null for ever."""
    wrong = work_of(streams_crm.CONTACT_PROPERTIES, attributes={"contry": "consent", "dietary_need": "consent"})
    right = work_of(streams_crm.CONTACT_PROPERTIES, attributes={"country": "consent", "health_note": "consent"})

    with pytest.raises(ResponseError, match=r"property 'contry' does not exist here. Did you mean 'country'\?"):
        list(walk(account, wrong))
    assert [request.params for request, _ in walk(account, right)] == [
        {},
        {"dataSensitivity": "sensitive"},
        {"dataSensitivity": "highly_sensitive"},
    ]
    assert len(list(walk(account, work_of(streams_crm.CONTACT_PROPERTIES)))) == 1


def test_recent_associations_leave_out_what_the_search_may_not_know_yet() -> None:
    reader = Associations("deals", "contacts", also="hs_is_closed")
    groups = reader.request(work_of(streams_crm.DEAL_PEOPLE), {"last": "17"}).json["filterGroups"]

    told = [[(one["propertyName"], one["operator"], one["value"]) for one in group["filters"]] for group in groups]
    both = [("hs_lastmodifieddate", "LT", str(NOW - 120_000)), ("hs_object_id", "GT", "17")]
    assert told == [
        [("hs_lastmodifieddate", "GTE", str(NOW - 30 * DAY)), *both],
        [("hs_is_closed", "EQ", "false"), *both],
    ]


@pytest.mark.parametrize(
    "stream", [one for one in CRM_STREAMS if isinstance(one.reader, Objects | Associations)], ids=lambda s: s.name
)
def test_every_stream_has_a_smallest_call_that_counts_where_hubspot_counts(account: Any, stream: Stream) -> None:
    work = work_of(stream)
    reader: Any = stream.reader
    with account.client(account.connector()) as client:
        answer = client.send(reader.probe(work))

    assert len(orjson.loads(answer.body)["results"]) <= 1
    counted = reader.count(work, answer.body)
    assert (counted == 0) if getattr(reader, "archived", False) else (counted is not None)


def test_a_list_has_no_total_but_its_end_tells_that_there_is_no_more() -> None:
    reader, work = streams_crm.CONTACTS_ARCHIVED.reader, work_of(streams_crm.CONTACTS_ARCHIVED)
    assert isinstance(reader, Objects)

    assert reader.count(work, b'{"results": []}') == 0
    assert reader.count(work, b'{"results": [{"id": "1"}]}') == 1
    assert reader.count(work, b'{"results": [{"id": "1"}], "paging": {"next": {"after": "1"}}}') is None


def test_a_count_is_of_the_window(account: Any) -> None:
    reader: Any = streams_crm.CONTACTS_STREAM.reader
    counts = []
    with account.client(account.connector()) as client:
        for since in (None, NOW - DAY):
            work = work_of(streams_crm.CONTACTS_STREAM, since=since)
            counts.append(reader.count(work, client.send(reader.probe(work)).body))

    assert counts == [5, 0]


def test_a_page_that_is_too_big_is_asked_for_in_half_and_a_batch_is_not() -> None:
    reader = Objects("contacts")
    work = work_of(streams_crm.CONTACTS_STREAM)

    assert reader.shrink(work, {"limit": 100, "after": "7"}) == {"limit": 50, "after": "7"}
    assert reader.shrink(work, {"last": "5", "after": 0, "limit": 200}) == {"last": "5", "after": 0, "limit": 100}
    assert reader.shrink(work, {"limit": 12}) is None
    assert reader.shrink(work, {"ids": ["1"], "links": [], "more": [], "ends": {}, "then": None}) is None
    assert PropertyPages().shrink(work, {"level": 0}) is None
