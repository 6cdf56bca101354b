"""`persync plugins`, and plugins that are broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli.calls import Run, said
from persync import __version__


@pytest.fixture
def broken_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "site" / "persync_broken-0.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: persync-broken\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text("[persync]\nbroken = broken_here\n")
    (tmp_path / "site" / "broken_here.py").write_text("raise RuntimeError('no luck')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


@pytest.mark.usefixtures("broken_plugin")
def test_a_broken_plugin_is_told_and_the_command_works(persync: Run, tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    result = persync("import", "outcomes", str(tmp_path / "visits.csv"))

    line = "plugin 'broken' (persync-broken 0.3): it cannot be imported: RuntimeError: no luck"
    assert said(result, 0) == line
    assert persync("status", "--without", "broken").stderr == ""


@pytest.mark.usefixtures("broken_plugin")
def test_plugins_list_shows_versions_offers_and_failures(persync: Run) -> None:
    results = json.loads(persync("plugins", "list", "--format", "json").stdout)["results"]
    text = persync("plugins", "list").stdout

    by_name = {one["name"]: one for one in results}
    assert by_name["shopify"] == {
        "name": "shopify",
        "distribution": "persync",
        "version": __version__,
        "bundled": True,
        "offers": {"connectors": ["shopify"], "sandboxes": ["shopify"]},
        "failure": None,
    }
    assert len(by_name) == len(results)
    assert by_name["broken"]["failure"] == "it cannot be imported: RuntimeError: no luck"
    assert by_name["imports"]["offers"]["connectors"] == ["files"]
    assert by_name["engine"] == {**by_name["shopify"], "name": "engine", "offers": {"engines": ["duckdb"]}}
    assert {"models", "metrics", "sections", "importers"} <= {kind for one in results for kind in one["offers"]}
    assert f"metrics: {len(by_name['measure']['offers']['metrics'])}\n" in text
    assert "persync-broken 0.3  NOT USED: it cannot be imported: RuntimeError: no luck" in text
    assert "bundled" in text


def test_a_plugin_that_breaks_late_is_listed_once(persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was loaded, then two of its hooks failed: one entry with both reasons."""
    info = tmp_path / "site" / "persync_late-0.3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: persync-late\nVersion: 0.3\n")
    (info / "entry_points.txt").write_text("[persync]\nlate = late_here\n")
    (tmp_path / "site" / "late_here.py").write_text(
        "from persync import hookimpl\n\n@hookimpl\ndef persync_metrics():\n    raise ValueError('one')\n\n"
        "@hookimpl\ndef persync_importers():\n    raise ValueError('two')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    results = json.loads(persync("plugins", "list", "--format", "json").stdout)["results"]
    lines = [line for line in persync("plugins", "list").stdout.splitlines() if line.startswith("late ")]

    assert [one for one in results if one["name"] == "late"] == [
        {
            "name": "late",
            "distribution": "persync-late",
            "version": "0.3",
            "bundled": False,
            "offers": {},
            "failure": "persync_metrics failed: ValueError: one persync_importers failed: ValueError: two",
        }
    ]
    assert len(lines) == 1
