"""A plugin begun with `persync plugins new` is whole: found, held to the checks, and its own tests pass at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from persync.errors import ConfigError
from persync.testing.kinds import KINDS
from persync.testing.new import check_name, write_plugin

NAMES = {
    "connector": "klaviyo",
    "model": "last_twice",
    "metric": "order_count",
    "section": "by_status",
    "engine": "mirrored",
    "notifier": "wall",
    "importer": "loyalty",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds one plugin of each kind as an installer would leave it; their sources lie beside it."""
    folder = tmp_path_factory.mktemp("plugins")
    site = folder / "site"
    site.mkdir()
    for kind, name in NAMES.items():
        files = write_plugin(name, kind, folder)
        project = tomllib.loads(files[0].read_text(encoding="utf-8"))
        ((entry, package),) = project["project"]["entry-points"]["persync"].items()
        info = site / f"{package}-{project['project']['version']}.dist-info"
        info.mkdir()
        said = f"Metadata-Version: 2.1\nName: {project['project']['name']}\nVersion: {project['project']['version']}\n"
        (info / "METADATA").write_text(said, encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[persync]\n{entry} = {package}\n", encoding="utf-8")
        (site / package).symlink_to(files[0].parent / package)
    return site


def run(site: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, *command], cwd=site, env=environment, capture_output=True, text=True, check=False)


def test_every_kind_is_begun_and_offers_what_it_says(site: Path) -> None:
    assert set(NAMES) == set(KINDS)

    done = run(site, "-m", "persync.cli", "plugins", "list")

    assert done.returncode == 0, done.stderr
    offered = dict(re.findall(r"^(\w+) +persync-[\w-]+ 0\.1\.0 +(.*)$", done.stdout, re.MULTILINE))
    assert {name: words.split(":")[0] for name, words in offered.items()} == {
        "klaviyo": "connectors",
        "last_twice": "models",
        "order_count": "metrics",
        "by_status": "sections",
        "mirrored": "engines",
        "wall": "notifiers",
        "loyalty": "importers",
    }


def test_ruff_finds_nothing_in_them(site: Path) -> None:
    """By its own rules and the order of imports, whatever they are called and wherever it is run."""
    sources = sorted(str(folder) for folder in site.parent.glob("persync-*"))

    done = run(site, "-m", "ruff", "check", "--no-cache", *sources)

    assert (len(sources), done.returncode) == (len(NAMES), 0), done.stdout[-3000:]


def test_their_own_tests_pass_at_once(site: Path) -> None:
    tests = sorted(str(folder) for folder in site.parent.glob("persync-*/tests"))
    assert len(tests) == len(NAMES)

    done = run(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(site.parent), *tests)

    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\b66 passed, 1 skipped", done.stdout), done.stdout[-500:]  # the notifier calls no server


def test_a_new_plugin_passes_the_command_too_and_persync_lives_on_without_it(site: Path) -> None:
    listed = run(site, "-m", "persync.cli", "plugins", "check", "wall")
    without = run(site, "-m", "persync.cli", "--without", "klaviyo", "plugins", "list")

    assert (listed.returncode, listed.stdout.splitlines()[-1]) == (0, "5 of 5 hold, 1 could not be tried."), listed.stdout
    assert without.returncode == 0
    assert "klaviyo" not in without.stdout


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("Klaviyo", "klaviyo"),
        ("2go", "go"),
        ("my-connector", "my_connector"),
        ("a__b", "a_b"),
        ("", "klaviyo"),
        ("../x", "x"),
        ("class x", "class_x"),
    ],
)
def test_what_cannot_be_a_name_is_refused_and_one_near_it_offered(tmp_path: Path, name: str, offered: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot name a plugin.*between them: {offered}\\.$"):
        write_plugin(name, "model", tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("none", "metric", "Python keeps this word"),
        ("class", "connector", "Python keeps this word"),
        ("match", "connector", "Python keeps this word"),
        ("json", "connector", "Python has a module or function"),
        ("all", "model", "Python has a module or function"),
        ("files", "connector", "persync uses this word"),
        ("position", "model", "persync uses this word"),
        ("shopify", "model", r"there is the plugin 'shopify' \(persync"),
        ("measure", "section", r"there is the plugin 'measure' \(persync"),
        ("linear", "model", r"the model 'linear' is offered by the plugin 'attribution' \(persync"),
        ("orders", "importer", r"the importer 'orders' is offered by the plugin 'imports' \(persync"),
        ("click", "connector", "the installed distribution click has a package 'click'"),
        ("x" * 51, "model", "at most 50 letters"),
    ],
)
def test_a_name_that_is_taken_is_refused_in_one_line(tmp_path: Path, name: str, kind: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as refused:
        write_plugin(name, kind, tmp_path)

    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "kind"), [("linear", "metric"), ("orders", "connector"), ("position", "section")])
def test_what_is_taken_by_another_kind_is_free(name: str, kind: str) -> None:
    check_name(name, kind)


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    write_plugin("mine", "metric", tmp_path)

    with pytest.raises(ConfigError, match="there already"):
        write_plugin("mine", "metric", tmp_path)
