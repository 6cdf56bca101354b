"""Complete listings: what one no longer names is gone, and how often one is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from typing_extensions import TypedDict

from persync import rows
from persync.connect import DAY_MS, ConnectionSettings, Connector, Context, Every, OffsetPages, Stream, Sweep
from persync.errors import PersyncError, SkipStreamError
from persync.rows import CampaignRef, Deletion, Person, Present
from persync.store.store import open_store
from persync.store.sweep import begin, listed, sweep
from persync.store.write import Writer
from persync.testing import FakeApi, pull_once
from support import paged, table

NOW = 1_760_000_000_000


class Thing(TypedDict):
    id: str


def letter_rows(letter: Thing, at: Context) -> Iterator[rows.Row]:
    yield rows.Campaign(CampaignRef(("id", letter["id"])), kind="letter", status="sent")
    yield Present(letter["id"])


def list_rows(record: Thing, at: Context) -> Iterator[rows.Row]:
    yield rows.Child("everybody", record["id"], {"list": record["id"]})


def person_rows(record: Thing, at: Context) -> Iterator[rows.Row]:
    yield rows.Contact(Person(("id", record["id"])))
    yield Present(record["id"])


class Post(Connector):
    name = "post"
    title = "The Post"
    streams = (
        Stream("letters", Thing, letter_rows, OffsetPages("letters", count=2), path="/letters", sweeps=Sweep("campaign")),
        Stream("lists", Thing, list_rows, OffsetPages("lists", count=2), path="/lists"),
        Stream(
            "everybody",
            Thing,
            person_rows,
            OffsetPages("people", count=2),
            path="/lists/{list}/people",
            parent="lists",
            personal_key=True,
            window=Every(7),
            sweeps=Sweep("contact"),
        ),
    )

    def base_url(self) -> str:
        return "https://post.example.com"

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> PersyncError | None:
        if status == 404:
            return SkipStreamError("it is gone (HTTP 404).", reason="gone")
        return super().failure(status, headers, body)


def post() -> Post:
    return Post("post", ConnectionSettings(connector="post"), {})


def api(letters: str = "", a: str = "", b: str = "") -> FakeApi:
    """Return an API whose letters, and the people of whose lists a and b, are named by one letter each."""

    def named(ids: str) -> list[dict[str, Any]]:
        return [{"id": one} for one in ids]

    return FakeApi(
        {
            "/letters": paged(named(letters), "letters"),
            "/lists": paged(named("ab"), "lists"),
            "/lists/a/people": paged(named(a), "people"),
            "/lists/b/people": paged(named(b), "people"),
        }
    )


GONE = "SELECT thing, vendor_id, deleted_at, observed_at FROM deletions ORDER BY 1, 2"


def test_what_a_complete_listing_no_longer_names_is_gone_with_the_moment_it_was_missed(tmp_path: Path) -> None:
    store = tmp_path / "p.db"
    pull_once(store, [post()], api("xyz"))

    pull_once(store, [post()], api("xz"), now=NOW + 5)

    assert table(store, GONE) == [("campaign", "y", None, NOW + 5)]
    assert table(store, "SELECT k.key, c.status FROM campaigns c JOIN campaign_keys k USING (campaign_key) ORDER BY 1") == [
        ("x", "sent"),
        ("y", "deleted"),
        ("z", "sent"),
    ]


def test_a_thing_that_a_later_listing_names_again_is_there_again(tmp_path: Path) -> None:
    store = tmp_path / "p.db"
    for moment, letters in enumerate(("xy", "x", "xy")):
        pull_once(store, [post()], api(letters), now=NOW + moment)

    assert table(store, GONE) == []
    assert table(store, "SELECT count(*) FROM campaigns WHERE status = 'sent'") == [(2,)]


def test_an_order_that_is_named_again_is_not_deleted_any_longer(tmp_path: Path) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        writer, states = Writer(store, "post", "post", now=NOW), []
        with store.transaction() as db:
            writer.write([rows.Order(rows.OrderRef("7"), kind="order", status="paid")])
            for names in ([], ["7"]):
                begin(db, 1, "orders", "")
                writer.write([Present(name) for name in names], ("orders", ""))
                listed(db, 1, "orders", "", total=None)
                sweep(db, 1, "orders", "order", now=NOW)
                states.append(db.execute("SELECT status, (SELECT count(*) FROM deletions) FROM orders").fetchone())

    assert states == [("deleted", 1), (None, 0)]


def test_a_listing_shorter_than_the_vendors_own_total_deletes_nothing(tmp_path: Path) -> None:
    store = tmp_path / "p.db"
    pull_once(store, [post()], api("xyz"))
    short = api("xz")
    short.answers["/letters"] = lambda request: httpx.Response(200, json={"letters": [{"id": "x"}], "total_items": 2})

    pull_once(store, [post()], short, now=NOW + 5)

    assert table(store, GONE) == []


def test_a_periodic_pass_waits_its_days_and_then_compares_all_partitions_together(tmp_path: Path) -> None:
    store = tmp_path / "p.db"
    with open_store(store, create=True) as opened:
        writer = Writer(opened, "post", "post", now=NOW)
        with opened.transaction():
            writer.write(rows.Contact(Person(("id", one))) for one in "123")

    first, early = api(a="1", b="2"), api(a="1", b="2")
    pull_once(store, [post()], first)
    pull_once(store, [post()], early, now=NOW + 6 * DAY_MS)
    asked = [call for call in first.calls + early.calls if "/people" in call]
    none_yet = table(store, GONE)
    pull_once(store, [post()], api(a="1", b="2"), now=NOW + 7 * DAY_MS)

    assert asked == []
    assert none_yet == []
    assert table(store, GONE) == [("contact", "3", None, NOW + 7 * DAY_MS)]
    assert table(store, "SELECT count(*) FROM contacts WHERE is_deleted") == [(1,)]
    assert table(store, "SELECT count(*) FROM present") == [(0,)]


def test_a_periodic_pass_is_read_at_once_when_it_is_asked_for_by_name(tmp_path: Path) -> None:
    store, asked = tmp_path / "p.db", api(a="1", b="2")
    pull_once(store, [post()], api(a="1", b="2"))

    pull_once(store, [post()], asked, now=NOW + 1, streams=("everybody",))

    assert [call.split("?")[0] for call in sorted(asked.calls)] == ["GET /lists/a/people", "GET /lists/b/people"]


def test_while_one_list_cannot_be_read_nobody_is_missed(tmp_path: Path) -> None:
    store = tmp_path / "p.db"
    pull_once(store, [post()], api(a="12", b="3"))
    pull_once(store, [post()], api(a="12", b="3"), now=NOW + 1, streams=("everybody",))
    broken = api(a="1")
    broken.answers["/lists/b/people"] = lambda request: httpx.Response(400)

    pull_once(store, [post()], broken, now=NOW + 2, streams=("everybody",))
    while_broken = table(store, GONE)
    pull_once(store, [post()], api(a="1", b="3"), now=NOW + 3, streams=("everybody",))

    assert while_broken == []
    assert table(store, GONE) == [("contact", "2", None, NOW + 3)]


def test_a_deletion_the_vendor_dates_is_kept_with_its_date_and_is_written_once(tmp_path: Path) -> None:
    with open_store(tmp_path / "p.db", create=True) as store:
        writer = Writer(store, "post", "post", now=NOW)
        changes = []
        for row in (Deletion("order", "7"), Deletion("order", "7", 5), Deletion("order", "7", 5), Deletion("order", "7")):
            with store.transaction():
                changes.append(writer.write([row]))

        assert changes == [1, 1, 0, 0]
        assert store.db.execute("SELECT vendor_id, deleted_at FROM deletions").fetchall() == [("7", 5)]


def test_a_pass_that_brings_nothing_although_the_vendor_counts_some_is_no_complete_pass(tmp_path: Path) -> None:
    store, empty = tmp_path / "p.db", api("xy")
    empty.answers["/letters"] = lambda request: httpx.Response(200, json={"letters": [], "total_items": 2})

    first = pull_once(store, [post()], empty)
    pull_once(store, [post()], api("xy"), now=NOW + 1)

    assert (first.exit_code, str(first.streams[0].error)) == (
        3,
        "post, letters, page 1: nothing came, although the vendor counts 2."
        " Pull again: this part is read again from its beginning.",
    )
    assert table(store, "SELECT count(*) FROM campaigns") == [(2,)]


def test_a_pass_that_brings_fewer_than_the_vendor_counts_says_so_in_its_coverage(tmp_path: Path) -> None:
    store, short = tmp_path / "p.db", api("xy")
    short.answers["/letters"] = lambda request: httpx.Response(
        200, json={"letters": [{"id": "x"}] if request.url.params["offset"] == "0" else [], "total_items": 3}
    )

    pull_once(store, [post()], short)
    noted = table(store, "SELECT state, reason FROM coverage WHERE stream = 'letters'")
    pull_once(store, [post()], api("xy"), now=NOW + 1)

    assert noted == [("complete", "the vendor counts 3 and gave 1")]
    assert table(store, "SELECT state, reason FROM coverage WHERE stream = 'letters'") == [("complete", "")]


def test_a_list_that_is_gone_does_not_keep_a_later_listing_from_being_complete(tmp_path: Path) -> None:
    store = tmp_path / "p.db"
    pull_once(store, [post()], api(a="12", b="3"), now=NOW)
    pull_once(store, [post()], api(a="12", b="3"), now=NOW + 1, streams=("everybody",))
    without_b = api(a="1")
    without_b.answers["/lists"] = paged([{"id": "a"}], "lists")
    del without_b.answers["/lists/b/people"]

    for moment in (2, 3):
        pull_once(store, [post()], without_b, now=NOW + moment, streams=("lists", "everybody"))

    assert [row[1] for row in table(store, GONE)] == ["2", "3"]
    assert table(store, "SELECT partition FROM checkpoints WHERE stream = 'everybody'") == [("a",)]
    assert [call for call in without_b.calls if "/lists/b/" in call] == ["GET /lists/b/people?count=2&offset=0"]
