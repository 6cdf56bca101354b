"""`persync run`, `persync schedule`, `persync sandbox` and `persync demo`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.cli.calls import OWN, Run, project, said
from persync.cli import root
from persync.estimate import Estimate
from persync.measure.metric import Metric
from persync.plugins import Host
from persync.sandbox.demo import make_world
from persync.sandbox.world import World

JOB = OWN + '[jobs.nightly]\nat = "02:15"\nreport = [{ out = "r.json", format = "json" }]\n'


def test_a_job_runs_and_is_scheduled_by_name(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, JOB)
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    ran = persync("run", "nightly")

    assert ran.exit_code == 0, ran.output
    assert ran.stdout.splitlines()[-1] == f"report: {tmp_path / 'r.json'}"
    assert json.loads((tmp_path / "r.json").read_text())["kind"] == "report"
    assert "\n15 2 * * * " in persync("schedule", "nightly", "--target", "cron").stdout
    assert "OnCalendar=*-*-* 02:15:00" in persync("schedule", "nightly", "--target", "systemd").stdout
    assert said(persync("run", "nigthly"), 2) == "there is no job 'nigthly'. Did you mean 'nightly'?"
    assert said(persync("schedule", "x", "--target", "cron"), 2) == "there is no job 'x'. Valid: nightly."


def test_a_name_from_elsewhere_moves_no_cursor_in_what_a_run_says(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales = Estimate("sales", 5, by={"campaign": "Spring\x1b[2J\u202esale"})
    mine = {"sales": Metric("sales", "Sales", "", "", "count", lambda engine, ask: (sales,))}
    monkeypatch.setattr(Host, "metrics", property(lambda self: mine))
    project(tmp_path, OWN + '[jobs.nightly]\nchecks = [{ metric = "sales", max = 1 }]\n')
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    ran = persync("run", "nightly")

    assert (ran.exit_code, ran.stdout.splitlines()[-1]) == (6, "check sales: Spring [2J sale: 5 is above 1")


def test_a_job_that_checks_an_unknown_metric_is_refused_with_the_nearest(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, '[jobs.nightly]\nchecks = [{ metric = "delivery_rat", min = 0.9 }]\n')

    message = (
        f"{tmp_path / 'persync.toml'}, [jobs.nightly] checks: there is no metric 'delivery_rat'. Did you mean 'delivery_rate'?"
    )
    ran = persync("run", "nightly")
    assert (ran.exit_code, ran.stdout.splitlines()[0]) == (2, f"failed: {message}")
    assert said(persync("schedule", "nightly", "--target", "cron"), 2) == message
    doctor = persync("doctor", "--format", "json")
    assert doctor.exit_code == 2
    assert [f"{one['found']} {one['fix']}" for one in json.loads(doctor.stdout)["results"] if not one["ok"]] == [message]


@pytest.mark.parametrize(("seconds", "warned"), [(1_000_000_000, True), (4_000_000_000, False)])
def test_a_world_after_the_machines_clock_is_told(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int, warned: bool
) -> None:
    """Pulls end their windows at the machine's clock, so what lies after it would be missing without a word."""
    served: list[World] = []
    small = make_world(5, people=50)
    monkeypatch.setattr("persync.cli.context.time.time", lambda: seconds)
    monkeypatch.setattr("persync.sandbox.server.world_from", lambda spec, seed: small)
    monkeypatch.setattr("persync.sandbox.server.serve", lambda world, *_, **__: served.append(world))

    result = persync("sandbox", "serve", "--write-config", str(tmp_path / "there"))

    day = datetime.fromtimestamp(small.now / 1000, UTC).date()
    line = f"persync: this world ends on {day}, after this machine's clock: pulls miss what lies between.\n"
    assert result.stderr == (line if warned else "")
    assert (result.exit_code, served) == (0, [small])


def test_demo_needs_no_account_and_ends_with_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command prints what the job returns as its last line, and opens nothing where no terminal is."""
    page = tmp_path / "report.html"
    monkeypatch.setattr("persync.jobs.demo.run_demo", lambda host, folder, seed, **_: page if seed == 3 else None)
    monkeypatch.setattr("webbrowser.open", lambda url: pytest.fail("nobody asked for a browser"))

    result = CliRunner().invoke(root, ["demo", "--out", str(tmp_path), "--seed", "3"])

    assert result.stdout.splitlines()[-1] == str(page)
