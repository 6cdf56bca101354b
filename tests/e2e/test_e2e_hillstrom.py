"""The real randomised test, served as two vendors and a log file, pulled over sockets and read: the published lift."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.runs import persync


@pytest.fixture(scope="module")
def read(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("hillstrom")
    world = f"hillstrom={shared / 'data' / 'hillstrom.csv.gz'}"
    serving = subprocess.Popen(
        [sys.executable, "-m", "persync.cli", "sandbox", "serve", "--world", world, "--write-config", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert serving.stdout is not None
        ready = json.loads(serving.stdout.readline())
        assert sorted(ready) == ["connections", "secrets", "truth"]
        pulled = persync(folder, "pull")
        assert pulled.returncode == 0, pulled.stderr
        done = persync(folder, "experiment", "read", "--format", "json")
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)["results"]
    finally:
        serving.terminate()
        serving.wait(30)


def one(results: list[dict[str, Any]], id: str, outcome: str, arm: str) -> dict[str, Any]:
    found = [
        r
        for r in results
        if r["id"] == id
        and r["by"].get("experiment") == "hillstrom"
        and r["by"].get("outcome") == outcome
        and r["by"].get("arm") == arm
        and (id != "difference" or r["by"]["against"] == "none")
    ]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("outcome", "arm", "value"),
    [
        ("revenue", "mens", 0.769827),
        ("revenue", "womens", 0.424412),
        ("conversion", "mens", 0.006805),
        ("conversion", "womens", 0.003111),
        ("visit", "mens", 0.076590),
    ],
)
def test_the_published_lift_is_found(read: list[dict[str, Any]], outcome: str, arm: str, value: float) -> None:
    found = one(read, "difference", outcome, arm)

    # The published figures have six decimals.
    assert found["value"] == pytest.approx(value, rel=1e-4)
    assert found["label"] == "randomised"


def test_the_intervals_and_the_p_value_are_welchs(read: list[dict[str, Any]]) -> None:
    mens, womens = one(read, "difference", "revenue", "mens"), one(read, "difference", "revenue", "womens")

    assert [mens["low"], mens["high"]] == pytest.approx([0.4851, 1.0545], abs=5e-5)
    assert [womens["low"], womens["high"]] == pytest.approx([0.1690, 0.6799], abs=5e-5)
    assert mens["p"] == pytest.approx(1.16e-07, rel=5e-3)


def test_the_arms_are_whole_and_their_split_is_no_surprise(read: list[dict[str, Any]]) -> None:
    sizes = {arm: one(read, "mean", "revenue", arm)["n"] for arm in ("mens", "womens", "none")}
    ratio = [r for r in read if r["id"] == "sample_ratio"]

    assert sizes == {"mens": 21_307, "womens": 21_387, "none": 21_306}
    assert {round(r["p"], 3) for r in ratio} == {0.904}
