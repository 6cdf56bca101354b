"""`persync status`: one screen that says what is covered, what is missing, what runs next and what to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.cli.calls import MAIL, SHOP, Run, project
from persync.cli.context import App
from persync.jobs.schedule.installed import Installed
from persync.jobs.schedule.plan import unit_name
from persync.store.checkpoints import cover, uncover
from persync.store.store import open_store

DAY = 86_400_000
NOW = round(datetime(2026, 3, 10, 12, 0, tzinfo=UTC).timestamp() * 1000)
SCOPE = "scope: the app may not read this. Add read_products to it."


@pytest.fixture(autouse=True)
def noon_of_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is always the same noon, and this machine runs nothing by itself."""
    monkeypatch.setattr(App, "now", NOW)
    monkeypatch.setattr("persync.jobs.schedule.status.installed", list)


def read(folder: Path, *streams: tuple[str, str, int | None, str]) -> None:
    """Note streams in the store of a folder as (connection, stream, days before noon that it reaches, reason of a hole)."""
    with open_store(folder / "persync.db", create=True) as store, store.db:
        numbers: dict[str, int] = {}
        for connection, stream, ago, reason in streams:
            if connection not in numbers:
                numbers[connection] = len(numbers) + 1
                store.db.execute(
                    "INSERT INTO connections (connection, name, connector) VALUES (?, ?, 'x')",
                    (numbers[connection], connection),
                )
            if ago is not None:
                cover(store.db, numbers[connection], stream, "", 0, NOW - ago * DAY, now=NOW)
            if reason:
                uncover(store.db, numbers[connection], stream, "", reason, now=NOW)


def test_status_says_what_is_covered_missing_next_and_to_do(persync: Run, tmp_path: Path) -> None:
    """A connection reaches as far as the last of its streams; holes with one reason are named together."""
    project(tmp_path, MAIL + SHOP + '[report]\ntimezone = "UTC"\n')
    read(tmp_path, ("shop", "orders", 0, ""), ("shop", "customers", 3, ""), ("shop", "products", None, SCOPE),
         ("shop", "unit_costs", None, SCOPE))  # fmt: skip

    lines = persync("status").stdout.splitlines()

    assert lines[0].startswith("persync.db, ")
    assert lines[0].endswith(" MB; times in UTC")
    assert lines[1:] == [
        "connection  since      until             streams",
        "news",
        "shop        the start  2026-03-07 12:00        2",
        "missing   news was never read",
        "          shop, products, unit_costs: scope: the app may not read this. Add",
        "          read_products to it",
        "          shop, customers: not read as far as its other streams",
        "next run  nothing is set to run by itself",
        "to do     persync pull news   (it was never read)",
        "          persync connect shop --guide   (its token may not see all)",
        "          persync pull   (shop was last read more than two days ago)",
        "          and 1 more: persync status --all",
    ]


def test_status_fits_a_screen_whatever_there_is(persync: Run, tmp_path: Path) -> None:
    """Thirty connections with long names and long reasons, ten jobs: 23 lines of 80 columns, and the rest one word away."""
    names = [f"a_shop_with_quite_a_long_name_{i:02d}" for i in range(30)]
    tables = "".join(f'[connections.{name}]\nconnector = "mailchimp"\n' for name in names)
    project(tmp_path, tables + "".join(f"[jobs.a_job_with_quite_a_long_name_{i}]\npull = []\n" for i in range(10)))
    read(tmp_path, *((name, stream, 9, f"{name} failed: " + "many words " * 30) for name in names for stream in ("a", "b")))

    lines = persync("status").stdout.splitlines()
    every = persync("status", "--all").stdout

    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    assert [line.strip() for line in lines if "more: persync status --all" in line] == [
        "and 24 more: persync status --all",
        "and 27 more: persync status --all",
        "and 8 more: persync status --all",
        "and 37 more: persync status --all",
    ]
    assert "status --all" not in every
    assert all(f"{name}, a, b: {name} failed" in " ".join(every.split()) for name in names)


def test_a_command_to_run_is_never_cut(persync: Run, tmp_path: Path) -> None:
    """Its reason is, and a command that is too long for a line takes two."""
    names = [f"a_job_with_a_name_that_is_{'quite_' * n}long" for n in (1, 2)]
    project(tmp_path, "".join(f"[jobs.{name}]\npull = []\n" for name in names))
    read(tmp_path)

    lines = persync("status").stdout.splitlines()

    assert lines[-4:] == [
        "to do     persync connect NAME   (no connection is in persync.toml)",
        "          persync schedule a_job_with_a_name_that_is_quite_long --target cron",
        "          --install",
        "          and 1 more: persync status --all",
    ]


def test_without_a_job_status_says_where_one_is_to_be_written(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, SHOP)
    read(tmp_path, ("shop", "orders", 0, ""))

    assert "add [jobs.nightly] to persync.toml   (nothing runs yet: docs/jobs.md)" in persync("status").stdout


def test_status_tells_when_each_job_runs_next(persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, '[report]\ntimezone = "UTC"\n[jobs.nightly]\npull = []\nat = "03:30"\n[jobs.weekly]\npull = []\n')
    read(tmp_path, ("files", "visits.csv", 0, ""))
    unit = unit_name("nightly", tmp_path.resolve())
    monkeypatch.setattr(
        "persync.jobs.schedule.status.installed", lambda: [Installed(unit, "nightly", tmp_path.resolve(), "cron")]
    )

    text = persync("status").stdout
    document = json.loads(persync("status", "--format", "json").stdout)

    assert "next run  nightly: 2026-03-11 03:30 by cron; never ran\n          weekly: not scheduled here; never ran\n" in text
    assert document["jobs"][0] == {
        "job": "nightly",
        "by": ["cron"],
        "last": None,
        "exit_code": None,
        "is_running": False,
        "next": "2026-03-11T03:30:00Z",
    }
    assert document["next"][-1] == {"do": "persync schedule weekly --target cron --install", "why": "nothing runs it"}


def test_what_pulling_cannot_mend_is_no_thing_to_do(persync: Run, tmp_path: Path) -> None:
    """Streams that are gone, of a higher tier or removed on purpose are told as missing, and nobody is sent to pull them."""
    project(tmp_path, MAIL + "[jobs.nightly]\n")
    read(
        tmp_path,
        ("news", "lists", 0, ""),
        ("news", "content", None, "gone: it is gone."),
        ("news", "surveys", None, "tier: the account may not read this."),
        ("news", "touchpoints", None, "removed by retention: touchpoints before 2024-01-01"),
    )

    document = json.loads(persync("status", "--format", "json").stdout)

    assert len(document["missing"]) == 3
    assert [one["do"] for one in document["next"]] == ["persync schedule nightly --target cron --install"]


def test_what_status_and_doctor_say_of_a_job_can_be_typed_whatever_it_is_called(persync: Run, tmp_path: Path) -> None:
    """A name with a blank is quoted, one that begins with a dash is no option, and one no scheduler takes is to be renamed."""
    project(tmp_path, MAIL + '[jobs."the daily one"]\n[jobs.-x]\n[jobs."a/b"]\n')
    read(tmp_path, ("news", "lists", 0, ""))

    document = json.loads(persync("status", "--format", "json").stdout)
    doctor = json.loads(persync("doctor", "--offline", "--format", "json").stdout)

    assert [one["do"] for one in document["next"] if one["do"] != "persync pull"] == [
        "persync schedule 'the daily one' --target cron --install",
        "persync schedule --target cron --install -- -x",
        "rename the job 'a/b' in persync.toml",
    ]
    assert [(one["where"], one["state"]) for one in doctor["results"] if one["where"] == "settings"][1:] == [
        ("settings", "warn")
    ]
    assert persync("schedule", "--target", "cron", "--", "-x").exit_code == 0
    assert persync("schedule", "a/b", "--target", "cron").exit_code == 2


def test_of_an_empty_store_everything_is_missing(persync: Run, tmp_path: Path) -> None:
    open_store(tmp_path / "persync.db", create=True).close()

    assert "missing   everything: nothing was read or imported yet\n" in persync("status").stdout
