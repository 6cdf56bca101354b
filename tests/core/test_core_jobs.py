"""Jobs: pull, check, report under one lock, and what makes the system run them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from persync.connect.pull import PullOptions, PullResult, StreamResult
from persync.errors import AuthError, ConfigError, ConnectionLockedError, DataError
from persync.estimate import Estimate, missing
from persync.jobs.pulling import failures
from persync.jobs.report import format_of, write_text
from persync.jobs.run import run_job, worst
from persync.jobs.schedule import cron, program, systemd
from persync.measure.metric import Metric
from persync.plugins import Host, load_plugins
from persync.settings import JobCheck, JobReport, JobTable, Project, load_project
from persync.store.locks import hold

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
        "check margin: not known (no_cost)",
        f"report: {home.folder / 'r.txt'}",
    ]


def test_an_unknown_metric_ends_the_job_before_anything_is_done(host: Host, home: Project, measures: None) -> None:
    with pytest.raises(ConfigError) as caught:
        run(host, home, JobTable(checks=[JobCheck(metric="sales", min=0), JobCheck(metric="sale", min=0)]))

    assert str(caught.value) == (
        f"{home.folder / 'persync.toml'}, [jobs.nightly] checks: there is no metric 'sale'. Did you mean 'sales'?"
    )
    assert not home.store_path.exists()


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


def test_a_report_that_cannot_be_written_is_said(host: Host, home: Project) -> None:
    code, lines = run(host, home, JobTable(report=[JobReport(out="visits.csv/r.md", format="md")]))

    assert code == 1
    assert lines[1].startswith(f"report failed: {home.folder / 'visits.csv' / 'r.md'}: cannot write the file: ")


def test_the_same_job_does_not_run_twice_at_once(host: Host, home: Project) -> None:
    """The lock is held by another thread with its own handle, as another process would."""
    held, done = threading.Event(), threading.Event()

    def other() -> None:
        with hold(home.store_path, "job-nightly"):
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


@pytest.mark.parametrize(
    ("out", "form"), [(None, "text"), ("r.html", "html"), ("r.MD", "md"), ("r.json", "json"), ("r.txt", "text"), ("r", "html")]
)
def test_the_name_of_a_report_says_its_format(out: str | None, form: str) -> None:
    assert format_of(Path(out) if out else None) == form


@pytest.fixture
def odd(tmp_path: Path, home: Project) -> tuple[Project, tuple[str, ...]]:
    """A folder and a program whose names hold what shells, cron and systemd all treat in their own way."""
    folder = tmp_path / "my shop 100%"
    folder.mkdir()
    tool = tmp_path / "bin dir" / "persync"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    return replace(home, folder=folder, store_path=folder / "persync.db"), (str(tool),)


def test_a_cron_line_runs_the_job_at_its_time(odd: tuple[Project, tuple[str, ...]]) -> None:
    project, tool = odd
    text = cron("nightly", JobTable(at="03:05"), project, tool)

    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) == 1
    minute, hour, day, month, weekday, command = lines[0].split(maxsplit=5)
    assert (minute, hour, day, month, weekday) == ("5", "3", "*", "*", "*")
    assert not re.search(r"(?<!\\)%", command)
    words = shlex.split(command.replace("\\%", "%"))
    folder = str(project.folder.resolve())
    assert words == [
        *(tool[0], "--project", folder, "--no-input", "--quiet", "run", "nightly"),
        *(">>", f"{folder}/persync-nightly.log", "2>&1"),
    ]


def test_systemd_units_are_persistent_hardened_and_absolute(odd: tuple[Project, tuple[str, ...]]) -> None:
    project, tool = odd
    job = JobTable(at="03:05", report=[JobReport(out="../out/r.html")])
    service, timer = split(systemd("nightly", job, project, tool))

    folder = str(project.folder.resolve()).replace("%", "%%")
    assert f'ExecStart="{tool[0]}" --project "{folder}" --no-input --quiet run nightly' in service
    assert f"WorkingDirectory={folder}" in service
    assert f'ReadWritePaths="{folder}" {project.folder.resolve().parent / "out"}' in service
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077"} <= set(service)
    assert {"OnCalendar=*-*-* 03:05:00", "Persistent=true", "WantedBy=timers.target"} <= set(timer)


def split(text: str) -> tuple[list[str], list[str]]:
    service, _, timer = text.partition("# ---- persync-nightly.timer\n")
    return service.splitlines(), timer.splitlines()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_itself_accepts_the_units(tmp_path: Path, odd: tuple[Project, tuple[str, ...]]) -> None:
    project, tool = odd
    service, timer = split(systemd("nightly", JobTable(), project, tool))
    units = tmp_path / "units"
    units.mkdir()
    for name, lines in (("persync-nightly.service", service), ("persync-nightly.timer", timer)):
        (units / name).write_text("\n".join(lines) + "\n")

    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(path) for path in sorted(units.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )

    about_us = [line for line in found.stderr.splitlines() if "persync-nightly" in line or str(units) in line]
    assert about_us == []


def test_the_program_is_an_absolute_path_that_exists() -> None:
    assert Path(program()[0]).is_absolute()
    assert Path(program()[0]).exists()
