"""Lists: their filters make mails personal, their members are listed list by list, old numbers are looked up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from persync.connect.page import Shaped
from persync.connect.pull import PullOptions, PullResult, pull
from persync.errors import ResponseError
from persync.rows import Child, Evidence, Field, MemberOf, Person, Present, Segment
from persync_hubspot import streams_mail
from persync_hubspot.mail_readers import ListPages
from persync_hubspot.properties import millis
from persync_hubspot.readers import OffsetTokenPages
from support import table

Shape = Callable[..., Shaped]


def pulled(store: Path, account: Any, *streams: str, now: int = 0) -> PullResult:
    asked = PullOptions(now=now or account.world.now, streams=streams)
    return pull(store, [account.connector()], asked, client=account.client)


def listed(**more: Any) -> bytes:
    given = {"listId": "62", "name": "Berlin", "objectTypeId": "0-1", "processingType": "DYNAMIC", "listVersion": 1}
    return orjson.dumps({"lists": [{**given, **more}]})


def test_a_list_is_read_again_only_when_its_members_or_filters_changed(shaped: Shape) -> None:
    """HubSpot says when somebody joined or left and when the filters were edited: these are the versions of the work."""
    further = {"hs_list_size": "12", "hs_last_record_added_at": "1790000000000", "hs_last_record_removed_at": None}
    body = listed(additionalProperties=further, filtersUpdatedAt="2026-05-01T00:00:00Z")

    assert shaped(streams_mail.LISTS, body, "lists").rows == [
        Segment("list", "62", parent="62", name="Berlin", rule="DYNAMIC"),
        Child("list_members", "62", {"id": "62"}, version="1790000000000::12"),
        Child("list_filters", "62", {"id": "62"}, version="2026-05-01T00:00:00Z"),
    ]


def test_a_list_filled_by_hand_has_no_filters_and_one_of_companies_is_left_out(shaped: Shape) -> None:
    assert shaped(streams_mail.LISTS, listed(processingType="MANUAL"), "lists").rows == [
        Segment("list", "62", parent="62", name="Berlin", rule="MANUAL"),
        Child("list_members", "62", {"id": "62"}, version="::"),
        Field("lists", "62", "MANUAL", "Berlin"),
    ]
    assert shaped(streams_mail.LISTS, listed(objectTypeId="0-2"), "lists").rows == []


def test_filters_are_kept_by_what_they_ask_for_and_never_by_their_values(shaped: Shape) -> None:
    branch = {"filters": [{"filterType": "PROPERTY", "property": "gender", "operation": {"value": "female"}}]}
    found = shaped(streams_mail.LIST_FILTERS, listed(filterBranch=branch), "lists")

    assert found.rows == [Field("lists", "62", "DYNAMIC filtered gender", "Berlin")]


def test_a_member_joins_one_list_without_leaving_the_others(shaped: Shape) -> None:
    body = {"results": [{"recordId": "101", "membershipTimestamp": "2026-05-01T00:00:00Z"}], "total": 1}
    found = shaped(streams_mail.LIST_MEMBERS, orjson.dumps(body), parent={"id": "62"})

    joined = millis("2026-05-01T00:00:00Z", "")
    assert found.rows == [MemberOf(Person(("id", "101")), "list", "62", ("62",), joined_at=joined), Present("101")]


@pytest.mark.parametrize(
    ("answer", "following"),
    [
        ({"lists": [], "hasMore": True, "offset": 500, "total": 900}, {"offset": 500, "size": 500}),
        ({"lists": [], "hasMore": False, "offset": 500, "total": 3}, None),
    ],
)
def test_a_search_of_lists_goes_on_only_where_its_offset_moves(answer: Any, following: Any) -> None:
    reader: Any = ListPages()
    step = reader.read(None, {"offset": 0, "size": 500}, orjson.dumps(answer), {})

    assert (step.next, step.total) == (following, answer["total"])
    assert reader.count(None, orjson.dumps(answer)) == answer["total"]
    assert (reader.shrink(None, {"offset": 0, "size": 500}), reader.shrink(None, {"offset": 0, "size": 10})) == (
        {"offset": 0, "size": 250},
        None,
    )


@pytest.mark.parametrize("rest", [{"offset": 0}, {"offset": None}, {}, {"offset": "x"}])
def test_more_without_an_offset_that_moves_is_an_error_not_an_end(rest: dict[str, Any]) -> None:
    lists: Any = ListPages()
    sends: Any = OffsetTokenPages("campaigns")

    with pytest.raises(ResponseError, match="more lists, and not where"):
        lists.read(None, {"offset": 0, "size": 500}, orjson.dumps({"lists": [], "hasMore": True, **rest}), {})
    if not rest.get("offset"):
        with pytest.raises(ResponseError, match="there is more, and not where"):
            sends.read(None, {}, orjson.dumps({"campaigns": [], "hasMore": True, **rest, "offset": None}), {})
    assert sends.read(None, {}, b'{"campaigns":[],"hasMore":false,"offset":"x"}', {}).next is None


def test_a_mail_to_a_filtered_list_is_personal_for_it(shaped: Shape) -> None:
    """Only the list says whether it is a filter: one that is not known, or filled by hand, is no evidence."""
    mail = {"id": "1", "isAb": False, "to": {"contactIlsLists": {"include": ["61", "62", "99"]}}}
    fields = {"lists": {"61": "MANUAL", "62": "DYNAMIC filtered place"}}
    found = shaped(streams_mail.MARKETING_EMAILS, orjson.dumps({"results": [mail]}), fields=fields)

    (items,) = [set(row.items) for row in found.rows if isinstance(row, Evidence)]
    assert ("filtered_list", "62") in items
    assert not {("filtered_list", "61"), ("filtered_list", "99")} & items


def test_lists_members_and_old_numbers_reach_the_store(account_of: Any, build: Any, tmp_path: Path) -> None:
    """A mail of old names a list by its old number; a second pull asks for no list again that did not change."""
    store = tmp_path / "a.db"
    mails = [build.mail(1, [], segment={"legacy": ["9"]}), build.mail(2, [], segment={"lists": ["62", "61"]})]
    account = account_of(messages=mails)
    names = ("account", "contacts", "lists", "list_filters", "list_members", "marketing_emails", "legacy_lists")
    result = pulled(store, account, *names)
    first = len(account.transport.calls)
    again = pulled(store, account, *names)

    assert {one.stream: one.state for one in (*result.streams, *again.streams)} == dict.fromkeys(names, "done")
    assert again.changed == 0
    second = [call.url.path for call in account.transport.calls[first:]]
    assert not [path for path in second if "memberships" in path or "idmapping" in path or path.endswith("/crm/lists/2026-09")]
    assert table(store, "SELECT kind, vendor_id, name, rule FROM segments ORDER BY 1, 2") == [
        ("legacy_list", "9", None, "list:61"),
        ("list", "61", "Everybody", "MANUAL"),
        ("list", "62", "Reads German", "DYNAMIC"),
    ]
    members = (
        "SELECT s.vendor_id, count(*), count(m.joined_at) FROM memberships m JOIN segments s USING (segment_id) GROUP BY 1"
    )
    assert table(store, members) == [("61", 5, 5), ("62", 5, 5)]
    sent_to = "SELECT k.key, c.list FROM campaigns c JOIN campaign_keys k USING (campaign_key) WHERE k.kind = 'id' ORDER BY 1"
    assert table(store, sent_to) == [("8801", "legacy:9"), ("8802", "61,62")]


def test_who_leaves_a_list_is_a_member_until_then_and_who_comes_back_is_one_again(
    account_of: Any, build: Any, tmp_path: Path
) -> None:
    """HubSpot names who is in a list now: whom a complete list does not name has left since the pull before."""
    store, account, states = tmp_path / "a.db", account_of(), []
    world, now = account.world, account.world.now
    people = (
        "SELECT s.vendor_id || ':' || k.key, m.left_at FROM memberships m JOIN segments s USING (segment_id)"
        " JOIN person_keys k USING (key_id) WHERE s.kind = 'list' AND m.left_at IS NOT NULL ORDER BY 1"
    )

    for later, language in enumerate(("de", "fr", "de")):
        world.people[1].language = language
        there = type(account)(world)
        result = pulled(store, there, "account", "contacts", "lists", "list_members", now=now + later * build.day)
        changed = {one.stream: one.changed for one in result.streams}
        read = [call.url.path for call in there.transport.calls if "memberships" in call.url.path]
        states.append((table(store, people), changed["list_members"], len(read)))

    assert states == [([], 10, 2), ([("62:101", now + build.day)], 1, 1), ([], 1, 1)]
