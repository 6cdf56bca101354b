"""Installing and removing schedules, with programs that stand in for the system's own and keep what they were asked."""

from __future__ import annotations

import json
import os
import plistlib
import re
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.cli.calls import OWN, Run, project, said
from core.cli.conftest import persync
from persync.cli import root
from persync.cli.scheduled import show_status
from persync.jobs.answers.stood import schedule_json
from persync.jobs.schedule import plan_of, program
from persync.jobs.schedule.install import folder_of
from persync.jobs.schedule.status import JobStatus, status_of
from persync.plugins import load_plugins
from persync.settings import load_project
from persync.store.locks import hold, lock_path

__all__ = ["persync"]

JOB = OWN + '[jobs.nightly]\nat = "02:15"\n[jobs.weekly]\n'
NOTE = """#!/bin/sh
echo "$(basename "$0") $*" >> "$SEEN"
"""
CRONTAB = (
    NOTE
    + """case "$1" in
-l) if [ -f "$TAB" ]; then cat "$TAB"; else echo "no crontab for me" >&2; exit 1; fi ;;
-) cat > "$TAB" ;;
esac
"""
)


class System:
    """A machine: its home, the crontab, and the calls that were made."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.tab = folder / "tab"
        self.seen = folder / "seen"
        self.bin = folder / "bin"

    @property
    def calls(self) -> list[str]:
        return self.seen.read_text().splitlines() if self.seen.exists() else []

    def program(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)


@pytest.fixture
def system(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> System:
    found = System(tmp_path_factory.mktemp("system"))
    found.home.mkdir()
    found.bin.mkdir()
    for name, text in (("systemctl", NOTE), ("launchctl", NOTE), ("crontab", CRONTAB)):
        found.program(name, text)
    for name, value in (("HOME", found.home), ("TAB", found.tab), ("SEEN", found.seen), ("PATH", f"{found.bin}:/usr/bin:/bin")):
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("os.getuid", lambda: 501)
    return found


def unit(folder: Path, job: str = "nightly") -> str:
    home = load_project(folder, load_plugins())
    return plan_of(job, home.jobs[job], home, program()).unit


def test_systemd_is_installed_twice_with_one_result_and_removed(persync: Run, tmp_path: Path, system: System) -> None:
    project(tmp_path, JOB)
    name = unit(tmp_path)
    place = system.home / ".config" / "systemd" / "user"

    first = persync("schedule", "nightly", "--target", "systemd", "--install")
    again = persync("schedule", "nightly", "--target", "systemd", "--install")
    status = json.loads(persync("schedule", "status", "--format", "json").stdout)["results"]
    there = sorted(path.name for path in place.iterdir())
    gone = persync("schedule", "nightly", "--target", "systemd", "--remove")
    nothing = persync("schedule", "nightly", "--target", "systemd", "--remove")

    assert first.stdout == again.stdout
    assert first.stdout.splitlines()[2:] == [
        "systemd: every day at 02:15 (UTC)",
        "It runs while you are logged in. For a server, once: loginctl enable-linger",
    ]
    assert there == [f"{name}.service", f"{name}.timer"]
    assert system.calls.count(f"systemctl --user enable --now {name}.timer") == 2
    assert [(one["job"], one["by"]) for one in status] == [("nightly", ["systemd"]), ("weekly", [])]
    assert gone.stdout.splitlines() == [f"removed {place / there[0]}", f"removed {place / there[1]}"]
    asked = [call for call in system.calls if call.startswith("systemctl")]
    assert asked[-2:] == [f"systemctl --user disable --now {name}.timer", "systemctl --user daemon-reload"]
    assert list(place.iterdir()) == []
    assert nothing.stdout == "nothing was there\n"


@pytest.mark.parametrize(("user", "wanted"), [("", []), ('user = "shop"\n', ["SMTP_PASSWORD"])])
def test_a_schedule_asks_for_the_password_of_a_mail_server_only_where_somebody_signs_in(
    persync: Run, tmp_path: Path, user: str, wanted: list[str]
) -> None:
    mail = '[notify.owner]\nvia = "email"\nhost = "127.0.0.1"\nsender = "a@example.com"\nto = ["b@example.com"]\n'
    project(tmp_path, f'{mail}{user}[jobs.nightly]\nnotify = [{{ to = "owner" }}]\n')

    text = persync("schedule", "nightly", "--target", "systemd").stdout

    assert re.findall(r"(?m)^#LoadCredentialEncrypted=(.*)$", text) == wanted


def test_cron_keeps_all_other_lines_and_has_a_job_once(persync: Run, tmp_path: Path, system: System) -> None:
    project(tmp_path, JOB)
    system.tab.write_text("MAILTO=\n0 1 * * * other")
    name = unit(tmp_path)

    for _ in range(2):
        assert persync("schedule", "nightly", "--target", "cron", "--install").stdout == "crontab: every day at 02:15 (UTC)\n"
    assert persync("schedule", "weekly", "--target", "cron", "--install").exit_code == 0
    both = system.tab.read_text()
    status = json.loads(persync("schedule", "status", "--format", "json").stdout)["results"]
    assert persync("schedule", "nightly", "--target", "cron", "--remove").stdout == "crontab: removed\n"

    assert both.startswith(f"MAILTO=\n0 1 * * * other\n# {name}: begin\n# persync-job: ")
    assert both.count("15 2 * * *") == 1
    assert [(one["job"], one["by"]) for one in status] == [("nightly", ["cron"]), ("weekly", ["cron"])]
    left = system.tab.read_text()
    assert left.startswith(f"MAILTO=\n0 1 * * * other\n# {unit(tmp_path, 'weekly')}: begin\n# persync-job: ")
    assert "nightly" not in left


def test_launchd_is_told_of_the_new_file_and_forgets_the_old(persync: Run, tmp_path: Path, system: System) -> None:
    project(tmp_path, JOB)
    label = f"local.{unit(tmp_path)}"
    path = system.home / "Library" / "LaunchAgents" / f"{label}.plist"

    installed = persync("schedule", "nightly", "--target", "launchd", "--install")
    there = path.exists()
    removed = persync("schedule", "nightly", "--target", "launchd", "--remove")

    assert installed.stdout.splitlines() == [str(path), "launchd: every day at 02:15 (UTC)"]
    assert there
    assert removed.stdout == f"removed {path}\n"
    assert not path.exists()
    calls = [call for call in system.calls if call.startswith("launchctl")]
    assert calls == [
        f"launchctl bootout gui/501/{label}",
        f"launchctl bootstrap gui/501 {path}",
        f"launchctl bootout gui/501/{label}",
    ]


@pytest.mark.parametrize(("target", "program"), [("systemd", "systemctl"), ("launchd", "launchctl")])
def test_what_a_scheduler_refused_leaves_no_file_that_looks_like_a_schedule(
    persync: Run, tmp_path: Path, system: System, target: str, program: str
) -> None:
    project(tmp_path, JOB)
    place = folder_of(target)

    def files() -> dict[str, str]:
        return {path.name: path.read_text() for path in place.iterdir()}

    works = (system.bin / program).read_text()
    system.program(program, "#!/bin/sh\nexit 1\n")
    assert persync("schedule", "nightly", "--target", target, "--install").exit_code == 1
    nothing = files()
    system.program(program, works)
    assert persync("schedule", "nightly", "--target", target, "--install").exit_code == 0
    good = files()
    project(tmp_path, JOB.replace("02:15", "04:45"))
    system.program(program, "#!/bin/sh\nexit 1\n")
    assert persync("schedule", "nightly", "--target", target, "--install").exit_code == 1

    assert nothing == {}
    assert good
    assert files() == good


def test_a_scheduler_that_refuses_or_is_not_here_is_one_line(persync: Run, tmp_path: Path, system: System) -> None:
    project(tmp_path, JOB)
    system.program("systemctl", "#!/bin/sh\necho 'Failed to connect to bus: No medium found' >&2\nexit 1\n")
    refused = said(persync("schedule", "nightly", "--target", "systemd", "--install"), 1)
    system.program("crontab", "#!/bin/sh\necho 'you are not allowed to use this program' >&2\nexit 1\n")
    forbidden = said(persync("schedule", "nightly", "--target", "cron", "--install"), 1)
    (system.bin / "launchctl").unlink()
    missing = said(persync("schedule", "nightly", "--target", "launchd", "--install"), 2)

    assert "systemctl failed: Failed to connect to bus: No medium found. Print the files without --install" in refused
    assert forbidden == "crontab -l failed: you are not allowed to use this program. Nothing was changed."
    assert missing.startswith("there is no launchctl on this machine. Leave out --install and --remove")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nightly", "--target", "sytemd"), "there is no target 'sytemd'. Did you mean 'systemd'?"),
        (
            ("nightly",),
            "no --target was given. Valid: airflow, cron, dagster, github-actions, launchd, prefect, systemd, windows.",
        ),
        (("nightly", "--target", "airflow", "--install"), "persync cannot install into airflow. Print its files"),
        (("status", "--target", "cron"), "there is no job 'status'."),
    ],
)
def test_what_cannot_be_scheduled_is_one_line(
    persync: Run, tmp_path: Path, system: System, arguments: tuple[str, ...], words: str
) -> None:
    project(tmp_path, JOB)

    assert words in said(persync("schedule", *arguments), 2)
    assert system.calls == []


def test_a_job_that_names_things_in_vain_is_not_scheduled_and_each_is_a_line(
    persync: Run, tmp_path: Path, system: System
) -> None:
    project(tmp_path, OWN + '[jobs.nightly]\npull = ["onw"]\nreport = [{ out = "r.html", sections = ["trsut"] }]\n')

    result = persync("schedule", "nightly", "--target", "cron", "--install")

    assert result.stderr.replace(f"{tmp_path}/", "").splitlines() == [
        "persync: persync.toml, [jobs.nightly] report: there is no report section 'trsut'. Did you mean 'trust'?",
        "persync: persync.toml, [jobs.nightly] pull: there is no connection 'onw'. Did you mean 'own'?",
    ]
    assert (result.exit_code, result.stdout, system.calls) == (2, "", [])


def test_status_tells_last_and_next_run(persync: Run, tmp_path: Path, system: System) -> None:
    project(tmp_path, JOB)
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    persync("schedule", "nightly", "--target", "cron", "--install")
    assert persync("run", "nightly").exit_code == 0

    nightly, weekly = json.loads(persync("schedule", "status", "--format", "json").stdout)["results"]
    text = persync("schedule", "status").stdout.splitlines()

    assert (nightly["exit_code"], nightly["summary"]) == (0, "ok")
    assert nightly["last"] < nightly["next"]
    assert {key: weekly[key] for key in ("by", "last", "exit_code", "next")} == {
        "by": [],
        "last": None,
        "exit_code": None,
        "next": None,
    }
    assert text[0].startswith("times in UTC, where it is ")
    day = r"\d{4}-\d\d-\d\d"
    assert re.fullmatch(rf"nightly +cron +{day} \d\d:\d\d +ok +{day} 02:15", text[2])
    assert text[3].split() == ["weekly", "nobody", "here", "never"]


def test_status_fits_a_screen_shows_the_shops_own_time_and_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    june = 1_750_075_200_000  # 2025-06-16 12:00 UTC
    why = f"check delivery_rate: 0.91 is below 0.95; notify owner failed: {'the server says no, ' * 8}and that is all"
    found = [
        JobStatus("nightly", ("systemd", "cron"), june, 6, why, june + 3_600_000),
        JobStatus("the agency's job for the shop in Oslo", ("launchd",), june, 130, "interrupted", june),
        JobStatus("weekly", (), june, None, is_running=True),
        JobStatus("monthly", ("cron",), june, None, next=june),
        JobStatus("old", ("cron",), june, 0, "ok", orphan="'old' is not in persync.toml"),
    ]

    show_status(found, "America/St_Johns", now=june)

    lines = capsys.readouterr().out.splitlines()
    assert lines[:8] == [
        "times in America/St_Johns, where it is 2025-06-16 09:30 now",
        "job      run by         last run          outcome            next run",
        "nightly  systemd, cron  2025-06-16 09:30  check failed (6)   2025-06-16 10:30",
        "(2)      launchd        2025-06-16 09:30  interrupted (130)  2025-06-16 09:30",
        "weekly   nobody here    2025-06-16 09:30  running",
        "monthly  cron           2025-06-16 09:30  was killed         2025-06-16 09:30",
        "old      cron           2025-06-16 09:30  ok",
        "(2) the agency's job for the shop in Oslo",
    ]
    assert max(map(len, lines)) <= 80
    assert why in " ".join(line.strip() for line in lines)


@pytest.mark.usefixtures("system")
def test_a_job_that_runs_is_told_from_one_that_was_killed(tmp_path: Path) -> None:
    """By its lock alone: its number may be another process's by now, and the machine may be called otherwise."""
    project(tmp_path, JOB)
    home = load_project(tmp_path, load_plugins())

    def running() -> list[bool]:
        return [one["is_running"] for one in json.loads(schedule_json(status_of(home, now=0)))["results"]]

    with hold(home.store_path, "job nightly"):
        before = running()
    after = []
    for pid, machine in ((2**22 + 1, socket.gethostname()), (os.getpid(), socket.gethostname()), (7, "as it was called then")):
        left = json.dumps({"pid": pid, "host": machine, "since": 0})
        lock_path(home.store_path, "job nightly").write_text(left)
        after.append(running())
        assert lock_path(home.store_path, "job nightly").read_text() == left

    assert (before, after) == ([True, False], [[False, False]] * 3)


def test_without_a_job_status_says_how_to_make_one(persync: Run) -> None:
    assert persync("schedule", "status").stdout == "There is no job. Write [jobs.NAME] in persync.toml.\n"


# -- what is left of a job ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["systemd", "cron", "launchd"])
def test_the_schedule_of_a_job_that_was_renamed_is_listed_and_can_be_taken_away(
    persync: Run, tmp_path: Path, system: System, target: str
) -> None:
    project(tmp_path, JOB)
    persync("schedule", "nightly", "--target", target, "--install")
    persync("schedule", "weekly", "--target", target, "--install")
    project(tmp_path, JOB.replace("nightly", "daily"))

    def listed() -> list[tuple[str, list[str], str | None]]:
        found = json.loads(persync("schedule", "status", "--format", "json").stdout)["results"]
        return [(one["job"], one["by"], one["orphan"]) for one in found]

    before = listed()
    text = persync("schedule", "status").stdout.splitlines()
    gone = persync("schedule", "--remove", "nightly")
    after = listed()

    assert before == [
        ("daily", [], None),
        ("weekly", [target], None),
        ("nightly", [target], "'nightly' is not in persync.toml"),
    ]
    assert text[-2:] == [
        "nightly: 'nightly' is not in persync.toml. To take what runs it away:",
        "  persync schedule nightly --remove",
    ]
    assert (gone.exit_code, "removed" in gone.stdout) == (0, True)
    assert after == before[:2]
    line = said(persync("schedule", "nightly", "--remove"), 2)
    assert line == "there is no job 'nightly', and nothing schedules one. Valid: daily, weekly."


def test_the_schedule_of_a_project_that_is_gone_is_listed_by_its_unit_and_can_be_taken_away(
    persync: Run, tmp_path: Path, system: System
) -> None:
    folder = tmp_path / "old % shop"
    folder.mkdir()
    project(folder, JOB)
    name = unit(folder)
    for target in ("systemd", "cron"):
        assert CliRunner().invoke(root, ["--project", str(folder), "schedule", "nightly", "--target", target, "--install"])
    project(tmp_path, "")
    living = json.loads(persync("schedule", "status", "--format", "json").stdout)["results"]
    (folder / "persync.toml").unlink()
    folder.rmdir()

    (one,) = json.loads(persync("schedule", "status", "--format", "json").stdout)["results"]
    gone = persync("schedule", name, "--remove")

    assert living == []
    assert (one["job"], one["by"], one["orphan"]) == (name, ["systemd", "cron"], f"its folder {folder} is gone")
    assert gone.stdout.splitlines()[-1] == "crontab: removed"
    assert json.loads(persync("schedule", "status", "--format", "json").stdout)["results"] == []


def test_what_was_changed_by_hand_is_passed_over(persync: Run, tmp_path: Path, system: System) -> None:
    project(tmp_path, JOB)
    units, agents = system.home / ".config" / "systemd" / "user", system.home / "Library" / "LaunchAgents"
    for place in (units, agents):
        place.mkdir(parents=True)
    (units / "persync-a-000000.service").write_text("[Service]\n")
    (units / "persync-b-000000.service").write_text("# persync-job: {\n")
    (units / "persync-c-000000.service").write_bytes(b"\xff")
    (agents / "local.persync-d-000000.plist").write_text("<plist>")
    (agents / "local.persync-e-000000.plist").write_bytes(plistlib.dumps({"ProgramArguments": ["persync"]}))
    system.tab.write_text("# persync-f-000000: begin\n# persync-job: []\n# persync-f-000000: end\n# persync-g-000000: begin\n")

    found = json.loads(persync("schedule", "status", "--format", "json").stdout)["results"]

    assert [one["job"] for one in found] == ["nightly", "weekly"]
