"""`persync config show`: what is set, and where."""

from __future__ import annotations

import json
from pathlib import Path

from core.cli.calls import SECRETS, SHOP, Run, project, said


def test_settings_of_a_table_are_shown_with_their_places(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, f"{SHOP}[report]\nmargin = 0.4\n")

    shown = persync("config", "show", "connections.shop", "report", "--origin", env=SECRETS)
    plain = persync("config", "show", "report")

    lines = [line.split(maxsplit=2) for line in shown.stdout.splitlines()]
    assert lines[0] == ["setting", "from", "value"]
    assert {name.rpartition(".")[0] for name, *_ in lines[1:]} == {"connections.shop", "report"}
    assert ["connections.shop.shop", "persync.toml:3", '"mine"'] in lines
    assert ["report.margin", "persync.toml:5", "0.4"] in lines
    assert "environment variable SHOPIFY_ACCESS_TOKEN" in shown.stdout
    assert not any(value in shown.output for value in SECRETS.values())
    assert ["report.margin", "0.4"] in [line.split() for line in plain.stdout.splitlines()]
    assert "persync.toml:" not in plain.stdout


def test_settings_for_machines_are_one_object(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, "[store]\npath = 'mine.db'\n")

    document = json.loads(persync("config", "show", "store", "--format", "json").stdout)

    assert document["kind"] == "settings"
    assert document["results"] == [{"setting": "store.path", "value": "mine.db", "origin": "persync.toml:2"}]


def test_a_table_that_there_is_not_has_the_nearest_one(persync: Run) -> None:
    assert said(persync("config", "show", "repot"), 2) == "nothing is set under 'repot'. Did you mean 'report'?"
