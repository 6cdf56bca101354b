"""What `persync pull --dry-run` says that a pull would take."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.cli.post import LETTERS, NOW, READERS, STAMPS, Post, office, page, post
from persync.cli.progress import show_plans
from persync.connect import Every, Pace, Request, SinglePage, Size, Work
from persync.connect.estimate import ConnectionPlan
from persync.connect.pace import Daily
from persync.connect.result import PullOptions
from persync.jobs.planning import plan_one
from persync.testing import FakeApi, pull_once, quick_client

GUIDE = "`persync connect post --guide` leads to a new one; `persync connect post` takes it in."


def planned(api: FakeApi, store: Path, connector: Post | None = None, **options: Any) -> ConnectionPlan:
    """Plan with a clock on which every call takes a tenth of a second."""
    ticks = itertools.count()
    make = quick_client(api)
    return plan_one(
        connector or Alone("post", post().settings, {}),
        store,
        PullOptions(now=NOW, **options),
        client=lambda one: make(one, threading.Event()),
        timer=lambda: next(ticks) * 0.1,
    )


class Alone(Post):
    """One call at a time, so that the clock of the tests is true."""

    workers = 1


def numbers(plan: ConnectionPlan) -> list[tuple[Any, ...]]:
    return [(one.stream, one.how, one.parts, one.records, one.pages, one.calls, one.note) for one in plan.streams]


def test_a_first_pull_is_counted_where_the_vendor_counts_and_estimated_below(tmp_path: Path) -> None:
    api = office(letters=10, readers=5)

    plan = planned(api, tmp_path / "none.db")

    assert numbers(plan) == [
        ("letters", "counted", 1, 10, 3, 3, ""),
        (
            "readers",
            "estimated",
            10,
            50,
            30,
            30,
            "one for each of 10 letters; each like the one looked at (5 records)",
        ),
    ]
    assert [round(one.seconds or 0, 3) for one in plan.streams] == [0.3, 3.0]
    assert (plan.calls, plan.probes, len(api.calls)) == (33, 2, 2)
    assert not (tmp_path / "none.db").exists()


def test_the_estimate_is_what_the_pull_then_takes(tmp_path: Path) -> None:
    api = office(letters=10, readers=5)
    plan = planned(api, tmp_path / "s.db")
    api.calls.clear()

    result = pull_once(tmp_path / "s.db", [post()], api)

    assert plan.calls == len(api.calls) == 33
    assert [one.records for one in plan.streams] == [one.records for one in result.streams]


def test_after_a_pull_only_what_moved_is_due(tmp_path: Path) -> None:
    api = office(letters=4, readers=5)
    pull_once(tmp_path / "s.db", [post()], api)
    before = (tmp_path / "s.db").read_bytes()

    nothing = planned(api, tmp_path / "s.db")
    api.answers["/letters"] = page("letters", [{"id": f"l{i}", "version": 2} for i in range(6)], 6)
    moved = planned(api, tmp_path / "s.db")

    assert numbers(nothing) == [
        ("letters", "counted", 1, 4, 1, 1, ""),
        ("readers", "nothing to do", 0, None, None, None, "not due"),
    ]
    assert numbers(moved)[1] == (
        "readers",
        "estimated",
        6,
        30,
        18,
        18,
        "one for each of 6 letters; 1 of 1 looked at have moved; each like the one looked at (5 records)",
    )
    assert (tmp_path / "s.db").read_bytes() == before


def test_a_few_parts_are_each_asked_and_none_stands_for_the_others(tmp_path: Path) -> None:
    """Two shops are rarely alike; of many campaigns one has to do."""

    class Few(Alone):
        streams = (replace(LETTERS, reader=replace(LETTERS.reader, smallest=4)), READERS)  # type: ignore[type-var]

    few = Few("post", post().settings, {})
    api = office(letters=3, readers=2)
    api.answers["/letters/l1/readers"] = page("readers", [{"id": f"p{n}", "at": NOW} for n in range(2)], 7)

    plan = planned(api, tmp_path / "none.db", few)
    pull_once(tmp_path / "s.db", [few], api)
    api.answers["/letters"] = page("letters", [{"id": f"l{i}", "version": 2} for i in range(3)], 3)
    moved = planned(api, tmp_path / "s.db", few)

    row = ("readers", "counted", 3, 11, 6, 6, "each of 3 parts was asked")
    assert numbers(plan)[1] == row
    assert numbers(moved)[1] == row
    assert (plan.probes, plan.is_whole) == (4, True)


class Sized(type(READERS.reader)):  # type: ignore[misc]
    """Pages that tell nothing of how many there are; another call does."""

    most = True

    def count(self, work: Work, body: bytes) -> None:
        return None

    def sizing(self, work: Work) -> Request:
        return Request(path="/readers/count")

    def sized(self, work: Work, body: bytes) -> Size | None:
        return Size(int(body), "one for each of the office's customers", at_most=self.most) if body != b"?" else None


@pytest.mark.parametrize(
    ("answer", "row"),
    [
        (b"900", ("readers", "at most", 4, 900, 450, 450, "one for each of the office's customers")),
        (b"3", ("readers", "at most", 4, 3, 4, 4, "one for each of the office's customers")),
        (b"?", ("readers", "estimated", 4, 20, 12, 12, "one for each of 4 letters; each like the one looked at (5 records)")),
        (None, ("readers", "estimated", 4, 20, 12, 12, "one for each of 4 letters; each like the one looked at (5 records)")),
    ],
)
def test_what_cannot_be_counted_has_an_upper_bound(tmp_path: Path, answer: bytes | None, row: tuple[Any, ...]) -> None:
    """Another small call sizes the whole stream; when it fails, what is known otherwise must do."""

    class Bounded(Alone):
        streams = (LETTERS, replace(READERS, reader=Sized("readers", count=2, smallest=1)))

    api = office(letters=4, readers=5)
    api.answers["/readers/count"] = lambda request: httpx.Response(404 if answer is None else 200, content=answer or b"")

    plan = planned(api, tmp_path / "none.db", Bounded("post", post().settings, {}))

    assert numbers(plan)[1] == row
    assert (plan.probes, plan.is_whole) == (3, True)


def test_what_is_denied_costs_nothing_and_says_why(tmp_path: Path) -> None:
    api = office(letters=1)

    plan = planned(api, tmp_path / "none.db", streams=("stamps",))

    assert numbers(plan) == [("stamps", "skipped", 1, None, None, 0, "scope: access denied (HTTP 403).")]
    assert (plan.is_whole, plan.error) == (True, None)


def test_a_refused_token_ends_the_connection_and_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    api = office()
    api.answers["/letters"] = lambda request: httpx.Response(401)

    plan = planned(api, tmp_path / "none.db")
    code = show_plans([plan], "text")

    told = capsys.readouterr()
    assert (code, len(api.calls)) == (4, 1)
    assert told.err == f"persync: post, letters, GET /letters: the token was refused (HTTP 401). {GUIDE}\n"
    assert told.out == "post: not known.\n"


def test_streams_refused_side_by_side_are_one_line_in_the_order_of_the_streams(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both calls are under way before either is answered."""
    both = threading.Barrier(2)

    def refuse(request: httpx.Request) -> httpx.Response:
        both.wait(timeout=10)
        return httpx.Response(401, headers={"x-request-id": f"r{request.url.path}"})

    class Beside(Post):
        streams = (LETTERS, READERS, replace(STAMPS, default=True))

    api = office()
    api.answers["/letters"] = api.answers["/stamps"] = refuse

    plan = planned(api, tmp_path / "none.db", Beside("post", post().settings, {}))
    code = show_plans([plan], "text")

    told = capsys.readouterr()
    assert (code, len(api.calls), plan.streams) == (4, 2, [])
    assert told.err == f"persync: post, letters, GET /letters, request r/letters: the token was refused (HTTP 401). {GUIDE}\n"
    assert told.out == "post: not known.\n"


def test_a_vendor_that_does_not_count_is_said_not_to(tmp_path: Path) -> None:
    api = office()
    api.answers["/letters"] = {"letters": [{"id": "l0", "version": 1}], "total_items": None, "more": True}

    class Uncounted(Alone):
        streams = (
            replace(LETTERS, reader=Paged("letters", total_at="nothing")),
            READERS,
        )

    plan = planned(api, tmp_path / "none.db", Uncounted("post", post().settings, {}))

    assert numbers(plan) == [
        ("letters", "not known", 1, None, None, None, "the vendor does not tell how many there are"),
        ("readers", "not known", 0, None, None, None, "how many letters there are is not told"),
    ]
    assert not plan.is_whole


class Paged(type(LETTERS.reader)):  # type: ignore[misc]
    """Pages that say only that there is a next one."""

    def read(self, work: Work, token: Any, body: bytes, headers: Any) -> Any:
        return replace(super().read(work, token, body, headers), next={**token, "offset": 1}, total=None)


def test_a_periodic_pass_that_is_not_due_takes_nothing_and_by_name_it_does(tmp_path: Path) -> None:
    class Periodic(Alone):
        streams = (replace(LETTERS, window=Every(days=30)), READERS)

    connector = Periodic("post", post().settings, {})
    api = office(letters=3)

    assert numbers(planned(api, tmp_path / "none.db", connector))[0][:3] == ("letters", "nothing to do", 0)
    assert api.calls == []
    assert numbers(planned(api, tmp_path / "none.db", connector, streams=("letters",)))[0][:4] == ("letters", "counted", 1, 3)


def test_the_vendors_rate_bounds_the_time_and_its_daily_calls_are_shared_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Slow(Pace):
        def rate(self, request: Request) -> float | None:
            return 0.5

        def daily(self) -> Daily | None:
            return Daily(limit=1000, left=20)

    class Paced(Alone):
        def pace(self) -> Pace:
            return Slow(concurrent=1)

    plan = planned(office(letters=10, readers=5), tmp_path / "none.db", Paced("post", post().settings, {}))
    code = show_plans([plan], "text")

    assert [one.seconds for one in plan.streams] == [6.0, 60.0]
    assert code == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "post: 33 calls, about 66 s; 3.30 % of 1,000 calls a day, 20 are left (not enough: the pull stops there with exit "
        "code 5 and goes on the next day)."
    )


def test_a_job_says_itself_how_many_calls_it_takes(tmp_path: Path) -> None:
    class Job(SinglePage):
        def probe(self, work: Work) -> Request:
            return Request(path="/stamps/count")

        def count(self, work: Work, body: bytes) -> int:
            return int(body)

        def calls(self, pages: int) -> int:
            return pages + 7

    class Bulk(Alone):
        streams = (replace(STAMPS, reader=Job(at="stamps", single=False)),)

    api = office()
    api.answers["/stamps/count"] = lambda request: httpx.Response(200, content=b"90")

    plan = planned(api, tmp_path / "none.db", Bulk("post", post().settings, {}), streams=("stamps",))

    assert numbers(plan) == [("stamps", "counted", 1, 90, 1, 8, "")]
