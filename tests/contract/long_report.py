"""Every section of the report on both engines: minutes of Spark, so `make contract` runs it and not every check."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest

from persync.connect.result import PullOptions
from persync.engine import open_engine
from persync.jobs.pulling import failures, pull_project
from persync.jobs.report import make_report
from persync.plugins import Host, load_plugins
from persync.sandbox.demo import make_world
from persync.sandbox.server import running, write_config
from persync.settings import Project, load_project


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Host, Project, int]:
    """A demo shop, pulled from the imitated vendors: the plugins, the project and the moment of its reports."""
    folder, host, world = tmp_path_factory.mktemp("demo"), load_plugins(), make_world(11, people=150)
    with running(world, host.sandboxes, folder=folder) as info:
        write_config(folder, world, info)
        project = load_project(folder, host)
        assert failures(pull_project(host, project, (), PullOptions(now=world.now))) == []
    return host, project, world.now


def test_contract_the_whole_report_is_the_same_on_both_engines(demo: tuple[Host, Project, int], cluster: str) -> None:
    """Every section of a demo shop's report, to the last digit that it shows."""
    host, project, now = demo
    reports = []
    for name, options in (("duckdb", {}), ("spark", {"master": cluster})):
        with closing(open_engine(project.store_path, name, engines=host.engines, options=options)) as engine:
            text, failed = make_report(host, project, engine, project.ask(now), "json")
        assert failed == []
        reports.append(rounded(json.loads(text)))
    assert reports[0] == reports[1]
    assert len(reports[0]["results"]) > 100


def rounded(value: Any) -> Any:
    """Return a document with its doubles to twelve digits: a sum of doubles hangs on the order in which they come."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value
