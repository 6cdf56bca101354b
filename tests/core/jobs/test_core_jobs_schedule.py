"""The files that make schedulers run a job, each read by the tool itself, or by a parser or a schema of its format."""

from __future__ import annotations

import os
import plistlib
import py_compile
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import xmlschema
from cronsim import CronSim
from jinja2 import Environment
from ruamel.yaml import YAML

from core.jobs.stand_ins import Called, stand_in
from core.jobs.workflows import run_step
from persync.errors import ConfigError
from persync.jobs.schedule import TARGETS, File, Plan, files_of, plan_of, printed, program
from persync.jobs.schedule.status import next_of
from persync.settings import Channel, JobNotice, JobReport, JobTable, Project

JUNE = 1_750_075_200_000  # 2025-06-16 12:00 UTC
SPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock shows UTC, wherever the tests run."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def odd(tmp_path: Path) -> Plan:
    """A folder and a program whose names hold what shells, cron, systemd and Python all treat in their own way."""
    folder = tmp_path / "my shop's 100% $HOME {{ x }}"
    folder.mkdir()
    tool = tmp_path / "bin dir" / "persync"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    home = Project(
        folder,
        folder / "persync.db",
        secret_names={"shop": {"token": "SHOP_TOKEN"}},
        connections={"shop": Any},  # type: ignore[dict-item]
        channels={
            "team": Channel("team", "slack", secret_names={"url": "TEAM_URL"}),
            "owner": Channel("owner", "email", quiet=(22 * 60, 7 * 60 + 15)),
        },
        report=Project(folder, folder).report.model_copy(update={"timezone": "Europe/Berlin"}),
    )
    notify = [JobNotice(to="team"), JobNotice(to="owner")]
    job = JobTable(at="03:05", report=[JobReport(out="../out/r.html")], notify=notify, ping="MY_PING")
    return plan_of("nightly", job, home, (str(tool),))


def texts(target: str, plan: Plan) -> list[str]:
    return [file.text for file in files_of(target, plan, now=JUNE)]


def command(plan: Plan) -> list[str]:
    return [*plan.program, "--project", str(plan.folder), "--no-input", "--quiet", "run", "nightly"]


def test_a_plan_knows_the_command_when_it_is_due_what_it_writes_and_which_secrets_it_needs(odd: Plan) -> None:
    assert list(odd.command) == command(odd)
    assert [str(time) for time in odd.times] == ["03:05", "07:15"]
    assert odd.writable == (odd.folder, odd.folder.parent / "out")
    assert odd.variables == ("SHOP_TOKEN", "TEAM_URL", "MY_PING")


def test_jobs_of_one_name_in_two_projects_have_two_units(odd: Plan, tmp_path: Path) -> None:
    other = plan_of("nightly", JobTable(), Project(tmp_path, tmp_path / "persync.db"), program())

    assert re.fullmatch(r"persync-nightly-[0-9a-f]{6}", odd.unit)
    assert other.unit != odd.unit


@pytest.mark.parametrize("name", ["a\nb", "${{ x }}", "", "a;b", "x" * 61, "a/b"])
def test_a_job_whose_name_would_break_the_files_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="has a name that not every scheduler can hold"):
        plan_of(name, JobTable(), Project(tmp_path, tmp_path / "persync.db"), program())


@pytest.mark.parametrize("target", TARGETS)
def test_no_file_holds_a_secret_and_all_paths_are_absolute(target: str, odd: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hush-hush-hush")

    text = printed(files_of(target, odd, now=JUNE))

    assert "hush" not in text
    assert target == "github-actions" or "bin dir/persync" in text


# -- cron ------------------------------------------------------------------------------------------------------------------


def test_cron_reads_its_lines_and_runs_the_job_at_its_times_and_after_a_start(odd: Plan) -> None:
    (text,) = texts("cron", odd)
    first, second, start = [line for line in text.splitlines() if not line.startswith("#")]
    assert "# By this machine's clock that is 01:05 and 05:15 today; install it anew when summer time changes." in text

    due = [next(CronSim(" ".join(line.split()[:5]), datetime(2025, 6, 16, 12))) for line in (first, second)]  # noqa: DTZ001
    assert due == [datetime(2025, 6, 17, 1, 5), datetime(2025, 6, 17, 5, 15)]  # noqa: DTZ001
    commands = [first.split(maxsplit=5)[5], second.split(maxsplit=5)[5], start.removeprefix("@reboot sleep 60; ")]
    assert len(set(commands)) == 1
    assert not re.search(r"(?<!\\)%", commands[0])
    mask, _, rest = commands[0].replace("\\%", "%").partition("; ")
    log = f"{odd.folder}/{odd.unit}.log"
    assert (mask, shlex.split(rest)) == ("umask 077", [*command(odd), ">>", log, "2>&1"])


# -- systemd ---------------------------------------------------------------------------------------------------------------


def test_systemd_units_are_persistent_hardened_and_absolute(odd: Plan) -> None:
    service, timer = (text.splitlines() for text in texts("systemd", odd))

    folder = str(odd.folder).replace("%", "%%")
    assert f"WorkingDirectory={folder}" in service
    quoted = folder.replace("$", "$$")
    assert f'ExecStart="{odd.program[0]}" --project "{quoted}" --no-input --quiet run nightly' in service
    assert f"# Make it first, for a place that is not there cannot be opened to the job: mkdir -p {odd.writable[1]}" in service
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077", "#LoadCredentialEncrypted=SHOP_TOKEN"} <= set(service)
    assert f'ReadWritePaths="{folder}" {odd.folder.parent / "out"}' in service
    due = {f"OnCalendar=*-*-* {time}:00 Europe/Berlin" for time in ("03:05", "07:15")}
    expected = due | {"Persistent=true", "WantedBy=timers.target"}
    assert expected <= set(timer)


@pytest.mark.parametrize("place", ["/tmp/demo", "/var/tmp/demo", "/home/ann/shop"])
def test_a_job_that_stands_among_temporary_files_is_not_hidden_from_itself(odd: Plan, place: str) -> None:
    plan = replace(odd, folder=Path(place), writable=(Path(place),), program=("/usr/bin/persync",))

    service = texts("systemd", plan)[0].splitlines()

    assert ("PrivateTmp=yes" in service) == place.startswith("/home")
    assert (f"# No PrivateTmp=yes: it would hide {place} from the job." in service) == (not place.startswith("/home"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_itself_accepts_the_units(tmp_path: Path, odd: Plan) -> None:
    units = tmp_path / "units"
    units.mkdir()
    for file in files_of("systemd", odd, now=JUNE):
        (units / file.name).write_text(file.text.replace("#LoadCredential", "LoadCredential"))

    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(path) for path in sorted(units.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )

    about_us = [line for line in found.stderr.splitlines() if odd.unit in line or str(units) in line]
    assert about_us == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_would_complain_about_a_unit_that_is_wrong(tmp_path: Path, odd: Plan) -> None:
    service = files_of("systemd", odd, now=JUNE)[0]
    path = tmp_path / service.name
    path.write_text(service.text.replace("NoNewPrivileges=yes", "NoNewPrivileges=perhaps"))

    found = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False)

    assert "Failed to parse boolean value, ignoring: perhaps" in found.stderr


# -- launchd and windows ---------------------------------------------------------------------------------------------------


def test_launchd_gets_a_property_list_that_catches_up(odd: Plan) -> None:
    (file,) = files_of("launchd", odd, now=JUNE)

    found = plistlib.loads(file.text.encode())

    assert file.name == f"{found['Label']}.plist"
    about = file.text.partition("<!--")[2].partition("-->")[0]
    assert f"launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/{file.name}" in about
    assert "By this machine's clock that is 01:05 and 05:15 today" in about
    assert "--" not in about
    assert found["ProgramArguments"] == command(odd)
    assert found["StartCalendarInterval"] == [{"Hour": 1, "Minute": 5}, {"Hour": 5, "Minute": 15}]
    assert (found["RunAtLoad"], found["Umask"]) == (True, 0o077)


def test_windows_gets_a_task_that_fits_its_schema_and_runs_inside_wsl(
    odd: Plan, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSL_DISTRO_NAME", "Ubuntu")
    (text,) = texts("windows", odd)

    schema = xmlschema.XMLSchema(root / "tests/fixtures/schedule/task.xsd")
    schema.validate(text)
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(text.replace("<StartWhenAvailable>true", "<StartWhenAvailable>perhaps"))

    task: Any = schema.to_dict(text)
    said = {key.rpartition(":")[2]: value for key, value in task["Actions"]["Exec"][0].items()}
    assert said["Command"] == r"%SystemRoot%\System32\wsl.exe"
    assert said["Arguments"] == subprocess.list2cmdline(["--distribution", "Ubuntu", "--exec", *command(odd)])
    triggers = [one["StartBoundary"] for one in task["Triggers"]["CalendarTrigger"]]
    assert triggers == ["2025-01-01T01:05:00", "2025-01-01T05:15:00"]
    assert task["Settings"]["StartWhenAvailable"] is True


@pytest.mark.parametrize(
    "changed", [{"job": "%TEMP%"}, {"folder": Path("/srv/%ProgramFiles(x86)%/shop")}, {"program": (r"C:\%os%\persync.exe",)}]
)
def test_a_name_that_windows_takes_for_a_variable_is_refused(odd: Plan, changed: dict[str, Any]) -> None:
    """The Task Scheduler would put its value in, whatever stands around it. One % alone is one."""
    plan = replace(odd, **changed)

    with pytest.raises(ConfigError, match="holds what Windows takes for a variable in a task"):
        texts("windows", plan)
    assert texts("windows", replace(odd, folder=Path("/srv/50% off")))


def test_a_program_of_windows_itself_is_called_as_it_is(odd: Plan) -> None:
    (text,) = texts("windows", replace(odd, program=(r"C:\persync\persync.exe",)))

    assert r"<Command>C:\persync\persync.exe</Command>" in text
    assert "wsl" not in text.partition("<Exec>")[2]


# -- github actions --------------------------------------------------------------------------------------------------------


def test_github_gets_a_workflow_that_fits_its_schema_and_stops_in_a_public_place(odd: Plan, tmp_path: Path) -> None:
    (text,) = texts("github-actions", odd)
    path = tmp_path / "workflow.yml"
    path.write_text(text)

    checked = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    subprocess.run([*checked, str(path)], check=True, capture_output=True)
    path.write_text(text.replace("runs-on:", "runs-in:"))
    assert subprocess.run([*checked, str(path)], check=False, capture_output=True).returncode == 1

    workflow: Any = YAML(typ="safe").load(text)
    assert workflow["on"]["schedule"] == [{"cron": cron, "timezone": "Europe/Berlin"} for cron in ("5 3 * * *", "15 7 * * *")]
    assert workflow["permissions"] == {"contents": "read"}
    steps = workflow["jobs"]["run"]["steps"]
    assert steps[0]["run"] == 'test "$(gh api "repos/$GITHUB_REPOSITORY" --jq .private)" = true'
    assert [step["with"]["path"].split() for step in steps if "cache" in step.get("uses", "")] == [
        ["persync.db", "persync.db-wal", "persync.*.job.json"]
    ] * 2
    (run,) = [step for step in steps if step.get("name") == "Run the job"]
    assert {name: f"${{{{ secrets.{name} }}}}" for name in ("SHOP_TOKEN", "TEAM_URL", "MY_PING", "PERSYNC_KEY")} == run["env"]
    assert subprocess.run(["bash", "-n"], input=run["run"], text=True, check=False).returncode == 0
    assert "never let a public repository cache" in text


def test_a_workflow_that_is_cancelled_keeps_no_store_and_one_that_runs_too_long_does(odd: Plan) -> None:
    """The store is cached with its log: after a kill it is whole with that alone."""
    (text,) = texts("github-actions", odd)

    run = YAML(typ="safe").load(text)["jobs"]["run"]
    (job,) = [step for step in run["steps"] if step.get("id") == "job"]
    (save,) = [step for step in run["steps"] if "cache/save" in step.get("uses", "")]

    assert save["if"] == "${{ !cancelled() && steps.job.outcome != 'skipped' }}"
    assert job["timeout-minutes"] < run["timeout-minutes"] < 360


def test_every_action_of_the_workflow_is_pinned_to_a_commit_with_its_release_beside_it(odd: Plan) -> None:
    """Whoever can move a tag could else run their code beside the shop's tokens."""
    (text,) = texts("github-actions", replace(odd, outs=(odd.folder / "r.html",)))

    used = re.findall(r"(?m)^ +- uses: (.*)$", text)

    assert [one.partition("@")[0] for one in used] == [
        "actions/checkout",
        "actions/setup-python",
        "actions/cache/restore",
        "actions/cache/save",
        "actions/upload-artifact",
    ]
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in used), used


def test_the_workflow_keeps_what_the_job_wrote_in_the_repository_and_says_what_it_cannot_keep(odd: Plan) -> None:
    here, there = odd.folder / "out" / "r.html", odd.folder.parent / "r.csv"

    (text,) = texts("github-actions", replace(odd, outs=(here, there)))
    (nothing,) = texts("github-actions", replace(odd, outs=()))

    *_, upload = YAML(typ="safe").load(text)["jobs"]["run"]["steps"]
    assert upload["with"]["path"].split() == ["out/r.html"]
    assert upload["if"] == "always() && steps.job.outcome != 'skipped'"
    assert upload["with"]["retention-days"] == 30
    assert f"# Not kept, for it lies outside the repository: {there}\n" in text
    assert "upload-artifact" not in nothing
    with pytest.raises(ConfigError, match=r"the output 'a\*\.html' has signs that GitHub takes for a pattern"):
        texts("github-actions", replace(odd, outs=(odd.folder / "a*.html",)))
    with pytest.raises(ConfigError, match="lies outside the project, where a workflow has no place for it"):
        texts("github-actions", replace(odd, store=odd.folder.parent / "persync.db"))


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (3, 0), (6, 1)])
def test_the_step_of_the_workflow_gives_the_job_its_key_and_leaves_none_behind(
    odd: Plan, tmp_path: Path, code: int, ends: int
) -> None:
    plan = replace(odd, store=odd.folder / "data" / "mine.db")
    there = tmp_path / "checkout"
    there.mkdir()

    script = f'stat -c %a data/mine.key\ncat data/mine.key\necho "$PERSYNC_KEY/$*"\nexit {code}'
    found = run_step(texts("github-actions", plan)[0], there, script)

    assert found.returncode == ends
    assert found.stdout.splitlines() == ["600", "0a1b", f"/--project {there} --no-input --quiet run nightly"]
    assert not (there / "data" / "mine.key").exists()


# -- orchestrators -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Called]:
    """Stand-ins for the orchestrators, and what their functions were called with."""
    calls: list[Called] = []
    stand_in(monkeypatch, calls)
    return calls


def executed(target: str, plan: Plan, tmp_path: Path) -> dict[str, Any]:
    """Compile the one file of a target as Python does, run it, and return its names."""
    (file,) = files_of(target, plan, now=JUNE)
    path = tmp_path / file.name
    path.write_text(file.text)
    py_compile.compile(str(path), doraise=True, cfile=str(tmp_path / "compiled"))
    names: dict[str, Any] = {"__name__": "generated"}
    exec(compile(file.text, file.name, "exec"), names)  # noqa: S102
    return names


def test_airflow_gets_a_dag_that_makes_up_for_missed_runs_by_one(odd: Plan, tmp_path: Path, recorded: list[Any]) -> None:
    executed("airflow", odd, tmp_path)

    found = {name: named for name, _, named in recorded}
    dags = [
        (named["dag_id"], named["schedule"], named["catchup"], named["max_active_runs"])
        for name, _, named in recorded
        if name == "DAG"
    ]
    assert dags == [(odd.unit, "5 3 * * *", False, 1), (f"{odd.unit}-0715", "15 7 * * *", False, 1)]
    assert found["datetime"] == {"tz": "Europe/Berlin"}
    script = found["BashOperator"]["bash_command"]
    bash = Environment(autoescape=False).from_string(script).render()  # noqa: S701
    assert shlex.split(bash) == [*command(odd), "||", "[", "$?", "-eq", "3", "]"]


def test_what_airflow_runs_sees_no_more_of_the_workers_environment_than_it_needs(
    odd: Plan, tmp_path: Path, recorded: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in {"PATH": "/bin", "SHOP_TOKEN": "mine", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "theirs"}.items():
        monkeypatch.setenv(name, value)
    executed("airflow", odd, tmp_path)

    (operator, *_) = [named for name, _, named in recorded if name == "BashOperator"]

    assert operator["made"].get_env({}) == {"PATH": "/bin", "SHOP_TOKEN": "mine"}
    assert {"append_env", "env"} & set(operator) == set()


def test_dagster_gets_a_job_with_all_its_times(odd: Plan, tmp_path: Path, recorded: list[Any]) -> None:
    names = executed("dagster", odd, tmp_path)

    found = {name: named for name, _, named in recorded}
    assert found["ScheduleDefinition"]["cron_schedule"] == ["5 3 * * *", "15 7 * * *"]
    assert found["ScheduleDefinition"]["execution_timezone"] == "Europe/Berlin"
    assert list(names["COMMAND"]) == command(odd)


def test_prefect_gets_a_flow_that_is_served_only_when_it_is_the_program(odd: Plan, tmp_path: Path, recorded: list[Any]) -> None:
    names = executed("prefect", odd, tmp_path)

    assert [name for name, _, _ in recorded] == ["flow"]
    assert list(names["COMMAND"]) == command(odd)
    assert re.findall(r"Cron\((.*)\),", texts("prefect", odd)[0]) == [
        f'"{cron}", timezone="Europe/Berlin"' for cron in ("5 3 * * *", "15 7 * * *")
    ]


@pytest.mark.parametrize("target", ["dagster", "prefect"])
@pytest.mark.parametrize(("code", "fails"), [(0, False), (3, False), (5, True)])
def test_a_partial_run_is_no_failure_and_the_job_sees_no_more_of_the_environment_than_it_needs(
    odd: Plan, tmp_path: Path, recorded: list[Any], monkeypatch: pytest.MonkeyPatch, target: str, code: int, fails: bool
) -> None:
    tool = Path(odd.program[0])
    tool.write_text(f'#!/bin/sh\necho "$SHOP_TOKEN/$OTHER/$*" > {shlex.quote(str(tmp_path / "seen"))}\nexit {code}\n')
    monkeypatch.setenv("SHOP_TOKEN", "mine")
    monkeypatch.setenv("OTHER", "theirs")
    names = executed(target, odd, tmp_path)

    if fails:
        with pytest.raises(RuntimeError, match="exit code 5"):
            names["run"]()
    else:
        names["run"]()

    assert (tmp_path / "seen").read_text() == f"mine//--project {odd.folder} --no-input --quiet run nightly\n"


# -- when --------------------------------------------------------------------------------------------------------------------


def test_the_next_run_is_the_first_of_its_times_that_is_still_to_come() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    noon = datetime(2025, 6, 16, 12, tzinfo=berlin)
    nows = [round((noon + timedelta(hours=hours)).timestamp() * 1000) for hours in (0, 15, 17)]

    due = [datetime.fromtimestamp(next_of(((3, 5), (7, 15)), now, "Europe/Berlin") / 1000, berlin) for now in nows]

    assert [moment.strftime("%d %H:%M") for moment in due] == ["17 03:05", "17 03:05", "17 07:15"]


@pytest.mark.parametrize(
    ("at", "quiet", "times"),
    [
        ("03:05", (22 * 60, 7 * 60), ["03:05", "07:00"]),
        ("21:30", (22 * 60, 7 * 60), ["21:30", "07:00"]),
        ("20:59", (22 * 60, 7 * 60), ["20:59"]),
        ("07:00", (22 * 60, 7 * 60), ["07:00"]),
        ("23:30", (0, 6 * 60), ["23:30", "06:00"]),
    ],
)
def test_a_job_that_may_tell_somebody_in_their_quiet_hours_is_due_at_their_end_too(
    tmp_path: Path, at: str, quiet: tuple[int, int], times: list[str]
) -> None:
    home = Project(tmp_path, tmp_path / "persync.db", channels={"owner": Channel("owner", "email", quiet=quiet)})

    plan = plan_of("nightly", JobTable(at=at, notify=[JobNotice(to="owner")]), home, program())

    assert [str(time) for time in plan.times] == times


def test_several_files_are_printed_behind_their_names() -> None:
    assert printed((File("a", "here", "1\n"), File("b", "there", "2\n"))) == "# ---- here/a\n1\n\n# ---- there/b\n2\n"
    assert printed((File("a", "here", "1\n"),)) == "1\n"
    assert datetime.fromtimestamp(JUNE / 1000, UTC).isoformat() == "2025-06-16T12:00:00+00:00"
