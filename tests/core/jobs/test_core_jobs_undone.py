"""A schedule that could not be put in place leaves the machine as it was: the files, and what the scheduler knows of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.cli.calls import Run, project
from core.cli.conftest import persync
from core.jobs.test_core_jobs_install import JOB, NOTE, System, system, unit
from persync.jobs.schedule import install, plan_of, program
from persync.plugins import load_plugins
from persync.settings import load_project

__all__ = ["persync", "system"]

STARTS = {"systemd": ("systemctl", "enable"), "launchd": ("launchctl", "bootstrap")}
"""{target: the program, and what it is asked for to start a schedule}"""


def refusing(target: str) -> tuple[str, str]:
    """Return the program of a target as one that keeps what it was asked, and starts no schedule."""
    name, word = STARTS[target]
    return name, f'{NOTE}case "$*" in *{word}*) echo "no" >&2; exit 1 ;; esac\n'


def asked(unit: str, home: Path) -> dict[str, str]:
    """Return what is asked of the schedulers about a unit, under a short name each."""
    plist = home / "Library" / "LaunchAgents" / f"local.{unit}.plist"
    return {
        "systemctl --user daemon-reload": "reload",
        f"systemctl --user enable --now {unit}.timer": "enable",
        f"systemctl --user disable --now {unit}.timer": "disable",
        f"launchctl bootout gui/501/local.{unit}": "bootout",
        f"launchctl bootstrap gui/501 {plist}": "bootstrap",
    }


@pytest.mark.parametrize(
    ("target", "first", "again"),
    [
        ("systemd", ["reload", "enable", "disable", "reload"], ["reload", "enable", "reload"]),
        ("launchd", ["bootout", "bootstrap", "bootout"], ["bootout", "bootstrap", "bootout", "bootstrap"]),
    ],
)
def test_a_scheduler_that_refuses_a_job_is_told_to_forget_it_or_to_take_the_old_one_back(
    persync: Run, tmp_path: Path, system: System, target: str, first: list[str], again: list[str]
) -> None:
    project(tmp_path, JOB)
    called = asked(unit(tmp_path), system.home)
    name, refuses = refusing(target)
    calls = []
    for text in (refuses, NOTE, refuses):
        before = len(system.calls)
        system.program(name, text)
        code = persync("schedule", "nightly", "--target", target, "--install").exit_code
        calls.append((code, [called[call] for call in system.calls[before:]]))

    assert calls == [(1, first), (0, first[:2]), (1, again)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("target", ["systemd", "launchd"])
def test_an_install_that_is_broken_off_is_undone_and_still_says_so(
    tmp_path: Path, system: System, monkeypatch: pytest.MonkeyPatch, target: str, error: type[BaseException]
) -> None:
    project(tmp_path, JOB)
    home = load_project(tmp_path, load_plugins())
    plan = plan_of("nightly", home.jobs["nightly"], home, program())
    works = install._run

    def broken(command: list[str], **options: bool) -> None:
        works(command, **options)
        if STARTS[target][1] in command and not options:
            raise error

    monkeypatch.setattr(install, "_run", broken)

    with pytest.raises(error):
        install.install(target, plan, now=0)

    assert list(install.folder_of(target).iterdir()) == []
    called = asked(plan.unit, system.home)
    assert [called[call] for call in system.calls][2:] == (["disable", "reload"] if target == "systemd" else ["bootout"])
