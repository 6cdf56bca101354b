"""Jobs: pull, check, report under one lock, and what makes the system run them."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from persync.connect.pull import PullOptions, PullResult, StreamResult
from persync.errors import AuthError, ConnectionLockedError, DataError
from persync.estimate import Estimate, missing
from persync.hookspecs import Message, Notifier
from persync.jobs.names import known_parts
from persync.jobs.pulling import failures
from persync.jobs.report import write_text
from persync.jobs.run import run_job
from persync.jobs.running import worst
from persync.measure.metric import Metric
from persync.plugins import Host, load_plugins
from persync.settings import Channel, JobCheck, JobExport, JobNotice, JobReport, JobTable, Project, load_project
from persync.store.locks import hold, lock_path
from persync.store.store import open_store
from sinks import http_sink

VISITS = "person,outcome,value\na,visit,1\nb,visit,0\n"
FILES = '[connections.own]\nconnector = "files"\nfiles = [{ kind = "outcomes", path = "visits.csv" }]\n'


@pytest.fixture
def host() -> Host:
    return load_plugins(installed=False)


@pytest.fixture
def home(tmp_path: Path, host: Host) -> Project:
    (tmp_path / "visits.csv").write_text(VISITS)
    (tmp_path / "persync.toml").write_text(FILES)
    return load_project(tmp_path, host)


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two metrics with known values: one in two slices, one that is not known."""

    def metric(id: str, *estimates: Estimate) -> Metric:
        return Metric(id, id, "", "", "count", lambda engine, ask: estimates)

    mine = {
        "sales": metric("sales", Estimate("sales", 5, by={"channel": "email"}), Estimate("sales", 9, by={"channel": "sms"})),
        "margin": metric("margin", missing("margin", "no_cost")),
    }
    monkeypatch.setattr(Host, "metrics", property(lambda self: mine))


def run(host: Host, home: Project, job: JobTable) -> tuple[int, list[str]]:
    lines: list[str] = []
    return run_job(host, home, "nightly", job, now=1_750_000_000_000, wait=0, say=lines.append), lines


def test_a_job_pulls_checks_and_reports(host: Host, home: Project, measures: None) -> None:
    job = JobTable(
        checks=[JobCheck(metric="sales", min=1, by=["channel"])], report=[JobReport(out="out/r.json", format="json")]
    )

    code, lines = run(host, home, job)
    again, second = run(host, home, job)

    assert (code, again) == (0, 0)
    assert re.fullmatch(r"pull: [1-9]\d* rows changed", lines[0])
    assert lines[1:] == ["check sales: ok", f"report: {home.folder / 'out' / 'r.json'}"]
    assert second[0] == "pull: 0 rows changed"
    assert (home.folder / "out" / "r.json").read_text().startswith("{")


def test_a_check_that_does_not_hold_names_slice_and_limit_and_the_report_is_still_made(
    host: Host, home: Project, measures: None
) -> None:
    job = JobTable(
        checks=[JobCheck(metric="sales", min=6), JobCheck(metric="sales", max=8), JobCheck(metric="margin", min=0)],
        report=[JobReport(out="r.txt", format="text")],
    )

    code, lines = run(host, home, job)

    assert code == 6
    assert lines[1:] == [
        "check sales: email: 5 is below 6",
        "check sales: sms: 9 is above 8",
        "check margin: not known: no costs have been imported",
        f"report: {home.folder / 'r.txt'}",
    ]


def test_an_unknown_metric_is_said_first_and_the_rest_of_the_job_goes_on(host: Host, home: Project, measures: None) -> None:
    job = JobTable(
        checks=[JobCheck(metric="sales", min=0), JobCheck(metric="sale", min=0)], report=[JobReport(out="r.md", format="md")]
    )

    code, lines = run(host, home, job)

    where = f"{home.folder / 'persync.toml'}, [jobs.nightly] checks"
    assert lines[0] == f"failed: {where}: there is no metric 'sale'. Did you mean 'sales'?"
    assert lines[1].endswith("rows changed")
    assert lines[2:] == ["check sales: ok", f"report: {home.folder / 'r.md'}"]
    assert code == 2


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (JobTable(pull=["ovn"]), "[jobs.nightly] pull: there is no connection 'ovn'. Did you mean 'own'?"),
        (
            JobTable(report=[JobReport(out="r.md", sections=["anwser"])]),
            "[jobs.nightly] report: there is no report section 'anwser'. Did you mean 'answer'?",
        ),
        (
            JobTable(export=[JobExport(metric="aovv", out="a.csv")]),
            "[jobs.nightly] export: there is no metric 'aovv'. Did you mean 'aov'?",
        ),
        (JobTable(notify=[JobNotice(to="own")], numbers=["ctrr"]), "[jobs.nightly] numbers: there is no metric 'ctrr'."),
        (
            JobTable(notify=[JobNotice(to="owner")]),
            "[jobs.nightly] notify: there is no way to tell 'owner'. Add [notify.owner] with via = ... Valid: discord, email,",
        ),
    ],
)
def test_a_job_that_names_what_is_not_there_says_its_place(host: Host, home: Project, job: JobTable, message: str) -> None:
    code, lines = run(host, home, job)

    assert (code, lines[0].startswith(f"failed: {home.folder / 'persync.toml'}, {message}")) == (2, True)
    assert any(line.startswith("pull: ") for line in lines) == (job.pull == "all")
    assert f"failed: {known_parts(host, home, 'nightly', job)[1][0]}" == lines[0]


def test_an_export_is_the_metric_as_a_file_and_is_made_once_for_one_state_of_the_store(
    host: Host, home: Project, measures: None
) -> None:
    job = JobTable(
        export=[JobExport(metric="sales", out="s.csv", by=["channel"]), JobExport(metric="sales", out="s.json", format="json")]
    )

    first, again = run(host, home, job), run(host, home, job)
    (home.folder / "s.csv").unlink()
    third = run(host, home, job)

    assert (home.folder / "s.csv").read_bytes().splitlines()[:2] == [
        b"id,channel,value,low,high,p,n,unit,label,reason,note",
        b"sales,email,5,,,,,,,,",
    ]
    assert [one["value"] for one in json.loads((home.folder / "s.json").read_text())["results"]] == [5, 9]
    ends = [
        [line.partition(": ")[2].removeprefix(f"{home.folder}/") for line in lines[1:]] for _, lines in (first, again, third)
    ]
    old = " (nothing new today)"
    assert ends == [["s.csv", "s.json"], [f"s.csv{old}", f"s.json{old}"], ["s.csv", f"s.json{old}"]]


def test_another_day_or_other_settings_make_the_files_anew(host: Host, home: Project, measures: None) -> None:
    def said(job: JobTable, now: int) -> str:
        lines: list[str] = []
        run_job(host, home, "nightly", job, now=now, wait=0, say=lines.append)
        return lines[-1].removeprefix(f"export: {home.folder}/s.csv")

    job = JobTable(export=[JobExport(metric="sales", out="s.csv")])
    start = 1_750_000_000_000
    found = [said(job, at) for at in (start, start + 3_600_000, start + 86_400_000)]
    found.append(said(job.model_copy(update={"days": 9}), start + 86_400_000))

    assert found == ["", " (nothing new today)", "", ""]


class Told:
    """A channel that keeps what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[Message] = []
        mine = {"mine": Notifier("mine", "A test.", lambda settings, secrets, message: self.messages.append(message))}
        monkeypatch.setattr(Host, "notifiers", property(lambda self: mine))


def test_a_pull_that_fails_with_nothing_there_is_told_and_pinged(
    host: Host, home: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told(monkeypatch)
    home = replace(home, channels={"team": Channel("team", "mine")})
    (home.folder / "visits.csv").unlink()

    with http_sink() as calls:
        monkeypatch.setenv("MY_PING", f"{calls.url}/p")
        code, lines = run(host, home, JobTable(notify=[JobNotice(to="team")], ping="MY_PING"))

    assert code == 1
    assert calls.paths == ["/p/start", "/p/1"]
    (message,) = told.messages
    assert (message.status, {one.value[:9] for one in message.numbers}) == ("failed", {"not known"})
    assert "visits.csv" in message.lines[0]
    assert lines[-1] == "notify team: failed"


def test_a_run_that_is_interrupted_or_breaks_still_tells_the_switch_and_the_log(
    host: Host, home: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(error: BaseException) -> list[str]:
        def fail(*_: object, **__: object) -> PullResult:
            raise error

        monkeypatch.setattr("persync.connect.pull.pull", fail)
        with http_sink() as calls:
            monkeypatch.setenv("MY_PING", f"{calls.url}/p")
            with pytest.raises(type(error)):
                run(host, home, JobTable(ping="MY_PING"))
        return calls.paths

    run(host, home, JobTable())
    assert broken(KeyboardInterrupt(15)) == ["/p/start", "/p/143"]
    assert broken(ZeroDivisionError()) == ["/p/start", "/p/1"]
    with open_store(home.store_path) as store:
        found = store.db.execute("SELECT exit_code, summary FROM runs WHERE command = 'run nightly' ORDER BY run").fetchall()
    assert [tuple(one) for one in found] == [(0, "ok"), (143, "did not come to its end"), (1, "did not come to its end")]


def test_one_cause_is_one_line_for_each_connection() -> None:
    """Streams that fail for one reason differ in their call alone; a lone failure keeps its call."""

    def failed(connection: str, call: str, what: str) -> StreamResult:
        error = DataError(what, where=f"{connection}, GET {call}", hint="Check base_url.")
        return StreamResult(connection, call, state="failed", error=error)

    found = failures(
        PullResult(
            [
                failed("news", "/a", "the answer is not JSON."),
                failed("news", "/b", "the answer is not JSON."),
                failed("news", "/b", "the answer is not JSON."),
                failed("shop", "/a", "the answer is not JSON."),
                failed("news", "/c", "the answer ends early."),
            ],
            errors=[AuthError("no secret found.", where="crm")],
        )
    )

    assert found == [
        "crm: no secret found.",
        "news, 2 calls: the answer is not JSON. Check base_url.",
        "shop, GET /a: the answer is not JSON. Check base_url.",
        "news, GET /c: the answer ends early. Check base_url.",
    ]


def test_a_partial_pull_still_makes_the_report(host: Host, home: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    run(host, home, JobTable())
    done = StreamResult("own", "a", pages=1, changed=2)
    lost = StreamResult("own", "b", state="failed", error=DataError("the stream ended early.", where="own, b"))
    monkeypatch.setattr("persync.connect.pull.pull", lambda *_, **__: PullResult([done, lost]))

    code, lines = run(host, home, JobTable(report=[JobReport(out="r.md", format="md")]))

    assert code == 3
    assert lines == ["pull: 2 rows changed", "pull failed: own, b: the stream ended early.", f"report: {home.folder / 'r.md'}"]


def test_a_connection_without_its_secret_does_not_keep_the_others_from_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAILCHIMP_API_KEY", raising=False)
    (tmp_path / "visits.csv").write_text(VISITS)
    (tmp_path / "persync.toml").write_text('[connections.news]\nconnector = "mailchimp"\n' + FILES)
    host = load_plugins()

    code, lines = run(host, load_project(tmp_path, host), JobTable())

    assert code == 3
    assert not lines[0].startswith("pull: 0 ")
    assert lines[1].startswith("pull failed: news: no secret found: MAILCHIMP_API_KEY is not set")


def test_the_options_of_the_pull_say_which_job_it_was(host: Host, home: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[PullOptions] = []

    def pull(path: Path, connectors: object, options: PullOptions, *_: object, **__: object) -> PullResult:
        seen.append(options)
        return PullResult(errors=[AuthError("no.")])

    monkeypatch.setattr("persync.connect.pull.pull", pull)

    code, lines = run(host, home, JobTable(report=[JobReport(out="r.html")]))

    assert seen == [PullOptions(now=1_750_000_000_000, command="run nightly: pull")]
    assert (code, lines) == (4, ["pull: 0 rows changed", "pull failed: no."])


def test_without_a_wait_of_its_own_a_run_waits_as_long_as_the_job_says(
    host: Host, home: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def pull(path: Path, connectors: object, options: PullOptions, *_: object, **__: object) -> PullResult:
        waits.append(options.wait)
        return PullResult()

    monkeypatch.setattr("persync.connect.pull.pull", pull)
    for wait in (None, 7.0):
        run_job(host, home, "nightly", JobTable(wait=45), now=1, wait=wait, say=lambda line: None)

    assert waits == [45, 7]


def test_a_run_that_was_killed_is_noted_as_such_by_the_next(host: Host, home: Project) -> None:
    run(host, home, JobTable())
    with open_store(home.store_path) as store:
        store.db.execute("INSERT INTO runs (command, started_at, pid, host) VALUES ('run nightly', 5, 4242, 'elsewhere')")
        store.db.commit()
    lock_path(home.store_path, "job nightly").write_text('{"pid": 4242, "host": "elsewhere", "since": 5}')

    code, _ = run(host, home, JobTable())

    with open_store(home.store_path) as store:
        found = store.db.execute("SELECT exit_code, summary FROM runs WHERE command = 'run nightly' ORDER BY run").fetchall()
    assert code == 0
    assert [tuple(one) for one in found] == [(0, "ok"), (None, "killed"), (0, "ok")]


def test_a_report_that_cannot_be_written_is_said(host: Host, home: Project) -> None:
    code, lines = run(host, home, JobTable(report=[JobReport(out="visits.csv/r.md", format="md")]))

    assert code == 1
    assert lines[1].startswith(f"report failed: {home.folder / 'visits.csv' / 'r.md'}: cannot write the file: ")


def test_the_same_job_does_not_run_twice_at_once(host: Host, home: Project) -> None:
    """The lock is held by another thread with its own handle, as another process would."""
    held, done = threading.Event(), threading.Event()

    def other() -> None:
        with hold(home.store_path, "job nightly"):
            held.set()
            done.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    try:
        assert held.wait(10)
        with pytest.raises(ConnectionLockedError) as caught:
            run(host, home, JobTable())
    finally:
        done.set()
        thread.join()

    assert caught.value.exit_code == 7


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([0], 0), ([0, 3, 0], 3), ([3, 6], 6), ([6, 4], 4), ([3, 1, 6], 1), ([5, 0], 5), ([1, 130], 130)],
)
def test_the_worst_step_gives_the_exit_code(codes: list[int], expected: int) -> None:
    assert worst(codes) == expected


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "r.html"
    write_text(path, "one")
    write_text(path, "two")

    assert path.read_text() == "two"
    assert list(path.parent.iterdir()) == [path]
