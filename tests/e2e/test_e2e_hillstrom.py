"""The real randomised test, served as two vendors and a log file, pulled over sockets and read: the published lift."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.runs import persync

COVARIATES = ("history", "mens", "newbie", "womens")
ARMS = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "none"}
SETTINGS = """\
[report]
timezone = "America/New_York"

[experiments.hillstrom]
control = "none"
from = 2026-09-01
days = 14
"""


@pytest.fixture(scope="module")
def imported(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The same test from the user's own files: assignments, orders, outcomes and covariates."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "persync.toml").write_text(SETTINGS)
    heads = {
        "assignments": "experiment,person,arm",
        "orders": "order,person,at,amount,currency",
        "outcomes": "person,outcome,value",
        "attributes": "person,name,value",
    }
    lines: dict[str, list[str]] = {kind: [head] for kind, head in heads.items()}
    with gzip.open(shared / "data" / "hillstrom.csv.gz", "rt", newline="") as file:
        for i, row in enumerate(csv.DictReader(file)):
            lines["assignments"].append(f"hillstrom,c{i},{ARMS[row['segment']]}")
            lines["outcomes"].append(f"c{i},visit,{row['visit']}")
            lines["attributes"] += [f"c{i},{name},{row[name]}" for name in COVARIATES]
            if float(row["spend"]):
                lines["orders"].append(f"{i},c{i},2026-09-05T12:00:00Z,{float(row['spend']):.2f},USD")
    for kind, written in lines.items():
        (folder / f"{kind}.csv").write_text("\n".join(written) + "\n")
        done = persync(folder, "import", kind, str(folder / f"{kind}.csv"))
        assert done.returncode == 0, done.stderr
    done = persync(folder, "experiment", "read", "--format", "json")
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return results


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
        ("visit", "womens", 0.045233),
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


def test_ones_own_files_say_the_same_to_the_last_digit(read: list[dict[str, Any]], imported: list[dict[str, Any]]) -> None:
    """Every line that both have: sizes, means, differences, relative ones, what was caused, chances, and the covariates."""

    def lines(results: list[dict[str, Any]]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        return {
            (one["id"], *sorted(one["by"].items())): tuple(one[part] for part in ("value", "low", "high", "p", "n", "unit"))
            for one in results
            if one["id"] != "reached" and one["by"].get("covariate") not in ("recency", "histseg")
        }

    assert lines(imported) == lines(read)
    ids = {one["id"] for one in imported}
    assert ids >= {"arm_size", "mean", "difference", "relative", "incremental_share", "chance_to_win", "difference_cuped"}
    assert {one["by"]["covariate"] for one in imported if one["id"] == "variance_reduction"} == {"history"}
    assert len(lines(imported)) > 40
