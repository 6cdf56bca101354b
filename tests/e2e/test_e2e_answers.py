"""The command line and the report give one answer to one question."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from e2e.runs import Site, persync
from persync.connect.result import PullOptions
from persync.jobs.pulling import pull_project
from persync.plugins import load_plugins
from persync.settings import load_project


@pytest.fixture(scope="module")
def pulled(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo shop's project, with the vendors and the costs read."""
    folder: Path = site.project(tmp_path_factory.mktemp("answers") / "shop")
    host = load_plugins()
    result = pull_project(host, load_project(folder, host), ("mailchimp", "shopify", "files"), PullOptions(now=site.world.now))
    assert result.exit_code == 0
    return folder


@cache
def told(folder: Path, *arguments: str) -> Any:
    """Return what a command says; the same one is run once."""
    done = persync(folder, *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def section(report: Any, name: str) -> list[dict[str, Any]]:
    (found,) = [one for one in report["sections"] if one["name"] == name]
    blocks: list[dict[str, Any]] = found["blocks"]
    return blocks


def returned(report: Any) -> dict[str, Any]:
    """Return the cells of the report's only return, by column."""
    (table,) = [block for block in section(report, "pays") if block.get("name") == "return"]
    (row,) = table["rows"]
    return dict(zip([column["name"] for column in table["columns"]], row, strict=True))


@pytest.mark.parametrize("period", [(), ("--period", "2026-08"), ("--period", "2026-07-01..2026-09-29")])
def test_report_and_metric_give_the_same_return(pulled: Path, period: tuple[str, ...]) -> None:
    """Gain, cost, return and verdict of the experiment's own days, whatever period is asked for that shares a day with it."""
    said = returned(told(pulled, "report", *period))
    roi, back = told(pulled, "metric", "roi_simple", *period)["results"]
    whole = told(pulled, "metric", "roi_simple")["results"][0]
    cost = told(pulled, "metric", "personalisation_cost", "--period", "2026-07-01..2026-09-29")["results"][0]

    assert {**said["roi"], "note": roi["note"]} == roi
    assert {**said["back"], "note": back["note"]} == back
    assert (said["cost"]["value"], said["days"]) == (cost["value"], "1 July 2026 to 29 September 2026")
    assert (roi["value"], roi["low"], roi["high"]) == (whole["value"], whole["low"], whole["high"])
    assert roi["value"] == pytest.approx((said["gain"]["value"] - cost["value"]) / cost["value"])
    assert (said["verdict"] if said["verdict"] == "cannot tell" else f"it {said['verdict']}") in roi["note"].split("; ")
    assert ("over its own days, 2026-07-01 to 2026-09-29" in roi["note"]) == (period == ("--period", "2026-08"))


def test_a_period_before_everything_is_told_that_no_test_falls_into_it(pulled: Path) -> None:
    """Neither report nor metric says that anything was caused, or that no costs were imported."""
    done = persync(pulled, "report", "--period", "2020", "--format", "text")
    (roi,) = told(pulled, "metric", "roi_simple", "--period", "2020")["results"]
    (cost,) = told(pulled, "metric", "personalisation_cost", "--period", "2020")["results"]

    assert "We cannot tell whether it paid: no test or holdout falls into this period." in done.stdout
    assert [word for word in ("caused 2", "'treated'", "no costs have been imported") if word in done.stdout] == []
    assert (roi["value"], roi["reason"], roi["note"]) == (None, "no_experiment", "no test or holdout falls into this period")
    assert (cost["value"], cost["reason"]) == (None, "no_cost_in_period")
