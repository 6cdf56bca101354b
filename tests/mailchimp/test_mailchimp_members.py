"""Members in full: the monthly pass, who is gone, groups, permissions, and tags that are cut short."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from persync.connect.stream import AccountFacts, Work
from persync.errors import SkipStreamError
from persync.rows import Consent, MemberOf, Present, Segment
from persync.sandbox.world import World
from persync.store.store import open_store
from persync.testing.fake import FakeApi, pull_once
from persync_mailchimp.connector import Mailchimp, MailchimpSettings
from persync_mailchimp.imitation.quirks import Quirks

NOW = 1_735_689_600_000
HOUR, DAY = 3_600_000, 86_400_000
LIST = "0a1b2c3d4e"
PARENT = {"list_id": "aa11bb22cc", "double_optin": True}
STREAMS = {stream.name: stream for stream in Mailchimp.streams}
MEMBER = {"id": "0" * 32, "email_address": "p1@example.com", "contact_id": "c1", "status": "subscribed"}


@pytest.fixture
def store(pulls: Any, imitated: Any, world: World) -> Any:
    return pulls(imitated(world))


def gone(store: Any) -> list[str]:
    return [key for (key,) in store.ask("SELECT vendor_id FROM deletions WHERE thing = 'contact' ORDER BY 1")]


def rows(shape: Any, stream: str = "members", **member: Any) -> list[Any]:
    found: list[Any] = shape(stream, {"members": [{**MEMBER, **member}], "total_items": 1}, parent=PARENT).rows
    return found


def test_everybody_is_read_again_every_thirty_days_and_at_once_when_asked(store: Any) -> None:
    def read(**options: Any) -> int:
        return next(one.records for one in store.pull(**options).streams if one.stream == "all_members")

    assert read() == 0  # the first pull reads everybody anyway
    assert read(later=29 * DAY) == 0
    assert read(later=31 * DAY) == 12
    assert read(later=32 * DAY) == 0
    assert read(streams=("all_members",), later=33 * DAY) == 12


def test_who_is_in_no_list_any_more_is_gone_and_who_is_archived_is_not(store: Any, world: World) -> None:
    store.pull()
    world.people[2] = replace(world.people[2], mailchimp_id=None)

    store.pull(streams=("all_members",))

    assert gone(store) == [f"{2:032x}"]
    assert store.ask("SELECT sum(is_deleted), count(*) FROM contacts") == [(1, 12)]
    assert store.pull(streams=("all_members",)).changed == 0


def test_what_changes_without_a_date_arrives_with_the_full_pass(pulls: Any, imitated: Any, world: World) -> None:
    """A location moves, the date of the last change does not."""
    store = pulls(imitated(world, attributes={"country": "to see who is left out"}))
    store.pull()
    world.people[1].merge_fields["COUNTRY"] = "FR"

    changes = store.pull(), store.ask("SELECT count(*) FROM attributes WHERE value = 'FR'")
    store.pull(streams=("all_members",))

    assert changes[1] == [(0,)]
    assert store.ask("SELECT count(*) FROM attributes WHERE value = 'FR'") == [(1,)]


def test_without_contact_ids_a_pass_is_complete_and_nobody_is_taken_for_gone(store: Any, world: World) -> None:
    store.pull(quirks=Quirks(no_contact_ids=True))
    world.people[2] = replace(world.people[2], mailchimp_id=None)

    result = store.pull(quirks=Quirks(no_contact_ids=True), streams=("all_members",))

    assert (result.exit_code, gone(store)) == (0, [])


def test_a_listing_names_members_by_no_id_made_from_their_address(shape: Any) -> None:
    def present(**member: Any) -> list[Present]:
        return [row for row in rows(shape, "all_members", **member) if isinstance(row, Present)]

    assert present() == [Present("c1")]
    assert present(contact_id=None, web_id=7) == [Present("web 7")]
    assert present(contact_id="") == []


def test_a_person_who_left_one_of_two_lists_is_not_gone_and_a_deleted_list_does_not_end_the_comparing(tmp_path: Path) -> None:
    lists = {one: [{**MEMBER, "id": f"{n}" * 32, "contact_id": f"c{n}", "email_address": f"p{n}@example.com"} for n in people]
             for one, people in {"l1": (1, 2), "l2": (2, 3)}.items()}  # fmt: skip

    def members(request: httpx.Request) -> httpx.Response:
        found = lists.get(request.url.path.split("/")[3])
        if found is None:
            return httpx.Response(404, json={"title": "Resource Not Found", "status": 404, "detail": ""})
        shown = [] if request.url.params.get("status") == "archived" else found
        return httpx.Response(200, json={"members": shown, "total_items": len(shown)})

    def audiences(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"lists": [{"id": one} for one in lists], "total_items": len(lists)})

    api = FakeApi({"/3.0/lists": audiences, "/3.0/ping": {"health_status": "well"}})
    api.answers |= {f"/3.0/lists/{one}/members": members for one in lists}
    connector = Mailchimp(
        "letters", MailchimpSettings(connector="mailchimp", base_url="http://127.0.0.1/3.0"), {"token": "k-us1"}
    )
    path = tmp_path / "store.db"

    def pulled() -> list[str]:
        result = pull_once(path, [connector], api, streams=("lists", "members", "all_members"), full=True)
        assert [one.reason for one in result.streams if one.state == "failed"] == []
        with open_store(path) as opened:
            return [key for (key,) in opened.db.execute("SELECT vendor_id FROM deletions ORDER BY 1")]

    assert pulled() == []
    lists["l1"] = lists["l1"][:1]  # person 2 stays in the other list
    assert pulled() == []
    lists["l2"] = lists["l2"][1:]  # and now in none
    assert pulled() == ["c2"]
    del lists["l1"]
    assert pulled() == ["c1", "c2"]


def test_a_listing_of_everybody_has_no_end_that_a_changed_member_could_fall_behind(store: Any, world: World) -> None:
    reader: Any = STREAMS["all_members"].reader
    todo = Work(STREAMS["all_members"], "letters", None, AccountFacts(), "", {"list_id": LIST, "status": ""}, None, NOW, False)

    params = reader.request(todo, reader.start(todo)).params

    assert {"before_last_changed", "since_last_changed", "status"} & set(params) == set()
    assert (params["sort_field"], params["sort_dir"]) == ("last_changed", "ASC")
    error = SkipStreamError("gone", reason="gone")
    assert STREAMS["members"].reader.recover(todo, {"offset": 0}, error) is None  # type: ignore[attr-defined]
    assert reader.recover(todo, {"offset": 0}, error) == {"gone": True}
    assert reader.recover(todo, {"offset": 0}, SkipStreamError("no", reason="role")) is None


def test_permissions_are_consents_of_their_own_with_the_wording_beside(shape: Any) -> None:
    found = rows(
        shape,
        marketing_permissions=[{"marketing_permission_id": "m1", "text": "Direct mail", "enabled": False}],
        consents_to_one_to_one_messaging=False,
        sms_subscription_status="pending",
        sms_subscription_last_updated="2024-01-01T00:00:00+00:00",
    )

    assert [(row.channel, row.state, row.changed_at) for row in found if isinstance(row, Consent)] == [
        ("email/list:aa11bb22cc", "subscribed", None),
        ("sms/list:aa11bb22cc", "pending", 1_704_067_200_000),
        ("permission/m1", "not_subscribed", None),
        ("one_to_one/list:aa11bb22cc", "not_subscribed", None),
    ]
    assert [row for row in found if isinstance(row, Segment)] == [Segment("permission", "m1", "aa11bb22cc", name="Direct mail")]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("subscribed", "subscribed"),
        ("unsubscribed", "unsubscribed"),
        ("pending", "pending"),
        ("cleaned", "not_subscribed"),
        ("transactional", "not_subscribed"),
        ("archived", "not_subscribed"),
        ("nobody-documented-this", "not_subscribed"),
    ],
)
def test_every_status_is_a_consent(shape: Any, status: str, state: str) -> None:
    assert [row.state for row in rows(shape, status=status) if isinstance(row, Consent)] == [state]


def test_a_withdrawn_consent_is_a_new_state_beside_the_old_one(store: Any, world: World) -> None:
    store.pull()
    person = world.people[1]
    person.status, person.status_changed_at = "unsubscribed", NOW + HOUR

    store.pull()

    states = "SELECT state, changed_at FROM consents WHERE channel = '{}' AND key_id = (SELECT key_id FROM consents"
    states += " WHERE state = 'unsubscribed' AND number = 2) ORDER BY number"
    assert store.ask(states.format(f"email/list:{LIST}")) == [
        ("subscribed", person.created_at),
        ("unsubscribed", NOW + HOUR),
    ]
    assert [state for state, _ in store.ask(states.format("permission/bc2a790d07"))] == ["subscribed", "not_subscribed"]


def test_an_edit_of_a_member_who_left_is_no_second_withdrawal(store: Any, world: World) -> None:
    store.pull()
    left = "SELECT count(*), min(changed_at) FROM consents WHERE channel LIKE 'email/list:%' AND state = 'unsubscribed'"
    before = store.ask(left)
    world.people[5].updated_at = NOW + HOUR  # a field of the profile; the record's last change moves

    store.pull()

    assert before[0][0] == 1
    assert store.ask(left) == before


def test_groups_are_memberships_and_an_empty_answer_ends_them(shape: Any) -> None:
    def groups(**member: Any) -> list[Any]:
        return [row.segments for row in rows(shape, **member) if isinstance(row, MemberOf) and row.kind == "interest"]

    assert groups(interests={"b": True, "a": True, "c": False}) == [("a", "b")]
    assert groups(interests={}) == [()]
    assert groups() == []


def test_tags_beyond_fifty_do_not_end_memberships(shape: Any) -> None:
    def tags(**member: Any) -> list[Any]:
        return [row.segments for row in rows(shape, **member) if isinstance(row, MemberOf) and row.kind == "tag"]

    fifty = [{"id": n} for n in range(50)]
    assert tags(tags=fifty, tags_count=51) == []
    assert len(tags(tags=fifty, tags_count=50)[0]) == 50
    assert tags(tags=[], tags_count=0) == [()]


def test_fields_nobody_knows_are_ignored_and_a_missing_one_rejects_that_member_alone(shape: Any) -> None:
    page = {
        "members": [{**MEMBER, "favourite_colour": {"name": "blue"}}, {"id": "1" * 32}, {**MEMBER, "id": "2" * 32}],
        "total_items": 3,
        "moon": "full",
    }

    found = shape("members", page, parent=PARENT)

    assert (found.records, len(found.rejects)) == (3, 1)
    assert found.rejects[0].field == "email_address"


def test_a_page_that_takes_too_long_is_read_in_smaller_ones(store: Any) -> None:
    """Pages above the vendor's 120 seconds end in an error 500: they are halved where they stand."""
    result = store.pull(quirks=Quirks(slow_above=100), streams=("lists", "members"))

    counts = [c.url.params["count"] for c in store.account.transport.calls if c.url.path.endswith("/members")]
    assert (result.exit_code, list(dict.fromkeys(counts))) == (0, ["1000", "500", "250", "125", "62"])
    assert store.ask("SELECT count(*) FROM contacts") == [(11,)]


def test_an_address_is_an_object_only_when_it_is_filled_in(pulls: Any, imitated: Any, world: World) -> None:
    world.merge_field_types["HOME"] = "address"
    world.people[1].merge_fields["HOME"] = "FR"
    store = pulls(imitated(world, attributes={"home": "to see who is left out"}))

    result = store.pull(streams=("lists", "merge_fields", "members"))

    assert sum(one.rejects for one in result.streams) == 0
    assert store.ask("SELECT value, count(*) FROM attributes GROUP BY value") == [(None, 10), ("FR", 1)]
    assert b"addr1" not in orjson.dumps(store.ask("SELECT * FROM attributes"))
