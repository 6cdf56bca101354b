"""Two audiences in one account: who is in both has a state in each, and one state over all when it is measured."""

import threading
from typing import Any

import pytest

from persync.connect.stream import AccountFacts, Context
from persync.engine import open_engine
from persync.measure.texts import bounds, join, piece, run
from persync.rows import Contact
from persync.sandbox.world import World
from persync.store.store import open_store
from persync.store.write import Writer
from persync_mailchimp.connector import MailchimpSettings
from persync_mailchimp.imitation.audiences import second_list_id
from persync_mailchimp.imitation.quirks import Quirks
from persync_mailchimp.member_rows import member_rows

LIST = "0a1b2c3d4e"
SECOND = {1: "unsubscribed", 2: "subscribed", 3: "cleaned", 5: "subscribed", 7: "subscribed", 8: "pending"}
QUIRKS = Quirks(second_list=SECOND)
LATEST = """
SELECT k.key, c.state FROM consents c JOIN person_keys k ON k.key_id = c.key_id AND k.kind = 'id'
WHERE c.channel = 'email/list:{}' AND NOT EXISTS (SELECT 1 FROM consents n WHERE n.connection = c.connection
AND n.key_id = c.key_id AND n.channel = c.channel AND n.number > c.number) ORDER BY 1
"""


@pytest.fixture
def store(pulls: Any, imitated: Any, world: World) -> Any:
    return pulls(imitated(world))


def states(store: Any, list_id: str) -> dict[int, str]:
    return {int(key, 16): state for key, state in store.ask(LATEST.format(list_id))}


def test_two_full_pulls_of_two_audiences_change_nothing_and_each_has_its_own_states(store: Any, world: World) -> None:
    assert store.pull(quirks=QUIRKS).exit_code == 0
    again = [store.pull(quirks=QUIRKS, full=True).changed for _ in range(2)]

    no = "not_subscribed"
    assert again == [0, 0]
    first = {1: "subscribed", 4: no, 5: "unsubscribed", 6: no, 7: "pending"}
    assert states(store, LIST) == {n: first.get(n, "subscribed") for n in range(1, 13)}
    assert states(store, second_list_id(world)) == {
        1: "unsubscribed",
        2: "subscribed",
        3: no,
        5: "subscribed",
        7: "subscribed",
        8: "pending",
    }
    assert store.ask("SELECT max(number) FROM consents") == [(1,)]


def test_who_said_no_to_one_audience_is_not_counted_as_reachable(store: Any) -> None:
    """Over both audiences the most restrictive state counts: 1, 3, 5, 7 and 8 are out besides the archived and cleaned."""
    store.pull(quirks=QUIRKS)
    with open_store(store.path) as opened:
        names = {
            key_id: int(key, 16)
            for key_id, key in opened.db.execute(
                "SELECT coalesce(p.person, k.key_id), k.key FROM person_keys k LEFT JOIN person_of p ON p.key_id = k.key_id"
                " WHERE k.kind = 'id'"
            )
        }
    nothing_was_sent = bounds((0, 1))
    engine = open_engine(store.path)
    try:
        found = run(engine, join(piece("audience"), "SELECT a.person AS person FROM audience AS a"), nothing_was_sent)
    finally:
        engine.close()

    assert {names[row["person"]] for row in found} == {2, 9, 10, 11, 12}


def test_only_an_account_of_one_audience_has_a_status_of_a_person(store: Any, world: World) -> None:
    status = "SELECT status, count(*) FROM contacts GROUP BY 1 ORDER BY 1"
    store.pull()
    assert dict(store.ask(status))["subscribed"] == 8

    store.pull(quirks=QUIRKS, full=True)

    assert store.ask(status) == [(None, 12)]


def test_a_person_in_two_audiences_began_with_the_first_of_them(store: Any) -> None:
    """Each record has its own dates; whichever is read last, the earliest stays."""
    member: Any = {"id": "0" * 32, "email_address": "p@example.com", "contact_id": "c1", "status": "subscribed"}

    def contact(opted: str) -> Contact:
        at = Context(
            connection="letters",
            settings=MailchimpSettings(connector="mailchimp"),
            account=AccountFacts(),
            now=0,
            parent={"list_id": "l1"},
            fields={"l1": {}, "l2": {}},
        )
        found = next(iter(member_rows({**member, "timestamp_opt": opted, "source": "Import"}, at)))
        assert isinstance(found, Contact)
        return found

    early, late = contact("2024-01-01T00:00:00+00:00"), contact("2024-06-01T00:00:00+00:00")
    with open_store(store.path, create=True) as opened:
        writer = Writer(opened, "letters", "mailchimp", now=1)
        changes = []
        for row in (late, early, late, replace_date(early)):
            with opened.transaction():
                changes.append(writer.write([row]) > 0)
        kept = opened.db.execute("SELECT created_at, status, source FROM contacts").fetchall()

    assert changes == [True, True, False, False]
    assert [tuple(row) for row in kept] == [(1_704_067_200_000, None, None)]


def replace_date(contact: Contact) -> Contact:
    return contact._replace(created_at=None)


def test_members_are_reconciled_list_by_list(store: Any, imitated: Any, world: World) -> None:
    store.pull(quirks=QUIRKS)
    account = imitated(world, QUIRKS)
    with account.client() as client, open_store(store.path) as opened:
        found = {
            (one.name, one.scope): (one.value, opened.db.execute(one.sql, {**one.params, "connection": 1}).fetchone()[0])
            for one in account.connector.totals(client, None)
            if "members" in one.name
        }

    second = second_list_id(world)
    assert found == {
        ("subscribed members", f"list {LIST}"): (8, 8),
        ("unsubscribed members", f"list {LIST}"): (1, 1),
        ("subscribed members", f"list {second}"): (3, 3),
        ("unsubscribed members", f"list {second}"): (1, 1),
    }


def test_a_change_in_one_audience_is_no_change_in_the_other(store: Any, world: World) -> None:
    store.pull(quirks=QUIRKS)
    before = states(store, LIST)

    store.pull(quirks=Quirks(second_list={**SECOND, 2: "unsubscribed"}), full=True)

    assert states(store, LIST) == before
    assert states(store, second_list_id(world))[2] == "unsubscribed"


def test_no_path_that_is_left_out_is_called_in_a_full_pull_and_four_calls_at_most_are_open(store: Any) -> None:
    transport, lock, open_now, most = store.account.transport, threading.Lock(), [0], [0]
    answer = transport.handle_request

    def counted(request: Any) -> Any:
        with lock:
            open_now[0] += 1
            most[0] = max(most[0], open_now[0])
        try:
            return answer(request)
        finally:
            with lock:
                open_now[0] -= 1

    transport.handle_request = counted
    assert store.pull(full=True).exit_code == 0

    left_out = (
        "/advice",
        "/members",
        "/locations",
        "/domain-performance",
        "/eepurl",
        "/activity",
        "/customers",
        "/growth-history",
    )
    assert [path for path in store.calls if path.endswith(left_out) and path != f"lists/{LIST}/members"] == []
    assert 1 <= most[0] <= 4
