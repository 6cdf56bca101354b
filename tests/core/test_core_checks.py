"""The checks of plugins: what persync itself offers passes them, and what is wrong is found and named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from persync import hookimpl
from persync.attribution.models import AttributionModel
from persync.errors import PluginError
from persync.estimate import Estimate
from persync.measure.metric import Metric
from persync.plugins import Host, load_plugins
from persync.report.report import Note, Section
from persync.testing.case import case_of
from persync.testing.checks.metrics import METRIC
from persync.testing.checks.models import MODEL
from persync.testing.checks.sections import SECTION
from persync.testing.plugin import check_plugin
from persync.testing.shop import Shop, shop_of


class Strange:
    """A plugin whose things are wrong in ways that nothing but a check would tell."""

    @hookimpl
    def persync_attribution_models(self) -> Iterator[AttributionModel]:
        yield AttributionModel("backwards", "All that is not the last.", "1e0 - j.position")
        yield AttributionModel("silent", " ", "1e0")
        yield AttributionModel("twofold", "Twice to whom it likes.", "j.no_such_column")

    @hookimpl
    def persync_metrics(self) -> Iterator[Metric]:
        count = iter(range(1_000_000))
        good = Metric("m", "M", "What it is.", "a ÷ b", "share", lambda e, a: [], edge_cases="None.", data=("orders",))
        made = {
            "half_told": lambda e, a: [Estimate("half_told", None)],
            "endless": lambda e, a: [Estimate("endless", float("inf"))],
            "beside_itself": lambda e, a: [Estimate("beside_itself", 0.5, 0.6, 0.7)],
            "restless": lambda e, a: [Estimate("restless", float(next(count)))],
            "overbold": lambda e, a: [Estimate("overbold", 0.5)],
        }
        for id, compute in made.items():
            yield replace(good, id=id, compute=compute)  # type: ignore[arg-type]

    @hookimpl
    def persync_report_sections(self) -> Iterator[Section]:
        def fails(inputs: Any) -> Any:
            raise ValueError

        yield Section("failing", "Why?", fails)
        yield Section("untitled", "", lambda inputs: [Note("Yes.")])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop_of(load_plugins([Strange()]), tmp_path_factory.mktemp("shop")) as made:
        yield made


def told(shop: Shop, checks: Any, name: str) -> dict[str, str]:
    """Return what the checks that do not hold say, by name."""
    found = {}
    for check in checks:
        try:
            check.run(shop, name)
        except AssertionError as error:
            found[check.name] = str(error)
        except Exception as error:
            found[check.name] = type(error).__name__
    return found


@pytest.mark.parametrize("name", ["first_touch", "linear", "any_click", "markov_removal"])
def test_models_of_persync_hold(shop: Shop, name: str) -> None:
    assert told(shop, MODEL, name) == {}


@pytest.mark.parametrize("id", ["aov", "ctr", "unsubscribe_rate", "consent_coverage", "roi_holistic", "repeat_purchase_rate"])
def test_metrics_of_persync_hold(shop: Shop, id: str) -> None:
    assert told(shop, METRIC, id) == {}


@pytest.mark.parametrize("name", ["answer", "trust"])
def test_sections_of_persync_hold(shop: Shop, name: str) -> None:
    assert told(shop, SECTION, name) == {}


def test_a_model_that_is_wrong_is_found(shop: Shop) -> None:
    assert "negative or no number" in told(shop, MODEL, "backwards")["weighs"]
    assert told(shop, MODEL, "silent") == {"says": "it has no summary: one sentence that says who gets the credit."}
    assert "a query failed" in told(shop, MODEL, "twofold")["weighs"]


def test_a_metric_that_is_wrong_is_found(shop: Shop) -> None:
    every = {id: told(shop, METRIC, id) for id in ("half_told", "endless", "beside_itself", "restless", "overbold")}

    assert every["half_told"]["answers"] == "half_told: a value or a reason, never both nor neither."
    assert every["endless"]["answers"] == "endless is infinite or no number: null with the reason."
    assert every["beside_itself"]["answers"] == "beside_itself: 0.5 lies outside of 0.6 to 0.7."
    assert every["restless"]["again"] == "asked twice it answers twice: fix its seed, and sort what it returns."
    assert every["overbold"] == {
        "refuses": "a dimension that there is not is taken without a word.",
        "nothing": "of a store that holds nothing it says 0.5.",
    }


def test_a_section_that_is_wrong_is_found(shop: Shop) -> None:
    assert told(shop, SECTION, "failing")["renders"] == "it failed: ValueError."
    assert told(shop, SECTION, "untitled") == {"says": "it has no title: the question that it answers."}


def test_no_secret_of_the_environment_is_handed_to_a_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHOPIFY_ACCESS_TOKEN", "SHOPIFY_CLIENT_ID", "SHOPIFY_CLIENT_SECRET"):
        monkeypatch.setenv(name, "the user's own")

    with case_of(load_plugins(), "shopify", tmp_path) as case:
        assert case.connector().secret_values == {"token": case.sandbox.secrets(case.world)["SHOPIFY_ACCESS_TOKEN"]}


def test_a_plugin_is_checked_by_its_name_and_one_that_failed_says_why() -> None:
    def broken() -> Any:
        raise ImportError("no module named 'elsewhere'")

    host: Host = load_plugins()
    host.add("broken", "persync-broken", "1.0", broken)
    host.add("idle", "persync-idle", "1.0", SimpleNamespace)

    with pytest.raises(PluginError, match="no plugin 'mailchip'.*mailchimp"):
        list(check_plugin(host, "mailchip"))
    with pytest.raises(PluginError, match="it cannot be imported"):
        list(check_plugin(host, "broken"))
    (only,) = check_plugin(host, "idle")
    assert (only.holds, only.told) == (False, "no hook of persync is implemented.")


def test_a_strangers_distribution_is_checked_by_command_and_what_does_not_hold_is_exit_code_6(tmp_path: Path) -> None:
    (tmp_path / "idle_plugin.py").write_text('"""Nothing."""\n', encoding="utf-8")
    info = tmp_path / "idle_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: idle-plugin\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[persync]\nidle = idle_plugin\n", encoding="utf-8")
    command = [sys.executable, "-m", "persync.cli", "--project", str(tmp_path), "plugins", "check"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    idle = subprocess.run([*command, "idle", "--format", "json"], env=environment, capture_output=True, text=True, check=False)
    unknown = subprocess.run([*command, "idel"], env=environment, capture_output=True, text=True, check=False)

    assert idle.returncode == 6, idle.stderr
    (found,) = json.loads(idle.stdout)["results"]
    assert found == {
        "kind": "plugin",
        "name": "idle",
        "check": "offers",
        "claim": "it offers something",
        "holds": False,
        "told": "no hook of persync is implemented.",
        "state": "fails",
    }
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "persync: there is no plugin 'idel'. Did you mean 'idle'?\n"
