"""The benchmarks' table, and the page that shows it."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


def load(root: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, root / "bench" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def table(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    module = load(root, "table")
    monkeypatch.setitem(sys.modules, "table", module)
    return module


def test_a_result_is_the_median_of_its_rounds_held_against_its_target(table: ModuleType, tmp_path: Path) -> None:
    found = table.Table()
    found.note("rate", [5.0, 1.0, 4.0], "rows/s", 3)
    found.note("share", [0.2, 0.16], "of full", 0.15, "lower")
    found.note("seen", 7, "s")
    found.save(tmp_path / "results.json", tmp_path / "rounds.json")

    assert json.loads((tmp_path / "results.json").read_text()) == {
        "rate": {"value": 4.0, "unit": "rows/s", "target": 3, "better": "higher", "ok": True},
        "share": {"value": 0.18, "unit": "of full", "target": 0.15, "better": "lower", "ok": False},
        "seen": {"value": 7.0, "unit": "s", "target": None, "better": "higher", "ok": True},
    }
    assert json.loads((tmp_path / "rounds.json").read_text())["rate"] == [5.0, 1.0, 4.0]
    assert found.exit_code == 1


def test_the_page_shows_each_result_and_says_what_was_missed(root: Path, table: ModuleType) -> None:
    page = load(root, "page")
    found = table.Table()
    found.note("mirror_full_rows_per_s", [700_000.0, 800_000.0, 900_000.0], "rows/s", 500_000)
    found.note("mirror_refresh_share", 0.2, "of full", 0.15, "lower")
    text = (root / "docs" / "performance.md").read_text("utf-8")

    shown = page.filled(text, found.results, found.rounds, "Two cores.")

    block = shown.split("<!-- bench/page.py -->")[1].split("<!-- end -->")[0]
    assert block.strip().splitlines() == [
        "Two cores.",
        "",
        "| name | median | target | rounds | |",
        "| --- | ---: | ---: | --- | --- |",
        "| `mirror_full_rows_per_s` | 800,000 rows/s | ≥ 500,000 rows/s | 700,000 rows/s to 900,000 rows/s in 3 | ok |",
        "| `mirror_refresh_share` | 0.2 | ≤ 0.15 |  | **missed** |",
    ]
    assert page.filled(shown, found.results, found.rounds, "Two cores.") == shown
