"""What a schedule must know of the machine: the folders that a job's files really lie in, and the browser that prints them."""

from __future__ import annotations

import plistlib
import shlex
from pathlib import Path
from typing import Any

import pytest

from core.jobs.stand_ins import Called, stand_in
from persync.errors import ConfigError
from persync.jobs.schedule import Plan, files_of, plan_of
from persync.settings import JobReport, JobTable, Project

JUNE = 1_750_075_200_000  # 2025-06-16 12:00 UTC


def plan(shop: Path, *outs: str) -> Plan:
    shop.mkdir(exist_ok=True)
    job = JobTable(report=[JobReport(out=out) for out in outs])
    return plan_of("nightly", job, Project(shop, shop / "persync.db"), ("/opt/persync",))


def text(target: str, given: Plan) -> str:
    return files_of(target, given, now=JUNE)[0].text


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that the environment names, with what systemd, cron and shells treat in their own way in its path."""
    found = tmp_path / "100% browser"
    found.write_text("#!/bin/sh\n")
    found.chmod(0o755)
    monkeypatch.setenv("PERSYNC_BROWSER", str(found))
    return found


def test_the_unit_may_write_where_the_links_of_outputs_lead(tmp_path: Path) -> None:
    """A file that is a link, one in a folder that is a link, and one whose target is not there yet."""
    shop, served, shared = (tmp_path / name for name in ("shop", "served", "shared"))
    for folder in (shop, served, shared):
        folder.mkdir()
    (served / "r.html").touch()
    (shop / "r.html").symlink_to(served / "r.html")
    (shop / "out").symlink_to(shared)
    (shop / "later.html").symlink_to(tmp_path / "new" / "r.html")

    made = plan(shop, "r.html", "out/r.html", "later.html", "own.html")

    line = f"ReadWritePaths={shop} {served} {shared} {tmp_path / 'new'}"
    assert line in text("systemd", made).splitlines()
    assert [out.name for out in made.outs] == ["r.html", "r.html", "later.html", "own.html"]


def test_a_link_to_a_folder_that_no_unit_can_hold_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "r.html").symlink_to(tmp_path / "a\nb" / "r.html")

    with pytest.raises(ConfigError, match="has signs that not every scheduler can hold"):
        plan(tmp_path / "shop", "r.html")


def test_the_browser_that_the_environment_names_is_in_the_files_of_a_job_with_a_pdf(tmp_path: Path, browser: Path) -> None:
    made = plan(tmp_path / "shop", "r.html", "r.pdf")

    escaped = str(browser).replace("%", "%%")
    assert f'Environment="PERSYNC_BROWSER={escaped}"' in text("systemd", made).splitlines()
    assert plistlib.loads(text("launchd", made).encode())["EnvironmentVariables"]["PERSYNC_BROWSER"] == str(browser)
    (line,) = [line for line in text("cron", made).splitlines() if line.startswith("@reboot")]
    assert shlex.split(line.replace("\\%", "%").partition("umask 077; ")[2])[:2] == [
        f"PERSYNC_BROWSER={browser}",
        "/opt/persync",
    ]


@pytest.mark.parametrize("target", ["systemd", "launchd", "cron"])
def test_no_browser_is_in_the_files_of_a_job_without_a_pdf_or_where_none_is_named(
    tmp_path: Path, browser: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    without = text(target, plan(tmp_path / "shop", "r.html"))
    monkeypatch.delenv("PERSYNC_BROWSER")

    found = text(target, plan(tmp_path / "shop", "r.pdf"))

    assert "PERSYNC_BROWSER" not in without
    assert "PERSYNC_BROWSER" not in found


def test_a_browser_named_by_its_name_alone_is_looked_for_when_the_schedule_is_made(
    tmp_path: Path, browser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduler has a search path of its own; a name that is nothing yet stays as it is."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PERSYNC_BROWSER", browser.name)
    found = plan(tmp_path / "shop", "r.pdf").environment
    monkeypatch.setenv("PERSYNC_BROWSER", "not-there")

    assert found == {"PERSYNC_BROWSER": str(browser)}
    assert plan(tmp_path / "shop", "r.pdf").environment == {"PERSYNC_BROWSER": "not-there"}


@pytest.mark.parametrize("target", ["airflow", "dagster", "prefect"])
def test_an_orchestrator_hands_on_which_browser_prints(
    tmp_path: Path, browser: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    calls: list[Called] = []
    stand_in(monkeypatch, calls)
    monkeypatch.setenv("OTHER", "theirs")
    names: dict[str, Any] = {"__name__": "generated"}
    exec(compile(text(target, plan(tmp_path / "shop", "r.pdf")), "job.py", "exec"), names)  # noqa: S102

    given = names["environment"]()

    assert given["PERSYNC_BROWSER"] == str(browser)
    assert "OTHER" not in given
