"""The command line and the report give one answer to one question."""

from __future__ import annotations

import json
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
    folder = site.project(tmp_path_factory.mktemp("answers") / "shop")
    host = load_plugins()
    result = pull_project(host, load_project(folder, host), ("mailchimp", "shopify", "files"), PullOptions(now=site.world.now))
    assert result.exit_code == 0
    return folder


def told(folder: Path, *arguments: str) -> Any:
    done = persync(folder, *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def section(report: Any, name: str) -> list[dict[str, Any]]:
    (found,) = [one for one in report["sections"] if one["name"] == name]
    blocks: list[dict[str, Any]] = found["blocks"]
    return blocks
