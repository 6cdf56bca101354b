"""What `persync doctor` finds out about a connection: each stream by one small call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.cli.post import DATE, LETTERS, NOW, READERS, STAMPS, Letter, Post, no_rows, office, page, post
from persync import rows
from persync.connect import Context, Doubt, GraphQLPages, OffsetPages, Request, SinglePage, Work
from persync.connect.connector import Connector
from persync.errors import AuthError
from persync.jobs.examine import UNKNOWN_VERSION, Finding, look_at, worst
from persync.jobs.trying import tried_lines
from persync.testing import FakeApi, pull_once, quick_client


def looked(api: FakeApi, store: Path, connector: Connector | None = None, *, ahead: float = 0, now: int = NOW) -> list[Finding]:
    """Look at a connection with a clock that is so many seconds ahead of the vendor's."""
    make = quick_client(api)
    return list(
        look_at(
            connector or post(),
            store,
            now=now,
            client=lambda one: make(one, threading.Event()),
            clock=lambda: NOW / 1000 + ahead,
        )
    )


def by_name(findings: list[Finding]) -> dict[str, tuple[str, str]]:
    return {one.what: (one.state, one.found.split(", ")[0]) for one in findings}


def test_each_stream_is_asked_once_and_a_missing_scope_says_what_reports_will_lack(tmp_path: Path) -> None:
    api = office()

    found = looked(api, tmp_path / "none.db")

    assert sorted(api.calls[:2]) == ["GET /letters?count=1&offset=0", "GET /stamps"]
    assert api.calls[2:] == ["GET /letters/l0/readers?count=1&offset=0"]
    assert by_name(found) == {
        "server": ("ok", "answers"),
        "API version": ("ok", "2025-07"),
        "clock": ("ok", "the same as the vendor's"),
        "letters": ("ok", "10 records"),
        "readers": ("ok", "5 records in the part asked about"),
        "stamps (on demand)": ("warn", "scope: access denied (HTTP 403); never read"),
    }
    assert found[-1].fix == (
        "Allow stamps.read. `persync connect post --guide` says where to allow it; then run `persync pull post`."
        " Until then reports lack: cost of sending."
    )
    assert (worst(found), (tmp_path / "none.db").exists()) == (0, False)


def test_children_are_asked_about_a_part_the_store_knows_and_coverage_is_told(tmp_path: Path) -> None:
    api = office(letters=3)
    pull_once(tmp_path / "s.db", [post()], api)
    api.calls.clear()
    api.answers["/letters"] = {"letters": [], "total_items": 0}

    found = looked(api, tmp_path / "s.db")

    assert sorted(api.calls) == ["GET /letters/l2/readers?count=1&offset=0", "GET /letters?count=1&offset=0", "GET /stamps"]
    assert [one.found.split("; ")[-1] for one in found if one.what in ("letters", "readers")] == [
        "read to 2025-10-09 08:53 UTC",
        "read to 2025-10-09 08:53 UTC",
    ]


def test_a_part_that_is_gone_at_the_vendor_is_no_fault_of_the_stream(tmp_path: Path) -> None:
    class Gone(Post):
        def failure(self, status: int, headers: Any, body: bytes) -> Any:
            from persync.errors import SkipStreamError

            return SkipStreamError("it is gone.", reason="gone") if status == 404 else super().failure(status, headers, body)

    api = office(letters=1)
    connector = Gone("post", post().settings, {})
    pull_once(tmp_path / "s.db", [connector], api)
    del api.answers["/letters/l0/readers"]

    found = by_name(looked(api, tmp_path / "s.db", connector))

    assert found["readers"] == ("ok", "answers; the part asked about is gone there; read to 2025-10-09 08:53 UTC")


def test_a_child_without_any_part_yet_is_said_not_to_be_asked(tmp_path: Path) -> None:
    found = by_name(looked(office(letters=0), tmp_path / "none.db"))

    assert found["readers"] == ("not probed", "not probed: the account has none yet: nothing to ask for; never read")


def rare_rows(letter: Letter, at: Context) -> Iterator[rows.Row]:
    """Only some letters have readers of their own."""
    if letter["version"] == 2:
        yield rows.Child("readers", letter["id"], {"letter": letter["id"]}, version="1")


class Rare(Post):
    streams = (replace(LETTERS, rows=rare_rows), READERS)


@pytest.mark.parametrize(
    ("versions", "calls", "said"),
    [
        ([1, 1, 2, 1, 1, 1], 3, ("ok", "5 records in the part asked about")),
        ([1, 1, 1, 1], 2, ("not probed", "not probed: the account has none yet: nothing to ask for; never read")),
        (
            [1, 1, 1, 1, 1, 2],
            2,
            ("not probed", "not probed: none of the first 4 letters has any: nothing to ask for; never read"),
        ),
    ],
)
def test_a_whole_page_of_the_parent_is_looked_through_for_a_part_of_a_child(
    tmp_path: Path, versions: list[int], calls: int, said: tuple[str, str]
) -> None:
    api = office(letters=6)
    api.answers["/letters"] = page("letters", [{"id": f"l{i}", "version": v} for i, v in enumerate(versions)], len(versions))

    found = by_name(looked(api, tmp_path / "none.db", Rare("post", post().settings, {})))

    assert (found["readers"], len(api.calls)) == (said, calls)


def test_a_query_that_needs_its_parents_id_alone_is_asked_with_the_first_one(tmp_path: Path) -> None:
    more = GraphQLPages(query="query($id: ID!) { more }", at="more", variables=("id",))

    class Asking(Post):
        streams = (replace(LETTERS, rows=no_rows), replace(STAMPS, reader=more, path="/more", parent="letters", default=True))

    api = office(letters=6)
    answer = {"data": {"more": {"nodes": [{"id": "s1", "version": 1}], "pageInfo": {"hasNextPage": False}}}}
    bodies: list[bytes] = []

    def tell(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return httpx.Response(200, json=answer)

    api.answers["/more"] = tell

    found = by_name(looked(api, tmp_path / "none.db", Asking("post", post().settings, {})))

    assert (found["stamps"], len(bodies), b'"id":"l0"' in bodies[0]) == (("ok", "1 record in the part asked about"), 1, True)


def test_a_stream_read_before_is_asked_as_a_later_pull_would_ask(tmp_path: Path) -> None:
    seen: list[bool] = []

    class Bulky(OffsetPages):
        def start(self, work: Work) -> dict[str, Any]:
            seen.append(work.first_load)
            return super().start(work)

    class Grown(Post):
        streams = (replace(LETTERS, reader=Bulky("letters", count=4, smallest=1)), READERS)

    connector = Grown("post", post().settings, {})
    pull_once(tmp_path / "s.db", [connector], office())
    seen.clear()

    looked(office(), tmp_path / "s.db", connector)
    looked(office(), tmp_path / "none.db", connector)

    assert (seen[0], seen[-1]) == (False, True)


def test_a_missing_subscription_is_a_warning_and_a_failing_vendor_a_failure(tmp_path: Path) -> None:
    api = office(letters=1)
    api.answers["/stamps"] = lambda request: httpx.Response(402)
    api.answers["/letters/l0/readers"] = lambda request: httpx.Response(500)

    found = looked(api, tmp_path / "none.db")

    assert [(one.what, one.state) for one in found if one.state != "ok"] == [
        ("readers", "fail"),
        ("stamps (on demand)", "warn"),
    ]
    assert found[-1].fix == "Buy a higher plan. Until then reports lack: cost of sending."
    assert worst(found) == 1


def test_after_a_refused_token_nothing_more_is_asked(tmp_path: Path) -> None:
    api = office()
    api.answers["/letters"] = lambda request: httpx.Response(401)

    class Alone(Post):
        workers = 1

    found = looked(api, tmp_path / "none.db", Alone("post", post().settings, {}))

    assert api.calls == ["GET /letters?count=1&offset=0"]
    assert [one.state for one in found if one.what in ("letters", "readers", "stamps (on demand)")] == [
        "fail",
        "not probed",
        "not probed",
    ]
    assert worst(found) == AuthError.exit_code == 4


@pytest.mark.parametrize(
    ("ahead", "state", "said"),
    [
        (0.0, "ok", "the same as the vendor's"),
        (100.0, "ok", "100 s ahead of the vendor's"),
        (-600.0, "warn", "600 s behind the vendor's"),
        (7200.0, "warn", "7,200 s ahead of the vendor's"),
    ],
)
def test_a_clock_that_is_off_is_a_warning(tmp_path: Path, ahead: float, state: str, said: str) -> None:
    clock = next(one for one in looked(office(), tmp_path / "none.db", ahead=ahead) if one.what == "clock")

    assert (clock.state, clock.found, "NTP" in clock.fix) == (state, said, state == "warn")


@pytest.mark.parametrize(
    ("until", "state", "code"), [("2026-07-01", "ok", 0), ("2025-12-01", "warn", 0), ("2025-10-09", "fail", 6)]
)
def test_an_api_version_near_its_end_is_a_warning_and_past_it_a_failure(
    tmp_path: Path, until: str, state: str, code: int
) -> None:
    connector = post()
    connector.supported_until = until

    found = looked(office(), tmp_path / "none.db", connector)

    version = next(one for one in found if one.what == "API version")
    assert (version.state, version.found, worst(found)) == (state, f"2025-07, supported until {until}", code)


@pytest.mark.parametrize(
    ("until", "told", "state", "found", "fix"),
    [
        ("2026-07-01", "2025-07, supported until 2026-07-01", "ok", "2025-07, supported until 2026-07-01", ""),
        (
            "2026-07-01",
            "asked for 2025-07, answered as 2025-10: 2025-07 is gone. Set another.",
            "warn",
            "asked for 2025-07, answered as 2025-10: 2025-07 is gone",
            "Set another.",
        ),
        (None, "2025-07, which is not known", "warn", "2025-07, which is not known", UNKNOWN_VERSION),
        (None, "", "ok", "2025-07, no end announced", ""),
    ],
)
def test_a_version_that_did_not_answer_or_is_not_known_is_a_warning(
    tmp_path: Path, until: str | None, told: str, state: str, found: str, fix: str
) -> None:
    class Telling(Post):
        supported_until = until

        def check(self, client: Any) -> Any:
            if told:
                yield "API version", told

    one = next(f for f in looked(office(), tmp_path / "n.db", Telling("post", post().settings, {})) if f.what == "API version")

    assert (one.state, one.found, one.fix) == (state, found, fix)


def test_what_a_check_doubts_is_a_warning_with_its_fix(tmp_path: Path) -> None:
    class Doubting(Post):
        def check(self, client: Any) -> Any:
            yield "stamps", Doubt("2, 1 of them torn", "Buy another.")

    one = looked(office(), tmp_path / "none.db", Doubting("post", post().settings, {}))[0]

    assert (one.what, one.state, one.found, one.fix) == ("stamps", "warn", "2, 1 of them torn", "Buy another.")


def test_a_stream_that_the_vendor_will_end_says_when(tmp_path: Path) -> None:
    class Ending(Post):
        streams = (replace(LETTERS, supported_until="2025-11-01"), READERS)

    found = {one.what: one for one in looked(office(), tmp_path / "none.db", Ending("post", post().settings, {}))}

    assert (found["letters"].state, found["letters"].fix) == (
        "warn",
        "The vendor supports this until 2025-11-01: update persync.",
    )


def test_records_that_do_not_fit_are_told_before_a_pull_finds_out(tmp_path: Path) -> None:
    api = office()
    api.answers["/letters"] = {"letters": [{"id": "l0", "version": "one"}], "total_items": 1}

    found = {one.what: one for one in looked(api, tmp_path / "none.db")}

    assert found["letters"].state == "warn"
    assert "1 of 1 records do not fit" in found["letters"].found


def test_a_job_is_never_started_only_to_look(tmp_path: Path) -> None:
    bulk = replace(LETTERS, reader=GraphQLPages(query="mutation { run }", at="letters"), path="")

    class Bulk(Post):
        streams = (bulk,)

    api = office()

    found = by_name(looked(api, tmp_path / "none.db", Bulk("post", post().settings, {})))

    assert (api.calls, found["letters"]) == ([], ("not probed", "not probed: asking would start a job there; never read"))


def test_a_readers_own_probe_and_count_are_used(tmp_path: Path) -> None:
    class Counted(SinglePage):
        def probe(self, work: Work) -> Request:
            return Request(path="/letters/count")

        def count(self, work: Work, body: bytes) -> int | None:
            return int(body)

    class Own(Post):
        streams = (replace(LETTERS, reader=Counted()),)

    api = office()
    api.answers["/letters/count"] = lambda request: httpx.Response(200, content=b"1234", headers={"date": DATE})

    found = by_name(looked(api, tmp_path / "none.db", Own("post", post().settings, {})))

    assert (api.calls, found["letters"]) == (["GET /letters/count"], ("ok", "1,234 records"))


def test_a_check_that_trips_over_an_answer_is_a_failure_and_the_streams_are_still_asked(tmp_path: Path) -> None:
    class Tripping(Post):
        def check(self, client: Any) -> Any:
            yield "server", {}["nothing"]

    found = by_name(looked(office(), tmp_path / "none.db", Tripping("post", post().settings, {})))

    assert found["call"] == ("fail", "an answer that was not foreseen (KeyError).")
    assert found["letters"] == ("ok", "10 records")


def test_after_connect_what_one_cause_hides_is_one_line(tmp_path: Path) -> None:
    """A key without a scope hides many streams: named are a few, what reports lack whole."""
    api = FakeApi({"/letters": lambda request: httpx.Response(403), "/stamps": lambda request: httpx.Response(403)})

    lines = list(tried_lines(post(), looked(api, tmp_path / "none.db")))

    assert lines[-2:] == [
        "not read: letters, stamps (on demand): scope: access denied (HTTP 403). Allow stamps.read."
        " `persync connect post --guide` says where to allow it; then run `persync pull post`."
        " Until then reports lack: sends, titles, cost of sending.",
        "streams: 1 of 3 can be read",
    ]
