"""`persync plugins`, and plugins that are broken."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from core.cli.calls import OWN, Run, project, said
from persync import __version__

BROKEN = "plugin 'broken' (persync-broken 0.3): it cannot be imported: RuntimeError: no luck"
REMEDY = "Update it or install it anew; `persync plugins list` shows what is used."


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

    line = "plugin 'broken' (persync-broken 0.3): it cannot be imported: RuntimeError: no luck. Update it or install it anew;"
    assert said(result, 0).startswith(line)
    assert persync("status", "--without", "broken").stderr == ""


@pytest.mark.usefixtures("broken_plugin")
def test_a_connection_whose_plugin_failed_does_not_stop_the_others(persync: Run, tmp_path: Path) -> None:
    """It is a failed one: told with plugin, reason and remedy, by every command that reads the settings."""
    project(tmp_path, OWN + '[connections.lost]\nconnector = "broken"\n[jobs.night]\npull = "all"\n')
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")
    error = f"lost: the connector 'broken' cannot be used: {BROKEN}."
    told = f"persync: {BROKEN}. Not read because of it: lost. {REMEDY}"

    planned = persync("pull", "--dry-run")
    pulled = persync("pull", "--format", "json")
    alone = persync("pull", "lost")
    status = persync("--quiet", "status", "--format", "json")
    doctor = persync("doctor", "--format", "json")
    report = persync("report", "--format", "json")
    run = persync("run", "night")

    assert (planned.exit_code, planned.stdout.splitlines()[-2:]) == (1, ["own: 0 calls, about 0.0 s.", "lost: not known."])
    document = json.loads(pulled.stdout)
    assert pulled.exit_code == document["exit_code"] == 3
    assert [(one["connection"], one["records"]) for one in document["results"]] == [("own", 1)]
    assert document["errors"] == [f"{error} {REMEDY}"]
    assert pulled.stderr.splitlines()[-2:] == [f"persync: {error} {REMEDY}", told]
    assert (alone.exit_code, alone.stderr.splitlines()) == (1, [f"persync: {error} {REMEDY}", told])
    assert status.exit_code == 0
    assert status.stderr.splitlines() == [told]
    assert json.loads(status.stdout)["errors"] == [f"{error} {REMEDY}"]
    assert [one["connection"] for one in json.loads(status.stdout)["results"]] == ["own"]
    assert doctor.exit_code == 1
    found = [one for one in json.loads(doctor.stdout)["results"] if not one["ok"]]
    assert [(one["where"], one["what"], one["fix"]) for one in found] == [
        ("plugins", "broken", REMEDY),
        ("lost", "call", REMEDY),
    ]
    assert (report.exit_code, report.stderr.splitlines()[-1]) == (0, told)
    again = persync("connect", "lost", "--connector", "files")
    assert (again.exit_code, again.stderr.splitlines()) == (1, [f"persync: {error} {REMEDY}", told])
    assert run.exit_code == 1
    assert run.stdout.splitlines() == ["pull: 0 rows changed", f"pull failed: {error} {REMEDY}"]


@pytest.mark.usefixtures("broken_plugin")
def test_a_misspelt_connector_is_a_mistake_at_once_that_names_the_failed_plugin(persync: Run, tmp_path: Path) -> None:
    project(tmp_path, OWN + '[connections.lost]\nconnector = "brokn"\n')

    result = persync("pull")

    assert result.exit_code == 2
    assert (
        f"there is no connector 'brokn'. Valid: files, hubspot, mailchimp, shopify. It may be of the {BROKEN}." in result.stderr
    )


def test_a_bundled_plugin_that_fails_stops_its_own_connections_alone(
    persync: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "persync_hubspot", None)
    project(tmp_path, OWN + '[connections.crm]\nconnector = "hubspot"\n')
    (tmp_path / "visits.csv").write_text("person,outcome,value\na,visit,1\n")

    result = persync("--quiet", "pull", "--stream", "orders", "crm", "--format", "json")
    whole = persync("--quiet", "pull", "--format", "json")

    assert (result.exit_code, whole.exit_code) == (1, 3)
    assert [one["connection"] for one in json.loads(whole.stdout)["results"]] == ["own"]
    for said_so in (json.loads(result.stdout)["errors"], json.loads(whole.stdout)["errors"]):
        assert [text.split(": it cannot")[0] for text in said_so] == [
            f"crm: the connector 'hubspot' cannot be used: plugin 'hubspot' (persync {__version__})"
        ]


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
    assert by_name["engine"] == {**by_name["shopify"], "name": "engine", "offers": {"engines": ["duckdb", "spark"]}}
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
            "failure": "persync_metrics failed: ValueError: one. persync_importers failed: ValueError: two.",
        }
    ]
    assert len(lines) == 1
