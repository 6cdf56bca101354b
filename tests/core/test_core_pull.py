"""The pull engine, against a small shop API in the process."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from typing_extensions import TypedDict

from persync import rows
from persync.connect.connector import ConnectionSettings, Connector
from persync.connect.readers import OffsetPages
from persync.connect.stream import DAY_MS, Context, Incremental, Stream
from persync.rows import CampaignRef, Person
from persync.store.digest import digest
from persync.store.store import open_store
from persync.testing import FakeApi, pull_once

NOW = 1_760_000_000_000


class Letter(TypedDict):
    id: str
    title: str
    version: int


class Reader(TypedDict):
    id: str
    email: str
    at: int


def letter_rows(letter: Letter, at: Context) -> Iterator[rows.Row]:
    yield rows.Campaign(CampaignRef(("id", letter["id"])), kind="letter", title=letter["title"])
    yield rows.Child("readers", letter["id"], {"letter": letter["id"]}, version=str(letter["version"]))


def reader_rows(reader: Reader, at: Context) -> Iterator[rows.Row]:
    person = Person(("id", reader["id"]), ("email", reader["email"]))
    yield rows.Contact(person, created_at=reader["at"])
    yield rows.Touchpoint(CampaignRef(("id", at.parent["letter"])), person, rows.Action.CLICK, reader["at"])


class Post(Connector):
    name = "post"
    title = "The Post"
    workers = 3
    streams = (
        Stream("letters", Letter, letter_rows, OffsetPages("letters", count=2), path="/letters", version="version"),
        Stream(
            "readers",
            Reader,
            reader_rows,
            OffsetPages("readers", count=2, smallest=1),
            path="/letters/{letter}/readers",
            parent="letters",
            personal_key=True,
        ),
    )

    def base_url(self) -> str:
        return "https://post.example.com"


def paged(records: list[dict[str, Any]], name: str) -> Any:
    def answer(request: httpx.Request) -> httpx.Response:
        offset, count = int(request.url.params["offset"]), int(request.url.params["count"])
        return httpx.Response(200, json={name: records[offset : offset + count], "total_items": len(records)})

    return answer


def letters(n: int = 5) -> list[dict[str, Any]]:
    return [{"id": f"l{i}", "title": f"Letter {i}", "version": 1} for i in range(n)]


def readers(letter: int, n: int = 5) -> list[dict[str, Any]]:
    return [{"id": f"r{letter}-{i}", "email": f"reader{i}@example.com", "at": NOW - i * DAY_MS} for i in range(n)]


def post_api() -> FakeApi:
    return FakeApi(
        {"/letters": paged(letters(), "letters")} | {f"/letters/l{i}/readers": paged(readers(i), "readers") for i in range(5)}
    )


def post() -> Post:
    return Post("post", ConnectionSettings(connector="post"), {})


def all_rows(path: Path, sql: str) -> list[Any]:
    with open_store(path) as store:
        return store.db.execute(sql).fetchall()


def test_every_page_of_parent_and_children_is_read_and_committed(tmp_path: Path) -> None:
    api = post_api()

    result = pull_once(tmp_path / "p.db", [post()], api)

    assert result.exit_code == 0
    assert [(r.stream, r.state, r.pages, r.records, r.rejects) for r in result.streams] == [
        ("letters", "done", 3, 5, 0),
        ("readers", "done", 15, 25, 0),
    ]
    assert all_rows(tmp_path / "p.db", "SELECT count(*) FROM touchpoints") == [(25,)]
    assert all_rows(tmp_path / "p.db", "SELECT count(DISTINCT person) FROM person_of") == [(5,)], "one address, one person"


def test_a_second_pull_changes_nothing_and_asks_no_unmoved_child_again(tmp_path: Path) -> None:
    api = post_api()
    pull_once(tmp_path / "p.db", [post()], api)
    with open_store(tmp_path / "p.db") as store:
        before = digest(store)
    api.calls.clear()

    again = pull_once(tmp_path / "p.db", [post()], api, now=NOW + 1000)

    assert again.changed == 0
    assert [(r.stream, r.state) for r in again.streams] == [("letters", "done"), ("readers", "done")]
    assert {call.split("?")[0] for call in api.calls} == {"GET /letters"}
    with open_store(tmp_path / "p.db") as store:
        assert digest(store) == before


def test_newly_opted_in_attributes_make_every_record_worth_another_look(tmp_path: Path) -> None:
    api = post_api()
    pull_once(tmp_path / "p.db", [post()], api)
    curious = Post("post", ConnectionSettings(connector="post", attributes={"country": "consent"}), {})

    states = [pull_once(tmp_path / "p.db", [one], api).streams[0].unchanged for one in (post(), curious, curious)]

    assert states == [5, 0, 5]


def test_a_child_whose_version_moved_is_read_again(tmp_path: Path) -> None:
    api = post_api()
    pull_once(tmp_path / "p.db", [post()], api)
    moved = letters()
    moved[2]["version"] = 2
    api.answers["/letters"] = paged(moved, "letters")
    api.answers["/letters/l2/readers"] = paged(readers(2, 6), "readers")
    api.calls.clear()

    result = pull_once(tmp_path / "p.db", [post()], api)

    assert {call.split("?")[0] for call in api.calls} == {"GET /letters", "GET /letters/l2/readers"}
    assert result.changed == 5, "a contact, a touchpoint, two keys and the link between them"


@pytest.mark.parametrize("cut", range(1, 19))
def test_a_pull_cut_after_any_page_goes_on_where_it_stopped(tmp_path: Path, cut: int) -> None:
    clean = tmp_path / "clean.db"
    pull_once(clean, [post()], post_api())
    path = tmp_path / "cut.db"
    # One key for both stores: only then can their digests be compared.
    (tmp_path / "cut.key").write_bytes((tmp_path / "clean.key").read_bytes())
    os.chmod(tmp_path / "cut.key", 0o600)
    api = post_api()
    single = post()
    single.workers = 1  # type: ignore[misc]
    count = 0

    def stop_at(step: Any) -> None:
        nonlocal count
        if not step.finished and step.pages:
            count += 1
            if count == cut:
                raise KeyboardInterrupt

    from persync.connect.pull import PullOptions, pull
    from persync.testing import quick_client

    first = pull(path, [single], PullOptions(now=NOW), stop_at, client=quick_client(api), clock=lambda: NOW / 1000)
    assert first.exit_code == 130
    committed = sum(result.pages for result in first.streams)
    asked_before = len(api.calls)
    second = pull_once(path, [single], api)

    assert second.exit_code == 0
    with open_store(path) as cut_store, open_store(clean) as clean_store:
        assert digest(cut_store) == digest(clean_store)
        assert cut_store.integrity() == []
    # The parent is listed at every pull; of the children no committed page is asked for again.
    again = [call for call in api.calls[asked_before:] if "readers" in call]
    child_pages = sum(result.pages for result in first.streams if result.stream == "readers")
    assert len(again) == 15 - child_pages
    assert committed == sum(result.pages for result in first.streams)


def test_a_record_that_does_not_fit_is_set_aside_without_its_words(tmp_path: Path) -> None:
    api = post_api()
    bad = readers(0)
    bad[1]["at"] = "yesterday"
    api.answers["/letters/l0/readers"] = paged(bad, "readers")

    result = pull_once(tmp_path / "p.db", [post()], api)

    assert result.exit_code == 3
    found = all_rows(tmp_path / "p.db", "SELECT stream, partition, endpoint, field, reason, shape FROM rejects")
    assert [row[:5] for row in found] == [
        (
            "readers",
            "l0",
            "/letters/{letter}/readers",
            "at",
            "Input should be a valid integer, unable to parse string as an integer",
        )
    ]
    assert orjson.loads(found[0][5]) == {"id": "str(4)", "email": "str(19)", "at": "str(9)"}
    assert all_rows(tmp_path / "p.db", "SELECT count(*) FROM touchpoints") == [(24,)]


def test_rejects_are_read_again_on_demand_and_forgotten_when_they_fit(tmp_path: Path) -> None:
    api = post_api()
    bad = readers(0)
    bad[1]["at"] = "yesterday"
    api.answers["/letters/l0/readers"] = paged(bad, "readers")
    pull_once(tmp_path / "p.db", [post()], api)
    api.answers["/letters/l0/readers"] = paged(readers(0), "readers")
    api.calls.clear()

    result = pull_once(tmp_path / "p.db", [post()], api, rejects=True)

    assert result.exit_code == 0
    assert {call.split("?")[0] for call in api.calls} == {"GET /letters/l0/readers"}
    assert all_rows(tmp_path / "p.db", "SELECT * FROM rejects") == []
    assert all_rows(tmp_path / "p.db", "SELECT count(*) FROM touchpoints") == [(25,)]


def test_a_stream_the_account_may_not_read_is_a_hole_in_coverage_and_no_failure(tmp_path: Path) -> None:
    api = post_api()
    for i in range(5):
        api.answers[f"/letters/l{i}/readers"] = lambda request: httpx.Response(403)

    result = pull_once(tmp_path / "p.db", [post()], api)

    assert result.exit_code == 0
    assert [(r.stream, r.state) for r in result.streams] == [("letters", "done"), ("readers", "skipped")]
    holes = all_rows(tmp_path / "p.db", "SELECT stream, state, reason FROM coverage WHERE state = 'hole'")
    assert ("readers", "hole", "scope: access denied (HTTP 403).") in holes


def test_a_refused_token_ends_the_connection_with_exit_4_and_is_not_asked_again(tmp_path: Path) -> None:
    api = FakeApi({"/letters": lambda request: httpx.Response(401)})

    result = pull_once(tmp_path / "p.db", [post()], api)

    assert result.exit_code == 4
    assert [str(error) for error in result.errors] == [
        "post, letters, page 1, GET /letters: the token was refused (HTTP 401)."
        " `persync connect post --guide` leads to a new one; `persync connect post` takes it in."
    ]
    assert len(api.calls) == 1


def test_an_unreachable_host_ends_the_connection_with_one_error(tmp_path: Path) -> None:
    api = post_api()
    api.broken = {path: [httpx.ConnectError("refused")] * 3 for path in api.answers}

    result = pull_once(tmp_path / "p.db", [post()], api)

    assert result.exit_code == 1
    assert [str(error) for error in result.errors] == [
        "post, letters, page 1, GET /letters: cannot reach post.example.com."
        " Check the network, and base_url or the account's region in persync.toml."
    ]
    assert [(r.stream, r.state) for r in result.streams] == [("letters", "failed")], "what was not tried is not called done"


def test_a_page_that_is_not_what_was_expected_ends_its_partition_alone(tmp_path: Path) -> None:
    api = post_api()
    api.answers["/letters/l1/readers"] = {"somebody": "else", "total_items": 5}

    result = pull_once(tmp_path / "p.db", [post()], api)

    assert result.exit_code == 3
    assert [(r.stream, r.state, r.partitions) for r in result.streams] == [("letters", "done", 1), ("readers", "partial", 4)]
    assert str(result.streams[1].error).startswith(
        "post, readers l1, page 1: the answer is not the JSON that was expected (readers: Field required)."
    )
    assert all_rows(tmp_path / "p.db", "SELECT count(*) FROM touchpoints") == [(20,)]


def test_results_hold_no_frames_of_the_run(tmp_path: Path) -> None:
    result = pull_once(tmp_path / "p.db", [post()], FakeApi({"/letters": lambda request: httpx.Response(401)}))

    assert [(error.__traceback__, error.__context__) for error in result.errors] == [(None, None)]


def test_half_a_failure_is_partial(tmp_path: Path) -> None:
    api = post_api()
    api.answers["/letters/l3/readers"] = lambda request: httpx.Response(500)

    result = pull_once(tmp_path / "p.db", [post()], api)

    assert result.exit_code == 3
    states = {r.stream: r.state for r in result.streams}
    assert states == {"letters": "done", "readers": "partial"}


@pytest.mark.parametrize("envelope", ["", "long " * 1000], ids=["short", "long"])
def test_pages_without_records_that_name_a_next_one_are_an_error_not_a_loop(tmp_path: Path, envelope: str) -> None:
    def same(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"letters": [], "total_items": 10**9, "links": [{"note": envelope}]})

    result = pull_once(tmp_path / "p.db", [post()], FakeApi({"/letters": same}))

    assert result.streams[0].state in ("failed", "partial")
    assert "empty pages in a row" in result.streams[0].reason


def test_a_page_that_is_not_json_names_the_place_and_what_to_check(tmp_path: Path) -> None:
    api = FakeApi({"/letters": lambda request: httpx.Response(200, text="<html>hello</html>")})

    result = pull_once(tmp_path / "p.db", [post()], api)

    assert result.exit_code == 1
    assert str(result.streams[0].error).startswith("post, letters, page 1: the answer is not the JSON that was expected")
    assert "base_url" in str(result.streams[0].error)


def test_an_incremental_window_overlaps_the_last_one_and_since_alone_leaves_no_gap(tmp_path: Path) -> None:
    class Daily(Post):
        streams = (
            Stream(
                "letters",
                Letter,
                lambda letter, at: iter(()),
                OffsetPages("letters", since="since", until="before"),
                path="/letters",
                window=Incremental(overlap=DAY_MS),
            ),
        )

    api = FakeApi({"/letters": paged(letters(), "letters")})
    daily = Daily("post", ConnectionSettings(connector="post"), {})
    for step, since in ((0, None), (2, None), (4, NOW + 3 * DAY_MS), (5, None)):
        pull_once(tmp_path / "p.db", [daily], api, now=NOW + step * DAY_MS, since=since)

    asked = [httpx.URL("https://x/" + call.split(" ")[1]).params.get("since") for call in api.calls]
    assert asked == [
        None,
        "2025-10-08T08:53:20+00:00",
        "2025-10-12T08:53:20+00:00",
        "2025-10-10T08:53:20+00:00",
    ], "the pull from day 3 on did not move the mark of day 2"


def test_the_store_holds_no_address(tmp_path: Path) -> None:
    pull_once(tmp_path / "p.db", [post()], post_api())

    with sqlite3.connect(tmp_path / "p.db") as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for file in tmp_path.iterdir():
        assert b"example.com" not in file.read_bytes().replace(b"post.example.com", b""), file.name


def test_an_override_lasts_as_long_as_it_stands_in_the_settings(tmp_path: Path) -> None:
    levels = "SELECT k.key, v.level FROM campaign_levels v JOIN campaign_keys k USING (campaign_key) WHERE v.level IS NOT NULL"
    found = []
    for moment, overrides in enumerate(({"l1": 3}, {"l1": 2, "l2": 4}, {})):
        one = Post("post", ConnectionSettings(connector="post", overrides=overrides), {})
        pull_once(tmp_path / "p.db", [one], post_api(), now=NOW + moment)
        found.append(sorted(all_rows(tmp_path / "p.db", levels)))

    assert found == [[("l1", 3)], [("l1", 2), ("l2", 4)], []]


@pytest.mark.parametrize("level", [-1, 5, "high"])
def test_an_override_is_a_level_from_0_to_4(level: Any) -> None:
    with pytest.raises(ValueError, match=r"overrides\.l1"):
        ConnectionSettings(connector="post", overrides={"l1": level})
