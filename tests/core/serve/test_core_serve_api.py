"""/api/v1 beside the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from persync.cli import root
from persync.cli.context import App
from persync.sandbox.world import World

Get = Callable[..., Any]


def printed(shop: Path, world: World, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """Return what a command prints at the world's moment."""
    monkeypatch.setattr(App, "now", world.now)
    result = CliRunner().invoke(root, ["--project", str(shop), *arguments, "--format", "json"])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(
    ("address", "arguments"),
    [
        ("/metrics", ("metrics", "list")),
        ("/metrics/ctr", ("metric", "ctr")),
        ("/metrics/ctr?by=level&period=2026-03", ("metric", "ctr", "--by", "level", "--period", "2026-03")),
        ("/metrics/ctr?by=level&by=region", ("metric", "ctr", "--by", "level", "--by", "region")),
        ("/metrics/conversion_rate?arm=personal", ("metric", "conversion_rate", "--arm", "personal")),
        ("/metrics/roi_simple?period=2019", ("metric", "roi_simple", "--period", "2019")),
        ("/report?profile=starter&period=2026-03", ("report", "--profile", "starter", "--period", "2026-03")),
    ],
)
def test_the_api_answers_what_the_command_prints(
    get: Get, shop: Path, world: World, monkeypatch: pytest.MonkeyPatch, address: str, arguments: tuple[str, ...]
) -> None:
    answer = get(f"/api/v1{address}")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert answer.text == printed(shop, world, monkeypatch, *arguments)


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/metrics/ctrr", 404, "Did you mean 'ctr'?"),
        ("/metric", 404, "/api/v1/metrics"),
        ("/metrics/ctr?by=levl", 400, "Did you mean 'level'?"),
        ("/metrics/ctr?period=soon", 400, "--period"),
        ("/metrics/ctr?segment=buyers", 400, "there is no parameter 'segment'"),
        ("/report?profile=fll", 400, "Did you mean 'full'?"),
        ("/report?segment=buyers", 400, "there is no parameter 'segment'"),
        ("/metrics?by=level", 400, "there is no parameter 'by'"),
        ("/metrics/ctr?arm=nope", 400, "there is no experiment 'nope'"),
        ("/metrics/coverage_score?arm=personal", 404, "metric"),
    ],
)
def test_an_error_is_json_that_says_what_to_do(get: Get, address: str, status: int, said: str) -> None:
    answer = get(f"/api/v1{address}")

    assert answer.status_code == status
    body = answer.json()
    assert (body["kind"], set(body["error"])) == ("error", {"what", "hint"})
    assert said in json.dumps(body["error"], ensure_ascii=False)
